"""NDJSON imports over HTTP, from the POST to the end of the job, and the memory they take."""

import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import IO

from app.domain.report import Report
from bench import world
from bench.probes import Client, cpu_seconds, forget_peak, on_core, peak_mib, row
from bench.serving import LOAD_CORE, Server, database, service
from bench.tree import Place

_LEAST = {"sqlite": 3_000, "postgresql": 2_000}
_MOST_MIB = 300
_POLL = 0.05
_HEADERS = {"Content-Type": "application/x-ndjson"}


def fresh(kind: str, places: Sequence[Place], count: int, prose: str | None = None) -> None:
    """Import so many reports into a new database with the agencies registered."""
    with database(kind) as url, tempfile.TemporaryFile() as file:
        world.register(world.founded(url), places)
        sent = _fill(file, islice(world.reports(places, prose), count))
        with service(url, GONGKAI_IMPORT_LIMIT=str(2**32)) as running:
            forget_peak(running)
            before, computed = running.resident_mib(), cpu_seconds(running)
            with on_core(LOAD_CORE):
                seconds = _imported(running, file, sent)
            rate, least = sent / seconds, _LEAST[kind]
            computed = cpu_seconds(running) - computed
            what = f"import of {sent:,} reports" + (" with prose" if prose else "")
            what += f" ({sent / computed:,.0f} a CPU second)"
            what += ", atomic; peer: a fixed rate"
            row(what, f"{rate:,.0f}/s", f"{least:,}/s", rate / least, least=1)
            peak = peak_mib(running)
            what = f"memory of the import of {sent:,} (at rest {before:.0f} MiB)"
            row(what, f"{peak:,.0f} MiB", f"{_MOST_MIB} MiB", peak / _MOST_MIB, most=1)


def _fill(file: IO[bytes], made: Iterable[Report]) -> int:
    sent = 0
    for line in world.ndjson(made):
        file.write(line)
        sent += 1
    file.seek(0)
    return sent


def _imported(running: Server, file: IO[bytes], sent: int) -> float:
    client, started = Client(running), time.perf_counter()
    data, answer = client.ask("/v1/imports?mode=atomic", _HEADERS, file)
    while answer.status == 202 or json.loads(data)["counts"] is None:
        time.sleep(_POLL)
        data, answer = client.ask(f"/v1/imports/{json.loads(data)['id']}")
        if json.loads(data)["state"] == "failed":
            break
    seconds = time.perf_counter() - started
    if json.loads(data)["counts"].get("created") != sent:
        raise SystemExit(f"bench: import: {data[:2_000]!r}")
    return seconds
