"""The world of `gongkai demo` is plausible, real where it says so, and loads on what is there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.demo import places, real_reports, world
from app.demo.oddities import NOT_FILED, ODDITIES
from app.domain.codes import check_character
from app.domain.findings import Severity
from app.main import create_app
from app.services import maintaining
from app.services.filing import filing_from
from tests.api import TestClient
from tests.builders import failures, real_report
from tests.conftest import BACKENDS, _administer, _postgres_url, quiet

REAL = {f"{each['agency']['code']}/{each['year']}": each for each in real_reports()}


@pytest.fixture(scope="module", params=BACKENDS)
def explorer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A client of a database with the world loaded; tests that use it leave it as it is."""
    url = f"sqlite:///{tmp_path_factory.mktemp('demo') / 'gongkai.db'}"
    if request.param == "postgresql":
        folder = request.getfixturevalue("postgres")
        _administer(folder, "DROP DATABASE IF EXISTS demo WITH (FORCE)")
        _administer(folder, "CREATE DATABASE demo")
        url = _postgres_url(folder, "demo")
    maintaining.migrate(quiet(url))
    list(world.load(quiet(url)))
    with TestClient(create_app(quiet(url))) as made:
        yield made


def listed(client: TestClient, path: str, **query: str | int) -> list[dict[str, Any]]:
    found = client.get(path, params={"limit": 1000, **query}).json()
    assert found["next"] is None
    items: list[dict[str, Any]] = found["items"]
    return items


def snapshot(client: TestClient) -> dict[str, str]:
    """Return what there is, with ETags."""
    reports = {r["links"]["self"]: r["etag"] for r in listed(client, "/v1/reports")}
    agencies = [a["links"]["self"] for a in listed(client, "/v1/agencies")]
    return reports | {path: client.get(path).headers["ETag"] for path in agencies}


def test_loading_again_changes_nothing(client: TestClient, database_url: str) -> None:
    list(world.load(quiet(database_url)))
    before = snapshot(client)

    lines = list(world.load(quiet(database_url)))

    assert snapshot(client) == before
    assert f"agencies: {len(places.PLACES)} were there" in lines


def test_what_was_there_before_stays(client: TestClient, database_url: str) -> None:
    agency = {"name": "本地已登记的名称", "kind": "department", "level": "county"}
    client.put("/v1/agencies/321300-jyj", json=agency)
    mine = client.put("/v1/reports/321300-jyj/2022", json={"problems": "本地已填报。"})

    list(world.load(quiet(database_url)))

    assert client.get("/v1/agencies/321300-jyj").json()["name"] == "本地已登记的名称"
    report = client.get("/v1/reports/321300-jyj/2022").json()
    assert report["problems"] == "本地已填报。"
    assert report["created_at"] == mine.json()["created_at"]


def test_a_closed_year_gets_no_reports(client: TestClient, database_url: str) -> None:
    client.patch("/v1/reporting-years/2021", json={"status": "closed"})

    lines = list(world.load(quiet(database_url)))

    assert listed(client, "/v1/reports", year=2021) == []
    assert any("the year is closed" in line for line in lines)


def test_years_that_are_not_there_are_opened(client: TestClient, database_url: str) -> None:
    client.delete("/v1/reporting-years/2019")

    list(world.load(quiet(database_url)))

    assert listed(client, "/v1/reports", year=2019) != []


@pytest.mark.parametrize("severity", list(Severity))
def test_there_are_findings_of_each_severity(explorer: TestClient, severity: str) -> None:
    assert listed(explorer, "/v1/findings", severity=severity) != []


def test_most_reports_draw_no_finding(explorer: TestClient) -> None:
    counts = [sum(r["counts"].values()) for r in listed(explorer, "/v1/reports")]
    assert counts.count(0) > len(counts) * 0.75


def test_made_up_reports_fail_only_where_they_were_made_to(explorer: TestClient) -> None:
    """A change shows in its own year, and may show in the next."""
    expected = {(odd.agency, odd.year + more) for odd in ODDITIES for more in (0, 1)}
    expected |= {(each["agency"]["code"], each["year"]) for each in real_reports()}
    found = {(f["agency"]["code"], f["year"]) for f in listed(explorer, "/v1/findings")}
    assert found <= expected


@pytest.mark.parametrize(
    ("path", "cell"),
    [
        ("321300-jyj/2022", "/tables/requests/data/granted/natural_person"),
        ("321322-zjj/2021", "/tables/requests/data/received/total"),
    ],
    ids=["a cell", "a total"],
)
def test_a_wrong_cell_is_named(explorer: TestClient, path: str, cell: str) -> None:
    found = explorer.get(f"/v1/reports/{path}/findings").json()["items"]
    errors = [each for each in found if each["severity"] == "error"]
    assert errors != []
    assert {s["cell"] for each in errors for s in each["suspects"]} == {cell}


def test_two_wrong_cells_are_not_guessed_at(explorer: TestClient) -> None:
    found = explorer.get("/v1/reports/321323-wjw/2023/findings").json()["items"]
    assert {each["severity"] for each in found} == {"error"}
    assert [each["suspects"] for each in found] == [[]] * len(found)


@pytest.mark.parametrize("path", REAL)
def test_real_figures_are_as_published(explorer: TestClient, path: str) -> None:
    tables = explorer.get(f"/v1/reports/{path}").json()["tables"]
    published = real_report(path.replace("/", "-"))
    assert {key for key, table in tables.items() if table["data"]} == set(published.filings)
    for key, filing in published.filings.items():
        assert filing_from(filing.table, tables[key]) == filing


@pytest.mark.parametrize("path", REAL)
def test_real_reports_keep_company_with_real_reports_only(explorer: TestClient, path: str) -> None:
    """What is found in them is never by comparison with a year that was made up."""
    code, _, year = path.partition("/")
    before = f"{code}/{int(year) - 1}"
    previous = real_report(before.replace("/", "-")) if before in REAL else None
    expected = failures(real_report(path.replace("/", "-")), previous)
    found = explorer.get(f"/v1/reports/{path}/findings").json()["items"]
    assert [each["id"] for each in found] == [each.id for each in expected]


def test_made_up_reports_say_that_they_are(explorer: TestClient) -> None:
    for short in listed(explorer, "/v1/reports"):
        path = f"{short['agency']['code']}/{short['year']}"
        overview = explorer.get(f"/v1/reports/{path}").json()["overview"]
        assert (path in REAL) != ("演示数据" in (overview or ""))


def test_every_report_can_be_written_back(explorer: TestClient) -> None:
    """What the services stored, the API would have taken."""
    for short in listed(explorer, "/v1/reports"):
        path = short["links"]["self"]
        read = explorer.get(path)
        written = explorer.put(path, content=read.content, headers=JSON)
        assert (written.status_code, written.headers["ETag"]) == (200, read.headers["ETag"])


def test_every_agency_can_be_written_back(explorer: TestClient) -> None:
    for agency in listed(explorer, "/v1/agencies"):
        path = agency["links"]["self"]
        before = explorer.get(path).headers["ETag"]
        written = explorer.put(path, content=json.dumps(agency), headers=JSON)
        assert (written.status_code, written.headers["ETag"]) == (200, before)


JSON = {"Content-Type": "application/json"}


def test_every_agency_stands_in_a_tree(explorer: TestClient) -> None:
    parents = {a["code"]: a["parent"] for a in listed(explorer, "/v1/agencies")}
    for code in parents:
        chain = [code]
        while (above := parents[chain[-1]]) is not None:
            assert above not in chain
            chain.append(above)
        assert len(chain[-1]) == 6  # a province


def test_agencies_are_named_as_in_their_reports() -> None:
    known = {p.code: (p.name, p.kind, p.level) for p in places.PLACES}
    for each in real_reports():
        agency = each["agency"]
        assert known[agency["code"]] == (agency["name"], agency["kind"], agency["level"])


def test_made_up_identifiers_are_valid_and_recognizable() -> None:
    given = [p.uscc for p in places.PLACES if p.uscc]
    assert given != []
    for uscc in given:
        assert uscc[-1] == check_character(uscc)
        assert "DEM" in uscc


@pytest.mark.parametrize("filing", ["filed", "nil", "missing"])
def test_every_way_of_filing_is_there(explorer: TestClient, filing: str) -> None:
    found = listed(explorer, "/v1/reports", under="321300")
    assert any(filing in each["filings"].values() for each in found)


@pytest.mark.parametrize("timeliness", ["on_time", "late", None])
def test_reports_are_on_time_late_or_undated(explorer: TestClient, timeliness: str | None) -> None:
    found = {each["timeliness"] for each in listed(explorer, "/v1/reports", under="321300")}
    assert timeliness in found


def test_some_reports_are_missing(explorer: TestClient) -> None:
    there = {(r["agency"]["code"], r["year"]) for r in listed(explorer, "/v1/reports")}
    assert not there & NOT_FILED


@pytest.mark.parametrize("code", places.GOVERNMENTS)
def test_a_county_reports_at_least_what_is_reported_below_it(
    explorer: TestClient, code: str
) -> None:
    path = "/v1/reports/{}/2024/requests"
    own = explorer.get(path.format(code)).json()["data"]
    below = [
        explorer.get(path.format(agency["code"]))
        for agency in listed(explorer, "/v1/agencies", parent=code)
    ]
    tables = [each.json()["data"] for each in below if each.status_code == 200]
    assert tables != []
    for line, cells in own.items():
        for column, number in cells.items():
            assert number >= sum(table[line][column] or 0 for table in tables)
