"""A comparison of two reports as the JSON that the API shows."""

from app.domain.compare import Compared, ComparedTable, Side, compare
from app.domain.crosswalk import REASONS
from app.domain.report import Report
from app.services.rendering import Json, agency_of, report_path


def comparison(left: Report, right: Report) -> Json:
    """Return two reports side by side."""
    paths = [report_path(*report.key) for report in (left, right)]
    asked = paths[1].removeprefix("/v1/reports/")
    return {
        "left": _named(left),
        "right": _named(right),
        "tables": {table.key: _table(table) for table in compare(left, right)},
        "reasons": {reason.value: text._asdict() for reason, text in REASONS.items()},
        "links": {
            "self": f"{paths[0]}/comparison?with={asked}",
            "left": paths[0],
            "right": paths[1],
        },
    }


def _named(report: Report) -> Json:
    return {"agency": agency_of(report), "year": report.year, "form": report.form.key}


def _table(compared: ComparedTable) -> Json:
    left, right = compared.left, compared.right
    lines: dict[str, Json] = {}
    for figures in compared.figures:
        cell = _cell(figures, left, right)
        lines.setdefault(figures.pair.line, {})[figures.pair.column] = cell
    return {
        "left": left.state,
        "right": right.state,
        "computed": {
            "left": _pointers(left, sorted(left.computed)),
            "right": _pointers(right, sorted(right.computed)),
        },
        "lines": lines,
    }


def _pointers(side: Side, places: list[int] | tuple[int, ...]) -> list[str]:
    return [side.table.pointers[place] for place in places] if side.table else []


def _cell(figures: Compared, left: Side, right: Side) -> Json:
    pair, unit = figures.pair, figures.pair.unit
    shown: Json = {
        "left": unit.shown(figures.left),
        "right": unit.shown(figures.right),
        "difference": unit.shown(figures.difference),
        "ratio": figures.ratio,
        "comparable": figures.reason is None,
        "reason": figures.reason,
    }
    if len(pair.left) > 1 or len(pair.right) > 1:
        shown["cells"] = {
            "left": _pointers(left, pair.left),
            "right": _pointers(right, pair.right),
        }
    if figures.units is not None:
        shown["units"] = dict(zip(("left", "right", "difference"), figures.units, strict=True))
    return shown
