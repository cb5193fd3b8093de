"""The workbook of a form as clients send it back: a report, and the place of each of its members.

A cell is found by the keys in the margin: those of lines stand in the first column of each sheet,
those of columns in a row of their own. So rows and columns may have been moved or inserted.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from app.documents import spreadsheet
from app.documents.spreadsheet import Sheet, Source, Value, unreadable
from app.domain.layout import NOT_APPLICABLE, Form, Label, Table, Unit
from app.domain.report import LONGEST_PROSE, PROSE
from app.errors import Fault
from app.forms import FORM_BY_KEY

Json = dict[str, Any]

MARK: Final = "gongkai-report"
"""What the hidden sheet says first; then the version of the layout and the form's key."""
VERSION: Final = 1
MARK_SHEET: Final = "gongkai"
COVER: Final = "report"
REMARKS: Final = "remarks"
COLUMNS: Final = "columns"
"""The key of the row in which the keys of columns stand."""
INPUT: Final = 2
"""The column in which what belongs to a key in the margin stands, or begins."""
NOT_APPLICABLE_TEXTS: Final = ("n/a", "不适用", "/", "-", "—", "——")

_DATES = ("submitted_on", "published_on")
_LONGEST = 40  # characters of a number; the longest that is taken has 19
_DAY = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?$")
_NUMBER = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?$")


@dataclass(frozen=True, slots=True)
class Item:
    """A report as a PUT takes it, with `agency`, `year` and `form`.

    What is no number, no year or no date stands in it as it was typed, so that whoever validates
    the body finds it. `faults` are what only the file shows: errors in cells, formulas without a
    result. `places` has where a member stands (`requests!D7`) by its JSON pointer.
    """

    body: Json
    places: Mapping[str, str]
    faults: tuple[Fault, ...] = ()

    def place(self, pointer: str | None) -> str | None:
        """Return where in the file a member stands, or what it is part of."""
        while pointer:
            if pointer in self.places:
                return self.places[pointer]
            pointer = pointer.rpartition("/")[0]
        return None


class _Reading:
    """What has been read of a workbook."""

    def __init__(self, sheets: Mapping[str, Sheet]) -> None:
        self.sheets = sheets
        self.places: dict[str, str] = {}
        self.faults: list[Fault] = []

    def value(self, sheet: str, row: int, column: int, pointer: str) -> Value:
        """Return what is in a cell, which is the member that `pointer` names."""
        self.places.setdefault(pointer, f"{sheet}!{spreadsheet.place(row, column)}")
        cell = self.sheets[sheet].get((row, column))
        if cell is None:
            return None
        if cell.broken:
            self.faults.append(Fault(pointer, "broken-cell", {"text": cell.value}))
            return None
        return cell.value


def read(file: Source) -> tuple[Item, ...]:
    """Return the reports of a workbook: one. Raises `Malformed` if it is not a workbook of ours."""
    sheets = spreadsheet.read(file)
    form = _form(sheets)
    reading = _Reading(sheets)
    body = {"form": form.key, **_cover(reading)}
    tables = {table.key: _table(reading, table) for table in form.tables}
    for table, place, text in _remarks(reading):
        tables.setdefault(table, {}).setdefault("remarks", {})[place] = text
    body["tables"] = {key: table for key, table in tables.items() if table}
    return (Item(body, reading.places, tuple(reading.faults)),)


def _form(sheets: Mapping[str, Sheet]) -> Form:
    said = [cell.value for _, cell in sorted(sheets.get(MARK_SHEET, {}).items())]
    key = str(said[2]) if len(said) == 3 else ""
    if said[:2] != [MARK, VERSION] or key not in FORM_BY_KEY:
        raise unreadable(
            Label(
                "不是由 /v1/forms/{form}/template.xlsx 下载的工作簿",
                "it was not made from /v1/forms/{form}/template.xlsx",
            )
        )
    return FORM_BY_KEY[key]


def _margin(
    sheets: Mapping[str, Sheet], name: str, wanted: Mapping[str, bool]
) -> dict[str, list[int]]:
    """Return the rows of each key in a sheet's margin; `wanted` says which may stand repeatedly."""
    found: dict[str, list[int]] = {key: [] for key in wanted}
    for (row, column), cell in sorted(sheets.get(name, {}).items()):
        if column == 0 and cell.value in found:
            found[str(cell.value)].append(row)
    for key, rows in found.items():
        if not rows or (len(rows) > 1 and not wanted[key]):
            raise _damaged(name, key)
    return found


def _damaged(sheet: str, key: str) -> Exception:
    return unreadable(
        Label(
            f"工作表 {sheet} 首列（隐藏）的标记 {key} 缺失或重复，请重新下载模板",
            f"the mark {key} in the hidden margin of the sheet {sheet} is gone or stands twice",
        )
    )


_COVER = {"agency": False, "year": False, **dict.fromkeys(PROSE, True)}


def _cover(reading: _Reading) -> Json:
    rows = _margin(reading.sheets, COVER, _COVER)
    found: Json = {}
    for key, own in rows.items():
        parts = [reading.value(COVER, row, INPUT, f"/{key}") for row in own]
        known = [part for part in parts if part is not None]
        found[key] = _cover_value(key, known[0] if len(known) == 1 else _joined(known))
    return found


def _joined(parts: Sequence[Value]) -> Value:
    """Return a text that stands in several cells; the rest of one that is too long is left out."""
    texts, length = list[str](), 0
    for part in parts:
        texts.append(_text(part))
        length += len(texts[-1])
        if length > LONGEST_PROSE:
            break
    return "".join(texts) if texts else None


def _cover_value(key: str, value: Value) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if key == "year":
        return _year(value)
    if key in _DATES:
        return _date(value)
    return _text(value).strip() if key == "agency" else _text(value)


def _text(value: Value) -> str:
    """Return a cell as text: a number as it is shown."""
    if isinstance(value, float):
        return format(_decimal(value), "f") if _is_finite(value) else str(value)
    return str(value)


def _is_finite(value: float) -> bool:
    return abs(value) < 1e300


def _decimal(number: float) -> Decimal:
    """Return the decimal that was meant: at most 15 digits if it has more than six places.

    >>> _decimal(59237.2449), _decimal(0.1 + 0.2)
    (Decimal('59237.2449'), Decimal('0.3'))
    """
    exact = Decimal(repr(number))
    has_more = exact != round(exact, 6) if abs(number) < 1e15 else False
    return _short(Decimal(format(number, ".15g")) if has_more else exact)


def _short(number: Decimal) -> Decimal:
    """Return a number without trailing zeros, and without the sign of zero."""
    whole = number.to_integral_value()
    return (whole or Decimal(0)) if whole == number else number.normalize()


def _plain(text: str) -> str:
    """Return a short text as it is meant; a long one is neither a number nor a date."""
    return unicodedata.normalize("NFKC", text).strip() if len(text) <= _LONGEST else text


def _year(value: float | str) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    text = _plain(value).removesuffix("年")
    return int(text) if re.fullmatch("[0-9]{4}", text) else value


def _date(value: float | str) -> str:
    if isinstance(value, float):
        return (spreadsheet.day(value) if value.is_integer() else None) or _text(value)
    found = _DAY.match(_plain(value))
    return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}" if found else value


def _table(reading: _Reading, table: Table) -> Json:
    """Return what is said of a table; nothing if all of its sheet is blank."""
    key = table.key
    named = ["filing", *(choice.key for choice in table.choices)]
    keys = [*named, COLUMNS, *(line.key for line in table.lines)]
    rows = _margin(reading.sheets, key, dict.fromkeys(keys, False))
    place = _columns(reading.sheets, table, rows[COLUMNS][0])
    said = {
        name: reading.value(key, rows[name][0], INPUT, f"/tables/{key}/{name}") for name in named
    }
    data = {
        line.key: {
            column.key: _number(
                column.unit,
                reading.value(
                    key, rows[line.key][0], place[column.key],
                    f"/tables/{key}/data/{line.key}/{column.key}",
                ),
            )
            for column in table.columns
        }
        for line in table.lines
    }  # fmt: skip
    found: Json = {
        name: value.strip() if isinstance(value, str) else value
        for name, value in said.items()
        if value is not None
    }
    if any(value is not None for line in data.values() for value in line.values()):
        found["data"] = data
    return found


def _columns(sheets: Mapping[str, Sheet], table: Table, row: int) -> dict[str, int]:
    """Return where the columns of a table stand."""
    wanted = {column.key for column in table.columns}
    found: dict[str, int] = {}
    for (at, place), cell in sheets[table.key].items():
        if at == row and place and cell.value in wanted:
            if cell.value in found:
                raise _damaged(table.key, str(cell.value))
            found[str(cell.value)] = place
    for key in wanted - found.keys():
        raise _damaged(table.key, key)
    return found


def _number(unit: Unit, value: Value) -> Any:
    """Return a cell of a table as JSON has it; what is no number as it was typed."""
    if isinstance(value, str):
        number = _typed(value)
    elif isinstance(value, float):
        number = _decimal(value) if _is_finite(value) else str(value)
    else:
        return value
    if not isinstance(number, Decimal):
        return number
    if unit.is_decimal:
        return format(number, "f")
    return int(number) if number == number.to_integral_value() else float(number)


def _typed(value: str) -> Decimal | str | None:
    """Return the number that a text is, `n/a` for the marks that reports print, or the text."""
    text = _plain(value).replace("−", "-")
    if text.lower() in NOT_APPLICABLE_TEXTS or set(text) == {"—"}:
        return NOT_APPLICABLE
    if _NUMBER.match(text) and len(text) <= _LONGEST:
        return _short(Decimal(text.replace(",", "")))
    return value if text.strip() else None


def _remarks(reading: _Reading) -> Iterator[tuple[str, str, str]]:
    """Yield the remarks: the table's key, the line or cell, the text."""
    met: set[str] = set()
    rows = sorted(row for row, column in reading.sheets.get(REMARKS, {}) if column == 0)
    for row in rows[1:]:
        table, where = (
            _text(cell.value).strip()
            if (cell := reading.sheets[REMARKS].get((row, column)))
            else ""
            for column in (1, 2)
        )
        pointer = f"/tables/{table}/remarks/{where.replace('~', '~0').replace('/', '~1')}"
        text = reading.value(REMARKS, row, 3, pointer)
        if text is None:
            continue
        if pointer in met:
            reading.faults.append(Fault(pointer, "duplicate-member"))
        met.add(pointer)
        yield table, where, _text(text)
