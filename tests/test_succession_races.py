"""Writers of agencies that followed each other, at once: nothing stale, and nobody stuck.

In the end of all a rebuild of everything must find nothing to change.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from threading import Barrier
from typing import Any

import httpx2
import pytest

from tests.api import an_agency_body
from tests.conftest import a_database, served
from tests.consistency import assert_consistent

ROUNDS = 12


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    """A client of a server with two workers that all races of this module share."""
    url = a_database(request.param, request)
    with served(url, workers=2) as (made, _):
        yield made
    assert_consistent(url)


def at_once(*jobs: Callable[[], httpx2.Response]) -> None:
    """Run every job from the same moment; each must succeed."""
    start = Barrier(len(jobs))

    def run(job: Callable[[], httpx2.Response]) -> httpx2.Response:
        start.wait(timeout=10)
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        for done in [threads.submit(run, job) for job in jobs]:
            reply = done.result(timeout=60)
            assert reply.status_code < 300, reply.text


def make(client: httpx2.Client, *codes: str) -> None:
    for code in codes:
        client.put(f"/v1/agencies/{code}", json=an_agency_body()).raise_for_status()


def follow(client: httpx2.Client, predecessor: str, successor: str) -> httpx2.Response:
    body = {"predecessor": predecessor, "successor": successor, "kind": "merge"}
    return client.post("/v1/successions", json=body | {"effective_on": "2024-03-01"})


def write(client: httpx2.Client, code: str, year: int, line: str, value: int) -> Any:
    path = f"/v1/reports/{code}/{year}/requests"
    return client.put(path, json={"data": {line: {"research": value}}})


def rights(client: httpx2.Client, code: str) -> set[int]:
    """Return what the rule says was carried out before."""
    found = client.get(f"/v1/reports/{code}/2024").json()["findings"]
    return {f["right"] for f in found if f["rule"] == "requests.carry"}


def test_writers_of_two_that_followed_each_other_judge_both(client: httpx2.Client) -> None:
    for first, second in (("a1", "b1"), ("b2", "a2")):  # the predecessor's code, before or after
        make(client, first, second)
        follow(client, first, second).raise_for_status()
        write(client, second, 2023, "carried_out", 3)
        for n in range(1, ROUNDS):
            at_once(
                partial(write, client, first, 2023, "carried_out", n),
                partial(write, client, second, 2024, "carried_in", 100 + n),
                partial(write, client, second, 2023, "carried_out", 2 * n),
            )
            assert rights(client, second) == {3 * n}, n


def test_a_chain_of_writers_is_not_stuck(client: httpx2.Client) -> None:
    codes = ("k3", "k1", "k4", "k2")
    make(client, *codes)
    for before, after in pairwise(codes):
        follow(client, before, after).raise_for_status()
    for n in range(1, ROUNDS):
        at_once(
            *(
                partial(write, client, code, year, line, n)
                for code in codes
                for year, line in ((2023, "carried_out"), (2024, "carried_in"))
            ),
            partial(client.patch, "/v1/agencies/k1", json={"name": f"局{n}"}),
        )


def test_a_succession_that_comes_while_both_are_written_is_seen_by_both(
    client: httpx2.Client,
) -> None:
    for n in range(ROUNDS):
        old, new = f"o{n}", f"n{n}"
        make(client, old, new)
        write(client, old, 2023, "carried_out", 4)
        write(client, new, 2023, "carried_out", 3)
        at_once(
            partial(follow, client, old, new),
            partial(write, client, old, 2023, "carried_out", 5),
            partial(write, client, new, 2024, "carried_in", 100),
        )
        assert rights(client, new) == {8}
        (tie,) = client.get("/v1/successions", params={"agency": new}).json()["items"]
        at_once(
            partial(client.delete, tie["links"]["self"]),
            partial(write, client, old, 2023, "carried_out", 6),
            partial(write, client, new, 2023, "carried_out", 2),
        )
        assert rights(client, new) == {2}
