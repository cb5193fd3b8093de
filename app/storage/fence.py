"""How far a replica must have come before this service reads from it.

The fence is the newest position of the write-ahead log that anybody who may ask this service can
know of: it is raised after every commit and after every read of the primary, before the reply is
sent. It never goes back, and all processes that share its file see it move at once.
"""

import fcntl
import mmap
import threading
from pathlib import Path

SLOTS = 256
_WORD = 8  # bytes


class Fence:
    """A position that only grows; 0 while nothing is known."""

    def __init__(self, path: Path | None = None) -> None:
        """Share the file with others; without one, keep it to this process.

        Each process writes a slot of its own and reads all of them, so nobody waits for anybody,
        and none puts back what another has raised. The slot is held by a lock that ends with the
        process; whoever holds it next goes on from what is there.
        """
        self._lock = threading.Lock()
        self._file = None if path is None else path.open("r+b")
        self._memory = mmap.mmap(-1 if self._file is None else self._file.fileno(), SLOTS * _WORD)
        self._words = memoryview(self._memory).cast("Q")
        self._slot = self._claimed()

    def _claimed(self) -> int:
        if self._file is None:
            return 0
        for slot in range(SLOTS):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, _WORD, slot * _WORD)
            except OSError:
                continue
            return slot
        raise OSError("more processes than the fence has room for")

    @property
    def position(self) -> int:
        """The newest position that is known."""
        return max(self._words) if self._file is not None else self._words[0]

    def rise(self, position: int) -> None:
        """Let nothing older be read from now on."""
        with self._lock:
            self._words[self._slot] = max(self._words[self._slot], position)

    def close(self) -> None:
        """Let go of the file; the position stays in it."""
        self._words.release()
        self._memory.close()
        if self._file is not None:
            self._file.close()


def make(path: Path) -> None:
    """Make the file that processes share, if it is not there. Raises `OSError`."""
    with path.open("ab") as file:
        if file.tell() not in {0, SLOTS * _WORD}:
            raise OSError("there is another file of that name")
        file.truncate(SLOTS * _WORD)
