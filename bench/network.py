"""Measure the network: `python -m bench.network [sqlite] [postgresql] --agencies N --seconds N`."""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import exporting, feeding, imports, rollups, world
from bench.__main__ import RANDOM_READ
from bench.probes import head, row
from bench.serving import Server, database, service, wrk
from bench.tree import Place, country

Costs = tuple[int, dict[str, float]]
PARTS = ("import", "rollup", "export", "feed", "linear")


@contextmanager
def _planted(kind: str, places: list[Place]) -> Iterator[tuple[Server, str, float]]:
    """Serve a world; yield the server, the database, and the seconds that a report took."""
    with database(kind) as url:
        settings = world.founded(url)
        started = time.perf_counter()
        count = world.plant(settings, places)
        cost = (time.perf_counter() - started) / count
        with service(url) as running:
            yield running, url, cost


def _reads(running: Server, places: list[Place], seconds: int) -> float:
    """Return the seconds that the read of a random report takes."""
    last = str(len(places) - 1)
    script = RANDOM_READ.replace("{last}", last).replace("{headers}", "nil")
    load = wrk(running.url, script, seconds=seconds)
    if load.failures:
        raise SystemExit(f"bench: {load.failures} reads failed")
    return 1 / load.rate


def _linear(sizes: list[Costs]) -> None:
    """Print the cost of a report at each size as a multiple of that at the smallest."""
    _, least = sizes[0]
    for agencies, costs in sizes[1:]:
        for name, cost in costs.items():
            ours, peer = f"{cost * 1e6:,.1f} µs", f"{least[name] * 1e6:,.1f} µs"
            what = f"{name}: a report's cost with {agencies:,} agencies; peer: {sizes[0][0]:,}"
            row(what, ours, peer, cost / least[name], most=1.5)


def _costs(planted: tuple[Server, str, float], places: list[Place], seconds: int) -> Costs:
    """Return the number of agencies, and the seconds that each thing takes for a report."""
    running, url, cost = planted
    summed = rollups.whole(running, url, seconds, f" ({len(places):,} agencies)") / len(places)
    read = _reads(running, places, seconds)
    return len(places), {"bulk writing": cost, "roll-up": summed, "read": read}


def _before(kind: str, agencies: int, seconds: int, parts: list[str]) -> list[Costs]:
    """Measure on databases that are new or smaller; return the costs in the smaller ones."""
    sizes = []
    if "import" in parts:
        for count in (agencies // 100, agencies // 10, agencies):
            imports.fresh(kind, country(agencies), count)
        imports.fresh(kind, country(agencies), agencies, world.PROSE)
    if "linear" in parts:
        for size in (agencies // 100, agencies // 10):
            smaller = country(size)
            with _planted(kind, smaller) as planted:
                sizes.append(_costs(planted, smaller, seconds))
    return sizes


def measure(kind: str, agencies: int, seconds: int, parts: list[str]) -> None:
    """Measure on one kind of database."""
    print(f"\n### {kind}, {agencies:,} agencies\n")
    head()
    sizes, places = _before(kind, agencies, seconds, parts), country(agencies)
    if set(parts) == {"import"}:
        return
    with _planted(kind, places) as planted:
        running, url, _ = planted
        if {"rollup", "linear"}.intersection(parts):
            sizes.append(_costs(planted, places, seconds))
        if "rollup" in parts:
            rollups.government(running, places, seconds)
        if "export" in parts:
            exporting.whole(running, url)
        if "feed" in parts:
            feeding.crowds(running, seconds)
            feeding.size(running, url, seconds, min(1_000_000, 10 * agencies))
    if "linear" in parts:
        _linear(sizes)


def main() -> None:
    """Measure on both kinds of database, or those named."""
    parser = argparse.ArgumentParser(prog="bench.network")
    parser.add_argument("kinds", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--agencies", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    chosen = parser.parse_args()
    for kind in chosen.kinds:
        measure(kind, chosen.agencies, chosen.seconds, chosen.only)


if __name__ == "__main__":
    main()
