"""Another instance, as its API shows it."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, TypeVar

import httpx2

from app.services import encoding

Json = dict[str, Any]
T = TypeVar("T")

PAUSES = (0.1, 0.5, 2.0, 5.0)
"""Seconds between attempts; after the last the other instance counts as away."""

_AT_ONCE = 8
_TIMEOUT = httpx2.Timeout(60, connect=5)  # longer than a poll waits
_ABSENT = {
    "agency-not-found",
    "reporting-year-not-found",
    "report-not-found",
    "succession-not-found",
}
"""The problems of what is not there."""


class MirrorError(Exception):
    """A copy cannot be kept in step."""


class AwayError(MirrorError):
    """The other instance does not answer, or not now."""


class UnexpectedError(MirrorError):
    """The other instance, if it is one, answers what it should not."""


class GoneError(MirrorError):
    """The other instance no longer keeps the changes that are asked for."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Another instance: a client of it, and threads to ask it several things at once."""

    client: httpx2.Client
    threads: ThreadPoolExecutor


@contextmanager
def opened(url: str, key: str | None = None) -> Iterator[Remote]:
    """Connect to the instance whose `/v1` stands below an address, with an API key of it.

    Raises `UnexpectedError` for what is no address.
    """
    if not _is_address(url):
        raise UnexpectedError("is no address such as https://example.cn/gongkai")
    headers = {"User-Agent": "gongkai-mirror", "Accept-Language": "en"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    with (
        httpx2.Client(base_url=url, timeout=_TIMEOUT, headers=headers) as client,
        ThreadPoolExecutor(_AT_ONCE, "remote") as threads,
    ):
        yield Remote(client, threads)


def _is_address(url: str) -> bool:
    try:
        parts = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError):
        return False
    is_bare = not (parts.query or parts.fragment or parts.userinfo)
    return parts.scheme in {"http", "https"} and bool(parts.host) and is_bare


def find(remote: Remote, path: str, **query: Any) -> Json | None:
    """Read a resource; None if the instance says that it is not there.

    A 404 of anybody else, a proxy or another service, is no reason to delete a copy.
    """
    return _patiently(lambda: _read(remote, path, query))


def shown(remote: Remote, path: str) -> Json | None:
    """Read a resource as everybody sees it, without a key; None if they do not."""

    def asked() -> Json | None:
        request = remote.client.build_request("GET", path)
        request.headers.pop("Authorization", None)
        reply = remote.client.send(request)
        return None if reply.status_code in {401, 403} else _found(reply)

    return _patiently(asked)


def read(remote: Remote, path: str, **query: Any) -> Json:
    """Read a resource that is always there."""
    found = find(remote, path, **query)
    if found is None:
        raise UnexpectedError(f"{path}: 404")
    return found


def changes(remote: Remote, **query: Any) -> Json:
    """Read a page of the feed. Raises `UnexpectedError` if it is none of an instance like this."""
    page = read(remote, "/v1/changes", **query)
    if not {"items", "next", "latest"} <= page.keys():
        raise UnexpectedError("is no instance of this service")
    return page


def find_all(remote: Remote, paths: Iterable[str]) -> list[Json | None]:
    """Read many resources, several at once."""
    return list(remote.threads.map(lambda path: find(remote, path), paths))


def listed(remote: Remote, path: str, **query: Any) -> Iterator[Json]:
    """Read a list page by page; yield its items."""
    page = read(remote, path, limit=1000, **query)
    yield from page["items"]
    while page["next"] is not None:
        page = read(remote, path, limit=1000, cursor=page["next"])
        yield from page["items"]


def exported(remote: Remote, under: str | None) -> Iterator[Json]:
    """Yield every report as it was exported.

    All of it is kept in a file first: so the other instance need not wait for us, and what breaks
    off is not taken for the whole.
    """
    with tempfile.TemporaryFile() as spool:
        told = _patiently(
            lambda: _spooled(remote, {} if under is None else {"under": under}, spool)
        )
        spool.seek(0)
        for _ in range(told["reports"]):
            yield encoding.read(spool.readline())


def _spooled(remote: Remote, query: Json, spool: IO[bytes]) -> Json:
    """Write an export to a file, and return its last line, which says that it is whole."""
    spool.seek(0)
    spool.truncate()
    with remote.client.stream("GET", "/v1/exports/reports.ndjson", params=query) as reply:
        _require_ok(reply)
        for chunk in reply.iter_bytes():
            spool.write(chunk)
    spool.seek(0)
    lines, last = 0, b"{}"
    for line in spool:
        lines, last = lines + 1, line
    return _ending(last, lines - 1)


def _ending(line: bytes, reports: int) -> Json:
    """Read the last line of an export; without it, or after other reports, it is not whole."""
    try:
        told: Json = encoding.read(line)
        if told["end"] is True and told["reports"] == reports:
            return told
    except (ValueError, KeyError, TypeError):
        pass
    raise AwayError("the export broke off")


def _read(remote: Remote, path: str, query: Json) -> Json | None:
    return _found(remote.client.get(path, params={k: v for k, v in query.items() if v is not None}))


def _found(reply: httpx2.Response) -> Json | None:
    if reply.status_code == 404 and _problem(reply) in _ABSENT:
        return None
    _require_ok(reply)
    found: Any = _decoded(reply.content)
    if not isinstance(found, dict):
        raise UnexpectedError(f"{reply.url}: no object")
    return found


def _require_ok(reply: httpx2.Response) -> None:
    status = reply.status_code
    if status == 200:
        return
    if status == 429 or status >= 500:
        raise AwayError(f"{reply.url}: {status}")
    if status == 410:
        raise GoneError
    raise UnexpectedError(f"{reply.url}: {status}")


def _problem(reply: httpx2.Response) -> str | None:
    if not reply.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    found: Any = _decoded(reply.content)
    kind = found.get("type") if isinstance(found, dict) else None
    return str(kind).rpartition("/problems/")[2]


def _decoded(body: bytes) -> Any:
    try:
        return encoding.read(body)
    except ValueError:
        raise UnexpectedError("a reply that is not JSON") from None


def _patiently(ask: Callable[[], T]) -> T:
    """Ask until there is an answer, with longer and longer pauses. Raises `AwayError`."""
    for pause in PAUSES:
        try:
            return _asked(ask)
        except AwayError:
            time.sleep(pause)
    return _asked(ask)


def _asked(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except httpx2.TransportError as error:
        raise AwayError(f"{type(error).__name__}: {error}") from None
    except (httpx2.InvalidURL, httpx2.DecodingError) as error:
        raise UnexpectedError(str(error)) from None
