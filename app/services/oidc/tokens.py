"""Verifying access tokens: RFC 7519 and 9068, as strictly as RFC 8725 advises."""

import base64
import json
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import jwt

from app.services.oidc import provider
from app.services.oidc.claims import Claims, TokenRefused, understood
from app.services.oidc.keys import Clock, KeyRing
from app.services.oidc.provider import Keys
from app.services.oidc.recent import Recent
from app.settings import Settings

MOST = 8_192
"""How long a token may be, in characters."""

_SHAPE = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_KINDS = frozenset({"jwt", "at+jwt"})
_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.InvalidSignatureError: "signature",
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not-yet-valid",
    jwt.InvalidAudienceError: "audience",
    jwt.InvalidIssuerError: "issuer",
    jwt.MissingRequiredClaimError: "claim-missing",
}


class Verifier:
    """Tells who bears a token of the provider that the settings name. Safe for threads."""

    def __init__(
        self,
        settings: Settings,
        ask: Callable[[], Keys] | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        if settings.oidc_issuer is None or settings.oidc_audience is None:
            raise ValueError("no OpenID provider is set")
        self._settings = settings
        self._recent = Recent(clock=clock)
        self._keys = KeyRing(
            ask or partial(provider.asked, settings),
            fresh=settings.oidc_keys_seconds,
            longest=settings.oidc_keys_longest,
            patience=2 * settings.oidc_timeout,
            clock=clock,
        )

    def cached(self, token: str) -> Claims | None:
        """Return what a token says if `verify` found it valid within the last 5 seconds.

        Quick: it may be called in the event loop.
        """
        return self._recent.get(token) if len(token) <= MOST else None

    def verify(self, token: str) -> Claims:
        """Return what a token says. Raises `TokenRefused`, or `ProviderAway`.

        May ask the provider for its keys: call it on a thread.
        """
        if len(token) > MOST:
            raise TokenRefused("too-long")
        if not _SHAPE.fullmatch(token):
            raise TokenRefused("malformed")
        kind, name, algorithm = self._header(token)
        key = self._keys.find(name, algorithm)
        if key is None:
            raise TokenRefused("key")
        claims = understood(self._payload(token, key, algorithm), kind, self._settings)
        self._recent.put(token, claims)
        return claims

    def _header(self, token: str) -> tuple[str, str | None, str]:
        """Return kind, name of the key, and algorithm. Where a header says keys are is ignored."""
        header = _object(_bytes(token.partition(".")[0]))
        algorithm, name = header.get("alg"), header.get("kid")
        if algorithm not in self._settings.oidc_algorithms:
            raise TokenRefused("algorithm")
        if "crit" in header or "b64" in header:
            raise TokenRefused("critical")
        if "kid" in header and not isinstance(name, str):
            raise TokenRefused("key")
        kind = header.get("typ", "JWT")
        kind = kind.lower().removeprefix("application/") if isinstance(kind, str) else ""
        if kind not in _KINDS:
            raise TokenRefused("type")
        return kind, name, algorithm

    def _payload(self, token: str, key: jwt.PyJWK, algorithm: str) -> dict[str, Any]:
        settings = self._settings
        try:
            return _STRICT.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=settings.oidc_audience,
                issuer=settings.oidc_issuer,
                leeway=settings.oidc_leeway,
            )
        except jwt.PyJWTError as error:
            raise TokenRefused(_REASONS.get(type(error), "malformed")) from error


class _Strict(jwt.PyJWT):
    """Reads payloads in which no claim stands twice."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        return _object(decoded["payload"])


_STRICT = _Strict({"require": ["iss", "aud", "exp", "sub"], "enforce_minimum_key_length": True})


def _bytes(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise TokenRefused("malformed") from None


def _object(text: bytes) -> dict[str, Any]:
    """Read a JSON object that has no member twice, and none that JSON does not know."""
    try:
        read = json.loads(
            text.decode("utf-8"), object_pairs_hook=_members, parse_constant=_constant
        )
    except (ValueError, RecursionError):
        raise TokenRefused("malformed") from None
    if not isinstance(read, dict):
        raise TokenRefused("malformed")
    return read


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _constant(name: str) -> NoReturn:
    raise ValueError(name)
