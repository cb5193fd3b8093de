"""What reports add up to, and what may be said of a sum."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendar import due_dates
from app.domain.findings import Finding, Severity
from app.domain.layout import Form, Table
from app.domain.report import Agency, Filing, Report
from app.domain.rollup import (
    NOT_OF_SUMS,
    Added,
    added,
    added_up,
    findings_of,
    partial,
    reconciled,
    shown,
)
from app.domain.rules import judge, rules_of
from app.domain.standing import Standing, is_nil, standing
from app.forms import FORMS, form_of
from tests.builders import (
    A_BUREAU,
    FORM_2019,
    FORM_2021,
    a_filing,
    a_nil_filing,
    a_report,
    changed,
    failures,
    real_report,
)
from tests.test_properties import PROPERTY, balanced_requests, tables

DOCUMENTS, FEES = FORM_2021.table["documents"], FORM_2021.table["fees"]
REQUESTS, DISPUTES = FORM_2021.table["requests"], FORM_2021.table["disputes"]
PROCUREMENT = FORM_2019.table["procurement"]
A_CITY = Agency("321300", "宿迁市人民政府", "government", "city")


def cell(found: Added, name: str) -> tuple[int | None, int]:
    """Return a cell's sum, and how many filings leave a gap there."""
    line, column = name.split("__")
    index = found.table.at[line, column]
    return found.sums[index], found.gaps[index]


def sums_of(form: Form, reports: Iterable[Report]) -> dict[str, Added]:
    """Add up all tables of reports."""
    given = list(reports)
    return {
        t.key: added(t, [r.filings[t.key] for r in given if t.key in r.filings])
        for t in form.tables
    }


def found_in_sum(reports: list[Report]) -> list[Finding]:
    """Return what fails in the sum of reports on one year."""
    first = reports[0]
    sums = sums_of(first.form, reports)
    return findings_of(Report(first.form, first.year, A_CITY, {}), sums, form_of(first.year - 1))


def a_member(code: str, year: int = 2024, **members: Any) -> Report:
    """Return a report of an agency below."""
    return a_report(year, agency=replace(A_BUREAU, code=code), **members)


def compared(own: Report, members: list[Report], expected: int | None = None) -> list[Any]:
    """Return where a consolidated report differs: the place and the sides."""
    number = len(members) if expected is None else expected
    found = reconciled(own, members, added_up(own.form, members), number)
    return [(f.at, f.left, f.right, f.difference) for f in found]


# Sums


def test_numbers_add() -> None:
    found = added(DISPUTES, [a_filing(DISPUTES, fill) for fill in (1, 20, 300)])

    assert found.sums == (321,) * len(DISPUTES.cells)
    assert found.filings == 3
    assert not any(found.gaps)


def test_n_a_adds_nothing_and_leaves_no_gap() -> None:
    filings = [a_filing(DOCUMENTS, rules__issued=value) for value in ("n/a", 4, "n/a")]

    assert cell(added(DOCUMENTS, filings), "rules__issued") == (4, 0)


def test_a_table_declared_nil_is_zero_whatever_it_holds() -> None:
    filings = [a_nil_filing(DOCUMENTS, 7), a_nil_filing(DOCUMENTS), a_filing(DOCUMENTS, 2)]
    found = added(DOCUMENTS, filings)

    assert found.sums == (2,) * len(DOCUMENTS.cells)
    assert not any(found.gaps)


def test_a_blank_is_not_known_and_is_not_zero() -> None:
    filings = [a_filing(DOCUMENTS, rules__issued=None), a_filing(DOCUMENTS, rules__issued=3)]
    found = added(DOCUMENTS, filings)

    assert cell(found, "rules__issued") == (3, 1)
    assert partial(found, 2) == {DOCUMENTS.at["rules", "issued"]}


@pytest.mark.parametrize("value", [None, "n/a"])
def test_a_cell_without_a_number_is_null(value: Any) -> None:
    found = added(DOCUMENTS, [a_filing(DOCUMENTS, rules__issued=value)] * 2)

    assert cell(found, "rules__issued")[0] is None
    assert shown(found).cells[DOCUMENTS.at["rules", "issued"]] is None


def test_nothing_comes_to_nothing() -> None:
    found = added(REQUESTS, [])

    assert set(found.sums) == {None}
    assert found.filings == 0


def test_where_a_report_lacks_the_table_every_cell_is_partial() -> None:
    found = added(FEES, [a_filing(FEES)])

    assert partial(found, 1) == frozenset()
    assert partial(found, 2) == {0}


def test_sums_are_exact_at_any_size() -> None:
    found = added(DISPUTES, [a_filing(DISPUTES, 2**53)] * 5_000)

    assert set(found.sums) == {5_000 * 2**53}


def amount(value: Any, unit: str) -> Filing:
    """Return procurement of one item at an amount in millionths."""
    filing = a_filing(PROCUREMENT, centralized__items=1, centralized__amount=value)
    return replace(filing, choices={"amount_unit": unit})


def test_amounts_add_up_in_yuan() -> None:
    found = added(PROCUREMENT, [amount(1_500_000, "wan_yuan"), amount(250_000, "yuan")])

    assert cell(found, "centralized__amount") == (15_000_250_000, 0)
    assert shown(found).choices == {"amount_unit": "yuan"}


def test_an_amount_of_unknown_unit_does_not_add_up() -> None:
    found = added(PROCUREMENT, [amount(1_500_000, "wan_yuan"), amount(1, "unknown")])

    assert cell(found, "centralized__amount") == (None, 1)
    assert cell(found, "centralized__items") == (2, 0)
    assert shown(found).choices == {"amount_unit": "unknown"}


def test_zero_is_zero_in_any_unit() -> None:
    found = added(PROCUREMENT, [amount(0, "unknown"), amount(7, "yuan")])

    assert cell(found, "centralized__amount") == (7, 0)


@PROPERTY
@given(st.data())
def test_it_does_not_matter_in_which_order_or_groups_tables_are_added(data: st.DataObject) -> None:
    table = data.draw(st.sampled_from([t for form in FORMS for t in form.tables if not t.choices]))
    filings = data.draw(st.lists(tables(table), min_size=2, max_size=5))
    middle = data.draw(st.integers(1, len(filings) - 1))
    found = added(table, filings)

    assert added(table, filings[::-1]) == found
    parts = [added(table, filings[:middle]), added(table, filings[middle:])]
    for index in range(len(table.cells)):
        numbers = [part.sums[index] for part in parts if part.sums[index] is not None]
        assert found.sums[index] == (sum(filter(None, numbers)) if numbers else None)
        assert found.gaps[index] == sum(part.gaps[index] for part in parts)


# What fails in a sum


@st.composite
def flawless(draw: st.DrawFn, table: Table) -> Filing:
    """A table of requests that balances, in which some cells are blank."""
    filing = draw(balanced_requests(table))
    blanks = draw(st.lists(st.sampled_from([c.name for c in table.cells]), max_size=4))
    return changed(filing, **dict.fromkeys(blanks))


@st.composite
def flawless_disputes(draw: st.DrawFn) -> Filing:
    """A table of disputes that adds up, in which some cells are blank."""
    cells: list[Any] = []
    for line in DISPUTES.lines:
        results = [draw(st.integers(0, 50)) for _ in DISPUTES.columns[:-1]]
        assert line.parts == ()
        cells += [*results, sum(results)]
    return Filing(DISPUTES, tuple(v if draw(st.integers(0, 8)) else None for v in cells))


def errors(findings: Iterable[Finding]) -> list[str]:
    return [each.id for each in findings if each.severity is Severity.ERROR]


@PROPERTY
@given(st.data())
def test_where_no_report_breaks_what_the_form_prints_neither_does_their_sum(
    data: st.DataObject,
) -> None:
    """Blanks included: no rule is judged by figures that some reports have and others lack."""
    year, form = data.draw(st.sampled_from([(2020, FORM_2019), (2024, FORM_2021)]))
    both = st.fixed_dictionaries(
        {"requests": flawless(form.table["requests"]), "disputes": flawless_disputes()}
    )
    members = [
        a_member(f"m{i}", year, **filings)
        for i, filings in enumerate(data.draw(st.lists(both, min_size=1, max_size=4)))
    ]
    for member in members:
        assert errors(failures(member)) == []

    assert errors(found_in_sum(members)) == []


LINEAR = ("requests.carry-size", "documents.stock-floor", "documents.published", "items.floor")


@PROPERTY
@given(st.data())
def test_a_linear_rule_that_every_report_passes_is_passed_by_their_sum(
    data: st.DataObject,
) -> None:
    year, form = data.draw(st.sampled_from([(2020, FORM_2019), (2024, FORM_2021)]))
    members = []
    for i in range(data.draw(st.integers(1, 4))):
        filings = {table.key: data.draw(tables(table)) for table in form.tables}
        for key in {f.table for f in failures(a_member(f"m{i}", year, **filings))}:
            filings[str(key)] = a_filing(form.table[str(key)])
        members.append(a_member(f"m{i}", year, **filings))
    passed = [
        rule
        for rule in LINEAR
        if not any(f.rule == rule for m in members for f in judge(m, None, form_of(year - 1)))
    ]

    assert not [f.id for f in found_in_sum(members) if f.rule in passed]


def test_a_mistake_in_one_report_is_found_in_the_sum_with_its_difference() -> None:
    right, wrong = real_report("321300-2023"), real_report("321300-2023")
    requests = wrong.filings["requests"]
    broken = changed(requests, granted__natural_person=1_180)
    wrong = replace(wrong, filings={**wrong.filings, "requests": broken})

    found = found_in_sum([right, wrong])

    assert [(f.id, f.difference) for f in found if f.severity is Severity.ERROR] == [
        ("requests.handled:natural_person", -5),
        ("requests.row-total:granted", -5),
    ]
    assert {s.cell for f in found for s in f.suspects} == {
        "/tables/requests/data/granted/natural_person"
    }


def test_a_blank_in_one_report_draws_nothing_in_the_sum() -> None:
    members = [a_member("a", disputes={"reconsideration__total": None}), a_member("b")]

    assert found_in_sum(members) == []


def test_rules_that_do_not_survive_summing_are_not_judged() -> None:
    """Each of the two passes; their sum has as many decisions as its items changed."""
    members = [
        a_member("a", 2020, licensing={"licences__items_change": 3, "licences__decisions": 5}),
        a_member("b", 2020, licensing={"licences__items_change": 2, "licences__decisions": 0}),
    ]
    assert [f for m in members for f in failures(m)] == []

    assert found_in_sum(members) == []
    known = {rule.id for form in FORMS for rule in rules_of(form)}
    assert known >= NOT_OF_SUMS


# rollup.sum


def test_a_consolidated_report_is_the_sum_of_its_children() -> None:
    members = [a_member("a", fees={"charges__amount": 2_500_000}), a_member("b")]
    own = a_report(2024, agency=A_CITY, fees={"charges__amount": 2_500_000})

    assert compared(own, members) == []


def test_every_cell_that_differs_is_named_with_its_sides() -> None:
    members = [
        a_member("a", fees={"charges__amount": 2_500_000}, disputes={"reconsideration__upheld": 2}),
        a_member("b", disputes={"reconsideration__upheld": 3}),
    ]
    own = a_report(2024, agency=A_CITY, disputes={"reconsideration__upheld": 7})

    assert compared(own, members) == [
        ("fees.charges.amount", "0", "2.5", "-2.5"),
        ("disputes.reconsideration.upheld", 7, 5, 2),
    ]
    found = next(reconciled(own, members, added_up(own.form, members), 2))
    assert (found.rule, found.severity) == ("rollup.sum", Severity.WARNING)
    assert found.cells == ("/tables/fees/data/charges/amount",)
    assert "2.5" in found.message.zh
    assert "2.5" in found.message.en


@pytest.mark.parametrize(("own", "fails"), [(4, True), (5, False), (6, False)])
def test_while_a_child_is_missing_the_consolidated_report_is_not_below_the_others(
    own: int, fails: bool
) -> None:
    members = [a_member("a", disputes={"reconsideration__upheld": 5})]
    consolidated = a_report(2024, agency=A_CITY, disputes={"reconsideration__upheld": own})

    assert bool(compared(consolidated, members, expected=2)) is fails


@pytest.mark.parametrize(
    "blank", [{"disputes": {"reconsideration__upheld": None}}, {"disputes": None}]
)
def test_a_blank_of_a_child_is_a_child_missing_in_that_cell_only(blank: Any) -> None:
    members = [a_member("a", disputes={"reconsideration__upheld": 5}), a_member("b", **blank)]
    own = a_report(
        2024, agency=A_CITY, disputes={"reconsideration__upheld": 6}, fees={"charges__amount": 1}
    )

    assert compared(own, members) == [("fees.charges.amount", "0.000001", "0", "0.000001")]


def test_what_may_be_negative_is_not_judged_while_a_child_is_missing() -> None:
    members = [a_member("a", 2020, fees={"charges__items_change": 5})]
    own = a_report(2020, agency=A_CITY, fees={"charges__items_change": 2})

    assert compared(own, members, expected=2) == []
    assert compared(own, members) == [("fees.charges.items_change", 2, 5, -3)]


@pytest.mark.parametrize("value", [None, "n/a"])
def test_a_cell_that_the_consolidated_report_lacks_is_not_judged(value: Any) -> None:
    members = [a_member("a", disputes={"reconsideration__upheld": 5})]
    own = a_report(2024, agency=A_CITY, disputes={"reconsideration__upheld": value})

    assert compared(own, members) == []
    assert compared(replace(own, filings={}), members) == []


def test_a_total_that_was_left_out_counts_as_it_is_computed() -> None:
    """On both sides: the children's, and the consolidated report's, which says so."""
    line = {"reconsideration__upheld": 5, "reconsideration__total": None}
    members = [a_member("a", disputes=line), a_member("b", disputes=line)]
    own = {"reconsideration__upheld": 10, "reconsideration__total": None}
    assert compared(a_report(2024, agency=A_CITY, disputes=own), members) == []

    own |= {"reconsideration__corrected": 1}
    consolidated = a_report(2024, agency=A_CITY, disputes=own)
    sums = added_up(consolidated.form, members)
    found = list(reconciled(consolidated, members, sums, 2))

    assert [(f.at, f.left, f.right) for f in found] == [
        ("disputes.reconsideration.corrected", 1, 0),
        ("disputes.reconsideration.total", 11, 10),
    ]
    assert [f.computed_cells for f in found] == [(), found[1].cells]


def test_a_nil_table_is_compared_as_zeros() -> None:
    members = [a_member("a", disputes=a_nil_filing(DISPUTES))]
    own = a_report(2024, agency=A_CITY, disputes=a_nil_filing(DISPUTES, 3))

    assert compared(own, members) == []


def test_amounts_are_compared_in_yuan() -> None:
    members = [a_member("a", 2020, procurement=amount(1_500_000, "wan_yuan"))]
    same = a_report(2020, agency=A_CITY, procurement=amount(15_000_000_000, "yuan"))
    other = a_report(2020, agency=A_CITY, procurement=amount(1_500_000, "yuan"))
    unknown = a_report(2020, agency=A_CITY, procurement=amount(1_500_000, "unknown"))

    assert compared(same, members) == []
    assert compared(unknown, members) == []
    assert compared(other, members) == [
        ("procurement.centralized.amount", "1.5", "15000", "-14998.5")
    ]


def test_judging_a_report_says_nothing_of_other_agencies() -> None:
    assert "rollup.sum" in {rule.id for rule in rules_of(FORM_2021)}
    assert not [f for f in judge(real_report("321300-2023"), None, FORM_2021) if "rollup" in f.rule]


# Standing

DUE = due_dates(2024)


@pytest.mark.parametrize(
    ("kind", "dates", "nil", "word"),
    [
        ("department", (None, None), False, Standing.FILED),
        ("department", ("2025-01-31", None), False, Standing.FILED),
        ("department", ("2025-01-31", "2025-02-01"), False, Standing.LATE),
        ("government", ("2025-01-31", "2025-02-01"), False, Standing.FILED),
        ("government", (None, "2025-04-01"), True, Standing.LATE),
        ("department", (None, "2025-01-01"), True, Standing.NIL),
    ],
)
def test_an_agency_stands_as_the_first_word_says_that_applies(
    kind: str, dates: tuple[str | None, str | None], nil: bool, word: Standing
) -> None:
    assert standing(DUE, kind, dates, nil=nil) is word


def test_a_report_is_nil_if_every_table_is() -> None:
    filings = [a_nil_filing(table) for table in FORM_2021.tables]

    assert is_nil(filings)
    assert not is_nil([*filings, a_filing(FEES)])
    assert not is_nil([*filings, None])
