"""Who followed whom, in the database.

Writers of reports share the locks of years, and whoever changes successions holds all of these: so
successions stay as they are while a report is written.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import Session

from app.domain.codes import is_id
from app.domain.report import Agency
from app.storage import models, years
from app.storage.paging import Source, equals
from app.storage.statements import Prepared

TABLE = models.Succession.__table__
_AGENCY = models.Agency.__table__


@dataclass(frozen=True, slots=True)
class Tie:
    """That an agency followed another, with effect in a year."""

    id: str
    predecessor: str
    successor: str
    kind: str
    effective_on: str
    year: int
    created_at: str


_COLUMNS = [TABLE.c[field.name] for field in fields(Tie)]
_IS_OF = sa.or_(
    TABLE.c.predecessor == sa.bindparam("agency"), TABLE.c.successor == sa.bindparam("agency")
)
_ORDERED = sa.select(*_COLUMNS).order_by(TABLE.c.predecessor, TABLE.c.successor, TABLE.c.year)
_OF, _ALL = Prepared(_ORDERED.where(_IS_OF)), Prepared(_ORDERED)
_INSERT = Prepared(sa.insert(TABLE))
_DELETE = Prepared(sa.delete(TABLE).where(TABLE.c.id == sa.bindparam("id")))
_LOCK = Prepared(
    sa.select(_AGENCY.c.code, _AGENCY.c.name, _AGENCY.c.kind, _AGENCY.c.level)
    .where(
        sa.or_(
            _AGENCY.c.code.in_(sa.select(TABLE.c.predecessor)),
            _AGENCY.c.code.in_(sa.select(TABLE.c.successor)),
        )
    )
    .order_by(_AGENCY.c.code)
    .with_for_update(key_share=True)
)


HAS_NONE = sa.and_(
    sa.not_(sa.exists().where(TABLE.c.predecessor == sa.bindparam("agency"))),
    sa.not_(sa.exists().where(TABLE.c.successor == sa.bindparam("agency"))),
)
"""Whether the agency `agency` has neither followed another nor was followed."""


def of(connection: Connection, agency: str) -> tuple[Tie, ...]:
    """Return the successions in which an agency followed another, or was followed."""
    return tuple(Tie(*row) for row in _OF.rows(connection, {"agency": agency}))


def everything(connection: Connection) -> tuple[Tie, ...]:
    """Return all successions: they are few."""
    return tuple(Tie(*row) for row in _ALL.rows(connection, {}))


def around(connection: Connection, agency: str) -> tuple[Tie, ...]:
    """Return all successions if an agency has any, as others bear on it by way of these."""
    return everything(connection) if of(connection, agency) else ()


def lock(connection: Connection) -> dict[str, Agency]:
    """Lock all agencies that have successions, in order, and return them.

    They are judged by each other's reports, so a writer of one needs others. Taken all at once,
    before any other agency, there is one order everywhere; and they are few.
    """
    return {row[0]: Agency(*row) for row in _LOCK.rows(connection, {})}


def enter(session: Session) -> None:
    """Let nobody write reports until this transaction, which has the register, ends."""
    for year in years.between(session.connection(), 0, 9999):
        years.lock(session, year)


def add(connection: Connection, new: Tie) -> None:
    """Write a succession."""
    _INSERT.run(connection, asdict(new))


def remove(connection: Connection, id_: str) -> None:
    """Delete a succession."""
    _DELETE.run(connection, {"id": id_})


def _shown() -> Any:
    before, after = _AGENCY.alias("before"), _AGENCY.alias("after")
    return (
        sa.select(*_COLUMNS, before.c.name.label("was"), after.c.name.label("now"))
        .join(before, before.c.code == TABLE.c.predecessor)
        .join(after, after.c.code == TABLE.c.successor)
    )


_FIND = Prepared(_shown().where(TABLE.c.id == sa.bindparam("id")))


def find(connection: Connection, id_: str) -> Any:
    """Return a succession with the names of both agencies, as the list does; None if not there."""
    return _FIND.row(connection, {"id": id_}) if is_id(id_) else None


def tie(row: Any) -> Tie:
    """Return what a row of `find` or of the list is about."""
    return Tie(*row[: len(_COLUMNS)])


def _listed(names: frozenset[str]) -> Any:
    query = _shown().where(*equals(names, {"year": TABLE.c.year}))
    return query.where(_IS_OF) if "agency" in names else query


LISTED = Source(_listed, {name: TABLE.c[name] for name in ("effective_on", "id")})
