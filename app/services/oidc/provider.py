"""What an OpenID provider publishes: where its keys are, and which they are."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jwt

from app.settings import Settings, is_provider_url

MOST = 262_144
"""How long a reply of the provider may be, in bytes."""

_KINDS = {
    **dict.fromkeys(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
_PUBLIC = ("kty", "crv", "n", "e", "x", "y")


class ProviderAway(Exception):
    """The provider does not answer, or not what one does: a token can now not be judged."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a provider, by name and algorithm; a key that bears no name has none."""

    named: Mapping[tuple[str | None, str], jwt.PyJWK]

    def find(self, name: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the key of a name. Without one: the only key there is for the algorithm."""
        if name is not None:
            return self.named.get((name, algorithm))
        fitting = [key for (_, other), key in self.named.items() if other == algorithm]
        return fitting[0] if len(fitting) == 1 else None


def asked(settings: Settings) -> Keys:
    """Ask the provider for its keys. Raises `ProviderAway`."""
    try:
        return _asked(settings)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RecursionError) as error:
        raise ProviderAway(f"{type(error).__name__}: {error}"[:300]) from error


def _asked(settings: Settings) -> Keys:
    issuer, patience = settings.oidc_issuer or "", settings.oidc_timeout
    is_local = issuer.startswith("http:")
    with httpx2.Client(
        timeout=patience, follow_redirects=False, trust_env=not is_local, headers=_HEADERS
    ) as client:
        found = _read(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration", patience)
        if found.get("issuer") != issuer:
            raise ProviderAway("names another issuer")
        address = found.get("jwks_uri")
        if not isinstance(address, str) or not _may_be_asked(address, is_local=is_local):
            raise ProviderAway("names no address for its keys that may be asked")
        return usable(_read(client, address, patience), settings.oidc_algorithms)


def _may_be_asked(address: str, *, is_local: bool) -> bool:
    return is_provider_url(address) and (is_local or urlsplit(address).scheme == "https")


def _read(client: httpx2.Client, url: str, patience: float) -> dict[str, Any]:
    """Return the JSON object at a URL, which must come within a time, and a size."""
    until = time.monotonic() + patience
    body = b""
    with client.stream("GET", url) as reply:
        if reply.status_code != 200:
            raise ProviderAway(f"answers {reply.status_code}")
        for chunk in reply.iter_raw():
            body += chunk
            if len(body) > MOST or time.monotonic() > until:
                raise ProviderAway("answers at too great length")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ProviderAway("answers no object")
    return found


def usable(published: Mapping[str, Any], algorithms: tuple[str, ...]) -> Keys:
    """Return those keys of a JWK set that tokens may be signed with.

    A key that does not say its algorithm is taken for each that fits its kind. Of two with a name
    and an algorithm in common the first counts. Raises `ProviderAway` if there are none.
    """
    listed = published.get("keys")
    found: dict[tuple[str | None, str], jwt.PyJWK] = {}
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and _is_for_signing(each):
            for algorithm in algorithms:
                key = _key(each, algorithm)
                if key is not None:
                    found.setdefault((each.get("kid"), algorithm), key)
    if not found:
        raise ProviderAway("publishes no key that is usable")
    return Keys(found)


def _is_for_signing(published: Mapping[str, Any]) -> bool:
    operations = published.get("key_ops", ["verify"])
    return (
        published.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and isinstance(published.get("kid", ""), str)
    )


def _key(published: Mapping[str, Any], algorithm: str) -> jwt.PyJWK | None:
    """Return the public key for an algorithm, if it is for that, and not too weak."""
    kind, curve = _KINDS[algorithm]
    if published.get("kty") != kind or published.get("alg", algorithm) != algorithm:
        return None
    if curve is not None and published.get("crv") != curve:
        return None
    try:
        key = jwt.PyJWK({name: published[name] for name in _PUBLIC if name in published}, algorithm)
    except Exception:  # whatever is wrong with a key, the others may be right
        return None
    return None if key.Algorithm.check_key_length(key.key) else key
