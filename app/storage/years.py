"""Reporting years in the database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from app.storage.models import Agency, Report, ReportingYear
from app.storage.statements import Prepared


@dataclass(frozen=True, slots=True)
class YearFacts:
    """What reports of a year are written and judged by."""

    year: int
    status: str
    due: Mapping[str, str]


_FACTS = sa.select(
    col(ReportingYear.year), col(ReportingYear.status), col(ReportingYear.due)
).where(col(ReportingYear.year) == sa.bindparam("year"))
_READ = Prepared(_FACTS)
_SHARE = Prepared(_FACTS.with_for_update(read=True))


def read(session: Session, year: int) -> YearFacts | None:
    """Return a year; None if it is not registered."""
    return _facts(_READ, session, year)


def share(session: Session, year: int) -> YearFacts | None:
    """Read a year, and keep others from changing it until this transaction ends."""
    return _facts(_SHARE, session, year)


def _facts(statement: Prepared, session: Session, year: int) -> YearFacts | None:
    row = statement.run(session.connection(), {"year": year}).fetchone()
    return YearFacts(row[0], row[1], json.loads(row[2])) if row else None


def find(session: Session, year: int) -> ReportingYear | None:
    """Return a reporting year; None if it is not registered."""
    return session.get(ReportingYear, year)


def lock(session: Session, year: int) -> ReportingYear | None:
    """Return a reporting year that this transaction will change."""
    return session.get(ReportingYear, year, with_for_update=True)


def reports_on(session: Session, year: int) -> int:
    """Count the reports on a year."""
    query = sa.select(sa.func.count()).select_from(Report).where(col(Report.year) == year)
    return int(session.connection().execute(query).scalar_one())


def dated_reports(session: Session, year: int) -> list[tuple[str, str, str | None, str | None]]:
    """Return agency, its kind, and the two dates of the reports on a year that have one."""
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
            sa.or_(col(Report.submitted_on).is_not(None), col(Report.published_on).is_not(None)),
        )
        .order_by(col(Report.agency))
    )
    return [tuple(row) for row in session.connection().execute(query)]


def listed(filters: dict[str, Any]) -> Any:
    """Select reporting years by the filters of `/v1/reporting-years`."""
    query = sa.select(ReportingYear.__table__)  # type: ignore[attr-defined]
    for name in ("status", "form"):
        if name in filters:
            query = query.where(col(getattr(ReportingYear, name)) == filters[name])
    return query
