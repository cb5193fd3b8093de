"""Which revision of the tables a database has, and which is the newest.

Alembic knows this, too, but takes a tenth of a second to be imported: a server needs no more than
what stands here.
"""

import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

SCRIPTS = Path(__file__).parents[2] / "migrations"
_NAMED = re.compile(r'^(down_)?revision\b.*?= ?"(\w+)"', re.MULTILINE)


class MigrationError(Exception):
    """A database cannot be brought to the newest revision."""


def _named() -> list[tuple[bool, str]]:
    """Return the revisions that scripts name, each with whether it is the one before."""
    return [
        (bool(is_before), revision)
        for script in (SCRIPTS / "versions").glob("*.py")
        for is_before, revision in _NAMED.findall(script.read_text(encoding="utf-8"))
    ]


def known() -> set[str]:
    """Return all revisions that this code knows."""
    return {revision for is_before, revision in _named() if not is_before}


def head() -> str:
    """Return the newest revision: the one that no other comes after."""
    before = {revision for is_before, revision in _named() if is_before}
    (newest,) = known() - before
    return newest


def current(connection: Connection) -> str | None:
    """Return the revision of a database; None if it has no tables yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found
