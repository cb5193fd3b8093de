"""JSON as it is sent: bytes, gzipped bytes, and the ETag that names them."""

import hashlib
import struct
from typing import Any

from isal import isal_zlib
from pydantic_core import from_json, to_json

_GZIP = 31  # zlib's name for the gzip format
_LEVEL = 1  # measured on reports: as small as zlib's level 1, at a quarter of its time

HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""How `zipped` begins: gzip, no name, no time."""
SYNCED, LAST = b"\0\0\xff\xff", b"\3\0"
"""How its data end: at a whole byte, then an empty last block. So they can be joined unread."""
TRAILER = struct.Struct("<II")
"""What follows: CRC-32 and size of what was zipped."""


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
    """Compress as gzip. Now and then (1 in 20,000, by isal) the same body gives other bytes."""
    packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)
    data = packer.compress(body) + packer.flush(isal_zlib.Z_SYNC_FLUSH)
    return HEAD + data + LAST + TRAILER.pack(isal_zlib.crc32(body), len(body) & 0xFFFFFFFF)


NotZipped: Any = isal_zlib.error  # whose stub says that it is an instance


def unzipped(body: bytes) -> bytes:
    """Undo `zipped`. Raises `NotZipped`."""
    unpacked: bytes = isal_zlib.decompress(body, _GZIP)
    return unpacked


def etag(revision: int, body: bytes) -> str:
    """Return the strong ETag of a representation: its revision, and a digest of all of it."""
    return f'"{revision}-{hashlib.sha256(body).hexdigest()[:16]}"'
