"""What is copied from one instance to the other together.

What is fetched is the present state of resources, not what a change of the past did to them: so
whatever comes twice, late, or together with what came after it does no harm.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from app.services.mirroring.remote import Json
from app.storage.mirror import Key

K = TypeVar("K")

ENDS = ("predecessor", "successor")
"""The members of a succession that name agencies."""

Fetched = dict[K, Json | None]
"""States by key; None for what is not there."""


@dataclass(slots=True)
class Keys:
    """What is to be fetched."""

    years: set[int] = field(default_factory=set)
    agencies: set[str] = field(default_factory=set)
    reports: set[Key] = field(default_factory=set)
    successions: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.years or self.agencies or self.reports or self.successions)


@dataclass(slots=True)
class Batch:
    """What was fetched, and is to be stored together."""

    years: Fetched[int] = field(default_factory=dict)
    agencies: Fetched[str] = field(default_factory=dict)
    reports: Fetched[Key] = field(default_factory=dict)
    successions: Fetched[str] = field(default_factory=dict)

    @property
    def keys(self) -> Keys:
        """The keys of what is in it."""
        return Keys(set(self.years), set(self.agencies), set(self.reports), set(self.successions))

    def lacks(self, keys: Keys) -> Keys:
        """Return those keys that are not in the batch."""
        return Keys(
            keys.years - self.years.keys(),
            keys.agencies - self.agencies.keys(),
            keys.reports - self.reports.keys(),
            keys.successions - self.successions.keys(),
        )

    def take(self, other: "Batch") -> None:
        """Add what was fetched later, in place of what was fetched before."""
        self.years |= other.years
        self.agencies |= other.agencies
        self.reports |= other.reports
        self.successions |= other.successions


def there(found: Fetched[K]) -> dict[K, Json]:
    """Return the states of what is there."""
    return {key: body for key, body in found.items() if body is not None}


def absent(found: Fetched[K]) -> list[K]:
    """Return what is not there."""
    return [key for key, body in found.items() if body is None]


def parents_first(bodies: Mapping[str, Json]) -> Iterator[str]:
    """Yield the agencies of a batch, each after the one above it."""
    below: dict[str | None, list[str]] = {}
    for code in sorted(bodies):
        parent = bodies[code]["parent"]
        below.setdefault(parent if parent in bodies else None, []).append(code)
    order: list[str | None] = [None]
    for code_or_none in order:
        order += below.get(code_or_none, ())
    return (code for code in order if code is not None)


def parts(items: Iterable[K], size: int) -> Iterator[list[K]]:
    """Yield up to `size` items at a time."""
    left = iter(items)
    while part := list(islice(left, size)):
        yield part
