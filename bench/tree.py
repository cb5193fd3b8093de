"""A made-up country in five levels: about 100,000 agencies, each after the one above it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

LEVELS = ("state", "province", "city", "county", "township")
FAN_OUT = (30, 11, 8)
"""How many provinces the state has, cities a province, and counties a city."""

OFFICES = (60, 10, 35, 20, 50, 35)
"""How many agencies one county after the other has: 35 on average."""

_WHOLE = 95_401
_NAMES = ("国", "省", "市", "县")


@dataclass(frozen=True, slots=True)
class Place:
    """An agency and the place of the one above it; its own place is its number."""

    number: int
    name: str
    kind: str
    level: str
    parent: int | None

    @property
    def code(self) -> str:
        """The code of the agency."""
        return code(self.number)


def code(number: int) -> str:
    """Return the code of an agency."""
    return f"b{number:06}"


def whole() -> list[Place]:
    """Return the whole country, breadth first."""
    return _grown(FAN_OUT)


def country(agencies: int) -> list[Place]:
    """Return a country of five levels with about so many agencies, breadth first.

    Its counties are as large as those of the whole one; there are fewer of them.
    """
    scale = (agencies / _WHOLE) ** (1 / len(FAN_OUT))
    return _grown([max(1, round(size * scale)) for size in FAN_OUT])


def _grown(fan_out: Sequence[int]) -> list[Place]:
    places = [Place(0, "测试国人民政府", "government", LEVELS[0], None)]
    above = places[:]
    for level, size in enumerate(fan_out, 1):
        above = list(_governments(above, level, size, len(places)))
        places += above
    for county, size in zip(above, islice(cycle(OFFICES), len(above)), strict=True):
        places += _offices(county.number, size, len(places))
    return places


def _governments(above: list[Place], level: int, size: int, first: int) -> Iterator[Place]:
    for n in range(len(above) * size):
        name = f"测试{_NAMES[level]}{first + n}人民政府"
        yield Place(first + n, name, "government", LEVELS[level], above[n // size].number)


def _offices(county: int, size: int, first: int) -> Iterator[Place]:
    """Yield the agencies of a county: an office, departments, street offices, a few vertical."""
    for n in range(size):
        kind = _kind(n)
        level = "township" if kind == "dispatched" else "county"
        yield Place(first + n, f"测试机构{first + n}", kind, level, county)


def _kind(n: int) -> str:
    if n == 0:
        return "office"
    if n % 30 == 5:
        return "vertical"
    return "dispatched" if n % 4 == 2 else "department"
