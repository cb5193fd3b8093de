"""The sums over all reports below an agency that are not consolidated, added up by the database."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from app.domain.layout import YUAN, Form, Table
from app.domain.report import Agency
from app.domain.rollup import Added, unit_of
from app.domain.standing import Standing
from app.storage import leaf_statements as statements
from app.storage import periods, standings
from app.storage.leaf_statements import Way
from app.storage.statements import Prepared

MANY = 300
"""With so many agencies that have others below them, a tree is large."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """What stands below an agency on a year.

    `standings` counts agencies; `listed` names the first of those that have not simply filed.
    """

    root: Agency
    revision: int
    standings: Mapping[Standing, int]
    listed: tuple[tuple[str, str, Standing], ...]
    sums: Mapping[str, Added]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every statement is run with."""

    connection: Connection
    form: Form
    parameters: Mapping[str, Any]
    way: Way

    def row(self, statement: Prepared) -> Any:
        return statement.row(self.connection, self.parameters)

    def rows(self, statement: Prepared) -> list[Any]:
        return statement.rows(self.connection, self.parameters)


def _is_too_large(error: OperationalError) -> bool:
    return "integer overflow" in str(error.orig)


def _added_up(asked: _Asked) -> tuple[Any, bool]:
    """Return the row of `statements.adding`, and whether its sums are in halves."""
    try:
        return asked.row(statements.adding(asked.form, asked.way, large=False)), False
    except OperationalError as error:
        if not _is_too_large(error):
            raise
        return asked.row(statements.adding(asked.form, asked.way, large=True)), True


def _cells(table: Table, values: Iterator[Any], *, large: bool) -> list[tuple[int, int]]:
    """Read each cell's sum, and how many amounts cannot be added, from what `_sums` selects."""
    found = []
    for cell in table.cells:
        total = 0
        for factor in (1,) if unit_of(cell) is None else YUAN.values():
            value = int(next(values) or 0)
            if large:
                value = (value << statements.HALF) + int(next(values) or 0)
            total += factor * value
        found.append((total, 0 if unit_of(cell) is None else int(next(values))))
    return found


def _filings(asked: _Asked, reports: int) -> dict[str, int]:
    """Count the filings below of each table.

    Of many leaves mostly every report has all tables: then so has every report of the year.
    """
    of_year, *counts = asked.row(statements.filings_of_year(asked.form)) if asked.way.many else [-1]
    complete = {key for key, n in zip(asked.form.table, counts, strict=False) if n == of_year}
    return {
        key: reports
        if key in complete
        else int(asked.row(statements.filings_below(key, asked.way))[0])
        for key in asked.form.table
    }


def _known(asked: _Asked, table: Table) -> tuple[list[int], list[int]]:
    """Count the numbers and the `n/a` in each cell, over the filings that have a blank or `n/a`."""
    form, way = asked.form, asked.way
    absent = [0] * len(table.cells)
    for names, count in asked.rows(statements.inapplicable(form, table.key, way)):
        for name in json.loads(names):
            line, _, column = name.partition("__")
            absent[table.at[line, column]] += count
    return list(asked.row(statements.numbers(form, table, way))), absent


def _added(
    asked: _Asked, table: Table, filings: int, incomplete: int, cells: list[tuple[int, int]]
) -> Added:
    numbers, absent = [0] * len(cells), [0] * len(cells)
    if incomplete:
        numbers, absent = _known(asked, table)
    sums, gaps = [], []
    for (total, unknown), some, inapplicable in zip(cells, numbers, absent, strict=True):
        known = filings - incomplete + some
        sums.append(total if known and not unknown else None)
        gaps.append(filings - known - inapplicable + unknown)
    return Added(table, filings, tuple(sums), tuple(gaps), tuple(absent))


def _stand(
    asked: _Asked,
) -> tuple[dict[Standing, int], int, tuple[tuple[str, str, Standing], ...]]:
    """Return how many leaves stand how, their highest revision, and whom `Leaves` lists."""
    rows = asked.rows(statements.standing(asked.form, asked.way))
    width = len(statements.COUNTED) + 2
    (expected, *counts, revision), *_ = (row[:width] for row in rows if row[0] is not None)
    named = sorted(row[width:] for row in rows if row[0] is None)
    stand = {Standing.FILED: expected - sum(counts)}
    stand |= zip(statements.COUNTED, counts, strict=True)
    return stand, revision, tuple((code, name, Standing(word)) for code, name, word in named)


def _way(connection: Connection, agency: str, year: int) -> Way:
    past = periods.is_past(connection, standings.days(year))
    size = statements.SIZE.row(connection, {"agency": agency, "many": MANY})[0]
    return Way(many=size == MANY, past=past)


def members(connection: Connection, agency: str, year: int) -> list[str]:
    """Return an agency and all that stand below it, as the year had them."""
    way = _way(connection, agency, year)
    given = {"agency": agency} | standings.days(year)
    return [code for (code,) in statements.members(way).rows(connection, given)]


def leaves(connection: Connection, agency: str, year: int, form: Form) -> Leaves | None:
    """Add up the reports at or below an agency that are not consolidated.

    None if the agency or the year is not registered. Several statements: the caller sees to it that
    they see one state of the database.
    """
    way = _way(connection, agency, year)
    key = {"agency": agency, "year": year} | standings.days(year)
    root = statements.root(past=way.past).row(connection, key)
    if root is None:
        return None
    given = standings.parameters(year, json.loads(root[4])) | {"agency": agency}
    asked = _Asked(connection, form, given, way)
    stand, revision, listed = _stand(asked)
    filings = _filings(asked, sum(stand.values()) - stand[Standing.MISSING])
    added, large = _added_up(asked)
    values, sums = iter(added), {}
    for table in form.tables:
        incomplete, cells = int(next(values)), _cells(table, values, large=large)
        sums[table.key] = _added(asked, table, filings[table.key], incomplete, cells)
    return Leaves(Agency(*root[:4]), revision, stand, listed, sums)
