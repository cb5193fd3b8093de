"""Who does what a connection is used for, for the history and the audit log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import Connection

T = TypeVar("T")

_ACT = "act"
_DONE_BY = "done by"


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does. `actor` is their id, `address` where from.

    `operation` is the method and the path, or the command.
    """

    actor: str
    name: str = ""
    role: str = ""
    address: str | None = None
    request_id: str | None = None
    operation: str = ""


SYSTEM = Act("system", name="system")
"""What nobody asked for by a request: migrations, demonstrations, jobs of the service itself."""


_unasked = SYSTEM


def in_command(operation: str) -> None:
    """Let what this process does by itself bear the name of its command."""
    global _unasked  # noqa: PLW0603 - a process has one command
    _unasked = replace(SYSTEM, operation=operation)


def act_of(connection: Connection) -> Act:
    """Return what a connection is used for."""
    found: Act = connection.info.get(_ACT) or _unasked
    return found


def actor_of(connection: Connection) -> str:
    """Return the id of who uses a connection."""
    return act_of(connection).actor


def sign(connection: Connection) -> None:
    """Keep whose the work of a unit is until it is settled, when they no longer act."""
    connection.info.setdefault(_DONE_BY, act_of(connection))


def signed(connection: Connection) -> Act:
    """Return whose the work of a unit is, and forget it."""
    found: Act = connection.info.pop(_DONE_BY, None) or act_of(connection)
    return found


def by(act: Act, use: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """Return a use of a connection for what somebody does."""

    def acted(connection: Connection) -> T:
        with acting(connection, act):
            return use(connection)

    return acted


@contextmanager
def acting(connection: Connection, act: Act | None) -> Iterator[None]:
    """Use a connection for what somebody does."""
    info = connection.info  # not to be asked for once the connection is lost
    before = info.get(_ACT)
    info[_ACT] = act
    try:
        yield
    finally:
        info[_ACT] = before
