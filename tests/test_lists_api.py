"""Lists: pages, orders, cursors and filters."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.main import create_app
from app.services import reporting
from app.services.shelf import Page, Pages
from tests.api import Json, TestClient, an_agency_body, etag, make_agency, put_report, said
from tests.conftest import quiet

LISTS = ("/v1/agencies", "/v1/reporting-years", "/v1/reports", "/v1/findings")
SORTS = {
    "/v1/agencies": ("code", "name", "updated_at"),
    "/v1/reporting-years": ("year",),
    "/v1/reports": ("agency", "year", "updated_at", "errors"),
    "/v1/findings": ("year", "agency", "rule"),
}
every_list = pytest.mark.parametrize("path", LISTS, ids=lambda path: path.removeprefix("/v1/"))

ERROR = {"received__natural_person": 5}
"""A cell that breaks two identities of `requests`."""


@pytest.fixture
def world(client: TestClient) -> TestClient:
    """A client of a register with a small tree of agencies and seven reports.

    Their failures: `child` 2023 has errors, `leaf` 2024 a warning, `other` 2024 both and an info.
    """
    make_agency(client, "root", name="人民政府", kind="government", level="city")
    make_agency(client, "child", parent="root")
    make_agency(client, "leaf", parent="child", kind="office")
    make_agency(client, "other", name="人民政府", kind="government", level="county")
    put_report(client, "root", 2023)
    put_report(client, "root", 2024)
    put_report(client, "child", 2023, requests=ERROR)
    put_report(client, "child", 2024)
    put_report(client, "leaf", 2020)
    put_report(client, "leaf", 2024, documents={"normative_documents__issued": 5})
    put_report(
        client,
        "other",
        2024,
        requests=ERROR,
        documents={"normative_documents__issued": 5},
        problems="无",
    )
    return client


def items(client: TestClient, path: str, **parameters: Any) -> list[Json]:
    """Return the first page of a list, which must be the only one."""
    reply = client.get(path, params=parameters or None)
    assert reply.status_code == 200, reply.text
    assert reply.json()["next"] is None
    return list(reply.json()["items"])


def pages(client: TestClient, path: str, **parameters: Any) -> Iterator[list[Json]]:
    """Walk a list by its cursors."""
    cursor: str | None = None
    while True:
        asked = parameters | ({"cursor": cursor} if cursor else {})
        page = client.get(path, params=asked)
        assert page.status_code == 200, page.text
        yield page.json()["items"]
        cursor = page.json()["next"]
        if cursor is None:
            return


def walked(client: TestClient, path: str, **parameters: Any) -> list[Json]:
    """Return all items of a list, page by page."""
    return [item for page in pages(client, path, **parameters) for item in page]


def codes(found: list[Json]) -> list[str]:
    """Return the codes of agencies."""
    return [item["code"] for item in found]


def keys(found: list[Json]) -> list[str]:
    """Return the agencies and years of reports or findings."""
    return [f"{item['agency']['code']} {item['year']}" for item in found]


def refused(client: TestClient, path: str, query: str) -> list[tuple[str, str]]:
    """Return which parameters are wrong, and how."""
    reply = client.get(f"{path}?{query}")
    assert said(reply) == (422, "invalid-parameter"), reply.text
    errors = reply.json()["errors"]
    assert {error["pointer"] for error in errors} == {None}
    return sorted((error["parameter"], error["code"]) for error in errors)


# Pages


@every_list
def test_an_empty_list_has_no_items_and_no_next(client: TestClient, path: str) -> None:
    for year in range(2019, 2026):
        client.delete(f"/v1/reporting-years/{year}")
    assert client.get(path).json() == {"items": [], "next": None}
    assert client.get(f"{path}?count=true").json() == {"items": [], "next": None, "total": 0}


def test_a_page_has_fifty_items_if_nothing_is_said(client: TestClient) -> None:
    for number in range(52):
        make_agency(client, f"a{number:02}")
    page = client.get("/v1/agencies").json()
    assert len(page["items"]) == 50
    rest = client.get("/v1/agencies", params={"cursor": page["next"]}).json()
    assert (len(rest["items"]), rest["next"]) == (2, None)
    assert len(items(client, "/v1/agencies", limit=52)) == 52


@every_list
def test_a_page_has_from_one_to_a_thousand_items(world: TestClient, path: str) -> None:
    assert len(world.get(f"{path}?limit=1").json()["items"]) == 1
    assert world.get(f"{path}?limit=1000").status_code == 200
    for limit in (
        "0",
        "-1",
        "1001",
        "x",
        "",
        "1.5",
        "1e2",
        "1_0",
        "%2B5",
        "05",
        " 5",
        "9" * 30,
        "9" * 5000,
    ):
        assert refused(world, path, f"limit={limit}") == [("limit", "out-of-range")]
    every = [("limit", "out-of-range"), ("sort", "not-one-of"), ("x", "unknown-parameter")]
    assert sorted(refused(world, path, "limit=05&sort=x&x=1")) == every


@every_list
def test_a_total_is_told_when_asked_for(world: TestClient, path: str) -> None:
    everything = walked(world, path)
    first = world.get(path, params={"count": "true", "limit": 2}).json()
    assert (first["total"], len(first["items"])) == (len(everything), 2)
    second = world.get(path, params={"count": "true", "cursor": first["next"]}).json()
    assert second["total"] == len(everything)
    assert "total" not in world.get(path, params={"count": "false"}).json()
    assert "total" not in world.get(path).json()


def test_a_total_counts_what_the_filters_leave(world: TestClient) -> None:
    for path, query in (
        ("/v1/agencies", "under=child"),
        ("/v1/reports", "year=2024&severity=warning"),
        ("/v1/findings", "rule=requests.balance"),
        ("/v1/reporting-years", "status=open"),
    ):
        found = world.get(f"{path}?{query}&count=true").json()
        assert found["total"] == len(found["items"]) > 0


# Orders


def _position(client: TestClient) -> Callable[[Json], int]:
    """Return where a finding stands among those of its report."""
    order: dict[tuple[str, int], list[str]] = {}

    def position(finding: Json) -> int:
        agency, year = finding["agency"]["code"], finding["year"]
        if (agency, year) not in order:
            found = client.get(f"/v1/reports/{agency}/{year}/findings").json()["items"]
            order[agency, year] = [each["id"] for each in found]
        return order[agency, year].index(finding["id"])

    return position


def in_order(client: TestClient, path: str, sort: str) -> list[Json]:
    """Sort a list here: by the key, ties by the key of the resource, ascending."""
    position = _position(client)
    ties: dict[str, Callable[[Json], Any]] = {
        "/v1/agencies": lambda item: item["code"],
        "/v1/reporting-years": lambda item: item["year"],
        "/v1/reports": lambda item: (item["agency"]["code"], item["year"]),
        "/v1/findings": lambda item: (item["agency"]["code"], item["year"], position(item)),
    }
    if path == "/v1/findings" and sort.endswith("rule"):
        ties[path] = lambda item: (item["year"], item["agency"]["code"], position(item))
    values: dict[str, Callable[[Json], Any]] = {
        "agency": lambda item: item["agency"]["code"],
        "errors": lambda item: item["counts"]["error"],
    }
    key = sort.removeprefix("-")
    found = sorted(walked(client, path), key=ties[path])
    return sorted(found, key=values.get(key, lambda item: item[key]), reverse=sort.startswith("-"))


@every_list
def test_every_order_breaks_ties_by_the_key(
    client: TestClient,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr(reporting, "now", lambda: "2026-01-02T03:04:05.000006Z")
    request.getfixturevalue("world")
    monkeypatch.undo()
    client.patch("/v1/agencies/child", json={"short_name": "局"})
    client.patch("/v1/reports/child/2024", json={"overview": "新"})
    for sort in (sign + key for key in SORTS[path] for sign in ("", "-")):
        expected = in_order(client, path, sort)
        assert items(client, path, sort=sort) == expected
        for limit in (1, 2, 3):
            assert walked(client, path, sort=sort, limit=limit) == expected


def test_lists_are_sorted_by_key_if_nothing_is_said(world: TestClient) -> None:
    for path, sort in zip(LISTS, ("code", "year", "agency", "year"), strict=True):
        assert items(world, path) == items(world, path, sort=sort)


def test_names_are_in_the_order_of_code_points(client: TestClient) -> None:
    names = [
        "~",
        "Z",
        "_",
        "a",
        "é",
        "É",
        "z",
        "中",
        "一",
        "\ue000",
        "ﾟ",
        "𠮷",
        "😀",
        "A",
        "ａ",
        "-",
    ]
    for number, name in enumerate(names):
        make_agency(client, f"a{number}", name=name)
    found = [item["name"] for item in walked(client, "/v1/agencies", sort="name", limit=3)]
    assert found == sorted(names)
    back = [item["name"] for item in walked(client, "/v1/agencies", sort="-name", limit=3)]
    assert back == sorted(names, reverse=True)


def test_codes_are_in_the_order_of_code_points(client: TestClient) -> None:
    made = ["a", "A", "a.", "a-", "a_", "a0", "aA", "Z", "b", "B", "0", "00", "9-", "a.b"]
    for code in made:
        make_agency(client, code)
        put_report(client, code, 2024)
    assert codes(walked(client, "/v1/agencies", limit=3)) == sorted(made)
    assert keys(walked(client, "/v1/reports", limit=3)) == [f"{code} 2024" for code in sorted(made)]


@every_list
def test_unknown_orders_are_refused(world: TestClient, path: str) -> None:
    for sort in ("nonsense", "", "-", "--year", "+code", "code,name", "Code", "kind"):
        (fault,) = refused(world, path, f"sort={sort}")
        assert fault == ("sort", "not-one-of")


# Walks while others write


@pytest.mark.parametrize("sort", ["code", "name", "-name", "updated_at"])
def test_an_agency_that_is_not_touched_is_met_once(client: TestClient, sort: str) -> None:
    kept = [f"k{number}" for number in range(7)]
    for number, code in enumerate(kept):
        make_agency(client, code, name=f"名{number % 3}")
        make_agency(client, f"d{number}", name=f"名{number % 4}")
        make_agency(client, f"m{number}", name=f"名{number % 2}")
    met: list[str] = []
    for step, page in enumerate(pages(client, "/v1/agencies", sort=sort, limit=2)):
        met += codes(page)
        if step > 20:  # whoever walks by time follows the writers
            continue
        client.put(f"/v1/agencies/a{step}", json=an_agency_body(name=f"名{step % 5}"))
        client.put(f"/v1/agencies/z{step}", json=an_agency_body(name="一"))
        client.delete(f"/v1/agencies/d{step}")
        client.patch(f"/v1/agencies/m{step}", json={"name": f"新{step}"})
    assert [code for code in sorted(met) if code in kept] == kept


@pytest.mark.parametrize("sort", ["agency", "-year", "-updated_at", "errors"])
def test_a_report_that_is_not_touched_is_met_once(client: TestClient, sort: str) -> None:
    kept = [f"k{number} {2021 + number % 2}" for number in range(4)]
    for number in range(4):
        for code in (f"k{number}", f"w{number}"):
            make_agency(client, code)
            put_report(client, code, 2021 + number % 2, requests=ERROR if number % 3 else {})
    met: list[str] = []
    for step, page in enumerate(pages(client, "/v1/reports", sort=sort, limit=1)):
        met += keys(page)
        if step > 20:
            continue
        other = f"w{step % 4}"
        client.put(f"/v1/reports/{other}/{2023 + step % 2}", json={"overview": str(step)})
        if step % 2:
            client.delete(f"/v1/reports/{other}/{2021 + step % 2}")
    assert [key for key in sorted(met) if key in kept] == kept


# Cursors

OTHER_QUERIES = {
    "/v1/agencies": ("level=county", ["level=city", "level=county&kind=office", "q=局"]),
    "/v1/reporting-years": ("status=open", ["status=closed"]),
    "/v1/reports": ("year=2024", ["year=2023", "year=2024&agency=other", "year_from=2024"]),
    "/v1/findings": ("year=2024", ["year=2023", "rule=requests.balance", "severity=error"]),
}


@every_list
def test_a_cursor_carries_its_sort_and_filters(world: TestClient, path: str) -> None:
    query, others = OTHER_QUERIES[path]
    sort = f"-{SORTS[path][0]}"
    everything = items(world, f"{path}?{query}&sort={sort}")
    assert len(everything) > 2
    cursor = world.get(f"{path}?{query}&sort={sort}&limit=1").json()["next"]
    for same in (f"cursor={cursor}", f"cursor={cursor}&{query}", f"sort={sort}&cursor={cursor}"):
        assert items(world, f"{path}?{same}") == everything[1:]
    assert len(world.get(f"{path}?limit=1&count=true&cursor={cursor}").json()["items"]) == 1
    for other in (*others, f"{query}&sort={sort[1:]}"):
        reply = world.get(f"{path}?{other}&cursor={cursor}")
        assert said(reply) == (400, "cursor-mismatch"), other


def test_a_cursor_is_of_one_list(world: TestClient) -> None:
    cursors = {path: world.get(f"{path}?limit=1").json()["next"] for path in LISTS}
    for path in LISTS:
        for origin, cursor in cursors.items():
            reply = world.get(path, params={"cursor": cursor})
            assert reply.status_code == (200 if origin == path else 400), (path, origin)


def test_a_cursor_outlives_what_it_points_at(world: TestClient) -> None:
    first = world.get("/v1/reports?limit=3").json()
    rest = items(world, "/v1/reports", cursor=first["next"])
    last = first["items"][-1]
    assert world.delete(last["links"]["self"]).status_code == 204
    assert keys(items(world, "/v1/reports", cursor=first["next"])) == keys(rest)


@every_list
def test_a_damaged_cursor_is_refused(world: TestClient, path: str) -> None:
    cursor = world.get(f"{path}?limit=1").json()["next"]
    for damaged in (
        "",
        "x",
        "=",
        "中",
        "W10",
        "e30",
        "bnVsbA",
        cursor[:-3],
        f"A{cursor}",
        "A" * 9000,
    ):
        reply = world.get(path, params={"cursor": damaged})
        assert said(reply) == (400, "cursor-mismatch"), damaged


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 9999)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        ["a", "2024", "\0", "\ud800", "error", "requests.balance", "open", "%", "x" * 999]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
)
FILTER_NAMES = [
    "q",
    "under",
    "parent",
    "kind",
    "level",
    "active_in",
    "agency",
    "year",
    "year_from",
    "year_to",
    "severity",
    "rule",
    "updated_after",
    "status",
    "form",
    "limit",
    "cursor",
    "count",
    "nonsense",
]
SORT_NAMES = [sign + key for path in LISTS for key in SORTS[path] for sign in ("", "-")]
FILTERS = st.builds(
    lambda filters, sort: {**filters, "sort": sort},
    st.dictionaries(st.sampled_from(FILTER_NAMES), VALUES, max_size=2),
    st.sampled_from(SORT_NAMES) | SCALARS,
)
FORGED = st.tuples(FILTERS | VALUES, st.lists(SCALARS, max_size=4) | VALUES)


def cursor_of(forged: Any) -> str:
    """Write a cursor."""
    text = json.dumps(forged).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(forged=FORGED)
@example(forged=[{"sort": "code", "q": None}, ["a"]])
@example(forged=[{"sort": "code", "q": "\0"}, ["a"]])
@example(forged=[{"sort": "code", "parent": "\ud800"}, ["a"]])
@example(forged=[{"sort": "code"}, 5])
@example(forged=[{"sort": "code"}, None])
@example(forged=[{"sort": "-name"}, {"a": 1, "b": 2}])
@example(forged=[{"sort": "-name"}, ["a", "\ud800"]])
@example(forged=[{"sort": "year"}, [2**70]])
@example(forged=[{"sort": "year"}, [2**31 - 1]])
@example(forged=[{"sort": "year"}, [True]])
@example(forged=[{"sort": "agency", "updated_after": None}, ["a", 2024]])
@example(forged=[{"sort": "agency", "severity": None}, ["a", 2024]])
@example(forged=[{"sort": "agency", "agency": "\0"}, ["a", 2024]])
@example(forged=[{"sort": "agency", "year": "2024"}, ["a", 2024]])
@example(forged=[{"sort": ["code"]}, ["a"]])
def test_a_forged_cursor_is_never_a_failure_of_the_service(client: TestClient, forged: Any) -> None:
    for path in LISTS:
        reply = client.get(path, params={"cursor": cursor_of(forged)})
        assert reply.status_code in {200, 400}, reply.text


@pytest.mark.parametrize("sort", ["year", "agency"])
def test_a_finding_that_goes_during_the_walk_hides_no_other_of_its_report(
    world: TestClient, sort: str
) -> None:
    asked = {"agency": "other", "sort": sort, "limit": 1}
    walk = pages(world, "/v1/findings", **asked)
    (shown,) = next(walk)
    assert shown["table"] == "requests"
    body = {"data": {"received": {"natural_person": 0}}}
    assert world.patch("/v1/reports/other/2024/requests", json=body).status_code == 200
    left = items(world, "/v1/findings", agency="other", sort=sort)
    assert len(left) > 1
    assert [item for page in walk for item in page] == left


# Lists that are short

FINDINGS = "/v1/reports/child/2023/findings"
SHORT = ("/v1/forms", "/v1/rules", "/v1/measures", "/v1/agencies/child/periods", FINDINGS)


def test_a_short_list_is_whole_unless_a_limit_is_given(world: TestClient) -> None:
    world.patch("/v1/agencies/child", json={"name": "别名", "effective_on": "2024-05-01"})
    for path in SHORT:
        whole = items(world, path)
        assert len(whole) > 1, path
        for limit in (1, 2, len(whole), 1000):
            found = list(pages(world, path, limit=limit))
            assert [item for page in found for item in page] == whole
            assert {len(page) for page in found[:-1]} <= {limit}
        assert world.get(f"{path}?limit=1&count=true").json()["total"] == len(whole)
        assert refused(world, path, "limit=0&sort=id") == [
            ("limit", "out-of-range"),
            ("sort", "unknown-parameter"),
        ]
        for cursor in ("x", cursor_of({}), cursor_of([{}, ["a", "b"]])):
            assert said(world.get(path, params={"cursor": cursor})) == (400, "cursor-mismatch")


def test_a_walk_over_findings_keeps_their_outcomes_and_report(world: TestClient) -> None:
    first = world.get(FINDINGS, params={"outcomes": "all", "limit": 1}).json()
    cursor = {"cursor": first["next"]}
    rest = items(world, FINDINGS, **cursor)
    assert first["items"] + rest == items(world, FINDINGS, outcomes="all")
    mixed = world.get(FINDINGS, params=cursor | {"outcomes": "fail"})
    assert said(mixed) == (400, "cursor-mismatch")
    elsewhere = world.get("/v1/reports/child/2024/findings", params=cursor)
    assert said(elsewhere) == (400, "cursor-mismatch")


def test_a_walk_over_findings_shows_once_what_is_there_all_the_time(client: TestClient) -> None:
    make_agency(client, "a")
    kept = {"documents": {"normative_documents__issued": 5}, "problems": "无"}
    path, wrong = "/v1/reports/a/2024/findings", ERROR | {"received__commercial": 3}
    for before, after in ((wrong, {}), ({}, wrong)):
        for limit in (1, 2, 3, 4):
            put_report(client, "a", 2024, requests=before, **kept)
            first = client.get(path, params={"limit": limit}).json()
            put_report(client, "a", 2024, requests=after, **kept)
            rest = items(client, path, cursor=first["next"]) if first["next"] else []
            shown = [each["id"] for each in first["items"] + rest]
            assert len(shown) == len({*shown})
            assert {"documents.stock-floor:normative_documents", "prose.empty:problems"} <= {*shown}


# Parameters


@every_list
def test_unknown_and_repeated_parameters_are_refused_together(world: TestClient, path: str) -> None:
    assert refused(world, path, "nonsense=1&Limit=5&limit=0&count=maybe") == [
        ("Limit", "unknown-parameter"),
        ("count", "not-a-boolean"),
        ("limit", "out-of-range"),
        ("nonsense", "unknown-parameter"),
    ]
    assert refused(world, path, "limit=5&limit=5") == [("limit", "repeated-parameter")]
    assert ("cursor", "repeated-parameter") in refused(world, path, "cursor=a&cursor=b")


def test_a_parameter_with_a_control_character_is_one_fault(world: TestClient) -> None:
    for path, query in (
        ("/v1/reports", "year=%00"),
        ("/v1/reports", "updated_after=%1F"),
        ("/v1/agencies", "sort=%7F"),
        ("/v1/changes", "agency=%00"),
    ):
        assert refused(world, path, query) == [(query.split("=")[0], "bad-text")]


def test_a_parameter_of_another_list_is_unknown(world: TestClient) -> None:
    for path, query in (
        ("/v1/reports", "q=局"),
        ("/v1/agencies", "year=2024"),
        ("/v1/findings", "updated_after=2024-01-01T00:00:00Z"),
        ("/v1/reporting-years", "under=root"),
    ):
        name = query.split("=")[0]
        assert refused(world, path, query) == [(name, "unknown-parameter")]


WRONG_VALUES = {
    "/v1/agencies": {
        "kind=ministry": "not-one-of",
        "level=": "not-one-of",
        "active_in=24": "not-a-year",
        "active_in=x": "not-a-year",
        "active_in=02024": "not-a-year",
        f"q={'局' * 201}": "too-long",
        "q=%00": "bad-text",
        "parent=a%1F": "bad-text",
    },
    "/v1/reporting-years": {"status=shut": "not-one-of", "status=": "not-one-of"},
    "/v1/reports": {
        "year=999": "not-a-year",
        "year=10000": "not-a-year",
        "year=2024.5": "not-a-year",
        "year_from=": "not-a-year",
        "year_to=last": "not-a-year",
        "severity=fatal": "not-one-of",
        "severity=": "not-one-of",
        "rule=nonsense": "not-one-of",
        "updated_after=2024-01-01": "not-a-time",
        "updated_after=2024-01-01T00:00:00": "not-a-time",
        "updated_after=2024-01-01T00:00:00%2B08:60": "not-a-time",
        "updated_after=yesterday": "not-a-time",
        "agency=%00": "bad-text",
    },
    "/v1/findings": {
        "year=x": "not-a-year",
        "severity=ERROR": "not-one-of",
        "rule=rollup": "not-one-of",
        "under=%7F": "bad-text",
    },
}


@every_list
def test_wrong_values_of_filters_are_refused(world: TestClient, path: str) -> None:
    for query, code in WRONG_VALUES[path].items():
        assert refused(world, path, query) == [(query.split("=")[0], code)]
    english = world.get(f"{path}?limit=0", headers={"accept-language": "en"}).json()
    assert english["errors"][0]["message"] == "Must be from 1 to 1000."


# Filters of agencies


def test_agencies_are_listed_as_they_are_read(world: TestClient) -> None:
    for item in items(world, "/v1/agencies"):
        assert item == world.get(f"/v1/agencies/{item['code']}").json()


def test_parent_finds_children_and_under_the_whole_subtree(world: TestClient) -> None:
    assert codes(items(world, "/v1/agencies", parent="root")) == ["child"]
    assert codes(items(world, "/v1/agencies", under="root")) == ["child", "leaf", "root"]
    assert codes(items(world, "/v1/agencies", under="child")) == ["child", "leaf"]
    assert codes(items(world, "/v1/agencies", under="leaf")) == ["leaf"]
    for query in ({"under": "nobody"}, {"parent": "nobody"}, {"parent": "Root"}, {"under": ""}):
        assert items(world, "/v1/agencies", **query) == []


def test_under_follows_a_move(world: TestClient) -> None:
    world.patch("/v1/agencies/child", json={"parent": "other"})
    assert codes(items(world, "/v1/agencies", under="other")) == ["child", "leaf", "other"]
    assert codes(items(world, "/v1/agencies", under="root")) == ["root"]
    assert keys(items(world, "/v1/reports", under="other", year=2024)) == [
        "child 2024",
        "leaf 2024",
        "other 2024",
    ]


def test_agencies_are_found_by_kind_and_level(world: TestClient) -> None:
    assert codes(items(world, "/v1/agencies", kind="government")) == ["other", "root"]
    assert codes(items(world, "/v1/agencies", level="city")) == ["root"]
    assert codes(items(world, "/v1/agencies", kind="government", level="county")) == ["other"]
    assert codes(items(world, "/v1/agencies", under="root", kind="office")) == ["leaf"]


def test_an_agency_is_active_in_a_year_if_it_is_on_any_day_of_it(client: TestClient) -> None:
    make_agency(client, "always")
    make_agency(client, "first-day", active_to="2023-01-01")
    make_agency(client, "last-day", active_from="2023-12-31")
    make_agency(client, "before", active_to="2022-12-31")
    make_agency(client, "after", active_from="2024-01-01")
    make_agency(client, "around", active_from="2020-05-01", active_to="2026-05-01")
    make_agency(client, "within", active_from="2023-05-01", active_to="2023-05-01")
    found = {year: codes(items(client, "/v1/agencies", active_in=year)) for year in (2022, 2023)}
    assert found == {
        2022: ["always", "around", "before", "first-day"],
        2023: ["always", "around", "first-day", "last-day", "within"],
    }
    assert codes(items(client, "/v1/agencies", active_in=9999)) == ["after", "always", "last-day"]


SEARCHED = {
    "320000": {"name": "宿迁市人民政府", "short_name": "市府"},
    "321322-FGJ": {"name": "沭阳县发展和改革局", "short_name": "发改局"},
    "abc": {"name": "ＡＢＣ示范区"},
    "b1": {"name": "Straße ①号", "short_name": "Ⅳ办"},
    "b2": {"name": "完成50%办公室"},
    "b3": {"name": "甲_乙局"},
    "b4": {"name": "反\\斜局"},
    "b5": {"name": "𠮷林办", "short_name": "𠮷"},
}
FINDS = {
    "宿迁": ["320000"],
    "人民政府": ["320000"],
    "改革": ["321322-FGJ"],
    "发改": ["321322-FGJ"],
    "市府": ["320000"],
    "府市": [],
    "政府市府": [],
    "局": ["321322-FGJ", "b3", "b4"],
    "abc": ["abc"],
    "ABC示": ["abc"],
    "ａｂｃ": ["abc"],
    "bc": ["abc"],
    "32": ["320000", "321322-FGJ"],
    "３２１": ["321322-FGJ"],
    "321322-fgj": ["321322-FGJ"],
    "fgj": [],
    "2000": [],
    "STRASSE": ["b1"],
    "straße": ["b1"],
    "1号": ["b1"],
    "iv": ["b1"],
    "%": ["b2"],
    "０％": ["b2"],
    "_": ["b3"],
    "＿": ["b3"],
    "甲_乙": ["b3"],
    "甲x乙": [],
    "\\": ["b4"],
    "𠮷": ["b5"],
    "b": ["abc", "b1", "b2", "b3", "b4", "b5"],
    "nothing": [],
    "'; --": [],
}


def test_a_search_is_of_names_and_of_how_codes_begin(client: TestClient) -> None:
    for code, names in SEARCHED.items():
        make_agency(client, code, **names)
    found = {text: codes(items(client, "/v1/agencies", q=text)) for text in FINDS}
    assert found == FINDS


def test_a_search_follows_a_new_name(client: TestClient) -> None:
    make_agency(client, "a", name="旧名局", short_name="旧局")
    client.patch("/v1/agencies/a", json={"name": "新名局", "short_name": None})
    assert codes(items(client, "/v1/agencies", q="新名")) == ["a"]
    assert items(client, "/v1/agencies", q="旧") == []


# Filters of reports


def test_a_listed_report_is_a_summary(world: TestClient) -> None:
    for item in items(world, "/v1/reports"):
        whole = world.get(item["links"]["self"])
        left_out = {"overview", "problems", "other_matters", "tables", "findings"}
        short = {name: value for name, value in whole.json().items() if name not in left_out}
        filings = {key: table["filing"] for key, table in whole.json()["tables"].items()}
        assert item == {**short, "filings": filings, "etag": etag(whole)}


REPORT_FILTERS: dict[str, list[str]] = {
    "agency=child": ["child 2023", "child 2024"],
    "agency=Child": [],
    "agency=nobody": [],
    "under=root": ["child 2023", "child 2024", "leaf 2020", "leaf 2024", "root 2023", "root 2024"],
    "under=child": ["child 2023", "child 2024", "leaf 2020", "leaf 2024"],
    "under=other": ["other 2024"],
    "under=nobody": [],
    "year=2023": ["child 2023", "root 2023"],
    "year=1999": [],
    "year_from=2024": ["child 2024", "leaf 2024", "other 2024", "root 2024"],
    "year_to=2020": ["leaf 2020"],
    "year_from=2021&year_to=2023": ["child 2023", "root 2023"],
    "year_from=2024&year_to=2023": [],
    "severity=error": ["child 2023", "other 2024"],
    "severity=warning": ["leaf 2024", "other 2024"],
    "severity=info": ["other 2024"],
    "rule=requests.balance": ["child 2023", "other 2024"],
    "rule=documents.stock-floor": ["leaf 2024", "other 2024"],
    "rule=prose.empty": ["other 2024"],
    "rule=requests.carry": [],
    "rule=requests.balance&severity=error": ["child 2023", "other 2024"],
    "rule=requests.balance&severity=warning": [],
    "under=root&year=2024&severity=warning": ["leaf 2024"],
    "agency=leaf&under=root&year_to=2023": ["leaf 2020"],
}


def test_reports_are_found_by_every_filter(world: TestClient) -> None:
    found = {query: keys(items(world, f"/v1/reports?{query}")) for query in REPORT_FILTERS}
    assert found == REPORT_FILTERS


def test_reports_are_found_by_when_they_changed(world: TestClient) -> None:
    times = [item["updated_at"] for item in items(world, "/v1/reports", sort="updated_at")]
    for index, time in enumerate(times):
        later = items(world, "/v1/reports", updated_after=time, sort="updated_at")
        assert [item["updated_at"] for item in later] == times[index + 1 :]
    moment = datetime.fromisoformat(times[2])
    for zone in (timezone(timedelta(hours=8)), timezone(timedelta(hours=-9, minutes=-30))):
        there = moment.astimezone(zone).isoformat()
        assert len(items(world, "/v1/reports", updated_after=there)) == len(times) - 3
    raw = moment.astimezone(timezone(timedelta(hours=8))).isoformat()
    assert len(items(world, f"/v1/reports?updated_after={raw}")) == len(times) - 3
    assert len(items(world, "/v1/reports", updated_after="2020-01-01T00:00:00Z")) == len(times)


def test_a_report_is_listed_as_it_is_now(world: TestClient) -> None:
    world.patch("/v1/agencies/child", json={"name": "新名局"})
    put_report(world, "child", 2023)
    (item,) = items(world, "/v1/reports", agency="child", year=2023)
    assert item["agency"] == {"code": "child", "name": "新名局"}
    assert item["counts"] == {"error": 0, "warning": 0, "info": 0}
    assert "child 2023" not in keys(items(world, "/v1/reports", severity="error"))
    world.delete("/v1/reports/child/2023/fees")
    (item,) = items(world, "/v1/reports", agency="child", year=2023)
    assert item["filings"]["fees"] == "missing"
    world.delete("/v1/reports/child/2023")
    assert items(world, "/v1/reports", agency="child", year=2023) == []


# Filters of findings


def test_listed_findings_are_those_of_the_reports(world: TestClient) -> None:
    listed = items(world, "/v1/findings")
    expected = [
        {"agency": report["agency"], "year": report["year"], **finding}
        for report in items(world, "/v1/reports", sort="year")
        for finding in world.get(report["links"]["findings"]).json()["items"]
    ]
    assert listed == expected
    assert {finding["outcome"] for finding in listed} == {"fail"}


FINDING_FILTERS: dict[str, set[str]] = {
    "agency=child": {"child 2023"},
    "agency=nobody": set(),
    "under=root": {"child 2023", "leaf 2024"},
    "under=leaf": {"leaf 2024"},
    "year=2024": {"leaf 2024", "other 2024"},
    "year=2020": set(),
    "rule=requests.balance": {"child 2023", "other 2024"},
    "rule=prose.empty": {"other 2024"},
    "severity=error": {"child 2023", "other 2024"},
    "severity=warning": {"leaf 2024", "other 2024"},
    "severity=info": {"other 2024"},
    "severity=error&under=root": {"child 2023"},
    "rule=requests.balance&severity=info": set(),
}


def test_findings_are_found_by_every_filter(world: TestClient) -> None:
    everything = items(world, "/v1/findings")
    for query, reports in FINDING_FILTERS.items():
        found = items(world, f"/v1/findings?{query}")
        assert set(keys(found)) == reports, query
        wanted = dict(pair.split("=") for pair in query.split("&"))
        for name in ("rule", "severity"):
            assert {finding[name] for finding in found} <= {
                wanted.get(name, finding[name]) for finding in found
            }
        assert [finding for finding in everything if finding in found] == found


def test_findings_of_a_whole_report_are_listed_with_its_new_name(world: TestClient) -> None:
    world.patch("/v1/agencies/child", json={"name": "新名局"})
    names = {finding["agency"]["name"] for finding in items(world, "/v1/findings", agency="child")}
    assert names == {"新名局"}


# Filters of reporting years


def test_years_are_found_by_status(client: TestClient) -> None:
    client.patch("/v1/reporting-years/2020", json={"status": "closed"})
    closed = items(client, "/v1/reporting-years", status="closed")
    assert [item["year"] for item in closed] == [2020]
    everything = items(client, "/v1/reporting-years")
    assert items(client, "/v1/reporting-years", status="open") == [
        item for item in everything if item["year"] != 2020
    ]
    for item in everything:
        assert item == client.get(f"/v1/reporting-years/{item['year']}").json()


# Pages that are kept in memory


def test_a_page_is_made_anew_when_anything_has_changed(
    client: TestClient, database_url: str
) -> None:
    """Whoever has changed it: here another worker."""
    path = "/v1/reports?year=2024&sort=-updated_at"
    for code in ("a", "b"):
        make_agency(client, code)
        put_report(client, code)

    def shown() -> tuple[list[str], str]:
        found = client.get(path)
        return [each["agency"]["name"] for each in found.json()["items"]], found.headers["etag"]

    names, before = shown()
    assert (names, before) == shown()
    with TestClient(create_app(quiet(database_url))) as other:
        assert other.get(path).headers["etag"] == before
        assert client.put("/v1/agencies/a", json=an_agency_body(name="水利局")).status_code == 200
        assert sorted(shown()[0]) == ["审计局", "水利局"]
        assert other.get(path).headers["etag"] == shown()[1] != before


def test_a_page_that_is_kept_is_for_who_sees_the_same(client: TestClient) -> None:
    make_agency(client, "a")
    put_report(client, "a")
    assert len(client.get("/v1/reports").json()["items"]) == 1
    del client.headers["Authorization"]
    assert client.get("/v1/reports").json()["items"] == []


def test_a_kept_page_is_gzipped_for_who_takes_it(client: TestClient) -> None:
    for code in ("a", "b", "c"):
        make_agency(client, code)
        put_report(client, code)
    plain = client.get("/v1/reports", headers={"Accept-Encoding": "identity"})
    packed = client.get("/v1/reports", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()


def test_pages_that_nobody_asks_for_are_forgotten() -> None:
    a, b, c = (Page((1,), '"1"', letter * 4) for letter in (b"a", b"b", b"c"))
    pages = Pages(most=a.size + b.size)
    pages.keep("a", a)
    pages.keep("b", b)
    assert pages.find("a", (1,)) is not None
    pages.keep("c", c)
    assert [key for key in "abc" if key in pages] == ["a", "c"]
    pages.keep("a", Page((2,), '"2"', b"aaaaaaaa"))
    assert [key for key in "abc" if key in pages] == ["a"]
    assert pages.find("a", (1,)) is None
    pages.keep("d", Page((2,), '"2"', b"larger than all" * 1_000))
    assert [key for key in "ad" if key in pages] == []
