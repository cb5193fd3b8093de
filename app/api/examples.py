"""Examples for the OpenAPI document: figures of real published reports.

They can be sent as they are to the world of `gongkai demo`.
"""

from collections.abc import Callable
from typing import Any

from app.demo import real_reports
from app.forms import editions, form_of

Examples = dict[str, Any]
OF_FIRST_FORM = ("321300-gaj", "2020")
"""A report in the first form that can be written, as it is being corrected."""


def _year(report: dict[str, Any]) -> str:
    return f"{report['agency']['name']} {report['year']}"


def _chosen() -> list[dict[str, Any]]:
    """Return one real report of each form."""
    found: dict[str, dict[str, Any]] = {}
    for report in real_reports():
        form = form_of(report["year"])
        assert form is not None
        if report["agency"]["code"] in {"321300", "350205-rsj"}:
            found[form.key] = report
    return [found[key] for key in sorted(found, reverse=True)]


def _of_each(value: Callable[[dict[str, Any]], Any]) -> Examples:
    return {str(r["year"]): {"summary": _year(r), "value": value(r)} for r in _chosen()}


def reports() -> Examples:
    """Return bodies of whole reports."""
    return _of_each(lambda r: r["report"])


def new_reports() -> Examples:
    """Return bodies that create a report, of an agency that has none on the year."""
    return _of_each(lambda r: {"agency": "321322-fgj", "year": r["year"], **r["report"]})


def report_patches() -> Examples:
    """Return merge patches of a report."""
    return {
        "prose": {
            "summary": "改一段文字 / Change a section",
            "value": {"problems": "公开的主动性有待提高。", "published_on": "2025-01-24"},
        },
        "cell": {
            "summary": "改一个单元格 / Change a cell",
            "value": {"tables": {"requests": {"data": {"received": {"natural_person": 3441}}}}},
        },
        "missing": {
            "summary": "撤回一张表 / Take a table back",
            "value": {"tables": {"fees": None}},
        },
    }


def tables(key: str) -> Examples:
    """Return bodies of a table."""
    found: Examples = {
        str(r["year"]): {"summary": _year(r), "value": r["report"]["tables"][key]}
        for r in _chosen()
        if key in r["report"]["tables"]
    }
    return found | {"nil": {"summary": "声明为空 / Declare it empty", "value": {"filing": "nil"}}}


def table_patches(key: str) -> Examples:
    """Return merge patches of a table: one cell."""
    line, column, value = _a_cell(key)
    return {
        "cell": {
            "summary": "改一个单元格 / Change a cell",
            "value": {"data": {line: {column: value}}},
        },
        "remark": {
            "summary": "加一条备注 / Add a remark",
            "value": {"remarks": {f"{line}.{column}": "已核对原始台账"}},
        },
    }


def _a_cell(key: str) -> tuple[str, str, Any]:
    """Return the first cell of a table: of a real report, or 0 where there is none."""
    for report in _chosen():
        if key in report["report"]["tables"]:
            line, cells = next(iter(report["report"]["tables"][key]["data"].items()))
            return line, *next(iter(cells.items()))
    cell = editions(key)[-1].cells[0]
    return cell.line.key, cell.column.key, "0" if cell.column.unit.is_decimal else 0


def validations() -> Examples:
    """Return bodies of a check."""
    return _of_each(lambda r: {"year": r["year"], "previous": None, **r["report"]})
