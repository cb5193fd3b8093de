"""The feed of changes: page by page, waiting for more, or as a stream of events."""

import re
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Header, Query
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api import parameters, schemas
from app.api.access import caller_of, require_still
from app.api.context import HEAD
from app.api.documentation import problems, reads
from app.api.feed_schemas import ChangePage, ResourceName
from app.api.parameters import NoQuery
from app.api.replies import FEED_POSITION, reply, takes_gzip
from app.api.routing import Unnegotiated, database, router
from app.api.watching import Ask, Served, Watcher, hanging_up, read
from app.errors import AppError, Fault, Gone, Invalid

routes = router("changes", "/v1/changes")

HEARTBEAT = 15.0
"""Seconds of silence after which a stream shows that it is alive."""

RETRY = 2_000  # milliseconds after which a client connects again
_STREAMED = 500  # changes that are read at once for a stream
_MOST = 2**53

After = Annotated[
    int | None,
    Field(ge=0, le=_MOST, description="The number to go on after; left out: from the oldest."),
]


class FeedQuery(NoQuery):
    """What is followed."""

    after: After = None
    resource: Annotated[
        ResourceName | None,
        Field(description="Changes of this kind of resource only."),
    ] = None
    agency: Annotated[
        schemas.Code | None, Field(description="Changes of this agency and its reports only.")
    ] = None


class ChangesQuery(FeedQuery):
    """What is followed, and for how long to wait for it."""

    limit: Annotated[int, Field(ge=1, le=1000, description="Changes on a page.")] = 50
    wait: Annotated[
        int,
        Field(ge=0, le=30, description="Seconds to wait for a change if there is none yet."),
    ] = 0


def _ask(request: Request, asked: FeedQuery, limit: int) -> Ask:
    filters = (("agency", asked.agency), ("resource", asked.resource))
    given = tuple((name, value) for name, value in filters if value is not None)
    return Ask(asked.after, limit, given, caller_of(request).sight)


def _watcher(request: Request) -> Watcher:
    found: Watcher = request.app.state.watcher
    return found


def _kept(served: Served) -> Served:
    page = served.page
    if page.is_gone:
        raise Gone(
            "cursor-gone",
            headers={FEED_POSITION: str(page.latest)},
            after=page.after,
            oldest=page.oldest,
            latest=page.latest,
        )
    return served


@routes.get("", **reads(ChangePage, "Follow changes / 跟踪变更", 410, of_one=False))
async def list_changes(request: Request, query: Annotated[ChangesQuery, Query()]) -> Response:
    """Return the changes of agencies, years, reports and successions, in the order of commits.

    Numbers have no gap. Pass `next` as `after` to go on; a filtered page may be empty and still
    have a `next` that is less than `latest`. With `wait` the reply is held until there is a change,
    or that many seconds are over. 410: what followed is no longer kept, so load everything again.

    What a report shows of others (names, `timeliness`, links to other years) follows from the
    change of the agency, the year or the other report, and has none of its own. Where an agency
    moves (`parent` in `members`), reports come into a caller's part of the tree, or leave it,
    without one: list those `under` it anew.
    """
    asked = parameters.read(request, ChangesQuery)
    ask = _ask(request, asked, asked.limit)
    if asked.wait and HEAD not in request.scope:
        served = await _watcher(request).next_page(ask, asked.wait, request.receive)
        await require_still(request)
    else:
        served = await read(database(request), ask)
    made = _kept(served)
    zipped = made.zipped if takes_gzip(request) else None
    return reply(request, made.etag, body=made.body, zipped=zipped)


class EventStream(Response):
    """Changes as server-sent events, from a page that was read on."""

    media_type = "text/event-stream"

    def __init__(self, request: Request, ask: Ask, first: Served) -> None:
        self._request, self._ask, self._first = request, ask, first
        self._watcher = _watcher(request)
        self.status_code = 200
        self.background = None
        self.init_headers(
            {
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
                FEED_POSITION: str(first.page.latest),
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client hangs up or the service stops."""
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        if HEAD not in scope:
            with self._watcher.following():
                async with hanging_up(receive) as gone:
                    # Whatever ends it, the client connects again and goes on where it was.
                    with suppress(ClientDisconnect, SQLAlchemyError, AppError):
                        await self._follow(send, gone)
        await send({"type": "http.response.body", "body": b""})

    async def _follow(self, send: Send, gone: Any) -> None:
        await _send(send, b"retry: %d\n\n" % RETRY)
        served, ask = self._first, self._ask
        while not (served.page.is_gone or gone.done() or self._watcher.is_over):
            page = served.page
            if page.rows:
                await require_still(self._request)
                await _send(send, served.events)
            if page.end >= self._watcher.position:
                await self._until_beyond(page.end, send, gone)
            ask = replace(ask, after=page.end)
            served = await self._watcher.page(ask)

    async def _until_beyond(self, position: int, send: Send, gone: Any) -> None:
        while not await self._watcher.beyond(position, HEARTBEAT, gone):
            if self._watcher.is_over:
                return
            await _send(send, b": alive\nid: %d\n\n" % position)


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


def _last_event(request: Request, asked: FeedQuery) -> FeedQuery:
    """Go on after the event that the client saw last: the header comes from a reconnection."""
    given = request.headers.get("last-event-id", "").strip()
    if not given:
        return asked
    if not re.fullmatch(r"[0-9]{1,15}", given):
        bounds = {"least": 0, "most": _MOST}
        raise Invalid(
            [Fault(None, "out-of-range", bounds, parameter="Last-Event-ID")], "invalid-parameter"
        )
    return asked.model_copy(update={"after": int(given)})


_STREAM: Any = {
    "summary": "Stream changes / 变更事件流",
    "response_model": None,
    "status_code": 200,
    "response_class": EventStream,
    "responses": {
        200: {
            "description": "Events until either side hangs up",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": "id: 8\nevent: change\ndata: {…}\n\n",
                }
            },
        },
        **problems(410, 422, 503),
    },
}


async def stream_changes(
    request: Request,
    query: Annotated[FeedQuery, Query()],
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="The `id` seen last; it goes before `after`."),
    ] = None,
) -> Response:
    """Return the same changes as server-sent events, and further ones as they happen.

    Each is an event `change` whose `id` is its number and whose data is what `/v1/changes` has as
    an item. After a silence of 15 seconds a comment shows that the stream is alive. A browser's
    `EventSource` connects again by itself and misses nothing.
    """
    asked = _last_event(request, parameters.read(request, FeedQuery))
    ask = _ask(request, asked, _STREAMED)
    first = _kept(await read(database(request), ask))
    return EventStream(request, ask, first)


_streams = router("changes", "/v1/changes", Unnegotiated)
_streams.add_api_route("/stream", stream_changes, **_STREAM)
routes.routes += _streams.routes
