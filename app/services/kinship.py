"""What a report is judged against beside its agency's own: reports of those that it followed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from app.domain.report import Agency, Report
from app.domain.successions import (
    Followed,
    Forebears,
    Steps,
    Succession,
    followed,
    forebears,
    heirs,
    was_split,
)
from app.storage import agencies, reports, successions
from app.storage.reports import Stored
from app.storage.successions import Tie


@dataclass(frozen=True, slots=True)
class Kin:
    """Whom an agency followed, by year of effect, and what tells whether it was there before.

    In the years `renamed` it is another under a new code; in those of `split` others took a part of
    it. `since` is the first day of its activity, if that is known; `years` has its own reports.
    """

    followed: Mapping[int, Followed] = field(default_factory=dict)
    renamed: frozenset[int] = frozenset()
    split: frozenset[int] = frozenset()
    since: str | None = None
    years: frozenset[int] = frozenset()

    def forebears(self, own: Mapping[int, Stored], year: int) -> Forebears | None:
        """Return what the report on a year is judged against; `own` has the reports beside it."""
        before = own.get(year - 1)
        return forebears(
            before.report if before else None,
            self.followed.get(year, ()),
            is_new=self._is_new(own, year),
            was_split=year in self.split,
        )

    def _is_new(self, own: Mapping[int, Stored], year: int) -> bool:
        """Tell whether there was no such agency in the year before, by all that is known."""
        was_there = self.since is not None and self.since < f"{year}-01-01"
        if was_there and year not in self.renamed:
            return False
        return all(each >= year for each in (*self.years, *own))


ALONE = Kin()
"""Of an agency that followed nobody, and that nobody followed."""


def kin_of(
    connection: Connection, agency: str, ties: Collection[Tie],
    now: Mapping[str, Mapping[int, Stored]] | None = None,
) -> Kin:  # fmt: skip
    """Read the reports of those that an agency followed. `ties` are all, if it has any.

    `now` has, of some agencies, the reports that count instead of those that are stored.
    """
    own = [tie for tie in ties if agency in {tie.predecessor, tie.successor}]
    if not own:
        return ALONE
    by_year = steps(ties)
    return Kin(
        {
            year: [
                (is_whole, _report(connection, code, year - 1, now or {}))
                for code, is_whole in followed(agency, by_year[year]).items()
            ]
            for year in {tie.year for tie in own if tie.successor == agency}
        },
        frozenset(t.year for t in own if t.successor == agency and t.kind == Succession.RENAME),
        frozenset(year for year, of_year in by_year.items() if was_split(agency, of_year)),
        agencies.active_from(connection, agency),
        frozenset(agencies.report_years(connection, agency)),
    )


def steps(ties: Iterable[Tie]) -> Mapping[int, Steps]:
    """Return successions by their year of effect."""
    found: dict[int, list[tuple[str, str, Succession]]] = {}
    for tie in ties:
        step = (tie.predecessor, tie.successor, Succession(tie.kind))
        found.setdefault(tie.year, []).append(step)
    return found


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
    ties = [tie for tie in successions.around(connection, agency.code) if tie.year == year]
    return kin_of(connection, agency.code, ties).forebears(own, year)


def judged_by(ties: Iterable[Tie], agency: str, years: Iterable[int]) -> set[tuple[str, int]]:
    """Return the reports that are judged by an agency's on these years, not as its next ones.

    Those of whoever followed it in the year after; and its own of later years in which it followed
    others, as it matters whether it is new. `ties` are all that there are.
    """
    changed, found = set(years), set()
    for year, of_year in steps(ties).items():
        if year - 1 in changed:
            found |= {(heir, year) for heir in heirs(agency, of_year)}
        if any(year > each + 1 for each in changed):
            found |= {(agency, year) for _, successor, _ in of_year if successor == agency}
    return found


def judged_with(ties: Iterable[Tie], changed: Iterable[Tie]) -> set[tuple[str, int]]:
    """Return the reports on which successions bear that come or go; they are among `ties`."""
    by_year = steps(ties)
    return {
        (code, tie.year)
        for tie in changed
        for code in (tie.predecessor, *heirs(tie.predecessor, by_year[tie.year]))
    }
