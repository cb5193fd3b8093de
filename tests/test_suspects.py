"""A single wrong cell is named; of anything less certain nothing is said."""

from itertools import combinations, product

import pytest

from app.domain.findings import Severity, Suspect
from app.domain.layout import LARGEST, Value
from app.domain.report import Filing
from app.domain.suspects import suspects_of
from tests.builders import (
    FORM_2019,
    FORM_2021,
    a_filing,
    a_nil_filing,
    a_report,
    balanced,
    changed,
    failures,
    pointer,
    real_report,
)

CLEAN = ["321300-2023", "321300-2024", "350128-ptz-2019", "350205-rsj-2020", "320813-2023"]
"""The real reports whose requests are full and balance."""

AMOUNTS = (1, 3, 10, 999, -1, -2, -40)
"""By how much a cell is wrong."""

REQUESTS = FORM_2021.table["requests"]


def with_wrong_cells(filing: Filing, *wrong: tuple[int, int]) -> Filing | None:
    """Add amounts to cells; None where a cell would be negative."""
    cells: list[Value] = list(filing.cells)
    for index, amount in wrong:
        before = cells[index]
        assert isinstance(before, int)
        if before + amount < 0:
            return None
        cells[index] = before + amount
    return Filing(filing.table, tuple(cells))


@pytest.fixture
def small() -> Filing:
    return balanced(
        REQUESTS,
        {"natural_person": 9, "research": 4},
        carried_in={"natural_person": 1},
        granted={"natural_person": 3, "research": 2},
        partly_granted={"natural_person": 2},
        other_misc={"research": 1},
    )


@pytest.mark.parametrize("name", CLEAN)
def test_a_balanced_table_has_no_suspect(name: str) -> None:
    filing = real_report(name).filings["requests"]

    assert None not in filing.cells
    assert suspects_of(filing) == ()


@pytest.mark.parametrize("name", CLEAN)
def test_every_single_wrong_cell_of_the_real_reports_is_named(name: str) -> None:
    filing = real_report(name).filings["requests"]
    tried = 0
    for cell, amount in product(filing.table.cells, AMOUNTS):
        wrong = with_wrong_cells(filing, (cell.index, amount))
        if wrong is None:
            continue
        tried += 1
        named, good = filing.table.pointers[cell.index], filing.cells[cell.index]
        assert isinstance(good, int)
        assert suspects_of(wrong) == (Suspect(named, good + amount, good),)

    assert tried >= 4 * len(filing.table.cells)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [("321300-2024", 1, 1), ("321300-2024", -3, 2), ("350128-ptz-2019", 1, -1)],
)
def test_every_pair_of_wrong_cells_of_the_real_reports_draws_silence(
    name: str, first: int, second: int
) -> None:
    filing = real_report(name).filings["requests"]
    for one, other in combinations(range(len(filing.table.cells)), 2):
        wrong = with_wrong_cells(filing, (one, first), (other, second))
        assert wrong is None or suspects_of(wrong) == ()


def test_two_wrong_cells_of_a_real_report_draw_silence() -> None:
    """平潭 2020 counted 部分公开 twice, which took two cells of the total line."""
    report = real_report("350128-ptz-2020")

    assert suspects_of(report.filings["requests"]) == ()
    found = failures(report, real_report("350128-ptz-2019"))
    assert [each.id for each in found] == [
        "requests.handled:natural_person",
        "requests.handled:total",
    ]
    assert [each.suspects for each in found] == [(), ()]


def test_a_blank_anywhere_draws_silence(small: Filing) -> None:
    wrong = changed(small, granted__natural_person=4)
    assert suspects_of(wrong)

    for cell in REQUESTS.cells:
        assert suspects_of(changed(wrong, **{cell.name: None})) == ()


def test_a_table_declared_nil_draws_silence() -> None:
    assert suspects_of(a_nil_filing(REQUESTS, 0, granted__research=1)) == ()


def test_n_a_counts_as_0(small: Filing) -> None:
    """Where a cell that does not apply is no part of what is wrong, the wrong one is named."""
    wrong = changed(small, granted__natural_person=4, partly_granted__commercial="n/a")

    assert suspects_of(wrong) == (
        Suspect(pointer("requests", "granted.natural_person"), reported=4, would_balance_at=3),
    )


def test_a_cell_of_n_a_that_should_be_a_number_is_named(small: Filing) -> None:
    wrong = changed(small, partly_granted__natural_person="n/a")

    assert suspects_of(wrong) == (
        Suspect(
            pointer("requests", "partly_granted.natural_person"),
            reported="n/a",
            would_balance_at=2,
        ),
    )


def test_a_repair_below_0_draws_silence() -> None:
    """`granted.research` alone could be wrong, but it would have to be −1."""
    filing = balanced(
        REQUESTS,
        {"natural_person": 5, "research": 2},
        granted={"natural_person": 5},
        partly_granted={"research": 2},
    )
    wrong = changed(filing, granted__total=4, partly_granted__research=3, partly_granted__total=3)

    assert [each.id for each in failures(a_report(2024, requests=wrong))] == [
        "requests.handled:research",
        "requests.row-total:granted",
    ]
    assert suspects_of(wrong) == ()


def test_the_largest_count_is_the_largest_that_every_json_reader_keeps_exact() -> None:
    assert LARGEST == 9_007_199_254_740_992


@pytest.mark.parametrize(
    ("received", "repaired"), [(LARGEST - 1, LARGEST), (LARGEST, None)], ids=["largest", "larger"]
)
def test_a_repair_above_the_largest_count_draws_silence(
    received: int, repaired: int | None
) -> None:
    """Every reported cell is in range; the total of the two would not be."""
    filing = balanced(
        REQUESTS,
        {"natural_person": received, "research": 1},
        granted={"natural_person": received},
    )
    wrong = changed(filing, received__total=7)

    assert [each.would_balance_at for each in suspects_of(wrong)] == (
        [] if repaired is None else [repaired]
    )


def test_cells_that_stand_in_the_same_identities_are_never_told_apart() -> None:
    """Not even where all but one of the repairs would be negative."""
    disputes = a_filing(FORM_2021.table["disputes"], reconsideration__pending=1)

    assert suspects_of(disputes) == ()


def test_the_suspect_is_attached_to_each_broken_identity_and_to_nothing_else(small: Filing) -> None:
    wrong = changed(small, handled__research=9)
    report = a_report(
        2024,
        requests=wrong,
        problems="无",
        disputes={"reconsideration__upheld": 1},
        licensing=a_nil_filing(FORM_2021.table["licensing"], 3),
        documents={"rules__issued": 1},
    )
    suspect = Suspect(pointer("requests", "handled.research"), reported=9, would_balance_at=3)

    assert [(each.id, each.suspects) for each in failures(report)] == [
        ("requests.balance:research", (suspect,)),
        ("requests.handled:research", (suspect,)),
        ("requests.row-total:handled", (suspect,)),
        ("disputes.row-total:reconsideration", ()),
        ("nil.not-empty:licensing", ()),
        ("documents.stock-floor:rules", ()),
        ("documents.rule-maker:rules", ()),
        ("prose.empty:problems", ()),
    ]


def test_a_warning_on_requests_names_no_suspect() -> None:
    """What was carried in may be at odds with last year and still be the wrong cell of this."""
    report = a_report(2024, requests={"carried_in__research": 1})
    found = failures(report, a_report(2023))

    assert {each.severity for each in found if each.suspects} == {Severity.ERROR}
    assert [each.rule for each in found if not each.suspects] == ["requests.carry"]


def test_one_wrong_cell_of_disputes_is_placed_in_its_line_only() -> None:
    report = a_report(2024, disputes={"reconsideration__upheld": 1})

    assert [each.suspects for each in failures(report)] == [()]


def test_a_total_left_out_draws_silence_though_the_rules_judge_it(small: Filing) -> None:
    """Suspects are named over the cells as reported."""
    wrong = changed(small, received__research=5, received__total=None)
    found = failures(a_report(2024, requests=wrong))

    assert [each.id for each in found] == ["requests.balance:research", "requests.balance:total"]
    assert [each.suspects for each in found] == [(), ()]


def test_the_line_of_other_handling_of_2019_is_named_as_any_other() -> None:
    table = FORM_2019.table["requests"]
    good = balanced(table, {"commercial": 6}, other_handling={"commercial": 5})
    wrong = changed(good, other_handling__commercial=50)

    assert suspects_of(wrong) == (Suspect(pointer("requests", "other_handling.commercial"), 50, 5),)
