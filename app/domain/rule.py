"""A rule of the catalogue, and what it can find."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from app.domain.case import Case
from app.domain.findings import Finding, Outcome, Severity, Side
from app.domain.layout import Form, Label

NO_PREVIOUS = Label("没有上一年度的报告，无法判断。", "There is no report on the year before.")
TABLE_MISSING = Label("所需的表未填报，无法判断。", "A table that the rule needs is missing.")
BLANK = Label(
    "所需的单元格为空白或不适用，无法判断。",
    "A cell that the rule needs is blank or not applicable.",
)
AGENCY_UNKNOWN = Label("未指明机构，无法判断。", "No agency is named.")
PROSE_NULL = Label("该部分文字未填报，无法判断。", "The section is not filed.")


def filled(message: Label, at: Label, **values: Side) -> Label:
    """Return a message with the place and the figures filled in."""
    return Label(
        message.zh.format(at=at.zh, **values),
        message.en.format(at=at.en, **values),
    )


class Following(Enum):
    """What becomes of a rule in the year in which an agency followed others."""

    ALONE = "alone"  # it looks at the agency's own reports, as always
    TOGETHER = "together"  # the reports of the year before are added up
    SKIPPED = "skipped"  # it has nothing to say


class Finder(Protocol):
    """What looks for the failures of a rule."""

    def applies(self, form: Form) -> bool:
        """Tell whether there is anything to look at on a form."""

    def __call__(self, rule: "Rule", case: Case) -> Iterator[Finding]:
        """Yield failures, and what cannot be assessed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the catalogue. `formula` has the sides that `left` and `right` of findings name."""

    id: str
    severity: Severity
    formula: str
    text: Label
    message: Label
    find: Finder
    table: str | None = None
    basis: str | None = None  # None: the form itself
    following: Following = Following.ALONE

    def finding(self, case: Case, at: str | None, **members: Any) -> Finding:
        """Return a failure of this rule."""
        given = {"outcome": Outcome.FAIL, "table": self.table} | members
        basis = self.basis or case.report.form.source
        return Finding(self.id, at, self.severity, basis=basis, **given)

    def unassessable(self, case: Case, at: str | None, why: Label, **members: Any) -> Finding:
        """Return that this rule cannot be judged."""
        return self.finding(case, at, outcome=Outcome.NOT_ASSESSABLE, message=why, **members)
