"""Gzipped bodies joined into one gzip stream without unpacking them.

Members of gzip may follow each other, but many clients (browsers, httpx) stop after the first and
say nothing. So this makes one member: the deflated data of each body, which `encoding.zipped` ends
at a whole byte, and the CRC of all, combined from theirs.
"""

from collections.abc import Iterable, Iterator

from isal import isal_zlib

from app.services import encoding
from app.services.encoding import HEAD, LAST, SYNCED, TRAILER

_TAIL = len(LAST) + TRAILER.size
_END = SYNCED + LAST


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
        return b"".join(self._lines(bodies))

    def _lines(self, bodies: Iterable[bytes]) -> Iterator[bytes]:
        yield self._head()
        combined, crc32, trailer = isal_zlib.crc32_combine, isal_zlib.crc32, TRAILER.unpack_from
        for given in bodies:
            body = given if _is_joinable(given) else encoding.zipped(encoding.unzipped(given))
            crc, size = trailer(body, len(body) - TRAILER.size)
            self._crc = crc32(b"\n", combined(self._crc, crc, size))
            self._size += size + 1
            yield body[len(HEAD) : -_TAIL]
            yield _LINE_FEED

    def end(self, line: bytes) -> bytes:
        """Return the rest of the stream: a last, short line."""
        text = line + b"\n"
        crc, size = isal_zlib.crc32(text, self._crc), self._size + len(text)
        return self._head() + _stored(text) + LAST + TRAILER.pack(crc, size & 0xFFFFFFFF)

    def _head(self) -> bytes:
        begun, self._is_begun = self._is_begun, True
        return b"" if begun else HEAD


def _is_joinable(body: bytes) -> bool:
    """Tell whether a body was made by `encoding.zipped` as it is today."""
    place = -TRAILER.size - len(_END)
    return body.startswith(HEAD) and body[place : -TRAILER.size] == _END
