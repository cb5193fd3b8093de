"""A SQLite database as a file: copying it while it is used, looking it through, replacing it."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from app.storage import feed, revisions
from app.storage.database import run, using

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database while it is open, and after a crash."""

# SQLite locks these bytes of a database: https://www.sqlite.org/fileformat.html#the_lock_byte_page
_LOCKED_FROM, _LOCKED = 0x40000000, 512


class Unfit(Exception):
    """A file or database is not what it has to be; the text says why."""


class InUse(Exception):
    """Somebody else has the database open."""


def copy(source: Path, target: Path, *, used: bool) -> None:
    """Copy a database as of one moment, in one file; writers of the source are not held up.

    `used`: others may open the source meanwhile. Raises `Unfit`.
    """
    try:
        with closing(_opened(source, used=used)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise _unfit(error) from None


def _unfit(error: sqlite3.Error) -> Unfit:
    if isinstance(error, sqlite3.OperationalError):
        return Unfit(f"cannot be read or copied: {error}")
    return Unfit(f"is no SQLite database, or a damaged one: {error}")


def _opened(source: Path, *, used: bool = False) -> sqlite3.Connection:
    """Open a file to read; beside one that is not used, nothing is made."""
    is_live = used or any(Path(f"{source}{suffix}").exists() for suffix in BESIDE)
    mode = "mode=rw" if is_live else "mode=ro&immutable=1"
    made = sqlite3.connect(f"{source.absolute().as_uri()}?{mode}", uri=True, timeout=10)
    made.execute("PRAGMA query_only=ON")
    return made


def revision_of(path: Path) -> str:
    """Look through a whole database that nobody has open; return its revision. Raises `Unfit`."""
    try:
        with closing(_opened(path)) as connection:
            return _looked_through(connection)
    except sqlite3.Error as error:
        raise _unfit(error) from None


def _looked_through(connection: sqlite3.Connection) -> str:
    named = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    if not named >= {"alembic_version", "agency", "report"}:
        raise Unfit("is no database of Gongkai")
    (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if told != "ok":
        raise Unfit(f"is damaged: {told}")
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        raise Unfit("has rows that refer to others that are not there")
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return require_known(found and found[0])


def require_known(revision: str | None) -> str:
    """Return a revision. Raises `Unfit` if this code does not know it."""
    if revision not in revisions.known():
        raise Unfit(
            f"is of a newer Gongkai, or of none: this one does not know revision {revision}"
        )
    return revision


def last_change(path: Path) -> int | None:
    """Return the number of the last change in a database; None if that cannot be read."""
    with suppress(sqlite3.Error), closing(_opened(path)) as connection:
        return int(connection.execute("SELECT seq FROM clock").fetchone()[0])
    return None


def start_feed_anew(path: Path, lost: int | None) -> None:
    """Let the feed in a database that nobody has open begin anew; see `feed.start_anew`."""
    with using(sa.create_engine(sa.URL.create("sqlite", database=str(path)))) as engine:
        run(engine, lambda connection: feed.start_anew(connection, lost))


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep others from a database that nobody has open. Raises `InUse`.

    Whoever has it open holds a lock on some of its bytes, even if nothing is done; whatever is in
    the file, so that a damaged one can be held, too.
    """
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKED, _LOCKED_FROM)
        except OSError:
            raise InUse from None
        yield


def move(source: Path, target: Path) -> None:
    """Give a database another name, with what belongs to it."""
    for suffix in ("", *BESIDE):
        with suppress(FileNotFoundError):
            Path(f"{source}{suffix}").rename(f"{target}{suffix}")


def settle(path: Path) -> None:
    """Wait until the disk has a file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
