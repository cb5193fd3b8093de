"""Comparisons over HTTP: two reports side by side, and what cannot be compared."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from app.api import comparisons
from app.domain.report import Report
from tests.api import Json, TestClient, etag, faults, make_agency, put_report, put_table, said
from tests.builders import FIGURES


def figures(name: str) -> Json:
    return dict(json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8")))


@pytest.fixture
def world(client: TestClient) -> TestClient:
    """A client of a register of a few real reports, on both forms."""
    for name in ("321300-2023", "321300-2024", "350128-ptz-2019", "350128-ptz-2020"):
        found = figures(name)
        agency = dict(found["agency"])
        client.put(f"/v1/agencies/{agency.pop('code')}", json=agency)
        path = f"/v1/reports/{found['agency']['code']}/{found['year']}"
        assert client.put(path, json=found["report"]).status_code == 201
    return client


def compared(client: TestClient, path: str, other: str | None = None) -> Json:
    params = {} if other is None else {"with": other}
    reply = client.get(f"/v1/reports/{path}/comparison", params=params)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def cell(comparison: Json, name: str) -> Json:
    table, line, column = name.split(".")
    return dict(comparison["tables"][table]["lines"][line][column])


def test_a_report_is_compared_with_the_year_before(world: TestClient) -> None:
    found = compared(world, "321300/2024")
    suqian = {"code": "321300", "name": "宿迁市人民政府"}
    assert found["left"] == {"agency": suqian, "year": 2024, "form": "2021"}
    assert found["right"] == {"agency": suqian, "year": 2023, "form": "2021"}
    assert cell(found, "requests.received.total") == {
        "left": 3525,
        "right": 3511,
        "difference": 14,
        "ratio": "1.003987",
        "comparable": True,
        "reason": None,
    }
    assert cell(found, "fees.charges.amount")["difference"] == "13464.0129"
    assert found["tables"]["requests"]["left"] == "filed"
    assert world.get(found["links"]["self"]).json() == found


def test_a_comparison_is_of_one_moment(
    world: TestClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written after its left side was read is not on its right."""
    engine, read = sa.create_engine(database_url), comparisons._other
    before = compared(world, "321300/2024")

    def other(connection: sa.Connection, agency: str, year: int) -> Report:
        with engine.begin() as writing:
            writing.execute(sa.text("UPDATE filing_requests SET received__natural_person = 1"))
        return read(connection, agency, year)

    monkeypatch.setattr(comparisons, "_other", other)
    assert compared(world, "321300/2024") == before
    assert compared(world, "321300/2024") != before
    engine.dispose()


def test_it_can_be_another_year_or_another_agency(world: TestClient) -> None:
    by_year = compared(world, "321300/2023", "2024")
    assert cell(by_year, "requests.received.total")["difference"] == -14
    assert compared(world, "321300/2023", "321300/2024") == by_year
    other = compared(world, "321300/2023", "350128-ptz/2020")
    assert other["right"]["agency"]["code"] == "350128-ptz"
    assert cell(other, "requests.received.total")["right"] == 21


def test_across_the_forms_it_says_what_is_not_comparable(world: TestClient) -> None:
    found = compared(world, "321300/2024", "350128-ptz/2020")
    handling = cell(found, "requests.other_handling.total")
    assert (handling["left"], handling["comparable"]) == (469, True)
    assert handling["cells"] == {
        "left": [
            f"/tables/requests/data/{line}/total"
            for line in ("other_not_corrected", "other_fee_unpaid", "other_misc")
        ],
        "right": ["/tables/requests/data/other_handling/total"],
    }
    part = cell(found, "requests.other_misc.total")
    assert (part["left"], part["right"], part["comparable"]) == (354, None, False)
    reasons = {
        "requests.other_misc.total": "in_sum",
        "documents.rules.in_force": "not_in_form",
        "fees.charges.amount": "not_in_form",
        "procurement.centralized.items": "not_in_form",
        "licensing.licences.decisions": None,
    }
    assert {name: cell(found, name)["reason"] for name in reasons} == reasons
    assert {reason for reason in reasons.values() if reason} <= found["reasons"].keys()
    assert found["tables"]["procurement"]["left"] == "not_in_form"


def test_tables_that_are_nil_or_missing_are_named_so(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2023, fees=None, disputes={"filing": "nil"})
    put_report(client, year=2024, disputes={"reconsideration__total": 3})
    found = compared(client, "a/2024")
    assert found["tables"]["fees"]["right"] == "missing"
    assert cell(found, "fees.charges.amount")["difference"] is None
    assert found["tables"]["disputes"]["right"] == "nil"
    total = cell(found, "disputes.reconsideration.total")
    assert (total["right"], total["difference"], total["ratio"]) == (0, 3, None)


def test_a_computed_total_is_pointed_at(client: TestClient) -> None:
    make_agency(client)
    for year in (2023, 2024):
        put_report(client, year=year)
    put_table(client, "disputes", reconsideration__total=None, reconsideration__upheld=2)
    found = compared(client, "a/2024")
    pointer = "/tables/disputes/data/reconsideration/total"
    assert found["tables"]["disputes"]["computed"] == {"left": [pointer], "right": []}
    assert cell(found, "disputes.reconsideration.total")["left"] == 2


def test_amounts_show_their_units(client: TestClient) -> None:
    make_agency(client)
    for year, amount, unit in ((2019, "160.5964", "wan_yuan"), (2020, "251000", "yuan")):
        put_report(client, year=year)
        body: Any = {"data": {"centralized": {"amount": amount}}, "amount_unit": unit}
        assert client.put(f"/v1/reports/a/{year}/procurement", json=body).status_code == 200
    assert cell(compared(client, "a/2020"), "procurement.centralized.amount") == {
        "left": "251000",
        "right": "160.5964",
        "difference": "-1354964",
        "ratio": "0.156292",
        "comparable": True,
        "reason": None,
        "units": {"left": "yuan", "right": "wan_yuan", "difference": "yuan"},
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"with": "2022"}, "unknown-report"),
        ({}, "unknown-report"),
        ({"with": "nobody/2023"}, "unknown-agency"),
        ({"with": "321300/2099"}, "unknown-year"),
        ({"with": "2099"}, "unknown-year"),
        ({"with": "350128-ptz/2023"}, "unknown-report"),
        ({"with": "last"}, "not-a-report"),
        ({"with": ""}, "not-a-report"),
        ({"with": "321300/2023/requests"}, "not-a-report"),
        ({"with": "2024\n"}, "not-a-report"),
        ({"with": "321300/２０２４"}, "not-a-report"),
        ({"with": "2024", "nonsense": "1"}, "unknown-parameter"),
    ],
)
def test_what_it_is_compared_with_must_be_there(
    world: TestClient, query: dict[str, str], code: str
) -> None:
    refused = world.get("/v1/reports/321300/2023/comparison", params=query)
    assert said(refused) == (422, "invalid-parameter")
    assert faults(refused) == [(None, code)]
    parameter = "nonsense" if code == "unknown-parameter" else "with"
    assert refused.json()["errors"][0]["parameter"] == parameter


def test_a_comparison_moves_with_either_report(world: TestClient) -> None:
    path = "/v1/reports/321300/2024/comparison"
    first = world.get(path)
    known = {"if-none-match": etag(first)}
    assert world.get(path, headers=known).status_code == 304
    for year, value in ((2023, 27), (2024, 28)):
        patch = {"data": {"refused_by_law": {"natural_person": value}}}
        world.patch(f"/v1/reports/321300/{year}/requests", json=patch)
        moved = world.get(path, headers=known)
        assert moved.status_code == (200 if year == 2024 else 304)
    assert cell(moved.json(), "requests.refused_by_law.natural_person")["difference"] == 1
