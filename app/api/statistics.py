"""Measures, and statistics over reports by year, level, kind and agency."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.api import parameters, queries, schemas
from app.api.catalogue import listed
from app.api.context import root_of
from app.api.csv_replies import VARY, Format, csv_reply, encoded, tabular, wants_csv, with_csv
from app.api.documentation import lists
from app.api.names import names
from app.api.queries import PAGING, ListQuery, ShortQuery
from app.api.replies import reply
from app.api.routing import database, router
from app.api.schemas import AgencyRef, KindName, LabelOut, LevelName, Shown
from app.services import encoding, measuring
from app.services.measuring import MEASURES
from app.storage import statistics
from app.storage.statistics import KEYS, Asked

routes = tabular("statistics", "/v1/statistics")
measures = router("statistics", "/v1/measures")

_NOT_FILTERS = {"measures", "by", "basis"}


class SumOut(Shown):
    """A sum of cells: in words, and on each form."""

    formula: str
    cells: dict[str, list[str]]


class MeasureOut(Shown):
    """A measure and its one definition."""

    key: str
    kind: Literal["count", "ratio"]
    text: LabelOut
    forms: Annotated[list[str], Field(description="The forms that have its cells.")]
    numerator: SumOut
    denominator: Annotated[SumOut | None, Field(description="null for a count.")]


_MEASURES = {key: encoding.encoded(measuring.definition(key)) for key in MEASURES}


@measures.get(
    "",
    **lists(schemas.page_of(MeasureOut, "MeasurePage"), "List measures / 列出统计指标"),
)
async def list_measures(request: Request, query: Annotated[ShortQuery, Query()]) -> Response:
    """Return every measure, with the sums of cells that its numerator and denominator are.

    `*` stands for any end of a line's key, Σ for their sum. A total, as `requests.handled.total`,
    is what its cells come to, or where one of them is blank, what was reported as the total.
    """
    return listed(request, _MEASURES)


_Measures = names(
    MEASURES,
    "unknown-measure",
    pattern="[a-z_]+",
    most=len(MEASURES),
    example="disclosure_rate,refusal_rate",
)
_By = names(
    KEYS,
    "unknown-key",
    pattern=f"({'|'.join(KEYS)})",
    most=len(KEYS),
    example="year,level",
    expected=", ".join(KEYS),
)


class StatisticsQuery(ListQuery):
    """What is measured, over which reports, and how they are grouped."""

    measures: Annotated[
        _Measures | None,
        Field(
            description="Keys of `/v1/measures`, with commas between them; all if left out.",
        ),
    ] = None
    by: Annotated[
        _By | None,
        Field(
            description="Any of year, level, kind and agency, with commas between them: a group "
            "for each of their values, sorted in that order. One group if left out.",
        ),
    ] = None
    under: Annotated[str | None, Query(description="An agency: all at or below it.")] = None
    year: queries.Year | None = None
    year_from: queries.Year | None = None
    year_to: queries.Year | None = None
    level: LevelName | None = None
    kind: KindName | None = None
    basis: Annotated[
        Literal["leaves", "consolidated", "all"],
        Field(
            description="`leaves`: no reports of governments, which are consolidated and hold what "
            "those below report. `consolidated`: these alone; each holds those of the governments "
            "below it, so group them by agency or by level. `all`: every report, whatever it is. "
            "Kind and level are those that an agency had on the last day of a report's year."
        ),
    ] = "leaves"
    format: Format = "json"


class FigureOut(Shown):
    """A measure of a group."""

    numerator: Annotated[int | None, Field(description="Of a ratio.")] = None
    denominator: Annotated[int | None, Field(description="Of a ratio.")] = None
    value: Annotated[
        int | str | None,
        Field(
            description="A count, or a ratio as a decimal to six places, half to even. null where "
            "no report has the cells, or the denominator is 0."
        ),
    ]
    reports: Annotated[int, Field(description="Reports that have every cell: those summed.")]
    incomplete: Annotated[
        int, Field(description="Reports that lack a cell, blank or not filed: in neither side.")
    ]


class GroupOut(Shown):
    """A group of reports: the keys that were asked for, and its measures."""

    year: int | None = None
    level: str | None = None
    kind: str | None = None
    agency: AgencyRef | None = None
    reports: int
    measures: dict[str, FigureOut]


class StatisticsPage(schemas.page_of(GroupOut, "GroupPage")):  # type: ignore[misc]
    """A page of groups."""

    by: list[str]
    basis: str


@routes.get("", **with_csv(lists(StatisticsPage, "Read statistics / 读取统计数据")))
async def get_statistics(request: Request, query: Annotated[StatisticsQuery, Query()]) -> Response:
    """Return counts and ratios over reports, in groups; a ratio is that of the sums.

    A report in which a needed cell is blank, or a table missing, contributes to neither side and
    is counted as `incomplete`; one whose form has no such cell is not counted. A table declared nil
    counts as 0, and `n/a` adds nothing. CSV has the same page; its header Link names the next.
    """
    given = parameters.read(request, StatisticsQuery)
    query, after = queries.resumed(given, _kinds, {})
    asked, filters = _asked(query)
    groups, total = await database(request).use(
        statistics.reading(asked, filters, after, limit=given.limit + 1, count=given.count)
    )
    more = len(groups) > given.limit
    groups = groups[: given.limit]
    cursor = queries.packed(queries.said_by(query), groups[-1].keys) if more else None
    if wants_csv(request):
        body = encoded(measuring.header(asked), measuring.rows(asked, groups))
        return csv_reply(request, "statistics", body, _following(request, given, cursor))
    page = {
        "by": asked.by,
        "basis": asked.basis,
        "items": [measuring.item(asked, group) for group in groups],
        "next": cursor,
        **({} if total is None else {"total": total}),
    }
    return reply(request, body=encoding.encoded(page), headers=VARY)


def _following(request: Request, given: StatisticsQuery, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    query = urlencode({"cursor": cursor, "limit": given.limit, "format": "csv"})
    return {"Link": f'<{root_of(request.scope)}/v1/statistics?{query}>; rel="next"'}


def _asked(query: StatisticsQuery) -> tuple[Asked, dict[str, Any]]:
    """Return the statement that a query asks for, and its parameters."""
    filters = query.model_dump(exclude_unset=True, exclude=PAGING | _NOT_FILTERS)
    chosen = tuple(MEASURES[key][0] for key in query.measures or MEASURES)
    return Asked(chosen, tuple(query.by or ()), frozenset(filters), query.basis), filters


def _kinds(query: StatisticsQuery) -> list[type]:
    by: list[str] = query.by or []
    return [int if key == "year" else str for key in by]
