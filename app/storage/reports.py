"""Reports in the database: what clients wrote, and the documents derived from it."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import col

from app.domain.layout import NOT_APPLICABLE, Cells, Form, Table, picker
from app.domain.report import PROSE, Agency, Filing, Report, zeros_once
from app.forms import the_form_of
from app.storage import agencies, models, successions, years
from app.storage.acting import actor_of
from app.storage.models import FILINGS, DerivedDocument, DerivedFinding
from app.storage.paging import Source, equals
from app.storage.statements import AMONG, Prepared, as_new, batched, to_new
from app.storage.successions import Tie
from app.storage.turns import require_alone
from app.storage.years import YearFacts


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a table was last written, and the report's revision then."""

    revision: int
    updated_at: str


@dataclass(frozen=True, slots=True)
class Derived:
    """What is known of the derived document: its ETag, the rules it was judged by, findings.

    `findings` has the failures it shows, None if they were not read.
    """

    etag: str
    rule_set: str
    has_findings: bool
    findings: Sequence[Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """A report as stored, whether the years beside it have one, and where its filing stands.

    `derived` is None if there is no document yet.
    """

    report: Report
    revision: int
    created_at: str
    updated_at: str
    tables: Mapping[str, Stamp]
    has_previous: bool
    has_next: bool
    derived: Derived | None = None
    state: str = "draft"
    correction: str | None = None


_REPORT = models.Report.__table__
_DOCUMENT = DerivedDocument.__table__
_FINDING = DerivedFinding.__table__
_REVISION = models.ReportRevision.__table__
_TABLES: dict[str, Any] = {key: model.__table__ for key, model in FILINGS.items()}

_STANDING = ("revision", "created_at", "updated_at", "state", "correction")
_HEAD = ("agency", "year", *PROSE, *_STANDING)
_DERIVED = 5  # columns that follow the head


def of_report(table: Any) -> Any:
    """Tell whether a row is of the report of `agency` on `year`."""
    return sa.and_(table.c.agency == sa.bindparam("agency"), table.c.year == sa.bindparam("year"))


def beside_key(table: Any) -> list[str]:
    """Return the names of the columns of a table of reports but agency and year."""
    return [column.name for column in table.c if column.name not in {"agency", "year"}]


def _has_report(years_on: int) -> Any:
    beside = _REPORT.alias()
    return sa.exists().where(
        beside.c.agency == _REPORT.c.agency,
        beside.c.year == _REPORT.c.year + years_on,
    )


def _load(*wanted: Any) -> Any:
    source = _REPORT.outerjoin(_DOCUMENT)
    for table in _TABLES.values():
        source = source.outerjoin(
            table, sa.and_(table.c.agency == _REPORT.c.agency, table.c.year == _REPORT.c.year)
        )
    columns = [_REPORT.c[name] for name in _HEAD]
    columns += [_has_report(-1), _has_report(1), _DOCUMENT.c.etag, _DOCUMENT.c.rule_set]
    columns += [_DOCUMENT.c.errors + _DOCUMENT.c.warnings + _DOCUMENT.c.infos]
    columns += [table.c[name] for table in _TABLES.values() for name in beside_key(table)]
    labelled = (column.label(f"c{i}") for i, column in enumerate(columns))
    years_wanted = _REPORT.c.year.between(sa.bindparam("first"), sa.bindparam("last"))
    return sa.select(*labelled).select_from(source).where(*wanted, years_wanted)


_LOAD = Prepared(_load(_REPORT.c.agency == sa.bindparam("agency")))
_LOAD_SOME = {kind: Prepared(_load(is_in(_REPORT.c.agency))) for kind, is_in in AMONG.items()}
_TAGS = Prepared(
    sa.select(_REPORT.c.year, _DOCUMENT.c.etag, _DOCUMENT.c.rule_set)
    .select_from(_REPORT.outerjoin(_DOCUMENT))
    .where(
        _REPORT.c.agency == sa.bindparam("agency"),
        _REPORT.c.year.between(sa.bindparam("first"), sa.bindparam("last")),
    )
)
_AGENCY = sa.select(
    col(models.Agency.code),
    col(models.Agency.name),
    col(models.Agency.kind),
    col(models.Agency.level),
).where(col(models.Agency.code) == sa.bindparam("agency"))
_READ_AGENCY = Prepared(_AGENCY)
_LOCK_AGENCY = Prepared(_AGENCY.where(successions.HAS_NONE).with_for_update(key_share=True))
"""Of an agency with successions nothing is locked: it is not the first in their order."""


def agency(connection: Connection, code: str) -> Agency | None:
    """Read an agency as reports show it."""
    row = _READ_AGENCY.row(connection, {"agency": code})
    return Agency(*row) if row else None


def lock_agency(connection: Connection, code: str) -> tuple[Agency | None, tuple[Tie, ...]]:
    """Read an agency and keep others from writing its reports until this transaction ends.

    If it has successions, all that there are are returned, and who is judged with it is locked.
    """
    row = _LOCK_AGENCY.row(connection, {"agency": code})
    return (Agency(*row), ()) if row else _lock_tied(connection, code)


def _lock_tied(connection: Connection, code: str) -> tuple[Agency | None, tuple[Tie, ...]]:
    ties = successions.around(connection, code)
    if ties:
        require_alone(connection)
    return (successions.lock(connection)[code], ties) if ties else (None, ())


def enter(
    connection: Connection, code: str, year: int
) -> tuple[dict[int, YearFacts], Agency | None, dict[int, Stored], tuple[Tie, ...]]:
    """Lock a year, those beside it, and an agency; return them and the reports of those years.

    Last come all successions if the agency has any; those that it is judged with are locked, too.
    Whoever writes a report may have to judge or to link the ones beside it, so all years are locked
    before the agency: locks are taken in one order everywhere.
    """
    parameters = {"agency": code, "first": year - 1, "last": year + 1}
    with batched(connection):
        shared = years.sharing(connection, year - 1, year + 1)
        locked = _LOCK_AGENCY.run(connection, parameters)
        tags = _TAGS.run(connection, parameters)
    row, facts = locked.fetchone(), years.facts(shared)
    ties: tuple[Tie, ...] = ()
    agency = Agency(*row) if row else None
    stored = _recent(agency, tags.fetchall()) if agency else None
    if agency is None:
        agency, ties = _lock_tied(connection, code)
    if agency and stored is None:
        stored = load(connection, agency, year - 1, year + 1)
    return facts, agency, stored or {}, ties


_RECENT: dict[tuple[str, int, str, str], Stored] = {}
_MOST_RECENT = 256
_LONGEST = 20_000  # characters of prose: a report with more is not kept in memory
_LOCK = threading.Lock()


def remember(stored: Stored) -> None:
    """Keep a report in memory, for the next write of it or beside it.

    It is found again by its ETag, which is a digest of all that it says: so it does no harm if the
    transaction that wrote it is rolled back.
    """
    report, derived = stored.report, stored.derived
    if derived is None or sum(len(text or "") for text in _prose(report).values()) > _LONGEST:
        return
    with _LOCK:
        while len(_RECENT) >= _MOST_RECENT:
            del _RECENT[next(iter(_RECENT))]
        _RECENT[*report.key, derived.etag, derived.rule_set] = stored


def _recent(agency: Agency, tags: Iterable[Any]) -> dict[int, Stored] | None:
    """Return the reports of these years, ETags and rule sets; None if one is not in memory."""
    found: dict[int, Stored] = {}
    for year, etag, rule_set in tags:
        stored = _RECENT.get((agency.code, year, etag, rule_set))
        if stored is None:
            return None
        if stored.report.agency != agency:
            stored = replace(stored, report=replace(stored.report, agency=agency))
        found[year] = stored
    return found


def with_inapplicable(table: Table, cells: Cells, names: str) -> Cells:
    """Return cells with `n/a` where it was filed. `names` is a JSON list of their columns."""
    found = set(json.loads(names))
    return tuple(
        NOT_APPLICABLE if cell.name in found else value
        for cell, value in zip(table.cells, cells, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """How the filing of a table is read from a row of `_LOAD`."""

    table: Table
    base: int
    cells: Callable[[Any], Cells]
    choices: tuple[tuple[str, int], ...]

    def read(self, row: Any) -> Filing | None:
        nil, not_applicable, remarks = row[self.base : self.base + 3]
        if nil is None:
            return None
        cells = self.cells(row)
        if not_applicable is not None:
            cells = with_inapplicable(self.table, cells, not_applicable)
        return Filing(
            self.table,
            cells,
            bool(nil),
            json.loads(remarks) if remarks else {},
            {key: row[position] for key, position in self.choices},
        )


@cache
def _readers(form: Form) -> tuple[tuple[str, _Reader], ...]:
    base = len(_HEAD) + _DERIVED
    found = []
    for key, stored in _TABLES.items():
        names = beside_key(stored)
        if key in form.table:
            table = form.table[key]
            places = tuple(base + names.index(cell.name) for cell in table.cells)
            choices = tuple((c.key, base + names.index(c.key)) for c in table.choices)
            found.append((key, _Reader(table, base, picker(places), choices)))
        base += len(names)
    return tuple(found)


def load(connection: Connection, agency: Agency, first: int, last: int) -> dict[int, Stored]:
    """Return an agency's reports on the years from `first` to `last`."""
    parameters = {"agency": agency.code, "first": first, "last": last}
    with agencies.looking_at(connection, agency.code):
        rows = _LOAD.rows(connection, parameters)
    found = {row[1]: _stored(agency, row) for row in rows}
    for stored in found.values():
        remember(stored)
    return found


def load_some(
    connection: Connection, agencies: Mapping[str, Agency], first: int, last: int
) -> dict[str, dict[int, Stored]]:
    """Return the reports of several agencies on the years from `first` to `last`."""
    parameters = {"each": json.dumps(list(agencies)), "first": first, "last": last}
    found: dict[str, dict[int, Stored]] = {code: {} for code in agencies}
    for row in _LOAD_SOME[connection.dialect.name].rows(connection, parameters):
        found[row[0]][row[1]] = _stored(agencies[row[0]], row)
    return found


def _stored(agency: Agency, row: Any) -> Stored:
    year = row[1]
    form = the_form_of(year)
    filings, tables = {}, {}
    for key, reader in _readers(form):
        filing = reader.read(row)
        if filing is not None:
            filings[key] = filing
            tables[key] = Stamp(row[reader.base + 3], row[reader.base + 4])
    prose = dict(zip(PROSE, row[2 : 2 + len(PROSE)], strict=True))
    head = len(_HEAD)
    revision, created_at, updated_at, state, correction = row[head - len(_STANDING) : head]
    has_previous, has_next, etag, rule_set, findings = row[head : head + _DERIVED]
    return Stored(
        Report(form, year, agency, filings, **prose),
        revision,
        created_at,
        updated_at,
        tables,
        bool(has_previous),
        bool(has_next),
        Derived(etag, rule_set, bool(findings)) if etag is not None else None,
        state,
        correction,
    )


MOVING = ("revision", "updated_at", "state", "correction")
"""The columns of a report that change with it, beside its prose."""
CHANGING = (*PROSE, *MOVING)
TABLES: dict[str, Any] = {
    table.name: table for table in (_REPORT, *_TABLES.values(), _DOCUMENT, _FINDING)
}
INSERT = {name: Prepared(sa.insert(table)) for name, table in TABLES.items()}
DELETE = {
    name: Prepared(sa.delete(table).where(of_report(table))) for name, table in TABLES.items()
}


def _update(table: Any, names: Iterable[str]) -> Prepared:
    return Prepared(sa.update(table).where(of_report(table)).values(to_new(*names)))


UPDATE_REPORT = _update(_REPORT, CHANGING)
_TOUCH_REPORT = _update(_REPORT, MOVING)


def save_report(connection: Connection, new: Stored, old: Stored | None) -> None:
    """Write a report's row: all of it, or where it stands if only tables changed."""
    key = _key(new.report)
    prose = _prose(new.report)
    stamp = {name: getattr(new, name) for name in MOVING}
    if old is None:
        INSERT["report"].run(connection, key | prose | stamp | {"created_at": new.created_at})
    elif prose == _prose(old.report):
        _TOUCH_REPORT.run(connection, key | as_new(stamp))
    else:
        UPDATE_REPORT.run(connection, key | as_new(prose | stamp))


def _revisions(*wanted: Any) -> Any:
    """Copy documents into the history, as those of the revisions that their reports have."""
    names = ("agency", "year", "revision", "at", "actor", "reason", "etag", "body")
    report = _REPORT.c
    copied = sa.select(
        report.agency,
        report.year,
        report.revision,
        report.updated_at,
        sa.bindparam("actor", type_=sa.Text),
        report.correction,
        _DOCUMENT.c.etag,
        _DOCUMENT.c.body,
    )
    return sa.insert(_REVISION).from_select(
        names, copied.select_from(_REPORT.join(_DOCUMENT)).where(*wanted)
    )


def kept_of(is_in: Callable[[Any], Any]) -> Any:
    """Copy the documents of these agencies into the history, where their revisions are new."""
    kept = _REVISION.c
    is_kept = sa.exists().where(
        kept.agency == _REPORT.c.agency,
        kept.year == _REPORT.c.year,
        kept.revision == _REPORT.c.revision,
    )
    return _revisions(is_in(_REPORT.c.agency), ~is_kept)


_KEEP_REVISION = Prepared(_revisions(of_report(_REPORT)))
_BURY = Prepared(sa.insert(_REVISION))


def keep_revision(connection: Connection, report: Report) -> None:
    """Keep a report's document for ever, as that of its revision."""
    _KEEP_REVISION.run(connection, _key(report) | {"actor": actor_of(connection)})


def bury(connection: Connection, report: Report, revision: int, at: str) -> None:
    """Keep that a report was deleted, as a revision of its own."""
    stamp = {"revision": revision, "at": at, "actor": actor_of(connection)}
    nothing = {"reason": None, "etag": None, "body": None}
    _BURY.run(connection, _key(report) | stamp | nothing)


def delete_report(connection: Connection, report: Report) -> None:
    """Delete a report, its tables, its document and its findings."""
    DELETE["report"].run(connection, _key(report))


def _key(report: Report) -> dict[str, Any]:
    agency, year = report.key
    return {"agency": agency, "year": year}


def _prose(report: Report) -> dict[str, Any]:
    return {name: getattr(report, name) for name in PROSE}


_UPDATE_FILING = {key: _update(table, beside_key(table)) for key, table in _TABLES.items()}
_STAMP = ("agency", "year", "nil", "not_applicable", "remarks", "revision", "updated_at")
"""The first columns of a filing's row; choices and cells follow."""


@cache
def _parameters(kind: str, key: str, statement: Prepared) -> Callable[[Any], tuple[Any, ...]]:
    """Return how the parameters of a write stand in the columns of a table."""
    names = [column.name for column in _TABLES[key].c]
    return statement.order(kind, lambda name: names.index(name.removeprefix("new_")))


def save_filing(
    connection: Connection, report: Report, key: str, stamp: Stamp, *, new: bool
) -> None:
    """Write the row of a filed table."""
    statement = INSERT[f"filing_{key}"] if new else _UPDATE_FILING[key]
    parameters_of = _parameters(connection.dialect.name, key, statement)
    statement.run_values(connection, parameters_of(filing_columns(report, key, stamp)))


def filing_columns(report: Report, key: str, stamp: Stamp) -> tuple[Any, ...]:
    """Return the row of a filed table, in the order of the columns of its database table."""
    filing = report.filings[key]
    remarks = _json(dict(filing.remarks)) if filing.remarks else None
    not_applicable, figures = _figures(filing)
    stamped = (filing.nil, not_applicable, remarks, stamp.revision, stamp.updated_at)
    return (*report.key, *stamped, *figures)


@zeros_once
def _figures(filing: Filing) -> tuple[str | None, tuple[Any, ...]]:
    """Return the cells that are `n/a`, and choices and cells in the order of their columns."""
    table, cells, not_applicable = filing.table, filing.cells, None
    if NOT_APPLICABLE in cells:
        not_applicable = _json([c.name for c in table.cells if cells[c.index] == NOT_APPLICABLE])
        cells = tuple(None if value == NOT_APPLICABLE else value for value in cells)
    choices = (filing.choices[choice.key] for choice in table.choices)
    return not_applicable, _column_order(table)((*choices, *cells, None))


@cache
def _column_order(table: Table) -> Callable[[Any], tuple[Any, ...]]:
    """Return how the columns after `_STAMP` stand in choices, cells and a blank."""
    names = [*(c.key for c in table.choices), *(cell.name for cell in table.cells)]
    place = {name: index for index, name in enumerate(names)}
    first, columns = len(_STAMP), [column.name for column in _TABLES[table.key].c]
    assert tuple(columns[:first]) == _STAMP
    return picker(tuple(place.get(name, len(names)) for name in columns[first:]))


def report_columns(stored: Stored) -> tuple[Any, ...]:
    """Return the row of a report, in the order of the columns of its database table."""
    stamp = (getattr(stored, name) for name in _STANDING)
    return (*stored.report.key, *_prose(stored.report).values(), *stamp)


def delete_filing(connection: Connection, report: Report, key: str) -> None:
    """Delete the row of a table: it is missing from now on."""
    DELETE[f"filing_{key}"].run(connection, _key(report))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_UPDATE_DOCUMENT = _update(_DOCUMENT, beside_key(_DOCUMENT))


def save_document(
    connection: Connection, stored: Stored, document: Mapping[str, Any], findings: Iterable[Any]
) -> None:
    """Write what is derived from a report, in place of what was there.

    `document` has the columns of `DerivedDocument` but its key; `findings` are rows of position,
    rule, severity and body.
    """
    key = _key(stored.report)
    if stored.derived is None:
        INSERT["derived_document"].run(connection, key | dict(document))
    else:
        _UPDATE_DOCUMENT.run(connection, key | as_new(document))
        if stored.derived.has_findings:
            DELETE["derived_finding"].run(connection, key)
    rows = [
        {**key, "position": position, "rule": rule, "severity": severity, "body": body}
        for position, rule, severity, body in findings
    ]
    if rows:
        INSERT["derived_finding"].run_many(connection, rows)


_READ_FINDINGS = Prepared(
    sa.select(_FINDING.c.body).where(of_report(_FINDING)).order_by(_FINDING.c.position)
)


def findings(connection: Connection, report: Report) -> list[bytes]:
    """Return the JSON of the failures that a report's document shows."""
    return [bytes(row[0]) for row in _READ_FINDINGS.rows(connection, _key(report))]


def forget_document(connection: Connection, report: Report) -> None:
    """Delete what is derived from a report, whatever it is."""
    for name in ("derived_finding", "derived_document"):
        DELETE[name].run(connection, _key(report))


READ_DOCUMENT = Prepared(sa.select(_DOCUMENT.c.etag, _DOCUMENT.c.body).where(of_report(_DOCUMENT)))
"""The hot read: ETag and gzipped JSON of one report."""

_READ_TABLE = {
    key: Prepared(
        sa.select(_DOCUMENT.c.body, table.c.revision, table.c.updated_at)
        .select_from(
            _DOCUMENT.outerjoin(
                table,
                sa.and_(table.c.agency == _DOCUMENT.c.agency, table.c.year == _DOCUMENT.c.year),
            )
        )
        .where(of_report(_DOCUMENT))
    )
    for key, table in _TABLES.items()
}


def read_table(
    connection: Connection, key: str, agency: str, year: int
) -> tuple[bytes, Stamp | None] | None:
    """Return the gzipped JSON of a report and the stamp of one of its tables.

    None if there is no report; a stamp of None if the table is missing.
    """
    parameters = {"agency": agency, "year": year}
    with agencies.looking_at(connection, agency):
        row = _READ_TABLE[key].row(connection, parameters)
    if row is None:
        return None
    return row[0], Stamp(row[1], row[2]) if row[1] is not None else None


def stale(connection: Connection, rule_set: str) -> list[tuple[str, list[int]]]:
    """Return the agencies and years whose documents are not of this rule set, or not there."""
    query = (
        sa.select(_REPORT.c.agency, _REPORT.c.year)
        .select_from(_REPORT.outerjoin(_DOCUMENT))
        .where(_DOCUMENT.c.rule_set.is_distinct_from(rule_set))
        .order_by(_REPORT.c.agency, _REPORT.c.year)
    )
    found: dict[str, list[int]] = {}
    for agency, year in connection.execute(query):
        found.setdefault(agency, []).append(year)
    return list(found.items())


def _summaries(names: frozenset[str]) -> Any:
    """Select the summaries of reports by the filters of `/v1/reports`."""
    d, f = _DOCUMENT.c, _FINDING.c
    query = sa.select(d.summary)
    query = query.where(*equals(names, {"agency": d.agency, "year": d.year}))
    query = query.where(*agencies.within(names, d.agency, d.year))
    if "updated_after" in names:
        query = query.where(d.updated_at > sa.bindparam("updated_after"))
    if "severity" in names:
        counts = {"error": d.errors, "warning": d.warnings, "info": d.infos}
        asked = sa.bindparam("severity", type_=sa.String)
        query = query.where(sa.or_(*(sa.and_(asked == s, c > 0) for s, c in counts.items())))
    if "rule" in names:
        wanted = equals(names, {"rule": f.rule, "severity": f.severity})
        query = query.where(sa.exists().where(f.agency == d.agency, f.year == d.year, *wanted))
    return query


SUMMARIES = Source(
    _summaries, {name: _DOCUMENT.c[name] for name in ("agency", "year", "updated_at", "errors")}
)


def _failures(names: frozenset[str]) -> Any:
    """Select failures by the filters of `/v1/findings`, with their agency's name."""
    f, agency = _FINDING.c, models.Agency
    query = sa.select(f.body, f.agency, f.year, f.position, f.rule, col(agency.name)).join(
        agency, col(agency.code) == f.agency
    )
    columns = {"agency": f.agency, "year": f.year, "rule": f.rule, "severity": f.severity}
    return query.where(*equals(names, columns), *agencies.within(names, f.agency, f.year))


FAILURES = Source(
    _failures, {name: _FINDING.c[name] for name in ("agency", "year", "position", "rule")}
)
