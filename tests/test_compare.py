"""Two reports side by side, as values: across years, forms and units."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.compare import Compared, compare
from app.domain.crosswalk import Reason, lines_of, merged
from app.domain.layout import LARGEST, NOT_APPLICABLE, Form, Section, Table, Unit, Value
from app.domain.ratios import ratio
from app.domain.report import Filing, Report
from app.domain.totals import together
from app.forms import FORMS, editions
from app.forms.cells import CELLS, cells_in
from tests.builders import FIGURES, a_filing, a_nil_filing, a_report, report_from_figures


def figures(left: Report, right: Report) -> dict[str, Compared]:
    """Return every compared cell by its name."""
    return {
        f"{table.key}.{each.pair.line}.{each.pair.column}": each
        for table in compare(left, right)
        for each in table.figures
    }


def real(name: str) -> Report:
    return report_from_figures(json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8")))


def sides(found: Compared) -> tuple[Value, Value, int | None, str | None]:
    return found.left, found.right, found.difference, found.ratio


# On one form


def test_the_real_reports_of_suqian_differ_as_printed() -> None:
    found = figures(real("321300-2024"), real("321300-2023"))
    assert sides(found["requests.received.total"]) == (3525, 3511, 14, "1.003987")
    assert sides(found["requests.refused_state_secret.total"]) == (2, 0, 2, None)
    assert sides(found["disputes.reconsideration.total"]) == (170, 440, -270, "0.386364")
    assert sides(found["documents.rules.in_force"]) == (12, 11, 1, "1.090909")
    amounts = (72701257800, 59237244900, 13464012900, "1.22729")
    assert sides(found["fees.charges.amount"]) == amounts
    assert {each.reason for each in found.values()} == {None}


@pytest.mark.parametrize(
    ("left", "right"), [(None, 3), (3, None), (None, None), ("n/a", 3), (3, "n/a"), ("n/a", "n/a")]
)
def test_what_is_no_number_has_no_difference(left: Value, right: Value) -> None:
    found = figures(
        a_report(2024, requests={"received__research": left}),
        a_report(2023, requests={"received__research": right}),
    )["requests.received.research"]
    assert sides(found) == (left, right, None, None)
    assert found.reason is None


def test_a_table_declared_nil_counts_as_zero_and_a_missing_one_as_nothing() -> None:
    (requests,) = editions("requests")[-1:]
    nil = a_report(2024, requests=a_nil_filing(requests))
    filed = a_report(2023, requests={"granted__total": 4})
    missing = a_report(2023, requests=None)
    assert sides(figures(nil, filed)["requests.granted.total"]) == (0, 4, -4, "0")
    assert sides(figures(filed, nil)["requests.granted.total"]) == (4, 0, 4, None)
    assert sides(figures(filed, missing)["requests.granted.total"]) == (4, None, None, None)


def test_a_total_that_was_left_out_stands_as_computed() -> None:
    left_out = a_report(
        2024, requests={"granted__total": None, "granted__research": 2, "granted__commercial": 1}
    )
    partial = a_report(2023, requests={"granted__total": None, "granted__research": None})
    tables = {table.key: table for table in compare(left_out, partial)}
    requests = tables["requests"]
    place = CELLS["requests.granted.total"].index
    assert [*requests.left.computed] == [place]
    assert not requests.right.computed
    total = figures(left_out, partial)["requests.granted.total"]
    assert sides(total) == (3, None, None, None)


def with_amount(amount: Value, unit: str, year: int = 2020) -> Report:
    report = a_report(year, procurement={"centralized__amount": amount})
    filing = report.filings["procurement"]
    made = replace(filing, choices={"amount_unit": unit})
    return replace(report, filings={**report.filings, "procurement": made})


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((3, "yuan"), (2, "yuan"), (1, "1.5", "yuan", None)),
        ((3, "wan_yuan"), (2, "wan_yuan"), (1, "1.5", "wan_yuan", None)),
        ((3, "wan_yuan"), (2, "yuan"), (29_998, "15000", "yuan", None)),
        ((1, "yuan"), (3, "wan_yuan"), (-29_999, "0.000033", "yuan", None)),
        ((None, "yuan"), (3, "wan_yuan"), (None, None, "yuan", None)),
        ((3, "unknown"), (3, "unknown"), (None, None, None, Reason.UNIT)),
        ((3, "yuan"), (3, "unknown"), (None, None, None, Reason.UNIT)),
    ],
)
def test_amounts_are_compared_in_one_unit_or_not_at_all(
    left: tuple[Value, str], right: tuple[Value, str], expected: tuple[Any, ...]
) -> None:
    found = figures(with_amount(*left), with_amount(*right, year=2019))[
        "procurement.centralized.amount"
    ]
    assert found.units is not None
    assert (found.difference, found.ratio, found.units[2], found.reason) == expected
    assert (found.left, found.right) == (left[0], right[0])


# Across the forms

ACROSS_2021_2019 = {
    "requests.received.total": None,
    "requests.other_handling.total": None,
    "requests.other_misc.total": Reason.IN_SUM,
    "requests.handled.research": None,
    "disputes.litigation_direct.pending": None,
    "licensing.licences.decisions": None,
    "licensing.licences.items_change": Reason.NOT_IN_FORM,
    "licensing.other_services.decisions": Reason.NOT_IN_FORM,
    "enforcement.compulsion.decisions": None,
    "documents.rules.in_force": Reason.NOT_IN_FORM,
    "documents.rules.public_total": Reason.NOT_IN_FORM,
    "fees.charges.amount": Reason.NOT_IN_FORM,
    "fees.charges.items_last_year": Reason.NOT_IN_FORM,
    "procurement.centralized.items": Reason.NOT_IN_FORM,
}


def test_across_the_forms_exactly_what_the_crosswalk_names_is_comparable() -> None:
    later, earlier = a_report(2021), a_report(2020)
    for found in (figures(later, earlier), figures(earlier, later)):
        assert {name: found[name].reason for name in ACROSS_2021_2019} == ACROSS_2021_2019
        comparable = {name.rpartition(".")[0] for name, f in found.items() if f.reason is None}
        requests = {line.key for line in editions("requests")[0].lines}
        assert comparable == {
            *(f"requests.{key}" for key in requests),
            *(f"disputes.{line.key}" for line in editions("disputes")[0].lines),
            "licensing.licences",
            "enforcement.penalties",
            "enforcement.compulsion",
        }


def test_other_handling_is_compared_as_a_sum() -> None:
    later = a_report(
        2021,
        requests={
            "other_not_corrected__total": 5,
            "other_fee_unpaid__total": 2,
            "other_misc__total": 1,
        },
    )
    earlier = a_report(2020, requests={"other_handling__total": 4})
    found = figures(later, earlier)["requests.other_handling.total"]
    assert sides(found) == (8, 4, 4, "2")
    assert (len(found.pair.left), len(found.pair.right)) == (3, 1)
    assert sides(figures(earlier, later)["requests.other_handling.total"]) == (4, 8, -4, "0.5")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((5, None, 1), None),
        ((5, "n/a", 1), 6),
        (("n/a", "n/a", "n/a"), "n/a"),
        (("n/a", None, "n/a"), None),
        ((0, 0, 0), 0),
    ],
)
def test_a_blank_and_a_number_make_no_number(values: tuple[Value, ...], expected: Value) -> None:
    assert together(values) == expected
    lines = ("other_not_corrected", "other_fee_unpaid", "other_misc")
    cells = {f"{line}__research": value for line, value in zip(lines, values, strict=True)}
    found = figures(a_report(2021, requests=cells), a_report(2020))
    assert found["requests.other_handling.research"].left == expected


def test_every_cell_of_either_form_is_there_and_none_is_invented() -> None:
    for left, right in ((2024, 2023), (2024, 2019), (2019, 2024)):
        found = figures(a_report(left), a_report(right))
        for year, side in ((left, "left"), (right, "right")):
            for table in a_report(year).form.tables:
                for cell in table.cells:
                    name = f"{table.key}.{cell.line.key}.{cell.column.key}"
                    assert cell.index in getattr(found[name].pair, side)
        assert all(each.pair.left or each.pair.right for each in found.values())
    in_two = figures(a_report(2024), a_report(2019))["documents.rules.in_force"]
    assert (in_two.left, in_two.right) == (0, None)


def test_the_same_key_in_another_edition_is_not_taken_to_mean_the_same() -> None:
    form = a_report(2024).form
    documents = form.table["documents"]
    twin = Table("documents", documents.title, documents.source, documents.lines, documents.columns)
    others = tuple(twin if t is documents else t for t in form.tables)
    other = Form("2031", 2031, form.source, form.title, (Section(form.title, tables=others),))
    later = replace(
        a_report(2024), form=other, filings={"documents": a_filing(twin), "fees": fees(form)}
    )
    found = figures(later, a_report(2024))
    assert found["documents.rules.issued"].reason is Reason.OTHER_MEANING
    assert found["documents.rules.issued"].difference is None
    assert found["fees.charges.amount"].reason is None


def fees(form: Form) -> Filing:
    return a_filing(form.table["fees"])


def test_lines_of_both_forms_stand_where_they_are_printed() -> None:
    assert merged(["a", "c", "d"], ["a", "b", "d", "e"]) == ["a", "b", "c", "d", "e"]
    assert merged([], ["x", "y"]) == ["x", "y"]
    assert merged(["b"], ["a", "b"]) == ["a", "b"]


# Cells by name


def test_a_line_is_found_in_the_lines_that_come_to_it() -> None:
    earlier, later = editions("requests")
    parts = ("other_not_corrected", "other_fee_unpaid", "other_misc")
    assert lines_of(later, "other_handling", editions("requests")) == parts
    assert lines_of(earlier, "other_misc", editions("requests")) == ()
    assert lines_of(earlier, "received", editions("requests")) == ("received",)
    assert len(cells_in(FORMS[-1], "requests.other_handling.total")) == 3
    assert cells_in(FORMS[0], "fees.charges.amount") == ()
    assert cells_in(FORMS[-1], "procurement.centralized.items") == ()


# Ratios and properties


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (1, 3, "0.333333"),
        (2, 3, "0.666667"),
        (1, 2_000_000, "0"),  # half of a millionth goes to the even neighbour
        (3, 2_000_000, "0.000002"),
        (5, 2_000_000, "0.000002"),
        (-3, 2_000_000, "-0.000002"),
        (10, 5, "2"),
        (0, 7, "0"),
        (7, 0, None),
        (0, 0, None),
        (LARGEST, 1, str(LARGEST)),
    ],
)
def test_a_ratio_has_six_places_and_goes_half_to_even(
    numerator: int, denominator: int, expected: str | None
) -> None:
    assert ratio(numerator, denominator) == expected


values: st.SearchStrategy[Value] = st.one_of(
    st.none(), st.just(NOT_APPLICABLE), st.integers(0, LARGEST)
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    report = a_report(draw(st.sampled_from([2019, 2020, 2021, 2024])))
    filings = {}
    for key, table in report.form.table.items():
        if draw(st.booleans()):
            few = draw(st.lists(values, min_size=3, max_size=3))
            cells = tuple(few[index % 3] for index in range(len(table.cells)))
            choices = {c.key: draw(st.sampled_from(c.values)) for c in table.choices}
            filings[key] = Filing(table, cells, draw(st.booleans()), {}, choices)
    return replace(report, filings=filings)


@given(reports())
def test_compared_with_itself_a_report_differs_nowhere(report: Report) -> None:
    for found in figures(report, report).values():
        known = isinstance(found.left, int) and found.reason is None
        assert found.difference == (0 if known else None)
        assert found.ratio == ("1" if known and found.left else None)
        assert found.reason in {None, Reason.UNIT}
        assert found.reason is None or found.pair.unit is Unit.MONEY


@given(reports(), reports())
def test_the_other_way_round_every_difference_is_the_opposite(left: Report, right: Report) -> None:
    there, back = figures(left, right), figures(right, left)
    assert there.keys() == back.keys()
    for name, found in there.items():
        other = back[name]
        assert (found.left, found.right, found.reason) == (other.right, other.left, other.reason)
        opposite = None if other.difference is None else -other.difference
        assert found.difference == opposite
