"""What the feed tells of a write: values first, then what is stored with each write."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from app.main import create_app
from app.services import changes, maintaining, rendering, reporting
from app.services.changes import Moves
from app.storage import feed
from app.storage.database import done, read_engine, run, write_engine
from app.storage.feed import Change
from app.storage.reports import Stamp
from tests.api import TestClient, make_agency, put_report, put_table
from tests.builders import a_filing, a_nil_filing, a_report, changed
from tests.conftest import quiet

TABLES = ["documents", "licensing", "enforcement", "fees", "requests", "disputes"]
NOTHING: dict[str, Any] = {
    "members": [],
    "tables": [],
    "cells": [],
    "findings": {"opened": [], "closed": [], "changed": []},
}


# Values


def shown(**cells: Any) -> list[tuple[str, Any, Any]]:
    """Return the changed cells of requests, as (pointer, from, to)."""
    old = a_report(2024)
    new = replace(
        old, filings={**old.filings, "requests": changed(old.filings["requests"], **cells)}
    )
    found = changes.cells(old, new, ["requests"])
    return [(each["pointer"], each["from"], each["to"]) for each in found]


def test_a_changed_cell_is_told_with_its_pointer_and_both_values() -> None:
    at = "/tables/requests/data/received"
    assert shown(received__commercial=7, received__total=None) == [
        (f"{at}/commercial", 0, 7),
        (f"{at}/total", 0, None),
    ]


def test_a_cell_that_is_not_applicable_is_told_as_json_shows_it() -> None:
    assert shown(granted__total="n/a") == [("/tables/requests/data/granted/total", 0, "n/a")]


def test_decimals_are_told_as_texts() -> None:
    old = a_report(2024)
    fees = replace(old.filings["fees"], cells=(1_500_000,))
    new = replace(old, filings={**old.filings, "fees": fees})
    (cell,) = changes.cells(old, new, ["fees"])
    assert (cell["from"], cell["to"]) == ("0", "1.5")


def test_a_table_that_goes_missing_changes_its_figures_to_blanks_and_back() -> None:
    whole = a_report(2024, fees=None)
    table = whole.form.table["documents"]
    blank = a_filing(table, None)
    first = table.cells[0].name
    filed = replace(whole, filings={**whole.filings, "documents": changed(blank, **{first: 3})})
    missing = a_report(2024, fees=None, documents=None)
    pointer = table.pointers[0]
    assert changes.cells(filed, missing, ["documents"]) == [
        {"pointer": pointer, "from": 3, "to": None}
    ]
    assert changes.cells(missing, filed, ["documents"]) == [
        {"pointer": pointer, "from": None, "to": 3}
    ]


def test_a_table_declared_nil_has_its_blanks() -> None:
    old = a_report(2024)
    nil = a_nil_filing(old.form.table["documents"])
    new = replace(old, filings={**old.filings, "documents": nil})
    cells = changes.cells(old, new, ["documents"])
    assert {(each["from"], each["to"]) for each in cells} == {(0, None)}
    assert len(cells) == len(nil.cells)


def found(**requests: Any) -> list[dict[str, Any]]:
    """Return the failures of a report with these requests, as its document shows them."""
    report = a_report(2024, requests=requests)
    failures = reporting.failures(reporting.findings_of(report, None))
    return [rendering.finding(each, report) for each in failures]


def test_findings_open_close_and_change_by_their_ids() -> None:
    one, two = found(received__total=1), found(received__total=2)
    name = "requests.row-total:received"
    assert name in {each["id"] for each in one}
    assert name in changes.moves([], one).opened
    assert name in changes.moves(one, []).closed
    assert name in changes.moves(one, two).changed
    assert not changes.moves(one, one)
    assert changes.moves([], []) == Moves()


def test_other_words_are_no_change_of_a_finding() -> None:
    before = found(received__total=1)
    after = [each | {"message": {"zh": "另", "en": "other"}} for each in before]
    assert not changes.moves(before, after)


# What is stored


def items(connection: Connection, after: int = 0) -> list[dict[str, Any]]:
    """Return the feed after a number; the numbers of a feed that is read whole have no gap."""
    page = feed.since(connection, after, 1_000)
    assert [seq for seq, _ in page.rows] == list(range(after + 1, page.latest + 1))
    return [{"seq": seq, **json.loads(body)} for seq, body in page.rows]


class Follower:
    """Reads on where it stopped."""

    def __init__(self, url: str) -> None:
        self.engine = read_engine(quiet(url))
        self.connection = self.engine.connect()
        self.after = feed.position(self.connection)

    def news(self) -> list[dict[str, Any]]:
        found = items(self.connection, self.after)
        self.after += len(found)
        for each in found:
            assert each["links"] == {"self": f"/v1/{each['resource']}/{each['key']}"}
        return found

    def told(self) -> list[tuple[str, str, int]]:
        return [(f"{e['resource']}/{e['key']}", e["op"], e["revision"]) for e in self.news()]


@pytest.fixture
def follower(database_url: str) -> Iterator[Follower]:
    made = Follower(database_url)
    yield made
    made.connection.close()
    made.engine.dispose()


@pytest.fixture
def world(database_url: str, follower: Follower) -> Iterator[TestClient]:
    """A client of a service with one agency, which has no report."""
    with TestClient(create_app(quiet(database_url))) as made:
        make_agency(made)
        follower.news()
        yield made


def test_the_years_of_a_new_database_are_the_start_of_the_feed(follower: Follower) -> None:
    years = items(follower.connection)
    assert years[0] == {
        "seq": 1,
        "at": years[0]["at"],
        "resource": "reporting-years",
        "key": "2019",
        "op": "created",
        "revision": 1,
        **NOTHING,
        "links": {"self": "/v1/reporting-years/2019"},
    }
    assert {each["op"] for each in years} == {"created"}


def test_agencies_and_years_tell_their_members(world: TestClient, follower: Follower) -> None:
    world.put("/v1/agencies/b", json={"name": "局", "kind": "office", "level": "city"})
    world.patch("/v1/agencies/b", json={"level": "county", "name": "署"})
    world.patch("/v1/agencies/b", json={"name": "署"})
    world.delete("/v1/agencies/b")
    world.patch("/v1/reporting-years/2024", json={"status": "closed"})
    world.delete("/v1/reporting-years/2019")
    news = follower.news()
    assert [(each["key"], each["op"], each["revision"], each["members"]) for each in news] == [
        ("b", "created", 1, []),
        ("b", "updated", 2, ["name", "level"]),
        ("b", "deleted", 2, []),
        ("2024", "updated", 2, ["status"]),
        ("2019", "deleted", 1, []),
    ]


def test_a_report_is_told_from_creation_to_deletion(world: TestClient, follower: Follower) -> None:
    put_report(world)
    put_table(world, "requests", received__total=1)
    world.patch("/v1/reports/a/2024", json={"overview": "新", "tables": {"fees": None}})
    world.delete("/v1/reports/a/2024")
    created, filed, patched, deleted = follower.news()
    assert created | NOTHING == created | {"tables": []}
    assert created["tables"] == TABLES
    at = "/tables/requests/data/received/total"
    assert filed["tables"] == ["requests"]
    assert filed["cells"] == [{"pointer": at, "from": 0, "to": 1}]
    assert "requests.row-total:received" in filed["findings"]["opened"]
    assert (patched["members"], patched["tables"]) == (["overview"], ["fees"])
    assert [(c["from"], c["to"]) for c in patched["cells"]] == [("0", None)]
    assert (deleted["op"], deleted["revision"], deleted["tables"]) == (
        "deleted",
        3,
        [key for key in TABLES if key != "fees"],
    )
    opened = [*filed["findings"]["opened"], *patched["findings"]["opened"]]
    assert sorted(deleted["findings"]["closed"]) == sorted(opened)


def test_opened_and_closed_add_up_to_what_the_report_shows(
    world: TestClient, follower: Follower
) -> None:
    standing: set[str] = set()
    for total in (0, 3, 4, None, 0):
        reply = put_report(world, requests={"received__total": total})
        for each in follower.news():
            moved = each["findings"]
            assert standing.isdisjoint(moved["opened"])
            assert standing.issuperset([*moved["closed"], *moved["changed"]])
            standing = standing.difference(moved["closed"]).union(moved["opened"])
        assert standing == {each["id"] for each in reply.json()["findings"]}


def test_a_write_that_changes_nothing_or_fails_leaves_no_trace(
    world: TestClient, follower: Follower
) -> None:
    put_report(world)
    assert len(follower.news()) == 1
    put_report(world)
    assert world.put("/v1/reports/a/2024", json={"nonsense": 1}).status_code == 422
    assert world.put("/v1/reports/nobody/2024", json={}).status_code == 404
    assert world.put("/v1/agencies/a", json={**make_body(world)}).status_code == 200
    assert follower.news() == []


def make_body(client: TestClient) -> dict[str, Any]:
    return dict(client.get("/v1/agencies/a").json())


def test_a_correction_that_moves_next_years_findings_is_told_twice(
    world: TestClient, follower: Follower
) -> None:
    put_report(world, year=2023)
    put_report(world, year=2024)
    follower.news()
    put_table(world, "requests", year=2023, carried_out__total=5, carried_out__commercial=5)
    own, next_year = follower.news()
    assert (own["key"], own["op"], own["revision"]) == ("a/2023", "updated", 2)
    assert (next_year["key"], next_year["op"], next_year["revision"]) == ("a/2024", "rechecked", 1)
    assert next_year["findings"]["opened"]
    assert next_year | NOTHING | {"findings": 0} == next_year | {"findings": 0}
    world.delete("/v1/reports/a/2023")
    own, again = follower.news()
    assert (own["op"], again["op"], again["key"]) == ("deleted", "rechecked", "a/2024")
    assert again["findings"]["closed"] == next_year["findings"]["opened"]


def test_another_kind_of_agency_rechecks_its_reports(world: TestClient, follower: Follower) -> None:
    put_report(world, documents={"rules__issued": 2})
    before = {each["id"] for each in world.get("/v1/reports/a/2024").json()["findings"]}
    follower.news()
    world.patch("/v1/agencies/a", json={"kind": "government", "level": "city", "name": "府"})
    after = {each["id"] for each in world.get("/v1/reports/a/2024").json()["findings"]}
    assert before != after
    agency, report = follower.news()
    assert (agency["op"], agency["members"]) == ("updated", ["name", "kind", "level"])
    assert (report["op"], report["key"], report["revision"]) == ("rechecked", "a/2024", 1)
    assert set(report["findings"]["closed"]) == before - after
    assert set(report["findings"]["opened"]) == after - before


def test_a_rename_tells_of_the_agency_alone(world: TestClient, follower: Follower) -> None:
    put_report(world, requests={"received__total": 1})
    follower.news()
    world.patch("/v1/agencies/a", json={"name": "审计署"})
    assert follower.told() == [("agencies/a", "updated", 2)]


def test_a_rebuild_tells_only_what_moved(
    world: TestClient, follower: Follower, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_report(world, requests={"received__total": 1})
    put_report(world, year=2023)
    follower.news()
    settings = quiet(database_url)
    maintaining.rebuild(settings, everything=True)
    assert follower.news() == []
    monkeypatch.setattr(reporting, "findings_of", lambda *_: ())
    maintaining.rebuild(settings, everything=True)
    (report,) = follower.news()
    assert (report["op"], report["key"]) == ("rechecked", "a/2024")
    assert report["findings"]["closed"]


def test_years_rewritten_for_their_dates_are_told_once(
    world: TestClient, follower: Follower
) -> None:
    put_report(world, published_on="2025-02-10")
    follower.news()
    due = world.get("/v1/reporting-years/2024").json()["due"] | {"department": "2025-03-01"}
    world.patch("/v1/reporting-years/2024", json={"due": due})
    news = follower.told()
    assert news[0] == ("reporting-years/2024", "updated", 2)
    assert {op for _, op, _ in news[1:]} <= {"rechecked"}


# Numbers


def a_change(key: str = "k", at: str = "2026-01-01T00:00:00.000000Z") -> Change:
    return changes.change(changes.agency(key), changes.UPDATED, Stamp(1, at))


def test_what_is_rolled_back_leaves_no_gap(database_url: str, follower: Follower) -> None:
    engine = write_engine(quiet(database_url))
    with engine.connect() as connection:
        for keep in (True, False, True):
            transaction = connection.begin()
            feed.collect(connection, [a_change("x"), a_change("y")])
            feed.record(connection, [feed.taken(connection)])
            (transaction.commit if keep else transaction.rollback)()
    assert [each["key"] for each in follower.news()] == ["x", "y", "x", "y"]
    engine.dispose()


def test_changes_of_a_unit_of_work_are_recorded_together_at_its_end(
    database_url: str, follower: Follower
) -> None:
    engine = write_engine(quiet(database_url))

    def job(connection: Connection) -> int:
        before = feed.position(connection)
        feed.collect(connection, [a_change("x")])
        feed.collect(connection, [a_change("y")])
        return feed.position(connection) - before

    assert run(engine, job) == 0
    assert [each["key"] for each in follower.news()] == ["x", "y"]
    with engine.begin() as connection:
        assert done(connection, job) == 0
    assert len(follower.news()) == 2
    engine.dispose()


def test_pages_of_a_filter_end_where_they_looked(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WINDOW", 10)
    engine = write_engine(quiet(database_url))
    with engine.begin() as connection:
        start = feed.position(connection)
        feed.collect(connection, [a_change("ab"[n % 2]) for n in range(25)])
        feed.record(connection, [feed.taken(connection)])

    with engine.connect() as connection:
        page = feed.since(connection, start, 3, {"agency": "a"})
        assert [seq - start for seq, _ in page.rows] == [1, 3, 5]
        assert (page.end - start, page.latest - start) == (5, 25)
        page = feed.since(connection, start, 100, {"agency": "b"})
        assert ([seq - start for seq, _ in page.rows], page.end - start) == ([2, 4, 6, 8, 10], 10)
        page = feed.since(connection, start + 20, 100, {"agency": "nobody"})
        assert (page.rows, page.end - start) == ((), 25)
    engine.dispose()


def test_what_is_pruned_moves_the_start_and_never_the_end(database_url: str) -> None:
    engine = write_engine(quiet(database_url))
    with engine.begin() as connection:
        years = feed.position(connection)
        for month in ("01", "03", "02", "05"):
            feed.collect(connection, [a_change(at=f"2020-{month}-01T00:00:00.000000Z")])
            feed.record(connection, [feed.taken(connection)])
        connection.exec_driver_sql("UPDATE change SET at = '2019' WHERE resource <> 'agencies'")

    def prune(before: str, most: int = 100) -> tuple[int, int, int]:
        with engine.begin() as connection:
            done = feed.prune(connection, before, most)
            page = feed.since(connection, years + 4, 10)
            return done, page.oldest, page.latest - years

    assert prune("2018") == (0, 1, 4)
    assert prune("2019-06", most=2) == (2, 3, 4)
    assert prune("2019-06") == (years - 2, years + 1, 4)
    assert prune("2020-03") == (1, years + 2, 4)
    assert prune("2021") == (3, years + 5, 4)
    assert prune("2021") == (0, years + 5, 4)
    with engine.begin() as connection:
        feed.collect(connection, [a_change()])
        feed.record(connection, [feed.taken(connection)])
    with engine.begin() as connection:
        assert [seq for seq, _ in feed.since(connection, years + 4, 10).rows] == [years + 5]
    engine.dispose()
