"""Who has filed a report on a year, in time or late, and who has not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import parameters, queries, schemas
from app.api.csv_replies import VARY, csv_reply, tabular, wants_csv, with_csv
from app.api.documentation import reads
from app.api.paths import YearPath, year_in
from app.api.queries import Asked, Listing, ListQuery
from app.api.replies import reply
from app.api.routing import database
from app.domain.layout import Form
from app.domain.standing import Standing
from app.errors import NotFound
from app.forms import form_of
from app.services import csvs, encoding, rendering
from app.storage import completeness, periods, standings
from app.storage.completeness import COLUMNS

routes = tabular("reporting-years", "/v1/reporting-years")

_HEAD = ("code", "name", "kind", "level", "due", "status", "submitted_on", "published_on")
_AT_ONCE = 1_000
"""Lines of CSV that are read at once."""

Status = Literal[tuple(each.value for each in Standing)]


class CompletenessQuery(ListQuery):
    """Filters of a year's agencies."""

    under: Annotated[str | None, Query(description="An agency: all at or below it.")] = None
    kind: Annotated[
        schemas.KindName | None,
        Query(description="Left out: every kind but `vertical`, whose agencies file elsewhere."),
    ] = None
    level: schemas.LevelName | None = None
    status: Annotated[Status | None, Query(description="How an agency stands.")] = None
    sort: queries.sort_of("code", "name") = "code"
    format: Annotated[
        Literal["json", "csv"],
        Query(description="`csv`: the whole list, whatever `limit`, `cursor` and `count` say."),
    ] = "json"


class StandingOut(schemas.Shown):
    """An agency and its report on the year."""

    agency: schemas.AgencyRef
    kind: schemas.KindName
    level: schemas.LevelName
    due: Annotated[schemas.Date, Query(description="When reports of its kind are due.")]
    status: Annotated[
        Status,
        Query(
            description="The first of these that applies: `missing`: there is no report; `late`: "
            "after `due` by the last date that is known; `nil`: every table is declared nil; "
            "`filed`."
        ),
    ]
    submitted_on: schemas.Date | None
    published_on: schemas.Date | None
    report: Annotated[str | None, Query(description="The path of the report; null if missing.")]


class StandingCounts(schemas.Shown):
    """How many agencies stand how, whatever `status` is asked for."""

    expected: int
    filed: int
    nil: int
    late: int
    missing: int


class CompletenessPage(schemas.page_of(StandingOut, "StandingPage")):  # type: ignore[misc]
    """A page of a year's agencies, and how many there are in the whole selection."""

    year: int
    counts: StandingCounts


def _shown(year: int, due: Mapping[str, str], row: Any) -> dict[str, Any]:
    code, name, kind, level, status, submitted_on, published_on = row
    return {
        "agency": {"code": code, "name": name},
        "kind": kind,
        "level": level,
        "due": due[kind],
        "status": status,
        "submitted_on": submitted_on,
        "published_on": published_on,
        "report": rendering.report_path(code, year) if status != Standing.MISSING else None,
    }


@dataclass(frozen=True, slots=True)
class _Year:
    """A year that is asked about: when its reports are due, and if its tree is one of the past."""

    year: int
    form: Form
    due: Mapping[str, str]
    past: bool


def _listing(of: _Year) -> Listing:
    year, due = of.year, of.due
    given: dict[str, Any] = standings.parameters(year, due)
    return Listing(
        CompletenessQuery,
        completeness.source(of.form, past=of.past),
        {"code": ("code",), "name": ("name", "code")},
        lambda row: encoding.encoded(_shown(year, due, row)),
        lambda row: dict(zip(COLUMNS, row, strict=True)),
        lambda filters: {**given, **filters},
    )


def _found(connection: Connection, year: str) -> _Year:
    number = year_in(year)
    due = standings.due(connection, number) if number is not None else None
    if number is None or due is None:
        raise NotFound("reporting-year-not-found", year=year)
    form = form_of(number)
    assert form is not None
    past = periods.is_past(connection, standings.days(number))
    return _Year(number, form, due, past)


_DESCRIBED = with_csv(reads(CompletenessPage, "Who has filed? / 填报情况", 400))


@routes.get("/{year}/completeness", **_DESCRIBED)
async def get_completeness(
    request: Request, year: YearPath, query: Annotated[CompletenessQuery, Query()]
) -> Response:
    """Return the agencies active in a year, how each stands with its report, and how many do.

    Agencies are shown as they were on 31 December of the year: where they stood, and by which name.
    `counts` are of the whole selection, whatever `status` is asked for. As CSV (`format=csv`, or
    `Accept: text/csv`) the reply is the whole list: UTF-8 with a byte order mark; a text that a
    spreadsheet would take for a formula has an apostrophe before it.
    """
    of = await database(request).use(partial(_found, year=year))
    if wants_csv(request):
        return await _file(request, of)
    asked = queries.ask(request, _listing(of), year=of.year)
    read = partial(_read, asked=asked, form=of.form)
    (rows, total), counts = await database(request).snapshot(read)
    shown = {"expected": sum(counts.values()), **counts}
    more = b',"year":%d,"counts":%b' % (of.year, encoding.encoded(shown))
    etag, body = queries.page(asked, rows, total, more)
    return reply(request, etag, body=body, headers=VARY)


def _read(connection: Connection, asked: Asked, form: Form) -> Any:
    page = asked.reading()(connection)
    return page, completeness.counts(connection, form, asked.parameters)


async def _file(request: Request, of: _Year) -> Response:
    """Answer with the whole list. It is read some lines at a time: between them nothing is held."""
    query = parameters.read(request, CompletenessQuery)
    filters = query.model_dump(exclude_none=True, exclude=queries.PAGING)
    asked = Asked(_listing(of), _AT_ONCE, False, filters, None, {"year": of.year})
    parts = [csvs.BOM, csvs.lines([_HEAD])]
    has_next = True
    while has_next:
        rows, _ = await database(request).use(asked.reading())
        has_next = len(rows) > _AT_ONCE
        parts.append(csvs.lines(_fields(of.due, row) for row in rows))
        asked = replace(asked, after=asked.place(rows[-1])) if has_next else asked
    return csv_reply(request, f"completeness-{of.year}", b"".join(parts))


def _fields(due: Mapping[str, str], row: Any) -> list[Any]:
    code, name, kind, level, status, submitted_on, published_on = row
    return [code, name, kind, level, due[kind], status, submitted_on, published_on]
