"""The provider's keys: found, kept, followed when they change; and what if it is away."""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from app.services.oidc import keys as ring
from app.services.oidc import provider
from app.services.oidc.bearers import Bearers
from app.services.oidc.claims import TokenRefused
from app.services.oidc.keys import KeyRing
from app.services.oidc.provider import Keys, ProviderAway, asked, usable
from app.services.oidc.tokens import Verifier
from tests import oidc
from tests.builders import Clock
from tests.oidc import ALGORITHMS, Site, claims, key_set, published

DISCOVERY = "/.well-known/openid-configuration"
FRESH, LONGEST = 300.0, 3_600.0


class Source:
    """Where keys come from: by their names, or None while it is away."""

    def __init__(self, *names: str) -> None:
        self.names: tuple[str, ...] | None = names
        self.times = 0

    def __call__(self) -> Keys:
        self.times += 1
        if self.names is None:
            raise ProviderAway("away")
        return usable(key_set(*(published("EdDSA", name) for name in self.names)), ALGORITHMS)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> Source:
    return Source("a")


@pytest.fixture
def held(clock: Clock, source: Source) -> KeyRing:
    """The keys of the source, once they were asked for."""
    found = KeyRing(source, fresh=FRESH, longest=LONGEST, patience=5, clock=clock)
    assert found.find("EdDSA-a", "EdDSA")
    return found


# When they are asked for


def test_keys_are_asked_for_once_while_they_are_fresh(
    held: KeyRing, source: Source, clock: Clock
) -> None:
    clock.now += FRESH
    assert held.find("EdDSA-a", "EdDSA")
    assert source.times == 1
    clock.now += 1
    assert held.find("EdDSA-a", "EdDSA")
    assert source.times == 2


def test_a_key_that_came_since_is_asked_for_when_a_token_names_it(
    held: KeyRing, source: Source, clock: Clock
) -> None:
    source.names = ("a", "b")
    clock.now += ring.COOL_DOWN
    assert held.find("EdDSA-b", "EdDSA")
    assert held.find("EdDSA-a", "EdDSA")
    assert source.times == 2


def test_a_key_that_went_is_no_longer_found(held: KeyRing, source: Source, clock: Clock) -> None:
    source.names = ("b",)
    clock.now += FRESH + 1
    assert held.find("EdDSA-a", "EdDSA") is None
    assert held.find("EdDSA-b", "EdDSA")


def test_names_made_up_do_not_have_the_provider_asked_more_than_once_in_a_while(
    held: KeyRing, source: Source, clock: Clock
) -> None:
    clock.now += ring.COOL_DOWN
    for each in range(200):
        clock.now += 0.1
        assert held.find(f"forged-{each}", "EdDSA") is None
    assert source.times == 2
    clock.now += ring.COOL_DOWN
    assert held.find("forged", "EdDSA") is None
    assert source.times == 3


def test_of_many_threads_one_asks_and_the_others_wait(clock: Clock) -> None:
    source, at_door, door = Source("a"), threading.Barrier(9), threading.Event()

    def slow() -> Keys:
        door.wait(5)
        return source()

    held = KeyRing(slow, fresh=FRESH, longest=LONGEST, patience=5, clock=clock)

    def find() -> bool:
        at_door.wait(5)
        return held.find("EdDSA-a", "EdDSA") is not None

    with ThreadPoolExecutor(8) as threads:
        found = [threads.submit(find) for _ in range(8)]
        at_door.wait(5)
        door.set()
        assert all(each.result(5) for each in found)
    assert source.times == 1


@contextmanager
def being_asked(clock: Clock, patience: float) -> Iterator[tuple[KeyRing, Future[Any]]]:
    """Keys that are old, and what a thread finds that asks for them while the context lasts."""
    source, asking, door = Source("a"), threading.Event(), threading.Event()
    door.set()

    def slow() -> Keys:
        asking.set()
        door.wait(5)
        return source()

    held = KeyRing(slow, fresh=FRESH, longest=LONGEST, patience=patience, clock=clock)
    assert held.find("EdDSA-a", "EdDSA")
    clock.now += FRESH + 1
    asking.clear()
    door.clear()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(held.find, "EdDSA-a", "EdDSA")
        assert asking.wait(5)
        yield held, first
        door.set()
        assert first.result(5)


def test_who_has_a_key_does_not_wait_for_one_who_asks(clock: Clock) -> None:
    with being_asked(clock, patience=20) as (held, first):
        assert held.find("EdDSA-a", "EdDSA")
        assert not first.done()


def test_who_has_no_key_does_not_wait_for_ever(clock: Clock) -> None:
    with (
        being_asked(clock, patience=0.01) as (held, _),
        pytest.raises(ProviderAway, match="slow"),
    ):
        held.find("EdDSA-b", "EdDSA")


# While the provider is away


def test_keys_that_are_known_go_on_being_used_until_they_are_too_old(
    held: KeyRing, source: Source, clock: Clock
) -> None:
    source.names = None
    clock.now += LONGEST
    assert held.find("EdDSA-a", "EdDSA")
    clock.now += 1
    with pytest.raises(ProviderAway):
        held.find("EdDSA-a", "EdDSA")
    source.names = ("a",)
    clock.now += ring.COOL_DOWN
    assert held.find("EdDSA-a", "EdDSA")


def test_a_provider_that_is_away_is_left_alone_for_a_while(
    held: KeyRing, source: Source, clock: Clock
) -> None:
    source.names = None
    clock.now += FRESH + 1
    for _ in range(50):
        clock.now += 0.5
        assert held.find("EdDSA-a", "EdDSA")
    assert source.times == 2


def test_a_key_that_is_not_known_cannot_be_judged(
    held: KeyRing, source: Source, clock: Clock
) -> None:
    source.names = None
    clock.now += ring.COOL_DOWN
    for _ in range(3):
        with pytest.raises(ProviderAway):
            held.find("EdDSA-b", "EdDSA")
    assert source.times == 2
    source.names = ("a",)
    clock.now += ring.COOL_DOWN
    assert held.find("EdDSA-b", "EdDSA") is None


def test_without_any_key_the_provider_is_soon_asked_again(clock: Clock, source: Source) -> None:
    source.names = None
    held = KeyRing(source, fresh=FRESH, longest=LONGEST, patience=5, clock=clock)
    for _ in range(3):
        with pytest.raises(ProviderAway):
            held.find("EdDSA-a", "EdDSA")
    assert source.times == 1
    source.names = ("a",)
    clock.now += ring.RETRY
    assert held.find("EdDSA-a", "EdDSA")


# Which of them are taken


def test_keys_that_are_not_for_our_signatures_are_left_out() -> None:
    good = published("EdDSA")
    bad: list[Any] = [
        published("EdDSA", "b", use="enc"),
        published("EdDSA", "c", key_ops=["sign"]),
        published("EdDSA", "d", key_ops="verify"),
        published("EdDSA", "e", alg="ES256"),
        published("EdDSA", "f", kid=7),
        published("EdDSA", "g", x="AA"),
        published("EdDSA", "h", x=7),
        published("EdDSA", "i", crv="Ed448"),
        published("ES384", alg=None),
        published("RS256", "weak"),
        published("RS256", "b", n=None),
        published("RS256", "c", e="AA"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct", "alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct2", "alg": "EdDSA"},
        {},
        "EdDSA-a",
        None,
    ]
    found = usable({"keys": [*bad, good]}, ALGORITHMS)
    assert list(found.named) == [("EdDSA-a", "EdDSA")]


def test_a_key_that_does_not_say_its_algorithm_is_taken_for_those_that_fit() -> None:
    keys = key_set(published("RS256", alg=None, use=None))
    found = usable(keys, ("RS256", "PS512", "EdDSA"))
    assert set(found.named) == {("RS256-a", "RS256"), ("RS256-a", "PS512")}


def test_of_two_keys_of_a_name_the_first_counts() -> None:
    keys = key_set(published("EdDSA"), published("EdDSA", "b", kid="EdDSA-a"))
    assert oidc.verifier(keys).verify(oidc.token()).subject == "li"


def test_a_private_key_that_is_published_is_used_as_a_public_one() -> None:
    keys = key_set(published("EdDSA", d=oidc.segment(b"x" * 32)))
    assert oidc.verifier(keys).verify(oidc.token()).subject == "li"


@pytest.mark.parametrize(
    "body", [{}, {"keys": []}, {"keys": None}, {"keys": {}}, {"keys": [{}]}, {"keys": "x"}]
)
def test_without_a_key_that_serves_a_provider_counts_as_away(body: dict[str, Any]) -> None:
    with pytest.raises(ProviderAway, match="no key"):
        usable(body, ALGORITHMS)


# Over a network


@pytest.fixture
def site() -> Iterator[Site]:
    """A provider on this machine."""
    with oidc.serving() as found:
        found.publish(key_set())
        yield found


def test_keys_are_found_by_what_the_provider_says_of_itself(site: Site) -> None:
    verifier = Verifier(site.settings())
    for algorithm in ALGORITHMS:
        made = oidc.token(claims(iss=site.url), algorithm)
        assert verifier.verify(made).subject == "li"
    assert site.asked == [DISCOVERY, "/keys"]


def test_an_issuer_below_a_path_is_asked_there(site: Site) -> None:
    issuer = f"{site.url}/realms/gov/"
    site.put(f"/realms/gov{DISCOVERY}", {"issuer": issuer, "jwks_uri": f"{site.url}/keys"})
    assert asked(oidc.settings(oidc_issuer=issuer)).find("EdDSA-a", "EdDSA")


def test_keys_that_are_rotated_are_followed(site: Site) -> None:
    clock = Clock()
    verifier = Verifier(site.settings(), clock=clock)
    old, new = (
        oidc.token(claims(iss=site.url), name=name, kid=f"EdDSA-{name}") for name in ("a", "b")
    )
    assert verifier.verify(old)
    with pytest.raises(TokenRefused):
        verifier.verify(new)
    site.publish(key_set(published("EdDSA", "b")))
    clock.now += ring.COOL_DOWN
    assert verifier.verify(new)
    with pytest.raises(TokenRefused, match="key"):
        verifier.verify(old)


def test_tokens_are_taken_while_the_provider_is_away_if_its_keys_are_known() -> None:
    clock = Clock()
    with oidc.serving() as site:
        site.publish(key_set())
        verifier = Verifier(site.settings(), clock=clock)
        made = oidc.token(claims(iss=site.url))
        assert verifier.verify(made)
    clock.now += 14_000
    assert verifier.verify(made)
    with pytest.raises(ProviderAway):
        verifier.verify(oidc.token(claims(iss=site.url), kid="other"))
    clock.now += 1_000
    with pytest.raises(ProviderAway):
        verifier.verify(made)
    with pytest.raises(ProviderAway):
        Verifier(site.settings()).verify(made)


def elsewhere(site: Site, url: str) -> None:
    site.put(DISCOVERY, {"issuer": site.url, "jwks_uri": url})


def long_reply() -> bytes:
    return json.dumps(key_set()).encode() + b" " * provider.MOST


WRONG: list[tuple[str, Callable[[Site], None]]] = [
    ("nothing there", lambda site: site.replies.clear()),
    ("an error", lambda site: site.put("/keys", key_set(), 500)),
    ("another issuer", lambda site: site.put(DISCOVERY, {"issuer": f"{site.url}/"})),
    ("no issuer", lambda site: site.put(DISCOVERY, {"jwks_uri": f"{site.url}/keys"})),
    ("no address of keys", lambda site: site.put(DISCOVERY, {"issuer": site.url})),
    ("an address in a list", lambda site: elsewhere(site, [f"{site.url}/keys"])),  # type: ignore[arg-type]
    ("an address on another machine, not secured", lambda site: elsewhere(site, "http://a.cn/k")),
    ("a file", lambda site: elsewhere(site, "file:///etc/passwd")),
    ("an address with a user", lambda site: elsewhere(site, "https://a@127.0.0.1/keys")),
    ("no JSON", lambda site: site.put("/keys", b"<html>")),
    ("no UTF-8", lambda site: site.put("/keys", b"\xff\xfe\xff")),
    ("deep JSON", lambda site: site.put("/keys", b"[" * 100_000)),
    ("a list", lambda site: site.put("/keys", [key_set()])),
    ("too much", lambda site: site.put("/keys", long_reply())),
    (
        "less than it said",
        lambda site: site.put("/keys", key_set(), headers={"Content-Length": "9999"}),
    ),
    (
        "gzip",
        lambda site: site.put("/keys", b"\x1f\x8b\x08\0", headers={"Content-Encoding": "gzip"}),
    ),
]


@pytest.mark.parametrize("change", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_provider_that_answers_wrongly_counts_as_away(
    site: Site, change: Callable[[Site], None]
) -> None:
    change(site)
    with pytest.raises(ProviderAway):
        asked(site.settings())


@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_provider_is_not_followed_elsewhere(site: Site, path: str, status: int) -> None:
    with oidc.serving() as other:
        other.publish(key_set())
        site.put(path, {}, status, {"Location": f"{other.url}{path}"})
        with pytest.raises(ProviderAway, match=str(status)):
            asked(site.settings())
        assert other.asked == []


def test_a_secured_issuer_has_its_keys_at_a_secured_address() -> None:
    assert not provider._may_be_asked("http://127.0.0.1/keys", is_local=False)
    assert provider._may_be_asked("https://keys.example.cn/keys", is_local=False)
    assert provider._may_be_asked("http://127.0.0.1/keys", is_local=True)
    assert not provider._may_be_asked("http://keys.example.cn/keys", is_local=True)
    assert not provider._may_be_asked("file:///etc/passwd", is_local=True)


def test_a_provider_that_does_not_answer_is_not_waited_for_beyond_the_timeout(site: Site) -> None:
    site.gate.clear()
    start = time.monotonic()
    with pytest.raises(ProviderAway, match="Timeout"):
        asked(oidc.settings(oidc_issuer=site.url, oidc_timeout=0.2))
    assert time.monotonic() - start < 2


def test_tokens_that_wait_for_the_provider_keep_nothing_else_waiting(site: Site) -> None:
    async def waited() -> None:
        bearers = Bearers(site.settings())
        asking = [bearers.claims(f"{oidc.token()}{number}") for number in range(40)]
        tokens = asyncio.gather(*asking, return_exceptions=True)
        await asyncio.sleep(0)  # all of them have their turn
        await asyncio.wait_for(asyncio.to_thread(str), 1)
        site.gate.set()
        await tokens

    site.gate.clear()
    asyncio.run(waited())


def test_what_came_too_slowly_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    passing = itertools.count(step=10)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(passing)))
    with pytest.raises(ProviderAway, match="too great length"):
        asked(site.settings())


def test_no_proxy_stands_between_this_machine_and_itself(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert asked(site.settings()).find("EdDSA-a", "EdDSA")
