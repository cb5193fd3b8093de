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

from app.api.context import ARRIVED, HEAD, request_id, root_of
from app.api.dispatch import Dispatch
from app.api.joining import CYCLE, join
from app.api.limits import LEAVE, RATE
from app.api.problems import problem
from app.api.routing import ROUTE
from app.api.security import dress
from app.storage.staging import is_full

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
_PLACES = {b"location", b"content-location"}
_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"})
RETRY_AFTER = "2"
CLIENT_GONE = 499  # in logs and metrics: nobody was there to be answered
_NOT_NOW = {"42P01", "42703", "25006"}
"""PostgreSQL's: no such table or column, as before a migration, and read-only, as a standby is.

SQLite says OperationalError."""


def failure(request: Request, error: Exception) -> Response:
    """Return the reply to a failure that no client caused."""
    if isinstance(error, IntegrityError):
        return problem(request, "conflict")
    if _is_unavailable(error):
        log.warning(
            "database unavailable",
            request_id=request_id(request.scope),
            error=str(error.orig if hasattr(error, "orig") else error),
        )
        return problem(request, "unavailable", headers={"Retry-After": RETRY_AFTER})
    log.error("unhandled error", request_id=request_id(request.scope), exc_info=error)
    return problem(request, "internal-error")


def _is_unavailable(error: Exception) -> bool:
    """Tell whether the database is away, busy, read-only, or empty, or a disk is full."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout) or is_full(error):
        return True
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _NOT_NOW
    )


class Edge:
    """The outermost layer of our own: the operations, and the framework for all else."""

    def __init__(self, operations: Dispatch, others: ASGIApp, access_log: bool) -> None:
        self._operations, self._others, self._access_log = operations, others, access_log
        self._counters: dict[tuple[str, str, int], Any] = {}
        self._timers: dict[tuple[str, str], Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = time.perf_counter()
        method, cycle = scope["method"], scope.pop(CYCLE, None)
        if cycle is not None and not cycle.more_body:
            scope[ARRIVED] = True
        inner = {**scope, "method": "GET", HEAD: True} if method == "HEAD" else scope
        reply = _Reply(inner, send, cycle, with_body=method != "HEAD")
        try:
            response = await self._operations.answer(inner, receive)
            if response is None:
                await self._others(inner, receive, reply.send)
            else:
                await reply.give(response, receive)
        except ClientDisconnect:
            reply.status = reply.status or CLIENT_GONE
        except Exception as error:
            if reply.status:
                raise
            await reply.give(failure(Request(inner), error), receive)
        finally:
            if LEAVE in inner:
                inner[LEAVE]()
            self._count(inner, method, reply.status, time.perf_counter() - started)

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


class _Reply:
    """The reply to one request, which has the headers of all. `status` is 0 before it begins."""

    def __init__(self, scope: Scope, send: Send, cycle: Any, *, with_body: bool) -> None:
        self.status = 0
        self._scope, self._send, self._cycle, self._with_body = scope, send, cycle, with_body

    async def give(self, response: Response, receive: Receive) -> None:
        """Send a response."""
        self.status = response.status_code
        self._dress(response.raw_headers)
        if self._cycle is not None and self._with_body and getattr(response, "body", None):
            join(self._cycle)
        await response(self._scope, receive, self._send if self._with_body else self._bare)

    async def send(self, message: Message) -> None:
        """Send a message of somebody else's response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._dress(message["headers"])
        await (self._send(message) if self._with_body else self._bare(message))

    async def _bare(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    def _dress(self, headers: list[tuple[bytes, bytes]]) -> None:
        if root := root_of(self._scope):
            headers[:] = [
                (name, root.encode() + value) if name in _PLACES else (name, value)
                for name, value in headers
            ]
        headers.append((b"x-request-id", request_id(self._scope).encode()))
        headers += self._scope.get(RATE, ())
        dress(self._scope, headers)
