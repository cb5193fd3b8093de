"""Which cells of two editions of a table mean the same, by what the forms say of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from app.domain.layout import Label, Table, Unit


class Reason(StrEnum):
    """Why two figures are not compared."""

    NOT_IN_FORM = "not_in_form"
    OTHER_MEANING = "other_meaning"
    IN_SUM = "in_sum"
    UNIT = "unit"


REASONS: Final = {
    Reason.NOT_IN_FORM: Label(
        "两份报告之一使用的格式没有这个单元格。", "The form of one report has no such cell."
    ),
    Reason.OTHER_MEANING: Label(
        "两种格式中的这个单元格含义不同。", "The cell does not mean the same on both forms."
    ),
    Reason.IN_SUM: Label(
        "另一格式把这一行与其他行合为一行，已在那一行中比较。",
        "The other form has one line for this and others; they are compared there, as a sum.",
    ),
    Reason.UNIT: Label("金额单位不明。", "The unit of an amount is not known."),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """The cells of two tables that are compared: usually one each, none where a form has none.

    `reason` is why they cannot be.
    """

    line: str
    column: str
    unit: Unit
    left: tuple[int, ...]
    right: tuple[int, ...]
    reason: Reason | None


def merged(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Return the keys of both, those of the right alone after what they follow there."""
    found = list(left)
    for index, key in enumerate(right):
        if key not in found:
            found.insert(found.index(right[index - 1]) + 1 if index else 0, key)
    return found


@cache
def pairs_of(left: Table | None, right: Table | None) -> tuple[Pair, ...]:
    """Return which cells of two editions of a table are compared, and which cannot be."""
    sums = _sums(left, right)
    taken = {key for sides in sums.values() for side in sides for key in side} - sums.keys()
    found = []
    for line in merged(_lines(left), _lines(right)):
        of_left, of_right = sums.get(line, ((line,), (line,)))
        for column in merged(_columns(left), _columns(right)):
            places = _places(left, of_left, column), _places(right, of_right, column)
            if any(places):
                reason = Reason.IN_SUM if line in taken else _reason(left, right, column, places)
                found.append(Pair(line, column, _unit(left, right, column), *places, reason))
    return tuple(found)


def _lines(table: Table | None) -> list[str]:
    return [line.key for line in table.lines] if table else []


def _columns(table: Table | None) -> list[str]:
    return [column.key for column in table.columns] if table else []


def _places(table: Table | None, lines: tuple[str, ...], column: str) -> tuple[int, ...]:
    at = table.at if table else {}
    return tuple(at[line, column] for line in lines if (line, column) in at)


def _unit(left: Table | None, right: Table | None, column: str) -> Unit:
    tables = [table for table in (left, right) if table]
    return next(c.unit for table in tables for c in table.columns if c.key == column)


def _sums(
    left: Table | None, right: Table | None
) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the lines that one of the tables prints as several: the lines of either side."""
    here, there = set(_lines(left)), set(_lines(right))
    found: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for table in (left, right):
        for line, parts in ((d.line, d.parts) for d in (table.crosswalk if table else ())):
            if line in here - there and there - here >= set(parts):
                found[line] = ((line,), parts)
            elif line in there - here and here - there >= set(parts):
                found[line] = (parts, (line,))
    return found


def _reason(
    left: Table | None, right: Table | None, column: str, places: tuple[tuple[int, ...], ...]
) -> Reason | None:
    if left is right:
        return None
    if left is None or right is None or not all(places):
        return Reason.NOT_IN_FORM
    same = all(
        table.across_forms or any(c.across_forms for c in table.columns if c.key == column)
        for table in (left, right)
    )
    return None if same else Reason.OTHER_MEANING


def lines_of(table: Table, line: str, editions: Iterable[Table]) -> tuple[str, ...]:
    """Return the lines of a table that come to a line of any edition; () if none do."""
    own = set(_lines(table))
    if line in own:
        return (line,)
    divisions = (division for edition in editions for division in edition.crosswalk)
    return next((d.parts for d in divisions if d.line == line and own >= set(d.parts)), ())
