"""The checks that the form prints as formulas of a spreadsheet, made from the rules themselves.

A formula shows the difference of a check's sides: 0 where it passes, nothing where it cannot be
assessed, as `domain.checks` has it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.documents.spreadsheet import place
from app.domain.catalogue import identities
from app.domain.checks import Check, Comparison, Term
from app.domain.layout import Form, Table

Checks = list[tuple[str, dict[str, str]]]
"""For each rule its title, and its formulas by the key of the line or column."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the lines and columns of a table stand in a sheet, and its filing."""

    table: Table
    rows: Mapping[str, int]
    columns: Mapping[str, int]
    filing: str

    def ranges(self, indexes: Iterable[int]) -> str:
        """Return cells as ranges, as few as there can be of whole stretches of lines."""
        spans: list[tuple[int, int, int, int]] = []
        for row, first, last in self._stretches(indexes):
            if spans and spans[-1][1:] == (row - 1, first, last):
                spans[-1] = (spans[-1][0], row, first, last)
            else:
                spans.append((row, row, first, last))
        return ",".join(
            place(top, left) if (top, left) == (bottom, right)
            else f"{place(top, left)}:{place(bottom, right)}"
            for top, bottom, left, right in spans
        )  # fmt: skip

    def _stretches(self, indexes: Iterable[int]) -> Iterator[tuple[int, int, int]]:
        found: tuple[int, int, int] | None = None
        for row, column in sorted(map(self._at, indexes)):
            if found is not None and found[0] == row and found[2] == column - 1:
                found = (row, found[1], column)
                continue
            if found is not None:
                yield found
            found = (row, column, column)
        if found is not None:
            yield found

    def _at(self, index: int) -> tuple[int, int]:
        cell = self.table.cells[index]
        return self.rows[cell.line.key], self.columns[cell.column.key]


def checks(form: Form, places: Places) -> tuple[Checks, Checks]:
    """Return the checks within lines of a table, and those within its columns."""
    beside: Checks = []
    below: Checks = []
    for rule in identities(places.table):
        assert isinstance(rule.find, Comparison)
        found = tuple(rule.find.checks(form, None))
        within_lines = all(len({t.line for t in (*c.left, *c.right)}) == 1 for c in found)
        title = f"{rule.text.zh}\n{rule.text.en}\n({rule.id})"
        made = {check.at: _formula(places, check) for check in found}
        (beside if within_lines else below).append((title, made))
    return beside, below


def _formula(places: Places, check: Check) -> str:
    left = _Side(places, check.left, as_reported=check.own)
    right = _Side(places, check.right)
    missing = "+".join((*left.blanks(), *right.blanks()))
    alone = [f"ISTEXT({side.only})" for side in (left, right) if side.only]
    stop = ",".join((f'{places.filing}="nil"', f"{missing}>0", *alone))
    return f'=IF(OR({stop}),"",{left.value()}-({right.value()}))'


class _Side:
    """A sum of cells, some of which are totals that may be left out."""

    def __init__(self, places: Places, terms: tuple[Term, ...], as_reported: bool = False) -> None:
        table = places.table
        self._places = places
        cells = [table.cells[table.at[term.line, term.column]] for term in terms]
        self._totals = [] if as_reported else [cell for cell in cells if cell.is_total]
        self._plain = [cell.index for cell in cells if cell not in self._totals]
        self.only = places.ranges([cells[0].index]) if len(cells) == 1 else None

    def blanks(self) -> Iterator[str]:
        """Yield expressions that count the cells that are needed and blank."""
        for each in self._places.ranges(self._plain).split(",") if self._plain else ():
            yield f"COUNTBLANK({each})"
        for here, addends in self._shown_totals():
            blank = "+".join(f"COUNTBLANK({each})" for each in addends.split(","))
            yield f"IF(ISBLANK({here}),{blank}+(COUNT({addends})=0),0)"

    def value(self) -> str:
        """Return the expression of the sum; texts add nothing."""
        sums = [f"SUM({self._places.ranges(self._plain)})"] if self._plain else []
        sums += [
            f"IF(ISBLANK({here}),SUM({addends}),N({here}))"
            for here, addends in self._shown_totals()
        ]
        return "+".join(sums)

    def _shown_totals(self) -> Iterator[tuple[str, str]]:
        for cell in self._totals:
            yield self._places.ranges([cell.index]), self._places.ranges(cell.addends)
