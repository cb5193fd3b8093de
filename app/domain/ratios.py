"""Ratios of whole numbers, exact to the last printed place."""

from fractions import Fraction

from app.domain import decimals


def ratio(numerator: int, denominator: int) -> str | None:
    """Return a ratio as a decimal of up to six places, half to even; None if there is none.

    >>> ratio(2, 3), ratio(1, 2), ratio(1, 0)
    ('0.666667', '0.5', None)
    """
    if denominator == 0:
        return None
    return decimals.as_text(round(Fraction(numerator * decimals.MILLION, denominator)))
