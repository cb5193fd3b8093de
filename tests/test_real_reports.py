"""Real published reports draw exactly the findings that are worked out by hand.

Judgements stand in data/judgements.json: each report judged with its agency's report on the year
before where that is here, too.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.findings import Finding, Outcome, Severity
from app.domain.layout import Value
from app.domain.report import Filing, Report
from app.forms import the_form_of
from tests.builders import (
    FIGURES,
    FORM_2021,
    a_report,
    changed,
    failures,
    judged,
    of_rule,
    real_report,
)

JUDGEMENTS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "data" / "judgements.json").read_text(encoding="utf-8")
)
PREVIOUS = {"321300-2024": "321300-2023", "350128-ptz-2020": "350128-ptz-2019"}
every_report = pytest.mark.parametrize("name", sorted(JUDGEMENTS))

SUQIAN_2023 = """
3402 99 0 4 5 1 3511 / 91 3 0 0 2 0 96 / 1175 12 0 3 1 0 1191 / 319 7 0 0 2 0 328
0 0 0 0 0 0 0 / 27 0 0 0 0 0 27 / 6 0 0 0 0 0 6 / 38 0 0 0 0 0 38 / 20 0 0 0 0 0 20
9 0 0 0 0 0 9 / 21 0 0 0 0 0 21 / 20 1 0 0 0 0 21
968 74 0 1 3 1 1047 / 26 2 0 0 0 0 28 / 3 0 0 0 0 0 3
305 0 0 0 0 0 305 / 39 0 0 0 0 0 39 / 0 0 0 0 0 0 0 / 58 0 0 0 0 0 58 / 4 0 0 0 0 0 4
40 0 0 0 0 0 40 / 10 0 0 0 0 0 10 / 287 3 0 0 1 0 291
3375 99 0 4 7 1 3486 / 118 3 0 0 0 0 121
"""
SUQIAN_2024 = """
3440 75 0 1 6 3 3525 / 118 3 0 0 0 0 121 / 1408 21 0 0 2 0 1431 / 462 9 0 0 0 0 471
2 0 0 0 0 0 2 / 1 0 0 0 0 0 1 / 4 0 0 0 0 0 4 / 16 1 0 0 0 0 17 / 21 0 0 0 0 0 21
10 1 0 0 0 0 11 / 21 2 0 0 0 0 23 / 13 0 0 0 0 0 13
859 33 0 0 3 2 897 / 35 1 0 0 0 0 36 / 8 0 0 0 0 0 8
86 1 0 0 0 0 87 / 26 1 0 0 0 0 27 / 0 0 0 0 0 0 0 / 3 0 0 0 0 0 3 / 0 0 0 0 0 0 0
75 1 0 1 0 0 77 / 38 0 0 0 0 0 38 / 352 2 0 0 0 0 354
3440 73 0 1 5 2 3521 / 118 5 0 0 1 1 125
"""


def judged_here(name: str) -> tuple[Finding, ...]:
    """Judge a report, with the one on the year before if it is here."""
    before = PREVIOUS.get(name)
    return judged(real_report(name), real_report(before) if before else None)


def as_judgement(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "left": finding.left,
        "right": finding.right,
        "difference": finding.difference,
        "cells": list(finding.cells),
    }


def full(year: int, table: str, numbers: str) -> Filing:
    """Return a table from its numbers, line by line."""
    cells = tuple(int(number) for number in numbers.replace("/", " ").replace("|", " ").split())
    found = the_form_of(year).table[table]
    assert len(cells) == len(found.cells)
    return Filing(found, cells)


def not_assessable(findings: tuple[Finding, ...]) -> list[str]:
    return [each.id for each in findings if each.outcome is Outcome.NOT_ASSESSABLE]


def test_every_real_report_has_a_judgement() -> None:
    assert {path.stem for path in FIGURES.glob("*.json")} == JUDGEMENTS.keys()


@every_report
def test_a_real_report_draws_the_findings_worked_out_by_hand(name: str) -> None:
    found = [each for each in judged_here(name) if each.outcome is Outcome.FAIL]

    assert [as_judgement(each) for each in found] == JUDGEMENTS[name]


@every_report
def test_no_real_report_has_a_single_wrong_cell(name: str) -> None:
    assert [each.suspects for each in judged_here(name)] == [()] * len(judged_here(name))


def suqian(year: int) -> Report:
    """Return 宿迁市's report as published."""
    first = year == 2023
    figures: dict[str, dict[str, Value]] = {
        "licensing": {"licences__decisions": 1808595 if first else 1573179},
        "enforcement": {
            "penalties__decisions": 2822652 if first else 2676474,
            "compulsion__decisions": 20163 if first else 29351,
        },
        "fees": {"charges__amount": 59_237_244_900 if first else 72_701_257_800},
    }
    return a_report(
        year,
        agency=real_report("321300-2023").agency,
        documents=full(year, "documents", "2 0 11 109 489 597" if first else "2 1 12 50 227 420"),
        requests=full(year, "requests", SUQIAN_2023 if first else SUQIAN_2024),
        disputes=full(
            year,
            "disputes",
            "309 17 88 26 440 | 1 1 16 6 24 | 13 0 67 9 89"
            if first
            else "88 18 28 36 170 | 7 0 11 7 25 | 33 0 6 13 52",
        ),
        **figures,
    )


@pytest.mark.parametrize("year", [2023, 2024])
def test_the_figures_of_suqian_are_those_published(year: int) -> None:
    real = real_report(f"321300-{year}").filings

    assert real.keys() == FORM_2021.table.keys()
    for key, filing in suqian(year).filings.items():
        assert real[key].cells == filing.cells


def test_suqian_passes_every_rule_in_both_years() -> None:
    """Nothing fails, and nothing but what needs the year before 2023 is left unjudged."""
    first, second = judged(suqian(2023)), judged(suqian(2024), suqian(2023))

    assert not_assessable(first) == [
        "requests.carry",
        "disputes.pending",
        "documents.stock",
        "fees.unit",
        "year.jump",
    ]
    assert len(first) == 5
    assert second == ()


@pytest.mark.parametrize(("line", "stock"), [("rules", 12), ("normative_documents", 420)])
def test_the_stock_of_suqian_would_be_found_wrong_by_one(line: str, stock: int) -> None:
    right = suqian(2024)
    documents = changed(right.filings["documents"], **{f"{line}__in_force": stock + 1})
    wrong = replace(right, filings={**right.filings, "documents": documents})

    (found,) = failures(wrong, suqian(2023))

    assert (found.id, found.left, found.right) == (f"documents.stock:{line}", stock + 1, stock)


def test_haicang_passes_every_error_rule_and_misread_three_lines() -> None:
    found = judged_here("350205-rsj-2020")

    assert [each for each in found if each.severity is Severity.ERROR] == []
    assert [each.id for each in found if each.outcome is Outcome.FAIL] == [
        "items.change-is-decisions:licences",
        "items.change-is-decisions:other_services",
        "items.change-is-decisions:penalties",
    ]
    assert not_assessable(found) == [
        "requests.carry",
        "disputes.pending",
        "items.chain",
        "year.jump",
        "prose.empty:problems",
    ]


def test_pingtan_is_judged_with_the_year_before() -> None:
    found = judged_here("350128-ptz-2020")

    assert not_assessable(found) == ["prose.empty:problems"]
    assert of_rule("items.chain", real_report("350128-ptz-2020")) != []


def test_shanghai_printed_too_many_blanks_for_most_lines_to_be_added_up() -> None:
    """Its balance can still be judged where all four cells were printed."""
    found = judged_here("310000-fgb-2019")
    unjudged = not_assessable(found)

    assert [each for each in unjudged if each.startswith("requests.balance")] == [
        "requests.balance:commercial",
        "requests.balance:research",
        "requests.balance:public_interest",
        "requests.balance:legal_service",
        "requests.balance:other_organization",
    ]
    assert len([each for each in unjudged if each.startswith("requests.handled")]) == 7
    assert len([each for each in unjudged if each.startswith("requests.row-total")]) == 23
    assert len([each for each in unjudged if each.startswith("disputes.row-total")]) == 3


def test_amounts_of_real_reports_are_exact() -> None:
    amounts = {
        name: real_report(name).filings[table].cells[-1]
        for name, table in (
            ("310000-fgb-2019", "procurement"),
            ("350128-ptz-2019", "procurement"),
            ("320813-2023", "fees"),
        )
    }

    assert amounts == {
        "310000-fgb-2019": 251_000_000_000,
        "350128-ptz-2019": 75_394_432_520_000,
        "320813-2023": 7_730_280_000,
    }
    assert real_report("310000-fgb-2019").filings["procurement"].choices == {"amount_unit": "yuan"}
