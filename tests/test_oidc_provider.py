"""Tokens of a real OpenID provider on this machine, got as a client gets them, are taken.

The provider is oidc-provider-mock, which is Authlib behind a form to log in. Its own access tokens
say nothing; here it gives those of RFC 9068, by Authlib's generator, with what its user is.
"""

import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import flask
import httpx2
import jwt
import pytest
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from joserfc.jwk import KeySet
from werkzeug.serving import make_server

from app.services.oidc.claims import TokenRefused
from app.services.oidc.tokens import Verifier
from app.settings import Settings
from tests import oidc

CLIENT, REDIRECT = "portal", "http://127.0.0.1/back"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Generator(JWTBearerTokenGenerator):  # type: ignore[misc]
    """Gives access tokens for us, with the claims of the user."""

    def get_jwks(self) -> Any:
        key = flask.g.oidc_provider_mock_storage.jwk
        return KeySet.import_key_set({"keys": [key.as_dict(is_private=True)]})

    def get_audiences(self, client: Any, user: Any, scope: str) -> list[str]:
        return [oidc.AUDIENCE]

    def get_extra_claims(self, client: Any, grant_type: str, user: Any, scope: str) -> Any:
        return dict(user.claims)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider that knows an editor and a man without a role; where it is."""
    import oidc_provider_mock as mock  # noqa: PLC0415 - it warns that it is old

    class User(mock.User):  # type: ignore[misc]
        def get_user_id(self) -> str:
            return str(self.sub)

    an_editor = {"gongkai_role": ["editor"], "gongkai_agency": "320813-sjj", "nickname": "李雷"}
    users = (User(sub="li", claims=an_editor), User(sub="wang"))
    provider = mock.app(user_claims=users)

    @provider.before_request  # type: ignore[untyped-decorator]
    def _give_tokens_of_rfc_9068() -> None:
        server = flask.g._authlib_authorization_server
        own = Generator(flask.request.host_url.rstrip("/"))
        server.register_token_generator("default", own)

    with (
        pytest.MonkeyPatch.context() as patch,
        make_server("127.0.0.1", 0, provider, threaded=True) as server,
    ):
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def logged_in(issuer: str, subject: str) -> dict[str, str]:
    """Log in at the provider, and exchange the code for tokens."""
    with httpx2.Client(base_url=issuer, trust_env=False) as browser:
        query = {
            "client_id": CLIENT, "redirect_uri": REDIRECT, "response_type": "code",
            "scope": "openid profile", "nonce": secrets.token_hex(),
        }  # fmt: skip
        form = browser.post(f"/oauth2/authorize?{urlencode(query)}", data={"sub": subject})
        code = parse_qs(urlsplit(form.headers["Location"]).query)["code"][0]
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        reply = browser.post("/oauth2/token", data=grant, auth=(CLIENT, "secret"))
        tokens: dict[str, str] = reply.raise_for_status().json()
        return tokens


@pytest.fixture(scope="module")
def of_li(issuer: str) -> dict[str, str]:
    """The tokens of an editor's login."""
    return logged_in(issuer, "li")


def settings(issuer: str, **more: Any) -> Settings:
    return oidc.settings(oidc_issuer=issuer, **more)


def test_an_access_token_of_a_login_tells_who_it_was(issuer: str, of_li: dict[str, str]) -> None:
    made = of_li["access_token"]
    verifier = Verifier(settings(issuer, oidc_name_claim="nickname"))
    found = verifier.verify(made)
    assert replace(found, expires_at=0) == replace(
        oidc.verifier().verify(oidc.token()), name="李雷", expires_at=0
    )
    said = jwt.decode(made, options={"verify_signature": False})
    assert found.expires_at == said["exp"]
    assert verifier.cached(made) == found


def test_a_login_of_nobody_in_particular_is_refused(issuer: str) -> None:
    made = logged_in(issuer, "wang")["access_token"]
    with pytest.raises(TokenRefused, match="role"):
        Verifier(settings(issuer)).verify(made)


def test_the_id_token_of_a_login_is_refused_even_by_its_audience(
    issuer: str, of_li: dict[str, str]
) -> None:
    made = of_li["id_token"]
    with pytest.raises(TokenRefused, match="audience"):
        Verifier(settings(issuer)).verify(made)
    with pytest.raises(TokenRefused, match="id-token"):
        Verifier(settings(issuer, oidc_audience=CLIENT)).verify(made)


def test_an_access_token_of_another_provider_is_refused(issuer: str, of_li: dict[str, str]) -> None:
    made = of_li["access_token"]
    with oidc.serving() as other:
        other.publish(oidc.key_set())
        with pytest.raises(TokenRefused, match="key"):
            Verifier(other.settings()).verify(made)
        other.publish(httpx2.get(f"{issuer}/jwks", trust_env=False).json())
        with pytest.raises(TokenRefused, match="issuer"):
            Verifier(other.settings()).verify(made)
