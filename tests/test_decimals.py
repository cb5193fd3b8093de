"""Decimals of up to six places are whole millionths; reading and printing are inverses."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.decimals import PATTERN, as_text, millionths

WHOLE = st.integers(0, 10**12 - 1)
FRACTION = st.text("0123456789", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("0.000001", 1),
        ("0.1", 100_000),
        ("0.10", 100_000),
        ("1", 1_000_000),
        ("59237.2449", 59_237_244_900),
        ("73802895.90", 73_802_895_900_000),
        ("999999999999.999999", 999_999_999_999_999_999),
    ],
)
def test_a_text_is_read_as_whole_millionths(text: str, amount: int) -> None:
    assert re.fullmatch(PATTERN, text)
    assert millionths(text) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (1, "0.000001"),
        (100_000, "0.1"),
        (10_000_000, "10"),
        (59_237_244_900, "59237.2449"),
        (-1, "-0.000001"),
        (-500_000, "-0.5"),
        (-1_000_000, "-1"),
        (-1_500_000, "-1.5"),
    ],
)
def test_an_amount_is_printed_without_trailing_zeros(amount: int, text: str) -> None:
    assert as_text(amount) == text


@settings(deadline=None)
@given(st.integers(0, 10**18 - 1))
def test_what_was_printed_is_read_as_the_same_amount(amount: int) -> None:
    text = as_text(amount)

    assert re.fullmatch(PATTERN, text)
    assert millionths(text) == amount


@settings(deadline=None)
@given(WHOLE, FRACTION)
def test_what_was_read_is_printed_the_same_but_for_trailing_zeros(whole: int, digits: str) -> None:
    assert as_text(millionths(f"{whole}.{digits}")) == f"{whole}.{digits}".rstrip("0").rstrip(".")


@settings(deadline=None)
@given(WHOLE)
def test_whole_numbers_are_printed_as_they_were_read(whole: int) -> None:
    assert as_text(millionths(str(whole))) == str(whole)


@settings(deadline=None)
@given(st.integers(1, 10**18))
def test_a_negative_amount_is_the_positive_with_a_sign(amount: int) -> None:
    assert as_text(-amount) == f"-{as_text(amount)}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "1.",
        ".5",
        "01",
        "-1",
        "+1",
        "1.0000000",
        "1e3",
        "1,000",
        "NaN",
        "1 ",
        "９",
        "1000000000000",
    ],
)
def test_other_texts_are_no_decimals(text: str) -> None:
    assert not re.fullmatch(PATTERN, text)
