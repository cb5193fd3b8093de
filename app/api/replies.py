"""Replies with an ETag: whole, gzipped, or 304. And conditions of requests that write."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from app.errors import Refused, Stale
from app.services import encoding

MERGE_PATCH = "application/merge-patch+json"
PATCHABLE = {"Accept-Patch": MERGE_PATCH}
_ETAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)')
_WORTH_ZIPPING = 1_000
_QUALITY = re.compile(r";\s*q=([\d.]+)")


@lru_cache(maxsize=512)
def accepts_gzip(header: str) -> bool:
    """Tell whether a client with this Accept-Encoding takes gzip."""
    wanted: dict[str, bool] = {}
    for part in header.lower().split(","):
        coding = part.split(";")[0].strip()
        wanted[coding] = _quality(part) > 0
    return wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", False)))


@lru_cache(maxsize=512)
def accepts(header: str, media: str = "application/json") -> bool:
    """Tell whether a client with this Accept takes a media type."""
    best: tuple[int, bool] = (-1, False)
    order = ("*/*", f"{media.partition('/')[0]}/*", media)
    for part in header.lower().split(","):
        given = part.split(";")[0].strip()
        if given in order:
            best = max(best, (order.index(given), _quality(part) > 0))
    return best[1]


def _quality(part: str) -> float:
    found = _QUALITY.search(part)
    try:
        return float(found[1]) if found else 1.0
    except ValueError:
        return 0.0


def negotiate(request: Request) -> None:
    """Refuse a client that does not take JSON."""
    accept = request.headers.get("accept")
    if accept and not accepts(accept):
        raise Refused(406, "not-acceptable")


def _field(request: Request, name: str) -> str | None:
    """Return a header's value; that of several lines is a list."""
    return ",".join(request.headers.getlist(name)) or None


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
    match, none_match = _field(request, "if-match"), _field(request, "if-none-match")
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


def reply(
    request: Request,
    etag: str,
    *,
    body: bytes | None = None,
    zipped: bytes | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a representation, of which one coding at least is given; 304 if the client has it."""
    takes_gzip = accepts_gzip(request.headers.get("accept-encoding", ""))
    is_zipped = takes_gzip and (zipped is not None or len(body or b"") >= _WORTH_ZIPPING)
    sent = {
        "ETag": f'{etag[:-1]}-gzip"' if is_zipped else etag,
        "Vary": "Accept-Encoding",
        "Cache-Control": "no-cache",
        **(headers or {}),
    }
    known = _field(request, "if-none-match")
    if known is not None and request.method in {"GET", "HEAD"} and _same(known, etag):
        return Response(status_code=304, headers=sent)
    if is_zipped:
        content = zipped if zipped is not None else encoding.zipped(body or b"")
        sent["Content-Encoding"] = "gzip"
    else:
        content = body if body is not None else encoding.unzipped(zipped or b"")
    return Response(content, status, sent, media_type="application/json")


def written(request: Request, path: str, etag: str, body: bytes, status: int) -> Response:
    """Return what was written, which stands at `path` from now on."""
    headers = {"Content-Location": path, **PATCHABLE}
    if status == 201:
        headers["Location"] = path
    return reply(request, etag, body=body, status=status, headers=headers)
