"""A database in memory, to compute what is not stored as if it were."""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, insert, select
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from app.storage.database import using
from app.storage.models import FILINGS
from app.storage.statements import AMONG

_OF_AGENCIES = {"agency": "code", "agency_period": "agency"}
"""The tables of which the rows of agencies are copied, and the column that names these."""
COPIED = (*_OF_AGENCIES, "reporting_year")
"""The tables whose rows are copied: what a roll-up reads beside reports."""
_EMPTY = ("report", *(f"filing_{key}" for key in FILINGS))


@contextmanager
def opened(source: Connection, agencies: Collection[str]) -> Iterator[Connection]:
    """Open a database with these agencies and the years of another, and no reports."""
    tables = [SQLModel.metadata.tables[name] for name in (*COPIED, *_EMPTY)]
    is_in, given = AMONG[source.dialect.name], {"each": json.dumps(list(agencies))}
    alone = create_engine("sqlite://", poolclass=StaticPool)
    with using(alone) as engine, engine.connect() as made:
        SQLModel.metadata.create_all(made, tables)
        for table in tables[: len(COPIED)]:
            query = select(table)
            if table.name in _OF_AGENCIES:
                query = query.where(is_in(table.c[_OF_AGENCIES[table.name]]))
            rows = [dict(row._mapping) for row in source.execute(query, given)]
            if rows:
                made.execute(insert(table), rows)
        yield made
