"""Roll-ups: of the whole tree against bare sums, and of one government against a fixed rate."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from app.forms import the_form_of
from bench.__main__ import ONE, TABLE, changing
from bench.driver import Driver
from bench.probes import Client, cpu_seconds, on_core, row, seconds_of
from bench.serving import LOAD_CORE, SERVER_CORE, Server, wrk
from bench.tree import OFFICES, Place

YEAR = 2024
_MOST, _LEAST = 1.5, 200
_CLIENTS = 4
_PATCH = {"Content-Type": "application/merge-patch+json"}
_LATER = "b000040"
"""An agency that is in the smallest country, too."""
_LEAF = "SELECT code FROM agency WHERE kind NOT IN ('government', 'vertical')"


def _sums() -> list[str]:
    """Return bare statements that add up every cell of the leaves' filings of one year."""
    found = []
    for table in the_form_of(YEAR).tables:
        cells = ", ".join(f"sum({cell.name})" for cell in table.cells)
        where = f"WHERE year = ? AND agency IN ({_LEAF})"
        found.append(f"SELECT {cells} FROM filing_{table.key} {where}")
    return found


def whole(running: Server, url: str, seconds: int, note: str = "") -> float:
    """Measure the roll-up of the whole tree from its leaves; return the seconds it takes."""
    path, statements = f"/v1/agencies/b000000/rollup/{YEAR}?basis=leaves", _sums()
    reply, _ = Client(running).ask(path)
    with Driver(url) as driver:

        def bare() -> list[list[Any]]:
            return [driver.rows(each, YEAR) for each in statements]

        _require_same(json.loads(reply), bare())
        with on_core(SERVER_CORE):
            peer = seconds_of(bare, seconds)
    client = Client(running)
    with on_core(LOAD_CORE):
        ours = seconds_of(lambda: client.ask(path), seconds, _writing(client, _LATER))
        kept = seconds_of(lambda: client.ask(path), 1)
    row(
        f"roll-up of all leaves{note}, anew after a PUT; peer: bare sums",
        f"{ours * 1000:,.1f} ms",
        f"{peer * 1000:,.1f} ms",
        ours / peer,
        most=_MOST,
    )
    row(
        f"the same, nothing written since{note}; peer: bare sums",
        f"{kept * 1000:,.1f} ms",
        f"{peer * 1000:,.1f} ms",
        kept / peer,
        most=_MOST,
    )
    return ours


def _writing(client: Client, code: str) -> Callable[[], object]:
    """Return what changes a report, so that nothing that was kept of the sums holds any more."""
    path = TABLE.format(code)
    body = changing(json.loads(client.ask(TABLE.format("b000001"))[0])["data"])
    numbers, headers = count(1), {"Content-Type": "application/json"}
    return lambda: client.ask(path, headers, body.replace("@", str(next(numbers))).encode(), "PUT")


def _require_same(reply: Any, bare: list[list[Any]]) -> None:
    """Stop if the sums of the requests differ: then one of the two does not do its work."""
    form = the_form_of(YEAR)
    shown = reply["tables"]["requests"]["data"]["received"]["total"]
    at = form.table["requests"].at["received", "total"]
    found = bare[[*form.table].index("requests")][0][at]
    if int(found) != shown:
        raise SystemExit(f"bench: the sums differ: {shown}, {found}")


def government(running: Server, places: list[Place], seconds: int) -> None:
    """Measure the roll-up of a county with the most children, and its 304s."""
    county = next(p for p in places if p.level == "county")
    child = next(p for p in places if p.parent == county.number)
    path, client = f"/v1/agencies/{county.code}/rollup/{YEAR}", Client(running)
    with on_core(LOAD_CORE):
        anew = 1 / seconds_of(lambda: client.ask(path), seconds, _writing(client, child.code))
    computed = cpu_seconds(running)
    load = wrk(running.url, ONE.format(path=path, headers="nil"), seconds=seconds)
    _require(load.failures)
    a_second = load.rate * seconds / (cpu_seconds(running) - computed)
    what = f"roll-up over {OFFICES[0]} children, anew after a PUT; peer: a fixed rate"
    row(what, f"{anew:,.0f}/s", f"{_LEAST}/s", anew / _LEAST, least=1)
    _governments(running, places, seconds)
    what = f"roll-up over {OFFICES[0]} children, nothing written since"
    what += f" ({a_second:,.0f} a CPU second); peer: a fixed rate"
    row(what, f"{load.rate:,.0f}/s", f"{_LEAST}/s", load.rate / _LEAST, least=1)
    ours = _unchanged(running, path, seconds)
    peer = _unchanged(running, f"/v1/reports/{county.code}/{YEAR}", seconds)
    what = "304 of that roll-up; peer: 304 of a report"
    row(what, f"{ours:,.0f}/s", f"{peer:,.0f}/s", ours / peer, least=0.5)


def _governments(running: Server, places: list[Place], seconds: int) -> None:
    """Measure the roll-ups of all counties with the most children, each anew, by some clients."""
    children = Counter(place.parent for place in places)
    counties = [p for p in places if p.level == "county" and children[p.number] == OFFICES[0]]
    paths = [f"/v1/agencies/{county.code}/rollup/{YEAR}" for county in counties]
    clients, numbers = [Client(running) for _ in range(_CLIENTS)], count(1)

    def rename() -> None:
        """Change the tree, so that nothing that was kept of it holds any more."""
        body = json.dumps({"short_name": str(next(numbers))}).encode()
        clients[0].ask(f"/v1/agencies/{places[0].code}", _PATCH, body, "PATCH")

    def some(first: int) -> None:
        for path in paths[first::_CLIENTS]:
            clients[first].ask(path)

    def everything() -> None:
        with ThreadPoolExecutor(_CLIENTS) as threads:
            list(threads.map(some, range(_CLIENTS)))

    with on_core(LOAD_CORE):
        rate = len(paths) / seconds_of(everything, seconds, rename)
    what = f"the same of {len(paths)} governments after one was renamed, by {_CLIENTS} clients"
    what += "; peer: a fixed rate"
    row(what, f"{rate:,.0f}/s", f"{_LEAST}/s", rate / _LEAST, least=1)


def _unchanged(running: Server, path: str, seconds: int) -> float:
    _, answer = Client(running).ask(path)
    headers = f'{{["If-None-Match"] = [==[{answer.headers["etag"]}]==]}}'
    load = wrk(running.url, ONE.format(path=path, headers=headers), seconds=seconds)
    _require(load.failures)
    return load.rate


def _require(failures: int) -> None:
    if failures:
        raise SystemExit(f"bench: {failures} requests failed")
