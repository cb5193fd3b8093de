"""The catalogue of rules, and the judgement of a report by all of them.

Identities that the form prints (balances, total lines, total columns) are derived from the form's
value; the other rules name their cells, and apply to every form that has those cells.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from operator import eq, ge, le

from app.domain.checks import (
    BLANK,
    TABLE_MISSING,
    Case,
    Check,
    Rule,
    Term,
    compare,
    filled,
    layout_of,
)
from app.domain.findings import Finding, Outcome, Severity
from app.domain.layout import NOT_APPLICABLE, Column, Form, Label, Line, Table, Unit
from app.domain.report import Kind, Level, Report
from app.domain.suspects import suspects_of

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741

ITEM_TABLES = ("licensing", "enforcement", "fees")
JUMP_FLOOR, JUMP_FACTOR = 20, 5
UNIT_RATIO = (2_000, 50_000)  # a slip between yuan and 万元 is a factor of about 10,000
EMPTY_PROSE = frozenset({"", "无", "暂无", "没有", "不适用"})


def _lines(form: Form | None, table: str, *columns: str) -> tuple[Line, ...]:
    """Return the lines of a table that has all these columns; none where the form lacks them."""
    found = form.table.get(table) if form is not None else None
    if found is None or not set(columns) <= {column.key for column in found.columns}:
        return ()
    return found.lines


def _columns(form: Form | None, table: str, *lines: str) -> tuple[Column, ...]:
    found = form.table.get(table) if form is not None else None
    if found is None or not set(lines) <= {line.key for line in found.lines}:
        return ()
    return found.columns


def _has(form: Form | None, table: str, line: str, column: str) -> bool:
    return form is not None and table in form.table and (line, column) in form.table[table].at


# Identities of the form


def _balance(table: str, left: tuple[str, ...], right: tuple[str, ...]) -> Callable[..., object]:
    def checks(form: Form, _: Form | None) -> Iterator[Check]:
        for column in _columns(form, table, *left, *right):
            sides = (tuple(Term(table, l, column.key) for l in lines) for lines in (left, right))
            yield Check(column.key, column.label, table, *sides)

    return checks


def _total_line(table: str, line: Line) -> Callable[..., object]:
    def checks(form: Form, _: Form | None) -> Iterator[Check]:
        for column in _columns(form, table, line.key):
            total = (Term(table, line.key, column.key),)
            parts = tuple(Term(table, part, column.key) for part in line.parts)
            yield Check(column.key, column.label, table, total, parts, own=True)

    return checks


def _total_column(table: str, column: Column) -> Callable[..., object]:
    def checks(form: Form, _: Form | None) -> Iterator[Check]:
        for line in _lines(form, table, column.key):
            total = (Term(table, line.key, column.key),)
            parts = tuple(Term(table, line.key, part) for part in column.parts)
            yield Check(line.key, line.label, table, total, parts, own=True)

    return checks


def _identities(table: Table) -> Iterator[Rule]:
    for balance in table.balances:
        left, right = (" + ".join(f"{l}.c" for l in s) for s in (balance.left, balance.right))
        yield _rule(
            balance.rule,
            E,
            f"{left} = {right}",
            Label(
                "每一列：本年新收与上年结转之和，等于办理结果总计与结转下年度之和。",
                "In every column, received and carried in together equal handled and carried out.",
            ),
            Label(
                "{at}：新收与上年结转之和为 {left}，办理总计与结转下年度之和为 {right}，"
                "相差 {difference}。",
                "{at}: received and carried in are {left}, handled and carried out are {right}; "
                "difference {difference}.",
            ),
            compare(eq, _balance(table.key, balance.left, balance.right)),
            table=table.key,
        )
    for line in table.lines:
        if line.parts:
            yield _rule(
                f"{table.key}.{line.key}",
                E,
                f"{line.key}.c = Σ outcome lines .c",
                Label(
                    f"每一列：“{line.label.zh}”等于其所合计各行之和。",
                    f"In every column, “{line.label.en}” is the sum of the lines it adds up.",
                ),
                Label(
                    "{at}：填报的总计为 {left}，各行之和为 {right}，相差 {difference}。",
                    "{at}: the total reported is {left}, the lines add up to {right}; "
                    "difference {difference}.",
                ),
                compare(eq, _total_line(table.key, line)),
                table=table.key,
            )
    for column in table.columns:
        if column.parts:
            yield _rule(
                f"{table.key}.row-total",
                E,
                f"l.{column.key} = {' + '.join(f'l.{part}' for part in column.parts)}",
                Label(
                    f"每一行：“{column.label.zh}”等于该行各栏之和。",
                    f"In every line, “{column.label.en}” is the sum of the line's columns.",
                ),
                Label(
                    "{at}：填报的总计为 {left}，各栏之和为 {right}，相差 {difference}。",
                    "{at}: the total reported is {left}, the columns add up to {right}; "
                    "difference {difference}.",
                ),
                compare(eq, _total_column(table.key, column)),
                table=table.key,
            )


def _rule(
    id: str,  # noqa: A002
    severity: Severity,
    formula: str,
    text: Label,
    message: Label,
    find: Callable[[Rule, Case], Iterator[Finding]],
    *,
    applies: Callable[[Form], bool] = lambda form: True,
    table: str | None = None,
    basis: str | None = None,
) -> Rule:
    return Rule(id, severity, formula, text, message, find, applies, table, basis)


# Comparisons of cells


def _items(
    relation_of: Callable[[str, Line], tuple[tuple[Term, ...], tuple[Term, ...]]],
    tables: Iterable[str],
    *columns: str,
    years: bool = False,
) -> Callable[..., object]:
    def checks(form: Form, before: Form | None) -> Iterator[Check]:
        for table in tables:
            earlier = {line.key for line in _lines(before, table, *columns)}
            for line in _lines(form, table, *columns):
                if not years or line.key in earlier:
                    yield Check(line.key, line.label, table, *relation_of(table, line))

    return checks


def _stock_of_items(table: str, line: str, *, before: bool = False) -> tuple[Term, ...]:
    return (
        Term(table, line, "items_last_year", before=before),
        Term(table, line, "items_change", before=before),
    )


def _carry(form: Form, before: Form | None) -> Iterator[Check]:
    earlier = {column.key for column in _columns(before, "requests", "carried_out")}
    for column in _columns(form, "requests", "carried_in"):
        if column.key in earlier:
            yield Check(
                column.key,
                column.label,
                "requests",
                (Term("requests", "carried_in", column.key),),
                (Term("requests", "carried_out", column.key, before=True),),
            )


def _carry_size(form: Form, _: Form | None) -> Iterator[Check]:
    for column in _columns(form, "requests", "carried_out", "received"):
        yield Check(
            column.key,
            column.label,
            "requests",
            (Term("requests", "carried_out", column.key),),
            (Term("requests", "received", column.key),),
        )


def _pending(form: Form, before: Form | None) -> Iterator[Check]:
    earlier = {line.key for line in _lines(before, "disputes", "pending")}
    for line in _lines(form, "disputes", "total"):
        if line.key in earlier:
            yield Check(
                line.key,
                line.label,
                "disputes",
                (Term("disputes", line.key, "total"),),
                (Term("disputes", line.key, "pending", before=True),),
            )


def _stock(form: Form, before: Form | None) -> Iterator[Check]:
    earlier = {line.key for line in _lines(before, "documents", "in_force")}
    for check in _stock_floor(form, before):
        if check.at in earlier:
            stock = Term("documents", check.at, "in_force", before=True)
            yield replace(check, right=(stock, *check.right))


def _stock_floor(form: Form, _: Form | None) -> Iterator[Check]:
    for line in _lines(form, "documents", "issued", "repealed", "in_force"):
        yield Check(
            line.key,
            line.label,
            "documents",
            (Term("documents", line.key, "in_force"),),
            (
                Term("documents", line.key, "issued"),
                Term("documents", line.key, "repealed", minus=True),
            ),
        )


def _pair(table: str, left: str, right: str) -> Callable[..., object]:
    def checks(form: Form, _: Form | None) -> Iterator[Check]:
        for line in _lines(form, table, left, right):
            sides = ((Term(table, line.key, column),) for column in (left, right))
            yield Check(line.key, line.label, table, *sides)

    return checks


def _fees_unit(form: Form, before: Form | None) -> Iterator[Check]:
    earlier = {line.key for line in _lines(before, "fees", "amount")}
    for line in _lines(form, "fees", "amount"):
        if line.key in earlier:
            yield Check(
                line.key,
                line.label,
                "fees",
                (Term("fees", line.key, "amount"),),
                (Term("fees", line.key, "amount", before=True),),
            )


def _jump(form: Form, before: Form | None) -> Iterator[Check]:
    for table in form.tables:
        earlier = before.table.get(table.key) if before is not None else None
        if earlier is None or not (form is before or table.across_forms):
            continue
        for cell in table.cells:
            here = (table.key, cell.line.key, cell.column.key)
            if cell.is_total or cell.column.unit is not Unit.COUNT or here[1:] not in earlier.at:
                continue
            label = Label(
                *(f"{l}·{c}" for l, c in zip(cell.line.label, cell.column.label, strict=True))
            )
            yield Check(
                ".".join(here), label, table.key, (Term(*here),), (Term(*here, before=True),)
            )


def _within_jump(now: int, then: int) -> bool:
    if now < JUMP_FLOOR or then < JUMP_FLOOR:
        return True
    return now <= JUMP_FACTOR * then and then <= JUMP_FACTOR * now


def _differ_unless_zero(left: int, right: int) -> bool:
    return left != right or left == 0


def _both_or_neither(left: int, right: int) -> bool:
    return (left == 0) == (right == 0)


def _plausible_unit(now: int, then: int) -> bool:
    if now <= 0 or then <= 0:
        return True
    least, most = UNIT_RATIO
    larger, smaller = max(now, then), min(now, then)
    return not least * smaller <= larger <= most * smaller


# Rules that are more than a comparison of two sums


def _nil_not_empty(rule: Rule, case: Case) -> Iterator[Finding]:
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


def _blank_cells(rule: Rule, case: Case) -> Iterator[Finding]:
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


def _rule_columns(form: Form) -> tuple[str, ...]:
    """Return the columns that only a maker of rules fills: 2019 counts those of others, too."""
    wanted = ("made", "issued", "repealed", "in_force")
    return tuple(c.key for c in _columns(form, "documents", "rules") if c.key in wanted)


def _may_make_rules(kind: str, level: str) -> bool:
    return level == Level.STATE or (
        kind in {Kind.GOVERNMENT, Kind.OFFICE} and level in {Level.PROVINCE, Level.CITY}
    )


def _rule_maker(rule: Rule, case: Case) -> Iterator[Finding]:
    agency, filing = case.report.agency, case.report.filings.get("documents")
    columns = _rule_columns(case.report.form)
    if not columns or (agency is not None and _may_make_rules(agency.kind, agency.level)):
        return
    if filing is None:
        yield rule.unassessable(case, None, TABLE_MISSING)
        return
    if filing.nil:
        return
    at = [filing.table.at["rules", column] for column in columns]
    numbers = [filing.cells[i] for i in at if filing.cells[i] != NOT_APPLICABLE]
    everything = tuple(filing.table.pointers[i] for i in at)
    if agency is None or None in numbers or not numbers:
        why = BLANK if agency is not None else AGENCY_UNKNOWN
        yield rule.unassessable(case, "rules", why, cells=everything)
        return
    largest = max(number for number in numbers if isinstance(number, int))
    if largest:
        cells = tuple(
            filing.table.pointers[i] for i in at if filing.cells[i] not in (0, NOT_APPLICABLE)
        )
        sides = {"left": largest, "right": 0, "difference": largest}
        message = filled(rule.message, filing.table.lines[0].label, **sides)
        yield rule.finding(case, "rules", cells=cells, message=message, **sides)


AGENCY_UNKNOWN = Label("未指明机构，无法判断。", "No agency is named.")
PROSE_NULL = Label("该部分文字未填报，无法判断。", "The section is not filed.")


def _empty_prose(rule: Rule, case: Case) -> Iterator[Finding]:
    text = case.report.problems
    if text is None:
        yield rule.unassessable(case, "problems", PROSE_NULL, cells=("/problems",))
    elif _letters(text) in EMPTY_PROSE:
        yield rule.finding(case, "problems", cells=("/problems",), message=rule.message)


def _letters(text: str) -> str:
    """Strip space and punctuation."""
    return "".join(c for c in text if unicodedata.category(c)[0] not in "ZPC")


def _fee_prose(rule: Rule, case: Case) -> Iterator[Finding]:
    form, text = case.report.form, case.report.other_matters
    if not _has(form, "requests", "other_fee_unpaid", "total"):
        return
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


def _needs(table: str, *columns: str) -> Callable[[Form], bool]:
    return lambda form: bool(_lines(form, table, *columns))


def _needs_lines(table: str, *lines: str) -> Callable[[Form], bool]:
    return lambda form: bool(_columns(form, table, *lines))


OTHERS: tuple[Rule, ...] = (
    _rule(
        "items.floor",
        E,
        "items_last_year + items_change ≥ 0",
        Label(
            "上一年项目数量加本年增减不得小于 0。",
            "Last year's items and the change are together not below 0.",
        ),
        Label(
            "{at}：上一年项目数量与本年增减之和为 {left}，小于 0。",
            "{at}: last year's items and the change come to {left}, below 0.",
        ),
        compare(
            ge,
            _items(
                lambda t, l: (_stock_of_items(t, l.key), ()),
                ITEM_TABLES,
                "items_last_year",
                "items_change",
            ),
        ),
        applies=lambda form: any(_lines(form, t, "items_last_year") for t in ITEM_TABLES),
    ),
    _rule(
        "nil.not-empty",
        E,
        "number of non-zero cells = 0",
        Label("声明为空的表中不得有非零数字。", "A table declared nil holds no number but 0."),
        Label(
            "“{at}”声明为空，却有 {left} 个非零单元格。",
            "“{at}” is declared nil but has {left} cells that are not zero.",
        ),
        _nil_not_empty,
    ),
    _rule(
        "requests.carry",
        W,
        "carried_in.c = carried_out.c (y−1)",
        Label(
            "每一列：上年结转数等于上一年度报告的结转下年度数。",
            "In every column, what is carried in is what last year's report carried out.",
        ),
        Label(
            "{at}：上年结转为 {left}，上一年度报告的结转下年度为 {right}，相差 {difference}。",
            "{at}: carried in are {left}, last year's report carried out {right}; "
            "difference {difference}.",
        ),
        compare(eq, _carry, cross_year=True),
        applies=_needs_lines("requests", "carried_in"),
        table="requests",
    ),
    _rule(
        "requests.carry-size",
        W,
        "carried_out.c ≤ received.c",
        Label(
            "每一列：结转下年度数不大于本年新收数（办理期限最长约 40 个工作日）。",
            "In every column, no more is carried out than was received: a case takes about 40 "
            "working days at most.",
        ),
        Label(
            "{at}：结转下年度为 {left}，大于本年新收 {right}。",
            "{at}: carried out are {left}, more than the {right} received.",
        ),
        compare(le, _carry_size),
        applies=_needs_lines("requests", "carried_out", "received"),
        table="requests",
        basis="《中华人民共和国政府信息公开条例》第三十三条",
    ),
    _rule(
        "disputes.pending",
        W,
        "g.total ≥ g.pending (y−1)",
        Label(
            "每一行：总计不小于上一年度报告的尚未审结数。",
            "In every line, the total is not below what last year's report left pending.",
        ),
        Label(
            "{at}：总计为 {left}，小于上一年度报告的尚未审结数 {right}。",
            "{at}: the total is {left}, below the {right} that last year's report left pending.",
        ),
        compare(ge, _pending, cross_year=True),
        applies=_needs("disputes", "pending", "total"),
        table="disputes",
    ),
    _rule(
        "documents.stock",
        W,
        "in_force = in_force (y−1) + issued − repealed",
        Label(
            "每一行：现行有效件数等于上一年度现行有效件数加本年制发、减本年废止。",
            "In every line, what is in force is last year's stock plus issued minus repealed.",
        ),
        Label(
            "{at}：现行有效为 {left}，按上一年度推算应为 {right}，相差 {difference}。",
            "{at}: in force are {left}, {right} follow from last year's report; "
            "difference {difference}.",
        ),
        compare(eq, _stock, cross_year=True),
        applies=_needs("documents", "issued", "repealed", "in_force"),
        table="documents",
    ),
    _rule(
        "documents.stock-floor",
        W,
        "in_force ≥ issued − repealed",
        Label(
            "每一行：现行有效件数不小于本年制发减本年废止（无法与上一年度比较时）。",
            "In every line, no less is in force than was issued minus repealed (where last year "
            "cannot be compared).",
        ),
        Label(
            "{at}：现行有效为 {left}，小于本年制发减废止 {right}。",
            "{at}: in force are {left}, less than issued minus repealed, {right}.",
        ),
        compare(ge, _stock_floor, unless="documents.stock"),
        applies=_needs("documents", "issued", "repealed", "in_force"),
        table="documents",
    ),
    _rule(
        "documents.published",
        W,
        "public_total ≥ published",
        Label(
            "每一行：对外公开总数量不小于本年新公开数量。",
            "In every line, the total open to the public is not below the newly published.",
        ),
        Label(
            "{at}：对外公开总数量为 {left}，小于本年新公开数量 {right}。",
            "{at}: open to the public are {left}, fewer than the {right} newly published.",
        ),
        compare(ge, _pair("documents", "public_total", "published")),
        applies=_needs("documents", "public_total", "published"),
        table="documents",
    ),
    _rule(
        "documents.rule-maker",
        W,
        "max(issued, repealed, in_force; 2019: made) of rules = 0",
        Label(
            "规章只能由国家级机关、省级和设区的市级人民政府（及其办公厅、室）填报。",
            "Only state bodies and the governments (and their offices) of provinces and cities "
            "make rules.",
        ),
        Label(
            "{at}：填报为 {left}，但本机关无规章制定权。",
            "{at}: {left} are reported, but this agency has no power to make rules.",
        ),
        _rule_maker,
        applies=lambda form: bool(_rule_columns(form)),
        table="documents",
        basis="《规章制定程序条例》",
    ),
    _rule(
        "items.chain",
        W,
        "items_last_year = items_last_year + items_change (y−1)",
        Label(
            "上一年项目数量等于上一年度报告的项目数量加增减。",
            "Last year's items are what last year's report comes to with its change.",
        ),
        Label(
            "{at}：上一年项目数量为 {left}，按上一年度报告应为 {right}，相差 {difference}。",
            "{at}: last year's items are {left}, {right} by last year's report; "
            "difference {difference}.",
        ),
        compare(
            eq,
            _items(
                lambda t, l: (
                    (Term(t, l.key, "items_last_year"),),
                    _stock_of_items(t, l.key, before=True),
                ),
                ITEM_TABLES,
                "items_last_year",
                "items_change",
                years=True,
            ),
            cross_year=True,
            from_second_year=True,
        ),
        applies=lambda form: any(_lines(form, t, "items_last_year") for t in ITEM_TABLES),
    ),
    _rule(
        "items.change-is-decisions",
        W,
        "items_change ≠ decisions, unless 0",
        Label(
            "本年增减与处理决定数量相同：可能误读了栏目。",
            "The change of items equals the number of decisions: the column was probably misread.",
        ),
        Label(
            "{at}：本年增减与处理决定数量同为 {left}，疑将处理件数填作项目增减。",
            "{at}: the change of items and the decisions are both {left}; decisions were probably "
            "entered as a change of items.",
        ),
        compare(
            _differ_unless_zero,
            _items(
                lambda t, l: ((Term(t, l.key, "items_change"),), (Term(t, l.key, "decisions"),)),
                ITEM_TABLES,
                "items_change",
                "decisions",
            ),
        ),
        applies=lambda form: any(_lines(form, t, "items_change", "decisions") for t in ITEM_TABLES),
    ),
    _rule(
        "procurement.both",
        W,
        "items, amount: both 0 or neither",
        Label(
            "采购项目数量与采购总金额应同为 0 或同不为 0。",
            "Procurement items and amount are both 0 or neither.",
        ),
        Label(
            "{at}：采购项目数量为 {left}，采购总金额为 {right}。",
            "{at}: the items are {left} and the amount is {right}.",
        ),
        compare(_both_or_neither, _pair("procurement", "items", "amount"), difference=False),
        applies=_needs("procurement", "items", "amount"),
        table="procurement",
    ),
    _rule(
        "fees.unit",
        W,
        "amount : amount (y−1), or its inverse, not in [2000, 50000]",
        Label(
            "与上一年度相差约一万倍：可能误用了单位（元与万元）。",
            "A factor of about 10,000 to last year: yuan was probably taken for 10,000 yuan.",
        ),
        Label(
            "{at}：本年收费金额为 {left} 万元，上一年度为 {right} 万元，疑单位有误。",
            "{at}: {left} this year and {right} last year (10,000 yuan); the unit is probably wrong.",
        ),
        compare(_plausible_unit, _fees_unit, cross_year=True, difference=False),
        applies=_needs("fees", "amount"),
        table="fees",
    ),
    _rule(
        "cells.blank",
        W,
        "number of blank cells that are no total = 0",
        Label("没有数据的单元格应填 0。", "The form asks for 0 where there is nothing to report."),
        Label("“{at}”有 {left} 个空白单元格。", "“{at}” has {left} blank cells."),
        _blank_cells,
    ),
    _rule(
        "year.jump",
        I,
        "cell within 5× of cell (y−1), where both ≥ 20",
        Label(
            "与上一年度相差五倍以上。",
            "The figure differs from last year's by more than a factor of five.",
        ),
        Label(
            "{at}：本年为 {left}，上一年度为 {right}。",
            "{at}: {left}, and {right} the year before.",
        ),
        compare(_within_jump, _jump, cross_year=True),
    ),
    _rule(
        "prose.empty",
        I,
        "problems is not empty, 无, 暂无, 没有, 不适用",
        Label(
            "“存在的主要问题及改进情况”应有实质内容。",
            "The section on problems and improvements has something to say.",
        ),
        Label(
            "“存在的主要问题及改进情况”没有实质内容。",
            "The section on problems and improvements says nothing.",
        ),
        _empty_prose,
    ),
    _rule(
        "prose.fees",
        I,
        "if other_fee_unpaid.total > 0, other_matters mentions 信息处理费",
        Label(
            "有逾期未缴费的申请时，“其他需要报告的事项”应说明信息处理费情况。",
            "Where fees were not paid, the other matters report on the information processing fee.",
        ),
        Label(
            "有 {left} 件申请因逾期未缴费不再处理，但“其他需要报告的事项”未提及信息处理费。",
            "{left} requests were dropped for unpaid fees, but the other matters do not mention "
            "the information processing fee.",
        ),
        _fee_prose,
        applies=lambda form: _has(form, "requests", "other_fee_unpaid", "total"),
        table="requests",
    ),
)


@cache
def rules_of(form: Form) -> tuple[Rule, ...]:
    """Return the rules that apply to a form, in the order of the catalogue."""
    identities = (rule for table in form.tables for rule in _identities(table))
    return (*identities, *(rule for rule in OTHERS if rule.applies(form)))


def catalogue(forms: Iterable[Form]) -> dict[str, tuple[Rule, list[Form]]]:
    """Return every rule by its id, with the forms that it applies to, in the order of findings."""
    found: dict[str, tuple[Rule, list[Form]]] = {}
    others = [rule.id for rule in OTHERS]
    for form in forms:
        for rule in rules_of(form):
            found.setdefault(rule.id, (rule, []))[1].append(form)
    order = [*(id_ for id_ in found if id_ not in others), *(id_ for id_ in others if id_ in found)]
    return {id_: found[id_] for id_ in order}


def judge(report: Report, previous: Report | None, before: Form | None) -> tuple[Finding, ...]:
    """Judge a report by every rule: failures, and what could not be assessed.

    `previous` is the same agency's report on the year before, `before` the form of that year.
    """
    case = Case(report, previous, layout_of(report.form, before))
    findings = [f for rule in rules_of(report.form) for f in rule.find(rule, case)]
    return tuple(_with_suspects(findings, report))


def _with_suspects(findings: list[Finding], report: Report) -> Iterator[Finding]:
    broken = {
        f.table
        for f in findings
        if f.severity is E and f.outcome is Outcome.FAIL and f.rule != "nil.not-empty"
    }
    suspects = {
        table: suspects_of(report.filings[table])
        for table in broken
        if table in report.filings and report.form.table[table].balances
    }
    for finding in findings:
        is_identity = finding.outcome is Outcome.FAIL and finding.severity is E
        found = suspects.get(finding.table or "") if is_identity else None
        yield replace(finding, suspects=found) if found else finding
