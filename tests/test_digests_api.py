"""Digests over HTTP: two instances that hold the same agree, and others find out where not."""

import hashlib
from typing import Any

import pytest
import rfc8785

from app.main import create_app
from app.services import maintaining
from tests.api import Json, TestClient, faults, make_agency, put_report, said
from tests.conftest import execute, quiet
from tests.consistency import assert_consistent


def recomputed(report: Json) -> str:
    """Return the digest of a report as the operation's description says to make it."""
    kept = (
        "agency_name_reported overview problems other_matters submitted_on published_on"
        " published_url year"
    )
    tables = {
        key: {name: value for name, value in table.items() if not name.startswith("totals")}
        for key, table in report["tables"].items()
        if table["filing"] != "missing"
    }
    state = {name: report[name] for name in kept.split()}
    state |= {"agency": report["agency"]["code"], "tables": tables}
    return hashlib.sha256(rfc8785.dumps(state)).hexdigest()


def digests(client: TestClient, **query: Any) -> Json:
    """Return a node."""
    reply = client.get("/v1/digests", params=query)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


@pytest.fixture
def world(client: TestClient) -> TestClient:
    """A government with a bureau below it, another beside it, and an empty one; four reports."""
    make_agency(client, "g", kind="government", name="某市人民政府")
    make_agency(client, "g-1", parent="g")
    make_agency(client, "h", kind="government", name="某县人民政府")
    make_agency(client, "empty", parent="h")
    put_report(
        client, "g-1", 2020, procurement={"centralized__items": 3, "centralized__amount": "7.5"}
    )
    put_report(client, "g-1", 2024, requests={"received__natural_person": 5}, licensing=None)
    put_report(client, "g", 2024, overview="总体\n情况“A”\t\\ 😀", documents={"filing": "nil"})
    put_report(client, "h", 2023, documents=None, requests={"received__research": "n/a"})
    return client


def test_a_third_party_can_recompute_every_digest(world: TestClient) -> None:
    def node(under: str) -> Json:
        found = digests(world, under=under)
        for year, digest in found["own"].items():
            assert digest == recomputed(world.get(f"/v1/reports/{under}/{year}").json())
        below = {each["agency"]["code"]: each["digest"] for each in found["children"]}
        for code, digest in below.items():
            assert node(code)["digest"] == digest
        expected = rfc8785.dumps({"children": below, "reports": found["own"]})
        assert found["digest"] == hashlib.sha256(expected).hexdigest()
        return found

    assert [len(node(code)["own"]) for code in ("g", "h")] == [1, 1]
    top = digests(world)
    below = {each["agency"]["code"]: each["digest"] for each in top["children"]}
    expected = rfc8785.dumps({"children": below, "reports": {}})
    assert top["digest"] == hashlib.sha256(expected).hexdigest()


def test_a_node_names_what_is_below_it(world: TestClient) -> None:
    top = digests(world)
    shown = [(e["agency"]["code"], e["agency"]["name"], e["reports"]) for e in top["children"]]
    assert shown == [("g", "某市人民政府", 3), ("h", "某县人民政府", 1)]
    assert (top["year"], top["under"], top["reports"], top["own"]) == (None, None, 4, {})
    below = digests(world, under="h")
    assert below["children"] == []  # the one below has no reports
    assert list(below["own"]) == ["2023"]


def test_a_year_alone_is_compared_by_itself(world: TestClient) -> None:
    one = digests(world, year=2024, under="g")
    assert (one["year"], one["under"], one["reports"], list(one["own"])) == (2024, "g", 2, ["2024"])
    assert one["own"]["2024"] == digests(world, under="g")["own"]["2024"]
    assert digests(world, year=2020)["children"][0]["reports"] == 1
    assert digests(world, year=2021)["digest"] is None


def test_only_what_clients_write_of_reports_counts(world: TestClient) -> None:
    before = digests(world)["digest"]
    world.patch("/v1/agencies/g-1", json={"name": "新名", "level": "city"}).raise_for_status()
    make_agency(world, "another", parent="g-1")
    world.patch("/v1/reporting-years/2024", json={"due": {"department": "2025-03-01"}})
    put_report(world, "g-1", 2021, requests={"carried_in__natural_person": 1})  # moves findings
    world.delete("/v1/reports/g-1/2021").raise_for_status()
    assert digests(world)["digest"] == before

    world.patch("/v1/reports/g/2024", json={"problems": "没有"}).raise_for_status()
    after = digests(world)["digest"]
    assert after != before
    world.patch("/v1/agencies/g-1", json={"parent": "h"}).raise_for_status()
    assert digests(world)["digest"] not in {before, after}


def test_agencies_that_nobody_knows_have_no_reports(world: TestClient) -> None:
    for code in ("nobody", "", "不"):
        node = digests(world, under=code)
        assert (node["under"], node["digest"], node["reports"]) == (code, None, 0)
        assert (node["own"], node["children"]) == ({}, [])


def test_digests_are_not_sent_again_while_they_are_the_same(world: TestClient) -> None:
    first = world.get("/v1/digests?under=g")
    known = {"If-None-Match": first.headers["etag"]}
    assert world.get("/v1/digests?under=g", headers=known).status_code == 304
    world.patch("/v1/reports/h/2023", json={"problems": "没有"}).raise_for_status()
    assert world.get("/v1/digests?under=g", headers=known).status_code == 304
    world.patch("/v1/reports/g/2024", json={"problems": "没有"}).raise_for_status()
    assert world.get("/v1/digests?under=g", headers=known).status_code == 200


def test_other_parameters_are_refused(world: TestClient) -> None:
    reply = world.get("/v1/digests?year=20x4&unter=g", headers={"Accept-Language": "en"})
    assert said(reply) == (422, "invalid-parameter")
    assert [code for _, code in faults(reply)] == ["not-a-year", "unknown-parameter"]


@pytest.fixture
def older(database_url: str) -> str:
    """A database whose documents are of an older version, which knew no digests."""
    with TestClient(create_app(quiet(database_url))) as client:
        make_agency(client, "a")
        put_report(client, "a", 2024)
    execute(database_url, "UPDATE derived_document SET digest = NULL, rule_set = 'old'")
    return database_url


def test_migrate_digests_what_is_there_already(older: str) -> None:
    with TestClient(create_app(quiet(older))) as client:
        before = digests(client, under="a")
        assert (before["own"], before["reports"]) == ({"2024": None}, 1)
    assert maintaining.migrate(quiet(older))[-1] == "rebuilt 1 reports"
    with TestClient(create_app(quiet(older))) as client:
        report = client.get("/v1/reports/a/2024").json()
        assert digests(client, under="a")["own"] == {"2024": recomputed(report)}
    assert_consistent(older)
