"""A report beside another: of another year, or of another agency."""

import re
from typing import Annotated, Literal

from fastapi import Query
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import parameters
from app.api.documentation import reads
from app.api.parameters import NoQuery
from app.api.paths import AgencyCode, YearPath, key_in, why_absent
from app.api.replies import reply
from app.api.routing import database, router
from app.api.schemas import AgencyRef, LabelOut, Shown
from app.domain.codes import CODE_PATTERN
from app.domain.report import Report
from app.errors import Fault, Invalid
from app.services import comparing, encoding
from app.storage import agencies, reports, years

routes = router("statistics", "/v1/reports")

_WITH = re.compile(CODE_PATTERN.replace("^", "(").replace("$", r"/)?[1-9][0-9]{3}"))


def _report_key(value: str) -> str:
    if not _WITH.fullmatch(value):
        raise PydanticCustomError("gongkai.not-a-report", "not-a-report")
    return value


class ComparisonQuery(NoQuery):
    """What to compare with."""

    other: Annotated[
        Annotated[str, AfterValidator(_report_key)] | None,
        Field(
            alias="with",
            description="Another year of the same agency (`2023`), or another agency and year "
            "(`321300/2023`); the year before if left out.",
            examples=["2023"],
            json_schema_extra={"pattern": f"^{_WITH.pattern}$"},
        ),
    ] = None


class ComparedReport(Shown):
    """One of two reports."""

    agency: AgencyRef
    year: int
    form: str


class CellsOfSides(Shown):
    """The cells that a figure is the sum of, as JSON pointers into either report."""

    left: list[str]
    right: list[str]


class UnitsOfSides(Shown):
    """The units of amounts where the form prints none; the difference is in yuan if they differ."""

    left: Literal["yuan", "wan_yuan"] | None
    right: Literal["yuan", "wan_yuan"] | None
    difference: Literal["yuan", "wan_yuan"] | None


_Figure = int | str | None


class ComparedCell(Shown):
    """Two figures. A blank, or `n/a`, has no difference to anything."""

    left: _Figure
    right: _Figure
    difference: Annotated[_Figure, Field(description="left − right")]
    ratio: Annotated[
        str | None, Field(description="left ÷ right to six places; null where right is 0.")
    ]
    comparable: bool
    reason: Annotated[
        Literal["not_in_form", "other_meaning", "in_sum", "unit"] | None,
        Field(description="Why not, where they are not comparable; see `reasons`."),
    ]
    cells: Annotated[
        CellsOfSides | None,
        Field(description="Where one form prints a line that the other prints as several."),
    ] = None
    units: Annotated[
        UnitsOfSides | None, Field(description="Of amounts whose unit the form does not print.")
    ] = None


_State = Literal["filed", "nil", "missing", "not_in_form"]


class ComparedTableOut(Shown):
    """A table of two reports: lines of columns."""

    left: _State
    right: _State
    computed: Annotated[
        CellsOfSides,
        Field(description="Totals that were left out, and stand here as computed."),
    ]
    lines: dict[str, dict[str, ComparedCell]]


class ComparisonOut(Shown):
    """Two reports, cell by cell."""

    left: ComparedReport
    right: ComparedReport
    tables: dict[str, ComparedTableOut]
    reasons: Annotated[dict[str, LabelOut], Field(description="What `reason` means, in words.")]
    links: dict[str, str]


@routes.get(
    "/{agency}/{year}/comparison", **reads(ComparisonOut, "Compare two reports / 比较两份报告")
)
async def get_comparison(
    request: Request,
    agency: AgencyCode,
    year: YearPath,
    query: Annotated[ComparisonQuery, Query()],
) -> Response:
    """Return a report beside another one, cell by cell, with differences and ratios.

    On one form everything is comparable but amounts of unknown unit. Across the forms, `requests`,
    `disputes` and numbers of decisions are; where one form prints a line that the other prints as
    several, their sum is compared. A blank makes no sum, and a table declared nil counts as 0.
    """
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> bytes:
        left = _stored(connection, code, number)
        if left is None:
            raise why_absent(connection, code, number)
        asked = parameters.read(request, ComparisonQuery).other
        right = _other(connection, *_named(asked, code, number))
        return encoding.encoded(comparing.comparison(left, right))

    return reply(request, body=await database(request).snapshot(job))


def _stored(connection: Connection, code: str, year: int) -> Report | None:
    agency = reports.agency(connection, code)
    stored = reports.load(connection, agency, year, year) if agency else {}
    return stored[year].report if year in stored else None


def _named(asked: str | None, code: str, year: int) -> tuple[str, int]:
    """Return the agency and the year that `with` names."""
    if asked is None:
        return code, year - 1
    agency, _, other = asked.rpartition("/")
    return agency or code, int(other)


def _other(connection: Connection, code: str, year: int) -> Report:
    found = _stored(connection, code, year)
    if found is None:
        fault = Fault(None, _fault(connection, code, year), parameter="with")
        raise Invalid([fault], "invalid-parameter")
    return found


def _fault(connection: Connection, code: str, year: int) -> str:
    if not agencies.exists(connection, code):
        return "unknown-agency"
    return "unknown-report" if years.read(connection, year) else "unknown-year"
