"""A database in memory, to compute what is not stored as if it were."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, insert, select
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from app.storage.models import FILINGS

COPIED = ("agency", "agency_period", "reporting_year")
"""The tables whose rows are copied: what a roll-up reads beside reports."""
_EMPTY = ("report", *(f"filing_{key}" for key in FILINGS))


@contextmanager
def opened(source: Connection) -> Iterator[Connection]:
    """Open a database with the agencies and years of another, and no reports."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    tables = [SQLModel.metadata.tables[name] for name in (*COPIED, *_EMPTY)]
    try:
        with engine.connect() as made:
            SQLModel.metadata.create_all(made, tables)
            for table in tables[: len(COPIED)]:
                rows = [dict(row._mapping) for row in source.execute(select(table))]
                if rows:
                    made.execute(insert(table), rows)
            yield made
    finally:
        engine.dispose()
