"""The last revision of what was deleted: a revision of a key is never given twice."""

import sqlalchemy as sa
from sqlmodel import Session, col

from app.storage.models import Retired


def first_revision(session: Session, key: str) -> int:
    """Return the revision of something new: 1, or one more than its last before deletion."""
    query = sa.select(col(Retired.revision)).where(col(Retired.key) == key)
    return (session.connection().execute(query).scalar_one_or_none() or 0) + 1


def retire(session: Session, key: str, revision: int) -> None:
    """Remember the last revision of what is being deleted."""
    session.merge(Retired(key=key, revision=revision))
    session.flush()
