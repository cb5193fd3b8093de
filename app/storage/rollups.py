"""An agency and its children with their reports on a year, for a roll-up: in one statement."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.layout import NOT_APPLICABLE, Cells, Form, Table, picker
from app.domain.report import Agency, Filing, Report
from app.storage import periods, standings
from app.storage.standings import FILINGS, REPORT, YEAR
from app.storage.statements import Prepared

_HEAD = ("code", "name", "kind", "level")
_BESIDE = 4  # columns that follow the head


@dataclass(frozen=True, slots=True)
class Member:
    """An agency whose report is expected, with the report and its revision, if there is one."""

    agency: Agency
    report: Report | None
    revision: int


@dataclass(frozen=True, slots=True)
class Family:
    """An agency with its own report and its members, and when reports of the year are due."""

    root: Member
    members: tuple[Member, ...]
    due: Mapping[str, str]


def _with_filings(source: Any, form: Form) -> Any:
    for key in form.table:
        filing = FILINGS[key]
        on = sa.and_(filing.c.agency == REPORT.c.agency, filing.c.year == REPORT.c.year)
        source = source.outerjoin(filing, on)
    return source


def _columns(table: Table) -> list[str]:
    choices = [choice.key for choice in table.choices]
    return ["nil", "not_applicable", *choices, *(cell.name for cell in table.cells)]


@cache
def _reading(form: Form, *, past: bool) -> Prepared:
    agency = periods.agencies(past=past)
    source = agency.join(YEAR, YEAR.c.year == sa.bindparam("year"))
    source = _with_filings(source.outerjoin(REPORT, standings.its_report(agency)), form)
    columns = [agency.c[name] for name in _HEAD]
    columns += [YEAR.c.due, REPORT.c.revision, REPORT.c.submitted_on, REPORT.c.published_on]
    columns += [FILINGS[t.key].c[name] for t in form.tables for name in _columns(t)]
    is_child = sa.and_(
        agency.c.parent == sa.bindparam("agency"), standings.is_expected(agency)
    )  # fmt: skip
    return Prepared(
        sa.select(*(column.label(f"c{i}") for i, column in enumerate(columns)))
        .select_from(source)
        .where(sa.or_(agency.c.code == sa.bindparam("agency"), is_child))
        .order_by(agency.c.code)
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """How the filing of a table is read from a row of `_reading`."""

    table: Table
    nil: int
    choices: tuple[tuple[str, int], ...]
    cells: Callable[[Any], Cells]

    def read(self, row: Any) -> Filing | None:
        nil, not_applicable = row[self.nil], row[self.nil + 1]
        if nil is None:
            return None
        cells = self.cells(row)
        if not_applicable is not None:
            cells = with_inapplicable(self.table, cells, not_applicable)
        choices = {key: row[position] for key, position in self.choices}
        return Filing(self.table, cells, bool(nil), choices=choices)


def with_inapplicable(table: Table, cells: Cells, names: str) -> Cells:
    """Return cells with `n/a` where it was filed. `names` is a JSON list of their columns."""
    found = set(json.loads(names))
    return tuple(
        NOT_APPLICABLE if cell.name in found else value
        for cell, value in zip(table.cells, cells, strict=True)
    )


@cache
def _readers(form: Form) -> tuple[_Reader, ...]:
    found, base = [], len(_HEAD) + _BESIDE
    for table in form.tables:
        choices = tuple((c.key, base + 2 + i) for i, c in enumerate(table.choices))
        first = base + 2 + len(choices)
        cells = tuple(range(first, first + len(table.cells)))
        found.append(_Reader(table, base, choices, picker(cells)))
        base = first + len(cells)
    return tuple(found)


def family(connection: Connection, agency: str, year: int, form: Form) -> Family | None:
    """Read an agency and its children; None if the agency or the year is not registered."""
    days = standings.days(year)
    reading = _reading(form, past=periods.is_past(connection, days))
    rows = reading.rows(connection, {"agency": agency, "year": year, **days})
    found = {row[0]: _member(row, year, form) for row in rows}
    root = found.pop(agency, None)
    if root is None:
        return None
    return Family(root, tuple(found.values()), json.loads(rows[0][len(_HEAD)]))


def _member(row: Any, year: int, form: Form) -> Member:
    agency = Agency(*row[: len(_HEAD)])
    revision, submitted_on, published_on = row[len(_HEAD) + 1 : len(_HEAD) + _BESIDE]
    if revision is None:
        return Member(agency, None, 0)
    filings = {
        reader.table.key: filing
        for reader in _readers(form)
        if (filing := reader.read(row)) is not None
    }
    dates = {"submitted_on": submitted_on, "published_on": published_on}
    return Member(agency, Report(form, year, agency, filings, **dates), revision)
