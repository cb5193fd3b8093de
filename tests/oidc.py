"""A made OpenID provider: its keys, tokens as it signs them, and a server that publishes both."""

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from app.services.oidc.provider import Keys, usable
from app.services.oidc.tokens import Verifier
from app.settings import Settings
from tests.builders import Clock

ISSUER = "https://sso.example.cn/realms/gov"
AUDIENCE = "gongkai"
ALGORITHMS = ("RS256", "ES256", "EdDSA")


@cache
def private_key(algorithm: str, name: str) -> Any:
    """Return a private key for an algorithm: for one name always the same."""
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("ES"):
        curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
        return ec.generate_private_key(curves[algorithm])
    return rsa.generate_private_key(65_537, 1_024 if name == "weak" else 2_048)


def published(algorithm: str, name: str = "a", **members: Any) -> dict[str, Any]:
    """Return the JWK of the public key of `private_key`; a member of None is left out."""
    public = private_key(algorithm, name).public_key()
    found = get_default_algorithms()[algorithm].to_jwk(public, as_dict=True)
    said = {"kid": f"{algorithm}-{name}", "use": "sig", "alg": algorithm} | members
    return {name: value for name, value in {**found, **said}.items() if value is not None}


def key_set(*keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JWK set: of one key for each algorithm, unless others are given."""
    return {"keys": [*keys] or [published(algorithm) for algorithm in ALGORITHMS]}


def claims(**changes: Any) -> dict[str, Any]:
    """Return what a token of an editor says, with changes; `...` takes a claim away."""
    now = int(time.time())
    said = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "li", "exp": now + 3_000, "iat": now, "nbf": now,
        "jti": "t-1", "gongkai_role": "editor", "gongkai_agency": "320813-sjj",
    } | changes  # fmt: skip
    return {name: value for name, value in said.items() if value is not ...}


def token(
    said: Mapping[str, Any] | str | None = None,
    algorithm: str = "EdDSA",
    name: str = "a",
    **header: Any,
) -> str:
    """Sign claims, or a text in their place, as the provider does; `...` takes a header away."""
    head = {"alg": algorithm, "typ": "at+jwt", "kid": f"{algorithm}-{name}"} | header
    head = {each: value for each, value in head.items() if value is not ...}
    body = said if isinstance(said, str) else json.dumps(claims() if said is None else said)
    return signed(json.dumps(head), body, algorithm, name)


def signed(head: str, body: str, algorithm: str = "EdDSA", name: str = "a") -> str:
    """Sign a header and a payload just as they are."""
    text = f"{segment(head)}.{segment(body)}"
    signer = get_default_algorithms()[algorithm]
    return f"{text}.{segment(signer.sign(text.encode(), private_key(algorithm, name)))}"


def segment(value: str | bytes) -> str:
    """Return a segment of a token."""
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def settings(**more: Any) -> Settings:
    """Return settings that name the provider."""
    values = {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE} | more
    return Settings(_env_file=None, **values)


def verifier(
    keys: Mapping[str, Any] | None = None, clock: Clock | None = None, **more: Any
) -> Verifier:
    """Return a verifier that has keys without asking for them over a network."""
    named = settings(**more)
    found: Keys = usable(keys or key_set(), named.oidc_algorithms)
    return Verifier(named, lambda: found, clock or Clock())


@dataclass(slots=True)
class Site:
    """A server on this machine: what it answers at each path, and which paths it was asked for."""

    url: str = ""
    replies: dict[str, tuple[int, bytes, dict[str, str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    """Nothing is answered before it is set."""

    def put(
        self, path: str, body: Any, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        """Answer JSON, or bytes, at a path."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.replies[path] = (status, content, headers or {})

    def publish(self, keys: Mapping[str, Any]) -> None:
        """Be a provider with these keys."""
        discovery = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.put("/.well-known/openid-configuration", discovery)
        self.put("/keys", keys)

    def settings(self, **more: Any) -> Settings:
        """Return settings that name this provider."""
        return settings(oidc_issuer=self.url, oidc_timeout=2, **more)


@contextmanager
def serving() -> Iterator[Site]:
    """Serve a site while the context lasts."""
    site = Site()
    site.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            site.gate.wait(5)
            status, body, headers = site.replies.get(self.path, (404, b"", {}))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of a client that did not read to the end."""

    with Server(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            site.gate.set()
            server.shutdown()
            thread.join()


def public_pem(algorithm: str, name: str = "a") -> bytes:
    """Return a public key as it is often published."""
    public = private_key(algorithm, name).public_key()
    return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def by_hand(said: Mapping[str, Any], key: bytes, **header: Any) -> str:
    """Sign claims with HMAC-SHA-256, as a forger does who has but the public key."""
    head = {"alg": "HS256", "typ": "at+jwt", **header}
    text = f"{segment(json.dumps(head))}.{segment(json.dumps(said))}"
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{text}.{segment(signer.sign(text.encode(), key))}"
