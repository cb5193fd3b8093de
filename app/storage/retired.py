"""The last revision of what was deleted: a revision of a key is never given twice."""

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import col

from app.storage.models import Retired
from app.storage.statements import Prepared

_LAST = Prepared(sa.select(col(Retired.revision)).where(col(Retired.key) == sa.bindparam("key")))
_RETIRE = Prepared(
    sa.text(
        "INSERT INTO retired (key, revision) VALUES (:key, :revision)"
        " ON CONFLICT (key) DO UPDATE SET revision = excluded.revision"
    )
)


def report_key(agency: str, year: int) -> str:
    """Return the key of a report."""
    return f"reports/{agency}/{year}"


def first_revision(connection: Connection, key: str) -> int:
    """Return the revision of something new: 1, or one more than its last before deletion."""
    row = _LAST.row(connection, {"key": key})
    return row[0] + 1 if row else 1


def retire(connection: Connection, key: str, revision: int) -> None:
    """Remember the last revision of what is being deleted."""
    _RETIRE.run(connection, {"key": key, "revision": revision})
