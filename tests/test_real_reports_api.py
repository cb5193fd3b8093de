"""Real published reports over HTTP: stored as printed, judged as worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api import Json, TestClient, etag, revision
from tests.builders import FIGURES
from tests.consistency import assert_consistent

JUDGEMENTS: dict[str, list[Json]] = json.loads(
    (Path(__file__).parent / "data" / "judgements.json").read_text(encoding="utf-8")
)
NAMES = sorted(JUDGEMENTS)
every_report = pytest.mark.parametrize("name", NAMES)


def figures(name: str) -> Json:
    return dict(json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8")))


def url(real: Json) -> str:
    return f"/v1/reports/{real['agency']['code']}/{real['year']}"


def register(client: TestClient, real: Json) -> None:
    members = {name: value for name, value in real["agency"].items() if name != "code"}
    client.put(f"/v1/agencies/{real['agency']['code']}", json=members)


def put(client: TestClient, real: Json) -> Any:
    register(client, real)
    reply = client.put(url(real), json=real["report"])
    assert reply.status_code == 201, reply.text
    return reply


def without_trailing_zeros(value: Any) -> Any:
    """Return figures as replies show them: one report printed 73802895.90."""
    if isinstance(value, dict):
        return {key: without_trailing_zeros(each) for key, each in value.items()}
    if isinstance(value, str) and "." in value:
        return value.rstrip("0").rstrip(".")
    return value


def put_with_the_year_before(client: TestClient, name: str) -> Json:
    """Write a report, and after it that of the year before if it is here; return the former."""
    real = figures(name)
    put(client, real)
    before = f"{real['agency']['code']}-{real['year'] - 1}"
    if before in JUDGEMENTS:
        put(client, figures(before))
    return dict(client.get(url(real)).json())


def as_judgement(finding: Json) -> Json:
    names = ("id", "severity", "left", "right", "difference", "cells")
    return {name: finding[name] for name in names}


@every_report
def test_a_real_report_is_read_back_as_it_was_printed(client: TestClient, name: str) -> None:
    real = figures(name)

    put(client, real)

    found = client.get(url(real)).json()
    report = dict(real["report"])
    tables = report.pop("tables")
    assert {member: found[member] for member in report} == report
    assert found["tables"].keys() == tables.keys()
    for key, table in tables.items():
        expected = table | {"data": without_trailing_zeros(table["data"])}
        assert {member: found["tables"][key][member] for member in table} == expected


@every_report
def test_a_real_report_that_was_read_can_be_written_back(client: TestClient, name: str) -> None:
    real = figures(name)
    before = put(client, real)

    after = client.put(url(real), json=before.json())

    assert (after.status_code, etag(after)) == (200, etag(before))
    for key in real["report"]["tables"]:
        table = client.get(f"{url(real)}/{key}")
        again = client.put(f"{url(real)}/{key}", json=table.json())
        assert (again.status_code, etag(again)) == (200, etag(table))
    assert revision(client.get(url(real))) == 1


@every_report
def test_a_real_report_draws_the_findings_worked_out_by_hand(
    client: TestClient, database_url: str, name: str
) -> None:
    found = put_with_the_year_before(client, name)

    assert [as_judgement(each) for each in found["findings"]] == JUDGEMENTS[name]
    assert [each["suspects"] for each in found["findings"]] == [[]] * len(JUDGEMENTS[name])
    assert_consistent(database_url)


@every_report
def test_a_real_report_is_validated_as_it_is_stored(client: TestClient, name: str) -> None:
    stored = put_with_the_year_before(client, name)
    real = figures(name)
    body = real["report"] | {"agency": real["agency"]["code"], "year": real["year"]}

    checked = client.post("/v1/validations", json=body).json()

    assert checked == {member: stored[member] for member in checked}


@every_report
def test_the_totals_of_a_real_report_are_those_of_its_cells(client: TestClient, name: str) -> None:
    """Reported totals differ only where a finding says so."""
    found = put_with_the_year_before(client, name)

    wrong = [
        f"/tables/{key}/data/{line}/{column}"
        for key, table in found["tables"].items()
        for line, totals in (table["totals"] or {}).items()
        for column, total in totals.items()
        if table["data"][line][column] not in {None, "n/a", total}
        and f"/tables/{key}/totals/{line}/{column}" not in table["totals_partial"]
    ]
    named = {
        cell
        for finding in found["findings"]
        if finding["rule"].endswith((".row-total", ".handled"))
        for cell in finding["cells"]
    }
    assert set(wrong) <= named


def test_one_wrong_cell_in_a_real_report_is_named(client: TestClient) -> None:
    real = figures("321300-2024")
    put(client, real)
    data = real["report"]["tables"]["requests"]["data"]

    made = client.patch(
        f"{url(real)}/requests",
        json={"data": {"granted": {"commercial": data["granted"]["commercial"] + 9}}},
    ).json()

    suspect = {
        "cell": "/tables/requests/data/granted/commercial",
        "reported": data["granted"]["commercial"] + 9,
        "would_balance_at": data["granted"]["commercial"],
    }
    assert [(each["id"], each["suspects"]) for each in made["findings"]] == [
        ("requests.handled:commercial", [suspect]),
        ("requests.row-total:granted", [suspect]),
    ]


def test_a_real_report_shows_the_year_after_it(client: TestClient) -> None:
    first, second = figures("321300-2023"), figures("321300-2024")
    put(client, second)
    put(client, first)

    links = [client.get(url(real)).json()["links"] for real in (first, second)]

    assert [(each["previous"], each["next"]) for each in links] == [
        (None, url(second)),
        (url(first), None),
    ]


def test_all_real_reports_stand_side_by_side(client: TestClient, database_url: str) -> None:
    for name in NAMES:
        put(client, figures(name))

    page = client.get("/v1/reports?count=true").json()

    assert page["total"] == len(page["items"]) == len(NAMES)
    expected = {
        name: len([each for each in JUDGEMENTS[name] if each["severity"] == "error"])
        for name in NAMES
    }
    found = {
        f"{each['agency']['code']}-{each['year']}": each["counts"]["error"]
        for each in page["items"]
    }
    assert found == expected
    assert client.get("/v1/findings?count=true&limit=1").json()["total"] == sum(
        map(len, JUDGEMENTS.values())
    )
    assert_consistent(database_url)
