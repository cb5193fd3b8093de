"""Domain values for tests: a builder fills in everything that a test is not about."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from app.domain import decimals
from app.domain.findings import Finding, Outcome
from app.domain.layout import Table, Value
from app.domain.report import Agency, Filing, Report
from app.domain.rules import judge
from app.forms import FORM_BY_KEY, form_of, the_form_of

FORM_2019, FORM_2021 = FORM_BY_KEY["2019"], FORM_BY_KEY["2021"]

FIGURES = Path(__file__).parents[1] / "app" / "demo" / "reports"
"""The real published reports, one file each."""

A_BUREAU = Agency("320813-sjj", "审计局", "department", "county")
"""An agency that may not make rules, as nearly all of them."""


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


Member: TypeAlias = Agency | Filing | Mapping[str, Value] | str | None


def a_filing(table: Table, fill: Value = 0, **cells: Value) -> Filing:
    """Return a filed table; `received__natural_person=5` sets one cell, `fill` all others."""
    values = [fill] * len(table.cells)
    for name, value in cells.items():
        line, column = name.split("__")
        values[table.at[line, column]] = value
    return Filing(table, tuple(values))


def a_nil_filing(table: Table, fill: Value = None, **cells: Value) -> Filing:
    """Return a table declared empty, blank but for these cells."""
    return replace(a_filing(table, fill, **cells), nil=True)


def a_report(year: int, **members: Member) -> Report:
    """Return a report in which every table is filed with zeros and nothing is found.

    Members are those of `Report` and the tables of the year's form; a table is given as a filing,
    as the cells that are not zero, or as None: missing.
    """
    form = the_form_of(year)
    filings = {table.key: a_filing(table) for table in form.tables}
    others: dict[str, Any] = {
        "agency": A_BUREAU,
        "overview": "略",
        "problems": "主动公开的内容还不够全面。",
        "other_matters": "本年度未收取信息处理费。",
    }
    for name, given in members.items():
        if name not in form.table:
            others[name] = given
        elif given is None:
            del filings[name]
        elif isinstance(given, Filing):
            filings[name] = given
        else:
            assert isinstance(given, Mapping)
            filings[name] = a_filing(form.table[name], **given)
    return Report(form, year, filings=filings, **others)


def balanced(table: Table, received: Mapping[str, int], **lines: Mapping[str, int]) -> Filing:
    """Return requests of which each was received and handled in the year, totals filled in.

    Applicants and outcome lines that are left out are zero; what no outcome takes is carried out.
    """
    applicants = [column.key for column in table.columns if not column.parts]
    rows = {line.key: dict.fromkeys(applicants, 0) for line in table.lines}
    rows["received"] |= received
    for line, figures in lines.items():
        rows[line] |= figures
    outcomes = next(line.parts for line in table.lines if line.parts)
    for column in applicants:
        rows["handled"][column] = sum(rows[line][column] for line in outcomes)
        taken_on = rows["received"][column] + rows["carried_in"][column]
        rows["carried_out"][column] = taken_on - rows["handled"][column]
    for row in rows.values():
        row["total"] = sum(row.values())
    return a_filing(table, **{f"{l}__{c}": n for l, row in rows.items() for c, n in row.items()})


def changed(filing: Filing, **cells: Value) -> Filing:
    """Return a filing with some cells replaced."""
    kept = {cell.name: filing.cells[cell.index] for cell in filing.table.cells}
    return replace(filing, cells=a_filing(filing.table, **(kept | cells)).cells)


def report_from_figures(figures: Mapping[str, Any]) -> Report:
    """Return the report that a file of real figures holds."""
    form = the_form_of(figures["year"])
    body = dict(figures["report"])
    filings = {
        key: _filing_from_figures(form.table[key], table)
        for key, table in body.pop("tables").items()
        if table["filing"] != "missing"
    }
    return Report(form, figures["year"], Agency(**figures["agency"]), filings, **body)


def _filing_from_figures(table: Table, figures: Mapping[str, Any]) -> Filing:
    cells: dict[str, Value] = {}
    for cell in table.cells:
        value = figures["data"][cell.line.key][cell.column.key]
        is_text = cell.column.unit.is_decimal and value not in {None, "n/a"}
        cells[cell.name] = decimals.millionths(value) if is_text else value
    choices = {choice.key: figures.get(choice.key, choice.default) for choice in table.choices}
    return replace(
        a_filing(table, **cells),
        nil=figures["filing"] == "nil",
        remarks=figures.get("remarks", {}),
        choices=choices,
    )


def real_report(name: str) -> Report:
    """Return a real published report; names are those of the files: `321300-2023`."""
    return report_from_figures(json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8")))


def judged(report: Report, previous: Report | None = None) -> tuple[Finding, ...]:
    """Return everything that is found in a report, given the one on the year before."""
    return judge(report, previous, form_of(report.year - 1))


def failures(report: Report, previous: Report | None = None) -> list[Finding]:
    """Return the findings that are failures."""
    return [each for each in judged(report, previous) if each.outcome is Outcome.FAIL]


def of_rule(rule: str, report: Report, previous: Report | None = None) -> list[Finding]:
    """Return what one rule has to say, failures and not."""
    return [each for each in judged(report, previous) if each.rule == rule]


def pointer(table: str, cell: str) -> str:
    """Return the JSON pointer of a cell named `line.column`."""
    return f"/tables/{table}/data/{cell.replace('.', '/')}"


def pointers(table: str, *cells: str) -> tuple[str, ...]:
    """Return the JSON pointers of cells named `line.column`."""
    return tuple(pointer(table, cell) for cell in cells)
