"""Lines of CSV (RFC 4180), safe to open in a spreadsheet."""

from collections.abc import Iterable

BOM = "\ufeff".encode()
"""Tells spreadsheets that the file is in UTF-8."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def line(values: Iterable[object]) -> bytes:
    """Return a line; None is an empty cell."""
    return (",".join(map(_cell, values)) + "\r\n").encode()


def _cell(value: object) -> str:
    """Return a cell; a text that a spreadsheet would take for a formula gets an apostrophe."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, str) and text.startswith(_FORMULA):
        text = f"'{text}"
    if any(sign in text for sign in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'
    return text
