"""The vocabulary in which an edition of the form is written down as a value.

A form has tables, a table has lines and columns, and a line and a column meet in a cell. Everything
that knows about cells (database columns, schemas, totals, rules, documents) walks over these.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from app.domain import decimals

LARGEST: Final = 2**53
"""The largest count: the largest whole number that every JSON reader keeps exact."""

NOT_APPLICABLE: Final = "n/a"

Value: TypeAlias = int | Literal["n/a"] | None
"""A cell: a number, not applicable, or None for blank. Decimals are whole millionths."""

Cells: TypeAlias = tuple[Value, ...]
"""A table's cells, in the order of `Table.cells`."""


class Unit(StrEnum):
    """What a column counts, and so what its cells look like."""

    COUNT = "count"  # whole, not negative
    CHANGE = "change"  # whole, may be negative
    WAN_YUAN = "wan_yuan"  # decimal, 10,000 yuan
    MONEY = "money"  # decimal, in the unit that a member of the table names

    @property
    def is_decimal(self) -> bool:
        """Tell whether cells are decimals of up to six places."""
        return self in {Unit.WAN_YUAN, Unit.MONEY}

    def shown(self, value: Value) -> int | str | None:
        """Return a figure as JSON has it: decimals are texts."""
        return decimals.as_text(value) if isinstance(value, int) and self.is_decimal else value


YUAN: Final = {"yuan": 1, "wan_yuan": 10_000}
"""The units of amounts that add up, in yuan."""


class Label(NamedTuple):
    """A text in both languages; the Chinese is the form's own."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table. `parts` are the keys of the lines that a total line adds up."""

    key: str
    label: Label
    article: str | None = None
    headings: tuple[Label, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `parts` are the keys of the columns that a total column adds up."""

    key: str
    label: Label
    unit: Unit = Unit.COUNT
    headings: tuple[Label, ...] = ()
    parts: tuple[str, ...] = ()
    across_forms: bool = False  # means the same in every edition, even where its table does not


@dataclass(frozen=True, slots=True)
class Choice:
    """A member of a table beside its cells, with the values that it may take."""

    key: str
    label: Label
    values: tuple[str, ...]
    default: str


@dataclass(frozen=True, slots=True)
class Balance:
    """An identity printed on the form: two sums of lines that are equal in every column.

    `text` says so in words; `message` is what is found, with `{at}` and the sides to be filled in.
    """

    rule: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    text: Label
    message: Label


@dataclass(frozen=True, slots=True)
class Division:
    """A line of one edition that another edition prints as several: `parts` come to `line`.

    It stands in the edition that brought the change, whichever way that went.
    """

    line: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a line and a column meet. `addends` are the cells that a total is computed from."""

    index: int
    line: Line
    column: Column
    addends: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name of the cell's database column."""
        return f"{self.line.key}__{self.column.key}"

    @property
    def label(self) -> Label:
        """What its line and its column are called."""
        (zh, en), (column_zh, column_en) = self.line.label, self.column.label
        return Label(f"{zh}·{column_zh}", f"{en}, {column_en}")

    @property
    def is_total(self) -> bool:
        """Tell whether the form prints a sum here."""
        return bool(self.addends)


@dataclass(frozen=True, eq=False)
class Table:
    """A statistical table of the form."""

    key: str
    title: Label
    source: Label
    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    balances: tuple[Balance, ...] = ()
    choices: tuple[Choice, ...] = ()
    across_forms: bool = False  # its cells mean the same in every edition that has them
    crosswalk: tuple["Division", ...] = ()

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell, line by line as printed."""
        return tuple(self._cells())

    @cached_property
    def at(self) -> dict[tuple[str, str], int]:
        """The index of each cell by the keys of its line and column."""
        return {(cell.line.key, cell.column.key): cell.index for cell in self.cells}

    @cached_property
    def pointers(self) -> tuple[str, ...]:
        """The JSON pointer of each cell in a report."""
        return tuple(
            f"/tables/{self.key}/data/{cell.line.key}/{cell.column.key}" for cell in self.cells
        )

    @cached_property
    def zeros(self) -> tuple[int, ...]:
        """The cells of a table in which all is 0, as most are."""
        return (0,) * len(self.cells)

    @cached_property
    def totals(self) -> tuple[Cell, ...]:
        """The cells that are sums of others."""
        return tuple(cell for cell in self.cells if cell.is_total)

    @cached_property
    def has_decimals(self) -> bool:
        """Tell whether any cell is a decimal."""
        return any(column.unit.is_decimal for column in self.columns)

    def _cells(self) -> Iterator[Cell]:
        place = {
            (line.key, column.key): i * len(self.columns) + j
            for i, line in enumerate(self.lines)
            for j, column in enumerate(self.columns)
        }
        for line in self.lines:
            for column in self.columns:
                addends: tuple[int, ...] = ()
                if line.parts or column.parts:
                    addends = tuple(
                        place[l, c]
                        for l in line.parts or (line.key,)
                        for c in column.parts or (column.key,)
                    )
                yield Cell(place[line.key, column.key], line, column, addends)


@dataclass(frozen=True, eq=False)
class Section:
    """A numbered part of the report as it is printed: a member of prose, or tables."""

    title: Label
    prose: str | None = None
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, eq=False)
class Form:
    """An edition of the form. `first_year` is the first reporting year that it is used for."""

    key: str
    first_year: int
    source: str
    title: Label
    sections: tuple[Section, ...]

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The tables of all sections, as printed."""
        return tuple(table for section in self.sections for table in section.tables)

    @cached_property
    def prose(self) -> dict[str, Label]:
        """The titles of the sections of prose, by the member that has their text."""
        return {section.prose: section.title for section in self.sections if section.prose}

    @cached_property
    def table(self) -> dict[str, Table]:
        """The tables by key."""
        return {table.key: table for table in self.tables}


def picker(positions: tuple[Any, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what picks these positions of a row, or keys, as a tuple, however few they are."""
    if len(positions) == 1:
        only = positions[0]
        return lambda row: (row[only],)
    return itemgetter(*positions) if positions else lambda _: ()
