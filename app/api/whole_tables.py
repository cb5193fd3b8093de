"""Tables that are whole matrices of counts: most are, and need no schema."""

from collections.abc import Callable
from functools import cache
from typing import Any

from app.domain.layout import LARGEST, Form, Table, picker
from app.domain.report import Filing

_INT = {int}
_PLAIN = {"filing": {"filed"}}

Json = dict[str, Any]
Rows = Callable[[Json], tuple[Any, ...]]


@cache
def _shape(table: Table) -> tuple[Rows, Rows, int, dict[str, Any], bool]:
    """Return what picks the lines and the columns, how many members there are, and the choices."""
    lines = tuple(line.key for line in table.lines)
    columns = tuple(column.key for column in table.columns)
    members = len(lines) * (len(columns) + 1)
    others = _PLAIN | {choice.key: set(choice.values) for choice in table.choices}
    return picker(lines), picker(columns), members, others, table.has_decimals


def taken(form: Form, tables: Json) -> tuple[dict[str, Filing], Json]:
    """Return the filings of the tables that are whole, and the others."""
    filings: dict[str, Filing] = {}
    others: Json = {}
    for key, body in tables.items():
        table = form.table.get(key)
        filing = whole(table, body) if table is not None and type(body) is dict else None
        if filing is None:
            others[key] = body
        else:
            filings[key] = filing
    return filings, others


def whole(table: Table, body: Json) -> Filing | None:
    """Return the filing that a body says; None if it needs the schema."""
    lines_of, columns_of, members, others, has_decimals = _shape(table)
    data = body.get("data")
    if has_decimals or type(data) is not dict or len(data) != len(table.lines):
        return None
    cells: list[Any] = []
    try:
        lines = lines_of(data)
        for line in lines:
            cells += columns_of(line)
        if sum(map(len, lines)) + len(lines) != members or set(map(type, cells)) != _INT:
            return None
        for name, value in body.items():
            if name != "data" and value not in others[name]:
                return None
    except (KeyError, TypeError):
        return None
    if min(cells) < 0 or max(cells) > LARGEST:
        return None
    choices = {c.key: body.get(c.key, c.default) for c in table.choices}
    return Filing(table, tuple(cells), choices=choices)
