"""What a connection sees of reports: those that are worked on, those that are published, or both.

Each table of reports is there twice (`models.LAYERED`). What is published is a report as it was
when it was published, judged among what is published; it stays while the report is corrected. A
statement names the tables of what is worked on; for a connection with another `Sight` its text is
given the other tables, under the same names, before it is run.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection
from sqlmodel import SQLModel

from app.storage.models import LAYERED, PUBLISHED

_SIGHT = "gongkai_sight"
_NAMES = "|".join(sorted(LAYERED, key=len, reverse=True))
_TABLE = re.compile(rf"(?<![\w.\"])(change|{_NAMES})(?![\w.\"])(?!\s*\()(?:\s+AS\s+(\w+))?")
_WRITTEN = re.compile(rf"(?<=INSERT INTO )({_NAMES})(?=\s*\()")
_ROOT, _AMONG = "\x00", "\x01"
_CODE = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen: the work of `root` (and of all below it, if `below`), of others the published.

    Without a root nothing but what is published. `among` is an agency if nobody looks at reports of
    others than those that are or ever were at or below it.
    """

    root: str | None = None
    below: bool = False
    among: str | None = None

    def __post_init__(self) -> None:
        for code in (self.root, self.among):
            if code is not None and not _CODE.fullmatch(code):
                raise ValueError(code)  # it will stand in statements


PUBLISHED_ONLY = Sight()


def sight_of(connection: Connection) -> Sight | None:
    """Return what a connection sees; None for all that is worked on."""
    found: Sight | None = getattr(connection, _SIGHT, None)
    return found


@contextmanager
def looking(connection: Connection, sight: Sight | None) -> Iterator[None]:
    """Let a connection see other reports for a while."""
    before = sight_of(connection)
    setattr(connection, _SIGHT, sight)
    try:
        yield
    finally:
        setattr(connection, _SIGHT, before)


def each_layer(connection: Connection) -> Iterator[None]:
    """See what is worked on, and then what is published."""
    for sight in (None, PUBLISHED_ONLY):
        with looking(connection, sight):
            yield


def seen(sql: str, sight: Sight) -> str:
    """Return the text of a statement for a connection that sees something else than the work."""
    kind = "published" if sight.root is None else "below" if sight.below else "own"
    text = _seen(sql, kind, sight.among is not None)
    return text.replace(_ROOT, sight.root or "").replace(_AMONG, sight.among or "")


def written(table: str, sight: Sight | None) -> str:
    """Return the table into which a connection writes that names this one."""
    return table if sight is None or table not in LAYERED else PUBLISHED + table


@lru_cache(maxsize=2_048)
def _seen(sql: str, kind: str, few: bool) -> str:
    sql, among = _WRITTEN.sub(rf"{PUBLISHED}\1", sql), _EVER_BELOW if few else ""
    return _TABLE.sub(
        lambda found: f"{_source(found[1], kind, among)} AS {found[2] or found[1]}", sql
    )


def _source(table: str, kind: str, among: str) -> str:
    if table == "change":
        return f"(SELECT * FROM change WHERE {_VISIBLE[kind]})"  # noqa: S608 - our own names
    if kind == "published":
        return PUBLISHED + table
    columns = ", ".join(column.name for column in SQLModel.metadata.tables[table].columns)
    mine = _MINE[kind]
    return (
        f"(SELECT {columns} FROM {table} WHERE agency {mine}{among} UNION ALL "  # noqa: S608
        f"SELECT {columns} FROM {PUBLISHED}{table} WHERE NOT agency {mine}{among})"
    )


_MINE = {
    "own": f"= '{_ROOT}'",
    "below": "IN (WITH RECURSIVE mine(code) AS ("  # noqa: S608
    f"SELECT code FROM agency WHERE code = '{_ROOT}' UNION "
    "SELECT agency.code FROM agency JOIN mine ON agency.parent = mine.code"
    ") SELECT code FROM mine)",
}
"""Which agencies' work is seen. A code has no character that ends a literal."""
_EVER_BELOW = (
    " AND agency IN (WITH RECURSIVE ever(code) AS ("  # noqa: S608
    f"SELECT code FROM agency WHERE code = '{_AMONG}' UNION "
    "SELECT p.agency FROM agency_period AS p JOIN ever ON p.parent = ever.code"
    ") SELECT code FROM ever)"
)
_VISIBLE = {"published": "layer IS NULL OR layer = 'published'"} | {
    kind: f"layer IS NULL OR (layer = 'working') = (agency {mine})" for kind, mine in _MINE.items()
}
