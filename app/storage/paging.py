"""Pages of a list by keyset: the rows after a given one, in an order that ends in the key."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select
from sqlmodel import Session

Order = Sequence[tuple[ColumnElement[Any], bool]]
"""Columns to sort by, each with whether it is descending."""


def page(
    session: Session, query: Select[Any], order: Order, after: Sequence[Any] | None, limit: int
) -> list[Any]:
    """Return up to `limit` rows, and one more if there are more."""
    if after is not None:
        query = query.where(_beyond(order, after))
    sorted_query = query.order_by(*(c.desc() if down else c.asc() for c, down in order))
    return list(session.connection().execute(sorted_query.limit(limit + 1)).all())


def total(session: Session, query: Select[Any]) -> int:
    """Count the rows of a list."""
    counted = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    return int(session.connection().execute(counted).scalar_one())


def _beyond(order: Order, after: Sequence[Any]) -> ColumnElement[bool]:
    """Compare rows: `(a, b) > (x, y)` in one word, or written out if the directions differ."""
    if len({down for _, down in order}) == 1:
        row = sa.tuple_(*(column for column, _ in order))
        last = sa.tuple_(*(sa.literal(v, c.type) for v, (c, _) in zip(after, order, strict=True)))
        return row < last if order[0][1] else row > last
    return sa.or_(
        *(
            sa.and_(
                *(column == value for (column, _), value in zip(order[:i], after, strict=False)),
                order[i][0] < after[i] if order[i][1] else order[i][0] > after[i],
            )
            for i in range(len(order))
        )
    )
