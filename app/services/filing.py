"""Between the JSON that a client writes and a report as a value."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from app.domain import decimals
from app.domain.layout import Cells, Form, Table, picker
from app.domain.report import PROSE, Agency, Filing, Report
from app.services.rendering import Json, matrix


@cache
def _columns(table: Table) -> tuple[tuple[str, ...], Callable[[Json], tuple[Any, ...]]]:
    """Return the keys of a table's columns, and what picks a line that has all of them."""
    keys = tuple(column.key for column in table.columns)
    return keys, picker(keys)


def cells_from(table: Table, data: Json | None) -> Cells:
    """Return the cells of a table in their order; what is left out is blank."""
    blank: Json = {}
    lines = data or blank
    read: list[Any] = []
    keys, columns_of = _columns(table)
    for line in table.lines:
        columns = lines.get(line.key) or blank
        try:
            read += columns_of(columns)
        except KeyError:
            read += [columns.get(key) for key in keys]
    if table.has_decimals:
        for cell in table.cells:
            value = read[cell.index]
            if cell.column.unit.is_decimal and value not in {None, "n/a"}:
                read[cell.index] = decimals.millionths(value)
    return tuple(read)


def filing_from(table: Table, body: Json) -> Filing | None:
    """Return what a valid body says of a table; None if it is missing."""
    if body.get("filing") == "missing":
        return None
    return Filing(
        table,
        cells_from(table, body.get("data")),
        body.get("filing") == "nil",
        {k: v for k, v in (body.get("remarks") or {}).items() if v is not None},
        {choice.key: body.get(choice.key) or choice.default for choice in table.choices},
    )


def report_from(
    form: Form, year: int, agency: Agency | None, body: Json,
    known: Mapping[str, Filing] | None = None,
) -> Report:  # fmt: skip
    """Return what a valid body says of a report; `known` has the tables that were read before."""
    tables, filings = body.get("tables") or {}, {}
    for key, table in form.table.items():
        found = (known or {}).get(key)
        if found is None and tables.get(key) is not None:
            found = filing_from(table, tables[key])
        if found is not None:
            filings[key] = found
    return Report(form, year, agency, filings, **{name: body.get(name) for name in PROSE})


def writable_table(filing: Filing) -> Json:
    """Return what a client can write of a table."""
    return {
        "filing": filing.state,
        "data": matrix(filing),
        "remarks": dict(filing.remarks),
        **filing.choices,
    }


def writable(report: Report) -> dict[str, Any]:
    """Return what a client can write of a report; a missing table is not there."""
    return {
        **{name: getattr(report, name) for name in PROSE},
        "tables": {key: writable_table(filing) for key, filing in report.filings.items()},
    }
