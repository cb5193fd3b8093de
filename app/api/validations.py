"""Checks of figures that are not stored."""

from typing import Annotated, Any

from fastapi import Body, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import bodies, examples, parameters, schemas
from app.api.documentation import IDEMPOTENT, problems
from app.api.findings import WhichOutcomes
from app.api.parameters import NoQuery
from app.api.replies import reply
from app.api.routing import database, router
from app.api.writing import report_contradictions
from app.domain.findings import Outcome
from app.domain.layout import Form
from app.domain.report import Agency, Report
from app.domain.successions import Forebears
from app.errors import Fault, Invalid
from app.forms import FORMS, form_of
from app.services import filing, kinship, rendering, reporting
from app.storage import reports, years

routes = router("validations", "/v1/validations")

_BODIES = [schemas.validation_in(form, form_of(form.first_year - 1)) for form in FORMS] + [
    schemas.validation_in(form, form) for form in FORMS
]


class ValidationQuery(NoQuery):
    """Which outcomes."""

    outcomes: WhichOutcomes = "fail"


@routes.post(
    "",
    summary="Check figures / 试算核查",
    response_model=None,
    responses={
        200: {"model": schemas.any_of([schemas.validation_out(f) for f in FORMS])},
        **problems(400, 406, 409, 413, 415, 422, 503),
    },
    openapi_extra={"parameters": [IDEMPOTENT]},
)
async def post_validation(
    request: Request,
    body: Annotated[
        schemas.any_of(_BODIES),
        Body(openapi_examples=examples.validations()),
    ],
    query: Annotated[ValidationQuery, Query()],
) -> Response:
    """Judge a report by every rule and store nothing. Shaped like a report."""
    sent = bodies.parse(await bodies.raw(request))

    def job(connection: Connection) -> bytes:
        return _checked(connection, request, sent).encoded()

    return reply(request, body=await database(request).snapshot(job))


def _checked(connection: Connection, request: Request, body: dict[str, Any]) -> rendering.Document:
    asked = parameters.read(request, ValidationQuery)
    code, year = schemas.agency_code(body.get("agency")), schemas.year_number(body.get("year"))
    agency = reports.agency(connection, code) if code is not None else None
    faults = [Fault("/agency", "unknown-agency")] if code is not None and agency is None else []
    form = schemas.form_in(body)
    if form is None or year is None:
        raise Invalid([*faults, *_faults_without_form(body)])
    facts = years.read(connection, year)
    if facts is None:
        faults.append(Fault("/year", "unknown-year"))
    before = form_of(year - 1)
    faults += _contradictions(body, form, before, agency)
    bodies.checked(schemas.validation_in(form, before), body, faults)
    report = filing.report_from(form, year, agency, body)
    previous, beside = _previous(connection, body, before, report)
    found = [
        each
        for each in reporting.findings_of(report, previous, beside)
        if asked.outcomes == "all" or each.outcome is Outcome.FAIL
    ]
    return rendering.judged(report, found, facts.due if facts else None)


def _faults_without_form(body: dict[str, Any]) -> list[Fault]:
    """Return the faults of a body whose year has no form, so that its tables cannot be judged."""
    year = body.get("year")
    model = schemas.validation_in(FORMS[-1], FORMS[-1])
    found = [f for f in bodies.faults(model, body) if not _is_of_form(f.pointer or "")]
    if type(year) is int and 1000 <= year < FORMS[0].first_year:
        found.append(Fault("/year", "year-without-form"))
    return found


def _is_of_form(pointer: str) -> bool:
    return pointer.startswith(("/tables", "/previous"))


def _contradictions(
    body: dict[str, Any], form: Form, before: Form | None, agency: Agency | None
) -> list[Fault]:
    found = report_contradictions(form, body)
    previous = body.get("previous")
    if isinstance(previous, dict) and before is not None:
        named = {"agency": agency.code} if agency is not None else {}
        found += report_contradictions(
            before, previous, "/previous", year=body["year"] - 1, **named
        )
    elif previous is not None and before is None:
        found.append(Fault("/previous", "year-without-form"))
    return found


def _previous(
    connection: Connection, body: dict[str, Any], before: Form | None, report: Report
) -> tuple[Report | None, Forebears | None]:
    """Return the report on the year before, the one sent or the one stored.

    If it is the one stored: with those of whom the agency followed in the year.
    """
    if before is None:
        return None, None
    year = report.year - 1
    if "previous" in body:
        sent = body["previous"]
        made = filing.report_from(before, year, report.agency, sent) if sent is not None else None
        return made, None
    if report.agency is None:
        return None, None
    stored = reports.load(connection, report.agency, year, year)
    beside = kinship.forebears_of(connection, report.agency, stored, report.year)
    return stored[year].report if year in stored else None, beside
