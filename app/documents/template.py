"""The workbook of a form, for filling in: what `documents.workbook` reads back.

A sheet for the cover, one for each statistical table as printed, one for remarks. Beside lines and
under columns stand the checks that the form prints, as formulas made from the rules themselves.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any, Final

from app.documents import formulas
from app.documents.spreadsheet import place
from app.documents.workbook import (
    COLUMNS,
    COVER,
    INPUT,
    MARK,
    MARK_SHEET,
    NOT_APPLICABLE_TEXTS,
    REMARKS,
    VERSION,
)
from app.domain import decimals
from app.domain.layout import Column, Form, Label, Table, Unit, Value
from app.domain.report import Filing, Report

_MADE = datetime(2019, 5, 15, tzinfo=UTC).replace(tzinfo=None)  # the same bytes for the same form
_CHARACTERS: Final = 16_000  # of a text in a cell, which holds 32,767 UTF-16 units
_REMARK_ROWS = 40
_OPEN = {"format_columns": True, "format_rows": True, "format_cells": True}

_FORMATS: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 14},
    "label": {"text_wrap": True, "valign": "vcenter", "border": 1, "bg_color": "#F2F2F2"},
    "heading": {"bold": True, "text_wrap": True, "border": 1, "bg_color": "#D9E2EC"},
    "column": {"text_wrap": True, "align": "center", "valign": "vcenter", "border": 1,
               "bg_color": "#D9E2EC"},
    "note": {"font_color": "#666666", "text_wrap": True, "valign": "vcenter"},
    "number": {"locked": False, "border": 1, "bg_color": "#FFFFE5"},
    "text": {"locked": False, "border": 1, "bg_color": "#FFFFE5", "num_format": "@",
             "text_wrap": True, "valign": "top"},
    "date": {"locked": False, "border": 1, "bg_color": "#FFFFE5", "num_format": "yyyy-mm-dd",
             "align": "left"},
    "check": {"align": "center", "font_color": "#006100"},
    "off": {"bg_color": "#FFC7CE", "font_color": "#9C0006", "bold": True},
}  # fmt: skip

_COVER: tuple[tuple[str, Label, str, Label], ...] = (
    ("agency", Label("机构代码", "Agency code"), "text", Label("登记库中的代码", "as registered")),
    ("agency_name_reported", Label("机构名称", "Agency name"), "text",
     Label("报告所署名称", "as the report prints it")),
    ("year", Label("年度", "Year"), "number", Label("报告所述年度，如 2024", "reported on")),
    ("submitted_on", Label("报送日期", "Submitted on"), "date", Label("年-月-日", "y-m-d")),
    ("published_on", Label("公布日期", "Published on"), "date", Label("年-月-日", "y-m-d")),
    ("published_url", Label("公布网址", "Published at"), "text", Label("http(s)://…", "")),
)  # fmt: skip
_FILINGS = ("filed", "nil", "missing")
_UNITS = {
    Unit.COUNT: Label("非负整数", "whole, not negative"),
    Unit.CHANGE: Label("整数，可为负", "whole, may be negative"),
    Unit.WAN_YUAN: Label("万元，至多 6 位小数", "10,000 yuan, up to 6 places"),
    Unit.MONEY: Label("金额，至多 6 位小数", "money, up to 6 places"),
}


def made(form: Form, report: Report | None = None) -> bytes:
    """Return the workbook of a form: empty, or with what a report says."""
    import xlsxwriter  # noqa: PLC0415 - a service starts without it

    file = BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"title": form.title.zh, "comments": form.source, "created": _MADE})
    style = {name: book.add_format(given) for name, given in _FORMATS.items()}
    _cover(book.add_worksheet(COVER), style, form, report)
    for table in form.tables:
        filing = report.filings.get(table.key) if report is not None else None
        said = _said(filing) if filing or report is None else {"filing": "missing"}
        _Sheet(book.add_worksheet(table.key), style, form, table).write(filing, said)
    _remarks(book.add_worksheet(REMARKS), style, form, report)
    mark = book.add_worksheet(MARK_SHEET)
    mark.write_row(0, 0, [MARK, VERSION])
    mark.write_string(0, 2, form.key)
    mark.very_hidden()
    book.close()
    return file.getvalue()


def _both(label: Label) -> str:
    return f"{label.zh}\n{label.en}".strip()


def _said(filing: Filing | None) -> dict[str, str]:
    return {"filing": filing.state, **filing.choices} if filing else {}


def _cover(sheet: Any, style: Any, form: Form, report: Report | None) -> None:
    _prepare(sheet, (28, 90, 30))
    sheet.write_string(0, 1, form.title.zh, style["title"])
    sheet.write_string(1, 1, f"{form.title.en} · {form.source}")
    row = 3
    prose = ((key, title, "text", Label("", "")) for key, title in form.prose.items())
    for key, label, kind, note in (*_COVER, *prose):
        value = _cover_value(key, report)
        for part in _parts(value) if key in form.prose else [value]:
            sheet.write_string(row, 0, key)
            sheet.write_string(row, 1, _both(label), style["label"])
            _put(sheet, row, INPUT, part, style[kind])
            sheet.write_string(row, 3, " ".join(note), style["note"])
            sheet.set_row(row, 120 if key in form.prose else 30)
            row += 1
    sheet.freeze_panes(3, 0)


def _cover_value(key: str, report: Report | None) -> Any:
    if report is None:
        return None
    if key == "agency":
        return report.agency.code if report.agency else None
    value = getattr(report, key)
    return _day(value) if key.endswith("_on") and value else value


def _day(text: str) -> Any:
    """Return a date, if spreadsheets have it: their calendar begins in 1900, with an error."""
    found = date.fromisoformat(text)
    return found if found.year > 1900 else text


def _parts(prose: str | None) -> list[str | None]:
    """Return what the cells of prose hold: it goes over two at least, and as many as it takes."""
    text = prose or ""
    parts = [text[i : i + _CHARACTERS] for i in range(0, len(text), _CHARACTERS)]
    return [*parts, *[None] * (2 - len(parts))]


def _put(sheet: Any, row: int, column: int, value: Any, form: Any) -> None:
    if value is None:
        sheet.write_blank(row, column, None, form)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, form)
    elif isinstance(value, str):
        sheet.write_string(row, column, value, form)
    else:
        sheet.write_number(row, column, value, form)


def _prepare(sheet: Any, widths: Iterable[int]) -> None:
    sheet.protect("", _OPEN)
    sheet.set_column(0, 0, None, None, {"hidden": True})
    for column, width in enumerate(widths, 1):
        sheet.set_column(column, column, width)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


class _Sheet:
    """The sheet of a statistical table, written from top to bottom."""

    def __init__(self, sheet: Any, style: Any, form: Form, table: Table) -> None:
        self.sheet, self.style, self.form, self.table = sheet, style, form, table
        self.row = self.header = 0

    def write(self, filing: Filing | None, said: dict[str, str]) -> None:
        """Write all of it."""
        table = self.table
        _prepare(self.sheet, (46, *(15 for _ in table.columns), 16))
        self.sheet.write_string(0, 1, table.title.zh, self.style["title"])
        self.sheet.write_string(1, 1, f"{table.source.zh} · {table.title.en}, {table.source.en}")
        self.row = 3
        self._member("filing", Label("填报情况", "Filing"), _FILINGS, said.get("filing"))
        filing_row = self.row - 1
        for choice in table.choices:
            self._member(choice.key, choice.label, choice.values, said.get(choice.key))
        self._columns()
        rows = self._lines(filing)
        columns = {c.key: INPUT + i for i, c in enumerate(table.columns)}
        cells = formulas.Places(table, rows, columns, place(filing_row, INPUT))
        self._checks(cells)

    def _member(self, key: str, label: Label, values: tuple[str, ...], given: str | None) -> None:
        sheet, row = self.sheet, self.row
        sheet.write_string(row, 0, key)
        sheet.write_string(row, 1, _both(label), self.style["label"])
        _put(sheet, row, INPUT, given, self.style["text"])
        sheet.data_validation(row, INPUT, row, INPUT, {"validate": "list", "source": list(values)})
        if key == "filing":
            note = (
                "filed 已填报 · nil 声明为空 · missing 未填；留空：有数字即 filed，全空即 missing。"
                "空白不等于 0；不适用填 n/a 或“不适用”。"
            )
            sheet.write_string(row, INPUT + 1, note)
        sheet.set_row(row, 30)
        self.row += 1

    def _columns(self) -> None:
        """Write the keys of the columns, hidden, and their labels with what they stand under."""
        self.sheet.write_string(self.row, 0, COLUMNS)
        for at, column in enumerate(self.table.columns, INPUT):
            self.sheet.write_string(self.row, at, column.key)
            label = "\n".join((*(_both(h) for h in column.headings), _both(column.label)))
            unit = " ".join(_UNITS[column.unit])
            self.sheet.write_string(self.row + 1, at, f"{label}\n({unit})", self.style["column"])
        self.sheet.set_row(self.row, None, None, {"hidden": True})
        self.header = self.row + 1
        self.sheet.set_row(self.header, 120)
        self.row += 2
        self.sheet.freeze_panes(self.row, INPUT)

    def _lines(self, filing: Filing | None) -> dict[str, int]:
        """Write the lines under their headings; return their rows."""
        rows: dict[str, int] = {}
        printed: tuple[Label, ...] = ()
        for line in self.table.lines:
            for depth, heading in enumerate(line.headings):
                if printed[depth : depth + 1] != (heading,):
                    self.sheet.write_string(self.row, 1, _both(heading), self.style["heading"])
                    self.row += 1
            printed = line.headings
            rows[line.key] = self.row
            self.sheet.write_string(self.row, 0, line.key)
            self.sheet.write_string(self.row, 1, _both(line.label), self.style["label"])
            self.sheet.set_row(self.row, 30)
            self._cells(line.key, filing)
            self.row += 1
        return rows

    def _cells(self, line: str, filing: Filing | None) -> None:
        for at, column in enumerate(self.table.columns, INPUT):
            index = self.table.at[line, column.key]
            value = _cell(column, filing.cells[index]) if filing else None
            _put(self.sheet, self.row, at, value, self.style["number"])
            self.sheet.data_validation(self.row, at, self.row, at, _rule(column, self.row, at))

    def _checks(self, cells: formulas.Places) -> None:
        """Write the checks of lines beside them, those of columns in rows below."""
        beside, below = formulas.checks(self.form, cells)
        for at, (title, by_line) in enumerate(beside, INPUT + len(self.table.columns)):
            self.sheet.write_string(self.header, at, title, self.style["note"])
            self.sheet.set_column(at, at, 24)
            for line, formula in by_line.items():
                self._check(cells.rows[line], at, formula)
        self.row += 1
        for title, by_column in below:
            self.sheet.write_string(self.row, 1, title, self.style["note"])
            for column, formula in by_column.items():
                self._check(self.row, cells.columns[column], formula)
            self.sheet.set_row(self.row, 45)
            self.row += 1

    def _check(self, row: int, column: int, formula: str) -> None:
        self.sheet.write_formula(row, column, formula, self.style["check"], "")
        here = place(row, column)
        self.sheet.conditional_format(
            row, column, row, column,
            {"type": "formula", "criteria": f"=AND(ISNUMBER({here}),{here}<>0)",
             "format": self.style["off"]},
        )  # fmt: skip


def _cell(column: Column, value: Value) -> Any:
    """Return a cell as it is written: a number where a spreadsheet can hold it exactly."""
    if not isinstance(value, int) or not column.unit.is_decimal:
        return value
    text = decimals.as_text(value)
    number = float(f"{float(text):.16G}")
    return number if round(number * 1e6) == value and len(text.strip("0.")) <= 15 else text


def _rule(column: Column, row: int, at: int) -> dict[str, Any]:
    """Return what may be typed into a cell: a number of its unit, or a mark of not applicable."""
    here = place(row, at)
    if column.unit.is_decimal:
        number = f"{here}>=0,ROUND({here},6)={here}"
    else:
        number = f"{here}=INT({here})" + ("" if column.unit is Unit.CHANGE else f",{here}>=0")
    marks = ",".join(f'{here}="{text}"' for text in NOT_APPLICABLE_TEXTS)
    unit = _UNITS[column.unit]
    return {
        "validate": "custom",
        "value": f"=OR(IF(ISNUMBER({here}),AND({number}),FALSE),{marks})",
        "error_title": "数值 / Value",
        "error_message": f"须为{unit.zh}，或 n/a（不适用）。 / Must be {unit.en}, or n/a.",
    }


def _remarks(sheet: Any, style: Any, form: Form, report: Report | None) -> None:
    _prepare(sheet, (18, 40, 100))
    heads = ("表 / Table", "行或行.列 / line or line.column", "说明 / Remark")
    sheet.write_string(0, 0, REMARKS)
    for column, head in enumerate(heads, 1):
        sheet.write_string(0, column, head, style["heading"])
    given = [
        (key, where, text)
        for key, filing in (report.filings if report else {}).items()
        for where, text in filing.remarks.items()
    ]
    last = max(_REMARK_ROWS, len(given))
    for row in range(1, last + 1):
        sheet.write_string(row, 0, REMARKS)
        for column, value in enumerate(given[row - 1] if row <= len(given) else (None,) * 3, 1):
            _put(sheet, row, column, value, style["text"])
    keys = [table.key for table in form.tables]
    sheet.data_validation(1, 1, last, 1, {"validate": "list", "source": keys})
    sheet.freeze_panes(1, 0)
