"""The past of agencies in the database, and the tree of agencies as it stood at the end of a year.

An agency's row is its present state, which its last period repeats. So where no period begins after
a year, that year's tree is the present one, which is told by one look into an index.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.periods import DATED, Period, Periods
from app.storage import models
from app.storage.statements import Prepared

PERIOD = models.AgencyPeriod.__table__
_AGENCY = models.Agency.__table__

_OF = PERIOD.c.agency == sa.bindparam("agency")
_COLUMNS = [PERIOD.c[name] for name in ("valid_from", *DATED)]
_READ = Prepared(sa.select(*_COLUMNS).where(_OF).order_by(PERIOD.c.valid_from))
_INSERT = Prepared(sa.insert(PERIOD))
_DELETE = Prepared(sa.delete(PERIOD).where(_OF, PERIOD.c.valid_from == sa.bindparam("start")))


def of(connection: Connection, agency: str) -> Periods:
    """Return the periods of an agency."""
    return tuple(Period(*row) for row in _READ.rows(connection, {"agency": agency}))


def of_some(connection: Connection, agencies: Collection[str]) -> dict[str, Periods]:
    """Return the periods of several agencies."""
    query = (
        sa.select(PERIOD.c.agency, *_COLUMNS)
        .where(PERIOD.c.agency.in_(agencies))
        .order_by(PERIOD.c.agency, PERIOD.c.valid_from)
    )
    return _by_agency(connection.execute(query))


def _by_agency(rows: Iterable[Any]) -> dict[str, Periods]:
    found: dict[str, Periods] = {}
    for code, *period in rows:
        found[code] = (*found.get(code, ()), Period(*period))
    return found


def add_first(connection: Connection, first: Mapping[str, Period]) -> None:
    """Write the first periods of agencies that have none."""
    rows = [(code, *astuple(period)) for code, period in first.items()]
    _INSERT.run_rows(connection, ("agency", "valid_from", *DATED), rows)


def replace(connection: Connection, agency: str, old: Periods, new: Periods) -> None:
    """Write the periods of an agency in place of those that are there."""
    for period in old:
        if period not in new:
            _DELETE.run(connection, {"agency": agency, "start": period.start})
    for period in new:
        if period not in old:
            values = {name: getattr(period, name) for name in DATED}
            _INSERT.run(connection, {"agency": agency, "valid_from": period.start, **values})


def forget(connection: Connection, agencies: Collection[str]) -> None:
    """Delete the periods of agencies that are about to go."""
    connection.execute(sa.delete(PERIOD).where(PERIOD.c.agency.in_(agencies)))


def _above() -> Prepared:
    """Select the periods of an agency and of all that ever stood above it."""
    tree = sa.select(_AGENCY.c.code).where(_AGENCY.c.code == sa.bindparam("agency"))
    codes = tree.cte("above", recursive=True)
    parents = sa.select(PERIOD.c.parent).join(codes, PERIOD.c.agency == codes.c.code)
    # UNION, not UNION ALL: it ends even on a circle.
    codes = codes.union(parents.where(PERIOD.c.parent.is_not(None)))
    return Prepared(
        sa.select(PERIOD.c.agency, *_COLUMNS)
        .where(PERIOD.c.agency.in_(sa.select(codes.c.code)))
        .order_by(PERIOD.c.agency, PERIOD.c.valid_from)
    )


_ABOVE = _above()


def above(connection: Connection, agency: str) -> dict[str, Periods]:
    """Return the periods of an agency and of all that ever stood above it."""
    return _by_agency(_ABOVE.rows(connection, {"agency": agency}))


# The tree at the end of a year; its last day is the parameter `last_day`.

_IS_LATER = PERIOD.c.valid_from > sa.bindparam("last_day", type_=sa.String)
_HAS_LATER = Prepared(sa.select(PERIOD.c.agency).where(_IS_LATER).limit(1))


def is_past(connection: Connection, parameters: Mapping[str, Any]) -> bool:
    """Tell whether the tree on `last_day` may be another than the present one."""
    return _HAS_LATER.row(connection, {"last_day": parameters["last_day"]}) is not None


def _past(name: str, among: Any = None) -> Any:
    """Select the agencies as they were, with the columns that roll-ups look at; all, or some."""
    later, inner = sa.select(PERIOD.c.agency).where(_IS_LATER), PERIOD.alias("until")
    start = sa.select(sa.func.max(inner.c.valid_from)).where(
        inner.c.agency == PERIOD.c.agency,
        inner.c.valid_from <= sa.bindparam("last_day", type_=sa.String),
    )
    a = _AGENCY.c
    same = [a.code, a.name, a.kind, a.level, a.parent, a.active_from, a.active_to]
    moved = [PERIOD.c[each.name] for each in same[1:5]]
    wanted = [] if among is None else [a.code.in_(among)]
    unmoved = sa.select(*same).where(a.code.not_in(later), *wanted)
    return unmoved.union_all(
        sa.select(a.code, *moved, a.active_from, a.active_to)
        .join_from(PERIOD, _AGENCY, a.code == PERIOD.c.agency)
        .where(PERIOD.c.agency.in_(later), PERIOD.c.valid_from == start.scalar_subquery(), *wanted)
    ).cte(name)


def _ever_below(root: Any) -> Any:
    """Select an agency and all that ever stood below it."""
    codes = sa.select(_AGENCY.c.code).where(_AGENCY.c.code == root).cte("ever", recursive=True)
    below = sa.select(PERIOD.c.agency).join(codes, PERIOD.c.parent == codes.c.code)
    return sa.select(codes.union(below).c.code)  # not UNION ALL: it ends even on a circle


PAST_AGENCY = _past("past_agency")
"""The agencies as they were on `last_day`; where `is_past` says no, they are those of today."""


@cache
def past_below(root: str) -> Any:
    """Select those of them that ever stood below the agency that is the parameter `root`.

    No index tells who stood below whom on a day, but one tells who ever did: these are few where
    the tree is small.
    """
    return _past("past_below", _ever_below(sa.bindparam(root)))


def agencies(*, past: bool) -> Any:
    """Return the agencies that a statement is about: a table, or what stands for it."""
    return PAST_AGENCY if past else _AGENCY
