"""Pages of a list by keyset: the rows after a given one, in an order that ends in the key.

A list is selected by a function of the names of its filters; their values are parameters of those
names. So each combination of filters and sort is one statement, made once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Select

from app.storage.statements import Prepared


@dataclass(frozen=True, eq=False)
class Source:
    """A list: how it is selected by the names of its filters, and the columns it is sorted by."""

    select: Callable[[frozenset[str]], Select[Any]]
    keys: Mapping[str, ColumnElement[Any]]


Order = tuple[tuple[str, bool], ...]
"""Names of columns to sort by, each with whether it is descending."""


def reading(
    source: Source, parameters: Mapping[str, Any], order: Order, after: Sequence[Any] | None,
    *, limit: int, count: bool,
) -> Callable[[Connection], tuple[list[Any], int | None]]:  # fmt: skip
    """Return what reads up to `limit` rows, and if asked how many there are in all."""
    statement, values = page(source, parameters, order, after, limit=limit)

    def read(connection: Connection) -> tuple[list[Any], int | None]:
        rows = statement.rows(connection, values)
        return rows, total(connection, source, parameters) if count else None

    return read


def page(
    source: Source, parameters: Mapping[str, Any], order: Order, after: Sequence[Any] | None,
    *, limit: int,
) -> tuple[Prepared, dict[str, Any]]:  # fmt: skip
    """Return the statement that reads a page, and its parameters."""
    last = {f"after_{index}": value for index, value in enumerate(after or ())}
    statement = _page(source, frozenset(parameters), order, after is not None)
    return statement, {**parameters, **last, "limit": limit}


def total(connection: Connection, source: Source, parameters: Mapping[str, Any]) -> int:
    """Return how many rows there are in all."""
    statement = _total(source, frozenset(parameters))
    return int(statement.row(connection, parameters)[0])


@cache
def _page(source: Source, names: frozenset[str], order: Order, resumed: bool) -> Prepared:
    query = source.select(names)
    sort = [(source.keys[name], down) for name, down in order]
    if resumed:
        query = query.where(_beyond(sort))
    query = query.order_by(*(c.desc() if down else c.asc() for c, down in sort))
    return Prepared(query.limit(sa.bindparam("limit", type_=sa.Integer)))


@cache
def _total(source: Source, names: frozenset[str]) -> Prepared:
    return Prepared(sa.select(sa.func.count()).select_from(source.select(names).subquery()))


def _beyond(sort: Sequence[tuple[Any, bool]]) -> ColumnElement[bool]:
    """Compare rows: `(a, b) > (x, y)` in one word, or written out if the directions differ."""
    last = [sa.bindparam(f"after_{i}", type_=c.type) for i, (c, _) in enumerate(sort)]
    if len({down for _, down in sort}) == 1:
        row = sa.tuple_(*(column for column, _ in sort))
        return row < sa.tuple_(*last) if sort[0][1] else row > sa.tuple_(*last)
    return sa.or_(
        *(
            sa.and_(
                *(column == value for (column, _), value in zip(sort[:i], last, strict=False)),
                column < last[i] if down else column > last[i],
            )
            for i, (column, down) in enumerate(sort)
        )
    )


def equals(names: frozenset[str], columns: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Return the filters that ask for a value of a column."""
    return [column == sa.bindparam(name) for name, column in columns.items() if name in names]
