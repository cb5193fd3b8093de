"""API keys in the database."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import col

from app.domain.codes import is_id
from app.storage.models import ApiKey
from app.storage.paging import Source, equals
from app.storage.statements import Prepared, as_new, to_new

_KEY = ApiKey.__table__
_NAMES = tuple(column.name for column in _KEY.c)
COLUMNS: tuple[str, ...] = tuple(name for name in _NAMES if name != "digest")
"""What is shown of a key."""

_BY_DIGEST = Prepared(sa.select(*_KEY.c).where(_KEY.c.digest == sa.bindparam("digest")))
_WITH_ID = sa.select(*_KEY.c).where(_KEY.c.id == sa.bindparam("id"))
_BY_ID, _LOCK = Prepared(_WITH_ID), Prepared(_WITH_ID.with_for_update())
_ALL = Prepared(sa.select(*_KEY.c).order_by(_KEY.c.created_at, _KEY.c.id))
_ANY = Prepared(sa.select(sa.literal(1)).select_from(_KEY).limit(1))
_INSERT = Prepared(sa.insert(_KEY))
_WRITTEN = ("name", "rate_limit", "expires_at", "revoked_at", "revision", "updated_at")
_UPDATE = Prepared(
    sa.update(_KEY).where(_KEY.c.id == sa.bindparam("this")).values(to_new(*_WRITTEN))
)
_NOTE_USE = Prepared(
    sa.update(_KEY).where(_KEY.c.id == sa.bindparam("this")).values(last_used_at=sa.bindparam("at"))
)
_OF_AGENCY = _KEY.c.agency == sa.bindparam("of")
_HELD = Prepared(
    sa.select(*_KEY.c).where(_OF_AGENCY, _KEY.c.revoked_at.is_(None)).order_by(_KEY.c.id)
)
_LET_GO = Prepared(
    sa.update(_KEY).where(_OF_AGENCY, _KEY.c.revoked_at.is_not(None)).values(agency=sa.null())
)


def _key(row: Any) -> ApiKey:
    return ApiKey(**dict(zip(_NAMES, row, strict=True)))


def by_digest(connection: Connection, digest: str) -> ApiKey | None:
    """Return the key with a digest, whether it still holds or not."""
    row = _BY_DIGEST.row(connection, {"digest": digest})
    return _key(row) if row else None


def find(connection: Connection, identity: str) -> ApiKey | None:
    """Return a key by its id."""
    row = _BY_ID.row(connection, {"id": identity}) if is_id(identity) else None
    return _key(row) if row else None


def lock(connection: Connection, identity: str) -> ApiKey | None:
    """Return a key that this transaction will change."""
    row = _LOCK.row(connection, {"id": identity}) if is_id(identity) else None
    return _key(row) if row else None


def everything(connection: Connection) -> list[ApiKey]:
    """Return all keys, the oldest first."""
    return [_key(row) for row in _ALL.rows(connection, {})]


def is_any(connection: Connection) -> bool:
    """Tell whether there is a key, revoked or not."""
    return _ANY.row(connection, {}) is not None


def add(connection: Connection, made: ApiKey) -> None:
    """Store a new key."""
    _INSERT.run(connection, {name: getattr(made, name) for name in _NAMES})


def save(connection: Connection, key: ApiKey) -> None:
    """Store what may change of a key."""
    values = as_new({name: getattr(key, name) for name in _WRITTEN})
    _UPDATE.run(connection, {"this": key.id, **values})


def held(connection: Connection, agency: str) -> list[ApiKey]:
    """Return the keys of an agency that are not revoked."""
    return [_key(row) for row in _HELD.rows(connection, {"of": agency})]


def let_go(connection: Connection, agency: str) -> None:
    """Let an agency go that is deleted; the audit log still says whose its revoked keys were."""
    _LET_GO.run(connection, {"of": agency})


def note_use(connection: Connection, identity: str, at: str) -> None:
    """Store when a key was last used."""
    _NOTE_USE.run(connection, {"this": identity, "at": at})


def _listed(names: frozenset[str]) -> Any:
    columns = {name: col(getattr(ApiKey, name)) for name in ("role", "agency")}
    return sa.select(*(_KEY.c[name] for name in COLUMNS)).where(*equals(names, columns))


LISTED = Source(_listed, {name: _KEY.c[name] for name in ("created_at", "name", "id")})
