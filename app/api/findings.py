"""Findings: of a report, and across reports."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import decisions, queries, schemas
from app.api.access import caller_of
from app.api.documentation import lists
from app.api.paths import AgencyCode, YearPath, key_in, why_absent
from app.api.queries import Listing, ListQuery, ShortQuery
from app.api.replies import reply
from app.api.routing import database, router
from app.domain.findings import Finding, Outcome
from app.services import encoding, rendering, reporting, workflow
from app.services.reporting import Scene
from app.storage import reports
from app.storage import workflow as stored_workflow
from app.storage.agencies import sees
from app.storage.models import Decision

routes = router("findings")


WhichOutcomes = Annotated[
    schemas.Outcomes, Query(description="`fail`, or `all` with those that are not assessable.")
]


class FindingsQuery(ShortQuery):
    """Which outcomes, and how many of them."""

    outcomes: WhichOutcomes = "fail"


class FindingDecided(schemas.FindingOut):
    """A finding, and what was said of it."""

    decision: Annotated[
        decisions.DecisionOut | None,
        Field(default=None, description="What was said of it, if anything was."),
    ]


@routes.get(
    "/v1/reports/{agency}/{year}/findings",
    **lists(
        schemas.page_of(FindingDecided, "Findings"),
        "Findings of a report / 报告的核查结果",
        of_one=True,
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
        scene = reporting.look(connection, code, number)
        if scene is None or scene.current is None:
            raise why_absent(connection, code, number)
        asked = queries.short(request, FindingsQuery, agency=code, year=number)
        said = {}
        if sees(connection, caller_of(request).sight, code):
            said = stored_workflow.decisions(connection, code, number)
        found = (
            each
            for each in workflow.findings(scene)
            if asked.query.outcomes == "all" or each.outcome is Outcome.FAIL
        )
        return asked.page(
            {each.id: encoding.encoded(_decided(scene, each, said.get(each.id))) for each in found}
        )

    return reply(request, body=await database(request).snapshot(job))


def _decided(scene: Scene, finding: Finding, said: Decision | None) -> dict[str, Any]:
    """Return a finding with what was said of it, if the caller may know."""
    assert scene.current is not None
    made = rendering.finding(finding, scene.current.report)
    if said is not None:
        holds = said.basis == workflow.basis_of(scene, finding)
        made["decision"] = decisions.shown(said, holds=holds)
    return made


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
    told=True,
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
