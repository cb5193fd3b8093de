"""Roll-ups kept in memory, each with the feed position that it was computed at.

The feed tells whether one still holds: nothing that it is computed from has changed since. So a
reply costs one look at the clock while nothing below has changed, in every worker.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from app.services import encoding, rolling
from app.services.rolling import Basis
from app.storage import feed
from app.storage.database import Database, seeing
from app.storage.layers import Sight

MOST = 512
"""How many roll-ups are kept."""
_FAR = 2_000
"""After how many changes it is cheaper to compute anew than to look through them."""

Key = tuple[str, int, Basis, Sight | None]


@dataclass(frozen=True, slots=True)
class Kept:
    """A roll-up as it is served, gzipped, and the position at which it was known to hold."""

    position: int
    etag: str
    zipped: bytes


class Shelf:
    """The roll-ups of one worker; used on its event loop, and by one read at a time for each."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[Key, Kept] = OrderedDict()

    async def rollup(self, agency: str, year: int, basis: Basis, sight: Sight | None) -> Kept:
        """Return a roll-up of what is seen. Raises `NotFound`."""
        key = (agency, year, basis, sight)
        found = self._kept.get(key)
        if found is not None:
            position, _ = await self._database.point(feed.POSITION, {})
            if position == found.position:
                self._kept.move_to_end(key)
                return found
        made = await self._database.snapshot(seeing(sight, partial(_current, key=key, found=found)))
        self._kept[key] = made
        self._kept.move_to_end(key)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return made


def _current(connection: Connection, key: Key, found: Kept | None) -> Kept:
    """Return what is there if it still holds, or compute it."""
    agency, year, basis, _ = key
    position, oldest = feed.POSITION.row(connection, {})
    if found is not None and oldest <= found.position + 1 and position - found.position <= _FAR:
        parent = agency if basis == "children" else None
        if not feed.concerns(connection, found.position, year, parent):
            return replace(found, position=position)
    etag, body = rolling.computed(connection, agency, year, basis)
    return Kept(position, etag, encoding.zipped(body))
