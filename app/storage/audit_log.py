"""Reading the audit log, and forgetting what need no longer be kept of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.storage import audit, models
from app.storage.audit import Row
from app.storage.paging import Source, equals, page
from app.storage.statements import Prepared

ROWS = 500
"""How many entries are read at a time."""
FORGOTTEN = 2_000
"""How many are forgotten at a time: writers wait meanwhile."""

_ENTRY = models.AuditEntry.__table__
_CLOCK = models.Clock.__table__
_ORDER = (("seq", False),)


@dataclass(frozen=True, slots=True)
class Stand:
    """What the clock knows: number and digest of the last entry, the digest before the first."""

    seq: int
    head: str
    anchor: str


_STAND = sa.select(_CLOCK.c.audited, _CLOCK.c.audit_head, _CLOCK.c.audit_anchor)
_READ_STAND, _LOCK_STAND = Prepared(_STAND), Prepared(_STAND.with_for_update())


def stand(connection: Connection) -> Stand:
    """Return where the chain begins and ends."""
    return Stand(*_READ_STAND.row(connection, {}))


def _listed(names: frozenset[str]) -> Any:
    """Select entries by `actor`, `agency`, `year`, and those from `since` and before `until`."""
    own = {name: _ENTRY.c[name] for name in ("actor", "agency", "year")}
    query = sa.select(*_ENTRY.c).where(*equals(names, own))
    if "since" in names:
        query = query.where(_ENTRY.c.at >= sa.bindparam("since"))
    if "until" in names:
        query = query.where(_ENTRY.c.at < sa.bindparam("until"))
    return query


LISTED = Source(_listed, {"seq": _ENTRY.c.seq})
BY_SEQ = Prepared(sa.select(*_ENTRY.c).where(_ENTRY.c.seq == sa.bindparam("seq")))


def after(connection: Connection, seq: int, filters: Mapping[str, Any] | None = None) -> list[Row]:
    """Return the next entries after a number, up to `ROWS` of them."""
    statement, values = page(LISTED, filters or {}, _ORDER, [seq], limit=ROWS)
    return statement.rows(connection, values)


def walk(connection: Connection, seq: int) -> Iterator[Row]:
    """Yield the entries after a number, reading some at a time."""
    while rows := after(connection, seq):
        yield from rows
        seq = rows[-1][0]


_FIRST = Prepared(sa.select(_ENTRY.c.seq, _ENTRY.c.at).order_by(_ENTRY.c.seq).limit(1))
_FIRST_SINCE = Prepared(
    sa.select(_ENTRY.c.seq)
    .where(_ENTRY.c.at >= sa.bindparam("before"), _ENTRY.c.seq < sa.bindparam("end"))
    .order_by(_ENTRY.c.seq)
    .limit(1)
)
_FORGET = Prepared(sa.delete(_ENTRY).where(_ENTRY.c.seq <= sa.bindparam("last")))
_ANCHOR = Prepared(sa.update(_CLOCK).values(audit_anchor=sa.bindparam("digest")))


def is_overdue(connection: Connection, before: str) -> bool:
    """Tell whether the oldest entry is of before a time."""
    first = _FIRST.row(connection, {})
    return first is not None and first[1] < before


def prune(connection: Connection, before: str, most: int = FORGOTTEN) -> int:
    """Forget the entries of before a time, from the oldest on; return how many.

    No more than `most` at once. The digest of the last that is forgotten becomes the anchor of what
    is kept, and an entry tells of it.
    """
    now = Stand(*_LOCK_STAND.row(connection, {}))
    first = _FIRST.row(connection, {})
    if first is None:
        return 0
    end = min(now.seq + 1, first[0] + most)  # beyond it nothing is looked at
    kept = _FIRST_SINCE.row(connection, {"before": before, "end": end})
    last = (kept[0] if kept else end) - 1
    if last < first[0]:
        return 0
    digest = BY_SEQ.row(connection, {"seq": last})[-1]
    _FORGET.run(connection, {"last": last})
    _ANCHOR.run(connection, {"digest": digest})
    details = {"first": first[0], "last": last, "digest": digest, "before": before}
    audit.note(connection, "audit", f"{first[0]}-{last}", "pruned", **details)
    return int(last - first[0] + 1)
