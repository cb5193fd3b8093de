"""Reading from a streaming replica of PostgreSQL, which is never older than it may be.

Positions are those of the write-ahead log, as numbers. A replica may be read once it has replayed
the fence. Where it has not, it is given a moment: it lags by milliseconds, and if every read went
to the primary meanwhile, each would raise the fence again and the replica would never be used. One
that does not make it in time, or is away, is left alone until a look at it, every second, finds it
there again. Reads go to the primary until then, and nobody notices.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from prometheus_client import Counter, Gauge
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from app.errors import AppError
from app.storage.fence import Fence
from app.storage.statements import Prepared, guarded, let_go

T = TypeVar("T")
Use = Callable[[Connection], T]
Turn = Callable[[Use[Any]], Coroutine[Any, Any, Any]]

BEAT = 1.0
"""Seconds between two looks at the replica."""
SILENCE = 4.0
"""Seconds without an answer after which it is away."""
_MOMENT = 0.02  # seconds that it is given to catch up
_STEP = 0.001

READS = Counter("gongkai_reads_total", "Reads of requests, by who answered", ["server"])
BEHIND = Gauge(
    "gongkai_replica_behind_bytes",
    "Write-ahead log that the replica has still to replay; -1: it is away",
    multiprocess_mode="mostrecent",
)

# What is committed is on the primary's disk before anybody sees it, unless that is switched off.
_WRITTEN = Prepared(
    sa.text(
        "SELECT CAST(pg_wal_lsn_diff(CASE WHEN current_setting('synchronous_commit') = 'off'"
        " THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END, '0/0') AS bigint)"
    )
)
_REPLAYED = Prepared(
    sa.text(
        "SELECT CAST(CASE WHEN pg_is_in_recovery()"
        " THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') END AS bigint)"
    )
)
_WHICH = Prepared(
    sa.text(
        "SELECT CAST(system_identifier AS text), CAST(d.oid AS bigint)"
        " FROM pg_control_system(), pg_database AS d WHERE d.datname = current_database()"
    )
)
_KNOWN = "replayed"
_IDENTITY = "identity"


def identity(connection: Connection) -> tuple[Any, ...]:
    """Return what a database and its replicas have in common, and no other has."""
    if _IDENTITY not in connection.info:
        connection.info[_IDENTITY] = tuple(_WHICH.row(connection, {}))
    found: tuple[Any, ...] = connection.info[_IDENTITY]
    return found


def replayed(connection: Connection) -> int | None:
    """Return how far a replica is; None if the server is none, or has replayed nothing."""
    found: int | None = _REPLAYED.row(connection, {})[0]
    return found


def written(connection: Connection) -> int:
    """Return a position of the primary that nothing is beyond that anybody has seen committed."""
    return int(_WRITTEN.row(connection, {})[0])


class Primary:
    """What is known of the primary: the fence, and which database it is."""

    def __init__(self, fence: Fence) -> None:
        self.fence = fence
        self.identity: tuple[Any, ...] | None = None

    def noting(self, use: Use[T]) -> Use[T]:
        """Return a use of the primary after which the fence is where the primary was."""

        def noted(connection: Connection) -> T:
            try:
                result = use(connection)
            except AppError:  # tells of what was read, too
                self.note(connection)
                raise
            self.note(connection)
            return result

        return noted

    def note(self, connection: Connection) -> None:
        """Raise the fence to where the primary is."""
        position = written(connection)
        self.identity = identity(connection)
        self.fence.rise(position)


class Replica:
    """A replica, as one worker knows it: which reads it may answer, and how it is."""

    def __init__(self, engine: Engine, primary: Primary, turn: Turn) -> None:
        """`turn` lets a thread use a connection to the replica."""
        self._engine, self._primary, self._turn = engine, primary, turn
        self._heard = float("-inf")
        self._is_in_time = False
        self._by_replica, self._by_primary = READS.labels("replica"), READS.labels("primary")
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="replica", daemon=True)
        self._thread.start()

    @property
    def state(self) -> str:
        """How the replica is: `current`, `behind`, or `away`."""
        if not self._is_there:
            return "away"
        return "current" if self._is_in_time else "behind"

    @property
    def _is_there(self) -> bool:
        return time.monotonic() - self._heard < SILENCE

    async def run(self, use: Use[T]) -> tuple[bool, T | None]:
        """Return whether the replica has answered, and what."""
        answered, result = False, None
        if self._is_in_time and self._is_there:
            answered, result = await self._asked(use)
        (self._by_replica if answered else self._by_primary).inc()
        return answered, result

    async def _asked(self, use: Use[T]) -> tuple[bool, T | None]:
        waiting = asyncio.ensure_future(self._turn(partial(self._checked, use)))
        try:
            while self._is_there:
                await asyncio.wait({waiting}, timeout=BEAT)
                if waiting.done():
                    answer: tuple[bool, T | None] = waiting.result()
                    return answer
        except SQLAlchemyError:  # lost, or what it read was removed under it
            self._is_in_time = False
        finally:
            waiting.cancel()
        return False, None

    def _checked(self, use: Use[T], connection: Connection) -> tuple[bool, T | None]:
        if self._catches_up(connection):
            return True, use(connection)
        self._is_in_time = False
        return False, None

    def _catches_up(self, connection: Connection) -> bool:
        """Tell whether the replica reaches the fence within a moment.

        What it has replayed it does not lose: as long as the fence stays, it is not asked again.
        """
        wanted = self._primary.fence.position
        if not wanted or identity(connection) != self._primary.identity:
            return False
        end = time.monotonic() + _MOMENT
        while connection.info.get(_KNOWN, -1) < wanted:
            found = replayed(connection)
            if found is None:
                return False
            connection.info[_KNOWN] = found
            if found < wanted:
                if time.monotonic() > end:
                    return False
                time.sleep(_STEP)
        return True

    def _watch(self) -> None:
        connection: Connection | None = None
        while not self._is_ending.is_set():
            try:
                if connection is None:
                    connection = self._engine.connect()
                self._look(connection)
            except SQLAlchemyError:
                self._heard, self._is_in_time = float("-inf"), False
                BEHIND.set(-1)
                let_go(connection)
                connection = None
            self._is_ending.wait(BEAT)
        let_go(connection)

    def _look(self, connection: Connection) -> None:
        found = replayed(connection)
        connection.info[_KNOWN] = -1 if found is None else found
        is_in_time = self._catches_up(connection)
        self._heard, self._is_in_time = time.monotonic(), is_in_time
        BEHIND.set(max(0, self._primary.fence.position - connection.info[_KNOWN]))

    def close(self) -> None:
        """Stop looking at it; a look that hangs is left behind."""
        self._is_ending.set()
        self._thread.join(timeout=BEAT)


def health(connection: Connection) -> tuple[tuple[Any, ...], int | None, float | None]:
    """Return which database a replica is of, how far it is, and by how many seconds it lags."""
    with guarded(connection):
        lag = connection.scalar(
            sa.text(
                "SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0"
                " ELSE EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END"
            )
        )
    return identity(connection), replayed(connection), None if lag is None else float(lag)
