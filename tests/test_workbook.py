"""The workbook of a form: what is filled in is read back, and its checks are those of the rules."""

import contextlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import xlsxwriter
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.documents import spreadsheet, template, workbook
from app.domain.catalogue import identities
from app.domain.findings import Outcome
from app.domain.layout import LARGEST, Form, Table, Unit, Value
from app.domain.report import Filing, Report
from app.errors import Malformed
from app.forms import FORMS
from app.services import filing
from tests.builders import (
    FIGURES,
    FORM_2019,
    FORM_2021,
    a_filing,
    a_report,
    judged,
    real_report,
)

costly = settings(max_examples=8, deadline=None, phases=[Phase.generate])
"""A property that makes a workbook for each example."""
every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.key)


def read_back(report: Report) -> workbook.Item:
    (item,) = workbook.read(io.BytesIO(template.made(report.form, report)))
    return item


def as_written(report: Report) -> dict[str, Any]:
    """Return what a client can write of a report, as a workbook says it."""
    assert report.agency is not None
    key = {"form": report.form.key, "agency": report.agency.code, "year": report.year}
    return key | filing.writable(report)


def as_stored(item: workbook.Item, report: Report) -> dict[str, Any]:
    """Return what would be stored of an item, in the shape of `as_written`."""
    body = item.body
    key = {name: body[name] for name in ("form", "agency", "year")}
    made = filing.report_from(report.form, body["year"], report.agency, body)
    return key | filing.writable(made)


def edited(form: Form, **cells: str) -> io.BytesIO:
    """Return the workbook of a form with XML in place of cells: `requests__C10='<v>5</v>'`."""
    source = zipfile.ZipFile(io.BytesIO(template.made(form)))
    names = ["report", *(table.key for table in form.tables)]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for part in source.namelist():
            data = source.read(part).decode()
            for where, xml in cells.items():
                sheet, cell = where.split("__")
                if part == f"xl/worksheets/sheet{names.index(sheet) + 1}.xml":
                    kind, _, inside = xml.rpartition("|")
                    data, n = re.subn(
                        rf'<c r="{cell}"[^>]*/>', f'<c r="{cell}" {kind}>{inside}</c>', data
                    )
                    assert n == 1, where
            target.writestr(part, data)
    made.seek(0)
    return made


def data_of(item: workbook.Item, table: str) -> dict[str, Any]:
    return dict(item.body["tables"][table]["data"])


@every_form
def test_the_workbook_of_a_form_is_the_same_bytes_each_time(form: Form) -> None:
    assert template.made(form) == template.made(form)


@every_form
def test_an_empty_workbook_says_nothing_of_a_report(form: Form) -> None:
    (item,) = workbook.read(io.BytesIO(template.made(form)))
    assert item.body.pop("form") == form.key
    assert item.body.pop("tables") == {}
    assert set(item.body.values()) == {None}
    assert item.faults == ()


@pytest.mark.parametrize("name", sorted(path.stem for path in FIGURES.glob("*.json")))
def test_a_real_report_filled_in_is_read_back(name: str) -> None:
    report = real_report(name)
    assert as_stored(read_back(report), report) == as_written(report)


def test_filings_choices_remarks_and_long_prose_are_read_back() -> None:
    procurement = replace(
        a_filing(FORM_2019.table["procurement"], 0, centralized__amount=160_596_400),
        choices={"amount_unit": "wan_yuan"},
        remarks={"centralized.amount": "含税", "centralized": "=1+1"},
    )
    report = a_report(
        2020,
        procurement=procurement,
        fees=Filing(FORM_2019.table["fees"], (None, None), nil=True),
        enforcement=None,
        overview="一" * 40_000 + "\n\tend ",
        problems="_x000D_ 𠀀" * 10,
        agency_name_reported="  审计局",
        submitted_on="2021-01-31",
        published_on="1850-02-03",
        published_url="https://example.org/?a=1&b=2",
    )
    assert as_stored(read_back(report), report) == as_written(report)


def test_a_table_that_is_left_blank_is_not_there_and_one_filed_blank_is() -> None:
    report = a_report(2024, documents=a_filing(FORM_2021.table["documents"], None), fees=None)
    tables = read_back(report).body["tables"]
    assert tables["documents"] == {"filing": "filed"}
    assert tables["fees"] == {"filing": "missing"}


_LIMITS = {
    Unit.COUNT: (0, LARGEST),
    Unit.CHANGE: (-LARGEST, LARGEST),
    Unit.WAN_YUAN: (0, 10**18 - 1),
    Unit.MONEY: (0, 10**18 - 1),
}


def values_of(unit: Unit) -> st.SearchStrategy[Value]:
    number = st.one_of(st.integers(0, 9), st.integers(*_LIMITS[unit]))
    return st.one_of(number, st.none(), st.just("n/a"))


def filings_of(table: Table) -> st.SearchStrategy[Filing]:
    cells = st.tuples(*(values_of(cell.column.unit) for cell in table.cells))
    return cells.map(lambda found: Filing(table, found, choices=_choices(table)))


def _choices(table: Table) -> dict[str, str]:
    return {choice.key: choice.default for choice in table.choices}


_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n"), min_size=1
)


@pytest.mark.parametrize("year", [2020, 2024])
@costly
@given(data=st.data())
def test_whatever_is_filled_in_is_read_back(year: int, data: st.DataObject) -> None:
    form = a_report(year).form
    tables: dict[str, Any] = {table.key: data.draw(filings_of(table)) for table in form.tables}
    remarks = data.draw(st.dictionaries(st.sampled_from(["received", "granted.total"]), _TEXT))
    tables["requests"] = replace(tables["requests"], remarks=remarks)
    report = a_report(year, overview=data.draw(_TEXT), **tables)
    assert as_stored(read_back(report), report) == as_written(report)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("|<v>5</v>", 5),
        ("|<v>5.0</v>", 5),
        ("|<v>1.5</v>", 1.5),
        ("|<f>A1</f><v>7</v>", 7),
        ('t="str"|<f>A1</f><v></v>', None),
        ('t="b"|<v>1</v>', True),
        ('t="inlineStr"|<is><t>1,036</t></is>', 1036),
        ('t="inlineStr"|<is><t> ５ </t></is>', 5),
        ('t="inlineStr"|<is><r><t>1</t></r><r><t>2</t></r><rPh><t>x</t></rPh></is>', 12),
        ('t="inlineStr"|<is><t>/</t></is>', "n/a"),
        ('t="inlineStr"|<is><t>－</t></is>', "n/a"),
        ('t="inlineStr"|<is><t>———</t></is>', "n/a"),
        ('t="inlineStr"|<is><t>N/A</t></is>', "n/a"),
        ('t="inlineStr"|<is><t>不适用</t></is>', "n/a"),
        ('t="inlineStr"|<is><t>  </t></is>', None),
        ('t="inlineStr"|<is><t>五件</t></is>', "五件"),
        ('t="inlineStr"|<is><t>1,2</t></is>', "1,2"),
        ("|<v>1e400</v>", "inf"),
    ],
)
def test_a_count_is_read_as_it_is_meant_and_otherwise_left_as_typed(typed: str, read: Any) -> None:
    (item,) = workbook.read(edited(FORM_2021, documents__C7=typed, documents__D7="|<v>0</v>"))
    assert data_of(item, "documents")["rules"] == {"issued": read, "repealed": 0, "in_force": None}
    assert type(data_of(item, "documents")["rules"]["issued"]) is type(read)
    assert item.places["/tables/documents/data/rules/issued"] == "documents!C7"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("|<v>59237.2449</v>", "59237.2449"),
        ("|<v>0.30000000000000004</v>", "0.3"),
        ("|<v>-0.0</v>", "0"),
        ("|<v>1E+5</v>", "100000"),
        ("|<v>0.12345678</v>", "0.12345678"),
        ('t="inlineStr"|<is><t>59,237.2449</t></is>', "59237.2449"),
        ('t="inlineStr"|<is><t>999999999999.999999</t></is>', "999999999999.999999"),
    ],
)
def test_a_decimal_is_read_as_its_exact_text(typed: str, read: str) -> None:
    (item,) = workbook.read(edited(FORM_2021, fees__C7=typed))
    assert data_of(item, "fees") == {"charges": {"amount": read}}


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("|<v>45688</v>", "2025-01-31"),
        ('t="inlineStr"|<is><t>2025年1月31日</t></is>', "2025-01-31"),
        ('t="inlineStr"|<is><t>2025/1/31</t></is>', "2025-01-31"),
        ('t="d"|<v>2025-01-31</v>', "2025-01-31"),
        ('t="inlineStr"|<is><t>明天</t></is>', "明天"),
        ("|<v>1e9</v>", "1000000000"),
    ],
)
def test_a_date_is_read_from_a_date_or_a_text(typed: str, read: str) -> None:
    (item,) = workbook.read(edited(FORM_2021, report__C7=typed))
    assert item.body["submitted_on"] == read


def test_a_number_that_is_shown_as_a_date_is_one() -> None:
    """As spreadsheets make of 1-2 when it is typed where a count belongs."""
    made = io.BytesIO()
    formats = {
        "yyyy-mm-dd": "2024-01-01", 'yyyy"年"m"月"': "2024-01-01", "[$-804]d/m": "2024-01-01",
        "0": 45292.0, "[Red]0": 45292.0, '"days "0': 45292.0, "0.00E+00": 45292.0,
        r"0\d": 45292.0, "@": 45292.0,
    }  # fmt: skip
    with xlsxwriter.Workbook(made) as book:
        sheet = book.add_worksheet("dates")
        for row, shown in enumerate(formats):
            sheet.write_number(row, 0, 45292, book.add_format({"num_format": shown}))
        for row, builtin in enumerate((14, 22, 45, 9), len(formats)):
            sheet.write_number(row, 0, 45292.5, book.add_format({"num_format": builtin}))
    noon = "2024-01-01T12:00:00"
    expected = [*formats.values(), noon, noon, noon, 45292.5]
    assert [cell.value for cell in spreadsheet.read(made)["dates"].values()] == expected

    def conditional(name: str, text: str) -> str:
        """Add conditional formats, whose numbers are their own: 14 is a date only for cells."""
        shown = ((14, "0.00%"), (9, "yyyy/m/d"))
        of = "".join(f'<dxf><numFmt numFmtId="{n}" formatCode="{f}"/></dxf>' for n, f in shown)
        return text.replace('<dxfs count="0"/>', f"<dxfs>{of}</dxfs>")

    changed = moved(made.getvalue(), conditional)
    assert b"0.00%" in zipfile.ZipFile(changed).read("xl/styles.xml")
    assert [cell.value for cell in spreadsheet.read(changed)["dates"].values()] == expected


def test_a_date_where_a_count_belongs_is_no_count() -> None:
    style = re.search(r'<c r="C7" s="(\d+)"', sheet_of(template.made(FORM_2021), 1))
    assert style
    typed = f's="{style[1]}"|<v>45659</v>'
    (item,) = workbook.read(edited(FORM_2021, documents__C7=typed, report__C7=typed))
    assert item.body["tables"]["documents"]["data"]["rules"]["issued"] == "2025-01-02"
    assert item.body["submitted_on"] == "2025-01-02"


def sheet_of(file: bytes, number: int) -> str:
    with zipfile.ZipFile(io.BytesIO(file)) as parts:
        return parts.read(f"xl/worksheets/sheet{number}.xml").decode()


def test_a_code_or_a_year_typed_as_number_or_text_is_the_same() -> None:
    for code, year in (("|<v>321300</v>", "|<v>2024</v>"),
                       ('t="inlineStr"|<is><t> 321300 </t></is>',
                        't="inlineStr"|<is><t>2024年</t></is>')):  # fmt: skip
        (item,) = workbook.read(edited(FORM_2021, report__C4=code, report__C6=year))
        assert (item.body["agency"], item.body["year"]) == ("321300", 2024)


@pytest.mark.parametrize(
    ("typed", "text"), [('t="e"|<v>#DIV/0!</v>', "#DIV/0!"), ("|<f>1+1</f>", "=")]
)
def test_an_error_or_a_formula_without_result_is_a_fault_and_no_blank(
    typed: str, text: str
) -> None:
    (item,) = workbook.read(edited(FORM_2021, documents__C7=typed, report__C10=typed))
    found = {(fault.pointer, fault.code, fault.values["text"]) for fault in item.faults}
    assert found == {
        ("/tables/documents/data/rules/issued", "broken-cell", text),
        ("/overview", "broken-cell", text),
    }


def test_a_fault_is_placed_at_its_cell_or_what_it_is_part_of() -> None:
    item = read_back(real_report("321300-2024"))
    assert item.place("/tables/requests/data/received/total") == "requests!I7"
    assert item.place("/tables/requests/filing") == "requests!C4"
    assert item.place("/year") == "report!C6"
    assert item.place("/nowhere") is None
    assert item.place(None) is None


def moved(file: bytes, change: Callable[[str, str], str]) -> io.BytesIO:
    source, made = zipfile.ZipFile(io.BytesIO(file)), io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name).decode()))
    made.seek(0)
    return made


def test_cells_are_found_by_their_keys_after_rows_were_inserted() -> None:
    report = real_report("321300-2024")

    def shifted(name: str, text: str) -> str:
        if not name.startswith("xl/worksheets/"):
            return text
        text = re.sub(r'<row r="(\d+)"', lambda m: f'<row r="{int(m[1]) + 3}"', text)
        return re.sub(r'<c r="([A-Z]+)(\d+)"', lambda m: f'<c r="{m[1]}{int(m[2]) + 3}"', text)

    (item,) = workbook.read(moved(template.made(report.form, report), shifted))
    assert as_stored(item, report) == as_written(report)
    assert item.place("/year") == "report!C9"


def test_cells_without_places_follow_each_other() -> None:
    """As some programs write them."""
    report = real_report("321300-2024")

    def unplaced(name: str, text: str) -> str:
        if not name.startswith("xl/worksheets/"):
            return text
        return re.sub(r'<c r="(B)\d+"', "<c", text)

    (item,) = workbook.read(moved(template.made(report.form, report), unplaced))
    assert as_stored(item, report) == as_written(report)


@pytest.mark.parametrize("key", ["received", "columns", "filing"])
def test_a_damaged_margin_is_refused_and_not_read_as_blank(key: str) -> None:
    def changed(name: str, text: str) -> str:
        if name != "xl/sharedStrings.xml":
            return text
        assert f"<t>{key}</t>" in text
        return text.replace(f"<t>{key}</t>", "<t>gone</t>")

    with pytest.raises(Malformed) as refused:
        workbook.read(moved(template.made(FORM_2021), changed))
    assert key in refused.value.values["reason"].en


def bomb(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in parts.items():
            target.writestr(name.replace("__", "/"), data)
    return made.getvalue()


def lying(file: bytes) -> bytes:
    """Return a file whose directory says that its large part is small."""
    size = (spreadsheet.SIZE + 1).to_bytes(4, "little")
    return file.replace(size, (10).to_bytes(4, "little"))


def sheets_of(*parts: str, cells: bytes = b"") -> bytes:
    """Return a file with a sheet of each of the parts, all of which have these cells."""
    said = "".join(f'<sheet name="s{n}" r:id="{part}"/>' for n, part in enumerate(parts))
    targets = "".join(f'<Relationship Id="{part}" Target="{part}"/>' for part in parts)
    return bomb(
        **{
            "xl__workbook.xml": f"<workbook>{said}</workbook>".encode(),
            "xl___rels__workbook.xml.rels": f"<Relationships>{targets}</Relationships>".encode(),
            **{f"xl__{part}": b"<sheet>%s</sheet>" % cells for part in parts},
        }
    )


_LARGE = b" " * (spreadsheet.SIZE + 1)
_ENTITIES = b'<!DOCTYPE a [<!ENTITY b "cccc">]><workbook>&b;</workbook>'
_GOOD = template.made(FORM_2021)
_BOMB = bomb(xl__workbook=_LARGE)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"agency,year",
        _GOOD[: len(_GOOD) // 2],
        _GOOD[:-10],
        b"\xd0\xcf\x11\xe0" + b"0" * 600,
        bomb(a=b"b"),
        _BOMB,
        lying(_BOMB),
        bomb(**{f"a{n}": b"" for n in range(600)}),
        bomb(**{"xl__workbook.xml": _ENTITIES, "xl___rels__workbook.xml.rels": b"<a/>"}),
        bomb(**{"xl__workbook.xml": b"<a>" * 10_000, "xl___rels__workbook.xml.rels": b"<a/>"}),
        bomb(**{"xl__workbook.xml": b"<a/>", "xl___rels__workbook.xml.rels": b"<a/>"}),
    ],
    ids=["empty", "csv", "half", "cut", "encrypted", "zip", "bomb", "lying", "parts", "entities",
         "deep", "other"],
)  # fmt: skip
def test_what_is_no_workbook_of_ours_is_one_error(file: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        workbook.read(io.BytesIO(file))
    assert refused.value.slug == "unreadable-workbook"


def test_a_part_is_the_sheet_of_one_name() -> None:
    assert list(spreadsheet.read(io.BytesIO(sheets_of("a", "b")))) == ["s0", "s1"]
    with pytest.raises(Malformed):
        spreadsheet.read(io.BytesIO(sheets_of("a", "a")))


def test_prose_in_many_cells_is_read_until_it_is_too_long() -> None:
    text = "好" * 70_000
    rows = "".join(
        f'<row r="{n}"><c r="A{n}" t="str"><v>overview</v></c>'
        f'<c r="C{n}" t="str"><v>{text}</v></c></row>'
        for n in range(2_000, 2_006)
    )

    def repeated(name: str, found: str) -> str:
        is_cover = name == "xl/worksheets/sheet1.xml"
        return found.replace("</sheetData>", f"{rows}</sheetData>") if is_cover else found

    (item,) = workbook.read(moved(_GOOD, repeated))
    assert item.body["overview"] == text * 3


def test_long_texts_are_read_as_they_were_typed() -> None:
    """A text of marks that combine, in both orders, takes hours to be made one of their forms."""
    marks = "a" + "\u0301" * 1_000_000 + "\u0327" * 1_000_000
    assert workbook._typed(marks) == workbook._date(marks) == workbook._year(marks) == marks


def test_the_format_of_a_number_is_read_in_one_go() -> None:
    assert spreadsheet._ASIDE.sub("", "[" * 1_000_000) == "[" * 1_000_000
    assert spreadsheet._ASIDE.sub("", "[Red]0.0[$-804]") == "0.0"


def test_dates_that_count_from_1904_are_refused_where_there_are_any() -> None:
    for dates in (False, True):
        made = io.BytesIO()
        with xlsxwriter.Workbook(made, {"date_1904": True}) as book:
            sheet = book.add_worksheet()
            sheet.write_number(0, 0, 7)
            if dates:
                shown = book.add_format({"num_format": 14})
                sheet.write_datetime(1, 0, date(2025, 1, 20), shown)
        if not dates:
            assert spreadsheet.read(made)["Sheet1"] == {(0, 0): spreadsheet.Cell(7.0)}
            continue
        with pytest.raises(Malformed) as refused:
            spreadsheet.read(made)
        assert "1904" in refused.value.values["reason"].en


def test_all_parts_of_a_workbook_together_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "_ELEMENTS", 1_000)
    assert len(spreadsheet.read(io.BytesIO(sheets_of("a", "b", cells=b"<c/>" * 400)))) == 2
    with pytest.raises(Malformed):
        spreadsheet.read(io.BytesIO(sheets_of("a", "b", cells=b"<c/>" * 600)))


def test_a_tag_that_takes_long_to_read_is_refused() -> None:
    attributes = b" ".join(b'a%d=""' % number for number in range(30_000))
    for long in (b"<c %s/>" % attributes, b"<!--%s-->" % attributes):
        with pytest.raises(Malformed):
            spreadsheet.read(io.BytesIO(sheets_of("a", cells=long)))


def test_a_text_may_be_longer_than_a_tag() -> None:
    text = b'<c r="A1" t="inlineStr"><is><t>%s</t></is></c>' % (b"x&amp;" * 50_000)
    (sheet,) = spreadsheet.read(io.BytesIO(sheets_of("a", cells=text))).values()
    assert sheet == {(0, 0): spreadsheet.Cell("x&" * 50_000)}


def test_a_remark_that_stands_twice_is_a_fault() -> None:
    rows = [("", "", "", ""), *(("x", "requests", "received", text) for text in "一二")]
    cells = {
        (row, column): spreadsheet.Cell(text)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    }
    reading = workbook._Reading({"remarks": cells})
    assert [text for *_, text in workbook._remarks(reading)] == ["一", "二"]
    assert [(each.pointer, each.code) for each in reading.faults] == [
        ("/tables/requests/remarks/received", "duplicate-member")
    ]


def test_a_cell_far_out_costs_nothing() -> None:
    """A grid of this size would have 17 billion cells."""

    def far(name: str, text: str) -> str:
        if name != "xl/worksheets/sheet2.xml":
            return text
        return text.replace(
            "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        )

    (item,) = workbook.read(moved(_GOOD, far))
    assert item.body["tables"] == {}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(_GOOD) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(at: int, noise: bytes) -> None:
    with contextlib.suppress(Malformed):
        workbook.read(io.BytesIO(_GOOD[:at] + noise + _GOOD[at + len(noise) :]))


# The checks: a formula is computed here as a spreadsheet would, and compared with the rule.


class Computed:
    """A sheet whose formulas can be computed, as far as ours go."""

    def __init__(self, file: bytes, table: Table) -> None:
        self.sheet = spreadsheet.read(io.BytesIO(file))[table.key]
        parts = zipfile.ZipFile(io.BytesIO(file))
        at = workbook_sheets(parts).index(table.key) + 1
        text = parts.read(f"xl/worksheets/sheet{at}.xml").decode()
        self.formulas = dict(re.findall(r'<c r="([A-Z]+\d+)"[^>]*><f>(.*?)</f>', text))

    def results(self) -> dict[str, Any]:
        return {where: self._compute(text) for where, text in self.formulas.items()}

    def _compute(self, formula: str) -> Any:
        text = formula.replace("&gt;", ">").replace("&lt;", "<").replace("=", "==")
        text = re.sub(r"(?<![\"A-Z])[A-Z]{1,2}\d+(:[A-Z]{1,2}\d+)?", r"cells('\g<0>')", text)
        return eval(text.replace("IF(", "IF_("), {"cells": self._cells, **FUNCTIONS})

    def _cells(self, where: str) -> "Range":
        first, _, last = where.partition(":")
        top, left = spreadsheet.position(first)
        bottom, right = spreadsheet.position(last or first)
        return Range(
            self.sheet[row, column].value if (row, column) in self.sheet else None
            for row in range(top, bottom + 1)
            for column in range(left, right + 1)
        )


class Range(tuple[Any, ...]):
    """Cells; compared, it is the one cell that it is."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return len(self) == 1 and self[0] == other

    def numbers(self) -> Iterator[float]:
        return (value for value in self if isinstance(value, float))


def _both(ranges: tuple[Range, ...]) -> list[float]:
    return [number for each in ranges for number in each.numbers()]


FUNCTIONS: dict[str, Any] = {
    "IF_": lambda test, then, other: then if test else other,
    "OR": lambda *tests: any(tests),
    "SUM": lambda *ranges: sum(_both(ranges)),
    "COUNT": lambda *ranges: len(_both(ranges)),
    "COUNTBLANK": lambda cells: sum(value is None for value in cells),
    "ISTEXT": lambda cells: isinstance(cells[0], str),
    "ISBLANK": lambda cells: cells[0] is None,
    "N": lambda cells: cells[0] if isinstance(cells[0], float) else 0,
}


def workbook_sheets(parts: zipfile.ZipFile) -> list[str]:
    return re.findall(r'<sheet name="(\w+)"', parts.read("xl/workbook.xml").decode())


def expected(report: Report, table: Table) -> list[Any]:
    """Return what the rules say of each check: the difference, "" where they cannot judge."""
    found = {(f.rule, f.at): f for f in judged(report) if f.table == table.key}
    said: list[Any] = []
    for rule in identities(table):
        for check in rule.find.checks(report.form, None):  # type: ignore[attr-defined]
            finding = found.get((rule.id, check.at))
            if finding is None:
                said.append(0)
            else:
                said.append("" if finding.outcome is Outcome.NOT_ASSESSABLE else finding.difference)
    return said


_FEW = st.one_of(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.just("n/a"))


@pytest.mark.parametrize("table", ["requests", "disputes"])
@costly
@given(data=st.data())
def test_the_checks_in_the_cells_say_what_the_rules_say(table: str, data: st.DataObject) -> None:
    layout = FORM_2021.table[table]
    cells: list[Any] = data.draw(
        st.lists(_FEW, min_size=len(layout.cells), max_size=len(layout.cells))
    )
    for blank in data.draw(st.lists(st.sampled_from(layout.cells), max_size=3)):
        cells[blank.index] = None
    for total in data.draw(st.lists(st.sampled_from(layout.totals), max_size=8)):
        cells[total.index] = None
    report = a_report(2024, **{table: Filing(layout, tuple(cells))})
    shown = Computed(template.made(FORM_2021, report), layout).results()
    said = [value if value == "" else int(value) for value in shown.values()]
    assert sorted(map(str, said)) == sorted(map(str, expected(report, layout)))


def test_a_check_stands_beside_its_line_or_under_its_column() -> None:
    table = FORM_2021.table["requests"]
    report = replace_cell(real_report("321300-2024"), "received", "commercial", 80)
    shown = Computed(template.made(FORM_2021, report), table).results()
    off = {where: difference for where, difference in shown.items() if difference}
    assert {where[0]: difference for where, difference in off.items()} == {"J": -5, "D": 5}
    assert "J7" in off


def replace_cell(report: Report, line: str, column: str, value: Value) -> Report:
    found = report.filings["requests"]
    cells = list(found.cells)
    cells[found.table.at[line, column]] = value
    return replace(
        report, filings={**report.filings, "requests": replace(found, cells=tuple(cells))}
    )
