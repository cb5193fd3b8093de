"""Agencies over HTTP: their members, their tree, and the reports that show them."""

from itertools import product
from typing import Any

import pytest

from tests.api import (
    TestClient,
    an_agency_body,
    faults,
    make_agency,
    put_report,
    put_table,
    revision,
    said,
)

A = "/v1/agencies/a"
GOOD_USCC = ("11370900004341590P", "113325000026455663", "12620600MB0523338C")
BAD_USCC = "91350203M0001QAY9B"


def put(client: TestClient, code: str = "a", **members: Any) -> Any:
    """Write an agency."""
    return client.put(f"/v1/agencies/{code}", json=an_agency_body(**members))


# Members


def test_an_agency_has_these_members(client: TestClient) -> None:
    make_agency(client, "root")
    members = {
        "name": "沭阳县发展和改革局",
        "short_name": "沭阳县发改局",
        "kind": "department",
        "level": "county",
        "parent": "root",
        "uscc": GOOD_USCC[0],
        "uscc_unchecked": False,
        "division": "321322",
        "active_from": "2019-01-01",
        "active_to": "2025-12-31",
    }
    made = client.put(A, json=members).json()
    assert made == {
        "code": "a",
        **members,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
        "links": {
            "self": A,
            "parent": "/v1/agencies/root",
            "children": "/v1/agencies?parent=a",
            "reports": "/v1/reports?agency=a",
            "periods": "/v1/agencies/a/periods",
        },
    }
    assert client.get(A).json() == made
    for link in made["links"].values():
        assert client.get(link).status_code == 200


def test_only_name_kind_and_level_are_required(client: TestClient) -> None:
    assert faults(client.put(A, json={})) == [
        ("/kind", "required"),
        ("/level", "required"),
        ("/name", "required"),
    ]
    made = make_agency(client)
    optional = ("short_name", "parent", "uscc", "division", "active_from", "active_to")
    assert {made[name] for name in optional} == {None}
    assert made["uscc_unchecked"] is False
    assert made["links"]["parent"] is None


def test_put_replaces_all_members(client: TestClient) -> None:
    make_agency(client, short_name="局", division="350205", uscc=GOOD_USCC[0])
    replaced = put(client, name="财政局").json()
    assert replaced["name"] == "财政局"
    assert (replaced["short_name"], replaced["division"], replaced["uscc"]) == (None, None, None)


def test_a_change_keeps_when_it_was_made(client: TestClient) -> None:
    made = make_agency(client)
    changed = client.patch(A, json={"name": "财政局"}).json()
    assert changed["created_at"] == made["created_at"]
    assert changed["updated_at"] > made["updated_at"]


def test_codes_are_chosen_by_the_client(client: TestClient) -> None:
    for code in ("a", "A", "0", "350205-rsj", "a.b_c-D", "z" * 32, "1..", "findings"):
        made = client.put(f"/v1/agencies/{code}", json=an_agency_body(code=code, name=code))
        assert (made.status_code, made.json()["code"]) == (201, code)
        assert client.get(f"/v1/agencies/{code}").json()["name"] == code


def test_codes_of_another_shape_are_refused(client: TestClient) -> None:
    wrong = ["", "-a", ".a", "_a", "a b", "a/b", "a" * 33, "局", "a\n", "é", "a%", 5, True, ["a"]]
    for code in wrong:
        reply = client.post("/v1/agencies", json=an_agency_body(code=code))
        assert faults(reply) == [("/code", "bad-code")], code
    assert faults(client.post("/v1/agencies", json=an_agency_body())) == [("/code", "required")]


def test_a_new_agency_is_refused_with_every_fault(client: TestClient) -> None:
    body = {"code": "-", "parent": "nobody", "uscc": BAD_USCC, "active_to": "x", "kind": "office"}
    assert faults(client.post("/v1/agencies", json=body)) == [
        ("/active_to", "not-a-date"),
        ("/code", "bad-code"),
        ("/level", "required"),
        ("/name", "required"),
        ("/parent", "unknown-agency"),
        ("/uscc", "bad-check-character"),
    ]


def test_names_are_not_blank(client: TestClient) -> None:
    for name in ("", " ", "\u3000\n\t"):
        assert faults(put(client, name=name)) == [("/name", "empty")]
        assert faults(put(client, short_name=name)) == [("/short_name", "empty")]
    for value in (None, 5, ["局"]):
        assert [pointer for pointer, _ in faults(put(client, name=value))] == ["/name"]
    assert faults(put(client, short_name="局" * 201)) == [("/short_name", "too-long")]


def test_every_kind_goes_with_every_level(client: TestClient) -> None:
    kinds = ("government", "office", "department", "dispatched", "zone", "authorized", "vertical")
    levels = ("state", "province", "city", "county", "township")
    for kind, level in product(kinds, levels):
        reply = put(client, kind=kind, level=level)
        assert (reply.json()["kind"], reply.json()["level"]) == (kind, level)
    for name, wrong in product(("kind", "level"), ("ministry", "State", "", None, 1, True)):
        member: dict[str, Any] = {name: wrong}
        assert [pointer for pointer, _ in faults(put(client, **member))] == [f"/{name}"]


@pytest.mark.parametrize("uscc", GOOD_USCC)
def test_a_uscc_that_checks_is_taken(client: TestClient, uscc: str) -> None:
    assert make_agency(client, uscc=uscc)["uscc"] == uscc


def test_a_uscc_of_another_division_is_taken(client: TestClient) -> None:
    assert make_agency(client, uscc=GOOD_USCC[0], division="350205")["division"] == "350205"


def test_a_wrong_check_character_is_refused_with_the_right_one(client: TestClient) -> None:
    reply = put(client, uscc=BAD_USCC)
    assert faults(reply) == [("/uscc", "bad-check-character")]
    for good in GOOD_USCC:
        for last in "0123456789ABCDEFGHJKLMNPQRTUWXY":
            reply = put(client, uscc=good[:-1] + last)
            assert (reply.status_code < 300) == (last == good[-1])
            if reply.status_code == 422:
                assert f" {good[-1]}" in reply.json()["errors"][0]["message"]


def test_a_uscc_that_was_issued_wrong_can_be_taken(client: TestClient) -> None:
    made = make_agency(client, uscc=BAD_USCC, uscc_unchecked=True)
    assert (made["uscc"], made["uscc_unchecked"]) == (BAD_USCC, True)
    assert client.put(A, json=made).status_code == 200
    assert faults(client.patch(A, json={"uscc_unchecked": None})) == [
        ("/uscc", "bad-check-character")
    ]


@pytest.mark.parametrize("unchecked", [False, True])
def test_what_has_not_the_shape_of_a_uscc_is_refused(client: TestClient, unchecked: bool) -> None:
    good = GOOD_USCC[0]
    wrong = [good.lower(), good[:-1], good + "0", f" {good}", f"{good}\n", "", 18, True]
    wrong += [good[:-1] + letter for letter in "IOSVZ-＊"] + [good[:2] + "A" + good[3:]]
    for uscc in wrong:
        reply = put(client, uscc=uscc, uscc_unchecked=unchecked)
        assert faults(reply) == [("/uscc", "bad-uscc")], uscc


def test_a_division_has_six_or_nine_digits(client: TestClient) -> None:
    for division in ("350205", "350205001", "110000", "659004500", "810000", "710000"):
        assert put(client, division=division).json()["division"] == division
    wrong = [
        "35020",
        "3502050",
        "35020500",
        "350205001001",
        "990000",
        "160000",
        "35020a",
        "",
        350205,
    ]
    for value in [*wrong, "３５０２０５", "350205\n"]:
        assert faults(put(client, division=value)) == [("/division", "bad-division")], value


def test_an_agency_does_not_end_before_it_starts(client: TestClient) -> None:
    assert put(client, active_from="2020-02-29", active_to="2020-02-29").status_code == 201
    reply = put(client, active_from="2020-03-01", active_to="2020-02-29")
    assert faults(reply) == [("/active_to", "ends-before-start")]
    assert faults(client.patch(A, json={"active_to": "2019-12-31"})) == [
        ("/active_to", "ends-before-start")
    ]
    assert client.patch(A, json={"active_from": None, "active_to": "2019-12-31"}).status_code == 200


def test_dates_are_days_of_the_calendar(client: TestClient) -> None:
    wrong = ["2021-02-29", "2021-13-01", "2021-1-1", "20210101", "2021-01-01T00:00:00Z", "", 2021]
    for day in [
        *wrong,
        "２０２１-01-01",
        "2021-01-01\n",
        " 2021-01-01",
        "0000-01-01",
        "+2021-01-01",
    ]:
        reply = put(client, active_from=day)
        assert [pointer for pointer, _ in faults(reply)] == ["/active_from"], day


# The tree


def test_a_parent_must_be_there(client: TestClient) -> None:
    assert faults(put(client, parent="nobody")) == [("/parent", "unknown-agency")]
    make_agency(client, "root")
    assert faults(put(client, parent="ROOT")) == [("/parent", "unknown-agency")]
    for parent in ("-", "", 5, {"code": "root"}):
        assert faults(put(client, parent=parent)) == [("/parent", "bad-code")], parent
    assert put(client, parent="root").status_code == 201


def test_an_agency_is_not_above_itself(client: TestClient) -> None:
    for reply in (
        put(client, parent="a"),
        client.post("/v1/agencies", json=an_agency_body(code="a", parent="a")),
    ):
        assert faults(reply) == [("/parent", "circle")]
    make_agency(client)
    assert faults(client.patch(A, json={"parent": "a"})) == [("/parent", "circle")]


def test_a_circle_is_refused_however_deep(client: TestClient) -> None:
    make_agency(client, "a0")
    for number in range(1, 60):
        make_agency(client, f"a{number}", parent=f"a{number - 1}")
    for number in (1, 2, 30, 59):
        for reply in (
            client.patch("/v1/agencies/a0", json={"parent": f"a{number}"}),
            put(client, "a0", parent=f"a{number}"),
        ):
            assert faults(reply) == [("/parent", "circle")]
    assert client.patch("/v1/agencies/a30", json={"parent": "a0"}).status_code == 200
    assert client.patch("/v1/agencies/a1", json={"parent": "a59"}).status_code == 200


def test_an_agency_moves_with_all_below_it(client: TestClient) -> None:
    for code, parent in (("x", None), ("y", None), ("a", "x"), ("b", "a"), ("c", "b")):
        make_agency(client, code, parent=parent)
    moved = client.patch(A, json={"parent": "y"})
    assert (moved.json()["parent"], moved.json()["links"]["parent"]) == ("y", "/v1/agencies/y")
    below = client.get("/v1/agencies?under=y").json()["items"]
    assert [item["code"] for item in below] == ["a", "b", "c", "y"]
    assert client.patch(A, json={"parent": None}).json()["parent"] is None
    assert client.get("/v1/agencies?under=y").json()["items"][0]["code"] == "y"


# What must be unique


def test_a_uscc_belongs_to_one_agency(client: TestClient) -> None:
    make_agency(client, "holder", uscc=GOOD_USCC[0])
    make_agency(client)
    for reply in (
        put(client, uscc=GOOD_USCC[0]),
        put(client, "new", uscc=GOOD_USCC[0]),
        client.patch(A, json={"uscc": GOOD_USCC[0]}),
        client.post("/v1/agencies", json=an_agency_body(code="new", uscc=GOOD_USCC[0])),
    ):
        assert said(reply) == (409, "uscc-taken")
        assert "holder" in reply.json()["detail"]
    assert client.get("/v1/agencies/new").status_code == 404
    assert put(client, "holder", name="新名", uscc=GOOD_USCC[0]).status_code == 200


def test_a_uscc_that_is_let_go_can_be_taken(client: TestClient) -> None:
    make_agency(client, "holder", uscc=GOOD_USCC[0])
    make_agency(client)
    client.patch("/v1/agencies/holder", json={"uscc": None})
    assert client.patch(A, json={"uscc": GOOD_USCC[0]}).status_code == 200
    client.delete(A)
    assert client.patch("/v1/agencies/holder", json={"uscc": GOOD_USCC[0]}).status_code == 200


def test_many_agencies_may_have_none(client: TestClient) -> None:
    for code in ("a", "b", "c"):
        assert make_agency(client, code)["uscc"] is None


# Deletion


def test_an_agency_in_use_is_not_deleted_and_says_by_how_many(client: TestClient) -> None:
    make_agency(client)
    for code in ("b", "c", "d"):
        make_agency(client, code, parent="a")
    for year in (2023, 2024):
        client.put(f"/v1/reports/a/{year}", json={})
    refused = client.delete(A, headers={"accept-language": "en"})
    assert said(refused) == (409, "in-use")
    assert "2 reports" in refused.json()["detail"]
    assert "3 agencies" in refused.json()["detail"]
    for code in ("b", "c", "d"):
        client.delete(f"/v1/agencies/{code}")
    client.delete("/v1/reports/a/2023")
    assert "1 report" in client.delete(A, headers={"accept-language": "en"}).json()["detail"]
    client.delete("/v1/reports/a/2024")
    made = client.post("/v1/keys", json={"name": "x", "role": "editor", "agency": "a"}).json()
    refused = client.delete(A, headers={"accept-language": "en"})
    assert said(refused) == (409, "in-use")
    assert "1 keys" in refused.json()["detail"]
    client.delete(made["links"]["self"]).raise_for_status()
    assert client.delete(A).status_code == 204
    assert client.get(made["links"]["self"]).json()["agency"] is None
    assert client.get(A).status_code == 404


# The reports that show it


def test_a_new_name_shows_in_every_report_at_once(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2023, agency_name_reported="旧名")
    put_table(client, "requests", year=2024, received__natural_person=5)
    before = client.get("/v1/reports/a/2023")
    client.patch(A, json={"name": "新名局"})
    after = client.get("/v1/reports/a/2023")
    assert after.json()["agency"] == {"code": "a", "name": "新名局"}
    assert after.json()["agency_name_reported"] == "旧名"
    assert after.headers["etag"] != before.headers["etag"]
    assert revision(after) == revision(before)
    table = client.get("/v1/reports/a/2024/requests").json()
    assert table["agency"]["name"] == "新名局"
    (finding,) = client.get("/v1/findings?rule=requests.balance").json()["items"]
    assert finding["agency"]["name"] == "新名局"
    listed = client.get("/v1/reports?agency=a").json()["items"]
    assert {item["agency"]["name"] for item in listed} == {"新名局"}
    assert listed[0]["etag"] == after.headers["etag"].replace("-gzip", "")


def test_another_kind_or_level_is_judged_by_at_once(client: TestClient) -> None:
    make_agency(client, kind="government", level="city")
    put_report(
        client,
        year=2024,
        documents={"rules__issued": 1, "rules__in_force": 1},
        published_on="2025-03-01",
    )

    def judged() -> tuple[list[str], str]:
        report = client.get("/v1/reports/a/2024").json()
        return [finding["rule"] for finding in report["findings"]], report["timeliness"]

    assert judged() == ([], "on_time")
    client.patch(A, json={"level": "county"})
    assert judged() == (["documents.rule-maker"], "on_time")
    client.patch(A, json={"kind": "department"})
    assert judged() == (["documents.rule-maker"], "late")
    client.patch(A, json={"kind": "office", "level": "province"})
    assert judged() == ([], "late")


def test_a_new_name_shows_in_reports_of_closed_years(client: TestClient) -> None:
    make_agency(client)
    put_report(client, year=2020)
    client.patch("/v1/reporting-years/2020", json={"status": "closed"})
    assert client.patch(A, json={"name": "新名局"}).status_code == 200
    assert client.get("/v1/reports/a/2020").json()["agency"]["name"] == "新名局"
