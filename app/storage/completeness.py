"""Who has filed a report on a year, and who has not: the list, and how many there are."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.layout import Form
from app.domain.report import Kind
from app.domain.standing import Standing
from app.storage import agencies, periods, standings
from app.storage.paging import Source, equals
from app.storage.standings import REPORT
from app.storage.statements import Prepared, one_of

COLUMNS = ("code", "name", "kind", "level", "status", "submitted_on", "published_on")


def _selected(form: Form, names: frozenset[str], *, past: bool) -> Any:
    """Select the agencies active in a year, `vertical` ones only if they are asked for."""
    is_below = past and "under" in names
    agency = periods.past_below("under") if is_below else periods.agencies(past=past)
    a, standing = agency.c, standings.standing(form, agency.c.kind)
    columns = [a.code, a.name, a.kind, a.level, standing.label("status")]
    query = (
        sa.select(*columns, REPORT.c.submitted_on, REPORT.c.published_on)
        .select_from(agency.outerjoin(REPORT, standings.its_report(agency)))
        .where(standings.is_active(agency), *equals(names, {"kind": a.kind, "level": a.level}))
    )
    if "kind" not in names:
        query = query.where(a.kind != Kind.VERTICAL.value)
    if "under" in names:
        query = query.where(one_of(a.code, agencies.at_or_below(sa.bindparam("under"), agency)))
    if "status" in names:
        query = query.where(standing == sa.bindparam("status", type_=sa.String))
    return query


@cache
def source(form: Form, *, past: bool) -> Source:
    """Return the list of a year's agencies on a form, of those of today or as they were."""
    keys = {name: sa.column(name, sa.Text) for name in ("code", "name")}
    return Source(lambda names: _selected(form, names, past=past), keys)


@cache
def _counting(form: Form, names: frozenset[str], *, past: bool) -> Prepared:
    found = _selected(form, names, past=past).subquery()
    return Prepared(sa.select(found.c.status, sa.func.count()).group_by(found.c.status))


def counts(connection: Connection, form: Form, parameters: Mapping[str, Any]) -> dict[str, int]:
    """Count the agencies by how they stand, whichever of them are listed."""
    names = frozenset(parameters) - {"status"}
    given = {name: parameters[name] for name in names}
    counting = _counting(form, names, past=periods.is_past(connection, given))
    with agencies.looking_below(connection, given.get("under")):
        found = dict(counting.rows(connection, given))
    return {each.value: int(found.get(each.value, 0)) for each in Standing}
