"""Taking a report from one state of its filing to the next, and saying something of its warnings.

What was said of a warning is bound to the values that it was said of: when they change it lapses.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app.domain.findings import Finding, Severity
from app.domain.workflow import STEPS, Step
from app.errors import AppError, Conflict, Fault, Invalid, NotFound
from app.services import encoding, filing, reporting
from app.services.reporting import Scene
from app.storage import audit, workflow
from app.storage.acting import actor_of
from app.storage.models import Decision


def require_step(scene: Scene, step: Step) -> None:
    """Raise `Conflict` if a step cannot be taken from where the scene's report stands."""
    current = scene.current
    assert current is not None
    if step.writes and scene.year.status == "closed":
        raise Conflict("year-closed", year=scene.year.year)
    if current.state not in step.before or (step.action == "record" and current.correction):
        raise Conflict("transition-not-possible", state=current.state, action=step.action)


def take(connection: Connection, scene: Scene, step: Step, comment: str | None) -> None:
    """Take a step. Raises `Conflict`, or `Invalid` with every finding that stands in the way."""
    require_step(scene, step)
    current = scene.current
    assert current is not None
    if step.action == "submit":
        require_submittable(connection, scene)
    correction = comment if step.action == "correct" else current.correction
    workflow.add_step(
        connection,
        agency=scene.agency.code,
        year=scene.year.year,
        at=reporting.now(),
        actor=actor_of(connection),
        action=step.action,
        before=current.state,
        after=step.after,
        comment=comment,
        revision=current.revision,
    )
    _note(connection, scene, step.action, before=current.state, after=step.after)
    reporting.stand(connection, scene, step.after, correction)
    if step.after == "published":
        reporting.publish(connection, scene)


def require_submittable(connection: Connection, scene: Scene) -> None:
    """Judge the scene's report anew. Raises `Invalid` while an error stands, or a warning."""
    faults = list(_obstacles(connection, scene))
    if faults:
        raise Invalid(faults, "submission-refused")


def _obstacles(connection: Connection, scene: Scene) -> Iterator[Fault]:
    said = workflow.decisions(connection, scene.agency.code, scene.year.year)
    for finding in failures(scene):
        pointer = finding.cells[0] if finding.cells else ""
        values = {"id": finding.id}
        if finding.severity is Severity.ERROR:
            yield Fault(pointer, "finding-stands", values)
        elif finding.severity is Severity.WARNING:
            decision = said.get(finding.id)
            if decision is None:
                yield Fault(pointer, "finding-unexplained", values)
            elif decision.basis != basis_of(scene, finding):
                yield Fault(pointer, "finding-lapsed", values)


def findings(scene: Scene) -> tuple[Finding, ...]:
    """Judge the scene's report by every rule."""
    return reporting.judged(scene.stored, scene.year.year, scene.kin)


def failures(scene: Scene) -> list[Finding]:
    """Return the failures of the scene's report."""
    return reporting.failures(findings(scene))


def basis_of(scene: Scene, finding: Finding) -> str:
    """Return a digest of the values that a finding is about."""
    year = scene.year.year
    own = filing.writable(scene.stored[year].report)
    found = scene.kin.forebears(scene.stored, year) if finding.others else None
    before = [scene.stored[year - 1].report] if year - 1 in scene.stored else []
    others = [filing.writable(each) for each in (found.reports if found else before)]
    values = [
        [[pointer, _at(own, pointer)] for pointer in finding.cells],
        [
            [pointer, _at(each, pointer)]
            for each in others or [{}]
            for pointer in finding.other_cells
        ],
        [finding.id, finding.left, finding.right],
    ]
    return hashlib.sha256(encoding.encoded(values)).hexdigest()


def _at(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        value = value.get(part) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says of a finding."""

    decision: str
    explanation: str | None


def required_finding(scene: Scene, identity: str) -> Finding:
    """Return a failure of the scene's report. Raises `NotFound`."""
    for finding in failures(scene):
        if finding.id == identity:
            return finding
    raise NotFound("finding-not-found", id=identity)


def decide(
    connection: Connection, scene: Scene, finding: Finding, said: Said, before: Decision | None
) -> Decision:
    """Say something of a finding; it holds while the values stay as they are.

    What was said `before` stays as it was said, if it is the same of the same values.
    """
    made = Decision(
        agency=scene.agency.code,
        year=scene.year.year,
        finding=finding.id,
        decision=said.decision,
        explanation=said.explanation,
        basis=basis_of(scene, finding),
        at=reporting.now(),
        actor=actor_of(connection),
    )
    if before is not None and _word(before) == _word(made):
        return before
    workflow.decide(connection, made)
    _note(connection, scene, "decided", finding=finding.id, decision=said.decision)
    return made


def _word(decision: Decision) -> tuple[str, str | None, str]:
    return decision.decision, decision.explanation, decision.basis


def record_drafts(
    connection: Connection, under: str | None, year: int | None, why: str | None
) -> int:
    """Take as published before what has a date of publication; return how many reports that was.

    Reports under review are left as they are, and those of closed years.
    """
    found = 0
    for code, number in workflow.published_drafts(connection, under, year):
        scene = reporting.enter(connection, code, number)
        if scene.year.status == "open":
            take(connection, scene, STEPS["record"], why)
            found += 1
    return found


def take_back(connection: Connection, scene: Scene, identity: str) -> None:
    """Say nothing of a finding any more."""
    workflow.take_back(connection, scene.agency.code, scene.year.year, identity)
    _note(connection, scene, "decision-taken-back", finding=identity)


def _note(connection: Connection, scene: Scene, op: str, **details: str) -> None:
    """Note in the audit log what the feed does not tell of a filing."""
    code, year = scene.agency.code, scene.year.year
    audit.note(connection, "reports", f"{code}/{year}", op, agency=code, year=year, **details)


def why_not(connection: Connection, scene: Scene, step: Step) -> list[AppError]:
    """Return what stands in the way of a step, but for rights."""
    try:
        require_step(scene, step)
        if step.action == "submit":
            require_submittable(connection, scene)
    except AppError as error:
        return [error]
    return []
