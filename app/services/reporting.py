"""Writing a report, and what follows from it.

Every write goes one way: read the agency's reports of three years under a lock, make the new
`Report`, and `save` it. What is derived (documents, findings, links between years) is rewritten in
the same transaction for whichever of the years it changed.
"""

import hashlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlmodel import Session

from app.domain.findings import Finding, Outcome
from app.domain.layout import Form
from app.domain.report import Agency, Report
from app.domain.rules import judge
from app.errors import Conflict, NotFound
from app.forms import form_of
from app.services import encoding, rendering
from app.storage import reports, retired, years
from app.storage.reports import Derived, Stamp, Stored
from app.storage.statements import batched
from app.storage.years import YearFacts


def now() -> str:
    """Return the time as the API shows it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@cache
def rule_set() -> str:
    """Return the version of everything that documents are derived by: a digest of the code."""
    root = Path(__file__).parents[1]
    sources = sorted([*root.glob("domain/*.py"), *root.glob("forms/*.py")])
    sources.append(Path(rendering.__file__))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A report's document, as a value and as JSON."""

    document: rendering.Json
    body: bytes
    etag: str
    has_findings: bool


@dataclass(slots=True)
class Scene:
    """What a report is written and judged in: its agency and year, and its neighbours in time."""

    agency: Agency
    year: YearFacts
    years: dict[int, YearFacts]
    stored: dict[int, Stored]
    rendered: dict[int, Rendered] = field(default_factory=dict)

    @property
    def form(self) -> Form:
        """The form of the year."""
        found = form_of(self.year.year)
        assert found is not None
        return found

    @property
    def current(self) -> Stored | None:
        """The report itself, if there is one."""
        return self.stored.get(self.year.year)


def enter(session: Session, agency: str, year: int) -> Scene:
    """Lock an agency's reports and read those of the year and beside it.

    Raises `NotFound` for an agency or a year that is not registered.
    """
    facts, locked, stored = reports.enter(session, agency, year)
    if locked is None:
        raise NotFound("agency-not-found", agency=agency)
    if year not in facts:
        raise NotFound("reporting-year-not-found", year=year)
    return Scene(locked, facts[year], facts, stored)


def require_open(scene: Scene) -> None:
    """Raise `Conflict` if the scene's year no longer takes writes."""
    if scene.year.status == "closed":
        raise Conflict("year-closed", year=scene.year.year)


def save(session: Session, scene: Scene, new: Report) -> Stored:
    """Save a report, in place of the one that is there; one that changes nothing leaves no trace.

    Returns what is stored now. The scene shows it, too.
    """
    old = scene.current
    if old is not None and old.report == new:
        return old
    revision = old.revision + 1 if old else retired.first_revision(session, key_of(new))
    stored = succeeding(old, new, revision, now(), beside=scene.stored)
    with batched(session.connection()):
        reports.save_report(session, stored, old)
        for key in rewritten(old, new):
            is_new = old is None or key not in old.report.filings
            reports.save_filing(session, new, key, stored.tables[key], new=is_new)
        for key in old.report.filings if old else ():
            if key not in new.filings:
                reports.delete_filing(session, new, key)
        scene.stored[new.year] = stored
        scene.rendered.clear()
        if old is None:
            _relink(session, scene, there=True)
        _refresh(session, scene, new.year, new.year + 1)
    return scene.stored[new.year]


def rewritten(old: Stored | None, new: Report) -> set[str]:
    """Return the tables that a report files in other words than the one that is stored."""
    before: Mapping[str, object] = old.report.filings if old else {}
    return {key for key, filing in new.filings.items() if before.get(key) != filing}


def succeeding(
    old: Stored | None, new: Report, revision: int, time: str, *, beside: Container[int]
) -> Stored:
    """Return what is stored once a report is written in place of another, or of none.

    `beside` has the years of which the agency has reports.
    """
    written = rewritten(old, new)
    return Stored(
        new,
        revision,
        old.created_at if old else time,
        time,
        {
            key: Stamp(revision, time) if old is None or key in written else old.tables[key]
            for key in new.filings
        },
        new.year - 1 in beside,
        new.year + 1 in beside,
        old.derived if old else None,
    )


def delete(session: Session, scene: Scene) -> None:
    """Delete the scene's report."""
    old = scene.stored.pop(scene.year.year)
    reports.delete_report(session, old.report)
    retired.retire(session, key_of(old.report), old.revision)
    _relink(session, scene, there=False)
    _refresh(session, scene, scene.year.year + 1)


def _relink(session: Session, scene: Scene, *, there: bool) -> None:
    """Tell the years beside a report that it is there or no longer there."""
    year = scene.year.year
    if year - 1 in scene.stored:
        scene.stored[year - 1] = replace(scene.stored[year - 1], has_next=there)
        scene.stored |= reports.load(session, scene.agency, year - 2, year - 2)
        _refresh(session, scene, year - 1)
    if year + 1 in scene.stored:
        scene.stored[year + 1] = replace(scene.stored[year + 1], has_previous=there)


def key_of(report: Report) -> str:
    """Return the key of a report, as revisions that are retired have it."""
    assert report.agency is not None
    return f"reports/{report.agency.code}/{report.year}"


def findings_of(report: Report, previous: Report | None) -> tuple[Finding, ...]:
    """Judge a report by every rule."""
    return judge(report, previous, form_of(report.year - 1))


def failures(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that are failures."""
    return [finding for finding in findings if finding.outcome is Outcome.FAIL]


def _refresh(session: Session, scene: Scene, *affected: int) -> None:
    """Derive the documents of these years anew, where there are any and they have changed."""
    for year in affected:
        if year in scene.stored:
            due = scene.years[year].due
            rendered = scene.rendered[year] = render(scene.stored, year, due)
            scene.stored[year] = _derive(session, scene.stored[year], rendered)


def rendered(scene: Scene) -> Rendered:
    """Return the document of the scene's report as it stands now."""
    year = scene.year.year
    if year not in scene.rendered:
        scene.rendered[year] = render(scene.stored, year, scene.year.due)
    return scene.rendered[year]


def render(stored: Mapping[int, Stored], year: int, due: Mapping[str, str]) -> Rendered:
    """Judge the report on a year, among its neighbours in time, and make its document."""
    current, before = stored[year], stored.get(year - 1)
    found = failures(findings_of(current.report, before.report if before else None))
    document = rendering.document(current, found, due)
    body = encoding.encoded(document)
    return Rendered(document, body, encoding.etag(current.revision, body), bool(found))


def derived_from(rendered: Rendered) -> Derived:
    """Return what is known of a document that was just made."""
    return Derived(rendered.etag, rule_set(), rendered.has_findings)


def _derive(session: Session, current: Stored, rendered: Rendered) -> Stored:
    derived = derived_from(rendered)
    if derived == current.derived:
        return current
    _save_derived(session, current, rendered, derived)
    return replace(current, derived=derived)


def _save_derived(session: Session, current: Stored, rendered: Rendered, derived: Derived) -> None:
    reports.save_document(session, current, *derived_rows(current, rendered, derived))


def derived_rows(
    current: Stored, rendered: Rendered, derived: Derived
) -> tuple[dict[str, Any], list[tuple[str, str, bytes]]]:
    """Return what is stored of a document: its columns, and rule, severity, body of findings."""
    document = rendered.document
    counts = document["counts"]
    columns = {
        "etag": derived.etag,
        "updated_at": current.updated_at,
        "errors": counts["error"],
        "warnings": counts["warning"],
        "infos": counts["info"],
        "rule_set": derived.rule_set,
        "summary": encoding.encoded(rendering.summary(document, derived.etag)),
        "body": encoding.zipped(rendered.body),
    }
    findings = [
        (each["rule"], each["severity"], encoding.encoded(each)) for each in document["findings"]
    ]
    return columns, findings


def rebuild(session: Session, agency: str, of_years: Iterable[int]) -> int:
    """Derive an agency's documents anew, as after a change of its name or of the rules.

    Returns how many reports it has in those years.
    """
    wanted = sorted(of_years)
    if not wanted:
        return 0
    facts = years.share(session, wanted[0], wanted[-1])
    locked = reports.lock_agency(session, agency)
    if locked is None:
        return 0
    stored = reports.load(session, locked, wanted[0] - 1, wanted[-1])
    found = [year for year in wanted if year in stored]
    for year in found:
        reports.forget_document(session, stored[year].report)
        bare = replace(stored[year], derived=None)
        _derive(session, bare, render(stored, year, facts[year].due))
    return len(found)
