"""What happens to every request: its id, its log line and metrics, HEAD, and the last net."""

import time
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.context import HEAD, request_id
from app.api.limits import LEAVE, RATE
from app.api.problems import problem
from app.api.routing import ROUTE
from app.api.security import dress

log = structlog.get_logger("gongkai")

REQUESTS = Counter(
    "gongkai_http_requests_total", "Requests answered", ["method", "route", "status"]
)
SECONDS = Histogram(
    "gongkai_http_request_seconds",
    "Time until the reply was sent",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"})
RETRY_AFTER = "2"
CLIENT_GONE = 499  # in logs and metrics: nobody was there to be answered
_UNDEFINED_TABLE = "42P01"  # PostgreSQL's; SQLite says OperationalError


def failure(request: Request, error: Exception) -> Response:
    """Return the reply to a failure that no client caused."""
    if isinstance(error, IntegrityError):
        return problem(request, 409, "conflict")
    if _is_unavailable(error):
        log.warning(
            "database unavailable",
            request_id=request_id(request.scope),
            error=str(error.orig if hasattr(error, "orig") else error),
        )
        return problem(request, 503, "unavailable", headers={"Retry-After": RETRY_AFTER})
    log.error("unhandled error", request_id=request_id(request.scope), exc_info=error)
    return problem(request, 500, "internal-error")


def _is_unavailable(error: Exception) -> bool:
    """Tell whether the database is away, busy, or has no tables yet."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or getattr(error.orig, "sqlstate", None) == _UNDEFINED_TABLE
    )


class Edge:
    """The outermost layer of our own."""

    def __init__(self, app: ASGIApp, access_log: bool) -> None:
        self._app, self._access_log = app, access_log
        self._counters: dict[tuple[str, str, int], Any] = {}
        self._timers: dict[tuple[str, str], Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        method = scope["method"]
        status = 0
        inner = {**scope, "method": "GET", HEAD: True} if method == "HEAD" else scope
        header = (b"x-request-id", request_id(inner).encode())

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                headers.append(header)
                headers += inner.get(RATE, ())
                dress(inner, headers)
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(inner, receive, sending)
        except ClientDisconnect:
            status = status or CLIENT_GONE
        except Exception as error:
            if status:
                raise
            await failure(Request(inner), error)(inner, receive, sending)
        finally:
            if LEAVE in inner:
                inner[LEAVE]()
            self._count(inner, method, status, time.perf_counter() - started)

    def _count(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = scope.get(ROUTE, "unmatched")
        known = method if method in _METHODS else "OTHER"
        counter = self._counters.get((known, route, status))
        if counter is None:
            counter = self._counters[known, route, status] = REQUESTS.labels(known, route, status)
        counter.inc()
        timer = self._timers.get((known, route))
        if timer is None:
            timer = self._timers[known, route] = SECONDS.labels(known, route)
        timer.observe(seconds)
        if self._access_log:
            log.info(
                "request",
                method=method,
                path=scope["path"],
                status=status,
                ms=round(seconds * 1000, 2),
                request_id=request_id(scope),
            )
