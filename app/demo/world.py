"""The world of `gongkai demo`."""

from collections.abc import Iterator

from app.settings import Settings


def load(settings: Settings) -> Iterator[str]:
    """Load it."""
    yield from ()
