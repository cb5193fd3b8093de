"""The feed over HTTP: pages, waiting, events, and what happens when it cannot go on."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx2
import pytest

from app.api import changes as endpoints
from app.api import watching
from app.api.watching import Ask, Watcher
from app.main import create_app
from app.services import retaining
from app.storage import feed, reports
from app.storage.database import Database
from tests.api import (
    Json,
    TestClient,
    an_agency_body,
    client_of,
    etag,
    make_agency,
    put_report,
    put_table,
    said,
)
from tests.callers import key_for
from tests.conftest import execute, quiet, served
from tests.test_openapi import OPERATIONS, reply_schema, wrong

FEED = "/v1/changes"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "TICK", 0.005)


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Is released each time that somebody begins to wait."""
    waiting = threading.Semaphore(0)
    beyond = Watcher.beyond

    async def telling(self: Watcher, *given: Any) -> bool:
        waiting.release()
        return await beyond(self, *given)

    monkeypatch.setattr(Watcher, "beyond", telling)
    return waiting


def place(client: TestClient | httpx2.Client) -> int:
    """Return the number of the last change."""
    return int(client.get(f"{FEED}?limit=1").json()["latest"])


def read(client: TestClient | httpx2.Client, after: int, **query: Any) -> Json:
    reply = client.get(FEED, params={"after": after, **query})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def keys(page: Json) -> list[tuple[str, str]]:
    return [(item["key"], item["op"]) for item in page["items"]]


# Pages


def test_a_reader_walks_from_the_oldest_to_the_latest(client: TestClient) -> None:
    make_agency(client)
    put_report(client, requests={"received__total": 1})
    put_table(client, "requests")
    client.delete("/v1/reports/a/2024")
    whole = client.get(f"{FEED}?limit=1000")
    items = whole.json()["items"]
    assert [item["seq"] for item in items] == list(range(1, len(items) + 1))
    assert whole.json()["next"] == whole.json()["latest"] == len(items)
    assert keys(whole.json())[-4:] == [
        ("a", "created"),
        ("a/2024", "created"),
        ("a/2024", "updated"),
        ("a/2024", "deleted"),
    ]
    walked: list[Json] = []
    page = client.get(f"{FEED}?limit=3").json()
    while page["items"]:
        walked += page["items"]
        page = read(client, page["next"], limit=3)
    assert walked == items
    assert wrong(reply_schema(OPERATIONS["list_changes"], whole), whole.json()) == []


def test_a_link_leads_to_what_was_changed(client: TestClient) -> None:
    make_agency(client)
    put_report(client)
    for item in client.get(f"{FEED}?limit=1000").json()["items"]:
        assert client.get(item["links"]["self"]).status_code == 200


def test_the_feed_is_filtered_by_resource_and_by_agency(client: TestClient) -> None:
    start = place(client)
    for code in ("a", "b"):
        make_agency(client, code)
        put_report(client, code)
    assert keys(read(client, start, resource="agencies")) == [("a", "created"), ("b", "created")]
    assert keys(read(client, start, agency="b")) == [("b", "created"), ("b/2024", "created")]
    both = read(client, start, agency="b", resource="reports", limit=1)
    assert (keys(both), both["next"]) == ([("b/2024", "created")], start + 4)
    none = read(client, start, agency="nobody")
    assert (none["items"], none["next"], none["latest"]) == ([], start + 4, start + 4)


def test_a_page_that_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    first = client.get(FEED)
    again = client.get(FEED, headers={"if-none-match": etag(first)})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get(FEED, headers={"accept-encoding": "identity"})
    assert plain.json() == first.json()
    assert first.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=x", f"after={2**53 + 1}", "limit=0", "limit=1001", "wait=31", "wait=-1",
     "resource=nothing", "agency=%00", "nonsense=1", "after=1&after=2"],
)  # fmt: skip
def test_a_wrong_parameter_is_refused(client: TestClient, query: str) -> None:
    assert said(client.get(f"{FEED}?{query}")) == (422, "invalid-parameter")
    assert said(client.get(f"{FEED}/stream?{query}")) == (422, "invalid-parameter")


# A place that is no longer kept


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_place_ahead_of_the_feed_is_gone(client: TestClient, language: str) -> None:
    last = place(client)
    for path in (f"{FEED}?after={last + 1}", f"{FEED}?after={2**53}&wait=30",
                 f"{FEED}/stream?after={last + 1}"):  # fmt: skip
        reply = client.get(path, headers={"accept-language": language})
        assert said(reply) == (410, "cursor-gone")
        assert reply.headers["feed-position"] == str(last)
        assert str(last) in reply.json()["detail"]
    assert read(client, last)["items"] == []


def age(database_url: str, last: int) -> None:
    """Let the changes up to a number be older than the feed keeps."""
    execute(database_url, f"UPDATE change SET at = '2001' WHERE seq <= {last}")


def test_what_is_too_old_is_forgotten_and_its_place_is_gone(
    client: TestClient, database_url: str
) -> None:
    make_agency(client)
    last = place(client)
    age(database_url, last - 1)
    database = client.app.state.database  # type: ignore[attr-defined]
    assert client.portal is not None
    assert client.portal.call(retaining.forget, database, 400) == last - 1
    assert client.portal.call(retaining.forget, database, 400) == 0
    assert keys(client.get(FEED).json()) == [("a", "created")]
    assert keys(read(client, last - 1)) == [("a", "created")]
    assert said(client.get(f"{FEED}?after={last - 2}")) == (410, "cursor-gone")
    assert said(client.get(f"{FEED}?after=0&agency=a&wait=1")) == (410, "cursor-gone")
    stream = client.get(f"{FEED}/stream", headers={"last-event-id": "0"})
    assert said(stream) == (410, "cursor-gone")
    make_agency(client, "b")
    assert [item["seq"] for item in read(client, last)["items"]] == [last + 1]


def test_a_feed_that_is_forgotten_whole_goes_on_where_it_was(
    client: TestClient, database_url: str
) -> None:
    last = place(client)
    age(database_url, last)
    database = client.app.state.database  # type: ignore[attr-defined]
    assert client.portal is not None
    assert client.portal.call(retaining.forget, database, 1) == last
    assert client.get(FEED).json() == {"items": [], "next": last, "latest": last}
    make_agency(client)
    assert [item["seq"] for item in client.get(FEED).json()["items"]] == [last + 1]


def test_the_service_forgets_when_it_starts(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = threading.Event()
    forget = retaining.forget

    async def telling(*given: Any) -> int:
        done = await forget(*given)
        forgotten.set()
        return done

    monkeypatch.setattr(retaining, "forget", telling)
    age(database_url, 3)
    with TestClient(create_app(quiet(database_url, feed_retention_days=1))) as client:
        assert forgotten.wait(10)
        assert client.get(FEED).json()["items"][0]["seq"] == 4


# Waiting


def test_who_waits_is_answered_when_somebody_writes(
    client: TestClient, waited: threading.Semaphore
) -> None:
    last = place(client)
    with ThreadPoolExecutor() as threads:
        replies = [threads.submit(read, client, last, wait=30) for _ in range(3)]
        for _ in replies:
            waited.acquire()
        make_agency(client)
        assert [keys(reply.result(20)) for reply in replies] == [[("a", "created")]] * 3


def test_who_waits_for_an_agency_is_not_answered_for_another(
    client: TestClient, waited: threading.Semaphore
) -> None:
    last = place(client)
    with ThreadPoolExecutor() as threads:
        reply = threads.submit(read, client, last, wait=30, agency="b")
        waited.acquire()
        make_agency(client, "a")
        waited.acquire()
        assert not reply.done()
        make_agency(client, "b")
        assert keys(reply.result(20)) == [("b", "created")]


def test_what_is_there_is_not_waited_for(client: TestClient, waited: threading.Semaphore) -> None:
    make_agency(client)
    assert read(client, 0, wait=30)["items"]
    assert client.get(f"{FEED}?wait=30").json()["items"]
    assert not waited.acquire(blocking=False)


def test_waiting_ends(client: TestClient) -> None:
    last = place(client)
    assert read(client, last, wait=1) == {"items": [], "next": last, "latest": last}


def test_waiting_ends_when_the_service_does(
    client: TestClient, waited: threading.Semaphore
) -> None:
    last = place(client)
    with ThreadPoolExecutor() as threads:
        reply = threads.submit(read, client, last, wait=30)
        waited.acquire()
        assert client.portal is not None
        client.portal.call(client.app.state.watcher.end)  # type: ignore[attr-defined,call-arg]
        assert reply.result(20)["items"] == []


def test_those_who_wait_at_one_place_share_one_reading(
    client: TestClient, waited: threading.Semaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = place(client)
    readings = count()
    since = feed.since
    monkeypatch.setattr(
        feed, "since", lambda *given, **named: (next(readings), since(*given, **named))[1]
    )
    with ThreadPoolExecutor(20) as threads:
        replies = [threads.submit(read, client, last, wait=30) for _ in range(20)]
        for _ in replies:
            waited.acquire()
        before = next(readings)
        make_agency(client)
        assert {len(reply.result(20)["items"]) for reply in replies} == {1}
        assert next(readings) - before - 1 == 1


def test_nobody_looks_at_the_clock_when_nobody_waits(client: TestClient) -> None:
    last = place(client)
    read(client, last, wait=1)
    watcher = client.app.state.watcher  # type: ignore[attr-defined]
    assert (watcher._task, watcher._pages, watcher._followers) == (None, {}, 0)


def test_head_does_not_wait(client: TestClient, waited: threading.Semaphore) -> None:
    last = place(client)
    for path in (f"{FEED}?after={last}&wait=30", f"{FEED}/stream"):
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b"")
    assert not waited.acquire(blocking=False)


# Events


def events(lines: Iterator[str]) -> Iterator[Json]:
    """Yield the events of a stream: its fields by name."""
    event: Json = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield event
            event = {}


@contextmanager
def streamed(client: httpx2.Client, query: str = "", **headers: str) -> Iterator[Iterator[Json]]:
    """Open a stream; its first event is the time after which to come again."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    accept = {"accept": "text/event-stream", **named}
    with client.stream("GET", f"{FEED}/stream{query}", headers=accept) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        found = events(reply.iter_lines())
        assert next(found) == {"retry": "2000"}
        yield found


def test_a_stream_goes_on_where_the_client_was(database_url: str) -> None:
    with served(database_url) as (client, _):
        page = client.get(FEED).json()
        with streamed(client) as stream:
            for item in page["items"]:
                event = next(stream)
                assert (event["event"], event["id"]) == ("change", str(item["seq"]))
                assert json.loads(event["data"]) == item
            client.put("/v1/agencies/a", json=an_agency_body())
            assert json.loads(next(stream)["data"])["key"] == "a"
        for code in ("b", "c"):
            client.put(f"/v1/agencies/{code}", json=an_agency_body())
        seen = page["latest"] + 1
        with streamed(client, "?after=1&agency=c", last_event_id=str(seen)) as stream:
            assert next(stream)["id"] == str(seen + 2)
        with streamed(client, f"?after={seen}") as stream:
            assert next(stream)["id"] == str(seen + 1)


def test_a_server_that_is_stopped_keeps_nobody_waiting(database_url: str) -> None:
    with served(database_url) as (client, process), ThreadPoolExecutor() as threads:
        last = place(client)
        with streamed(client, f"?after={last}") as stream:
            reply = threads.submit(client.get, f"{FEED}?after={last}&wait=30")
            client.put("/v1/agencies/a", json=an_agency_body())
            assert next(stream)["id"] == str(last + 1)
            assert reply.result(20).json()["next"] == last + 1
            process.terminate()
            assert list(stream) == []
        process.wait(10)


def test_a_wrong_last_event_is_refused(client: TestClient) -> None:
    for given in ("x", "-1", "1.0", "9" * 30):
        reply = client.get(f"{FEED}/stream", headers={"last-event-id": given})
        assert said(reply) == (422, "invalid-parameter")
        assert reply.json()["errors"][0]["parameter"] == "Last-Event-ID"


async def followed(
    app: Any, path: str, hang_up: asyncio.Event, enough: int, key: str | None = None
) -> tuple[list[bytes], int]:
    """Follow a path as a server would, and hang up after so many pieces; return them."""
    pieces: list[bytes] = []
    status = 0

    async def receive() -> Any:
        await hang_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        if message.get("body"):
            pieces.append(message["body"])
        if len(pieces) >= enough:
            hang_up.set()

    path, _, query = path.partition("?")
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(),
             "headers": [] if key is None else [(b"authorization", f"Bearer {key}".encode())],
             "app": app, "root_path": ""}  # fmt: skip
    await app(scope, receive, send)
    return pieces, status


def test_a_silent_stream_shows_that_it_is_alive(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "HEARTBEAT", 0.01)
    last = place(client)

    async def follow() -> list[bytes]:
        path = f"{FEED}/stream?after={last}"
        return (await followed(client.app, path, asyncio.Event(), 3))[0]

    assert client.portal is not None
    alive = b": alive\nid: %d\n\n" % last
    assert client.portal.call(follow) == [b"retry: 2000\n\n", alive, alive]
    assert client.app.state.watcher._followers == 0  # type: ignore[attr-defined]


def test_a_client_that_hangs_up_waits_no_longer(
    client: TestClient, waited: threading.Semaphore
) -> None:
    last = place(client)
    hang_up = asyncio.Event()

    async def follow() -> int:
        pieces, status = await followed(client.app, f"{FEED}?after={last}&wait=30", hang_up, 1)
        assert pieces == []
        return status

    assert client.portal is not None
    with ThreadPoolExecutor() as threads:
        reply: Future[int] = threads.submit(client.portal.call, follow)
        waited.acquire()
        client.portal.call(hang_up.set)
        assert reply.result(20) == 0
    assert client.app.state.watcher._followers == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["polls", "follows"])
def test_whose_key_is_revoked_is_told_nothing_more(
    client: TestClient, waited: threading.Semaphore, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    key, last = key_for(client, "auditor"), place(client)
    path = f"{FEED}?after={last}&wait=30" if how == "polls" else f"{FEED}/stream?after={last}"

    async def follow() -> tuple[list[bytes], int]:
        return await followed(client.app, path, asyncio.Event(), 9, key)

    assert client.portal is not None
    with ThreadPoolExecutor() as threads:
        reply: Future[tuple[list[bytes], int]] = threads.submit(client.portal.call, follow)
        waited.acquire()
        client.delete(client.get("/v1/keys").json()["items"][0]["links"]["self"])
        later = time.monotonic() + 5
        monkeypatch.setattr(client.app.state.callers, "_clock", lambda: later)  # type: ignore[attr-defined]
        make_agency(client, "b")
        pieces, status = reply.result(20)
    if how == "polls":
        assert status == 401
    else:
        assert pieces == [b"retry: 2000\n\n"]


# Writers at once


def test_readers_see_every_number_once_and_in_order_while_many_write(database_url: str) -> None:
    writers, rounds = 8, 12
    with served(database_url, workers=2) as (client, _):
        start = place(client)
        last = start + writers * (rounds + 1)

        def write(writer: int) -> None:
            with client_of(client.base_url) as own:
                own.put(f"/v1/agencies/w{writer}", json=an_agency_body())
                for number in range(rounds):
                    name = {"name": f"局{number}"}
                    path = f"/v1/agencies/w{writer}"
                    if number % 3 == 0:
                        own.put(path, json={"name": "", "kind": "x"})
                    assert own.patch(path, json=name).status_code == 200

        def poll(limit: int) -> list[int]:
            seen: list[int] = []
            with client_of(client.base_url, timeout=40) as own:
                while len(seen) < last - start:
                    page = read(own, seen[-1] if seen else start, wait=20, limit=limit)
                    seen += [item["seq"] for item in page["items"]]
            return seen

        def listen() -> list[int]:
            own = client_of(client.base_url, timeout=40)
            with own, streamed(own, f"?after={start}") as stream:
                return [int(next(stream)["id"]) for _ in range(last - start)]

        with ThreadPoolExecutor(writers + 4) as threads:
            readers = [threads.submit(poll, 1000), threads.submit(poll, 3), threads.submit(listen)]
            for done in [threads.submit(write, number) for number in range(writers)]:
                done.result(60)
            for reader in readers:
                assert reader.result(60) == list(range(start + 1, last + 1))


def test_reports_written_at_once_are_told_as_they_were_committed(database_url: str) -> None:
    """Of writers that correct two years of one agency, the feed adds up to what is stored."""
    with served(database_url) as (client, _):
        client.put("/v1/agencies/a", json=an_agency_body())

        def write(year: int) -> None:
            with client_of(client.base_url) as own:
                for number in range(6):
                    body = {"data": {"carried_in": {"total": number, "commercial": number}}}
                    own.put(f"/v1/reports/a/{year}/requests", json=body)

        with ThreadPoolExecutor() as threads:
            list(threads.map(write, (2022, 2023, 2024)))
        for year in (2022, 2023, 2024):
            standing: list[str] = []
            revision = 0
            for item in read(client, 0, limit=1000, agency="a")["items"]:
                if item["key"] == f"a/{year}":
                    moved = item["findings"]
                    standing = [each for each in standing if each not in moved["closed"]]
                    standing += moved["opened"]
                    assert item["revision"] == revision + (item["op"] != "rechecked")
                    revision = item["revision"]
            report = client.get(f"/v1/reports/a/{year}").json()
            assert sorted(standing) == sorted(each["id"] for each in report["findings"])


def test_a_write_without_findings_reads_none(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_agency(client)
    put_report(client)
    monkeypatch.setattr(reports, "findings", None)
    assert put_report(client, overview="新").status_code == 200


def test_the_clock_is_looked_at_at_one_pace_however_often_all_come_and_go(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd that polls is there and away again with each reply."""
    monkeypatch.setattr(watching, "TICK", 60.0)
    database = Database(quiet(database_url))

    async def scenario() -> int:
        watcher, looks = Watcher(database), 0
        real = watcher._looked_up

        async def looked_up() -> tuple[int, ...]:
            nonlocal looks
            looks += 1
            return await real()

        watcher._looked_up = looked_up  # type: ignore[method-assign]
        for _ in range(50):
            with watcher.following():
                await watcher.page(Ask(None, 10))
                await asyncio.sleep(0)
        return looks

    try:
        assert asyncio.run(scenario()) == 2  # where it stands, and what the first watch sees
    finally:
        database.close()
