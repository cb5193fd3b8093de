"""The catalogue of rules in words, each with what finds its failures.

Identities that the form prints (balances, total lines, total columns) are derived from the form's
value; the other rules name their cells.
"""

from collections.abc import Iterator

from app.domain.checks import Checks, Comparison
from app.domain.comparisons import (
    AT_LEAST,
    AT_MOST,
    BOTH_OR_NEITHER,
    DIFFER_UNLESS_ZERO,
    EQUAL,
    PLAUSIBLE_UNIT,
    WITHIN_JUMP,
    Part,
    parts,
    per_column,
    per_count,
    per_line,
)
from app.domain.findings import Severity
from app.domain.inspections import (
    Inspection,
    blank_cells,
    empty_prose,
    fee_prose,
    has_unpaid_fees,
    nil_not_empty,
    nothing,
    rule_columns,
    rule_maker,
)
from app.domain.layout import Label, Table
from app.domain.rule import Following, Rule

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO

_ITEM_TABLES = ("licensing", "enforcement", "fees")
_ITEMS = parts("items_last_year", "items_change")
_ADDED = (Part("issued"), Part("repealed", minus=True))


def identities(table: Table) -> Iterator[Rule]:
    """Yield the rules that the form prints: balances, total lines and total columns."""
    for balance in table.balances:
        left, right = (" + ".join(f"{l}.c" for l in s) for s in (balance.left, balance.right))
        yield Rule(
            balance.rule,
            E,
            f"{left} = {right}",
            balance.text,
            balance.message,
            Comparison(EQUAL, per_column(table.key, parts(*balance.left), parts(*balance.right))),
            table=table.key,
        )
    for line in table.lines:
        if line.parts:
            yield _total(
                table,
                line.key,
                f"{line.key}.c = Σ l.c over the lines l that it adds up",
                Label(
                    f"每一列：“{line.label.zh}”等于其所合计各行之和。",
                    f"In every column, “{line.label.en}” is the sum of the lines it adds up.",
                ),
                Label("行", "lines"),
                per_column(table.key, parts(line.key), parts(*line.parts), own=True),
            )
    for column in table.columns:
        if column.parts:
            yield _total(
                table,
                "row-total",
                f"l.{column.key} = {' + '.join(f'l.{part}' for part in column.parts)}",
                Label(
                    f"每一行：“{column.label.zh}”等于该行各栏之和。",
                    f"In every line, “{column.label.en}” is the sum of the line's columns.",
                ),
                Label("栏", "columns"),
                per_line(table.key, left=parts(column.key), right=parts(*column.parts), own=True),
            )


def _total(table: Table, key: str, formula: str, text: Label, of: Label, checks: Checks) -> Rule:
    """Return the rule that a total is the sum `of` what it adds up."""
    message = Label(
        f"{{at}}：填报的总计为 {{left}}，各{of.zh}之和为 {{right}}，相差 {{difference}}。",
        f"{{at}}: the total reported is {{left}}, the {of.en} add up to {{right}}; "
        "difference {difference}.",
    )
    comparison = Comparison(EQUAL, checks)
    return Rule(f"{table.key}.{key}", E, formula, text, message, comparison, table=table.key)


OTHERS: tuple[Rule, ...] = (
    Rule(
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
        Comparison(AT_LEAST, per_line(*_ITEM_TABLES, left=_ITEMS, right=())),
    ),
    Rule(
        "nil.not-empty",
        E,
        "number of non-zero cells = 0",
        Label("声明为空的表中不得有非零数字。", "A table declared nil holds no number but 0."),
        Label(
            "“{at}”声明为空，却有 {left} 个非零单元格。",
            "“{at}” is declared nil but has {left} cells that are not zero.",
        ),
        Inspection(nil_not_empty),
    ),
    Rule(
        "requests.carry",
        W,
        "carried_in.c = Σ carried_out.c (y−1), of the agency and of those merged into it in y",
        Label(
            "每一列：上年结转数等于上一年度报告的结转下年度数；本年度并入其他机构的，等于各机构之和。",
            "In every column, what is carried in is what last year's report carried out; if others "
            "were merged into the agency in the year, what all their reports did.",
        ),
        Label(
            "{at}：上年结转为 {left}，上一年度报告的结转下年度为 {right}，相差 {difference}。",
            "{at}: carried in are {left}, last year's report carried out {right}; "
            "difference {difference}.",
        ),
        Comparison(
            EQUAL,
            per_column("requests", parts("carried_in"), (Part("carried_out", before=True),)),
            cross_year=True,
        ),
        table="requests",
        following=Following.TOGETHER,
    ),
    Rule(
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
        Comparison(AT_MOST, per_column("requests", parts("carried_out"), parts("received"))),
        table="requests",
        basis="《中华人民共和国政府信息公开条例》第三十三条",
    ),
    Rule(
        "disputes.pending",
        W,
        "g.total ≥ Σ g.pending (y−1), of the agency and of those merged into it in y",
        Label(
            "每一行：总计不小于上一年度报告的尚未审结数；本年度并入其他机构的，不小于各机构之和。",
            "In every line, the total is not below what last year's report left pending; if others "
            "were merged into the agency in the year, what all their reports did.",
        ),
        Label(
            "{at}：总计为 {left}，小于上一年度报告的尚未审结数 {right}。",
            "{at}: the total is {left}, below the {right} that last year's report left pending.",
        ),
        Comparison(
            AT_LEAST,
            per_line("disputes", left=parts("total"), right=(Part("pending", before=True),)),
            cross_year=True,
        ),
        table="disputes",
        following=Following.TOGETHER,
    ),
    Rule(
        "documents.stock",
        W,
        "in_force = Σ in_force (y−1), of the agency and of those merged into it in y, + issued "
        "− repealed",
        Label(
            "每一行：现行有效件数等于上一年度现行有效件数加本年制发、减本年废止；"
            "本年度并入其他机构的，上一年度数为各机构之和。",
            "In every line, what is in force is last year's stock plus issued minus repealed; if "
            "others were merged into the agency in the year, the stock of all of them.",
        ),
        Label(
            "{at}：现行有效为 {left}，按上一年度推算应为 {right}，相差 {difference}。",
            "{at}: in force are {left}, {right} follow from last year's report; "
            "difference {difference}.",
        ),
        Comparison(
            EQUAL,
            per_line(
                "documents",
                left=parts("in_force"),
                right=(Part("in_force", before=True), *_ADDED),
            ),
            cross_year=True,
        ),
        table="documents",
        following=Following.TOGETHER,
    ),
    Rule(
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
        Comparison(
            AT_LEAST,
            per_line("documents", left=parts("in_force"), right=_ADDED),
            unless="documents.stock",
        ),
        table="documents",
    ),
    Rule(
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
        Comparison(
            AT_LEAST, per_line("documents", left=parts("public_total"), right=parts("published"))
        ),
        table="documents",
    ),
    Rule(
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
        Inspection(rule_maker, lambda form: bool(rule_columns(form))),
        table="documents",
        basis="《规章制定程序条例》",
    ),
    Rule(
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
        Comparison(
            EQUAL,
            per_line(
                *_ITEM_TABLES,
                left=parts("items_last_year"),
                right=tuple(part._replace(before=True) for part in _ITEMS),
            ),
            cross_year=True,
            from_second_year=True,
        ),
    ),
    Rule(
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
        Comparison(
            DIFFER_UNLESS_ZERO,
            per_line(*_ITEM_TABLES, left=parts("items_change"), right=parts("decisions")),
        ),
    ),
    Rule(
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
        Comparison(
            BOTH_OR_NEITHER,
            per_line("procurement", left=parts("items"), right=parts("amount")),
            difference=False,
        ),
        table="procurement",
    ),
    Rule(
        "fees.unit",
        W,
        "amount : amount (y−1), or its inverse, not in [2000, 50000]",
        Label(
            "与上一年度相差约一万倍：可能误用了单位（元与万元）。",
            "A factor of about 10,000 to last year: yuan was probably taken for 10,000 yuan.",
        ),
        Label(
            "{at}：本年收费金额为 {left} 万元，上一年度为 {right} 万元，疑单位有误。",
            "{at}: {left} this year, {right} last year (10,000 yuan); the unit is probably wrong.",
        ),
        Comparison(
            PLAUSIBLE_UNIT,
            per_line("fees", left=parts("amount"), right=(Part("amount", before=True),)),
            cross_year=True,
            difference=False,
        ),
        table="fees",
        following=Following.SKIPPED,
    ),
    Rule(
        "cells.blank",
        W,
        "number of blank cells that are no total = 0",
        Label("没有数据的单元格应填 0。", "The form asks for 0 where there is nothing to report."),
        Label("“{at}”有 {left} 个空白单元格。", "“{at}” has {left} blank cells."),
        Inspection(blank_cells),
    ),
    Rule(
        "rollup.sum",
        W,
        "cell = Σ of the children's cells; ≥ while a child has not filed it",
        Label(
            "政府汇总报告的每一单元格等于所属各机构（垂直管理机构除外）之和；"
            "有机构尚未填报该单元格时，不小于已报之和。仅在汇总中核查。",
            "Every cell of a government's consolidated report is the sum over its children "
            "(vertical agencies aside); while one of them has not filed the cell, it is not below "
            "what the others have. Judged in roll-ups only.",
        ),
        Label(
            "{at}：汇总报告为 {left}，所属各机构合计为 {right}，相差 {difference}。",
            "{at}: the consolidated report has {left}, the agencies below come to {right}; "
            "difference {difference}.",
        ),
        Inspection(nothing),
    ),
    Rule(
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
        Comparison(WITHIN_JUMP, per_count, cross_year=True),
        following=Following.SKIPPED,
    ),
    Rule(
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
        Inspection(empty_prose),
    ),
    Rule(
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
        Inspection(fee_prose, has_unpaid_fees),
        table="requests",
    ),
)
