"""How often somebody may do something: leaky buckets, in the memory of one worker.

Of each there is one number, the time at which their bucket is full again (the generic cell rate
algorithm); who has not been seen for longest is forgotten first, and had a full bucket most likely.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

WINDOW = 60.0
"""The seconds that a quota is for; all of it may be used at once, and comes back evenly."""
_MOST = 20_000
_ROUNDING = 1e-6


class Standing(NamedTuple):
    """How much is left of a quota, and after how many seconds all of it is there again.

    `wait` is after how many seconds there is something again; 0 if there was.
    """

    quota: int
    left: int
    full_in: float
    wait: float = 0


class Rates:
    """Buckets by name. Quotas are in a minute, and may differ from name to name."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._clock, self._most = clock, most
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def look(self, name: str, quota: int) -> Standing:
        """Tell what there would be if one were taken, and take nothing."""
        now, each = self._clock(), WINDOW / quota
        full_in = max(self._full_at.get(name, now) - now, 0.0)
        over = full_in + each - WINDOW
        if over > _ROUNDING:
            return Standing(quota, 0, full_in, over)
        return Standing(quota, int(-over / each + _ROUNDING), full_in + each)

    def take(self, name: str, quota: int) -> Standing:
        """Take one, if there is one."""
        found = self.look(name, quota)
        if not found.wait:
            self._full_at[name] = self._clock() + found.full_in
            self._full_at.move_to_end(name)
            if len(self._full_at) > self._most:
                self._full_at.popitem(last=False)
        return found


def share(quota: int, workers: int) -> int:
    """Return how much of a quota one worker gives out; 0 is none at all."""
    return -(-quota // workers)
