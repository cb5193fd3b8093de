"""The sum of many reports: what their tables add up to, and what may be said of it.

Numbers add, `n/a` adds nothing, a table declared nil is 0 everywhere, and a blank is not known: a
sum over it is partial. Amounts add within one unit, so they are brought to yuan first; one whose
unit is not known cannot be added, unless it is 0.
"""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, Final

from app.domain.catalogue import OTHERS
from app.domain.findings import Finding, Outcome
from app.domain.layout import (
    NOT_APPLICABLE,
    YUAN,
    Cell,
    Cells,
    Form,
    Label,
    Table,
    Unit,
    Value,
)
from app.domain.report import Filing, Report
from app.domain.rule import filled
from app.domain.rules import judge, rules_of
from app.domain.totals import effective

NOT_OF_SUMS = frozenset({"cells.blank", "items.change-is-decisions", "documents.rule-maker"})
"""The rules that a sum may break where no report does, or that are about who files."""

RULE: Final = next(rule for rule in OTHERS if rule.id == "rollup.sum")

_FLOOR = Label(
    "{at}：汇总报告为 {left}，小于所属各机构已报的合计 {right}，相差 {difference}。",
    "{at}: the consolidated report has {left}, less than the {right} that the agencies below have "
    "filed so far; difference {difference}.",
)
_UNKNOWN: Final = object()
"""Stands for an amount whose unit is not known."""


@dataclass(frozen=True, slots=True)
class Added:
    """What the filings of a table come to, amounts in yuan.

    `filings` counts them, those declared nil included. Of each cell, `sums` is the sum of what is a
    number, None if nothing is or if it cannot be added; `gaps` counts the filings that leave it
    blank, or whose amount cannot be added; `inapplicable` counts those that say `n/a`.
    """

    table: Table
    filings: int
    sums: tuple[int | None, ...]
    gaps: tuple[int, ...]
    inapplicable: tuple[int, ...]


def unit_of(cell: Cell) -> str | None:
    """Return the key of the member that names the unit of a cell; None for most cells."""
    return f"{cell.column.key}_unit" if cell.column.unit is Unit.MONEY else None


def _addable(filing: Filing) -> tuple[Any, ...]:
    """Return the cells as they are added."""
    if filing.nil:
        return filing.table.zeros
    if not filing.table.choices:
        return filing.cells
    return tuple(_in_yuan(filing, cell) for cell in filing.table.cells)


def _in_yuan(filing: Filing, cell: Cell) -> Any:
    value, unit = filing.cells[cell.index], unit_of(cell)
    if unit is None or not isinstance(value, int) or value == 0:
        return value
    factor = YUAN.get(filing.choices.get(unit, ""))
    return _UNKNOWN if factor is None else value * factor


def added(table: Table, filings: Sequence[Filing]) -> Added:
    """Add up the filings of a table: one stands for all that are zero everywhere."""
    none = table.zeros
    if not filings:
        return Added(table, 0, (None,) * len(table.cells), none, none)
    added = [_addable(each) for each in filings if not each.nil and each.cells != table.zeros]
    if len(added) < len(filings):
        added.append(table.zeros)
    columns = list(zip(*added, strict=True))
    try:
        return Added(table, len(filings), tuple(map(sum, columns)), none, none)
    except TypeError:
        sums, gaps, inapplicable = zip(*map(_column, columns), strict=True)
        return Added(table, len(filings), sums, gaps, inapplicable)


def added_up(form: Form, reports: Sequence[Report]) -> dict[str, Added]:
    """Add up every table of reports, by its key."""
    return {
        table.key: added(table, [r.filings[table.key] for r in reports if table.key in r.filings])
        for table in form.tables
    }


def _column(values: tuple[Any, ...]) -> tuple[int | None, int, int]:
    try:
        return sum(values), 0, 0
    except TypeError:
        numbers = [value for value in values if isinstance(value, int)]
        unknown = values.count(_UNKNOWN)
        total = sum(numbers) if numbers and not unknown else None
        return total, values.count(None) + unknown, values.count(NOT_APPLICABLE)


def _choices(found: Added) -> dict[str, str]:
    choices = {choice.key: choice.default for choice in found.table.choices}
    for cell in found.table.cells if choices else ():
        unit = unit_of(cell)
        if unit is not None and found.sums[cell.index] is not None:
            choices[unit] = "yuan"
    return choices


def shown(found: Added) -> Filing:
    """Return a sum as a table: null where there is no number."""
    return Filing(found.table, found.sums, choices=_choices(found))


def partial(found: Added, reports: int) -> frozenset[int]:
    """Return the cells that are not known of every one of the reports."""
    if found.filings < reports:
        return frozenset(range(len(found.sums)))
    return frozenset(compress(range(len(found.gaps)), found.gaps))


def _judged(found: Added) -> Filing:
    """Return a sum as rules see it: what is blank in one of the filings is not known in all."""
    cells: Cells = found.sums
    if None in found.sums or any(found.gaps):
        cells = tuple(map(_judged_cell, found.sums, found.gaps, found.inapplicable))
    return Filing(found.table, cells, choices=_choices(found))


def _judged_cell(total: int | None, gaps: int, inapplicable: int) -> Value:
    if gaps:
        return None
    return NOT_APPLICABLE if total is None and inapplicable else total


def findings_of(report: Report, sums: Mapping[str, Added], before: Form | None) -> list[Finding]:
    """Judge a sum by the rules that survive summing: what fails.

    `report` has the agency and the year that the sum is of. Rules across years are left to the
    reports: linear as they are, the sums can only break them where a report does.
    """
    filings = {key: _judged(found) for key, found in sums.items() if found.filings}
    found = judge(replace(report, filings=filings), None, before)
    return [f for f in found if f.outcome is Outcome.FAIL and f.rule not in NOT_OF_SUMS]


def reconciled(
    own: Report, members: Sequence[Report], sums: Mapping[str, Added], expected: int
) -> Iterator[Finding]:
    """Hold a government's consolidated report against the reports of its members, cell by cell.

    `sums` is what those come to. `expected` members were active in the year. Where all of them have
    filed a cell it is their sum; otherwise it is not below it, unless it may be negative: then
    nothing can be said. A total that was left out counts as what it is computed to be.
    """
    for table in own.form.tables:
        filings = [m.filings[table.key] for m in members if table.key in m.filings]
        if filings and table.key in own.filings:
            whole = [_whole(filing) for filing in filings]
            is_as_filed = all(map(operator.is_, whole, filings))
            found = sums[table.key] if is_as_filed else added(table, whole)
            yield from _compared(own, own.filings[table.key], found, expected)


def _whole(filing: Filing) -> Filing:
    """Return a filing with the totals that were left out, where they can be computed."""
    if filing.nil or filing.cells is filing.table.zeros or None not in filing.cells:
        return filing
    return replace(filing, cells=effective(filing)[0])


def _compared(own: Report, filing: Filing, sums: Added, expected: int) -> Iterator[Finding]:
    lefts = _addable(_whole(filing))
    if lefts == sums.sums:
        return
    table, (_, computed) = filing.table, effective(filing)
    for cell in table.cells:
        left, right = lefts[cell.index], sums.sums[cell.index]
        if left == right or not isinstance(left, int) or right is None:
            continue
        complete = sums.filings == expected and not sums.gaps[cell.index]
        if complete or (left < right and cell.column.unit is not Unit.CHANGE):
            numbers = {"left": left, "right": right, "difference": left - right}
            sides: dict[str, Any] = {name: cell.column.unit.shown(n) for name, n in numbers.items()}
            cells = (table.pointers[cell.index],)
            yield Finding(
                RULE.id,
                f"{table.key}.{cell.line.key}.{cell.column.key}",
                RULE.severity,
                Outcome.FAIL,
                table.key,
                filled(RULE.message if complete else _FLOOR, cell.label, **sides),
                RULE.basis or own.form.source,
                cells,
                computed_cells=cells if cell.index in computed else (),
                **sides,
            )


def in_order(form: Form, findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order of the catalogue."""
    place = {rule.id: index for index, rule in enumerate(rules_of(form))}
    return sorted(findings, key=lambda finding: place[finding.rule])
