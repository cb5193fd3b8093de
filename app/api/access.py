"""From a request to its caller, and from the caller to what they see and are seen to do."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlmodel import Session
from starlette.requests import Request

from app.api import parameters
from app.api.context import path_of, request_id
from app.api.limits import Limits
from app.api.remembering import remembered
from app.api.rights import Right, require
from app.api.security import PRIVATE
from app.errors import AppError, Malformed, Unauthorized
from app.services.callers import ANONYMOUS, Caller, Callers
from app.storage.acting import Act, by
from app.storage.database import Database, in_session, seeing
from app.storage.layers import PUBLISHED_ONLY
from app.storage.statements import Prepared
from app.storage.turns import About

T = TypeVar("T")
log = structlog.get_logger("gongkai")

TAKES_QUERY = "gongkai.takes_query"
"""The key that the scope has where the operation takes parameters of a query."""
CALLER = "gongkai.caller"
"""The key under which the scope has the caller, where the reply depends on them."""
_IN_QUERY = re.compile(rb"(?:^|&)(?:access_token|api_?key|key|token|authorization)=", re.I)


@remembered(1_024)
def _has_credentials(query: bytes) -> bool:
    return _IN_QUERY.search(query) is not None


async def enter(request: Request, right: Right | None) -> None:
    """Find out who calls, and whether they may. Raises `Unauthorized`, `Forbidden`, `Malformed`."""
    scope = request.scope
    if scope["query_string"] and _has_credentials(scope["query_string"]):
        raise Malformed("credentials-in-query")
    state = request.app.state
    is_open = state.settings.anonymous_read
    scope[PRIVATE] = not (is_open and right == "reference")
    limits: Limits = state.limits
    given = _credentials(scope)
    found = await _known(scope, given, state.callers, limits) if given else ANONYMOUS
    scope[CALLER] = found
    limits.admit(scope, found)
    require(right, found, request.path_params, is_open=is_open)


def _credentials(scope: Any) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == b"authorization"]


async def _known(scope: Any, given: list[bytes], callers: Callers, limits: Limits) -> Caller:
    """Find out who shows credentials. Raises `Unauthorized`, and `TooMany` who guesses too often.

    Who was known here before is looked for in any case: somebody else at the same address, who
    guesses, does not lock them out.
    """
    header = given[0].decode("latin-1")
    try:
        if len(given) > 1:
            raise Unauthorized("invalid-credentials", error="invalid_token")
        found = callers.remembered(header)
        if found is None:
            if not callers.was_known(header):
                limits.require_trust(scope)
            found = await callers.identify(header)
    except Unauthorized:
        limits.note_failure(scope)
        raise
    return found


def caller_of(request: Request) -> Caller:
    """Return who calls."""
    found: Caller = request.scope.get(CALLER, ANONYMOUS)
    return found


async def require_still(request: Request) -> None:
    """Hold a request that waits for long to what its caller may see by now.

    Raises `Unauthorized` if they may no longer see what they did.
    """
    given = _credentials(request.scope)
    if not given:
        return
    callers: Callers = request.app.state.callers
    found = await callers.identify(given[0].decode("latin-1"))
    if found.sight != caller_of(request).sight:
        raise Unauthorized("invalid-credentials", error="invalid_token")


def note_refusal(request: Request, error: AppError) -> None:
    """Log that somebody was refused: who, where from and what, but never what they showed."""
    log.warning(
        "refused",
        problem=error.slug,
        caller=caller_of(request).id,
        address=_address(request),
        method=request.method,
        path=request.scope["path"],
        request_id=request_id(request.scope),
    )


def _address(request: Request) -> str | None:
    client = request.scope.get("client")
    return client[0] if client else None


def act_of(request: Request) -> Act:
    """Return what a request does, for the history and the audit log."""
    caller = caller_of(request)
    return Act(
        caller.id,
        caller.name,
        caller.role or "",
        _address(request),
        request_id(request.scope),
        f"{request.method} {path_of(request.scope)}",
    )


class Access:
    """The database as a caller may use it: they see what is theirs to see, and are named."""

    def __init__(self, database: Database, request: Request) -> None:
        self._database = database
        self.sight = request.scope[CALLER].sight if CALLER in request.scope else PUBLISHED_ONLY
        self._request = request
        self.is_sqlite = database.is_sqlite

    async def point(self, statement: Prepared, parameters: dict[str, Any]) -> Any:
        """Read one row by its key; None if it is not there, or not for the caller."""
        use = seeing(self.sight, lambda c: statement.row(c, parameters))
        return await self._database.use(use)

    async def read(self, job: Callable[[Session], T]) -> T:
        """Run a job that only reads; it may be run twice."""
        return await self.use(in_session(job))

    async def use(self, use: Callable[[Connection], T]) -> T:
        """Read with a connection; it may be done twice."""
        return await self._database.use(seeing(self.sight, use))

    async def exact(self, use: Callable[[Connection], T]) -> T:
        """Read what is committed now, and never from a replica."""
        return await self._database.exact(seeing(self.sight, use))

    async def apart(self, use: Callable[[Connection], T]) -> T:
        """Read with a connection on a thread, where it may take its time."""
        return await self._database.apart(seeing(self.sight, use))

    async def snapshot(self, use: Callable[[Connection], T]) -> T:
        """Read with a connection, all of it as of one moment; it may be done twice."""
        return await self._database.snapshot(seeing(self.sight, use))

    async def write(self, job: Callable[[Session], T]) -> T:
        """Run a job that writes in its turn; return once it is committed."""
        return await self.alter(in_session(job))

    async def alter(self, use: Callable[[Connection], T], about: About | None = None) -> T:
        """Write with a connection, in its turn; return once it is committed.

        `about` is the report that it writes, if it locks that first and nothing else. Raises
        `Invalid` for parameters where the operation takes none, once all else is well.
        """
        scope = self._request.scope
        if scope["query_string"] and TAKES_QUERY not in scope:
            use = self._without_query(use)
        return await self._database.alter(by(act_of(self._request), use), about)

    def _without_query(self, use: Callable[[Connection], T]) -> Callable[[Connection], T]:
        def asked(connection: Connection) -> T:
            result = use(connection)
            parameters.read(self._request, parameters.NoQuery)
            return result

        return asked
