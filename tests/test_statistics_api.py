"""Statistics over HTTP: sums and ratios over reports, on both databases."""

import base64
import csv
import io
import json
import random
from fractions import Fraction
from typing import Any

import pytest

from app.demo import real_reports
from app.domain.layout import LARGEST
from app.domain.measure import Measure, Names, terms
from app.domain.report import Filing, Report
from app.forms import the_form_of
from app.services.filing import report_from
from app.services.measuring import MEASURES
from tests.api import Json, TestClient, a_matrix, etag, faults, make_agency, put_report, said


def statistics(client: TestClient, **query: Any) -> Json:
    reply = client.get("/v1/statistics", params=query)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def only(client: TestClient, measure: str, **query: Any) -> Json:
    """Return the figures of one measure over all reports."""
    (group,) = statistics(client, measures=measure, **query)["items"]
    return dict(group["measures"][measure])


def count(value: int | None, reports: int, incomplete: int = 0) -> Json:
    return {"value": value, "reports": reports, "incomplete": incomplete}


# The measures


def test_measures_are_published_with_their_definitions(client: TestClient) -> None:
    found = client.get("/v1/measures")
    items = {item["key"]: item for item in found.json()["items"]}
    assert found.json()["next"] is None
    assert list(items) == list(MEASURES)
    assert items["refusal_rate"]["kind"] == "ratio"
    assert items["refusal_rate"]["numerator"]["formula"] == "Σ requests.refused_*.total"
    assert len(items["refusal_rate"]["numerator"]["cells"]["2019"]) == 8
    assert items["other"]["numerator"]["cells"]["2019"] == ["requests.other_handling.total"]
    assert len(items["other"]["numerator"]["cells"]["2021"]) == 3
    assert (items["received"]["kind"], items["received"]["denominator"]) == ("count", None)
    assert items["rules_in_force"]["forms"] == ["2021"]
    known = {"if-none-match": etag(found)}
    assert client.get("/v1/measures", headers=known).status_code == 304
    assert said(client.get("/v1/measures?a=1")) == (422, "invalid-parameter")


# Values


def test_the_figures_of_suqian_are_those_printed(client: TestClient) -> None:
    for found in real_reports():
        if found["agency"]["code"] == "321300":
            agency = dict(found["agency"])
            client.put(f"/v1/agencies/{agency.pop('code')}", json=agency)
            client.put(f"/v1/reports/321300/{found['year']}", json=found["report"])
    by_year = statistics(client, by="year", basis="consolidated")["items"]
    assert [(each["year"], each["reports"]) for each in by_year] == [(2023, 1), (2024, 1)]
    last = by_year[1]["measures"]
    assert last["received"] == count(3525, 1)
    assert last["handled"] == count(3521, 1)
    assert last["licensing_decisions"] == count(1573179, 1)
    assert last["normative_documents_in_force"] == count(420, 1)
    ratios = {
        "disclosure_rate": (1902, 3521, "0.540187"),
        "full_disclosure_rate": (1431, 3521, "0.406419"),
        "refusal_rate": (92, 3521, "0.026129"),
        "refused_enforcement_file_rate": (23, 3521, "0.006532"),
        "carry_over_rate": (125, 3646, "0.034284"),
        "correction_rate": (18, 191, "0.094241"),
        "reconsideration_correction_rate": (18, 134, "0.134328"),
        "litigation_direct_correction_rate": (0, 18, "0"),
        "dispute_rate": (247, 3521, "0.070151"),
    }
    found_ratios = {
        key: tuple(last[key][name] for name in ("numerator", "denominator", "value"))
        for key in ratios
    }
    assert found_ratios == ratios
    both = only(client, "disclosure_rate", basis="consolidated")
    assert both == {
        "numerator": 1902 + 1191 + 328,
        "denominator": 3521 + 3486,
        "value": "0.488226",
        "reports": 2,
        "incomplete": 0,
    }


def test_reports_of_governments_are_not_added_to_those_below_them(client: TestClient) -> None:
    make_agency(client, "city", kind="government", level="city")
    make_agency(client, "bureau", parent="city")
    for code, number in (("city", 9), ("bureau", 4)):
        put_report(client, code, requests={"received__natural_person": number})
    assert only(client, "received") == count(4, 1)
    assert only(client, "received", basis="leaves") == count(4, 1)
    assert only(client, "received", basis="consolidated") == count(9, 1)
    assert only(client, "received", basis="all") == count(13, 2)


def test_reports_count_as_what_their_agencies_were_in_their_year(client: TestClient) -> None:
    """A government's report is consolidated though it is a zone by now."""
    make_agency(client, "g", kind="government", level="city")
    make_agency(client, "d", parent="g")
    for code in ("g", "d"):
        for year in (2022, 2024):
            put_report(client, code, year, requests={"received__natural_person": 10})
    moved = {"kind": "zone", "level": "county", "effective_on": "2024-06-01"}
    client.patch("/v1/agencies/g", json=moved).raise_for_status()

    def received(**query: Any) -> Any:
        groups = statistics(client, measures="received", **query)["items"]
        return [(g["reports"], g["measures"]["received"]["value"]) for g in groups]

    assert received(year=2022, under="g") == [(1, 10)]
    assert received(year=2022, under="g", basis="consolidated") == [(1, 10)]
    assert received(year=2024) == received(year_from=2024) == [(2, 20)]
    assert received(by="year") == [(1, 10), (2, 20)]
    assert received(by="year,kind") == [(1, 10), (1, 10), (1, 10)]
    assert received(by="agency", basis="all") == [(2, 20), (2, 20)]
    assert received(level="city", basis="all") == [(1, 10)]
    paged = statistics(client, by="year,level", basis="all", limit=1, count=True)
    assert paged["total"] == len(statistics(client, by="year,level", basis="all")["items"])


def test_a_report_with_a_blank_is_in_neither_side(client: TestClient) -> None:
    for code in "abcdef":
        make_agency(client, code)
    whole = {"granted__natural_person": 3, "declined_repeat__research": 1}
    put_report(client, "a", requests=whole)
    put_report(client, "b", requests=whole | {"granted__commercial": None, "granted__total": None})
    put_report(client, "c", requests=whole | {"granted__commercial": "n/a"})
    put_report(client, "d", requests={"filing": "nil", "data": {"granted": {"research": 9}}})
    put_report(client, "e", requests=None)
    client.put("/v1/reports/f/2024", json={})
    found = only(client, "disclosure_rate")
    sides = {"numerator": 6, "denominator": 8, "value": "0.75"}
    assert found == {**sides, "reports": 3, "incomplete": 3}
    (group,) = statistics(client, measures="declined,granted")["items"]
    assert group["reports"] == 6
    assert group["measures"]["declined"] == count(3, 4, 2)


def test_a_total_stands_in_for_cells_that_were_left_blank(client: TestClient) -> None:
    """Published reports often leave blank what is 0, and print the total."""
    for code in "abc":
        make_agency(client, code)
    blank = {"received__research": None, "received__natural_person": 26}
    put_report(client, "a", requests=blank | {"received__total": 26})
    put_report(client, "b", requests=blank | {"received__total": None})
    put_report(client, "c", requests={"received__research": 2, "received__total": 7})
    assert only(client, "received") == count(26 + 2, 2, 1)
    unknown = {"granted__research": None, "granted__total": None}
    put_report(client, "a", requests=unknown | {"handled__total": 5})
    assert only(client, "handled") == count(5, 3)


def test_a_form_without_the_cells_is_not_counted(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2020)
    put_report(client, year=2021, documents={"rules__in_force": 5})
    (group,) = statistics(client, measures="rules_in_force,received")["items"]
    assert group["reports"] == 2
    assert group["measures"] == {"rules_in_force": count(5, 1), "received": count(0, 2)}


def test_other_handling_is_counted_on_both_forms(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2020, requests={"other_handling__research": 4})
    put_report(
        client, year=2021, requests={"other_misc__research": 1, "other_fee_unpaid__commercial": 2}
    )
    assert only(client, "other") == count(7, 2)
    assert only(client, "handled") == count(7, 2)


def test_nothing_to_divide_by_is_null_and_so_is_nothing_at_all(client: TestClient) -> None:
    empty = {"reports": 0, "incomplete": 0}
    nothing = {"numerator": None, "denominator": None, "value": None}
    assert only(client, "disclosure_rate") == {**nothing, **empty}
    assert only(client, "received") == {"value": None, **empty}
    make_agency(client)
    put_report(client)
    found = only(client, "disclosure_rate")
    zero = {"numerator": 0, "denominator": 0, "value": None}
    assert found == {**zero, "reports": 1, "incomplete": 0}


def test_the_largest_figures_are_added_exactly(client: TestClient) -> None:
    table = the_form_of(2024).table["requests"]
    body = {"tables": {"requests": {"data": a_matrix(table, LARGEST)}}}
    for number in range(12):
        make_agency(client, f"a{number}")
        assert client.put(f"/v1/reports/a{number}/2024", json=body).status_code == 201
    found = only(client, "disclosure_rate")
    assert found["numerator"] == 12 * 12 * LARGEST
    assert found["denominator"] == 12 * 21 * 6 * LARGEST
    assert found["value"] == "0.095238"


# Groups


@pytest.fixture
def world(client: TestClient) -> TestClient:
    """A client of a register of agencies of some kinds and levels, with reports on two years."""
    make_agency(client, "top", kind="office", level="province")
    make_agency(client, "mid", kind="office", level="city", parent="top")
    make_agency(client, "low", kind="department", level="city", parent="mid")
    make_agency(client, "far", kind="vertical", level="county")
    for place, code in enumerate(("top", "mid", "low", "far")):
        for year in (2023, 2024):
            number = 10**place * (1 if year == 2023 else 2)
            put_report(client, code, year, requests={"received__natural_person": number})
    return client


def received(found: Json, *keys: str) -> list[Any]:
    return [
        (*(item[key] for key in keys), item["measures"]["received"]["value"])
        for item in found["items"]
    ]


def test_groups_are_sorted_by_their_keys(world: TestClient) -> None:
    found = statistics(world, measures="received", by="level,year")
    assert (found["by"], found["basis"]) == (["level", "year"], "leaves")
    assert received(found, "level", "year") == [
        ("city", 2023, 110),
        ("city", 2024, 220),
        ("county", 2023, 1000),
        ("county", 2024, 2000),
        ("province", 2023, 1),
        ("province", 2024, 2),
    ]
    assert received(statistics(world, measures="received", by="kind"), "kind") == [
        ("department", 300),
        ("office", 33),
        ("vertical", 3000),
    ]
    by_agency = statistics(world, measures="received", by="agency", year=2024)["items"]
    assert [item["agency"]["code"] for item in by_agency] == ["far", "low", "mid", "top"]
    assert by_agency[0]["agency"] == {"code": "far", "name": "审计局"}


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ({}, 3333),
        ({"under": "mid"}, 330),
        ({"under": "mid", "year": 2023}, 110),
        ({"under": "mid", "by": "kind", "kind": "office"}, 30),
        ({"under": "nobody"}, None),
        ({"year_from": 2024}, 2222),
        ({"year_to": 2023}, 1111),
        ({"level": "city"}, 330),
        ({"kind": "vertical"}, 3000),
        ({"kind": "office", "level": "city", "year": 2024}, 20),
    ],
)
def test_filters_choose_the_reports(world: TestClient, query: Any, value: int | None) -> None:
    assert only(world, "received", **query)["value"] == value


def pages(client: TestClient, **query: Any) -> list[Json]:
    """Walk through all pages."""
    page = statistics(client, **query)
    found = page["items"]
    while page["next"] is not None:
        page = statistics(client, cursor=page["next"], limit=query["limit"])
        found += page["items"]
    return list(found)


@pytest.mark.parametrize("by", ["agency", "year,agency", "agency,year", "kind,level,year"])
def test_pages_add_up_to_the_list(world: TestClient, by: str) -> None:
    query = {"by": by, "measures": "received,disclosure_rate", "basis": "all"}
    whole = statistics(world, **query, count="true")
    assert whole["total"] == len(whole["items"])
    for limit in (1, 3):
        assert pages(world, **query, limit=limit) == whole["items"]
    assert statistics(world, measures="received", count="true")["total"] == 1


def a_cursor(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "content",
    [
        1,
        [],
        [{}, []],
        [{"by": "year"}, []],
        [{"by": "year"}, ["2023"]],
        [{"by": "year"}, [2**40]],
        [{"by": "year"}, {"2023": 1}],
        [{"by": "agency"}, ["\x00"]],
        [{"by": "agency", "under": "\x00"}, ["a"]],
        [{"by": "agency", "under": None}, ["a"]],
        [{"by": ["agency"]}, ["a"]],
        [{"by": "agency", "nonsense": 1}, ["a"]],
        [["by"], ["a"]],
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(world: TestClient, content: Any) -> None:
    refused = world.get("/v1/statistics", params={"cursor": a_cursor(content)})
    assert said(refused) == (400, "cursor-mismatch")


def test_a_cursor_of_another_query_is_refused(world: TestClient) -> None:
    cursor = statistics(world, by="agency", measures="received", limit=1)["next"]
    assert len(statistics(world, cursor=cursor, by="agency", measures="received")["items"]) == 3
    for query in ({"by": "year"}, {"measures": "handled"}, {"year": 2024}, {"basis": "all"}):
        refused = world.get("/v1/statistics", params={"cursor": cursor, **query})
        assert said(refused) == (400, "cursor-mismatch")


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ({"measures": "received,nothing,none"}, ["unknown-measure", "unknown-measure"]),
        ({"by": "year,month", "measures": ""}, ["unknown-key", "unknown-measure"]),
        ({"basis": "some", "level": "x"}, ["not-one-of", "not-one-of"]),
        ({"year": "24"}, ["not-a-year"]),
        ({"limit": 0}, ["out-of-range"]),
        ({"sort": "year"}, ["unknown-parameter"]),
    ],
)
def test_every_wrong_parameter_is_named(client: TestClient, query: Any, codes: list[str]) -> None:
    refused = client.get("/v1/statistics", params=query)
    assert said(refused) == (422, "invalid-parameter")
    assert sorted(code for _, code in faults(refused)) == codes


def test_csv_has_a_row_for_each_measure_of_each_group(world: TestClient) -> None:
    query = {"by": "agency,year", "measures": "received,carry_over_rate", "format": "csv"}
    first = world.get("/v1/statistics", params={**query, "limit": 7})
    rows = list(csv.DictReader(io.StringIO(first.content.decode("utf-8-sig"))))
    assert len(rows) == 14
    assert rows[0] == {
        "agency": "far",
        "agency_name": "审计局",
        "year": "2023",
        "measure": "received",
        "numerator": "",
        "denominator": "",
        "value": "1000",
        "reports": "1",
        "incomplete": "0",
    }
    assert (rows[1]["numerator"], rows[1]["denominator"], rows[1]["value"]) == ("0", "1000", "0")
    path, _, relation = first.headers["link"].partition(">")
    assert relation == '; rel="next"'
    last = world.get(path.removeprefix("<"))
    assert last.headers["content-type"] == first.headers["content-type"]
    assert len(last.content.decode("utf-8-sig").splitlines()) == 3
    assert "link" not in last.headers


def test_statistics_move_with_any_report_in_them(world: TestClient) -> None:
    path = "/v1/statistics?measures=received&under=mid"
    known = {"if-none-match": etag(world.get(path))}
    put_report(world, "far", 2024)
    assert world.get(path, headers=known).status_code == 304
    put_report(world, "low", 2024)
    assert world.get(path, headers=known).status_code == 200


# A property: what the database adds up is what the definition says


def side(report: Report, names: Names) -> int | None:
    """Return a side of a measure in one report, worked out from its definition."""
    found = [_term(report.filings, term) for term in terms(report.form, names)]
    return None if None in found else sum(value for value in found if value is not None)


def _term(filings: Any, term: Any) -> int | None:
    filing = filings.get(term.parts[0].table)
    if filing is None:
        return None
    parts = [_part(filing, part) for part in term.parts]
    if None not in parts:
        return sum(part for part in parts if part is not None)
    return _part(filing, term.total) if term.total else None


def _part(filing: Filing, part: Any) -> int | None:
    named = {cell.name: filing.cells[cell.index] for cell in filing.table.cells}
    if filing.nil:
        return 0
    values = [named[name] for name in part.cells]
    if None in values:
        values = [named[part.total]] if part.total else [None]
    if None in values:
        return None
    return sum(value for value in values if isinstance(value, int))


def expected(measure: Measure, reports: list[Report]) -> Json:
    """Return the figures of a measure over reports."""
    known = [r for r in reports if r.form in MEASURES[measure.key][1]]
    sums = [
        (side(r, measure.numerator), side(r, measure.denominator) if measure.denominator else 0)
        for r in known
    ]
    whole = [(n, d) for n, d in sums if n is not None and d is not None]
    numerator, denominator = sum(n for n, _ in whole), sum(d for _, d in whole)
    counted = {"reports": len(whole), "incomplete": len(sums) - len(whole)}
    if not measure.denominator:
        return {"value": numerator if whole else None, **counted}
    exact = Fraction(numerator, denominator) if denominator else None
    value = None if exact is None else f"{float(round(exact, 6)):.6f}".rstrip("0").rstrip(".")
    sides = {"numerator": numerator, "denominator": denominator} if whole else {}
    return {"numerator": None, "denominator": None, **sides, "value": value, **counted}


def a_random_report(chance: random.Random, year: int) -> Json:
    """Return the body of a report with every state of a cell and of a table."""
    tables: Json = {}
    for key, table in the_form_of(year).table.items():
        filing = chance.choices(("filed", "nil", "missing"), (12, 1, 1))[0]
        if filing == "missing":
            continue
        blank = chance.choice((0, 0, 0.002, 0.05))
        data = a_matrix(table)
        for cell in table.cells:
            draw = chance.random()
            if cell.column.unit.value == "count":
                value: Any = chance.randrange(40) if chance.random() < 0.3 else 0
                value = None if draw < blank else "n/a" if draw < 1.5 * blank else value
                data[cell.line.key][cell.column.key] = value
        tables[key] = {"filing": filing, "data": data}
    return {"tables": tables}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_ratio_of_a_group_is_that_of_its_sums(client: TestClient, seed: int) -> None:
    chance = random.Random(seed)
    stored: dict[tuple[str, int], list[Report]] = {}
    for number in range(8):
        kind = chance.choice(("department", "office", "zone"))
        make_agency(client, f"a{number}", kind=kind)
        for year in (2019, 2020, 2021, 2024):
            body = a_random_report(chance, year)
            assert client.put(f"/v1/reports/a{number}/{year}", json=body).status_code == 201
            report = report_from(the_form_of(year), year, None, body)
            stored.setdefault((kind, year), []).append(report)
    items = statistics(client, by="kind,year", limit=1000)["items"]
    assert [(item["kind"], item["year"]) for item in items] == sorted(stored)
    for item in items:
        reports = stored[item["kind"], item["year"]]
        assert item["reports"] == len(reports)
        for key, (measure, _) in MEASURES.items():
            assert item["measures"][key] == expected(measure, reports), (key, item)
    everything = [report for reports in stored.values() for report in reports]
    (whole,) = statistics(client)["items"]
    for key, (measure, _) in MEASURES.items():
        assert whole["measures"][key] == expected(measure, everything), key
