"""Whether an agency has filed its report on a year, in one word."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from app.domain.calendar import timeliness
from app.domain.report import Filing


class Standing(StrEnum):
    """What is known of an agency's report: the last of these words that applies."""

    FILED = "filed"
    NIL = "nil"  # every table of the form is declared empty
    LATE = "late"  # by the last date that is known, after the due date of the agency's kind
    MISSING = "missing"  # there is no report


def standing(
    due: Mapping[str, str], kind: str, dates: tuple[str | None, str | None], *, nil: bool
) -> Standing:
    """Return how an agency stands that has a report, submitted and published on these dates."""
    if timeliness(due, kind, *dates) == "late":
        return Standing.LATE
    return Standing.NIL if nil else Standing.FILED


def is_nil(filings: Iterable[Filing | None]) -> bool:
    """Tell whether every table is declared empty."""
    return all(filing is not None and filing.nil for filing in filings)
