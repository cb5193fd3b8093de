"""Callers of every kind, for tests of what each may see and do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.api import TestClient


def key_for(client: TestClient, role: str, agency: str | None = None, **more: Any) -> str:
    """Create an API key and return it."""
    body = {"name": f"{role} {agency or ''}", "role": role, "agency": agency, **more}
    made = client.post("/v1/keys", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


def bearing(key: str | None) -> dict[str, str]:
    """Return the headers of who shows a key; an empty one for nobody."""
    return {"Authorization": f"Bearer {key}"} if key is not None else {}


@contextmanager
def calling(client: TestClient, key: str | None) -> Iterator[TestClient]:
    """Let a client show another key for a while, or none."""
    before = client.headers.pop("Authorization", None)
    client.headers.update(bearing(key))
    try:
        yield client
    finally:
        client.headers.pop("Authorization", None)
        if before is not None:
            client.headers["Authorization"] = before


def as_(client: TestClient, key: str | None, method: str, path: str, **more: Any) -> Any:
    """Send one request in the name of a key."""
    with calling(client, key):
        return client.request(method, path, **more)


def step(client: TestClient, key: str | None, action: str, comment: str | None = None,
         *, code: str = "a", year: int = 2024) -> Any:  # fmt: skip
    """Take a step in the filing of a report."""
    body = {"action": action} | ({"comment": comment} if comment else {})
    return as_(client, key, "POST", f"/v1/reports/{code}/{year}/transitions", json=body)
