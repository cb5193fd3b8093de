"""Agencies, their place in the tree, and the digests of their reports."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import col

from app.storage import agencies
from app.storage.models import Agency, DerivedDocument, ReportingYear
from app.storage.statements import Prepared


def read(
    connection: Connection, under: str | None, year: int | None
) -> tuple[Iterable[Any], Iterable[Any]]:
    """Return code, parent and name of agencies; and agency, year and digest of their reports.

    `under` is an agency: it and those below it; None for all. `year` is that of the reports.
    """
    parameters = {"under": under, "year": year}
    given = {name: value for name, value in parameters.items() if value is not None}
    with agencies.looking_below(connection, under):
        rows = _statement(frozenset(given)).rows(connection, given)
    return (
        [(code, parent, name) for code, parent, name, on, _ in rows if on is None],
        [(code, on, digest) for code, _, _, on, digest in rows if on is not None],
    )


@cache
def _statement(names: frozenset[str]) -> Prepared:
    """Select both at once: one statement sees one state of the database, which two would not."""
    document = DerivedDocument
    none: Any = sa.literal_column("NULL")
    of_agencies = sa.select(
        col(Agency.code),
        col(Agency.parent),
        col(Agency.name),
        sa.cast(none, sa.Integer).label("year"),
        sa.cast(none, sa.String).label("digest"),
    )
    of_reports = sa.select(
        col(document.agency), none, none, col(document.year), col(document.digest)
    )
    if "year" in names:
        of_reports = of_reports.where(col(document.year) == sa.bindparam("year"))
    elif "under" in names:  # true of all, and lets SQLite search in the index that has all it takes
        of_reports = of_reports.where(col(document.year).in_(sa.select(col(ReportingYear.year))))
    if "under" in names:
        of_agencies = of_agencies.where(col(Agency.code).in_(agencies.UNDER))
        of_reports = of_reports.where(col(document.agency).in_(agencies.UNDER))
    return Prepared(sa.union_all(of_agencies, of_reports))
