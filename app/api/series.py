"""One agency's figures over the years."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import parameters, queries
from app.api.csv_replies import VARY, Format, csv_reply, encoded, tabular, wants_csv, with_csv
from app.api.documentation import reads
from app.api.names import names
from app.api.parameters import NoQuery
from app.api.paths import AgencyCode
from app.api.replies import reply
from app.api.routing import database
from app.api.schemas import AgencyRef, LabelOut, Shown
from app.domain.calendar import FIRST_FILED, LAST_YEAR
from app.domain.codes import is_agency_code
from app.domain.layout import Form
from app.domain.report import Agency
from app.errors import NotFound
from app.forms.cells import CELLS
from app.services import encoding, series
from app.storage import reports, years

routes = tabular("statistics", "/v1/agencies")

_MOST = 100
_Cells = names(
    CELLS,
    "unknown-cell",
    pattern=r"[a-z_]+\.[a-z_]+\.[a-z_]+",
    most=_MOST,
    example="requests.received.total,disputes.reconsideration.total",
)


class SeriesQuery(NoQuery):
    """Which cells and which years."""

    cells: Annotated[
        _Cells,
        Field(
            description="Up to 100 names of cells, `table.line.column`, with commas between them.",
        ),
    ]
    first: Annotated[
        queries.Year | None,
        Field(alias="from", description="The agency's first report if left out."),
    ] = None
    last: Annotated[
        queries.Year | None, Field(alias="to", description="The agency's last report if left out.")
    ] = None
    format: Format = "json"


class SeriesCell(Shown):
    """A cell of a series."""

    cell: str
    label: LabelOut
    unit: Literal["count", "change", "wan_yuan", "money"]
    forms: Annotated[list[str], Field(description="The forms in which it can be read.")]


class SeriesValue(Shown):
    """A figure, or why there is none."""

    value: int | str | None
    state: Annotated[
        Literal[
            "reported",
            "computed",
            "nil",
            "blank",
            "not_applicable",
            "missing",
            "not_in_form",
            "no_report",
        ],
        Field(
            description="`computed`: a total that was left out and whose cells are all numbers; "
            "`nil`: 0 because the table was declared empty; `missing`: the table was not filed."
        ),
    ]
    cells: Annotated[
        list[str] | None,
        Field(description="The year's cells, where its form prints the line as several."),
    ] = None
    unit: Annotated[
        Literal["yuan", "wan_yuan"] | None,
        Field(description="Of an amount whose unit the form does not print; null if unknown."),
    ] = None


class SeriesYear(Shown):
    """The figures of a year, in the order of the cells."""

    year: int
    form: str
    values: list[SeriesValue]


class SeriesOut(Shown):
    """One agency's cells over the years."""

    agency: AgencyRef
    first: Annotated[int | None, Field(alias="from")]
    last: Annotated[int | None, Field(alias="to")]
    cells: list[SeriesCell]
    years: list[SeriesYear]


@routes.get(
    "/{agency}/series",
    **with_csv(reads(SeriesOut, "Read an agency's figures over the years / 读取时间序列")),
)
async def get_series(
    request: Request, agency: AgencyCode, query: Annotated[SeriesQuery, Query()]
) -> Response:
    """Return cells of an agency's reports for every reporting year from `from` to `to`.

    A cell that an edition prints as several (其他处理) is their sum in the years of that edition. A
    year without a figure has null and says why.
    """

    def job(connection: Connection) -> Any:
        found = reports.agency(connection, agency) if is_agency_code(agency) else None
        if found is None:
            raise NotFound("agency-not-found", agency=agency)
        return found, *_read(connection, found, parameters.read(request, SeriesQuery))

    found, bounds, rows = await database(request).snapshot(job)
    asked = parameters.read(request, SeriesQuery)
    if wants_csv(request):
        body = encoded(_HEADER, _rows(found, asked.cells, rows))
        return csv_reply(request, f"{agency}-series", body)
    body = encoding.encoded(_shown(found, asked.cells, bounds, rows))
    return reply(request, body=body, headers=VARY)


_Row = tuple[int, Form, list[series.Figure]]


def _read(
    connection: Connection, agency: Agency, asked: SeriesQuery
) -> tuple[tuple[int | None, int | None], list[_Row]]:
    """Return the first and last year, and the figures of the reporting years between them."""
    first = FIRST_FILED if asked.first is None else asked.first
    last = LAST_YEAR if asked.last is None else asked.last
    stored = reports.load(connection, agency, first, last)
    bounds = (
        min(stored, default=None) if asked.first is None else first,
        max(stored, default=None) if asked.last is None else last,
    )
    if not stored and None in bounds:
        return bounds, []
    registered = years.between(connection, bounds[0] or first, bounds[1] or last)
    filed = {year: each.report for year, each in stored.items()}
    return bounds, list(series.years_of(filed, registered, asked.cells))


def _shown(
    agency: Agency, cells: Sequence[str], bounds: tuple[int | None, int | None], rows: list[_Row]
) -> dict[str, Any]:
    return {
        "agency": {"code": agency.code, "name": agency.name},
        "from": bounds[0],
        "to": bounds[1],
        "cells": [series.cell(name) for name in cells],
        "years": [
            {
                "year": year,
                "form": form.key,
                "values": [
                    series.shown(name, form, figure)
                    for name, figure in zip(cells, figures, strict=True)
                ],
            }
            for year, form, figures in rows
        ],
    }


_HEADER = ("agency", "agency_name", "year", "form", "cell", "label", "unit", "value", "state")


def _rows(agency: Agency, cells: Sequence[str], rows: list[_Row]) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each cell in each year."""
    for year, form, figures in rows:
        for name, figure in zip(cells, figures, strict=True):
            unit = figure.unit or CELLS[name].column.unit.value
            head = (agency.code, agency.name, year, form.key, name, series.label(name), unit)
            yield *head, series.value_of(name, figure), figure.state
