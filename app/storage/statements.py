"""Statements of the hot paths: written with SQLAlchemy, run by the driver's own cursor.

SQLAlchemy compiles a statement once; what it costs per execution (about 60 µs) is saved. Parameters
are named and values are what the driver takes, which the column types of `models` are chosen for.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.exc import DBAPIError


class Prepared:
    """A statement, compiled once per kind of database."""

    def __init__(self, statement: ClauseElement, columns: tuple[str, ...] | None = None) -> None:
        self._statement, self._columns = statement, columns
        self._compiled: dict[str, str] = {}

    def sql(self, dialect: Dialect) -> str:
        """Return the text for a kind of database."""
        text = self._compiled.get(dialect.name)
        if text is None:
            compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
            text = self._compiled[dialect.name] = str(compiled)
        return text

    def run(self, connection: Connection, parameters: dict[str, Any]) -> Any:
        """Execute on the connection, in its transaction; return the driver's cursor."""
        cursor = connection.connection.cursor()
        _guarded(connection, cursor.execute, self.sql(connection.dialect), parameters)
        return cursor

    def run_many(self, connection: Connection, parameters: list[dict[str, Any]]) -> None:
        """Execute once for each of the parameters."""
        cursor = connection.connection.cursor()
        _guarded(connection, cursor.executemany, self.sql(connection.dialect), parameters)


def _guarded(
    connection: Connection, execute: Callable[..., Any], sql: str, parameters: Any
) -> None:
    """Execute, and raise what SQLAlchemy would raise."""
    driver = connection.dialect.loaded_dbapi
    try:
        execute(sql, parameters)
    except driver.Error as error:
        lost = connection.dialect.is_disconnect(error, connection.connection, None)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            sql, None, error, driver.Error, connection_invalidated=lost, dialect=connection.dialect
        ) from error
