"""What is known of a request beside the request: its id, and whether it asks for no body."""

import os
import uuid
from collections.abc import MutableMapping
from typing import Any

HEAD = "gongkai.head"
"""The key under which the scope says that a GET was a HEAD: no body is wanted."""

_KEY = "gongkai.request_id"


def request_id(scope: MutableMapping[str, Any]) -> str:
    """Return the id of a request: the client's, if it is a UUID, or a new one."""
    found = scope.get(_KEY)
    if found is None:
        found = scope[_KEY] = _given(scope) or _new()
    return str(found)


def _new() -> str:
    """Return a random UUID, as `uuid.uuid4` does at four times the cost."""
    digits = os.urandom(16).hex()
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
