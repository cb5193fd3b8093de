"""Reports as the JSON that the API shows: every reply about a report is made here, once.

Figures are the most of it, so a table is written as text at once, by a pattern of its form: a third
of the time that it takes to make objects of them first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from app.domain.calendar import timeliness
from app.domain.findings import Finding, Outcome, Severity
from app.domain.layout import NOT_APPLICABLE, Cell, Table, Value
from app.domain.report import PROSE, Agency, Filing, Report, zeros_once
from app.domain.totals import sums, whole
from app.services.encoding import encoded
from app.storage.reports import Stored

Json = dict[str, Any]

_MISSING = b'{"filing":"missing","data":null,"totals":null}'


def report_path(agency: str, year: int) -> str:
    """Return the path of a report."""
    return f"/v1/reports/{agency}/{year}"


def matrix(filing: Filing) -> Json:
    """Return a table's cells as reported, as lines of columns."""
    table = filing.table
    keys = [column.key for column in table.columns]
    cells: tuple[Any, ...] = filing.cells
    if table.has_decimals:
        cells = tuple(map(shown, table.cells, cells))
    width = len(keys)
    return {
        line.key: dict(zip(keys, cells[i * width : (i + 1) * width], strict=True))
        for i, line in enumerate(table.lines)
    }


def shown(cell: Cell, value: Value) -> int | str | None:
    """Return a cell as JSON has it: decimals are texts."""
    return cell.column.unit.shown(value)


class _Figures:
    """How the values of some of a table's cells are written as JSON: as lines of columns."""

    def __init__(self, table: Table, cells: tuple[Cell, ...]) -> None:
        self._cells, self._has_decimals = cells, table.has_decimals
        lines = groupby(cells, key=lambda cell: cell.line.key)
        self._pattern = _members(
            (line, _members((c.column.key, "%s") for c in columns)) for line, columns in lines
        )

    def __call__(self, values: tuple[Value, ...]) -> str:
        """Return the JSON of these values of the cells."""
        if self._has_decimals or None in values or NOT_APPLICABLE in values:
            return self._pattern % tuple(map(_literal, self._cells, values))
        return self._pattern % values


def _members(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}"


def _literal(cell: Cell, value: Value) -> str:
    made = shown(cell, value)
    return "null" if made is None else str(made) if isinstance(made, int) else f'"{made}"'


@cache
def _figures_of(table: Table) -> tuple[_Figures, _Figures]:
    """Return how the cells of a table are written, and its totals."""
    return _Figures(table, table.cells), _Figures(table, table.totals)


@zeros_once
def filed(filing: Filing) -> bytes:
    """Return the JSON of a table as it stands in a report."""
    table = filing.table
    cells, totals_of = _figures_of(table)
    computed: tuple[int | None, ...] | None = whole(table, filing.cells)
    partial: list[str] = []
    if computed is None:
        found = list(sums(filing))
        computed = tuple(total for _, total, _ in found)
        partial = [
            f"/tables/{table.key}/totals/{cell.line.key}/{cell.column.key}"
            for cell, _, is_partial in found
            if is_partial
        ]
    data, totals = cells(filing.cells), totals_of(computed)
    others = {"totals_partial": partial, "remarks": dict(filing.remarks), **filing.choices}
    figures = f'{{"filing":"{filing.state}","data":{data},"totals":{totals}}}'
    return joined(figures.encode(), encoded(others))


def joined(*objects: bytes) -> bytes:
    """Return the JSON of one object with the members of all of these."""
    return b"{%s}" % b",".join(each[1:-1] for each in objects)


@dataclass(frozen=True, slots=True)
class Document:
    """A report as it is shown: the members before its tables, the tables as JSON, and the rest."""

    head: Json
    tables: Mapping[str, bytes]
    findings: Sequence[Json]
    tail: Json

    def encoded(self) -> bytes:
        """Return the whole as JSON."""
        tables = b",".join(b'"%s":%s' % (key.encode(), text) for key, text in self.tables.items())
        between = b'{"tables":{%s},"findings":%s}' % (tables, encoded(self.findings))
        return joined(encoded(self.head), between, encoded(self.tail))


def finding(found: Finding, report: Report) -> Json:
    """Return a finding; its other cells are those of last year's report, or of several."""
    others: list[Json | None] = [_named(each) for each in found.others]
    others = others or [agency_of(report)]
    return {
        "id": found.id,
        "rule": found.rule,
        "at": found.at,
        "severity": found.severity.value,
        "outcome": found.outcome.value,
        "table": found.table,
        "cells": list(found.cells),
        "other_cells": [
            {"agency": agency, "year": report.year - 1, "pointer": pointer}
            for agency in others
            for pointer in found.other_cells
        ],
        "computed_cells": list(found.computed_cells),
        "left": found.left,
        "right": found.right,
        "difference": found.difference,
        "suspects": [
            {
                "cell": suspect.cell,
                "reported": suspect.reported,
                "would_balance_at": suspect.would_balance_at,
            }
            for suspect in found.suspects
        ],
        "message": {"zh": found.message.zh, "en": found.message.en},
        "basis": found.basis,
    }


def agency_of(report: Report) -> Json | None:
    """Return a report's agency as replies show it; None if none is named."""
    return _named(report.agency) if report.agency is not None else None


def _named(agency: Agency) -> Json:
    return {"code": agency.code, "name": agency.name}


def judged(
    report: Report, findings: Iterable[Finding], due: Mapping[str, str] | None, **tail: Any
) -> Document:
    """Return a report with what was computed from it, stored or not; `tail` comes after that."""
    found = list(findings)
    counts = dict.fromkeys(Severity, 0)
    for each in found:
        if each.outcome is Outcome.FAIL:
            counts[each.severity] += 1
    is_on_time = None
    if report.agency is not None and due is not None:
        is_on_time = timeliness(due, report.agency.kind, report.submitted_on, report.published_on)
    return Document(
        {
            "agency": agency_of(report),
            "agency_name_reported": report.agency_name_reported,
            "year": report.year,
            "form": report.form.key,
            **{name: getattr(report, name) for name in PROSE if name != "agency_name_reported"},
            "timeliness": is_on_time,
        },
        {
            table.key: filed(report.filings[table.key]) if table.key in report.filings else _MISSING
            for table in report.form.tables
        },
        [finding(each, report) for each in found],
        {"counts": counts, **tail},
    )


def document(stored: Stored, findings: Iterable[Finding], due: Mapping[str, str]) -> Document:
    """Return a stored report as it is served."""
    report = stored.report
    code, year = report.key
    own = report_path(code, year)
    return judged(
        report,
        findings,
        due,
        state=stored.state,
        correction=stored.correction,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        links={
            "self": own,
            "agency": f"/v1/agencies/{code}",
            "previous": report_path(code, year - 1) if stored.has_previous else None,
            "next": report_path(code, year + 1) if stored.has_next else None,
            "findings": f"{own}/findings",
        },
    )


_NOT_IN_SUMMARY = {"overview", "problems", "other_matters"}


def summary(made: Document, report: Report, etag: str) -> Json:
    """Return a report as it stands in lists."""
    filings = {
        key: report.filings[key].state if key in report.filings else "missing"
        for key in made.tables
    }
    short = {name: value for name, value in made.head.items() if name not in _NOT_IN_SUMMARY}
    return {**short, **made.tail, "filings": filings, "etag": etag}


def stored_document(body: Json, key: str) -> Document:
    """Return a report's stored JSON as a document, of which one table is wanted."""
    head = {name: body[name] for name in ("agency", "year", "form")}
    return Document(head, {key: encoded(body["tables"][key])}, body["findings"], body)


def table_resource(made: Document, key: str, updated_at: str) -> bytes:
    """Return one table of a report's document as a resource of its own.

    Its pointers of partial totals start at the table; those of findings at the report, as always.
    """
    links = made.tail["links"]
    here = f"/tables/{key}/"
    head = {**{name: made.head[name] for name in ("agency", "year", "form")}, "table": key}
    rest = {
        "findings": [f for f in made.findings if _touches(f, key, here)],
        "updated_at": updated_at,
        "links": {
            "self": f"{links['self']}/{key}",
            "report": links["self"],
            "agency": links["agency"],
        },
    }
    return joined(encoded(head), _with_own_pointers(made.tables[key], here), encoded(rest))


def _with_own_pointers(table: bytes, here: str) -> bytes:
    """Let the pointers of partial totals start at the table."""
    before, name, rest = table.partition(b'"totals_partial":[')
    pointers, end, after = rest.partition(b"]")
    return b"".join((before, name, pointers.replace(b'"' + here.encode(), b'"/'), end, after))


def _touches(found: Json, key: str, prefix: str) -> bool:
    return found["table"] == key or any(cell.startswith(prefix) for cell in found["cells"])
