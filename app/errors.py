"""Errors that a client can cause, without words: `api.texts` has those, and their statuses.

* AppError
  - Unauthorized 401  nobody is known by these credentials
  - Forbidden   403  the caller is known and may not do it
  - NotFound    404  the path names nothing
  - Conflict    409  it is there, but in another state than the client thinks
  - Gone        410  it was there, and is no longer kept
  - Stale       412  a condition of the request does not hold
  - Refused     406, 408, 413, 415: its form is not taken, or its body is too slow to come
  - Malformed   400  the request cannot be read
  - Invalid     422  it can be read but cannot be meant
  - TooMany     429  the caller asks too often, or too much at once
  - Away        503  somebody else does not answer whom we must ask

A contradiction inside a report is a finding, not an error: see `domain.rules`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: a member of the body by its JSON pointer, or a parameter by name.

    `code` says what; `values` fill its message. `line` is that of a file, `place`
    a cell of a workbook.
    """

    pointer: str | None
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    parameter: str | None = None
    line: int | None = None
    place: str | None = None


class AppError(Exception):
    """A request that is refused. `slug` names the type of problem, `values` fill its detail."""

    def __init__(
        self,
        slug: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> None:
        super().__init__(slug)
        self.slug, self.faults, self.values = slug, tuple(faults), values
        self.headers = dict(headers or {})


class Malformed(AppError):
    """The request cannot be read."""


class Unauthorized(AppError):
    """Nobody is known by these credentials, or there are none."""

    def __init__(self, slug: str, *, error: str | None = None) -> None:
        challenge = 'Bearer realm="gongkai"' + (f', error="{error}"' if error else "")
        super().__init__(slug, headers={"WWW-Authenticate": challenge})


class Forbidden(AppError):
    """The caller is known, and may not do it. `right` names what they lack."""

    def __init__(self, right: str) -> None:
        super().__init__("forbidden", right=right)


class NotFound(AppError):
    """The path names nothing."""


class Conflict(AppError):
    """What is there stands in the way."""


class Gone(AppError):
    """It was there, and is no longer kept."""


class Stale(AppError):
    """A condition of the request does not hold."""


class Refused(AppError):
    """The request's form is not taken, or its body too slow to come: 406, 408, 413 or 415."""


class Away(AppError):
    """Somebody else does not answer whom we must ask."""

    def __init__(self, seconds: int) -> None:
        super().__init__("unavailable", headers={"Retry-After": str(seconds)})


class TooMany(AppError):
    """The caller asks too often, or too much at once. `seconds` later they may ask again."""

    def __init__(self, slug: str, seconds: int, **values: Any) -> None:
        super().__init__(slug, headers={"Retry-After": str(seconds)}, seconds=seconds, **values)


class Invalid(AppError):
    """The request can be read but cannot be meant."""

    def __init__(self, faults: Sequence[Fault], slug: str = "invalid-body") -> None:
        if any(fault.code == "year-without-form" for fault in faults):
            slug = "year-without-form"
        super().__init__(slug, faults=faults, count=len(faults))
