"""PostgreSQL databases that one test after another uses, each as if it were new.

To copy a template takes longer than most tests; to put back what a test has changed does not.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql

_SCHEMA = """
SELECT md5(string_agg(thing, E'\\n' ORDER BY thing COLLATE "C")) FROM (
  SELECT concat_ws(' ', 'column', attrelid::regclass, attname, atttypid, attnotnull)
    FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0 AND NOT attisdropped
  UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid, tgname) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT concat_ws(' ', 'constraint', conrelid, conname) FROM pg_constraint
  UNION ALL SELECT concat_ws(' ', 'function', pronamespace, proname) FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT concat_ws(' ', 'sequence', s.oid, last_value)
    FROM pg_sequences JOIN pg_class s ON relname = sequencename
) AS things (thing)
"""
"""A digest of what must be as it was, or the database is not used again."""
_WRITTEN = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def url_of(socket_folder: Path, name: str, scheme: str = "postgresql+psycopg") -> str:
    """Return the URL of a database of a server."""
    return f"{scheme}://postgres@/{name}?host={socket_folder}"


_REFILL = "INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, {1})"


@dataclass
class Databases:
    """Copies of a template, each with a connection of ours while it is free.

    `rows` are those of the tables that have any, as JSON.
    """

    folder: Path
    template: str
    server: "Connection[Any]"
    schema: str
    rows: dict[str, str]
    made: int = 0
    free: "list[Connection[Any]]" = field(default_factory=list)

    def take(self) -> "Connection[Any]":
        """Return a connection to a database that is as the template."""
        if self.free:
            return self.free.pop()
        self.made += 1
        name = f"copy{self.made}"
        self.server.execute(f"CREATE DATABASE {name} TEMPLATE {self.template}".encode())
        return _connected(self.folder, name)

    def give_back(self, own: "Connection[Any]") -> None:
        """Make a database as the template again, or drop it if more than rows was changed."""
        name = own.info.dbname
        with suppress(psycopg.OperationalError):
            while own.execute(_OTHERS).rowcount:
                pass  # they end in a moment
            if _schema(own) == self.schema:
                self._restore(own)
                self.free.append(own)
                return
        own.close()
        self.server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _restore(self, own: "Connection[Any]") -> None:
        written = [sql.Identifier(table) for (table,) in own.execute(_WRITTEN)]
        statements = [
            sql.SQL("SET LOCAL session_replication_role = replica").format(),
            *(sql.SQL("DELETE FROM {}").format(table) for table in written),
            *(
                sql.SQL(_REFILL).format(sql.Identifier(table), rows)
                for table, rows in self.rows.items()
            ),
        ]
        own.execute(sql.SQL("; ").join(statements))
        own.execute(sql.SQL("VACUUM {}").format(sql.SQL(", ").join(written)))

    def close(self) -> None:
        """Let go of all connections."""
        for connection in (self.server, *self.free):
            connection.close()


def databases(folder: Path, template: str) -> Databases:
    """Return the copies of a template, of which there are none yet."""
    with _connected(folder, template) as connection:
        schema = _schema(connection)
        rows = {table: _rows(connection, table) for (table,) in connection.execute(_WRITTEN)}
    return Databases(folder, template, _connected(folder, "postgres"), schema, rows)


def _connected(folder: Path, name: str) -> "Connection[Any]":
    return psycopg.connect(url_of(folder, name, "postgresql"), autocommit=True)


def _schema(connection: "Connection[Any]") -> str:
    return str(connection.execute(_SCHEMA).fetchall()[0][0])


def _rows(connection: "Connection[Any]", table: str) -> str:
    query = sql.SQL("SELECT json_agg(t)::text FROM {} AS t").format(sql.Identifier(table))
    return str(connection.execute(query).fetchall()[0][0])
