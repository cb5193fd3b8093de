"""The forms are what 国办公开办函〔2019〕60号 and 〔2021〕30号 print."""

import pytest

from app.domain.layout import Column, Form, Line, Table
from app.forms import FIRST_YEAR, FORM_BY_KEY, FORMS, TABLE_KEYS, editions, form_of
from tests.builders import FORM_2019, FORM_2021

APPLICANTS = [
    ("natural_person", "自然人"),
    ("commercial", "商业企业"),
    ("research", "科研机构"),
    ("public_interest", "社会公益组织"),
    ("legal_service", "法律服务机构"),
    ("other_organization", "其他"),
]
OUTCOMES = [
    ("granted", "（一）予以公开", "36(一)(二)"),
    ("partly_granted", "（二）部分公开（区分处理的，只计这一情形，不计其他情形）", "37"),
    ("refused_state_secret", "1.属于国家秘密", "14"),
    ("refused_by_law", "2.其他法律行政法规禁止公开", "14"),
    ("refused_security", "3.危及“三安全一稳定”", "14"),
    ("refused_third_party", "4.保护第三方合法权益", "15"),
    ("refused_internal", "5.属于三类内部事务信息", "16"),
    ("refused_process", "6.属于四类过程性信息", "16"),
    ("refused_enforcement_file", "7.属于行政执法案卷", "16"),
    ("refused_query", "8.属于行政查询事项", "36(七)"),
    ("unavailable_not_held", "1.本机关不掌握相关政府信息", "36(四)(五)"),
    ("unavailable_not_made", "2.没有现成信息需要另行制作", "38"),
    ("unavailable_unclear", "3.补正后申请内容仍不明确", "30"),
    ("declined_petition", "1.信访举报投诉类申请", "39"),
    ("declined_repeat", "2.重复申请", "36(六)"),
    ("declined_publication", "3.要求提供公开出版物", "39"),
    ("declined_excessive", "4.无正当理由大量反复申请", "35"),
    ("declined_reconfirm", "5.要求行政机关确认或重新出具已获取信息", None),
]
OTHER_2019 = [("other_handling", "（六）其他处理", None)]
OTHER_2021 = [
    (
        "other_not_corrected",
        "1.申请人无正当理由逾期不补正、行政机关不再处理其政府信息公开申请",
        "30",
    ),
    (
        "other_fee_unpaid",
        "2.申请人逾期未按收费通知要求缴纳费用、行政机关不再处理其政府信息公开申请",
        "42",
    ),
    ("other_misc", "3.其他", None),
]
ITEMS = [("items_last_year", "上一年项目数量"), ("items_change", "本年增/减")]
ITEMS_AND_DECISIONS = [*ITEMS, ("decisions", "处理决定数量")]
DECISIONS = [("decisions", "本年处理决定数量")]
DISPUTE_LINES = [
    ("reconsideration", "行政复议"),
    ("litigation_direct", "未经复议直接起诉"),
    ("litigation_after_reconsideration", "复议后起诉"),
]
RESULTS = [
    ("upheld", "结果维持"),
    ("corrected", "结果纠正"),
    ("other_result", "其他结果"),
    ("pending", "尚未审结"),
    ("total", "总计"),
]
ENFORCEMENT_LINES = [("penalties", "行政处罚"), ("compulsion", "行政强制")]
CHARGES = [("charges", "行政事业性收费")]

SECTION_TWO = [
    (
        FORM_2019,
        "documents",
        [("rules", "规章"), ("normative_documents", "规范性文件")],
        [
            ("made", "本年新制作数量"),
            ("published", "本年新公开数量"),
            ("public_total", "对外公开总数量"),
        ],
    ),
    (
        FORM_2021,
        "documents",
        [("rules", "规章"), ("normative_documents", "行政规范性文件")],
        [("issued", "本年制发件数"), ("repealed", "本年废止件数"), ("in_force", "现行有效件数")],
    ),
    (
        FORM_2019,
        "licensing",
        [("licences", "行政许可"), ("other_services", "其他对外管理服务事项")],
        ITEMS_AND_DECISIONS,
    ),
    (FORM_2021, "licensing", [("licences", "行政许可")], DECISIONS),
    (FORM_2019, "enforcement", ENFORCEMENT_LINES, ITEMS_AND_DECISIONS),
    (FORM_2021, "enforcement", ENFORCEMENT_LINES, DECISIONS),
    (FORM_2019, "fees", CHARGES, ITEMS),
    (FORM_2021, "fees", CHARGES, [("amount", "本年收费金额（单位：万元）")]),
    (
        FORM_2019,
        "procurement",
        [("centralized", "政府集中采购")],
        [("items", "采购项目数量"), ("amount", "采购总金额")],
    ),
]
every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.key)
every_table = pytest.mark.parametrize(
    ("form", "table"),
    [(form, table) for form in FORMS for table in form.tables],
    ids=[f"{form.key}-{table.key}" for form in FORMS for table in form.tables],
)


def keys_and_labels(axis: tuple[Line, ...] | tuple[Column, ...]) -> list[tuple[str, str]]:
    return [(each.key, each.label.zh) for each in axis]


def headings(table: Table, line: str) -> list[str]:
    return [heading.zh for each in table.lines if each.key == line for heading in each.headings]


@pytest.mark.parametrize(
    ("year", "key"),
    [(2019, "2019"), (2020, "2019"), (2021, "2021"), (2025, "2021"), (9998, "2021")],
)
def test_a_year_uses_the_last_form_published_until_then(year: int, key: str) -> None:
    form = form_of(year)

    assert form is not None
    assert form.key == key


@pytest.mark.parametrize("year", [0, 2007, 2018])
def test_years_before_2019_have_no_form(year: int) -> None:
    assert form_of(year) is None


def test_the_forms_are_two_oldest_first() -> None:
    assert [(form.key, form.first_year, form.source) for form in FORMS] == [
        ("2019", 2019, "国办公开办函〔2019〕60号"),
        ("2021", 2021, "国办公开办函〔2021〕30号"),
    ]
    assert FIRST_YEAR == 2019
    assert list(FORM_BY_KEY.items()) == [(form.key, form) for form in FORMS]


def test_the_form_of_2019_has_seven_tables_and_that_of_2021_no_procurement() -> None:
    seven = ["documents", "licensing", "enforcement", "fees", "procurement", "requests", "disputes"]

    assert [table.key for table in FORM_2019.tables] == seven
    assert [table.key for table in FORM_2021.tables] == [k for k in seven if k != "procurement"]
    assert list(TABLE_KEYS) == seven


def test_the_editions_of_a_table_are_oldest_first() -> None:
    assert editions("fees") == (FORM_2019.table["fees"], FORM_2021.table["fees"])
    assert editions("procurement") == (FORM_2019.table["procurement"],)


@pytest.mark.parametrize(
    ("table", "article"),
    [
        ("documents", "第二十条第（一）项"),
        ("licensing", "第二十条第（五）项"),
        ("enforcement", "第二十条第（六）项"),
        ("fees", "第二十条第（八）项"),
        ("procurement", "第二十条第（九）项"),
    ],
)
def test_the_tables_of_section_two_cite_their_item_of_article_20(table: str, article: str) -> None:
    assert {edition.source.zh for edition in editions(table)} == {article}


@pytest.mark.parametrize(
    ("form", "table", "lines", "columns"),
    SECTION_TWO,
    ids=[f"{form.key}-{table}" for form, table, *_ in SECTION_TWO],
)
def test_section_two_has_the_lines_and_columns_that_are_printed(
    form: Form, table: str, lines: list[tuple[str, str]], columns: list[tuple[str, str]]
) -> None:
    assert keys_and_labels(form.table[table].lines) == lines
    assert keys_and_labels(form.table[table].columns) == columns


@pytest.mark.parametrize(
    ("form", "other", "count"),
    [(FORM_2019, OTHER_2019, 23), (FORM_2021, OTHER_2021, 25)],
    ids=["2019", "2021"],
)
def test_requests_have_23_lines_in_2019_and_25_in_2021(
    form: Form, other: list[tuple[str, str, str | None]], count: int
) -> None:
    lines = form.table["requests"].lines

    assert [(line.key, line.label.zh, line.article) for line in lines] == [
        ("received", "一、本年新收政府信息公开申请数量", None),
        ("carried_in", "二、上年结转政府信息公开申请数量", None),
        *OUTCOMES,
        *other,
        ("handled", "（七）总计", None),
        ("carried_out", "四、结转下年度继续办理", "33"),
    ]
    assert len(lines) == count


@every_form
def test_requests_have_six_applicants_and_their_total(form: Form) -> None:
    columns = form.table["requests"].columns

    assert keys_and_labels(columns) == [*APPLICANTS, ("total", "总计")]


@every_form
def test_five_applicants_are_printed_under_legal_persons(form: Form) -> None:
    printed = {
        column.key: [heading.zh for heading in column.headings]
        for column in form.table["requests"].columns
    }

    five = ["commercial", "research", "public_interest", "legal_service", "other_organization"]
    assert printed == {
        "natural_person": ["申请人情况"],
        **{key: ["申请人情况", "法人或其他组织"] for key in five},
        "total": ["申请人情况"],
    }


@every_form
def test_outcomes_are_printed_under_their_groups(form: Form) -> None:
    requests = form.table["requests"]
    groups = {
        "refused_": "（三）不予公开",
        "unavailable_": "（四）无法提供",
        "declined_": "（五）不予处理",
    }

    for line, *_ in OUTCOMES:
        group = [zh for prefix, zh in groups.items() if line.startswith(prefix)]
        assert headings(requests, line) == ["三、本年度办理结果", *group]
    assert headings(requests, "handled") == ["三、本年度办理结果"]
    for line in ("received", "carried_in", "carried_out"):
        assert headings(requests, line) == []


def test_other_handling_is_one_line_in_2019_and_a_group_of_three_in_2021() -> None:
    in_2019, in_2021 = editions("requests")

    assert headings(in_2019, "other_handling") == ["三、本年度办理结果"]
    for line, *_ in OTHER_2021:
        assert headings(in_2021, line) == ["三、本年度办理结果", "（六）其他处理"]


@every_form
def test_disputes_have_three_lines_and_five_columns(form: Form) -> None:
    disputes = form.table["disputes"]

    assert keys_and_labels(disputes.lines) == DISPUTE_LINES
    assert keys_and_labels(disputes.columns) == RESULTS
    assert headings(disputes, "reconsideration") == []
    assert headings(disputes, "litigation_direct") == ["行政诉讼"]
    assert headings(disputes, "litigation_after_reconsideration") == ["行政诉讼"]


@every_form
def test_handled_adds_up_every_outcome_line(form: Form) -> None:
    requests = form.table["requests"]
    outcomes = [line for line, *_ in OUTCOMES + (OTHER_2019 if form is FORM_2019 else OTHER_2021)]

    totals = {line.key: list(line.parts) for line in requests.lines if line.parts}

    assert totals == {"handled": outcomes}
    assert len(outcomes) == {"2019": 19, "2021": 21}[form.key]


@every_form
def test_the_total_columns_add_up_the_columns_before_them(form: Form) -> None:
    parts = {
        (table.key, column.key): list(column.parts)
        for table in form.tables
        for column in table.columns
        if column.parts
    }

    assert parts == {
        ("requests", "total"): [key for key, _ in APPLICANTS],
        ("disputes", "total"): ["upheld", "corrected", "other_result", "pending"],
    }


@every_form
def test_the_cells_under_a_total_are_those_of_its_lines_and_columns(form: Form) -> None:
    requests = form.table["requests"]
    outcomes = next(line.parts for line in requests.lines if line.key == "handled")
    applicants = [key for key, _ in APPLICANTS]
    addends = {
        (cell.line.key, cell.column.key): {
            (requests.cells[i].line.key, requests.cells[i].column.key) for i in cell.addends
        }
        for cell in requests.totals
    }

    assert addends["received", "total"] == {("received", c) for c in applicants}
    assert addends["handled", "research"] == {(line, "research") for line in outcomes}
    assert addends["handled", "total"] == {(line, c) for line in outcomes for c in applicants}
    assert len(addends) == len(requests.lines) + len(applicants)


@every_form
def test_the_form_prints_one_balance(form: Form) -> None:
    balances = [
        (table.key, balance.rule, balance.left, balance.right)
        for table in form.tables
        for balance in table.balances
    ]

    assert balances == [
        (
            "requests",
            "requests.balance",
            ("received", "carried_in"),
            ("handled", "carried_out"),
        )
    ]


@every_form
def test_only_money_is_decimal_and_only_the_change_of_items_may_be_negative(form: Form) -> None:
    units = {
        (table.key, column.key): column.unit.value
        for table in form.tables
        for column in table.columns
        if column.unit != "count"
    }

    assert units == (
        {
            ("licensing", "items_change"): "change",
            ("enforcement", "items_change"): "change",
            ("fees", "items_change"): "change",
            ("procurement", "amount"): "money",
        }
        if form is FORM_2019
        else {("fees", "amount"): "wan_yuan"}
    )


def test_the_unit_of_procurement_is_chosen_and_unknown_by_default() -> None:
    (choice,) = FORM_2019.table["procurement"].choices

    assert (choice.key, choice.values, choice.default) == (
        "amount_unit",
        ("yuan", "wan_yuan", "unknown"),
        "unknown",
    )
    assert not any(table.choices for table in FORM_2021.tables)


@every_form
def test_requests_and_disputes_alone_mean_the_same_in_every_form(form: Form) -> None:
    assert [t.key for t in form.tables if t.across_forms] == ["requests", "disputes"]


@every_table
def test_keys_are_unique(form: Form, table: Table) -> None:
    assert [each.key for each in form.tables].count(table.key) == 1
    for axis in (table.lines, table.columns):
        assert len({each.key for each in axis}) == len(axis)


@every_table
def test_cells_stand_line_by_line(form: Form, table: Table) -> None:
    crossed = [(line.key, column.key) for line in table.lines for column in table.columns]

    assert [(cell.line.key, cell.column.key) for cell in table.cells] == crossed
    assert [cell.index for cell in table.cells] == list(range(len(crossed)))
    assert list(table.at) == crossed
    assert list(table.at.values()) == list(range(len(crossed)))
    assert list(table.pointers) == [f"/tables/{table.key}/data/{l}/{c}" for l, c in crossed]


@every_table
def test_everything_has_a_name_in_both_languages(form: Form, table: Table) -> None:
    labels = [form.title, table.title, table.source]
    labels += [choice.label for choice in table.choices]
    labels += [label for line in table.lines for label in (line.label, *line.headings)]
    labels += [label for column in table.columns for label in (column.label, *column.headings)]

    for label in labels:
        assert any("一" <= character <= "鿿" for character in label.zh)
        assert label.en.strip()
        assert label.en.isascii()
