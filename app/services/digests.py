"""Digests of what clients wrote, so that two instances can prove that they agree.

The digest of a report covers its writable state and nothing else: no findings, totals, times or
revisions. So instances that judge by other rules, or got their data by other ways, still agree.
Anybody can recompute it from the report as it is served; how, is said at `GET /v1/digests`.
"""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from json.encoder import encode_basestring
from typing import Any

from app.domain.layout import NOT_APPLICABLE, Cells, Table, picker
from app.domain.report import PROSE, Filing, Report, zeros_once
from app.services import filing, rendering

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_HOLE = "?"
_TOKENS = {None: "null", NOT_APPLICABLE: f'"{NOT_APPLICABLE}"'}


def canonical(value: Any) -> str:
    """Return the JSON of a value by RFC 8785.

    It holds for what a report consists of: members with ASCII names, texts, whole numbers up to
    2**53. For other numbers and names the standard asks for more.
    """
    return _ENCODER.encode(value)


def sha256(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def state(report: Report) -> rendering.Json:
    """Return what the digest of a report covers: its key, and what clients can write of it."""
    agency, year = report.key
    return {"agency": agency, "year": year, **filing.writable(report)}


def digest_of(report: Report) -> str:
    """Return the digest of a report: the SHA-256 of the canonical JSON of its `state`.

    That JSON is put together from parts made once for each table: a report is digested with every
    write, and to sort some two hundred cells each time would take longer than to judge them.
    """
    agency, year = report.key
    members = {name: _text(getattr(report, name)) for name in PROSE}
    tables = {key: _table(filed) for key, filed in report.filings.items()}
    members |= {
        "agency": _text(agency),
        "year": str(year),
        "tables": _object(tables),
    }
    return sha256(_object(members))


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def _object(members: dict[str, str]) -> str:
    """Return a JSON object whose members are JSON already."""
    inside = ",".join([f'"{name}":{members[name]}' for name in sorted(members)])
    return f"{{{inside}}}"


@zeros_once
def _table(filed: Filing) -> str:
    members = {key: _text(value) for key, value in filed.choices.items()}
    members |= {
        "data": _filled(filed),
        "filing": _text(filed.state),
        "remarks": canonical(dict(filed.remarks)) if filed.remarks else "{}",
    }
    return _object(members)


def _filled(filed: Filing) -> str:
    text, in_order = _skeleton(filed.table)
    cells = _decimals_as_texts(filed) if filed.table.has_decimals else filed.cells
    cells = in_order(cells)
    if None in cells or NOT_APPLICABLE in cells:
        cells = tuple(map(_TOKENS.get, cells, cells))
    return text % cells


def _decimals_as_texts(filed: Filing) -> tuple[Any, ...]:
    shown = map(rendering.shown, filed.table.cells, filed.cells)
    return tuple(
        _text(value) if isinstance(value, str) and value != NOT_APPLICABLE else value
        for value in shown
    )


@cache
def _skeleton(table: Table) -> tuple[str, Callable[[Cells], tuple[Any, ...]]]:
    """Return the canonical JSON of a table's data with `%s` for cells, and what puts them there."""
    lines = {line.key: {column.key: _HOLE for column in table.columns} for line in table.lines}
    order = sorted((cell.line.key, cell.column.key) for cell in table.cells)
    text = canonical(lines).replace(canonical(_HOLE), "%s")
    return text, picker(tuple(table.at[key] for key in order))
