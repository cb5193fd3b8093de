"""Measures summed over reports, in the database.

A statement has three levels. The first adds up the cells of each report, line by line; the second
makes the sides of the measures of them; the third sums those over the reports of a group. A blank
is NULL, and so is whatever it is added to. OFFSET 0 keeps the levels apart: without it both
databases would work out a sum as often as it is named.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import col

from app.domain.measure import Measure, Names, Part, Term, is_defined, terms
from app.domain.report import Kind
from app.forms import FIRST_YEAR, FORMS
from app.storage import agencies, periods
from app.storage.models import FILINGS, Agency, Report
from app.storage.paging import equals
from app.storage.statements import Prepared

KEYS: Final = ("year", "level", "kind", "agency")
"""What reports can be grouped by."""

_HALF: Final = 30
"""Bits of the lower half of a sum. A report's may reach 2^60, of which SQLite cannot add many."""


_LATER, _OTHER = periods.PERIOD.alias("later"), periods.PERIOD.alias("other")
_CHANGED: Final = (
    sa.select(_LATER.c.agency)
    .join(_OTHER, _OTHER.c.agency == _LATER.c.agency)
    .where(
        _LATER.c.valid_from > sa.bindparam("last_day", type_=sa.String),
        sa.or_(_OTHER.c.kind != _LATER.c.kind, _OTHER.c.level != _LATER.c.level),
    )
)
"""The agencies that became of another kind or level after a day, and some that did before."""
_HAVE_CHANGED: Final = Prepared(_CHANGED.limit(1))


def _then(name: str) -> Any:
    """Return the kind or the level that an agency had on the last day of a report's year."""
    period = periods.PERIOD.alias("then").c
    was = (
        sa.select(period[name])
        .where(
            period.agency == col(Report.agency),
            period.valid_from <= sa.cast(col(Report.year), sa.Text) + "-12-31",
        )
        .order_by(period.valid_from.desc())
        .limit(sa.literal_column("1"))
    )
    is_one = col(Report.agency).in_(_CHANGED)
    return sa.case((is_one, was.scalar_subquery()), else_=col(getattr(Agency, name)))


@dataclass(frozen=True, slots=True)
class Asked:
    """Which measures of which reports, in which groups.

    `filters` are the names of the parameters that choose reports; `basis` is leaves, consolidated
    or all. `dated` says that an agency may have been of another kind or level in a report's year.
    """

    measures: tuple[Measure, ...]
    by: tuple[str, ...] = ()
    filters: frozenset[str] = frozenset()
    basis: str = "leaves"
    dated: bool = False

    def key(self, name: str) -> Any:
        """Return a column that reports can be grouped by."""
        if name in {"year", "agency"}:
            return col(getattr(Report, name))
        return _then(name) if self.dated else col(getattr(Agency, name))


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure of a group: its sides over the `reports` that have all of its cells.

    `incomplete` reports lack one; those whose form does not have them are in neither.
    """

    numerator: int | None
    denominator: int | None
    reports: int
    incomplete: int


@dataclass(frozen=True, slots=True)
class Group:
    """A group: its keys, the agency's name if it is one agency, its reports, its figures."""

    keys: tuple[Any, ...]
    name: str | None
    reports: int
    figures: tuple[Figure, ...]


def reading(
    asked: Asked, parameters: Mapping[str, Any], after: Sequence[Any] | None,
    *, limit: int, count: bool = False,
) -> Callable[[Connection], tuple[list[Group], int | None]]:  # fmt: skip
    """Return what reads up to `limit` groups in the order of their keys, and counts all if asked.

    `after` are the keys of the group to go on after.
    """
    last = {f"after_{index}": value for index, value in enumerate(after or ())}
    first = max(parameters.get(name, FIRST_YEAR) for name in ("year", "year_from"))
    given = {**parameters, "last_day": f"{first}-12-31"}

    def read(connection: Connection) -> tuple[list[Group], int | None]:
        then = replace(asked, dated=_HAVE_CHANGED.row(connection, given) is not None)
        statement = _groups(then, resumed=after is not None)
        with agencies.looking_below(connection, given.get("under")):
            rows = statement.rows(connection, {**given, **last, "limit": limit})
            total = _counted(connection, then, given) if count else None
        return [_group(asked, row) for row in rows], total

    return read


def _counted(connection: Connection, asked: Asked, parameters: Mapping[str, Any]) -> int:
    return int(_count(asked).row(connection, parameters)[0]) if asked.by else 1


def _group(asked: Asked, row: Sequence[Any]) -> Group:
    width = len(asked.by)
    keys, name, reports, rest = row[:width], row[width], row[width + 1], iter(row[width + 2 :])
    return Group(tuple(keys), name, reports, tuple(_figures(asked.measures, rest)))


def _figures(measures: Sequence[Measure], rest: Iterator[Any]) -> Iterator[Figure]:
    for measure in measures:
        numerator = _whole(next(rest), next(rest))
        denominator = _whole(next(rest), next(rest)) if measure.denominator else None
        reports, defined = next(rest), next(rest)
        yield Figure(numerator, denominator, reports, defined - reports)


def _whole(high: Any, low: Any) -> int | None:
    return None if high is None else (int(high) << _HALF) + int(low)


def _chosen(query: Any, asked: Asked) -> Any:
    """Select the reports that are asked for."""
    kind, names = asked.key("kind"), asked.filters
    query = query.join(Agency, col(Agency.code) == col(Report.agency))
    query = query.where(*equals(names, {n: asked.key(n) for n in ("year", "level", "kind")}))
    query = query.where(*agencies.within(names, col(Report.agency), col(Report.year)))
    if asked.basis == "leaves":
        query = query.where(kind != sa.literal_column(f"'{Kind.GOVERNMENT.value}'"))
    if asked.basis == "consolidated":
        query = query.where(kind == sa.literal_column(f"'{Kind.GOVERNMENT.value}'"))
    return query


def _keys(asked: Asked) -> list[Any]:
    return [asked.key(name).label(f"key_{name}") for name in asked.by]


def _page(asked: Asked, *, resumed: bool) -> Any:
    """Select the keys of a page of groups, so that no others are summed."""
    columns = [asked.key(name) for name in asked.by]
    query = _chosen(sa.select(*_keys(asked)).select_from(Report).distinct(), asked)
    if resumed:
        last = [sa.bindparam(f"after_{i}", type_=c.type) for i, c in enumerate(columns)]
        query = query.where(sa.tuple_(*columns) > sa.tuple_(*last))
    return query.order_by(*(f"key_{name}" for name in asked.by)).limit(
        sa.bindparam("limit", type_=sa.Integer)
    )


@lru_cache(maxsize=64)
def _count(asked: Asked) -> Prepared:
    query = _chosen(sa.select(*_keys(asked)).select_from(Report).distinct(), asked)
    return Prepared(sa.select(sa.func.count()).select_from(query.subquery()))


@lru_cache(maxsize=64)
def _groups(asked: Asked, *, resumed: bool) -> Prepared:
    sums = list(dict.fromkeys(side for m in asked.measures for side in _sides(m)))
    label = {names: f"sum_{index}" for index, names in enumerate(sums)}
    needed = _parts(sums)
    filed = _filed(asked, needed, resumed=resumed)
    kept = [filed.c[name] for name in ("year", "name", *(f"key_{key}" for key in asked.by))]
    sides = (
        sa.select(*kept, *(_text(_sum(names, needed), label[names]) for names in sums))
        .offset(0)
        .subquery("sides")
    )
    keys = [sides.c[f"key_{name}"] for name in asked.by]
    name = sides.c.name if "agency" in asked.by else sa.null()
    figures = [_text(each, None) for m in asked.measures for each in _aggregates(m, label)]
    query = sa.select(*keys, name, sa.func.count(), *figures).select_from(sides)
    grouped = [*keys, name] if "agency" in asked.by else keys
    return Prepared(query.group_by(*grouped).order_by(*keys))


def _sides(measure: Measure) -> tuple[Names, ...]:
    return (measure.numerator, *([measure.denominator] if measure.denominator else []))


def _text(expression: str, label: str | None) -> Any:
    made: Any = sa.literal_column(expression, sa.BigInteger)
    return made.label(label) if label else made


def _filed(asked: Asked, needed: Mapping[Part, str], *, resumed: bool) -> Any:
    """Select for each report its keys and the parts of all sums."""
    columns = [col(Report.year).label("year"), col(Agency.name).label("name"), *_keys(asked)]
    columns += [_text(_part(part), label) for part, label in needed.items()]
    query = _chosen(sa.select(*columns).select_from(Report), asked)
    if asked.by:
        page = _page(asked, resumed=resumed).subquery("page")
        same = (asked.key(name) == page.c[f"key_{name}"] for name in asked.by)
        query = query.join(page, sa.and_(*same))
    for key in dict.fromkeys(part.table for part in needed):
        table = FILINGS[key].__table__
        query = query.outerjoin(
            table,
            sa.and_(table.c.agency == col(Report.agency), table.c.year == col(Report.year)),
        )
    return query.offset(0).subquery("filed")


def _parts(sums: Sequence[Names]) -> dict[Part, str]:
    """Return the parts of sums on any form, with the labels of their columns."""
    needed = (term for form in FORMS for names in sums for term in terms(form, names))
    found = dict.fromkeys(
        part for term in needed for part in (*term.parts, *([term.total] if term.total else []))
    )
    return {part: f"part_{index}" for index, part in enumerate(found)}


def _part(part: Part) -> str:
    """Return the sum of a line's cells: NULL if one is blank; `n/a` adds nothing, nil is 0."""
    table = f"filing_{part.table}"
    cells = " + ".join(_cell(table, name) for name in part.cells)
    if part.total is not None:
        cells = f"COALESCE({cells}, {_cell(table, part.total)})"
    return f"CASE WHEN {table}.nil THEN 0 ELSE {cells} END"


def _cell(table: str, name: str) -> str:
    pattern = name.replace("_", r"\_")
    is_listed = rf"""{table}.not_applicable LIKE '%"{pattern}"%' ESCAPE '\'"""
    return f"COALESCE({table}.{name}, CASE WHEN {is_listed} THEN 0 END)"


def _sum(names: Names, label: Mapping[Part, str]) -> str:
    """Return a sum of terms, which are those of the report's form."""
    return _by_form(
        [" + ".join(_term(t, label) for t in terms(form, names)) or "NULL" for form in FORMS]
    )


def _term(term: Term, label: Mapping[Part, str]) -> str:
    parts = " + ".join(label[part] for part in term.parts)
    return f"COALESCE({parts}, {label[term.total]})" if term.total else parts


def _by_form(values: Sequence[str]) -> str:
    """Return a value that depends on the report's form."""
    if len(set(values)) == 1:
        return values[0]
    newest_first = reversed(list(zip(FORMS, values, strict=True)))
    whens = (f"WHEN year >= {form.first_year} THEN {value}" for form, value in newest_first)
    return f"CASE {' '.join(whens)} END"


def _aggregates(measure: Measure, label: Mapping[Names, str]) -> Iterator[str]:
    """Yield the halves of the sides, and how many reports have and how many could have them."""
    sides = [label[names] for names in _sides(measure)]
    whole = " AND ".join(f"{side} IS NOT NULL" for side in sides)
    for side in sides:
        yield f"SUM(CASE WHEN {whole} THEN {side} >> {_HALF} END)"
        yield f"SUM(CASE WHEN {whole} THEN {side} & {2**_HALF - 1} END)"
    yield f"COUNT(CASE WHEN {whole} THEN 1 END)"
    defined = _by_form(["1" if is_defined(measure, form) else "NULL" for form in FORMS])
    yield f"COUNT({defined})"
