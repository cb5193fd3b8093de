"""Which cells the rules compare, and how.

A rule is written for a column, or for a line, and holds in each that has the cells it names; so it
applies to every form that has them.
"""

import operator
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.domain.checks import Check, Checks, Relation, Term
from app.domain.layout import Form, Unit

JUMP_FLOOR, JUMP_FACTOR = 20, 5
UNIT_RATIO = (2_000, 50_000)  # a slip between yuan and 万元 is a factor of about 10,000


class Part(NamedTuple):
    """A line (in every column) or a column (in every line) of a sum.

    `minus` subtracts it, `before` takes it from the report on the year before.
    """

    key: str
    minus: bool = False
    before: bool = False


Parts = tuple[Part, ...]


def parts(*keys: str) -> Parts:
    """Return the parts of a plain sum of this year's figures."""
    return tuple(Part(key) for key in keys)


def _has(form: Form | None, term: Term) -> bool:
    table = form.table.get(term.table) if form is not None else None
    return table is not None and (term.line, term.column) in table.at


def _complete(form: Form, before: Form | None, check: Check) -> bool:
    """Tell whether the forms have every cell of a check."""
    return all(_has(before if t.before else form, t) for t in (*check.left, *check.right))


def per_column(table: str, left: Parts, right: Parts, *, own: bool = False) -> Checks:
    """Compare sums of lines in every column of a table."""

    def checks(form: Form, before: Form | None) -> Iterator[Check]:
        for column in form.table[table].columns if table in form.table else ():
            sides = [
                tuple(Term(table, p.key, column.key, p.minus, p.before) for p in side)
                for side in (left, right)
            ]
            check = Check(column.key, column.label, table, sides[0], sides[1], own)
            if _complete(form, before, check):
                yield check

    return checks


def per_line(*tables: str, left: Parts, right: Parts, own: bool = False) -> Checks:
    """Compare sums of columns in every line of the tables."""

    def checks(form: Form, before: Form | None) -> Iterator[Check]:
        for table in tables:
            for line in form.table[table].lines if table in form.table else ():
                sides = [
                    tuple(Term(table, line.key, p.key, p.minus, p.before) for p in side)
                    for side in (left, right)
                ]
                check = Check(line.key, line.label, table, sides[0], sides[1], own)
                if _complete(form, before, check):
                    yield check

    return checks


def per_count(form: Form, before: Form | None) -> Iterator[Check]:
    """Compare every count that is no total with the year before's, where it means the same."""
    for table in form.tables:
        if form is not before and not table.across_forms:
            continue
        for cell in table.cells:
            if cell.is_total or cell.column.unit is not Unit.COUNT:
                continue
            here = (table.key, cell.line.key, cell.column.key)
            now, then = Term(*here), Term(*here, before=True)
            if _has(before, then):
                yield Check(".".join(here), cell.label, table.key, (now,), (then,))


# Relations. Both sides are sums already, so both are numbers.

EQUAL = Relation(operator.eq)
AT_LEAST = Relation(operator.ge)
AT_MOST = Relation(operator.le)


def _within_jump(now: int, then: int) -> bool:
    if min(now, then) < JUMP_FLOOR:
        return True
    return now <= JUMP_FACTOR * then and then <= JUMP_FACTOR * now


def _not_small(now: Sequence[int], then: Sequence[int]) -> list[int]:
    large = [i for i, n in enumerate(now) if n >= JUMP_FLOOR]
    return [i for i in large if then[i] >= JUMP_FLOOR]


WITHIN_JUMP = Relation(_within_jump, _not_small)
"""Neither figure is many times the other, small figures aside."""


def _differ_unless_zero(left: int, right: int) -> bool:
    return left != right or left == 0


DIFFER_UNLESS_ZERO = Relation(_differ_unless_zero)


def _both_or_neither(left: int, right: int) -> bool:
    return (left == 0) == (right == 0)


BOTH_OR_NEITHER = Relation(_both_or_neither)
"""Both figures are 0 or neither is."""


def _plausible_unit(now: int, then: int) -> bool:
    if min(now, then) <= 0:
        return True
    least, most = UNIT_RATIO
    larger, smaller = max(now, then), min(now, then)
    return not least * smaller <= larger <= most * smaller


PLAUSIBLE_UNIT = Relation(_plausible_unit)
"""The ratio of two amounts is not that of two units."""
