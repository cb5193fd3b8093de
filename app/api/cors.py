"""Browsers of other origins, where the settings let them in."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from app.api.security import dress


class Origins(CORSMiddleware):
    """CORS, whose own replies have the headers of all others."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer what a browser asks before it asks."""
        made = super().preflight_response(request_headers)
        dress({}, made.raw_headers)
        return made
