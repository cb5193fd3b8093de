"""A measure: a count or a ratio over many reports, and the cells that it adds up.

A measure is a sum of cells, or a sum over a sum. Its cells are named as in the catalogue of rules,
`requests.granted.total`; `*` stands for any end of a line's key. A total is what its cells come to,
or where one of them is blank, what was reported as the total: published reports often leave blank
what is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from itertools import groupby

from app.domain.layout import Cell, Form, Label, Table

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A count, or with a denominator a ratio."""

    key: str
    text: Label
    numerator: Names
    denominator: Names = ()

    @property
    def kind(self) -> str:
        """`count` or `ratio`."""
        return "ratio" if self.denominator else "count"


@dataclass(frozen=True, slots=True)
class Part:
    """Cells of one line that are added up, as columns of the database.

    `total` is the cell that the form prints their sum in; it stands in where one of them is blank.
    """

    table: str
    cells: Names
    total: str | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A cell that is added up, as the lines that it is the sum of; `total` is the cell itself."""

    parts: tuple[Part, ...]
    total: Part | None = None


def formula(names: Names) -> str:
    """Return a sum in words."""
    return " + ".join(f"Σ {name}" if "*" in name else name for name in names)


@cache
def named(form: Form, names: Names) -> Names:
    """Return the cells of a form that are meant, patterns resolved; () if it lacks one."""
    found = [_matching(form, name) for name in names]
    return tuple(name for each in found for name in each) if all(found) else ()


def _matching(form: Form, name: str) -> list[str]:
    key, pattern, column = name.split(".")
    table = form.table.get(key)
    lines = _lines(table, pattern) if table else []
    return [f"{key}.{line}.{column}" for line in lines if table and (line, column) in table.at]


def _lines(table: Table, pattern: str) -> list[str]:
    if "*" not in pattern:
        return [pattern]
    return [l.key for l in table.lines if not l.parts and fnmatchcase(l.key, pattern)]


@cache
def terms(form: Form, names: Names) -> tuple[Term, ...]:
    """Return what is added up for a sum on a form; () if it lacks a cell."""
    return tuple(_term(form, name) for name in named(form, names))


def _term(form: Form, name: str) -> Term:
    key, line, column = name.split(".")
    table = form.table[key]
    cell = table.cells[table.at[line, column]]
    cells = [table.cells[index] for index in cell.addends or (cell.index,)]
    lines = groupby(cells, key=lambda each: each.line.key)
    parts = tuple(_part(table, line, column, [*group]) for line, group in lines)
    return Term(parts, Part(key, (cell.name,)) if len(parts) > 1 else None)


def _part(table: Table, line: str, column: str, cells: Sequence[Cell]) -> Part:
    total = table.cells[table.at[line, column]]
    return Part(
        table.key, tuple(each.name for each in cells), total.name if total.is_total else None
    )


def is_defined(measure: Measure, form: Form) -> bool:
    """Tell whether a form has every cell of a measure."""
    sides = [measure.numerator, *([measure.denominator] if measure.denominator else [])]
    return all(named(form, side) for side in sides)
