"""What a copy of another instance has to know of the database: how far it is, and what is there."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.storage import agencies, bulk, successions, years
from app.storage.models import PUBLISHED, Agency, AgencyPeriod, MirrorState, Report
from app.storage.successions import Tie

Key = tuple[str, int]
"""The agency and the year of a report."""

UNLOADED = -1
"""The position of a copy that has not been loaded to the end yet."""


@dataclass(frozen=True, slots=True)
class State:
    """What a database is a copy of, and how far; `under` is empty for all of it."""

    source: str
    under: str
    position: int


def state(session: Session) -> State | None:
    """Return what this database is a copy of; None if it is of nothing."""
    found = session.exec(select(MirrorState)).first()
    return State(found.source, found.under, found.position) if found else None


def save(session: Session, new: State, time: str) -> None:
    """Remember how far the copy is, with what else the transaction writes."""
    session.execute(sa.delete(MirrorState).where(col(MirrorState.source) != new.source))
    session.merge(MirrorState(**asdict(new), updated_at=time))


def lock(
    session: Session, *, changing: Collection[int], on: Collection[int], of: Collection[str],
    ties: bool,
) -> None:  # fmt: skip
    """Take all locks of a batch, in the order in which everybody takes them.

    The batch changes years, writes reports on years, changes agencies or writes reports of them,
    and with `ties` changes successions.
    """
    connection = session.connection()
    agencies.lock_register(session)
    if ties:
        successions.enter(session)
    else:
        for year in sorted({*changing, *(range(min(on) - 1, max(on) + 2) if on else ())}):
            if year in changing:
                years.lock(session, year)
            else:
                years.share(connection, year, year)
    successions.lock(connection)
    if of:
        bulk.lock(connection, sorted(of))


def codes(session: Session) -> set[str]:
    """Return the codes of all agencies."""
    return {code for (code,) in _rows(session, sa.select(col(Agency.code)))}


def successions_there(session: Session) -> dict[str, Tie]:
    """Return all successions by their ids."""
    return {tie.id: tie for tie in successions.everything(session.connection())}


def touching(ties: Mapping[str, Tie], codes: Iterable[str]) -> set[str]:
    """Return the ids of the successions of any of these agencies."""
    of = set(codes)
    return {id_ for id_, tie in ties.items() if of & {tie.predecessor, tie.successor}}


def inside(session: Session, under: str) -> set[str]:
    """Return the codes of an agency and of all below it."""
    return {code for (code,) in _rows(session, agencies.at_or_below(under))}


def parents(session: Session, wanted: Collection[str]) -> dict[str, str | None]:
    """Return the parents of those of these agencies that are there, and of all above them."""
    start = sa.select(col(Agency.code), col(Agency.parent)).where(col(Agency.code).in_(wanted))
    tree = start.cte("tree", recursive=True)
    above = sa.select(col(Agency.code), col(Agency.parent)).join(
        tree, tree.c.parent == col(Agency.code)
    )
    union = tree.union(above)
    return dict(_rows(session, sa.select(union.c.code, union.c.parent)))


def holders(session: Session, usccs: Collection[str]) -> dict[str, str]:
    """Return the codes of the agencies that have these USCCs."""
    query = sa.select(col(Agency.uscc), col(Agency.code)).where(col(Agency.uscc).in_(usccs))
    return dict(_rows(session, query))


def children(session: Session, of: Collection[str]) -> set[str]:
    """Return the agencies that are or ever were directly below these."""
    queries = (
        sa.select(col(Agency.code)).where(col(Agency.parent).in_(of)),
        sa.select(col(AgencyPeriod.agency)).where(col(AgencyPeriod.parent).in_(of)),
    )
    return {code for query in queries for (code,) in _rows(session, query)}


def reports_of(session: Session, of: Collection[str]) -> set[Key]:
    """Return the keys of the reports of these agencies."""
    return _keys(session, col(Report.agency).in_(of))


def states(session: Session) -> dict[Key, str]:
    """Return how far the filing of each report is."""
    found = _rows(session, sa.select(col(Report.agency), col(Report.year), col(Report.state)))
    return {(agency, year): state for agency, year, state in found}


def published(session: Session) -> set[Key]:
    """Return the keys of the reports that are shown to everybody."""
    shown = sa.table(f"{PUBLISHED}report", sa.column("agency"), sa.column("year"))
    return set(_rows(session, sa.select(shown.c.agency, shown.c.year)))


def reports_on(session: Session, of: Collection[int]) -> set[Key]:
    """Return the keys of the reports on these years."""
    return _keys(session, col(Report.year).in_(of))


def _keys(session: Session, where: Any) -> set[Key]:
    return set(_rows(session, sa.select(col(Report.agency), col(Report.year)).where(where)))


def _rows(session: Session, query: Any) -> list[Any]:
    return [tuple(row) for row in session.connection().execute(query)]
