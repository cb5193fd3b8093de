"""Reports as they were: every revision, what differs between two, and what was said at a time."""

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import parameters, queries, schemas
from app.api.access import caller_of
from app.api.documentation import lists, reads
from app.api.parameters import NoQuery
from app.api.paths import AgencyCode, YearPath, key_in, number_in, why_absent
from app.api.queries import Listing, ListQuery
from app.api.replies import reply
from app.api.routing import database, router
from app.errors import AppError, NotFound
from app.services import encoding, past, rendering
from app.storage import history
from app.storage.agencies import sees

routes = router("history", "/v1/reports")

Number = Annotated[str, Path(description="A revision: a number.", examples=["1"])]
_LARGEST = 2**31 - 1


class RevisionOut(schemas.Shown):
    """A revision of a report."""

    revision: int
    at: schemas.Instant
    actor: Annotated[str | None, Field(description="Who wrote it; null for the public.")]
    reason: Annotated[
        str | None, Field(description="Why it was corrected, after it had been published.")
    ]
    etag: Annotated[str | None, Field(description="Null where the report was deleted.")]
    links: dict[str, str]


class RevisionsQuery(ListQuery):
    """How revisions are listed."""

    sort: queries.sort_of("revision") = "revision"


@routes.get(
    "/{agency}/{year}/revisions",
    **lists(schemas.page_of(RevisionOut, "RevisionPage"), "List revisions / 列出修订", of_one=True),
)
async def list_revisions(
    request: Request,
    agency: AgencyCode,
    year: YearPath,
    query: Annotated[RevisionsQuery, Query()],
) -> Response:
    """Return every revision of a report; the public sees those that were published."""
    code, number = key_in(request, agency, year)
    sight = caller_of(request).sight

    def job(connection: Connection) -> tuple[str, bytes]:
        if history.before(connection, code, number, _LARGEST) is None:
            raise why_absent(connection, code, number)
        listing = _listing(code, number, names_actors=sees(connection, sight, code))
        asked = queries.ask(request, listing, agency=code, year=number)
        return queries.page(asked, *asked.reading()(connection))

    etag, body = await database(request).use(job)
    return reply(request, etag, body=body)


def _listing(code: str, year: int, *, names_actors: bool) -> Listing:
    def shown(row: Any) -> bytes:
        found = history.row_of(row)
        own = f"{rendering.report_path(code, year)}/revisions/{found['revision']}"
        links = {"self": own, "diff": f"{own}/diff"}
        actor = found["actor"] if names_actors else None
        return encoding.encoded(found | {"actor": actor, "links": links})

    orders = {"revision": ("revision",)}
    return Listing(RevisionsQuery, history.LISTED, orders, shown, history.row_of)


def _numbered(text: str) -> int:
    number = number_in(text, 0, _LARGEST)
    if number is None:
        raise NotFound("revision-not-found", revision=text)
    return number


def _read(connection: Connection, code: str, year: int, revision: int) -> tuple[str, bytes]:
    row = history.read(connection, code, year, revision)
    if row is None or row[1] is None:
        raise _missing(connection, code, year, revision)
    return row[0], bytes(row[1])


def _missing(connection: Connection, code: str, year: int, revision: int) -> AppError:
    absent = why_absent(connection, code, year)
    if absent.slug != "report-not-found":
        return absent
    return NotFound("revision-not-found", revision=revision)


@routes.get(
    "/{agency}/{year}/revisions/{revision}",
    **reads(schemas.ReportOut, "Read a revision / 读取修订"),
)
async def get_revision(
    request: Request, agency: AgencyCode, year: YearPath, revision: Number
) -> Response:
    """Return the report as it was at a revision, with the findings of then. It never changes."""
    code, number = key_in(request, agency, year)
    wanted = _numbered(revision)
    etag, zipped = await database(request).use(lambda c: _read(c, code, number, wanted))
    return reply(request, etag, zipped=zipped)


class DiffQuery(NoQuery):
    """What a revision is compared with."""

    against: Annotated[
        int | None,
        Query(ge=1, le=_LARGEST, description="Another revision; left out: the one before."),
    ] = None


class Difference(schemas.Shown):
    """A member that differs."""

    pointer: str
    before: Annotated[Any, Field(alias="from")]
    after: Annotated[Any, Field(alias="to")]


class DiffOut(schemas.Shown):
    """What differs between two revisions of a report."""

    against: Annotated[int | None, Field(description="Null: it is compared with nothing.")]
    revision: int
    differences: list[Difference]


@routes.get(
    "/{agency}/{year}/revisions/{revision}/diff",
    **reads(DiffOut, "Compare revisions / 比较修订"),
)
async def get_revision_diff(
    request: Request,
    agency: AgencyCode,
    year: YearPath,
    revision: Number,
    query: Annotated[DiffQuery, Query()],
) -> Response:
    """Return what clients wrote that differs between two revisions, leaf by leaf.

    Of a revision at which the report was deleted, all that was written before.
    """
    code, number = key_in(request, agency, year)
    wanted = _numbered(revision)

    def job(connection: Connection) -> bytes:
        after = _written(connection, code, number, wanted, is_asked=True)
        asked = parameters.read(request, DiffQuery).against
        against = asked or history.before(connection, code, number, wanted)
        before: Any = {}
        if against is not None:
            before = _written(connection, code, number, against, is_asked=asked is not None)
        found = past.differences(before, after)
        return encoding.encoded({"against": against, "revision": wanted, "differences": found})

    return reply(request, body=await database(request).use(job))


def _written(connection: Connection, code: str, year: int, revision: int, *, is_asked: bool) -> Any:
    """Return what clients wrote at a revision; nothing, if the report was deleted then."""
    row = history.read(connection, code, year, revision)
    if row is None and is_asked:
        raise _missing(connection, code, year, revision)
    return past.written(bytes(row[1])) if row is not None and row[1] is not None else {}
