"""From a request straight to its operation.

The routes hand requests over as they are (see `api.routing`), so the layers that the framework puts
around them would only cost: half of what the quickest reads take. What no operation answers, an
unknown address, another method, a file, is left to the framework.
"""

import re
from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope

from app.api.access import note_refusal
from app.api.context import path_of
from app.api.problems import response_to
from app.api.routing import Direct
from app.errors import AppError

_REFUSED = {"credentials-in-query", "request-timeout"}
_REFUSALS = {401, 403, 429}
Match = Callable[[str], re.Match[str] | None]
Handler = Callable[[Request], Awaitable[Response]]


class Dispatch:
    """The operations by method and path."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._handlers: dict[str, list[tuple[Match, Handler]]] = {}
        for route in routes:
            if isinstance(route, Direct):
                for method in route.methods or ():
                    known = self._handlers.setdefault(method, [])
                    known.append((route.path_regex.match, route.handler))

    async def answer(self, scope: Scope, receive: Receive) -> Response | None:
        """Let the operation of a request answer it; None if there is none."""
        path = path_of(scope)
        for match, handle in self._handlers.get(scope["method"], ()):
            found = match(path)
            if found is not None:
                scope["path_params"] = found.groupdict()
                request = Request(scope, receive)
                try:
                    return await handle(request)
                except AppError as error:
                    response = response_to(request, error)
                    if response.status_code in _REFUSALS or error.slug in _REFUSED:
                        note_refusal(request, error)
                    return response
        return None
