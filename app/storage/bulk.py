"""Writing many reports at once, in as few statements as the database takes.

On SQLite each kind of row is one `executemany`; on PostgreSQL rows are copied in. What is replaced
is deleted first, but for the rows of reports themselves, on which the others depend.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import col

from app.domain.report import PROSE, Agency
from app.storage import audit, feed, models, reports
from app.storage.acting import actor_of, signed
from app.storage.feed import Change
from app.storage.layers import sight_of, written
from app.storage.models import DerivedDocument, DerivedFinding
from app.storage.reports import Stored
from app.storage.statements import AMONG, Prepared, guarded, look_for_keys, note_write

_IMPORT_LOCK = 0x696D706F  # "impo"

_DOCUMENT = DerivedDocument.__table__
_FINDING = DerivedFinding.__table__
_KEEP = {kind: Prepared(reports.kept_of(is_in)) for kind, is_in in AMONG.items()}

Key = tuple[str, int]
Row = tuple[Any, ...]


def take_turn(connection: Connection, *, patiently: bool) -> None:
    """Let one import at a time write, so that no two wait for each other's agencies.

    `patiently` waits as long as it takes. On SQLite there is only one writer anyway.
    """
    look_for_keys(connection)
    if connection.dialect.name == "postgresql":
        if patiently:
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:k)"), {"k": _IMPORT_LOCK})


@contextmanager
def savepoint(connection: Connection) -> Iterator[Callable[[], None]]:
    """Open a savepoint; what is yielded undoes all that was written since."""

    def undo() -> None:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT import")

    connection.exec_driver_sql("SAVEPOINT import")
    yield undo
    connection.exec_driver_sql("RELEASE SAVEPOINT import")


def _agencies(is_in: Callable[[Any], Any]) -> Prepared:
    agency = models.Agency
    return Prepared(
        sa.select(col(agency.code), col(agency.name), col(agency.kind), col(agency.level))
        .where(is_in(col(agency.code)))
        .order_by(col(agency.code))
        .with_for_update(key_share=True)
    )


_LOCK = {kind: _agencies(is_in) for kind, is_in in AMONG.items()}
_KNOWN = {
    kind: Prepared(sa.select(col(models.Agency.code)).where(is_in(col(models.Agency.code))))
    for kind, is_in in AMONG.items()
}
_RETIRED = {
    kind: Prepared(
        sa.select(col(models.Retired.key), col(models.Retired.revision)).where(
            is_in(col(models.Retired.key))
        )
    )
    for kind, is_in in AMONG.items()
}


def known(connection: Connection, codes: Iterable[str]) -> set[str]:
    """Return which of these agencies are registered."""
    found = _KNOWN[connection.dialect.name].rows(connection, {"each": json.dumps(list(codes))})
    return {code for (code,) in found}


def lock(connection: Connection, codes: Iterable[str]) -> dict[str, Agency]:
    """Return those that are registered, and keep others from writing their reports, in order."""
    found = _LOCK[connection.dialect.name].rows(connection, {"each": json.dumps(list(codes))})
    return {row[0]: Agency(*row) for row in found}


_YEARS = Prepared(sa.select(col(models.ReportingYear.year)))


def registered_years(connection: Connection) -> set[int]:
    """Return the reporting years that there are."""
    return {year for (year,) in _YEARS.rows(connection, {})}


def retired(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """Return the last revisions of what was deleted."""
    found = _RETIRED[connection.dialect.name].rows(connection, {"each": json.dumps(list(keys))})
    return {row[0]: row[1] for row in found}


@dataclass(slots=True)
class Batch:
    """What is to be written.

    `reports` has for each report that is written what was stored and what is from now on;
    `documents` has for each that is derived anew what was known of its document.
    """

    reports: list[tuple[Stored | None, Stored]] = field(default_factory=list)
    inserts: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    deletes: dict[str, list[Key]] = field(default_factory=lambda: defaultdict(list))

    def put(self, old: Stored | None, new: Stored, tables: Iterable[str]) -> None:
        """Write a report, of whose tables these differ from what is stored."""
        self.reports.append((old, new))
        key = new.report.key
        before: Mapping[str, Any] = old.report.filings if old else {}
        for table in tables:
            row = reports.filing_columns(new.report, table, new.tables[table])
            self.inserts[f"filing_{table}"].append(row)
            if table in before:
                self.deletes[f"filing_{table}"].append(key)
        for table in before:
            if table not in new.report.filings:
                self.deletes[f"filing_{table}"].append(key)

    def derive(
        self, stored: Stored, columns: Mapping[str, Any], findings: Sequence[tuple[Any, ...]]
    ) -> None:
        """Write a report's document. `columns` and `findings` are those of `save_document`."""
        key = stored.report.key
        if stored.derived is not None:
            self.deletes["derived_document"].append(key)
            if stored.derived.has_findings:
                self.deletes["derived_finding"].append(key)
        row = tuple(columns[name] for name in reports.beside_key(_DOCUMENT))
        self.inserts["derived_document"].append((*key, *row))
        self.inserts["derived_finding"] += [(*key, *found) for found in findings]


_TABLES: dict[str, Any] = reports.TABLES | {
    "change": models.Change.__table__,
    "audit_entry": models.AuditEntry.__table__,
}
_INSERT = reports.INSERT | {"change": feed.INSERT, "audit_entry": audit.INSERT}
_POSTGRES_TYPES = {
    "BIGINT": "int8",
    "INTEGER": "int4",
    "BOOLEAN": "bool",
    "BLOB": "bytea",
    "TEXT": "text",
}


def write(connection: Connection, batch: Batch) -> None:
    """Write a batch. Its agencies are locked, so what it replaces is what is there."""
    for name, keys in batch.deletes.items():
        reports.DELETE[name].run_rows(connection, ("agency", "year"), keys)
    changed = [stored for old, stored in batch.reports if old is not None]
    reports.UPDATE_REPORT.run_rows(
        connection,
        (*(f"new_{name}" for name in reports.CHANGING), "agency", "year"),
        [_changes(stored) for stored in changed],
    )
    insert(connection, batch)
    codes = {stored.report.key[0] for _, stored in batch.reports}
    given = {"each": json.dumps(list(codes)), "actor": actor_of(connection)}
    _KEEP[connection.dialect.name].run(connection, given)


def insert(connection: Connection, batch: Batch) -> None:
    """Write the rows of a batch that are new."""
    new = [reports.report_columns(stored) for old, stored in batch.reports if old is None]
    for name, rows in ({"report": new} | batch.inserts).items():
        _insert(connection, name, rows)


class Behind:
    """Writes batches with a connection, on PostgreSQL each on a thread while the next is made.

    Whoever uses the connection for something else waits first. On SQLite there is no server to wait
    for, and a batch is written at once.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, "bulk-writer")
        self._written: Future[None] | None = None

    def __enter__(self) -> "Behind":
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        self._thread.shutdown()
        if failed is None:
            self.wait()

    def write(self, batch: Batch) -> None:
        """Begin to write a batch; the one before it is written."""
        if self._connection.dialect.name == "sqlite":
            write(self._connection, batch)
        else:
            self._written = self._thread.submit(write, self._connection, batch)

    def wait(self) -> None:
        """Wait until the connection is free. Raises what went wrong in writing."""
        written, self._written = self._written, None
        if written is not None:
            written.result()


def record(connection: Connection, changes: Sequence[Change]) -> None:
    """Record many changes in the feed and the audit log, as `feed.record` does a few."""
    feed.record_deferred(connection)
    work = feed.Work(signed(connection), changes)
    rows, entries = feed.numbered(connection, [work])
    _insert(connection, "change", rows)
    _insert(connection, "audit_entry", entries)


_FINDINGS = {
    kind: Prepared(
        sa.select(_FINDING.c.agency, _FINDING.c.year, _FINDING.c.body)
        .where(is_in(_FINDING.c.agency))
        .order_by(_FINDING.c.agency, _FINDING.c.year, _FINDING.c.position)
    )
    for kind, is_in in AMONG.items()
}


def findings(connection: Connection, codes: Iterable[str]) -> dict[Key, list[bytes]]:
    """Return the JSON of the failures of agencies' reports, by agency and year."""
    rows = _FINDINGS[connection.dialect.name].rows(connection, {"each": json.dumps(list(codes))})
    found: dict[Key, list[bytes]] = {}
    for agency, year, body in rows:
        found.setdefault((agency, year), []).append(bytes(body))
    return found


def _changes(stored: Stored) -> Row:
    report = stored.report
    prose = (getattr(report, name) for name in PROSE)
    moving = (getattr(stored, name) for name in reports.MOVING)
    return (*prose, *moving, *report.key)


def _insert(connection: Connection, name: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = _TABLES[name]
    if connection.dialect.name == "sqlite":
        _INSERT[name].run_rows(connection, _names(table), rows)
        return
    driver: Any = connection.connection.driver_connection
    columns = ", ".join(f'"{column}"' for column in _names(table))
    with guarded(connection), driver.cursor() as cursor:
        table_name = written(name, sight_of(connection))
        statement = f"COPY {table_name} ({columns}) FROM STDIN (FORMAT BINARY)"
        note_write(connection, statement)
        with cursor.copy(statement) as copy:
            copy.set_types([_postgres_type(column) for column in table.c])
            for row in rows:
                copy.write_row(row)


def _names(table: Any) -> tuple[str, ...]:
    return tuple(column.name for column in table.c)


def _postgres_type(column: Any) -> str:
    kind = column.type.compile()
    return _POSTGRES_TYPES.get(kind, "text")
