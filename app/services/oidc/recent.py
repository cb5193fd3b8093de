"""Tokens that were found valid a moment ago."""

import hashlib
import threading
import time
from collections import OrderedDict

from app.services.oidc.claims import Claims
from app.services.oidc.keys import Clock

SECONDS = 5.0
"""For how long a token is taken without being verified again."""
MOST = 4_096
"""How many tokens are remembered; those longest unused are forgotten first."""


class Recent:
    """What valid tokens said, by the SHA-256 of each: the tokens themselves are not kept."""

    def __init__(self, *, clock: Clock = time.monotonic, wall: Clock = time.time) -> None:
        self._clock, self._wall = clock, wall
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[Claims, float]] = OrderedDict()

    def get(self, token: str) -> Claims | None:
        """Return what a token says, if it was found valid lately and has not expired since."""
        name = _name(token)
        with self._lock:
            kept = self._kept.get(name)
            if kept is None:
                return None
            claims, until = kept
            if self._clock() < until and self._wall() < claims.expires_at:
                self._kept.move_to_end(name)
                return claims
            del self._kept[name]
            return None

    def put(self, token: str, claims: Claims) -> None:
        """Remember what a token says."""
        name = _name(token)
        with self._lock:
            self._kept[name] = claims, self._clock() + SECONDS
            self._kept.move_to_end(name)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)


def _name(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
