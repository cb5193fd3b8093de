"""Identifiers of organizations and places: GB 32100-2015 and GB/T 2260."""

import re
from typing import Final

USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_PATTERN: Final = rf"^[{USCC_ALPHABET}]{{2}}[0-9]{{6}}[{USCC_ALPHABET}]{{10}}$"
_WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))

_BY_REGION = ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 82))
PROVINCES: Final = [str(n) for first, last in _BY_REGION for n in range(first, last + 1)]
DIVISION_PATTERN: Final = rf"^({'|'.join(PROVINCES)})([0-9]{{4}}|[0-9]{{7}})$"

CODE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"
_CODE = re.compile(CODE_PATTERN.rstrip("$") + r"\Z")


_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_id(text: str) -> bool:
    """Tell whether a text has the shape of an id that the service gives out: a UUID."""
    return _ID.fullmatch(text) is not None


def is_agency_code(text: str) -> bool:
    """Tell whether a text has the shape of an agency's code."""
    return _CODE.match(text) is not None


def check_character(uscc: str) -> str:
    """Return the 18th character that belongs to the first 17 of a 统一社会信用代码.

    >>> check_character("11370900004341590")
    'P'
    """
    total = sum(w * USCC_ALPHABET.index(c) for w, c in zip(_WEIGHTS, uscc[:17], strict=True))
    return USCC_ALPHABET[-total % 31]
