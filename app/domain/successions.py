"""Who followed whom, and what a report is judged against that followed others in its year."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from app.domain import totals
from app.domain.layout import Label, Table
from app.domain.report import Agency, Filing, Report
from app.domain.rule import NO_PREVIOUS


class Succession(StrEnum):
    """How an agency follows another."""

    MERGE = "merge"  # 合并: it takes the other in
    SPLIT = "split"  # 分立: it takes over a part of the other
    RENAME = "rename"  # 更名: it is the other, under a new code


SPLIT: Final = Label(
    "前身机构本年度分立，无法判断。", "An agency that it followed in the year was split."
)
WAS_SPLIT: Final = Label("本机构本年度分立，无法判断。", "The agency was split in the year.")
NO_PREDECESSOR: Final = Label(
    "被并入机构没有上一年度的报告，无法判断。",
    "An agency that it followed in the year has no report on the year before.",
)


@dataclass(frozen=True, slots=True)
class Forebears:
    """The reports of the year before that a report is judged against together.

    The agency's own comes first. `why` is why they cannot be added up; None if they can.
    """

    reports: tuple[Report, ...] = ()
    why: Label | None = None

    @property
    def agencies(self) -> tuple[Agency, ...]:
        """The agencies whose reports these are."""
        return tuple(each.agency for each in self.reports if each.agency is not None)


Steps = Sequence[tuple[str, str, Succession]]
"""Predecessor, successor and kind of the successions with effect in one year."""


def followed(agency: str, steps: Steps) -> dict[str, bool]:
    """Return whom an agency followed in a year, also through others, and if it has all of each.

    It has not all of one that was split, or that others followed, too.
    """
    line = _line(agency, [(successor, predecessor) for predecessor, successor, _ in steps])
    within = {agency, *line}
    return {
        code: all(heir in within and not is_split for heir, is_split in _after(code, steps))
        for code in line
    }


def was_split(agency: str, steps: Steps) -> bool:
    """Tell whether an agency was split in a year, or followed by more than one."""
    after = _after(agency, steps)
    return len(after) > 1 or any(is_split for _, is_split in after)


def _after(agency: str, steps: Steps) -> list[tuple[str, bool]]:
    """Return who followed an agency itself, and whether that took a part of it."""
    return [(heir, kind is Succession.SPLIT) for each, heir, kind in steps if each == agency]


def heirs(agency: str, steps: Steps) -> list[str]:
    """Return who followed an agency in a year, also through others."""
    return _line(agency, [(predecessor, successor) for predecessor, successor, _ in steps])


def _line(agency: str, links: Iterable[tuple[str, str]]) -> list[str]:
    """Return whom links lead to from an agency, the nearest first."""
    onward: dict[str, list[str]] = {}
    for here, there in links:
        onward.setdefault(here, []).append(there)
    line = [agency]
    for each in line:  # it grows
        line += [code for code in onward.get(each, ()) if code not in line]
    return line[1:]


def closes_circle(predecessor: str, successor: str, steps: Steps) -> bool:
    """Tell whether an agency would follow itself, by others' successions of the same year."""
    return predecessor == successor or predecessor in heirs(successor, steps)


Followed = Sequence[tuple[bool, Report | None]]
"""Whether there is all of a predecessor, and its report on the year before, if there is one."""


def forebears(
    own: Report | None, followed: Followed, *, is_new: bool, was_split: bool = False
) -> Forebears | None:
    """Return what an agency's report is judged against; None if nobody followed in the year.

    `own` is the agency's own report on the year before. A new agency needs none: its predecessors'
    stand for it. Any other without it lacks a part. One that `was_split` no longer is what that
    report is of.
    """
    if was_split:
        return Forebears(why=WAS_SPLIT)
    if not followed:
        return None
    if not all(is_whole for is_whole, _ in followed):
        return Forebears(why=SPLIT)
    found = [report for _, report in followed if report is not None]
    if len(found) < len(followed):
        return Forebears(why=NO_PREDECESSOR)
    if own is None and not is_new:
        return Forebears(why=NO_PREVIOUS)
    return Forebears((*([own] if own is not None else []), *found))


def together(found: Forebears) -> Report:
    """Return the forebears' reports as one, to be judged against.

    A table is there that all of them have; a cell is the sum of what all of them say, blank if it
    is blank in one, and `n/a` if it is that in all.
    """
    first, *others = found.reports
    filings = {
        key: _added(table, [each.filings[key] for each in found.reports])
        for key, table in first.form.table.items()
        if all(key in each.filings for each in found.reports)
    }
    return replace(first, filings=filings) if others else first


def _added(table: Table, filings: Sequence[Filing]) -> Filing:
    cells = zip(*(totals.effective(filing)[0] for filing in filings), strict=True)
    return Filing(table, tuple(map(totals.together, cells)), choices=filings[0].choices)
