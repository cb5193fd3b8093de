"""Agencies are dated: a change has a day, and what a year is summed by is its own tree."""

from typing import Any

import pytest

from app.domain import calendar
from app.domain.periods import DATED
from tests.api import Json, TestClient, an_agency_body, faults, make_agency, put_report, said

DAY = "2023-06-01"
"""The day on which agencies move here: after 2022, before the end of 2023."""


def patch(client: TestClient, code: str, **members: Any) -> Any:
    """Change an agency."""
    return client.patch(f"/v1/agencies/{code}", json=members)


def done(reply: Any) -> Any:
    assert reply.status_code in {200, 201}, reply.text
    return reply


def periods(client: TestClient, code: str) -> list[tuple[str | None, str | None, str]]:
    """Return from when, to when, and the name."""
    items = client.get(f"/v1/agencies/{code}/periods").json()["items"]
    return [(each["from"], each["to"], each["name"]) for each in items]


def plant(client: TestClient) -> None:
    """Register two counties of a city, and a bureau that moves from `east` to `west`."""
    make_agency(client, "city", kind="government", level="city")
    for code in ("east", "west"):
        make_agency(client, code, kind="government", parent="city")
    make_agency(client, "b", name="东局", parent="east")
    for year in (2022, 2023):
        put_report(client, "b", year, licensing={"licences__decisions": 7})
    done(patch(client, "b", parent="west", name="西局", kind="office", effective_on=DAY))


def rolled(client: TestClient, code: str, year: int, basis: str = "children") -> tuple[Any, Json]:
    """Return the number of licences that were summed, and the coverage."""
    reply = done(client.get(f"/v1/agencies/{code}/rollup/{year}", params={"basis": basis})).json()
    data = reply["tables"]["licensing"]["data"]
    return data["licences"]["decisions"] if data else None, reply["coverage"]


def test_a_new_agency_has_been_what_it_is_since_ever(client: TestClient) -> None:
    made = make_agency(client, "a", short_name="审")
    (found,) = client.get("/v1/agencies/a/periods").json()["items"]
    assert found == {"from": None, "to": None} | {name: made[name] for name in DATED}
    assert made["links"]["periods"] == "/v1/agencies/a/periods"
    assert said(client.get("/v1/agencies/nobody/periods")) == (404, "agency-not-found")


def test_a_change_holds_from_its_day_or_from_today(client: TestClient) -> None:
    make_agency(client, "a", name="一")
    changed = done(patch(client, "a", name="二", effective_on=DAY)).json()
    assert "effective_on" not in changed
    done(patch(client, "a", name="三"))
    today = calendar.today()
    assert [(since, name) for since, _, name in periods(client, "a")] == [
        (None, "一"), (DAY, "二"), (today, "三"),
    ]  # fmt: skip
    assert periods(client, "a")[0][1] == "2023-05-31"


def test_a_correction_changes_what_there_is_and_opens_nothing(client: TestClient) -> None:
    make_agency(client, "a", name="一")
    done(patch(client, "a", name="二", effective_on=None))
    assert periods(client, "a") == [(None, None, "二")]
    done(patch(client, "a", name="三", effective_on=DAY))
    body = an_agency_body(name="四", effective_on=None)
    done(client.put("/v1/agencies/a", json=body))
    assert periods(client, "a") == [(None, "2023-05-31", "二"), (DAY, None, "四")]


def test_what_is_not_dated_opens_no_period(client: TestClient) -> None:
    make_agency(client, "a", name="一")
    done(patch(client, "a", division="321300", active_to="2024-12-31", effective_on=DAY))
    assert periods(client, "a") == [(None, None, "一")]


def test_a_change_is_neither_in_the_future_nor_before_the_last(client: TestClient) -> None:
    make_agency(client, "a")
    late = patch(client, "a", name="二", effective_on="9998-12-31")
    assert (said(late)[0], faults(late)) == (422, [("/effective_on", "in-the-future")])
    done(patch(client, "a", name="二", effective_on=DAY))
    early = patch(client, "a", name="三", effective_on="2023-05-31")
    assert (said(early)[0], faults(early)) == (422, [("/effective_on", "before-last-change")])
    broken = patch(client, "a", name="三", effective_on="2023-02-29")
    assert faults(broken) == [("/effective_on", "not-a-date")]
    done(patch(client, "a", name="三", effective_on=DAY))
    assert periods(client, "a") == [(None, "2023-05-31", "审计局"), (DAY, None, "三")]


def test_a_repeated_change_changes_nothing(client: TestClient) -> None:
    make_agency(client, "a")
    body = an_agency_body(name="二", effective_on=DAY)
    first, second = (done(client.put("/v1/agencies/a", json=body)) for _ in range(2))
    assert first.headers["etag"] == second.headers["etag"]


def test_no_agency_ever_stood_above_itself(client: TestClient) -> None:
    make_agency(client, "root")
    make_agency(client, "a", parent="root")
    make_agency(client, "b", parent="a")
    done(patch(client, "b", parent="root", effective_on=DAY))
    for day in ("2023-05-31", None):
        refused = patch(client, "a", parent="b", effective_on=day)
        assert faults(refused) == [("/parent", "circle")], day
    done(patch(client, "a", parent="b", effective_on=DAY))


def test_an_agency_takes_its_periods_with_it_but_not_those_that_stood_below_it(
    client: TestClient,
) -> None:
    make_agency(client, "root")
    make_agency(client, "a", parent="root")
    done(patch(client, "a", parent=None, effective_on=DAY))
    refused = client.delete("/v1/agencies/root")
    assert said(refused) == (409, "in-use")
    assert client.delete("/v1/agencies/a").status_code == 204
    assert client.delete("/v1/agencies/root").status_code == 204
    make_agency(client, "a", name="新")
    assert periods(client, "a") == [(None, None, "新")]


@pytest.mark.parametrize("basis", ["children", "leaves"])
def test_a_rollup_sums_the_tree_of_its_year(client: TestClient, basis: str) -> None:
    plant(client)
    assert rolled(client, "east", 2022, basis)[0] == 7
    assert rolled(client, "west", 2022, basis)[0] is None
    assert rolled(client, "east", 2023, basis)[0] is None
    assert rolled(client, "west", 2023, basis)[0] == 7
    assert rolled(client, "west", 2025, basis)[1]["expected"] == 1
    if basis == "leaves":
        assert [rolled(client, "city", year, basis)[0] for year in (2022, 2023)] == [7, 7]


@pytest.mark.parametrize("basis", ["children", "leaves"])
def test_a_rollup_of_the_past_is_told_of_what_was_there_then(
    client: TestClient, basis: str
) -> None:
    plant(client)
    assert rolled(client, "east", 2022, basis)[0] == 7
    put_report(client, "b", 2022, licensing={"licences__decisions": 9})
    assert rolled(client, "east", 2022, basis)[0] == 9


@pytest.mark.parametrize("basis", ["children", "leaves"])
def test_agencies_are_named_and_expected_as_they_were(client: TestClient, basis: str) -> None:
    plant(client)
    make_agency(client, "c", name="旧名", parent="east", active_from="2022-05-01")
    done(patch(client, "c", name="新名", kind="vertical", effective_on=DAY))
    _, coverage = rolled(client, "east", 2022, basis)
    assert coverage["agencies"]["missing"] == [{"code": "c", "name": "旧名"}]
    assert rolled(client, "east", 2021, basis)[1]["agencies"]["missing"] == [
        {"code": "b", "name": "东局"}
    ]
    assert rolled(client, "east", 2023, basis)[1]["expected"] == 0


def test_a_rollup_is_that_of_the_agency_as_it_was_and_reconciles_as_such(
    client: TestClient,
) -> None:
    plant(client)
    put_report(client, "east", 2022, licensing={"licences__decisions": 8})
    done(patch(client, "east", name="东区", kind="zone", effective_on=DAY))
    then = client.get("/v1/agencies/east/rollup/2022").json()
    assert then["agency"]["name"] == "审计局"
    assert [(f["rule"], f["left"], f["right"]) for f in then["findings"]] == [("rollup.sum", 8, 7)]
    assert [f["other_cells"][0]["agency"] for f in then["findings"]] == [
        {"code": "b", "name": "东局"}
    ]
    assert client.get("/v1/agencies/east/rollup/2023").json()["agency"]["name"] == "东区"


def test_completeness_lists_the_agencies_of_its_year(client: TestClient) -> None:
    plant(client)

    def listed(year: int, **filters: str) -> list[tuple[str, str, str]]:
        path = f"/v1/reporting-years/{year}/completeness"
        page = done(client.get(path, params=filters)).json()
        assert page["counts"]["expected"] == len(page["items"])
        return [(i["agency"]["code"], i["agency"]["name"], i["kind"]) for i in page["items"]]

    assert listed(2022, under="east")[0] == ("b", "东局", "department")
    assert [code for code, _, _ in listed(2023, under="east")] == ["east"]
    assert listed(2022, kind="department", sort="name") == [("b", "东局", "department")]
    assert listed(2023, kind="department") == []
    assert ("b", "西局", "office") in listed(2023, under="west")
    lines = client.get("/v1/reporting-years/2022/completeness?format=csv&under=east").text
    assert "东局" in lines
    assert [i["code"] for i in client.get("/v1/agencies?under=east").json()["items"]] == ["east"]


def test_a_large_tree_of_the_past_sums_the_same(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.storage.leaves.MANY", 1)
    plant(client)
    assert [rolled(client, code, 2022, "leaves")[0] for code in ("city", "east")] == [7, 7]
    assert rolled(client, "west", 2022, "leaves")[0] is None
    assert rolled(client, "city", 2025, "leaves")[1]["expected"] == 1
