"""Statistical tables as resources of their own: cells, totals, states, patches and conditions."""

from collections.abc import Collection
from typing import Any

import pytest

from app.domain.layout import LARGEST, Form
from app.forms import FORMS
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
APPLICANTS = [c.key for c in FORM_2021.table["requests"].columns if not c.parts]
BODIES: dict[str, Json | None] = {"GET": None, "PUT": {"x": 1}, "PATCH": {"x": 1}, "DELETE": None}
every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.key)


def put(client: TestClient, table: str, body: Json, year: int = 2024) -> Any:
    return client.put(f"/v1/reports/a/{year}/{table}", json=body)


def get(client: TestClient, table: str, year: int = 2024) -> Json:
    reply = client.get(f"/v1/reports/a/{year}/{table}")
    assert reply.status_code == 200
    return dict(reply.json())


# What was written is what is read


@every_form
def test_every_cell_is_read_back_as_it_was_written(agency: TestClient, form: Form) -> None:
    for key, table in form.table.items():
        cells = {
            cell.name: f"{n}.{n:06}".rstrip("0") if cell.column.unit.is_decimal else n
            for n, cell in enumerate(table.cells, start=1)
        }
        body = a_table_body(form.first_year, key, **cells)

        made = put(agency, key, body, form.first_year)

        assert made.status_code == 201
        assert made.json()["data"] == body["data"]
        assert get(agency, key, form.first_year)["data"] == body["data"]


@every_form
@pytest.mark.parametrize("fill", [None, "n/a", 0], ids=["blank", "n/a", "zero"])
def test_a_cell_keeps_its_state(agency: TestClient, form: Form, fill: Any) -> None:
    for key in form.table:
        body = a_table_body(form.first_year, key, fill)

        put(agency, key, body, form.first_year)

        assert get(agency, key, form.first_year)["data"] == body["data"]


@every_form
def test_what_is_left_out_is_blank(agency: TestClient, form: Form) -> None:
    for key, table in form.table.items():
        put(agency, key, {}, form.first_year)

        found = get(agency, key, form.first_year)
        assert (found["filing"], found["data"]) == ("filed", a_matrix(table, None))
        assert list(found["data"]) == [line.key for line in table.lines]
        for line in found["data"].values():
            assert list(line) == [column.key for column in table.columns]


def test_there_are_many_ways_to_leave_a_cell_blank(agency: TestClient) -> None:
    blanks: list[Any] = [None, {}, {"charges": None}, {"charges": {}}]

    for data in [*blanks, {"charges": {"amount": None}}]:
        made = put(agency, "fees", {"data": data})
        assert made.json()["data"] == {"charges": {"amount": None}}


def test_a_line_may_have_cells_of_every_state(agency: TestClient) -> None:
    made = put(
        agency, "requests", {"data": {"received": {"natural_person": 5, "commercial": "n/a"}}}
    )

    assert made.json()["data"]["received"] == {
        "natural_person": 5,
        "commercial": "n/a",
        "research": None,
        "public_interest": None,
        "legal_service": None,
        "other_organization": None,
        "total": None,
    }


def test_a_table_shows_its_members_in_one_order(agency: TestClient) -> None:
    put(agency, "procurement", {}, 2020)

    found = get(agency, "procurement", 2020)

    assert list(found) == [
        "agency",
        "year",
        "form",
        "table",
        "filing",
        "data",
        "totals",
        "totals_partial",
        "remarks",
        "amount_unit",
        "findings",
        "updated_at",
        "links",
    ]
    assert (found["agency"], found["year"]) == ({"code": "a", "name": "审计局"}, 2020)
    assert (found["form"], found["table"]) == ("2019", "procurement")
    assert found["links"] == {
        "self": "/v1/reports/a/2020/procurement",
        "report": "/v1/reports/a/2020",
        "agency": "/v1/agencies/a",
    }


@every_form
def test_what_was_read_can_be_written_back(agency: TestClient, form: Form) -> None:
    for key in form.table:
        put(agency, key, {}, form.first_year)
        before = agency.get(f"/v1/reports/a/{form.first_year}/{key}")

        after = put(agency, key, before.json(), form.first_year)

        assert (after.status_code, etag(after)) == (200, etag(before))
        assert after.content == before.content


def test_a_put_replaces_all_of_a_table(agency: TestClient) -> None:
    first = a_table_body(2020, "procurement", centralized__items=3, centralized__amount="7")
    put(
        agency,
        "procurement",
        first | {"amount_unit": "yuan", "remarks": {"centralized": "注"}},
        2020,
    )

    made = put(agency, "procurement", {"data": {"centralized": {"amount": "8"}}}, 2020)

    assert made.status_code == 200
    found = made.json()
    assert found["data"] == {"centralized": {"items": None, "amount": "8"}}
    assert (found["amount_unit"], found["remarks"]) == ("unknown", {})


# Numbers


def in_cells(literals: Collection[str]) -> tuple[str, list[str]]:
    """Return a body with each of these in the total of a line of its own, and the lines."""
    lines = [line.key for line in FORM_2021.table["requests"].lines[: len(literals)]]
    cells = (f'"{line}": {{"total": {cell}}}' for line, cell in zip(lines, literals, strict=True))
    return f'{{"data": {{{", ".join(cells)}}}}}', lines


def put_text(client: TestClient, body: str) -> Any:
    return client.put(f"{URL}/requests", content=body, headers={"Content-Type": "application/json"})


def test_a_whole_number_counts_however_it_is_written(agency: TestClient) -> None:
    numbers = {
        "0": 0,
        "-0": 0,
        "5.0": 5,
        "5e0": 5,
        "50e-1": 5,
        "1.1398889E7": 11_398_889,
        "9007199254740992": LARGEST,
        "9007199254740992.0": LARGEST,
    }
    body, lines = in_cells(numbers)

    made = put_text(agency, body)

    assert made.status_code == 201
    stored = [made.json()["data"][line]["total"] for line in lines]
    assert dict(zip(numbers, stored, strict=True)) == numbers
    assert {type(number) for number in stored} == {int}


NO_COUNTS = (
    '"5"',
    "true",
    "false",
    "1.5",
    "-1",
    "9007199254740993",
    "9007199254740993.0",
    "1e400",
    "1" * 5_000,
    '""',
    '"N/A"',
    '"/"',
    "[5]",
    '{"value": 5}',
)


def test_what_is_no_count_is_refused(agency: TestClient) -> None:
    body, lines = in_cells(NO_COUNTS)

    refused = put_text(agency, body)

    assert said(refused) == (422, "invalid-body")
    assert faults(refused) == sorted((f"/data/{line}/total", "not-a-count") for line in lines)


def test_what_is_no_json_is_malformed(agency: TestClient) -> None:
    literals = ("NaN", "Infinity", "-Infinity", "+5", "05", "0x5", "5 5")

    answers = {each: said(put_text(agency, in_cells([each])[0])) for each in literals}

    assert answers == dict.fromkeys(literals, (400, "malformed-json"))


def test_only_a_change_may_be_negative(agency: TestClient) -> None:
    line = {"items_last_year": -1, "items_change": -1, "decisions": -1}
    made = put(agency, "licensing", {"data": {"licences": {"items_change": -LARGEST}}}, 2020)

    refused = put(agency, "licensing", {"data": {"licences": line}}, 2020)

    assert made.json()["data"]["licences"]["items_change"] == -LARGEST
    assert faults(refused) == [
        ("/data/licences/decisions", "not-a-count"),
        ("/data/licences/items_last_year", "not-a-count"),
    ]


def test_a_decimal_is_exact_and_has_no_trailing_zeros(agency: TestClient) -> None:
    decimals = {
        "0": "0",
        "0.0": "0",
        "0.000001": "0.000001",
        "1.50": "1.5",
        "10.000000": "10",
        "59237.2449": "59237.2449",
        "999999999999.999999": "999999999999.999999",
    }

    stored = {sent: put_table(agency, "fees", charges__amount=sent).json() for sent in decimals}

    assert {sent: made["data"]["charges"]["amount"] for sent, made in stored.items()} == decimals


NO_DECIMALS = (
    0,
    59237.2449,
    True,
    "",
    "1.",
    ".5",
    "01",
    "-1",
    "+1",
    "1e3",
    "1,000",
    "1.1234567",
    "1000000000000",
    " 1",
    "1\n",
    "１",
    "٣",
    "NaN",
    "251000元",
)


def test_what_is_no_decimal_is_refused(agency: TestClient) -> None:
    refused = {
        repr(sent): put(agency, "fees", {"data": {"charges": {"amount": sent}}})
        for sent in NO_DECIMALS
    }

    found = {sent: faults(each) for sent, each in refused.items()}
    assert found == {sent: [("/data/charges/amount", "not-a-decimal")] for sent in refused}
    assert {each.status_code for each in refused.values()} == {422}


# Totals


def test_totals_are_computed_and_what_was_reported_is_kept(agency: TestClient) -> None:
    data = a_matrix(
        FORM_2021.table["requests"],
        received__natural_person=5,
        received__total=6,
        granted__natural_person=3,
        other_misc__commercial=2,
        handled__natural_person=100,
        handled__total=1,
    )

    found = put(agency, "requests", {"data": data}).json()

    assert found["data"] == data
    assert found["totals"]["received"] == {"total": 5}
    assert found["totals"]["granted"] == {"total": 3}
    assert found["totals"]["handled"] == dict.fromkeys(APPLICANTS, 0) | {
        "natural_person": 3,
        "commercial": 2,
        "total": 5,
    }
    assert found["totals_partial"] == []


def test_totals_are_those_of_every_line_and_of_the_total_line(agency: TestClient) -> None:
    requests = put(agency, "requests", {}).json()["totals"]
    disputes = put(agency, "disputes", {}).json()["totals"]
    fees = put(agency, "fees", {}).json()

    lines = [line.key for line in FORM_2021.table["requests"].lines]
    assert list(requests) == lines
    assert all(list(requests[line]) == ["total"] for line in lines if line != "handled")
    assert list(requests["handled"]) == [*APPLICANTS, "total"]
    assert list(disputes) == [line.key for line in FORM_2021.table["disputes"].lines]
    assert (fees["totals"], fees["totals_partial"]) == ({}, [])


def test_a_total_that_was_left_out_is_computed_beside_its_blank(agency: TestClient) -> None:
    data = {"upheld": 1, "corrected": 2, "other_result": 3, "pending": 4}

    found = put(agency, "disputes", {"data": {"reconsideration": data}}).json()

    assert found["data"]["reconsideration"] == data | {"total": None}
    assert found["totals"]["reconsideration"] == {"total": 10}
    assert "/totals/reconsideration/total" not in found["totals_partial"]


def test_a_total_over_blanks_sums_what_is_there(agency: TestClient) -> None:
    cells = {"reconsideration__upheld": 4, "reconsideration__pending": None}
    body = a_table_body(2024, "disputes", **cells)

    found = put(agency, "disputes", body).json()

    assert found["totals"]["reconsideration"] == {"total": 4}
    assert found["totals_partial"] == ["/totals/reconsideration/total"]


def test_a_total_over_nothing_but_blanks_is_null(agency: TestClient) -> None:
    found = put(agency, "disputes", {}).json()

    lines = ["reconsideration", "litigation_direct", "litigation_after_reconsideration"]
    assert found["totals"] == {line: {"total": None} for line in lines}
    assert found["totals_partial"] == [f"/totals/{line}/total" for line in lines]


def test_not_applicable_adds_nothing_to_a_total(agency: TestClient) -> None:
    cells = {"reconsideration__upheld": 4, "reconsideration__pending": "n/a"}
    one = put(agency, "disputes", a_table_body(2024, "disputes", **cells)).json()
    all_ = put(agency, "disputes", a_table_body(2024, "disputes", "n/a")).json()

    assert (one["totals"]["reconsideration"], one["totals_partial"]) == ({"total": 4}, [])
    assert (all_["totals"]["reconsideration"], all_["totals_partial"]) == ({"total": None}, [])


def test_a_blank_makes_every_total_above_it_partial(agency: TestClient) -> None:
    body = a_table_body(2024, "requests", granted__commercial=None)

    found = put(agency, "requests", body).json()
    report = agency.get(URL).json()["tables"]["requests"]

    partial = ["granted/total", "handled/commercial", "handled/total"]
    assert found["totals_partial"] == [f"/totals/{each}" for each in partial]
    assert report["totals_partial"] == [f"/tables/requests/totals/{each}" for each in partial]
    assert report["totals"] == found["totals"]


def test_a_blank_reported_total_makes_nothing_partial(agency: TestClient) -> None:
    cells: dict[str, None] = dict.fromkeys(
        [f"handled__{column}" for column in [*APPLICANTS, "total"]] + ["received__total"]
    )

    found = put(agency, "requests", a_table_body(2024, "requests", **cells)).json()

    assert found["totals_partial"] == []


# Filed, nil, missing


def test_a_nil_table_counts_its_blanks_as_zero_in_totals(agency: TestClient) -> None:
    found = put(agency, "disputes", {"filing": "nil"}).json()

    assert found["filing"] == "nil"
    assert found["data"] == a_matrix(FORM_2021.table["disputes"], None)
    assert {total for line in found["totals"].values() for total in line.values()} == {0}
    assert (found["totals_partial"], found["findings"]) == ([], [])


def test_a_nil_table_with_figures_keeps_them_and_says_so(agency: TestClient) -> None:
    data = {"reconsideration": {"upheld": 4, "total": 5, "pending": "n/a"}}

    found = put(agency, "disputes", {"filing": "nil", "data": data}).json()

    assert found["data"]["reconsideration"]["upheld"] == 4
    assert found["totals"]["reconsideration"] == {"total": 4}
    assert [(each["id"], each["left"]) for each in found["findings"]] == [
        ("nil.not-empty:disputes", 2)
    ]
    assert found["findings"][0]["cells"] == [
        "/tables/disputes/data/reconsideration/upheld",
        "/tables/disputes/data/reconsideration/total",
    ]


def test_a_filing_of_null_is_filed(agency: TestClient) -> None:
    assert put(agency, "fees", {"filing": None}).json()["filing"] == "filed"


def test_a_table_put_as_missing_is_deleted(agency: TestClient) -> None:
    put_report(agency)

    gone = put(agency, "fees", {"filing": "missing"})

    assert gone.status_code == 204
    assert said(agency.get(f"{URL}/fees")) == (404, "table-not-filed")
    assert agency.get(URL).json()["tables"]["fees"] == {
        "filing": "missing",
        "data": None,
        "totals": None,
    }


def test_a_table_patched_to_missing_is_deleted(agency: TestClient) -> None:
    put_report(agency)

    assert agency.patch(f"{URL}/fees", json={"filing": "missing"}).status_code == 204
    assert said(agency.get(f"{URL}/fees")) == (404, "table-not-filed")


@pytest.mark.parametrize("verb", ["PUT", "PATCH"])
@pytest.mark.parametrize("data", [{}, {"charges": {"amount": "1"}}], ids=["empty", "figures"])
def test_a_missing_table_has_no_data(agency: TestClient, verb: str, data: Json) -> None:
    before = put_report(agency)

    refused = agency.request(verb, f"{URL}/fees", json={"filing": "missing", "data": data})

    assert faults(refused) == [("/data", "missing-with-data")]
    noted = {"filing": "missing", "remarks": {"charges": "x"}}
    refused = agency.request(verb, f"{URL}/fees", json=noted)
    assert faults(refused) == [("/remarks", "missing-with-data")]
    assert etag(agency.get(URL)) == etag(before)


def test_a_missing_table_put_where_none_is_leaves_no_report(agency: TestClient) -> None:
    put(agency, "fees", {"filing": "missing"})

    assert said(agency.get(URL)) == (404, "report-not-found")


def test_a_deleted_table_is_missing(agency: TestClient) -> None:
    put_report(agency, fees={"charges__amount": "1"})

    gone = agency.delete(f"{URL}/fees")

    assert (gone.status_code, gone.content) == (204, b"")
    report = agency.get(URL).json()["tables"]
    assert (report["fees"]["filing"], report["requests"]["filing"]) == ("missing", "filed")
    assert said(agency.get(f"{URL}/fees")) == (404, "table-not-filed")


def test_a_report_outlives_its_last_table(agency: TestClient) -> None:
    put(agency, "fees", {})

    agency.delete(f"{URL}/fees")

    assert {table["filing"] for table in agency.get(URL).json()["tables"].values()} == {"missing"}


# Created, changed, unchanged


def test_a_table_put_without_a_report_creates_it(agency: TestClient) -> None:
    made = put(agency, "fees", {"data": {"charges": {"amount": "1"}}})

    assert made.status_code == 201
    assert made.headers["location"] == made.headers["content-location"] == f"{URL}/fees"
    report = agency.get(URL).json()
    assert [key for key, each in report["tables"].items() if each["filing"] != "missing"] == [
        "fees"
    ]
    assert report["overview"] is None
    assert report["created_at"] == report["updated_at"] == made.json()["updated_at"]


def test_a_new_table_of_a_report_is_created(agency: TestClient) -> None:
    put(agency, "fees", {})

    created, replaced = put(agency, "disputes", {}), put(agency, "disputes", {"filing": "nil"})

    assert (created.status_code, replaced.status_code) == (201, 200)
    assert created.headers["location"] == f"{URL}/disputes"
    assert "location" not in replaced.headers
    assert replaced.headers["content-location"] == f"{URL}/disputes"


def test_a_table_write_leaves_the_rest_of_the_report(agency: TestClient) -> None:
    put_report(agency, requests={"received__natural_person": 1}, submitted_on="2025-01-20")
    before = agency.get(URL).json()

    put_table(agency, "fees", charges__amount="7")

    after = agency.get(URL).json()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"tables", "updated_at"}
    assert {key for key in after["tables"] if after["tables"][key] != before["tables"][key]} == {
        "fees"
    }


@pytest.mark.parametrize("verb", ["PUT", "PATCH"])
def test_a_write_that_changes_nothing_leaves_no_trace(agency: TestClient, verb: str) -> None:
    report = put_report(agency)
    before = agency.get(f"{URL}/fees")

    after = agency.request(verb, f"{URL}/fees", json={"data": {"charges": {"amount": "0.00"}}})

    assert after.status_code == 200
    assert (etag(after), after.content) == (etag(before), before.content)
    assert etag(agency.get(URL)) == etag(report)


def test_a_table_keeps_its_etag_when_others_are_written(agency: TestClient) -> None:
    put_report(agency)
    before = agency.get(f"{URL}/fees")

    put_table(agency, "disputes", reconsideration__upheld=1, reconsideration__total=1)
    agency.patch(URL, json={"overview": "新"})

    assert etag(agency.get(f"{URL}/fees")) == etag(before)


def test_a_table_keeps_its_revision_when_its_findings_move(agency: TestClient) -> None:
    put_report(agency, fees={"charges__amount": "3"})
    before = agency.get(f"{URL}/fees")

    put_report(agency, year=2023, fees={"charges__amount": "30000"})

    after = agency.get(f"{URL}/fees")
    assert [each["id"] for each in after.json()["findings"]] == ["fees.unit:charges"]
    assert etag(after) != etag(before)
    assert revision(after) == revision(before)
    changed = put(agency, "fees", a_table_body(2024, "fees", charges__amount="4"))
    assert changed.status_code == 200


def test_if_match_of_a_table_holds_although_its_findings_moved(agency: TestClient) -> None:
    put_report(agency, fees={"charges__amount": "3"})
    before = agency.get(f"{URL}/fees")
    put_report(agency, year=2023, fees={"charges__amount": "30000"})
    put_table(agency, "disputes", reconsideration__upheld=1)

    made = agency.patch(
        f"{URL}/fees",
        json={"data": {"charges": {"amount": "4"}}},
        headers={"If-Match": etag(before)},
    )

    assert made.status_code == 200
    assert revision(made) > revision(before)


def test_a_stale_write_of_a_table_is_told_what_differs(agency: TestClient) -> None:
    old = put_table(agency, "disputes", reconsideration__upheld=1)
    current = put_table(agency, "disputes", reconsideration__upheld=2, reconsideration__pending=1)
    body = a_table_body(2024, "disputes", reconsideration__upheld=1, reconsideration__pending=1)

    refused = agency.put(
        f"{URL}/disputes",
        json=body | {"remarks": {"reconsideration": "注"}},
        headers={"If-Match": etag(old)},
    )

    assert said(refused) == (412, "precondition-failed")
    assert etag(refused) == etag(current)
    assert faults(refused) == [
        ("/data/reconsideration/upheld", "differs"),
        ("/remarks/reconsideration", "differs"),
    ]
    assert etag(agency.get(f"{URL}/disputes")) == etag(current)


def test_a_stale_patch_of_a_table_is_told_what_it_would_change(agency: TestClient) -> None:
    put_table(agency, "disputes", reconsideration__upheld=1)

    refused = agency.patch(
        f"{URL}/disputes",
        json={"data": {"reconsideration": {"upheld": 1, "pending": None}}},
        headers={"If-Match": '"8-0"'},
    )

    assert faults(refused) == [("/data/reconsideration/pending", "differs")]


def test_conditions_on_a_table_that_is_there_or_not(agency: TestClient) -> None:
    put_report(agency, fees=None)
    url = f"{URL}/fees"

    absent = agency.put(url, json={}, headers={"If-Match": "*"})
    of_report = agency.put(url, json={}, headers={"If-Match": etag(agency.get(URL))})
    created = agency.put(url, json={}, headers={"If-None-Match": "*"})
    present = agency.put(url, json={}, headers={"If-None-Match": "*"})
    stale = agency.delete(url, headers={"If-Match": '"999-0"'})
    deleted = agency.delete(url, headers={"If-Match": etag(created)})

    statuses = [each.status_code for each in (absent, of_report, created, present, stale, deleted)]
    assert statuses == [412, 412, 201, 412, 412, 204]
    assert etag(present) == etag(stale) == etag(created)


def test_an_unchanged_table_is_not_sent_again(agency: TestClient) -> None:
    made = put_table(agency, "fees")

    found = agency.get(f"{URL}/fees", headers={"If-None-Match": etag(made)})

    assert (found.status_code, found.content) == (304, b"")


@pytest.mark.parametrize("between", ["table", "report"])
def test_a_table_made_again_repeats_no_revision(agency: TestClient, between: str) -> None:
    put_report(agency)
    first = agency.get(f"{URL}/fees")
    agency.delete(f"{URL}/fees" if between == "table" else URL)

    again = put_table(agency, "fees")

    assert again.status_code == 201
    assert revision(again) > revision(first)
    stale = agency.put(f"{URL}/fees", json={}, headers={"If-Match": etag(first)})
    assert stale.status_code == 412


# Merge patches


def test_a_patch_sets_one_cell(agency: TestClient) -> None:
    put_table(agency, "requests")

    made = agency.patch(f"{URL}/requests", json={"data": {"received": {"natural_person": 6}}})

    expected = a_matrix(FORM_2021.table["requests"], received__natural_person=6)
    assert (made.status_code, made.json()["data"]) == (200, expected)
    assert made.headers["content-location"] == f"{URL}/requests"
    assert made.json()["totals"]["received"] == {"total": 6}


@pytest.mark.parametrize(
    ("patch", "blank"),
    [
        ({"data": {"rules": {"issued": None}}}, ["rules.issued"]),
        ({"data": {"rules": None}}, ["rules.issued", "rules.repealed", "rules.in_force"]),
        (
            {"data": None},
            [
                f"{line}.{column}"
                for line in ("rules", "normative_documents")
                for column in ("issued", "repealed", "in_force")
            ],
        ),
        ({"data": {}}, []),
        ({"data": {"rules": {}}}, []),
    ],
    ids=["cell", "line", "data", "empty data", "empty line"],
)
def test_a_patch_of_null_is_blank(agency: TestClient, patch: Json, blank: list[str]) -> None:
    put_table(agency, "documents")

    data = agency.patch(f"{URL}/documents", json=patch).json()["data"]

    assert [
        f"{line}.{column}"
        for line, cells in data.items()
        for column, value in cells.items()
        if value is None
    ] == blank


def test_a_patch_takes_a_cell_from_not_applicable_to_a_number(agency: TestClient) -> None:
    put_table(agency, "fees", charges__amount="n/a")

    made = agency.patch(f"{URL}/fees", json={"data": {"charges": {"amount": "3.10"}}})

    assert made.json()["data"]["charges"]["amount"] == "3.1"


def test_a_patch_changes_the_state_of_a_table_alone(agency: TestClient) -> None:
    put_table(agency, "fees", charges__amount="2")

    nil = agency.patch(f"{URL}/fees", json={"filing": "nil"}).json()
    filed = agency.patch(f"{URL}/fees", json={"filing": None}).json()

    assert (nil["filing"], filed["filing"]) == ("nil", "filed")
    assert nil["data"] == filed["data"] == {"charges": {"amount": "2"}}


def test_a_patch_sets_and_removes_remarks(agency: TestClient) -> None:
    put(agency, "fees", {"remarks": {"charges": "一", "charges.amount": "二"}})

    one = agency.patch(f"{URL}/fees", json={"remarks": {"charges": None, "charges.amount": "三"}})
    none = agency.patch(f"{URL}/fees", json={"remarks": None})

    assert one.json()["remarks"] == {"charges.amount": "三"}
    assert none.json()["remarks"] == {}


MISSHAPEN: list[tuple[Json, str, str]] = [
    ({"note": None}, "/note", "unknown-member"),
    ({"data": {"fines": None}}, "/data/fines", "unknown-member"),
    ({"data": {"charges": {"items": None}}}, "/data/charges/items", "unknown-member"),
    ({"amount_unit": None}, "/amount_unit", "unknown-member"),
    ({"remarks": {"fines": None}}, "/remarks/fines", "bad-remark-key"),
    ({"data": {"charges": 5}}, "/data/charges", "not-an-object"),
    ({"data": []}, "/data", "not-an-object"),
    ({"filing": "done"}, "/filing", "not-one-of"),
    ({"year": 2023}, "/year", "contradicts-path"),
]


def test_a_patch_is_held_to_the_shape_of_the_table(agency: TestClient) -> None:
    before = put_table(agency, "fees")

    for patch, *fault in MISSHAPEN:
        refused = agency.patch(f"{URL}/fees", json=patch)
        assert (said(refused), faults(refused)) == ((422, "invalid-body"), [tuple(fault)]), patch
    assert etag(agency.get(f"{URL}/fees")) == etag(before)


# Remarks, and the unit of procurement


def test_remarks_stand_beside_cells_and_lines(agency: TestClient) -> None:
    remarks = {"rules.repealed": "其中修订16件", "normative_documents": "含部门文件\n\t😀"}

    made = put(agency, "documents", {"remarks": remarks})

    assert made.json()["remarks"] == remarks
    assert agency.get(URL).json()["tables"]["documents"]["remarks"] == remarks


def test_a_remark_names_a_line_or_a_cell(agency: TestClient) -> None:
    pointers = {
        "repealed": "/remarks/repealed",
        "rules.": "/remarks/rules.",
        "rules.repealed.x": "/remarks/rules.repealed.x",
        "rules.made": "/remarks/rules.made",
        "rules\n": "/remarks/rules\n",
        "": "/remarks/",
        "a/b~c": "/remarks/a~1b~0c",
    }

    refused = put(agency, "documents", {"remarks": dict.fromkeys(pointers, "注")})

    assert faults(refused) == sorted((each, "bad-remark-key") for each in pointers.values())


def test_a_remark_has_a_limit(agency: TestClient) -> None:
    longest = put(agency, "fees", {"remarks": {"charges": "注" * 2_000}})
    longer = put(agency, "fees", {"remarks": {"charges": "注" * 2_001}})
    other = put(agency, "fees", {"remarks": {"charges": 5}})

    assert longest.json()["remarks"] == {"charges": "注" * 2_000}
    assert faults(longer) == [("/remarks/charges", "too-long")]
    assert faults(other) == [("/remarks/charges", "not-a-text")]


@pytest.mark.parametrize("unit", ["yuan", "wan_yuan", "unknown"])
def test_procurement_names_the_unit_of_its_amount(agency: TestClient, unit: str) -> None:
    body = a_table_body(2020, "procurement", centralized__amount="160.5964")

    made = put(agency, "procurement", body | {"amount_unit": unit}, 2020)

    assert made.json()["amount_unit"] == unit
    assert made.json()["data"]["centralized"]["amount"] == "160.5964"
    report = agency.get("/v1/reports/a/2020").json()
    assert report["tables"]["procurement"]["amount_unit"] == unit


def test_the_unit_of_procurement_is_unknown_until_it_is_named(agency: TestClient) -> None:
    left_out = put(agency, "procurement", {}, 2020)
    named = agency.patch("/v1/reports/a/2020/procurement", json={"amount_unit": "yuan"})
    removed = agency.patch("/v1/reports/a/2020/procurement", json={"amount_unit": None})
    refused = put(agency, "procurement", {"amount_unit": "fen"}, 2020)

    units = [each.json()["amount_unit"] for each in (left_out, named, removed)]
    assert units == ["unknown", "yuan", "unknown"]
    assert faults(refused) == [("/amount_unit", "not-one-of")]


def test_no_other_table_names_a_unit(agency: TestClient) -> None:
    refused = put(agency, "fees", {"amount_unit": "yuan"}, 2020)

    assert faults(refused) == [("/amount_unit", "unknown-member")]


# What the path names, and what contradicts it


def test_every_fault_of_a_table_is_named_at_once(agency: TestClient) -> None:
    body = {
        "agency": {"code": "b"},
        "year": 2023,
        "form": "2019",
        "table": "disputes",
        "filing": 1,
        "data": {
            "received": {"natural_person": "5", "commercial": True, "research": 1.5, "company": 1},
            "other_handling": {},
            "handled": [],
        },
        "remarks": [],
        "unit": "yuan",
    }

    refused = put(agency, "requests", body)

    assert said(refused) == (422, "invalid-body")
    assert faults(refused) == [
        ("/agency", "contradicts-path"),
        ("/data/handled", "not-an-object"),
        ("/data/other_handling", "unknown-member"),
        ("/data/received/commercial", "not-a-count"),
        ("/data/received/company", "unknown-member"),
        ("/data/received/natural_person", "not-a-count"),
        ("/data/received/research", "not-a-count"),
        ("/filing", "not-one-of"),
        ("/form", "contradicts-year"),
        ("/remarks", "not-an-object"),
        ("/table", "contradicts-path"),
        ("/unit", "unknown-member"),
        ("/year", "contradicts-path"),
    ]
    assert said(agency.get(URL)) == (404, "report-not-found")


def test_the_form_is_that_of_the_year(agency: TestClient) -> None:
    """Each form has lines that the other has not."""
    old, new = {"data": {"other_handling": {"total": 1}}}, {"data": {"other_misc": {"total": 1}}}

    assert put(agency, "requests", old, 2020).status_code == 201
    assert put(agency, "requests", new, 2021).status_code == 201
    assert faults(put(agency, "requests", new, 2020)) == [("/data/other_misc", "unknown-member")]
    assert faults(put(agency, "requests", old, 2021)) == [
        ("/data/other_handling", "unknown-member")
    ]


@pytest.mark.parametrize("is_filed", [True, False], ids=["report", "no report"])
def test_what_the_path_names_and_is_not_there(agency: TestClient, is_filed: bool) -> None:
    if is_filed:
        put_report(agency)
    slugs = {
        "nobody/2024/procurement": "agency-not-found",
        "a/2018/procurement": "reporting-year-not-found",
        "a/2024/procurement": "table-not-in-form",
        "a/2024/prices": "not-found",
    }

    for verb, body in BODIES.items():
        answers = {
            path: said(agency.request(verb, f"/v1/reports/{path}", json=body)) for path in slugs
        }
        assert answers == {path: (404, slug) for path, slug in slugs.items()}


def test_no_report_is_told_from_no_table(agency: TestClient) -> None:
    def answers() -> set[tuple[int, str]]:
        verbs = ("GET", "PATCH", "DELETE")
        return {said(agency.request(verb, f"{URL}/fees", json=BODIES[verb])) for verb in verbs}

    before = answers()
    put_report(agency, fees=None)

    assert (before, answers()) == ({(404, "report-not-found")}, {(404, "table-not-filed")})


@pytest.mark.parametrize("key", ["documents", "fees", "requests"])
def test_a_table_in_a_report_is_the_table_by_itself(agency: TestClient, key: str) -> None:
    """But for where its pointers start, and its findings, which a report shows as a whole."""
    put_table(agency, key)

    alone = get(agency, key)
    within = agency.get(URL).json()["tables"][key]

    assert {name: alone[name] for name in within} == within
    assert alone.keys() - within.keys() == {
        "agency",
        "year",
        "form",
        "table",
        "findings",
        "updated_at",
        "links",
    }


def test_figures_that_do_not_add_up_are_stored_and_the_reply_says_so(agency: TestClient) -> None:
    made = put_table(agency, "disputes", reconsideration__total=3)

    assert made.status_code == 201
    assert [each["id"] for each in made.json()["findings"]] == [
        "disputes.row-total:reconsideration"
    ]
    assert get(agency, "disputes")["data"]["reconsideration"]["total"] == 3


def test_a_whole_report_equals_its_tables_written_one_by_one(client: TestClient) -> None:
    make_agency(client, "a")
    make_agency(client, "b")
    body = a_report_body(2020, requests={"received__total": 4})
    client.put("/v1/reports/a/2020", json={"tables": body["tables"]})

    for key, table in body["tables"].items():
        client.put(f"/v1/reports/b/2020/{key}", json=table)

    whole, built = (client.get(f"/v1/reports/{code}/2020").json() for code in "ab")
    assert built["tables"] == whole["tables"]
    assert [each["id"] for each in built["findings"]] == [each["id"] for each in whole["findings"]]
    assert set(whole["tables"]) == set(FORM_2019.table)
