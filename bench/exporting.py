"""Exports against the bare driver that reads the same rows and throws them away."""

import time

from bench.driver import Driver
from bench.probes import Client, on_core, row
from bench.serving import LOAD_CORE, SERVER_CORE, Server

_LEAST = 0.5
_ROWS = "SELECT agency, year, body FROM derived_document ORDER BY agency, year"


def whole(running: Server, url: str) -> None:
    """Measure the export of all reports as NDJSON, gzipped and not."""
    _bare(url)  # so that both find the pages in memory
    count, peer = _bare(url)
    for coding in ("gzip", "identity"):
        _exported(running, coding)
        seconds, size = _exported(running, coding)
        row(
            f"export of {count:,} reports, {coding} ({size / 2**20 / seconds:,.0f} MiB/s)",
            f"{count / seconds:,.0f}/s",
            f"{count / peer:,.0f}/s",
            peer / seconds,
            least=_LEAST,
        )


def _bare(url: str) -> tuple[int, float]:
    with Driver(url) as driver, on_core(SERVER_CORE):
        started = time.perf_counter()
        count = sum(len(some) for some in driver.streamed(_ROWS))
        return count, time.perf_counter() - started


def _exported(running: Server, coding: str) -> tuple[float, int]:
    client = Client(running)
    with on_core(LOAD_CORE):
        started = time.perf_counter()
        size, answer = client.discard("/v1/exports/reports.ndjson", {"Accept-Encoding": coding})
        seconds = time.perf_counter() - started
    given = answer.headers.get("content-encoding", "identity")
    if answer.status != 200 or given != coding:
        raise SystemExit(f"bench: export: {answer.status}, {given}")
    return seconds, size
