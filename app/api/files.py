"""Files of reports as they are imported: NDJSON and long CSV, line by line, and workbooks."""

import codecs
import csv
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import groupby
from typing import Any

from app.api import bodies, lines, schemas
from app.api.downloads import MEDIA_TYPES
from app.api.writing import report_contradictions
from app.documents import workbook
from app.documents.flat import CSV_COLUMNS
from app.domain.codes import is_agency_code
from app.domain.layout import Form, Label, Table
from app.domain.report import Filing
from app.errors import AppError, Fault
from app.forms import FORMS
from app.services import filing, spooling, staged
from app.services.importing import Read
from app.services.spooling import LONGEST_LINE
from app.storage.staging import Staging

Json = dict[str, Any]
Pieces = Callable[[], Iterable[bytes]]
"""What reads the file, unpacked and from its beginning, each time it is called."""

FORMATS = {
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "text/csv": "csv",
    MEDIA_TYPES["xlsx"]: "xlsx",
}
"""The media types that are imported."""

_TRAILER = {"end", "reports", "feed_position"}
"""The members of the last line of an export: it is no report."""


def read(kind: str, pieces: Pieces, staging: Staging) -> Iterator[Read]:
    """Yield the reports of a file, and what is wrong with those that cannot be written.

    Raises `Malformed` for a file of which nothing can be read.
    """
    if kind == "csv":
        return _csv(pieces, staging)
    if kind == "xlsx":
        return _xlsx(pieces())
    return _ndjson(pieces())


# NDJSON


def _ndjson(pieces: Iterable[bytes]) -> Iterator[Read]:
    for number, line in spooling.lines(pieces):
        if line is None:
            fault = Fault(None, "line-too-long", {"limit": LONGEST_LINE})
            yield Read(number, faults=(fault,))
            continue
        text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if not text.isspace() and text:
            found = lines.quick(number, text) or _careful(number, text)
            if found is not None:
                yield found


def _whole(form: Form, body: Json) -> bytes:
    return staged.whole(filing.report_from(form, body["year"], None, body))


def _careful(number: int, line: bytes) -> Read | None:
    """Read a line that may be faulty, and say all that is wrong with it; None for a trailer."""
    try:
        body = bodies.parse(line)
    except AppError as error:
        faults = error.faults or (Fault("", error.slug, error.values),)
        return Read(number, faults=tuple(faults))
    if body.get("end") is True and body.keys() <= _TRAILER:
        return None
    return _checked(number, body, _whole)


def _checked(number: int, body: Json, made: Callable[[Form, Json], bytes]) -> Read:
    form = schemas.form_in(body)
    code, year = schemas.agency_code(body.get("agency")), schemas.year_number(body.get("year"))
    faults = bodies.faults(schemas.new_report(form or FORMS[-1]), body)
    if form is not None:
        key = {"year": year} if code is None else {"agency": code, "year": year}
        faults = bodies.with_others(faults, report_contradictions(form, body, **key))
    else:
        faults = [fault for fault in faults if not (fault.pointer or "").startswith("/tables")]
        if not any(fault.pointer == "/year" for fault in faults):
            faults.append(Fault("/year", "year-without-form"))
    if not faults and form is not None:
        return Read(number, code, year, made(form, body))
    return Read(number, code, year, faults=tuple(faults))


# XLSX


def _xlsx(pieces: Iterable[bytes]) -> Iterator[Read]:
    """Read a workbook; all of it is the first line. Raises `Malformed` for what is none."""
    with tempfile.TemporaryFile() as file:
        file.writelines(pieces)
        file.seek(0)
        items = workbook.read(file)
    for number, item in enumerate(items, 1):
        found = _checked(number, item.body, _whole)
        faults = bodies.with_others(list(found.faults), list(item.faults))
        named = (replace(fault, place=item.place(fault.pointer)) for fault in faults)
        yield replace(found, faults=tuple(named))


# CSV

_MOST_ROWS = 2_000
"""How many rows a report may have; the largest form has some 300 cells."""
_ROWS = 500
_BROKEN = "\0"
"""What stands for the table in a row that could not be read; no table in a file is named so."""
_COUNT = re.compile(r"-?(0|[1-9][0-9]{0,18})")

Row = tuple[str, str, int, str, str, str, str]


def _csv(pieces: Pieces, staging: Staging) -> Iterator[Read]:
    """Read a long table, whose rows may come in any order: they are sorted by report first."""
    encoding = "utf-8-sig" if _is_utf8(pieces()) else "gb18030"
    rows: list[Row] = []
    torn: Read | None = None
    for found in _rows(_lines(pieces(), encoding)):
        if isinstance(found, Read):
            torn = torn or found
            yield found
            continue
        rows.append(found)
        if len(rows) == _ROWS:
            staging.add_cells(rows)
            rows.clear()
    staging.add_cells(rows)
    for (agency, year), cells in groupby(staging.cells(), lambda row: row[:2]):
        yield _report(agency, year, cells, torn)


def _is_utf8(pieces: Iterable[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in pieces:
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _lines(pieces: Iterable[bytes], encoding: str) -> Iterator[tuple[int, str, Fault | None]]:
    """Yield the lines of a file with their numbers, and what keeps one from being read."""
    for number, line in spooling.lines(pieces):
        if line is None:
            yield number, "", Fault(None, "line-too-long", {"limit": LONGEST_LINE})
            continue
        coding = encoding if number == 1 else encoding.removesuffix("-sig")
        try:
            text = line.decode(coding)
        except UnicodeDecodeError:
            yield number, line.decode(coding, "replace"), Fault(None, "not-decodable")
        else:
            fault = Fault(None, "bad-text") if "\0" in text else None
            yield number, text.removesuffix("\r"), fault


def _rows(lines: Iterable[tuple[int, str, Fault | None]]) -> Iterator[Row | Read]:
    """Yield the rows of a file, and the lines of which nobody knows whose they are.

    No value has a second line, so a quote that is not closed spoils one line and no more.
    """
    order: list[int] | None = None
    for number, text, wrong in lines:
        row, fault = ([], wrong) if wrong else _fields(text)
        if order is not None and not fault and len(row) not in {0, len(CSV_COLUMNS)}:
            expected = Label(
                f"应有 {len(CSV_COLUMNS)} 列", f"there should be {len(CSV_COLUMNS)} columns"
            )
            fault = Fault(None, "malformed-csv", {"reason": expected})
        if fault:
            yield _broken(number, text, order, fault)
        elif order is None and row:
            order = _order(row)
            if order is None:
                fault = Fault(None, "bad-header", {"expected": ",".join(CSV_COLUMNS)})
                yield Read(number, faults=(fault,))
                return
        elif order is not None and row:
            agency, year, *cell = (row[place].strip() for place in order)
            yield agency, year, number, cell[0], cell[1], cell[2], cell[3]


def _fields(text: str) -> tuple[list[str], Fault | None]:
    """Return what stands in a line, if anything does, or why that cannot be told."""
    try:
        row = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        reason = Label(str(error), str(error))
        return [], Fault(None, "malformed-csv", {"reason": reason})
    return (row if any(cell.strip() for cell in row) else []), None


def _broken(number: int, text: str, order: list[int] | None, fault: Fault) -> Row | Read:
    """Return a line that cannot be read as one of its report, which is faulty then, if it has one.

    It has if agency and year stand before all else, and are that, and the line is not two of them.
    """
    first = text.split(",", 2)[:2]
    is_one = "\r" not in text and text.rstrip(", ").count(",") < len(CSV_COLUMNS)
    if order is not None and sorted(order[:2]) == [0, 1] and len(first) == 2 and is_one:
        agency, year = (first[place].strip().strip('"') for place in order[:2])
        if is_agency_code(agency) and re.fullmatch("[0-9]{4}", year):
            reason = fault.values.get("reason", Label("", ""))
            return agency, year, number, _BROKEN, reason.zh, fault.code, reason.en
    return Read(number, faults=(fault,))


def _order(header: list[str]) -> list[int] | None:
    names = [name.strip().lower() for name in header]
    return (
        [names.index(name) for name in CSV_COLUMNS]
        if sorted(names) == sorted(CSV_COLUMNS)
        else None
    )


def _report(agency: str, year: str, rows: Iterator[Row], torn: Read | None) -> Read:
    """Make a report of its rows; a fault is on the line that it comes from.

    `torn` is the first line of the file that may be of any report: then none is known to be whole.
    """
    body: Json = {"agency": agency, "year": int(year) if re.fullmatch("[0-9]{4}", year) else year}
    places: dict[str, int] = {}
    faults: list[Fault] = []
    if torn is not None:
        values = {"line": torn.line, "cause": torn.faults[0].code}
        faults.append(Fault(None, "maybe-torn", values, line=torn.line))
    form, first = schemas.form_in(body), 0
    for count, (_, _, line, *cell) in enumerate(rows):
        first = first or line
        if count < _MOST_ROWS:
            faults += _placed(body, places, line, cell, form)
        elif count == _MOST_ROWS:
            faults.append(Fault(None, "too-many-rows", {"limit": _MOST_ROWS}, line=line))
    found = _checked(first, body, _tables)
    if not faults and not found.faults:
        return found
    faults += (_on_line(fault, places, first) for fault in found.faults)
    return Read(first, found.agency, found.year, faults=tuple(faults))


def _placed(
    body: Json, places: dict[str, int], line: int, cell: list[str], form: Form | None
) -> Iterator[Fault]:
    """Put a cell into its place in the body."""
    table, row, column, text = cell
    if table == _BROKEN:
        yield Fault(None, column, {"reason": Label(row, text)}, line=line)
        return
    if not row and column in {"", "data", "remarks"}:  # no member with one value
        yield Fault(f"/tables/{bodies.escaped(table)}/{column}", "unknown-member", line=line)
        return
    steps = ["tables", table, "data", row, column] if row else ["tables", table, column]
    pointer = "".join(f"/{bodies.escaped(step)}" for step in steps)
    for length in range(2, len(steps) + 1):
        places.setdefault("".join(f"/{bodies.escaped(s)}" for s in steps[:length]), line)
    target = body
    for step in steps[:-1]:
        target = target.setdefault(step, {})
    if column in target:
        yield Fault(pointer, "duplicate-member", line=line)
    else:
        places[pointer] = line
        target[column] = _value(text, row, form.table.get(table) if form else None, column)


def _value(text: str, row: str, table: Table | None, column: str) -> Any:
    if not text:
        return None
    if row and _COUNT.fullmatch(text) and not (table and column in _decimals(table)):
        return int(text)
    return text


@cache
def _decimals(table: Table) -> frozenset[str]:
    return frozenset(column.key for column in table.columns if column.unit.is_decimal)


def _on_line(fault: Fault, places: Mapping[str, int], first: int) -> Fault:
    pointer = fault.pointer or ""
    return Fault(fault.pointer, fault.code, fault.values, line=places.get(pointer, first))


def _tables(form: Form, body: Json) -> bytes:
    filings: dict[str, Filing | None] = {}
    for key, table in (body.get("tables") or {}).items():
        made = filing.filing_from(form.table[key], table)
        if made is not None:
            named = {name: value for name, value in made.choices.items() if table.get(name)}
            made = Filing(made.table, made.cells, made.nil, {}, named)
        filings[key] = made
    return staged.tables(filings)
