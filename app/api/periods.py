"""The past of agencies: from which day a change holds, and what an agency was before."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import queries, schemas
from app.api.documentation import lists
from app.api.paths import AgencyCode
from app.api.queries import ShortQuery
from app.api.replies import reply
from app.api.routing import database, router
from app.domain.calendar import today
from app.domain.codes import is_agency_code
from app.domain.periods import DATED, Periods, ends, is_ever_above
from app.errors import Fault, NotFound
from app.services import encoding
from app.storage import agencies, periods

routes = router("agencies", "/v1/agencies")


def effective_on(body: dict[str, Any]) -> str | None:
    """Return the day from which what a body says of an agency holds; None for a correction."""
    found: str | None = body.get("effective_on", today())
    return found


def faults(connection: Connection, code: str, body: dict[str, Any]) -> list[Fault]:
    """Return what is wrong with the day of a change, in a body that is valid by itself."""
    if "effective_on" not in body:
        return []
    start, latest = body["effective_on"], today()
    if start is not None and start > latest:
        return [Fault("/effective_on", "in-the-future", {"today": latest})]
    known = periods.of(connection, code)
    if not known:
        return []
    last = known[-1].start
    if start is not None and start < last:
        return [Fault("/effective_on", "before-last-change", {"start": last})]
    return _circle(connection, code, body.get("parent"), last if start is None else start)


def _circle(connection: Connection, code: str, parent: str | None, start: str) -> list[Fault]:
    """Return that an agency would have stood above itself at some time since then."""
    if parent is None:
        return []
    is_one = is_ever_above(code, parent, start, periods.above(connection, parent))
    return [Fault("/parent", "circle")] if is_one else []


class PeriodOut(schemas.Shown):
    """What an agency was for some time."""

    since: Annotated[
        schemas.Date | None,
        Field(alias="from", description="The first day; null: since ever."),
    ]
    to: Annotated[schemas.Date | None, Field(description="The last day; null: it still holds.")]
    name: str
    short_name: str | None
    kind: schemas.KindName
    level: schemas.LevelName
    parent: str | None


@routes.get(
    "/{agency}/periods",
    **lists(
        schemas.page_of(PeriodOut, "PeriodPage"),
        "Read what an agency was / 读取机构的历次变更",
        of_one=True,
    ),
)
async def get_periods(
    request: Request, agency: AgencyCode, query: Annotated[ShortQuery, Query()]
) -> Response:
    """Return what an agency was called and where it stood, the earliest first.

    Periods follow each other without a gap. Roll-ups and completeness of a year show agencies as
    they were on its 31 December. Those of today show the last period.
    """

    def job(connection: Connection) -> Periods:
        if not is_agency_code(agency) or not agencies.exists(connection, agency):
            raise NotFound("agency-not-found", agency=agency)
        return periods.of(connection, agency)

    found = await database(request).use(job)
    items = {
        each.start: encoding.encoded(
            {"from": each.start or None, "to": end} | {name: getattr(each, name) for name in DATED}
        )
        for each, end in zip(found, ends(found), strict=True)
    }
    return reply(request, body=queries.short(request, ShortQuery, agency=agency).page(items))
