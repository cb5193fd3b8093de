"""Threads that use connections in turn: fair queues, and groups of writers that share a commit."""

import asyncio
import contextlib
import queue
import select
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.errors import AppError
from app.storage import feed, years
from app.storage.statements import let_go, writes_of

T = TypeVar("T")
About = tuple[str, int]
"""The agency and the year of a report: that is what is written, and locked first."""
Use = Callable[[Connection], T]
Outcome = tuple[Any, Exception | None]

GROUP = 16
"""How many waiting writers share one COMMIT."""

_SHARED = "shared"


class Alone(Exception):
    """A unit of work cannot share a transaction."""


def require_alone(connection: Connection) -> None:
    """Raise `Alone` if others share the transaction: called before anything is written or locked.

    The unit of work is then done again in a transaction of its own.
    """
    if connection.info.get(_SHARED):
        raise Alone


class _Stored(Exception):
    """Something went wrong when all was committed: none of it must be done again."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class Turn(Generic[T]):
    """A use of a connection that waits for its turn, and the coroutine that waits for it."""

    def __init__(self, use: Use[T], about: About | None = None) -> None:
        self.use, self.about = use, about
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()

    def tell(self, result: T | None, error: Exception | None = None) -> None:
        """Hand the outcome over, from another thread."""
        _tell([(self, (result, error))])

    def settle(self, result: Any, error: Exception | None) -> None:
        """Let the coroutine go on, on its own loop."""
        if self.future.done():  # whoever waited was cancelled
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


def _tell(told: list[tuple[Turn[Any], Outcome]]) -> None:
    """Hand several outcomes over, and wake each loop that waits for some of them once."""
    for loop in {turn.loop for turn, _ in told}:
        own = [(turn, outcome) for turn, outcome in told if turn.loop is loop]
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(_settle, own)


def _settle(told: list[tuple[Turn[Any], Outcome]]) -> None:
    for turn, outcome in told:
        turn.settle(*outcome)


class Threads:
    """Threads that each hold a connection, and one fair queue for all of them."""

    def __init__(self, engine: Engine, size: int, name: str) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[Turn[Any] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-{n}", daemon=True)
            for n in range(size)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, use: Use[T]) -> T:
        """Let a thread use its connection."""
        return await self._served(Turn(use))

    async def _served(self, turn: Turn[T]) -> T:
        self._queue.put(turn)
        return await turn.future

    def shutdown(self, timeout: float | None = None) -> None:
        """Finish what waits, then stop; a thread that hangs longer than that is left behind."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout)

    def _serve(self) -> None:
        connection: Connection | None = None
        while (turn := self._queue.get()) is not None:
            try:
                if connection is None or _is_lost(connection):
                    let_go(connection)
                    connection = self._engine.connect()
                turn.tell(turn.use(connection))
            except AppError as error:
                turn.tell(None, error)
            except Exception as error:  # what is wrong may be the connection
                let_go(connection)
                connection = None
                turn.tell(None, error)
        let_go(connection)


def _is_lost(connection: Connection) -> bool:
    """Tell whether the server closed a connection while it was idle.

    Nothing is sent to an idle connection but that it is closed, so there is no need to ask.
    """
    if connection.dialect.name == "sqlite":
        return False
    driver: Any = connection.connection.driver_connection
    if driver.closed:
        return True
    waiting = select.poll()
    waiting.register(driver.pgconn.socket, select.POLLIN)
    return bool(waiting.poll(0))


def _has_lost_connection(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and error.connection_invalidated


class Writers(Threads):
    """Threads that write: whoever waits is served in turn, some of them in one transaction.

    So they share the wait for the disk, and the lock that gives changes their numbers. SQLite has
    one writer at a time, and competing ones starve each other: there is one thread, and everybody
    is in a group. On PostgreSQL those are who write one report, and a group locks what they need in
    the order of all who lock: years, then agencies by their codes. So no two wait for each other.
    If one of a group fails after it has written, the transaction is rolled back and each runs in
    one of its own. If the connection is lost in the commit, nobody knows whether it was done: none
    runs again, or it would be judged by what it has written itself.

    `after` is called with the connection when a transaction has ended.
    """

    def __init__(
        self, engine: Engine, size: int, after: Callable[[Connection], None] | None = None
    ) -> None:
        self._takes_all = engine.dialect.name == "sqlite"
        self._after = after
        super().__init__(engine, size, "writer")

    async def run(self, use: Use[T], about: About | None = None) -> T:
        """Let a thread write; `about` says what, if that is all that it locks."""
        return await self._served(Turn(use, about))

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            for group in self._groups(first):
                # Who no longer waits is not served.
                waiting = [turn for turn in group if not turn.future.done()]
                if waiting:
                    self._commit(waiting)

    def _groups(self, first: Turn[Any]) -> Iterator[list[Turn[Any]]]:
        """Take more of those who wait; yield who share a transaction, and who is not among them."""
        group, alone = [first], []
        while self._can_share(group[-1]) and len(group) < GROUP and not self._queue.empty():
            try:
                following = self._queue.get_nowait()
            except queue.Empty:  # another thread was quicker
                break
            if following is None:
                self._queue.put(None)
                break
            if not self._can_share(following):
                alone.append(following)
                break
            group.append(following)
        if not self._takes_all:
            group.sort(key=lambda turn: turn.about or ("", 0))
        yield group
        if alone:
            yield alone

    def _can_share(self, turn: Turn[Any]) -> bool:
        return self._takes_all or turn.about is not None

    def _commit(self, group: list[Turn[Any]]) -> Exception | None:
        """Serve a group in one transaction; return what kept that from being begun."""
        outcomes: list[Outcome] = []
        has_begun = is_done = False
        try:
            with self._transaction() as connection:
                has_begun = True
                with feed.deferring(connection) as works, self._sharing(connection, group):
                    outcomes += [_attempt(turn.use, connection, works) for turn in group]
                is_done = True
        except _Stored as error:
            _tell([(turn, (None, error.cause)) for turn in group])
            return None
        except Exception as error:
            may_be_stored = is_done and _has_lost_connection(error)
            if len(group) > 1 and has_begun and not may_be_stored:
                self._one_by_one(group)  # nothing of the group is stored
            else:
                _tell([(turn, (None, error)) for turn in group])
            return None if has_begun else error
        told = list(zip(group, outcomes, strict=True))
        _tell([each for each in told if not isinstance(each[1][1], Alone)])
        self._one_by_one([turn for turn, (_, error) in told if isinstance(error, Alone)])
        return None

    def _one_by_one(self, turns: list[Turn[Any]]) -> None:
        """Give each a transaction of its own; if there is none to be had, the rest do not wait."""
        for served, turn in enumerate(turns, 1):
            error = self._commit([turn])
            if error is not None:
                _tell([(each, (None, error)) for each in turns[served:]])
                return

    @contextlib.contextmanager
    def _sharing(self, connection: Connection, group: list[Turn[Any]]) -> Iterator[None]:
        if self._takes_all or len(group) == 1:
            yield
            return
        concerned = {turn.about[1] + n for turn in group if turn.about for n in (-1, 0, 1)}
        years.share_all(connection, concerned)
        info = connection.info  # not to be asked for once the connection is lost
        info[_SHARED] = True
        try:
            yield
        finally:
            del info[_SHARED]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        connection = self._engine.connect()
        try:
            while _is_lost(connection):  # as others of the pool may be
                let_go(connection)
                connection = self._engine.connect()
            try:
                with connection.begin():
                    yield connection
            except AppError:  # tells of what was read, too
                self._ended(connection)
                raise
            self._ended(connection)
        except AppError:
            raise
        except Exception:  # what is wrong may be the connection
            let_go(connection)
            raise
        finally:
            connection.close()

    def _ended(self, connection: Connection) -> None:
        if self._after is None:
            return
        try:
            self._after(connection)
            # What looked may have begun a transaction; PostgreSQL's driver forgets the statements
            # that it has prepared when one is rolled back, as the pool would do.
            driver: Any = connection.connection.driver_connection
            driver.commit()
        except Exception as error:
            raise _Stored(error) from error


def worked(connection: Connection, use: Use[T]) -> tuple[T, feed.Work]:
    """Run a unit of work; return what it has changed besides, which is yet to be recorded."""
    feed.taken(connection)  # what one before it has left that failed
    return use(connection), feed.taken(connection)


def _attempt(use: Use[Any], connection: Connection, works: list[feed.Work]) -> Outcome:
    """Run a unit of work within a group's transaction; return the result, or the error.

    What it has changed is added to those of the others. An error before anything was written is
    this use's own; one after that is the group's.
    """
    before = writes_of(connection)
    try:
        result, work = worked(connection, use)
    except SQLAlchemyError:
        raise
    except Exception as error:
        if writes_of(connection) != before:
            raise
        return None, error
    works.append(work)
    return result, None
