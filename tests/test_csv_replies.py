"""CSV that a spreadsheet opens as it is, and never runs."""

import csv
import io
from typing import Any

import pytest

from app.api.csv_replies import encoded
from app.services.csvs import guarded


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
