"""The rules as a whole: which there are, in what order they speak, and when they cannot."""

import pytest

from app.domain.findings import Outcome
from app.domain.layout import Form, Value
from app.domain.report import Filing
from app.domain.rules import catalogue, judge
from app.forms import FORMS
from tests.builders import (
    FORM_2021,
    a_filing,
    a_nil_filing,
    a_report,
    balanced,
    failures,
    judged,
    of_rule,
)

NA = Outcome.NOT_ASSESSABLE
BOTH, ONLY_2019, ONLY_2021 = ["2019", "2021"], ["2019"], ["2021"]
CATALOGUE = [
    ("requests.balance", "error", BOTH),
    ("requests.handled", "error", BOTH),
    ("requests.row-total", "error", BOTH),
    ("disputes.row-total", "error", BOTH),
    ("items.floor", "error", ONLY_2019),
    ("nil.not-empty", "error", BOTH),
    ("requests.carry", "warning", BOTH),
    ("requests.carry-size", "warning", BOTH),
    ("disputes.pending", "warning", BOTH),
    ("documents.stock", "warning", ONLY_2021),
    ("documents.stock-floor", "warning", ONLY_2021),
    ("documents.published", "warning", ONLY_2019),
    ("documents.rule-maker", "warning", BOTH),
    ("items.chain", "warning", ONLY_2019),
    ("items.change-is-decisions", "warning", ONLY_2019),
    ("procurement.both", "warning", ONLY_2019),
    ("fees.unit", "warning", ONLY_2021),
    ("cells.blank", "warning", BOTH),
    ("rollup.sum", "warning", BOTH),
    ("year.jump", "info", BOTH),
    ("prose.empty", "info", BOTH),
    ("prose.fees", "info", ONLY_2021),
]
every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.key)


def test_the_catalogue_is_complete_and_in_order() -> None:
    found = [
        (id_, rule.severity.value, [form.key for form in forms])
        for id_, (rule, forms) in catalogue(FORMS).items()
    ]

    assert found == CATALOGUE


def test_every_rule_has_a_formula_and_a_text_in_both_languages() -> None:
    for rule, _ in catalogue(FORMS).values():
        assert rule.formula
        assert any("一" <= character <= "鿿" for character in rule.text.zh)
        assert not any("一" <= character <= "鿿" for character in rule.text.en)


# Whole reports


@pytest.mark.parametrize("year", [2020, 2021, 2022, 2025, 9998])
def test_a_report_of_zeros_after_one_of_zeros_draws_nothing(year: int) -> None:
    assert judged(a_report(year), a_report(year - 1)) == ()


@pytest.mark.parametrize(
    ("year", "rules"),
    [
        (2019, ["requests.carry", "disputes.pending", "year.jump"]),
        (2020, ["requests.carry", "disputes.pending", "items.chain", "year.jump"]),
        (2021, ["requests.carry", "disputes.pending", "year.jump"]),
        (
            2022,
            ["requests.carry", "disputes.pending", "documents.stock", "fees.unit", "year.jump"],
        ),
        (
            2025,
            ["requests.carry", "disputes.pending", "documents.stock", "fees.unit", "year.jump"],
        ),
    ],
)
def test_without_a_report_on_the_year_before_each_rule_across_years_is_not_assessable_once(
    year: int, rules: list[str]
) -> None:
    found = judged(a_report(year))

    assert [(each.rule, each.at, each.outcome) for each in found] == [(r, None, NA) for r in rules]
    tables = {
        "requests.carry": "requests",
        "disputes.pending": "disputes",
        "documents.stock": "documents",
        "fees.unit": "fees",
    }
    for each in found:
        assert each.table == tables.get(each.rule)
        assert "没有上一年度的报告" in each.message.zh
        assert (each.left, each.right, each.difference) == (None, None, None)


REQUESTS_RULES = [
    "requests.balance",
    "requests.handled",
    "requests.row-total",
    "requests.carry",
    "requests.carry-size",
    "year.jump",
]
DISPUTES_RULES = ["disputes.row-total", "disputes.pending", "year.jump"]
ITEMS_RULES = ["items.floor", "items.chain", "items.change-is-decisions", "year.jump"]


@pytest.mark.parametrize(
    ("year", "table", "rules"),
    [
        (2020, "documents", ["documents.published", "documents.rule-maker", "year.jump"]),
        (2020, "licensing", ITEMS_RULES),
        (2020, "enforcement", ITEMS_RULES),
        (2020, "fees", ["items.floor", "items.chain", "year.jump"]),
        (2020, "procurement", ["procurement.both", "year.jump"]),
        (2020, "requests", REQUESTS_RULES),
        (2020, "disputes", DISPUTES_RULES),
        (2021, "documents", ["documents.stock-floor", "documents.rule-maker"]),
        (2021, "licensing", []),
        (2021, "enforcement", []),
        (2021, "fees", []),
        (2021, "requests", [*REQUESTS_RULES, "prose.fees"]),
        (2021, "disputes", DISPUTES_RULES),
        (
            2022,
            "documents",
            ["documents.stock", "documents.stock-floor", "documents.rule-maker", "year.jump"],
        ),
        (2022, "licensing", ["year.jump"]),
        (2022, "enforcement", ["year.jump"]),
        (2022, "fees", ["fees.unit"]),
        (2022, "requests", [*REQUESTS_RULES, "prose.fees"]),
        (2022, "disputes", DISPUTES_RULES),
    ],
)
def test_where_a_table_is_missing_each_rule_that_needs_it_is_not_assessable_once(
    year: int, table: str, rules: list[str]
) -> None:
    found = judged(a_report(year, **{table: None}), a_report(year - 1))

    assert [(each.rule, each.at, each.outcome) for each in found] == [(r, None, NA) for r in rules]
    assert {each.table for each in found} <= {table}


@pytest.mark.parametrize(
    ("year", "table", "rules"),
    [
        (2020, "documents", ["year.jump"]),
        (2020, "licensing", ["items.chain", "year.jump"]),
        (2020, "enforcement", ["items.chain", "year.jump"]),
        (2020, "fees", ["items.chain", "year.jump"]),
        (2020, "procurement", ["year.jump"]),
        (2020, "requests", ["requests.carry", "year.jump"]),
        (2020, "disputes", ["disputes.pending", "year.jump"]),
        (2021, "documents", []),
        (2021, "licensing", []),
        (2021, "enforcement", []),
        (2021, "fees", []),
        (2021, "procurement", []),
        (2021, "requests", ["requests.carry", "year.jump"]),
        (2021, "disputes", ["disputes.pending", "year.jump"]),
        (2022, "documents", ["documents.stock", "year.jump"]),
        (2022, "licensing", ["year.jump"]),
        (2022, "enforcement", ["year.jump"]),
        (2022, "fees", ["fees.unit"]),
        (2022, "requests", ["requests.carry", "year.jump"]),
        (2022, "disputes", ["disputes.pending", "year.jump"]),
    ],
)
def test_where_last_year_lacks_a_table_each_rule_that_needs_it_is_not_assessable_once(
    year: int, table: str, rules: list[str]
) -> None:
    found = judged(a_report(year), a_report(year - 1, **{table: None}))

    assert [(each.rule, each.at, each.outcome) for each in found] == [(r, None, NA) for r in rules]
    assert {each.table for each in found} <= {table}


def test_a_report_without_any_table_has_one_finding_for_each_rule_that_needs_one() -> None:
    nothing = dict.fromkeys(FORM_2021.table)
    found = judged(a_report(2024, **nothing), a_report(2023, **nothing))

    assert [(each.rule, each.at, each.outcome) for each in found] == [
        (rule, None, NA)
        for rule in (
            "requests.balance",
            "requests.handled",
            "requests.row-total",
            "disputes.row-total",
            "requests.carry",
            "requests.carry-size",
            "disputes.pending",
            "documents.stock",
            "documents.stock-floor",
            "documents.rule-maker",
            "fees.unit",
            "year.jump",
            "prose.fees",
        )
    ]


def test_where_one_table_of_several_is_missing_the_others_are_still_judged() -> None:
    report = a_report(
        2020, enforcement=None, licensing={"other_services__items_change": -1}, fees=None
    )

    floor = [(each.at, each.outcome) for each in of_rule("items.floor", report)]
    chain = [(each.at, each.outcome) for each in of_rule("items.chain", report, a_report(2019))]

    assert floor == [("other_services", Outcome.FAIL), (None, NA)]
    assert chain == [(None, NA)]


@every_form
def test_in_a_report_of_blanks_nothing_fails_but_the_blanks_themselves(form: Form) -> None:
    blank = {table.key: a_filing(table, None) for table in form.tables}
    report = a_report(form.first_year + 1, problems=None, other_matters=None, **blank)

    found = failures(report, a_report(form.first_year))

    assert [(each.rule, each.at) for each in found] == [("cells.blank", key) for key in blank]


@every_form
def test_in_a_report_of_n_a_nothing_fails(form: Form) -> None:
    empty: dict[str, Filing] = {table.key: a_filing(table, "n/a") for table in form.tables}

    assert failures(a_report(form.first_year + 1, **empty), a_report(form.first_year)) == []


@every_form
def test_in_a_report_of_nil_tables_nothing_is_found(form: Form) -> None:
    nil = {table.key: a_nil_filing(table, None) for table in form.tables}

    assert judged(a_report(form.first_year + 1, **nil), a_report(form.first_year)) == ()


@every_form
def test_a_nil_table_counts_as_zeros_whatever_it_holds(form: Form) -> None:
    nil = {table.key: a_nil_filing(table, 70) for table in form.tables}
    found = failures(a_report(form.first_year + 1, **nil), a_report(form.first_year))

    assert [(each.rule, each.at) for each in found] == [("nil.not-empty", key) for key in nil]


@every_form
def test_one_blank_cell_makes_no_rule_fail(form: Form) -> None:
    """Exhaustively; `cells.blank` alone says so, and not of totals."""
    year, previous = form.first_year + 1, a_report(form.first_year)
    for table in form.tables:
        for cell in table.cells:
            report = a_report(year, **{table.key: {cell.name: None}})
            found = [each.rule for each in failures(report, previous)]
            assert found == ([] if cell.is_total else ["cells.blank"])


@every_form
def test_one_cell_of_n_a_among_zeros_makes_no_rule_fail(form: Form) -> None:
    year, previous = form.first_year + 1, a_report(form.first_year)
    for table in form.tables:
        for cell in table.cells:
            n_a: dict[str, Value] = {cell.name: "n/a"}
            assert failures(a_report(year, **{table.key: n_a}), previous) == []


BROKEN_2020: dict[str, dict[str, Value]] = {
    "documents": {
        "rules__made": 1,
        "rules__published": 2,
        "rules__public_total": 1,
        "normative_documents__published": 30,
    },
    "licensing": {
        "licences__items_change": -1,
        "other_services__items_last_year": 30,
        "other_services__items_change": 7,
        "other_services__decisions": 7,
    },
    "enforcement": {
        "penalties__items_last_year": 300,
        "penalties__items_change": 300,
        "penalties__decisions": 300,
        "compulsion__items_last_year": 2,
        "compulsion__items_change": -3,
        "compulsion__decisions": None,
    },
    "fees": {"charges__items_last_year": 5, "charges__items_change": -6},
    "procurement": {"centralized__items": 3},
    "requests": {
        "received__commercial": 3,
        "received__total": 3,
        "carried_in__natural_person": 4,
        "granted__research": 1,
        "handled__other_organization": 2,
        "carried_out__commercial": 8,
        "carried_out__research": None,
    },
    "disputes": {"litigation_direct__upheld": 1, "litigation_after_reconsideration__total": 2},
}


BEFORE_BROKEN = a_report(
    2019,
    documents={"normative_documents__published": 200},
    enforcement={"penalties__items_last_year": 300, "penalties__decisions": 20},
    disputes={"reconsideration__pending": 1, "litigation_after_reconsideration__pending": 3},
)


def test_findings_stand_in_the_order_of_the_catalogue_then_of_the_form() -> None:
    found = failures(a_report(2020, problems="无", **BROKEN_2020), BEFORE_BROKEN)

    assert [each.id for each in found] == [
        "requests.balance:natural_person",
        "requests.balance:commercial",
        "requests.balance:other_organization",
        "requests.balance:total",
        "requests.handled:research",
        "requests.handled:other_organization",
        "requests.row-total:carried_in",
        "requests.row-total:granted",
        "requests.row-total:handled",
        "disputes.row-total:litigation_direct",
        "disputes.row-total:litigation_after_reconsideration",
        "items.floor:licences",
        "items.floor:compulsion",
        "items.floor:charges",
        "requests.carry:natural_person",
        "requests.carry-size:commercial",
        "disputes.pending:reconsideration",
        "disputes.pending:litigation_after_reconsideration",
        "documents.published:rules",
        "documents.published:normative_documents",
        "documents.rule-maker:rules",
        "items.chain:other_services",
        "items.chain:compulsion",
        "items.chain:charges",
        "items.change-is-decisions:other_services",
        "items.change-is-decisions:penalties",
        "procurement.both:centralized",
        "cells.blank:enforcement",
        "cells.blank:requests",
        "year.jump:documents.normative_documents.published",
        "year.jump:enforcement.penalties.decisions",
        "prose.empty:problems",
    ]


def test_a_finding_names_its_figures_and_its_table_in_both_languages() -> None:
    found = failures(a_report(2020, problems="无", **BROKEN_2020), BEFORE_BROKEN)

    for each in found:
        for text in each.message:
            assert "{" not in text
            assert "None" not in text
        if each.rule != "prose.empty":
            assert each.cells
            assert all(cell.startswith(f"/tables/{each.table}/data/") for cell in each.cells)
            assert str(each.left) in each.message.zh
            assert str(each.left) in each.message.en
        assert each.basis


@pytest.mark.parametrize(
    ("rule", "basis"),
    [
        ("requests.balance", "国办公开办函〔2019〕60号"),
        ("requests.carry-size", "第三十三条"),
        ("documents.rule-maker", "规章制定程序条例"),
    ],
)
def test_a_finding_cites_the_form_or_the_law(rule: str, basis: str) -> None:
    for each in of_rule(rule, a_report(2020, **BROKEN_2020), a_report(2019)):
        assert basis in each.basis


def test_the_form_cited_is_that_of_the_year() -> None:
    report = a_report(2024, requests={"received__research": 1})

    assert {each.basis for each in failures(report)} == {"国办公开办函〔2021〕30号"}


# Never errors


def test_disputes_are_not_held_against_requests_nor_new_suits_against_the_law() -> None:
    report = a_report(
        2024,
        disputes={"litigation_direct__upheld": 3, "litigation_direct__total": 3},
        requests=balanced(FORM_2021.table["requests"], {"research": 1}, granted={"research": 1}),
    )

    assert failures(report) == []


def test_the_previous_report_may_contradict_itself() -> None:
    """Its own findings are its own; only the cells that are compared count."""
    previous = a_report(2023, requests={"received__total": 9, "handled__research": 4})

    assert judge(a_report(2024), previous, FORM_2021) == ()
