"""Totals are computed from the cells that they add up, whatever was reported for them."""

import pytest

from app.domain.layout import Form, Value
from app.domain.report import Filing
from app.domain.totals import add, as_number, effective, sums
from tests.builders import FORM_2019, FORM_2021, a_filing, a_nil_filing, balanced, real_report

REQUESTS = FORM_2021.table["requests"]
DISPUTES = FORM_2021.table["disputes"]


def computed(filing: Filing, line: str, column: str) -> tuple[int | None, bool]:
    """Return a total, and whether a cell under it is blank."""
    found = {
        (cell.line.key, cell.column.key): (total, partial) for cell, total, partial in sums(filing)
    }
    return found[line, column]


def cell_as_rules_see_it(filing: Filing, line: str, column: str) -> tuple[Value, bool]:
    """Return a cell, and whether it was left out and computed."""
    cells, left_out = effective(filing)
    index = filing.table.at[line, column]
    return cells[index], index in left_out


@pytest.mark.parametrize(
    ("cells", "total"),
    [
        ((), None),
        ((None, None), None),
        (("n/a", "n/a"), None),
        (("n/a", None), None),
        ((0, None), 0),
        ((0, "n/a"), 0),
        ((2, None, "n/a", 3), 5),
    ],
)
def test_only_numbers_are_added_and_without_one_there_is_no_total(
    cells: tuple[Value, ...], total: int | None
) -> None:
    assert add(cells) == total


@pytest.mark.parametrize(("cell", "number"), [(7, 7), (0, 0), ("n/a", 0)])
def test_not_applicable_counts_as_0_among_addends(cell: Value, number: int) -> None:
    assert as_number(cell) == number


def test_a_blank_is_not_a_number() -> None:
    with pytest.raises(TypeError):
        as_number(None)


def test_a_total_column_adds_up_its_line() -> None:
    filing = a_filing(REQUESTS, received__natural_person=5, received__research=2)

    assert computed(filing, "received", "total") == (7, False)
    assert computed(filing, "carried_in", "total") == (0, False)


def test_a_total_line_adds_up_the_outcomes_and_nothing_else() -> None:
    filing = a_filing(
        REQUESTS,
        received__commercial=100,
        carried_in__commercial=100,
        granted__commercial=3,
        other_misc__commercial=4,
        carried_out__commercial=100,
    )

    assert computed(filing, "handled", "commercial") == (7, False)


def test_the_total_of_totals_adds_up_outcome_cells_never_reported_totals() -> None:
    filing = a_filing(
        REQUESTS,
        granted__natural_person=3,
        granted__research=2,
        granted__total=1000,
        handled__natural_person=2000,
        handled__total=3000,
    )

    assert computed(filing, "handled", "total") == (5, False)
    assert computed(filing, "granted", "total") == (5, False)


def test_a_total_over_a_blank_is_partial() -> None:
    filing = a_filing(REQUESTS, granted__natural_person=3, granted__research=None)

    assert computed(filing, "granted", "total") == (3, True)
    assert computed(filing, "handled", "research") == (0, True)
    assert computed(filing, "handled", "total") == (3, True)
    assert computed(filing, "handled", "natural_person") == (3, False)


def test_a_total_over_blanks_alone_is_none_and_not_0() -> None:
    filing = a_filing(REQUESTS, None)

    assert {(total, partial) for _, total, partial in sums(filing)} == {(None, True)}


def test_a_total_over_cells_that_do_not_apply_is_none_and_not_partial() -> None:
    filing = a_filing(DISPUTES, "n/a", reconsideration__upheld=2)

    assert computed(filing, "litigation_direct", "total") == (None, False)
    assert computed(filing, "reconsideration", "total") == (2, False)


def test_in_a_table_declared_nil_a_blank_counts_as_0() -> None:
    filing = a_nil_filing(DISPUTES, reconsideration__upheld=2)

    assert computed(filing, "reconsideration", "total") == (2, False)
    assert computed(filing, "litigation_direct", "total") == (0, False)


@pytest.mark.parametrize("form", [FORM_2019, FORM_2021], ids=lambda form: form.key)
def test_every_total_is_computed_once_and_no_other_cell(form: Form) -> None:
    table = form.table["requests"]

    found = [cell.name for cell, *_ in sums(a_filing(table))]

    lines = [line.key for line in table.lines]
    applicants = [column.key for column in table.columns if column.key != "total"]
    assert sorted(found) == sorted(
        [f"{line}__total" for line in lines] + [f"handled__{column}" for column in applicants]
    )


@pytest.mark.parametrize("key", ["documents", "licensing", "enforcement", "fees"])
def test_tables_of_section_two_have_no_totals(key: str) -> None:
    assert list(sums(a_filing(FORM_2019.table[key]))) == []
    assert list(sums(a_filing(FORM_2021.table[key]))) == []


@pytest.mark.parametrize("name", ["321300-2023", "321300-2024"])
def test_totals_of_real_reports_come_to_what_was_published(name: str) -> None:
    for filing in real_report(name).filings.values():
        for cell, total, partial in sums(filing):
            assert (total, partial) == (filing.cells[cell.index], False)


def test_rules_see_a_total_that_was_left_out_as_computed() -> None:
    filing = a_filing(REQUESTS, received__natural_person=5, received__total=None)

    assert cell_as_rules_see_it(filing, "received", "total") == (5, True)


def test_rules_see_a_total_that_was_reported_as_reported() -> None:
    filing = a_filing(REQUESTS, received__natural_person=5, received__total=6)

    assert cell_as_rules_see_it(filing, "received", "total") == (6, False)
    assert effective(filing) == (filing.cells, frozenset())


def test_rules_see_no_total_over_a_blank() -> None:
    filing = a_filing(
        REQUESTS, received__natural_person=5, received__research=None, received__total=None
    )

    assert cell_as_rules_see_it(filing, "received", "total") == (None, False)


def test_rules_see_a_left_out_total_with_n_a_adding_nothing() -> None:
    filing = a_filing(
        REQUESTS, received__natural_person=5, received__research="n/a", received__total=None
    )

    assert cell_as_rules_see_it(filing, "received", "total") == (5, True)


def test_rules_see_no_total_where_every_part_is_n_a() -> None:
    filing = a_filing(DISPUTES, "n/a", reconsideration__total=None)

    assert cell_as_rules_see_it(filing, "reconsideration", "total") == (None, False)


def test_rules_see_a_total_reported_as_n_a_as_n_a() -> None:
    filing = a_filing(DISPUTES, reconsideration__total="n/a")

    assert cell_as_rules_see_it(filing, "reconsideration", "total") == ("n/a", False)


def test_left_out_totals_fill_in_a_whole_table() -> None:
    full = balanced(
        REQUESTS,
        {"natural_person": 9, "research": 2},
        granted={"natural_person": 4, "research": 1},
        other_misc={"natural_person": 3},
    )
    totals = {cell.index for cell in REQUESTS.totals}
    bare = Filing(REQUESTS, tuple(None if i in totals else v for i, v in enumerate(full.cells)))

    assert effective(bare) == (full.cells, frozenset(totals))


def test_rules_see_0_everywhere_in_a_table_declared_nil() -> None:
    filing = a_nil_filing(DISPUTES, reconsideration__upheld=2, reconsideration__total=9)

    assert effective(filing) == ((0,) * 15, frozenset())
