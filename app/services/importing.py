"""Writing many reports: the way of a PUT, in bulk.

Lines are read and checked first, before any transaction, into a `Staging`. Then the agencies come
in order, some hundred at a time: they are locked, their reports of all the years concerned are read
in one statement, each line is applied as a PUT would, and what follows (documents, findings, links
between years) is derived once, at the end. Rules and documents are those of `services.reporting`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection

from app.errors import AppError, Fault
from app.forms import the_form_of
from app.services import encoding, reporting, staged, writing
from app.services.writing import Work, Writing
from app.storage import bulk, successions, years
from app.storage.feed import Change
from app.storage.staging import Item, Outcome, Staging
from app.storage.years import YearFacts

AGENCIES = 200
"""How many agencies are written at a time, at most."""
_SIZE = 4 * 2**20  # bytes of staged reports that are written at a time, about
_ROWS = 500
_SETTLED = 100  # outcomes that are kept at a time: those of a dry run have findings
MOST_FAULTS, MOST_TOLD = 1_000, 10_000
"""How many faults of one line are named, and of a file before each line has its first alone."""
MOST_FAILED = 100_000
"""How many lines may have faults. Of a file with more, nothing is stored in any mode."""

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
    lines, failed, room = iter(read), 0, MOST_TOLD
    while some := list(islice(lines, _ROWS)):
        failed += sum(bool(each.faults) for each in some)
        if failed > MOST_FAILED:
            staging.give_up()
            fault = Fault(None, "too-many-faults", {"limit": MOST_FAILED})
            some, lines = [Read(some[0].line, faults=(fault,))], iter(())
        staging.add(
            Item(each.agency, each.year, each.line, each.body)
            for each in some
            if not each.faults and each.agency is not None and each.year is not None
        )
        outcomes = []
        for each in some:
            if each.faults:
                told = each.faults[: max(1, room)]
                room -= len(told)
                outcomes.append(_failed(each.line, each.agency, each.year, told))
        staging.settle(outcomes)
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

    Of an atomic import of which a line failed nothing is written, nor of a dry run. It may be done
    again, if the transaction was rolled back.
    """
    staging.start()
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
    """Write some agencies after others; what is written of some while the next are judged.

    All of it bears one time: nobody who asks for what there was at a time gets a part of it.
    """
    time = reporting.now()
    with bulk.Behind(connection) as behind:
        some = _next(connection, staging, "")
        while some is not None:
            made, lines = _judged(
                connection, staging, some, facts, time, with_findings=plan.dry_run
            )
            behind.wait()
            is_lost = _is_lost(staging, plan)  # all the same, every fault is looked for
            has_ties = bool(some.read.ties)
            if has_ties and not is_lost:
                staging.add_changes(made.write(connection))
            some = _next(connection, staging, some.codes[-1])
            if not (has_ties or is_lost):
                behind.write(made.batch)
            tick(lines)


def tell(connection: Connection, staging: Staging) -> None:
    """Record what was changed in the feed; nothing that waits for others may come after that."""
    changed = staging.changes()
    while some := list(islice(changed, _ROWS)):
        bulk.record(connection, some)


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
class _Agency(Work):
    """The reports of one agency while lines are applied to them.

    `last` has for each year the line that was applied last, with its outcome and revision.
    """

    last: dict[int, tuple[Item, str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Next:
    """The agencies that are written next, in their order, and what was read of them."""

    codes: list[str]
    read: writing.Some


def _next(connection: Connection, staging: Staging, after: str) -> _Next | None:
    codes = next_agencies(staging, after)
    return _read(connection, staging, codes) if codes else None


def _read(connection: Connection, staging: Staging, codes: list[str]) -> _Next:
    keys = ((agency, year) for agency, year, _ in staging.keys(codes[0], codes[-1]))
    return _Next(codes, writing.read(connection, codes, keys))


def store_some(
    connection: Connection, staging: Staging, codes: list[str], facts: Mapping[int, YearFacts]
) -> int:
    """Write what is staged of some agencies that follow each other; return how many lines.

    It may be done again, if the transaction was rolled back.
    """
    staging.forget_changes()
    some = _read(connection, staging, codes)
    made, lines = _judged(connection, staging, some, facts, reporting.now())
    staging.add_changes(made.write(connection))
    return lines


def _judged(
    connection: Connection,
    staging: Staging,
    some: _Next,
    facts: Mapping[int, YearFacts],
    time: str,
    *,
    with_findings: bool = False,
) -> tuple[Writing, int]:
    """Apply what is staged of some agencies; return what is to be written, and how many lines."""
    made, lines = Writing(some.read, facts, time), 0
    outcomes, changed = list[Outcome](), list[Change]()

    def settle() -> None:
        staging.add_changes(changed)
        staging.settle(outcomes)
        changed.clear()
        outcomes.clear()

    def applied() -> Iterator[_Agency]:
        nonlocal lines
        items = staging.items(some.codes[0], some.codes[-1])
        for code, of_agency in groupby(items, attrgetter("agency")):
            work = some.read.work(code, _Agency) if code in some.read.agencies else None
            for item in of_agency:
                lines += 1
                faults = _refused(code, item.year, some.read.agencies, facts)
                if faults or work is None:
                    outcomes.append(_failed(item.line, code, item.year, faults))
                else:
                    outcomes.extend(_apply(work, item, some.read, made.time))
                if len(outcomes) > _SETTLED:
                    settle()
            if work is not None:
                yield work

    for work, of_work in made.finished(connection, applied()):
        changed += of_work
        outcomes += _outcomes(work, facts, with_findings=with_findings)
        if len(outcomes) > _SETTLED:
            settle()
    settle()
    return made, lines


def _apply(work: _Agency, item: Item, some: writing.Some, time: str) -> Iterator[Outcome]:
    """Apply a line as a PUT would; yield the outcome of one that it supersedes."""
    year = item.year
    form = the_form_of(year)
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
    revision = old.revision + 1 if old else some.first_revision(work.agency.code, year)
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
