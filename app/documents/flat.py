"""Many reports as flat files: long CSV, and sheets; `parquet` makes the third kind.

Each works on reports as they are served, page by page, and holds no more than a page of them.
"""

import codecs
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Any, Final

from app.domain.layout import NOT_APPLICABLE, Cell, Label
from app.forms import TABLE_KEYS, cells_of, choices_of

Json = dict[str, Any]
Pages = Iterable[Sequence[Json]]
"""Reports as they are served, but that sheets and Parquet want `kind` and `level` of the agency."""

CSV_COLUMNS: Final = ("agency", "year", "table", "line", "column", "value")
MOST_ROWS: Final = 1_048_574
"""How many rows a sheet holds under its two lines of headings."""


def csv_head() -> bytes:
    """Return how a long CSV file begins."""
    return codecs.BOM_UTF8 + ",".join(CSV_COLUMNS).encode() + b"\r\n"


def csv_rows(reports: Iterable[Json]) -> bytes:
    """Return the rows of reports in long CSV: one for each cell of each table that was filed.

    A row without a line is a member of the table: `filing`, or its unit. A blank has no value. No
    text that a client chose stands in it but the agency's code, and keys and numbers need no
    quotes: there is nothing that has to be escaped, or that a spreadsheet takes for a formula.
    """
    return "".join(chain.from_iterable(map(_long, reports))).encode()


def _long(report: Json) -> Iterator[str]:
    head = f"{report['agency']['code']},{report['year']},"
    for key, table in report["tables"].items():
        if table["data"] is None:
            continue
        for name in ("filing", *choices_of(key)):
            if name in table:
                yield f"{head}{key},,{name},{table[name]}\r\n"
        for line, cells in table["data"].items():
            start = f"{head}{key},{line},"
            for column, value in cells.items():
                yield f"{start}{column},{'' if value is None else value}\r\n"


HEAD = (
    ("agency", Label("机构代码", "Agency")),
    ("agency_name", Label("机构名称", "Agency's name")),
    ("kind", Label("机构类别", "Kind")),
    ("level", Label("机构层级", "Level")),
    ("year", Label("年度", "Year")),
    ("form", Label("格式", "Form")),
)
_REPORT = (
    ("agency_name_reported", Label("报告所署名称", "Name as reported")),
    ("submitted_on", Label("报送日期", "Submitted on")),
    ("published_on", Label("公布日期", "Published on")),
    ("published_url", Label("公布网址", "Published at")),
    ("timeliness", Label("及时性", "Timeliness")),
    ("created_at", Label("创建时间", "Created at")),
    ("updated_at", Label("更新时间", "Updated at")),
)
SEVERITIES = ("error", "warning", "info")


def head_of(report: Json) -> tuple[Any, ...]:
    """Return a report's values of `HEAD`."""
    agency = report["agency"]
    named = (agency["code"], agency["name"], agency["kind"], agency["level"])
    return *named, report["year"], report["form"]


def summary_of(report: Json) -> Iterator[Any]:
    """Yield a report's values of `SUMMARY`."""
    yield from (report[name] for name, _ in _REPORT)
    yield from (report["counts"][severity] for severity in SEVERITIES)
    yield from (report["tables"].get(key, {}).get("filing") for key in TABLE_KEYS)


SUMMARY = (
    *_REPORT,
    *((severity, Label(severity, severity)) for severity in SEVERITIES),
    *((f"{key}__filing", Label(key, key)) for key in TABLE_KEYS),
)


def values_of(key: str, table: Json) -> list[Any]:
    """Return a table's cells in the order of `cells_of`; those that its form lacks are None."""
    data = table["data"]
    return [
        data.get(cell.line.key, {}).get(cell.column.key) for cell in cells_of(key).values()
    ]  # fmt: skip


class _Sheet:
    """A sheet of rows under two lines of headings: labels, and keys."""

    def __init__(self, book: Any, name: str, columns: Iterable[tuple[str, Label]]) -> None:
        self._sheet = book.add_worksheet(name)
        self._row = 0
        heads = list(columns)
        self.write([label.zh for _, label in heads])
        self.write([key for key, _ in heads])
        self._sheet.freeze_panes(2, len(HEAD))

    def write(self, values: Iterable[Any]) -> None:
        """Write a row; texts are texts, whatever they begin with."""
        for column, value in enumerate(values):
            if isinstance(value, str):
                self._sheet.write_string(self._row, column, value)
            elif value is not None:
                self._sheet.write_number(self._row, column, value)
        self._row += 1


def _columns(key: str) -> Iterator[tuple[str, Label]]:
    yield from HEAD
    yield "filing", Label("填报情况", "Filing")
    yield from choices_of(key).items()
    for name, cell in cells_of(key).items():
        yield name, cell.label


def write_xlsx(file: IO[bytes], pages: Pages) -> None:
    """Write reports as sheets: one of reports, and one for each statistical table.

    A table has one row for each report that filed it, one column for each cell of any edition.
    Prose is left out: a cell holds 32,767 characters, a section may have more.
    """
    import xlsxwriter  # noqa: PLC0415 - a service starts without it

    with tempfile.TemporaryDirectory(prefix="gongkai-export-") as folder:
        options = {"constant_memory": True, "tmpdir": folder, "use_zip64": True}
        book = xlsxwriter.Workbook(file, options)
        try:
            reports = _Sheet(book, "reports", (*HEAD, *SUMMARY))
            sheets = {key: _Sheet(book, key, _columns(key)) for key in TABLE_KEYS}
            for report in chain.from_iterable(pages):
                head = head_of(report)
                reports.write((*head, *summary_of(report)))
                for key, table in report["tables"].items():
                    if table["data"] is not None:
                        members = (table.get(name) for name in ("filing", *choices_of(key)))
                        sheets[key].write(
                            (
                                *head,
                                *members,
                                *map(_number, cells_of(key).values(), values_of(key, table)),
                            )
                        )
        except BaseException:
            _abandon(book)
            raise
        book.close()


def _abandon(book: Any) -> None:
    """Let go of the files of a book that will not be finished."""
    for sheet in book.worksheets():
        if sheet.row_data_fh is not None:
            sheet.row_data_fh.close()
    book.fileclosed = True


def _number(cell: Cell, value: Any) -> Any:
    """Return a decimal as a number, if a spreadsheet can hold it; exact files have the text."""
    if cell.column.unit.is_decimal and value not in {None, NOT_APPLICABLE}:
        digits = value.replace(".", "").strip("0")
        return float(value) if len(digits) <= 15 else value
    return value
