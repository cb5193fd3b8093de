"""Gzipped bodies joined into one gzip stream without unpacking them.

Members of gzip may follow each other, but many clients (browsers, httpx) stop after the first and
say nothing. So this makes one member: the deflated data of each body, which `encoding.zipped` ends
at a whole byte, and the CRC of all, combined from theirs.
"""

from collections.abc import Iterable
from struct import Struct
from zlib import crc32

from isal.isal_zlib import crc32_combine

from app.services import encoding
from app.services.encoding import HEAD, LAST, SYNCED, TRAILER

_BEGIN, _STOP = len(HEAD), -len(LAST) - TRAILER.size
"""Where the data of a body begin, up to the end of its last whole byte."""
_END = SYNCED + LAST
_LAST = Struct(f"<{len(_END)}sII")
"""How a body ends: `_END`, then what `TRAILER` has."""


def _stored(data: bytes) -> bytes:
    """Return up to 65,535 bytes as a block that is not compressed."""
    size = len(data)
    return b"\0" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + data


_LINE_FEED = _stored(b"\n")


class Splice:
    """One gzip stream of lines, in the making."""

    def __init__(self) -> None:
        self._crc = self._size = 0
        self._is_begun = False

    def lines(self, bodies: Iterable[bytes]) -> bytes:
        """Return what follows in the stream for these gzipped bodies, each a line."""
        head, combined, checked, last = self._head(), crc32_combine, crc32, _LAST.unpack_from
        crc, size, parts, tail = self._crc, self._size, list[bytes](), _LAST.size
        for given in bodies:
            body = given
            end, own, length = last(body, len(body) - tail)
            if end != _END:  # it was not made by `encoding.zipped` as it is today
                body = encoding.zipped(encoding.unzipped(given))
                _, own, length = last(body, len(body) - tail)
            crc = checked(b"\n", combined(crc, own, length))
            size += length + 1
            parts.append(body[_BEGIN:_STOP])
        self._crc, self._size = crc, size
        parts.append(b"")
        return head + _LINE_FEED.join(parts)

    def end(self, line: bytes) -> bytes:
        """Return the rest of the stream: a last, short line."""
        text = line + b"\n"
        crc, size = crc32(text, self._crc), self._size + len(text)
        return self._head() + _stored(text) + LAST + TRAILER.pack(crc, size & 0xFFFFFFFF)

    def _head(self) -> bytes:
        begun, self._is_begun = self._is_begun, True
        return b"" if begun else HEAD
