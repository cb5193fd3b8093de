"""When reports are due (条例 art. 49), and whether one was on time. Dates are ISO texts."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from app.domain.report import Kind

LOCAL = timezone(timedelta(hours=8))
"""The time of China, as it is since 1991."""
FIRST_FILED, LAST_YEAR = 2019, 9998


def due_dates(year: int) -> dict[str, str]:
    """Return the statutory due date of each kind of agency for the reports on a year."""
    return {
        kind.value: f"{year + 1}-03-31" if kind is Kind.GOVERNMENT else f"{year + 1}-01-31"
        for kind in Kind
    }


def timeliness(
    due: Mapping[str, str], kind: str, submitted_on: str | None, published_on: str | None
) -> str | None:
    """Return `on_time` or `late` by the last date that is known, None where none is."""
    last = max(filter(None, (submitted_on, published_on)), default=None)
    if last is None:
        return None
    return "on_time" if last <= due[kind] else "late"


def today() -> str:
    """Return today's date in China."""
    return datetime.now(LOCAL).date().isoformat()
