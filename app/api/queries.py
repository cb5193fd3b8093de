"""Lists: filters, sort, cursor, page."""

import base64
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api.context import header
from app.api.parameters import NoQuery, read
from app.api.remembering import LONGEST
from app.api.replies import WORTH_ZIPPING, reply, takes_gzip
from app.api.routing import database
from app.api.schemas import BAD_TEXT, YearText, instant
from app.errors import Malformed
from app.services import encoding, past
from app.services.shelf import Page, Pages
from app.storage import agencies, feed, paging

PAGING = {"limit", "cursor", "count", "format"}
"""Parameters that are not filters: they say how a list is shown."""


class ShortQuery(NoQuery):
    """What a list takes that is shown whole where no limit is given."""

    limit: Annotated[
        int | None,
        Field(ge=1, le=1000, description="Items on a page; left out: all of them."),
    ] = None
    cursor: Annotated[
        str | None, Field(description="`next` of the page before. It carries its filters.")
    ] = None
    count: Annotated[bool, Field(description="Add `total`: how many there are in all.")] = False


class ListQuery(ShortQuery):
    """What every other list takes."""

    limit: Annotated[int, Field(ge=1, le=1000, description="Items on a page.")] = 50
    cursor: Annotated[
        str | None,
        Field(description="`next` of the page before. It carries its sort and filters."),
    ] = None


S = TypeVar("S", bound=ShortQuery)
Year = YearText
Instant = Annotated[str, AfterValidator(instant), Field(json_schema_extra={"format": "date-time"})]


def _as_of(value: str) -> str:
    found = past.moment(value)
    if found is None:
        raise PydanticCustomError("gongkai.not-a-time", "not-a-time")
    return found


AsOf = Annotated[
    Annotated[
        str,
        AfterValidator(_as_of),
        WithJsonSchema(
            {"anyOf": [{"type": "string", "format": each} for each in ("date", "date-time")]}
        ),
    ]
    | None,
    Field(
        description="What was said then: a time (RFC 3339), or a day, of which the last moment in "
        "China counts, as 2026-03-01.",
    ),
]


def sort_of(*keys: str) -> Any:
    """Return the type of a `sort` parameter: a key, or one with `-` before it."""
    values = tuple(sign + key for key in keys for sign in ("", "-"))
    return Annotated[
        Literal[values],
        Field(description="`-` for descending; ties are broken by the key of the resource."),
    ]


@dataclass(frozen=True, eq=False)
class Listing:
    """A list: where it comes from, how it is sorted and shown.

    `orders` has for each sort key the names of the columns it sorts by, the key of the resource
    last; `shown` makes the JSON of a row; `keys` tells a row's values of those columns;
    `parameters` makes those of the selection from filters; `tag` is how many bytes at the
    end of a row's JSON tell whether any of it has changed: 0 for all of them; `told` says that
    whatever changes a page is in the feed or the audit log.
    """

    query: type[ListQuery]
    source: paging.Source
    orders: Mapping[str, tuple[str, ...]]
    shown: Callable[[Any], bytes]
    keys: Callable[[Any], Mapping[str, Any]]
    parameters: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    tag: int = 0
    told: bool = False

    def order(self, sort: str) -> paging.Order:
        """Return the columns to sort by: descending means the first, ties go by the key."""
        first, *ties = self.orders[sort.removeprefix("-")]
        return ((first, sort.startswith("-")), *((name, False) for name in ties))

    def kinds(self, query: ListQuery) -> list[type]:
        """Return the types of the keys by which a query that says its sort is sorted."""
        sort = query.model_dump(exclude_unset=True)["sort"]
        return [self.source.keys[name].type.python_type for name, _ in self.order(sort)]


@dataclass(frozen=True)
class Asked:
    """A page that is asked for: sort and filters, and the keys of the row before it.

    `path` has what the path names, by which rows are selected, too: a cursor does not hold for
    another.
    """

    listing: Listing
    limit: int
    count: bool
    filters: Mapping[str, Any]
    after: list[Any] | None
    path: Mapping[str, Any]

    @property
    def order(self) -> paging.Order:
        """The columns to sort by."""
        return self.listing.order(self.filters["sort"])

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the selection."""
        said = {**self.filters, **self.path}
        return self.listing.parameters({n: value for n, value in said.items() if n != "sort"})

    def reading(self) -> Callable[[Any], tuple[list[Any], int | None]]:
        """Return what reads the page with a connection, and one row more if there is one."""
        given = self.parameters
        listed = paging.reading(
            self.listing.source, given, self.order, self.after,
            limit=self.limit + 1, count=self.count,
        )  # fmt: skip

        def listed_below(connection: Connection) -> tuple[list[Any], int | None]:
            with agencies.looking_below(connection, given["under"]):
                return listed(connection)

        return listed_below if "under" in given else listed

    def place(self, row: Any) -> list[Any]:
        """Return the keys by which a row is sorted."""
        keys = self.listing.keys(row)
        return [keys[name] for name, _ in self.order]


def ask(request: Request, listing: Listing, **path: Any) -> Asked:
    """Read which page of a list is asked for. Raises `Invalid` or `Malformed`."""
    asked = read(request, listing.query)
    query, after = resumed(asked, listing.kinds, path)
    default = {"sort": listing.query.model_fields["sort"].default}
    return Asked(listing, asked.limit, asked.count, default | said_by(query), after, path)


def page(asked: Asked, rows: list[Any], total: int | None, more: bytes = b"") -> tuple[str, bytes]:
    """Return a page's ETag and JSON; `more` are members that it has besides."""
    listing, has_next = asked.listing, len(rows) > asked.limit
    rows = rows[: asked.limit]
    said = {**asked.filters, **asked.path}
    cursor = packed(said, asked.place(rows[-1])) if has_next else None
    items = [listing.shown(row) for row in rows]
    end = b'],"next":' + encoding.encoded(cursor)
    if total is not None:
        end += b',"total":%d' % total
    end += more
    tags = [item[-listing.tag :] for item in items]
    etag = encoding.etag(0, b",".join((*tags, end)))
    return etag, b'{"items":[%s%s}' % (b",".join(items), end)


@dataclass(frozen=True)
class Short(Generic[S]):
    """What is asked of a list that is short: filters, and marks of what pages before have shown."""

    query: S
    filters: Mapping[str, Any]
    shown: str

    def page(self, items: Mapping[str, bytes]) -> bytes:
        """Return a page's JSON of all items, by their keys: of those that were not shown.

        So whatever comes or goes during a walk, no other item is left out, or shown twice.
        """
        before = dict.fromkeys(self.shown.split())
        rest = [key for key in items if not before or _mark(key) not in before]
        here, cursor = rest[: self.query.limit], None
        if len(here) < len(rest):
            cursor = packed(self.filters, [" ".join((*before, *map(_mark, here)))])
        total = b',"total":%d' % len(items) if self.query.count else b""
        made = b",".join(items[key] for key in here), encoding.encoded(cursor), total
        return b'{"items":[%s],"next":%s%s}' % made


def _mark(key: str) -> str:
    """Return what a cursor has of a key, as it may have some hundred of them."""
    return f"{zlib.crc32(key.encode()):x}"


def short(request: Request, model: type[S], **path: Any) -> Short[S]:
    """Read what is asked of a short list. Raises `Invalid` or `Malformed`."""
    given = read(request, model)
    query, shown = resumed(given, lambda _: [str], path)
    filters = said_by(query)
    return Short(given.model_copy(update=filters), filters | path, *(shown or [""]))


def said_by(query: NoQuery) -> dict[str, Any]:
    """Return the sort and the filters that a query says."""
    return query.model_dump(exclude_unset=True, exclude=PAGING)


async def answer(request: Request, listing: Listing) -> Response:
    """Answer with a page of a list."""
    if listing.told:
        return await _kept(request, listing)
    asked = ask(request, listing)
    rows, total = await database(request).use(asked.reading())
    etag, body = page(asked, rows, total)
    return reply(request, etag, body=body)


def _is_to_be_new(request: Request) -> bool:
    return "no-cache" in (header(request, b"cache-control") or "").lower()


async def _kept(request: Request, listing: Listing) -> Response:
    """Answer with a page that was kept, if nothing has changed since.

    `Cache-Control: no-cache` asks for one that is made anew, whatever the clock says.
    """
    pages: Pages = request.app.state.pages
    db = database(request)
    key = (listing, request.scope["query_string"], db.sight)
    asked = None if key in pages else ask(request, listing)
    stand = tuple(await db.point(feed.STAND, {}))
    found = None if _is_to_be_new(request) else pages.find(key, stand)
    if found is None:
        asked = asked or ask(request, listing)
        rows, total = await db.use(asked.reading())
        found = Page(stand, *page(asked, rows, total))
        if len(request.scope["query_string"]) <= LONGEST:
            pages.keep(key, found)
    zips = len(found.body) >= WORTH_ZIPPING and takes_gzip(request)
    return reply(request, found.etag, body=found.body, zipped=found.zipped if zips else None)


def packed(said: Mapping[str, Any], place: Sequence[Any]) -> str:
    """Return a cursor: what a query says, and the keys of the last row that was shown."""
    return base64.urlsafe_b64encode(encoding.encoded([said, place])).decode().rstrip("=")


def resumed(
    asked: S, kinds_of: Callable[[S], list[type]], path: Mapping[str, Any]
) -> tuple[S, list[Any] | None]:
    """Return the query, and where to go on; that of the cursor if there is one.

    `kinds_of` tells the types of the keys that a query is sorted by. Raises `Malformed`.
    """
    if asked.cursor is None:
        return asked, None
    query, place = _opened(asked.cursor, type(asked), kinds_of, path)
    said = said_by(query)
    if any(said.get(name) != value for name, value in said_by(asked).items()):
        raise Malformed("cursor-mismatch")
    return query, place


def _opened(
    cursor: str, model: type[S], kinds_of: Callable[[S], list[type]], path: Mapping[str, Any]
) -> tuple[S, list[Any]]:
    """Read a cursor of `packed`.

    It is a client's word like any other, so all of it is checked. Raises `Malformed`.
    """
    try:
        said, place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if any(said.pop(name) != value for name, value in path.items()):
            raise Malformed("cursor-mismatch")
        query = model.model_validate(said)
        kinds = kinds_of(query)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Malformed("cursor-mismatch") from None
    values = said_by(query).values()
    is_place = isinstance(place, list) and len(place) == len(kinds) > 0
    if not (is_place and all(map(_fits, place, kinds)) and all(map(_is_said, values))):
        raise Malformed("cursor-mismatch")
    return query, place


def _is_said(value: Any) -> bool:
    """Tell whether a filter has a value that a query could have given it."""
    return value is not None and not (isinstance(value, str) and BAD_TEXT.search(value))


def _fits(value: Any, kind: type) -> bool:
    """Tell whether a key of a cursor is one that a row could have."""
    if kind is str:
        return isinstance(value, str) and not BAD_TEXT.search(value)
    return type(value) is int and abs(value) < 2**31
