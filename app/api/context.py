"""What is read of a request's scope: its id, its headers, and whether it asks for no body."""

import os
import uuid
from collections.abc import Iterator, MutableMapping
from typing import Any

from starlette.requests import Request

HEAD = "gongkai.head"
"""The key under which the scope says that a GET was a HEAD: no body is wanted."""

ARRIVED = "gongkai.arrived"
"""The key that the scope has if all of the body was there when the request was."""

_KEY = "gongkai.request_id"
_AT_ONCE = 256
_random: Iterator[str] = iter(())


def root_of(scope: MutableMapping[str, Any]) -> str:
    """Return the path under which a proxy shows the service, without a slash at its end.

    Within a folder of files the scope's `root_path` is that of the folder.
    """
    found: str = scope.get("app_root_path", scope.get("root_path", ""))
    return found


def path_of(scope: MutableMapping[str, Any]) -> str:
    """Return the path of a request, below the one under which a proxy shows the service."""
    return str(scope["path"]).removeprefix(root_of(scope))


def header(request: Request, name: bytes) -> str | None:
    """Return a header's value, of which `name` is in lower case; that of several lines is a list.

    None if there is none.
    """
    found = [value for key, value in request.scope["headers"] if key == name]
    return b",".join(found).decode("latin-1") if found else None


def request_id(scope: MutableMapping[str, Any]) -> str:
    """Return the id of a request: the client's, if it is a UUID, or a new one."""
    found = scope.get(_KEY)
    if found is None:
        found = scope[_KEY] = _given(scope) or _new()
    return str(found)


def _new() -> str:
    """Return a random UUID. `uuid.uuid4` asks the kernel for each: a twentieth of a read."""
    global _random  # noqa: PLW0603 - some for later
    try:
        digits = next(_random)
    except StopIteration:
        _random = iter(os.urandom(16 * _AT_ONCE).hex(" ", 16).split())
        digits = next(_random)
    variant = "89ab"[int(digits[16], 16) & 3]
    parts = (digits[:8], digits[8:12], f"4{digits[13:16]}", variant + digits[17:20], digits[20:])
    return "-".join(parts)


def _given(scope: MutableMapping[str, Any]) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            try:
                return str(uuid.UUID(value.decode("latin-1")))
            except ValueError:
                return None
    return None
