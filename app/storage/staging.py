"""What is being imported, between reading and writing: a database of its own that is thrown away.

SQLite keeps it in memory as far as its cache goes and in a nameless temporary file beyond, so that
an import of any size takes the same memory, and comes out in the order in which it is written.
"""

import errno
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from app.storage.feed import Change, values_of

_TABLES = """
PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF;
PRAGMA cache_size=-32768;
CREATE TABLE item (
    agency TEXT NOT NULL, year INTEGER NOT NULL, line INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (agency, year, line)
) WITHOUT ROWID;
CREATE TABLE outcome (line INTEGER PRIMARY KEY, outcome TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX failed ON outcome (line) WHERE outcome = 'failed';
CREATE TABLE cell (
    agency TEXT NOT NULL, year TEXT NOT NULL, line INTEGER NOT NULL,
    "table" TEXT NOT NULL, row TEXT NOT NULL, "column" TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (agency, year, line)
) WITHOUT ROWID;
CREATE TABLE change (
    at TEXT, resource TEXT, key TEXT, agency TEXT, year INTEGER, op TEXT, revision INTEGER,
    body BLOB, layer TEXT
);
BEGIN;
"""


_FULL = {errno.ENOSPC, errno.EDQUOT}


def is_full(error: Exception) -> bool:
    """Tell whether an error is that there was no room for a temporary file."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


class Item(NamedTuple):
    """A report that can be written: its key, the line it came from, and what it says."""

    agency: str
    year: int
    line: int
    body: bytes


class Outcome(NamedTuple):
    """What became of a line. `body` is JSON."""

    line: int
    outcome: str
    body: bytes


class Staging:
    """The database of one import; used by one thread at a time."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(_TABLES)
        self._years: list[int] | None = None
        self._has_started = False
        self.is_given_up = False

    def give_up(self) -> None:
        """Let nothing be written of all that was kept."""
        self.is_given_up = True

    def start(self) -> None:
        """Start to write; what came of an earlier attempt, which was undone, is forgotten."""
        if self._has_started:
            self.forget_changes()
            self._database.execute("DELETE FROM outcome WHERE line IN (SELECT line FROM item)")
        self._has_started = True

    def close(self) -> None:
        """Throw everything away."""
        self._database.close()

    def add(self, items: Iterable[Item]) -> None:
        """Keep reports until they are written."""
        self._years = None
        self._database.executemany("INSERT INTO item VALUES (?, ?, ?, ?)", items)

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Keep what became of lines, in place of what was known."""
        self._database.executemany("INSERT OR REPLACE INTO outcome VALUES (?, ?, ?)", outcomes)

    def skip(self) -> None:
        """Let nothing that did not fail have had an outcome: all was undone."""
        self._database.execute("DELETE FROM outcome WHERE outcome <> 'failed'")

    def years(self) -> list[int]:
        """Return the years that reports are on."""
        if self._years is None:
            query = "SELECT DISTINCT year FROM item ORDER BY year"
            self._years = [year for (year,) in self._database.execute(query)]
        return self._years

    def agencies(self, after: str, size: int, most: int) -> list[str]:
        """Return the next agencies, so many that their reports have about `size` bytes."""
        query = (
            "SELECT agency, sum(length(body)) FROM item WHERE agency > ?"
            " GROUP BY agency ORDER BY agency LIMIT ?"
        )
        found: list[str] = []
        if self.is_given_up:
            return found
        for agency, bytes_of_it in self._database.execute(query, (after, most)):
            found.append(agency)
            size -= bytes_of_it
            if size <= 0:
                break
        return found

    def items(self, first: str, last: str) -> Iterator[Item]:
        """Yield the reports of some agencies by agency, year and line."""
        query = "SELECT * FROM item WHERE agency BETWEEN ? AND ? ORDER BY agency, year, line"
        return map(Item._make, self._database.execute(query, (first, last)))

    def keys(self, first: str = "", last: str = "\U0010ffff") -> Iterator[tuple[str, int, int]]:
        """Yield agency, year and line of the reports of some agencies, or of all."""
        query = (
            "SELECT agency, year, line FROM item WHERE agency BETWEEN ? AND ?"
            " ORDER BY agency, year, line"
        )
        return iter(self._database.execute(query, (first, last)))

    def counts(self) -> dict[str, int]:
        """Count the lines by their outcome; `sent` is how many there are."""
        query = "SELECT outcome, count(*) FROM outcome GROUP BY outcome"
        counts = dict(self._database.execute(query))
        unsettled = (
            "SELECT count(*) FROM item WHERE NOT EXISTS"
            " (SELECT 1 FROM outcome WHERE outcome.line = item.line)"
        )
        (skipped,) = self._database.execute(unsettled).fetchone()
        if skipped:
            counts["skipped"] = skipped
        return {"sent": sum(counts.values()), **counts}

    def has_failures(self) -> bool:
        """Tell whether a line failed."""
        query = "SELECT EXISTS (SELECT 1 FROM outcome WHERE outcome = 'failed')"
        return bool(self._database.execute(query).fetchone()[0])

    def failures(self, limit: int) -> Iterator[Outcome]:
        """Yield the first lines that failed."""
        query = "SELECT * FROM outcome WHERE outcome = 'failed' ORDER BY line LIMIT ?"
        return map(Outcome._make, self._database.execute(query, (limit,)))

    def outcomes(self) -> Iterator[tuple[int, bytes | None, str | None, int | None]]:
        """Yield every line with its outcome; of one that has none its agency and year."""
        query = (
            "SELECT line, body, NULL, NULL FROM outcome UNION ALL"
            " SELECT line, NULL, agency, year FROM item WHERE NOT EXISTS"
            " (SELECT 1 FROM outcome WHERE outcome.line = item.line) ORDER BY 1"
        )
        return iter(self._database.execute(query))

    def outcomes_of(self, first: str, last: str) -> Iterator[bytes]:
        """Yield what became of the reports of some agencies."""
        query = (
            "SELECT outcome.body FROM item JOIN outcome USING (line)"
            " WHERE item.agency BETWEEN ? AND ? ORDER BY line"
        )
        return (body for (body,) in self._database.execute(query, (first, last)))

    def add_changes(self, changes: Iterable[Change]) -> None:
        """Keep what is to be told in the feed."""
        self._database.executemany(
            "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(values_of, changes)
        )

    def changes(self) -> Iterator[Change]:
        """Yield what is to be told, in the order in which it was added."""
        query = "SELECT * FROM change ORDER BY rowid"
        return (Change(*row) for row in self._database.execute(query))

    def forget_changes(self) -> None:
        """Drop what was told, or written in a transaction that was undone."""
        self._database.execute("DELETE FROM change")

    def add_cells(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Keep rows of a long table: agency, year, line of the file, table, row, column, value."""
        self._database.executemany("INSERT INTO cell VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def cells(self) -> Iterator[tuple[str, str, int, str, str, str, str]]:
        """Yield those rows by agency, year and line."""
        return iter(self._database.execute("SELECT * FROM cell ORDER BY agency, year, line"))
