"""Identifiers of organizations (GB 32100-2015), places (GB/T 2260) and agencies."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.codes import (
    DIVISION_PATTERN,
    USCC_ALPHABET,
    USCC_PATTERN,
    check_character,
    is_agency_code,
)

SEVENTEEN = st.text(USCC_ALPHABET, min_size=17, max_size=17)


def has_good_check_character(uscc: str) -> bool:
    return check_character(uscc) == uscc[17]


@pytest.mark.parametrize("uscc", ["11370900004341590P", "113325000026455663", "12620600MB0523338C"])
def test_issued_codes_have_the_check_character_that_belongs_to_them(uscc: str) -> None:
    assert re.fullmatch(USCC_PATTERN, uscc)
    assert has_good_check_character(uscc)


def test_a_code_with_another_check_character_is_found() -> None:
    assert re.fullmatch(USCC_PATTERN, "91350203M0001QAY9B")
    assert not has_good_check_character("91350203M0001QAY9B")


def test_only_one_check_character_is_good() -> None:
    good = [c for c in USCC_ALPHABET if has_good_check_character("11370900004341590" + c)]

    assert good == ["P"]


@settings(deadline=None)
@given(SEVENTEEN, st.integers(0, 16), st.sampled_from(USCC_ALPHABET))
def test_every_single_wrong_character_is_found(text: str, at: int, wrong: str) -> None:
    changed = text[:at] + wrong + text[at + 1 :]

    same = check_character(changed) == check_character(text)
    assert same == (changed == text)


@settings(deadline=None)
@given(SEVENTEEN, st.integers(0, 15))
def test_every_exchange_of_neighbours_is_found(text: str, at: int) -> None:
    changed = text[:at] + text[at + 1] + text[at] + text[at + 2 :]

    same = check_character(changed) == check_character(text)
    assert same == (changed == text)


def test_the_alphabet_has_no_letters_that_look_like_digits() -> None:
    assert len(USCC_ALPHABET) == 31
    assert not set("IOSVZ") & set(USCC_ALPHABET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "11370900004341590",
        "11370900004341590PP",
        "11370900004341590p",
        "1137090A004341590P",
        "11370900004341590I",
        "I1370900004341590P",
        " 11370900004341590P",
    ],
    ids=[
        "empty",
        "17 characters",
        "19 characters",
        "small letter",
        "letter in the place",
        "I at the end",
        "I at the start",
        "space",
    ],
)
def test_texts_of_another_shape_are_no_uscc(text: str) -> None:
    assert not re.fullmatch(USCC_PATTERN, text)


@pytest.mark.parametrize("text", ["350205", "110000", "820000", "710000", "321300", "350205001"])
def test_places_have_6_digits_or_9_with_the_township(text: str) -> None:
    assert re.fullmatch(DIVISION_PATTERN, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "35020",
        "3502050",
        "35020500",
        "3502050010",
        "990205",
        "160000",
        "35020a",
        "３５０２０５",
    ],
)
def test_texts_of_another_shape_or_of_no_province_are_no_place(text: str) -> None:
    assert not re.fullmatch(DIVISION_PATTERN, text)


@pytest.mark.parametrize("text", ["350205-rsj", "a", "9", "A.b_c-9", "x" * 32])
def test_agency_codes_are_letters_digits_and_three_marks(text: str) -> None:
    assert is_agency_code(text)


@pytest.mark.parametrize(
    "text", ["", "-a", ".a", "_a", "a b", "a/b", "a\n", "局", "ａ", "x" * 33, "a%"]
)
def test_texts_of_another_shape_are_no_agency_code(text: str) -> None:
    assert not is_agency_code(text)
