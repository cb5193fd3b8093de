"""The peer: the bare driver of a database, without SQLAlchemy and without the service."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg

_FETCHED = 1_000


class Driver:
    """A connection of the bare driver, outside of transactions but for those it is told to begin.

    Statements are written with `?` for their parameters.
    """

    def __init__(self, url: str) -> None:
        self.is_sqlite = url.startswith("sqlite")
        self._client: Any
        if self.is_sqlite:
            path = url.removeprefix("sqlite:///")
            self._client = sqlite3.connect(path, isolation_level=None, timeout=60)
        else:
            self._client = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)

    def __enter__(self) -> "Driver":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def rows(self, text: str, *values: Any) -> list[Any]:
        """Run a statement and fetch what it returns."""
        cursor = self._client.execute(text if self.is_sqlite else text.replace("?", "%s"), values)
        return list(cursor.fetchall()) if cursor.description else []

    def streamed(self, text: str) -> Iterator[list[Any]]:
        """Yield the rows of a large result, some at a time, as fast as the driver can."""
        if self.is_sqlite:
            cursor = self._client.execute(text)
            while some := cursor.fetchmany(_FETCHED):
                yield some
            return
        with self._client.transaction(), self._client.cursor("bench", binary=True) as cursor:
            cursor.execute(text)
            while some := cursor.fetchmany(_FETCHED):
                yield some
