"""Two reports side by side, cell by cell, on one form or across two."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.domain.crosswalk import Pair, Reason, merged, pairs_of
from app.domain.layout import YUAN, Cells, Table, Unit, Value
from app.domain.ratios import ratio
from app.domain.report import Filing, Report
from app.domain.totals import effective, together


@dataclass(frozen=True, slots=True)
class Side:
    """A table of one of the reports: `state`, and its cells as rules see them.

    `state` is filed, nil, missing or not_in_form; `computed` are the totals that were left out.
    """

    table: Table | None
    state: str
    cells: Cells = ()
    computed: frozenset[int] = frozenset()
    choices: Mapping[str, str] = field(default_factory=dict)

    def sum(self, places: tuple[int, ...]) -> Value:
        """Return what these cells come to; None if they are not there."""
        return together([self.cells[place] for place in places]) if self.cells and places else None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two figures, their difference and their ratio.

    `units` are those of the left, the right and the difference, where the form prints none.
    """

    pair: Pair
    left: Value
    right: Value
    difference: int | None = None
    ratio: str | None = None
    reason: Reason | None = None
    units: tuple[str | None, str | None, str | None] | None = None


@dataclass(frozen=True, slots=True)
class ComparedTable:
    """A table of two reports, line by line."""

    key: str
    left: Side
    right: Side
    figures: tuple[Compared, ...]


def compare(left: Report, right: Report) -> Iterator[ComparedTable]:
    """Compare every table that the form of one of the reports has."""
    for key in merged([*left.form.table], [*right.form.table]):
        sides = _side(left, key), _side(right, key)
        pairs = pairs_of(sides[0].table, sides[1].table)
        yield ComparedTable(key, *sides, tuple(_compared(pair, *sides) for pair in pairs))


def _side(report: Report, key: str) -> Side:
    table, filing = report.form.table.get(key), report.filings.get(key)
    if table is None:
        return Side(None, "not_in_form")
    if filing is None:
        return Side(table, "missing")
    return Side(table, filing.state, *effective(filing), filing.choices)


def _compared(pair: Pair, left: Side, right: Side) -> Compared:
    values = left.sum(pair.left), right.sum(pair.right)
    if pair.reason is not None:
        return Compared(pair, *values, reason=pair.reason)
    if pair.unit is Unit.MONEY and left.cells and right.cells:
        return _amounts(pair, values, (unit_of(left, pair.column), unit_of(right, pair.column)))
    return Compared(pair, *values, *_measured(*values))


def unit_of(side: Side | Filing, column: str) -> str | None:
    """Return the unit that a table names for the amounts of a column; None if it is not known."""
    unit = side.choices.get(f"{column}_unit")
    return unit if unit in YUAN else None


def _amounts(
    pair: Pair, values: tuple[Value, Value], units: tuple[str | None, str | None]
) -> Compared:
    left, right = units
    if left is None or right is None:
        return Compared(pair, *values, reason=Reason.UNIT, units=(left, right, None))
    if left == right:
        return Compared(pair, *values, *_measured(*values), units=(left, right, left))
    in_yuan = (
        value * YUAN[unit] if isinstance(value, int) else value
        for value, unit in zip(values, (left, right), strict=True)
    )
    return Compared(pair, *values, *_measured(*in_yuan), units=(left, right, "yuan"))


def _measured(left: Value, right: Value) -> tuple[int | None, str | None]:
    """Return the difference and the ratio of two figures that are numbers."""
    if isinstance(left, int) and isinstance(right, int):
        return left - right, ratio(left, right)
    return None, None
