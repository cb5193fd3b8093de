"""What a connection sees: every statement can be run for every sight, and means the same."""

import gc
import itertools
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Connection, Engine
from sqlmodel import SQLModel

from app import main
from app.storage import layers, published
from app.storage.database import read_engine, using
from app.storage.layers import PUBLISHED_ONLY, Sight, looking, seen
from app.storage.models import LAYERED, PUBLISHED
from app.storage.statements import Prepared
from tests.conftest import quiet, reading

published.add_tables()
assert main  # everything that has statements is loaded
PLANS = itertools.count()
SIGHTS = {
    "published": PUBLISHED_ONLY,
    "own": Sight("a"),
    "below": Sight("a", below=True),
    "few": Sight("a", below=True, among="b"),
}
OF_THE_OTHER = {
    "sqlite": ("pg_", "json_array_elements_text", "generate_series"),
    "postgresql": ("json_each(", " >> "),  # the latter for sums beyond SQLite's own
}


@pytest.fixture
def reads(database_url: str) -> Iterator[Engine]:
    with using(read_engine(quiet(database_url))) as made:
        yield made


def statements(kind: str) -> list[tuple[str, int]]:
    """Return every statement that is run on a kind of database, with its parameters' number."""
    found = []
    gc.unfreeze()
    for each in gc.get_objects():
        if isinstance(each, Prepared):
            sql, names, _ = each._compiled(kind)
            if not any(word in sql for word in OF_THE_OTHER[kind]):
                found.append((sql, len(names)))
    assert len(found) > 60
    return found


def is_read(sql: str) -> bool:
    return sql.lstrip().upper().startswith(("SELECT", "WITH")) and "FOR NO KEY" not in sql


def explained(connection: Connection, sql: str, number: int) -> None:
    """Let the database make a plan: it knows every table and column, or it says so."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.execute(f"EXPLAIN {sql}", [None] * number)
    else:
        name = f"plan_{next(PLANS)}"
        connection.exec_driver_sql(f"PREPARE {name} AS {sql}".replace("%", "%%"))


@pytest.mark.parametrize("sight", SIGHTS.values(), ids=SIGHTS)
def test_every_reading_can_be_done_for_every_sight(reads: Engine, sight: Sight) -> None:
    with reads.connect() as connection:
        for sql, number in statements(reads.dialect.name):
            if is_read(sql):
                explained(connection, seen(sql, sight), number)


def test_what_is_published_is_written_by_the_same_statements(reads: Engine) -> None:
    written = {"report", "report_revision", "derived_document", "derived_finding"}
    for sql, _ in statements(reads.dialect.name):
        if not is_read(sql):
            other = seen(sql, PUBLISHED_ONLY)
            for name in written:
                assert (f"INTO {name} " in sql) == (f"INTO {PUBLISHED}{name} " in other), sql


def test_each_table_of_reports_is_there_twice() -> None:
    tables = SQLModel.metadata.tables
    for name in LAYERED:
        twin = tables[PUBLISHED + name]
        assert [c.name for c in twin.columns] == [c.name for c in tables[name].columns]
        assert [c.name for c in twin.primary_key] == [c.name for c in tables[name].primary_key]


def test_names_that_look_alike_stay() -> None:
    sql = "SELECT report.year, report_1.year FROM report, report AS report_1, reporting_year"
    assert seen(sql, PUBLISHED_ONLY) == (
        "SELECT report.year, report_1.year FROM published_report AS report, "
        "published_report AS report_1, reporting_year"
    )


def test_a_root_that_is_no_code_is_refused() -> None:
    for root in ("a'b", "", "a b", "a\x00", "机构"):
        with pytest.raises(ValueError, match=re.escape(root) if root else None):
            Sight(root)
        with pytest.raises(ValueError, match="^" + re.escape(root)):
            Sight("a", among=root)


def test_a_sight_ends_with_its_block(database_url: str) -> None:
    with reading(database_url) as connection:
        with suppress(RuntimeError), looking(connection, PUBLISHED_ONLY):
            assert layers.sight_of(connection) is PUBLISHED_ONLY
            raise RuntimeError
        assert layers.sight_of(connection) is None
