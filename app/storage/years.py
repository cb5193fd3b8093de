"""Reporting years in the database."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import Session, col

from app.storage.models import Agency, Report, ReportingYear
from app.storage.paging import Source, equals
from app.storage.statements import Prepared, guarded

_YEAR_LOCKS = 0x79656172  # "year"


_TABLE = ReportingYear.__table__


@dataclass(frozen=True, slots=True)
class YearFacts:
    """What reports of a year are written and judged by."""

    year: int
    status: str
    due: Mapping[str, str]


_READ = Prepared(
    sa.select(col(ReportingYear.year), col(ReportingYear.status), col(ReportingYear.due)).where(
        col(ReportingYear.year).between(sa.bindparam("first"), sa.bindparam("last"))
    )
)
_SHARE = Prepared(
    sa.text(
        # S608: a number of ours
        f"SELECT pg_advisory_xact_lock_shared({_YEAR_LOCKS}, CAST(year AS integer))"  # noqa: S608
        " FROM json_array_elements_text(CAST(:each AS json)) AS year"
    )
)


def read(connection: Connection, year: int) -> YearFacts | None:
    """Return a year; None if it is not registered."""
    with guarded(connection):
        return facts(_READ.run(connection, {"first": year, "last": year})).get(year)


def share(connection: Connection, first: int, last: int) -> dict[int, YearFacts]:
    """Read years, and keep others from changing them until this transaction ends."""
    return facts(sharing(connection, first, last))


def sharing(connection: Connection, first: int, last: int) -> Any:
    """Send what `share` does; return the cursor that `facts` reads.

    A lock on the row would not do: writers that come all the time would share it among themselves,
    and who wants to close the year would never get it. This one is a queue. On SQLite there is only
    one writer anyway.
    """
    share_all(connection, range(first, last + 1))
    return _READ.run(connection, {"first": first, "last": last})


def share_all(connection: Connection, wanted: Iterable[int]) -> None:
    """Keep others from changing any of these years until this transaction ends."""
    if connection.dialect.name == "postgresql":
        _SHARE.run(connection, {"each": json.dumps(sorted(wanted))})


def facts(rows: Any) -> dict[int, YearFacts]:
    """Return what a cursor of `sharing` finds, by year."""
    return {row[0]: _facts(*row) for row in rows.fetchall()}


@lru_cache(maxsize=256)
def _facts(year: int, status: str, due: str) -> YearFacts:
    return YearFacts(year, status, json.loads(due))


def find(session: Session, year: int) -> ReportingYear | None:
    """Return a reporting year; None if it is not registered."""
    return session.get(ReportingYear, year)


def between(connection: Connection, first: int, last: int) -> list[int]:
    """Return the registered years from `first` to `last`."""
    query = (
        sa.select(col(ReportingYear.year))
        .where(col(ReportingYear.year).between(first, last))
        .order_by(col(ReportingYear.year))
    )
    return list(connection.execute(query).scalars())


def lock(session: Session, year: int) -> ReportingYear | None:
    """Return a reporting year that this transaction will change."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(
            sa.text("SELECT pg_advisory_xact_lock(:locks, :year)"),
            {"locks": _YEAR_LOCKS, "year": year},
        )
    return session.get(ReportingYear, year, populate_existing=True)


def reports_on(session: Session, year: int) -> int:
    """Count the reports on a year."""
    query = sa.select(sa.func.count()).select_from(Report).where(col(Report.year) == year)
    return int(session.connection().execute(query).scalar_one())


def dated_reports(
    session: Session, year: int, kinds: Collection[str]
) -> list[tuple[str, str, str | None, str | None]]:
    """Return agency, its kind, and the two dates of the reports on a year that have one.

    They are those of agencies of these kinds.
    """
    query = (
        sa.select(
            col(Report.agency),
            col(Agency.kind),
            col(Report.submitted_on),
            col(Report.published_on),
        )
        .join(Agency, col(Agency.code) == col(Report.agency))
        .where(
            col(Report.year) == year,
            col(Agency.kind).in_(kinds),
            sa.or_(col(Report.submitted_on).is_not(None), col(Report.published_on).is_not(None)),
        )
        .order_by(col(Report.agency))
    )
    return [(row[0], row[1], row[2], row[3]) for row in session.connection().execute(query)]


def _listed(names: frozenset[str]) -> Any:
    """Select reporting years by the filters of `/v1/reporting-years`."""
    return sa.select(_TABLE).where(*equals(names, {"status": col(ReportingYear.status)}))


COLUMNS: tuple[str, ...] = tuple(_TABLE.c.keys())
LISTED = Source(_listed, {"year": _TABLE.c.year})
