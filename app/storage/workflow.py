"""The steps of reports' filings, and what was said of their warnings, in the database."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.storage import agencies, models
from app.storage.models import Decision, Transition
from app.storage.reports import of_report
from app.storage.statements import Prepared

_STEP = Transition.__table__
_DECISION = Decision.__table__
_STEPS = tuple(column.name for column in _STEP.c)
_SAID = tuple(column.name for column in _DECISION.c)


_THIS = sa.and_(of_report(_DECISION), _DECISION.c.finding == sa.bindparam("finding"))
_READ_STEPS = Prepared(sa.select(*_STEP.c).where(of_report(_STEP)).order_by(_STEP.c.position))
_LAST = Prepared(
    sa.select(sa.func.coalesce(sa.func.max(_STEP.c.position), 0)).where(of_report(_STEP))
)
_ADD_STEP = Prepared(sa.insert(_STEP))
_READ_SAID = Prepared(sa.select(*_DECISION.c).where(of_report(_DECISION)))
_FORGET = Prepared(sa.delete(_DECISION).where(_THIS))
_SAY = Prepared(sa.insert(_DECISION))


def steps(connection: Connection, agency: str, year: int) -> list[Transition]:
    """Return the steps of a report's filing, the first one first."""
    rows = _READ_STEPS.rows(connection, {"agency": agency, "year": year})
    return [Transition(**dict(zip(_STEPS, row, strict=True))) for row in rows]


def add_step(connection: Connection, **values: Any) -> None:
    """Add a step; its number is the next."""
    key = {"agency": values["agency"], "year": values["year"]}
    position = int(_LAST.row(connection, key)[0]) + 1
    _ADD_STEP.run(connection, values | {"position": position})


def decisions(connection: Connection, agency: str, year: int) -> dict[str, Decision]:
    """Return what was said of a report's findings, by their ids."""
    rows = _READ_SAID.rows(connection, {"agency": agency, "year": year})
    found = (Decision(**dict(zip(_SAID, row, strict=True))) for row in rows)
    return {each.finding: each for each in found}


def decide(connection: Connection, decision: Decision) -> None:
    """Say something of a finding, in place of what was said."""
    values = {name: getattr(decision, name) for name in _SAID}
    _FORGET.run(connection, values)
    _SAY.run(connection, values)


def take_back(connection: Connection, agency: str, year: int, finding: str) -> None:
    """Say nothing of a finding any more."""
    _FORGET.run(connection, {"agency": agency, "year": year, "finding": finding})


def published_drafts(
    connection: Connection, under: str | None, year: int | None
) -> list[tuple[str, int]]:
    """Return the drafts that were never published here and have a date of publication."""
    report = models.Report.__table__
    query = sa.select(report.c.agency, report.c.year).where(
        report.c.state == "draft",
        report.c.correction.is_(None),
        report.c.published_on.is_not(None),
    )
    if under is not None:
        query = query.where(report.c.agency.in_(agencies.at_or_below(under)))
    if year is not None:
        query = query.where(report.c.year == year)
    rows = connection.execute(query.order_by(report.c.agency, report.c.year))
    return [(row[0], row[1]) for row in rows]
