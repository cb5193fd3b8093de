"""Roll-ups and pages of lists kept in memory, each with where the feed stood when it was made.

The feed tells whether one still holds: nothing that it is made from has changed since. So a reply
costs one look at the clock while nothing has changed, in every worker.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property, partial

from sqlalchemy import Connection

from app.services import encoding, rolling
from app.services.rolling import Basis
from app.storage import feed
from app.storage.database import Database, seeing
from app.storage.layers import Sight
from app.storage.statements import batched, plan_once

MOST = 512
"""How many roll-ups are kept."""
LARGEST = 2**20
"""How many bytes of pages are kept."""
_BESIDE = 1_000
"""How many bytes a page takes beside its body, about."""
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


@dataclass(frozen=True)
class Page:
    """A page of a list as it is served, and where feed and audit log stood before it was read."""

    stand: tuple[int, ...]
    etag: str
    body: bytes

    @property
    def size(self) -> int:
        """How many bytes it takes, about."""
        return len(self.body) + _BESIDE

    @cached_property
    def zipped(self) -> bytes:
        """The page, gzipped."""
        return encoding.zipped(self.body)


class Pages:
    """The pages of one worker that were asked for last; used on its event loop.

    They are of lists of which every change is in the feed or in the audit log.
    """

    def __init__(self, most: int = LARGEST) -> None:
        self._kept: OrderedDict[Hashable, Page] = OrderedDict()
        self._most, self._size = most, 0

    def __contains__(self, key: Hashable) -> bool:
        """Tell whether there is a page, whatever it holds at."""
        return key in self._kept

    def find(self, key: Hashable, stand: tuple[int, ...]) -> Page | None:
        """Return a page that holds while feed and audit log stand there."""
        found = self._kept.get(key)
        if found is None or found.stand != stand:
            return None
        self._kept.move_to_end(key)
        return found

    def keep(self, key: Hashable, page: Page) -> None:
        """Keep a page, and forget those that nobody has asked for lately."""
        old = self._kept.pop(key, None)
        self._kept[key] = page
        self._size += page.size - (old.size if old else 0)
        while self._size > self._most:
            _, gone = self._kept.popitem(last=False)
            self._size -= gone.size


def _current(connection: Connection, key: Key, found: Kept | None) -> Kept:
    """Return what is there if it still holds, or compute it."""
    agency, year, basis, _ = key
    with batched(connection):
        if basis == "children":
            plan_once(connection)
        position, oldest = feed.POSITION.row(connection, {})
    if found is not None and oldest <= found.position + 1 and position - found.position <= _FAR:
        parent = agency if basis == "children" else None
        if not feed.concerns(connection, found.position, year, parent):
            return replace(found, position=position)
    etag, body = rolling.computed(connection, agency, year, basis)
    return Kept(position, etag, encoding.zipped(body))
