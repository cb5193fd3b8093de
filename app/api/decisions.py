"""What is said of a report's warnings, so that it can be submitted though they stand."""

from functools import partial
from typing import Annotated, Any

from fastapi import Body, Path
from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import bodies, schemas
from app.api.access import caller_of
from app.api.documentation import reads, writes
from app.api.paths import exemplified, key_in
from app.api.replies import reply, require, written
from app.api.rights import require_over
from app.api.routing import database, router
from app.api.transitions import seen_scene
from app.api.writing import hold, would_change
from app.domain.findings import Severity
from app.domain.workflow import Decision as Word
from app.errors import Conflict, Fault, Forbidden, NotFound
from app.services import encoding, rendering, reporting, workflow
from app.services.reporting import EDITABLE, Scene
from app.services.workflow import Said
from app.storage import workflow as stored_workflow
from app.storage.agencies import sees
from app.storage.models import Decision

routes = router("filing", "/v1/reports")

AgencyCode, YearPath = exemplified("321300-rsj", "2024")
FindingId = Annotated[str, Path(description="The finding's `id`.", examples=["fees.unit:charges"])]


class DecisionBody(schemas.Strict):
    """What is said of a finding."""

    decision: Annotated[
        Word,
        Field(
            description="`explained`: why it is so, by the agency; `confirmed`: the figures are "
            "right, by the agency; `waived`: it may stand, by who reviews."
        ),
    ]
    explanation: Annotated[
        schemas.Remark | None, Field(description="Required to explain and to waive.")
    ] = None
    finding: schemas.ReadOnly = None
    at: schemas.ReadOnly = None
    actor: schemas.ReadOnly = None
    holds: schemas.ReadOnly = None
    links: schemas.ReadOnly = None


class DecisionOut(schemas.Shown):
    """What was said of a finding."""

    finding: str
    decision: Word
    explanation: str | None
    at: schemas.Instant
    actor: str | None
    holds: Annotated[
        bool, Field(description="Whether the values are still those that it was said of.")
    ]
    links: dict[str, str]


def shown(decision: Decision, *, holds: bool) -> dict[str, Any]:
    """Return a decision as JSON."""
    report = rendering.report_path(decision.agency, decision.year)
    own = f"{report}/findings/{decision.finding}/decision"
    return {
        "finding": decision.finding,
        "decision": decision.decision,
        "explanation": decision.explanation,
        "at": decision.at,
        "actor": decision.actor,
        "holds": holds,
        "links": {"self": own, "report": report},
    }


def _resource(scene: Scene, decision: Decision) -> tuple[str, bytes]:
    found = {each.id: each for each in workflow.failures(scene)}
    finding = found.get(decision.finding)
    holds = finding is not None and workflow.basis_of(scene, finding) == decision.basis
    body = encoding.encoded(shown(decision, holds=holds))
    return encoding.etag(_revision(decision), body), body


def _revision(decision: Decision) -> int:
    """Return what grows with every change of what is said: the digits of its time."""
    return int("".join(filter(str.isdecimal, decision.at)))


def _required(connection: Connection, scene: Scene, identity: str) -> Decision:
    said = stored_workflow.decisions(connection, scene.agency.code, scene.year.year)
    if identity not in said:
        raise NotFound("decision-not-found", id=identity)
    return said[identity]


@routes.get(
    "/{agency}/{year}/findings/{finding}/decision",
    **reads(DecisionOut, "Read what was said of a finding / 读取对核查结果的说明", 403),
)
async def get_decision(
    request: Request, agency: AgencyCode, year: YearPath, finding: FindingId
) -> Response:
    """Return what was said of a finding, and whether it holds."""
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> tuple[str, bytes]:
        if not sees(connection, caller_of(request).sight, code):
            raise Forbidden("decide")
        scene = seen_scene(connection, code, number)
        decision = _required(connection, scene, finding)
        return _resource(scene, decision)

    etag, body = await database(request).use(job)
    return reply(request, etag, body=body)


_SAID: dict[str, Any] = {
    "explained": {
        "summary": "说明 / Explain",
        "value": {
            "decision": "explained",
            "explanation": "上年度结转数经核对有误，已在本年度更正。",
        },
    },
    "confirmed": {"summary": "确认 / Confirm", "value": {"decision": "confirmed"}},
}


@routes.put(
    "/{agency}/{year}/findings/{finding}/decision",
    **writes(DecisionOut, "Say something of a finding / 对核查结果作出说明"),
)
async def put_decision(
    request: Request,
    agency: AgencyCode,
    year: YearPath,
    finding: FindingId,
    body: Annotated[DecisionBody, Body(openapi_examples=_SAID)],
) -> Response:
    """Explain or confirm a warning (the agency), or waive it (who reviews).

    What is said holds for the values that it was said of: when they change, it lapses, and the
    warning must be explained anew. Errors cannot be explained away.
    """
    sent = await bodies.raw(request)
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> Response:
        require_over(connection, caller_of(request), "decide", code)
        scene = reporting.enter_report(connection, code, number)
        found = workflow.required_finding(scene, finding)
        said = stored_workflow.decisions(connection, code, number).get(finding)
        stored = {name: getattr(said, name) for name in ("decision", "explanation")} if said else {}
        body = hold(
            request,
            _revision(said) if said else None,
            lambda: _resource(scene, said)[0] if said else "",
            lambda: bodies.parse(sent),
            partial(would_change, stored),
        )
        asked = _asked(body, found.severity)
        _require(request, connection, scene, asked.decision)
        made = workflow.decide(connection, scene, found, asked, said)
        etag, shown_body = _resource(scene, made)
        path = f"{rendering.report_path(code, number)}/findings/{finding}/decision"
        status = 200 if said else 201
        return written(request, path, etag, shown_body, status, patchable=False)

    return await database(request).alter(job)


def _asked(sent: dict[str, Any], severity: Severity) -> Said:
    faults = []
    if severity is Severity.ERROR:
        faults.append(Fault("/decision", "error-stands"))
    word, explanation = sent.get("decision"), sent.get("explanation")
    if word in ("explained", "waived") and not str(explanation or "").strip():
        faults.append(Fault("/explanation", "reason-required"))
    bodies.checked(DecisionBody, sent, faults)
    return Said(sent["decision"], explanation)


def _require(request: Request, connection: Connection, scene: Scene, word: str) -> None:
    """Hold a caller to the right that a word asks, and to the states in which it may be said."""
    assert scene.current is not None
    state, is_waived = scene.current.state, word == "waived"
    right: Any = "review" if is_waived else "write"
    require_over(connection, caller_of(request), right, scene.agency.code)
    if state == "published" or not (is_waived or state in EDITABLE):
        raise Conflict("report-locked", state=state)


@routes.delete(
    "/{agency}/{year}/findings/{finding}/decision",
    **writes(None, "Take back what was said of a finding / 撤回说明"),
)
async def delete_decision(
    request: Request, agency: AgencyCode, year: YearPath, finding: FindingId
) -> Response:
    """Take back what was said of a finding."""
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> Response:
        require_over(connection, caller_of(request), "decide", code)
        scene = reporting.enter_report(connection, code, number)
        decision = _required(connection, scene, finding)
        require(request, _revision(decision), lambda: _resource(scene, decision)[0])
        _require(request, connection, scene, decision.decision)
        workflow.take_back(connection, scene, finding)
        return Response(status_code=204)

    return await database(request).alter(job)
