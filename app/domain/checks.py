"""The machinery of rules that compare two sums of cells.

Only when a sum is impossible (a blank, `n/a`, a missing table) or the comparison fails are the
reasons looked at.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.domain import decimals
from app.domain.case import MISSING, Case, Layout, layout_of
from app.domain.findings import Finding, Outcome, Side
from app.domain.layout import NOT_APPLICABLE, Form, Label, picker
from app.domain.rule import BLANK, NO_PREVIOUS, TABLE_MISSING, Rule, filled


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


class Sum:
    """A side of a check, bound to a layout."""

    def __init__(self, layout: Layout, terms: tuple[Term, ...]) -> None:
        place = layout.position
        located = [(t.minus, place[t.before, t.table, t.line, t.column]) for t in terms]
        self.positions = tuple(position for _, position in located)
        self._minus = tuple(position for minus, position in located if minus)
        self.subtracts = bool(self._minus)
        self.pick = picker(tuple(position for minus, position in located if not minus))
        self._subtracted = picker(self._minus)
        self.is_decimal = any(layout.places[p].cell.column.unit.is_decimal for p in self.positions)

    def quick(self, values: tuple[Any, ...]) -> int:
        """Add up; raises TypeError where a cell is not a number."""
        total: int = sum(self.pick(values)) - sum(self._subtracted(values))
        return total

    def careful(self, values: tuple[Any, ...]) -> int | None:
        """Add up with `n/a` as 0; None where `n/a` stands alone."""
        if len(self.positions) == 1 and values[self.positions[0]] == NOT_APPLICABLE:
            return None
        numbers: list[int] = [
            (-1 if position in self._minus else 1) * values[position]
            for position in self.positions
            if values[position] != NOT_APPLICABLE
        ]
        return sum(numbers)


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
        """Return the cells of this year that were left out and judged as computed."""
        as_reported = self.left.positions if self.own else ()
        return tuple(
            case.layout.places[p].pointer
            for p in self.positions
            if p in case.computed and p not in as_reported and not case.layout.places[p].before
        )


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """How two sides must stand: `holds` for one pair.

    Where nearly all pairs hold for a simple reason, `suspicious` picks those that need a look, by
    their positions.
    """

    holds: Callable[[int, int], bool]
    suspicious: Callable[[Sequence[int], Sequence[int]], Iterable[int]] | None = None

    def broken(self, lefts: Sequence[int], rights: Sequence[int]) -> list[int]:
        """Return the positions of the pairs that do not stand as they must."""
        looked_at: Iterable[int] = range(len(lefts))
        if self.suspicious is not None:
            looked_at = self.suspicious(lefts, rights)
        elif all(map(self.holds, lefts, rights)):
            return []
        return [i for i in looked_at if not self.holds(lefts[i], rights[i])]


Checks = Callable[[Form, Form | None], Iterable[Check]]
"""The checks of a rule on a form, after a year of another form, or of none."""


class Sums:
    """One side of all checks of a rule, summed at once."""

    def __init__(self, sides: Iterable[Sum]) -> None:
        sums = tuple(sides)
        self._picks = tuple(side.pick for side in sums)
        self._cells: Callable[[Any], tuple[int, ...]] | None = None
        if all(len(side.positions) == 1 for side in sums):
            self._cells = picker(tuple(side.positions[0] for side in sums))

    def of(self, values: tuple[Any, ...]) -> Sequence[int]:
        """Return the sums; raises TypeError where a cell is not a number."""
        if self._cells is None:
            return [sum(pick(values)) for pick in self._picks]
        cells = self._cells(values)
        sum(cells)
        return cells


class Plan:
    """The checks of a rule, bound to a layout."""

    def __init__(self, layout: Layout, checks: Iterable[Check], relation: Relation) -> None:
        self._relation = relation
        self.checks = tuple(Bound(layout, check) for check in checks)
        places = (layout.places[p] for check in self.checks for p in check.positions)
        self.tables = frozenset((place.before, place.table) for place in places)
        zeros = (0,) * len(self.checks)
        self.holds_on_zeros = not relation.broken(zeros, zeros)
        self.all = frozenset(check.at for check in self.checks)
        self._own = any(check.own for check in self.checks)
        self._subtracts = any(c.left.subtracts or c.right.subtracts for c in self.checks)
        self._lefts = Sums(check.left for check in self.checks)
        self._rights = Sums(check.right for check in self.checks)

    def doubtful(self, case: Case) -> Sequence[Bound]:
        """Return the checks that do not pass at once: all, if a cell is not a number."""
        if self._subtracts:
            return self.checks
        try:
            lefts = self._lefts.of(case.reported if self._own else case.values)
            rights = self._rights.of(case.values)
        except TypeError:
            return self.checks
        return [self.checks[position] for position in self._relation.broken(lefts, rights)]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What a rule finds that compares two sums in each of its checks.

    `unless` names a rule that must come before and replaces this one where it could be assessed.
    In the first year of all, a cross-year rule cannot be judged, and one `from_second_year` does
    not apply.
    """

    relation: Relation
    checks: Checks
    cross_year: bool = False
    from_second_year: bool = False
    difference: bool = True
    unless: str | None = None

    def applies(self, form: Form) -> bool:
        """Tell whether a form has the cells that are compared, in two years running."""
        return any(True for _ in self.checks(form, form))

    def __call__(self, rule: Rule, case: Case) -> Iterator[Finding]:
        """Yield the checks that fail, and those that cannot be assessed."""
        plan = _plan(self, case.layout)
        if self.cross_year and case.previous is None:
            if plan.checks:
                yield rule.unassessable(case, None, NO_PREVIOUS)
        elif plan.holds_on_zeros and plan.tables <= case.zeros:
            case.assessed[rule.id] = plan.all
        else:
            yield from self._one_by_one(plan, rule, case)

    def _one_by_one(self, plan: Plan, rule: Rule, case: Case) -> Iterator[Finding]:
        replaced = case.assessed.get(self.unless or "", frozenset())
        unassessed: set[str] = set()
        missing = False
        for check in plan.doubtful(case):
            if check.at in replaced or self._passes(check, case):
                continue
            finding = self._careful(rule, case, check)
            if finding is None:
                continue
            if finding.outcome is Outcome.NOT_ASSESSABLE:
                unassessed.add(check.at)
                if finding.at is None and missing:
                    continue
                missing = missing or finding.at is None
            yield finding
        case.assessed[rule.id] = plan.all - unassessed

    def _passes(self, check: Bound, case: Case) -> bool:
        """Tell whether all cells are numbers and the sides stand as they must."""
        left_values = case.reported if check.own else case.values
        try:
            left, right = check.left.quick(left_values), check.right.quick(case.values)
            return self.relation.holds(left, right)
        except TypeError:
            return False

    def _careful(self, rule: Rule, case: Case, check: Bound) -> Finding | None:
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
        if self.relation.holds(left, right):
            return None
        sides: dict[str, Side] = {
            "left": _shown(left, check.left.is_decimal),
            "right": _shown(right, check.right.is_decimal),
        }
        is_decimal = check.left.is_decimal
        sides["difference"] = _shown(left - right, is_decimal) if self.difference else None
        return rule.finding(
            case,
            check.at,
            computed_cells=check.computed_cells(case),
            message=filled(rule.message, check.label, **sides),
            **sides,
            **where,
        )


@cache
def _plan(comparison: Comparison, layout: Layout) -> Plan:
    if comparison.cross_year and layout.before is None:
        layout = layout_of(layout.form, None if comparison.from_second_year else layout.form)
    return Plan(layout, comparison.checks(layout.form, layout.before), comparison.relation)


def _shown(number: int, is_decimal: bool) -> Side:
    return decimals.as_text(number) if is_decimal else number
