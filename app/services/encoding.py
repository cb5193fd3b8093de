"""JSON as it is sent: bytes, gzipped bytes, and the ETag that names them."""

import hashlib
import zlib
from typing import Any

from pydantic_core import from_json, to_json

_GZIP = 31  # zlib's name for the gzip format
_LEVEL = 1  # measured on reports: 9 % larger than level 6, at a quarter of its time


def encoded(value: Any) -> bytes:
    """Return the JSON of a value in UTF-8."""
    return to_json(value)


def read(body: bytes) -> Any:
    """Read what `encoded` wrote."""
    return from_json(body)


def decoded(body: bytes) -> Any:
    """Read what `encoded` and `zipped` wrote."""
    return from_json(unzipped(body))


def zipped(body: bytes) -> bytes:
    """Compress as gzip, the same bytes for the same body."""
    return zlib.compress(body, _LEVEL, _GZIP)


def unzipped(body: bytes) -> bytes:
    """Undo `zipped`."""
    return zlib.decompress(body, _GZIP)


def etag(revision: int, body: bytes) -> str:
    """Return the strong ETag of a representation: its revision, and a digest of all of it."""
    return f'"{revision}-{hashlib.sha256(body).hexdigest()[:16]}"'
