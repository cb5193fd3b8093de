"""Name the wrong cell: the one change of one cell that makes a table balance."""

from collections.abc import Iterator
from functools import cache

from app.domain.findings import Suspect
from app.domain.layout import LARGEST, Table
from app.domain.report import Filing
from app.domain.totals import as_number

Identity = tuple[tuple[int, int], ...]
"""Cells and their signs, which together come to zero."""


@cache
def _identities(table: Table) -> tuple[tuple[Identity, ...], tuple[dict[int, int], ...]]:
    """Return a table's identities, and for each cell those that contain it with its sign."""
    identities = tuple(_derived(table))
    containing: tuple[dict[int, int], ...] = tuple({} for _ in table.cells)
    for n, identity in enumerate(identities):
        for index, sign in identity:
            containing[index][n] = sign
    return identities, containing


def _derived(table: Table) -> Iterator[Identity]:
    at = table.at
    for line in table.lines:
        for column in table.columns:
            total = (at[line.key, column.key], 1)
            if column.parts:
                yield (total, *((at[line.key, part], -1) for part in column.parts))
            if line.parts:
                yield (total, *((at[part, column.key], -1) for part in line.parts))
    for balance in table.balances:
        for column in table.columns:
            yield (
                *((at[line, column.key], 1) for line in balance.left),
                *((at[line, column.key], -1) for line in balance.right),
            )


def suspects_of(filing: Filing) -> tuple[Suspect, ...]:
    """Return the only cell whose change makes every identity hold, or nothing.

    Judged over the cells as reported; nothing is said where a cell is blank or the table nil.
    """
    if filing.nil or None in filing.cells:
        return ()
    numbers = [as_number(value) for value in filing.cells]
    identities, containing = _identities(filing.table)
    off = [sum(sign * numbers[i] for i, sign in identity) for identity in identities]
    broken = {n for n, amount in enumerate(off) if amount}
    found = [
        (index, excess)
        for index, signs in enumerate(containing)
        if broken <= signs.keys() and (excess := _excess(signs, off))
    ]
    if len(found) != 1:
        return ()
    (index, excess), *_ = found
    repaired = numbers[index] - excess
    if not 0 <= repaired <= LARGEST:
        return ()
    return (Suspect(filing.table.pointers[index], filing.cells[index], repaired),)


def _excess(signs: dict[int, int], off: list[int]) -> int:
    """Return by how much a cell is too large in each identity it is in; 0 if they differ."""
    amounts = {sign * off[n] for n, sign in signs.items()}
    return amounts.pop() if len(amounts) == 1 else 0
