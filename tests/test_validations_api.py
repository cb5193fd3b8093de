"""Figures that are checked and not stored."""

from typing import Any

import pytest

from app.forms import the_form_of
from tests.api import (
    Json,
    TestClient,
    a_report_body,
    a_table_body,
    etag,
    faults,
    make_agency,
    put_report,
    said,
)
from tests.builders import FORM_2021

URL = "/v1/validations"
NO_REPORT_BEFORE = [
    "requests.carry",
    "disputes.pending",
    "documents.stock",
    "fees.unit",
    "year.jump",
]


def a_body(year: int = 2024, /, **members: Any) -> Json:
    return a_report_body(year, year=year, **members)


def checked(client: TestClient, body: Json, outcomes: str = "fail") -> Json:
    reply = client.post(URL, params={"outcomes": outcomes}, json=body)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def ids(report: Json) -> list[str]:
    return [each["id"] for each in report["findings"]]


def carrying_in(number: int, **members: Any) -> Json:
    """Return a body that carries in what another year would have carried out."""
    return a_body(requests={"carried_in__total": number}, **members)


def carried_out(number: int) -> Json:
    return {"tables": {"requests": a_table_body(2023, "requests", carried_out__total=number)}}


# What is answered


@pytest.mark.parametrize("year", [2019, 2020, 2021, 2024])
def test_a_validation_is_shaped_like_a_report(client: TestClient, year: int) -> None:
    body = a_body(year, requests={"received__total": 1}, overview="概述")

    made = checked(client, body)

    assert list(made) == [
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
    ]
    assert (made["agency"], made["year"], made["form"]) == (None, year, the_form_of(year).key)
    assert made["overview"] == "概述"
    for key, table in body["tables"].items():
        assert made["tables"][key]["data"] == table["data"]
    assert made["tables"]["requests"]["totals"]["received"] == {"total": 0}
    assert ids(made) == ["requests.balance:total", "requests.row-total:received"]
    assert made["counts"] == {"error": 2, "warning": 0, "info": 0}


def test_a_validation_says_what_storing_would_say(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2023, requests={"carried_out__total": 3})
    body = carrying_in(1, agency="a", problems="无", submitted_on="2025-06-01")

    made = checked(client, body)
    stored = client.post("/v1/reports", json=body).json()

    assert made == {name: stored[name] for name in made}
    assert stored.keys() - made.keys() == {
        "state",
        "correction",
        "created_at",
        "updated_at",
        "links",
    }
    assert made["timeliness"] == "late"


def test_a_report_that_was_read_can_be_validated(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2023)
    report = put_report(client, requests={"received__total": 1}).json()

    assert checked(client, report)["findings"] == report["findings"] != []


def test_nothing_is_stored(client: TestClient) -> None:
    make_agency(client)
    before = put_report(client)

    checked(client, a_body(agency="a", problems="无"))
    checked(client, a_body(2023, agency="a"))

    assert etag(client.get("/v1/reports/a/2024")) == etag(before)
    assert len(client.get("/v1/reports").json()["items"]) == 1
    assert client.get("/v1/findings").json()["items"] == []


def test_tables_left_out_are_missing(client: TestClient) -> None:
    made = checked(client, {"year": 2024, "tables": {}}, "all")

    assert {table["filing"] for table in made["tables"].values()} == {"missing"}
    assert {each["outcome"] for each in made["findings"]} == {"not_assessable"}
    assert made["counts"] == {"error": 0, "warning": 0, "info": 0}


def test_a_closed_year_can_be_checked(client: TestClient) -> None:
    client.patch("/v1/reporting-years/2024", json={"status": "closed"})

    assert checked(client, a_body())["findings"] == []


# Outcomes


def test_outcomes_are_failures_unless_all_are_wanted(client: TestClient) -> None:
    body = a_body(problems="无")

    by_default = client.post(URL, json=body).json()

    assert ids(by_default) == ids(checked(client, body)) == ["prose.empty:problems"]
    assert ids(checked(client, body, "all")) == [*NO_REPORT_BEFORE, "prose.empty:problems"]
    assert checked(client, body, "all")["counts"] == by_default["counts"]


@pytest.mark.parametrize(("name", "value"), [("outcomes", "none"), ("verbose", "1")])
def test_a_wrong_parameter_is_refused(client: TestClient, name: str, value: str) -> None:
    refused = client.post(URL, params={name: value}, json=a_body())

    assert said(refused) == (422, "invalid-parameter")
    assert [each["parameter"] for each in refused.json()["errors"]] == [name]


# The agency, and the year before


def test_a_named_agency_is_shown_and_judged_by(client: TestClient) -> None:
    make_agency(client, "a", name="审计局")
    make_agency(client, "g", name="市人民政府", kind="government", level="city")
    rules = {"rules__issued": 1, "rules__in_force": 1}

    department = checked(client, a_body(agency="a", documents=rules))
    government = checked(client, a_body(agency={"code": "g", "name": "旧"}, documents=rules))

    assert department["agency"] == {"code": "a", "name": "审计局"}
    assert ids(department) == ["documents.rule-maker:rules"]
    assert government["agency"] == {"code": "g", "name": "市人民政府"}
    assert ids(government) == []


def test_without_an_agency_nobody_knows_who_may_make_rules(client: TestClient) -> None:
    body = a_body(documents={"rules__issued": 1, "rules__in_force": 1})

    found = {each["id"]: each["outcome"] for each in checked(client, body, "all")["findings"]}

    assert found["documents.rule-maker:rules"] == "not_assessable"
    assert checked(client, body)["findings"] == []


def test_without_an_agency_no_stored_report_is_looked_at(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2023, requests={"carried_out__total": 3})

    assert ids(checked(client, carrying_in(1), "all")) == [
        "requests.balance:total",
        "requests.row-total:carried_in",
        *NO_REPORT_BEFORE,
    ]


def test_the_stored_year_before_is_used_with_an_agency(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2023, requests={"carried_out__total": 3})

    made = checked(client, carrying_in(1, agency="a"))

    (found,) = [each for each in made["findings"] if each["rule"] == "requests.carry"]
    assert (found["left"], found["right"]) == (1, 3)
    assert found["other_cells"] == [
        {
            "agency": {"code": "a", "name": "审计局"},
            "year": 2023,
            "pointer": "/tables/requests/data/carried_out/total",
        }
    ]


def test_a_null_switches_the_stored_year_before_off(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2023, requests={"carried_out__total": 3})

    made = checked(client, a_body(agency="a", previous=None), "all")

    assert ids(made) == NO_REPORT_BEFORE


@pytest.mark.parametrize("agency", ["a", None])
def test_the_year_before_can_be_sent_along(client: TestClient, agency: str | None) -> None:
    make_agency(client)
    put_report(client, year=2023, requests={"carried_out__total": 3})

    made = checked(client, carrying_in(1, agency=agency, previous=carried_out(5)))

    (found,) = [each for each in made["findings"] if each["rule"] == "requests.carry"]
    assert (found["left"], found["right"]) == (1, 5)
    assert found["other_cells"][0]["year"] == 2023
    assert "previous" not in made


def test_a_year_before_without_tables_is_a_report_all_the_same(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2023, requests={"carried_out__total": 3})

    made = checked(client, a_body(agency="a", previous={}), "all")

    found = {each["id"]: each["message"]["en"] for each in made["findings"]}
    assert found["requests.carry"] == "A table that the rule needs is missing."


def test_the_year_before_may_be_on_another_form(client: TestClient) -> None:
    previous = {"tables": {"requests": {"data": {"carried_out": {"total": 2}}}, "procurement": {}}}

    made = checked(client, a_body(2021, previous=previous), "all")

    found = {each["id"]: each["outcome"] for each in made["findings"]}
    assert found["requests.carry:total"] == "fail"
    assert "documents.stock" not in found


def test_the_year_before_may_be_a_report_that_was_read(client: TestClient) -> None:
    make_agency(client)
    previous = put_report(client, year=2023, requests={"carried_out__total": 3}).json()

    by_agency = checked(client, carrying_in(1, agency="a"))
    sent_along = checked(client, carrying_in(1, agency="a", previous=previous))

    assert sent_along == by_agency


# What is refused


def test_a_validation_needs_a_year(client: TestClient) -> None:
    answers = {
        repr(year): faults(client.post(URL, json={"tables": {}} | year))
        for year in ({}, {"year": None}, {"year": "2024"}, {"year": True}, {"year": 24})
    }

    fault = [("/year", "not-a-year")]
    assert answers == {
        "{}": [("/year", "required")],
        "{'year': None}": fault,
        "{'year': '2024'}": fault,
        "{'year': True}": fault,
        "{'year': 24}": fault,
    }


def test_a_year_before_the_forms_is_refused(client: TestClient) -> None:
    refused = client.post(URL, json={"year": 2018, "tables": {"requests": {}}, "overview": 5})

    assert said(refused) == (422, "year-without-form")
    assert faults(refused) == [("/overview", "not-a-text"), ("/year", "year-without-form")]


def test_an_agency_and_a_year_that_are_not_registered_are_refused(client: TestClient) -> None:
    refused = client.post(URL, json={"year": 2098, "agency": "nobody", "x": 1, "tables": {}})

    assert said(refused) == (422, "invalid-body")
    assert faults(refused) == [
        ("/agency", "unknown-agency"),
        ("/x", "unknown-member"),
        ("/year", "unknown-year"),
    ]


def test_every_fault_is_named_at_once_also_those_of_the_year_before(client: TestClient) -> None:
    make_agency(client)
    body = {
        "agency": "a",
        "year": 2021,
        "form": "2019",
        "note": None,
        "problems": 1,
        "tables": {
            "procurement": {},
            "requests": {"data": {"received": {"total": "5"}}},
            "fees": {"filing": "missing", "data": {}},
        },
        "previous": {
            "agency": "b",
            "year": 2021,
            "form": "2021",
            "note": None,
            "submitted_on": "yesterday",
            "tables": {
                "procurement": {"amount_unit": "fen"},
                "requests": {"data": {"other_misc": {"total": 1}, "received": {"total": -1}}},
                "fees": {"filing": "missing", "data": {}},
                "disputes": None,
            },
        },
    }

    refused = client.post(URL, json=body)

    assert said(refused) == (422, "invalid-body")
    assert faults(refused) == [
        ("/form", "contradicts-year"),
        ("/note", "unknown-member"),
        ("/previous/agency", "contradicts-path"),
        ("/previous/form", "contradicts-year"),
        ("/previous/note", "unknown-member"),
        ("/previous/submitted_on", "not-a-date"),
        ("/previous/tables/fees/data", "missing-with-data"),
        ("/previous/tables/procurement/amount_unit", "not-one-of"),
        ("/previous/tables/requests/data/other_misc", "unknown-member"),
        ("/previous/tables/requests/data/received/total", "not-a-count"),
        ("/previous/year", "contradicts-path"),
        ("/problems", "not-a-text"),
        ("/tables/fees/data", "missing-with-data"),
        ("/tables/procurement", "unknown-member"),
        ("/tables/requests/data/received/total", "not-a-count"),
    ]


@pytest.mark.parametrize("previous", [5, [], "2023"], ids=["number", "list", "text"])
def test_a_year_before_is_an_object_or_null(client: TestClient, previous: Any) -> None:
    refused = client.post(URL, json=a_body(previous=previous))

    assert faults(refused) == [("/previous", "not-an-object")]


def test_the_first_year_has_no_form_before_it(client: TestClient) -> None:
    assert checked(client, a_body(2019, previous=None))["findings"] == []
    refused = client.post(URL, json=a_body(2019, previous={"tables": {}}))

    assert refused.status_code == 422
    assert faults(refused) == [("/previous", "year-without-form")]


def test_malformed_json_is_told_from_a_wrong_body(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}

    assert said(client.post(URL, content=b'{"year": 2024,}', headers=headers)) == (
        400,
        "malformed-json",
    )
    twice = client.post(URL, content=b'{"year": 2024, "year": 2023}', headers=headers)
    assert (said(twice), faults(twice)) == (
        (400, "duplicate-member"),
        [("/year", "duplicate-member")],
    )


def test_all_tables_of_the_form_are_checked(client: TestClient) -> None:
    body = a_body(**{key: a_table_body(2024, key, None) for key in FORM_2021.table})

    found = ids(checked(client, body))

    assert found == [f"cells.blank:{key}" for key in FORM_2021.table]
