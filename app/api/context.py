"""What is known of a request beside the request: its id, and whether it asks for no body."""

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
        found = scope[_KEY] = _given(scope) or str(uuid.uuid4())
    return str(found)


def _given(scope: MutableMapping[str, Any]) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            try:
                return str(uuid.UUID(value.decode("latin-1")))
            except ValueError:
                return None
    return None
