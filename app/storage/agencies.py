"""Agencies in the database, and their tree."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import Session, col, select

from app.domain.codes import is_agency_code
from app.storage import standings
from app.storage.layers import PUBLISHED_ONLY, Sight, looking, sight_of
from app.storage.models import Agency, AgencyPeriod, Report
from app.storage.paging import Source, equals
from app.storage.statements import Prepared, one_of

_TABLE = Agency.__table__
WRITABLE = (
    "name",
    "short_name",
    "kind",
    "level",
    "parent",
    "uscc",
    "uscc_unchecked",
    "division",
    "active_from",
    "active_to",
)
"""What clients write of an agency beside its code."""

_REGISTER_LOCK = 0x72656769  # "regi"


def lock_register(session: Session) -> None:
    """Let one transaction at a time change agencies and years, so that no circle can be closed.

    On SQLite there is only one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(
            sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _REGISTER_LOCK}
        )


def find(session: Session, code: str) -> Agency | None:
    """Return an agency; None if it is not registered."""
    return session.get(Agency, code)


def some(session: Session, codes: Collection[str]) -> dict[str, Agency]:
    """Return those of these agencies that are registered, by code."""
    found = session.exec(select(Agency).where(col(Agency.code).in_(codes)))
    return {each.code: each for each in found}


def lock(session: Session, code: str) -> Agency | None:
    """Return an agency that this transaction will change."""
    return session.get(Agency, code, with_for_update=True)


def exists(connection: Connection, code: str) -> bool:
    """Tell whether an agency is registered."""
    return _EXISTS.row(connection, {"code": code}) is not None


def holder_of(session: Session, uscc: str) -> str | None:
    """Return the code of the agency that has a USCC."""
    query = sa.select(col(Agency.code)).where(col(Agency.uscc) == uscc)
    return session.connection().execute(query).scalar_one_or_none()


def at_or_below(root: Any, agency: Any = _TABLE) -> Any:
    """Select the codes of an agency and of all agencies below it, in the tree of `agency`."""
    tree = sa.select(agency.c.code).where(agency.c.code == root).cte("tree", recursive=True)
    children = sa.select(agency.c.code).join(tree, agency.c.parent == tree.c.code)
    # UNION, not UNION ALL: it ends even on a circle.
    return sa.select(tree.union(children).c.code)


UNDER = at_or_below(sa.bindparam("under"))
"""Select the codes of the agency `under` and of all agencies below it."""


def within(names: frozenset[str], agency: Any, year: Any) -> list[Any]:
    """Return the filters of reports by a part of the tree and by years, for these columns."""
    found = []
    if "under" in names:
        found.append(one_of(agency, UNDER))
    if "year_from" in names:
        found.append(year >= sa.bindparam("year_from"))
    if "year_to" in names:
        found.append(year <= sa.bindparam("year_to"))
    return found


_EXISTS = Prepared(sa.select(_TABLE.c.code).where(_TABLE.c.code == sa.bindparam("code")))


def _within() -> Any:
    """Select something if `root` is an agency or stands above it, walking up: there are few."""
    above = sa.select(_TABLE.c.code, _TABLE.c.parent).where(_TABLE.c.code == sa.bindparam("code"))
    line = above.cte("line", recursive=True)
    parents = sa.select(_TABLE.c.code, _TABLE.c.parent).join(line, _TABLE.c.code == line.c.parent)
    line = line.union(parents)  # not UNION ALL: it ends even on a circle
    return sa.select(sa.literal(1)).select_from(line).where(line.c.code == sa.bindparam("root"))


_WITHIN = Prepared(_within())


def is_at_or_below(connection: Connection, code: str, root: str) -> bool:
    """Tell whether an agency is `root` or stands below it."""
    return _WITHIN.row(connection, {"code": code, "root": root}) is not None


def sees(connection: Connection, sight: Sight | None, code: str) -> bool:
    """Tell whether who sees this much sees what is worked on of an agency."""
    if sight is None or sight.root is None:
        return sight is None
    return code == sight.root or (sight.below and is_at_or_below(connection, code, sight.root))


@contextmanager
def looking_at(connection: Connection, code: str) -> Iterator[None]:
    """See for a while, of all that is seen, only the layer in which an agency's reports are.

    Where both are seen, SQLite would put all that is in them together before it joins them.
    """
    sight = sight_of(connection)
    if sight is not None and sight.root is not None:
        sight = None if sees(connection, sight, code) else PUBLISHED_ONLY
    with looking(connection, sight):
        yield


@contextmanager
def looking_below(connection: Connection, code: str | None) -> Iterator[None]:
    """See for a while no reports but of agencies that are or ever were at or below one, if any.

    So SQLite puts no others together. It would take longer if there are many, as below one that
    has the root of what is seen below itself: then nothing changes.
    """
    sight = sight_of(connection)
    if sight is not None and code is not None and connection.dialect.name == "sqlite":
        sight = replace(sight, among=code if _are_few(connection, code, sight.root) else None)
    with looking(connection, sight):
        yield


def _are_few(connection: Connection, code: str, root: str | None) -> bool:
    if root is None or not is_agency_code(code):
        return False
    return code == root or not is_at_or_below(connection, root, code)


def dependants(session: Session, code: str) -> tuple[int, int]:
    """Count the reports of an agency, and the agencies whose parent it is or ever was."""
    connection = session.connection()
    reports = sa.select(sa.func.count()).select_from(Report).where(col(Report.agency) == code)
    ever = sa.select(col(AgencyPeriod.agency)).where(col(AgencyPeriod.parent) == code)
    is_child = sa.or_(col(Agency.parent) == code, col(Agency.code).in_(ever))
    children = sa.select(sa.func.count()).select_from(Agency).where(is_child)
    return (
        int(connection.execute(reports).scalar_one()),
        int(connection.execute(children).scalar_one()),
    )


def report_years(connection: Connection, code: str) -> list[int]:
    """Return the years that an agency has reports on."""
    query = sa.select(col(Report.year)).where(col(Report.agency) == code).order_by(col(Report.year))
    return list(connection.execute(query).scalars())


def active_from(connection: Connection, code: str) -> str | None:
    """Return the first day of an agency's activity; None if it is not known."""
    found: str | None = connection.scalar(
        sa.select(col(Agency.active_from)).where(col(Agency.code) == code)
    )
    return found


def folded(text: str) -> str:
    """Return a text as it is searched for: compatible forms and cases are one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def search_text(code: str, name: str, short_name: str | None) -> str:
    """Return what `q` looks into: a line feed, the code, and the names, folded."""
    return "\n".join(("", folded(code), folded(name), folded(short_name or "")))


def _listed(names: frozenset[str]) -> Any:
    """Select agencies by the filters of `/v1/agencies`; see `parameters`."""
    columns = {name: col(getattr(Agency, name)) for name in ("parent", "kind", "level")}
    query = sa.select(_TABLE).where(*equals(names, columns))
    if "under" in names:
        query = query.where(one_of(col(Agency.code), UNDER))
    if "first_day" in names:
        query = query.where(standings.is_active(_TABLE))
    if "start" in names:
        width = sa.func.length(col(Agency.code)) + 2
        in_names = sa.func.substr(col(Agency.search), width)
        query = query.where(
            sa.or_(
                col(Agency.search).like(sa.bindparam("start"), escape="\\"),
                in_names.like(sa.bindparam("part"), escape="\\"),
            )
        )
    return query


COLUMNS: tuple[str, ...] = tuple(_TABLE.c.keys())
LISTED = Source(_listed, {name: _TABLE.c[name] for name in ("code", "name", "updated_at")})


def parameters(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of `LISTED`: days for a year, patterns for a text."""
    found = dict(filters)
    if "active_in" in found:
        found |= standings.days(found.pop("active_in"))
    if "q" in found:
        text = folded(found.pop("q"))
        text = text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        found |= {"start": f"\n{text}%", "part": f"%{text}%"}
    return found
