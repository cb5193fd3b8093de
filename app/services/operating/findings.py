"""What a look at the service finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from app.settings import Settings

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: which check, how it is, and what cures it if it is not well."""

    check: str
    status: Status
    text: str
    cure: str | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at. `deep`: all of it, however long it takes."""

    settings: Settings
    connection: Connection
    deep: bool = False


OfSettings = Callable[[Settings], Iterable[Finding]]
Check = Callable[[Patient], Iterable[Finding]]


def well(check: str, text: str) -> Finding:
    """Return what is well."""
    return Finding(check, "ok", text)


def doubtful(check: str, text: str, cure: str) -> Finding:
    """Return what works, but perhaps is not meant, or will not last."""
    return Finding(check, "warn", text, cure)


def wrong(check: str, text: str, cure: str) -> Finding:
    """Return what does not work, or must not be."""
    return Finding(check, "fail", text, cure)
