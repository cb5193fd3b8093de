"""Series over HTTP: an agency's figures over the years, and why there is none."""

import csv
import io
from typing import Any

import pytest

from app.forms.cells import CELLS
from tests.api import Json, TestClient, etag, faults, make_agency, put_report, said

RECEIVED, HANDLING = "requests.received.total", "requests.other_handling.total"


def series(client: TestClient, *cells: str, **query: Any) -> Json:
    reply = client.get("/v1/agencies/a/series", params={"cells": ",".join(cells), **query})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def by_year(found: Json, place: int = 0) -> dict[int, tuple[Any, str]]:
    """Return the value and the state of a cell in each year."""
    return {
        each["year"]: (each["values"][place]["value"], each["values"][place]["state"])
        for each in found["years"]
    }


@pytest.fixture
def agency(client: TestClient) -> TestClient:
    """A client of a register with one agency and reports in which every state occurs."""
    make_agency(client, name="=审计局")
    put_report(client, year=2019, requests={"received__total": 7, "other_handling__total": 4})
    put_report(client, year=2020, requests={"filing": "nil"}, disputes=None)
    parts = {"other_not_corrected__total": 1, "other_fee_unpaid__total": 2, "other_misc__total": 3}
    put_report(
        client, year=2021, requests={"received__total": None, "received__research": 5} | parts
    )
    put_report(client, year=2022, requests={"received__total": None, "received__research": None})
    put_report(
        client,
        year=2024,
        requests={"received__total": "n/a", "other_misc__total": None},
        fees={"charges__amount": "0.50"},
    )
    return client


def test_each_year_says_what_there_is_or_why_not(agency: TestClient) -> None:
    found = series(agency, RECEIVED, "disputes.reconsideration.total", "fees.charges.amount")
    assert (found["from"], found["to"]) == (2019, 2024)
    assert by_year(found) == {
        2019: (7, "reported"),
        2020: (0, "nil"),
        2021: (5, "computed"),
        2022: (None, "blank"),
        2023: (None, "no_report"),
        2024: (None, "not_applicable"),
    }
    assert by_year(found, 1)[2020] == (None, "missing")
    assert by_year(found, 2)[2020] == (None, "not_in_form")
    assert by_year(found, 2)[2024] == ("0.5", "reported")
    assert [each["form"] for each in found["years"]] == ["2019"] * 2 + ["2021"] * 4


def test_a_line_that_a_form_prints_as_several_is_their_sum(agency: TestClient) -> None:
    found = series(agency, HANDLING, "requests.other_misc.total")
    assert by_year(found) == {
        2019: (4, "reported"),
        2020: (0, "nil"),
        2021: (6, "reported"),
        2022: (0, "reported"),
        2023: (None, "no_report"),
        2024: (0, "computed"),
    }
    assert by_year(found, 1)[2019] == (None, "not_in_form")
    later = found["years"][2]["values"][0]
    assert later["cells"] == [
        f"/tables/requests/data/{line}/total"
        for line in ("other_not_corrected", "other_fee_unpaid", "other_misc")
    ]
    assert "cells" not in found["years"][0]["values"][0]


def test_cells_are_labelled_as_printed(agency: TestClient) -> None:
    cells = series(agency, HANDLING, "fees.charges.amount")["cells"]
    assert cells[0] == {
        "cell": HANDLING,
        "label": {"zh": "（六）其他处理·总计", "en": "(6) Other handling, Total"},
        "unit": "count",
        "forms": ["2019", "2021"],
    }
    assert (cells[1]["unit"], cells[1]["forms"]) == ("wan_yuan", ["2021"])


def test_an_amount_has_the_unit_of_its_year(client: TestClient) -> None:
    make_agency(client)
    for year, unit in ((2019, "wan_yuan"), (2020, "unknown")):
        put_report(client, year=year)
        body = {"data": {"centralized": {"amount": "1.5"}}, "amount_unit": unit}
        client.put(f"/v1/reports/a/{year}/procurement", json=body)
    found = series(client, "procurement.centralized.amount")
    assert [each["values"][0] for each in found["years"]] == [
        {"value": "1.5", "state": "reported", "unit": "wan_yuan"},
        {"value": "1.5", "state": "reported", "unit": None},
    ]


def test_years_are_the_registered_ones_within_the_bounds(agency: TestClient) -> None:
    found = series(agency, RECEIVED, **{"from": 2010, "to": 2020})
    assert (found["from"], found["to"], list(by_year(found))) == (2010, 2020, [2019, 2020])
    assert list(by_year(series(agency, RECEIVED, **{"from": 2023}))) == [2023, 2024]
    assert series(agency, RECEIVED, **{"from": 2024, "to": 2019})["years"] == []
    make_agency(agency, "b")
    empty = agency.get(f"/v1/agencies/b/series?cells={RECEIVED}").json()
    assert (empty["from"], empty["to"], empty["years"]) == (None, None, [])


def test_every_unknown_cell_is_named(agency: TestClient) -> None:
    names = f"{RECEIVED},requests.received,nothing,requests.received.sum"
    refused = agency.get("/v1/agencies/a/series", params={"cells": names})
    assert said(refused) == (422, "invalid-parameter")
    assert [error["code"] for error in refused.json()["errors"]] == ["unknown-cell"] * 3
    assert "requests.received.sum" in refused.json()["errors"][2]["message"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "required"),
        ({"cells": ""}, "unknown-cell"),
        ({"cells": RECEIVED, "from": "x"}, "not-a-year"),
        ({"cells": RECEIVED, "format": "xml"}, "not-one-of"),
        ({"cells": RECEIVED, "first": "2019"}, "unknown-parameter"),
        ({"cells": ",".join([*CELLS][:101])}, "too-many"),
    ],
)
def test_wrong_parameters_are_refused(agency: TestClient, query: Any, code: str) -> None:
    refused = agency.get("/v1/agencies/a/series", params=query)
    assert said(refused) == (422, "invalid-parameter")
    assert faults(refused) == [(None, code)]


def test_a_hundred_cells_are_read_and_each_once(agency: TestClient) -> None:
    names = [*CELLS][:100]
    found = series(agency, *names, names[0])
    assert [each["cell"] for each in found["cells"]] == names
    assert {len(each["values"]) for each in found["years"]} == {100}


def test_csv_has_a_row_for_each_cell_in_each_year(agency: TestClient) -> None:
    query = {"cells": f"{RECEIVED},fees.charges.amount", "format": "csv", "from": "2023"}
    reply = agency.get("/v1/agencies/a/series", params=query, headers={"accept": "text/csv"})
    assert reply.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert reply.headers["content-disposition"] == 'attachment; filename="a-series.csv"'
    assert reply.content.startswith(b"\xef\xbb\xbfagency,")
    rows = list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))
    assert [(r["year"], r["cell"], r["value"], r["state"]) for r in rows] == [
        ("2023", RECEIVED, "", "no_report"),
        ("2023", "fees.charges.amount", "", "no_report"),
        ("2024", RECEIVED, "", "not_applicable"),
        ("2024", "fees.charges.amount", "0.5", "reported"),
    ]
    assert {row["agency_name"] for row in rows} == {"'=审计局"}
    known = {"if-none-match": etag(reply)}
    assert agency.get("/v1/agencies/a/series", params=query, headers=known).status_code == 304
