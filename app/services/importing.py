"""Writing many reports: the way of a PUT, in bulk.

Lines are read and checked first, before any transaction, into a `Staging`. Then the agencies come
in order, some hundred at a time: they are locked, their reports of all the years concerned are read
in one statement, each line is applied as a PUT would, and what follows (documents, findings, links
between years) is derived once, at the end. Rules and documents are those of `services.reporting`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection

from app.domain.report import Agency
from app.errors import AppError, Fault
from app.forms import form_of
from app.services import changes, encoding, kinship, reporting, staged
from app.services.changes import Moves
from app.services.kinship import ALONE, Kin
from app.services.reporting import Rendered
from app.storage import bulk, reports, successions, years
from app.storage.bulk import Batch
from app.storage.feed import Change
from app.storage.reports import Stored
from app.storage.staging import Item, Outcome, Staging
from app.storage.successions import Tie
from app.storage.years import YearFacts

AGENCIES = 200
"""How many agencies are written at a time, at most."""
_SIZE = 4 * 2**20  # bytes of staged reports that are written at a time, about
_ROWS = 500
MOST_FAULTS = 50
"""How many faults of one line are named."""

OUTCOMES = ("created", "updated", "unchanged", "failed", "skipped")


@dataclass(frozen=True, slots=True)
class Plan:
    """How an import is meant. One that is `patient` waits for others as long as it takes."""

    mode: str = "atomic"
    dry_run: bool = False
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """A report as read from a line of a file: its key and what it says, or what is wrong."""

    line: int
    agency: str | None = None
    year: int | None = None
    body: bytes = b""
    faults: tuple[Fault, ...] = ()


def stage(staging: Staging, read: Iterable[Read], tick: Callable[[int], None]) -> None:
    """Keep what was read; `tick` is told how many reports that was."""
    lines = iter(read)
    while some := list(islice(lines, _ROWS)):
        staging.add(
            Item(each.agency, each.year, each.line, each.body)
            for each in some
            if not each.faults and each.agency is not None and each.year is not None
        )
        staging.settle(_failed(r.line, r.agency, r.year, r.faults) for r in some if r.faults)
        tick(len(some))


def owned(lines: Iterable[Read], agency: str | None) -> Iterable[Read]:
    """Let the lines fail that are of another agency than the one whose reports may be written.

    None is everybody's agency.
    """
    if agency is None:
        return lines
    refused = (Fault("/agency", "not-your-agency", {"agency": agency}),)
    return (
        each if each.faults or each.agency == agency else replace(each, faults=refused)
        for each in lines
    )


def unreadable(error: AppError) -> Read:
    """Return what is said of a file of which nothing can be read."""
    return Read(1, faults=(Fault(None, error.slug, error.values),))


def _failed(line: int, agency: str | None, year: int | None, faults: Iterable[Fault]) -> Outcome:
    said = {"line": line, "agency": agency, "year": year, "outcome": "failed"}
    errors = [_fault(fault, line) for fault in islice(faults, MOST_FAULTS)]
    return Outcome(line, "failed", encoding.encoded(said | {"errors": errors}))


def _fault(fault: Fault, line: int) -> dict[str, Any]:
    """Return a fault without words: its message is made in the language of who asks."""
    values = {
        name: value if isinstance(value, tuple | int | float) else str(value)
        for name, value in fault.values.items()
    }
    pointer = None if fault.pointer is None else fault.pointer.encode("utf-8", "replace").decode()
    return {
        "pointer": pointer,
        "code": fault.code,
        "values": json.loads(json.dumps(values).encode("utf-8", "replace")),
        "line": fault.line or line,
        "place": fault.place,
    }


def store(
    connection: Connection, staging: Staging, plan: Plan, tick: Callable[[int], None]
) -> None:
    """Write everything that is staged, in the transaction of the connection.

    Of an atomic import of which a line failed nothing is written, nor of a dry run.
    """
    with bulk.savepoint(connection) as undo:
        facts = lock_years(connection, staging, plan)
        _refuse(connection, staging, facts)
        _store_all(connection, staging, plan, facts, tick)
        if plan.dry_run or _is_lost(staging, plan):
            undo()
    if _is_lost(staging, plan):
        staging.skip()
    elif not plan.dry_run:
        tell(connection, staging)


def _store_all(
    connection: Connection,
    staging: Staging,
    plan: Plan,
    facts: Mapping[int, YearFacts],
    tick: Callable[[int], None],
) -> None:
    """Write some agencies after others; what is written of some while the next are judged."""
    with bulk.Behind(connection) as behind:
        some = _next(connection, staging, "")
        while some is not None and not _is_lost(staging, plan):
            if some.ties:
                tick(_store(connection, staging, some, facts, with_findings=plan.dry_run))
                some = _next(connection, staging, some.codes[-1])
                continue
            batch, lines, _ = _judge(connection, staging, some, facts, with_findings=plan.dry_run)
            behind.wait()
            some = _next(connection, staging, some.codes[-1])
            behind.write(batch)
            tick(lines)


def tell(connection: Connection, staging: Staging) -> None:
    """Record what was changed in the feed; nothing that waits for others may come after that."""
    changed = staging.changes()
    while some := list(islice(changed, _ROWS)):
        bulk.record(connection, some)
    staging.forget_changes()


def _is_lost(staging: Staging, plan: Plan) -> bool:
    return plan.mode == "atomic" and staging.has_failures()


def next_agencies(staging: Staging, after: str) -> list[str]:
    """Return the agencies that are written next."""
    return staging.agencies(after, _SIZE, AGENCIES)


def lock_years(connection: Connection, staging: Staging, plan: Plan) -> dict[int, YearFacts]:
    """Take the turn, and lock the years that reports are on and those beside them."""
    bulk.take_turn(connection, patiently=plan.patient)
    registered = bulk.registered_years(connection)
    facts: dict[int, YearFacts] = {}
    for year in staging.years():
        if year in registered:  # those that are not would be as many locks
            facts |= years.facts(years.sharing(connection, year - 1, year + 1))
    successions.lock(connection)
    return facts


def _refuse(connection: Connection, staging: Staging, facts: Mapping[int, YearFacts]) -> None:
    """Let the lines fail whose agency or year is not there, before anything is written."""
    keys = staging.keys()
    while some := list(islice(keys, _ROWS)):
        known = bulk.known(connection, {agency for agency, _, _ in some})
        staging.settle(
            _failed(line, agency, year, faults)
            for agency, year, line in some
            if (faults := _refused(agency, year, known, facts))
        )


def _refused(
    agency: str, year: int, known: Iterable[str], facts: Mapping[int, YearFacts]
) -> list[Fault]:
    faults = []
    if agency not in known:
        faults.append(Fault("/agency", "unknown-agency"))
    if year not in facts:
        faults.append(Fault("/year", "unknown-year"))
    elif facts[year].status == "closed":
        faults.append(Fault("/year", "year-closed"))
    return faults


@dataclass(slots=True)
class _Agency:
    """The reports of one agency while lines are applied to them.

    `last` has for each year the line that was applied last, with its outcome and revision.
    """

    agency: Agency
    before: dict[int, Stored]
    now: dict[int, Stored]
    last: dict[int, tuple[Item, str, int]] = field(default_factory=dict)
    rendered: dict[int, Rendered] = field(default_factory=dict)
    kin: Kin = ALONE

    @property
    def changed(self) -> set[int]:
        """The years of the reports that lines have changed."""
        return {year for year in self.last if self.now[year] is not self.before.get(year)}


@dataclass(frozen=True, slots=True)
class _Some:
    """Some agencies that follow each other, locked, and what was read of them to write theirs."""

    codes: list[str]
    agencies: Mapping[str, Agency]
    stored: Mapping[str, dict[int, Stored]]
    firsts: Mapping[str, int]
    standing: Mapping[tuple[str, int], list[Any]]
    ties: Sequence[Tie]


def _next(connection: Connection, staging: Staging, after: str) -> _Some | None:
    codes = next_agencies(staging, after)
    return _read(connection, staging, codes) if codes else None


def _read(connection: Connection, staging: Staging, codes: list[str]) -> _Some:
    concerned = staging.years()
    agencies = bulk.lock(connection, codes)
    stored = reports.load_some(connection, agencies, concerned[0] - 2, concerned[-1] + 1)
    firsts = _first_revisions(connection, staging, codes, stored)
    ties = successions.everything(connection)
    return _Some(codes, agencies, stored, firsts, _standing(connection, stored), ties)


def store_some(
    connection: Connection, staging: Staging, codes: list[str], facts: Mapping[int, YearFacts]
) -> int:
    """Write what is staged of some agencies that follow each other; return how many lines."""
    return _store(connection, staging, _read(connection, staging, codes), facts)


def _store(
    connection: Connection,
    staging: Staging,
    some: _Some,
    facts: Mapping[int, YearFacts],
    *,
    with_findings: bool = False,
) -> int:
    batch, lines, later = _judge(connection, staging, some, facts, with_findings=with_findings)
    bulk.write(connection, batch)
    staging.add_changes(reporting.rejudged(connection, later))
    return lines


def _judge(
    connection: Connection,
    staging: Staging,
    some: _Some,
    facts: Mapping[int, YearFacts],
    *,
    with_findings: bool,
) -> tuple[Batch, int, set[tuple[str, int]]]:
    """Apply what is staged of some agencies; return what is to be written, and follows from it.

    With it how many lines there were, and the other reports that are judged by theirs. The
    connection is used only where there are successions.
    """
    batch, time, lines = Batch(), reporting.now(), 0
    held: list[_Agency] = []
    tied = {code for tie in some.ties for code in (tie.predecessor, tie.successor)}
    items = staging.items(some.codes[0], some.codes[-1])
    for code, of_agency in groupby(items, attrgetter("agency")):
        before = some.stored.get(code, {})
        work = _Agency(some.agencies[code], before, dict(before)) if code in some.agencies else None
        outcomes: list[Outcome] = []
        for item in of_agency:
            lines += 1
            faults = _refused(code, item.year, some.agencies, facts)
            if faults or work is None:
                outcomes.append(_failed(item.line, code, item.year, faults))
                continue
            outcomes += _apply(work, item, some.firsts, time)
            if len(outcomes) > _ROWS:
                staging.settle(outcomes)
                outcomes.clear()
        if work is not None and code in tied:
            held.append(work)
        elif work is not None:
            staging.add_changes(_finish(work, batch, facts, some.standing, time))
            outcomes += _outcomes(work, facts, with_findings=with_findings)
        staging.settle(outcomes)
    later = _relate(connection, held, some.ties) if held else set()
    for work in held:
        also = {year for code, year in later if code == work.agency.code and year in facts}
        staging.add_changes(_finish(work, batch, facts, some.standing, time, also=also))
        staging.settle(_outcomes(work, facts, with_findings=with_findings))
        later -= {(work.agency.code, year) for year in also}
    return batch, lines, later


def _relate(
    connection: Connection, held: Iterable[_Agency], ties: Iterable[Tie]
) -> set[tuple[str, int]]:
    """Let agencies with successions know each other's reports; return which are judged by others'.

    All lines are applied to all of them before any is judged.
    """
    now = {work.agency.code: work.now for work in held}
    later: set[tuple[str, int]] = set()
    for work in held:
        work.kin = kinship.kin_of(connection, work.agency.code, ties, now)
        later |= kinship.judged_by(ties, work.agency.code, work.changed)
    return later


def _first_revisions(
    connection: Connection,
    staging: Staging,
    codes: list[str],
    stored: Mapping[str, Mapping[int, Stored]],
) -> dict[str, int]:
    keys = {
        f"reports/{agency}/{year}"
        for agency, year, _ in staging.keys(codes[0], codes[-1])
        if year not in stored.get(agency, {})
    }
    return bulk.retired(connection, keys)


def _standing(
    connection: Connection, stored: Mapping[str, Mapping[int, Stored]]
) -> Mapping[tuple[str, int], list[Any]]:
    """Return the failures that the documents of these reports show, by agency and year."""
    codes = [
        code
        for code, of_agency in stored.items()
        if any(each.derived and each.derived.has_findings for each in of_agency.values())
    ]
    if not codes:
        return {}
    found = bulk.findings(connection, codes)
    return {key: list(map(encoding.read, bodies)) for key, bodies in found.items()}


def _apply(work: _Agency, item: Item, firsts: Mapping[str, int], time: str) -> Iterator[Outcome]:
    """Apply a line as a PUT would; yield the outcome of one that it supersedes."""
    year = item.year
    form = form_of(year)
    assert form is not None
    if year in work.last:
        yield _superseded(*work.last[year], by=item.line)
    old = work.now.get(year)
    new = staged.report(item.body, form, year, work.agency, old.report if old else None)
    if old is not None and old.report == new:
        work.last[year] = (item, "unchanged", old.revision)
        return
    if old is not None and old.state not in reporting.EDITABLE:
        work.last.pop(year, None)
        fault = Fault("", "report-locked", {"state": old.state})
        yield _failed(item.line, item.agency, year, [fault])
        return
    first = firsts.get(reporting.key_of(new), 0) + 1
    revision = old.revision + 1 if old else first
    work.now[year] = reporting.succeeding(old, new, revision, time, beside=work.now)
    work.last[year] = (item, "updated" if old else "created", revision)


def _superseded(item: Item, outcome: str, revision: int, by: int) -> Outcome:
    said = _said(item, outcome, revision)
    body = said | {"etag": None, "counts": None, "superseded_by": by, "errors": []}
    return Outcome(item.line, outcome, encoding.encoded(body))


def _said(item: Item, outcome: str, revision: int) -> dict[str, Any]:
    return {
        "line": item.line,
        "agency": item.agency,
        "year": item.year,
        "outcome": outcome,
        "revision": revision,
    }


def _finish(
    work: _Agency,
    batch: Batch,
    facts: Mapping[int, YearFacts],
    standing: Mapping[tuple[str, int], list[Any]],
    time: str,
    *,
    also: Iterable[int] = (),
) -> list[Change]:
    """Put what has changed into the batch, and derive what follows from it; tell the changes."""
    before, now = work.before, work.now
    moved: dict[int, Moves] = {}
    changed = work.changed
    created = changed - before.keys()
    for year in changed:
        old = before.get(year)
        batch.put(old, now[year], reporting.rewritten(old, now[year].report))
    concerned = changed.union(also) | {y + 1 for y in changed} | {y - 1 for y in created}
    for year in sorted(concerned & now.keys()):
        linked = _linked(now[year], year, created)
        rendered = work.rendered[year] = reporting.render(
            {**now, year: linked}, year, facts[year].due, work.kin
        )
        derived = reporting.derived_from(rendered)
        if derived != linked.derived:
            failed = standing.get((work.agency.code, year), [])
            moved[year] = changes.moves(failed, rendered.document.findings)
            batch.derive(linked, *reporting.derived_rows(linked, rendered, derived))
        now[year] = replace(linked, derived=derived)
    saved = [changes.saved(before.get(y), now[y], moved.pop(y, None)) for y in sorted(changed)]
    return [*saved, *changes.rechecked(now, moved, time)]


def _linked(stored: Stored, year: int, created: set[int]) -> Stored:
    """Return a report that knows of those that were created beside it."""
    has_previous = stored.has_previous or year - 1 in created
    has_next = stored.has_next or year + 1 in created
    if (has_previous, has_next) == (stored.has_previous, stored.has_next):
        return stored
    return replace(stored, has_previous=has_previous, has_next=has_next)


_NONE = {"error": 0, "warning": 0, "info": 0}


def _outcomes(
    work: _Agency, facts: Mapping[int, YearFacts], *, with_findings: bool
) -> Iterator[Outcome]:
    for year, (item, outcome, revision) in work.last.items():
        derived = work.now[year].derived
        counts: Any = _NONE
        findings: Any = ()
        etag = derived.etag if derived else ""
        if derived is None or derived.has_findings:
            rendered = work.rendered.get(year) or reporting.render(
                work.now, year, facts[year].due, work.kin
            )
            document, etag = rendered.document, rendered.etag
            counts, findings = document.tail["counts"], document.findings
        said = _said(item, outcome, revision) | {
            "etag": etag,
            "counts": counts,
            "errors": [],
        }
        if with_findings:
            said["findings"] = findings
        yield Outcome(item.line, outcome, encoding.encoded(said))


def counts(staging: Staging) -> dict[str, int]:
    """Count what was sent by its outcome; the outcomes add up to `sent`."""
    found = staging.counts()
    return {"sent": found["sent"], **{name: found.get(name, 0) for name in OUTCOMES}}


def outcomes(staging: Staging) -> Iterator[bytes]:
    """Yield what became of each line, as JSON, in their order."""
    for line, body, agency, year in staging.outcomes():
        if body is not None:
            yield body
        else:
            said = {"line": line, "agency": agency, "year": year, "outcome": "skipped"}
            yield encoding.encoded(said | {"errors": []})
