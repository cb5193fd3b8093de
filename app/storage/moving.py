"""What makes room for another database in a PostgreSQL database, and puts it back."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from app.storage import revisions


@dataclass(frozen=True, slots=True)
class State:
    """What stands in a database: its revision, if it has any table, and how many clients use it."""

    revision: str | None
    is_empty: bool
    others: int


def state(connection: Connection) -> State:
    """Look at a database."""
    others = connection.scalar(
        sa.text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND usesysid IS NOT NULL"  # of its own workers it is NULL; everybody may see it
        )
    )
    is_empty = not sa.inspect(connection).get_table_names()
    return State(revisions.current(connection), is_empty, int(others or 0))


def set_aside(connection: Connection, name: str) -> None:
    """Give the schema another name, and make a new one in its place."""
    connection.execute(sa.text(f'ALTER SCHEMA public RENAME TO "{name}"'))
    connection.execute(sa.text("CREATE SCHEMA public"))


def last_change(connection: Connection, name: str) -> int | None:
    """Return the number of the last change in a schema that was set aside, if it has a feed."""
    if not sa.inspect(connection).has_table("clock", schema=name):
        return None
    clock = sa.table("clock", sa.column("seq", sa.Integer), schema=name)
    return connection.scalar(sa.select(clock.c.seq))


def put_back(connection: Connection, name: str) -> None:
    """Undo that."""
    connection.execute(sa.text("DROP SCHEMA public CASCADE"))
    connection.execute(sa.text(f'ALTER SCHEMA "{name}" RENAME TO public'))
