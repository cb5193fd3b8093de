"""A report laid out for judgement.

All cells of a report and of the report before it stand in one flat tuple, so that a side of a rule
is a handful of positions, and a rule that passes costs two sums in C.
"""

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Final

from app.domain.layout import Cell, Form
from app.domain.report import Report
from app.domain.totals import effective

MISSING: Final = object()
"""Stands for the cells of a table that is missing: nothing can be added to it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A cell in the flat layout: which table of which year, and the cell itself."""

    before: bool
    table: str
    cell: Cell
    pointer: str


class Layout:
    """Where the cells of a form, and of the form of the year before, stand in the flat tuple."""

    def __init__(self, form: Form, before: Form | None) -> None:
        self.form, self.before = form, before
        self.places = tuple(
            Place(is_before, table.key, cell, table.pointers[cell.index])
            for is_before, edition in ((False, form), (True, before))
            if edition is not None
            for table in edition.tables
            for cell in table.cells
        )

    @cached_property
    def position(self) -> dict[tuple[bool, str, str, str], int]:
        """The position of a cell by year, table, line and column."""
        return {
            (p.before, p.table, p.cell.line.key, p.cell.column.key): i
            for i, p in enumerate(self.places)
        }


@cache
def layout_of(form: Form, before: Form | None) -> Layout:
    """Return the layout of a report and the one before it; None where no form was in use."""
    return Layout(form, before)


@dataclass(slots=True)
class Case:
    """A report to be judged, with the one before it."""

    report: Report
    previous: Report | None
    layout: Layout
    reported: tuple[Any, ...] = ()
    values: tuple[Any, ...] = ()
    computed: set[int] = field(default_factory=set)
    assessed: dict[str, frozenset[str]] = field(default_factory=dict)
    zeros: set[tuple[bool, str]] = field(default_factory=set)
    """The tables in which all is 0, each with whether it is of the year before."""

    def __post_init__(self) -> None:
        reported: list[Any] = []
        values: list[Any] = []
        for before, report, form in (
            (False, self.report, self.layout.form),
            (True, self.previous, self.layout.before),
        ):
            for table in form.tables if form is not None else ():
                filing = report.filings.get(table.key) if report is not None else None
                if filing is None:
                    reported += [MISSING] * len(table.cells)
                    values += [MISSING] * len(table.cells)
                    continue
                if filing.cells == table.zeros:
                    self.zeros.add((before, table.key))
                    reported += filing.cells
                    values += filing.cells
                    continue
                effective_cells, computed = effective(filing)
                self.computed.update(len(values) + index for index in computed)
                reported += effective_cells if filing.nil else filing.cells
                values += effective_cells
        self.reported, self.values = tuple(reported), tuple(values)
