"""What a rule has to say about a report."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.layout import Label, Value
from app.domain.report import Agency

Side = int | str | None
"""A side of a rule: a whole number, a decimal as text, or None for a rule without sides."""


class Severity(StrEnum):
    """What a failure asks for."""

    ERROR = "error"  # blocks submission
    WARNING = "warning"  # wants an explanation
    INFO = "info"


class Outcome(StrEnum):
    """A rule that passes yields nothing."""

    FAIL = "fail"
    NOT_ASSESSABLE = "not_assessable"


@dataclass(frozen=True, slots=True)
class Suspect:
    """The one cell whose repair makes every identity of its table hold."""

    cell: str
    reported: Value
    would_balance_at: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A failure of a rule, or why it could not be judged.

    `cells` are JSON pointers into the report, in form order; `other_cells` are pointers into the
    report of the year before, or into those of `others`, if it was judged against several
    agencies' reports; `computed_cells` are those of `cells` that were left out and judged
    by their computed value. `at` is the line, column, cell or table; None when the rule as a whole
    cannot be judged.
    """

    rule: str
    at: str | None
    severity: Severity
    outcome: Outcome
    table: str | None
    message: Label
    basis: str
    cells: tuple[str, ...] = ()
    other_cells: tuple[str, ...] = ()
    computed_cells: tuple[str, ...] = ()
    left: Side = None
    right: Side = None
    difference: Side = None
    suspects: tuple[Suspect, ...] = ()
    others: tuple[Agency, ...] = ()

    @property
    def id(self) -> str:
        """Unique in a report and stable over recomputation."""
        return self.rule if self.at is None else f"{self.rule}:{self.at}"
