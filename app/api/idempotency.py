"""`Idempotency-Key`: a POST that is repeated is answered as it was the first time.

The reply is stored in the transaction of what it tells of, so that there is never one without the
other. That a request was refused is stored as well, after the fact; a failure of ours is not.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from app.api.access import Access, caller_of
from app.api.problems import response_to
from app.api.replies import takes_gzip
from app.errors import AppError, Conflict, Invalid, Malformed
from app.services import encoding
from app.services.reporting import now
from app.storage import idempotency
from app.storage.database import Database
from app.storage.idempotency import Kept
from app.storage.turns import About

T = TypeVar("T")
HEADER = "idempotency-key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_CLAIM = "gongkai.idempotency"
_KEPT = "kept_body"
_OF_ITS_TIME = {"content-length", "x-request-id", "date"}
RETRY_AFTER = "1"


@dataclass(slots=True)
class Claim:
    """A request with a key. `digest` is that of method, address and the body as far as read."""

    key: str
    digest: Any
    hours: float
    is_settled: bool = False
    has_read_all: bool = False

    @property
    def since(self) -> str:
        """The time from which on replies are still kept."""
        return now(-self.hours * 3_600)

    def earlier(self, connection: Connection) -> Kept | None:
        """Return the reply that was given. Raises if it was to another request, or is to come."""
        if not idempotency.enter(connection, self.key):
            raise _in_use()
        kept = idempotency.find(connection, self.key, self.since)
        if kept is not None and kept.fingerprint != self.digest.hexdigest():
            raise Invalid((), "idempotency-key-reused")
        return kept

    def keep(self, connection: Connection, response: Response) -> None:
        """Store a reply."""
        headers = {
            name: value
            for name, value in response.headers.items()
            if name.lower() not in _OF_ITS_TIME
        }
        body = getattr(response, _KEPT, bytes(response.body))
        kept = Kept(self.digest.hexdigest(), response.status_code, headers, body)
        idempotency.keep(connection, self.key, kept, time=now(), since=self.since)


def keeping(response: Response, body: bytes) -> Response:
    """Let something else be kept of a reply than what is sent: a secret is stored nowhere."""
    setattr(response, _KEPT, body)
    return response


def _in_use() -> Conflict:
    return Conflict("idempotency-key-in-use", headers={"Retry-After": RETRY_AFTER})


async def once(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Answer a request with a key: as before, if it was answered before."""
    keys = request.headers.getlist(HEADER)
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise Malformed("bad-idempotency-key")
    under_way: set[str] = request.app.state.keys_under_way
    key = _of_caller(request, keys[0])
    if key in under_way:
        raise _in_use()
    under_way.add(key)
    try:
        return await _once(request, key, answer)
    finally:
        under_way.discard(key)


async def _once(
    request: Request, key: str, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    digest = hashlib.sha256(
        f"{request.method} {request.url.path}?{request.url.query}\n".encode("utf-8", "replace")
    )
    claim = Claim(key, digest, request.app.state.settings.idempotency_hours)
    request.scope[_CLAIM] = claim
    try:
        response = await answer(Request(request.scope, _digesting(request, claim)))
    except AppError as error:
        response = response_to(request, error)
        if not claim.has_read_all or error.slug.startswith("idempotency-key"):
            return response
    if not claim.is_settled:
        database: Database = request.app.state.database
        settle = partial(_settled, request=request, claim=claim, response=response)
        response = await database.alter(settle)
    return response


async def earlier(request: Request) -> Response | None:
    """Return the reply to the first request with the key of this one, whose body has been read.

    For what is done before anything is written, and cannot be undone. None if this is the first.
    """
    claim: Claim | None = request.scope.get(_CLAIM)
    if claim is None:
        return None
    database: Database = request.app.state.database
    kept = await database.alter(claim.earlier)
    return None if kept is None else _replayed(request, kept)


def _of_caller(request: Request, key: str) -> str:
    """Return the name of a key among those of everybody: what one has chosen is nobody else's."""
    return hashlib.sha256(f"{caller_of(request).id}\n{key}".encode()).hexdigest()


def _digesting(request: Request, claim: Claim) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        message = await request.receive()
        if message["type"] == "http.request":
            claim.digest.update(message.get("body", b""))
            claim.has_read_all = not message.get("more_body", False)
        return message

    return receive


def _settled(
    connection: Connection, request: Request, claim: Claim, response: Response
) -> Response:
    try:
        kept = claim.earlier(connection)
    except AppError as error:
        return response_to(request, error)
    if kept is not None:
        return _replayed(request, kept)
    claim.keep(connection, response)
    return response


class Keyed(Access):
    """The database, for a request with a key: what it writes is written once."""

    def __init__(self, database: Database, request: Request, claim: Claim) -> None:
        super().__init__(database, request)
        self._claim = claim

    async def alter(self, use: Callable[[Connection], T], about: About | None = None) -> Any:
        """Write with a connection, and return the reply, or the reply to the first.

        It locks its key first, whatever it is `about`.
        """

        def once_only(connection: Connection) -> Any:
            kept = self._claim.earlier(connection)
            if kept is not None:
                return _replayed(self._request, kept)
            made = use(connection)
            if isinstance(made, Response):
                self._claim.keep(connection, made)
            return made

        made = await super().alter(once_only)
        self._claim.is_settled = isinstance(made, Response)
        return made


def keyed(database: Database, request: Request) -> Access:
    """Return the database as a request may use it."""
    claim: Claim | None = request.scope.get(_CLAIM)
    return Access(database, request) if claim is None else Keyed(database, request, claim)


def _replayed(request: Request, kept: Kept) -> Response:
    """Return a reply once more, unpacked for a client that does not take gzip."""
    headers, body = {**kept.headers, "Idempotent-Replayed": "true"}, kept.body
    if headers.get("content-encoding") == "gzip" and not takes_gzip(request):
        del headers["content-encoding"]
        headers["etag"] = headers["etag"].replace('-gzip"', '"')
        body = encoding.unzipped(body)
    response = Response(body, kept.status)
    for name, value in headers.items():
        response.headers[name] = value
    return response
