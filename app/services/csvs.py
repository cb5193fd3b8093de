"""Tables as CSV (RFC 4180), safe to open in a spreadsheet."""

import codecs
import csv
import io
from collections.abc import Iterable, Sequence

BOM = codecs.BOM_UTF8
"""Tells spreadsheets that the file is in UTF-8."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def lines(rows: Iterable[Sequence[object]], *, numbers: bool = False) -> bytes:
    """Return rows; None is an empty cell. With `numbers`, texts may be numbers: decimals are."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([guarded(value, numbers=numbers) for value in row] for row in rows)
    return text.getvalue().encode()


def guarded(value: object, *, numbers: bool) -> object:
    """Return a value that no spreadsheet takes for a formula; with `numbers`, a number is none."""
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    return value if numbers and _is_number(value) else f"'{value}"


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-").replace(".", "", 1)
    return digits.isascii() and digits.isdigit()
