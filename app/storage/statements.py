"""Statements of the hot paths: written with SQLAlchemy, run by the driver's own cursor.

SQLAlchemy compiles a statement once; what it costs per execution (about 60 µs) is saved. Values are
what the driver takes, which the column types of `models` are chosen for. PostgreSQL's statements
have numbered parameters and go out as they are: psycopg would parse its own placeholders each time.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.dialects import registry
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.storage.layers import seen, sight_of


@cache
def _dialect(kind: str) -> Dialect:
    """Return how statements are written for a kind of database; only the one in use is loaded."""
    name, style = ("sqlite", "qmark") if kind == "sqlite" else (f"{kind}.psycopg", "numeric_dollar")
    made: Dialect = registry.load(name)(paramstyle=style)
    return made


@cache
def _raw_cursor() -> Any:
    return importlib.import_module("psycopg").RawCursor


_EACH: Any = sa.bindparam("each", type_=sa.Text)


def _among_on_sqlite(column: Any) -> Any:
    return column.in_(sa.select(sa.func.json_each(_EACH).table_valued("value").c.value))


def _among_on_postgresql(column: Any) -> Any:
    """Compare with an array: a subquery in its place would be joined, in many joins the last."""
    texts = sa.func.json_array_elements_text(sa.cast(_EACH, sa.JSON)).table_valued("value")
    array = sa.func.array(sa.select(texts.c.value).scalar_subquery(), type_=sa.ARRAY(sa.Text))
    return column == sa.any_(array)


AMONG: dict[str, Callable[[Any], Any]] = {
    "sqlite": _among_on_sqlite,
    "postgresql": _among_on_postgresql,
}
"""For each kind of database, what tells that a column has one of the texts in a JSON array.

The array is the parameter `each`.
"""


def to_new(*names: str) -> dict[str, Any]:
    """Return the values of an UPDATE of these columns: parameters that `as_new` fills."""
    return {name: sa.bindparam(f"new_{name}") for name in names}


def as_new(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of `to_new`, as a row may be found by the old value of a column."""
    return {f"new_{name}": value for name, value in values.items()}


class _OneOf(FunctionElement[Any]):
    """That a column has one of the values of a select.

    It has no type: SQLite would be asked if a truth is 1, and look in no index.
    """

    inherit_cache = True


@compiles(_OneOf)
def _one_of_on_sqlite(element: _OneOf, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} IN {values}"


@compiles(_OneOf, "postgresql")
def _one_of_on_postgresql(element: _OneOf, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = ANY (ARRAY{values})"


def one_of(column: Any, values: Any) -> Any:
    """Tell whether a column has one of the values of a select, which are often few.

    PostgreSQL cannot tell how many there are in a tree. It would take them for some thousand, and
    read all there is in the order that is asked for until it meets them; so it gets an array.
    """
    return _OneOf(column, values.scalar_subquery())


class Prepared:
    """A statement, compiled once per kind of database."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._known: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {}

    def _compiled(self, kind: str) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """Return the text for a kind of database, the names of its parameters, its constants."""
        if kind not in self._known:
            compiled: Any = self._statement.compile(dialect=_dialect(kind))
            given = {name: value for name, value in compiled.params.items() if value is not None}
            self._known[kind] = (str(compiled), tuple(compiled.positiontup or ()), given)
        return self._known[kind]

    def order(
        self, kind: str, place: Callable[[str], int]
    ) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        """Return how the parameters for a kind of database are taken from a row of values.

        `place` says where the value of a parameter stands in the row.
        """
        return itemgetter(*map(place, self._compiled(kind)[1]))

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """Execute on the connection, in its transaction; return the driver's cursor."""
        sql, names, constants = self._compiled(connection.dialect.name)
        given = {**constants, **parameters} if constants else parameters
        return _execute(connection, sql, [given[name] for name in names])

    def row(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """Execute and return the first row; None if there is none."""
        try:
            return self.run(connection, parameters).fetchone()
        except connection.dialect.loaded_dbapi.Error as error:
            raise translated(connection, error) from error

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> list[Any]:
        """Execute and return every row."""
        try:
            found: list[Any] = self.run(connection, parameters).fetchall()
        except connection.dialect.loaded_dbapi.Error as error:
            raise translated(connection, error) from error
        return found

    def run_values(self, connection: Connection, values: Sequence[Any]) -> Any:
        """Execute with the parameters in the order of the statement."""
        return _execute(connection, self._compiled(connection.dialect.name)[0], values)

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once for each of the rows."""
        for row in rows:
            self.run(connection, row)

    def run_rows(
        self, connection: Connection, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Execute once for each of the rows, whose values stand in the order of `names`."""
        if not rows:
            return
        kind = connection.dialect.name
        sql, wanted, _ = self._compiled(kind)
        if wanted != tuple(names):
            order = self.order(kind, names.index)
            rows = [order(row) for row in rows]
        driver: Any = connection.connection.driver_connection
        if kind == "sqlite":
            sql = _as_seen(connection, sql)
            with guarded(connection):
                driver.executemany(sql, rows)
            return
        with batched(connection):
            for row in rows:
                _execute(connection, sql, row)


@contextmanager
def batched(connection: Connection) -> Iterator[None]:
    """Send statements without waiting for the replies of those before.

    On PostgreSQL this saves a round trip each; on SQLite there are none.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    with guarded(connection), driver.pipeline():
        yield


def look_for_keys(connection: Connection) -> None:
    """Let PostgreSQL read no table whole until the commit.

    Who only looks for keys does so in tables that may grow a thousandfold: a plan that was made
    while they were empty must not hold.
    """
    _set(connection, "enable_seqscan = off")


def plan_once(connection: Connection) -> None:
    """Let PostgreSQL look for keys, by one plan of each statement, until the commit.

    By itself it plans a long one anew each time where it expects less of that, and planning takes
    several times as long as to read the reports of sixty agencies.
    """
    look_for_keys(connection)
    _set(connection, "plan_cache_mode = force_generic_plan")


def _set(connection: Connection, setting: str) -> None:
    """Change a setting of PostgreSQL until the commit."""
    if connection.dialect.name == "postgresql":
        _execute(connection, f"SET LOCAL {setting}", ())


@contextmanager
def guarded(connection: Connection) -> Iterator[None]:
    """Raise what SQLAlchemy would raise where the driver does."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise translated(connection, error) from error


def _execute(connection: Connection, sql: str, values: Sequence[Any]) -> Any:
    """Execute, and raise what SQLAlchemy would raise."""
    driver: Any = connection.connection.dbapi_connection
    note_write(connection, sql)
    sql = _as_seen(connection, sql)
    try:
        if connection.dialect.name == "sqlite":
            return driver.execute(sql, values)
        return _raw_cursor()(driver).execute(sql, values, binary=True)
    except connection.dialect.loaded_dbapi.Error as error:
        raise translated(connection, error) from error


_WRITES = "writes"


def note_write(connection: Connection, sql: str) -> None:
    """Note that a statement is about to write, on a database that does not count it."""
    if connection.dialect.name != "sqlite" and not sql.startswith("SELECT"):
        connection.info[_WRITES] = writes_of(connection) + 1


def writes_of(connection: Connection) -> int:
    """Return a number that is another one once something was written with a connection."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.dbapi_connection
        return int(driver.total_changes)
    return int(connection.info.get(_WRITES, 0))


def _as_seen(connection: Connection, sql: str) -> str:
    sight = sight_of(connection)
    return sql if sight is None else seen(sql, sight)


def let_go(connection: Connection | None) -> None:
    """Close a connection that may be lost, and let nobody have it again."""
    if connection is not None:
        with suppress(SQLAlchemyError):
            connection.invalidate()
        connection.close()


def translated(connection: Connection, error: Any) -> Exception:
    """Return a driver's error as SQLAlchemy's, and give up a connection that is lost.

    One that was given up before is not asked for what it was: SQLAlchemy would connect again.
    """
    dialect, driver = connection.dialect, connection.dialect.loaded_dbapi
    lost = connection.invalidated or dialect.is_disconnect(error, connection.connection, None)
    if lost:
        connection.invalidate(error)
    made: Exception = DBAPIError.instance(
        None, None, error, driver.Error, connection_invalidated=lost, dialect=dialect
    )
    return made
