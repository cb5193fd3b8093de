"""What the database is asked about the leaves of a tree: who reports for nobody else.

Of the filings only those are read in which there is anything but zeros; an index on each table
names them. A large tree is walked over a list of the agencies that have others below them, and so
is one of the past.
"""

from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.domain.layout import YUAN, Cell, Form, Table
from app.domain.report import Kind
from app.domain.rollup import unit_of
from app.domain.standing import Standing
from app.storage import models, periods, standings
from app.storage.standings import AGENCY, FILINGS, REPORT, YEAR
from app.storage.statements import Prepared

LISTED = 1_000
"""How many agencies are named at most that have not simply filed."""

HALF = 32
"""How many bits of a number the lower half has: SQLite's own sums end at 63."""


class Way(NamedTuple):
    """How a tree is walked: whether it is large, and whether it is one of the past."""

    many: bool
    past: bool

    @property
    def agencies(self) -> Any:
        """The agencies of the tree: a table, or what stands for it."""
        if self.past and not self.many:
            return periods.past_below("agency")
        return periods.agencies(past=self.past)

    @property
    def is_listed(self) -> bool:
        """Whether the tree is walked over a list: it is large, or there is no index to go by."""
        return self.many or self.past


@cache
def _tree(way: Way) -> Any:
    """Select an agency, and below it those that have others below them, `vertical` ones aside.

    Either step by step from the agency, or from a list of all agencies that have others below them.
    """
    agency = way.agencies
    has_children = (agency.c.kind != Kind.VERTICAL.value, _is_parent(agency, way))
    root = sa.select(AGENCY.c.code).where(AGENCY.c.code == sa.bindparam("agency"))
    tree = root.cte("tree", recursive=True)
    if way.is_listed:
        parent = sa.select(agency.c.code, agency.c.parent).where(*has_children).cte("parent")
        parent = parent.prefix_with("MATERIALIZED", dialect="postgresql")
        step = sa.select(parent.c.code).join(tree, parent.c.parent == tree.c.code)
    else:
        step = sa.select(agency.c.code).join(tree, agency.c.parent == tree.c.code)
        step = step.where(*has_children)
    return tree.union(step)  # not UNION ALL: it ends even on a circle


def _is_parent(agency: Any, way: Way) -> Any:
    """Tell whether an agency has others below it; for each where they are few, or by a list."""
    if way.is_listed:
        parents = sa.select(agency.c.parent).where(agency.c.parent.is_not(None))
        return agency.c.code.in_(parents)
    child = agency.alias()
    return sa.exists().where(child.c.parent == agency.c.code)


def _counts(agency: Any) -> Any:
    """Tell whether an agency of the tree has an expected report that is not consolidated."""
    return sa.and_(agency.c.kind != Kind.GOVERNMENT.value, standings.is_expected(agency))


def _is_root(agency: Any) -> Any:
    return agency.c.code == sa.bindparam("agency")


def _is_in_tree(agency: Any, way: Way) -> Any:
    return sa.or_(agency.c.parent.in_(sa.select(_tree(way).c.code)), _is_root(agency))


@cache
def members(way: Way) -> Prepared:
    """Select the agencies at or below one, counted or not, down to those below which none is."""
    agency = way.agencies
    return Prepared(sa.select(agency.c.code).where(_is_in_tree(agency, way)))


@cache
def _leaves(way: Way) -> Any:
    """Select the agencies at or below one that are counted."""
    agency = way.agencies
    leaf = sa.select(agency.c.code, agency.c.kind).where(_counts(agency))
    if way.is_listed:
        return leaf.where(_is_in_tree(agency, way)).cte("leaf")
    tree = _tree(way)
    below = leaf.join(tree, agency.c.parent == tree.c.code)
    return sa.union_all(below, leaf.where(_is_root(agency))).cte("leaf")


def _is_below(filing: Any, way: Way) -> Any:
    """Tell whether a filing is of one of the leaves.

    If there are many, it is quicker to look at each filing's agency than to gather the leaves.
    """
    if not way.many or way.past:
        return filing.c.agency.in_(sa.select(_leaves(way).c.code))
    agency = AGENCY.alias()
    return sa.exists().where(
        agency.c.code == filing.c.agency, _counts(agency), _is_in_tree(agency, way)
    )  # fmt: skip


def _figures(form: Form, key: str, way: Way) -> Any:
    """Tell of a filing below whether there is anything in it but zeros."""
    filing = FILINGS[key]
    return sa.and_(
        filing.c.year == sa.bindparam("year"),
        models.has_figures(form, key),
        _is_below(filing, way),
    )


def _terms(filing: Any, cell: Cell) -> list[tuple[int, Any]]:
    """Return what is added up for a cell, each with what it is multiplied by."""
    unit = unit_of(cell)
    if unit is None:
        return [(1, filing.c[cell.name])]
    return [
        (factor, sa.case((filing.c[unit] == name, filing.c[cell.name])))
        for name, factor in YUAN.items()
    ]


def _unknown(filing: Any, cell: Cell) -> Any:
    """Count the amounts that cannot be added."""
    in_none = (filing.c[unit_of(cell)] != name for name in YUAN)
    is_unknown = sa.and_(filing.c[cell.name] != 0, *in_none)
    return sa.func.coalesce(sa.func.sum(sa.case((is_unknown, 1), else_=0)), 0)


def _halves(term: Any) -> list[Any]:
    """Return the upper and the lower half of a sum that is too large for SQLite's own."""
    lower = term.bitwise_and(2**HALF - 1)
    return [sa.func.sum(term.bitwise_rshift(HALF)), sa.func.sum(lower)]


def _sums(form: Form, table: Table, way: Way, *, large: bool) -> Any:
    """Select the sums of a table: filings with a blank or `n/a`, then each cell in its terms."""
    filing = FILINGS[table.key]
    blank = models.any_cell(form, table.key).is_(None)
    columns: list[Any] = [sa.func.count(sa.case((blank, 1)))]
    for cell in table.cells:
        for _, term in _terms(filing, cell):
            columns += _halves(term) if large else [sa.func.sum(term)]
        if unit_of(cell) is not None:
            columns.append(_unknown(filing, cell))
    named = (column.label(f"{table.key}_{i}") for i, column in enumerate(columns))
    return sa.select(*named).where(_figures(form, table.key, way)).subquery()


@cache
def adding(form: Form, way: Way, *, large: bool) -> Prepared:
    """Select the sums of all tables in one row, for which the tree is walked once."""
    parts = [_sums(form, table, way, large=large) for table in form.tables]
    source: Any = parts[0]
    for part in parts[1:]:
        source = source.join(part, sa.true())
    return Prepared(sa.select(*(c for part in parts for c in part.c)).select_from(source))


SIZE = Prepared(
    sa.select(sa.func.count()).select_from(
        sa.select(_tree(Way(many=False, past=False)).c.code)
        .limit(sa.bindparam("many", type_=sa.Integer))
        .subquery()
    )
)
"""Up to how many agencies of the tree have others below them: not counted further."""


@cache
def root(*, past: bool) -> Prepared:
    """Select the agency itself, and when reports of the year are due."""
    agency = periods.agencies(past=past)
    return Prepared(
        sa.select(*(agency.c[name] for name in ("code", "name", "kind", "level")), YEAR.c.due)
        .select_from(agency.join(YEAR, sa.true()))
        .where(_is_root(agency), YEAR.c.year == sa.bindparam("year"))
    )


@cache
def filings_of_year(form: Form) -> Prepared:
    """Count the reports and the filings of each table on a year, wherever they are."""
    counts = (
        sa.select(sa.func.count()).select_from(each).where(each.c.year == sa.bindparam("year"))
        for each in (REPORT, *(FILINGS[key] for key in form.table))
    )
    return Prepared(sa.select(*(each.scalar_subquery() for each in counts)))


@cache
def filings_below(key: str, way: Way) -> Prepared:
    """Count the filings of a table that are of leaves."""
    filing, leaf = FILINGS[key], _leaves(way)
    on = sa.and_(filing.c.agency == leaf.c.code, filing.c.year == sa.bindparam("year"))
    return Prepared(sa.select(sa.func.count()).select_from(leaf.join(filing, on)))


@cache
def numbers(form: Form, table: Table, way: Way) -> Prepared:
    """Count, over the filings with a blank or `n/a`, the numbers in each cell."""
    filing = FILINGS[table.key]
    blank = models.any_cell(form, table.key).is_(None)
    counts = (sa.func.count(filing.c[cell.name]) for cell in table.cells)
    return Prepared(sa.select(*counts).where(_figures(form, table.key, way), blank))


@cache
def inapplicable(form: Form, key: str, way: Way) -> Prepared:
    """List which cells are `n/a` together, and in how many filings."""
    filing = FILINGS[key]
    names = filing.c.not_applicable
    return Prepared(
        sa.select(names, sa.func.count())
        .where(
            _figures(form, key, way),
            models.any_cell(form, key).is_(None),
            names.is_not(None),
        )
        .group_by(names)
    )


COUNTED = (Standing.LATE, Standing.NIL, Standing.MISSING)
"""The standings that are counted, in the order in which `standing` selects them."""


@cache
def standing(form: Form, way: Way) -> Prepared:
    """Select how the leaves stand: a row of numbers, and a row for each of the first to be named.

    The numbers are how many there are, how many of each of `COUNTED`, and the highest revision;
    then come code, name and standing of one that has not simply filed. What is not of a row's kind
    is NULL.
    """
    leaf, agency = _leaves(way), way.agencies
    word = standings.standing(form, leaf.c.kind).label("word")
    source = leaf.outerjoin(REPORT, standings.its_report(leaf))
    stand: Any = sa.select(leaf.c.code, REPORT.c.revision, word).select_from(source).cte("stand")
    stand = stand.prefix_with("MATERIALIZED", dialect="postgresql")
    counts = (sa.func.count(sa.case((stand.c.word == each.value, 1))) for each in COUNTED)
    highest = sa.func.coalesce(sa.func.max(stand.c.revision), 0)
    numbers = (sa.func.count(), *counts, highest)
    first: Any = sa.select(stand.c.code, stand.c.word).where(stand.c.word != Standing.FILED.value)
    first = first.order_by(stand.c.code).limit(sa.literal_column(str(LISTED))).subquery()
    named = (first.c.code, agency.c.name, first.c.word)
    no_number, no_text = sa.cast(sa.null(), sa.BigInteger), sa.cast(sa.null(), sa.Text)
    return Prepared(
        sa.union_all(
            sa.select(*numbers, *(no_text.label(f"t{n}") for n in range(len(named)))),
            sa.select(*(no_number.label(f"n{n}") for n in range(len(numbers))), *named).select_from(
                first.join(agency, agency.c.code == first.c.code)
            ),
        )
    )
