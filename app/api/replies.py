"""Replies with an ETag: whole, gzipped, or 304. And conditions of requests that write."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from app.api.context import header
from app.api.remembering import remembered
from app.errors import Refused, Stale
from app.services import encoding

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
FEED_POSITION = "Feed-Position"
PATCHABLE = {"Accept-Patch": MERGE_PATCH}
_ETAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)')
_ALWAYS = ((b"vary", b"Accept-Encoding"), (b"cache-control", b"no-cache"))
_GZIP = (b"content-encoding", b"gzip")
_JSON = (b"content-type", JSON.encode())
WORTH_ZIPPING = 1_000
"""How many bytes a body has at least that is gzipped for a client that takes it."""
_QUALITY = re.compile(r";\s*q=([\d.]+)")


def takes_gzip(request: Request) -> bool:
    """Tell whether the client takes gzip."""
    return _has_gzip(header(request, b"accept-encoding") or "")


@remembered(512)
def _has_gzip(header: str) -> bool:
    wanted: dict[str, bool] = {}
    for part in header.lower().split(","):
        coding = part.split(";")[0].strip()
        wanted[coding] = _quality(part) > 0
    return wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", False)))


@remembered(512)
def accepts(header: str, media_type: str) -> bool:
    """Tell whether a client with this Accept takes a media type."""
    best: tuple[int, bool] = (-1, False)
    order = ("*/*", f"{media_type.partition('/')[0]}/*", media_type)
    for part in header.lower().split(","):
        media = part.split(";")[0].strip()
        if media in order:
            best = max(best, (order.index(media), _quality(part) > 0))
    return best[1]


def _quality(part: str) -> float:
    found = _QUALITY.search(part)
    try:
        return float(found[1]) if found else 1.0
    except ValueError:
        return 0.0


def negotiate(request: Request, media_type: str = JSON) -> None:
    """Refuse a client that does not take what it would get."""
    accept = header(request, b"accept")
    if accept and not accepts(accept, media_type):
        raise Refused("not-acceptable", media_type=media_type)


def _listed(header: str) -> list[tuple[bool, str]]:
    """Return the entity tags of a header: whether weak, and the opaque part."""
    return [(bool(weak), tag.removesuffix("-gzip")) for weak, tag in _ETAG.findall(header)]


def _same(header: str, etag: str) -> bool:
    """Compare as If-None-Match does: weakly, all of the tag, in either coding."""
    return header.strip() == "*" or etag.strip('"') in {tag for _, tag in _listed(header)}


def _revision(tag: str) -> str:
    return tag.partition("-")[0]


def require(request: Request, current: int | None, etag: Callable[[], str]) -> None:
    """Hold a writing request to its conditions. Raises `Stale`.

    `current` is the revision of what is there, None if nothing is; `etag` makes its ETag.
    If-Match holds while the revision is current, even if findings have moved since.
    """
    match, none_match = header(request, b"if-match"), header(request, b"if-none-match")
    holds = True
    if match is not None:
        holds = current is not None and (
            match.strip() == "*"
            or any(not weak and _revision(tag) == str(current) for weak, tag in _listed(match))
        )
    if holds and none_match is not None:
        holds = current is None or not _same(none_match, etag())
    if not holds:
        headers = {} if current is None else {"ETag": etag()}
        raise Stale("precondition-failed", headers=headers)


class _Sent(Response):
    """A response whose headers are given as they are sent."""

    def __init__(self, body: bytes, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.body, self.status_code, self.raw_headers = body, status, headers
        self.background = None


@lru_cache(maxsize=64)
def _as_sent(name: str, value: str) -> tuple[bytes, bytes]:
    return name.lower().encode("latin-1"), value.encode("latin-1")


def reply(
    request: Request,
    etag: str = "",
    *,
    body: bytes | None = None,
    zipped: bytes | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a representation, of which one coding at least is given; 304 if the client has it.

    What has no revision needs no ETag: a digest of its body is made.
    """
    etag = etag or encoding.etag(0, body or b"")
    is_worth_it = zipped is not None or len(body or b"") >= WORTH_ZIPPING
    is_zipped = is_worth_it and takes_gzip(request)
    tag = f'{etag[:-1]}-gzip"' if is_zipped else etag
    sent = [(b"etag", tag.encode("latin-1")), *_ALWAYS]
    if headers is not None:
        sent += [_as_sent(name, value) for name, value in headers.items()]
    known = header(request, b"if-none-match")
    if known is not None and request.method in {"GET", "HEAD"} and _same(known, etag):
        return _Sent(b"", 304, sent)
    if is_zipped:
        content = zipped if zipped is not None else encoding.zipped(body or b"")
        sent.append(_GZIP)
    else:
        content = body if body is not None else encoding.unzipped(zipped or b"")
    sent += ((b"content-length", b"%d" % len(content)), _JSON)
    return _Sent(content, status, sent)


def written(
    request: Request, path: str, etag: str, body: bytes, status: int, *, patchable: bool = True
) -> Response:
    """Return what was written, which stands at `path` from now on."""
    headers = {"Content-Location": path, **(PATCHABLE if patchable else {})}
    if status == 201:
        headers["Location"] = path
    return reply(request, etag, body=body, status=status, headers=headers)
