"""Migrations: up, down and up again, on both databases; what the database itself refuses."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command as alembic
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from app.domain.layout import LARGEST, Unit
from app.forms import cells_of
from app.services import maintaining
from app.storage import migrate, models, published, revisions
from app.storage.database import using, write_engine
from tests.conftest import command, environment, execute, quiet, reading

_WAITING = " WHERE datname = current_database() AND wait_event = 'advisory'"
STAMP = "2026-01-02T03:04:05.000006Z"

published.add_tables()


@pytest.fixture
def empty(empty_url: str) -> Iterator[Engine]:
    """An engine of a database without tables."""
    with using(write_engine(quiet(empty_url), foreign_keys=False)) as made:
        yield made


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to a migrated database with one agency, whose report on 2024 is blank."""
    engine = write_engine(quiet(database_url))
    stamps = {"revision": 1, "created_at": STAMP, "updated_at": STAMP}
    with engine.connect() as made:
        agency = {"code": "a", "name": "局", "kind": "office", "level": "city", "search": "\na"}
        made.execute(sa.insert(models.Agency), agency | stamps | {"uscc_unchecked": False})
        made.execute(sa.insert(models.Report), {"agency": "a", "year": 2024} | stamps)
        yield made
        made.rollback()
    engine.dispose()


def tables(connection: Connection) -> set[str]:
    """Return the names of the tables."""
    return set(sa.inspect(connection).get_table_names())


def years(connection: Connection) -> list[int]:
    """Return the reporting years."""
    found = connection.execute(sa.select(models.ReportingYear.__table__.c.year))
    return sorted(found.scalars())


# Up and down


def test_migrations_go_up_and_down_and_up_again(empty: Engine) -> None:
    expected = {*SQLModel.metadata.tables, "alembic_version"}
    for _ in range(2):
        with empty.begin() as connection:
            migrate.upgrade(connection)
        with empty.begin() as connection:
            assert tables(connection) == expected
            assert revisions.current(connection) == revisions.head()
            alembic.downgrade(migrate.config(connection), "base")
        with empty.begin() as connection:
            assert tables(connection) <= {"alembic_version"}
            assert revisions.current(connection) is None


def test_each_revision_goes_up_and_down_by_itself(empty: Engine) -> None:
    with empty.begin() as connection:
        while revisions.current(connection) != revisions.head():
            before = revisions.current(connection)
            migrate.upgrade(connection, "+1")
            alembic.downgrade(migrate.config(connection), "-1")
            assert revisions.current(connection) == before
            migrate.upgrade(connection, "+1")


def test_what_older_tables_cannot_hold_is_not_migrated_down(connection: Connection) -> None:
    """An agency that followed another twice."""
    agency = {"name": "局", "kind": "office", "level": "city", "search": "\nb"}
    stamps = {"revision": 1, "created_at": STAMP, "updated_at": STAMP, "uscc_unchecked": False}
    connection.execute(sa.insert(models.Agency), {"code": "b"} | agency | stamps)
    said = {"predecessor": "a", "successor": "b", "kind": "split", "created_at": STAMP}
    for year in (2021, 2024):
        when = {"id": str(year), "effective_on": f"{year}-03-01", "year": year}
        connection.execute(sa.insert(models.Succession), said | when)
    with pytest.raises(ValueError, match="delete all but one"):
        alembic.downgrade(migrate.config(connection), "2026112801")


def test_migrations_make_what_the_models_say(empty: Engine) -> None:
    with empty.begin() as connection:
        migrate.upgrade(connection)
        alembic.check(migrate.config(connection))


@pytest.mark.parametrize(
    "difference",
    [
        "DROP INDEX ix_agency_parent",
        "ALTER TABLE agency ADD COLUMN nonsense INTEGER",
        "ALTER TABLE agency DROP COLUMN division",
        "CREATE TABLE nonsense (id INTEGER)",
    ],
)
def test_a_difference_from_the_models_is_found(empty: Engine, difference: str) -> None:
    with empty.begin() as connection:
        migrate.upgrade(connection)
        connection.execute(sa.text(difference))
        with pytest.raises(CommandError, match="New upgrade operations detected"):
            alembic.check(migrate.config(connection))


# Reporting years


def test_a_new_database_gets_the_years_from_2019_to_last_year(empty_url: str) -> None:
    maintaining.migrate(quiet(empty_url))
    with reading(empty_url) as connection:
        assert years(connection) == list(range(2019, migrate.last_year() + 1))


def test_revisions_insert_nothing_but_the_clock_that_has_numbered_nothing(empty: Engine) -> None:
    with empty.begin() as connection:
        migrate.upgrade(connection)
        tables = dict(SQLModel.metadata.tables)
        (clock,) = connection.execute(sa.select(tables.pop("clock")))
        assert tuple(clock) == (1, 0, 1, 0, "", "")
        for table in tables.values():
            count = sa.select(sa.func.count()).select_from(table)
            assert connection.execute(count).scalar() == 0, table.name


def test_years_that_were_deleted_do_not_come_back(database_url: str) -> None:
    execute(database_url, "DELETE FROM reporting_year")
    maintaining.migrate(quiet(database_url))
    with reading(database_url) as connection:
        assert years(connection) == []


def test_a_database_is_migrated_from_any_folder_and_only_once(
    empty_url: str, tmp_path: Path
) -> None:
    said = [
        subprocess.run(
            command("migrate"),
            env=environment(empty_url),
            cwd=tmp_path,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for _ in range(2)
    ]
    assert said == [
        f"database at {revisions.head()} (migrated)\n",
        f"database at {revisions.head()}\n",
    ]


def test_instances_that_migrate_at_once_all_succeed(empty_url: str, tmp_path: Path) -> None:
    together = [
        subprocess.Popen(
            command("migrate"),
            env=environment(empty_url),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    ends = [(each.communicate(timeout=60), each.returncode) for each in together]
    assert [code for _, code in ends] == [0, 0, 0], ends
    assert sum(out.count(b"(migrated)") for (out, _), _ in ends) >= 1
    with reading(empty_url) as connection:
        assert years(connection) == list(range(2019, migrate.last_year() + 1))


@pytest.mark.parametrize("backend", ["postgresql"])
def test_who_migrates_waits_for_its_turn_however_long_it_takes(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = sa.text("SELECT now() - query_start > '1500ms' FROM pg_stat_activity" + _WAITING)
    engine = write_engine(quiet(database_url))
    with ThreadPoolExecutor() as pool, engine.connect() as first:
        first.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": migrate._LOCK})
        first.commit()
        limits = "-c lock_timeout=200ms -c statement_timeout=1s"
        monkeypatch.setattr("app.storage.database._PG_OPTIONS", limits)
        second = pool.submit(maintaining.migrate, quiet(database_url))
        while not (second.done() or first.scalar(waiting)):
            first.rollback()
        first.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": migrate._LOCK})
        first.commit()
        assert second.result() == [f"database at {revisions.head()}"]
    engine.dispose()


@pytest.mark.parametrize("backend", ["postgresql"])
def test_who_migrates_and_a_writer_that_wait_for_each_other_both_come_to_an_end(
    empty_url: str,
) -> None:
    waiting = sa.text(
        "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'succession'::regclass"
    )
    engine = write_engine(quiet(empty_url), 2)
    with engine.begin() as connection:
        migrate.upgrade(connection, "2026112408")
    with ThreadPoolExecutor() as pool, engine.connect() as writer, engine.connect() as looking:
        writer.execute(sa.text("SET deadlock_timeout = '1h'"))  # the migration is broken off
        writer.execute(sa.text("SELECT 1 FROM succession"))
        migrating = pool.submit(maintaining.migrate, quiet(empty_url))
        while not (migrating.done() or looking.scalar(waiting)):
            looking.rollback()
        writer.execute(sa.text("SELECT 1 FROM report"))
        writer.rollback()
        assert migrating.result() == [f"database at {revisions.head()} (migrated)"]
    engine.dispose()


@pytest.mark.parametrize("backend", ["postgresql"])
def test_migrations_may_take_their_time_and_wait_for_no_table_without_end(empty: Engine) -> None:
    with empty.begin() as connection:
        migrate.upgrade(connection)
        shown = [
            connection.scalar(sa.text(f"SHOW {name}_timeout")) for name in ("statement", "lock")
        ]
        assert shown == ["0", "10s"]


# What the database refuses


def refuses(connection: Connection, statement: Any, values: dict[str, Any]) -> bool:
    """Tell whether the database refuses a row; it is not kept in any case."""
    attempt = connection.begin_nested()
    try:
        connection.execute(statement, values)
    except IntegrityError:
        return True
    finally:
        attempt.rollback()
    return False


def filing(key: str, **cells: Any) -> tuple[Any, dict[str, Any]]:
    """Return the statement and the values that insert a filed table."""
    row = {"agency": "a", "year": 2024, "nil": False, "revision": 1, "updated_at": STAMP}
    return sa.insert(models.FILINGS[key]), row | cells


@pytest.mark.parametrize("key", models.FILINGS)
def test_the_database_refuses_cells_beyond_their_limits(connection: Connection, key: str) -> None:
    assert not refuses(connection, *filing(key))
    for name, cell in cells_of(key).items():
        unit = cell.column.unit
        most = 10**18 - 1 if unit.is_decimal else LARGEST
        least = -LARGEST if unit is Unit.CHANGE else 0
        kept = {
            value: not refuses(connection, *filing(key, **{name: value})) for value in (least, most)
        }
        assert kept == {least: True, most: True}, name
        assert refuses(connection, *filing(key, **{name: least - 1})), name
        assert refuses(connection, *filing(key, **{name: most + 1})), name


def test_the_database_refuses_rows_of_nothing(connection: Connection) -> None:
    stamps = {"revision": 1, "created_at": STAMP, "updated_at": STAMP}
    report = sa.insert(models.Report)
    assert refuses(connection, report, {"agency": "nobody", "year": 2024} | stamps)
    assert refuses(connection, report, {"agency": "a", "year": 1999} | stamps)
    for key in models.FILINGS:
        statement, values = filing(key)
        assert refuses(connection, statement, values | {"year": 2023})
    used = sa.delete(models.Agency)
    assert refuses(connection, used, {})
    assert refuses(connection, sa.delete(models.ReportingYear), {})


def test_a_report_takes_its_tables_with_it(connection: Connection) -> None:
    for key in models.FILINGS:
        connection.execute(*filing(key))
    connection.execute(sa.delete(models.Report))
    for model in models.FILINGS.values():
        count = sa.select(sa.func.count()).select_from(model)
        assert connection.execute(count).scalar() == 0


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    scripts = ScriptDirectory.from_config(migrate.config())
    assert revisions.head() == scripts.get_current_head()
