"""Roll-ups: the sum of an agency's part of the tree, shaped like a report and judged like one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from app.domain import rollup
from app.domain.findings import Finding, Severity
from app.domain.layout import Form
from app.domain.report import PROSE, Agency, Kind, Report
from app.domain.rollup import Added
from app.domain.standing import Standing, is_nil, standing
from app.domain.totals import sums
from app.errors import NotFound
from app.forms import form_of
from app.services import encoding, rendering
from app.services.rendering import Json
from app.storage import agencies, leaves, rollups, standings
from app.storage.leaves import Leaves
from app.storage.rollups import Family, Member

Basis = Literal["children", "leaves"]


@dataclass(frozen=True, slots=True)
class _Rollup:
    """What a roll-up shows: an empty report of the agency on the year, and what fills it."""

    report: Report
    basis: Basis
    sums: Mapping[str, Added]
    reports: int
    revision: int
    coverage: Json
    members: Sequence[Report] = ()
    compared: Sequence[Finding] = ()


def computed(connection: Connection, agency: str, year: int, basis: Basis) -> tuple[str, bytes]:
    """Return the ETag and the JSON of a roll-up. Raises `NotFound`.

    Its statements must see one state of the database.
    """
    form = form_of(year)
    made = None
    if form is not None:
        with agencies.looking_below(connection, agency):
            made = _rollup(connection, agency, year, basis, form)
    if made is None:
        require(connection, agency, year)
        raise NotFound("reporting-year-not-found", year=year)
    body = encoding.encoded(_shown(made))
    return encoding.etag(made.revision, body), body


def members(connection: Connection, agency: str, year: int, basis: Basis) -> list[str]:
    """Return the agencies that a roll-up is computed from, and those between them."""
    found = rollups.members if basis == "children" else leaves.members
    return found(connection, agency, year)


def _rollup(
    connection: Connection, agency: str, year: int, basis: Basis, form: Form
) -> _Rollup | None:
    if basis == "children":
        family = rollups.family(connection, agency, year, form)
        return _of_family(form, year, family) if family is not None else None
    below = leaves.leaves(connection, agency, year, form)
    return _of_leaves(form, year, below) if below is not None else None


def require(connection: Connection, agency: str, year: int) -> None:
    """Raise `NotFound` if there can be no roll-up of an agency on a year."""
    if not agencies.exists(connection, agency):
        raise NotFound("agency-not-found", agency=agency)
    if standings.due(connection, year) is None:
        raise NotFound("reporting-year-not-found", year=year)


def _of_family(form: Form, year: int, found: Family) -> _Rollup:
    """Sum the filed reports of the direct children; a government's stands for its subtree."""
    members = [member.report for member in found.members if member.report is not None]
    added = rollup.added_up(form, members)
    own, compared = found.root.report, []
    if own is not None and found.root.agency.kind == Kind.GOVERNMENT:
        compared = list(rollup.reconciled(own, members, added, len(found.members)))
    return _Rollup(
        Report(form, year, found.root.agency, {}),
        "children",
        added,
        len(members),
        max((member.revision for member in found.members), default=0),
        _coverage_of_family(found, form),
        members,
        compared,
    )


def _stands(member: Member, due: Mapping[str, str], form: Form) -> Standing:
    report = member.report
    if report is None:
        return Standing.MISSING
    nil = is_nil(report.filings.get(key) for key in form.table)
    dates = (report.submitted_on, report.published_on)
    return standing(due, member.agency.kind, dates, nil=nil)


def _coverage_of_family(found: Family, form: Form) -> Json:
    stands = [(member.agency, _stands(member, found.due, form)) for member in found.members]
    numbers = {each: sum(s is each for _, s in stands) for each in Standing}
    named = [(agency.code, agency.name, stand) for agency, stand in stands]
    counted = [_counted(m.agency, m.report.year) for m in found.members if m.report is not None]
    return _coverage(numbers, named) | {"counted": counted}


def _counted(agency: Agency, year: int) -> Json:
    """Return a child that is counted, with the report that stands for it or for its subtree."""
    is_consolidated = agency.kind == Kind.GOVERNMENT
    return _named(agency.code, agency.name) | {
        "stands_for": "subtree" if is_consolidated else "itself",
        "report": rendering.report_path(agency.code, year),
    }


def _named(code: str, name: str) -> Json:
    return {"code": code, "name": name}


def _coverage(numbers: Mapping[Standing, int], named: Iterable[tuple[str, str, Standing]]) -> Json:
    lists: Json = {each.value: [] for each in Standing if each is not Standing.FILED}
    for code, name, stand in named:
        if stand is not Standing.FILED:
            lists[stand.value].append(_named(code, name))
    return {
        "expected": sum(numbers.values()),
        **{each.value: numbers[each] for each in Standing},
        "agencies": lists,
    }


def _of_leaves(form: Form, year: int, found: Leaves) -> _Rollup:
    """Sum all reports at or below an agency that are not consolidated."""
    reports = sum(found.standings.values()) - found.standings[Standing.MISSING]
    return _Rollup(
        Report(form, year, found.root, {}),
        "leaves",
        found.sums,
        reports,
        found.revision,
        _coverage(found.standings, found.listed) | {"counted": None},
    )


def _shown(made: _Rollup) -> Json:
    """Return a roll-up as it is served."""
    report = made.report
    judged = rollup.findings_of(report, made.sums, form_of(report.year - 1))
    found = rollup.in_order(report.form, [*judged, *made.compared])
    findings = [rendering.finding(each, report) for each in found]
    _name_cells(findings, made.members)
    return {
        "agency": rendering.agency_of(report),
        "agency_name_reported": None,
        "year": report.year,
        "form": report.form.key,
        **{name: None for name in PROSE if name != "agency_name_reported"},
        "timeliness": None,
        "tables": {key: _table(each, made.reports) for key, each in made.sums.items()},
        "findings": findings,
        "counts": {each: sum(f.severity is each for f in found) for each in Severity},
        "basis": made.basis,
        "coverage": made.coverage,
        "links": _links(made),
    }


def _table(found: Added, reports: int) -> Json:
    """Return a sum as it stands in a roll-up: like a table, and which cells are partial."""
    if not found.filings:
        return {"filing": "missing", "data": None, "totals": None}
    table, filing = found.table, rollup.shown(found)
    partial = rollup.partial(found, reports)
    totals: Json = {}
    for cell, total, _ in sums(filing):
        totals.setdefault(cell.line.key, {})[cell.column.key] = rendering.shown(cell, total)
    return {
        "filing": "filed",
        "data": rendering.matrix(filing),
        "data_partial": [table.pointers[index] for index in sorted(partial)],
        "totals": totals,
        "totals_partial": [
            f"/tables/{table.key}/totals/{cell.line.key}/{cell.column.key}"
            for cell in table.totals
            if not partial.isdisjoint(cell.addends)
        ],
        "remarks": {},
        **filing.choices,
    }


def _name_cells(found: Iterable[Json], members: Sequence[Report]) -> None:
    """Let findings of `rollup.sum` name their cell in each of the reports that have its table."""
    named = [(rendering.agency_of(member), member) for member in members]
    for each in found:
        if each["rule"] == rollup.RULE.id:
            (pointer,) = each["cells"]
            each["other_cells"] = [
                {"agency": agency, "year": member.year, "pointer": pointer}
                for agency, member in named
                if each["table"] in member.filings
            ]


def _links(made: _Rollup) -> Json:
    code, year = made.report.key
    return {
        "self": f"/v1/agencies/{code}/rollup/{year}?basis={made.basis}",
        "agency": f"/v1/agencies/{code}",
        "report": rendering.report_path(code, year),
        "completeness": f"/v1/reporting-years/{year}/completeness?under={code}",
    }
