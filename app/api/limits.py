"""What callers may ask of a worker: how often, how much at once, and how often in vain.

Limits are those of one worker: each gives out its share of what the settings say.
"""

import time
from collections.abc import Callable, MutableMapping
from functools import lru_cache, partial
from ipaddress import IPv6Address
from math import ceil
from typing import Any

from app.errors import TooMany
from app.services.callers import ANONYMOUS, Caller
from app.services.limiting import WINDOW, Rates, Standing, share
from app.settings import Settings

RATE = "gongkai.rate"
"""The key under which the scope has the headers that tell of a rate limit."""
LEAVE = "gongkai.leave"
"""The key under which the scope has what is to be called when the reply was sent."""

Scope = MutableMapping[str, Any]
_UNLIMITED = "admin"  # the key of the settings
_WAIT_AT_ONCE = 1  # seconds


class Limits:
    """The limits of one worker; used on its event loop."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates, self._failures = Rates(clock), Rates(clock)
        self._under_way: dict[str, int] = {}
        self._workers = settings.workers
        self._identified, self._anonymous = settings.rate_limit, settings.anonymous_rate_limit
        self._failed = share(settings.failure_limit, settings.workers)
        self._at_once = share(settings.concurrency_limit, settings.workers)

    def admit(self, scope: Scope, caller: Caller) -> None:
        """Count a request of a caller. Raises `TooMany`."""
        if caller.id == _UNLIMITED:
            return
        if caller is ANONYMOUS:
            name, quota = network_of(scope), self._anonymous
        else:
            name, quota = caller.id, caller.rate_limit or self._identified
        if quota:
            self._count(scope, name, share(quota, self._workers))
        if self._at_once:
            self._enter(scope, name)

    def _count(self, scope: Scope, name: str, quota: int) -> None:
        found = self._rates.take(name, quota)
        scope[RATE] = told("default", found)
        if found.wait:
            raise _too_often(found)

    def _enter(self, scope: Scope, name: str) -> None:
        under_way = self._under_way.get(name, 0)
        if under_way >= self._at_once:
            raise TooMany("too-many-at-once", _WAIT_AT_ONCE, limit=self._at_once)
        self._under_way[name] = under_way + 1
        scope[LEAVE] = partial(self._leave, name)

    def _leave(self, name: str) -> None:
        under_way = self._under_way[name] - 1
        if under_way:
            self._under_way[name] = under_way
        else:
            del self._under_way[name]

    def require_trust(self, scope: Scope) -> None:
        """Raise `TooMany` if too many credentials from an address were of no use."""
        if self._failed:
            self._mind(scope, self._failures.look(network_of(scope), self._failed))

    def note_failure(self, scope: Scope) -> None:
        """Count credentials that were of no use. Raises `TooMany` if they were too many."""
        if self._failed:
            self._mind(scope, self._failures.take(network_of(scope), self._failed))

    def _mind(self, scope: Scope, found: Standing) -> None:
        if found.wait:
            scope[RATE] = told("credentials", found)
            raise _too_often(found)


def _too_often(found: Standing) -> TooMany:
    return TooMany("too-many-requests", ceil(found.wait), limit=found.quota)


def told(policy: str, found: Standing) -> list[tuple[bytes, bytes]]:
    """Return the headers that tell how much is left (draft-ietf-httpapi-ratelimit-headers)."""
    left = b'"%s";r=%d;t=%d' % (policy.encode(), found.left, ceil(found.full_in))
    return [_policy(policy, found.quota), (b"ratelimit", left)]


@lru_cache(maxsize=256)
def _policy(policy: str, quota: int) -> tuple[bytes, bytes]:
    return b"ratelimit-policy", b'"%s";q=%d;w=%d' % (policy.encode(), quota, WINDOW)


def network_of(scope: Scope) -> str:
    """Return where a request comes from: an address, of IPv6 the network of one customer."""
    client = scope.get("client")
    return _network(client[0]) if client else "from nowhere"


@lru_cache(maxsize=4_096)
def _network(address: str) -> str:
    if ":" not in address:
        return f"from {address}"
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return f"from {address}"
    if found.ipv4_mapped:
        return f"from {found.ipv4_mapped}"
    return f"from {found.packed[:8].hex()}"
