"""What a report said at a time, and what has been changed since."""

from collections.abc import Callable

import pytest

from app.services import past, reporting
from tests.api import TestClient, make_agency, put_report, put_table, revision, said
from tests.callers import as_, key_for

URL = "/v1/reports/a/2024"


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let what is written be written on a day of 2026."""

    def set_day(day: str) -> None:
        monkeypatch.setattr(reporting, "now", lambda _=0: f"2026-{day}T02:00:00.000000Z")

    return set_day


def test_a_day_ends_in_china() -> None:
    assert past.moment("2026-03-01") == "2026-03-01T15:59:59.999999Z"
    assert past.moment("2026-03-01T10:00:00+08:00") == "2026-03-01T02:00:00.000000Z"
    assert past.moment("2026-03-01T10:00:00") is None
    assert past.moment("1 March") is None
    assert past.moment("9999-12-31") == "9999-12-31T23:59:59.999999Z"


def test_differences_name_every_leaf() -> None:
    before = {"a": {"b": 1, "c": None}, "d": 1}
    after = {"a": {"b": 2, "c": None}, "e": {"f": 0}}
    assert past.differences(before, after) == [
        {"pointer": "/a/b", "from": 1, "to": 2},
        {"pointer": "/d", "from": 1, "to": None},
        {"pointer": "/e/f", "from": None, "to": 0},
    ]
    assert past.differences(after, after) == []


def test_every_revision_stays_as_it_was(client: TestClient) -> None:
    make_agency(client)
    first = put_report(client)
    put_table(client, "requests", received__total=5)
    put_report(client, overview="三")

    items = client.get(f"{URL}/revisions").json()["items"]

    assert [each["revision"] for each in items] == [1, 2, 3]
    assert {each["actor"] for each in items} == {"admin"}
    read = client.get(items[0]["links"]["self"])
    assert (read.content, revision(read)) == (first.content, 1)
    assert client.get(items[1]["links"]["self"]).json()["counts"]["error"] > 0
    page = client.get(f"{URL}/revisions?limit=2&sort=-revision").json()
    assert [each["revision"] for each in page["items"]] == [3, 2]
    rest = client.get(f"{URL}/revisions?cursor={page['next']}").json()
    assert [each["revision"] for each in rest["items"]] == [1]


def test_a_diff_tells_what_was_written_and_not_what_followed(client: TestClient) -> None:
    make_agency(client)
    put_report(client)
    put_table(client, "requests", received__total=5)
    put_report(client, overview="三", requests={"received__total": 5})
    found = client.get(f"{URL}/revisions/2/diff").json()
    assert found["differences"] == [
        {"pointer": "/tables/requests/data/received/total", "from": 0, "to": 5}
    ]
    both = client.get(f"{URL}/revisions/3/diff?against=1").json()["differences"]
    assert [each["pointer"] for each in both] == [
        "/overview",
        "/tables/requests/data/received/total",
    ]
    first = client.get(f"{URL}/revisions/1/diff").json()
    assert (first["against"], first["differences"][0]["from"]) == (None, None)


def test_the_diff_of_a_deletion_is_there_and_tells_what_was_lost(client: TestClient) -> None:
    make_agency(client)
    put_report(client, overview="一")
    client.delete(URL).raise_for_status()
    deletion = client.get(f"{URL}/revisions?sort=-revision").json()["items"][0]
    lost = client.get(deletion["links"]["diff"])
    assert (lost.status_code, deletion["etag"], lost.json()["against"]) == (200, None, 1)
    assert {"pointer": "/overview", "from": "一", "to": None} in lost.json()["differences"]
    back = client.get(f"{URL}/revisions/1/diff?against=2").json()["differences"]
    assert len(back) == len(lost.json()["differences"])
    assert said(client.get("/v1/reports/b/2024/revisions/1/diff")) == (404, "agency-not-found")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("reports/a/2024/revisions/9", "revision-not-found"),
        ("reports/a/2024/revisions/x", "revision-not-found"),
        ("reports/a/2024/revisions/01", "revision-not-found"),
        ("reports/a/2024/revisions/01/diff", "revision-not-found"),
        ("reports/a/2024/revisions/99999999999", "revision-not-found"),
        (f"reports/a/2024/revisions/{'9' * 5_000}", "revision-not-found"),
        ("reports/a/2024/revisions/1/diff?against=7", "revision-not-found"),
        ("reports/a/2023/revisions", "report-not-found"),
        ("reports/b/2024/revisions", "agency-not-found"),
        ("reports/b/2024/revisions/1", "agency-not-found"),
        ("reports/a/2024?as_of=2020-01-01", "report-not-found"),
    ],
)
def test_what_never_was_is_not_found(client: TestClient, path: str, problem: str) -> None:
    make_agency(client)
    put_report(client)
    assert said(client.get(f"/v1/{path}")) == (404, problem)


def test_a_time_that_is_none_is_refused(client: TestClient) -> None:
    make_agency(client)
    put_report(client)
    for path in (URL, "/v1/agencies/a/rollup/2024", "/v1/exports/reports.ndjson"):
        assert client.get(f"{path}?as_of=yesterday").status_code == 422
    reply = client.get("/v1/exports/reports.ndjson?as_of=2026-03-01&severity=error").json()
    assert reply["type"] == "/problems/invalid-parameter"
    assert reply["errors"][0]["code"] == "not-with-as-of"


def test_what_a_report_said_on_a_day_is_one_call(
    client: TestClient, on: Callable[[str], None]
) -> None:
    make_agency(client)
    on("01-20")
    first = put_report(client)
    on("03-02")
    put_report(client, overview="改")
    on("03-05")
    client.delete(URL).raise_for_status()
    on("04-01")
    put_report(client, overview="又")

    assert client.get(f"{URL}?as_of=2026-03-01").content == first.content
    assert client.get(f"{URL}?as_of=2026-03-02").json()["overview"] == "改"
    assert client.get(f"{URL}?as_of=2026-03-05").status_code == 404
    assert client.get(f"{URL}?as_of=2026-01-19").status_code == 404
    assert client.get(f"{URL}?as_of=2026-05-01").json()["overview"] == "又"


def test_an_export_of_the_past_has_what_was_there(
    client: TestClient, on: Callable[[str], None]
) -> None:
    for code in "ab":
        make_agency(client, code)
    on("01-20")
    put_report(client, "a")
    put_report(client, "a", 2023)
    on("03-02")
    put_report(client, "a", overview="改")
    put_report(client, "b")

    def lines(query: str) -> list[str]:
        return client.get(f"/v1/exports/reports.ndjson?{query}").text.splitlines()

    then = lines("as_of=2026-03-01")
    assert len(then) == 3
    assert '"reports":2' in then[-1]
    assert '"overview":"改"' not in "".join(then)
    assert len(lines("as_of=2026-03-01&year=2023")) == 2
    assert len(lines("as_of=2026-03-02")) == 4
    assert len(client.get("/v1/exports/reports.csv?as_of=2026-03-01").text.splitlines()) > 10


@pytest.mark.parametrize("basis", ["children", "leaves"])
def test_a_roll_up_of_the_past_adds_what_was_there(
    client: TestClient, on: Callable[[str], None], basis: str
) -> None:
    make_agency(client, "top", kind="government")
    for code in "ab":
        make_agency(client, code, parent="top")
    flow = {"received__natural_person": 3, "received__total": 3}
    on("01-20")
    put_report(client, "a", requests=flow)
    path = f"/v1/agencies/top/rollup/2024?basis={basis}"
    before = client.get(path).json()
    on("03-02")
    put_report(client, "a", requests={"received__natural_person": 5, "received__total": 5})
    put_report(client, "b", requests=flow)

    then = client.get(f"{path}&as_of=2026-03-01").json()

    assert then["tables"] == before["tables"]
    assert then["coverage"] == before["coverage"]
    now = client.get(path).json()["tables"]["requests"]["data"]["received"]["total"]
    assert (then["tables"]["requests"]["data"]["received"]["total"], now) == (3, 8)
    assert (
        client.get(f"{path}&as_of=2026-03-02").json()["tables"] == client.get(path).json()["tables"]
    )


@pytest.mark.parametrize("basis", ["children", "leaves"])
def test_a_roll_up_of_the_past_is_of_the_tree_that_the_year_had(
    client: TestClient, on: Callable[[str], None], basis: str
) -> None:
    """Though one that was counted stands elsewhere since, and one that was not stands here."""
    for code in ("top", "other"):
        make_agency(client, code, kind="government")
    make_agency(client, "inner", parent="top", kind="government", level="county")
    for code, parent in (("a", "top"), ("b", "inner"), ("c", "other")):
        make_agency(client, code, parent=parent)
    for code, number in (("a", 1), ("b", 10), ("c", 100), ("inner", 1_000)):
        cells = {"received__natural_person": number, "received__total": number}
        put_report(client, code, requests=cells)
    for code, parent in (("a", "other"), ("inner", "other"), ("c", "top")):
        moved = {"parent": parent, "effective_on": "2025-06-01"}
        client.patch(f"/v1/agencies/{code}", json=moved).raise_for_status()
    for year, code in ((2024, "top"), (2025, "top"), (2024, "other")):
        path = f"/v1/agencies/{code}/rollup/{year}?basis={basis}"
        now, then = client.get(path), client.get(f"{path}&as_of=2099-01-01")
        assert then.json() == now.json()
        assert then.headers["etag"] == now.headers["etag"]


def test_the_public_has_no_history_of_drafts(client: TestClient) -> None:
    make_agency(client)
    put_report(client)
    other = key_for(client, "editor", "a")
    for path in (f"{URL}/revisions", f"{URL}/revisions/1", f"{URL}?as_of=2099-01-01"):
        assert as_(client, None, "GET", path).status_code == 404
        assert as_(client, other, "GET", path).status_code == 200


def test_an_import_keeps_its_revisions_too(client: TestClient) -> None:
    make_agency(client)
    put_report(client)
    line = client.get(URL).text.replace("略", "改")
    headers = {"Content-Type": "application/x-ndjson"}
    client.post("/v1/imports", content=line, headers=headers).raise_for_status()
    items = client.get(f"{URL}/revisions").json()["items"]
    assert [(each["revision"], each["actor"]) for each in items] == [(1, "admin"), (2, "admin")]
    assert client.get(items[1]["links"]["self"]).content == client.get(URL).content
