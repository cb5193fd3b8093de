"""Reports as a whole."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from operator import itemgetter
from typing import Annotated, Any

from fastapi import Body, Query
from pydantic_core import from_json
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import bodies, examples, parameters, queries, schemas
from app.api.access import caller_of
from app.api.bodies import Json
from app.api.documentation import lists, reads, writes
from app.api.parameters import NoQuery
from app.api.paths import AgencyCode, YearPath, absent, key_in, why_absent
from app.api.queries import Listing, ListQuery
from app.api.replies import MERGE_PATCH, PATCHABLE, reply, require, written
from app.api.rights import require_agency
from app.api.routing import database, router
from app.api.whole_tables import taken
from app.api.writing import hold, patched, report_contradictions
from app.domain.report import Report
from app.errors import Conflict, Fault, Invalid, NotFound
from app.forms import FORMS
from app.services import filing, rendering, reporting
from app.services.reporting import Scene
from app.storage import agencies, history, reports, years

routes = router("reports", "/v1/reports")


class ReportsQuery(ListQuery):
    """Filters of reports."""

    agency: str | None = None
    under: Annotated[str | None, Query(description="An agency: all at or below it.")] = None
    year: queries.Year | None = None
    year_from: queries.Year | None = None
    year_to: queries.Year | None = None
    severity: Annotated[
        schemas.SeverityName | None, Query(description="Those with a failure of this severity.")
    ] = None
    rule: Annotated[
        schemas.RuleId | None, Query(description="Those with a failure of this rule.")
    ] = None
    updated_after: queries.Instant | None = None
    sort: queries.sort_of("agency", "year", "updated_at", "errors") = "agency"


def _keys(row: Any) -> dict[str, Any]:
    summary = from_json(bytes(row[0]))
    return {
        "agency": summary["agency"]["code"],
        "year": summary["year"],
        "updated_at": summary["updated_at"],
        "errors": summary["counts"]["error"],
    }


_REPORTS = Listing(
    ReportsQuery,
    reports.SUMMARIES,
    {
        "agency": ("agency", "year"),
        "year": ("year", "agency"),
        "updated_at": ("updated_at", "agency", "year"),
        "errors": ("errors", "agency", "year"),
    },
    itemgetter(0),
    _keys,
    tag=64,  # a summary ends in the report's ETag, which is a digest of all of it
    told=True,
)


@routes.get("", **lists(schemas.ReportPage, "List reports / 列出报告"))
async def list_reports(request: Request, query: Annotated[ReportsQuery, Query()]) -> Response:
    """Return summaries of reports: what was filed and how many failures, but no figures."""
    return await queries.answer(request, _REPORTS)


class ReportQuery(NoQuery):
    """As of when."""

    as_of: queries.AsOf = None


@routes.get("/{agency}/{year}", **reads(schemas.ReportOut, "Read a report / 读取报告"))
async def get_report(
    request: Request, agency: AgencyCode, year: YearPath, query: Annotated[ReportQuery, Query()]
) -> Response:
    """Return the whole report: data as reported, computed totals, and every failure of a rule.

    With `as_of`, its last revision until then, as it was shown when it was written: what has moved
    since without a write of its own (findings by another year's figures, names, steps of the
    filing) is not in it.
    """
    code, number = key_in(request, agency, year)
    if b"as_of" in request.scope["query_string"]:
        return await _past_report(request, code, number)
    row = await database(request).point(reports.READ_DOCUMENT, {"agency": code, "year": number})
    if row is None:
        raise await absent(request, code, number)
    parameters.read(request, ReportQuery)
    return reply(request, row[0], zipped=bytes(row[1]), headers=PATCHABLE)


async def _past_report(request: Request, code: str, year: int) -> Response:
    """Answer with what a report said at a time."""

    def job(connection: Connection) -> Any:
        if not agencies.exists(connection, code) or years.read(connection, year) is None:
            raise why_absent(connection, code, year)
        as_of = parameters.read(request, ReportQuery).as_of
        row = history.at(connection, code, year, as_of) if as_of else None
        if row is None:
            raise NotFound("report-not-found", agency=code, year=year)
        return row

    etag, zipped = await database(request).use(job)
    return reply(request, etag, zipped=bytes(zipped))


def _checked_report(scene: Scene, body: Json) -> Report:
    year, code, form = scene.year.year, scene.agency.code, scene.form
    tables = body.get("tables")
    whole, others = taken(form, tables) if isinstance(tables, dict) else ({}, tables)
    rest = body | {"tables": others} if whole else body
    more = report_contradictions(form, rest, agency=code, year=year)
    bodies.checked(schemas.report_in(form), rest, more)
    return filing.report_from(form, year, scene.agency, rest, whole)


def _differences(scene: Scene, made: Report) -> Iterator[Fault]:
    assert scene.current is not None
    return bodies.differences(filing.writable(made), filing.writable(scene.current.report))


def _report_reply(request: Request, scene: Scene, status: int) -> Response:
    rendered = reporting.rendered(scene)
    path = rendering.report_path(scene.agency.code, scene.year.year)
    return written(request, path, rendered.etag, rendered.body, status)


def _held(scene: Scene) -> tuple[int | None, Callable[[], str]]:
    revision = scene.current.revision if scene.current else None
    return revision, lambda: reporting.rendered(scene).etag


def _write(
    request: Request, connection: Connection, scene: Scene, body: Callable[[], Json]
) -> Response:
    """Save a report, by a body that is read once conditions hold."""
    status = 200 if scene.current else 201
    made = hold(
        request,
        *_held(scene),
        lambda: _checked_report(scene, body()),
        partial(_differences, scene),
    )
    reporting.save(connection, scene, made)
    return _report_reply(request, scene, status)


@routes.put("/{agency}/{year}", **writes(schemas.ReportOut, "Write a report / 填报整份报告"))
async def put_report(
    request: Request,
    agency: AgencyCode,
    year: YearPath,
    body: Annotated[schemas.ReportIn, Body(openapi_examples=examples.reports())],
) -> Response:
    """Create the report (201) or replace all of it (200): what is left out becomes missing or null.

    Figures that do not add up are stored, and the reply says so.
    """
    sent = await bodies.raw(request)
    code, number = key_in(request, agency, year, sent)

    def job(connection: Connection) -> Response:
        scene = reporting.enter(connection, code, number)
        reporting.require_open(scene)
        return _write(request, connection, scene, lambda: bodies.parse(sent))

    return await database(request).alter(job, (code, number))


@routes.patch(
    "/{agency}/{year}",
    **writes(schemas.ReportOut, "Change a report / 修改报告", creates=False),
)
async def patch_report(
    request: Request,
    agency: AgencyCode,
    year: YearPath,
    body: Annotated[
        schemas.ReportIn,
        Body(openapi_examples=examples.report_patches(), media_type=MERGE_PATCH),
    ],
) -> Response:
    """Change the members that are sent (RFC 7396): null makes a cell blank, a table missing."""
    sent = await bodies.raw(request)
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> Response:
        scene = _existing(connection, code, number)
        assert scene.current is not None
        stored = scene.current.report
        return _write(
            request,
            connection,
            scene,
            lambda: patched(filing.writable(stored), bodies.parse(sent)),
        )

    return await database(request).alter(job, (code, number))


def _existing(connection: Connection, agency: str, year: int) -> Scene:
    scene = reporting.enter_report(connection, agency, year)
    reporting.require_open(scene)
    return scene


@routes.delete("/{agency}/{year}", **writes(None, "Delete a report / 删除报告"))
async def delete_report(request: Request, agency: AgencyCode, year: YearPath) -> Response:
    """Delete a report with its tables; next year's findings are judged anew."""
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> Response:
        scene = _existing(connection, code, number)
        require(request, *_held(scene))
        reporting.delete(connection, scene)
        return Response(status_code=204)

    return await database(request).alter(job, (code, number))


@routes.post("", **writes(schemas.ReportOut, "Create a report / 新建报告", new=True))
async def post_report(
    request: Request,
    body: Annotated[
        schemas.any_of([schemas.new_report(f) for f in FORMS]),
        Body(openapi_examples=examples.new_reports()),
    ],
) -> Response:
    """Create a report; 409 if the agency has one on that year."""
    sent = await bodies.raw(request)

    def job(connection: Connection) -> Response:
        made = bodies.parse(sent)
        code = schemas.agency_code(made.get("agency"))
        if code is not None:
            require_agency(caller_of(request), code)
        scene = _named_scene(connection, made)
        reporting.require_open(scene)
        report = _checked_report(scene, made)
        if scene.current is not None:
            raise Conflict("already-exists", key=f"reports/{scene.agency.code}/{report.year}")
        reporting.save(connection, scene, report)
        return _report_reply(request, scene, 201)

    return await database(request).alter(job)


def _named_scene(connection: Connection, body: Json) -> Scene:
    """Enter the scene that a body names. Raises `Invalid` with every fault of the body."""
    faults = []
    code, year = schemas.agency_code(body.get("agency")), schemas.year_number(body.get("year"))
    form = schemas.form_in(body)
    if code is not None and year is not None and form is not None:
        with suppress(NotFound):
            return reporting.enter(connection, code, year)
    if code is not None and not agencies.exists(connection, code):
        faults.append(Fault("/agency", "unknown-agency"))
    if year is not None and form is None:
        faults.append(Fault("/year", "year-without-form"))
    elif year is not None and years.read(connection, year) is None:
        faults.append(Fault("/year", "unknown-year"))
    found = bodies.faults(schemas.new_report(form or FORMS[-1]), body)
    if form is None:
        found = [fault for fault in found if not (fault.pointer or "").startswith("/tables")]
    else:
        faults += report_contradictions(form, body)
    raise Invalid(bodies.with_others(found, faults))
