"""The filing of a report: what can be done with it now, and what was."""

from typing import Annotated, Any

from fastapi import Body
from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import bodies, schemas
from app.api.access import caller_of
from app.api.documentation import IF_MATCH, does, reads
from app.api.paths import AgencyCode, YearPath, key_in, why_absent
from app.api.problems import language_of, told, worded
from app.api.replies import reply, require
from app.api.rights import require_over
from app.api.routing import database, router
from app.domain.workflow import STEPS, Action, Step
from app.errors import AppError, Fault
from app.services import encoding, rendering, reporting, workflow
from app.services.callers import Caller
from app.services.reporting import Scene
from app.storage import workflow as stored_workflow
from app.storage.agencies import sees

routes = router("filing", "/v1/reports")


class TransitionBody(schemas.Strict):
    """A step that is to be taken."""

    action: Action
    comment: Annotated[
        schemas.Remark | None,
        Field(description="Why. Required to return, to correct and to record."),
    ] = None


class WhyNot(schemas.Shown):
    """What stands in the way of a step."""

    code: Annotated[str, Field(description="The type of the problem that an attempt would get.")]
    message: str
    errors: list[schemas.ProblemFault]


class Available(schemas.Shown):
    """A step, and whether the caller may take it now."""

    action: Action
    to: schemas.ReportState
    allowed: bool
    needs_comment: bool
    why_not: list[WhyNot]


class StepTaken(schemas.Shown):
    """A step that was taken."""

    at: schemas.Instant
    actor: str | None
    action: Action
    before: Annotated[schemas.ReportState, Field(alias="from")]
    after: Annotated[schemas.ReportState, Field(alias="to")]
    comment: str | None
    revision: int


class TransitionsOut(schemas.Shown):
    """Where the filing of a report stands."""

    agency: schemas.AgencyRef
    year: int
    state: schemas.ReportState
    correction: str | None
    available: list[Available]
    history: Annotated[
        list[StepTaken], Field(description="The first one first; empty for the public.")
    ]
    links: dict[str, str]


def _shown(
    request: Request, connection: Connection, scene: Scene, caller: Caller
) -> dict[str, Any]:
    current, code, year = scene.current, scene.agency.code, scene.year.year
    assert current is not None
    path = rendering.report_path(code, year)
    history = []
    if sees(connection, caller.sight, code):
        history = stored_workflow.steps(connection, code, year)
    return {
        "agency": {"code": code, "name": scene.agency.name},
        "year": year,
        "state": current.state,
        "correction": current.correction,
        "available": [
            _available(request, connection, scene, step)
            for step in STEPS.values()
            if current.state in step.before
        ],
        "history": [
            {
                "at": each.at,
                "actor": each.actor,
                "action": each.action,
                "from": each.before,
                "to": each.after,
                "comment": each.comment,
                "revision": each.revision,
            }
            for each in history
        ],
        "links": {"self": f"{path}/transitions", "report": path},
    }


def _available(
    request: Request, connection: Connection, scene: Scene, step: Step
) -> dict[str, Any]:
    lang = language_of(request)
    found: list[AppError] = []
    try:
        require_over(connection, caller_of(request), step.right, scene.agency.code)
    except AppError as error:
        found.append(error)
    found += workflow.why_not(connection, scene, step)
    return {
        "action": step.action,
        "to": step.after,
        "allowed": not found,
        "needs_comment": step.needs_comment,
        "why_not": [
            {
                "code": error.slug,
                "message": worded(error, lang),
                "errors": [told(fault, lang) for fault in error.faults],
            }
            for error in found
        ],
    }


def _resource(request: Request, connection: Connection, scene: Scene) -> tuple[str, bytes]:
    body = encoding.encoded(_shown(request, connection, scene, caller_of(request)))
    assert scene.current is not None
    return encoding.etag(scene.current.revision, body), body


def seen_scene(connection: Connection, code: str, year: int) -> Scene:
    """Read a report as the caller sees it, locking nothing. Raises `NotFound`."""
    scene = reporting.look(connection, code, year)
    if scene is None or scene.current is None:
        raise why_absent(connection, code, year)
    return scene


@routes.get(
    "/{agency}/{year}/transitions",
    **reads(TransitionsOut, "What can be done with a report / 报送状态与可办事项"),
)
async def get_transitions(request: Request, agency: AgencyCode, year: YearPath) -> Response:
    """Return the state of a report and the steps from there.

    For each step: whether the caller may take it now and, if not, why: the right that is lacking,
    or the findings that stand in the way.
    """
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> tuple[str, bytes]:
        scene = seen_scene(connection, code, number)
        return _resource(request, connection, scene)

    etag, body = await database(request).snapshot(job)
    return reply(request, etag, body=body)


_BODIES: dict[str, Any] = {
    "submit": {"summary": "提交 / Submit", "value": {"action": "submit"}},
    "return": {
        "summary": "退回 / Return",
        "value": {"action": "return", "comment": "收到申请数的总计与分项之和不符，请核对。"},
    },
    "accept": {"summary": "审核通过 / Accept", "value": {"action": "accept"}},
    "publish": {"summary": "公开 / Publish", "value": {"action": "publish"}},
    "correct": {
        "summary": "更正 / Correct",
        "value": {"action": "correct", "comment": "统计口径有误，更正结转下年度的数据。"},
    },
}


@routes.post(
    "/{agency}/{year}/transitions",
    **does(
        TransitionsOut, "Take a step / 提交、退回、审核、公开、更正", 412, conditions=[IF_MATCH]
    ),
)
async def post_transition(
    request: Request,
    agency: AgencyCode,
    year: YearPath,
    body: Annotated[TransitionBody, Body(openapi_examples=_BODIES)],
) -> Response:
    """Take a report to the next state of its filing: the checks and the step are one transaction.

    `submit` (the agency) judges by all rules anew: 422 while an error stands, or a warning that was
    not explained. `return`, `accept`, `publish` (who reviews) and `correct` (the agency, with a
    reason: what is published stays as it is until the correction is published). `record` (an
    administrator) takes a draft as published elsewhere before, as it is, errors included. 409 if
    somebody was first.
    """
    sent = await bodies.raw(request)
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> Response:
        require_over(connection, caller_of(request), "decide", code)
        scene = reporting.enter_report(connection, code, number)
        assert scene.current is not None
        require(request, scene.current.revision, lambda: _resource(request, connection, scene)[0])
        step, comment = asked(bodies.parse(sent))
        require_over(connection, caller_of(request), step.right, code)
        workflow.take(connection, scene, step, comment)
        etag, shown = _resource(request, connection, scene)
        return reply(request, etag, body=shown)

    return await database(request).alter(job)


def asked(sent: dict[str, Any]) -> tuple[Step, str | None]:
    """Return the step that a body asks for, and the comment on it. Raises `Invalid`."""
    comment = str(sent.get("comment") or "").strip() or None
    needed = [each.action for each in STEPS.values() if each.needs_comment]
    is_lacking = comment is None and sent.get("action") in needed
    bodies.checked(
        TransitionBody, sent, [Fault("/comment", "reason-required")] if is_lacking else []
    )
    return STEPS[sent["action"]], comment
