"""Reports as a whole over HTTP: written, read back, patched, listed and deleted."""

from typing import Any

import pytest

from app.api import bodies
from app.forms import the_form_of
from tests.api import (
    Json,
    TestClient,
    a_matrix,
    a_report_body,
    a_table_body,
    etag,
    faults,
    make_agency,
    put_report,
    put_table,
    revision,
    said,
)
from tests.builders import FORM_2019, FORM_2021

URL = "/v1/reports/a/2024"
MISSING = {"filing": "missing", "data": None, "totals": None}
PROSE: Json = {
    "agency_name_reported": "示例市审计局（本级）",
    "overview": "  一、概述\n\t含制表符、换行与末尾空格 \n",
    "problems": "存在的问题：😀 𠀀 é",
    "other_matters": "",
    "submitted_on": "2025-01-20",
    "published_on": "2025-01-25",
    "published_url": "https://example.gov.cn/zwgk?id=1&x=%E5%85%AC#top",
}
SUMMARY_ONLY = {"filings", "etag"}


def read(client: TestClient, code: str = "a", year: int = 2024) -> Json:
    reply = client.get(f"/v1/reports/{code}/{year}")
    assert reply.status_code == 200
    return dict(reply.json())


def patch(client: TestClient, body: Json, url: str = URL) -> Any:
    return client.patch(url, json=body)


# What was written is what is read


@pytest.mark.parametrize("year", [2020, 2021, 2024])
def test_a_report_is_read_back_as_it_was_written(client: TestClient, year: int) -> None:
    make_agency(client)
    body = a_report_body(year, **PROSE)
    for n, (key, table) in enumerate(body["tables"].items()):
        for line in table["data"].values():
            line.update({column: n if number == 0 else number for column, number in line.items()})
        table["remarks"] = {next(iter(table["data"])): f"{key}的说明"}

    client.put(f"/v1/reports/a/{year}", json=body)

    found = read(client, year=year)
    assert {name: found[name] for name in PROSE} == PROSE
    for key, table in body["tables"].items():
        assert {name: found["tables"][key][name] for name in table} == table


@pytest.mark.parametrize("year", [2020, 2024])
def test_a_report_shows_its_members_in_one_order(client: TestClient, year: int) -> None:
    make_agency(client)
    put_report(client, year=year)

    found = read(client, year=year)

    assert list(found) == [
        "agency",
        "agency_name_reported",
        "year",
        "form",
        "overview",
        "problems",
        "other_matters",
        "submitted_on",
        "published_on",
        "published_url",
        "timeliness",
        "tables",
        "findings",
        "counts",
        "state",
        "correction",
        "created_at",
        "updated_at",
        "links",
    ]
    assert list(found["tables"]) == list(the_form_of(year).table)
    assert found["form"] == the_form_of(year).key
    assert found["agency"] == {"code": "a", "name": "审计局"}
    assert found["links"] == {
        "self": f"/v1/reports/a/{year}",
        "agency": "/v1/agencies/a",
        "previous": None,
        "next": None,
        "findings": f"/v1/reports/a/{year}/findings",
    }


def test_an_empty_body_is_a_report_of_missing_tables(client: TestClient) -> None:
    make_agency(client)

    made = client.put(URL, json={})

    assert made.status_code == 201
    found = made.json()
    assert found["tables"] == dict.fromkeys(FORM_2021.table, MISSING)
    assert [found[name] for name in PROSE] == [None] * len(PROSE)
    assert (found["findings"], found["timeliness"]) == ([], None)
    assert found["counts"] == {"error": 0, "warning": 0, "info": 0}


def test_a_reply_to_a_write_is_what_is_read_afterwards(client: TestClient) -> None:
    make_agency(client)

    made = put_report(client, requests={"received__natural_person": 1})

    found = client.get(URL)
    assert (found.content, etag(found)) == (made.content, etag(made))


@pytest.mark.parametrize("year", [2020, 2024])
def test_what_was_read_can_be_written_back(client: TestClient, year: int) -> None:
    make_agency(client)
    put_report(client, year=year, disputes=None, requests={"received__total": 7}, **PROSE)
    before = client.get(f"/v1/reports/a/{year}")

    after = client.put(f"/v1/reports/a/{year}", json=before.json())

    assert after.status_code == 200
    assert (etag(after), after.json()) == (etag(before), before.json())


def test_read_only_members_are_not_read(client: TestClient) -> None:
    make_agency(client)
    before = put_report(client).json()
    lie: Json = {
        "timeliness": "late",
        "findings": [{"id": "requests.balance:total"}],
        "counts": {"error": 9},
        "created_at": "2001-01-01T00:00:00.000000Z",
        "updated_at": None,
        "links": {},
    }
    tables = {
        key: table | {"totals": {"received": 7}, "totals_partial": ["/x"]}
        for key, table in a_report_body(2024)["tables"].items()
    }

    made = client.put(URL, json=a_report_body(2024) | lie | {"tables": tables})

    assert made.status_code == 200
    assert made.json() == before


def test_a_summary_can_be_written_back(client: TestClient) -> None:
    """It has neither tables nor prose, so that is what is left."""
    make_agency(client)
    put_report(client, submitted_on="2025-01-20")
    (summary,) = client.get("/v1/reports").json()["items"]

    made = client.put(URL, json=summary)

    assert made.status_code == 200
    assert made.json()["submitted_on"] == "2025-01-20"
    assert made.json()["tables"]["requests"] == MISSING


def test_a_put_replaces_all_of_a_report(client: TestClient) -> None:
    make_agency(client)
    put_report(client, **PROSE)

    made = client.put(URL, json={"overview": "新", "tables": {"fees": {"filing": "nil"}}})

    assert made.status_code == 200
    found = made.json()
    assert found["overview"] == "新"
    assert [found[name] for name in PROSE if name != "overview"] == [None] * (len(PROSE) - 1)
    filings = {key: table["filing"] for key, table in found["tables"].items()}
    assert filings == dict.fromkeys(FORM_2021.table, "missing") | {"fees": "nil"}
    assert client.get(f"{URL}/requests").status_code == 404


def test_a_table_that_is_null_is_missing(client: TestClient) -> None:
    make_agency(client)

    made = client.put(URL, json={"tables": {"fees": None, "requests": {"filing": "missing"}}})

    assert made.status_code == 201
    assert made.json()["tables"] == dict.fromkeys(FORM_2021.table, MISSING)


def test_a_body_may_name_its_agency_by_code_or_as_it_is_shown(client: TestClient) -> None:
    make_agency(client)

    by_code = client.put(URL, json={"agency": "a", "year": 2024, "form": "2021"})
    as_shown = client.put(URL, json={"agency": {"code": "a", "name": "旧名"}})

    assert (by_code.status_code, as_shown.status_code) == (201, 200)
    assert as_shown.json()["agency"] == {"code": "a", "name": "审计局"}


# New, changed, unchanged


def test_a_new_report_is_created_where_it_was_put(client: TestClient) -> None:
    make_agency(client)

    made = client.put(URL, json={})

    assert made.status_code == 201
    assert made.headers["location"] == made.headers["content-location"] == URL
    assert revision(made) == 1
    assert made.json()["created_at"] == made.json()["updated_at"]


def test_a_replaced_report_keeps_when_it_was_created(client: TestClient) -> None:
    make_agency(client)
    first = client.put(URL, json={}).json()

    second = client.put(URL, json={"overview": "改"})

    assert second.status_code == 200
    assert "location" not in second.headers
    assert second.headers["content-location"] == URL
    assert revision(second) == 2
    assert second.json()["created_at"] == first["created_at"]
    assert second.json()["updated_at"] > first["updated_at"]


@pytest.mark.parametrize("verb", ["PUT", "PATCH"])
def test_a_write_that_changes_nothing_leaves_no_trace(client: TestClient, verb: str) -> None:
    make_agency(client)
    body = a_report_body(2024, fees={"charges__amount": "1.5"})
    before = client.put(URL, json=body)
    body["tables"]["fees"]["data"]["charges"]["amount"] = "1.500000"

    after = client.request(verb, URL, json=body)

    assert after.status_code == 200
    assert (etag(after), after.content) == (etag(before), before.content)


def test_a_deleted_report_is_gone(client: TestClient) -> None:
    make_agency(client)
    put_report(client)

    gone = client.delete(URL)

    assert (gone.status_code, gone.content) == (204, b"")
    assert said(client.get(URL)) == (404, "report-not-found")
    assert said(client.get(f"{URL}/fees")) == (404, "report-not-found")
    assert said(client.get(f"{URL}/findings")) == (404, "report-not-found")
    assert said(client.delete(URL)) == (404, "report-not-found")
    assert client.get("/v1/reports").json() == {"items": [], "next": None}


def test_a_report_made_again_repeats_no_revision(client: TestClient) -> None:
    make_agency(client)
    first = client.put(URL, json={})
    client.put(URL, json={"overview": "改"})
    client.delete(URL)

    again = client.put(URL, json={})

    assert again.status_code == 201
    assert revision(again) == 4  # the deletion was one, too
    assert client.put(URL, json={}, headers={"If-Match": etag(first)}).status_code == 412


# Merge patches


def test_a_patch_sets_single_cells(client: TestClient) -> None:
    make_agency(client)
    before = put_report(client).json()

    made = patch(client, {"tables": {"requests": {"data": {"received": {"commercial": 6}}}}})

    after = made.json()["tables"]["requests"]["data"]
    expected = a_matrix(FORM_2021.table["requests"], received__commercial=6)
    assert (made.status_code, after) == (200, expected)
    assert made.json()["tables"]["documents"] == before["tables"]["documents"]
    assert made.headers["content-location"] == URL


def test_a_patch_of_null_is_a_blank_cell(client: TestClient) -> None:
    make_agency(client)
    put_report(client)

    made = patch(client, {"tables": {"fees": {"data": {"charges": {"amount": None}}}}})

    assert made.json()["tables"]["fees"]["data"] == {"charges": {"amount": None}}
    assert made.json()["tables"]["fees"]["filing"] == "filed"


def test_a_patch_of_null_makes_a_line_blank(client: TestClient) -> None:
    make_agency(client)
    put_report(client)

    made = patch(client, {"tables": {"documents": {"data": {"rules": None}}}})

    blank = {"issued": None, "repealed": None, "in_force": None}
    assert made.json()["tables"]["documents"]["data"] == {
        "rules": blank,
        "normative_documents": dict.fromkeys(blank, 0),
    }


def test_a_patch_of_null_makes_all_data_blank(client: TestClient) -> None:
    make_agency(client)
    put_report(client)

    made = patch(client, {"tables": {"disputes": {"data": None}}})

    table = made.json()["tables"]["disputes"]
    assert table["filing"] == "filed"
    assert table["data"] == a_matrix(FORM_2021.table["disputes"], None)


@pytest.mark.parametrize("value", [None, {"filing": "missing"}], ids=["null", "missing"])
def test_a_table_can_be_patched_to_missing(client: TestClient, value: Any) -> None:
    make_agency(client)
    put_report(client)

    made = patch(client, {"tables": {"disputes": value}})

    assert made.status_code == 200
    assert made.json()["tables"]["disputes"] == MISSING
    assert made.json()["tables"]["fees"]["filing"] == "filed"


def test_all_tables_can_be_patched_to_missing(client: TestClient) -> None:
    make_agency(client)
    put_report(client)

    made = patch(client, {"tables": None})

    assert made.json()["tables"] == dict.fromkeys(FORM_2021.table, MISSING)


def test_a_missing_table_can_be_patched_in(client: TestClient) -> None:
    make_agency(client)
    put_report(client, fees=None)

    made = patch(client, {"tables": {"fees": {"data": {"charges": {"amount": "2"}}}}})

    table = made.json()["tables"]["fees"]
    assert (table["filing"], table["data"]) == ("filed", {"charges": {"amount": "2"}})


def test_a_table_can_be_patched_to_nil_and_keeps_its_data(client: TestClient) -> None:
    make_agency(client)
    put_report(client, fees={"charges__amount": "2"})

    made = patch(client, {"tables": {"fees": {"filing": "nil"}}})

    assert made.json()["tables"]["fees"]["filing"] == "nil"
    assert [each["id"] for each in made.json()["findings"]] == ["nil.not-empty:fees"]


def test_a_patch_of_null_removes_prose(client: TestClient) -> None:
    make_agency(client)

    for name in PROSE:
        put_report(client, **PROSE)
        made = patch(client, {name: None})
        assert {key: made.json()[key] for key in PROSE} == PROSE | {name: None}


def test_a_patch_sets_and_removes_remarks(client: TestClient) -> None:
    make_agency(client)
    fees = a_table_body(2024, "fees") | {"remarks": {"charges": "一", "charges.amount": "二"}}
    put_report(client, fees=fees)

    made = patch(client, {"tables": {"fees": {"remarks": {"charges": None}}}})

    assert made.json()["tables"]["fees"]["remarks"] == {"charges.amount": "二"}


def test_an_empty_patch_changes_nothing(client: TestClient) -> None:
    make_agency(client)
    before = put_report(client)

    after = patch(client, {})

    assert (after.status_code, etag(after)) == (200, etag(before))


def test_an_unknown_member_is_refused_even_as_null(client: TestClient) -> None:
    make_agency(client)
    before = put_report(client)

    refused = patch(
        client,
        {
            "overvieuw": None,
            "tables": {
                "procurement": None,
                "fees": {"note": None, "data": {"charges": {"items": None}, "fines": None}},
            },
        },
    )

    assert said(refused) == (422, "invalid-body")
    assert faults(refused) == [
        ("/overvieuw", "unknown-member"),
        ("/tables/fees/data/charges/items", "unknown-member"),
        ("/tables/fees/data/fines", "unknown-member"),
        ("/tables/fees/note", "unknown-member"),
        ("/tables/procurement", "unknown-member"),
    ]
    assert etag(client.get(URL)) == etag(before)


@pytest.mark.parametrize("media", ["application/merge-patch+json", "application/json"])
def test_a_patch_is_taken_under_both_media_types(client: TestClient, media: str) -> None:
    make_agency(client)
    put_report(client)

    made = client.patch(URL, content=b'{"overview": "A"}', headers={"Content-Type": media})

    assert (made.status_code, made.json()["overview"]) == (200, "A")
    assert client.get(URL).headers["accept-patch"] == "application/merge-patch+json"


# What is refused, with every fault at once


def test_every_fault_of_a_report_is_named_at_once(client: TestClient) -> None:
    make_agency(client)
    body: Json = {
        "agency": "b",
        "year": 2023,
        "form": "2019",
        "overview": "\x00",
        "problems": "好" * 200_001,
        "other_matters": 5,
        "agency_name_reported": "",
        "submitted_on": "2025-02-30",
        "published_on": "20250131",
        "published_url": "ftp://example.com",
        "chapter": 1,
        "tables": {
            "procurement": {},
            "documents": [],
            "requests": {
                "filing": "done",
                "data": {"received": {"natural_person": -1, "total": "6"}, "handled": 3},
            },
            "fees": {"data": {"charges": {"amount": 5}}, "remarks": {"charges.amounts": "?"}},
            "disputes": {"filing": "missing", "data": {}},
        },
    }

    refused = client.put(URL, json=body)

    assert said(refused) == (422, "invalid-body")
    assert faults(refused) == [
        ("/agency", "contradicts-path"),
        ("/agency_name_reported", "empty"),
        ("/chapter", "unknown-member"),
        ("/form", "contradicts-year"),
        ("/other_matters", "not-a-text"),
        ("/overview", "bad-text"),
        ("/problems", "too-long"),
        ("/published_on", "not-a-date"),
        ("/published_url", "not-a-url"),
        ("/submitted_on", "not-a-date"),
        ("/tables/disputes/data", "missing-with-data"),
        ("/tables/documents", "not-an-object"),
        ("/tables/fees/data/charges/amount", "not-a-decimal"),
        ("/tables/fees/remarks/charges.amounts", "bad-remark-key"),
        ("/tables/procurement", "unknown-member"),
        ("/tables/requests/data/handled", "not-an-object"),
        ("/tables/requests/data/received/natural_person", "not-a-count"),
        ("/tables/requests/data/received/total", "not-a-count"),
        ("/tables/requests/filing", "not-one-of"),
        ("/year", "contradicts-path"),
    ]
    assert said(client.get(URL)) == (404, "report-not-found")


MISSHAPEN_AGENCIES: list[tuple[Any, str, str]] = [
    (5, "/agency", "bad-code"),
    (["a"], "/agency", "bad-code"),
    ("", "/agency", "bad-code"),
    ("-a", "/agency", "bad-code"),
    ({"name": "审计局"}, "/agency/code", "required"),
    ({"code": None}, "/agency/code", "bad-code"),
    ({"code": "a", "level": "county"}, "/agency/level", "unknown-member"),
]


def test_an_agency_of_the_wrong_shape_is_one_fault(client: TestClient) -> None:
    make_agency(client)

    for agency, *fault in MISSHAPEN_AGENCIES:
        assert faults(client.put(URL, json={"agency": agency})) == [tuple(fault)], agency


def test_a_year_that_is_not_that_of_the_path_is_refused(client: TestClient) -> None:
    make_agency(client)

    for year in ("2024", True, 2024.5, 2023):
        assert faults(client.put(URL, json={"year": year})) == [("/year", "contradicts-path")]
    assert client.put(URL, json={"year": 2024.0}).status_code == 201


def test_a_table_of_another_report_is_refused(client: TestClient) -> None:
    """A table that was read says whose it is, so it cannot end up in the wrong report."""
    make_agency(client, "a")
    make_agency(client, "b")
    put_report(client, "b", 2023)
    other = client.get("/v1/reports/b/2023/fees").json()
    own = put_table(client, "fees").json()

    refused = client.put(URL, json={"tables": {"fees": other, "disputes": other}})

    assert faults(refused) == [
        ("/tables/disputes/agency", "contradicts-path"),
        ("/tables/disputes/data/charges", "unknown-member"),
        ("/tables/disputes/table", "contradicts-path"),
        ("/tables/disputes/year", "contradicts-path"),
        ("/tables/fees/agency", "contradicts-path"),
        ("/tables/fees/year", "contradicts-path"),
    ]
    assert client.put(URL, json={"tables": {"fees": own}}).status_code == 200


def test_a_body_that_is_no_object_is_refused(client: TestClient) -> None:
    make_agency(client)

    refused = client.put(URL, json=[])

    assert (said(refused), faults(refused)) == ((422, "invalid-body"), [("", "not-an-object")])


@pytest.mark.parametrize(
    ("name", "limit"),
    [("overview", 200_000), ("problems", 200_000), ("agency_name_reported", 200)],
)
def test_prose_has_a_limit_in_characters(client: TestClient, name: str, limit: int) -> None:
    make_agency(client)

    longest = client.put(URL, json={name: "𠀀" * limit})
    longer = client.put(URL, json={name: "𠀀" * (limit + 1)})

    assert longest.json()[name] == "𠀀" * limit
    assert faults(longer) == [(f"/{name}", "too-long")]


def test_control_characters_and_lone_surrogates_are_refused(client: TestClient) -> None:
    make_agency(client)
    bad = ("\\u0000", "\\u000d", "\\u001b", "\\u007f", "\\u0085", "\\ud800", "\\udc00\\ud800")

    for text in bad:
        fees = f'{{"remarks": {{"charges": "{text}"}}}}'
        body = f'{{"overview": "a{text}", "tables": {{"fees": {fees}}}}}'
        refused = client.put(URL, content=body, headers={"Content-Type": "application/json"})
        assert faults(refused) == [
            ("/overview", "bad-text"),
            ("/tables/fees/remarks/charges", "bad-text"),
        ]


# What the path names


def test_what_the_path_names_and_is_not_there(client: TestClient) -> None:
    make_agency(client)
    slugs = {
        "b/2024": "agency-not-found",
        "b/2018": "agency-not-found",
        "-b/2024": "agency-not-found",
        "A/2024": "agency-not-found",
        "a/2018": "reporting-year-not-found",
        "a/2098": "reporting-year-not-found",
        "a/24": "reporting-year-not-found",
        "a/02024": "reporting-year-not-found",
        "a/2024": "report-not-found",
    }
    bodies: dict[str, Json | None] = {"GET": None, "PATCH": {"x": 1}, "DELETE": None}

    for verb, body in bodies.items():
        answers = {
            path: said(client.request(verb, f"/v1/reports/{path}", json=body)) for path in slugs
        }
        assert answers == {path: (404, slug) for path, slug in slugs.items()}


def test_a_put_below_what_is_not_there(client: TestClient) -> None:
    make_agency(client)
    expected = {
        "b/2024": (404, "agency-not-found"),
        "a/2018": (404, "reporting-year-not-found"),
        "a/2098": (404, "reporting-year-not-found"),
        "-b/2024": (422, "invalid-parameter"),
        "a/24": (422, "invalid-parameter"),
        "a/last": (422, "invalid-parameter"),
    }

    answers = {path: said(client.put(f"/v1/reports/{path}", json={"x": 1})) for path in expected}

    assert answers == expected


def test_a_wrong_code_and_a_wrong_year_in_the_path_are_two_faults(client: TestClient) -> None:
    refused = client.put("/v1/reports/-/24", json={})

    assert [(each["parameter"], each["code"]) for each in refused.json()["errors"]] == [
        ("agency", "bad-code"),
        ("year", "not-a-year"),
    ]


# A closed year


def test_a_closed_year_refuses_every_write(client: TestClient) -> None:
    make_agency(client)
    make_agency(client, "b")
    before = put_report(client)
    client.patch("/v1/reporting-years/2024", json={"status": "closed"})

    refused = [
        client.put(URL, json={"x": 1}, headers={"If-Match": '"9-9"'}),
        client.put(URL, content=b"{", headers={"Content-Type": "application/json"}),
        client.patch(URL, json={}),
        client.delete(URL),
        client.put("/v1/reports/b/2024", json={}),
        client.post("/v1/reports", json={"agency": "b", "year": 2024}),
        client.put(f"{URL}/fees", json={}),
        client.patch(f"{URL}/fees", json={}),
        client.delete(f"{URL}/fees"),
    ]

    assert [said(each) for each in refused] == [(409, "year-closed")] * len(refused)
    assert etag(client.get(URL)) == etag(before)
    assert said(client.patch("/v1/reports/b/2024", json={})) == (404, "report-not-found")


def test_a_closed_year_is_judged_by_its_open_neighbour(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2024)
    client.patch("/v1/reporting-years/2024", json={"status": "closed"})

    put_report(client, year=2023, requests={"carried_out__total": 2})

    found = [each["id"] for each in read(client)["findings"]]
    assert found == ["requests.carry:total"]


def test_a_year_opened_again_takes_writes(client: TestClient) -> None:
    make_agency(client)
    client.patch("/v1/reporting-years/2024", json={"status": "closed"})
    client.patch("/v1/reporting-years/2024", json={"status": "open"})

    assert client.put(URL, json={}).status_code == 201


# Conditions


def test_if_match_holds_while_the_revision_is_current(client: TestClient) -> None:
    """Last year's report moves the digest of this year's, not its revision."""
    make_agency(client)
    before = put_report(client)
    put_report(client, year=2023, requests={"carried_out__total": 2})

    made = client.patch(URL, json={"overview": "新"}, headers={"If-Match": etag(before)})

    assert made.status_code == 200
    assert (revision(before), revision(made)) == (1, 2)


def test_a_stale_write_is_told_what_differs(client: TestClient) -> None:
    make_agency(client)
    old = put_report(client, overview="一")
    current = put_report(client, overview="二", requests={"received__commercial": 3})
    body = a_report_body(2024, overview="三", fees={"charges__amount": "1"}, disputes=None)

    refused = client.put(URL, json=body, headers={"If-Match": etag(old)})

    assert said(refused) == (412, "precondition-failed")
    assert etag(refused) == etag(current)
    assert faults(refused) == [
        ("/overview", "differs"),
        ("/tables/disputes", "differs"),
        ("/tables/fees/data/charges/amount", "differs"),
        ("/tables/requests/data/received/commercial", "differs"),
    ]
    assert etag(client.get(URL)) == etag(current)


def test_a_stale_patch_is_told_what_it_would_change(client: TestClient) -> None:
    make_agency(client)
    put_report(client, overview="一")
    body = {"overview": "一", "tables": {"disputes": None, "fees": {"data": None}}}

    refused = client.patch(URL, json=body, headers={"If-Match": '"7-0"'})

    assert said(refused) == (412, "precondition-failed")
    assert faults(refused) == [
        ("/tables/disputes", "differs"),
        ("/tables/fees/data/charges/amount", "differs"),
    ]


def test_a_body_of_too_many_members_has_one_fault(client: TestClient) -> None:
    make_agency(client)
    body = {"tables": {"fees": {f"x{n}": n for n in range(bodies.MOST_MEMBERS)}}}
    assert faults(client.put("/v1/reports/a/2024", json=body)) == [("", "too-many-members")]


def test_a_condition_comes_before_the_faults_of_the_body(client: TestClient) -> None:
    make_agency(client)
    put_report(client)
    stale = {"If-Match": '"7-0"'}

    assert said(client.put(URL, json={"x": 1}, headers=stale)) == (412, "precondition-failed")
    malformed = stale | {"Content-Type": "application/json"}
    assert said(client.put(URL, content=b"{", headers=malformed)) == (412, "precondition-failed")
    assert said(client.delete(URL, headers=stale)) == (412, "precondition-failed")


def test_conditions_on_what_is_there_or_not(client: TestClient) -> None:
    make_agency(client)

    absent = client.put(URL, json={}, headers={"If-Match": "*"})
    created = client.put(URL, json={}, headers={"If-None-Match": "*"})
    present = client.put(URL, json={"overview": "改"}, headers={"If-None-Match": "*"})
    deleted = client.delete(URL, headers={"If-Match": etag(created)})

    assert said(absent) == (412, "precondition-failed")
    assert "etag" not in absent.headers
    assert created.status_code == 201
    assert said(present) == (412, "precondition-failed")
    assert etag(present) == etag(created)
    assert faults(present) == [("/overview", "differs")]
    assert deleted.status_code == 204


def test_an_unchanged_report_is_not_sent_again(client: TestClient) -> None:
    make_agency(client)
    made = put_report(client)

    unchanged = client.get(URL, headers={"If-None-Match": etag(made)})
    put_report(client, year=2023)
    moved = client.get(URL, headers={"If-None-Match": etag(made)})

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert moved.status_code == 200
    assert revision(moved) == revision(made)


# POST


def test_a_post_creates_a_report(client: TestClient) -> None:
    make_agency(client)

    made = client.post("/v1/reports", json=a_report_body(2024, agency="a", year=2024))

    assert made.status_code == 201
    assert made.headers["location"] == made.headers["content-location"] == URL
    assert made.json() == read(client)


def test_a_post_takes_the_agency_as_it_is_shown(client: TestClient) -> None:
    agency = make_agency(client)
    named = {"code": agency["code"], "name": agency["name"]}

    assert client.post("/v1/reports", json={"agency": named, "year": 2024}).status_code == 201


def test_a_post_of_what_exists_is_a_conflict(client: TestClient) -> None:
    make_agency(client)
    before = put_report(client)

    refused = client.post("/v1/reports", json={"agency": "a", "year": 2024})

    assert said(refused) == (409, "already-exists")
    assert etag(client.get(URL)) == etag(before)


WRONG_KEYS: list[tuple[Json, list[tuple[str, str]]]] = [
    ({"agency": "b", "year": 2024}, [("/agency", "unknown-agency")]),
    ({"agency": "a", "year": 2018}, [("/year", "year-without-form")]),
    ({"agency": "a", "year": 2098}, [("/year", "unknown-year")]),
    ({"agency": "b", "year": 2098}, [("/agency", "unknown-agency"), ("/year", "unknown-year")]),
    (
        {"agency": {"code": "b"}, "year": 2018},
        [("/agency", "unknown-agency"), ("/year", "year-without-form")],
    ),
    ({}, [("/agency", "required"), ("/year", "required")]),
    ({"agency": None, "year": None}, [("/agency", "bad-code"), ("/year", "not-a-year")]),
    ({"agency": None, "year": 2024}, [("/agency", "bad-code")]),
    ({"agency": "-", "year": "2024"}, [("/agency", "bad-code"), ("/year", "not-a-year")]),
    ({"agency": "a", "year": 24}, [("/year", "not-a-year")]),
    ({"agency": "a", "year": 2024, "form": "2019"}, [("/form", "contradicts-year")]),
]


def test_a_post_names_a_key_that_is_there(client: TestClient) -> None:
    make_agency(client)

    for body, expected in WRONG_KEYS:
        refused = client.post("/v1/reports", json=body)
        assert (refused.status_code, faults(refused)) == (422, expected), body


@pytest.mark.parametrize(
    ("year", "more"),
    [
        (2024, [("/agency", "unknown-agency")]),
        (2098, [("/agency", "unknown-agency"), ("/year", "unknown-year")]),
    ],
)
def test_a_post_with_an_unknown_key_is_told_every_other_fault(
    client: TestClient, year: int, more: list[tuple[str, str]]
) -> None:
    tables: Json = {
        "fees": {"data": {"charges": {"amount": 1}}},
        "disputes": {"filing": "missing", "data": {}},
        "procurement": {},
    }
    body = {"agency": "nobody", "year": year, "form": "2019", "x": 1, "tables": tables}

    refused = client.post("/v1/reports", json=body)

    assert faults(refused) == sorted(
        [
            *more,
            ("/form", "contradicts-year"),
            ("/x", "unknown-member"),
            ("/tables/fees/data/charges/amount", "not-a-decimal"),
            ("/tables/disputes/data", "missing-with-data"),
            ("/tables/procurement", "unknown-member"),
        ]
    )


def test_a_post_on_a_year_without_form_is_told_the_faults_of_the_prose(client: TestClient) -> None:
    """Its tables cannot be judged: no form says what they are."""
    make_agency(client)
    body = {"agency": "a", "year": 2018, "overview": 1, "tables": {"procurement": {"x": 1}}}

    refused = client.post("/v1/reports", json=body)

    assert said(refused) == (422, "year-without-form")
    assert faults(refused) == [("/overview", "not-a-text"), ("/year", "year-without-form")]


# Lists


def test_a_list_shows_summaries(client: TestClient) -> None:
    make_agency(client)
    put_report(client, fees=None, requests={"received__total": 1}, **PROSE)

    page = client.get("/v1/reports").json()

    whole = client.get(URL)
    left_out = {"overview", "problems", "other_matters", "tables", "findings"}
    (summary,) = page["items"]
    assert page["next"] is None
    assert summary.keys() == (whole.json().keys() - left_out) | SUMMARY_ONLY
    assert summary["etag"] == etag(whole)
    assert summary["filings"] == dict.fromkeys(FORM_2021.table, "filed") | {"fees": "missing"}
    assert {key: whole.json()[key] for key in summary.keys() - SUMMARY_ONLY} == {
        key: summary[key] for key in summary.keys() - SUMMARY_ONLY
    }
    assert summary["counts"] == {"error": 2, "warning": 0, "info": 0}


def test_a_list_follows_every_write(client: TestClient) -> None:
    make_agency(client)

    def tags() -> list[str]:
        return [each["etag"] for each in client.get("/v1/reports").json()["items"]]

    made = put_report(client)
    assert tags() == [etag(made)]
    put_table(client, "fees", charges__amount="3")
    assert tags() == [etag(client.get(URL))] != [etag(made)]
    client.delete(URL)
    assert tags() == []


@pytest.fixture
def some_reports(client: TestClient) -> TestClient:
    """Three agencies, one below another, with a report each year that differs in what fails."""
    make_agency(client, "g")
    make_agency(client, "g-1", parent="g")
    make_agency(client, "h")
    put_report(client, "g", 2020)
    put_report(client, "g-1", 2020, requests={"received__total": 1})
    put_report(client, "g-1", 2022, documents={"rules__issued": 1, "rules__in_force": 1})
    put_report(client, "h", 2022, problems="无")
    return client


LISTED = {
    "": ["g 2020", "g-1 2020", "g-1 2022", "h 2022"],
    "agency=g": ["g 2020"],
    "agency=nobody": [],
    "under=g": ["g 2020", "g-1 2020", "g-1 2022"],
    "under=g-1": ["g-1 2020", "g-1 2022"],
    "year=2022": ["g-1 2022", "h 2022"],
    "year_from=2021": ["g-1 2022", "h 2022"],
    "year_to=2020": ["g 2020", "g-1 2020"],
    "year_from=2020&year_to=2021": ["g 2020", "g-1 2020"],
    "severity=error": ["g-1 2020"],
    "severity=warning": ["g-1 2022"],
    "severity=info": ["h 2022"],
    "rule=documents.rule-maker": ["g-1 2022"],
    "rule=requests.balance&severity=error": ["g-1 2020"],
    "rule=requests.balance&severity=warning": [],
    "rule=prose.empty&under=g": [],
    "sort=-year": ["g-1 2022", "h 2022", "g 2020", "g-1 2020"],
    "sort=-agency": ["h 2022", "g-1 2020", "g-1 2022", "g 2020"],
    "sort=-errors&limit=1": ["g-1 2020"],
}


def test_a_list_is_filtered_and_sorted(some_reports: TestClient) -> None:
    def listed(query: str) -> list[str]:
        items = some_reports.get(f"/v1/reports?{query}").json()["items"]
        return [f"{each['agency']['code']} {each['year']}" for each in items]

    assert {query: listed(query) for query in LISTED} == LISTED


def test_a_list_is_filtered_by_when_reports_were_written(some_reports: TestClient) -> None:
    times = {
        f"{each['agency']['code']} {each['year']}": each["updated_at"]
        for each in some_reports.get("/v1/reports").json()["items"]
    }

    found = some_reports.get("/v1/reports", params={"updated_after": times["g-1 2020"]}).json()

    assert [each["updated_at"] for each in found["items"]] == [times["g-1 2022"], times["h 2022"]]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("severity", "fatal"),
        ("rule", "requests.nothing"),
        ("year", "24"),
        ("updated_after", "yesterday"),
        ("colour", "red"),
    ],
)
def test_a_wrong_filter_is_refused(client: TestClient, name: str, value: str) -> None:
    refused = client.get("/v1/reports", params={name: value})

    assert said(refused) == (422, "invalid-parameter")
    assert [each["parameter"] for each in refused.json()["errors"]] == [name]


@pytest.mark.parametrize("path", [URL, f"{URL}/fees", f"{URL}/findings"])
def test_a_resource_refuses_parameters_it_does_not_know(client: TestClient, path: str) -> None:
    make_agency(client)
    put_report(client)

    assert said(client.get(f"{path}?colour=red")) == (422, "invalid-parameter")


def test_both_forms_have_the_tables_they_have(client: TestClient) -> None:
    """Procurement went out of the form in 2021."""
    make_agency(client)

    first, second = put_report(client, year=2020), put_report(client, year=2021)

    assert list(first.json()["tables"]) == list(FORM_2019.table)
    assert set(FORM_2019.table) - set(second.json()["tables"]) == {"procurement"}
