"""Roll-ups over HTTP: who is counted, what it comes to, and what is said of it."""

import asyncio
import random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.layout import LARGEST, Cell, Table, Unit
from app.forms import the_form_of
from app.services import rolling
from app.storage import agencies, leaves, models
from app.storage.database import Database
from tests.api import Json, TestClient, a_table_body, etag, make_agency, put_report, revision, said
from tests.conftest import quiet

GOVERNMENT = {"kind": "government", "level": "city"}


def rollup(client: TestClient, code: str = "g", year: int = 2024, basis: str = "") -> Json:
    """Return a roll-up."""
    query = f"?basis={basis}" if basis else ""
    reply = client.get(f"/v1/agencies/{code}/rollup/{year}{query}")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def upheld(found: Json) -> Any:
    """Return the cell that these tests fill in."""
    disputes = found["tables"]["disputes"]
    return disputes["data"] and disputes["data"]["reconsideration"]["upheld"]


def file(client: TestClient, code: str, number: int, year: int = 2024) -> None:
    """File a report with a number in a cell."""
    cells = {"reconsideration__upheld": number, "reconsideration__total": number}
    put_report(client, code, year, disputes=cells)


def numbers(found: Json) -> list[int]:
    """Return the numbers of a coverage: expected, filed, nil, late, missing."""
    names = ("expected", "filed", "nil", "late", "missing")
    return [found["coverage"][name] for name in names]


@pytest.fixture
def tree(client: TestClient) -> TestClient:
    """A city government, a county under it, their bureaus, and agencies that are not counted.

    Each report has another power of ten in it, so that a sum tells whose reports it is of.
    """
    make_agency(client, "g", **GOVERNMENT)
    make_agency(client, "bureau", parent="g")
    make_agency(client, "station", parent="bureau", kind="dispatched")
    make_agency(client, "county", parent="g", kind="government", level="county")
    make_agency(client, "county-office", parent="county", kind="office")
    make_agency(client, "customs", parent="g", kind="vertical")
    make_agency(client, "customs-post", parent="customs", kind="dispatched")
    make_agency(client, "closed", parent="g", active_to="2023-12-31")
    make_agency(client, "later", parent="g", active_from="2025-01-01")
    make_agency(client, "silent", parent="g")
    make_agency(client, "elsewhere")
    filed = ("bureau", "station", "county", "county-office", "customs", "customs-post", "elsewhere")
    for power, code in enumerate((*filed, "closed", "later")):
        file(client, code, 10**power)
    return client


# Who is counted


def test_children_are_counted_and_a_governments_report_stands_for_its_subtree(
    tree: TestClient,
) -> None:
    found = rollup(tree)

    assert found["basis"] == "children"
    assert upheld(found) == 101
    assert numbers(found) == [3, 2, 0, 0, 1]
    counted = [(c["code"], c["stands_for"]) for c in found["coverage"]["counted"]]
    assert counted == [("bureau", "itself"), ("county", "subtree")]
    assert [tree.get(c["report"]).status_code for c in found["coverage"]["counted"]] == [200, 200]
    missing = [{"code": "silent", "name": "审计局"}]
    assert found["coverage"]["agencies"] == {"nil": [], "late": [], "missing": missing}


@pytest.mark.parametrize("many", [0, 1_000])
def test_leaves_are_all_reports_below_that_are_not_consolidated(
    tree: TestClient, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaves, "MANY", many)
    file(tree, "g", 10**9)
    found = rollup(tree, basis="leaves")

    assert found["basis"] == "leaves"
    assert upheld(found) == 1_011
    assert numbers(found) == [4, 3, 0, 0, 1]
    assert found["coverage"]["counted"] is None
    assert [each["code"] for each in found["coverage"]["agencies"]["missing"]] == ["silent"]


def test_the_report_of_who_is_no_government_is_a_leaf_itself(tree: TestClient) -> None:
    """It is not consolidated; so the leaves of a government are those of its children together."""
    assert upheld(rollup(tree, "bureau", basis="leaves")) == 11
    assert upheld(rollup(tree, "bureau")) == 10
    assert upheld(rollup(tree, "county", basis="leaves")) == 1_000
    below = [rollup(tree, code, basis="leaves") for code in ("bureau", "county")]
    assert upheld(rollup(tree, basis="leaves")) == sum(map(upheld, below))


def test_agencies_are_expected_in_the_years_in_which_they_were_active(tree: TestClient) -> None:
    file(tree, "closed", 5, 2023)

    found = rollup(tree, year=2023)
    assert [upheld(found), *numbers(found)] == [5, 4, 1, 0, 0, 3]
    assert upheld(rollup(tree, year=2023, basis="leaves")) == 5


@pytest.mark.parametrize("basis", ["children", "leaves"])
def test_coverage_says_who_is_nil_late_and_missing(client: TestClient, basis: str) -> None:
    make_agency(client, "g", **GOVERNMENT)
    for code in "abcdef":
        make_agency(client, code, parent="g", name=f"{code}局")
    nil = {key: {"filing": "nil"} for key in the_form_of(2024).table}
    put_report(client, "a", 2024, submitted_on="2025-01-31")
    put_report(client, "b", 2024, **nil)
    put_report(client, "c", 2024, published_on="2025-02-01")
    put_report(client, "d", 2024, published_on="2025-02-01", **nil)
    put_report(client, "e", 2024, **(nil | {"fees": {}}))

    found = rollup(client, basis=basis)

    assert numbers(found) == [6, 2, 1, 2, 1]
    assert found["coverage"]["agencies"] == {
        "nil": [{"code": "b", "name": "b局"}],
        "late": [{"code": "c", "name": "c局"}, {"code": "d", "name": "d局"}],
        "missing": [{"code": "f", "name": "f局"}],
    }


def test_an_agency_without_children_has_nothing_to_sum_up(client: TestClient) -> None:
    make_agency(client, "g", **GOVERNMENT)
    put_report(client, "g")
    for basis in ("children", "leaves"):
        found = rollup(client, basis=basis)
        assert numbers(found) == [0, 0, 0, 0, 0]
        missing = {"filing": "missing", "data": None, "totals": None}
        assert set(found["tables"]) == set(the_form_of(2024).table)
        assert all(table == missing for table in found["tables"].values())
        assert found["findings"] == []
        assert found["counts"] == {"error": 0, "warning": 0, "info": 0}


# What it comes to


def some_cell(seed: random.Random, cell: Cell) -> Any:
    if seed.random() < 0.04:
        return seed.choice([None, "n/a"])
    number = seed.choice([0, 0, seed.randint(0, 500)])
    if cell.column.unit is Unit.CHANGE:
        return -number
    return f"{number}.25" if cell.column.unit.is_decimal else number


def some_table(seed: random.Random, table: Table) -> Json:
    """Return a table of anything: blanks, `n/a`, any unit; or nil, or missing."""
    kind = seed.choice(["filed"] * 6 + ["nil", "zeros", "missing"])
    if kind in {"nil", "missing"}:
        return {"filing": kind}
    data: Json = {line.key: {} for line in table.lines}
    for cell in table.cells:
        value = (
            some_cell(seed, cell) if kind == "filed" else "0" if cell.column.unit.is_decimal else 0
        )
        data[cell.line.key][cell.column.key] = value
    choices = {choice.key: seed.choice(choice.values) for choice in table.choices}
    return {"filing": "filed", "data": data, **choices}


@pytest.mark.parametrize("year", [2020, 2024])
@pytest.mark.parametrize("many", [0, 1_000])
def test_the_database_adds_as_the_domain_does(
    client: TestClient, year: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all children are leaves the two are one, whichever way the tree is walked."""
    monkeypatch.setattr(leaves, "MANY", many)
    seed = random.Random(year)
    make_agency(client, "g", **GOVERNMENT)
    for number in range(12):
        make_agency(client, f"m{number}", parent="g")
        tables = {t.key: some_table(seed, t) for t in the_form_of(year).tables}
        if number != 5:
            assert client.put(f"/v1/reports/m{number}/{year}", json={"tables": tables}).is_success
    children, below = rollup(client, year=year), rollup(client, year=year, basis="leaves")

    assert below["tables"] == children["tables"]
    assert below["findings"] == children["findings"]
    assert numbers(below) == numbers(children) == [12, 11, 0, 0, 1]
    partial = [len(table["data_partial"]) for table in children["tables"].values()]
    assert any(partial)
    assert any(table["data"] for table in children["tables"].values())


@pytest.mark.parametrize("basis", ["children", "leaves"])
def test_sums_beyond_64_bits_are_exact(client: TestClient, basis: str) -> None:
    """SQLite itself gives up there."""
    make_agency(client, "g", **GOVERNMENT)
    for number in range(10):
        make_agency(client, f"m{number}", parent="g")
        put_report(
            client,
            f"m{number}",
            fees={"charges__amount": "999999999999.999999"},
            disputes={"reconsideration__upheld": LARGEST},
        )

    found = rollup(client, basis=basis)

    assert found["tables"]["fees"]["data"] == {"charges": {"amount": "9999999999999.99999"}}
    assert upheld(found) == 10 * LARGEST


def test_a_sum_says_which_cells_and_totals_are_partial(client: TestClient) -> None:
    make_agency(client, "g", **GOVERNMENT)
    for code in "ab":
        make_agency(client, code, parent="g")
    put_report(
        client, "a", disputes={"reconsideration__upheld": None, "reconsideration__pending": 2}
    )
    put_report(client, "b", fees=None)
    for basis in ("children", "leaves"):
        tables = rollup(client, basis=basis)["tables"]
        disputes = tables["disputes"]
        assert disputes["data"]["reconsideration"]["upheld"] == 0
        assert disputes["data_partial"] == ["/tables/disputes/data/reconsideration/upheld"]
        assert disputes["totals"]["reconsideration"] == {"total": 2}
        assert disputes["totals_partial"] == ["/tables/disputes/totals/reconsideration/total"]
        assert tables["fees"]["data_partial"] == ["/tables/fees/data/charges/amount"]
        assert tables["requests"]["data_partial"] == []


# What is said of it


def test_a_governments_report_is_held_against_its_children(tree: TestClient) -> None:
    file(tree, "g", 50)
    before = tree.get("/v1/reports/g/2024")

    found = rollup(tree)

    finding = next(each for each in found["findings"] if each["at"].endswith(".upheld"))
    message = finding.pop("message")
    assert finding == {
        "id": "rollup.sum:disputes.reconsideration.upheld",
        "rule": "rollup.sum",
        "at": "disputes.reconsideration.upheld",
        "severity": "warning",
        "outcome": "fail",
        "table": "disputes",
        "cells": ["/tables/disputes/data/reconsideration/upheld"],
        "other_cells": [
            {
                "agency": {"code": code, "name": "审计局"},
                "year": 2024,
                "pointer": "/tables/disputes/data/reconsideration/upheld",
            }
            for code in ("bureau", "county")
        ],
        "computed_cells": [],
        "left": 50,
        "right": 101,
        "difference": -51,
        "suspects": [],
        "basis": "国办公开办函〔2021〕30号",
    }
    assert "101" in message["zh"]
    assert found["counts"] == {"error": 0, "warning": 2, "info": 0}
    assert etag(tree.get("/v1/reports/g/2024")) == etag(before)
    assert before.json()["findings"] == []


def test_it_may_have_more_while_a_child_is_missing_and_not_once_all_have_filed(
    tree: TestClient,
) -> None:
    file(tree, "g", 150)
    assert rollup(tree)["findings"] == []

    file(tree, "silent", 48)
    assert {(f["left"], f["right"]) for f in rollup(tree)["findings"]} == {(150, 149)}

    file(tree, "g", 149)
    assert rollup(tree)["findings"] == []


def test_only_governments_consolidate_and_only_children_are_compared(tree: TestClient) -> None:
    file(tree, "g", 0)
    assert rollup(tree)["counts"]["warning"] > 0
    assert rollup(tree, basis="leaves")["findings"] == []
    assert rollup(tree, "bureau")["findings"] == []


def test_findings_of_a_sum_stand_in_the_order_of_the_catalogue(tree: TestClient) -> None:
    put_report(tree, "bureau", requests={"received__natural_person": 3})
    file(tree, "g", 0)
    order = [rule["id"] for rule in tree.get("/v1/rules").json()["items"]]

    places = [order.index(each["rule"]) for each in rollup(tree)["findings"]]

    assert places == sorted(places)
    assert {"requests.balance", "rollup.sum"} <= {order[place] for place in places}


def test_a_sum_has_no_findings_of_blanks_nor_of_prose(client: TestClient) -> None:
    make_agency(client, "g", **GOVERNMENT)
    make_agency(client, "a", parent="g")
    client.put("/v1/reports/a/2024", json={"tables": {"requests": {}}})
    assert client.get("/v1/reports/a/2024").json()["counts"]["warning"] == 1

    found = rollup(client)

    assert found["findings"] == []
    assert len(found["tables"]["requests"]["data_partial"]) == 175


# Over HTTP


def test_links_lead_where_they_say(tree: TestClient) -> None:
    file(tree, "g", 0)
    for basis in ("children", "leaves"):
        found = rollup(tree, basis=basis)
        assert tree.get(found["links"]["self"]).json() == found
        assert {tree.get(path).status_code for path in found["links"].values()} == {200}


@pytest.mark.parametrize("basis", ["children", "leaves"])
def test_a_client_that_has_it_is_told_so_until_something_below_changes(
    tree: TestClient, basis: str
) -> None:
    path = f"/v1/agencies/g/rollup/2024?basis={basis}"
    first = tree.get(path)
    again = tree.get(path, headers={"if-none-match": etag(first)})
    assert (again.status_code, again.content) == (304, b"")
    assert etag(tree.get(path)) == etag(first)
    assert tree.head(path).headers["etag"] == first.headers["etag"]

    file(tree, "elsewhere", 3)
    assert tree.get(path, headers={"if-none-match": etag(first)}).status_code == 304
    for _ in range(3):
        file(tree, "bureau", random.randint(10, 10**6))
    changed = tree.get(path, headers={"if-none-match": etag(first)})
    assert changed.status_code == 200
    assert (revision(first), revision(changed)) == (1, 4)


def test_what_the_path_names_must_be_there(client: TestClient) -> None:
    make_agency(client, "g", **GOVERNMENT)
    for basis in ("children", "leaves", "nonsense"):
        for path, problem in (
            ("nobody/rollup/2024", "agency-not-found"),
            ("-/rollup/2024", "agency-not-found"),
            ("g/rollup/2099", "reporting-year-not-found"),
            ("g/rollup/2018", "reporting-year-not-found"),
            ("g/rollup/x", "reporting-year-not-found"),
        ):
            reply = client.get(f"/v1/agencies/{path}?basis={basis}")
            assert said(reply) == (404, problem)
    for query in ("basis=nonsense", "under=g"):
        assert said(client.get(f"/v1/agencies/g/rollup/2024?{query}")) == (422, "invalid-parameter")


def test_a_roll_up_is_of_one_moment(database_url: str) -> None:
    """What is written while it is read is not in it."""
    settings = quiet(database_url)
    database = Database(settings)
    stamps = dict.fromkeys(("created_at", "updated_at"), "2026-01-02T03:04:05.000006Z")
    values = {
        "code": "new",
        "name": "局",
        "kind": "office",
        "level": "city",
        "search": "",
        **stamps,
    }
    numbers = {"revision": 1, "uscc_unchecked": False}

    def read(connection: Connection) -> list[bool]:
        before = agencies.exists(connection, "new")
        if not before:
            with database.writes.begin() as writing:
                writing.execute(sa.insert(models.Agency), values | numbers)
        return [before, agencies.exists(connection, "new")]

    assert asyncio.run(database.snapshot(read)) == [False, False]
    assert asyncio.run(database.snapshot(read)) == [True, True]
    database.close()


def test_a_table_of_another_form_is_not_in_the_sum(client: TestClient) -> None:
    make_agency(client, "g", **GOVERNMENT)
    make_agency(client, "a", parent="g")
    body = {
        "tables": {
            "procurement": a_table_body(2020, "procurement", 1) | {"amount_unit": "wan_yuan"}
        }
    }
    assert client.put("/v1/reports/a/2020", json=body).status_code == 201

    table = rollup(client, year=2020)["tables"]["procurement"]

    assert table["data"] == {"centralized": {"items": 1, "amount": "10000"}}
    assert table["amount_unit"] == "yuan"
    assert "procurement" not in rollup(client, year=2024)["tables"]


def test_a_roll_up_is_computed_again_only_when_something_below_has_changed(
    tree: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = rolling.computed
    done: list[tuple[Any, ...]] = []

    def counted(connection: Connection, *key: Any) -> tuple[str, bytes]:
        done.append(key)
        return computed(connection, *key)

    monkeypatch.setattr(rolling, "computed", counted)
    make_agency(tree, "far-away")
    tags = [etag(tree.get("/v1/agencies/g/rollup/2024"))]

    def read_again() -> int:
        done.clear()
        tags.append(etag(tree.get("/v1/agencies/g/rollup/2024")))
        return len(done)

    assert read_again() == 0
    put_report(tree, "far-away", problems="不在这里。")
    put_report(tree, "bureau", 2023)
    assert (read_again(), read_again()) == (0, 0)
    assert len(set(tags)) == 1
    file(tree, "bureau", 4_000)
    assert (read_again(), read_again()) == (1, 0)
    tree.patch("/v1/agencies/county", json={"kind": "department", "effective_on": None})
    assert (read_again(), read_again()) == (1, 0)
    tree.delete("/v1/reports/bureau/2024")
    assert (read_again(), read_again()) == (1, 0)
    assert len(set(tags)) == 4


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_rollup_of_children_is_planned_once_and_not_each_time(tree: TestClient) -> None:
    """Though it is of a past year, of which PostgreSQL thinks that a new plan would be better."""
    tree.patch("/v1/agencies/silent", json={"short_name": "局"}).raise_for_status()
    for code in ("g", "county"):
        for year in (2022, 2023, 2024):
            rollup(tree, code, year)

    def plans(connection: Connection) -> list[Any]:
        query = sa.text(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE 'WITH past_agency%'"
        )
        return [tuple(row) for row in connection.execute(query)]

    app: Any = tree.app
    assert tree.portal is not None
    found = tree.portal.call(app.state.database.exact, plans)
    assert sum(generic for generic, _ in found) > 2
    assert sum(custom for _, custom in found) == 0
