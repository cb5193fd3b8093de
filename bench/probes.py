"""Looking at a server from outside: replies, memory, cores; and what is printed of it."""

import http.client
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from bench.serving import AUTHORIZED, Server

_PIECE = 256 * 1024


def head() -> None:
    """Print the head of the table."""
    print("| what | ours | peer | ratio | limit | met |\n| --- | --- | --- | --- | --- | --- |")


def row(
    what: str, ours: str, peer: str, ratio: float, *, most: float = 0, least: float = 0
) -> None:
    """Print a line of the table; `ratio` is held to be at most or at least the limit."""
    limit, met = "", ""
    if most:
        limit, met = f"≤ {most:.2f}", "yes" if ratio <= most else "NO"
    elif least:
        limit, met = f"≥ {least:.2f}", "yes" if ratio >= least else "NO"
    print(f"| {what} | {ours} | {peer} | {ratio:.2f} | {limit} | {met} |", flush=True)


@contextmanager
def on_core(core: str) -> Iterator[None]:
    """Keep this thread on one core, where nothing is started meanwhile that should be elsewhere."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(core)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Client:
    """One connection that is kept."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=600)

    def ask(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        body: IO[bytes] | bytes | None = None,
        method: str | None = None,
    ) -> tuple[bytes, http.client.HTTPResponse]:
        """Return a reply of 2xx; POST if there is a body and nothing else is said."""
        chosen = method or ("POST" if body else "GET")
        self._connection.request(chosen, path, body=body, headers=AUTHORIZED | (headers or {}))
        answer = self._connection.getresponse()
        data = answer.read()
        if not 200 <= answer.status < 300:
            raise SystemExit(f"bench: {chosen} {path}: {answer.status} {data[:2_000]!r}")
        return data, answer

    def discard(self, path: str, headers: dict[str, str]) -> tuple[int, http.client.HTTPResponse]:
        """Read a large reply and keep nothing of it; return its size."""
        self._connection.request("GET", path, headers=AUTHORIZED | headers)
        answer, size = self._connection.getresponse(), 0
        while piece := answer.read(_PIECE):
            size += len(piece)
        return size, answer


def seconds_of(
    once: Callable[[], Any], seconds: float, before: Callable[[], Any] = lambda: None
) -> float:
    """Return the median time that something takes, done three times at least after a first.

    What is done `before` each time is not counted.
    """
    found: list[float] = []
    until = time.perf_counter() + seconds
    while len(found) < 4 or time.perf_counter() < until:
        before()
        started = time.perf_counter()
        once()
        found.append(time.perf_counter() - started)
    return statistics.median(found[1:])


def forget_peak(server: Server) -> None:
    """Let the kernel note the peak of the server's memory anew."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5", encoding="ascii")


def peak_mib(server: Server) -> float:
    """Return the most memory that the server had since."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def cpu_seconds(server: Server) -> float:
    """Return the time that the server's threads have computed: noise of others is not in it."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="utf-8").split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
