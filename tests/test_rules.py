"""Every rule of the catalogue: what passes, what fails and how, and what cannot be judged."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.findings import Finding, Outcome
from app.domain.layout import Form, Value
from app.domain.report import Agency, Filing, Report
from app.forms import FORMS
from tests.builders import (
    FORM_2019,
    FORM_2021,
    a_filing,
    a_nil_filing,
    a_report,
    of_rule,
    pointers,
)

NA = Outcome.NOT_ASSESSABLE
BOTH, ONLY_2019, ONLY_2021 = ["2019", "2021"], ["2019"], ["2021"]
COLUMNS = [
    "natural_person",
    "commercial",
    "research",
    "public_interest",
    "legal_service",
    "other_organization",
    "total",
]
APPLICANTS = COLUMNS[:6]
DISPUTES = ["reconsideration", "litigation_direct", "litigation_after_reconsideration"]
RESULTS = ["upheld", "corrected", "other_result", "pending"]
ITEM_LINES = [
    ("licensing", "licences"),
    ("licensing", "other_services"),
    ("enforcement", "penalties"),
    ("enforcement", "compulsion"),
    ("fees", "charges"),
]
every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.key)
every_column = pytest.mark.parametrize("column", COLUMNS)
every_item_line = pytest.mark.parametrize(("table", "line"), ITEM_LINES)

Said = list[tuple[Any, ...]]


def said(rule: str, report: Report, previous: Report | None = None) -> Said:
    """Return what a rule says: (at, left, right, difference) of failures, (at, NA) of others."""
    return [
        (each.at, NA) if each.outcome is NA else (each.at, each.left, each.right, each.difference)
        for each in of_rule(rule, report, previous)
    ]


def only(rule: str, report: Report, previous: Report | None = None) -> Finding:
    (finding,) = of_rule(rule, report, previous)
    return finding


def cells_of(finding: Finding) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    return finding.cells, finding.other_cells, finding.computed_cells


def money(units: int) -> int:
    """Return whole units as millionths."""
    return units * 10**6


# Two cells, each alone on its side


ACROSS_YEARS = {"requests.carry", "disputes.pending", "fees.unit", "year.jump"}
COMPARED = [
    ("requests.carry", 2024, "requests", "carried_in__research", "carried_out__research"),
    ("requests.carry-size", 2024, "requests", "carried_out__research", "received__research"),
    (
        "disputes.pending",
        2024,
        "disputes",
        "litigation_direct__total",
        "litigation_direct__pending",
    ),
    ("documents.published", 2020, "documents", "rules__public_total", "rules__published"),
    (
        "items.change-is-decisions",
        2020,
        "licensing",
        "licences__items_change",
        "licences__decisions",
    ),
    ("procurement.both", 2020, "procurement", "centralized__items", "centralized__amount"),
    ("fees.unit", 2024, "fees", "charges__amount", "charges__amount"),
    ("year.jump", 2024, "licensing", "licences__decisions", "licences__decisions"),
]


@pytest.mark.parametrize("left", [None, "n/a", 0, 70])
@pytest.mark.parametrize("right", [None, "n/a", 0, 70])
@pytest.mark.parametrize("compared", COMPARED, ids=[each[0] for each in COMPARED])
def test_two_cells_are_compared_only_where_both_are_numbers(
    compared: tuple[str, int, str, str, str], left: Value, right: Value
) -> None:
    """So two blanks are not equal, and `n/a` is not at least `n/a`."""
    rule, year, table, one, other = compared
    here: dict[str, Value] = {one: left}
    there: dict[str, Value] = {other: right}
    if rule not in ACROSS_YEARS:
        here, there = here | there, {}
    if left is None and table == "disputes":
        here["litigation_direct__upheld"] = None  # so that the total is not computed
    report = a_report(year, **{table: here})

    found = said(rule, report, a_report(year - 1, **{table: there}))

    unjudged = [at for at, *sides in found if sides == [NA]]
    assert len(unjudged) == (0 if isinstance(left, int) and isinstance(right, int) else 1)


# requests.balance


@every_column
def test_balance_holds_where_all_were_handled_or_carried_out(column: str) -> None:
    cells: dict[str, Value] = {
        f"received__{column}": 5,
        f"carried_in__{column}": 3,
        f"handled__{column}": 7,
        f"carried_out__{column}": 1,
    }

    assert said("requests.balance", a_report(2020, requests=cells)) == []


@every_column
@pytest.mark.parametrize(("handled", "difference"), [(6, 1), (8, -1)])
def test_balance_fails_where_a_request_is_lost_or_found(
    column: str, handled: int, difference: int
) -> None:
    cells: dict[str, Value] = {
        f"received__{column}": 5,
        f"carried_in__{column}": 3,
        f"handled__{column}": handled,
        f"carried_out__{column}": 1,
    }
    report = a_report(2024, requests=cells)

    finding = only("requests.balance", report)

    assert said("requests.balance", report) == [(column, 8, handled + 1, difference)]
    assert (finding.id, finding.table) == (f"requests.balance:{column}", "requests")
    assert cells_of(finding) == (
        pointers(
            "requests",
            f"received.{column}",
            f"carried_in.{column}",
            f"handled.{column}",
            f"carried_out.{column}",
        ),
        (),
        (),
    )


@pytest.mark.parametrize("line", ["received", "carried_in", "carried_out"])
def test_balance_is_not_assessable_with_a_blank(line: str) -> None:
    report = a_report(2024, requests={"received__research": 5, f"{line}__research": None})

    assert said("requests.balance", report) == [("research", NA)]


def test_n_a_adds_nothing_to_either_side_of_a_balance() -> None:
    cells: dict[str, Value] = {"carried_in__research": "n/a", "carried_out__research": "n/a"}

    assert said("requests.balance", a_report(2024, requests=cells)) == []
    assert said(
        "requests.balance", a_report(2024, requests={**cells, "received__research": 4})
    ) == [("research", 4, 0, 4)]


def test_a_side_of_a_balance_that_is_all_n_a_is_0() -> None:
    cells: dict[str, Value] = {
        "received__research": "n/a",
        "carried_in__research": "n/a",
        "handled__research": 2,
    }

    assert said("requests.balance", a_report(2024, requests=cells)) == [("research", 0, 2, -2)]


def test_a_left_out_total_is_judged_in_a_balance_by_its_computed_value() -> None:
    report = a_report(
        2024,
        requests={
            "received__natural_person": 4,
            "received__research": 1,
            "received__total": None,
            "handled__total": 3,
            "carried_out__total": None,
        },
    )
    finding = of_rule("requests.balance", report)[-1]

    assert said("requests.balance", report)[-1] == ("total", 5, 3, 2)
    assert finding.computed_cells == pointers("requests", "received.total", "carried_out.total")


def test_left_out_outcome_totals_are_judged_in_a_balance_by_the_outcomes() -> None:
    report = a_report(
        2024,
        requests={
            "received__research": 5,
            "received__total": 5,
            "granted__research": 3,
            "granted__total": 999,
            "handled__research": None,
            "handled__total": None,
        },
    )

    assert said("requests.balance", report) == [("research", 5, 3, 2), ("total", 5, 3, 2)]
    assert [each.computed_cells for each in of_rule("requests.balance", report)] == [
        pointers("requests", "handled.research"),
        pointers("requests", "handled.total"),
    ]


def test_a_left_out_total_over_a_blank_cannot_be_judged() -> None:
    cells: dict[str, Value] = {"received__research": None, "received__total": None}

    assert said("requests.balance", a_report(2024, requests=cells)) == [
        ("research", NA),
        ("total", NA),
    ]


def test_a_left_out_total_whose_parts_are_all_n_a_cannot_be_judged() -> None:
    cells: dict[str, Value] = {f"received__{column}": "n/a" for column in APPLICANTS}
    report = a_report(2024, requests={**cells, "received__total": None})

    assert said("requests.balance", report) == [("total", NA)]
    assert said("requests.carry-size", report) == [*((c, NA) for c in COLUMNS)]


# requests.handled


@every_form
@every_column
def test_handled_is_the_sum_of_every_outcome_line(form: Form, column: str) -> None:
    outcomes = next(line.parts for line in form.table["requests"].lines if line.parts)
    ones: dict[str, Value] = {f"{line}__{column}": 1 for line in outcomes}
    good = {**ones, f"handled__{column}": len(outcomes)}
    bad = {**ones, f"handled__{column}": len(outcomes) + 2}

    finding = only("requests.handled", a_report(form.first_year, requests=bad))

    assert said("requests.handled", a_report(form.first_year, requests=good)) == []
    assert said("requests.handled", a_report(form.first_year, requests=bad)) == [
        (column, len(outcomes) + 2, len(outcomes), 2)
    ]
    cells = pointers("requests", *(f"{line}.{column}" for line in (*outcomes, "handled")))
    assert cells_of(finding) == (cells, (), ())


@every_form
def test_handled_is_not_assessable_with_a_blank_outcome(form: Form) -> None:
    for line in next(line.parts for line in form.table["requests"].lines if line.parts):
        report = a_report(form.first_year, requests={f"{line}__legal_service": None})
        assert said("requests.handled", report) == [("legal_service", NA)]


@pytest.mark.parametrize("handled", [None, "n/a"])
def test_handled_is_not_assessable_where_it_was_left_out_or_does_not_apply(handled: Value) -> None:
    """A total is never held against itself."""
    report = a_report(2024, requests={"granted__research": 2, "handled__research": handled})

    assert said("requests.handled", report) == [("research", NA)]


def test_n_a_adds_nothing_to_the_outcomes() -> None:
    granted: dict[str, Value] = {"granted__research": 2, "partly_granted__research": "n/a"}

    assert (
        said("requests.handled", a_report(2024, requests={**granted, "handled__research": 2})) == []
    )
    assert said(
        "requests.handled", a_report(2024, requests={**granted, "handled__research": 3})
    ) == [("research", 3, 2, 1)]


def test_outcomes_that_are_all_n_a_come_to_0() -> None:
    outcomes = next(line.parts for line in FORM_2021.table["requests"].lines if line.parts)
    cells: dict[str, Value] = {f"{line}__research": "n/a" for line in outcomes}

    assert said("requests.handled", a_report(2024, requests=cells)) == []
    assert said("requests.handled", a_report(2024, requests={**cells, "handled__research": 1})) == [
        ("research", 1, 0, 1)
    ]


def test_left_out_totals_of_outcomes_are_judged_by_their_computed_value() -> None:
    report = a_report(
        2024,
        requests={
            "granted__natural_person": 2,
            "granted__total": None,
            "other_misc__research": 3,
            "other_misc__total": None,
            "handled__natural_person": 2,
            "handled__research": 3,
            "handled__total": 6,
        },
    )

    assert said("requests.handled", report) == [("total", 6, 5, 1)]
    assert only("requests.handled", report).computed_cells == pointers(
        "requests", "granted.total", "other_misc.total"
    )


# requests.row-total and disputes.row-total


@every_form
def test_every_line_of_requests_is_added_up(form: Form) -> None:
    for line in form.table["requests"].lines:
        ones: dict[str, Value] = {f"{line.key}__{column}": 1 for column in APPLICANTS}
        good = a_report(form.first_year, requests={**ones, f"{line.key}__total": 6})
        bad = a_report(form.first_year, requests={**ones, f"{line.key}__total": 5})

        assert said("requests.row-total", good) == []
        assert said("requests.row-total", bad) == [(line.key, 5, 6, -1)]
        cells = pointers("requests", *(f"{line.key}.{column}" for column in COLUMNS))
        assert cells_of(only("requests.row-total", bad)) == (cells, (), ())


@pytest.mark.parametrize("line", DISPUTES)
def test_every_line_of_disputes_is_added_up(line: str) -> None:
    parts: dict[str, Value] = {f"{line}__{c}": n for n, c in enumerate(RESULTS, start=1)}
    good = a_report(2024, disputes={**parts, f"{line}__total": 10})
    bad = a_report(2024, disputes={**parts, f"{line}__total": 0})

    assert said("disputes.row-total", good) == []
    assert said("disputes.row-total", bad) == [(line, 0, 10, -10)]
    finding = only("disputes.row-total", bad)
    assert (finding.table, finding.suspects) == ("disputes", ())
    assert cells_of(finding) == (
        pointers("disputes", *(f"{line}.{column}" for column in [*RESULTS, "total"])),
        (),
        (),
    )


@pytest.mark.parametrize("blank", COLUMNS)
def test_a_line_of_requests_with_a_blank_is_not_added_up(blank: str) -> None:
    """Not even where the total is the blank: it would be held against itself."""
    report = a_report(2024, requests={"carried_in__commercial": 1, f"carried_in__{blank}": None})

    assert said("requests.row-total", report) == [("carried_in", NA)]


@pytest.mark.parametrize("blank", [*RESULTS, "total"])
def test_a_line_of_disputes_with_a_blank_is_not_added_up(blank: str) -> None:
    report = a_report(2024, disputes={f"litigation_direct__{blank}": None})

    assert said("disputes.row-total", report) == [("litigation_direct", NA)]


def test_a_total_of_n_a_stands_alone_and_is_not_judged() -> None:
    report = a_report(
        2024,
        requests={"received__total": "n/a", "received__research": 3},
        disputes={"reconsideration__total": "n/a", "reconsideration__upheld": 3},
    )

    assert said("requests.row-total", report) == [("received", NA)]
    assert said("disputes.row-total", report) == [("reconsideration", NA)]


def test_n_a_adds_nothing_to_a_line() -> None:
    cells: dict[str, Value] = {f"received__{column}": "n/a" for column in APPLICANTS}

    assert said("requests.row-total", a_report(2024, requests=cells)) == []
    assert said("requests.row-total", a_report(2024, requests={**cells, "received__total": 1})) == [
        ("received", 1, 0, 1)
    ]
    one = {**cells, "received__research": 2, "received__total": 1}
    assert said("requests.row-total", a_report(2024, requests=one)) == [("received", 1, 2, -1)]


def test_left_out_handled_cells_are_judged_in_their_line_by_their_computed_value() -> None:
    report = a_report(
        2024,
        requests={
            "granted__natural_person": 2,
            "granted__total": 2,
            "handled__natural_person": None,
            "handled__research": None,
            "handled__total": 3,
        },
    )
    finding = only("requests.row-total", report)

    assert said("requests.row-total", report) == [("handled", 3, 2, 1)]
    assert finding.computed_cells == pointers(
        "requests", "handled.natural_person", "handled.research"
    )


# items.floor


@every_item_line
@pytest.mark.parametrize(
    ("last_year", "change", "expected"),
    [(5, -5, None), (5, -6, -1), (0, 0, None), (0, -1, -1), (5, 1036, None)],
)
def test_items_do_not_fall_below_0(
    table: str, line: str, last_year: int, change: int, expected: int | None
) -> None:
    report = a_report(
        2019, **{table: {f"{line}__items_last_year": last_year, f"{line}__items_change": change}}
    )
    found = said("items.floor", report)

    assert found == ([] if expected is None else [(line, expected, 0, expected)])
    for finding in of_rule("items.floor", report):
        assert finding.table == table
        cells = pointers(table, f"{line}.items_last_year", f"{line}.items_change")
        assert cells_of(finding) == (cells, (), ())


@every_item_line
@pytest.mark.parametrize("blank", ["items_last_year", "items_change"])
def test_items_with_a_blank_are_not_assessable(table: str, line: str, blank: str) -> None:
    report = a_report(2019, **{table: {f"{line}__items_change": -9, f"{line}__{blank}": None}})

    assert said("items.floor", report) == [(line, NA)]


@pytest.mark.parametrize(
    ("last_year", "change", "expected"),
    [("n/a", -1, -1), ("n/a", 1, None), (1, "n/a", None), ("n/a", "n/a", None)],
)
def test_n_a_adds_nothing_to_items(last_year: Value, change: Value, expected: int | None) -> None:
    cells = {"charges__items_last_year": last_year, "charges__items_change": change}

    found = said("items.floor", a_report(2019, fees=cells))

    assert found == ([] if expected is None else [("charges", expected, 0, expected)])


def test_the_floor_of_items_does_not_need_the_decisions() -> None:
    report = a_report(2019, licensing={"licences__decisions": None})

    assert said("items.floor", report) == []


# nil.not-empty


def test_a_table_declared_nil_holds_no_number_but_0() -> None:
    table = FORM_2021.table["disputes"]
    filing = a_nil_filing(
        table,
        reconsideration__upheld=3,
        reconsideration__corrected=0,
        reconsideration__pending="n/a",
        litigation_direct__total=1,
    )
    report = a_report(2024, disputes=filing)
    finding = only("nil.not-empty", report)

    assert said("nil.not-empty", report) == [("disputes", 2, 0, 2)]
    assert finding.table == "disputes"
    assert cells_of(finding) == (
        pointers("disputes", "reconsideration.upheld", "litigation_direct.total"),
        (),
        (),
    )


def test_a_negative_change_and_a_decimal_are_not_0_either() -> None:
    licensing, procurement = FORM_2019.table["licensing"], FORM_2019.table["procurement"]
    report = a_report(
        2019,
        licensing=a_nil_filing(licensing, licences__items_change=-1),
        procurement=a_nil_filing(procurement, centralized__amount=1),
    )

    assert said("nil.not-empty", report) == [("licensing", 1, 0, 1), ("procurement", 1, 0, 1)]


@pytest.mark.parametrize("fill", [0, None, "n/a"])
def test_a_table_declared_nil_may_be_blank_or_0_or_n_a(fill: Value) -> None:
    nil = {table.key: a_nil_filing(table, fill) for table in FORM_2021.tables}

    assert said("nil.not-empty", a_report(2024, **nil)) == []


def test_a_table_that_is_filed_may_hold_numbers() -> None:
    assert said("nil.not-empty", a_report(2024, licensing={"licences__decisions": 7})) == []


# requests.carry


@every_column
@pytest.mark.parametrize("year", [2020, 2021, 2024])
def test_what_is_carried_in_was_carried_out_last_year(year: int, column: str) -> None:
    report = a_report(year, requests={f"carried_in__{column}": 5})
    same = a_report(year - 1, requests={f"carried_out__{column}": 5})
    more = a_report(year - 1, requests={f"carried_out__{column}": 7})

    assert said("requests.carry", report, same) == []
    assert said("requests.carry", report, more) == [(column, 5, 7, -2)]
    assert cells_of(only("requests.carry", report, more)) == (
        pointers("requests", f"carried_in.{column}"),
        pointers("requests", f"carried_out.{column}"),
        (),
    )


@pytest.mark.parametrize("value", [None, "n/a"])
def test_carry_is_not_assessable_with_a_blank_or_n_a_in_either_year(value: Value) -> None:
    here = a_report(2024, requests={"carried_in__research": value})
    there = a_report(2023, requests={"carried_out__research": value})

    assert said("requests.carry", here, a_report(2023)) == [("research", NA)]
    assert said("requests.carry", a_report(2024), there) == [("research", NA)]


def test_left_out_totals_of_both_years_are_carried_by_their_computed_value() -> None:
    here = a_report(2024, requests={"carried_in__research": 2, "carried_in__total": None})
    there = a_report(2023, requests={"carried_out__research": 2, "carried_out__total": None})
    more = a_report(2023, requests={"carried_out__research": 2, "carried_out__total": 3})

    assert said("requests.carry", here, there) == []
    assert said("requests.carry", here, more) == [("total", 2, 3, -1)]
    assert cells_of(only("requests.carry", here, more)) == (
        pointers("requests", "carried_in.total"),
        pointers("requests", "carried_out.total"),
        pointers("requests", "carried_in.total"),
    )
    assert said("requests.carry", a_report(2024), there) == [
        ("research", 0, 2, -2),
        ("total", 0, 2, -2),
    ]
    assert [each.computed_cells for each in of_rule("requests.carry", a_report(2024), there)] == [
        (),
        (),
    ]


def test_nothing_was_carried_out_of_a_nil_table() -> None:
    nil = a_nil_filing(FORM_2021.table["requests"], None, carried_out__research=9)
    report = a_report(2024, requests={"carried_in__research": 1, "carried_in__total": 1})

    assert said("requests.carry", report, a_report(2023, requests=nil)) == [
        ("research", 1, 0, 1),
        ("total", 1, 0, 1),
    ]


# requests.carry-size


@every_column
@pytest.mark.parametrize(("received", "carried_out"), [(5, 5), (5, 6), (0, 0), (0, 1)])
def test_no_more_is_carried_out_than_was_received(
    column: str, received: int, carried_out: int
) -> None:
    report = a_report(
        2020, requests={f"received__{column}": received, f"carried_out__{column}": carried_out}
    )
    found = of_rule("requests.carry-size", report)

    assert said("requests.carry-size", report) == (
        [] if carried_out <= received else [(column, carried_out, received, 1)]
    )
    for finding in found:
        cells = pointers("requests", f"received.{column}", f"carried_out.{column}")
        assert cells_of(finding) == (cells, (), ())


@pytest.mark.parametrize("value", [None, "n/a"])
@pytest.mark.parametrize("line", ["received", "carried_out"])
def test_the_size_of_the_carry_is_not_assessable_with_a_blank_or_n_a(
    line: str, value: Value
) -> None:
    report = a_report(2024, requests={"carried_out__research": 1, f"{line}__research": value})

    assert said("requests.carry-size", report) == [("research", NA)]


def test_a_left_out_total_is_carried_out_by_its_computed_value() -> None:
    report = a_report(
        2024,
        requests={
            "received__research": 9,
            "received__commercial": 1,
            "received__total": 9,
            "carried_out__research": 9,
            "carried_out__commercial": 1,
            "carried_out__total": None,
        },
    )

    assert said("requests.carry-size", report) == [("total", 10, 9, 1)]
    assert only("requests.carry-size", report).computed_cells == pointers(
        "requests", "carried_out.total"
    )


# disputes.pending


@pytest.mark.parametrize("line", DISPUTES)
@pytest.mark.parametrize("year", [2020, 2021, 2024])
@pytest.mark.parametrize(("total", "fails"), [(3, True), (4, False), (5, False)])
def test_what_was_pending_is_in_the_total_of_the_next_year(
    line: str, year: int, total: int, fails: bool
) -> None:
    report = a_report(year, disputes={f"{line}__total": total})
    previous = a_report(year - 1, disputes={f"{line}__pending": 4})

    assert said("disputes.pending", report, previous) == ([(line, 3, 4, -1)] if fails else [])
    for finding in of_rule("disputes.pending", report, previous):
        assert cells_of(finding) == (
            pointers("disputes", f"{line}.total"),
            pointers("disputes", f"{line}.pending"),
            (),
        )


@pytest.mark.parametrize("value", [None, "n/a"])
def test_pending_disputes_are_not_assessable_with_a_blank_or_n_a(value: Value) -> None:
    previous = a_report(2023, disputes={"litigation_direct__pending": value})
    report = a_report(
        2024, disputes={"litigation_direct__upheld": value, "litigation_direct__total": value}
    )

    assert said("disputes.pending", a_report(2024), previous) == [("litigation_direct", NA)]
    assert said("disputes.pending", report, a_report(2023)) == [("litigation_direct", NA)]


def test_a_left_out_total_holds_what_was_pending_by_its_computed_value() -> None:
    report = a_report(2024, disputes={"reconsideration__upheld": 1, "reconsideration__total": None})
    one, two = (a_report(2023, disputes={"reconsideration__pending": n}) for n in (1, 2))

    assert said("disputes.pending", report, one) == []
    assert said("disputes.pending", report, two) == [("reconsideration", 1, 2, -1)]
    assert only("disputes.pending", report, two).computed_cells == pointers(
        "disputes", "reconsideration.total"
    )


# documents.stock and documents.stock-floor


@pytest.mark.parametrize("line", ["rules", "normative_documents"])
@pytest.mark.parametrize("year", [2022, 2025])
def test_the_stock_of_documents_follows_from_last_year(year: int, line: str) -> None:
    previous = a_report(year - 1, documents={f"{line}__in_force": 10})
    good, bad, unrepealed = (
        a_report(
            year,
            documents={f"{line}__issued": 4, f"{line}__repealed": 3, f"{line}__in_force": stock},
        )
        for stock in (11, 12, 17)
    )

    assert said("documents.stock", good, previous) == []
    assert said("documents.stock", bad, previous) == [(line, 12, 11, 1)]
    assert said("documents.stock", unrepealed, previous) == [(line, 17, 11, 6)]
    assert cells_of(only("documents.stock", bad, previous)) == (
        pointers("documents", f"{line}.issued", f"{line}.repealed", f"{line}.in_force"),
        pointers("documents", f"{line}.in_force"),
        (),
    )


def test_the_stock_may_have_to_be_below_0() -> None:
    report = a_report(2024, documents={"rules__repealed": 2})

    assert said("documents.stock", report, a_report(2023)) == [("rules", 0, -2, 2)]


@pytest.mark.parametrize("column", ["issued", "repealed", "in_force"])
def test_the_stock_and_its_floor_are_not_assessable_with_a_blank(column: str) -> None:
    report = a_report(2024, documents={f"rules__{column}": None})

    assert said("documents.stock", report, a_report(2023)) == [("rules", NA)]
    assert said("documents.stock-floor", report, a_report(2023)) == [("rules", NA)]


def test_n_a_adds_nothing_to_the_stock_but_is_no_stock() -> None:
    addends: dict[str, Value] = {"rules__issued": "n/a", "rules__repealed": "n/a"}
    was_n_a = a_report(2023, documents={"rules__in_force": "n/a"})

    assert said("documents.stock", a_report(2024, documents=addends), was_n_a) == []
    one = a_report(2024, documents={**addends, "rules__in_force": 1})
    assert said("documents.stock", one, was_n_a) == [("rules", 1, 0, 1)]
    alone = a_report(2024, documents={"rules__in_force": "n/a"})
    assert said("documents.stock", alone, a_report(2023)) == [("rules", NA)]
    assert said("documents.stock-floor", alone, a_report(2023)) == [("rules", NA)]


FLOOR_BROKEN: dict[str, Value] = {
    "rules__issued": 5,
    "rules__repealed": 1,
    "rules__in_force": 3,
    "normative_documents__issued": 5,
    "normative_documents__repealed": 1,
    "normative_documents__in_force": 4,
}


def test_in_2021_the_stock_has_a_floor_since_the_form_before_knows_no_stock() -> None:
    report = a_report(2021, documents=FLOOR_BROKEN)

    for previous in (None, a_report(2020)):
        assert said("documents.stock", report, previous) == []
        assert said("documents.stock-floor", report, previous) == [("rules", 3, 4, -1)]
    assert cells_of(only("documents.stock-floor", report)) == (
        pointers("documents", "rules.issued", "rules.repealed", "rules.in_force"),
        (),
        (),
    )


@pytest.mark.parametrize(
    "previous", [None, a_report(2023, documents=None)], ids=["no report", "no table"]
)
def test_the_stock_has_a_floor_where_last_year_is_not_known(previous: Report | None) -> None:
    report = a_report(2024, documents=FLOOR_BROKEN)

    assert said("documents.stock", report, previous) == [(None, NA)]
    assert said("documents.stock-floor", report, previous) == [("rules", 3, 4, -1)]


def test_the_floor_is_judged_only_in_the_lines_whose_stock_is_not() -> None:
    report = a_report(
        2024,
        documents={"rules__issued": 5, "rules__in_force": 3, "normative_documents__issued": 2},
    )
    previous = a_report(2023, documents={"rules__in_force": None})

    assert said("documents.stock", report, previous) == [
        ("rules", NA),
        ("normative_documents", 0, 2, -2),
    ]
    assert said("documents.stock-floor", report, previous) == [("rules", 3, 5, -2)]


def test_the_floor_is_silent_where_the_stock_holds() -> None:
    report = a_report(2024, documents={"rules__issued": 2, "rules__in_force": 2})

    assert said("documents.stock-floor", report, a_report(2023)) == []


def test_n_a_adds_nothing_to_the_floor() -> None:
    both: dict[str, Value] = {"rules__issued": "n/a", "rules__repealed": "n/a"}

    assert said("documents.stock-floor", a_report(2021, documents=both)) == []
    one: dict[str, Value] = {"rules__issued": 1, "rules__repealed": "n/a"}
    assert said("documents.stock-floor", a_report(2021, documents=one)) == [("rules", 0, 1, -1)]


# documents.published


@pytest.mark.parametrize("line", ["rules", "normative_documents"])
@pytest.mark.parametrize(("total", "fails"), [(4, True), (5, False), (6, False)])
def test_what_was_published_is_open_to_the_public(line: str, total: int, fails: bool) -> None:
    report = a_report(2020, documents={f"{line}__published": 5, f"{line}__public_total": total})

    assert said("documents.published", report) == ([(line, 4, 5, -1)] if fails else [])
    for finding in of_rule("documents.published", report):
        cells = pointers("documents", f"{line}.published", f"{line}.public_total")
        assert cells_of(finding) == (cells, (), ())


@pytest.mark.parametrize("value", [None, "n/a"])
@pytest.mark.parametrize("column", ["published", "public_total"])
def test_published_documents_are_not_assessable_with_a_blank_or_n_a(
    column: str, value: Value
) -> None:
    report = a_report(2020, documents={f"rules__{column}": value})

    assert said("documents.published", report) == [("rules", NA)]


# documents.rule-maker


def an_agency(kind: str, level: str) -> Agency:
    return Agency("x", "某机关", kind, level)


KINDS = ["government", "office", "department", "dispatched", "zone", "authorized", "vertical"]
LEVELS = ["state", "province", "city", "county", "township"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("year", "column"), [(2019, "made"), (2024, "issued")])
def test_state_bodies_and_governments_of_provinces_and_cities_make_rules_and_no_one_else(
    kind: str, level: str, year: int, column: str
) -> None:
    report = a_report(year, agency=an_agency(kind, level), documents={f"rules__{column}": 1})

    may = level == "state" or (kind in {"government", "office"} and level in {"province", "city"})
    assert said("documents.rule-maker", report) == ([] if may else [("rules", 1, 0, 1)])


@pytest.mark.parametrize(
    ("cells", "left", "named"),
    [
        ({"rules__issued": 3}, 3, ["rules.issued"]),
        ({"rules__repealed": 2}, 2, ["rules.repealed"]),
        ({"rules__in_force": 1}, 1, ["rules.in_force"]),
        ({"rules__issued": 1, "rules__in_force": 7}, 7, ["rules.issued", "rules.in_force"]),
        ({"rules__issued": "n/a", "rules__in_force": 7}, 7, ["rules.in_force"]),
        (
            {"rules__issued": 9, "rules__repealed": 2, "rules__in_force": 9},
            9,
            ["rules.issued", "rules.repealed", "rules.in_force"],
        ),
    ],
)
def test_the_largest_number_of_rules_is_held_against_0(
    cells: dict[str, Value], left: int, named: list[str]
) -> None:
    report = a_report(2024, documents=cells)

    assert said("documents.rule-maker", report) == [("rules", left, 0, left)]
    assert cells_of(only("documents.rule-maker", report)) == (
        pointers("documents", *named),
        (),
        (),
    )


def test_in_2019_only_rules_made_count() -> None:
    """Published rules and those open to the public were often other agencies'."""
    others: dict[str, Value] = {"rules__published": 7, "rules__public_total": 7}

    assert said("documents.rule-maker", a_report(2020, documents=others)) == []
    made: dict[str, Value] = {**others, "rules__made": 2}
    finding = only("documents.rule-maker", a_report(2020, documents=made))
    assert said("documents.rule-maker", a_report(2020, documents=made)) == [("rules", 2, 0, 2)]
    assert finding.cells == pointers("documents", "rules.made")
    assert finding.message.zh.startswith("规章")


def test_normative_documents_are_made_by_everyone() -> None:
    report = a_report(2024, documents={"normative_documents__issued": 7})

    assert said("documents.rule-maker", report) == []


@pytest.mark.parametrize("column", ["issued", "repealed", "in_force"])
def test_rules_are_not_assessable_with_a_blank_among_them(column: str) -> None:
    report = a_report(2024, documents={"rules__issued": 1, f"rules__{column}": None})

    assert said("documents.rule-maker", report) == [("rules", NA)]


@pytest.mark.parametrize("value", [None, "n/a"])
def test_in_2019_a_blank_or_n_a_of_rules_made_is_not_assessable(value: Value) -> None:
    report = a_report(2020, documents={"rules__made": value, "rules__published": None})

    assert said("documents.rule-maker", report) == [("rules", NA)]


def test_rules_of_an_unknown_agency_are_not_assessable_but_none_are_for_everyone() -> None:
    report = a_report(2024, agency=None, documents={"rules__issued": 1})

    assert said("documents.rule-maker", report) == [("rules", NA)]
    assert said("documents.rule-maker", a_report(2024, agency=None)) == []


def test_rules_that_are_all_n_a_are_none() -> None:
    """The side is of three cells, so `n/a` does not stand alone."""
    n_a: dict[str, Value] = {"rules__issued": "n/a", "rules__repealed": "n/a"}
    report = a_report(2024, documents={**n_a, "rules__in_force": "n/a"})

    assert said("documents.rule-maker", report) == []


def test_a_nil_table_holds_no_rules() -> None:
    nil = a_nil_filing(FORM_2021.table["documents"], rules__issued=1)

    assert said("documents.rule-maker", a_report(2024, documents=nil)) == []


# items.chain


@every_item_line
def test_the_items_of_last_year_are_those_of_last_years_report(table: str, line: str) -> None:
    previous = a_report(
        2019, **{table: {f"{line}__items_last_year": 10, f"{line}__items_change": -3}}
    )
    good, bad = (a_report(2020, **{table: {f"{line}__items_last_year": n}}) for n in (7, 10))

    assert said("items.chain", good, previous) == []
    assert said("items.chain", bad, previous) == [(line, 10, 7, 3)]
    finding = only("items.chain", bad, previous)
    assert finding.table == table
    assert cells_of(finding) == (
        pointers(table, f"{line}.items_last_year"),
        pointers(table, f"{line}.items_last_year", f"{line}.items_change"),
        (),
    )


@pytest.mark.parametrize("value", [None, "n/a"])
def test_the_chain_is_not_assessable_with_a_blank_or_a_lone_n_a(value: Value) -> None:
    report = a_report(2020, enforcement={"penalties__items_last_year": value})

    assert said("items.chain", report, a_report(2019)) == [("penalties", NA)]


@pytest.mark.parametrize("column", ["items_last_year", "items_change"])
def test_the_chain_is_not_assessable_with_a_blank_last_year(column: str) -> None:
    previous = a_report(2019, enforcement={f"penalties__{column}": None})

    assert said("items.chain", a_report(2020), previous) == [("penalties", NA)]


def test_n_a_adds_nothing_to_last_years_items() -> None:
    previous = a_report(2019, fees={"charges__items_last_year": 4, "charges__items_change": "n/a"})

    assert said("items.chain", a_report(2020), previous) == [("charges", 0, 4, -4)]


@pytest.mark.parametrize(("year", "applies"), [(2019, False), (2020, True), (2021, False)])
def test_the_chain_has_one_link(year: int, applies: bool) -> None:
    assert said("items.chain", a_report(year)) == ([(None, NA)] if applies else [])


# items.change-is-decisions


@pytest.mark.parametrize(("table", "line"), ITEM_LINES[:4])
@pytest.mark.parametrize(
    ("change", "decisions", "fails"), [(6, 6, True), (0, 0, False), (6, 7, False), (-6, 6, False)]
)
def test_a_change_of_items_that_equals_the_decisions_is_found(
    table: str, line: str, change: int, decisions: int, fails: bool
) -> None:
    report = a_report(
        2019,
        **{
            table: {
                f"{line}__items_last_year": 9,
                f"{line}__items_change": change,
                f"{line}__decisions": decisions,
            }
        },
    )

    assert said("items.change-is-decisions", report) == ([(line, 6, 6, 0)] if fails else [])
    for finding in of_rule("items.change-is-decisions", report):
        assert finding.table == table
        cells = pointers(table, f"{line}.items_change", f"{line}.decisions")
        assert cells_of(finding) == (cells, (), ())


@pytest.mark.parametrize("value", [None, "n/a"])
@pytest.mark.parametrize("column", ["items_change", "decisions"])
def test_change_and_decisions_are_not_assessable_with_a_blank_or_n_a(
    column: str, value: Value
) -> None:
    report = a_report(2019, licensing={f"licences__{column}": value})

    assert said("items.change-is-decisions", report) == [("licences", NA)]


# procurement.both


@pytest.mark.parametrize(
    ("items", "amount", "said_of_it"),
    [
        (0, 0, []),
        (6, money(251000), []),
        (6, 0, [("centralized", 6, "0", None)]),
        (0, 1, [("centralized", 0, "0.000001", None)]),
        (0, money(251000), [("centralized", 0, "251000", None)]),
        (None, 1, [("centralized", NA)]),
        (1, None, [("centralized", NA)]),
        ("n/a", 1, [("centralized", NA)]),
        (1, "n/a", [("centralized", NA)]),
    ],
)
def test_procurement_has_both_items_and_an_amount_or_neither(
    items: Value, amount: Value, said_of_it: Said
) -> None:
    report = a_report(
        2019, procurement={"centralized__items": items, "centralized__amount": amount}
    )

    assert said("procurement.both", report) == said_of_it
    for finding in of_rule("procurement.both", report):
        cells = pointers("procurement", "centralized.items", "centralized.amount")
        assert cells_of(finding) == (cells, (), ())


# fees.unit


@pytest.mark.parametrize(
    ("now", "then", "fails"),
    [
        (1_999, 1, False),
        (2_000, 1, True),
        (10_000, 1, True),
        (50_000, 1, True),
        (50_001, 1, False),
        (1, 1_999, False),
        (1, 2_000, True),
        (1, 50_000, True),
        (1, 50_001, False),
        (7, 7, False),
        (0, 10_000, False),
        (10_000, 0, False),
        (0, 0, False),
    ],
)
def test_fees_that_differ_by_the_factor_between_yuan_and_wan_yuan_are_found(
    now: int, then: int, fails: bool
) -> None:
    report = a_report(2024, fees={"charges__amount": money(now)})
    previous = a_report(2023, fees={"charges__amount": money(then)})

    assert said("fees.unit", report, previous) == (
        [("charges", str(now), str(then), None)] if fails else []
    )
    for finding in of_rule("fees.unit", report, previous):
        cell = pointers("fees", "charges.amount")
        assert finding.table == "fees"
        assert cells_of(finding) == (cell, cell, ())


def test_the_ratio_of_fees_is_exact_and_the_amounts_are_texts() -> None:
    previous = a_report(2023, fees={"charges__amount": 500})
    below, at = (a_report(2024, fees={"charges__amount": n}) for n in (999_999, 1_000_000))

    assert said("fees.unit", below, previous) == []
    assert said("fees.unit", at, previous) == [("charges", "1", "0.0005", None)]
    least = a_report(2023, fees={"charges__amount": 1})
    few = a_report(2024, fees={"charges__amount": 2_000})
    assert said("fees.unit", few, least) == [("charges", "0.002", "0.000001", None)]


@pytest.mark.parametrize("value", [None, "n/a"])
def test_fees_are_not_assessable_with_a_blank_or_n_a_in_either_year(value: Value) -> None:
    report = a_report(2024, fees={"charges__amount": value})
    previous = a_report(2023, fees={"charges__amount": value})

    assert said("fees.unit", report, a_report(2023)) == [("charges", NA)]
    assert said("fees.unit", a_report(2024), previous) == [("charges", NA)]


def test_in_2021_fees_are_not_held_against_the_items_of_2020() -> None:
    report = a_report(2021, fees={"charges__amount": money(10_000)})
    previous = a_report(2020, fees={"charges__items_last_year": 1})

    assert said("fees.unit", report, previous) == []


# cells.blank


def test_blank_cells_are_one_finding_a_table_and_totals_may_be_left_out() -> None:
    report = a_report(
        2024,
        licensing={"licences__decisions": None},
        requests={
            "received__research": None,
            "received__total": None,
            "handled__research": None,
            "handled__total": None,
            "carried_out__commercial": None,
        },
        disputes={"reconsideration__total": None},
    )
    found = of_rule("cells.blank", report)

    assert said("cells.blank", report) == [("licensing", 1, 0, 1), ("requests", 2, 0, 2)]
    assert [(each.table, *cells_of(each)) for each in found] == [
        ("licensing", pointers("licensing", "licences.decisions"), (), ()),
        ("requests", pointers("requests", "received.research", "carried_out.commercial"), (), ()),
    ]


def test_n_a_is_not_blank_and_nil_and_missing_tables_have_no_blanks() -> None:
    report = a_report(
        2024,
        licensing={"licences__decisions": "n/a"},
        disputes=a_nil_filing(FORM_2021.table["disputes"], None),
        enforcement=None,
    )

    assert said("cells.blank", report) == []


# year.jump


@pytest.mark.parametrize(
    ("now", "then", "fails"),
    [
        (100, 20, False),
        (101, 20, True),
        (20, 100, False),
        (20, 101, True),
        (105, 21, False),
        (19, 10_000, False),
        (10_000, 19, False),
        (0, 10_000, False),
        (20, 20, False),
    ],
)
def test_figures_of_20_and_more_that_differ_by_more_than_a_factor_of_5_are_found(
    now: int, then: int, fails: bool
) -> None:
    report = a_report(2024, requests={"received__research": now})
    previous = a_report(2023, requests={"received__research": then})

    assert said("year.jump", report, previous) == (
        [("requests.received.research", now, then, now - then)] if fails else []
    )
    for finding in of_rule("year.jump", report, previous):
        cell = pointers("requests", "received.research")
        assert finding.table == "requests"
        assert cells_of(finding) == (cell, cell, ())


def everywhere(form: Form, value: int) -> dict[str, Filing]:
    return {table.key: a_filing(table, value) for table in form.tables}


@pytest.mark.parametrize("year", [2020, 2021, 2022])
def test_a_jump_is_looked_for_in_every_comparable_count_that_is_no_total(year: int) -> None:
    """From form to form only requests and disputes are; a change of items and money never are."""
    report = a_report(year)
    previous = a_report(year - 1)
    report = replace(report, filings=everywhere(report.form, 500))
    previous = replace(previous, filings=everywhere(previous.form, 50))

    found = [each.at for each in of_rule("year.jump", report, previous)]

    not_compared = {"items_change", "amount", "total"}
    assert found == [
        f"{table.key}.{line.key}.{column.key}"
        for table in report.form.tables
        if year != 2021 or table.key in {"requests", "disputes"}
        for line in table.lines
        if line.key != "handled"
        and line.key in {each.key for each in previous_lines(year, table.key)}
        for column in table.columns
        if column.key not in not_compared
    ]


def previous_lines(year: int, table: str) -> tuple[Any, ...]:
    return (FORM_2019 if year <= 2021 else FORM_2021).table[table].lines


@pytest.mark.parametrize("value", [None, "n/a"])
def test_a_jump_is_not_assessable_with_a_blank_or_n_a_in_either_year(value: Value) -> None:
    cells = {"received__research": value}
    here, there = a_report(2024, requests=cells), a_report(2023, requests=cells)

    assert said("year.jump", here, a_report(2023)) == [("requests.received.research", NA)]
    assert said("year.jump", a_report(2024), there) == [("requests.received.research", NA)]


# prose.empty and prose.fees


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "\n\t",
        "　",
        "无",
        "无。",
        " 无 ",
        "（无）",
        "“无”",
        "无\r\n",
        "暂 无",
        "暂无。",
        "没有",
        "没有！",
        "不适用",
        "。",
        "—",
        "/",
        "-",
    ],
)
def test_problems_that_say_nothing_are_found(text: str) -> None:
    finding = only("prose.empty", a_report(2024, problems=text))

    assert (finding.at, finding.outcome, finding.cells) == (
        "problems",
        Outcome.FAIL,
        ("/problems",),
    )
    assert (finding.left, finding.right, finding.difference) == (None, None, None)
    assert finding.table is None


@pytest.mark.parametrize(
    "text",
    ["无突出问题。", "公开不及时", "0", "暂无其他", "没有问题", "不适用于我局", "none", "无 无"],
)
def test_problems_that_say_something_pass(text: str) -> None:
    assert said("prose.empty", a_report(2024, problems=text)) == []


def test_problems_that_are_not_filed_are_not_assessable() -> None:
    assert said("prose.empty", a_report(2024, problems=None)) == [("problems", NA)]


UNPAID: dict[str, Value] = {"other_fee_unpaid__research": 2, "other_fee_unpaid__total": 2}


@pytest.mark.parametrize("text", ["", "无", "收费情况见附件", "信息 处理费"])
def test_unpaid_fees_must_be_reported_on(text: str) -> None:
    finding = only("prose.fees", a_report(2024, other_matters=text, requests=UNPAID))

    assert (finding.at, finding.outcome) == ("other_matters", Outcome.FAIL)
    assert (finding.left, finding.right, finding.difference) == (None, None, None)
    assert finding.table == "requests"
    assert cells_of(finding) == (
        (*pointers("requests", "other_fee_unpaid.total"), "/other_matters"),
        (),
        (),
    )


def test_unpaid_fees_that_are_reported_on_pass() -> None:
    report = a_report(2024, other_matters="本年度收取信息处理费0元。", requests=UNPAID)

    assert said("prose.fees", report) == []


def test_one_unpaid_fee_is_enough() -> None:
    one: dict[str, Value] = {"other_fee_unpaid__research": 1, "other_fee_unpaid__total": 1}

    assert only("prose.fees", a_report(2024, other_matters="无", requests=one)).outcome is not NA


@pytest.mark.parametrize("text", [None, "", "无"])
def test_without_unpaid_fees_nothing_needs_to_be_said(text: str | None) -> None:
    assert said("prose.fees", a_report(2024, other_matters=text)) == []


def test_unpaid_fees_without_other_matters_are_not_assessable() -> None:
    report = a_report(2024, other_matters=None, requests=UNPAID)

    assert said("prose.fees", report) == [("other_matters", NA)]


def test_a_left_out_total_of_unpaid_fees_counts_as_computed() -> None:
    cells: dict[str, Value] = {**UNPAID, "other_fee_unpaid__total": None}
    report = a_report(2024, other_matters="无", requests=cells)

    assert only("prose.fees", report).computed_cells == pointers(
        "requests", "other_fee_unpaid.total"
    )


@pytest.mark.parametrize(
    "cells",
    [
        {"other_fee_unpaid__research": None, "other_fee_unpaid__total": None},
        {"other_fee_unpaid__total": "n/a"},
    ],
    ids=["blank", "n/a"],
)
def test_a_total_of_unpaid_fees_that_is_no_number_is_not_assessable(
    cells: dict[str, Value],
) -> None:
    report = a_report(2024, other_matters="无", requests=cells)

    assert said("prose.fees", report) == [("other_matters", NA)]


def test_a_nil_table_has_no_unpaid_fees() -> None:
    nil = a_nil_filing(FORM_2021.table["requests"], other_fee_unpaid__total=2)

    assert said("prose.fees", a_report(2024, other_matters="无", requests=nil)) == []
