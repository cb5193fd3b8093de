"""The feed: every committed change, numbered in the order of commits and without a gap.

Numbers come from the one row of `clock`. Whoever takes some keeps the others waiting until it has
committed, so no number appears before a smaller one, and one that was rolled back is given again.
It is therefore the last thing that a transaction does: changes are collected on its connection,
`taken` when a unit of work is done, and `record` writes them before the commit, and with them the
audit log (`storage.audit`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.storage import audit, models
from app.storage.acting import Act, sign, signed
from app.storage.layers import sight_of
from app.storage.paging import equals
from app.storage.statements import Prepared, as_new, batched, to_new

WINDOW = 10_000
"""How many changes a filtered read looks at."""

_PENDING = "changes"
_DEFERRED = "works"
_CHANGE = models.Change.__table__
_CLOCK = models.Clock.__table__


@dataclass(frozen=True, slots=True)
class Change:
    """A change that has no number yet. `body` is the JSON of its item, without `seq`.

    `layer` is that of a report: `working`, or `published` (see `storage.layers`).
    """

    at: str
    resource: str
    key: str
    agency: str | None
    year: int | None
    op: str
    revision: int
    body: bytes
    layer: str | None = None


_FIELDS = ("at", "resource", "key", "agency", "year", "op", "revision", "body", "layer")
INSERT = Prepared(sa.insert(_CHANGE))
_STAND = ("seq", "audited", "audit_head")
_ENTER = Prepared(sa.select(*(_CLOCK.c[name] for name in _STAND)).with_for_update())
_ADVANCE = Prepared(sa.update(_CLOCK).values(to_new(*_STAND)))


values_of = attrgetter(*_FIELDS)
"""Return the columns of a change but its number."""


def collect(connection: Connection, changes: Iterable[Change]) -> None:
    """Keep changes until the unit of work is done."""
    if sight_of(connection) is not None:
        changes = [replace(change, layer="published") for change in changes]
    sign(connection)
    connection.info.setdefault(_PENDING, []).extend(changes)


@dataclass(frozen=True, slots=True)
class Work:
    """What a unit of work has changed, and who did it."""

    act: Act
    changes: Sequence[Change]
    noted: Sequence[audit.Deed] = ()


def taken(connection: Connection) -> Work:
    """Return what was collected and noted, and forget it."""
    changes = connection.info.pop(_PENDING, ())
    noted = audit.taken(connection)
    return Work(signed(connection), changes, noted)


@contextmanager
def deferring(connection: Connection) -> Iterator[list[Work]]:
    """Let units of work share a transaction, and give all their changes numbers at its end.

    Or sooner, before one of them numbers its own: see `record_deferred`.
    """
    info, works = connection.info, list[Work]()
    info[_DEFERRED] = works
    try:
        yield works
        record(connection, works)
    finally:
        if info.get(_DEFERRED) is works:  # else it was lost, and is somebody else's by now
            del info[_DEFERRED]


def record_deferred(connection: Connection) -> None:
    """Give numbers to the changes of those who share the transaction and are done."""
    works = connection.info.get(_DEFERRED)
    if works:
        record(connection, works)
        works.clear()


def record(connection: Connection, works: Iterable[Work]) -> None:
    """Give changes their numbers and write them, as the last thing before the commit."""
    done = [work for work in works if work.changes or work.noted]
    if not done:
        return
    with batched(connection):
        rows, entries = numbered(connection, done)
        for row in rows:
            INSERT.run_values(connection, row)
        for entry in entries:
            audit.INSERT.run_values(connection, entry)


def numbered(
    connection: Connection, works: Iterable[Work]
) -> tuple[list[tuple[Any, ...]], list[audit.Row]]:
    """Return the rows of changes and of their audit entries, numbered and chained.

    Others wait from now on until the commit.
    """
    seq, audited, head = _ENTER.row(connection, {})
    rows: list[tuple[Any, ...]] = []
    entries: list[audit.Row] = []
    last = audit.Link(audited, head)
    for work in works:
        told = [audit.told(n, change) for n, change in enumerate(work.changes, seq + 1)]
        rows += [(n, *values_of(change)) for n, change in enumerate(work.changes, seq + 1)]
        seq += len(told)
        made = audit.chained(work.act, last, [*told, *work.noted])
        last = audit.Link(made[-1][0], made[-1][-1])
        entries += made
    values = (seq, last.seq, last.digest)
    _ADVANCE.run(connection, as_new(dict(zip(_STAND, values, strict=True))))
    return rows, entries


POSITION = Prepared(sa.select(_CLOCK.c.seq, _CLOCK.c.oldest))
"""The last number given, and the first that is kept."""
STAND = Prepared(sa.select(_CLOCK.c.seq, _CLOCK.c.audited))
"""The last numbers of the feed and of the audit log: while they stand, nothing was changed."""


def position(connection: Connection) -> int:
    """Return the number of the last change that is committed."""
    return int(POSITION.row(connection, {})[0])


def _concerns(*, of_children: bool) -> Prepared:
    agency = models.Agency.__table__
    period = models.AgencyPeriod.__table__
    wanted = _CHANGE.c.year == sa.bindparam("year")
    if of_children:
        parent: Any = sa.bindparam("parent")
        ever = sa.exists().where(period.c.agency == _CHANGE.c.agency, period.c.parent == parent)
        wanted &= sa.or_(_CHANGE.c.agency == parent, agency.c.parent == parent, ever)
    found = (
        sa.select(_CHANGE.c.seq)
        .select_from(_CHANGE.outerjoin(agency, agency.c.code == _CHANGE.c.agency))
        .where(
            _CHANGE.c.seq > sa.bindparam("after"), sa.or_(_CHANGE.c.resource != "reports", wanted)
        )
    )
    return Prepared(found.limit(1))


_CONCERNS = {is_of: _concerns(of_children=is_of) for is_of in (True, False)}


def concerns(connection: Connection, after: int, year: int, parent: str | None) -> bool:
    """Tell whether a later change touches the tree, the years, or reports on a year.

    With a `parent`, only its own report and those of its children count, former ones included.
    """
    given = {"after": after, "year": year} | ({} if parent is None else {"parent": parent})
    return _CONCERNS[parent is not None].row(connection, given) is not None


@dataclass(frozen=True, slots=True)
class Page:
    """What was read of the feed: numbers and bodies, and where it stood then.

    `end` is how far the page looked: the number to read after next.
    """

    after: int
    rows: tuple[tuple[int, bytes], ...]
    end: int
    latest: int
    oldest: int

    @property
    def is_gone(self) -> bool:
        """Tell whether the number read after is not of this feed, or what follows is forgotten."""
        return not self.oldest <= self.after + 1 <= self.latest + 1


FILTERS = ("resource", "agency", "year")
"""The columns by which the feed is filtered."""

_WITHIN = _CHANGE.c.seq.between(sa.bindparam("first"), sa.bindparam("last"))
_LIMIT: Any = sa.bindparam("limit", type_=sa.Integer)


@cache
def _since(names: frozenset[str]) -> Prepared:
    """Select what the clock says, beside each change: one statement, and so one moment."""
    found = sa.select(_CHANGE.c.seq, _CHANGE.c.body, _CHANGE.c.layer).where(_WITHIN)
    found = found.where(*equals(names, {name: _CHANGE.c[name] for name in FILTERS}))
    page = found.order_by(_CHANGE.c.seq).limit(_LIMIT).subquery()
    return Prepared(
        sa.select(page.c.seq, page.c.body, page.c.layer, _CLOCK.c.seq, _CLOCK.c.oldest)
        .select_from(_CLOCK.outerjoin(page, sa.true()))
        .order_by(page.c.seq)
    )


def since(
    connection: Connection, after: int | None, limit: int,
    filters: Mapping[str, Any] | None = None, *, upto: int | None = None,
) -> Page:  # fmt: skip
    """Return up to `limit` changes after a number, or from the oldest that is kept.

    A page that is filtered, or of which not all is seen, looks at no more than `WINDOW` changes; so
    it may be empty before the end. One `upto` a number does not look beyond it.
    """
    asked = filters or {}
    if after is None:
        after = int(POSITION.row(connection, {})[1]) - 1
    last = after + (WINDOW if asked or sight_of(connection) else limit)
    if upto is not None:
        last = min(last, upto)
    parameters = {**asked, "first": after + 1, "last": last, "limit": limit}
    found = _since(frozenset(asked)).rows(connection, parameters)
    latest, oldest = found[0][3:]
    rows = tuple((row[0], _told(row[1], row[2])) for row in found if row[0] is not None)
    end = rows[-1][0] if len(rows) == limit else max(after, min(last, latest))
    return Page(after, rows, end, latest, oldest)


def _told(body: Any, layer: str | None) -> bytes:
    """Return an item that says so if it is of what is published."""
    return b'{"layer":"published",' + body[1:] if layer == "published" else bytes(body)


SKIPPED = 1_000_000
"""How many numbers are left out where nobody knows how many were given after a backup."""


def start_anew(connection: Connection, lost: int | None) -> None:
    """Let the feed of a restored database go on beyond every number that was ever given.

    `lost` is the last number of the database that was replaced, None if that is not known. So who
    followed that is told to load everything again, and no number stands for two changes. A smaller
    number is of a database that was made since: how far the lost one was is not known.
    """
    if not sa.inspect(connection).has_table(_CLOCK.name):  # a backup of before there was a feed
        return
    last = int(connection.execute(sa.select(_CLOCK.c.seq)).scalar_one())
    if lost == last:  # nothing was written since
        return
    new = lost + 1 if lost is not None and lost > last else last + SKIPPED
    connection.execute(sa.delete(_CHANGE))
    connection.execute(sa.update(_CLOCK).values(seq=new, oldest=new + 1))


_FIRST_SINCE = Prepared(
    sa.select(_CHANGE.c.seq)
    .where(_CHANGE.c.at >= sa.bindparam("before"), _CHANGE.c.seq < sa.bindparam("end"))
    .order_by(_CHANGE.c.seq)
    .limit(1)
)
_FIRST = Prepared(sa.select(_CHANGE.c.at).order_by(_CHANGE.c.seq).limit(1))
_FORGET = Prepared(sa.delete(_CHANGE).where(_CHANGE.c.seq < sa.bindparam("oldest")))
_START = Prepared(
    sa.update(_CLOCK)
    .where(_CLOCK.c.oldest < sa.bindparam("new"))
    .values(oldest=sa.bindparam("new"))
)


def is_overdue(connection: Connection, before: str) -> bool:
    """Tell whether the oldest change is of before a time."""
    first = _FIRST.row(connection, {})
    return first is not None and first[0] < before


def prune(connection: Connection, before: str, most: int = WINDOW) -> int:
    """Forget the changes of before a time, from the oldest on; return how many.

    No more than `most` at once, so that writers do not wait; who begins while another is at it
    finds nothing left to do.
    """
    latest, oldest = POSITION.row(connection, {})
    end = min(latest + 1, oldest + most)  # beyond it nothing is looked at, however much is overdue
    kept = _FIRST_SINCE.row(connection, {"before": before, "end": end})
    new = kept[0] if kept else end
    if new <= oldest:
        return 0
    _FORGET.run(connection, {"oldest": new})
    _START.run(connection, {"new": new})
    return int(new - oldest)
