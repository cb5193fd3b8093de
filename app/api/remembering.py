"""What is remembered of texts that clients send: of short ones alone, as memory has its bounds."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LONGEST = 1_000
"""How long a text is at most of which something is remembered."""


def remembered(most: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Remember so many results of a function, unless its first argument is a long text."""

    def of(function: Callable[P, T]) -> Callable[P, T]:
        kept: Any = lru_cache(maxsize=most)(function)

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> T:
            text: Any = args[0]
            made: T = (kept if len(text) <= LONGEST else function)(*args, **kwargs)
            return made

        return called

    return of
