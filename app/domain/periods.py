"""The past of an agency: what it was called and where it stood, period by period.

A period is known by its first day; the first of all has none, it holds since ever. Each ends where
the next begins, and the last holds until today. Dates are ISO texts, and `SINCE_EVER` sorts before
all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

SINCE_EVER = ""
_NEVER = "~"  # sorts after every date

DATED = ("name", "short_name", "kind", "level", "parent")
"""The members of an agency that are dated."""


@dataclass(frozen=True, slots=True)
class Period:
    """What an agency was from a day on. `parent` is the code of the agency above it."""

    start: str
    name: str
    short_name: str | None
    kind: str
    level: str
    parent: str | None


Periods = tuple[Period, ...]
"""The periods of one agency, the earliest first."""


def changed(periods: Periods, new: Period) -> Periods:
    """Return the periods of an agency once it is another from a day on.

    On the first day of the last period that period is replaced. One that says no more than the
    period before it is withdrawn. Raises `ValueError` for an earlier day.
    """
    last = periods[-1]
    if new.start < last.start:
        raise ValueError(new.start)
    kept = periods[:-1] if new.start == last.start else periods
    is_repeated = bool(kept) and replace(kept[-1], start=new.start) == new
    return kept if is_repeated else (*kept, new)


def ends(periods: Periods) -> tuple[str | None, ...]:
    """Return the last day of each period, None of the one that still holds."""
    return (*(_day_before(later.start) for later in periods[1:]), None)


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def is_ever_above(code: str, below: str, start: str, periods: Mapping[str, Periods]) -> bool:
    """Tell whether an agency is or stands above another on any day from `start` on.

    `periods` has those of the other, and of all agencies that ever stood above it.
    """
    waiting = [(below, start, _NEVER)]
    seen = set(waiting)
    for agency, first, end in waiting:  # it grows
        if agency == code:
            return True
        for parent, begins, before in _parents(periods.get(agency, ())):
            found = (parent, max(first, begins), min(end, before))
            if found[1] < found[2] and found not in seen:
                seen.add(found)
                waiting.append(found)
    return False


def _parents(periods: Sequence[Period]) -> list[tuple[str, str, str]]:
    """Return who stood above an agency, from a day on, and before which day it ended."""
    ended = [*(later.start for later in periods[1:]), *([_NEVER] if periods else [])]
    return [
        (period.parent, period.start, end)
        for period, end in zip(periods, ended, strict=True)
        if period.parent is not None
    ]
