"""Findings over HTTP: their shape and order, where they show, and what moves them."""

from typing import Any

import pytest

from tests.api import (
    Json,
    TestClient,
    a_table_body,
    an_agency_body,
    etag,
    faults,
    make_agency,
    put_report,
    put_table,
    revision,
    said,
)

URL = "/v1/reports/a/2024"
ONE_WRONG_TOTAL: dict[str, Any] = {
    "received__natural_person": 5,
    "received__total": 6,
    "granted__natural_person": 5,
    "granted__total": 5,
    "handled__natural_person": 5,
    "handled__total": 5,
}


def findings(client: TestClient, outcomes: str = "fail", url: str = URL) -> list[Json]:
    reply = client.get(f"{url}/findings?outcomes={outcomes}")
    assert reply.status_code == 200
    return list(reply.json()["items"])


def ids(found: list[Json]) -> list[str]:
    return [each["id"] for each in found]


# The shape of a finding


def test_a_finding_says_what_is_wrong_where_and_by_how_much(agency: TestClient) -> None:
    put_report(agency, year=2020, requests=ONE_WRONG_TOTAL)

    found = {each["id"]: each for each in findings(agency, url="/v1/reports/a/2020")}

    line = "/tables/requests/data/received"
    row_total = found["requests.row-total:received"]
    message = row_total.pop("message")
    assert list(row_total) == [
        "id",
        "rule",
        "at",
        "severity",
        "outcome",
        "table",
        "cells",
        "other_cells",
        "computed_cells",
        "left",
        "right",
        "difference",
        "suspects",
        "basis",
    ]
    assert row_total == {
        "id": "requests.row-total:received",
        "rule": "requests.row-total",
        "at": "received",
        "severity": "error",
        "outcome": "fail",
        "table": "requests",
        "cells": [
            f"{line}/natural_person",
            f"{line}/commercial",
            f"{line}/research",
            f"{line}/public_interest",
            f"{line}/legal_service",
            f"{line}/other_organization",
            f"{line}/total",
        ],
        "other_cells": [],
        "computed_cells": [],
        "left": 6,
        "right": 5,
        "difference": 1,
        "suspects": [{"cell": f"{line}/total", "reported": 6, "would_balance_at": 5}],
        "basis": "国办公开办函〔2019〕60号",
    }
    assert list(message) == ["zh", "en"]
    assert all("6" in text and "5" in text for text in message.values())


def test_every_broken_identity_names_the_suspect(agency: TestClient) -> None:
    put_report(agency, requests=ONE_WRONG_TOTAL)

    found = findings(agency)

    suspect = {
        "cell": "/tables/requests/data/received/total",
        "reported": 6,
        "would_balance_at": 5,
    }
    assert ids(found) == ["requests.balance:total", "requests.row-total:received"]
    assert [each["suspects"] for each in found] == [[suspect], [suspect]]


@pytest.mark.parametrize(
    "also",
    [{"carried_out__total": 3}, {"granted__research": None}, {"granted__total": None}],
    ids=["two wrong cells", "a blank", "a total left out"],
)
def test_there_is_no_suspect_where_it_is_not_certain(agency: TestClient, also: Json) -> None:
    put_report(agency, requests=ONE_WRONG_TOTAL | also)

    found = findings(agency)

    assert "requests.row-total:received" in ids(found)
    assert [each["suspects"] for each in found] == [[]] * len(found)


def test_a_warning_has_no_suspects(agency: TestClient) -> None:
    """It may look at the very cell that is wrong."""
    put_report(agency, requests={"carried_out__total": 1})

    found = {each["id"]: each["suspects"] for each in findings(agency)}

    cell = "/tables/requests/data/carried_out/total"
    suspect = {"cell": cell, "reported": 1, "would_balance_at": 0}
    assert found == {
        "requests.balance:total": [suspect],
        "requests.row-total:carried_out": [suspect],
        "requests.carry-size:total": [],
    }


def test_a_total_left_out_is_judged_by_what_it_comes_to(agency: TestClient) -> None:
    cells = {"received__commercial": 2, "received__total": None, "handled__total": None}
    put_report(agency, requests=cells)

    found = {each["id"]: each for each in findings(agency)}

    lines = "/tables/requests/data"
    balance = found["requests.balance:total"]
    assert (balance["left"], balance["right"], balance["difference"]) == (2, 0, 2)
    assert balance["computed_cells"] == [f"{lines}/received/total", f"{lines}/handled/total"]
    assert found["requests.balance:commercial"]["computed_cells"] == []


def test_a_total_left_out_over_a_blank_cannot_be_judged(agency: TestClient) -> None:
    put_report(agency, requests={"received__commercial": None, "received__total": None})

    found = {each["id"]: each for each in findings(agency, "all")}

    assert found["requests.balance:total"]["outcome"] == "not_assessable"
    assert found["requests.balance:commercial"]["outcome"] == "not_assessable"
    assert found["requests.row-total:received"]["outcome"] == "not_assessable"
    assert found["cells.blank:requests"]["outcome"] == "fail"


def test_decimals_of_a_finding_are_texts(agency: TestClient) -> None:
    put_report(agency, year=2020, procurement={"centralized__amount": "160.5964"})
    put_report(agency, year=2023, fees={"charges__amount": "50000.5"})
    put_report(agency, year=2024, fees={"charges__amount": "5.5"})

    (procurement,) = findings(agency, url="/v1/reports/a/2020")
    (fees,) = findings(agency)

    def sides(each: Json) -> tuple[Any, ...]:
        return each["id"], each["left"], each["right"], each["difference"]

    assert sides(procurement) == ("procurement.both:centralized", 0, "160.5964", None)
    assert sides(fees) == ("fees.unit:charges", "5.5", "50000.5", None)


def test_a_rule_without_two_sides_has_none(agency: TestClient) -> None:
    put_report(agency, problems="  暂无。 ")

    (found,) = findings(agency)

    assert (found["id"], found["severity"], found["table"]) == (
        "prose.empty:problems",
        "info",
        None,
    )
    assert [found[name] for name in ("left", "right", "difference")] == [None] * 3
    assert found["cells"] == ["/problems"]


def test_blanks_give_one_finding_a_table_that_names_them_all(agency: TestClient) -> None:
    put_report(
        agency,
        disputes={"reconsideration__upheld": None, "litigation_direct__pending": None},
        fees={"charges__amount": None},
        requests={"handled__total": None},
    )

    found = findings(agency)

    assert [(each["id"], each["left"], each["right"], each["difference"]) for each in found] == [
        ("cells.blank:fees", 1, 0, 1),
        ("cells.blank:disputes", 2, 0, 2),
    ]
    assert found[1]["cells"] == [
        "/tables/disputes/data/reconsideration/upheld",
        "/tables/disputes/data/litigation_direct/pending",
    ]


def test_not_applicable_adds_nothing_and_alone_cannot_be_judged(agency: TestClient) -> None:
    put_report(
        agency,
        disputes={"reconsideration__upheld": "n/a", "litigation_direct__total": "n/a"},
    )

    assert findings(agency) == []
    assert "disputes.row-total:litigation_direct" in ids(findings(agency, "all"))
    assert "disputes.row-total:reconsideration" not in ids(findings(agency, "all"))


def test_a_missing_table_leaves_its_rules_unjudged_once_each(agency: TestClient) -> None:
    put_report(agency, requests=None)

    found = [each for each in findings(agency, "all") if each["table"] == "requests"]

    unjudged = {each["rule"]: (each["at"], each["outcome"]) for each in found}
    assert len(unjudged) == len(found)
    assert set(unjudged.values()) == {(None, "not_assessable")}
    assert {
        "requests.balance",
        "requests.handled",
        "requests.row-total",
        "requests.carry-size",
    } <= unjudged.keys()
    assert "cells.blank" not in unjudged


# Order, identity, outcomes


MANY_FAULTS: dict[str, Any] = {
    "problems": "无",
    "other_matters": "略",
    "documents": {
        "rules__issued": 2,
        "rules__in_force": 1,
        "normative_documents__issued": 2,
        "normative_documents__in_force": 1,
    },
    "licensing": {"filing": "nil", "data": {"licences": {"decisions": 1}}},
    "enforcement": {"penalties__decisions": None, "compulsion__decisions": None},
    "requests": {
        "received__total": 1,
        "granted__research": 1,
        "handled__commercial": 1,
        "other_fee_unpaid__total": 1,
        "carried_out__commercial": 9,
    },
    "disputes": {"reconsideration__upheld": 1, "litigation_direct__total": 1},
}


def test_findings_stand_in_the_order_of_the_catalogue_then_of_the_form(
    agency: TestClient,
) -> None:
    put_report(agency, **MANY_FAULTS)
    catalogue = [rule["id"] for rule in agency.get("/v1/rules").json()["items"]]

    found = findings(agency, "all")

    rules = [each["rule"] for each in found]
    assert rules == sorted(rules, key=catalogue.index)
    assert len(set(rules)) > 12
    by_rule = {rule: [e["at"] for e in found if e["rule"] == rule] for rule in rules}
    assert by_rule["requests.balance"] == ["commercial", "total"]
    assert by_rule["requests.handled"] == ["commercial", "research", "total"]
    assert by_rule["requests.row-total"] == [
        "received",
        "granted",
        "other_fee_unpaid",
        "handled",
        "carried_out",
    ]
    assert by_rule["disputes.row-total"] == ["reconsideration", "litigation_direct"]
    assert by_rule["documents.stock-floor"] == ["rules", "normative_documents"]


def test_ids_are_unique_and_stable(agency: TestClient) -> None:
    put_report(agency, **MANY_FAULTS)
    first = ids(findings(agency, "all"))

    agency.delete(URL)
    put_report(agency, **(MANY_FAULTS | {"overview": "另一段"}))

    assert ids(findings(agency, "all")) == first
    assert len(set(first)) == len(first)


def test_a_report_shows_its_failures_and_counts_them(agency: TestClient) -> None:
    report = put_report(agency, **MANY_FAULTS).json()

    found = findings(agency)

    assert report["findings"] == found != []
    assert report["counts"] == {
        severity: len([each for each in found if each["severity"] == severity])
        for severity in ("error", "warning", "info")
    }
    assert {each["outcome"] for each in found} == {"fail"}
    assert agency.get(f"{URL}/findings").json() == {"items": found, "next": None}


def test_all_outcomes_add_what_could_not_be_assessed(agency: TestClient) -> None:
    put_report(agency, **MANY_FAULTS)

    failed, everything = findings(agency), findings(agency, "all")

    assert [each for each in everything if each["outcome"] == "fail"] == failed
    others = [each for each in everything if each["outcome"] != "fail"]
    assert {each["outcome"] for each in others} == {"not_assessable"}
    assert {"requests.carry", "disputes.pending", "documents.stock", "year.jump"} <= {
        each["id"] for each in others if each["at"] is None
    }


def test_a_passed_rule_says_nothing(agency: TestClient) -> None:
    put_report(agency, year=2023)
    put_report(agency)

    assert findings(agency, "all") == []


def test_there_are_two_choices_of_outcomes(agency: TestClient) -> None:
    put_report(agency)

    refused = agency.get(f"{URL}/findings?outcomes=pass")

    assert said(refused) == (422, "invalid-parameter")
    assert [each["parameter"] for each in refused.json()["errors"]] == ["outcomes"]


def test_unchanged_findings_are_not_sent_again(agency: TestClient) -> None:
    put_report(agency, problems="无")
    first = agency.get(f"{URL}/findings")

    same = agency.get(f"{URL}/findings", headers={"If-None-Match": etag(first)})
    put_report(agency)
    moved = agency.get(f"{URL}/findings", headers={"If-None-Match": etag(first)})

    assert (same.status_code, moved.status_code) == (304, 200)


# Where findings show


def test_a_table_shows_the_findings_that_touch_it(agency: TestClient) -> None:
    put_report(agency, **MANY_FAULTS)
    found = findings(agency)

    shown = {
        key: agency.get(f"{URL}/{key}").json()["findings"]
        for key in ("documents", "licensing", "enforcement", "fees", "requests", "disputes")
    }

    for key, there in shown.items():
        pointer = f"/tables/{key}/"
        assert there == [
            each for each in found if any(cell.startswith(pointer) for cell in each["cells"])
        ]
    assert ids(shown["licensing"]) == ["nil.not-empty:licensing"]
    assert ids(shown["enforcement"]) == ["cells.blank:enforcement"]
    assert "prose.fees:other_matters" in ids(shown["requests"])
    assert (shown["fees"], ids(found)[-2:]) == (
        [],
        ["prose.empty:problems", "prose.fees:other_matters"],
    )


def test_tables_in_a_report_carry_no_findings(agency: TestClient) -> None:
    report = put_report(agency, **MANY_FAULTS).json()

    assert [key for key, table in report["tables"].items() if "findings" in table] == []


def test_a_finding_about_last_year_shows_whose_cell_it_is(agency: TestClient) -> None:
    put_report(agency, year=2023, disputes={"reconsideration__pending": 4})
    put_report(agency)

    (found,) = findings(agency)

    assert found["id"] == "disputes.pending:reconsideration"
    assert found["cells"] == ["/tables/disputes/data/reconsideration/total"]
    assert found["other_cells"] == [
        {
            "agency": {"code": "a", "name": "审计局"},
            "year": 2023,
            "pointer": "/tables/disputes/data/reconsideration/pending",
        }
    ]
    assert agency.get(f"{URL}/disputes").json()["findings"] == [found]


def test_findings_of_what_is_not_there(agency: TestClient) -> None:
    slugs = {
        "b/2024": "agency-not-found",
        "a/2018": "reporting-year-not-found",
        "a/2024": "report-not-found",
    }

    answers = {path: said(agency.get(f"/v1/reports/{path}/findings")) for path in slugs}

    assert answers == {path: (404, slug) for path, slug in slugs.items()}


# Across reports


@pytest.fixture
def some_findings(client: TestClient) -> TestClient:
    """Three agencies, one below another, whose reports fail in different ways."""
    make_agency(client, "g", name="甲局")
    make_agency(client, "g-1", name="乙所", parent="g")
    make_agency(client, "h", name="丙局")
    put_report(client, "g", 2020, disputes={"reconsideration__total": 1})
    put_report(client, "g-1", 2022, problems="无", fees={"charges__amount": None})
    put_report(client, "h", 2022, documents={"rules__issued": 1, "rules__in_force": 1})
    put_report(client, "h", 2023, documents={"rules__in_force": 1})
    return client


ALL = [
    "g 2020 disputes.row-total:reconsideration",
    "g-1 2022 cells.blank:fees",
    "g-1 2022 prose.empty:problems",
    "h 2022 documents.rule-maker:rules",
    "h 2023 documents.rule-maker:rules",
]


LISTED = {
    "": ALL,
    "year=2022": ALL[1:4],
    "year=2019": [],
    "severity=error": ALL[:1],
    "severity=warning": [ALL[1], *ALL[3:]],
    "severity=info": ALL[2:3],
    "rule=documents.rule-maker": ALL[3:],
    "rule=documents.rule-maker&year=2023": ALL[4:],
    "rule=prose.empty&severity=error": [],
    "under=g": ALL[:3],
    "under=g-1": ALL[1:3],
    "under=nobody": [],
    "agency=h": ALL[3:],
    "sort=-year": [ALL[4], *ALL[1:4], ALL[0]],
    "sort=agency": ALL,
    "sort=-agency": [*ALL[3:], *ALL[1:3], ALL[0]],
    "sort=rule": [ALL[1], ALL[0], *ALL[3:], ALL[2]],
    "limit=2": ALL[:2],
}


def test_findings_across_reports_are_filtered_and_sorted(some_findings: TestClient) -> None:
    def listed(query: str) -> list[str]:
        items = some_findings.get(f"/v1/findings?{query}").json()["items"]
        return [f"{each['agency']['code']} {each['year']} {each['id']}" for each in items]

    assert {query: listed(query) for query in LISTED} == LISTED


def test_a_finding_across_reports_is_that_of_the_report_and_says_whose(
    some_findings: TestClient,
) -> None:
    (listed,) = some_findings.get("/v1/findings?severity=error").json()["items"]

    (own,) = findings(some_findings, url="/v1/reports/g/2020")
    assert listed == {"agency": {"code": "g", "name": "甲局"}, "year": 2020, **own}


def test_findings_across_reports_are_paged(some_findings: TestClient) -> None:
    first = some_findings.get("/v1/findings?limit=3&count=true").json()
    rest = some_findings.get(f"/v1/findings?limit=3&cursor={first['next']}").json()

    assert first["total"] == len(ALL)
    assert rest["next"] is None
    both = [*first["items"], *rest["items"]]
    assert [f"{each['agency']['code']} {each['year']} {each['id']}" for each in both] == ALL


def test_a_wrong_filter_of_findings_is_refused(client: TestClient) -> None:
    for query in ("rule=no.rule", "severity=bad", "outcomes=all", "year=x"):
        assert said(client.get(f"/v1/findings?{query}")) == (422, "invalid-parameter"), query


def test_findings_across_reports_follow_every_write(agency: TestClient) -> None:
    def listed() -> list[str]:
        return ids(agency.get("/v1/findings").json()["items"])

    put_report(agency, problems="无")
    assert listed() == ["prose.empty:problems"]
    put_table(agency, "disputes", reconsideration__total=1)
    assert listed() == ["disputes.row-total:reconsideration", "prose.empty:problems"]
    agency.patch(URL, json={"problems": "有"})
    assert listed() == ["disputes.row-total:reconsideration"]
    agency.delete(f"{URL}/disputes")
    assert listed() == []
    put_report(agency, problems="无")
    agency.delete(URL)
    assert listed() == []


# What moves findings from outside the report


MAY_MAKE_RULES = {
    ("department", "state"): True,
    ("government", "province"): True,
    ("government", "city"): True,
    ("office", "city"): True,
    ("government", "county"): False,
    ("department", "province"): False,
    ("zone", "city"): False,
}


def test_a_reclassified_agency_is_judged_anew_at_once(agency: TestClient) -> None:
    put_report(agency, documents={"rules__issued": 1, "rules__in_force": 1})

    for (kind, level), may in MAY_MAKE_RULES.items():
        agency.patch("/v1/agencies/a", json={"kind": kind, "level": level})

        expected = [] if may else ["documents.rule-maker:rules"]
        report = agency.get(URL).json()
        assert ids(report["findings"]) == ids(findings(agency)) == expected
        assert report["counts"]["warning"] == len(expected)
        assert ids(agency.get("/v1/findings").json()["items"]) == expected
        assert ids(agency.get(f"{URL}/documents").json()["findings"]) == expected


def test_a_renamed_agency_is_renamed_wherever_it_shows(agency: TestClient) -> None:
    put_report(agency, year=2023, disputes={"reconsideration__pending": 4})
    before = put_report(agency)

    agency.put("/v1/agencies/a", json=an_agency_body(name="新审计局"))

    new = {"code": "a", "name": "新审计局"}
    after = agency.get(URL)
    assert after.json()["agency"] == new
    assert [each["agency"] for each in after.json()["findings"][0]["other_cells"]] == [new]
    assert agency.get(f"{URL}/fees").json()["agency"] == new
    assert agency.get("/v1/reports/a/2023").json()["agency"] == new
    listed = agency.get("/v1/reports").json()["items"]
    assert [each["agency"] for each in listed] == [new, new]
    (found,) = agency.get("/v1/findings?year=2024").json()["items"]
    assert (found["agency"], found["other_cells"][0]["agency"]) == (new, new)
    assert etag(after) != etag(before)
    assert etag(after) == next(each["etag"] for each in listed if each["year"] == 2024)


def test_a_rename_moves_neither_revision_nor_date(agency: TestClient) -> None:
    """It is not a write of the report: an editor at work is not thrown out."""
    before = put_report(agency)

    agency.patch("/v1/agencies/a", json={"name": "新审计局"})

    after = agency.get(URL)
    assert revision(after) == revision(before)
    assert after.json()["updated_at"] == before.json()["updated_at"]
    held = agency.patch(URL, json={"overview": "改"}, headers={"If-Match": etag(before)})
    assert held.status_code == 200


def test_what_reports_do_not_show_of_an_agency_leaves_them(agency: TestClient) -> None:
    before = put_report(agency)

    agency.patch("/v1/agencies/a", json={"short_name": "审计", "active_from": "2001-01-01"})

    assert etag(agency.get(URL)) == etag(before)


# On time or late


TIMELY: list[tuple[str, str | None, str | None, str | None]] = [
    ("department", None, None, None),
    ("department", "2025-01-31", None, "on_time"),
    ("department", "2025-02-01", None, "late"),
    ("department", "2025-01-15", "2025-01-31", "on_time"),
    ("department", "2025-01-15", "2025-02-01", "late"),
    ("department", None, "2025-01-31", "on_time"),
    ("office", "2025-02-01", None, "late"),
    ("government", None, "2025-03-31", "on_time"),
    ("government", None, "2025-04-01", "late"),
]


def test_a_report_is_on_time_by_the_last_of_its_dates(client: TestClient) -> None:
    for kind in ("department", "office", "government"):
        make_agency(client, kind, kind=kind)

    for kind, submitted, published, timeliness in TIMELY:
        made = put_report(client, kind, submitted_on=submitted, published_on=published)
        assert made.json()["timeliness"] == timeliness, (kind, submitted, published)


def test_a_new_due_date_moves_timeliness_at_once(agency: TestClient) -> None:
    make_agency(agency, "g", kind="government")
    put_report(agency, "g", published_on="2025-01-28")
    put_report(agency, year=2023, submitted_on="2025-01-28")
    before = put_report(agency, submitted_on="2025-01-28")

    def verdicts() -> list[str]:
        listed = agency.get("/v1/reports").json()["items"]
        return [each["timeliness"] for each in listed]

    assert verdicts() == ["late", "on_time", "on_time"]
    agency.patch("/v1/reporting-years/2024", json={"due": {"department": "2025-01-26"}})

    after = agency.get(URL)
    assert verdicts() == ["late", "late", "on_time"]
    assert after.json()["timeliness"] == "late"
    assert (revision(after), etag(after) == etag(before)) == (revision(before), False)
    agency.patch("/v1/reporting-years/2024", json={"due": {"department": None}})
    assert etag(agency.get(URL)) == etag(before)


def test_a_reclassified_agency_has_another_due_date(agency: TestClient) -> None:
    put_report(agency, submitted_on="2025-02-20")
    assert agency.get(URL).json()["timeliness"] == "late"

    agency.patch("/v1/agencies/a", json={"kind": "government"})

    assert agency.get(URL).json()["timeliness"] == "on_time"


def test_a_report_without_dates_is_neither_on_time_nor_late(agency: TestClient) -> None:
    put_report(agency, submitted_on="2025-01-28")

    made = agency.patch(URL, json={"submitted_on": None})

    assert made.json()["timeliness"] is None


def test_a_body_names_no_timeliness_of_its_own(agency: TestClient) -> None:
    made = agency.put(URL, json={"timeliness": "on_time", "submitted_on": "2025-06-01"})
    refused = agency.put(f"{URL}/fees", json=a_table_body(2024, "fees") | {"timeliness": None})

    assert made.json()["timeliness"] == "late"
    assert faults(refused) == [("/timeliness", "unknown-member")]
