"""The stored documents of many reports, read page by page."""

from collections.abc import AsyncIterator, Callable, Mapping
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection

from app.storage import agencies, history, models, paging, reports
from app.storage.database import Readable
from app.storage.paging import Source
from app.storage.statements import Prepared, guarded

T = TypeVar("T")
Rows = list[Any]
"""Rows of agency, year and gzipped document; if they are `DESCRIBED`, of kind and level, too."""
BODY = itemgetter(2)
"""Return the gzipped document of a row."""

ROWS = 200
"""How many reports a page has at most."""
PACKED_ROWS = 1_000
"""How many, where the documents stay packed: what a page costs is shared by more."""
_BYTES = 2 * 1024 * 1024  # of compressed documents, after which a page ends
_FETCHED = 50  # rows at a time
_ORDER = (("agency", False), ("year", False))
_DOCUMENT = models.DerivedDocument.__table__


def _documents(names: frozenset[str]) -> Any:
    """Select documents by the filters of `/v1/reports`."""
    columns = (_DOCUMENT.c.agency, _DOCUMENT.c.year, _DOCUMENT.c.body)
    return reports.SUMMARIES.select(names).with_only_columns(*columns)


DOCUMENTS = Source(_documents, {name: _DOCUMENT.c[name] for name in ("agency", "year")})


def _described(names: frozenset[str]) -> Any:
    """Select documents with the kind and the level of their agency."""
    agency = models.Agency.__table__
    joined = _documents(names).join(agency, agency.c.code == _DOCUMENT.c.agency)
    return joined.add_columns(agency.c.kind, agency.c.level)


DESCRIBED = Source(_described, DOCUMENTS.keys)


_THEN = {DOCUMENTS: history.PAST, DESCRIBED: history.PAST_DESCRIBED}
"""What is read instead with the filter `as_of`."""


def count(connection: Connection, filters: Mapping[str, Any]) -> int:
    """Return how many documents there are."""
    source = history.PAST if "as_of" in filters else DOCUMENTS
    return paging.total(connection, source, filters)


async def pages(
    database: Readable,
    filters: Mapping[str, Any],
    made: Callable[[Rows], T],
    source: Source = DOCUMENTS,
    most: int = ROWS,
) -> AsyncIterator[T]:
    """Yield what is made of each page of rows, in the order of agency and year.

    A page is read, and used by `made`, on a reader's thread in one go: nothing is held between
    pages. Each sees what is committed when it is read.
    """
    after: tuple[str, int] | None = None
    limit = most
    if "as_of" in filters:
        source = _THEN[source]
    while True:
        use = _page(paging.page(source, filters, _ORDER, after, limit=limit), limit, made)
        result, after, rows, is_last = await database.apart(use)
        if result is not None:
            yield result
        if is_last:
            return
        limit = min(most, 2 * rows)  # large documents: do not fetch what would be left over


def _page(
    asked: tuple[Prepared, Mapping[str, Any]], limit: int, made: Callable[[Rows], T]
) -> Callable[[Connection], tuple[T | None, tuple[str, int] | None, int, bool]]:
    """Return what reads a page: what is made of it, its last key, its rows, whether it is last."""

    def use(connection: Connection) -> tuple[T | None, tuple[str, int] | None, int, bool]:
        under = asked[1].get("under")
        with guarded(connection), agencies.looking_below(connection, under):
            cursor = asked[0].run(connection, asked[1])
            rows = _some(cursor)
            is_last = len(rows) < limit and cursor.fetchone() is None
            cursor.close()
        if not rows:
            return None, None, 0, True
        return made(rows), (rows[-1][0], rows[-1][1]), len(rows), is_last

    return use


def _some(cursor: Any) -> Rows:
    """Fetch rows until they are too large for a page."""
    rows: Rows = []
    size = 0
    while size < _BYTES and (some := cursor.fetchmany(_FETCHED)):
        rows += some
        size += sum(map(len, map(BODY, some)))
    return rows
