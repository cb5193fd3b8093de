"""Routes whose signatures document them, and requests read in the order of the contract.

FastAPI would read and validate everything before an endpoint runs; the contract wants to know first
whether what the path names exists, is open, and meets the conditions. So an endpoint gets the
request and the path's parameters as they are. Its other parameters (`body`, `query`) are there for
the OpenAPI document: they arrive as None, and what they describe is read by `api.bodies` and
`api.queries`.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app.api import idempotency
from app.api.replies import JSON, negotiate
from app.storage.database import Database

ROUTE = "gongkai.route"
"""The key under which the path's template stands in the scope, for logs and metrics."""


class Direct(APIRoute):
    """A route that hands the request over."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        endpoint: Callable[..., Awaitable[Response]] = self.endpoint
        template, is_json = self.path, self.path.startswith("/v1")
        names = (
            inspect.signature(endpoint).parameters.keys()
            - {"request"}
            - self.param_convertors.keys()
        )
        documented = dict.fromkeys(names)
        refuse_others = self.refuse_others

        async def handle(request: Request) -> Response:
            request.scope[ROUTE] = template
            if is_json:
                refuse_others(request)
            if request.method == "POST" and idempotency.HEADER in request.headers:
                return await idempotency.once(request, answer)
            return await answer(request)

        async def answer(request: Request) -> Response:
            return await endpoint(request, **request.path_params, **documented)

        return handle

    def refuse_others(self, request: Request) -> None:
        """Refuse a client that does not take what the route replies with."""
        negotiate(request, getattr(self.response_class, "media_type", JSON))


def router(tag: str, prefix: str = "") -> APIRouter:
    """Return a router for the operations of one tag."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=Direct,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )


def database(request: Request) -> Database:
    """Return the database of this worker; what a POST with a key writes, it writes once."""
    found: Database = idempotency.keyed(request.app.state.database, request)
    return found
