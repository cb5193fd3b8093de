"""Writing reports of many agencies at once: what follows from them, as `reporting.save` has it.

Of agencies that are locked, whoever writes puts the new reports of each into a `Work`. Documents,
findings and links between years are derived once all of its reports are there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import Connection

from app.domain.report import Agency
from app.services import changes, encoding, kinship, reporting
from app.services.changes import Moves
from app.services.kinship import ALONE, Kin
from app.services.reporting import Rendered
from app.storage import bulk, reports, successions
from app.storage.bulk import Batch
from app.storage.feed import Change
from app.storage.reports import Stored
from app.storage.retired import report_key
from app.storage.successions import Tie
from app.storage.years import YearFacts


@dataclass(slots=True)
class Work:
    """The reports of one agency, by year: as they were, and as they are to be from `now` on."""

    agency: Agency
    before: Mapping[int, Stored]
    now: dict[int, Stored]
    rendered: dict[int, Rendered] = field(default_factory=dict)
    kin: Kin = ALONE

    @property
    def changed(self) -> set[int]:
        """The years of the reports that are written."""
        return {year for year, each in self.now.items() if each is not self.before.get(year)}


W = TypeVar("W", bound=Work)


@dataclass(frozen=True, slots=True)
class Some:
    """Some agencies that are locked, and what was read of them to write theirs."""

    agencies: Mapping[str, Agency]
    stored: Mapping[str, dict[int, Stored]]
    firsts: Mapping[str, int]
    standing: Mapping[tuple[str, int], list[Any]]
    ties: Sequence[Tie]

    def work(self, agency: str, kind: type[W]) -> W:
        """Return the reports of one of the agencies, of which none is written yet."""
        before = self.stored[agency]
        return kind(self.agencies[agency], before, dict(before))

    def first_revision(self, agency: str, year: int) -> int:
        """Return the revision that a report gets that is not there."""
        return self.firsts.get(report_key(agency, year), 0) + 1


def read(connection: Connection, codes: Iterable[str], keys: Iterable[tuple[str, int]]) -> Some:
    """Lock agencies in their order, and read what reports under these keys are written among.

    Their years, and those beside them, are locked.
    """
    wanted = set(keys)
    agencies = bulk.lock(connection, codes)
    on = [year for _, year in wanted]
    stored = reports.load_some(connection, agencies, min(on) - 2, max(on) + 1)
    absent = (report_key(*key) for key in wanted if key[1] not in stored.get(key[0], {}))
    firsts, ties = bulk.retired(connection, absent), successions.everything(connection)
    return Some(agencies, stored, firsts, _standing(connection, stored), ties)


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


class Writing:
    """What is to be written of some agencies, as it comes together: reports and what follows."""

    def __init__(self, some: Some, facts: Mapping[int, YearFacts], time: str) -> None:
        self.some, self.time, self.batch = some, time, Batch()
        self._facts = facts
        self._later: set[tuple[str, int]] = set()

    def finished(
        self, connection: Connection, works: Iterable[W]
    ) -> Iterator[tuple[W, list[Change]]]:
        """Yield each work once all that follows from it is in the batch, and what has changed.

        The connection is used only where there are successions: all reports of agencies that have
        any are there before one of them is judged.
        """
        ties, held = self.some.ties, list[W]()
        tied = {code for tie in ties for code in (tie.predecessor, tie.successor)}
        for work in works:
            if work.agency.code in tied:
                held.append(work)
            else:
                yield work, self._finish(work)
        now = {work.agency.code: work.now for work in held}
        for work in held:
            work.kin = kinship.kin_of(connection, work.agency.code, ties, now)
            self._later |= kinship.judged_by(ties, work.agency.code, work.changed)
        for work in held:
            code, known = work.agency.code, self._facts.keys() & work.now.keys()
            also = {year for each, year in self._later if each == code and year in known}
            yield work, self._finish(work, also)
            self._later -= {(code, year) for year in also}

    def write(self, connection: Connection) -> list[Change]:
        """Write the batch, and judge the other reports anew that are judged by those in it."""
        bulk.write(connection, self.batch)
        return reporting.rejudged(connection, self._later)

    def _finish(self, work: Work, also: Iterable[int] = ()) -> list[Change]:
        before, now = work.before, work.now
        moved: dict[int, Moves] = {}
        changed = work.changed
        created = changed - before.keys()
        for year in changed:
            old = before.get(year)
            self.batch.put(old, now[year], reporting.rewritten(old, now[year].report))
        concerned = changed.union(also) | {y + 1 for y in changed} | {y - 1 for y in created}
        for year in sorted(concerned & now.keys()):
            linked = _linked(now[year], year, created)
            rendered = work.rendered[year] = reporting.render(
                {**now, year: linked}, year, self._facts[year].due, work.kin
            )
            derived = reporting.derived_from(rendered)
            if derived != linked.derived:
                failed = self.some.standing.get((work.agency.code, year), [])
                moved[year] = changes.moves(failed, rendered.document.findings)
                self.batch.derive(linked, *reporting.derived_rows(linked, rendered, derived))
            now[year] = replace(linked, derived=derived)
        saved = [changes.saved(before.get(y), now[y], moved.pop(y, None)) for y in sorted(changed)]
        return [*saved, *changes.rechecked(now, moved, self.time)]


def _linked(stored: Stored, year: int, created: set[int]) -> Stored:
    """Return a report that knows of those that were created beside it."""
    has_previous = stored.has_previous or year - 1 in created
    has_next = stored.has_next or year + 1 in created
    if (has_previous, has_next) == (stored.has_previous, stored.has_next):
        return stored
    return replace(stored, has_previous=has_previous, has_next=has_next)
