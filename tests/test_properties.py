"""What holds of every report, whatever its figures."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.findings import Finding, Outcome, Severity
from app.domain.layout import LARGEST, Form, Table, Unit, Value
from app.domain.report import Filing, Report
from app.domain.rules import rules_of
from app.domain.suspects import suspects_of
from app.domain.totals import effective, sums
from app.forms import FORMS
from tests.builders import A_BUREAU, FORM_2019, FORM_2021, balanced, failures, judged

PROPERTY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
COUNT = st.integers(0, 400)
ODD: list[Value] = [0, 0, 1, None, "n/a"]
ANY_CELL: st.SearchStrategy[Value] = st.one_of(COUNT, st.sampled_from(ODD))
REQUESTS = FORM_2021.table["requests"]
APPLICANTS = [column.key for column in REQUESTS.columns if not column.parts]
OUTCOMES = next(line.parts for line in REQUESTS.lines if line.parts)
EITHER_REQUESTS = st.sampled_from([form.table["requests"] for form in FORMS])


@st.composite
def balanced_requests(draw: st.DrawFn, table: Table = REQUESTS) -> Filing:
    """A table of requests that holds every identity."""
    some = st.dictionaries(st.sampled_from(APPLICANTS), COUNT)
    outcomes = next(line.parts for line in table.lines if line.parts)
    lines = draw(st.dictionaries(st.sampled_from(outcomes), some, max_size=6))
    handled = {c: sum(line.get(c, 0) for line in lines.values()) for c in APPLICANTS}
    left = draw(st.fixed_dictionaries(dict.fromkeys(APPLICANTS, COUNT)))
    taken_on = {c: handled[c] + left[c] for c in APPLICANTS}
    carried_in = {c: draw(st.integers(0, n)) for c, n in taken_on.items()}
    received = {c: n - carried_in[c] for c, n in taken_on.items()}
    return balanced(table, received, carried_in=carried_in, **lines)


@st.composite
def tables(draw: st.DrawFn, table: Table) -> Filing:
    """A table that holds anything: contradictions, blanks, `n/a`, and now and then it is nil."""
    cells: list[Value] = [
        draw(st.integers(-9, 9)) if cell.column.unit is Unit.CHANGE else draw(ANY_CELL)
        for cell in table.cells
    ]
    return Filing(table, tuple(cells), nil=draw(st.integers(0, 5)) == 0)


@st.composite
def reports(draw: st.DrawFn, form: Form, year: int) -> Report:
    """A report that holds anything, of which a table may be missing."""
    filings = {table.key: draw(tables(table)) for table in form.tables if draw(st.integers(0, 6))}
    texts = st.sampled_from([None, "", "无", "信息处理费"])
    agency = draw(st.sampled_from([A_BUREAU, None]))
    return Report(form, year, agency, filings, problems=draw(texts), other_matters=draw(texts))


@st.composite
def years(draw: st.DrawFn) -> tuple[Report, Report | None]:
    """A report and the one on the year before, if there is one."""
    year, form, before = draw(
        st.sampled_from(
            [
                (2020, FORM_2019, FORM_2019),
                (2021, FORM_2021, FORM_2019),
                (2024, FORM_2021, FORM_2021),
            ]
        )
    )
    previous = draw(st.one_of(st.none(), reports(before, year - 1)))
    return draw(reports(form, year)), previous


def numbers(filing: Filing) -> list[int]:
    """Return the cells with `n/a` as 0; there is no blank."""
    assert None not in filing.cells
    return [value if isinstance(value, int) else 0 for value in filing.cells]


def added(one: Filing, other: Filing) -> Filing:
    cells = (a + b for a, b in zip(numbers(one), numbers(other), strict=True))
    return Filing(one.table, tuple(cells))


def of_requests(filing: Filing, year: int = 2024) -> list[Finding]:
    report = Report(FORM_2021, year, A_BUREAU, {"requests": filing}, problems="略")
    return [each for each in failures(report) if each.severity is Severity.ERROR]


# Sums


@PROPERTY
@given(balanced_requests(), balanced_requests())
def test_where_two_tables_balance_so_does_their_sum(one: Filing, other: Filing) -> None:
    """So a roll-up cannot be at fault where no report is."""
    assert of_requests(one) == []
    assert of_requests(other) == []
    assert of_requests(added(one, other)) == []


@PROPERTY
@given(balanced_requests(), st.data())
def test_the_difference_of_a_sum_is_the_sum_of_the_differences(
    good: Filing, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(REQUESTS.cells) - 1))
    amount = data.draw(st.integers(1, 50))
    wrong = replace(
        good, cells=(*good.cells[:index], numbers(good)[index] + amount, *good.cells[index + 1 :])
    )

    found = {each.id: each.difference for each in of_requests(added(good, wrong))}

    assert found == {each.id: each.difference for each in of_requests(wrong)}
    assert set(found.values()) <= {amount, -amount}
    assert found


@PROPERTY
@given(st.data())
def test_a_total_is_none_only_where_no_number_is_under_it(data: st.DataObject) -> None:
    table = data.draw(EITHER_REQUESTS)
    filing = replace(data.draw(tables(table)), nil=False)

    for cell, total, partial in sums(filing):
        under = [filing.cells[i] for i in cell.addends]
        known = [value for value in under if isinstance(value, int)]
        assert (total is None) == (not known)
        assert total is None or total == sum(known)
        assert partial == (None in under)


@PROPERTY
@given(st.data())
def test_totals_of_a_sum_are_the_sums_of_totals(data: st.DataObject) -> None:
    one, other = data.draw(balanced_requests()), data.draw(balanced_requests())
    totals = [
        {cell.name: total or 0 for cell, total, _ in sums(each)}
        for each in (one, other, added(one, other))
    ]

    assert totals[2] == {name: n + totals[1][name] for name, n in totals[0].items()}


@PROPERTY
@given(st.data())
def test_rules_see_every_cell_that_is_not_blank_as_it_was_reported(data: st.DataObject) -> None:
    filing = replace(data.draw(tables(data.draw(EITHER_REQUESTS))), nil=False)
    cells, computed = effective(filing)

    for cell in filing.table.cells:
        if cell.index in computed:
            assert cell.is_total
            assert filing.cells[cell.index] is None
            assert isinstance(cells[cell.index], int)
        else:
            assert cells[cell.index] == filing.cells[cell.index]


# Suspects


def holds(cells: Mapping[tuple[str, str], int]) -> bool:
    """Tell whether every identity of a table of requests holds, in the words of the form."""
    columns = [*APPLICANTS, "total"]
    return (
        all(
            cells[line.key, "total"] == sum(cells[line.key, c] for c in APPLICANTS)
            for line in REQUESTS.lines
        )
        and all(cells["handled", c] == sum(cells[line, c] for line in OUTCOMES) for c in columns)
        and all(
            cells["received", c] + cells["carried_in", c]
            == cells["handled", c] + cells["carried_out", c]
            for c in columns
        )
    )


def repairs(filing: Filing) -> list[tuple[str, int]]:
    """Try every cell: set to what its own line asks for, does everything hold?"""
    cells = dict(zip(REQUESTS.at, numbers(filing), strict=True))
    found = []
    for (line, column), value in cells.items():
        surplus = cells[line, "total"] - sum(cells[line, c] for c in APPLICANTS)
        repaired = value - surplus if column == "total" else value + surplus
        if surplus and holds({**cells, (line, column): repaired}):
            found.append((f"/tables/requests/data/{line}/{column}", repaired))
    return found


@PROPERTY
@given(balanced_requests(), st.data())
def test_a_suspect_is_the_one_cell_that_trying_every_cell_finds(
    good: Filing, data: st.DataObject
) -> None:
    """One to three wrong cells, some of them `n/a`, by amounts that may cancel out."""
    cells: list[Value] = list(good.cells)
    wrong = st.integers(0, len(cells) - 1)
    for index in data.draw(st.lists(wrong, min_size=1, max_size=3, unique=True)):
        off = numbers(good)[index] + data.draw(st.sampled_from([-2, -1, 1, 2, 300]))
        cells[index] = data.draw(st.sampled_from([off, off, "n/a"])) if off >= 0 else "n/a"
    filing = replace(good, cells=tuple(cells))
    tried = repairs(filing)

    expected = tried if len(tried) == 1 and 0 <= tried[0][1] <= LARGEST else []

    assert [(each.cell, each.would_balance_at) for each in suspects_of(filing)] == expected


@PROPERTY
@given(balanced_requests(), st.data())
def test_a_single_wrong_cell_is_named_with_what_it_was(good: Filing, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(REQUESTS.cells) - 1))
    was = numbers(good)[index]
    value = data.draw(st.integers(0, LARGEST).filter(lambda drawn: drawn != was))
    wrong = replace(good, cells=(*good.cells[:index], value, *good.cells[index + 1 :]))

    (suspect,) = suspects_of(wrong)

    assert (suspect.cell, suspect.reported, suspect.would_balance_at) == (
        REQUESTS.pointers[index],
        value,
        was,
    )


# Findings


@PROPERTY
@given(years())
def test_findings_have_unique_ids_in_the_order_of_the_catalogue(
    given_years: tuple[Report, Report | None],
) -> None:
    report, previous = given_years
    found = judged(report, previous)
    order = [rule.id for rule in rules_of(report.form)]

    assert len({each.id for each in found}) == len(found)
    assert all(order.index(one.rule) <= order.index(other.rule) for one, other in pairwise(found))


@PROPERTY
@given(years())
def test_a_failure_says_by_how_much_and_stands_on_no_blank(
    given_years: tuple[Report, Report | None],
) -> None:
    report, previous = given_years
    cells = {
        pointer: value
        for filing in report.filings.values()
        for pointer, value in zip(filing.table.pointers, filing.cells, strict=True)
        if not filing.nil
    }

    for each in failures(report, previous):
        if isinstance(each.left, int) and isinstance(each.right, int):
            assert each.difference == each.left - each.right
        if each.rule != "cells.blank":
            blank = {pointer for pointer in each.cells if cells.get(pointer, 0) is None}
            assert blank == set(each.computed_cells)


@PROPERTY
@given(years())
def test_what_cannot_be_judged_has_no_sides_and_no_suspects(
    given_years: tuple[Report, Report | None],
) -> None:
    for each in judged(*given_years):
        if each.outcome is Outcome.NOT_ASSESSABLE:
            assert (each.left, each.right, each.difference) == (None, None, None)
            assert (each.suspects, each.computed_cells) == ((), ())
            assert each.message.zh
            assert each.message.en


@PROPERTY
@given(years())
def test_a_nil_table_is_judged_as_zeros(given_years: tuple[Report, Report | None]) -> None:
    report, previous = given_years

    def zeros(of: Report) -> Report:
        filings = {
            key: Filing(filing.table, (0,) * len(filing.cells)) if filing.nil else filing
            for key, filing in of.filings.items()
        }
        return replace(of, filings=filings)

    as_zeros = judged(zeros(report), zeros(previous) if previous else None)
    as_nil = [each for each in judged(report, previous) if each.rule != "nil.not-empty"]
    assert as_nil == list(as_zeros)


@PROPERTY
@given(balanced_requests(), st.data())
def test_totals_that_are_left_out_are_judged_as_if_they_were_reported(
    good: Filing, data: st.DataObject
) -> None:
    """Right totals over figures of which a balance is wrong: the same failures without them."""
    taken = {c: data.draw(st.integers(0, 2)) for c in APPLICANTS}
    received = {c: numbers(good)[REQUESTS.at["received", c]] + taken[c] for c in APPLICANTS}
    cells = list(good.cells)
    for column, number in (received | {"total": sum(received.values())}).items():
        cells[REQUESTS.at["received", column]] = number
    reported = replace(good, cells=tuple(cells))
    totals = {cell.index for cell in REQUESTS.totals}
    bare = replace(
        good, cells=tuple(None if i in totals else value for i, value in enumerate(cells))
    )

    found, again = of_requests(reported), of_requests(bare)

    assert [(each.id, each.left, each.right) for each in again] == [
        (each.id, each.left, each.right) for each in found
    ]
    for each in again:
        left_out = {pointer for pointer in each.cells if pointer.endswith("/total")}
        left_out |= {pointer for pointer in each.cells if "/handled/" in pointer}
        assert set(each.computed_cells) == left_out
        assert each.suspects == ()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.key)
@PROPERTY
@given(st.data())
def test_every_balanced_table_of_every_form_passes(form: Form, data: st.DataObject) -> None:
    filing = data.draw(balanced_requests(form.table["requests"]))
    report = Report(form, form.first_year, A_BUREAU, {"requests": filing}, problems="略")

    assert [each for each in failures(report) if each.severity is Severity.ERROR] == []
