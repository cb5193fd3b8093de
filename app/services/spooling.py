"""Files on their way in: packed to a temporary file, never whole in memory, read again as lines."""

import tempfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

from isal import isal_zlib

PIECE = 2**20
"""How much of a file is packed at a time."""
LONGEST_LINE = 4 * 2**20
"""How many bytes a line has at most: a report with all that is shown of it, as it is exported."""
_IN_MEMORY = 4 * 2**20
_GZIP = 31  # zlib's name for the gzip format
_MEMBERS, _LEAST = 100, 1_024  # a file has so many members, and one more for so many bytes in them
_LEVEL = 1


class TooLarge(Exception):
    """A file is over the limit, packed or unpacked."""


class NotPacked(Exception):
    """What should be gzip is not, or ends early."""


def packed(piece: bytes) -> bytes:
    """Return a piece of a file as it is kept."""
    made: bytes = isal_zlib.compress(piece, _LEVEL, _GZIP)
    return made


def unpacked(piece: bytes) -> bytes:
    """Undo `packed`."""
    found: bytes = isal_zlib.decompress(piece, _GZIP)
    return found


class Spool:
    """A file that comes in piece by piece. `gzipped` says that what comes in is packed."""

    def __init__(self, limit: int, *, gzipped: bool = False) -> None:
        self._limit = limit
        self._unpacking = zlib.decompressobj(_GZIP) if gzipped else None
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        self._sizes: list[int] = []
        self._waiting = bytearray()
        self._packed = self._members = 0
        self.size = 0
        self.lines = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Take in what follows. Raises `TooLarge` and `NotPacked`."""
        if self._unpacking is None:
            self._add(data)
            return
        self._packed += len(data)
        if self._packed > self._limit:
            raise TooLarge
        while data:
            data = self._unpack(data)

    def _unpack(self, data: bytes) -> bytes:
        """Take in at most `PIECE` bytes of what is packed; return what is left of it.

        So a small file that unpacks to a huge one is noticed as soon as it is too large.
        """
        assert self._unpacking is not None
        if self._unpacking.eof:  # what follows is packed by itself, as files joined to one are
            self._members += 1
            if self._members > _MEMBERS + self.size // _LEAST:
                raise NotPacked
            self._unpacking = zlib.decompressobj(_GZIP)
        try:
            self._add(self._unpacking.decompress(data, PIECE))
        except zlib.error:
            raise NotPacked from None
        return self._unpacking.unconsumed_tail or self._unpacking.unused_data

    def _add(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._limit:
            raise TooLarge
        self.lines += data.count(b"\n")
        self._waiting += data
        while len(self._waiting) >= PIECE:
            self._pack(bytes(self._waiting[:PIECE]))
            del self._waiting[:PIECE]

    def _pack(self, piece: bytes) -> None:
        if piece:
            self._sizes.append(self._file.write(packed(piece)))

    def end(self) -> None:
        """Note that nothing follows. Raises `NotPacked`."""
        if self._unpacking is not None and not self._unpacking.eof:
            raise NotPacked
        self._pack(bytes(self._waiting))
        self._waiting.clear()

    def pieces(self) -> Iterator[bytes]:
        """Return the pieces, as they are kept. Raises nothing."""
        self._file.seek(0)
        for size in self._sizes:
            yield self._file.read(size)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def lines(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines of a file with their numbers; None for one that is too long to be read."""
    number, waiting, is_skipped = 1, b"", False
    for piece in pieces:
        *whole, rest = piece.split(b"\n")
        for line in whole:
            is_long = is_skipped or len(waiting) + len(line) > LONGEST_LINE
            yield number, None if is_long else waiting + line
            number, waiting, is_skipped = number + 1, b"", False
        is_skipped = is_skipped or len(waiting) + len(rest) > LONGEST_LINE
        waiting = b"" if is_skipped else waiting + rest
    if is_skipped or waiting:
        yield number, None if is_skipped else waiting
