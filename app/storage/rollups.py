"""An agency and its children with their reports on a year, for a roll-up.

Most tables are all zeros, and a child's report has some 240 cells: so one statement tells who has
filed what and where there is anything but zeros, and only these cells are read then.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.layout import Cells, Form, Table
from app.domain.report import Agency, Filing, Report
from app.storage import periods, standings
from app.storage.models import any_cell
from app.storage.reports import with_inapplicable
from app.storage.standings import FILINGS, REPORT, YEAR
from app.storage.statements import AMONG, Prepared

_HEAD = ("code", "name", "kind", "level")
_BESIDE = 4  # columns that follow the head
_CODE = itemgetter(0)


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


def _columns(form: Form, table: Table) -> list[Any]:
    """Select of a table whether it is nil, a number that is 0 if all is, and its choices."""
    filing = FILINGS[table.key]
    choices = (filing.c[choice.key] for choice in table.choices)
    return [filing.c.nil, any_cell(form, table.key, filing), *choices]


def _is_in_family(agency: Any) -> Any:
    is_child = sa.and_(agency.c.parent == sa.bindparam("agency"), standings.is_expected(agency))
    return sa.or_(agency.c.code == sa.bindparam("agency"), is_child)


@cache
def _members(*, past: bool) -> Prepared:
    agency = periods.agencies(past=past)
    return Prepared(sa.select(agency.c.code).where(_is_in_family(agency)))


def members(connection: Connection, agency: str, year: int) -> list[str]:
    """Return an agency and its members, as the year had them."""
    days = standings.days(year)
    statement = _members(past=periods.is_past(connection, days))
    return [code for (code,) in statement.rows(connection, {"agency": agency, **days})]


@cache
def _reading(form: Form, *, past: bool) -> Prepared:
    agency = periods.agencies(past=past)
    source = agency.join(YEAR, YEAR.c.year == sa.bindparam("year"))
    source = _with_filings(source.outerjoin(REPORT, standings.its_report(agency)), form)
    columns = [agency.c[name] for name in _HEAD]
    columns += [YEAR.c.due, REPORT.c.revision, REPORT.c.submitted_on, REPORT.c.published_on]
    columns += [column for table in form.tables for column in _columns(form, table)]
    return Prepared(
        sa.select(*(column.label(f"c{i}") for i, column in enumerate(columns)))
        .select_from(source)
        .where(_is_in_family(agency))
    )


@cache
def _cells(table: Table) -> Mapping[str, Prepared]:
    """Select the cells of some agencies' filings of a table, for each kind of database."""
    filing = FILINGS[table.key]
    columns = (filing.c[cell.name] for cell in table.cells)
    query = sa.select(filing.c.agency, filing.c.not_applicable, *columns)
    query = query.where(filing.c.year == sa.bindparam("year"))
    return {kind: Prepared(query.where(is_in(filing.c.agency))) for kind, is_in in AMONG.items()}


def _figures(
    connection: Connection, year: int, table: Table, codes: Sequence[str]
) -> dict[str, Cells]:
    """Read the cells of some agencies' filings of a table."""
    if not codes:
        return {}
    given = {"year": year, "each": json.dumps(codes)}
    rows = _cells(table)[connection.dialect.name].rows(connection, given)
    return {
        row[0]: row[2:] if row[1] is None else with_inapplicable(table, row[2:], row[1])
        for row in rows
    }


def _filings(
    connection: Connection, year: int, form: Form, rows: Sequence[Any]
) -> dict[str, dict[str, Filing]]:
    """Return the filings of each agency, by table, from the rows of `_reading`."""
    found: dict[str, dict[str, Filing]] = {row[0]: {} for row in rows}
    base = len(_HEAD) + _BESIDE
    for table in form.tables:
        end = base + 2 + len(table.choices)
        moving = [row[0] for row in rows if row[base] is not None and row[base + 1] != 0]
        figures = _figures(connection, year, table, moving)
        alike: dict[tuple[Any, ...], Filing] = {}  # most have nothing but zeros
        for row in rows:
            if row[base] is None:
                continue
            said = row[base:end]
            filing = alike.get(said) or alike.setdefault(said, _filing(table, *said))
            cells = figures.get(row[0])
            if cells is not None:
                filing = Filing(table, cells, filing.nil, choices=filing.choices)
            found[row[0]][table.key] = filing
        base = end
    return found


def _filing(table: Table, nil: Any, _: Any, *choices: str) -> Filing:
    """Return a filing of zeros."""
    keys = (choice.key for choice in table.choices)
    return Filing(table, table.zeros, bool(nil), choices=dict(zip(keys, choices, strict=True)))


def family(connection: Connection, agency: str, year: int, form: Form) -> Family | None:
    """Read an agency and its children; None if the agency or the year is not registered.

    Several statements: the caller sees to it that they see one state of the database.
    """
    days = standings.days(year)
    reading = _reading(form, past=periods.is_past(connection, days))
    # Sorted here: SQLite might look at all agencies in their order, to sort none.
    rows = sorted(reading.rows(connection, {"agency": agency, "year": year, **days}), key=_CODE)
    filings = _filings(connection, year, form, rows)
    found = {row[0]: _member(row, year, form, filings[row[0]]) for row in rows}
    root = found.pop(agency, None)
    if root is None:
        return None
    return Family(root, tuple(found.values()), json.loads(rows[0][len(_HEAD)]))


def _member(row: Any, year: int, form: Form, filings: Mapping[str, Filing]) -> Member:
    agency = Agency(*row[: len(_HEAD)])
    revision, submitted_on, published_on = row[len(_HEAD) + 1 : len(_HEAD) + _BESIDE]
    if revision is None:
        return Member(agency, None, 0)
    dates = {"submitted_on": submitted_on, "published_on": published_on}
    return Member(agency, Report(form, year, agency, filings, **dates), revision)
