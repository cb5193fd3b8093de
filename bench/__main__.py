"""Run the measurements and print a table: `python -m bench [sqlite] [postgresql]`."""

import argparse
import json
import random
import tempfile
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from app.forms import cells_of
from bench import world
from bench.driver import Driver
from bench.serving import AUTHORIZED, Load, Server, database, server, service, wrk

Statement = tuple[str, Callable[[int], tuple[Any, ...]]]

AGENCIES = 3_334
TABLE = "/v1/reports/{}/2024/requests"

RANDOM_READ = """
math.randomseed(7)
request = function()
  local agency, year = math.random(0, {last}), math.random(2022, 2024)
  local path = string.format("/v1/reports/b%06d/%d", agency, year)
  return wrk.format("GET", path, {headers})
end
"""
LIST = "/v1/reports?year=2024&year_from=2020&sort=-updated_at&limit=100"
OTHERS = f"""
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", string.format("{LIST}&updated_after=2000-01-01T00:%%02d:%%02dZ",
    math.floor(n / 60) %% 60, n %% 60))
end
""".replace("%%", "%")
ONE = 'request = function() return wrk.format("GET", "{path}", {headers}) end'
PUT = """
local body = [==[{body}]==]
local n = 0
local headers = {{["Content-Type"] = "application/json"}}
request = function()
  n = n + 1
  local made = string.gsub(body, "@", tostring({least} + n % {figures}))
  return wrk.format("PUT", string.format("/v1/reports/b%06d/2024/requests", n % 16), headers, made)
end
"""


def fetch(url: str, headers: dict[str, str] | None = None) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a reply."""
    with urllib.request.urlopen(
        urllib.request.Request(url, headers=AUTHORIZED | (headers or {}))
    ) as answer:
        return answer.read(), {k.lower(): v for k, v in answer.headers.items()}


def against_constant(body: bytes, path: str, script: str, seconds: int) -> Load:
    """Measure bare Starlette with the same bytes."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        with server(["-m", "bench.constant"], "/", {"BENCH_BODY": file.name}) as peer:
            return wrk(peer.url, script.format(path=path, headers="nil"), seconds=seconds)


def reads(running: Server, seconds: int) -> None:
    """Random reads of one report, 304s, and a list, each against the constant."""
    report = running.url + "/v1/reports/b000001/2024"
    last = str(AGENCIES - 1)
    for name, headers, lua in (
        ("read, identity", {}, "nil"),
        ("read, gzip", {"Accept-Encoding": "gzip"}, '{["Accept-Encoding"] = "gzip"}'),
    ):
        body, _ = fetch(report, headers)
        peer = against_constant(body, "/", ONE, seconds)
        script = RANDOM_READ.replace("{last}", last).replace("{headers}", lua)
        compare(name, wrk(running.url, script, seconds=seconds), peer)
    peer = against_constant(b"", "/304", ONE, seconds)
    _, found = fetch(report)
    conditions = f'{{["If-None-Match"] = [==[{found["etag"]}]==]}}'
    script = ONE.format(path="/v1/reports/b000001/2024", headers=conditions)
    compare("304", wrk(running.url, script, seconds=seconds), peer)
    body, _ = fetch(running.url + LIST)
    peer = against_constant(body, "/", ONE, seconds)
    script = ONE.format(path=LIST, headers="nil")
    compare("list of 100", wrk(running.url, script, seconds=seconds), peer)
    compare("list of 100, never asked before", wrk(running.url, OTHERS, seconds=seconds), peer)


def writes(running: Server, url: str, seconds: int) -> None:
    """PUT of one table by 16 clients, against a bare driver client that commits what is stored."""
    table, _ = fetch(running.url + TABLE.format("b000001"))
    body = changing(json.loads(table)["data"])
    small = wrk(running.url, putting(body, 1, SMALL), seconds=seconds)
    odd = wrk(running.url, putting(body), seconds=seconds)
    report, table_row, document = rows_of_a_put()
    peers = {
        what: driver_commits(url, seconds, statements)
        for what, statements in (
            ("one cell", [ONE_CELL]),
            ("the table's row", [table_row]),
            ("all its rows", [report, table_row, document]),
        )
    }
    for name, load in (("PUT of a table", small), ("PUT that draws two findings", odd)):
        for what, peer in peers.items():
            show(f"{name}; peer commits {what}", load.rate, peer, load)


SMALL = 19
"""Under 20 no figure is compared with last year's. No factor of 16: each report gets others."""


def putting(body: str, least: int = 1_000_000, figures: int = 1_000_000) -> str:
    """Return a script that puts a body of `changing` with so many figures, one after another."""
    return PUT.format(body=body, least=least, figures=figures)


def changing(data: dict[str, dict[str, int]]) -> str:
    """Return a body for PUT whose figures add up whatever number replaces every `@`."""
    empty = {line: dict.fromkeys(columns, 0) for line, columns in data.items()}
    for line in ("received", "granted", "handled"):
        empty[line] |= {"natural_person": -1, "total": -1}
    return json.dumps({"data": empty}).replace("-1", "@")


ONE_CELL = (
    "UPDATE filing_requests SET received__natural_person = ? WHERE agency = ? AND year = 2024",
    lambda n: (n, world.code(n % 16)),
)


def rows_of_a_put() -> list[Statement]:
    """Return the statements that a PUT of the table needs, each with its values."""
    cells = sorted(cells_of("requests"))
    body = random.Random(1).randbytes(1_500)
    this = "WHERE agency = ? AND year = 2024"
    sets = ", ".join(f"{name} = ?" for name in cells)
    return [
        (
            f"UPDATE report SET revision = ?, updated_at = ? {this}",
            lambda n: (n, "2026-11-24T00:00:00.000000Z", world.code(n % 16)),
        ),
        (
            f"UPDATE filing_requests SET {sets} {this}",
            lambda n: (*(n + i for i in range(len(cells))), world.code(n % 16)),
        ),
        (
            f"UPDATE derived_document SET etag = ?, summary = ?, body = ? {this}",
            lambda n: (str(n), body[:600], b"%08d" % n + body, world.code(n % 16)),
        ),
    ]


def driver_commits(url: str, seconds: int, statements: list[Statement]) -> float:
    """Return the commits per second of one client of the bare driver, durable as the service's."""
    with Driver(url) as driver:
        if driver.is_sqlite:
            driver.rows("PRAGMA synchronous=FULL")
        started, n = time.monotonic(), 0
        while time.monotonic() - started < seconds:
            driver.rows("BEGIN IMMEDIATE" if driver.is_sqlite else "BEGIN")
            for text, values in statements:
                driver.rows(text, *values(n))
            driver.rows("COMMIT")
            n += 1
        return n / (time.monotonic() - started)


def compare(name: str, load: Load, peer: Load) -> None:
    """Print a load as a share of its peer."""
    show(name, load.rate, peer.rate, load)


def show(name: str, rate: float, peer: float, load: Load) -> None:
    """Print a line of the table."""
    failed = f"  FAILED {load.failures}" if load.failures else ""
    measured = f"{rate:,.0f}/s | {peer:,.0f}/s | {rate / peer:.0%} | {load.p99:.1f} ms"
    print(f"| {name} | {measured} |{failed}", flush=True)


def measure(kind: str, seconds: int) -> None:
    """Measure on one kind of database."""
    with database(kind) as url:
        world.load(world.founded(url), AGENCIES)
        print(f"\n### {kind}\n")
        print("| what | ours | peer | ratio | p99 |\n| --- | --- | --- | --- | --- |")
        with service(url) as running:
            reads(running, seconds)
            writes(running, url, seconds)
            memory = running.resident_mib()
        print(f"\nstart to ready {running.seconds_to_ready:.2f} s; {memory:.0f} MiB after the load")


def main() -> None:
    """Measure on both kinds of database, or those named."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("kinds", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--seconds", type=int, default=5)
    chosen = parser.parse_args()
    for kind in chosen.kinds:
        measure(kind, chosen.seconds)


if __name__ == "__main__":
    main()
