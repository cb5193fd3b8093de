"""Who calls: API keys, the key of the first administrator, and tokens of an OpenID provider.

A key is 256 random bits, so what is stored of it is its HMAC: it can be looked for, and neither the
time nor the text of a refusal tells how near a guess was. What was found out about a credential is
remembered for a few seconds, so a revocation holds everywhere within them.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from app.domain.roles import SEES_ALL
from app.errors import Unauthorized
from app.services.reporting import now
from app.settings import Settings
from app.storage import keys
from app.storage.database import Database
from app.storage.layers import PUBLISHED_ONLY, Sight

if TYPE_CHECKING:
    from app.services.oidc.bearers import Bearers

REMEMBERED = 4.0
"""For how many seconds a credential is taken for what it was. A revocation holds after that."""
_MOST = 4_096
_LONGEST = len("Bearer ") + 8_192  # of a header, which is remembered as it is
_PREFIX = "gk_"
_DOTS = 2  # in a token, and in no key that we made
_USED_EVERY = 60.0  # seconds between two notes of a key's last use


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, with which role, and for which agency.

    `sight` is what is seen of reports: None for all that is worked on. `rate_limit` is in requests
    a minute.
    """

    id: str
    name: str
    role: str | None = None
    agency: str | None = None
    rate_limit: int | None = None
    sight: Sight | None = PUBLISHED_ONLY

    @property
    def writes_only(self) -> str | None:
        """The agency whose reports they may write, if they may; None if any."""
        return self.agency if self.role == "editor" else None


ANONYMOUS = Caller("anonymous", "anonymous")


def caller(
    identity: str, name: str, role: str, agency: str | None, rate_limit: int | None = None
) -> Caller:
    """Return a caller, who sees what their role shows them."""
    sight: Sight | None = PUBLISHED_ONLY
    if role in SEES_ALL:
        sight = None
    elif agency is not None:
        sight = Sight(agency, below=role != "editor")
    return Caller(identity, name, role, agency, rate_limit, sight)


def new_key() -> str:
    """Return a new key."""
    return _PREFIX + secrets.token_urlsafe(32)


def digest_of(key: str, settings: Settings) -> str:
    """Return what is stored of a key."""
    pepper = settings.key_pepper.get_secret_value().encode()
    return hmac.new(pepper, key.encode(), hashlib.sha256).hexdigest()


class Callers:
    """The callers of one worker; used on its event loop."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._settings, self._clock = database, settings, clock
        self._known: OrderedDict[str, tuple[float, Caller | None]] = OrderedDict()
        self._noted: dict[str, float] = {}
        self._noting: set[asyncio.Task[None]] = set()
        admin_key = settings.admin_key
        self._bearers = _bearers(settings) if settings.oidc_issuer else None
        self._admin = digest_of(admin_key.get_secret_value(), settings) if admin_key else ""

    def remembered(self, authorization: str) -> Caller | None:
        """Return who called lately with an Authorization header. Raises `Unauthorized`."""
        found = self._known.get(authorization)
        if found is None or found[0] < self._clock():
            return None
        if found[1] is None:
            raise _invalid()
        return found[1]

    def was_known(self, authorization: str) -> bool:
        """Tell whether an Authorization header was somebody's when it was last looked at."""
        found = self._known.get(authorization)
        return found is not None and found[1] is not None

    async def identify(self, authorization: str) -> Caller:
        """Find out who calls. Raises `Unauthorized`."""
        known = self.remembered(authorization)
        if known is not None:
            return known
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(authorization) > _LONGEST:
            raise _invalid()
        digest = digest_of(token, self._settings)
        is_token = token.count(".") == _DOTS and not self._is_admins(digest)
        if self._bearers is not None and is_token:
            return await self._by_token(self._bearers, authorization, token)
        found = await self._by_key(digest)
        self._remember(authorization, found)
        if found is None:
            raise _invalid()
        return found

    def _remember(
        self, authorization: str, found: Caller | None, seconds: float = REMEMBERED
    ) -> None:
        self._known[authorization] = (self._clock() + seconds, found)
        self._known.move_to_end(authorization)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)

    def _is_admins(self, digest: str) -> bool:
        return hmac.compare_digest(digest, self._admin)

    async def _by_key(self, digest: str) -> Caller | None:
        row = await self._database.exact(lambda c: keys.by_digest(c, digest))
        if self._is_admins(digest):
            return caller("admin", "GONGKAI_ADMIN_KEY", "admin", None)
        if row is None or row.revoked_at is not None:
            return None
        if row.expires_at is not None and row.expires_at <= now():
            return None
        self._note(row.id)
        return caller(f"key:{row.id}", row.name, row.role, row.agency, row.rate_limit)

    async def _by_token(self, bearers: "Bearers", authorization: str, token: str) -> Caller:
        """Find out who bears an access token; what it says is remembered there.

        Here it is only noted that it was taken once.
        """
        try:
            found = await bearers.claims(token)
        except Unauthorized:
            self._known.pop(authorization, None)
            raise
        made = caller(f"oidc:{found.subject}", found.name, found.role, found.agency)
        self._remember(authorization, made, seconds=-1)
        return made

    def _note(self, key: str) -> None:
        """Write down that a key is in use, once in a while; who reads does not wait for writers."""
        time_now = self._clock()
        if self._noted.get(key, float("-inf")) < time_now - _USED_EVERY:
            self._noted[key] = time_now
            noting = asyncio.create_task(self._write_down(key, now()))
            self._noting.add(noting)
            noting.add_done_callback(self._noting.discard)

    async def _write_down(self, key: str, at: str) -> None:
        with suppress(SQLAlchemyError):  # the database is away, and whoever calls will hear it
            await self._database.alter(lambda c: keys.note_use(c, key, at))

    async def settle(self) -> None:
        """Wait for what is yet to be written down."""
        await asyncio.gather(*self._noting)


def _bearers(settings: Settings) -> "Bearers":
    from app.services.oidc.bearers import Bearers  # noqa: PLC0415 - most do without

    return Bearers(settings)


def _invalid() -> Unauthorized:
    return Unauthorized("invalid-credentials", error="invalid_token")
