"""Engines, units of work, and who may use them when.

A unit of work is a function of a `Connection`, or a job of a `Session` where objects are mapped;
`Database.alter` or `write` runs it in a transaction of its own and its result is there only once
that is committed. Nothing else begins or commits.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import configure_mappers
from sqlmodel import Session

from app.settings import Settings
from app.storage import feed, layers
from app.storage.fence import Fence
from app.storage.replica import Primary, Replica
from app.storage.statements import Prepared, guarded, note_write
from app.storage.turns import About, Threads, Use, Writers, worked

T = TypeVar("T")
Job = Callable[[Session], T]

_PATIENCE = 0.005
"""How long a read of SQLite may keep the event loop, in seconds."""
_CACHE = 20 * 1024  # KiB of pages: the documents of some 8,000 reports
_STEPS = 2_000  # of SQLite's machine between two looks at the clock: some 50 µs

_FILE = "gongkai_file"
_PG_OPTIONS = "-c lock_timeout=10s -c statement_timeout=60s -c timezone=UTC"


def _engine(settings: Settings, size: int, *pragmas: str, **options: Any) -> Engine:
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            url, pool_size=size, max_overflow=0, connect_args={"timeout": 10}, paramstyle="named"
        )
        durability = f"synchronous={settings.sqlite_synchronous}"
        _prepare_sqlite(engine, str(url.database), ("journal_mode=WAL", durability, *pragmas))
    else:
        engine = create_engine(
            url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=10,  # matters only to a caller that is not one of the pool's own threads
            connect_args={"connect_timeout": 5, "options": _PG_OPTIONS},
            **options,
        )
        event.listen(engine, "connect", _prepare_early)
    event.listen(engine, "before_cursor_execute", _as_seen, retval=True)
    return engine


def _as_seen(connection: Connection, _: Any, sql: str, parameters: Any, *__: Any) -> Any:
    """Let what SQLAlchemy runs see what the connection sees, as `Prepared` does."""
    note_write(connection, sql)
    sight = layers.sight_of(connection)
    return (sql if sight is None else layers.seen(sql, sight)), parameters


def write_engine(settings: Settings, size: int = 1, *, foreign_keys: bool = True) -> Engine:
    """Return an engine whose transactions may write.

    `foreign_keys` is off where SQLite's tables are changed: that is done by copying and dropping
    them, which must not take their children along.
    """
    engine = _engine(settings, size, f"foreign_keys={'ON' if foreign_keys else 'OFF'}")
    if settings.is_sqlite:
        event.listen(engine, "begin", _begin_to_write)
    return engine


def read_engine(settings: Settings, size: int = 1) -> Engine:
    """Return an engine each of whose statements sees what is committed, outside transactions."""
    return _engine(settings, size, "query_only=ON", isolation_level="AUTOCOMMIT")


def _begin_to_write(connection: Connection) -> None:
    require_its_file(connection)
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def require_its_file(connection: Connection) -> None:
    """Raise if SQLite's file was moved, removed or replaced: what is written would go with it.

    That lasts until the process starts again, as others of its connections read the old file.
    """
    file = connection.info.get(_FILE)
    if file is not None:
        with guarded(connection):
            file.require()


class _File:
    """The file of a database, as it was at the start, or when it was made."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._known = self._found()

    def require(self) -> None:
        """Raise if another file, or none, stands there now."""
        found = self._found()
        self._known = self._known or found
        if found != self._known:
            raise sqlite3.OperationalError(f"{self._path} is not the file that was opened")

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _prepare_early(connection: Any, _: object) -> None:
    """Let the server keep what is asked twice: to plan 182 cells takes longer than to write them.

    The driver's own habit is six times, on each connection.
    """
    connection.prepare_threshold = 1


def _prepare_sqlite(engine: Engine, path: str, pragmas: tuple[str, ...]) -> None:
    file = _File(path)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, record: Any) -> None:
        file.require()
        record.info[_FILE] = file
        connection.isolation_level = None  # BEGIN is ours: the driver's own is deferred
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")


@contextmanager
def using(engine: Engine) -> Iterator[Engine]:
    """Use an engine, and let go of its connections in the end."""
    try:
        yield engine
    finally:
        engine.dispose()


def map_classes() -> None:
    """Map the classes of all tables, which SQLAlchemy does else when the first of them is used."""
    configure_mappers()


def require_openable(settings: Settings) -> None:
    """Raise if the file of a SQLite database cannot be opened. A server may still come up."""
    if settings.is_sqlite:
        with using(read_engine(settings)) as engine, engine.connect():
            pass


def run(engine: Engine, use: Use[T]) -> T:
    """Run a unit of work: commit on return, roll back on error."""
    with engine.begin() as connection:
        return done(connection, use)


def done(connection: Connection, use: Use[T]) -> T:
    """Run a unit of work within a transaction that is somebody else's to end."""
    result, work = worked(connection, use)
    feed.record(connection, [work])
    return result


class Readable(Protocol):
    """A database of which somebody sees all, or what is theirs to see."""

    async def use(self, use: Use[T]) -> T:
        """Read with a connection; it may be done twice."""

    async def exact(self, use: Use[T]) -> T:
        """Read what is committed now, and never from a replica."""

    async def apart(self, use: Use[T]) -> T:
        """Read with a connection on a thread, where it may take its time."""


def seeing(sight: layers.Sight | None, use: Use[T]) -> Use[T]:
    """Return a use of a connection that may see other reports than those that are worked on."""
    if sight is None:
        return use

    def seen(connection: Connection) -> T:
        with layers.looking(connection, sight):
            return use(connection)

    return seen


def in_session(job: Job[T]) -> Use[T]:
    """Return a job as a use of a connection."""

    def use(connection: Connection) -> T:
        with Session(connection, join_transaction_mode="rollback_only") as session:
            result = job(session)
            session.flush()
            return result

    return use


def at_one_moment(connection: Connection, use: Use[T]) -> T:
    """Read in a transaction, with a connection that is outside of any."""
    driver: Any = connection.connection.driver_connection
    is_sqlite = connection.dialect.name == "sqlite"
    with guarded(connection):
        driver.execute("BEGIN" if is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        return use(connection)
    finally:
        with guarded(connection):
            driver.commit()  # a rollback would have psycopg forget the statements it has prepared


class _Here:
    """A connection to SQLite for reading on the event loop's own thread.

    A reader of SQLite waits for nobody, and most reads take microseconds: less than handing them to
    a thread. One still in SQL when its time is over is broken off, and `run` returns False: it
    belongs on a thread. What Python makes of the rows has no limit.
    """

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect()
        self._deadline = 0.0
        self._expired = False
        driver: Any = self._connection.connection.driver_connection
        driver.set_progress_handler(self._must_stop, _STEPS)
        driver.execute(f"PRAGMA cache_size=-{_CACHE}")

    def _must_stop(self) -> bool:
        self._expired = time.monotonic() > self._deadline
        return self._expired

    def run(self, use: Use[T]) -> tuple[bool, T | None]:
        """Return whether there was time for a use of the connection, and its result."""
        self._deadline = time.monotonic() + _PATIENCE
        self._expired = False
        try:
            return True, use(self._connection)
        except OperationalError:
            if self._expired:
                return False, None
            raise

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


class _Nearby:
    """A replica, and the threads that read from it."""

    def __init__(self, settings: Settings) -> None:
        # What was sent and is not acknowledged is given up after three seconds.
        url = make_url(str(settings.database_read_url)).update_query_dict(
            {"tcp_user_timeout": "3000", "target_session_attrs": "any"}
        )
        size = settings.pool_size
        its_own = {"database_url": url.render_as_string(hide_password=False)}
        self.fence = Fence(settings.read_fence)
        self.primary = Primary(self.fence)
        self._engine = read_engine(settings.model_copy(update=its_own), size + 1)
        self._threads = Threads(self._engine, size, "replica-reader")
        self.replica = Replica(self._engine, self.primary, self._threads.run)

    def close(self) -> None:
        self.replica.close()
        self._threads.shutdown(timeout=1)
        self._engine.dispose()
        self.fence.close()


class Database:
    """The database of one worker: its engines, and the threads that may use them.

    Where there is a replica, reads go to it while it has all that anybody may know of.
    """

    def __init__(self, settings: Settings) -> None:
        size = settings.pool_size
        self.is_sqlite = settings.is_sqlite
        self.reads = read_engine(settings, size + self.is_sqlite)
        self.writes = write_engine(settings, 1 if self.is_sqlite else size)
        self._here = _Here(self.reads) if self.is_sqlite else None
        self._readers = Threads(self.reads, size, "reader")
        self._nearby = _Nearby(settings) if settings.database_read_url else None
        noting = None if self._nearby is None else self._nearby.primary.note
        self._writers = Writers(self.writes, 1 if self.is_sqlite else size, noting)

    @property
    def replica(self) -> str | None:
        """How the replica is: `current`, `behind` or `away`; None if there is none."""
        return None if self._nearby is None else self._nearby.replica.state

    async def point(self, statement: Prepared, parameters: dict[str, Any]) -> Any:
        """Read one row by its key, the quickest way there is; None if it is not there."""
        return await self.use(lambda c: statement.row(c, parameters))

    async def read(self, job: Job[T]) -> T:
        """Run a job that only reads; it may be run twice."""
        return await self.use(in_session(job))

    async def use(self, use: Use[T]) -> T:
        """Read with a connection; it may be done twice."""
        if self._nearby is not None:
            done, result = await self._nearby.replica.run(use)
            return cast("T", result) if done else await self.exact(use)
        return await self.exact(use)

    async def exact(self, use: Use[T]) -> T:
        """Read with a connection what is committed now, whoever has written it."""
        if self._here is not None:
            done, result = self._here.run(use)
            if done:
                return cast("T", result)
        return await self._readers.run(self._noting(use))

    async def apart(self, use: Use[T]) -> T:
        """Read with a connection on a thread, where it may take its time."""
        return await (self._readers.run(use) if self.is_sqlite else self.use(use))

    async def snapshot(self, use: Use[T]) -> T:
        """Read with a connection, all of it as of one moment; it may be done twice."""
        return await self.use(lambda connection: at_one_moment(connection, use))

    async def write(self, job: Job[T]) -> T:
        """Run a job that writes in its turn; return once it is committed."""
        return await self.alter(in_session(job))

    async def alter(self, use: Use[T], about: About | None = None) -> T:
        """Write with a connection, in its turn; return once it is committed.

        `about` is the report that it writes, if it locks that first and nothing else.
        """
        return await self._writers.run(use, about)

    def _noting(self, use: Use[T]) -> Use[T]:
        return use if self._nearby is None else self._nearby.primary.noting(use)

    def close(self) -> None:
        """Finish what waits, then let go of everything."""
        self._writers.shutdown()
        self._readers.shutdown()
        if self._nearby is not None:
            self._nearby.close()
        if self._here is not None:
            self._here.close()
        self.reads.dispose()
        self.writes.dispose()
