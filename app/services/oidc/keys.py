"""The provider's keys, kept: asked for again when they are old, or a token names one not known."""

import threading
import time
from collections.abc import Callable

import jwt
import structlog

from app.services.oidc.provider import Keys, ProviderAway

log = structlog.get_logger("gongkai")

COOL_DOWN = 30.0
"""Seconds before the provider is asked again, however many tokens name keys not known."""
RETRY = 5.0
"""Seconds before it is asked again while there are no keys at all."""

Clock = Callable[[], float]


class KeyRing:
    """The keys of a provider, for all threads of a worker.

    `fresh`: the seconds after which they are asked for anew. `longest`: those for which they are
    used while the provider is away. `patience`: how long a thread waits for another that asks.
    """

    def __init__(
        self,
        ask: Callable[[], Keys],
        *,
        fresh: float,
        longest: float,
        patience: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self._ask, self._clock = ask, clock
        self._fresh, self._longest, self._patience = fresh, longest, patience
        self._asking = threading.Lock()
        self._held: tuple[Keys, float] | None = None  # and when they were read
        self._not_before = float("-inf")
        self._failure: str | None = None

    def find(self, name: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return a key, or None if the provider has no such.

        Raises `ProviderAway` if that cannot be told: what is known is too old, or lacks the key,
        and the provider did not answer when it was asked last.
        """
        key = self._known(name, algorithm, self._fresh)
        if key is not None:
            return key
        self._refresh(waits=self._known(name, algorithm, self._longest) is None)
        key = self._known(name, algorithm, self._longest)
        if key is None and self._failure is not None:
            raise ProviderAway(self._failure)
        return key

    def _known(self, name: str | None, algorithm: str, longest: float) -> jwt.PyJWK | None:
        held = self._held
        if held is None or self._clock() - held[1] > longest:
            return None
        return held[0].find(name, algorithm)

    def _refresh(self, *, waits: bool) -> None:
        """Ask the provider, unless it was lately; of several threads one does."""
        if not self._asking.acquire(timeout=self._patience if waits else 0):
            if waits:
                raise ProviderAway("is slow to answer")
            return
        try:
            if self._clock() >= self._not_before:
                self._attempt()
        finally:
            self._asking.release()

    def _attempt(self) -> None:
        try:
            self._held, self._failure = (self._ask(), self._clock()), None
        except ProviderAway as error:
            self._failure = str(error)
            log.warning("OpenID provider is away", reason=self._failure)
        self._not_before = self._clock() + (RETRY if self._held is None else COOL_DOWN)
