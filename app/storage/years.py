"""Reporting years in the database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from app.storage.models import Report, ReportingYear
from app.storage.statements import Prepared


@dataclass(frozen=True, slots=True)
class YearFacts:
    """What reports of a year are written and judged by."""

    year: int
    status: str
    due: Mapping[str, str]


_SHARE = Prepared(
    sa.select(col(ReportingYear.year), col(ReportingYear.status), col(ReportingYear.due))
    .where(col(ReportingYear.year) == sa.bindparam("year"))
    .with_for_update(read=True)
)


def share(session: Session, year: int) -> YearFacts | None:
    """Read a year, and keep others from changing it until this transaction ends."""
    row = _SHARE.run(session.connection(), {"year": year}).fetchone()
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


def agencies_with_dates(session: Session, year: int) -> list[str]:
    """Return, in order of code, the agencies whose reports on a year have a date to judge."""
    query = (
        sa.select(col(Report.agency))
        .where(
            col(Report.year) == year,
            sa.or_(col(Report.submitted_on).is_not(None), col(Report.published_on).is_not(None)),
        )
        .order_by(col(Report.agency))
    )
    return list(session.connection().execute(query).scalars())


