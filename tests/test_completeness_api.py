"""Who has filed a report on a year: the list, the numbers, and the file."""

import csv
from io import StringIO
from typing import Any

import pytest

from app.forms import the_form_of
from tests.api import Json, TestClient, etag, make_agency, put_report, said

PATH = "/v1/reporting-years/2024/completeness"
HEAD = ["code", "name", "kind", "level", "due", "status", "submitted_on", "published_on"]


def listed(client: TestClient, **query: Any) -> Json:
    """Return a page."""
    reply = client.get(PATH, params=query)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def standings(page: Json) -> dict[str, str]:
    """Return how each agency of a page stands."""
    return {each["agency"]["code"]: each["status"] for each in page["items"]}


def codes(client: TestClient, **query: Any) -> list[str]:
    """Return the agencies that are listed."""
    return list(standings(listed(client, **query)))


def lines(reply: Any) -> list[list[str]]:
    """Return the lines of a CSV file."""
    return list(csv.reader(StringIO(reply.content.decode("utf-8-sig"))))


@pytest.fixture
def world(client: TestClient) -> TestClient:
    """A client of a register in which agencies stand in every way."""
    nil: Json = {key: {"filing": "nil"} for key in the_form_of(2024).table}
    make_agency(client, "g", kind="government", level="city", name="市政府")
    make_agency(client, "h", kind="government", parent="g")
    for code in ("filed", "late", "missing", "nil", "nil-late"):
        make_agency(client, code, parent="h", kind="office" if code == "nil" else "department")
    make_agency(client, "customs", kind="vertical", parent="g")
    make_agency(client, "closed", active_to="2023-12-31")
    make_agency(client, "closing", active_to="2024-01-01")
    make_agency(client, "opened", active_from="2024-12-31")
    put_report(client, "g", published_on="2025-03-31")
    put_report(client, "filed", submitted_on="2025-01-20", published_on="2025-01-31")
    put_report(client, "late", submitted_on="2025-01-20", published_on="2025-02-01")
    put_report(client, "nil", **nil)
    put_report(client, "nil-late", submitted_on="2025-02-01", **nil)
    put_report(client, "missing", 2023)
    return client


def test_every_agency_that_is_active_stands_in_one_way(world: TestClient) -> None:
    page = listed(world)

    assert standings(page) == {
        "closing": "missing",
        "filed": "filed",
        "g": "filed",
        "h": "missing",
        "late": "late",
        "missing": "missing",
        "nil": "nil",
        "nil-late": "late",
        "opened": "missing",
    }
    assert page["year"] == 2024
    assert page["next"] is None
    assert page["counts"] == {"expected": 9, "filed": 2, "nil": 1, "late": 2, "missing": 4}


def test_an_item_says_when_the_report_was_due_and_where_it_is(world: TestClient) -> None:
    late, government = (
        listed(world, status="late")["items"][0],
        listed(world, under="g")["items"][1],
    )

    assert late == {
        "agency": {"code": "late", "name": "审计局"},
        "kind": "department",
        "level": "county",
        "due": "2025-01-31",
        "status": "late",
        "submitted_on": "2025-01-20",
        "published_on": "2025-02-01",
        "report": "/v1/reports/late/2024",
    }
    assert (government["due"], government["level"]) == ("2025-03-31", "city")
    assert {each["report"] for each in listed(world, status="missing")["items"]} == {None}


def test_the_word_is_that_of_the_report(world: TestClient) -> None:
    """Late here is late there."""
    for each in listed(world)["items"]:
        if each["report"]:
            report = world.get(each["report"]).json()
            assert (report["timeliness"] == "late") is (each["status"] == "late")


def test_due_dates_are_those_of_the_year(world: TestClient) -> None:
    world.patch("/v1/reporting-years/2024", json={"due": {"department": "2025-01-25"}})

    assert standings(listed(world))["filed"] == "late"
    assert listed(world, status="late")["items"][0]["due"] == "2025-01-25"


def test_filters_choose_and_counts_are_of_the_selection(world: TestClient) -> None:
    assert codes(world, under="h") == ["filed", "h", "late", "missing", "nil", "nil-late"]
    assert codes(world, under="h", status="late") == ["late", "nil-late"]
    assert codes(world, kind="office") == ["nil"]
    assert codes(world, level="city") == ["g"]
    assert codes(world, under="nobody") == []
    counts = {"expected": 6, "filed": 1, "nil": 1, "late": 2, "missing": 2}
    assert listed(world, under="h", status="late", limit=1)["counts"] == counts
    assert listed(world, under="h", status="late", count=True)["total"] == 2


def test_vertical_agencies_are_listed_only_if_asked_for(world: TestClient) -> None:
    assert "customs" not in codes(world, under="g")
    page = listed(world, under="g", kind="vertical")
    assert standings(page) == {"customs": "missing"}
    assert page["counts"]["expected"] == 1


@pytest.mark.parametrize("sort", ["code", "-code", "name", "-name"])
def test_pages_add_up_to_the_list(world: TestClient, sort: str) -> None:
    found: list[str] = []
    query: Json = {"sort": sort, "limit": 2}
    while True:
        page = listed(world, **query)
        found += standings(page)
        if page["next"] is None:
            break
        query = {"limit": 2, "cursor": page["next"]}
    assert found == codes(world, sort=sort)
    assert len(found) == 9


def test_a_cursor_is_of_one_year_and_its_filters(world: TestClient) -> None:
    cursor = listed(world, limit=1, status="missing")["next"]
    assert said(world.get(PATH, params={"cursor": cursor, "status": "late"})) == (
        400,
        "cursor-mismatch",
    )
    other = PATH.replace("2024", "2023")
    assert said(world.get(other, params={"cursor": cursor})) == (400, "cursor-mismatch")
    assert said(world.get("/v1/agencies", params={"cursor": cursor})) == (400, "cursor-mismatch")
    agencies = world.get("/v1/agencies?limit=1").json()["next"]
    assert said(world.get(PATH, params={"cursor": agencies})) == (400, "cursor-mismatch")


def test_what_is_wrong_with_a_request_is_said_in_order(world: TestClient) -> None:
    for year in ("2099", "2018", "x"):
        reply = world.get(f"/v1/reporting-years/{year}/completeness?limit=0")
        assert said(reply) == (404, "reporting-year-not-found")
    for query in ("status=good", "limit=0", "format=xml", "nonsense=1", "format=csv&nonsense=1"):
        assert said(world.get(f"{PATH}?{query}")) == (422, "invalid-parameter")


def test_a_client_that_has_the_page_is_not_sent_it_again(world: TestClient) -> None:
    first = world.get(PATH)
    assert world.get(PATH, headers={"if-none-match": etag(first)}).status_code == 304
    put_report(world, "missing", 2024)
    assert world.get(PATH, headers={"if-none-match": etag(first)}).status_code == 200


# CSV


def test_the_file_has_the_whole_list(world: TestClient) -> None:
    reply = world.get(PATH, params={"format": "csv"})

    assert reply.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert reply.content.startswith(b"\xef\xbb\xbfcode,")
    assert reply.content.count(b"\r\n") == 10
    head, *rest = lines(reply)
    assert head == HEAD
    assert {line[0]: line[5] for line in rest} == standings(listed(world))
    late = [
        "late",
        "审计局",
        "department",
        "county",
        "2025-01-31",
        "late",
        "2025-01-20",
        "2025-02-01",
    ]
    assert late in rest


def test_the_file_has_an_etag_which_changes_with_it(world: TestClient) -> None:
    file = {"format": "csv"}
    first = etag(world.get(PATH, params=file))
    assert world.get(PATH, params=file, headers={"if-none-match": first}).status_code == 304
    make_agency(world, "another")
    assert world.get(PATH, params=file, headers={"if-none-match": first}).status_code == 200


def test_the_file_takes_filters(world: TestClient) -> None:
    reply = world.get(
        PATH, params={"format": "csv", "under": "h", "status": "late", "sort": "-code"}
    )
    assert [line[0] for line in lines(reply)[1:]] == ["nil-late", "late"]
    assert lines(world.get(PATH, params={"format": "csv", "under": "nobody"})) == [HEAD]
    assert len(lines(world.get(PATH, params={"format": "csv", "limit": 1}))) == 10


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+86", "'+86"),
        ("-局", "'-局"),
        ("@局", "'@局"),
        ('甲,"乙"', '甲,"乙"'),
        ("甲\n乙", "甲\n乙"),
        ("甲=乙", "甲=乙"),
    ],
)
def test_no_name_is_a_formula_and_every_name_is_one_cell(
    client: TestClient, name: str, shown: str
) -> None:
    make_agency(client, "a", name=name)

    assert lines(client.get(PATH, params={"format": "csv"}))[1][:2] == ["a", shown]


def test_a_long_file_is_read_in_parts(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.completeness._AT_ONCE", 3)
    made = [f"a{number}" for number in range(9)]
    for number, code in enumerate(made):
        make_agency(client, code, name=f"局{number % 2}")
        for sort in ("code", "-name"):
            reply = client.get(PATH, params={"format": "csv", "sort": sort})
            assert sorted(line[0] for line in lines(reply)[1:]) == made[: number + 1]
