"""Reports as they were: every revision, and which of them was the last at a time."""

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.storage import agencies, models
from app.storage.models import ReportRevision
from app.storage.paging import Source, equals
from app.storage.reports import of_report
from app.storage.statements import AMONG, Prepared

_REVISION = ReportRevision.__table__
_THIS = of_report(_REVISION)
_NAMES = ("revision", "at", "actor", "reason", "etag")
_READ = Prepared(
    sa.select(_REVISION.c.etag, _REVISION.c.body).where(
        _THIS, _REVISION.c.revision == sa.bindparam("revision")
    )
)
_AT = Prepared(
    sa.select(_REVISION.c.etag, _REVISION.c.body)
    .where(_THIS, _REVISION.c.at <= sa.bindparam("as_of"))
    .order_by(_REVISION.c.revision.desc())
    .limit(1)
)
_BEFORE = Prepared(
    sa.select(sa.func.max(_REVISION.c.revision)).where(
        _THIS, _REVISION.c.revision < sa.bindparam("revision")
    )
)


def read(connection: Connection, agency: str, year: int, revision: int) -> Any:
    """Return ETag and gzipped JSON of a revision; both None if it was a deletion, or no row."""
    return _READ.row(connection, {"agency": agency, "year": year, "revision": revision})


def at(connection: Connection, agency: str, year: int, as_of: str) -> Any:
    """Return ETag and gzipped JSON of a report as it was at a time; None if there was none."""
    row = _AT.row(connection, {"agency": agency, "year": year, "as_of": as_of})
    return row if row is not None and row[1] is not None else None


def before(connection: Connection, agency: str, year: int, revision: int) -> int | None:
    """Return the revision before another one; None if it was the first."""
    row = _BEFORE.row(connection, {"agency": agency, "year": year, "revision": revision})
    return None if row is None else row[0]


def _listed(names: frozenset[str]) -> Any:
    return sa.select(*(_REVISION.c[name] for name in _NAMES)).where(_THIS)


LISTED = Source(_listed, {"revision": _REVISION.c.revision})


def row_of(row: Any) -> dict[str, Any]:
    """Return a row of `LISTED` by its names."""
    return dict(zip(_NAMES, row, strict=True))


def _past(names: frozenset[str]) -> Any:
    """Select the documents of a time: the last revisions until then, of reports that were there."""
    later = _REVISION.alias()
    last = (
        sa.select(sa.func.max(later.c.revision))
        .where(
            later.c.agency == _REVISION.c.agency,
            later.c.year == _REVISION.c.year,
            later.c.at <= sa.bindparam("as_of"),
        )
        .scalar_subquery()
    )
    agency, year = _REVISION.c.agency, _REVISION.c.year
    return sa.select(agency, year, _REVISION.c.body).where(
        _REVISION.c.revision == last,
        _REVISION.c.body.is_not(None),
        *equals(names, {"agency": agency, "year": year}),
        *agencies.within(names, agency, year),
    )


_SOME = {
    kind: Prepared(
        _past(frozenset({"year"}))
        .with_only_columns(_REVISION.c.revision, _REVISION.c.body)
        .where(is_in(_REVISION.c.agency))
    )
    for kind, is_in in AMONG.items()
}


def documents(connection: Connection, agencies: Iterable[str], year: int, as_of: str) -> list[Any]:
    """Return revision and gzipped JSON of these agencies' reports on a year, as at a time."""
    given = {"each": json.dumps(list(agencies)), "year": year, "as_of": as_of}
    return _SOME[connection.dialect.name].rows(connection, given)


PAST = Source(_past, {name: _REVISION.c[name] for name in ("agency", "year")})
"""Agency, year and gzipped document of reports at a time, by the filters of exports."""


def _past_described(names: frozenset[str]) -> Any:
    agency = models.Agency.__table__
    joined = _past(names).outerjoin(agency, agency.c.code == _REVISION.c.agency)
    return joined.add_columns(agency.c.kind, agency.c.level)


PAST_DESCRIBED = Source(_past_described, PAST.keys)
