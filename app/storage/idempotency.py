"""Replies to requests with an Idempotency-Key, kept so that a repeat gets the same."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from app.storage.models import Idempotency
from app.storage.statements import Prepared

_TABLE = Idempotency.__table__
_READ = Prepared(
    sa.select(_TABLE).where(
        _TABLE.c.key == sa.bindparam("key"), _TABLE.c.created_at >= sa.bindparam("since")
    )
)
_INSERT = Prepared(sa.insert(_TABLE))
_OVER = (
    sa.select(_TABLE.c.key)
    .where(_TABLE.c.created_at < sa.bindparam("since"))
    .with_for_update(skip_locked=True)
)
_PURGE = Prepared(sa.delete(_TABLE).where(_TABLE.c.key.in_(_OVER)))
"""What others forget just now is left to them: to wait for one could be to wait for each other."""
_TRY = Prepared(
    sa.text("SELECT pg_try_advisory_xact_lock(CAST(:high AS integer), CAST(:low AS integer))")
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A reply as it was given."""

    fingerprint: str
    status: int
    headers: Mapping[str, str]
    body: bytes


def enter(connection: Connection, key: str) -> bool:
    """Keep others from using a key until this transaction ends; False if somebody does already.

    On SQLite there is only one writer anyway.
    """
    if connection.dialect.name == "sqlite":
        return True
    digest = hashlib.sha256(key.encode()).digest()
    high, low = (int.from_bytes(digest[n : n + 4], "big", signed=True) for n in (0, 4))
    return bool(_TRY.row(connection, {"high": high, "low": low})[0])


def find(connection: Connection, key: str, since: str) -> Kept | None:
    """Return the reply that was given since a time to a request with a key."""
    row = _READ.row(connection, {"key": key, "since": since})
    return Kept(row[1], row[2], json.loads(row[3]), bytes(row[4])) if row else None


def keep(connection: Connection, key: str, kept: Kept, *, time: str, since: str) -> None:
    """Keep a reply; forget those from before `since`."""
    _PURGE.run(connection, {"since": since})
    parameters = {
        "key": key,
        "fingerprint": kept.fingerprint,
        "status": kept.status,
        "headers": json.dumps(dict(kept.headers)),
        "body": kept.body,
        "created_at": time,
    }
    _INSERT.run(connection, parameters)
