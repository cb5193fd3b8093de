"""Writing agencies and reporting years, and rewriting the reports that show them."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection
from sqlmodel import Session

from app.domain.calendar import due_dates, timeliness
from app.domain.periods import DATED, SINCE_EVER, Period, Periods, changed
from app.errors import Conflict
from app.forms import FIRST_YEAR
from app.services import changes, kinship, reporting
from app.services.changes import CREATED, DELETED, UPDATED, Details, Subject
from app.storage import agencies, bulk, feed, keys, periods, retired, successions, years
from app.storage.layers import each_layer
from app.storage.models import Agency, ReportingYear
from app.storage.reports import Stamp
from app.storage.successions import Tie

_SHOWN_BY_REPORTS = ("name", "kind", "level")


def enter_agency(session: Session, code: str) -> Agency | None:
    """Lock the register, and the agency if it is there.

    Years are locked before agencies everywhere; here not at all, as the register's lock keeps them
    from changing.
    """
    agencies.lock_register(session)
    connection = session.connection()
    if successions.of(connection, code):
        successions.lock(connection)
    return agencies.lock(session, code)


def save_agency(
    session: Session, code: str, current: Agency | None, values: Mapping[str, Any],
    *, effective_on: str | None = None,
) -> Agency:  # fmt: skip
    """Save an agency, and rewrite its reports if they show or are judged by what changed.

    What is dated changes from the day `effective_on`, not before its last period; without a day,
    the last period is corrected.
    """
    if current is None:
        return add_agencies(session, {code: values})[0]
    moved = {name for name, value in values.items() if getattr(current, name) != value}
    if moved:
        for name in moved:
            setattr(current, name, values[name])
        current.search = agencies.search_text(code, values["name"], values["short_name"])
        current.revision += 1
        current.updated_at = reporting.now()
        session.flush()
        if moved.intersection(DATED):
            _date(session, current, effective_on)
        members = [name for name in values if name in moved]
        _record_agency(session, current, UPDATED, members)
    if moved.intersection(_SHOWN_BY_REPORTS):
        connection = session.connection()
        for _ in each_layer(connection):
            of_years = agencies.report_years(connection, code)
            reporting.rebuild(connection, code, of_years)
            shown = kinship.judged_by(successions.everything(connection), code, of_years)
            feed.collect(connection, reporting.rejudged(connection, shown))
    elif "active_from" in moved:
        _judge_as_new(session.connection(), code)
    return current


def _judge_as_new(connection: Connection, code: str) -> None:
    """Judge the reports anew for which it matters whether an agency was there before."""
    own = [tie for tie in successions.of(connection, code) if tie.successor == code]
    for _ in each_layer(connection):
        judged = {(code, tie.year) for tie in own}
        feed.collect(connection, reporting.rejudged(connection, judged))


def add_agencies(session: Session, new: Mapping[str, Mapping[str, Any]]) -> list[Agency]:
    """Save agencies that are not there, each after the one above it; the register is locked.

    What is new has been so since ever.
    """
    connection, time = session.connection(), reporting.now()
    last = bulk.retired(connection, (f"agencies/{code}" for code in new))
    made = [
        Agency(
            code=code,
            search=agencies.search_text(code, values["name"], values["short_name"]),
            revision=last.get(f"agencies/{code}", 0) + 1,
            created_at=time,
            updated_at=time,
            **values,
        )
        for code, values in new.items()
    ]
    session.add_all(made)
    session.flush()
    periods.add_first(connection, {each.code: _period(each, SINCE_EVER) for each in made})
    for each in made:
        _record_agency(session, each, CREATED)
    return made


def _date(session: Session, agency: Agency, start: str | None) -> None:
    """Let an agency be what it is from a day on; without one, since its last period began."""
    connection = session.connection()
    old = periods.of(connection, agency.code)
    if start is None:
        start = old[-1].start if old else SINCE_EVER
    new = _period(agency, start)
    periods.replace(connection, agency.code, old, changed(old, new) if old else (new,))


def date_agency(session: Session, code: str, old: Periods, past: Sequence[Period]) -> bool:
    """Let an agency have been this before; since its last day it has been what it is.

    Tells whether that changes anything.
    """
    current = enter_agency(session, code)
    assert current is not None
    new = (*past[:-1], _period(current, past[-1].start if past else SINCE_EVER))
    if new == old:
        return False
    periods.replace(session.connection(), code, old, new)
    current.revision += 1
    current.updated_at = reporting.now()
    session.flush()
    _record_agency(session, current, UPDATED, _differing(old, new) or DATED)
    return True


def _differing(old: Periods, new: Periods) -> list[str]:
    """Return the dated members that took other values, or in another order."""

    def values(of: Periods, name: str) -> list[Any]:
        return [value for value, _ in groupby(getattr(each, name) for each in of)]

    return [name for name in DATED if values(old, name) != values(new, name)]


def _period(agency: Agency, start: str) -> Period:
    return Period(start, **{name: getattr(agency, name) for name in DATED})


def delete_agency(session: Session, agency: Agency) -> None:
    """Delete an agency. Raises `Conflict` if anything depends on it."""
    connection, key = session.connection(), f"agencies/{agency.code}"
    reports, children = agencies.dependants(session, agency.code)
    ties = len(successions.of(connection, agency.code))
    held = len(keys.held(connection, agency.code))
    if reports or children or ties or held:
        raise Conflict(
            "in-use", key=key, reports=reports, children=children, successions=ties, keys=held
        )
    keys.let_go(connection, agency.code)
    retired.retire(connection, key, agency.revision)
    session.delete(agency)
    session.flush()
    stamp = Stamp(agency.revision, reporting.now())
    _record(session, changes.agency(agency.code), DELETED, stamp)


def _record_agency(session: Session, agency: Agency, op: str, members: Sequence[str] = ()) -> None:
    stamp = Stamp(agency.revision, agency.updated_at)
    _record(session, changes.agency(agency.code), op, stamp, members)


def _record(
    session: Session, of: Subject, op: str, stamp: Stamp, members: Sequence[str] = ()
) -> None:
    feed.collect(session.connection(), [changes.change(of, op, stamp, Details(members))])


def enter_year(session: Session, year: int) -> ReportingYear | None:
    """Lock the register, and the year if it is there."""
    agencies.lock_register(session)
    return years.lock(session, year)


def due_of(year: int, given: Mapping[str, str | None] | None) -> dict[str, str]:
    """Return the due dates of a year: those given, and the statutory ones."""
    return due_dates(year) | {kind: day for kind, day in (given or {}).items() if day is not None}


def save_year(
    session: Session, year: int, current: ReportingYear | None, status: str, due: dict[str, str]
) -> ReportingYear:
    """Save a reporting year, and rewrite the reports that are on time or late by its dates."""
    time = reporting.now()
    written = json.dumps(due)
    if current is None:
        made = ReportingYear(
            year=year,
            status=status,
            due=written,
            revision=retired.first_revision(session.connection(), f"reporting-years/{year}"),
            created_at=time,
            updated_at=time,
        )
        session.add(made)
        session.flush()
        _record_year(session, made, CREATED)
        return made
    before = json.loads(current.due)
    if (before, current.status) == (due, status):
        return current
    differs = {"status": current.status != status, "due": before != due}
    current.due, current.status = written, status
    current.revision += 1
    current.updated_at = time
    session.flush()
    _record_year(session, current, UPDATED, [name for name, moved in differs.items() if moved])
    moved = [kind for kind, day in due.items() if before.get(kind) != day]
    if not moved:
        return current
    successions.lock(session.connection())
    for _ in each_layer(session.connection()):
        for agency, kind, submitted_on, published_on in years.dated_reports(session, year, moved):
            verdicts = {timeliness(d, kind, submitted_on, published_on) for d in (before, due)}
            if len(verdicts) > 1:
                reporting.rebuild(session.connection(), agency, [year])
    return current


def delete_year(session: Session, year: ReportingYear) -> None:
    """Delete a reporting year. Raises `Conflict` if there are reports on it."""
    reports = years.reports_on(session, year.year)
    if reports:
        key = f"reporting-years/{year.year}"
        raise Conflict("in-use", key=key, reports=reports, children=0, successions=0, keys=0)
    retired.retire(session.connection(), f"reporting-years/{year.year}", year.revision)
    session.delete(year)
    session.flush()
    stamp = Stamp(year.revision, reporting.now())
    _record(session, changes.reporting_year(year.year), DELETED, stamp)


def _record_year(
    session: Session, year: ReportingYear, op: str, members: Sequence[str] = ()
) -> None:
    stamp = Stamp(year.revision, year.updated_at)
    _record(session, changes.reporting_year(year.year), op, stamp, members)


def open_years(session: Session, last: int) -> None:
    """Register the years from the first form to `last`, where they are not there."""
    for year in range(FIRST_YEAR, last + 1):
        if years.find(session, year) is None:
            save_year(session, year, None, "open", due_dates(year))


def change_successions(session: Session, gone: Sequence[Tie], new: Sequence[Tie]) -> None:
    """Delete successions, add others, and judge the reports anew that they bear upon."""
    connection, time = session.connection(), reporting.now()
    successions.enter(session)
    ties = {*successions.everything(connection), *new}
    judged = kinship.judged_with(ties, (*gone, *new))
    for tie in gone:
        successions.remove(connection, tie.id)
        _record(session, changes.succession(tie), DELETED, Stamp(1, time))
    for tie in new:
        successions.add(connection, tie)
        _record(session, changes.succession(tie), CREATED, Stamp(1, tie.created_at))
    for _ in each_layer(connection):
        feed.collect(connection, reporting.rejudged(connection, judged))
