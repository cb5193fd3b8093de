"""Two years of one agency: each write of a year moves the findings and links of those beside it."""

import random
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api import (
    Json,
    TestClient,
    a_report_body,
    a_table_body,
    etag,
    make_agency,
    put_report,
    put_table,
    revision,
)
from tests.consistency import assert_consistent


@dataclass(frozen=True)
class Pair:
    """Cells of two years that contradict each other, and what mends or moves the contradiction."""

    finding: str
    year: int  # the later one
    table: str
    earlier: Json
    later: Json
    mended: Json  # in the earlier year
    moved: Json  # in the earlier year: still wrong, but by another amount
    sides: tuple[Any, Any]
    moved_sides: tuple[Any, Any]


PAIRS = (
    Pair(
        "requests.carry:commercial",
        2024,
        "requests",
        earlier={"carried_out__commercial": 3},
        later={"carried_in__commercial": 2},
        mended={"carried_out__commercial": 2},
        moved={"carried_out__commercial": 5},
        sides=(2, 3),
        moved_sides=(2, 5),
    ),
    Pair(
        "requests.carry:total",
        2021,
        "requests",
        earlier={"carried_out__total": 3},
        later={"carried_in__total": 2},
        mended={"carried_out__total": 2},
        moved={"carried_out__total": 0},
        sides=(2, 3),
        moved_sides=(2, 0),
    ),
    Pair(
        "disputes.pending:litigation_direct",
        2024,
        "disputes",
        earlier={"litigation_direct__pending": 4, "litigation_direct__total": 4},
        later={"litigation_direct__upheld": 3, "litigation_direct__total": 3},
        mended={"litigation_direct__pending": 3, "litigation_direct__total": 3},
        moved={"litigation_direct__pending": 9, "litigation_direct__total": 9},
        sides=(3, 4),
        moved_sides=(3, 9),
    ),
    Pair(
        "documents.stock:normative_documents",
        2024,
        "documents",
        earlier={"normative_documents__in_force": 10},
        later={
            "normative_documents__issued": 2,
            "normative_documents__repealed": 1,
            "normative_documents__in_force": 12,
        },
        mended={"normative_documents__in_force": 11},
        moved={"normative_documents__in_force": 20},
        sides=(12, 11),
        moved_sides=(12, 21),
    ),
    Pair(
        "year.jump:licensing.licences.decisions",
        2024,
        "licensing",
        earlier={"licences__decisions": 20},
        later={"licences__decisions": 101},
        mended={"licences__decisions": 21},
        moved={"licences__decisions": 506},
        sides=(101, 20),
        moved_sides=(101, 506),
    ),
    Pair(
        "year.jump:disputes.reconsideration.upheld",
        2021,
        "disputes",
        earlier={"reconsideration__upheld": 20, "reconsideration__total": 20},
        later={"reconsideration__upheld": 101, "reconsideration__total": 101},
        mended={"reconsideration__upheld": 19, "reconsideration__total": 19},
        moved={"reconsideration__upheld": 506, "reconsideration__total": 101},
        sides=(101, 20),
        moved_sides=(101, 506),
    ),
    Pair(
        "fees.unit:charges",
        2024,
        "fees",
        earlier={"charges__amount": "30000"},
        later={"charges__amount": "3.5"},
        mended={"charges__amount": "3.4"},
        moved={"charges__amount": "0.000350"},
        sides=("3.5", "30000"),
        moved_sides=("3.5", "0.00035"),
    ),
    Pair(
        "items.chain:licences",
        2020,
        "licensing",
        earlier={"licences__items_last_year": 9, "licences__items_change": -2},
        later={"licences__items_last_year": 8},
        mended={"licences__items_last_year": 9, "licences__items_change": -1},
        moved={"licences__items_last_year": 1},
        sides=(8, 7),
        moved_sides=(8, 1),
    ),
)
every_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.finding} {pair.year}")


def url(year: int, *more: str) -> str:
    return "/".join((f"/v1/reports/a/{year}", *more))


def file(client: TestClient, year: int, table: str, cells: Json) -> None:
    """Write a report of zeros but for these cells of one table."""
    put_report(client, "a", year, **{table: cells})


def read(client: TestClient, year: int) -> Json:
    reply = client.get(url(year))
    assert reply.status_code == 200
    return dict(reply.json())


def sides(client: TestClient, pair: Pair) -> tuple[Any, Any] | None:
    """Return the sides of a pair's finding, the same wherever it is shown; None if it is not."""
    shown = [
        read(client, pair.year)["findings"],
        client.get(url(pair.year, "findings")).json()["items"],
        client.get(url(pair.year, pair.table)).json()["findings"],
        client.get(f"/v1/findings?agency=a&year={pair.year}").json()["items"],
    ]
    found = [[f for f in each if f["id"] == pair.finding] for each in shown]
    told = {(f["left"], f["right"]) for each in found for f in each}
    assert len({len(each) for each in found}) == 1
    assert len(told) <= 1
    return told.pop() if told else None


def outcome(client: TestClient, year: int, rule: str) -> list[tuple[str | None, str]]:
    items = client.get(url(year, "findings"), params={"outcomes": "all"}).json()["items"]
    return [(each["at"], each["outcome"]) for each in items if each["rule"] == rule]


# Each rule that looks at the year before


@every_pair
def test_a_finding_appears_with_the_earlier_year(
    agency: TestClient, database_url: str, pair: Pair
) -> None:
    file(agency, pair.year, pair.table, pair.later)
    assert sides(agency, pair) is None

    file(agency, pair.year - 1, pair.table, pair.earlier)

    assert sides(agency, pair) == pair.sides
    assert_consistent(database_url)


@every_pair
def test_a_finding_appears_with_the_later_year(
    agency: TestClient, database_url: str, pair: Pair
) -> None:
    file(agency, pair.year - 1, pair.table, pair.earlier)

    file(agency, pair.year, pair.table, pair.later)

    assert sides(agency, pair) == pair.sides
    assert pair.finding not in [f["id"] for f in read(agency, pair.year - 1)["findings"]]
    assert_consistent(database_url)


@every_pair
def test_a_finding_moves_with_whatever_changes_the_earlier_year(
    agency: TestClient, database_url: str, pair: Pair
) -> None:
    year, table = pair.year - 1, pair.table
    file(agency, year, table, pair.earlier)
    file(agency, pair.year, table, pair.later)

    file(agency, year, table, pair.mended)
    assert sides(agency, pair) is None
    put_table(agency, table, year=year, **pair.earlier)
    assert sides(agency, pair) == pair.sides
    moved = a_table_body(year, table, **pair.moved)
    agency.patch(url(year, table), json=moved)
    assert sides(agency, pair) == pair.moved_sides
    mended = a_table_body(year, table, **pair.mended)
    agency.patch(url(year), json={"tables": {table: mended}})
    assert sides(agency, pair) is None
    put_table(agency, table, year=year, **pair.earlier)
    agency.delete(url(year, table))
    assert sides(agency, pair) is None
    agency.patch(url(year), json={"tables": {table: a_table_body(year, table, **pair.earlier)}})
    assert sides(agency, pair) == pair.sides
    agency.delete(url(year))
    assert sides(agency, pair) is None
    agency.post(
        "/v1/reports",
        json=a_report_body(year, agency="a", year=year, **{table: pair.earlier}),
    )
    assert sides(agency, pair) == pair.sides
    assert_consistent(database_url)


@every_pair
def test_a_finding_is_mended_in_the_later_year_too(agency: TestClient, pair: Pair) -> None:
    file(agency, pair.year - 1, pair.table, pair.earlier)
    file(agency, pair.year, pair.table, pair.later)

    file(agency, pair.year, pair.table, {})
    without = sides(agency, pair)
    agency.patch(url(pair.year, pair.table), json=a_table_body(pair.year, pair.table, **pair.later))

    assert without != pair.sides
    assert sides(agency, pair) == pair.sides


@every_pair
def test_a_finding_names_the_cells_of_both_years(agency: TestClient, pair: Pair) -> None:
    file(agency, pair.year - 1, pair.table, pair.earlier)
    file(agency, pair.year, pair.table, pair.later)

    (found,) = [f for f in read(agency, pair.year)["findings"] if f["id"] == pair.finding]

    assert found["cells"]
    assert found["other_cells"]
    named = {(each["agency"]["code"], each["year"]) for each in found["other_cells"]}
    assert named == {("a", pair.year - 1)}
    start = f"/tables/{pair.table}/data/"
    pointers = [*found["cells"], *(each["pointer"] for each in found["other_cells"])]
    assert all(pointer.startswith(start) for pointer in pointers)


def test_another_agency_and_another_year_are_not_the_year_before(client: TestClient) -> None:
    make_agency(client, "a")
    make_agency(client, "b")
    put_report(client, "a", 2024)

    put_report(client, "b", 2023, requests={"carried_out__total": 3})
    put_report(client, "a", 2022, requests={"carried_out__total": 3})
    put_report(client, "a", 2025)

    assert read(client, 2024)["findings"] == []
    assert outcome(client, 2024, "requests.carry") == [(None, "not_assessable")]
    assert outcome(client, 2025, "requests.carry") == []


# What the year before holds where it holds no number


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        ({"filing": "nil"}, [("total", "fail")]),
        ({"filing": "nil", "data": {"carried_out": {"total": 2}}}, [("total", "fail")]),
        (None, [(None, "not_assessable")]),
        ({"carried_out__total": "n/a"}, [("total", "not_assessable")]),
        ({"carried_out__total": None}, [("total", "fail")]),
        (
            {"carried_out__total": None, "carried_out__research": None},
            [("research", "not_assessable"), ("total", "not_assessable")],
        ),
        ({"carried_out__total": 2}, []),
    ],
    ids=["nil", "nil with data", "missing", "n/a", "computed", "blank", "number"],
)
def test_carry_by_the_state_of_the_earlier_cell(
    agency: TestClient, earlier: Json | None, expected: list[tuple[str | None, str]]
) -> None:
    put_report(agency, year=2023, requests=earlier)
    put_report(agency, year=2024, requests={"carried_in__total": 2})

    assert outcome(agency, 2024, "requests.carry") == expected


def test_the_floor_of_stock_gives_way_to_the_stock(agency: TestClient) -> None:
    documents = {"rules__issued": 5, "rules__repealed": 1, "rules__in_force": 3}
    make_agency(agency, "g", kind="government", level="city")
    put_report(agency, "g", 2024, documents=documents)

    def ids() -> list[str]:
        return [f["id"] for f in agency.get("/v1/reports/g/2024").json()["findings"]]

    assert ids() == ["documents.stock-floor:rules"]
    put_report(agency, "g", 2023)
    assert ids() == ["documents.stock:rules"]
    put_report(agency, "g", 2023, documents={"rules__in_force": None})
    assert ids() == ["documents.stock-floor:rules"]


def test_rules_that_need_the_same_form_wait_for_its_second_year(agency: TestClient) -> None:
    """Between 2020 and 2021 the form changed: stock and fees are not comparable, carry is."""
    put_report(agency, year=2020, requests={"carried_out__total": 1})
    put_report(agency, year=2021)
    put_report(agency, year=2019)

    for rule in ("documents.stock", "fees.unit", "items.chain"):
        assert outcome(agency, 2021, rule) == []
    assert outcome(agency, 2021, "requests.carry") == [("total", "fail")]
    assert outcome(agency, 2019, "items.chain") == []
    assert outcome(agency, 2020, "items.chain") == []


def test_no_report_on_the_year_before_leaves_each_rule_unjudged_once(agency: TestClient) -> None:
    put_report(agency)

    items = agency.get(url(2024, "findings"), params={"outcomes": "all"}).json()["items"]

    assert [each["id"] for each in items] == [
        "requests.carry",
        "disputes.pending",
        "documents.stock",
        "fees.unit",
        "year.jump",
    ]
    assert {(each["at"], each["outcome"]) for each in items} == {(None, "not_assessable")}


# Links


def links(client: TestClient) -> dict[int, tuple[int | None, int | None]]:
    """Return the previous and next year that each report links to, documents and list alike."""

    def year_of(link: str | None) -> int | None:
        return int(link.removeprefix("/v1/reports/a/")) if link else None

    found = {}
    for summary in client.get("/v1/reports?agency=a").json()["items"]:
        year = summary["year"]
        assert read(client, year)["links"] == summary["links"]
        found[year] = (year_of(summary["links"]["previous"]), year_of(summary["links"]["next"]))
    return found


def test_links_move_on_both_sides(agency: TestClient, database_url: str) -> None:
    put_report(agency, year=2022)
    put_report(agency, year=2024)
    assert links(agency) == {2022: (None, None), 2024: (None, None)}
    put_report(agency, year=2023)
    assert links(agency) == {2022: (None, 2023), 2023: (2022, 2024), 2024: (2023, None)}
    assert_consistent(database_url)
    agency.delete(url(2023))
    assert links(agency) == {2022: (None, None), 2024: (None, None)}
    put_table(agency, "fees", year=2023)
    assert links(agency) == {2022: (None, 2023), 2023: (2022, 2024), 2024: (2023, None)}
    agency.delete(url(2022))
    assert links(agency) == {2023: (None, 2024), 2024: (2023, None)}
    agency.delete(url(2024))
    assert links(agency) == {2023: (None, None)}
    assert_consistent(database_url)


def test_links_cross_the_change_of_form(agency: TestClient) -> None:
    for year in (2021, 2020, 2019):
        put_report(agency, year=year)

    assert links(agency) == {2019: (None, 2020), 2020: (2019, 2021), 2021: (2020, None)}


# ETags of the year beside


def test_a_write_that_moves_no_finding_leaves_the_year_beside(agency: TestClient) -> None:
    put_report(agency, year=2023)
    put_report(agency, year=2024)
    put_report(agency, year=2025)
    before = [agency.get(url(year)) for year in (2023, 2025)]

    agency.patch(url(2024), json={"overview": "改", "tables": {"licensing": {"filing": "nil"}}})

    after = [agency.get(url(year)) for year in (2023, 2025)]
    assert [etag(each) for each in after] == [etag(each) for each in before]


def test_a_finding_that_moves_moves_the_digest_alone(agency: TestClient) -> None:
    put_report(agency, year=2023)
    before = put_report(agency, year=2024)

    put_report(agency, year=2023, requests={"carried_out__total": 1})

    after = agency.get(url(2024))
    assert etag(after) != etag(before)
    assert revision(after) == revision(before)
    assert after.json()["updated_at"] == before.json()["updated_at"]
    changed = {name for name in after.json() if after.json()[name] != before.json()[name]}
    assert changed == {"findings", "counts"}


def test_the_earlier_year_is_not_judged_by_the_later(agency: TestClient) -> None:
    put_report(agency, year=2024)
    before = put_report(agency, year=2023, requests={"carried_out__total": 1})

    put_report(agency, year=2024, requests={"carried_in__total": 7})

    assert etag(agency.get(url(2023))) == etag(before)


def test_the_list_shows_the_counts_of_the_year_beside(agency: TestClient) -> None:
    put_report(agency, year=2024)
    put_report(agency, year=2023, disputes={"reconsideration__pending": 1})

    later = agency.get("/v1/reports?year=2024").json()["items"][0]

    assert later["counts"] == {"error": 0, "warning": 1, "info": 0}
    assert later["etag"] == etag(agency.get(url(2024)))
    warned = agency.get("/v1/reports?rule=disputes.pending").json()["items"]
    assert [each["year"] for each in warned] == [2024]


# Any history


@pytest.mark.parametrize("seed", range(3))
def test_after_any_history_everything_is_as_if_written_at_once(
    agency: TestClient, database_url: str, seed: int
) -> None:
    """Writes of all kinds in four years over the change of form, in an order that chance gives."""
    chance = random.Random(seed)
    years = (2019, 2020, 2021, 2022)

    def requests(year: int) -> Json:
        cells = ("carried_in__total", "carried_out__total", "received__natural_person")
        return a_table_body(year, "requests", **{c: chance.choice((0, 1, 30, 900)) for c in cells})

    for _ in range(40):
        year = chance.choice(years)
        match chance.randrange(7):
            case 0 | 1:
                body = a_report_body(year, requests=requests(year))
                agency.put(url(year), json=body)
            case 2:
                agency.put(url(year, "requests"), json=requests(year))
            case 3:
                agency.patch(url(year), json={"tables": {"requests": requests(year)}})
            case 4:
                agency.delete(url(year, "requests"))
            case 5:
                agency.delete(url(year))
            case _:
                agency.patch("/v1/agencies/a", json={"name": f"局{chance.randrange(3)}"})

    assert_consistent(database_url)
