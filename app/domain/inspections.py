"""Rules that are more than a comparison of two sums."""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from app.domain.case import Case
from app.domain.findings import Finding
from app.domain.layout import NOT_APPLICABLE, Form, Label, Table
from app.domain.report import Kind, Level
from app.domain.rule import AGENCY_UNKNOWN, BLANK, PROSE_NULL, TABLE_MISSING, Rule, filled
from app.domain.totals import as_number

EMPTY_PROSE = frozenset({"", "无", "暂无", "没有", "不适用"})
_LONGEST_EMPTY = 3


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a rule finds that looks at a report in its own way."""

    look: Callable[[Rule, Case], Iterator[Finding]]
    is_on: Callable[[Form], bool] = lambda form: True

    def applies(self, form: Form) -> bool:
        """Tell whether a form has what is looked at."""
        return self.is_on(form)

    def __call__(self, rule: Rule, case: Case) -> Iterator[Finding]:
        """Yield failures, and what cannot be assessed."""
        return self.look(rule, case)


def nothing(rule: Rule, case: Case) -> Iterator[Finding]:
    """Find nothing: the rule needs the reports of other agencies (see `domain.rollup`)."""
    return iter(())


def nil_not_empty(rule: Rule, case: Case) -> Iterator[Finding]:
    """Find the tables that are declared nil and hold a number other than 0."""
    for table in case.report.form.tables:
        filing = case.report.filings.get(table.key)
        if filing is None or not filing.nil:
            continue
        cells = tuple(
            pointer
            for pointer, value in zip(table.pointers, filing.cells, strict=True)
            if value not in (0, None, NOT_APPLICABLE)
        )
        if cells:
            yield _counted(rule, case, table, cells)


def blank_cells(rule: Rule, case: Case) -> Iterator[Finding]:
    """Find the filed tables in which a cell that is no total is blank."""
    for table in case.report.form.tables:
        filing = case.report.filings.get(table.key)
        if filing is None or filing.nil or None not in filing.cells:
            continue
        cells = tuple(
            table.pointers[cell.index]
            for cell in table.cells
            if filing.cells[cell.index] is None and not cell.is_total
        )
        if cells:
            yield _counted(rule, case, table, cells)


def _counted(rule: Rule, case: Case, table: Table, cells: tuple[str, ...]) -> Finding:
    sides = {"left": len(cells), "right": 0, "difference": len(cells)}
    message = filled(rule.message, table.title, **sides)
    return rule.finding(case, table.key, table=table.key, cells=cells, message=message, **sides)


def rule_columns(form: Form) -> tuple[str, ...]:
    """Return the columns that only a maker of rules fills: 2019 counts those of others, too."""
    wanted = ("made", "issued", "repealed", "in_force")
    cells = form.table["documents"].at if "documents" in form.table else {}
    return tuple(column for column in wanted if ("rules", column) in cells)


def _may_make_rules(kind: str, level: str) -> bool:
    return level == Level.STATE or (
        kind in {Kind.GOVERNMENT, Kind.OFFICE} and level in {Level.PROVINCE, Level.CITY}
    )


def rule_maker(rule: Rule, case: Case) -> Iterator[Finding]:
    """Find figures on rules of an agency that cannot make any."""
    agency, filing = case.report.agency, case.report.filings.get("documents")
    if agency is not None and _may_make_rules(agency.kind, agency.level):
        return
    if filing is None:
        yield rule.unassessable(case, None, TABLE_MISSING)
        return
    if filing.nil or (False, "documents") in case.zeros:
        return
    at = [filing.table.at["rules", column] for column in rule_columns(case.report.form)]
    values = [filing.cells[i] for i in at]
    everything = tuple(filing.table.pointers[i] for i in at)
    if None in values or values == [NOT_APPLICABLE]:
        yield rule.unassessable(case, "rules", BLANK, cells=everything)
        return
    largest = max(as_number(value) for value in values)
    if largest and agency is None:
        yield rule.unassessable(case, "rules", AGENCY_UNKNOWN, cells=everything)
    elif largest:
        cells = tuple(filing.table.pointers[i] for i in at if as_number(filing.cells[i]))
        sides = {"left": largest, "right": 0, "difference": largest}
        message = filled(rule.message, filing.table.lines[0].label, **sides)
        yield rule.finding(case, "rules", cells=cells, message=message, **sides)


def empty_prose(rule: Rule, case: Case) -> Iterator[Finding]:
    """Find a section on problems that says nothing."""
    text = case.report.problems
    if text is None:
        yield rule.unassessable(case, "problems", PROSE_NULL, cells=("/problems",))
    elif _letters(text) in EMPTY_PROSE:
        yield rule.finding(case, "problems", cells=("/problems",), message=rule.message)


def _letters(text: str) -> str:
    """Return the first letters, space and punctuation aside: enough to tell an empty text."""
    letters = (c for c in text if unicodedata.category(c)[0] not in "ZPC")
    return "".join(islice(letters, _LONGEST_EMPTY + 1))


def fee_prose(rule: Rule, case: Case) -> Iterator[Finding]:
    """Find that fees went unpaid and the report does not speak of them."""
    text = case.report.other_matters
    position = case.layout.position[False, "requests", "other_fee_unpaid", "total"]
    unpaid, cell = case.values[position], case.layout.places[position].pointer
    cells = (cell, "/other_matters")
    computed = (cell,) if position in case.computed else ()
    if "requests" not in case.report.filings:
        yield rule.unassessable(case, None, TABLE_MISSING)
    elif not isinstance(unpaid, int):
        yield rule.unassessable(case, "other_matters", BLANK, cells=cells)
    elif unpaid > 0 and text is None:
        yield rule.unassessable(case, "other_matters", PROSE_NULL, cells=cells)
    elif unpaid > 0 and text is not None and "信息处理费" not in text:
        message = filled(rule.message, Label("", ""), left=unpaid)
        yield rule.finding(
            case, "other_matters", cells=cells, computed_cells=computed, message=message
        )


def has_unpaid_fees(form: Form) -> bool:
    """Tell whether a form counts the requests dropped for unpaid fees."""
    table = form.table.get("requests")
    return table is not None and ("other_fee_unpaid", "total") in table.at
