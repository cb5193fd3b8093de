"""What `gongkai doctor` asks a database; each question is one statement, and so one moment."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.report import Report

_POSTGRESQL = (
    "server_version", "server_encoding", "fsync", "full_page_writes", "synchronous_commit",
    "max_connections", "transaction_read_only",
)  # fmt: skip


def sqlite_facts(connection: Connection) -> dict[str, str]:
    """Return how SQLite is set up."""
    asked = {name: f"PRAGMA {name}" for name in ("journal_mode", "encoding", "synchronous")}
    told = {name: str(connection.exec_driver_sql(sql).scalar()) for name, sql in asked.items()}
    return {**told, "version": str(connection.exec_driver_sql("SELECT sqlite_version()").scalar())}


def postgresql_facts(connection: Connection) -> dict[str, str]:
    """Return how PostgreSQL is set up."""
    asked = ", ".join(f"current_setting('{name}')" for name in _POSTGRESQL)
    row = connection.exec_driver_sql(f"SELECT {asked}").one()
    return dict(zip(_POSTGRESQL, row, strict=True))


def time(connection: Connection) -> str | None:
    """Return the database's time in UTC, as the API shows it; None if it has none of its own."""
    if connection.dialect.name == "sqlite":
        return None
    shown = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    return str(connection.exec_driver_sql(f"SELECT {shown}").scalar())


def latest_change(connection: Connection) -> str | None:
    """Return the latest time that a change of the feed bears."""
    found: str | None = connection.scalar(sa.text("SELECT max(at) FROM change"))
    return found


@dataclass(frozen=True, slots=True)
class Feed:
    """What the clock says, and what there is of changes."""

    latest: int
    oldest: int
    count: int
    first: int | None
    last: int | None

    @property
    def is_whole(self) -> bool:
        """Tell whether there is each of the changes that the clock speaks of, and no other."""
        if self.count == 0:
            return self.latest == self.oldest - 1
        kept = self.latest - self.oldest + 1
        return (self.first, self.last, self.count) == (self.oldest, self.latest, kept)


def feed(connection: Connection) -> Feed:
    """Count the feed."""
    query = (
        "SELECT clock.seq, clock.oldest, f.many, f.low, f.high FROM clock,"
        " (SELECT count(*) AS many, min(seq) AS low, max(seq) AS high FROM change) AS f"
    )
    return Feed(*connection.execute(sa.text(query)).one())


def missing_change(connection: Connection) -> int | None:
    """Return the first number after which one is missing among the changes that are kept."""
    query = (
        "SELECT min(c.seq) FROM change AS c LEFT JOIN change AS n ON n.seq = c.seq + 1"
        " WHERE n.seq IS NULL"
    )
    found: int | None = connection.scalar(sa.text(query))
    return found


def damage(connection: Connection) -> str | None:
    """Return what is wrong with the pages and indexes of SQLite; None if nothing is."""
    told = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar())
    return None if told == "ok" else " ".join(told.split())


def lost_references(connection: Connection) -> list[str]:
    """Return the table of each row of SQLite that refers to one that is not there.

    SQLite leaves that to who writes, and its own command line does not look; PostgreSQL does.
    """
    return [str(row[0]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]


def derived(
    connection: Connection, report: Report
) -> tuple[dict[str, Any], list[tuple[int, str, str, bytes]]]:
    """Return what is stored of a report's document, as `reporting.derived_rows` makes it."""
    key = {"agency": report.agency.code if report.agency else None, "year": report.year}
    document = "SELECT * FROM derived_document WHERE agency = :agency AND year = :year"
    columns = dict(connection.execute(sa.text(document), key).mappings().one())
    findings = (
        "SELECT position, rule, severity, body FROM derived_finding"
        " WHERE agency = :agency AND year = :year ORDER BY position"
    )
    rows = connection.execute(sa.text(findings), key)
    return (
        {name: value for name, value in columns.items() if name not in key},
        [(*row[:3], bytes(row.body)) for row in rows],
    )


def orphans(connection: Connection) -> int:
    """Count the documents of reports that are not there."""
    query = (
        "SELECT count(*) FROM derived_document AS d WHERE NOT EXISTS"
        " (SELECT 1 FROM report AS r WHERE r.agency = d.agency AND r.year = d.year)"
    )
    return int(connection.scalar(sa.text(query)) or 0)


def agencies_with_reports(connection: Connection, most: int | None) -> list[str]:
    """Return the agencies that have reports, or so many of them, any."""
    if most is None:
        query = "SELECT DISTINCT agency FROM report ORDER BY agency"
        return list(connection.execute(sa.text(query)).scalars())
    query = (
        "SELECT agency FROM (SELECT DISTINCT agency FROM report) AS a ORDER BY random() LIMIT :most"
    )
    return list(connection.execute(sa.text(query), {"most": most}).scalars())


def count_stale(connection: Connection, rule_set: str) -> int:
    """Count the reports whose document is not there or of another rule set."""
    query = (
        "SELECT count(*) FROM report AS r LEFT JOIN derived_document AS d"
        " ON d.agency = r.agency AND d.year = r.year"
        " WHERE d.rule_set IS NULL OR d.rule_set <> :rule_set"
    )
    return int(connection.scalar(sa.text(query), {"rule_set": rule_set}) or 0)
