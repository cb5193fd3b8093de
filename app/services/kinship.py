"""What a report is judged against beside its agency's own: reports of those that it followed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from app.domain.report import Agency, Report
from app.domain.successions import Followed, Forebears, Succession, forebears
from app.storage import agencies, reports, successions
from app.storage.reports import Stored
from app.storage.successions import Tie


@dataclass(frozen=True, slots=True)
class Kin:
    """Those that an agency followed, by year of effect, and the years of its own reports."""

    followed: Mapping[int, Followed] = field(default_factory=dict)
    years: frozenset[int] = frozenset()

    def forebears(self, own: Mapping[int, Stored], year: int) -> Forebears | None:
        """Return what the report on a year is judged against; `own` has the reports beside it."""
        followed = self.followed.get(year)
        if not followed:
            return None
        before = own.get(year - 1)
        is_new = all(each >= year for each in (*self.years, *own))
        return forebears(before.report if before else None, followed, is_new=is_new)


ALONE = Kin()
"""Of an agency that followed nobody."""


def kin_of(
    connection: Connection, agency: str, ties: Iterable[Tie],
    now: Mapping[str, Mapping[int, Stored]] | None = None,
) -> Kin:  # fmt: skip
    """Read the reports of those that an agency followed.

    `now` has, of some agencies, the reports that count instead of those that are stored.
    """
    own = [tie for tie in ties if tie.successor == agency]
    if not own:
        return ALONE
    followed: dict[int, list[Any]] = {}
    for tie in own:
        report = _report(connection, tie.predecessor, tie.year - 1, now or {})
        followed.setdefault(tie.year, []).append((Succession(tie.kind), report))
    return Kin(followed, frozenset(agencies.report_years(connection, agency)))


def _report(
    connection: Connection, agency: str, year: int, now: Mapping[str, Mapping[int, Stored]]
) -> Report | None:
    if agency in now:
        stored = now[agency].get(year)
    else:
        facts = reports.agency(connection, agency)
        stored = reports.load(connection, facts, year, year).get(year) if facts else None
    return stored.report if stored else None


def forebears_of(
    connection: Connection, agency: Agency | None, own: Mapping[int, Stored], year: int
) -> Forebears | None:
    """Return what an agency's report on a year is judged against, beside its own reports."""
    if agency is None:
        return None
    ties = [tie for tie in successions.of(connection, agency.code) if tie.year == year]
    return kin_of(connection, agency.code, ties).forebears(own, year)


def judged_by(ties: Iterable[Tie], agency: str, years: Iterable[int]) -> set[tuple[str, int]]:
    """Return the reports that are judged by an agency's on these years, not as its next ones.

    Those of whoever followed it in the year after; and its own of later years in which it followed
    others, as it matters whether it is new.
    """
    changed = set(years)
    found = set()
    for tie in ties:
        is_next = tie.predecessor == agency and tie.year - 1 in changed
        is_later = tie.successor == agency and any(tie.year > year + 1 for year in changed)
        if is_next or is_later:
            found.add((tie.successor, tie.year))
    return found
