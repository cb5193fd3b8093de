"""The audit log: who changed what, and that nobody has touched the log since."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from typer.testing import CliRunner

from app import cli
from app.services import auditing, changes, digests, retaining
from app.services.auditing import Verdict
from app.services.operating import doctor
from app.storage import audit, audit_log, feed
from app.storage.acting import Act, acting, by
from app.storage.audit import Link
from app.storage.database import Database, run, write_engine
from app.storage.reports import Stamp
from tests.api import Json, TestClient, make_agency, put_report, said
from tests.callers import as_, key_for
from tests.conftest import quiet, reading, writing

EDITOR = Act("key:1", "填报人", "editor", "10.1.2.3", "r-1", "PUT /v1/reports/a/2024")


# Entries


def a_change(key: str = "k", **more: Any) -> feed.Change:
    return changes.change(changes.agency(key), changes.UPDATED, Stamp(1, "2026"), **more)


def entries(*deeds: audit.Deed) -> list[Json]:
    return [json.loads(row[5]) for row in audit.chained(EDITOR, Link(0, ""), deeds)]


def test_an_entry_is_canonical_json_and_its_digest_is_of_that() -> None:
    details = changes.Details(["name"], ["fees"], [{"pointer": "/a", "from": 1, "to": 2}])
    (row,) = audit.chained(EDITOR, Link(6, "d" * 64), [audit.told(9, a_change(details=details))])
    seq, _, actor, agency, year, body, digest = row
    said = json.loads(body)
    assert body.decode() == digests.canonical(said)
    assert digest == hashlib.sha256(body).hexdigest()
    assert (seq, actor, agency, year) == (7, "key:1", "k", None)
    assert (said["seq"], said["previous"]) == (7, "d" * 64)
    assert (said["address"], said["request_id"], said["role"]) == ("10.1.2.3", "r-1", "editor")
    (change,) = said["changes"]
    assert (change["cells"], change["members"], change["seq"]) == (["/a"], ["name"], 9)


def test_each_agency_and_year_has_an_entry_and_each_follows_the_one_before() -> None:
    deeds = [audit.Deed(agency, year, {}) for agency in "ba" for year in (2024, None, 2024)]
    rows = audit.chained(EDITOR, Link(0, ""), deeds)
    assert [row[3:5] for row in rows] == [("b", 2024), ("b", None), ("a", 2024), ("a", None)]
    before = ["", *(row[-1] for row in rows)]
    assert [json.loads(row[5])["previous"] for row in rows] == before[:-1]


def test_an_entry_of_many_changes_goes_on_in_another() -> None:
    found = entries(*[audit.Deed("a", None, {"n": n}) for n in range(2 * audit.MOST + 1)])
    assert [len(each["changes"]) for each in found] == [audit.MOST, audit.MOST, 1]


def test_an_actor_that_is_longer_than_its_column_is_whole_in_the_entry() -> None:
    actor = "oidc:" + "x" * 255
    (row,) = audit.chained(Act(actor), Link(0, ""), [audit.Deed(None, None, {})])
    assert (row[2], json.loads(row[5])["actor"]) == (actor[: audit.LONGEST_ACTOR], actor)
    assert auditing.looked_at(row) == (None, "")


# Written with every unit of work


def verdict(database_url: str, **more: Any) -> Verdict:
    with reading(database_url) as connection:
        return auditing.verify(connection, **more)


def assert_whole(database_url: str) -> Verdict:
    found = verdict(database_url)
    assert list(auditing.told(found))[-1] == "the chain is whole", list(auditing.told(found))
    return found


def log(client: TestClient, query: str = "") -> list[Json]:
    found = client.get(f"/v1/audit?limit=1000&{query}")
    assert found.status_code == 200, found.text
    return list(found.json()["items"])


@pytest.fixture
def world(client: TestClient) -> TestClient:
    """A register with an agency that has a report on 2024."""
    make_agency(client)
    put_report(client)
    return client


def test_a_write_leaves_who_and_what_and_a_write_of_nothing_leaves_nothing(
    world: TestClient, database_url: str
) -> None:
    before = len(log(world))
    identity = "6a0f1f3c-8b0a-4c52-9d1e-0a8f6a1f3c8b"
    path = "/v1/reports/a/2024/licensing"
    body = {"data": {"licences": {"decisions": 7}}}
    for _ in range(2):
        sent = world.patch(
            path,
            json=body,
            headers={"X-Request-ID": identity, "content-type": "application/merge-patch+json"},
        )
        assert sent.status_code == 200
    (entry,) = log(world)[before:]
    assert (entry["actor"], entry["role"], entry["request_id"]) == ("admin", "admin", identity)
    assert (entry["operation"], entry["address"]) == (f"PATCH {path}", "testclient")
    (change,) = entry["changes"]
    assert change["cells"] == ["/tables/licensing/data/licences/decisions"]
    assert (change["resource"], change["key"], change["op"]) == ("reports", "a/2024", "updated")
    assert world.get(f"/v1/changes?after={change['seq'] - 1}").json()["items"][0]["cells"] == [
        {"pointer": change["cells"][0], "from": 0, "to": 7}
    ]
    assert_whole(database_url)


def test_refused_and_rolled_back_work_leaves_nothing(world: TestClient, database_url: str) -> None:
    before = world.get("/v1/audit?count=true").json()["total"]
    assert world.put("/v1/reports/a/2024/licensing", json={"data": 1}).status_code == 422
    assert world.post("/v1/imports?dry_run=true", content=a_line("a", 2023), headers=NDJSON)
    engine = write_engine(quiet(database_url))

    def fails(connection: Connection) -> None:
        feed.collect(connection, [a_change()])
        audit.note(connection, "api-keys", "x", "created")
        feed.record(connection, [feed.taken(connection)])
        audit.note(connection, "api-keys", "y", "created")
        raise ZeroDivisionError

    def does_nothing(_: Connection) -> None:
        pass

    with pytest.raises(ZeroDivisionError):
        run(engine, fails)
    run(engine, does_nothing)
    engine.dispose()
    assert world.get("/v1/audit?count=true").json()["total"] == before
    assert_whole(database_url)


def test_what_the_feed_does_not_tell_is_noted(database_url: str) -> None:
    engine = write_engine(quiet(database_url))

    def job(connection: Connection) -> int:
        with acting(connection, EDITOR):
            audit.note(connection, "reports", "a/2024", "submitted", agency="a", year=2024, n=1)
            audit.note(connection, "api-keys", "k", "revoked", names=["x"])
        return feed.position(connection)

    before = run(engine, job)
    with engine.connect() as connection:
        last = audit_log.stand(connection).seq
        rows = audit_log.after(connection, last - 2)
        assert feed.position(connection) == before
    engine.dispose()
    found = [json.loads(row[5])["changes"][0] for row in rows]
    assert [each["details"] for each in found] == [{"n": 1}, {"names": ["x"]}]
    assert_whole(database_url)


NDJSON = {"content-type": "application/x-ndjson"}


def a_line(agency: str, year: int) -> str:
    return json.dumps({"agency": agency, "year": year, "overview": "略"}) + "\n"


def test_an_import_leaves_an_entry_for_each_report(world: TestClient, database_url: str) -> None:
    make_agency(world, "b")
    lines = "".join(a_line(agency, year) for agency in "ab" for year in (2021, 2022))
    reply = world.post("/v1/imports", content=lines, headers=NDJSON)
    assert reply.status_code == 200, reply.text
    for agency in "ab":
        (entry,) = log(world, f"agency={agency}&year=2022")
        assert entry["operation"] == "POST /v1/imports"
        assert [each["op"] for each in entry["changes"]] == ["created"]
    assert_whole(database_url)


def test_writers_at_the_same_time_make_one_chain(database_url: str) -> None:
    workers = [Database(quiet(database_url, pool_size=4)) for _ in range(3)]
    before = verdict(database_url).count

    def write(connection: Connection, n: int) -> None:
        if n % 3:
            audit.note(connection, "x", f"{n}", "made")
        if n % 3 != 1:
            feed.collect(connection, [a_change(f"k{n}")])
        if n % 10 == 9:
            raise ZeroDivisionError

    async def all_at_once() -> list[Any]:
        units = (by(Act(f"w{n}"), partial(write, n=n)) for n in range(60))
        turns = [workers[n % 3].alter(unit) for n, unit in enumerate(units)]
        return await asyncio.gather(*turns, return_exceptions=True)

    try:
        failed = [n for n, each in enumerate(asyncio.run(all_at_once())) if each is not None]
    finally:
        for worker in workers:
            worker.close()
    found = assert_whole(database_url)
    with reading(database_url) as connection:
        actors = [row[2] for row in audit_log.walk(connection, before)]
    assert failed == list(range(9, 60, 10))
    assert set(actors) == {f"w{n}" for n in range(60) if n not in failed}
    assert found.count == before + len(actors)


# Verified


@contextmanager
def tampering(database_url: str) -> Iterator[Callable[..., None]]:
    with writing(database_url) as connection:

        def do(sql: str, **values: Any) -> None:
            connection.execute(sa.text(sql), values)

        yield do


def a_chain(database_url: str) -> list[audit.Row]:
    """Let there be entries; return them all."""
    engine = write_engine(quiet(database_url))

    def job(connection: Connection) -> None:
        for agency in "abc":
            audit.note(connection, "x", agency, "made", agency=agency)

    run(engine, job)
    with engine.connect() as connection:
        found = list(audit_log.walk(connection, 0))
    engine.dispose()
    assert assert_whole(database_url).count == len(found)
    return found


def told_of(database_url: str) -> list[str]:
    found = verdict(database_url)
    assert not found.is_whole
    return [each.text for each in found.breaks]


def test_an_altered_entry_is_found(database_url: str) -> None:
    rows = a_chain(database_url)
    last = rows[-1]
    body = last[5].replace(b'"made"', b'"read"')
    digest = hashlib.sha256(body).hexdigest()
    for target, text in ((rows[-2], "its digest"), (last, "its digest")):
        with tampering(database_url) as do:
            do("UPDATE audit_entry SET body = :b WHERE seq = :n", b=body, n=target[0])
        assert told_of(database_url) == [f"entry {target[0]} was altered: {text} is another"]
        with tampering(database_url) as do:
            do("UPDATE audit_entry SET body = :b WHERE seq = :n", b=target[5], n=target[0])
    with tampering(database_url) as do:  # one who knows what a digest is
        values = {"b": body, "d": digest, "n": last[0]}
        do("UPDATE audit_entry SET body = :b, digest = :d WHERE seq = :n", **values)
    assert told_of(database_url) == [f"entry {last[0]} is not the last one that the clock knows"]


def test_one_that_was_altered_with_its_digest_is_not_followed(database_url: str) -> None:
    *_, row, last = a_chain(database_url)
    body = row[5].replace(b'"made"', b'"read"')
    with tampering(database_url) as do:
        do(
            "UPDATE audit_entry SET body = :b, digest = :d WHERE seq = :n",
            b=body, d=hashlib.sha256(body).hexdigest(), n=row[0],
        )  # fmt: skip
    assert told_of(database_url) == [
        f"entry {last[0]} does not follow entry {row[0]}: one of them was altered"
    ]


@pytest.mark.parametrize(
    ("column", "value"), [("at", "2026"), ("actor", "x"), ("agency", "zz"), ("year", 2020)]
)
def test_an_altered_column_is_found(database_url: str, column: str, value: Any) -> None:
    seq = a_chain(database_url)[-2][0]
    with tampering(database_url) as do:
        do(f"UPDATE audit_entry SET {column} = :v WHERE seq = :n", v=value, n=seq)
    assert told_of(database_url) == [f"entry {seq} was altered: its columns are not what it says"]


def test_removed_entries_are_found_wherever_they_were(database_url: str) -> None:
    last = a_chain(database_url)[-1][0]
    for first, upto, text in (
        (1, 2, "entries 1 to 2 are missing"),
        (4, 4, "entry 4 is missing"),
        (last - 1, last, f"entries {last - 1} to {last} are missing at the end"),
    ):
        with tampering(database_url) as do:
            do("CREATE TABLE kept AS SELECT * FROM audit_entry")
            do("DELETE FROM audit_entry WHERE seq BETWEEN :a AND :b", a=first, b=upto)
        assert told_of(database_url) == [text]
        with tampering(database_url) as do:
            do("DELETE FROM audit_entry")
            do("INSERT INTO audit_entry SELECT * FROM kept")
            do("DROP TABLE kept")
    with tampering(database_url) as do:
        do("DELETE FROM audit_entry")
    assert told_of(database_url) == [f"entries 1 to {last} are missing at the end"]


def test_entries_that_changed_places_and_entries_put_in_are_found(database_url: str) -> None:
    last = a_chain(database_url)[-1][0]
    with tampering(database_url) as do:
        for old, new in ((2, 0), (3, 2), (0, 3)):
            do("UPDATE audit_entry SET seq = :b WHERE seq = :a", a=old, b=new)
    found = told_of(database_url)
    assert found[:2] == [
        "entry 2 was moved: it says that it is entry 3",
        "entry 3 was moved: it says that it is entry 2",
    ]
    with tampering(database_url) as do:
        do("UPDATE audit_entry SET seq = :n WHERE seq = :o", n=last + 1, o=last)
    assert f"entry {last} is missing" in told_of(database_url)


def test_a_log_written_anew_is_found_by_an_earlier_head(database_url: str) -> None:
    head = a_chain(database_url)[3][-1]
    assert verdict(database_url, expect=head).is_whole
    with writing(database_url) as connection:
        rows = list(audit_log.walk(connection, 0))
        made = audit.chained(Act("nobody"), Link(0, ""), [audit.Deed(r[3], r[4], {}) for r in rows])
        connection.execute(sa.text("DELETE FROM audit_entry"))
        for row in made:
            audit.INSERT.run_values(connection, row)
        connection.execute(
            sa.text("UPDATE clock SET audited = :n, audit_head = :d"),
            {"n": made[-1][0], "d": made[-1][-1]},
        )
    assert_whole(database_url)
    found = verdict(database_url, expect=head)
    assert (found.breaks, found.expected, found.is_whole) == ([], False, False)


def test_the_latest_entries_are_verified_by_themselves(database_url: str) -> None:
    rows = a_chain(database_url)
    assert verdict(database_url, latest=3).first == rows[-3][0]
    with tampering(database_url) as do:
        do("UPDATE audit_entry SET actor = 'x' WHERE seq = 1")
    assert verdict(database_url, latest=3).is_whole
    assert not verdict(database_url, latest=10_000).is_whole


# Retention


def test_what_is_pruned_keeps_the_chain_whole_and_is_told(database_url: str) -> None:
    rows = a_chain(database_url)
    engine = write_engine(quiet(database_url))

    def prune(before: str, most: int = 100) -> int:
        return run(engine, lambda connection: audit_log.prune(connection, before, most))

    assert prune(rows[0][1]) == 0
    assert prune("2999", most=2) == 2
    first = assert_whole(database_url).first
    assert first == 3
    assert verdict(database_url, expect=rows[1][-1]).is_whole
    assert verdict(database_url, latest=10_000).is_whole
    assert not verdict(database_url, expect=rows[0][-1]).is_whole
    assert prune("2999") == len(rows) - 2 + 1
    found = assert_whole(database_url)
    assert (found.count, found.first) == (1, len(rows) + 2)
    with engine.connect() as connection:
        (row,) = audit_log.walk(connection, 0)
    details = json.loads(row[5])["changes"][0]["details"]
    assert (details["first"], details["last"]) == (3, len(rows) + 1)
    with tampering(database_url) as do:
        do("UPDATE clock SET audit_anchor = :d", d=rows[0][-1])
    assert told_of(database_url) == [
        f"entry {row[0]} does not follow what was pruned: entries before are missing"
    ]
    engine.dispose()


def test_the_service_forgets_what_is_older_than_the_setting_says(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = write_engine(quiet(database_url))
    with monkeypatch.context() as patch:
        patch.setattr(audit, "_now", lambda: "2020-01-01T00:00:00.000000Z")
        run(engine, lambda connection: audit_log.prune(connection, "2999"))
        run(engine, lambda connection: audit.note(connection, "x", "y", "made"))
    engine.dispose()
    database = Database(quiet(database_url))
    try:
        assert asyncio.run(retaining.forget_audit(database, 36_500)) == 0
        assert asyncio.run(retaining.forget_audit(database, 183)) == 2
        assert asyncio.run(retaining.forget_audit(database, 183)) == 0
    finally:
        database.close()
    assert assert_whole(database_url).count == 1


def test_less_than_half_a_year_is_not_enough() -> None:
    assert quiet("sqlite:///x.db").audit_retention_days == 0
    assert quiet("sqlite:///x.db", audit_retention_days=183).audit_retention_days == 183
    for days in (1, 182):
        with pytest.raises(ValueError, match="at least 183"):
            quiet("sqlite:///x.db", audit_retention_days=days)


# Over HTTP


def test_who_changed_a_report_since_a_day_is_one_call(world: TestClient) -> None:
    key = key_for(world, "editor", "a")
    since = log(world)[-1]["at"]
    for number in (1, 2):
        body = {"data": {"licences": {"decisions": number}}}
        path = "/v1/reports/a/2024/licensing"
        assert as_(world, key, "PUT", path, json=body).status_code == 200
    put_report(world, year=2023)
    found = log(world, f"agency=a&year=2024&from={since}")
    mine = [each for each in found if each["role"] == "editor"]
    assert [each["name"] for each in mine] == ["editor a"] * 2
    assert [each["seq"] for each in found] == sorted(each["seq"] for each in found)
    actor = mine[0]["actor"]
    assert log(world, f"actor={actor}") == mine
    assert log(world, f"actor={actor}&from={mine[1]['at']}") == mine[1:]
    assert log(world, f"actor={actor}&to={mine[1]['at']}") == mine[:1]
    assert log(world, "sort=-seq")[-1] == log(world)[0]


def test_keys_webhooks_and_steps_are_in_the_log_without_their_secrets(
    world: TestClient, database_url: str
) -> None:
    secret = key_for(world, "reader")
    hook = world.post("/v1/webhooks", json={"url": "https://127.0.0.1/x"})
    submitted = world.post("/v1/reports/a/2024/transitions", json={"action": "submit"})
    assert submitted.status_code == 200, submitted.text
    told = [(c["resource"], c["op"]) for each in log(world) for c in each["changes"]]
    assert ("keys", "created") in told
    assert ("reports", "submit") in told
    assert (("webhooks", "created") in told) == (hook.status_code == 201)
    assert secret not in json.dumps(log(world))
    assert_whole(database_url)


def test_pages_of_the_log_add_up(world: TestClient) -> None:
    whole, found, query = log(world, "from=2020-01-01T00:00:00Z"), [], "from=2020-01-01T00:00:00Z"
    while True:
        page = world.get(f"/v1/audit?limit=3&{query}").json()
        found += page["items"]
        if page["next"] is None:
            break
        query = f"cursor={page['next']}"
    assert found == whole


def test_an_entry_is_read_and_its_digest_recomputed(world: TestClient) -> None:
    last = log(world)[-1]
    reply = world.get(f"/v1/audit/{last['seq']}")
    assert reply.json() == last
    known = {"If-None-Match": reply.headers["etag"]}
    assert world.get(f"/v1/audit/{last['seq']}", headers=known).status_code == 304
    digest = last.pop("digest")
    assert digests.sha256(digests.canonical(last)) == digest
    for wrong in ("0", "x", "01", "9" * 15, "9" * 99, "%00"):
        assert said(world.get(f"/v1/audit/{wrong}")) == (404, "audit-entry-not-found")


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_an_export_has_every_entry_and_says_that_it_is_whole(
    world: TestClient, database_url: str, coding: str
) -> None:
    reply = world.get("/v1/audit/export.ndjson", headers={"Accept-Encoding": coding})
    *items, end = map(json.loads, reply.text.splitlines())
    assert items == log(world)
    assert end == {"end": True, "entries": len(items), "head": verdict(database_url).head}
    reply = world.get("/v1/audit/export.ndjson?agency=a&year=2024")
    assert [json.loads(x) for x in reply.text.splitlines()][:-1] == log(world, "agency=a&year=2024")
    assert reply.headers["content-type"].startswith("application/x-ndjson")


def test_only_auditors_and_administrators_read_the_log(world: TestClient) -> None:
    paths = ("/v1/audit", "/v1/audit/1", "/v1/audit/export.ndjson")
    for role, status in (("auditor", 200), ("reader", 403), ("editor", 403), ("reviewer", 403)):
        key = key_for(world, role, "a" if role in {"editor", "reviewer"} else None)
        assert [as_(world, key, "GET", path).status_code for path in paths] == [status] * 3
    assert [as_(world, None, "GET", path).status_code for path in paths] == [401] * 3


@pytest.mark.parametrize(
    "query", ["year=x", "from=yesterday", "since=2026-01-01T00:00:00Z", "sort=at", "to=1", "x=1"]
)
def test_a_wrong_filter_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/audit?{query}").status_code == 422


# Commands


def gongkai(database_url: str, *words: str) -> Any:
    return CliRunner().invoke(cli.app, words, env={"GONGKAI_DATABASE_URL": database_url})


def test_the_commands_verify_and_export(database_url: str, tmp_path: Path) -> None:
    head = a_chain(database_url)[-1][-1]
    found = gongkai(database_url, "audit", "verify", "--expect", head)
    assert found.exit_code == 0
    assert found.stdout.splitlines()[-2:] == [f"head {head}", "the chain is whole"]
    file = tmp_path / "audit.ndjson"
    assert gongkai(database_url, "audit", "export", str(file)).exit_code == 0
    assert json.loads(file.read_text(encoding="utf-8").splitlines()[-1])["head"] == head
    assert gongkai(database_url, "audit", "export", str(file)).exit_code == 1
    with tampering(database_url) as do:
        do("UPDATE audit_entry SET actor = 'x' WHERE seq = 2")
    found = gongkai(database_url, "audit", "verify")
    assert found.exit_code == 1
    assert found.stdout.startswith("entry 2 was altered")


def test_the_doctor_looks_at_the_chain(database_url: str) -> None:
    a_chain(database_url)

    def told() -> list[str]:
        found = doctor.examine(quiet(database_url), deep=False)
        return [each.status for each in found if each.check == "audit"]

    assert told() == ["ok"]
    with tampering(database_url) as do:
        do("DELETE FROM audit_entry WHERE seq = 2")
    assert told() == ["fail"]
