"""Reports as files: NDJSON, CSV, XLSX and Parquet, streamed from the stored documents."""

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import IO, Annotated, Any

from fastapi import Query
from pydantic import create_model
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.api import csv_replies, parameters, queries
from app.api.context import HEAD
from app.api.downloads import (
    MEDIA_TYPES,
    Chunks,
    Stream,
    disposition,
    downloads,
    exported,
    zipped,
    zips_for,
)
from app.api.parameters import NoQuery
from app.api.queries import ListQuery
from app.api.replies import FEED_POSITION
from app.api.reports import ReportsQuery
from app.api.routing import database
from app.documents import flat
from app.documents.flat import Json
from app.errors import Fault, Invalid
from app.services import encoding
from app.services.splicing import Splice
from app.storage import exports, feed
from app.storage.database import Readable

routes = downloads("exports", "/v1/exports")

_CHUNK = 256 * 1024  # bytes of a file sent at a time
_BUILDERS = ThreadPoolExecutor(2, "export")  # so many files are made at a time in a worker
_LIST_ONLY = {*ListQuery.model_fields, "sort"}

_FILTERS: dict[str, Any] = {
    name: (field.annotation, field)
    for name, field in ReportsQuery.model_fields.items()
    if name not in _LIST_ONLY
}
_OF_THE_PRESENT = {"severity", "rule", "updated_after"}
_AS_OF: Any = (queries.AsOf, None)
ExportQuery: Any = create_model("ExportQuery", __base__=NoQuery, **_FILTERS, as_of=_AS_OF)
"""The filters of reports."""

Filters = dict[str, Any]


_HEADERS = {
    FEED_POSITION: {
        "schema": {"type": "string"},
        "description": "Where the feed stood before the first report was read: follow from there",
    }
}
_described = partial(exported, headers=_HEADERS)


async def _begin(request: Request, suffix: str) -> tuple[Filters, int, dict[str, str]]:
    """Return the filters, where the feed stands before anything is read, and the headers."""
    filters = parameters.read(request, ExportQuery).model_dump(exclude_unset=True)
    if "as_of" in filters and not filters.keys().isdisjoint(_OF_THE_PRESENT):
        wrong = sorted(filters.keys() & _OF_THE_PRESENT)
        faults = [Fault(None, "not-with-as-of", parameter=name) for name in wrong]
        raise Invalid(faults, "invalid-parameter")
    position = await database(request).exact(feed.position)
    headers = {
        FEED_POSITION: str(position),
        "Cache-Control": "no-store",
        **disposition(f"reports.{suffix}"),
    }
    return filters, position, headers


@routes.get(
    "/reports.ndjson",
    **_described(
        "ndjson", "Export reports as NDJSON / 导出报告（NDJSON）",
        "A report a line, as `GET` shows it. The last line says that the export is whole: "
        '`{"end": true, "reports": 3, "feed_position": 1207}`.',
    ),
)  # fmt: skip
async def export_ndjson(request: Request, query: Annotated[ExportQuery, Query()]) -> Response:
    """Stream whole reports in the order of agency and year, one a line.

    Load all, then follow `/v1/changes` after `feed_position`: nothing is missed. What is written
    meanwhile may or may not be in the export; it is in the feed. Without the last line the export
    is not whole. Ask for gzip: it is ten times as fast.
    """
    filters, position, headers = await _begin(request, "ndjson")
    made = _zipped_lines if zips_for(request, headers) else _lines
    chunks = made(database(request), filters, position)
    return Stream(chunks, headers, MEDIA_TYPES["ndjson"])


def _end(count: int, position: int) -> bytes:
    return encoding.encoded({"end": True, "reports": count, "feed_position": position})


async def _zipped_lines(db: Readable, filters: Filters, position: int) -> Chunks:
    splice, count = Splice(), 0

    def made(rows: exports.Rows) -> tuple[int, bytes]:
        return len(rows), splice.lines(map(exports.BODY, rows))

    async for size, chunk in exports.pages(db, filters, made, most=exports.PACKED_ROWS):
        count += size
        yield chunk
    yield splice.end(_end(count, position))


async def _lines(db: Readable, filters: Filters, position: int) -> Chunks:
    def made(rows: exports.Rows) -> tuple[int, bytes]:
        return len(rows), b"".join(encoding.unzipped(row[2]) + b"\n" for row in rows)

    count = 0
    async for size, chunk in exports.pages(db, filters, made):
        count += size
        yield chunk
    yield _end(count, position) + b"\n"


@routes.get(
    "/reports.csv",
    **_described(
        "csv", "Export reports as CSV / 导出报告（CSV）",
        "UTF-8 with a byte order mark; agency, year, table, line, column, value: what "
        "`POST /v1/imports` takes. A row without a line is a member of the table, as `filing`.",
    ),
)  # fmt: skip
async def export_csv(request: Request, query: Annotated[ExportQuery, Query()]) -> Response:
    """Stream the cells of all reports, one a row; a blank has no value, `n/a` is not applicable."""
    filters, _, headers = await _begin(request, "csv")
    chunks = _csv(database(request), filters)
    if zips_for(request, headers):
        chunks = zipped(chunks)
    return Stream(chunks, headers, csv_replies.MEDIA_TYPE)


async def _csv(db: Readable, filters: Filters) -> Chunks:
    def sent(rows: exports.Rows) -> bytes:
        return flat.csv_rows(encoding.decoded(row[2]) for row in rows)

    yield flat.csv_head()
    async for rows in exports.pages(db, filters, list):
        yield await asyncio.to_thread(sent, rows)


@routes.get(
    "/reports.xlsx",
    **_described(
        "xlsx", "Export reports as XLSX / 导出报告（XLSX）",
        "A sheet of reports and one for each table: a row a report, a column a cell.",
    ),
)  # fmt: skip
async def export_xlsx(request: Request, query: Annotated[ExportQuery, Query()]) -> Response:
    """Return sheets of all reports, without prose. More reports than a sheet has rows: 422."""
    filters, _, headers = await _begin(request, "xlsx")
    count = await database(request).apart(lambda c: exports.count(c, filters))
    if count > flat.MOST_ROWS:
        values = {"count": count, "limit": flat.MOST_ROWS}
        raise Invalid([Fault(None, "too-many-reports", values)], "invalid-parameter")
    return await _file(request, filters, headers, "xlsx", flat.write_xlsx)


@routes.get(
    "/reports.parquet",
    **_described(
        "parquet", "Export reports as Parquet / 导出报告（Parquet）",
        "A wide row a report: a column `table__line__column` for each cell.",
    ),
)  # fmt: skip
async def export_parquet(request: Request, query: Annotated[ExportQuery, Query()]) -> Response:
    """Return a wide row for each report, without prose; cells are int64 or decimal(18, 6).

    Null is a blank; cells that are not applicable are null, too, and named in `not_applicable`.
    """
    filters, _, headers = await _begin(request, "parquet")
    return await _file(request, filters, headers, "parquet", _write_parquet)


def _write_parquet(file: IO[bytes], pages: flat.Pages) -> None:
    from app.documents import parquet  # noqa: PLC0415 - most serve without it

    parquet.write(file, pages)


async def _file(
    request: Request, filters: Filters, headers: dict[str, str], suffix: str,
    write: Callable[[IO[bytes], flat.Pages], None],
) -> Response:  # fmt: skip
    """Make a file on a thread of its own, and send it; of a HEAD, make nothing."""
    if HEAD in request.scope:
        return Stream(_nothing(), headers, MEDIA_TYPES[suffix])
    file = tempfile.TemporaryFile()  # noqa: SIM115, it is closed when it was sent
    try:
        pages = exports.pages(database(request), filters, list, exports.DESCRIBED)
        await _built(request, pages, file, write)
        headers["Content-Length"] = str(file.tell())
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return Stream(_sent(file), headers, MEDIA_TYPES[suffix])


def _described_report(
    agency: str, year: int, body: bytes, kind: str | None, level: str | None
) -> Json:
    report: Json = encoding.decoded(body)
    report["agency"] |= {"kind": kind, "level": level}
    return report


async def _nothing() -> Chunks:
    return
    yield b""


async def _sent(file: IO[bytes]) -> Chunks:
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk


async def _built(
    request: Request,
    pages: AsyncIterator[exports.Rows],
    file: IO[bytes],
    write: Callable[[IO[bytes], flat.Pages], None],
) -> None:
    """Let a thread write a file, which asks the event loop for each page.

    It stops at the next page when the client has hung up or the service ends.
    """
    loop = asyncio.get_running_loop()
    stopped = threading.Event()
    failure: list[Exception] = []

    async def following() -> exports.Rows | None:
        if await request.is_disconnected():
            raise ClientDisconnect
        return await anext(pages, None)

    def reports() -> Iterator[list[Json]]:
        try:
            while not stopped.is_set():
                page = asyncio.run_coroutine_threadsafe(following(), loop).result()
                if page is None:
                    return
                yield [_described_report(*row) for row in page]
            raise ClientDisconnect
        except Exception as error:
            failure.append(error)
            raise

    try:
        await loop.run_in_executor(_BUILDERS, write, file, reports())
    except Exception:
        if failure:  # what went wrong within the writer's own reading
            raise failure[0] from None
        raise
    finally:
        stopped.set()
