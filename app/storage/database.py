"""Engines, units of work, and who may use them when.

A unit of work is a function of a `Session`; `Database.write` runs it in a transaction of its own
and its result is there only once that is committed. Nothing else begins or commits.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.errors import AppError
from app.settings import Settings
from app.storage.statements import Prepared

T = TypeVar("T")
Job = Callable[[Session], T]

GROUP = 16
"""How many waiting writers share one COMMIT on SQLite."""

_PG_OPTIONS = "-c lock_timeout=10s -c statement_timeout=60s -c timezone=UTC"


def _engine(settings: Settings, size: int, *pragmas: str, **options: Any) -> Engine:
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            url, pool_size=size, max_overflow=0, connect_args={"timeout": 10}, paramstyle="named"
        )
        durability = f"synchronous={settings.sqlite_synchronous}"
        _prepare_sqlite(engine, ("journal_mode=WAL", durability, "cache_size=-4096", *pragmas))
        return engine
    # pool_timeout only matters to a caller that is not one of the pool's own threads.
    return create_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        connect_args={"connect_timeout": 5, "options": _PG_OPTIONS},
        **options,
    )


def write_engine(settings: Settings, size: int = 1) -> Engine:
    """Return an engine whose transactions may write."""
    engine = _engine(settings, size, "foreign_keys=ON")
    if settings.is_sqlite:
        event.listen(engine, "begin", _begin_to_write)
    return engine


def migration_engine(settings: Settings) -> Engine:
    """Return an engine for changes of the tables.

    On SQLite a table is changed by copying and dropping it, which must not take its children along.
    """
    engine = _engine(settings, 1, "foreign_keys=OFF")
    if settings.is_sqlite:
        event.listen(engine, "begin", _begin_to_write)
    return engine


def read_engine(settings: Settings, size: int = 1) -> Engine:
    """Return an engine each of whose statements sees what is committed, outside transactions."""
    return _engine(settings, size, "query_only=ON", isolation_level="AUTOCOMMIT")


def _begin_to_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_sqlite(engine: Engine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # BEGIN is ours: the driver's own is deferred
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")


def run(engine: Engine, job: Job[T]) -> T:
    """Run a unit of work: commit on return, roll back on error."""
    with Session(engine) as session, session.begin():
        return job(session)


def join(connection: Connection, job: Job[T]) -> T:
    """Run a unit of work within a transaction that is somebody else's to end."""
    with Session(connection, join_transaction_mode="rollback_only") as session:
        result = job(session)
        session.flush()
        return result


@dataclass(slots=True)
class _Waiting(Generic[T]):
    """A unit of work that waits for its turn; `settle` tells the caller what became of it."""

    job: Job[T]
    future: Future[T] = field(default_factory=Future)
    settle: Callable[[], None] = lambda: None

    def run(self, connection: Connection) -> None:
        """Run within the group's transaction.

        An error before anything was written is this unit's own; one after that is the group's.
        """
        driver: Any = connection.connection.driver_connection
        changes = driver.total_changes
        try:
            self.settle = partial(self.future.set_result, join(connection, self.job))
        except SQLAlchemyError:
            raise
        except Exception as error:
            if driver.total_changes != changes:
                raise
            self.settle = partial(self.future.set_exception, error)


class _GroupWriter:
    """The one writer of a SQLite database in this process: a fair queue and shared COMMITs.

    SQLite has one writer at a time, and competing ones starve each other. Whoever waits is served
    in turn, up to `GROUP` of them in one transaction. If one of them fails after it has written,
    the transaction is rolled back and each runs in one of its own.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[_Waiting[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> Future[T]:
        waiting = _Waiting(job)
        self._queue.put(waiting)
        return waiting.future

    def shutdown(self) -> None:
        """Finish what waits, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            while len(group) < GROUP and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    self._queue.put(None)
                    break
                group.append(following)
            # A future that runs can no longer be cancelled by whoever waited for it.
            self._commit([w for w in group if w.future.set_running_or_notify_cancel()])

    def _commit(self, group: list[_Waiting[Any]]) -> None:
        has_begun = False
        try:
            with self._engine.begin() as connection:
                has_begun = True
                for waiting in group:
                    waiting.run(connection)
        except Exception as error:
            if len(group) == 1 or not has_begun:
                for waiting in group:
                    waiting.future.set_exception(error)
                return
            for waiting in group:  # nothing of the group is stored
                self._commit([waiting])
        else:
            for waiting in group:
                waiting.settle()


class _Threads:
    """Threads that each hold a connection: who has a thread has a connection."""

    def __init__(self, engine: Engine, size: int, name: str) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(size, name)
        self._held = threading.local()
        self._open: set[Connection] = set()

    def submit(self, use: Callable[[Connection], T]) -> Future[T]:
        """Let a thread use its connection."""
        return self._threads.submit(self._use, use)

    def _use(self, use: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._held, "connection", None)
        if connection is None or _is_lost(connection):
            connection = self._renewed(connection)
        try:
            return use(connection)
        except AppError:
            raise
        except Exception:
            self._let_go(connection)  # what is wrong may be the connection
            raise

    def _renewed(self, old: Connection | None) -> Connection:
        if old is not None:
            self._let_go(old)
        new = self._held.connection = self._engine.connect()
        self._open.add(new)
        return new

    def _let_go(self, connection: Connection) -> None:
        self._held.connection = None
        self._open.discard(connection)
        connection.invalidate()
        connection.close()

    def shutdown(self) -> None:
        """Finish what waits, then stop."""
        self._threads.shutdown()
        for connection in self._open:
            connection.close()


def _is_lost(connection: Connection) -> bool:
    """Tell whether the server closed a connection while it was idle.

    Nothing is sent to an idle connection but that it is closed, so there is no need to ask.
    """
    if connection.dialect.name == "sqlite":
        return False
    driver: Any = connection.connection.driver_connection
    return bool(driver.closed or wait([driver.pgconn.socket], timeout=0))


def _transact(job: Job[T], connection: Connection) -> T:
    with connection.begin():
        return join(connection, job)


class Database:
    """The database of one worker: its engines, and the threads that may use them."""

    def __init__(self, settings: Settings) -> None:
        size = settings.pool_size
        self.is_sqlite = settings.is_sqlite
        self.reads = read_engine(settings, size + self.is_sqlite)
        self.writes = write_engine(settings, 1 if self.is_sqlite else size)
        self._readers = _Threads(self.reads, size, "reader")
        self._here = self.reads.connect() if self.is_sqlite else None
        self._group = _GroupWriter(self.writes) if self.is_sqlite else None
        self._writers = _Threads(self.writes, size, "writer")

    async def point(self, statement: Prepared, parameters: dict[str, Any]) -> Any:
        """Read one row by its key, the quickest way there is; None if it is not there.

        On SQLite that is here and now: the row is found in microseconds and no writer blocks a
        reader, so that a thread would cost more than it frees.
        """
        if self._here is not None:
            return statement.run(self._here, parameters).fetchone()
        return await asyncio.wrap_future(
            self._readers.submit(lambda c: statement.run(c, parameters).fetchone())
        )

    async def read(self, job: Job[T]) -> T:
        """Run a unit of work that only reads, on a thread."""
        return await asyncio.wrap_future(self._readers.submit(partial(join, job=job)))

    async def write(self, job: Job[T]) -> T:
        """Run a unit of work in its turn; return once it is committed."""
        if self._group is not None:
            return await asyncio.wrap_future(self._group.submit(job))
        return await asyncio.wrap_future(self._writers.submit(partial(_transact, job)))

    def close(self) -> None:
        """Finish what waits, then let go of everything."""
        if self._group is not None:
            self._group.shutdown()
        self._writers.shutdown()
        self._readers.shutdown()
        if self._here is not None:
            self._here.close()
        self.reads.dispose()
        self.writes.dispose()
