"""Reports as the JSON that the API shows: every reply about a report is made here, once."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.domain import decimals
from app.domain.calendar import timeliness
from app.domain.findings import Finding, Outcome, Severity
from app.domain.layout import Value
from app.domain.report import PROSE, Filing, Report
from app.domain.totals import sums
from app.storage.reports import Stored

Json = dict[str, Any]

MISSING: Json = {"filing": "missing", "data": None, "totals": None}


def report_path(agency: str, year: int) -> str:
    """Return the path of a report."""
    return f"/v1/reports/{agency}/{year}"


def matrix(filing: Filing) -> Json:
    """Return a table's cells as reported, as lines of columns."""
    table = filing.table
    keys = [column.key for column in table.columns]
    cells: tuple[Any, ...] = filing.cells
    if table.has_decimals:
        cells = tuple(
            shown(cell, cells[cell.index])
            if table.cells[cell.index].column.unit.is_decimal
            else cells[cell.index]
            for cell in table.cells
        )
    width = len(keys)
    return {
        line.key: dict(zip(keys, cells[i * width : (i + 1) * width], strict=True))
        for i, line in enumerate(table.lines)
    }


def shown(cell: Any, value: Value) -> Any:
    """Return a cell as JSON has it: decimals are texts."""
    if isinstance(value, int) and cell.column.unit.is_decimal:
        return decimals.as_text(value)
    return value


def filed(filing: Filing) -> Json:
    """Return a table as it stands in a report."""
    totals: dict[str, Json] = {}
    partial = []
    for cell, total, is_partial in sums(filing):
        totals.setdefault(cell.line.key, {})[cell.column.key] = shown(cell, total)
        if is_partial:
            partial.append(f"/tables/{filing.table.key}/totals/{cell.line.key}/{cell.column.key}")
    return {
        "filing": filing.state,
        "data": matrix(filing),
        "totals": totals,
        "totals_partial": partial,
        "remarks": dict(filing.remarks),
        **filing.choices,
    }


def finding(found: Finding, report: Report) -> Json:
    """Return a finding; its other cells are those of last year's report."""
    agency = _agency(report)
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


def _agency(report: Report) -> Json | None:
    if report.agency is None:
        return None
    return {"code": report.agency.code, "name": report.agency.name}


def judged(report: Report, findings: Iterable[Finding], due: Mapping[str, str] | None) -> Json:
    """Return a report with what was computed from it, stored or not."""
    found = list(findings)
    body: Json = {
        "agency": _agency(report),
        "agency_name_reported": report.agency_name_reported,
        "year": report.year,
        "form": report.form.key,
        **{name: getattr(report, name) for name in PROSE if name != "agency_name_reported"},
        "timeliness": None,
        "tables": {
            table.key: filed(report.filings[table.key]) if table.key in report.filings else MISSING
            for table in report.form.tables
        },
        "findings": [finding(each, report) for each in found],
        "counts": dict.fromkeys(Severity, 0),
    }
    if report.agency is not None and due is not None:
        body["timeliness"] = timeliness(
            due, report.agency.kind, report.submitted_on, report.published_on
        )
    for each in found:
        if each.outcome is Outcome.FAIL:
            body["counts"][each.severity] += 1
    return body


def document(stored: Stored, findings: Iterable[Finding], due: Mapping[str, str]) -> Json:
    """Return a stored report as it is served."""
    report = stored.report
    assert report.agency is not None
    code, year = report.agency.code, report.year
    own = report_path(code, year)
    return judged(report, findings, due) | {
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "links": {
            "self": own,
            "agency": f"/v1/agencies/{code}",
            "previous": report_path(code, year - 1) if stored.has_previous else None,
            "next": report_path(code, year + 1) if stored.has_next else None,
            "findings": f"{own}/findings",
        },
    }


_NOT_IN_SUMMARY = {"overview", "problems", "other_matters", "tables", "findings"}


def summary(report: Json, etag: str) -> Json:
    """Return a report as it stands in lists."""
    short = {name: value for name, value in report.items() if name not in _NOT_IN_SUMMARY}
    filings = {key: table["filing"] for key, table in report["tables"].items()}
    return short | {"filings": filings, "etag": etag}


def table_resource(report: Json, key: str, updated_at: str) -> Json:
    """Return one table of a report's document as a resource of its own.

    Its pointers of partial totals start at the table; those of findings at the report, as always.
    """
    table = report["tables"][key]
    own = f"{report['links']['self']}/{key}"
    here = f"/tables/{key}/"
    return {
        "agency": report["agency"],
        "year": report["year"],
        "form": report["form"],
        "table": key,
        **table,
        "totals_partial": ["/" + p.removeprefix(here) for p in table["totals_partial"]],
        "findings": [f for f in report["findings"] if _touches(f, key, here)],
        "updated_at": updated_at,
        "links": {
            "self": own,
            "report": report["links"]["self"],
            "agency": report["links"]["agency"],
        },
    }


def _touches(found: Json, key: str, prefix: str) -> bool:
    return found["table"] == key or any(cell.startswith(prefix) for cell in found["cells"])
