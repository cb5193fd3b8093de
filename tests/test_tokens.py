"""A token is taken if the provider signed it, for us, for now; anything else is refused alike."""

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.roles import ROLES
from app.services.oidc import recent, tokens
from app.services.oidc.claims import Claims, TokenRefused
from app.services.oidc.recent import Recent
from app.services.oidc.tokens import Verifier
from tests import oidc
from tests.builders import Clock
from tests.oidc import ALGORITHMS, AUDIENCE, ISSUER, claims, token

VERIFIER = oidc.verifier()


def refusal(made: str, verifier: Verifier = VERIFIER) -> str:
    """Return why a token is refused."""
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(made)
    assert verifier.cached(made) is None
    return refused.value.reason


# What is taken


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_tells_who_bears_it(algorithm: str) -> None:
    said = claims()
    assert VERIFIER.verify(token(said, algorithm)) == Claims(
        subject="li",
        name="li",
        role="editor",
        agency="320813-sjj",
        expires_at=said["exp"],
    )


@pytest.mark.parametrize("algorithm", ["RS512", "PS256", "ES384", "ES512"])
def test_other_algorithms_are_taken_where_they_are_set(algorithm: str) -> None:
    verifier = oidc.verifier(oidc.key_set(oidc.published(algorithm)), oidc_algorithms=(algorithm,))
    assert verifier.verify(token(algorithm=algorithm)).subject == "li"


@pytest.mark.parametrize(
    "said",
    [  # made when the test runs: they end
        lambda: claims(aud=[AUDIENCE]),
        lambda: claims(aud=["account", AUDIENCE]),
        lambda: claims(exp=time.time() + 300.5),
        lambda: claims(exp=int(time.time()) - 20),
        lambda: claims(nbf=int(time.time()) + 20, iat=int(time.time()) + 20),
        lambda: claims(nbf=..., iat=..., jti=...),
        lambda: claims(jti="x" * 300),
        lambda: claims(nonce="n", azp=AUDIENCE),
        lambda: claims(more={"deep": [1, {"a": "\ud800"}]}),
    ],
    ids=[
        "audience in a list", "one of several audiences", "a fraction of a second",
        "expired within the leeway", "not yet valid within the leeway", "no times but the last",
        "a long id of its own", "marked as an access token", "claims that nobody reads",
    ],
)  # fmt: skip
def test_such_a_token_is_taken(said: Callable[[], dict[str, Any]]) -> None:
    assert VERIFIER.verify(token(said())).subject == "li"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", ...])
def test_a_token_may_say_that_it_is_one_of_access_or_just_a_token(kind: Any) -> None:
    assert VERIFIER.verify(token(typ=kind)).role == "editor"


def test_a_token_that_keycloak_marks_may_carry_a_nonce() -> None:
    said = claims(typ="Bearer", nonce="n", azp=AUDIENCE)
    assert VERIFIER.verify(token(said, typ="JWT")).subject == "li"


def test_a_token_for_a_resource_may_carry_the_nonce_of_its_client() -> None:
    said = claims(nonce="n", azp="portal")
    assert VERIFIER.verify(token(said, typ="JWT")).subject == "li"
    assert refusal(token(said | {"aud": [AUDIENCE, "portal"]}, typ="JWT")) == "id-token"


@pytest.mark.parametrize(
    ("named", "role"),
    [
        ("reader", "reader"),
        (["reader"], "reader"),
        (["offline_access", "reader", "editor"], "editor"),
        (["editor", "reviewer"], "reviewer"),
        (["reviewer", "auditor"], "auditor"),
        (list(ROLES), "admin"),
    ],
)
def test_of_several_roles_the_strongest_that_is_known_counts(named: Any, role: str) -> None:
    assert VERIFIER.verify(token(claims(gongkai_role=named))).role == role


@pytest.mark.parametrize("role", ["reader", "auditor", "admin"])
def test_some_roles_need_no_agency(role: str) -> None:
    for agency in (..., None):
        said = claims(gongkai_role=role, gongkai_agency=agency)
        assert VERIFIER.verify(token(said)).agency is None


def test_claims_are_found_by_the_names_that_are_set() -> None:
    verifier = oidc.verifier(
        oidc_role_claim="realm_access.roles",
        oidc_agency_claim="https://gov.example.cn/agency",
        oidc_name_claim="preferred_username",
    )
    said = {
        "realm_access": {"roles": ["reviewer"]},
        "https://gov.example.cn/agency": "3208",
        "preferred_username": "李雷",
    }
    found = verifier.verify(token(claims(gongkai_role=..., gongkai_agency=..., **said)))
    assert (found.role, found.agency, found.name, found.subject) == (
        "reviewer",
        "3208",
        "李雷",
        "li",
    )
    whole = claims(**said | {"realm_access.roles": "admin"})
    assert verifier.verify(token(whole)).role == "admin"
    nameless = verifier.verify(token(claims(**said | {"preferred_username": None})))
    assert nameless.name == "li"


@pytest.mark.parametrize("nested", [None, "roles", ["roles"], {"role": "admin"}, {"roles": {}}, 1])
def test_a_path_that_leads_nowhere_leads_to_no_role(nested: Any) -> None:
    verifier = oidc.verifier(oidc_role_claim="realm_access.roles")
    assert refusal(token(claims(realm_access=nested)), verifier) == "role"


# Forgeries


@pytest.mark.parametrize("spelling", ["none", "None", "NONE", "nOnE", "", "none ", None, 0, []])
def test_a_token_that_nobody_signed_is_refused(spelling: Any) -> None:
    head, body = json.dumps({"alg": spelling, "typ": "at+jwt"}), json.dumps(claims())
    unsigned = f"{oidc.segment(head)}.{oidc.segment(body)}."
    assert refusal(unsigned) == "malformed"
    assert refusal(unsigned + "AA") == "algorithm"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_public_key_is_no_secret_to_sign_with(algorithm: str) -> None:
    jwk = json.dumps(oidc.published(algorithm)).encode()
    for secret in (oidc.public_pem(algorithm), jwk, b""):
        forged = oidc.by_hand(claims(), secret, kid=f"{algorithm}-a")
        assert refusal(forged) == "algorithm"


def test_a_key_serves_for_its_own_algorithm_only() -> None:
    assert refusal(token(algorithm="RS256", kid="EdDSA-a")) == "key"
    both = ("RS256", "PS256")
    verifier = oidc.verifier(oidc.key_set(oidc.published("RS256")), oidc_algorithms=both)
    assert refusal(token(algorithm="PS256", kid="RS256-a"), verifier) == "key"


def test_an_algorithm_that_is_not_set_is_refused_though_the_key_is_published() -> None:
    keys = oidc.key_set(oidc.published("ES384"), oidc.published("EdDSA"))
    assert refusal(token(algorithm="ES384"), oidc.verifier(keys)) == "algorithm"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_key_of_the_same_name_is_refused(algorithm: str) -> None:
    assert refusal(token(algorithm=algorithm, name="b", kid=f"{algorithm}-a")) == "signature"


@pytest.mark.parametrize(
    "name",
    [
        "EdDSA-b", "", " EdDSA-a", "eddsa-a", "../../keys/EdDSA-a", "/dev/null", "EdDSA-a\x00",
        "' OR 1=1 --", "https://evil.example/keys", "密", "x" * 3_000,
    ],
)  # fmt: skip
def test_a_key_that_is_not_known_is_refused(name: str) -> None:
    assert refusal(token(kid=name)) == "key"


@pytest.mark.parametrize("name", [None, 1, True, ["EdDSA-a"], {"a": "EdDSA-a"}])
def test_a_name_of_a_key_that_is_no_text_is_refused(name: Any) -> None:
    assert refusal(token(kid=name)) == "key"


def test_a_token_need_not_name_the_key_if_there_is_one_only() -> None:
    assert VERIFIER.verify(token(kid=...)).subject == "li"
    keys = oidc.key_set(oidc.published("EdDSA"), oidc.published("EdDSA", "b"))
    assert refusal(token(kid=...), oidc.verifier(keys)) == "key"


@pytest.mark.parametrize("header", ["jku", "x5u", "jwk", "x5c", "x5t"])
def test_where_a_token_says_its_key_is_does_not_count(header: str) -> None:
    with oidc.serving() as site:
        site.publish(oidc.key_set(oidc.published("EdDSA", "b", kid="EdDSA-a")))
        of_forger = oidc.published("EdDSA", "b", kid="EdDSA-a")
        value: Any = {"jwk": of_forger, "x5c": ["MIIB"]}.get(header, f"{site.url}/keys")
        assert refusal(token(name="b", kid="EdDSA-a", **{header: value})) == "signature"
        assert VERIFIER.verify(token(**{header: value})).subject == "li"
        assert site.asked == []


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["b64"], "b64": False},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": True},
    ],
)
def test_extensions_that_must_be_understood_are_refused(header: dict[str, Any]) -> None:
    assert refusal(token(**header)) == "critical"


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "id+jwt", "JWE", "", None, 1, ["JWT"]])
def test_tokens_of_another_kind_are_refused(kind: Any) -> None:
    assert refusal(token(typ=kind)) == "type"


@pytest.mark.parametrize("use", ["ID", "Refresh", "Offline", "Logout", "DPoP", "", 1, ["Bearer"]])
def test_tokens_for_another_use_are_refused(use: Any) -> None:
    assert refusal(token(claims(typ=use))) == "type"


@pytest.mark.parametrize("claim", ["nonce", "at_hash", "c_hash", "s_hash"])
@pytest.mark.parametrize("client", [..., AUDIENCE])
def test_an_id_token_is_refused_though_we_be_its_audience(claim: str, client: Any) -> None:
    said = claims(azp=client, **{claim: "x"})
    assert refusal(token(said, typ="JWT")) == "id-token"
    assert refusal(token(said, typ=...)) == "id-token"


def test_a_token_bound_to_a_key_of_its_bearer_is_refused_as_the_proof_is_not_asked_for() -> None:
    assert refusal(token(claims(cnf={"jkt": "x"}))) == "bound"


# Claims


NOW = int(time.time())
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("another audience", {"aud": "account"}, "audience"),
    ("other audiences", {"aud": ["account", "gongkai2"]}, "audience"),
    ("part of an audience", {"aud": "gong"}, "audience"),
    ("an audience in another case", {"aud": "Gongkai"}, "audience"),
    ("an audience in a list in a list", {"aud": [[AUDIENCE]]}, "audience"),
    ("an audience in an object", {"aud": {AUDIENCE: 1}}, "audience"),
    ("no audience", {"aud": ...}, "claim-missing"),
    ("an audience of null", {"aud": None}, "claim-missing"),
    ("an empty list of audiences", {"aud": []}, "claim-missing"),
    ("another issuer", {"iss": "https://evil.example/realms/gov"}, "issuer"),
    ("an issuer with a slash more", {"iss": f"{ISSUER}/"}, "issuer"),
    ("an issuer in another case", {"iss": ISSUER.upper()}, "issuer"),
    ("an issuer in a list", {"iss": [ISSUER]}, "issuer"),
    ("no issuer", {"iss": ...}, "claim-missing"),
    ("expired", {"exp": NOW - 31}, "expired"),
    ("expired in 1970", {"exp": 0}, "expired"),
    ("no end", {"exp": ...}, "claim-missing"),
    ("an end of null", {"exp": None}, "claim-missing"),
    ("an end in a text", {"exp": str(NOW + 3_000)}, "time"),
    ("an end that is true", {"exp": True}, "expired"),
    ("an end in a list", {"exp": [NOW + 3_000]}, "malformed"),
    ("an end beyond all calendars", {"exp": 10**300}, "time"),
    ("not yet valid", {"nbf": NOW + 600}, "not-yet-valid"),
    ("valid from a text", {"nbf": str(NOW)}, "time"),
    ("valid from true", {"nbf": True}, "time"),
    ("valid from null", {"nbf": None}, "malformed"),
    ("issued in the future", {"iat": NOW + 600}, "not-yet-valid"),
    ("issued at a text", {"iat": str(NOW)}, "time"),
    ("issued in an object", {"iat": {}}, "malformed"),
    ("no subject", {"sub": ...}, "claim-missing"),
    ("an empty subject", {"sub": ""}, "subject"),
    ("a blank subject", {"sub": "  "}, "subject"),
    ("a subject that is a number", {"sub": 7}, "malformed"),
    ("a subject of two lines", {"sub": "li\nadmin"}, "subject"),
    ("half a character as subject", {"sub": "\ud800"}, "subject"),
    ("a long subject", {"sub": "x" * 256}, "subject"),
    ("an id of null", {"jti": None}, "malformed"),
    ("an id that is a number", {"jti": 7}, "malformed"),
    ("no role", {"gongkai_role": ...}, "role"),
    ("a role of null", {"gongkai_role": None}, "role"),
    ("no role of ours", {"gongkai_role": ["offline_access", "user"]}, "role"),
    ("no roles", {"gongkai_role": []}, "role"),
    ("a role in another case", {"gongkai_role": "Admin"}, "role"),
    ("a role with a space", {"gongkai_role": "admin "}, "role"),
    ("two roles in a text", {"gongkai_role": "editor admin"}, "role"),
    ("a role among other things", {"gongkai_role": ["admin", 1]}, "role"),
    ("a role in a list in a list", {"gongkai_role": [["admin"]]}, "role"),
    ("a role as a name", {"gongkai_role": {"admin": True}}, "role"),
    ("a role that is true", {"gongkai_role": True}, "role"),
    ("an editor of no agency", {"gongkai_agency": ...}, "agency"),
    ("an editor of the agency null", {"gongkai_agency": None}, "agency"),
    ("an editor of agencies", {"gongkai_agency": ["320813-sjj"]}, "agency"),
    ("an editor of an agency that is a number", {"gongkai_agency": 3208}, "agency"),
    ("an editor of no code", {"gongkai_agency": "../320813"}, "agency"),
    ("an editor of a code and a line", {"gongkai_agency": "3208\n"}, "agency"),
    ("a reviewer of none", {"gongkai_role": "reviewer", "gongkai_agency": ...}, "agency"),
    ("an admin of no code", {"gongkai_role": "admin", "gongkai_agency": ""}, "agency"),
]


@pytest.mark.parametrize(
    ("changes", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_token_that_says_this_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert refusal(token(claims(**changes))) == reason


@pytest.mark.parametrize("name", ["", "\x1b[2J", "x" * 256, 1, ["li"]])
def test_a_name_that_cannot_be_shown_is_refused(name: Any) -> None:
    verifier = oidc.verifier(oidc_name_claim="name")
    assert refusal(token(claims(name=name)), verifier) == "name"


# What is no token


HEAD = json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": "EdDSA-a"})
BODY = json.dumps(claims())
NO_TOKEN: list[tuple[str, Callable[[], str]]] = [
    ("nothing", lambda: ""),
    ("a word", lambda: "token"),
    ("an API key", lambda: "gk_0123456789abcdef"),
    ("dots", lambda: ".."),
    ("two parts", lambda: token().rpartition(".")[0]),
    ("four parts", lambda: f"{token()}.x"),
    ("an encrypted token", lambda: f"{token()}.AAAA.AAAA"),
    ("a space before", lambda: f" {token()}"),
    ("a line after", lambda: f"{token()}\n"),
    ("padding", lambda: f"{token()}=="),
    ("the other alphabet", lambda: token().replace(".", "+.", 1)),
    ("Chinese", lambda: f"密{token()}"),
    ("half a character", lambda: f"\ud800{token()}"),
    ("a header that is no JSON", lambda: oidc.signed("alg: EdDSA", BODY)),
    ("a header that is a list", lambda: oidc.signed(f"[{HEAD}]", BODY)),
    ("a header in GBK", lambda: f"{oidc.segment('密'.encode('gbk'))}.e30.AA"),
    ("a payload that is no JSON", lambda: token("sub: li")),
    ("a payload that is a list", lambda: token(f"[{BODY}]")),
    ("a payload in UTF-16", lambda: token_of(BODY.encode("utf-16"))),
    ("a payload with a mark of its bytes' order", lambda: token(f"\ufeff{BODY}")),
    ("the algorithm twice", lambda: oidc.signed('{"alg":"none",' + HEAD[1:], BODY)),
    ("the subject twice", lambda: token('{"sub":"wang",' + BODY[1:])),
    ("a claim twice within another", lambda: token('{"a":{"b":1,"b":1},' + BODY[1:])),
    ("a number that is none", lambda: token('{"a":NaN,' + BODY[1:])),
    ("an end that is infinite", lambda: token(json.dumps(claims(exp=float("inf"))))),
    ("an end that overflows", lambda: token(BODY.replace('"exp": ', '"exp": 1e400, "x": '))),
    ("a number of 5,000 digits", lambda: token('{"a":%s,' % ("9" * 5_000) + BODY[1:])),
    ("deep lists", lambda: token('{"a":' + "[" * 5_000 + BODY[1:])),
]


def token_of(body: bytes) -> str:
    """Sign a payload of bytes."""
    return jwt.api_jws.encode(
        body, oidc.private_key("EdDSA", "a"), "EdDSA", {"typ": "at+jwt", "kid": "EdDSA-a"}
    )


@pytest.mark.parametrize("made", [row[1] for row in NO_TOKEN], ids=[row[0] for row in NO_TOKEN])
def test_what_is_no_token_is_refused(made: Callable[[], str]) -> None:
    assert refusal(made()) == "malformed"


def test_a_token_of_more_than_eight_kibibytes_is_refused_unread() -> None:
    spare = (tokens.MOST - len(token(claims(pad="")))) * 3 // 4
    assert len(token(claims(pad="x" * spare))) in range(tokens.MOST - 2, tokens.MOST + 1)
    assert VERIFIER.verify(token(claims(pad="x" * spare))).subject == "li"
    assert refusal(token(claims(pad="x" * (spare + 4)))) == "too-long"
    assert refusal("." * 1_000_000) == "too-long"


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_token_of_which_any_character_is_changed_is_refused(data: st.DataObject) -> None:
    made = token()
    at = data.draw(st.integers(0, len(made) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda found: found != made[at]))
    refusal(made[:at] + other + made[at + 1 :])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from([ISSUER, AUDIENCE, *ROLES, "EdDSA", "at+jwt", "EdDSA-a", NOW + 3_000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)  # fmt: skip
NAMES = ["iss", "aud", "sub", "exp", "iat", "nbf", "jti", "typ", "azp", "nonce", "cnf"]
CLAIMS = st.sampled_from([*NAMES, "gongkai_role", "gongkai_agency"])


@settings(max_examples=150, deadline=None)
@given(
    header=st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64"]), JSON, max_size=1),
    said=st.dictionaries(CLAIMS, JSON, max_size=2),
)
def test_whatever_a_signed_token_says_it_is_taken_for_a_role_or_refused(
    header: dict[str, Any], said: dict[str, Any]
) -> None:
    head = json.dumps({**json.loads(HEAD), **header})
    with contextlib.suppress(TokenRefused):
        found = VERIFIER.verify(oidc.signed(head, json.dumps({**claims(), **said})))
        assert found.role in ROLES
        assert found.agency or found.role in {"reader", "auditor", "admin"}


@settings(max_examples=100, deadline=None)
@given(text=st.text() | st.from_regex(r"[\w-]+\.[\w-]*\.[\w-]*", fullmatch=True))
def test_any_text_is_refused(text: str) -> None:
    refusal(text)


# What is remembered


def an_hour(**changes: Any) -> Claims:
    """Return claims that hold for an hour of a clock that stands at 1000."""
    values = {"subject": "li", "name": "li", "role": "reader", "agency": None}
    return Claims(**{**values, "expires_at": 4_600, **changes})


def test_a_token_that_was_verified_is_known_for_five_seconds() -> None:
    clock, made = Clock(), token()
    verifier = oidc.verifier(clock=clock)
    assert verifier.cached(made) is None
    found = verifier.verify(made)
    clock.now += 4.9
    assert verifier.cached(made) == found
    assert verifier.cached(token(claims(sub="wang"))) is None
    clock.now += 0.2
    assert verifier.cached(made) is None


def test_a_token_is_not_known_beyond_its_end() -> None:
    clock, wall = Clock(), Clock()
    kept = Recent(clock=clock, wall=wall)
    kept.put("t", an_hour(expires_at=1_002))
    wall.now = 1_001.9
    assert kept.get("t") is not None
    wall.now = 1_002
    assert kept.get("t") is None


def test_the_clock_of_the_wall_set_back_does_not_make_a_token_known_for_longer() -> None:
    clock, wall = Clock(), Clock()
    kept = Recent(clock=clock, wall=wall)
    kept.put("t", an_hour())
    clock.now, wall.now = 1_005, 500
    assert kept.get("t") is None


def test_the_tokens_longest_unused_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST", 3)
    kept = Recent(clock=Clock(), wall=Clock())
    for each in "abc":
        kept.put(each, an_hour(subject=each))
    assert kept.get("a")
    kept.put("d", an_hour())
    assert [each for each in "abcd" if kept.get(each)] == ["a", "c", "d"]


def test_there_is_no_verifier_without_a_provider() -> None:
    with pytest.raises(ValueError, match="no OpenID provider is set"):
        Verifier(oidc.settings(oidc_issuer=None, oidc_audience=None))
