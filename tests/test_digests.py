"""Digests as values: what they cover, how they are written, how they combine."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.layout import LARGEST, Form, Table, Unit, Value
from app.domain.report import PROSE, Agency, Filing, Report
from app.forms import FORMS
from app.services.digest_tree import FOREST, Tree, tree
from app.services.digests import canonical, digest_of, state
from tests.builders import A_BUREAU, FORM_2019, FORM_2021, a_nil_filing, a_report, changed

PROPERTY = settings(max_examples=40, deadline=None)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\t\n"))
WHOLE = {
    Unit.COUNT: st.integers(0, LARGEST - 1),
    Unit.CHANGE: st.integers(1 - LARGEST, LARGEST - 1),
    Unit.WAN_YUAN: st.integers(0, 10**18 - 1),
    Unit.MONEY: st.integers(0, 10**18 - 1),
}


@st.composite
def filings(draw: st.DrawFn, table: Table) -> Filing:
    """A table with any cells, remarks and choices."""
    odd: list[Value] = [0, None, "n/a"]
    number = {unit: st.one_of(st.sampled_from(odd), each) for unit, each in WHOLE.items()}
    cells: list[Value] = [draw(number[cell.column.unit]) for cell in table.cells]
    keys = st.sampled_from([line.key for line in table.lines])
    remarks = draw(st.dictionaries(keys, TEXT, max_size=3))
    choices = {choice.key: draw(st.sampled_from(choice.values)) for choice in table.choices}
    return Filing(table, tuple(cells), draw(st.booleans()), remarks, choices)


@st.composite
def reports(draw: st.DrawFn, form: Form) -> Report:
    """A report with any tables and words."""
    tables = {table.key: draw(filings(table)) for table in form.tables if draw(st.booleans())}
    words: dict[str, Any] = {name: draw(st.none() | TEXT) for name in PROSE}
    return Report(form, form.first_year, A_BUREAU, tables, **words)


def by_the_standard(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of a value, made by a library."""
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def other_values() -> list[Value]:
    """Return what a cell may be beside 0."""
    return [None, "n/a", 1]


def variants(report: Report) -> Iterator[tuple[str, Report]]:
    """Yield a report with each of its cells, words, states and remarks changed."""
    for key, filed in report.filings.items():
        for cell in filed.table.cells:
            for value in other_values():
                moved = changed(filed, **{cell.name: value})
                yield f"{key} {cell.name} {value}", _with(report, key, moved)
        yield f"{key} nil", _with(report, key, replace(filed, nil=True))
        line = filed.table.lines[0].key
        yield f"{key} remark", _with(report, key, replace(filed, remarks={line: "注"}))
        others = {k: v for k, v in report.filings.items() if k != key}
        yield f"{key} missing", replace(report, filings=others)
    for name in PROSE:
        for text in ("", "二"):
            words: dict[str, Any] = {name: text}
            yield f"{name} {text!r}", replace(report, **words)


def _with(report: Report, key: str, filed: Filing) -> Report:
    return replace(report, filings={**report.filings, key: filed})


# One report


@PROPERTY
@given(st.sampled_from(FORMS).flatmap(reports))
def test_a_digest_is_that_of_the_state_in_canonical_json(report: Report) -> None:
    assert digest_of(report) == by_the_standard(state(report))
    assert canonical(state(report)).encode() == rfc8785.dumps(state(report))


def test_the_largest_count_is_written_as_javascript_writes_it() -> None:
    """The library refuses it, though a double holds it exactly."""
    assert canonical([LARGEST]) == "[9007199254740992]"


def test_whatever_is_changed_changes_the_digest() -> None:
    for form in (FORM_2019, FORM_2021):
        report = a_report(form.first_year)
        named = {digest_of(report): "as it is"}
        for what, other in variants(report):
            assert named.setdefault(digest_of(other), what) == what
        assert len(named) > 400


def test_a_unit_of_money_counts() -> None:
    report = a_report(2020)
    filed = report.filings["procurement"]
    units = {choice.key: choice.values for choice in filed.table.choices}["amount_unit"]
    found = {
        digest_of(_with(report, "procurement", replace(filed, choices={"amount_unit": unit})))
        for unit in units
    }
    assert len(found) == len(units) > 1


def test_the_key_of_a_report_counts_and_what_its_agency_is_does_not() -> None:
    report = a_report(2023)
    renamed = replace(A_BUREAU, name="审计厅", kind="government", level="city")
    assert digest_of(replace(report, agency=renamed)) == digest_of(report)
    assert digest_of(replace(report, agency=Agency("b", "审计局", "department", "county"))) != (
        digest_of(report)
    )
    assert digest_of(replace(report, year=2024)) != digest_of(report)


def test_the_order_in_which_a_report_is_put_together_does_not_count() -> None:
    report = a_report(2024)
    remarks = {"rules.issued": "一", "normative_documents": "二"}
    filed = replace(report.filings["documents"], remarks=remarks)
    report = _with(report, "documents", filed)
    turned = replace(filed, remarks=dict(reversed(remarks.items())))
    filings = dict(reversed({**report.filings, "documents": turned}.items()))
    assert list(filings) != list(report.filings)
    assert digest_of(replace(report, filings=filings)) == digest_of(report)


def test_a_nil_table_is_neither_a_missing_one_nor_one_of_zeros() -> None:
    table = FORM_2021.table["licensing"]
    given: list[Filing | dict[str, Value] | None] = [None, {}, a_nil_filing(table)]
    found = {digest_of(a_report(2024, licensing=each)) for each in given}
    assert len(found) == 3


# The tree

A, B, C = "a" * 64, "b" * 64, "c" * 64
Agencies = dict[str, str | None]
Reports = list[tuple[str, int, str | None]]


def combined(agencies: Agencies, reports: Reports, root: str = FOREST) -> Tree:
    """Return the tree of agencies, each with its parent."""
    return tree([(code, parent, f"{code}局") for code, parent in agencies.items()], reports, root)


def top(agencies: Agencies, reports: Reports, root: str = FOREST) -> str | None:
    """Return the digest of the root."""
    return combined(agencies, reports, root).digest.get(root)


def test_a_node_combines_its_own_reports_and_its_children() -> None:
    agencies: Agencies = {"x": None, "z": "x", "y": "x", "u": "z"}
    reports: Reports = [("x", 2023, A), ("u", 2024, A), ("x", 2024, B), ("y", 2024, C)]
    found = combined(agencies, reports)
    y = by_the_standard({"children": {}, "reports": {"2024": C}})
    u = by_the_standard({"children": {}, "reports": {"2024": A}})
    z = by_the_standard({"children": {"u": u}, "reports": {}})
    x = by_the_standard({"children": {"y": y, "z": z}, "reports": {"2023": A, "2024": B}})
    forest = by_the_standard({"children": {"x": x}, "reports": {}})
    assert found.digest == {"u": u, "y": y, "z": z, "x": x, FOREST: forest}
    assert found.reports == {"u": 1, "y": 1, "z": 1, "x": 4, FOREST: 4}
    assert found.counted("x") == ["y", "z"]


def test_agencies_without_reports_do_not_count() -> None:
    filed: Agencies = {"x": None, "y": "x"}
    empty: Agencies = {"e": None, "f": "x", "g": "f", "h": "y"}
    reports: Reports = [("y", 2024, A)]
    assert top(filed | empty, reports) == top(filed, reports)
    assert combined(filed | empty, reports).counted(FOREST) == ["x"]
    assert combined(empty, []).digest == {}


def test_the_order_of_rows_does_not_count_and_the_place_of_an_agency_does() -> None:
    agencies: Agencies = {"x": None, "y": "x", "z": "x", "u": "z"}
    reports: Reports = [("y", 2024, A), ("z", 2024, B), ("u", 2023, C)]
    turned = dict(reversed(agencies.items()))
    assert top(turned, reports[::-1]) == top(agencies, reports)
    assert top(agencies | {"u": "y"}, reports) != top(agencies, reports)


def test_a_report_whose_digest_is_unknown_agrees_with_none() -> None:
    agencies: Agencies = {"x": None}
    known, unknown = top(agencies, [("x", 2024, A)]), top(agencies, [("x", 2024, None)])
    assert unknown not in {None, known}


def test_an_agency_alone_is_the_root_of_what_is_below_it() -> None:
    reports: Reports = [("x", 2024, A), ("y", 2024, B)]
    below = top({"x": "above", "y": "x"}, reports, "x")
    assert below is not None
    assert below == combined({"x": None, "y": "x"}, reports).digest["x"]
    assert top({}, [], "nobody") is None


def test_a_tree_of_any_depth_is_summed_up() -> None:
    chain: Agencies = {"0": None} | {str(n): str(n - 1) for n in range(1, 5_000)}
    found = combined(chain, [("4999", 2024, A)])
    expected = by_the_standard({"children": {}, "reports": {"2024": A}})
    for n in range(4_999, -1, -1):
        assert found.digest[str(n)] == expected
        expected = by_the_standard({"children": {str(n): expected}, "reports": {}})
    assert found.digest[FOREST] == expected


def test_a_circle_does_not_hang() -> None:
    reports: Reports = [("x", 2024, A), ("y", 2024, B)]
    assert top({"x": "y", "y": "x"}, reports) is None
