"""Reporting years over HTTP: form, due dates, open or closed."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.api import TestClient, faults, make_agency, put_report, said

YEARS = "/v1/reporting-years"
KINDS = ("government", "office", "department", "dispatched", "zone", "authorized", "vertical")


def statutory(year: int) -> dict[str, str]:
    """Return the due date of each kind of agency by law."""
    return {
        kind: f"{year + 1}-03-31" if kind == "government" else f"{year + 1}-01-31" for kind in KINDS
    }


def put(client: TestClient, year: int | str = 2024, **members: Any) -> Any:
    """Write a reporting year."""
    return client.put(f"{YEARS}/{year}", json=members)


def test_a_new_register_has_the_years_from_2019_to_last_year(client: TestClient) -> None:
    last = datetime.now(ZoneInfo("Asia/Shanghai")).year - 1
    found = client.get(YEARS).json()["items"]
    assert [item["year"] for item in found] == list(range(2019, last + 1))
    assert {item["status"] for item in found} == {"open"}


def test_a_year_has_these_members(client: TestClient) -> None:
    made = put(client, 2030).json()
    assert made == {
        "year": 2030,
        "form": "2021",
        "status": "open",
        "due": statutory(2030),
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
        "links": {
            "self": f"{YEARS}/2030",
            "form": "/v1/forms/2021",
            "reports": "/v1/reports?year=2030",
        },
    }
    for link in made["links"].values():
        assert client.get(link).status_code == 200


@pytest.mark.parametrize(
    ("year", "form"),
    [(2019, "2019"), (2020, "2019"), (2021, "2021"), (2100, "2021"), (9998, "2021")],
)
def test_an_empty_body_takes_the_defaults(client: TestClient, year: int, form: str) -> None:
    client.delete(f"{YEARS}/{year}")
    made = put(client, year)
    assert made.status_code == 201
    assert made.json()["form"] == form
    assert made.json()["status"] == "open"
    assert made.json()["due"] == statutory(year)


def test_put_takes_the_defaults_for_what_is_left_out(client: TestClient) -> None:
    put(client, status="closed", due={"office": "2025-01-26"})
    again = put(client).json()
    assert (again["status"], again["due"]) == ("open", statutory(2024))


def test_a_null_is_the_default_too(client: TestClient) -> None:
    put(client, status="closed", due={"office": "2025-01-26"})
    for body in ({"status": None, "due": None}, {"due": {"office": None}, "form": None}):
        again = client.put(f"{YEARS}/2024", json=body).json()
        assert (again["status"], again["due"]) == ("open", statutory(2024))


def test_due_dates_are_set_per_kind(client: TestClient) -> None:
    local = {"department": "2025-01-26", "government": "2025-02-20"}
    assert put(client, due=local).json()["due"] == statutory(2024) | local
    changed = client.patch(f"{YEARS}/2024", json={"due": {"zone": "2025-02-01"}}).json()
    assert changed["due"] == statutory(2024) | local | {"zone": "2025-02-01"}
    changed = client.patch(f"{YEARS}/2024", json={"due": {"department": None}}).json()
    assert changed["due"]["department"] == "2025-01-31"
    changed = client.patch(f"{YEARS}/2024", json={"due": None}).json()
    assert changed["due"] == statutory(2024)


def test_due_dates_of_no_kind_or_no_calendar_are_refused(client: TestClient) -> None:
    due = {"ministry": "2025-01-31", "office": "2025-02-29", "zone": 20250131, "vertical": ""}
    for reply in (put(client, due=due), client.patch(f"{YEARS}/2024", json={"due": due})):
        assert [pointer for pointer, _ in faults(reply)] == [
            "/due/ministry",
            "/due/office",
            "/due/vertical",
            "/due/zone",
        ]
    no_objects: list[Any] = [[], "2025-01-31", 5]
    for wrong in no_objects:
        assert faults(put(client, due=wrong)) == [("/due", "not-an-object")]


def test_a_year_is_open_or_closed(client: TestClient) -> None:
    for status in ("closed", "open"):
        assert put(client, status=status).json()["status"] == status
    for wrong in ("shut", "Open", "", True, 1):
        assert faults(put(client, status=wrong)) == [("/status", "not-one-of")]


def test_the_form_follows_from_the_year(client: TestClient) -> None:
    assert put(client, form="2021").status_code == 200
    for form in ("2019", "2030", ""):
        assert faults(put(client, form=form)) == [("/form", "contradicts-year")]
    no_texts: list[Any] = [[], {}, 2021, True]
    for wrong in no_texts:
        assert [pointer for pointer, _ in faults(put(client, form=wrong))] == ["/form"]


@pytest.mark.parametrize("year", [1000, 1999, 2018])
def test_a_year_before_the_forms_is_refused(client: TestClient, year: int) -> None:
    path = f"{YEARS}/{year}"
    in_path = client.put(path, json={"status": "shut"})
    assert said(in_path) == (422, "year-without-form")
    assert faults(in_path) == [(None, "year-without-form"), ("/status", "not-one-of")]
    in_both = client.put(path, json={"year": year})
    assert faults(in_both) == [("/year", "year-without-form")]
    in_body = client.post(YEARS, json={"year": year, "due": {"office": "x"}})
    assert said(in_body) == (422, "year-without-form")
    assert faults(in_body) == [("/due/office", "not-a-date"), ("/year", "year-without-form")]
    for reply in (client.get(path), client.patch(path, json={}), client.delete(path)):
        assert said(reply) == (404, "reporting-year-not-found")


def test_a_year_has_four_digits(client: TestClient) -> None:
    for year in (9999, 999, 0, -2024, 20240, 2024.5, "2024", True, None, [2024], 10**30):
        reply = client.post(YEARS, json={"year": year, "status": "shut"})
        assert [pointer for pointer, _ in faults(reply)] == ["/status", "/year"], year
    assert [pointer for pointer, _ in faults(client.post(YEARS, json={}))] == ["/year"]
    for path in ("9999", "999", "0", "-2024", "20240", "2024.0", "+2024", "x"):
        assert said(put(client, path)) == (422, "invalid-parameter")
        assert said(client.get(f"{YEARS}/{path}")) == (404, "reporting-year-not-found")


def test_post_names_every_fault(client: TestClient) -> None:
    body = {"year": 2030, "form": "2019", "status": "shut", "nonsense": 1}
    assert faults(client.post(YEARS, json=body)) == [
        ("/form", "contradicts-year"),
        ("/nonsense", "unknown-member"),
        ("/status", "not-one-of"),
    ]
    made = client.post(YEARS, json={"year": 2030, "status": "closed", "form": "2021"})
    assert (made.status_code, made.json()["status"]) == (201, "closed")


def test_a_closed_year_refuses_every_write_of_its_reports(client: TestClient) -> None:
    make_agency(client)
    make_agency(client, "b")
    put_report(client)
    put(client, status="closed")
    before = client.get("/v1/reports/a/2024").content
    path = "/v1/reports/a/2024"
    for reply in (
        client.put(path, json={}),
        client.patch(path, json={}),
        client.delete(path),
        client.put(f"{path}/fees", json={}),
        client.patch(f"{path}/fees", json={}),
        client.delete(f"{path}/fees"),
        client.put("/v1/reports/b/2024", json={}),
        client.put("/v1/reports/b/2024/fees", json={}),
        client.post("/v1/reports", json={"agency": "b", "year": 2024}),
        client.post("/v1/reports", json={"agency": "a", "year": 2024}),
    ):
        assert said(reply) == (409, "year-closed")
    assert client.get(path).content == before
    assert client.get(f"{path}/fees").status_code == 200
    assert client.put("/v1/reports/a/2023", json={}).status_code == 201
    assert client.post("/v1/validations", json={"year": 2024}).status_code == 200
    put(client, status="open")
    assert client.put(path, json={}).status_code == 200


def test_what_is_not_there_is_not_closed(client: TestClient) -> None:
    make_agency(client)
    put(client, status="closed")
    put(client, 2020, status="closed")
    assert said(client.delete("/v1/reports/a/2024")) == (404, "report-not-found")
    assert said(client.patch("/v1/reports/a/2024/fees", json={})) == (404, "report-not-found")
    reply = client.put("/v1/reports/a/2024/procurement", json={})
    assert said(reply) == (404, "table-not-in-form")


def test_a_year_with_reports_is_not_deleted_and_says_how_many(client: TestClient) -> None:
    for code in ("a", "b"):
        make_agency(client, code)
        put_report(client, code)
    refused = client.delete(f"{YEARS}/2024", headers={"accept-language": "en"})
    assert said(refused) == (409, "in-use")
    assert "2 reports" in refused.json()["detail"]
    client.delete("/v1/reports/a/2024")
    client.delete("/v1/reports/b/2024")
    assert client.delete(f"{YEARS}/2024").status_code == 204
    assert said(client.put("/v1/reports/a/2024", json={})) == (404, "reporting-year-not-found")
    reply = client.post("/v1/reports", json={"agency": "a", "year": 2024})
    assert faults(reply) == [("/year", "unknown-year")]


def test_new_due_dates_show_in_reports_at_once(client: TestClient) -> None:
    make_agency(client)
    make_agency(client, "g", kind="government")
    for code in ("a", "g"):
        put_report(client, code, published_on="2025-01-28")

    def timeliness() -> list[str]:
        found = client.get("/v1/reports?year=2024").json()["items"]
        whole = [client.get(item["links"]["self"]).json() for item in found]
        assert [each["timeliness"] for each in whole] == [each["timeliness"] for each in found]
        return [item["timeliness"] for item in found]

    assert timeliness() == ["on_time", "on_time"]
    client.patch(f"{YEARS}/2024", json={"due": {"department": "2025-01-27"}})
    assert timeliness() == ["late", "on_time"]
    client.patch(f"{YEARS}/2024", json={"due": {"department": "2025-01-28"}})
    assert timeliness() == ["on_time", "on_time"]
    put(client, due={"government": "2025-01-01"})
    assert timeliness() == ["on_time", "late"]


def test_to_close_a_year_no_report_is_looked_at(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody who writes waits meanwhile, and none of them shows it."""

    def read(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("app.storage.years.dated_reports", read)
    assert client.patch("/v1/reporting-years/2024", json={"status": "closed"}).is_success
