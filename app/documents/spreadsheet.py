"""The cells of an XLSX file that a client sent, read within limits.

The libraries for this fill a grid: a cell far out in a file of a few kilobytes costs gigabytes
(python-calamine 0.9), and an error in a cell is read as a blank, which it is not. This reads the
few parts that matter as XML, into as many cells as have something in them. A number that is shown
as a date is read as that: "1-2" becomes one as it is typed, and is no count of 45,659.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from xml.parsers import expat

from app.domain.layout import Label
from app.errors import Malformed

SIZE: Final = 32 * 1024 * 1024
"""How many bytes the parts of a file may have, uncompressed."""
_PARTS = 500
_ELEMENTS = 2_000_000
_DEPTH = 64
_TAG = 64 * 1024
"""Of how many bytes of XML something must be told: while a tag is read nobody else has a turn."""
_STRINGS, _STYLES = "xl/sharedStrings.xml", "xl/styles.xml"
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

_NO_XLSX = Label("不是 XLSX 文件，或已损坏、截断", "it is no XLSX file, or is damaged or cut off")
_ENCRYPTED = Label("文件已加密", "it is encrypted")
_TOO_LARGE = Label("内容过大", "there is too much in it")
_COUNTS_FROM_1904 = Label(
    "日期采用 1904 日期系统，请在选项中改为 1900", "its dates count from 1904: set them to 1900"
)
_ENCRYPTED_OLE = b"\xd0\xcf\x11\xe0"  # what Office wraps an encrypted workbook in

_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - spreadsheets know no zones
_LEAP_DAY = 60  # the 29 February 1900 of spreadsheets, which there was not
_DAYS = 2_958_466  # up to 9999-12-31
_DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_ASIDE = re.compile(r'"[^"]*"|\[[^\[\]]*\]|[\\_*].')  # in a format: no part of the number
_DATED = re.compile("[ymdhs]", re.IGNORECASE)
_PLACE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})$")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")

Value = str | float | bool | None
Source = str | Path | IO[bytes]


class Cell(NamedTuple):
    """What is in a cell; `broken` if that is an error, or a formula without its result.

    `is_date` tells of a number that is shown as a date: the value is that, then.
    """

    value: Value
    broken: bool = False
    is_date: bool = False


Sheet = dict[tuple[int, int], Cell]
"""The cells that have something in them, by row and column from 0."""


def unreadable(reason: Label) -> Malformed:
    """Return the error of a workbook that cannot be read."""
    return Malformed("unreadable-workbook", reason=reason)


def place(row: int, column: int) -> str:
    """Return a cell's place as spreadsheets name it.

    >>> place(6, 3), place(0, 26)
    ('D7', 'AA1')
    """
    letters, rest = "", column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row + 1}"


def read(file: Source) -> dict[str, Sheet]:
    """Return the sheets of a workbook by name. Raises `Malformed` if it cannot be read."""
    try:
        with zipfile.ZipFile(file) as parts:
            _require_small(parts.infolist())
            return _sheets(_Package(parts))
    except zipfile.BadZipFile:
        raise unreadable(_ENCRYPTED if _is_wrapped(file) else _NO_XLSX) from None
    except (
        expat.ExpatError, zlib.error, struct.error, EOFError, LookupError, ValueError, OSError,
        RuntimeError, OverflowError,
    ):  # fmt: skip
        raise unreadable(_NO_XLSX) from None


def _is_wrapped(file: Source) -> bool:
    if isinstance(file, str | Path):
        with Path(file).open("rb") as opened:
            return opened.read(4) == _ENCRYPTED_OLE
    file.seek(0)
    return file.read(4) == _ENCRYPTED_OLE


def _require_small(parts: list[zipfile.ZipInfo]) -> None:
    """Refuse by the directory; what a part has beyond its size there is never read."""
    if any(part.flag_bits & 1 for part in parts):
        raise unreadable(_ENCRYPTED)
    if len(parts) > _PARTS or sum(part.file_size for part in parts) > SIZE:
        raise unreadable(_TOO_LARGE)
    if any(part.compress_type not in _METHODS for part in parts):
        raise unreadable(_NO_XLSX)


Start = Callable[[str, dict[str, str]], None]
End = Callable[[str, str], None]


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _Package:
    """The parts of a file, each of which is read once, within limits for all of them."""

    def __init__(self, parts: zipfile.ZipFile) -> None:
        self._parts = parts
        self._unread = set(parts.namelist())
        self._elements = 0

    def has(self, part: str) -> bool:
        """Tell whether there is a part that was not read."""
        return part in self._unread

    def parse(self, part: str, start: Start, end: End) -> None:
        """Tell of every element's start, and its end with the text right before that."""
        self._unread.remove(part)  # two sheets that name one part are no workbook
        text: list[str] = []
        depth = 0

        def started(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            self._elements += 1
            if depth > _DEPTH or self._elements > _ELEMENTS:
                raise unreadable(_TOO_LARGE)
            text.clear()
            start(_local(name), attributes)

        def ended(name: str) -> None:
            nonlocal depth
            depth -= 1
            end(_local(name), "".join(text))
            text.clear()

        def typed(*_: Any) -> None:
            raise unreadable(_NO_XLSX)  # no workbook has one, and entities stand in it

        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = started, ended
        parser.CharacterDataHandler = text.append
        parser.StartDoctypeDeclHandler = typed
        xml, told = self._parts.read(part), None
        whole = len(xml) // _TAG * _TAG
        for at in range(0, whole, _TAG):
            parser.Parse(xml[at : at + _TAG], False)
            before, told = told, (self._elements, depth, len(text))
            if told == before:
                raise unreadable(_TOO_LARGE)
        parser.Parse(xml[whole:], True)

    def attributes(self, part: str, *elements: str) -> list[list[dict[str, str]]]:
        """Return the attributes of every element of these names, for each of them."""
        found: dict[str, list[dict[str, str]]] = {name: [] for name in elements}

        def start(name: str, attributes: dict[str, str]) -> None:
            if name in found:
                found[name].append(attributes)

        self.parse(part, start, lambda name, text: None)
        return list(found.values())


def _sheets(package: _Package) -> dict[str, Sheet]:
    (relations,) = package.attributes("xl/_rels/workbook.xml.rels", "Relationship")
    targets = {found["Id"]: found["Target"] for found in relations}
    strings = _strings(package) if package.has(_STRINGS) else []
    dates = _dates(package) if package.has(_STYLES) else frozenset()
    options, sheets = package.attributes("xl/workbook.xml", "workbookPr", "sheet")
    is_of_1904 = any(each.get("date1904") in {"1", "true"} for each in options)
    found = {}
    for sheet in sheets:
        ids = [value for key, value in sheet.items() if _local(key) == "id"]
        target = targets[ids[0]].removeprefix("/xl/")
        cells = _cells(package, f"xl/{target}", strings, dates)
        if is_of_1904 and any(cell.is_date for cell in cells.values()):
            raise unreadable(_COUNTS_FROM_1904)
        found[sheet["name"]] = cells
    return found


class _Text:
    """The text of an element whose runs are formatted one by one, without its pronunciation."""

    def __init__(self) -> None:
        self._runs: list[str] = []
        self._aside = False

    @property
    def text(self) -> str:
        """What was read since the text began."""
        return "".join(self._runs)

    def start(self, name: str) -> None:
        """Notice an element's start."""
        if name in {"si", "is", "c"}:
            self._runs.clear()
        elif name == "rPh":
            self._aside = True

    def end(self, name: str, text: str) -> None:
        """Notice an element's end."""
        if name == "rPh":
            self._aside = False
        elif name == "t" and not self._aside:
            self._runs.append(text)


def _strings(package: _Package) -> list[str]:
    """Read the texts that cells refer to by number."""
    found: list[str] = []
    reader = _Text()

    def end(name: str, text: str) -> None:
        reader.end(name, text)
        if name == "si":
            found.append(_plain(reader.text))

    package.parse(_STRINGS, lambda name, _: reader.start(name), end)
    return found


def _dates(package: _Package) -> frozenset[str]:
    """Return the numbers of the styles in which a number is shown as a date or a time."""
    formats = {str(number) for number in _DATE_FORMATS}
    found: list[str] = []
    path: list[str] = []  # those of conditional formats have the same names elsewhere

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        if path[-2:] == ["numFmts", "numFmt"]:
            shown = _ASIDE.sub("", attributes["formatCode"])
            (formats.add if _DATED.search(shown) else formats.discard)(attributes["numFmtId"])
        elif path[-2:] == ["cellXfs", "xf"]:
            found.append(attributes.get("numFmtId", "0"))

    def end(_: str, __: str) -> None:
        path.pop()

    package.parse(_STYLES, start, end)
    return frozenset(str(style) for style, number in enumerate(found) if number in formats)


def day(serial: float) -> str | None:
    """Return the date, or the time, that a number stands for; None if spreadsheets have none.

    >>> day(45292.0), day(45292.5), day(1.0), day(0.5)
    ('2024-01-01', '2024-01-01T12:00:00', '1900-01-01', None)
    """
    if not 1 <= serial < _DAYS:
        return None
    found = _EPOCH + timedelta(days=serial + (serial < _LEAP_DAY))
    return found.date().isoformat() if serial.is_integer() else found.isoformat()


def _plain(text: str) -> str:
    """Return a text with what XML cannot hold put back, and its lines ended by line feeds."""
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _cells(package: _Package, part: str, strings: list[str], dates: frozenset[str]) -> Sheet:
    found: Sheet = {}
    reader = _Text()
    row = column = -1
    kind, value, formula, style = "n", "", False, "0"

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, kind, value, formula, style
        reader.start(name)
        if name == "row":
            row, column = int(attributes.get("r", row + 2)) - 1, -1
        elif name == "c":
            kind, value, formula = attributes.get("t", "n"), "", False
            style = attributes.get("s", "0")
            if "r" in attributes:
                row, column = position(attributes["r"])
            else:
                column += 1
        elif name == "f":
            formula = True

    def end(name: str, text: str) -> None:
        nonlocal value
        reader.end(name, text)
        if name == "v":
            value = text
        elif name == "c":
            cell = _cell(kind, value, reader.text, formula, strings)
            cell = _dated(cell) if style in dates else cell
            if cell.value is not None or cell.broken:
                found[row, column] = cell

    package.parse(part, start, end)
    return found


def _dated(cell: Cell) -> Cell:
    if not isinstance(cell.value, float):
        return cell
    return Cell(day(cell.value) or cell.value, is_date=True)


def position(name: str) -> tuple[int, int]:
    """Return the row and column of a place; the inverse of `place`."""
    found = _PLACE.match(name)
    if found is None:
        raise ValueError(name)
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]) - 1, column - 1


def _cell(kind: str, value: str, inline: str, formula: bool, strings: list[str]) -> Cell:
    if kind == "e":
        return Cell(value, broken=True)
    if kind in {"inlineStr", "str"}:
        return Cell(_plain(inline or value) or None)
    if not value:
        return Cell("=", broken=True) if formula else Cell(None)
    if kind == "s":
        return Cell(strings[int(value)] or None)
    if kind == "b":
        return Cell(value == "1")
    return Cell(float(value) if kind == "n" else value)
