"""Headers of every reply: what browsers must not do with it, and who else may be given it."""

import base64
import hashlib
import re
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

PRIVATE = "gongkai.private"
"""The key under which the scope says that the reply depends on who calls."""

Header = tuple[bytes, bytes]
GUARD: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
DATA_POLICY: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of pages without scripts."""
_PLAIN = [*GUARD, DATA_POLICY]
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.S)
_WATCHED = frozenset({b"content-security-policy", b"cache-control", b"vary"})


def dress(scope: MutableMapping[str, Any], headers: list[Header]) -> None:
    """Add to the headers of a reply what every reply has."""
    is_private = scope.get(PRIVATE, False)
    place: dict[bytes, int] = {}
    for at, (name, _) in enumerate(headers):
        if name in _WATCHED:
            place[name] = at
    if is_private:
        _put(headers, place.get(b"cache-control"), b"cache-control", _privately)
        _put(headers, place.get(b"vary"), b"vary", _by_caller)
    headers += GUARD if b"content-security-policy" in place else _PLAIN


def _put(headers: list[Header], at: int | None, name: bytes, changed: Any) -> None:
    if at is None:
        headers.append((name, changed(b"")))
    else:
        headers[at] = (name, changed(headers[at][1]))


@lru_cache(maxsize=64)
def _privately(value: bytes) -> bytes:
    if b"no-store" in value or b"private" in value:
        return value
    return b"private, " + value if value else b"private"


@lru_cache(maxsize=64)
def _by_caller(value: bytes) -> bytes:
    return value + b", Authorization" if value else b"Authorization"


def docs_policy(page: bytes) -> str:
    """Return the policy of the docs page: its own script, told by its digest, and our files."""
    digests = (hashlib.sha256(script).digest() for script in _SCRIPT.findall(page))
    scripts = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in digests)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
