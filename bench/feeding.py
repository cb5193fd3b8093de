"""The feed: what waiting clients cost those who write, and what its size does."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.__main__ import TABLE, changing, fetch, putting
from bench.driver import Driver
from bench.probes import forget_peak, peak_mib, row
from bench.serving import LOAD_CORE, ROOT, Server, wrk

CLIENTS = 200
_LEAST, _MOST_MIB = 0.8, 50
_COLUMNS = "(seq, at, resource, key, agency, year, op, revision, body)"
_ROW = "'2026-01-01T00:00:00.000000Z', 'reports', 'b000001/2024', 'b000001', 2024, 'updated', 1"
_BODY = {"op": "updated", "cells": [{"pointer": "/data/received/total", "from": 1, "to": 2}] * 3}


def crowds(running: Server, seconds: int) -> None:
    """Measure PUTs with clients that wait, by long polling and on streams, and without any."""
    _puts(running, seconds)
    for kind in ("poll", "stream"):
        before, memory = _puts(running, seconds)
        with _waiting(running, kind) as told:
            rate, peak = _puts(running, seconds)
        after, _ = _puts(running, seconds)
        alone = (before + after) / 2
        found = f"{told['replies']:,} replies, {told['bytes'] / 2**20:,.0f} MiB"
        lag = f"{told['behind']:,} of {told['made']:,} behind"
        failed = f", FAILED {told['failures']}" if told["failures"] else ""
        row(
            f"PUT while {CLIENTS} wait, {kind} ({found}, {lag}{failed}); peer: nobody waits",
            f"{rate:,.0f}/s",
            f"{alone:,.0f}/s",
            rate / alone,
            least=_LEAST,
        )
        what = f"memory of {CLIENTS} who wait, {kind} (peak {peak:.0f} MiB)"
        growth = max(peak - memory, 0)
        row(what, f"{growth:.0f} MiB", f"{_MOST_MIB} MiB", growth / _MOST_MIB, most=1)


def _puts(running: Server, seconds: int) -> tuple[float, float]:
    """Return PUTs a second by 16 clients, and the peak of the server's memory meanwhile."""
    stored = json.loads(fetch(running.url + TABLE.format("b000001"))[0])
    forget_peak(running)
    load = wrk(running.url, putting(changing(stored["data"])), seconds=seconds)
    if load.failures:
        raise SystemExit(f"bench: {load.failures} PUTs failed")
    return load.rate, peak_mib(running)


@contextmanager
def _waiting(running: Server, kind: str) -> Iterator[dict[str, Any]]:
    """Let clients wait; what they have got is in what is yielded once they are gone."""
    port, told = running.url.rpartition(":")[2], dict[str, Any]()
    words = [sys.executable, "-m", "bench.waiting", "--port", port, "--kind", kind]
    process = subprocess.Popen(
        ["taskset", "-c", LOAD_CORE, *words, "--clients", str(CLIENTS)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise SystemExit("bench: those who should wait could not")
    yield told
    found, _ = process.communicate("", timeout=60)
    told |= json.loads(found)


def size(running: Server, url: str, seconds: int, rows: int) -> None:
    """Measure PUTs with an empty feed, and with so many changes in it."""
    with Driver(url) as driver:
        _empty(driver)
        before, _ = _puts(running, seconds)
        _fill(driver, rows)
        ours, _ = _puts(running, seconds)
        _empty(driver)
        after, _ = _puts(running, seconds)
    peer = (before + after) / 2
    what = f"PUT with {rows:,} changes in the feed; peer: none"
    row(what, f"{ours:,.0f}/s", f"{peer:,.0f}/s", ours / peer, least=0.9)


def _empty(driver: Driver) -> None:
    driver.rows("BEGIN")
    driver.rows("UPDATE clock SET oldest = seq + 1")
    driver.rows("DELETE FROM change")
    driver.rows("COMMIT")


def _fill(driver: Driver, rows: int) -> None:
    body = json.dumps(_BODY).encode()
    n = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    if not driver.is_sqlite:
        n = "WITH n AS (SELECT generate_series(1, ?::int) AS i)"
    selected = f"SELECT clock.seq + n.i, {_ROW}, {'?' if driver.is_sqlite else '?::bytea'}"
    driver.rows("BEGIN")
    driver.rows("UPDATE clock SET oldest = seq + 1")
    driver.rows(f"INSERT INTO change {_COLUMNS} {n} {selected} FROM n, clock", rows, body)
    driver.rows("UPDATE clock SET seq = seq + ?", rows)
    driver.rows("COMMIT")
    driver.rows("ANALYZE change")
