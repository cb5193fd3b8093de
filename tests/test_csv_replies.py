"""CSV that a spreadsheet opens as it is, and never runs."""

import csv
import io
from typing import Any

import pytest

from app.api.csv_replies import encoded
from app.services.csvs import guarded
from tests.api import TestClient, make_agency, said

OPERATIONS = (
    "/v1/statistics?by=year",
    "/v1/agencies/a/series?cells=requests.received.total",
    "/v1/reporting-years/2024/completeness?limit=5",
)


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-"])
def test_what_would_be_a_formula_is_text(text: str) -> None:
    assert guarded(text, numbers=True) == f"'{text}"


@pytest.mark.parametrize("value", ["-5", "-0.5", "0.25", -5, 7, None, "审计局", "a=b", ""])
def test_numbers_and_other_texts_stay_as_they_are(value: Any) -> None:
    assert guarded(value, numbers=True) == value


def test_a_table_is_utf_8_with_a_mark_and_ends_its_lines_as_rfc_4180() -> None:
    made = encoded(["name", "value"], [['审"计', 1], ["a,b\nc", None]])
    assert made == '\ufeffname,value\r\n"审""计",1\r\n"a,b\nc",\r\n'.encode()
    rows = list(csv.reader(io.StringIO(made.decode("utf-8-sig"), newline="")))
    assert rows == [["name", "value"], ['审"计', "1"], ["a,b\nc", ""]]


@pytest.mark.parametrize("path", OPERATIONS)
def test_the_type_is_the_one_that_is_named_or_taken(client: TestClient, path: str) -> None:
    make_agency(client, "a")
    for accept, query, media in (
        ("text/csv", "", "text/csv"),
        ("text/*, application/json;q=0", "", "text/csv"),
        ("application/json", "&format=csv", "text/csv"),
        ("text/csv, application/json", "", "application/json"),
        ("*/*", "", "application/json"),
        ("", "", "application/json"),
    ):
        reply = client.get(path + query, headers={"accept": accept})
        assert reply.status_code == 200, (accept, reply.text)
        assert reply.headers["content-type"].split(";")[0] == media, accept
        names = reply.headers["vary"].split(", ")
        assert sorted(set(names)) == sorted(names)
        assert "Accept" in names
    for accept, query in (("text/html", ""), ("text/csv", "&format=json"), ("text/csv;q=0", "")):
        assert said(client.get(path + query, headers={"accept": accept})) == (406, "not-acceptable")


@pytest.mark.parametrize("path", OPERATIONS)
def test_types_may_stand_on_several_lines(client: TestClient, path: str) -> None:
    make_agency(client, "a")
    reply = client.get(path, headers=[("accept", "text/html"), ("accept", "text/csv")])
    assert reply.headers["content-type"].startswith("text/csv")
