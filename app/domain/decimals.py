"""Decimals of up to six places, kept as whole millionths."""

from typing import Final

MILLION: Final = 10**6
PATTERN: Final = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$"


def millionths(text: str) -> int:
    """Read a text that matches `PATTERN`.

    >>> millionths("59237.2449")
    59237244900
    """
    whole, _, fraction = text.partition(".")
    return int(whole) * MILLION + int(fraction.ljust(6, "0"))


def as_text(amount: int) -> str:
    """Print without trailing zeros; the inverse of `millionths`.

    >>> as_text(59237244900), as_text(251000000000), as_text(-500000)
    ('59237.2449', '251000', '-0.5')
    """
    whole, fraction = divmod(abs(amount), MILLION)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{fraction:06}".rstrip("0").rstrip(".") if fraction else f"{sign}{whole}"
