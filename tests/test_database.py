"""Units of work and who may use the database when, beneath the API."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel import Session

from app.errors import NotFound
from app.services import changes
from app.storage import bulk, feed
from app.storage.database import Database, in_session, read_engine, run, write_engine
from app.storage.reports import Stamp
from app.storage.statements import Prepared
from app.storage.turns import GROUP, Writers, require_alone
from tests.conftest import held_up, quiet

Job = Callable[[Session], Any]

KEYS = sa.text("SELECT key FROM retired ORDER BY key")
READ = Prepared(sa.text("SELECT key FROM retired WHERE key = :key"))


def keep(key: str) -> Job:
    """Return a unit of work that writes a row."""

    def job(session: Session) -> str:
        session.connection().execute(
            sa.text("INSERT INTO retired (key, revision) VALUES (:key, 1)"), {"key": key}
        )
        return key

    return job


def then(job: Job, error: Exception) -> Job:
    """Return a unit of work that does another one, and then fails."""

    def failing(session: Session) -> None:
        job(session)
        raise error

    return failing


def kept(session: Session) -> list[str]:
    return list(session.connection().execute(KEYS).scalars())


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(quiet(database_url))
    yield made
    made.close()


def together(database: Database, *jobs: Job) -> list[Any]:
    """Let units of work wait at the same time; return what became of each."""

    async def scenario() -> list[Any]:
        return await asyncio.gather(*map(database.write, jobs), return_exceptions=True)

    return asyncio.run(scenario())


# One unit of work


def test_a_unit_of_work_returns_what_it_did_once_it_is_committed(database: Database) -> None:
    assert asyncio.run(database.write(keep("a"))) == "a"
    assert asyncio.run(database.read(kept)) == ["a"]


@pytest.mark.parametrize(
    "error",
    [NotFound("report-not-found"), RuntimeError("a bug"), KeyError("a")],
    ids=["a client's", "a bug", "another bug"],
)
def test_a_unit_of_work_that_fails_is_taken_back(database: Database, error: Exception) -> None:
    with pytest.raises(type(error)):
        asyncio.run(database.write(then(keep("a"), error)))
    assert asyncio.run(database.read(kept)) == []
    assert asyncio.run(database.write(keep("a"))) == "a"


def test_the_database_has_the_last_word(database: Database) -> None:
    asyncio.run(database.write(keep("a")))
    with pytest.raises(IntegrityError):
        asyncio.run(database.write(keep("a")))
    assert asyncio.run(database.write(keep("b"))) == "b"


def test_a_row_refers_to_what_is_there(database: Database) -> None:
    def orphan(session: Session) -> None:
        session.connection().execute(
            sa.text(
                "INSERT INTO report (agency, year, revision, created_at, updated_at)"
                " VALUES ('nobody', 2024, 1, '', '')"
            )
        )

    with pytest.raises(IntegrityError):
        asyncio.run(database.write(orphan))


def test_a_reader_does_not_see_what_is_not_committed(database: Database) -> None:
    async def scenario() -> list[Any]:
        written, go = threading.Event(), threading.Event()

        def slow(session: Session) -> None:
            keep("a")(session)
            written.set()
            assert go.wait(timeout=10)

        writing = asyncio.ensure_future(database.write(slow))
        await asyncio.to_thread(written.wait)
        before = [await database.read(kept), await database.point(READ, {"key": "a"})]
        go.set()
        await writing
        return [*before, await database.read(kept), await database.point(READ, {"key": "a"})]

    before_list, before_point, after_list, after_point = asyncio.run(scenario())
    assert (before_list, before_point) == ([], None)
    assert (after_list, tuple(after_point)) == (["a"], ("a",))


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_snapshot_whose_connection_is_lost_fails_as_the_database_does(
    one_writer: Database,
) -> None:
    asyncio.run(one_writer.use(lambda connection: connection.scalar(sa.text("SELECT 1"))))
    cut = Prepared(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with pytest.raises(OperationalError):
        asyncio.run(one_writer.snapshot(lambda connection: cut.row(connection, {})))
    assert stored(one_writer) == []


@pytest.mark.parametrize("backend", ["postgresql"])
def test_what_is_prepared_is_kept_when_a_snapshot_finds_nothing(one_writer: Database) -> None:
    prepared = Prepared(sa.text("SELECT count(*) FROM pg_prepared_statements"))

    def find(_: Connection) -> None:
        raise NotFound("agency-not-found", agency="a")

    async def scenario() -> list[int]:
        before = [tuple(await one_writer.point(prepared, {})) for _ in range(3)]
        with pytest.raises(NotFound):
            await one_writer.snapshot(find)
        return [count for (count,) in (before[-1], await one_writer.point(prepared, {}))]

    assert asyncio.run(scenario()) == [1, 1]


def test_a_reader_cannot_write_on_sqlite(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    template = request.getfixturevalue("_sqlite_template")
    engine = read_engine(quiet(f"sqlite:///{template}"))
    try:
        with engine.connect() as connection, pytest.raises(DBAPIError, match="readonly"):
            connection.execute(sa.text("DELETE FROM reporting_year"))
    finally:
        engine.dispose()


def test_a_unit_of_work_on_an_engine_of_its_own_commits_or_leaves_nothing(
    database_url: str,
) -> None:
    engine = write_engine(quiet(database_url))
    try:
        assert run(engine, in_session(keep("a"))) == "a"
        with pytest.raises(RuntimeError):
            run(engine, in_session(then(keep("b"), RuntimeError("a bug"))))
        assert run(engine, in_session(kept)) == ["a"]
    finally:
        engine.dispose()


# Many at once


def test_many_who_wait_are_all_served(database: Database) -> None:
    keys = [f"{n:03}" for n in range(5 * GROUP)]
    assert together(database, *map(keep, keys)) == keys
    assert asyncio.run(database.read(kept)) == keys


def test_each_of_many_gets_its_own_outcome(database: Database) -> None:
    def job(n: int) -> Job:
        return then(keep(f"{n:03}"), LookupError(f"{n}")) if n % 3 == 0 else keep(f"{n:03}")

    outcomes = together(database, *map(job, range(40)))
    for n, outcome in enumerate(outcomes):
        assert (str(outcome) if n % 3 == 0 else outcome) == (f"{n}" if n % 3 == 0 else f"{n:03}")
    stored = [f"{n:03}" for n in range(40) if n % 3]
    assert asyncio.run(database.read(kept)) == stored


def test_closing_finishes_what_waits(database_url: str) -> None:
    database = Database(quiet(database_url))

    async def scenario() -> list[Any]:
        writing = [asyncio.ensure_future(database.write(keep(f"{n:02}"))) for n in range(30)]
        await asyncio.sleep(0)  # let each get in line
        await asyncio.to_thread(database.close)
        return await asyncio.gather(*writing)

    assert asyncio.run(scenario()) == [f"{n:02}" for n in range(30)]


# Groups: writers of reports share a transaction, on PostgreSQL those of one thread


@pytest.fixture
def one_writer(database_url: str) -> Iterator[Database]:
    made = Database(quiet(database_url, pool_size=1))
    yield made
    made.close()


def grouped(database: Database, *uses: Callable[[Connection], Any]) -> tuple[list[Any], int]:
    """Let writers of reports wait together; return what became of each, and their commits.

    Who comes last writes of the agency that comes first.
    """
    commits: list[Any] = []
    event.listen(database.writes, "commit", commits.append)

    async def scenario() -> list[Any]:
        async with held_up(database):
            waiting = [
                asyncio.ensure_future(database.alter(use, (f"a{len(uses) - n:02}", 2024)))
                for n, use in enumerate(uses)
            ]
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(scenario()), len(commits) - 1


def stored(database: Database) -> list[str]:
    return asyncio.run(database.read(kept))


def test_writers_of_reports_share_a_commit(one_writer: Database) -> None:
    keys = [f"{n:02}" for n in range(GROUP)]
    assert grouped(one_writer, *(in_session(keep(key)) for key in keys)) == (keys, 1)
    assert stored(one_writer) == keys


def test_who_is_refused_before_writing_costs_the_others_nothing(one_writer: Database) -> None:
    def refused(_: Connection) -> None:
        raise NotFound("report-not-found")

    uses = [in_session(keep("a")), refused, in_session(keep("b"))]
    outcomes, commits = grouped(one_writer, *uses)
    assert (outcomes[0], type(outcomes[1]), outcomes[2], commits) == ("a", NotFound, "b", 1)
    assert stored(one_writer) == ["a", "b"]


@pytest.mark.parametrize("error", [NotFound("report-not-found"), RuntimeError("a bug")])
def test_who_fails_after_writing_fails_alone(one_writer: Database, error: Exception) -> None:
    failing = in_session(then(keep("x"), error))
    outcomes, commits = grouped(one_writer, in_session(keep("a")), failing, in_session(keep("b")))
    assert outcomes == ["a", error, "b"]
    assert stored(one_writer) == ["a", "b"]
    assert commits == 2


def test_who_meets_what_the_database_refuses_fails_alone(one_writer: Database) -> None:
    twice = [in_session(keep("a")), in_session(keep("a")), in_session(keep("b"))]
    outcomes, _ = grouped(one_writer, *twice)
    assert sorted(map(str, map(type, outcomes[:2]))) == [str(str), str(IntegrityError)][::-1]
    assert outcomes[2] == "b"
    assert stored(one_writer) == ["a", "b"]


def test_changes_are_numbered_in_the_order_of_a_group_though_one_numbers_its_own(
    one_writer: Database,
) -> None:
    def change(key: str) -> feed.Change:
        stamp = Stamp(1, "2026-01-02T03:04:05.000006Z")
        return changes.change(changes.agency(key), changes.CREATED, stamp)

    def collects(key: str) -> Callable[[Connection], None]:
        return lambda connection: feed.collect(connection, [change(key)])

    def imports(key: str) -> Callable[[Connection], None]:
        return lambda connection: bulk.record(connection, [change(key)])

    # who waits for the last agency comes first on PostgreSQL
    uses = [collects("a"), imports("b"), collects("c"), collects("d"), imports("e")]
    outcomes, commits = grouped(one_writer, *uses)
    assert outcomes == [None] * 5
    numbered = sa.text("SELECT key FROM change WHERE resource = 'agencies' ORDER BY seq")
    found = asyncio.run(one_writer.read(lambda s: list(s.connection().scalars(numbered))))
    assert ("".join(found), commits) == ("abcde" if one_writer.is_sqlite else "edcba", 1)


def test_who_steps_back_has_a_transaction_of_its_own(one_writer: Database) -> None:
    attempts: list[int] = []

    def alone(connection: Connection) -> Any:
        attempts.append(1)
        require_alone(connection)
        return in_session(keep("c"))(connection)

    uses = [in_session(keep("a")), alone, in_session(keep("b"))]
    outcomes, commits = grouped(one_writer, *uses)
    assert outcomes == ["a", "c", "b"]
    assert stored(one_writer) == ["a", "b", "c"]
    is_shared = not one_writer.is_sqlite
    assert (len(attempts), commits) == ((2, 2) if is_shared else (1, 1))


def test_who_is_in_a_group_when_the_database_goes_away_does_not_wait_for_each_other(
    one_writer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def away() -> Any:
        attempts.append(1)
        raise OperationalError("", {}, Exception("nobody listens"))

    def last(_: Connection) -> None:
        monkeypatch.setattr(one_writer.writes, "connect", away)
        raise OperationalError("", {}, Exception("cut off"))

    uses = [in_session(keep("a")), in_session(keep("b")), last]
    outcomes, _ = grouped(one_writer, *uses)
    assert [type(outcome) for outcome in outcomes] == [OperationalError] * 3
    assert attempts == [1]


@pytest.mark.parametrize("backend", ["postgresql"])
def test_what_may_have_been_committed_when_the_connection_was_lost_is_not_done_again(
    one_writer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect: Any = one_writer.writes.dialect
    really_commit = dialect.do_commit

    def commit(connection: Any) -> None:
        really_commit(connection)
        connection.driver_connection.close()
        raise dialect.loaded_dbapi.OperationalError("cut off before the reply")

    def last(_: Connection) -> None:
        monkeypatch.setattr(dialect, "do_commit", commit)

    outcomes, _ = grouped(one_writer, last, in_session(keep("a")), in_session(keep("b")))
    assert [type(outcome) for outcome in outcomes] == [OperationalError] * 3
    assert stored(one_writer) == ["a", "b"]


def test_a_group_locks_in_the_order_of_the_agencies(one_writer: Database) -> None:
    order: list[int] = []
    uses = [lambda _, n=n: order.append(n) for n in range(4)]
    grouped(one_writer, *uses)
    assert order == ([0, 1, 2, 3] if one_writer.is_sqlite else [3, 2, 1, 0])


# SQLite


@pytest.fixture
def sqlite(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    path = tmp_path / "gongkai.db"
    path.write_bytes(Path(request.getfixturevalue("_sqlite_template")).read_bytes())
    made = Database(quiet(f"sqlite:///{path}"))
    yield made
    made.close()


def test_writers_who_wait_on_sqlite_share_a_commit(sqlite: Database) -> None:
    commits: list[Any] = []
    event.listen(sqlite.writes, "commit", commits.append)

    async def scenario() -> list[Any]:
        async with held_up(sqlite):
            waiting = [asyncio.ensure_future(sqlite.write(keep(f"{n:02}"))) for n in range(GROUP)]
        return await asyncio.gather(*waiting)

    assert asyncio.run(scenario()) == [f"{n:02}" for n in range(GROUP)]
    assert len(commits) == 2


@pytest.mark.parametrize(("setting", "level"), [("FULL", 2), ("NORMAL", 1)])
def test_writes_on_sqlite_are_as_durable_as_set(tmp_path: Path, setting: str, level: int) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    engine = write_engine(quiet(url, sqlite_synchronous=setting))
    wanted = {"journal_mode": "wal", "synchronous": level, "foreign_keys": 1}
    try:
        with engine.connect() as connection:
            found = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted
            }
    finally:
        engine.dispose()
    assert found == wanted


def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "some" / "where" / "gongkai.db"
    engine = write_engine(quiet(f"sqlite:///{path}"))
    engine.connect().close()
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_goes_wrong_after_the_commit_makes_nobody_write_again(database_url: str) -> None:
    fails, goes_on, done = False, threading.Event(), list[int]()

    def after(_: Connection) -> None:
        if fails:
            raise OperationalError("SELECT", {}, Exception("the server is gone"))

    def unit(number: int) -> Callable[[Connection], None]:
        return lambda _: done.append(number)

    async def scenario() -> list[Any]:
        nonlocal fails
        writers = Writers(engine, 1, after)
        first = asyncio.create_task(writers.run(lambda _: goes_on.wait(20)))
        await asyncio.sleep(0)  # the others are a group behind it
        others = [asyncio.create_task(writers.run(unit(n), ("a", 2024))) for n in (1, 2, 3)]
        await asyncio.sleep(0)
        fails = True
        goes_on.set()
        found = await asyncio.gather(first, *others, return_exceptions=True)
        writers.shutdown()
        return list(found)

    engine = write_engine(quiet(database_url))
    errors = asyncio.run(scenario())
    engine.dispose()
    assert [type(error) for error in errors] == [OperationalError] * 4
    assert done == [1, 2, 3]
