"""The tables of what is published: those of reports once more.

At run time they are known by their names alone (see `storage.layers`); migrations compare them.
"""

from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, Table
from sqlmodel import SQLModel

from app.storage.models import LAYERED, PUBLISHED


def add_tables() -> None:
    """Add them to the metadata, if they are not there."""
    for name in LAYERED:
        if PUBLISHED + name not in SQLModel.metadata.tables:
            _twin(name)


def _plain(column: Any) -> Any:
    """Return a column of the same name and type, and nothing else."""
    return Column(
        column.name,
        column.type,
        primary_key=column.primary_key,
        nullable=column.nullable,
        autoincrement=False,
    )


def _twin(name: str) -> None:
    """Add the table of what is published: with the same columns, keys and indexes.

    It has no CHECKs: what is published was stored before.
    """
    table = SQLModel.metadata.tables[name]
    made = Table(PUBLISHED + name, SQLModel.metadata, *map(_plain, table.columns))
    parent = "published_report" if name.startswith(("derived_", "filing_")) else "report"
    if name != "report_revision":
        made.append_constraint(
            ForeignKeyConstraint(
                ["agency", "year"], [f"{parent}.agency", f"{parent}.year"], ondelete="CASCADE"
            )
        )
    for index in sorted(table.indexes, key=lambda each: str(each.name)):
        where = index.dialect_options["sqlite"]["where"]
        Index(
            f"{PUBLISHED}{index.name}",
            *(made.c[column.name] for column in index.columns),
            sqlite_where=where,
            postgresql_where=where,
        )
