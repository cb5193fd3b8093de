"""Imports in the background: one at a time in each worker, taken up again if a worker dies.

The file and the job are in the database, so any worker on any machine can run it. Its owner shows
signs of life; a job whose owner is gone is claimed by another. Whoever ends a job, or stores a
part of it, does so only if the job is still its own, in the same transaction: so two that take
each other for dead store nothing twice.
"""

import asyncio
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from app.errors import AppError
from app.services import importing
from app.services.importing import Plan, Read
from app.services.reporting import now
from app.services.spooling import PIECE, packed, unpacked
from app.settings import Settings
from app.storage import imports
from app.storage.acting import SYSTEM, Act, by
from app.storage.database import Database
from app.storage.imports import Job
from app.storage.staging import Outcome, Staging, is_full
from app.storage.turns import Use

log = structlog.get_logger("gongkai")

T = TypeVar("T")
Pieces = Callable[[], Iterable[bytes]]
Reader = Callable[[str, Pieces, Staging], Iterator[Read]]
"""Reads a file of a format into reports."""

_POLL = 5.0  # seconds between two looks for jobs of others
_BEAT = 0.5  # seconds between two signs of life
MOST_LOST = 5
"""After how many workers in a row that were gone, and stored nothing of it, a job is given up."""
_ME = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4()}"


class _Stopped(Exception):
    """The worker is told to end."""


class _Lost(Exception):
    """Another worker has taken the job over."""


def is_claimable(job: Job) -> bool:
    """Tell whether nobody runs a job that has not ended."""
    if job.owner is None or job.lease_until is None or job.lease_until < now():
        return True
    host, pid, token = job.owner.rsplit("/", 2)
    my_host, my_pid, my_token = _ME.rsplit("/", 2)
    if host != my_host:
        return False
    return token == my_token or pid == my_pid or not _is_alive(int(pid))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class Beside:
    """Where an import on SQLite says how far it is while it writes: in a file beside the database.

    Its own transaction holds the one writer, and what it writes there is not seen before it ends.
    """

    def __init__(self, settings: Settings) -> None:
        path = make_url(settings.database_url).database
        self._base = path if settings.is_sqlite else None

    @property
    def is_used(self) -> bool:
        """Tell whether the database is one of a single writer."""
        return self._base is not None

    def _path(self, job: str) -> Path:
        return Path(f"{self._base}-import-{job}")

    def write(self, job: str, **values: Any) -> None:
        """Say how far a job is."""
        with suppress(OSError):  # the import itself can do without
            self._path(job).write_text(json.dumps(values))

    def seen(self, job: Job) -> Job:
        """Return a job with what was said of it last."""
        if self.is_used and job.state == "running":
            with suppress(OSError, ValueError):
                return replace(job, **json.loads(self._path(job.id).read_text()))
        return job

    def forget(self, job: str) -> None:
        """Remove the file."""
        if self.is_used:
            with suppress(OSError):
                self._path(job).unlink(missing_ok=True)


@dataclass(slots=True)
class _Run:
    """A job that is being run: how far it is, and what stops it."""

    job: Job
    staging: Staging
    phase: str = "reading"
    bytes: int = 0
    lines: int = 0
    written: int = 0
    last_beat: float = 0.0
    pending: Any = None

    @property
    def plan(self) -> Plan:
        """How the job is meant."""
        return Plan(self.job.mode, self.job.dry_run, patient=True)

    @property
    def progress(self) -> dict[str, Any]:
        """How far the job is."""
        return {
            "phase": self.phase,
            "bytes": self.bytes,
            "lines": self.lines,
            "written": self.written,
            "updated_at": now(),
        }


class Importer:
    """Runs imports one after the other."""

    def __init__(self, database: Database, settings: Settings, reader: Reader) -> None:
        self._database, self._settings, self._reader = database, settings, reader
        self.beside = Beside(settings)
        self._wanted = asyncio.Event()
        self._stopping = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._serve(), name="imports")

    def wake(self) -> None:
        """Look for jobs now."""
        self._wanted.set()

    async def stop(self) -> None:
        """End as soon as what is being done can be left; a job that has begun is given back."""
        self._stopping.set()
        self._wanted.set()
        await self._task

    async def _serve(self) -> None:
        while not self._stopping.is_set():
            self._wanted.clear()
            job = None
            try:
                job = await self._claimed()
                if job is not None and job.lost < MOST_LOST:
                    await asyncio.to_thread(self._run, job)
                elif job is not None:
                    log.error("import given up", job=job.id, lost=job.lost)
                    await self._give_up(job)
            except _Lost:
                log.warning("import taken over", job=job and job.id)
            except Exception as error:
                await self._let_go(job, error)
            else:
                if job is not None:
                    continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), _POLL)

    async def _claimed(self) -> Job | None:
        waiting = await self._database.exact(imports.waiting)
        for job in filter(is_claimable, waiting):
            claim = partial(
                imports.claim,
                job=job,
                owner=_ME,
                time=now(),
                lease_until=now(self._settings.import_lease),
            )
            claimed = await self._database.alter(claim)
            if claimed is not None:
                return claimed
        return None

    async def _let_go(self, job: Job | None, error: Exception) -> None:
        if isinstance(error, _Stopped | SQLAlchemyError) or is_full(error):
            await self._give_back(job, error)
        else:  # a defect of ours must not be tried for ever
            log.error("import failed", job=job and job.id, exc_info=error)
            await self._give_up(job)

    async def _give_back(self, job: Job | None, error: Exception) -> None:
        if not isinstance(error, _Stopped):
            log.warning("import interrupted", job=job and job.id, error=str(error))
        if job is not None:
            with suppress(SQLAlchemyError):  # or else its lease ends
                await self._database.alter(partial(imports.release, identity=job.id, owner=_ME))

    async def _give_up(self, job: Job | None) -> None:
        if job is None:
            return
        values = {"phase": "ended", "bytes": job.bytes, "lines": job.lines, "written": 0}
        values |= {"state": "failed", "counts": None, "updated_at": now()}
        with suppress(SQLAlchemyError):  # or else its lease ends, and it is tried once more
            await self._database.alter(
                lambda connection: imports.end(connection, job.id, _ME, iter(()), **values)
            )
        self.beside.forget(job.id)

    # In a thread

    def _wait(self, waited: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(waited, self._loop).result()

    def _run(self, job: Job) -> None:
        with closing(Staging()) as staging:
            run = _Run(job, staging)
            read = self._reader(job.format, partial(self._pieces, run), staging)
            try:
                owned = importing.owned(read, job.only)
                importing.stage(staging, owned, partial(self._has_read, run))
            except AppError as error:
                importing.stage(staging, [importing.unreadable(error)], lambda _: None)
            run.phase, run.last_beat = "writing", 0.0
            if job.mode == "partial" and not job.dry_run:
                self._store_in_parts(run)
            else:
                self._wait(self._alter(run, partial(self._store, run)))
            self.beside.forget(job.id)

    def _pieces(self, run: _Run) -> Iterator[bytes]:
        run.bytes = 0
        yield from map(partial(self._counted, run), self._kept(run.job, "upload"))

    def _counted(self, run: _Run, piece: bytes) -> bytes:
        run.bytes += len(piece)
        return piece

    def _kept(self, job: Job, kind: str) -> Iterator[bytes]:
        position = 0
        while True:
            read = partial(imports.piece, identity=job.id, kind=kind, position=position)
            piece = self._wait(self._database.exact(read))
            if piece is None:
                return
            yield unpacked(piece)
            position += 1

    def _is_due(self, run: _Run) -> bool:
        if self._stopping.is_set():
            raise _Stopped
        if time.monotonic() - run.last_beat < _BEAT:
            return False
        run.last_beat = time.monotonic()
        return True

    def _beat(self, run: _Run) -> Coroutine[Any, Any, bool]:
        lease = now(self._settings.import_lease)
        values = run.progress | {"lease_until": lease}
        return self._database.alter(lambda c: imports.progress(c, run.job.id, _ME, **values))

    def _has_read(self, run: _Run, lines: int) -> None:
        run.lines += lines
        if self._is_due(run) and not self._wait(self._beat(run)):
            raise _Lost

    def _has_written(self, run: _Run, lines: int) -> None:
        """Say how far it is, from within a transaction: nobody may be waited for here."""
        run.written += lines
        if not self._is_due(run):
            return
        if self.beside.is_used:
            self.beside.write(run.job.id, **run.progress)
        elif run.pending is None or run.pending.done():
            run.pending = asyncio.run_coroutine_threadsafe(self._beat(run), self._loop)

    def _alter(self, run: _Run, use: Use[T]) -> Coroutine[Any, Any, T]:
        """Write in the name of who sent the job."""
        act = Act(run.job.actor or SYSTEM.actor, operation=f"import {run.job.id}")
        return self._database.alter(by(act, use))

    def _store(self, run: _Run, connection: Connection) -> None:
        run.written = 0
        importing.store(connection, run.staging, run.plan, partial(self._has_written, run))
        self._end(run, connection)

    def _store_in_parts(self, run: _Run) -> None:
        """Store so many agencies to a transaction, after those of an earlier run."""
        parts = 0
        for part in self._kept(run.job, "part"):
            parts += 1
            outcomes = list(map(_outcome, part.splitlines()))
            run.staging.settle(outcomes)
            run.written += len(outcomes)
        after = run.job.marker or ""
        while codes := importing.next_agencies(run.staging, after):
            store = partial(self._store_part, run, codes, parts)
            self._has_written(run, self._wait(self._alter(run, store)))
            after, parts = codes[-1], parts + 1
        self._wait(self._database.alter(partial(self._end, run)))

    def _store_part(
        self, run: _Run, codes: list[str], position: int, connection: Connection
    ) -> int:
        facts = importing.lock_years(connection, run.staging, run.plan)
        lines = importing.store_some(connection, run.staging, codes, facts)
        lease = now(self._settings.import_lease)
        if not imports.mark(connection, run.job.id, _ME, marker=codes[-1], lease_until=lease):
            raise _Lost
        importing.tell(connection, run.staging)
        outcomes = b"\n".join(run.staging.outcomes_of(codes[0], codes[-1]))
        imports.add_pieces(connection, run.job.id, "part", [packed(outcomes)], position)
        return lines

    def _end(self, run: _Run, connection: Connection) -> None:
        counts = importing.counts(run.staging)
        is_atomic = run.job.mode == "atomic"
        has_failed = run.staging.is_given_up or (is_atomic and counts["failed"] > 0)
        run.phase = "ended"
        is_mine = imports.end(
            connection,
            run.job.id,
            _ME,
            _in_pieces(importing.outcomes(run.staging)),
            state="failed" if has_failed else "done",
            counts=counts,
            **run.progress,
        )
        if not is_mine:
            raise _Lost


def _outcome(line: bytes) -> Outcome:
    said = json.loads(line)
    return Outcome(said["line"], said["outcome"], line)


def _in_pieces(outcomes: Iterable[bytes]) -> Iterator[bytes]:
    """Pack outcomes as NDJSON, so that no line is in two pieces."""
    waiting: list[bytes] = []
    size = 0
    for each in outcomes:
        waiting.append(each)
        size += len(each)
        if size >= PIECE:
            yield packed(b"\n".join(waiting) + b"\n")
            waiting, size = [], 0
    if waiting:
        yield packed(b"\n".join(waiting) + b"\n")


def expiry(settings: Settings) -> str:
    """Return the time before which imports that ended are forgotten."""
    return now(-settings.import_days * 86_400)
