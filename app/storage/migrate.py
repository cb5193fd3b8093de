"""Bring a database to the newest revision."""

from datetime import datetime

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from app.domain.calendar import LOCAL
from app.storage.examining import lost_references
from app.storage.revisions import SCRIPTS, MigrationError

_LOCK = 0x676F6E67  # any number that nothing else locks: "gong"


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, whatever the working directory."""
    made = Config()
    made.set_main_option("script_location", str(SCRIPTS))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run what is missing. On PostgreSQL, several instances that start at once take turns."""
    if connection.dialect.name == "postgresql":
        _take_turn(connection)
    try:
        command.upgrade(config(connection), revision)
    except CommandError as error:
        raise MigrationError(str(error)) from error
    require_whole(connection)


def _take_turn(connection: Connection) -> None:
    """Wait for others that migrate, however long they and the statements that follow take."""
    for name in ("statement_timeout", "lock_timeout"):
        connection.execute(text(f"SET LOCAL {name} = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    # A table that is in use is not waited for without end: who wants it next would wait behind.
    connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))


def require_whole(connection: Connection) -> None:
    """Raise `MigrationError` if a row refers to one that is not there.

    Migrations run without that check, and so do those who alter SQLite by its own command line.
    """
    if connection.dialect.name == "sqlite":
        lost = lost_references(connection)
        if lost:
            told = f"{len(lost)} rows refer to others that are not there, one of them of {lost[0]}"
            raise MigrationError(told)


def last_year() -> int:
    """Return the last year of which reports are due, in China."""
    return datetime.now(LOCAL).year - 1
