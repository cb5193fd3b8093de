"""Routes whose signatures document them, and requests read in the order of the contract.

FastAPI would read and validate everything before an endpoint runs; the contract wants to know first
whether what the path names exists, is open, and meets the conditions. So an endpoint gets the
request and the path's parameters as they are. Its other parameters (`body`, `query`) are there for
the OpenAPI document: they arrive as None, and what they describe is read by `api.bodies` and
`api.queries`. A GET without `query` takes no parameters, which is said once all else is well.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.api import access, idempotency, parameters
from app.api.access import Access
from app.api.parameters import NoQuery
from app.api.replies import JSON, negotiate
from app.api.rights import RIGHTS

ROUTE = "gongkai.route"
"""The key under which the path's template stands in the scope, for logs and metrics."""


class Direct(Route):
    """A route that hands the request over, and what FastAPI documents of it when asked.

    FastAPI makes schemas of everything that a route takes and gives when the route is made: half of
    the time that the service takes to start, and of no use to requests.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._options = {"endpoint": endpoint, **options}
        self._answers: Callable[..., Awaitable[Response]] = endpoint
        self._produces = getattr(options["response_class"], "media_type", JSON)
        self._is_of_api = path.startswith("/v1")
        name = options["name"] or endpoint.__name__
        self._right = RIGHTS.get(name)
        super().__init__(
            path,
            self.handler,
            methods=options["methods"],
            name=name,
        )
        names = inspect.signature(endpoint).parameters.keys()
        self._documented = dict.fromkeys(names - {"request"} - self.param_convertors.keys())
        is_read = self._is_of_api and "GET" in (self.methods or ())
        self._takes_nothing = is_read and "query" not in self._documented

    def documented(self) -> APIRoute:
        """Return the route as FastAPI describes it."""
        return APIRoute(self.path, **self._options)

    async def handler(self, request: Request) -> Response:
        """Answer a request."""
        request.scope[ROUTE] = self.path
        if "query" in self._documented:
            request.scope[access.TAKES_QUERY] = True
        if self._right != "open":
            await access.enter(request, self._right)
        if self._is_of_api:
            self.refuse_others(request)
        if request.method == "POST" and idempotency.HEADER in request.headers:
            return await idempotency.once(request, self._answer)
        response = await self._answers(request, **request.path_params, **self._documented)
        if self._takes_nothing and request.scope["query_string"]:
            parameters.read(request, NoQuery)
        return response

    async def _answer(self, request: Request) -> Response:
        return await self._answers(request, **request.path_params, **self._documented)

    def refuse_others(self, request: Request) -> None:
        """Refuse a client that does not take what the route replies with."""
        negotiate(request, self._produces)


class Unnegotiated(Direct):
    """A route that asks nobody what they take; its endpoint may."""

    def refuse_others(self, request: Request) -> None:
        """Refuse nobody yet."""


def router(
    tag: str,
    prefix: str = "",
    kind: type[Direct] = Direct,
    response: type[Response] = JSONResponse,
) -> APIRouter:
    """Return a router for the operations of one tag, whose routes are of a kind.

    The document lists the media type of `response`, unless an operation has its own.
    """
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        default_response_class=response,
        route_class=kind,  # type: ignore[arg-type]
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )


def database(request: Request) -> Access:
    """Return the database as the caller may use it.

    What a POST with a key writes, it writes once.
    """
    return idempotency.keyed(request.app.state.database, request)
