"""Findings: of a report, and across reports."""

from typing import Annotated, Any

from fastapi import Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import queries, schemas
from app.api.documentation import lists, reads
from app.api.paths import AgencyCode, YearPath, key_in, why_absent
from app.api.queries import Listing, ListQuery, NoQuery
from app.api.replies import reply
from app.api.routing import database, router
from app.domain.findings import Outcome
from app.services import encoding, kinship, rendering, reporting
from app.storage import reports

routes = router("findings")


class FindingsQuery(NoQuery):
    """Which outcomes."""

    outcomes: Annotated[
        schemas.Outcomes, Query(description="`fail`, or `all` with those that are not assessable.")
    ] = "fail"


@routes.get(
    "/v1/reports/{agency}/{year}/findings",
    **reads(
        schemas.page_of(schemas.FindingOut, "Findings"), "Findings of a report / 报告的核查结果"
    ),
)
async def get_findings(
    request: Request,
    agency: AgencyCode,
    year: YearPath,
    query: Annotated[FindingsQuery, Query()],
) -> Response:
    """Return the failures of rules; `outcomes=all` adds the rules that could not be assessed."""
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> bytes:
        facts = reports.agency(connection, code)
        stored = reports.load(connection, facts, number - 1, number) if facts else {}
        if number not in stored:
            raise why_absent(connection, code, number)
        asked = queries.read(request, FindingsQuery)
        report = stored[number].report
        before = stored.get(number - 1)
        beside = kinship.forebears_of(connection, facts, stored, number)
        found = reporting.findings_of(report, before.report if before else None, beside)
        shown = [
            rendering.finding(each, report)
            for each in found
            if asked.outcomes == "all" or each.outcome is Outcome.FAIL
        ]
        return encoding.encoded({"items": shown, "next": None})

    body = await database(request).use(job)
    return reply(request, encoding.etag(0, body), body=body)


class FindingsListQuery(ListQuery):
    """Filters of findings across reports."""

    agency: str | None = None
    under: Annotated[str | None, Query(description="An agency: all at or below it.")] = None
    year: queries.Year | None = None
    rule: schemas.RuleId | None = None
    severity: schemas.SeverityName | None = None
    sort: queries.sort_of("year", "agency", "rule") = "year"


def _shown(row: Any) -> bytes:
    body, agency, year, _, _, name = row
    head = encoding.encoded({"agency": {"code": agency, "name": name}, "year": year})
    return head[:-1] + b"," + bytes(body)[1:]


def _keys(row: Any) -> dict[str, Any]:
    return dict(zip(("agency", "year", "position", "rule"), row[1:5], strict=True))


_FINDINGS = Listing(
    FindingsListQuery,
    reports.FAILURES,
    {
        "year": ("year", "agency", "position"),
        "agency": ("agency", "year", "position"),
        "rule": ("rule", "year", "agency", "position"),
    },
    _shown,
    _keys,
)


@routes.get(
    "/v1/findings",
    **lists(
        schemas.page_of(schemas.ListedFinding, "FindingPage"),
        "List findings across reports / 列出各报告的核查结果",
    ),
)
async def list_findings(request: Request, query: Annotated[FindingsListQuery, Query()]) -> Response:
    """Return the failures of rules across reports."""
    return await queries.answer(request, _FINDINGS)
