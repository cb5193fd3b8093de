"""Those who wait for the feed to go on, and the one look at the clock for all of them.

While somebody waits, a single task asks the database for the clock's row, and only when it has
moved are they woken. Those who wait at the same place are then given the same page, which was read,
encoded and compressed once. So who waits holds a future: no connection and no thread.
"""

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from types import FrameType
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.api.replies import WORTH_ZIPPING
from app.services import encoding
from app.storage import feed
from app.storage.database import Database, Readable, seeing
from app.storage.feed import Page
from app.storage.layers import Sight

TICK = 0.25
"""Seconds between two looks at the clock."""

SHARED = 64
"""How many pages are kept for others who ask for the same."""

CROWD = 300
"""How many who wait are woken in a second; if there are more, all of them wait longer."""

_UNKNOWN = (-1, 0)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is read of the feed, and by whom it is seen. Filters are names and values."""

    after: int | None
    limit: int
    filters: tuple[tuple[str, Any], ...] = ()
    sight: Sight | None = None


class Served:
    """A page of the feed, in the shapes in which it is sent."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def _items(self) -> Iterator[tuple[int, bytes]]:
        return ((seq, b'{"seq":%d,%s' % (seq, body[1:])) for seq, body in self.page.rows)

    @cached_property
    def body(self) -> bytes:
        """As JSON."""
        items = b",".join(item for _, item in self._items())
        place = b'],"next":%d,"latest":%d}' % (self.page.end, self.page.latest)
        return b'{"items":[' + items + place

    @cached_property
    def zipped(self) -> bytes | None:
        """As JSON, gzipped, if that is worth it."""
        return encoding.zipped(self.body) if len(self.body) >= WORTH_ZIPPING else None

    @cached_property
    def etag(self) -> str:
        """The ETag of the JSON."""
        return encoding.etag(0, self.body)

    @cached_property
    def events(self) -> bytes:
        """As server-sent events."""
        form = b"id: %d\nevent: change\ndata: %s\n\n"
        return b"".join(form % item for item in self._items())


async def read(database: Readable, ask: Ask, upto: int | None = None) -> Served:
    """Read a page of the feed."""
    filters = dict(ask.filters)
    reading = seeing(ask.sight, lambda c: feed.since(c, ask.after, ask.limit, filters, upto=upto))
    page = await database.exact(reading)
    return Served(page)


class Watcher:
    """Looks at the clock while somebody is there who follows the feed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._clock: tuple[int, ...] = _UNKNOWN
        self._moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pages: dict[Ask, asyncio.Task[Served]] = {}
        self._followers = 0
        self._next_look = 0.0
        self._task: asyncio.Task[None] | None = None
        self.is_over = False

    @contextmanager
    def following(self) -> Iterator[None]:
        """Be there: pages are shared and the clock is looked at."""
        self._followers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._task.cancel()
                self._task = None
                self._pages.clear()

    @property
    def position(self) -> int:
        """Where the feed stood at the last look at the clock."""
        return self._clock[0]

    async def page(self, ask: Ask) -> Served:
        """Read a page, or take the one that another follower has read since the clock moved.

        It ends where the feed stood then: so all who follow go on from one place, and share pages.
        """
        if self._clock == _UNKNOWN:
            self._clock = await self._looked_up()
        task = self._pages.get(ask)
        if task is None:
            task = asyncio.create_task(read(self._database, ask, self.position))
            self._pages[ask] = task
            if len(self._pages) > SHARED:
                del self._pages[next(iter(self._pages))]
            task.add_done_callback(lambda done: self._drop_failed(ask, done))
        return await asyncio.shield(task)

    async def _looked_up(self) -> tuple[int, ...]:
        return tuple(await self._database.exact(lambda c: feed.POSITION.row(c, {})))

    def _drop_failed(self, ask: Ask, done: asyncio.Task[Served]) -> None:
        if (done.cancelled() or done.exception()) and self._pages.get(ask) is done:
            del self._pages[ask]

    async def beyond(self, position: int, seconds: float, gone: "asyncio.Task[None]") -> bool:
        """Wait until the clock is beyond a position; False if time or service end first.

        Raises `ClientDisconnect` if the client hangs up, which `gone` tells.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while self._clock[0] <= position and not self.is_over:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            await asyncio.wait(
                (self._moved, gone), timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if gone.done():
                raise ClientDisconnect
        return not self.is_over

    async def next_page(self, ask: Ask, seconds: float, receive: Receive) -> Served:
        """Read a page; if there is nothing on it yet, wait for something."""
        deadline = asyncio.get_running_loop().time() + seconds
        with self.following():
            async with hanging_up(receive) as gone:
                while True:
                    served = await self.page(ask)
                    page = served.page
                    if page.rows or page.is_gone:
                        return served
                    ask = replace(ask, after=page.end)
                    left = deadline - asyncio.get_running_loop().time()
                    if page.end >= self.position and not await self.beyond(page.end, left, gone):
                        return await read(self._database, ask)

    def end(self) -> None:
        """Let nobody wait any longer."""
        self.is_over = True
        self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.get_running_loop().create_future()
        moved.set_result(None)

    async def _watch(self) -> None:
        """Look at the clock at the pace of those who wait, even if all of them come and go."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(max(0.0, self._next_look - loop.time()))
            self._next_look = loop.time() + max(TICK, self._followers / CROWD)
            with suppress(SQLAlchemyError):  # whoever reads next is told
                clock = await self._looked_up()
                if clock != self._clock:
                    self._clock = clock
                    self._pages.clear()
                    self._wake()


@asynccontextmanager
async def hanging_up(receive: Receive) -> AsyncIterator["asyncio.Task[None]"]:
    """Give a task that ends when the client hangs up."""
    task = asyncio.create_task(_until_gone(receive))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@contextmanager
def told_to_stop(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` when the process is told to stop.

    The server waits for the replies under way before it tells the application that it stops; those
    that wait for something would keep it waiting.
    """
    with contextlib.ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                _chain(stack, number, tell)
        yield


def _chain(stack: contextlib.ExitStack, number: signal.Signals, tell: Callable[[], None]) -> None:
    loop, before = asyncio.get_running_loop(), signal.getsignal(number)
    if not callable(before):
        return

    def handle(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(tell)
        before(signum, frame)

    signal.signal(number, handle)
    stack.callback(lambda: signal.signal(number, before))
