"""Writers at once, against real servers: whatever the order, what is stored is one of the orders.

A race is run a few times; each time it starts anew, its outcome is looked at, and in the end of all
a rebuild of everything must find nothing to change.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import httpx2
import pytest

from tests.api import an_agency_body, revision
from tests.conftest import a_database, served
from tests.consistency import assert_consistent

T = TypeVar("T")
Response = httpx2.Response

ROUNDS = 10
CROWD = 6


@pytest.fixture(
    scope="module",
    params=[("sqlite", 1), ("sqlite", 2), ("postgresql", 2)],
    ids=["sqlite", "sqlite-two-workers", "postgresql-two-workers"],
)
def running(request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    """A client of a server that all races of this module share."""
    backend, workers = request.param
    url = a_database(backend, request)
    with served(url, workers=workers) as (client, _):
        yield client
    assert_consistent(url)


@pytest.fixture
def client(running: httpx2.Client) -> httpx2.Client:
    return running


@pytest.fixture
def make_agency(client: httpx2.Client, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Register agencies named after the test, so that what it left can be told apart."""

    def make(**members: Any) -> str:
        code = f"a{uuid.uuid4().hex[:12]}"
        body = an_agency_body(name=request.node.originalname) | members
        assert client.put(f"/v1/agencies/{code}", json=body).status_code == 201
        return code

    return make


def at_once(*jobs: Callable[[], T]) -> list[T]:
    """Run every job on a thread of its own, all from the same moment; return their results."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T:
        start.wait(timeout=10)
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return [done.result(timeout=60) for done in [threads.submit(run, job) for job in jobs]]


def statuses(replies: list[Response]) -> list[int]:
    return sorted(reply.status_code for reply in replies)


def requests_of(**cells: int) -> dict[str, Any]:
    """Return a table of requests in which `received__research=5` sets a cell."""
    data: dict[str, dict[str, int]] = {}
    for name, value in cells.items():
        line, column = name.split("__")
        data.setdefault(line, {})[column] = value
    return {"data": data}


def filled(value: int) -> dict[str, Any]:
    """Return a table of documents with one number in all cells."""
    columns = dict.fromkeys(("issued", "repealed", "in_force"), value)
    return {"data": {"rules": columns, "normative_documents": columns}}


def carried(report: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [
        (found["at"], found["left"], found["right"])
        for found in report["findings"]
        if found["rule"] == "requests.carry"
    ]


# Neighbouring years


def test_neighbouring_years_written_at_once_judge_each_other(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    report = f"/v1/reports/{make_agency()}"
    for n in range(ROUNDS):
        out, into = n, n + n % 2  # every second time they agree
        replies = at_once(
            partial(
                client.put, f"{report}/2022/requests", json=requests_of(carried_out__research=out)
            ),
            partial(
                client.put, f"{report}/2023/requests", json=requests_of(carried_in__research=into)
            ),
        )
        assert max(statuses(replies)) < 300
        expected = [] if out == into else [("research", into, out)]
        assert carried(client.get(f"{report}/2023").json()) == expected


def test_neighbouring_years_created_at_once_link_to_each_other(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    report = f"/v1/reports/{make_agency()}"
    for _ in range(ROUNDS):
        replies = at_once(
            *(partial(client.put, f"{report}/{y}", json={}) for y in (2021, 2022, 2023))
        )
        assert statuses(replies) == [201, 201, 201]
        middle = client.get(f"{report}/2022").json()["links"]
        assert (middle["previous"], middle["next"]) == (f"{report}/2021", f"{report}/2023")
        gone = at_once(*(partial(client.delete, f"{report}/{y}") for y in (2021, 2023)))
        assert statuses(gone) == [204, 204]
        middle = client.get(f"{report}/2022").json()["links"]
        assert (middle["previous"], middle["next"]) == (None, None)
        assert client.delete(f"{report}/2022").status_code == 204


def test_a_year_deleted_while_the_next_is_written_judges_it_no_longer(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    report = f"/v1/reports/{make_agency()}"
    for n in range(ROUNDS):
        client.put(f"{report}/2022/requests", json=requests_of(carried_out__research=7))
        replies = at_once(
            partial(client.delete, f"{report}/2022"),
            partial(
                client.put, f"{report}/2023/requests", json=requests_of(carried_in__research=n)
            ),
        )
        assert max(statuses(replies)) < 300
        later = client.get(f"{report}/2023").json()
        assert (carried(later), later["links"]["previous"]) == ([], None)


# One report


def test_tables_of_one_report_written_at_once_are_all_in_it(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    report = f"/v1/reports/{make_agency()}/2024"
    written = {
        "documents": filled(0),
        "licensing": {"data": {"licences": {"decisions": 5}}},
        "enforcement": {"filing": "nil"},
        "fees": {"data": {"charges": {"amount": "59237.2449"}}},
    }
    for _ in range(ROUNDS):
        replies = at_once(
            *(partial(client.put, f"{report}/{key}", json=body) for key, body in written.items())
        )
        assert statuses(replies) == [201] * len(written)
        document = client.get(report).json()
        filings = {key: table["filing"] for key, table in document["tables"].items()}
        assert filings == {
            "documents": "filed",
            "licensing": "filed",
            "enforcement": "nil",
            "fees": "filed",
            "requests": "missing",
            "disputes": "missing",
        }
        assert revision(client.get(report)) >= len(written)
        assert client.delete(report).status_code == 204


def test_cells_of_one_table_patched_at_once_are_all_in_it(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    table = f"/v1/reports/{make_agency()}/2024/documents"
    client.put(table, json=filled(0))
    for n in range(1, ROUNDS):
        cells = [(l, c) for l in ("rules", "normative_documents") for c in ("issued", "in_force")]
        replies = at_once(
            *(partial(client.patch, table, json={"data": {l: {c: n}}}) for l, c in cells)
        )
        assert statuses(replies) == [200] * len(cells)
        assert client.get(table).json()["data"] == {
            line: {"issued": n, "repealed": 0, "in_force": n}
            for line in ("rules", "normative_documents")
        }


def test_of_writers_with_the_same_if_match_one_wins(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    table = f"/v1/reports/{make_agency()}/2024/documents"
    client.put(table, json=filled(0))
    for n in range(ROUNDS):
        etag = client.get(table).headers["ETag"]
        replies = at_once(
            *(
                partial(
                    client.put, table, json=filled(1 + n * CROWD + i), headers={"If-Match": etag}
                )
                for i in range(CROWD)
            )
        )
        assert statuses(replies) == [200] + [412] * (CROWD - 1)
        winner = next(reply for reply in replies if reply.status_code == 200)
        now = client.get(table)
        assert now.json()["data"] == winner.json()["data"]
        assert {revision(reply) for reply in replies} == {revision(now)}


def test_of_writers_without_conditions_the_last_wins_whole(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    table = f"/v1/reports/{make_agency()}/2024/documents"
    client.put(table, json=filled(0))
    for n in range(ROUNDS):
        sent = [1 + n * CROWD + i for i in range(CROWD)]
        replies = at_once(*(partial(client.put, table, json=filled(value)) for value in sent))
        assert statuses(replies) == [200] * CROWD
        assert [reply.json()["data"] for reply in replies] == [filled(v)["data"] for v in sent]
        last = max(replies, key=revision)
        assert client.get(table).json()["data"] == last.json()["data"]


def test_a_whole_report_and_one_of_its_tables_written_at_once_end_as_one_after_the_other(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    report = f"/v1/reports/{make_agency()}/2024"
    for n in range(ROUNDS):
        whole = {"overview": f"{n}", "tables": {"fees": {"filing": "nil"}}}
        replies = at_once(
            partial(client.put, report, json=whole),
            partial(client.put, f"{report}/documents", json=filled(n)),
        )
        assert max(statuses(replies)) < 300
        document = client.get(report).json()
        assert (document["overview"], document["tables"]["fees"]["filing"]) == (f"{n}", "nil")
        assert document["tables"]["documents"]["data"] in (None, filled(n)["data"])


# Creating


def _sent(client: httpx2.Client, verb: str, path: str, key: dict[str, Any], body: Any) -> Response:
    if verb == "PUT":
        return client.put(f"{path}/{'/'.join(str(part) for part in key.values())}", json=body)
    return client.post(path, json=key | body)


@pytest.mark.parametrize(("verb", "others"), [("PUT", {200}), ("POST", {409})], ids=["put", "post"])
def test_of_creators_of_a_report_one_creates_it(
    client: httpx2.Client, make_agency: Callable[..., str], verb: str, others: set[int]
) -> None:
    code = make_agency()
    for year in (2021, 2022, 2023, 2024):
        key = {"agency": code, "year": year}
        replies = at_once(
            *(
                partial(_sent, client, verb, "/v1/reports", key, {"overview": f"{i}"})
                for i in range(CROWD)
            )
        )
        assert statuses(replies)[-1 if verb == "PUT" else 0] == 201
        assert {reply.status_code for reply in replies} == others | {201}
        assert statuses(replies).count(201) == 1


@pytest.mark.parametrize(("verb", "others"), [("PUT", {200}), ("POST", {409})], ids=["put", "post"])
def test_of_creators_of_an_agency_one_creates_it(
    client: httpx2.Client, verb: str, others: set[int]
) -> None:
    for _ in range(ROUNDS // 3):
        key = {"code": f"a{uuid.uuid4().hex[:12]}"}
        bodies = [{"name": f"{i}局", "kind": "zone", "level": "city"} for i in range(CROWD)]
        replies = at_once(
            *(partial(_sent, client, verb, "/v1/agencies", key, body) for body in bodies)
        )
        assert statuses(replies).count(201) == 1
        assert {reply.status_code for reply in replies} == others | {201}


@pytest.mark.parametrize(("verb", "others"), [("PUT", {200}), ("POST", {409})], ids=["put", "post"])
def test_of_creators_of_a_year_one_creates_it(
    client: httpx2.Client, verb: str, others: set[int]
) -> None:
    for year in range(2040, 2044):
        replies = at_once(
            *(
                partial(_sent, client, verb, "/v1/reporting-years", {"year": year}, {})
                for _ in range(CROWD)
            )
        )
        assert statuses(replies).count(201) == 1
        assert {reply.status_code for reply in replies} == others | {201}
        assert client.delete(f"/v1/reporting-years/{year}").status_code == 204


def test_of_creators_with_if_none_match_one_creates(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    code = make_agency()
    for path in (f"/v1/reports/{code}/2024", f"/v1/reports/{code}/2023/fees"):
        replies = at_once(
            *(
                partial(client.put, path, json={}, headers={"If-None-Match": "*"})
                for _ in range(CROWD)
            )
        )
        assert statuses(replies) == [201] + [412] * (CROWD - 1)


def test_of_agencies_that_take_a_uscc_at_once_one_gets_it(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    codes = [make_agency() for _ in range(CROWD)]
    for uscc in ("11370900004341590P", "113325000026455663", "12620600MB0523338C"):
        replies = at_once(
            *(partial(client.patch, f"/v1/agencies/{code}", json={"uscc": uscc}) for code in codes)
        )
        assert statuses(replies) == [200] + [409] * (CROWD - 1)
        for code in codes:
            client.patch(f"/v1/agencies/{code}", json={"uscc": None})


# Keys


def test_a_key_that_is_revoked_while_it_is_changed_stays_revoked(client: httpx2.Client) -> None:
    for _ in range(ROUNDS):
        made = client.post("/v1/keys", json={"name": "审计", "role": "auditor"})
        path, unchanged = made.headers["Location"], {"If-Match": made.headers["ETag"]}
        *changed, revoked = at_once(
            *(
                partial(client.patch, path, json={"name": f"{n}"}, headers=unchanged)
                for n in range(CROWD)
            ),
            partial(client.delete, path),
        )
        assert revoked.status_code == 204
        assert client.get(path).json()["revoked_at"] is not None
        assert statuses(changed)[1:] == [412] * (CROWD - 1)


# The tree of agencies


@pytest.mark.parametrize("length", [2, 4])
def test_moves_in_the_tree_never_close_a_circle(
    client: httpx2.Client, make_agency: Callable[..., str], length: int
) -> None:
    codes = [make_agency() for _ in range(length)]
    for _ in range(ROUNDS):
        replies = at_once(
            *(
                partial(client.patch, f"/v1/agencies/{code}", json={"parent": parent})
                for code, parent in zip(codes, codes[1:] + codes[:1], strict=True)
            )
        )
        assert statuses(replies) == [200] * (length - 1) + [422]
        for code in codes:
            client.patch(f"/v1/agencies/{code}", json={"parent": None})


# Agencies and their reports


def test_an_agency_renamed_while_its_reports_are_written_shows_one_name_in_all(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    code = make_agency()
    for n in range(ROUNDS):
        replies = at_once(
            partial(client.patch, f"/v1/agencies/{code}", json={"name": f"审计局{n}"}),
            *(
                partial(client.put, f"/v1/reports/{code}/{year}/documents", json=filled(n))
                for year in (2020 + n % 2, 2022, 2023, 2024)
                if year > 2020
            ),
        )
        assert max(statuses(replies)) < 300
        shown = client.get("/v1/reports", params={"agency": code}).json()["items"]
        assert {each["agency"]["name"] for each in shown} == {f"审计局{n}"}


def test_an_agency_reclassified_while_its_reports_are_written_is_judged_as_what_it_is(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    code = make_agency(level="city")
    for n in range(ROUNDS):
        kind = ("government", "department")[n % 2]
        replies = at_once(
            partial(client.patch, f"/v1/agencies/{code}", json={"kind": kind}),
            partial(client.put, f"/v1/reports/{code}/2023/documents", json=filled(1 + n)),
            partial(client.put, f"/v1/reports/{code}/2024/documents", json=filled(1 + n)),
        )
        assert max(statuses(replies)) < 300
        found = client.get(
            "/v1/findings", params={"agency": code, "rule": "documents.rule-maker"}
        ).json()["items"]
        assert [each["year"] for each in found] == ([] if kind == "government" else [2023, 2024])


@pytest.mark.parametrize(
    ("verb", "outcomes"),
    [("PUT", {(204, 404), (409, 201)}), ("POST", {(204, 422), (409, 201)})],
    ids=["put", "post"],
)
def test_an_agency_is_deleted_or_gets_a_report_but_not_both(
    client: httpx2.Client,
    make_agency: Callable[..., str],
    verb: str,
    outcomes: set[tuple[int, int]],
) -> None:
    for _ in range(ROUNDS):
        code = make_agency()
        key = {"agency": code, "year": 2024}
        gone, filed = at_once(
            partial(client.delete, f"/v1/agencies/{code}"),
            partial(_sent, client, verb, "/v1/reports", key, {}),
        )
        assert (gone.status_code, filed.status_code) in outcomes
        there = client.get(f"/v1/reports/{code}/2024").status_code == 200
        assert there == (filed.status_code == 201)


def test_an_agency_is_deleted_or_gets_a_child_but_not_both(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    for _ in range(ROUNDS):
        parent, child = make_agency(), make_agency()
        gone, moved = at_once(
            partial(client.delete, f"/v1/agencies/{parent}"),
            partial(client.patch, f"/v1/agencies/{child}", json={"parent": parent}),
        )
        assert (gone.status_code, moved.status_code) in {(204, 422), (409, 200)}


# Reporting years


def test_due_dates_moved_while_reports_are_written_decide_all_of_them(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    codes = [make_agency() for _ in range(3)]
    for n in range(ROUNDS):
        due, expected = (("2025-01-31", "on_time"), ("2025-01-10", "late"))[n % 2]
        body = {"published_on": "2025-01-20", "overview": f"{n}"}
        replies = at_once(
            partial(client.patch, "/v1/reporting-years/2024", json={"due": {"department": due}}),
            *(partial(client.put, f"/v1/reports/{code}/2024", json=body) for code in codes),
            *(partial(client.put, f"/v1/reports/{code}/2023", json=body) for code in codes),
        )
        assert max(statuses(replies)) < 300
        for code in codes:
            assert client.get(f"/v1/reports/{code}/2024").json()["timeliness"] == expected
    client.patch("/v1/reporting-years/2024", json={"due": {"department": None}})


def test_due_dates_of_neighbouring_years_can_be_moved_while_both_are_written(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    codes = [make_agency() for _ in range(3)]
    for n in range(ROUNDS):
        moves = [
            partial(
                client.patch,
                f"/v1/reporting-years/{year}",
                json={"due": {"department": f"{year + 1}-01-{10 + n}"}},
            )
            for year in (2022, 2023, 2024)
        ]
        writes = [
            partial(
                client.put,
                f"/v1/reports/{code}/{year}",
                json={
                    "published_on": f"{year + 1}-01-{10 + n % 5}",
                    "tables": {"requests": requests_of(carried_in__research=n)},
                },
            )
            for code in codes
            for year in (2022, 2023, 2024)
        ]
        assert max(statuses(at_once(*moves, *writes))) < 300
    for year in (2022, 2023, 2024):
        client.patch(f"/v1/reporting-years/{year}", json={"due": {"department": None}})


def test_nothing_is_written_into_a_year_once_it_is_closed(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    codes = [make_agency() for _ in range(CROWD)]
    for n in range(ROUNDS):
        closed, *writes = at_once(
            partial(client.patch, "/v1/reporting-years/2024", json={"status": "closed"}),
            *(
                partial(client.put, f"/v1/reports/{code}/2024", json={"overview": f"{n}"})
                for code in codes
            ),
        )
        assert closed.status_code == 200
        for write in writes:
            assert write.status_code in {200, 201, 409}
            if write.status_code != 409:
                assert write.json()["updated_at"] < closed.json()["updated_at"]
        late = client.put(f"/v1/reports/{codes[0]}/2024", json={"overview": "late"})
        assert late.status_code == 409
        assert client.patch("/v1/reporting-years/2024", json={"status": "open"}).status_code == 200


def test_a_year_is_deleted_or_gets_a_report_but_not_both(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    for _ in range(ROUNDS):
        client.put("/v1/reporting-years/2050", json={})
        path = f"/v1/reports/{make_agency()}/2050"
        gone, filed = at_once(
            partial(client.delete, "/v1/reporting-years/2050"),
            partial(client.put, path, json={}),
        )
        assert (gone.status_code, filed.status_code) in {(204, 404), (409, 201)}
        client.delete(path)


def test_a_year_can_be_closed_while_writers_never_pause(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    codes, stop = [make_agency() for _ in range(2 * CROWD)], threading.Event()

    def write_on(code: str) -> list[Response]:
        replies: list[Response] = []
        while not stop.is_set():
            body = {"overview": f"{len(replies)}"}
            replies.append(client.put(f"/v1/reports/{code}/2024", json=body))
        return replies

    def close_and_open() -> list[Response]:
        try:
            return [
                client.patch("/v1/reporting-years/2024", json={"status": status}, timeout=8)
                for status in ("closed", "open", "closed", "open")
            ]
        finally:
            stop.set()

    changes, *written = at_once(close_and_open, *(partial(write_on, code) for code in codes))
    assert statuses(changes) == [200] * 4
    assert {reply.status_code for replies in written for reply in replies} <= {200, 201, 409}


# Readers


def test_readers_of_what_comes_and_goes_get_all_of_it_or_nothing(
    client: httpx2.Client, make_agency: Callable[..., str]
) -> None:
    code, stop = make_agency(), threading.Event()
    report = f"/v1/reports/{code}/2024"
    paths = (
        report,
        f"{report}/requests",
        f"{report}/findings?outcomes=all",
        f"/v1/reports?agency={code}&count=true",
        f"/v1/findings?agency={code}",
    )

    def read_on(path: str) -> list[Response]:
        replies: list[Response] = []
        while not stop.is_set():
            replies.append(client.get(path))
        return replies

    def come_and_go() -> list[Response]:
        body = {"tables": {"requests": requests_of(received__research=7, received__total=8)}}
        try:
            replies: list[Response] = []
            for _ in range(2 * ROUNDS):
                replies += [client.put(report, json=body), client.delete(report)]
            return replies
        finally:
            stop.set()

    changes, *read = at_once(come_and_go, *(partial(read_on, path) for path in paths))
    assert {reply.status_code for reply in changes} == {201, 204}
    assert {reply.status_code for replies in read for reply in replies} <= {200, 404}
    for reply in read[0]:
        if reply.status_code == 200:
            document = reply.json()
            assert [found["rule"] for found in document["findings"]] == ["cells.blank"]
            assert document["tables"]["requests"]["totals"]["received"] == {"total": 7}
