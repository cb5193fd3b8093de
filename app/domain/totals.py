"""What the sums on the form come to, computed from the cells that they add up."""

from collections.abc import Iterator, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from app.domain.layout import NOT_APPLICABLE, Cell, Cells, Table, Value
from app.domain.report import Filing


@cache
def _addends(table: Table) -> tuple[tuple[Cell, Any], ...]:
    return tuple((cell, itemgetter(*cell.addends)) for cell in table.totals)


def add(values: Sequence[Value]) -> int | None:
    """Sum the cells that are numbers; None if none is."""
    numbers = [value for value in values if isinstance(value, int)]
    return sum(numbers) if numbers else None


def together(values: Sequence[Value]) -> Value:
    """Return the sum of cells: blank if one is, not applicable if all are."""
    if None in values:
        return None
    total = add(values)
    return NOT_APPLICABLE if total is None else total


def whole(table: Table, cells: Cells) -> tuple[int, ...] | None:
    """Return the computed value of each total cell; None if a cell under one is no number."""
    try:
        return tuple([sum(addends(cells)) for _, addends in _addends(table)])
    except TypeError:
        return None


def sums(filing: Filing) -> Iterator[tuple[Cell, int | None, bool]]:
    """Yield each total cell with its computed value, and whether a cell under it is blank.

    In a table declared nil every blank counts as 0. `n/a` adds nothing.
    """
    cells = filing.cells
    if filing.nil:
        cells = tuple(0 if value is None else value for value in cells)
    for cell, addends in _addends(filing.table):
        values = addends(cells)
        try:
            yield cell, sum(values), False
        except TypeError:
            yield cell, add(values), None in values


def effective(filing: Filing) -> tuple[Cells, frozenset[int]]:
    """Return the cells as rules see them, and which of them were left out and computed.

    In a table declared nil every cell counts as 0, whatever it holds. A total that was left out
    counts as its computed value if no cell under it is blank.
    """
    if filing.nil:
        return filing.table.zeros, frozenset()
    if None not in filing.cells:
        return filing.cells, frozenset()
    cells = list(filing.cells)
    computed = set()
    for cell, total, partial in sums(filing):
        if cells[cell.index] is None and not partial and total is not None:
            cells[cell.index] = total
            computed.add(cell.index)
    return tuple(cells), frozenset(computed)


def as_number(value: Value) -> int:
    """Return a cell among addends, where `n/a` adds nothing; a blank is no number."""
    if value is None:
        raise TypeError("a blank cell is not a number")
    return value if isinstance(value, int) else 0
