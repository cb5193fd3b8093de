"""Writing a report, and what follows from it.

Every write of one report goes one way: read the agency's reports of three years under a lock, make
the new `Report`, and `save` it (`writing` is the way of many). What is derived (documents,
findings, links between years) is rewritten in the same transaction for whichever of the years it
changed.
"""

import hashlib
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from app.domain.findings import Finding, Outcome
from app.domain.layout import Form
from app.domain.report import Agency, Report
from app.domain.rules import judge, rules_of
from app.domain.successions import Forebears
from app.errors import Conflict, NotFound
from app.forms import form_of, the_form_of
from app.services import changes, digests, encoding, kinship, rendering
from app.services.changes import Moves
from app.services.kinship import ALONE, Kin
from app.storage import feed, reports, retired, successions, years
from app.storage.feed import Change
from app.storage.layers import PUBLISHED_ONLY, looking
from app.storage.reports import Derived, Stamp, Stored
from app.storage.statements import batched
from app.storage.successions import Tie
from app.storage.years import YearFacts

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[-+ ][0-9]{2}:[0-5][0-9])"
)
EDITABLE = frozenset({"draft", "returned"})
"""The states in which a report may be written."""


def now(seconds_on: float = 0) -> str:
    """Return the time as the API shows it, or that of so many seconds on."""
    return shown_time(datetime.now(UTC) + timedelta(seconds=seconds_on))


def shown_time(moment: datetime) -> str:
    """Return a time in UTC as the API shows it."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_of(text: str) -> str:
    """Return an RFC 3339 time as the API shows it; the plus of its zone may be a space.

    Raises `ValueError`, or `OverflowError` for one that no calendar of ours reaches.
    """
    if not _RFC_3339.fullmatch(text):
        raise ValueError(text)
    return shown_time(datetime.fromisoformat(text.upper().replace(" ", "+")).astimezone(UTC))


@cache
def rule_set() -> str:
    """Return the version of everything that documents are derived by: a digest of the code."""
    root = Path(__file__).parents[1]
    sources = sorted([*root.glob("domain/*.py"), *root.glob("forms/*.py")])
    derive = ("digests", "encoding", "kinship", "rendering", "reporting")
    sources += [root / f"services/{name}.py" for name in derive]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A report's document, as a value and as JSON."""

    document: rendering.Document
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
    moves: dict[int, Moves] = field(default_factory=dict)
    """What became of each year's findings."""
    ties: tuple[Tie, ...] = ()
    kin: Kin = ALONE

    @property
    def form(self) -> Form:
        """The form of the year."""
        return the_form_of(self.year.year)

    @property
    def current(self) -> Stored | None:
        """The report itself, if there is one."""
        return self.stored.get(self.year.year)


def enter(connection: Connection, agency: str, year: int) -> Scene:
    """Lock an agency's reports and read those of the year and beside it.

    Raises `NotFound` for an agency or a year that is not registered.
    """
    facts, locked, stored, ties = reports.enter(connection, agency, year)
    if locked is None:
        raise NotFound("agency-not-found", agency=agency)
    if year not in facts:
        raise NotFound("reporting-year-not-found", year=year)
    kin = kinship.kin_of(connection, agency, ties)
    return Scene(locked, facts[year], facts, stored, ties=ties, kin=kin)


def enter_report(connection: Connection, agency: str, year: int) -> Scene:
    """Do as `enter`, for a report that must be there. Raises `NotFound`."""
    scene = enter(connection, agency, year)
    if scene.current is None:
        raise NotFound("report-not-found", agency=agency, year=year)
    return scene


def look(connection: Connection, agency: str, year: int) -> Scene | None:
    """Read what `enter` reads, and lock nothing; None if the agency or the year is not there."""
    facts, found = years.read(connection, year), reports.agency(connection, agency)
    if facts is None or found is None:
        return None
    stored = reports.load(connection, found, year - 1, year + 1)
    ties = successions.around(connection, agency)
    kin = kinship.kin_of(connection, agency, ties)
    return Scene(found, facts, {year: facts}, stored, ties=ties, kin=kin)


def require_open(scene: Scene) -> None:
    """Raise `Conflict` if the scene's year no longer takes writes."""
    if scene.year.status == "closed":
        raise Conflict("year-closed", year=scene.year.year)


def _require_editable(stored: Stored) -> None:
    if stored.state not in EDITABLE:
        raise Conflict("report-locked", state=stored.state)


def save(connection: Connection, scene: Scene, new: Report) -> Stored:
    """Save a report, in place of the one that is there; one that changes nothing leaves no trace.

    Returns what is stored now. The scene shows it, too. Raises `Conflict` if the report is under
    review or published.
    """
    old = scene.current
    if old is not None and old.report == new:
        return old
    if old is not None:
        _require_editable(old)
    key = retired.report_key(*new.key)
    revision = old.revision + 1 if old else retired.first_revision(connection, key)
    return _put(connection, scene, succeeding(old, new, revision, now(), beside=scene.stored))


def _put(connection: Connection, scene: Scene, stored: Stored) -> Stored:
    """Store a report as it is to stand from now on, and what follows."""
    old, new = scene.current, stored.report
    with batched(connection):
        reports.save_report(connection, stored, old)
        for key in rewritten(old, new):
            is_new = old is None or key not in old.report.filings
            reports.save_filing(connection, new, key, stored.tables[key], new=is_new)
        for key in old.report.filings if old else ():
            if key not in new.filings:
                reports.delete_filing(connection, new, key)
        scene.stored[new.year] = stored
        scene.rendered.clear()
        scene.moves.clear()
        if old is None:
            _relink(connection, scene, there=True)
        _refresh(connection, scene, new.year, new.year + 1)
        reports.keep_revision(connection, new)
    saved = changes.saved(old, stored, scene.moves.pop(new.year, None))
    moved = changes.rechecked(scene.stored, scene.moves, stored.updated_at)
    feed.collect(connection, [saved, *moved, *_rejudged(connection, scene)])
    return scene.stored[new.year]


def rewritten(old: Stored | None, new: Report) -> set[str]:
    """Return the tables that a report files in other words than the one that is stored."""
    if old is None:
        return set(new.filings)
    before = old.report.filings
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
        old.state if old else "draft",
        old.correction if old else None,
    )


def stand(connection: Connection, scene: Scene, state: str, correction: str | None) -> Stored:
    """Let the scene's report stand elsewhere in its filing; what it says stays as it is."""
    old = scene.current
    assert old is not None
    moved = replace(old, state=state, correction=correction, updated_at=now())
    reports.save_report(connection, moved, old)
    scene.stored[scene.year.year] = moved
    scene.moves.clear()
    _refresh(connection, scene, scene.year.year)
    feed.collect(connection, [changes.moved(moved, ["state"])])
    return scene.stored[scene.year.year]


def publish(connection: Connection, scene: Scene) -> None:
    """Show the scene's report to everybody, in place of what was published of it before."""
    current = scene.current
    assert current is not None
    with looking(connection, PUBLISHED_ONLY):
        there = enter(connection, scene.agency.code, scene.year.year)
        old, time = there.current, now()
        if old is None or old.revision != current.revision:
            _put(connection, there, publication(old, current, time, beside=there.stored))


def publication(
    old: Stored | None, current: Stored, time: str, *, beside: Container[int]
) -> Stored:
    """Return what is stored once a report is published in place of another, or of none.

    `beside` has the years of which the agency has published reports.
    """
    year = current.report.year
    return replace(
        current,
        created_at=old.created_at if old else time,
        updated_at=time,
        has_previous=year - 1 in beside,
        has_next=year + 1 in beside,
        derived=old.derived if old else None,
    )


def delete(connection: Connection, scene: Scene, *, copies: bool = False) -> None:
    """Delete the scene's report. Raises `Conflict` if it is under review, or was published.

    Not if that `copies` what another instance has.
    """
    old = scene.stored[scene.year.year]
    if not copies:
        _require_editable(old)
        if old.correction is not None:
            raise Conflict("report-published")
    del scene.stored[scene.year.year]
    time, before = now(), _standing(connection, old)
    scene.kin = replace(scene.kin, years=scene.kin.years - {old.report.year})
    scene.moves.clear()
    reports.delete_report(connection, old.report)
    retired.retire(connection, retired.report_key(*old.report.key), old.revision + 1)
    reports.bury(connection, old.report, old.revision + 1, time)
    _relink(connection, scene, there=False)
    _refresh(connection, scene, scene.year.year + 1)
    deleted = changes.deleted(old, time, before)
    moved = changes.rechecked(scene.stored, scene.moves, time)
    feed.collect(connection, [deleted, *moved, *_rejudged(connection, scene)])


def _rejudged(connection: Connection, scene: Scene) -> list[Change]:
    """Judge what is judged by the scene's report beside the agency's next one."""
    return rejudged(connection, kinship.judged_by(scene.ties, scene.agency.code, {scene.year.year}))


def rejudged(connection: Connection, keys: Iterable[tuple[str, int]]) -> list[Change]:
    """Judge reports anew that are judged by others' reports; return what has moved, for the feed.

    Their agencies are locked, or nobody else writes reports.
    """
    found: list[Change] = []
    for code, year in sorted(keys):
        agency, facts = reports.agency(connection, code), years.read(connection, year)
        stored = reports.load(connection, agency, year - 1, year) if agency else {}
        if year in stored and facts is not None:
            kin = kinship.kin_of(connection, code, successions.around(connection, code))
            moved: dict[int, Moves] = {}
            made = render(stored, year, facts.due, kin)
            _derive(connection, stored[year], made, moved)
            found += changes.rechecked(stored, moved, now())
    return found


def _relink(connection: Connection, scene: Scene, *, there: bool) -> None:
    """Tell the years beside a report that it is there or no longer there."""
    year = scene.year.year
    if year - 1 in scene.stored:
        scene.stored[year - 1] = replace(scene.stored[year - 1], has_next=there)
        scene.stored |= reports.load(connection, scene.agency, year - 2, year - 2)
        _refresh(connection, scene, year - 1)
    if year + 1 in scene.stored:
        scene.stored[year + 1] = replace(scene.stored[year + 1], has_previous=there)


def judged(stored: Mapping[int, Stored], year: int, kin: Kin) -> tuple[Finding, ...]:
    """Judge the report on a year, among its neighbours in time, by every rule."""
    before = stored.get(year - 1)
    previous = before.report if before else None
    return findings_of(stored[year].report, previous, kin.forebears(stored, year))


def findings_of(
    report: Report, previous: Report | None, found: Forebears | None = None
) -> tuple[Finding, ...]:
    """Judge a report by every rule."""
    return judge(report, previous, form_of(report.year - 1), found)


def failures(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that are failures."""
    return [finding for finding in findings if finding.outcome is Outcome.FAIL]


def _refresh(connection: Connection, scene: Scene, *affected: int) -> None:
    """Derive the documents of these years anew, where there are any and they have changed."""
    for year in affected:
        if year in scene.stored:
            due = scene.years[year].due
            rendered = scene.rendered[year] = render(scene.stored, year, due, scene.kin)
            scene.stored[year] = _derive(connection, scene.stored[year], rendered, scene.moves)


def rendered(scene: Scene) -> Rendered:
    """Return the document of the scene's report as it stands now."""
    year = scene.year.year
    if year not in scene.rendered:
        scene.rendered[year] = render(scene.stored, year, scene.year.due, scene.kin)
    return scene.rendered[year]


def render(
    stored: Mapping[int, Stored], year: int, due: Mapping[str, str], kin: Kin = ALONE
) -> Rendered:
    """Judge the report on a year and make its document."""
    current, found = stored[year], failures(judged(stored, year, kin))
    document = rendering.document(current, found, due)
    body = document.encoded()
    return Rendered(document, body, encoding.etag(current.revision, body), bool(found))


def derived_from(rendered: Rendered) -> Derived:
    """Return what is known of a document that was just made."""
    findings = rendered.document.findings
    return Derived(rendered.etag, rule_set(), rendered.has_findings, findings)


def _derive(
    connection: Connection, current: Stored, rendered: Rendered, moves: dict[int, Moves]
) -> Stored:
    derived = derived_from(rendered)
    if derived == current.derived:
        return current
    before = _standing(connection, current)
    moves[current.report.year] = changes.moves(before, rendered.document.findings)
    reports.save_document(connection, current, *derived_rows(current, rendered, derived))
    stored = replace(current, derived=derived)
    reports.remember(stored)
    return stored


def _standing(connection: Connection, stored: Stored) -> Sequence[rendering.Json]:
    """Return the failures that a report's document shows."""
    if stored.derived is None or not stored.derived.has_findings:
        return []
    if stored.derived.findings is not None:
        return stored.derived.findings
    return [encoding.read(body) for body in reports.findings(connection, stored.report)]


def derived_rows(
    current: Stored, rendered: Rendered, derived: Derived
) -> tuple[dict[str, Any], list[tuple[int, str, str, bytes]]]:
    """Return what is stored of a document: its columns, and rows of its findings.

    These are position, rule, severity and body.
    """
    document = rendered.document
    counts = document.tail["counts"]
    columns = {
        "etag": derived.etag,
        "updated_at": current.updated_at,
        "errors": counts["error"],
        "warnings": counts["warning"],
        "infos": counts["info"],
        "rule_set": derived.rule_set,
        "summary": encoding.encoded(rendering.summary(document, current.report, derived.etag)),
        "body": encoding.zipped(rendered.body),
        "digest": digests.digest_of(current.report),
    }
    findings = [
        (position, each["rule"], each["severity"], encoding.encoded(each))
        for position, each in _placed(current.report.form, document.findings)
    ]
    return columns, findings


def _placed(form: Form, findings: Iterable[rendering.Json]) -> Iterator[tuple[int, rendering.Json]]:
    """Yield findings with where they stand among all that there may be.

    So one that goes moves no other, and who walks over them misses none.
    """
    rules, cells = _places(form)
    last = -1
    for each in findings:
        first = cells.get(each["cells"][0], 0) if each["cells"] else 0
        last = max(last + 1, rules[each["rule"]] + first)
        yield last, each


@cache
def _places(form: Form) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Return where each rule's findings begin, and where each cell stands from there."""
    cells = [pointer for table in form.tables for pointer in table.pointers]
    rules = {rule.id: n * len(cells) for n, rule in enumerate(rules_of(form))}
    return rules, {pointer: n for n, pointer in enumerate(cells)}


def rebuild(connection: Connection, agency: str, of_years: Iterable[int]) -> None:
    """Derive an agency's documents anew, as after a change of its name or of the rules."""
    wanted = sorted(of_years)
    if not wanted:
        return
    facts = years.share(connection, wanted[0], wanted[-1])
    locked, ties = reports.lock_agency(connection, agency)
    if locked is None:
        return
    stored = reports.load(connection, locked, wanted[0] - 1, wanted[-1])
    found = [year for year in wanted if year in stored]
    moved: dict[int, Moves] = {}
    kin = kinship.kin_of(connection, agency, ties)
    for year in found:
        rendered = render(stored, year, facts[year].due, kin)
        before = _standing(connection, stored[year])
        reports.forget_document(connection, stored[year].report)
        _derive(connection, replace(stored[year], derived=None), rendered, {})
        moved[year] = changes.moves(before, rendered.document.findings)
    feed.collect(connection, changes.rechecked(stored, moved, now()))
