"""What a write has changed, as the feed tells it."""

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from app.domain.layout import Table, Value
from app.domain.report import PROSE, Filing, Report
from app.services import encoding
from app.services.rendering import Json, shown
from app.storage.feed import Change
from app.storage.reports import Stamp, Stored
from app.storage.successions import Tie

CREATED, UPDATED, DELETED, RECHECKED = "created", "updated", "deleted", "rechecked"
_FIGURES = ("severity", "cells", "computed_cells", "left", "right", "difference", "suspects")


@dataclass(frozen=True, slots=True)
class Moves:
    """The ids of findings that came, went, or stayed with other figures."""

    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.opened or self.closed or self.changed)


def moves(before: Sequence[Json], after: Sequence[Json]) -> Moves:
    """Compare the failures of a report before and after. Words alone are no change."""
    if not before:
        return Moves(opened=tuple(each["id"] for each in after))
    old, new = ({each["id"]: each for each in found} for found in (before, after))
    return Moves(
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        tuple(name for name in new if name in old and _differ(old[name], new[name])),
    )


def _differ(old: Json, new: Json) -> bool:
    return any(old[name] != new[name] for name in _FIGURES)


def cells(old: Report, new: Report, tables: Iterable[str]) -> list[Json]:
    """Return the cells of these tables whose value differs; those of a missing table are blank."""
    return [
        cell
        for table in map(new.form.table.__getitem__, tables)
        for cell in _moved(table, old.filings.get(table.key), new.filings.get(table.key))
    ]


def _moved(table: Table, old: Filing | None, new: Filing | None) -> list[Json]:
    blank: tuple[Value, ...] = (None,) * len(table.cells)
    was, now = (each.cells if each else blank for each in (old, new))
    return [
        {
            "pointer": table.pointers[cell.index],
            "from": shown(cell, was[cell.index]),
            "to": shown(cell, now[cell.index]),
        }
        for cell in compress(table.cells, map(operator.ne, was, now))
    ]


@dataclass(frozen=True, slots=True)
class Subject:
    """What was changed: its key within its kind of resource, and the agency and year it touches."""

    resource: str
    key: str
    agency: str | None = None
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """What of it was changed."""

    members: Sequence[str] = ()
    tables: Sequence[str] = ()
    cells: Sequence[Json] = ()
    findings: Moves = Moves()


def agency(code: str) -> Subject:
    """Return an agency as a subject."""
    return Subject("agencies", code, agency=code)


def reporting_year(year: int) -> Subject:
    """Return a reporting year as a subject."""
    return Subject("reporting-years", str(year), year=year)


def succession(tie: Tie) -> Subject:
    """Return a succession as a subject: it touches who followed."""
    return Subject("successions", tie.id, agency=tie.successor, year=tie.year)


def _report(report: Report) -> Subject:
    code, year = report.key
    return Subject("reports", f"{code}/{year}", code, year)


def change(of: Subject, op: str, stamp: Stamp, details: Details = Details()) -> Change:
    """Return a change with its JSON. `stamp` is the subject's revision, and when it happened."""
    at, revision = stamp.updated_at, stamp.revision
    body = {
        "at": at,
        "resource": of.resource,
        "key": of.key,
        "op": op,
        "revision": revision,
        "members": details.members,
        "tables": details.tables,
        "cells": details.cells,
        "findings": {
            "opened": details.findings.opened,
            "closed": details.findings.closed,
            "changed": details.findings.changed,
        },
        "links": {"self": f"/v1/{of.resource}/{of.key}"},
    }
    layer = "working" if of.resource == "reports" else None
    text = encoding.encoded(body)
    return Change(at, of.resource, of.key, of.agency, of.year, op, revision, text, layer)


def saved(old: Stored | None, new: Stored, findings: Moves | None) -> Change:
    """Return what it is to put a report in place of another, or where there was none."""
    report, stamp, moved = new.report, Stamp(new.revision, new.updated_at), findings or Moves()
    if old is None:
        details = Details(tables=_in_form_order(report, report.filings), findings=moved)
        return change(_report(report), CREATED, stamp, details)
    was, now = old.report.filings, report.filings
    tables = _in_form_order(report, [k for k in {*was, *now} if was.get(k) != now.get(k)])
    members = [name for name in PROSE if getattr(old.report, name) != getattr(report, name)]
    if old.state != new.state or old.report == report:  # then it stands elsewhere
        members.append("state")
    details = Details(members, tables, cells(old.report, report, tables), moved)
    return change(_report(report), UPDATED, stamp, details)


def moved(new: Stored, members: Sequence[str]) -> Change:
    """Return what it is to change members of a report that clients do not write."""
    stamp = Stamp(new.revision, new.updated_at)
    return change(_report(new.report), UPDATED, stamp, Details(members))


def deleted(old: Stored, at: str, before: Sequence[Json]) -> Change:
    """Return what it is to delete a report that had these failures."""
    tables = _in_form_order(old.report, old.report.filings)
    details = Details(tables=tables, findings=moves(before, ()))
    return change(_report(old.report), DELETED, Stamp(old.revision, at), details)


def rechecked(stored: Mapping[int, Stored], moved: Mapping[int, Moves], at: str) -> list[Change]:
    """Return the changes of the reports, by year, of which findings alone have moved."""
    return [
        change(
            _report(each.report), RECHECKED, Stamp(each.revision, at), Details(findings=moved[year])
        )
        for year, each in sorted(stored.items())
        if moved.get(year)
    ]


def _in_form_order(report: Report, keys: Iterable[str]) -> list[str]:
    """Return the keys of tables as the form prints them."""
    wanted = set(keys)
    return [table.key for table in report.form.tables if table.key in wanted]
