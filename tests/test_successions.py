"""Who followed whom: what a report is judged against in the year in which its agency did."""

from dataclasses import replace

import pytest

from app.domain.findings import Finding, Outcome
from app.domain.layout import Value
from app.domain.report import Agency, Report
from app.domain.rules import judge
from app.domain.successions import (
    Followed,
    Forebears,
    Succession,
    closes_circle,
    followed,
    forebears,
    heirs,
    together,
    was_split,
)
from tests.builders import A_BUREAU, FORM_2021, Member, a_report

OTHER = Agency("320813-ghj", "规划局", "department", "county")
MERGE, SPLIT = Succession.MERGE, Succession.SPLIT
ALL, PART = True, False


def out(number: Value, **members: Member) -> Report:
    """Return a report on 2023 that carries requests of natural persons out."""
    return a_report(2023, requests={"carried_out__natural_person": number}, **members)


def into(number: int) -> Report:
    """Return a report on 2024 that carries requests in; none of them is handled or carried out."""
    return a_report(2024, requests={"carried_in__natural_person": number})


def carry(
    report: Report, own: Report | None, before: Followed, *, is_new: bool = False
) -> list[Finding]:
    """Return what the rule of what is carried over has to say."""
    found = forebears(own, before, is_new=is_new)
    return [each for each in judge(report, own, FORM_2021, found) if each.rule == "requests.carry"]


def test_what_was_merged_in_is_added_up() -> None:
    before = [(ALL, out(4, agency=OTHER)), (ALL, out(2, agency=replace(OTHER, code="x")))]
    assert carry(into(9), out(3), before) == []
    (found,) = carry(into(3), out(3), before)
    assert (found.left, found.right, found.difference) == (3, 9, -6)
    assert [each.code for each in found.others] == ["320813-sjj", "320813-ghj", "x"]
    assert len(found.other_cells) == 1


def test_a_new_agency_is_judged_by_its_predecessors_alone() -> None:
    before = [(ALL, out(4, agency=OTHER))]
    assert carry(into(4), None, before, is_new=True) == []
    (found,) = carry(into(5), None, before, is_new=True)
    assert (found.right, found.others) == (4, (OTHER,))


@pytest.mark.parametrize(
    ("own", "before"),
    [
        (out(3), [(PART, out(4, agency=OTHER))]),
        (out(3), [(ALL, out(4, agency=OTHER)), (PART, None)]),
        (out(3), [(ALL, None)]),
        (None, [(ALL, out(4, agency=OTHER))]),
    ],
    ids=["split", "split and merged", "no report", "no own report, though not new"],
)
def test_a_part_that_is_not_known_makes_the_whole_not_assessable(
    own: Report | None, before: Followed
) -> None:
    (found,) = carry(into(7), own, before)
    assert (found.outcome, found.at) == (Outcome.NOT_ASSESSABLE, None)


def test_a_blank_or_a_missing_table_of_one_is_not_assessable() -> None:
    (blank,) = carry(into(3), out(3), [(ALL, out(None, agency=OTHER))])
    assert (blank.outcome, blank.at) == (Outcome.NOT_ASSESSABLE, "natural_person")
    missing = a_report(2023, agency=OTHER, requests=None)
    (found,) = carry(into(3), out(3), [(ALL, missing)])
    assert (found.outcome, found.at) == (Outcome.NOT_ASSESSABLE, None)


def test_what_is_not_applicable_adds_nothing_but_is_no_number_alone() -> None:
    assert carry(into(3), out(3), [(ALL, out("n/a", agency=OTHER))]) == []
    (found,) = carry(into(0), out("n/a"), [(ALL, out("n/a", agency=OTHER))])
    assert found.outcome is Outcome.NOT_ASSESSABLE


def test_disputes_and_documents_are_added_up_too() -> None:
    before = {
        "disputes": {"reconsideration__pending": 2, "reconsideration__total": 2},
        "documents": {"normative_documents__in_force": 10},
    }
    own, other = a_report(2023, **before), a_report(2023, agency=OTHER, **before)
    report = a_report(
        2024,
        disputes={"reconsideration__upheld": 3, "reconsideration__total": 3},
        documents={"normative_documents__in_force": 21},
    )
    found = forebears(own, [(ALL, other)], is_new=False)
    sides = {f.rule: (f.left, f.right) for f in judge(report, own, FORM_2021, found)}
    assert sides == {"disputes.pending": (3, 4), "documents.stock": (21, 20)}


def test_where_the_stock_cannot_be_followed_its_floor_is_looked_at() -> None:
    report = a_report(2024, documents={"normative_documents__issued": 5})
    found = forebears(a_report(2023), [(PART, None)], is_new=False)
    failed = [f.rule for f in judge(report, a_report(2023), FORM_2021, found) if f.left is not None]
    assert failed == ["documents.stock-floor"]


def test_jumps_and_units_are_not_looked_at_in_such_a_year() -> None:
    before = a_report(2023, licensing={"licences__decisions": 20}, fees={"charges__amount": 1_000})
    report = replace(
        a_report(2024, licensing={"licences__decisions": 400}, fees={"charges__amount": 10**7}),
        agency=A_BUREAU,
    )
    alone = {each.rule for each in judge(report, before, FORM_2021)}
    assert alone == {"year.jump", "fees.unit"}
    found = forebears(before, [(ALL, a_report(2023, agency=OTHER))], is_new=False)
    assert judge(report, before, FORM_2021, found) == ()


def test_who_followed_nobody_has_no_forebears() -> None:
    assert forebears(out(3), [], is_new=False) is None


def test_totals_that_were_left_out_count_when_they_can_be_computed() -> None:
    own = a_report(2023, requests={"carried_out__research": 2, "carried_out__total": None})
    found = together(Forebears((own, own)))
    table = found.filings["requests"].table
    assert found.filings["requests"].cells[table.at["carried_out", "total"]] == 4


@pytest.mark.parametrize(
    ("predecessor", "successor", "expected"),
    [("c", "a", True), ("b", "a", True), ("a", "c", False), ("d", "a", False), ("c", "d", False)],
)
def test_nobody_follows_itself_by_way_of_others(
    predecessor: str, successor: str, expected: bool
) -> None:
    steps = [("a", "b", MERGE), ("b", "c", MERGE)]
    assert closes_circle(predecessor, successor, steps) is expected


def test_who_took_others_in_has_what_these_took_in_too() -> None:
    steps = [("a", "b", MERGE), ("b", "c", MERGE), ("d", "c", Succession.RENAME)]
    assert followed("c", steps) == {"b": ALL, "d": ALL, "a": ALL}
    assert heirs("a", steps) == ["b", "c"]
    assert followed("a", steps) == {}


def test_all_of_an_agency_may_come_by_two_ways() -> None:
    steps = [("p", "x", MERGE), ("p", "a", MERGE), ("x", "a", MERGE)]
    assert followed("a", steps) == {"p": ALL, "x": ALL}
    assert followed("x", steps) == {"p": PART}


def test_who_is_followed_by_several_was_split() -> None:
    assert not was_split("a", [("a", "b", MERGE), ("x", "c", SPLIT)])
    assert was_split("a", [("a", "b", SPLIT)])
    assert was_split("a", [("a", "b", MERGE), ("a", "c", MERGE)])


@pytest.mark.parametrize("kind", [MERGE, SPLIT])
def test_nobody_has_all_of_whom_others_followed_too(kind: Succession) -> None:
    steps = [("a", "b", MERGE), ("a", "c", kind), ("x", "b", MERGE)]
    assert followed("b", steps) == {"a": PART, "x": ALL}
    assert followed("c", steps) == {"a": PART}


def test_who_was_split_is_no_longer_what_its_last_report_is_of() -> None:
    found = forebears(out(3), [], is_new=False, was_split=True)
    report = into(1)
    (carried,) = (f for f in judge(report, out(3), FORM_2021, found) if f.rule == "requests.carry")
    assert carried.outcome is Outcome.NOT_ASSESSABLE
    assert carried.message.en == "The agency was split in the year."
