"""The machinery of rules that compare two sums of cells.

All cells of a report and of the report before it are laid out in one flat tuple, so that a side of
a rule is a handful of positions, and a rule that passes costs two sums in C. Only when a sum is
impossible (a blank, `n/a`, a missing table) or the comparison fails are the reasons looked at.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from operator import itemgetter
from typing import Any, Final

from app.domain import decimals
from app.domain.findings import Finding, Outcome, Severity, Side
from app.domain.layout import NOT_APPLICABLE, Cell, Form, Label
from app.domain.report import Report
from app.domain.totals import effective

MISSING: Final = object()
"""Stands for the cells of a table that is missing: nothing can be added to it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the catalogue. `formula` has the sides that `left` and `right` of findings name."""

    id: str
    severity: Severity
    formula: str
    text: Label
    message: Label
    find: "Callable[[Rule, Case], Iterator[Finding]]"
    applies: Callable[[Form], bool]
    table: str | None = None
    basis: str | None = None  # None: the form itself

    def finding(self, case: "Case", at: str | None, **members: Any) -> Finding:
        """Return a failure of this rule."""
        return Finding(
            rule=self.id,
            at=at,
            severity=self.severity,
            outcome=Outcome.FAIL,
            basis=self.basis or case.report.form.source,
            **({"table": self.table} | members),
        )

    def unassessable(self, case: "Case", at: str | None, why: Label, **members: Any) -> Finding:
        """Return that this rule cannot be judged."""
        return Finding(
            rule=self.id,
            at=at,
            severity=self.severity,
            outcome=Outcome.NOT_ASSESSABLE,
            basis=self.basis or case.report.form.source,
            message=why,
            **({"table": self.table} | members),
        )


NO_PREVIOUS = Label("没有上一年度的报告，无法判断。", "There is no report on the year before.")
TABLE_MISSING = Label("所需的表未填报，无法判断。", "A table that the rule needs is missing.")
BLANK = Label(
    "所需的单元格为空白或不适用，无法判断。",
    "A cell that the rule needs is blank or not applicable.",
)


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
    assessed: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        reported: list[Any] = []
        values: list[Any] = []
        for report, form in (
            (self.report, self.layout.form),
            (self.previous, self.layout.before),
        ):
            for table in form.tables if form is not None else ():
                filing = report.filings.get(table.key) if report is not None else None
                if filing is None:
                    reported += [MISSING] * len(table.cells)
                    values += [MISSING] * len(table.cells)
                    continue
                effective_cells, computed = effective(filing)
                self.computed.update(len(values) + index for index in computed)
                reported += effective_cells if filing.nil else filing.cells
                values += effective_cells
        self.reported, self.values = tuple(reported), tuple(values)


@dataclass(frozen=True, slots=True)
class Term:
    """A cell in a sum; `minus` subtracts it, `before` takes it from the year before."""

    table: str
    line: str
    column: str
    minus: bool = False
    before: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of a rule. `own`: the left side is a total, taken as reported."""

    at: str
    label: Label
    table: str
    left: tuple[Term, ...]
    right: tuple[Term, ...]
    own: bool = False


def _tuple_getter(positions: tuple[int, ...]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    if len(positions) == 1:
        only = positions[0]
        return lambda values: (values[only],)
    return itemgetter(*positions) if positions else lambda _: ()


class Sum:
    """A side of a check, bound to a layout."""

    def __init__(self, layout: Layout, terms: tuple[Term, ...]) -> None:
        place = layout.position
        located = [(t.minus, place[t.before, t.table, t.line, t.column]) for t in terms]
        self.positions = tuple(position for _, position in located)
        self._minus = tuple(position for minus, position in located if minus)
        self._plus = _tuple_getter(tuple(position for minus, position in located if not minus))
        self._subtracted = _tuple_getter(self._minus) if self._minus else None
        self.is_decimal = any(layout.places[p].cell.column.unit.is_decimal for p in self.positions)

    def quick(self, values: tuple[Any, ...]) -> int:
        """Add up; raises TypeError where a cell is not a number."""
        total: int = sum(self._plus(values))
        return total - sum(self._subtracted(values)) if self._subtracted else total

    def careful(self, values: tuple[Any, ...]) -> int | None:
        """Add up with `n/a` as 0; None where `n/a` stands alone."""
        if len(self.positions) == 1 and values[self.positions[0]] == NOT_APPLICABLE:
            return None
        return sum(
            (-1 if position in self._minus else 1) * values[position]
            for position in self.positions
            if values[position] != NOT_APPLICABLE
        )


class Bound:
    """A check, bound to a layout."""

    def __init__(self, layout: Layout, check: Check) -> None:
        self.at, self.label, self.table, self.own = check.at, check.label, check.table, check.own
        self.left, self.right = Sum(layout, check.left), Sum(layout, check.right)
        self.positions = sorted({*self.left.positions, *self.right.positions})
        self.cells, self.other_cells = (
            tuple(layout.places[p].pointer for p in self.positions if layout.places[p].before is b)
            for b in (False, True)
        )

    def computed_cells(self, case: Case) -> tuple[str, ...]:
        """The cells of this year that were left out and judged by their computed value."""
        as_reported = self.left.positions if self.own else ()
        return tuple(
            case.layout.places[p].pointer
            for p in self.positions
            if p in case.computed and p not in as_reported and not case.layout.places[p].before
        )


Relation = Callable[[int, int], bool]
Checks = Callable[[Form, Form | None], Iterable[Check]]


def compare(
    relation: Relation,
    checks: Checks,
    *,
    cross_year: bool = False,
    from_second_year: bool = False,
    difference: bool = True,
    unless: str | None = None,
) -> Callable[[Rule, Case], Iterator[Finding]]:
    """Return the `find` of a rule that compares two sums in each of its checks.

    `unless` names a rule that must come before and replaces this one where it could be assessed.
    In the first year of all, a cross-year rule cannot be judged, and one `from_second_year` does
    not apply.
    """

    @cache
    def plan(layout: Layout) -> tuple[Bound, ...]:
        if cross_year and layout.before is None:
            layout = layout_of(layout.form, None if from_second_year else layout.form)
        return tuple(Bound(layout, check) for check in checks(layout.form, layout.before))

    def find(rule: Rule, case: Case) -> Iterator[Finding]:
        bound = plan(case.layout)
        if cross_year and case.previous is None:
            if bound:
                yield rule.unassessable(case, None, NO_PREVIOUS)
            return
        replaced = case.assessed.get(unless, set()) if unless else set()
        assessed = case.assessed.setdefault(rule.id, set())
        missing = False
        for check in bound:
            if check.at in replaced:
                continue
            left_values = case.reported if check.own else case.values
            try:
                if relation(check.left.quick(left_values), check.right.quick(case.values)):
                    assessed.add(check.at)
                    continue
            except TypeError:
                pass
            finding = _careful(rule, case, check, relation, difference)
            if finding is None or finding.outcome is Outcome.FAIL:
                assessed.add(check.at)
            if finding is not None and (finding.at is not None or not missing):
                missing = missing or finding.at is None
                yield finding

    return find


def _careful(
    rule: Rule, case: Case, check: Bound, relation: Relation, difference: bool
) -> Finding | None:
    left_values = case.reported if check.own else case.values
    needed = [
        *(left_values[p] for p in check.left.positions),
        *(case.values[p] for p in check.right.positions),
    ]
    if MISSING in needed:
        return rule.unassessable(case, None, TABLE_MISSING, table=check.table)
    where = {"table": check.table, "cells": check.cells, "other_cells": check.other_cells}
    left = right = None
    if None not in needed:
        left, right = check.left.careful(left_values), check.right.careful(case.values)
    if left is None or right is None:
        return rule.unassessable(case, check.at, BLANK, **where)
    if relation(left, right):
        return None
    sides = {
        "left": _shown(left, check.left.is_decimal),
        "right": _shown(right, check.right.is_decimal),
        "difference": _shown(left - right, check.left.is_decimal) if difference else None,
    }
    return rule.finding(
        case,
        check.at,
        computed_cells=check.computed_cells(case),
        message=filled(rule.message, check.label, **sides),
        **sides,
        **where,
    )


def _shown(number: int, is_decimal: bool) -> Side:
    return decimals.as_text(number) if is_decimal else number


def filled(message: Label, at: Label, **values: Side) -> Label:
    """Return a message with the place and the figures filled in."""
    return Label(
        message.zh.format(at=at.zh, **values),
        message.en.format(at=at.en, **values),
    )
