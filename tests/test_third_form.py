"""A third edition of the form needs its module and its migration, and nothing else.

The tests copy the code, add the module of an edition that does not exist, let Alembic generate the
migration, and use what comes out of it like any client.
"""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy.exc import IntegrityError

from app.main import create_app
from app.services import maintaining
from tests.api import TestClient, a_report_body, an_agency_body
from tests.conftest import BACKENDS, ROOT, a_database, execute, quiet, served

EDITION = '''
"""An edition that does not exist."""

from app.domain.layout import Choice, Column, Form, Label, Line, Unit
from app.forms import y2021
from app.forms.shared import article_20, sections

DOCUMENTS = article_20(
    "documents",
    Label("规章、规范性文件和指引", "Rules, normative documents and guidelines"),
    Label("一", "1"),
    (*y2021.DOCUMENTS.lines, Line("guidelines", Label("指引", "Guidelines"))),
    (*y2021.DOCUMENTS.columns, Column("reviewed", Label("本年清理件数", "Reviewed in the year"))),
)
_SITES = (Line("websites", Label("政府网站", "Websites")), Line("media", Label("新媒体", "Media")))
_POSTS = (Column("original", Label("原创", "Original")), Column("quoted", Label("转载", "Quoted")))
PLATFORMS = article_20(
    "platforms",
    Label("公开平台", "Platforms of disclosure"),
    Label("九", "9"),
    (*_SITES, Line("all_sites", Label("合计", "All"), parts=tuple(l.key for l in _SITES))),
    (
        *_POSTS,
        Column("posts", Label("发布总数", "Posts"), parts=tuple(c.key for c in _POSTS)),
        Column("cost", Label("运维经费（单位：万元）", "Cost (10,000 yuan)"), Unit.WAN_YUAN),
    ),
)

FORM = Form(
    key="2031",
    first_year=2031,
    source="国办公开办函〔2031〕1号",
    title=y2021.FORM.title,
    sections=sections(
        DOCUMENTS, y2021.ENFORCEMENT, y2021.FEES, PLATFORMS, requests=y2021.REQUESTS
    ),
)
'''

PLATFORMS: dict[str, dict[str, Any]] = {
    "websites": {"original": 120, "quoted": 30, "posts": 150, "cost": "10.25"},
    "media": {"original": 40, "quoted": 10, "posts": 50, "cost": "0.000001"},
    "all_sites": {"original": 160, "quoted": 40, "posts": 200, "cost": "10.250001"},
}


@dataclass(frozen=True)
class Third:
    """A server of the code with the third edition."""

    client: httpx2.Client
    database_url: str
    before: dict[str, httpx2.Response]
    """What the code without it replied."""


def _run(folder: Path, database_url: str, *words: str) -> str:
    """Run a module of the copied code; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=os.environ | {"GONGKAI_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code with the third edition, and with the migration that Alembic generates for it."""
    folder = tmp_path_factory.mktemp("third")
    for name in ("app", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    url = f"sqlite:///{folder / 'draft.db'}"
    maintaining.migrate(quiet(url))
    (folder / "app" / "forms" / "y2031.py").write_text(EDITION, encoding="utf-8")
    _run(folder, url, "alembic", "revision", "--autogenerate", "-m", "add the form of 2031")
    return folder


@pytest.fixture(scope="module", params=BACKENDS)
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of the code without the edition, for all tests of this module."""
    return a_database(request.param, request)


OLD = (
    "/v1/reports/a/2023",
    "/v1/reports/a/2024",
    "/v1/reports/a/2024/documents",
    "/v1/findings?agency=a",
)


@pytest.fixture(scope="module")
def third(code: Path, database_url: str) -> Iterator[Third]:
    with TestClient(create_app(quiet(database_url))) as client:
        client.put("/v1/agencies/a", json=an_agency_body())
        for year in (2023, 2024):
            body = a_report_body(year, requests={"carried_out__research": year})
            assert client.put(f"/v1/reports/a/{year}", json=body).status_code == 201
        before = {path: client.get(path) for path in OLD}
    assert "rebuilt 2 reports" in _run(code, database_url, "app.cli", "migrate")
    with served(database_url, folder=code) as (client, _):
        for year in range(2030, 2034):
            assert client.put(f"/v1/reporting-years/{year}", json={}).status_code == 201
        yield Third(client, database_url, before)


@pytest.fixture
def client(third: Third) -> httpx2.Client:
    return third.client


@pytest.fixture
def agency(client: httpx2.Client) -> str:
    made = f"a{uuid.uuid4().hex[:12]}"
    assert client.put(f"/v1/agencies/{made}", json=an_agency_body()).status_code == 201
    return made


def put_platforms(
    client: httpx2.Client, agency: str, year: int = 2031, **lines: dict[str, Any]
) -> httpx2.Response:
    """Write the new table, in which these lines are changed."""
    data = {line: cells | lines.get(line, {}) for line, cells in PLATFORMS.items()}
    reply = client.put(f"/v1/reports/{agency}/{year}/platforms", json={"data": data})
    assert reply.status_code in {200, 201}, reply.text
    return reply


def found(reply: httpx2.Response, rule: str) -> list[dict[str, Any]]:
    return [each for each in reply.json()["findings"] if each["rule"] == rule]


# The code and the database


def test_alembic_finds_nothing_left_to_do(code: Path, third: Third) -> None:
    assert "No new upgrade operations detected" in _run(
        code, third.database_url, "alembic", "check"
    )


def test_the_migration_goes_down_and_up_again(code: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'down.db'}"
    for words in (("upgrade", "head"), ("downgrade", "-1"), ("upgrade", "head"), ("check",)):
        _run(code, url, "alembic", *words)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("documents", "rules__reviewed"),
        ("documents", "guidelines__issued"),
        ("documents", "guidelines__reviewed"),
        ("documents", "rules__issued"),
        ("platforms", "websites__original"),
        ("platforms", "all_sites__cost"),
    ],
)
def test_the_database_itself_refuses_a_negative_cell(
    third: Third, client: httpx2.Client, agency: str, table: str, column: str
) -> None:
    client.put(f"/v1/reports/{agency}/2031/{table}", json={}).raise_for_status()
    statement = f"UPDATE filing_{table} SET {column} = -1 WHERE agency = '{agency}'"
    with pytest.raises(IntegrityError):
        execute(third.database_url, statement)


# What was there


@pytest.mark.parametrize("path", OLD)
def test_reports_on_older_forms_are_what_they_were(third: Third, path: str) -> None:
    reply = third.client.get(path)
    assert reply.status_code == 200
    assert reply.json() == third.before[path].json()
    assert reply.headers["ETag"] == third.before[path].headers["ETag"]


def test_reports_on_an_older_form_refuse_what_the_new_one_brings(
    client: httpx2.Client, agency: str
) -> None:
    new_column = {"data": {"rules": {"issued": 0, "reviewed": 1}}}
    refused = client.put(f"/v1/reports/{agency}/2030/documents", json=new_column)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (
        422,
        "/data/rules/reviewed",
    )
    absent = client.put(f"/v1/reports/{agency}/2030/platforms", json={})
    assert (absent.status_code, absent.json()["type"]) == (404, "/problems/table-not-in-form")
    gone = client.put(f"/v1/reports/{agency}/2031/licensing", json={})
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/table-not-in-form")


# The new edition


def test_a_year_follows_the_new_edition_from_its_first_on(client: httpx2.Client) -> None:
    forms = {y: client.get(f"/v1/reporting-years/{y}").json()["form"] for y in range(2030, 2034)}
    assert forms == {2030: "2021", 2031: "2031", 2032: "2031", 2033: "2031"}


def test_the_forms_and_rules_tell_of_the_new_edition(client: httpx2.Client) -> None:
    forms = {form["key"]: form for form in client.get("/v1/forms").json()["items"]}
    assert (forms["2021"]["last_year"], forms["2031"]["first_year"]) == (2030, 2031)
    tables = {table["key"]: table for table in forms["2031"]["tables"]}
    assert list(tables) == [
        "documents",
        "enforcement",
        "fees",
        "platforms",
        "requests",
        "disputes",
    ]
    cost = tables["platforms"]["columns"][-1]
    assert (cost["key"], cost["value"], cost["unit"]) == ("cost", "decimal", "wan_yuan")
    assert tables["platforms"]["lines"][-1]["total_of"] == ["websites", "media"]

    rules = {rule["id"]: rule for rule in client.get("/v1/rules").json()["items"]}
    assert rules["platforms.row-total"]["forms"] == ["2031"]
    assert rules["platforms.all_sites"]["forms"] == ["2031"]
    assert rules["requests.balance"]["forms"] == ["2019", "2021", "2031"]


def test_the_openapi_document_has_the_operations_of_the_new_table(client: httpx2.Client) -> None:
    document = client.get("/openapi.json").json()
    operations = document["paths"]["/v1/reports/{agency}/{year}/platforms"]
    assert set(operations) >= {"get", "put", "patch", "delete"}
    assert operations["put"]["operationId"] == "put_platforms"
    assert {"Platforms2031", "Documents2031", "Report2031"} <= set(
        document["components"]["schemas"]
    )


def test_a_table_is_written_read_changed_and_deleted(client: httpx2.Client, agency: str) -> None:
    path = f"/v1/reports/{agency}/2031/platforms"
    written = put_platforms(client, agency)
    assert written.status_code == 201
    assert written.json()["data"] == PLATFORMS
    assert written.json()["findings"] == []
    changed = client.patch(path, json={"data": {"media": {"cost": "0.5", "quoted": "n/a"}}})
    assert changed.json()["data"]["media"] == PLATFORMS["media"] | {"cost": "0.5", "quoted": "n/a"}
    read = client.get(path)
    assert read.json() == changed.json()
    assert client.put(path, json=read.json()).headers["ETag"] == read.headers["ETag"]
    assert client.delete(path).status_code == 204
    assert client.get(path).json()["type"] == "/problems/table-not-filed"


def test_a_whole_report_is_written_read_and_changed(client: httpx2.Client, agency: str) -> None:
    path = f"/v1/reports/{agency}/2031"
    guidelines = {"issued": 1, "repealed": 0, "in_force": 4, "reviewed": 3}
    tables = {"platforms": {"data": PLATFORMS}, "documents": {"data": {"guidelines": guidelines}}}
    written = client.put(path, json={"tables": tables})
    assert written.status_code == 201
    document = written.json()
    assert document["form"] == "2031"
    assert document["tables"]["platforms"]["data"] == PLATFORMS
    assert document["tables"]["documents"]["data"]["guidelines"] == guidelines
    assert document["tables"]["documents"]["data"]["rules"]["reviewed"] is None
    patch = {"tables": {"documents": {"data": {"guidelines": {"reviewed": 4}}}}}
    changed = client.patch(path, json=patch).json()
    assert changed["tables"]["documents"]["data"]["guidelines"] == guidelines | {"reviewed": 4}
    assert client.get(path).json() == changed


@pytest.mark.parametrize(
    ("cell", "value", "fault"),
    [
        ("cost", 5, "not-a-decimal"),
        ("cost", "1.1234567", "not-a-decimal"),
        ("original", "5", "not-a-count"),
        ("original", -1, "not-a-count"),
        ("reposted", 1, "unknown-member"),
    ],
)
def test_a_cell_that_is_none_is_refused(
    client: httpx2.Client, agency: str, cell: str, value: Any, fault: str
) -> None:
    body = {"data": {"websites": {cell: value}}}
    refused = client.put(f"/v1/reports/{agency}/2031/platforms", json=body)
    assert refused.status_code == 422
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [
        (f"/data/websites/{cell}", fault)
    ]


def test_totals_are_computed_in_the_kind_of_their_cells(client: httpx2.Client, agency: str) -> None:
    made = put_platforms(client, agency, media={"cost": None}).json()
    assert made["totals"] == {
        "websites": {"posts": 150},
        "media": {"posts": 50},
        "all_sites": {"original": 160, "quoted": 40, "posts": 200, "cost": "10.25"},
    }
    assert made["totals_partial"] == ["/totals/all_sites/cost"]


def test_a_wrong_total_of_a_line_is_found(client: httpx2.Client, agency: str) -> None:
    wrong = put_platforms(client, agency, websites={"posts": 151})
    (finding,) = found(wrong, "platforms.row-total")
    assert (finding["id"], finding["severity"]) == ("platforms.row-total:websites", "error")
    assert (finding["left"], finding["right"], finding["difference"]) == (151, 150, 1)
    assert finding["basis"] == "国办公开办函〔2031〕1号"


def test_a_wrong_total_line_is_found_in_counts_and_decimals(
    client: httpx2.Client, agency: str
) -> None:
    wrong = put_platforms(client, agency, all_sites={"quoted": 41, "cost": "10"})
    sides = [
        (f["id"], f["left"], f["right"], f["difference"])
        for f in found(wrong, "platforms.all_sites")
    ]
    assert sides == [
        ("platforms.all_sites:quoted", 41, 40, 1),
        ("platforms.all_sites:cost", "10", "10.250001", "-0.250001"),
    ]
    listed = client.get("/v1/findings", params={"rule": "platforms.all_sites", "agency": agency})
    assert [item["id"] for item in listed.json()["items"]] == [side[0] for side in sides]


def test_a_total_that_is_left_out_is_no_fault(client: httpx2.Client, agency: str) -> None:
    left_out = put_platforms(client, agency, all_sites=dict.fromkeys(PLATFORMS["all_sites"]))
    assert left_out.json()["findings"] == []


def test_blanks_and_nil_are_judged_in_the_new_table(client: httpx2.Client, agency: str) -> None:
    blank = put_platforms(client, agency, media={"cost": None})
    (finding,) = found(blank, "cells.blank")
    assert finding["cells"] == ["/tables/platforms/data/media/cost"]
    body = {"filing": "nil", "data": {"media": {"quoted": 3}}}
    nil = client.put(f"/v1/reports/{agency}/2031/platforms", json=body)
    assert [f["id"] for f in found(nil, "nil.not-empty")] == ["nil.not-empty:platforms"]


def test_across_the_forms_what_is_comparable_is_compared(
    client: httpx2.Client, agency: str
) -> None:
    earlier = {"carried_out": {"research": 20}, "received": {"research": 20}}
    later = {"carried_in": {"research": 21}, "received": {"research": 101}}
    for year, data in ((2030, earlier), (2031, later)):
        client.put(f"/v1/reports/{agency}/{year}/requests", json={"data": data})
        documents = {"data": {"rules": {"issued": 20 if year == 2030 else 200}}}
        client.put(f"/v1/reports/{agency}/{year}/documents", json=documents)
    report = client.get(f"/v1/reports/{agency}/2031")
    assert [f["at"] for f in found(report, "year.jump")] == ["requests.received.research"]
    (carry,) = found(report, "requests.carry")
    assert (carry["at"], carry["left"], carry["right"]) == ("research", 21, 20)


def test_the_years_of_the_new_edition_are_compared_in_its_own_cells(
    client: httpx2.Client, agency: str
) -> None:
    put_platforms(client, agency, 2031)
    later = put_platforms(client, agency, 2032, websites={"original": 700, "posts": 730})
    assert [f["at"] for f in found(later, "year.jump")] == ["platforms.websites.original"]


def test_figures_of_the_new_edition_can_be_checked_without_being_stored(
    client: httpx2.Client,
) -> None:
    wrong = PLATFORMS | {"media": PLATFORMS["media"] | {"posts": 51}}
    body = {"year": 2031, "previous": None, "tables": {"platforms": {"data": wrong}}}
    checked = client.post("/v1/validations", json=body)
    assert checked.status_code == 200
    assert [f["id"] for f in found(checked, "platforms.row-total")] == ["platforms.row-total:media"]


def test_lists_filter_by_the_rules_of_the_new_edition(client: httpx2.Client, agency: str) -> None:
    put_platforms(client, agency, websites={"posts": 151})
    listed = client.get("/v1/reports", params={"rule": "platforms.row-total", "agency": agency})
    (summary,) = listed.json()["items"]
    assert (summary["year"], summary["filings"]["platforms"]) == (2031, "filed")
    assert "licensing" not in summary["filings"]


def test_reports_are_compared_across_the_new_edition(client: httpx2.Client, agency: str) -> None:
    put_platforms(client, agency)
    for year, number in ((2030, 3), (2031, 4)):
        for table, data in (
            ("requests", {"other_misc": {"research": number}}),
            ("documents", {"rules": {"issued": number}}),
            ("enforcement", {"penalties": {"decisions": number}}),
            ("fees", {"charges": {"amount": str(number)}}),
        ):
            client.put(f"/v1/reports/{agency}/{year}/{table}", json={"data": data})
    reply = client.get(f"/v1/reports/{agency}/2031/comparison")
    assert reply.status_code == 200, reply.text
    tables = reply.json()["tables"]
    cells = {
        "requests.other_misc.research": (1, None),
        "enforcement.penalties.decisions": (1, None),
        "fees.charges.amount": ("1", None),
        "documents.rules.issued": (None, "other_meaning"),
        "documents.guidelines.issued": (None, "not_in_form"),
        "platforms.websites.cost": (None, "not_in_form"),
        "licensing.licences.decisions": (None, "not_in_form"),
    }
    for name, (difference, reason) in cells.items():
        table, line, column = name.split(".")
        found = tables[table]["lines"][line][column]
        assert (found["difference"], found["reason"]) == (difference, reason), name
    assert tables["platforms"]["lines"]["websites"]["cost"]["left"] == "10.25"


def test_series_and_statistics_know_the_new_edition(client: httpx2.Client, agency: str) -> None:
    put_platforms(client, agency, all_sites={"posts": None})
    data = {"rules": {"in_force": 6}, "guidelines": {"issued": 1}}
    client.put(f"/v1/reports/{agency}/2031/documents", json={"data": data})
    client.put(f"/v1/reports/{agency}/2030/documents", json={"data": {"rules": {"in_force": 5}}})
    names = "platforms.all_sites.posts,platforms.media.cost,documents.guidelines.issued"
    found = client.get(f"/v1/agencies/{agency}/series", params={"cells": names}).json()
    assert [[v["value"] for v in each["values"]] for each in found["years"]] == [
        [None, None, None],
        [200, "0.000001", 1],
    ]
    measures = {m["key"]: m["forms"] for m in client.get("/v1/measures").json()["items"]}
    assert measures["rules_in_force"] == ["2021", "2031"]
    assert measures["licensing_decisions"] == ["2019", "2021"]
    query: dict[str, Any] = {
        "by": "agency,year",
        "measures": "rules_in_force,handled",
        "year_from": 2030,
    }
    items = client.get("/v1/statistics", params={**query, "limit": 1000}).json()["items"]
    own = [item for item in items if item["agency"]["code"] == agency]
    assert [item["measures"]["rules_in_force"]["value"] for item in own] == [5, 6]
    assert [item["measures"]["handled"]["incomplete"] for item in own] == [1, 1]
