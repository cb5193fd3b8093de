"""Successions over HTTP, and the findings that move with them."""

import json
from typing import Any

import pytest

from app.services import importing
from tests.api import (
    Json,
    TestClient,
    a_report_body,
    faults,
    make_agency,
    put_report,
    put_table,
    said,
)
from tests.consistency import assert_consistent
from tests.test_imports_api import a_line, send

PATH = "/v1/successions"
FOUND = {"predecessor": "old", "successor": "new", "kind": "merge", "effective_on": "2024-03-01"}


def follow(client: TestClient, **members: Any) -> Any:
    """Say that `new` took `old` in during 2024, but for these members."""
    return client.post(PATH, json=FOUND | members)


def plant(client: TestClient, out: int = 4, into: int = 7) -> None:
    """Register both agencies; `new` carries 3 out of 2023 itself, and something into 2024."""
    for code in ("new", "old"):
        make_agency(client, code)
    report_out(client, "new", 3)
    report_out(client, "old", out)
    put_report(client, "new", 2024, requests={"carried_in__research": into})


def report_out(client: TestClient, code: str, out: int, year: int = 2023) -> Any:
    return put_report(client, code, year, requests={"carried_out__research": out})


def carried(client: TestClient, code: str = "new", year: int = 2024) -> Any:
    """Return the sides of what the rule finds, and the agencies whose cells it names."""
    found = client.get(f"/v1/reports/{code}/{year}").json()["findings"]
    return [
        (f["left"], f["right"], [c["agency"]["code"] for c in f["other_cells"]])
        for f in found
        if f["rule"] == "requests.carry"
    ]


def latest(client: TestClient, many: int) -> list[tuple[str, str]]:
    end = client.get("/v1/changes?limit=1").json()["latest"]
    page = client.get(f"/v1/changes?after={end - many}").json()["items"]
    return [(each["resource"], each["op"]) for each in page]


def test_a_succession_is_created_read_listed_and_deleted(client: TestClient) -> None:
    plant(client)
    made = follow(client)
    assert made.status_code == 201, made.text
    body = made.json()
    assert body["predecessor"] == {"code": "old", "name": "审计局"}
    assert (body["kind"], body["effective_on"]) == ("merge", "2024-03-01")
    path = made.headers["location"]
    assert path == body["links"]["self"] == made.headers["content-location"]
    read = client.get(path)
    assert (read.json(), read.headers["etag"]) == (body, made.headers["etag"])
    asked: list[tuple[Json, int]] = [
        ({}, 1), ({"agency": "old"}, 1), ({"agency": "new", "year": 2024}, 1),
        ({"agency": "other"}, 0), ({"year": 2023}, 0),
    ]  # fmt: skip
    for filters, number in asked:
        assert len(client.get(PATH, params=filters).json()["items"]) == number, filters
    assert latest(client, 2) == [("successions", "created"), ("reports", "rechecked")]
    assert said(client.delete(path, headers={"If-Match": '"2-x"'})) == (412, "precondition-failed")
    assert client.delete(path).status_code == 204
    assert latest(client, 2) == [("successions", "deleted"), ("reports", "rechecked")]
    assert said(client.get(path)) == said(client.delete(path)) == (404, "succession-not-found")
    assert said(client.get(f"{PATH}/nonsense")) == (404, "succession-not-found")


def test_what_cannot_be_meant_is_refused(client: TestClient) -> None:
    for code in ("old", "new", "more"):
        make_agency(client, code)
    assert faults(follow(client, predecessor="x", successor={"code": "y"})) == [
        ("/predecessor", "unknown-agency"), ("/successor", "unknown-agency"),
    ]  # fmt: skip
    assert faults(follow(client, successor="old")) == [("/successor", "succeeds-itself")]
    assert faults(client.post(PATH, json={"kind": "swap", "by": 1})) == [
        ("/by", "unknown-member"), ("/effective_on", "required"), ("/kind", "not-one-of"),
        ("/predecessor", "required"), ("/successor", "required"),
    ]  # fmt: skip
    assert follow(client).status_code == 201
    assert said(follow(client, kind="split")) == (409, "already-exists")
    assert follow(client, kind="split", effective_on="2021-12-31").status_code == 201
    assert follow(client, predecessor="new", successor="more").status_code == 201
    circle = {"predecessor": "more", "successor": "old"}
    assert faults(follow(client, **circle)) == [("/successor", "succession-circle")]
    assert follow(client, **circle, effective_on="2025-01-01").status_code == 201


def test_an_agency_with_successions_is_not_deleted(client: TestClient) -> None:
    for code in ("old", "new"):
        make_agency(client, code)
    path = follow(client).headers["location"]
    for code in ("old", "new"):
        refused = client.delete(f"/v1/agencies/{code}", headers={"Accept-Language": "en"})
        assert said(refused) == (409, "in-use")
        assert "1 successions" in refused.json()["detail"]
    client.delete(path)
    assert client.delete("/v1/agencies/old").status_code == 204


def test_findings_move_with_successions_and_with_the_reports_of_both(
    client: TestClient, database_url: str
) -> None:
    plant(client)
    assert carried(client)[0] == (7, 3, ["new"])
    path = follow(client).headers["location"]
    assert carried(client) == []
    report_out(client, "old", 5)
    assert carried(client)[0] == (7, 8, ["new", "old"])
    put_table(client, "requests", "old", 2023, carried_out__research=4)
    assert carried(client) == []
    client.delete("/v1/reports/old/2023")
    assert carried(client) == []
    everything = client.get("/v1/reports/new/2024/findings?outcomes=all").json()["items"]
    (found,) = [f for f in everything if f["rule"] == "requests.carry"]
    assert found["outcome"] == "not_assessable"
    report_out(client, "old", 9)
    assert carried(client)[0] == (7, 12, ["new", "old"])
    client.patch("/v1/agencies/old", json={"name": "旧局"})
    findings = client.get("/v1/reports/new/2024").json()["findings"]
    named = next(f["other_cells"] for f in findings if f["rule"] == "requests.carry")
    assert [each["agency"]["name"] for each in named] == ["审计局", "旧局"]
    client.delete(path)
    assert carried(client)[0] == (7, 3, ["new"])
    assert_consistent(database_url)


def test_a_new_agency_is_new_until_it_has_an_earlier_report(
    client: TestClient, database_url: str
) -> None:
    for code in ("old", "new"):
        make_agency(client, code)
    report_out(client, "old", 4)
    follow(client, kind="rename")
    put_report(client, "new", 2024, requests={"carried_in__research": 5})
    assert carried(client)[0] == (5, 4, ["old"])
    put_report(client, "new", 2020)
    assert carried(client) == []
    client.delete("/v1/reports/new/2020")
    assert carried(client)[0] == (5, 4, ["old"])
    assert_consistent(database_url)


def test_who_was_active_before_is_not_new_though_it_has_no_earlier_report(
    client: TestClient, database_url: str
) -> None:
    make_agency(client, "old")
    make_agency(client, "new", active_from="2023-12-31")
    report_out(client, "old", 4)
    follow(client)
    put_report(client, "new", 2024, requests={"carried_in__research": 5})
    assert carried(client) == []
    client.patch("/v1/agencies/new", json={"active_from": "2024-01-01"}).raise_for_status()
    assert latest(client, 2) == [("agencies", "updated"), ("reports", "rechecked")]
    assert carried(client) == [(5, 4, ["old"])]
    client.patch("/v1/agencies/new", json={"active_from": "2000-01-01"}).raise_for_status()
    report_out(client, "new", 3)
    assert carried(client)[0] == (5, 7, ["new", "old"])
    assert_consistent(database_url)


def test_whoever_bears_upon_a_report_by_way_of_others_moves_its_findings(
    client: TestClient, database_url: str
) -> None:
    plant(client)
    for code in ("older", "other"):
        make_agency(client, code)
    report_out(client, "older", 10)
    follow(client)
    follow(client, predecessor="older", successor="old")
    assert carried(client)[0] == (7, 17, ["new", "old", "older"])
    report_out(client, "older", 20)
    assert carried(client)[0] == (7, 27, ["new", "old", "older"])
    path = follow(client, predecessor="older", successor="other", kind="split").headers["location"]
    assert carried(client) == []
    client.delete(path).raise_for_status()
    assert carried(client)[0] == (7, 27, ["new", "old", "older"])
    assert_consistent(database_url)


def test_an_explanation_lapses_when_a_predecessor_says_something_else(client: TestClient) -> None:
    """Though the sum stays as it was."""
    plant(client)
    make_agency(client, "older")
    report_out(client, "older", 1)
    follow(client)
    follow(client, predecessor="older")
    path = "/v1/reports/new/2024/findings/requests.carry:research/decision"
    said_of = client.put(path, json={"decision": "explained", "explanation": "清点后更正"})
    assert said_of.json()["holds"]
    report_out(client, "old", 2)
    report_out(client, "older", 3)
    assert carried(client)[0] == (7, 8, ["new", "old", "older"])
    assert not client.get(path).json()["holds"]
    report_out(client, "old", 4)
    report_out(client, "older", 1)
    assert client.get(path).json()["holds"]


def test_what_was_carried_by_an_agency_before_it_was_split_is_not_held_against_it(
    client: TestClient, database_url: str
) -> None:
    plant(client)
    assert carried(client)[0] == (7, 3, ["new"])
    path = follow(client, predecessor="new", successor="old", kind="split").headers["location"]
    assert carried(client) == []
    client.delete(path).raise_for_status()
    assert carried(client)[0] == (7, 3, ["new"])
    assert_consistent(database_url)


def test_an_import_judges_later_reports_anew_whichever_years_are_in_the_file(
    client: TestClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "AGENCIES", 1)
    for code in ("old", "new", "z"):
        make_agency(client, code)
    report_out(client, "old", 4)
    follow(client, kind="rename")
    put_report(client, "new", 2024, requests={"carried_in__research": 5})
    assert carried(client)[0] == (5, 4, ["old"])
    assert send(client, a_line("new", 2020), a_line("z", 2024)).is_success
    assert carried(client) == []
    assert_consistent(database_url)


def test_a_validation_for_an_agency_goes_by_its_successions(client: TestClient) -> None:
    plant(client)
    follow(client)
    body = a_report_body(2024, requests={"carried_in__research": 3}) | {"year": 2024}

    def rights(**members: Any) -> set[int]:
        reply = client.post("/v1/validations", json=body | members)
        found = reply.json()["findings"]
        return {f["right"] for f in found if f["rule"] == "requests.carry"}

    assert rights(agency="new") == {7}
    assert rights(agency="old") == {4}
    assert rights(agency="new", previous=None) == set()


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_import_judges_agencies_by_each_other(
    client: TestClient, database_url: str, dry_run: bool
) -> None:
    for code in ("a", "old", "older", "z"):
        make_agency(client, code)
    follow(client, successor="a")
    follow(client, predecessor="older", successor="z")
    put_report(client, "z", 2024, requests={"carried_in__research": 1})
    into = a_report_body(2024, requests={"carried_in__research": 5})
    out = a_report_body(2023, requests={"carried_out__research": 4})
    lines = [into | {"agency": "a", "year": 2024}]
    lines += [out | {"agency": code, "year": 2023} for code in ("old", "older")]
    reply = client.post(
        f"/v1/imports?dry_run={str(dry_run).lower()}",
        content="\n".join(map(json.dumps, lines)),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert reply.status_code == 200, reply.text
    outcome = reply.json()["items"][0]
    assert (outcome["agency"], outcome["counts"]["warning"] > 0) == ("a", True)
    if not dry_run:
        assert [carried(client, code)[0] for code in ("a", "z")] == [
            (5, 4, ["old"]), (1, 4, ["older"]),
        ]  # fmt: skip
    assert_consistent(database_url)
