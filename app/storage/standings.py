"""How agencies stand with their reports on a year: expressions that several queries share."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.layout import Form
from app.domain.report import Kind
from app.domain.standing import Standing
from app.storage import models
from app.storage.statements import Prepared

AGENCY = models.Agency.__table__
REPORT = models.Report.__table__
YEAR = models.ReportingYear.__table__
FILINGS: dict[str, Any] = {key: model.__table__ for key, model in models.FILINGS.items()}

_DUE = Prepared(sa.select(YEAR.c.due).where(YEAR.c.year == sa.bindparam("year")))


def due(connection: Connection, year: int) -> dict[str, str] | None:
    """Return when the reports on a year are due, by kind; None if it is not registered."""
    row = _DUE.row(connection, {"year": year})
    return dict(json.loads(row[0])) if row is not None else None


def parameters(year: int, due: Mapping[str, str]) -> dict[str, Any]:
    """Return what the expressions here take: a year, its first and last day, its due dates."""
    return {"year": year} | days(year) | {f"due_{kind}": due[kind] for kind in Kind}


def days(year: int) -> dict[str, Any]:
    """Return the first and the last day of a year, as the expressions here take them."""
    return {"first_day": f"{year}-01-01", "last_day": f"{year}-12-31"}


def is_expected(agency: Any) -> Any:
    """Tell whether an agency's report on the year counts: active in it, and not `vertical`."""
    return sa.and_(agency.c.kind != Kind.VERTICAL.value, is_active(agency))


def is_active(agency: Any) -> Any:
    """Tell whether an agency is active on any day of the year."""
    first, last = agency.c.active_from, agency.c.active_to
    return sa.and_(
        sa.or_(first.is_(None), first <= sa.bindparam("last_day")),
        sa.or_(last.is_(None), last >= sa.bindparam("first_day")),
    )


def due_date(kind: Any) -> Any:
    """Return the date on which the reports of a kind of agency are due."""
    return sa.case(
        {each.value: sa.bindparam(f"due_{each}", type_=sa.String) for each in Kind}, value=kind
    )


def its_report(agency: Any) -> Any:
    """Join an agency to its report on the year."""
    return sa.and_(REPORT.c.agency == agency.c.code, REPORT.c.year == sa.bindparam("year"))


def is_late(kind: Any) -> Any:
    """Tell whether the report of an agency of a kind is late by the last date that is known."""
    due = due_date(kind)
    return sa.or_(REPORT.c.submitted_on > due, REPORT.c.published_on > due)


def standing(form: Form, kind: Any) -> Any:
    """Return how an agency of a kind stands, joined to its report from outside."""
    return sa.case(
        (REPORT.c.agency.is_(None), _word(Standing.MISSING)),
        (is_late(kind), _word(Standing.LATE)),
        (sa.and_(*(_is_nil(key) for key in form.table)), _word(Standing.NIL)),
        else_=_word(Standing.FILED),
    )


def _word(standing: Standing) -> Any:
    return sa.literal_column(f"'{standing}'", sa.String)


def _is_nil(key: str) -> Any:
    filing = FILINGS[key].alias()
    return sa.exists().where(
        filing.c.agency == REPORT.c.agency, filing.c.year == REPORT.c.year, filing.c.nil
    )
