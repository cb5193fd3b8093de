"""Limits over HTTP: how often, how much at once, how slowly; and what replies say of it."""

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from app.api.limits import LEAVE, Limits, network_of
from app.api.security import docs_policy
from app.errors import TooMany
from app.main import create_app
from app.services.callers import ANONYMOUS, Caller
from tests import oidc
from tests.api import HEADERS, TestClient, make_agency, put_report, said
from tests.builders import Clock
from tests.callers import as_, bearing, calling, key_for
from tests.conftest import quiet, served

WRONG = {"Authorization": "Bearer gk_of-nobody"}


@pytest.fixture
def backend() -> str:
    """Limits know no database: SQLite will do."""
    return "sqlite"


def limited(client: TestClient, **limits: Any) -> Clock:
    """Set limits of a running application; return the clock that they go by."""
    clock = Clock()
    settings = client.app.state.settings.model_copy(update=limits)  # type: ignore[attr-defined]
    client.app.state.limits = Limits(settings, clock)  # type: ignore[attr-defined]
    return clock


# How often


def test_without_limits_nothing_is_said_of_any(client: TestClient) -> None:
    reply = as_(client, None, "GET", "/v1/reports")
    assert reply.status_code == 200
    assert not [name for name in reply.headers if name.startswith("ratelimit")]


def test_a_key_is_limited_to_its_requests_a_minute(client: TestClient) -> None:
    key = key_for(client, "reader", rate_limit=2)
    clock = limited(client)
    replies = [as_(client, key, "GET", "/v1/reports") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert {reply.headers["ratelimit-policy"] for reply in replies} == {'"default";q=2;w=60'}
    assert [reply.headers["ratelimit"] for reply in replies] == [
        '"default";r=1;t=30',
        '"default";r=0;t=60',
        '"default";r=0;t=60',
    ]
    assert said(replies[2]) == (429, "too-many-requests")
    assert replies[2].headers["retry-after"] == "30"
    clock.now += 30
    assert as_(client, key, "GET", "/v1/reports").status_code == 200


def test_a_key_without_a_limit_of_its_own_has_that_of_the_setting(client: TestClient) -> None:
    mine, other = key_for(client, "reader"), key_for(client, "reader")
    limited(client, rate_limit=1, anonymous_rate_limit=5)
    assert as_(client, mine, "GET", "/v1/rules").headers["ratelimit-policy"] == '"default";q=1;w=60'
    assert as_(client, mine, "GET", "/v1/rules").status_code == 429
    assert as_(client, other, "GET", "/v1/rules").status_code == 200
    nobody = as_(client, None, "GET", "/v1/rules")
    assert nobody.headers["ratelimit"] == '"default";r=4;t=12'


def test_the_key_of_the_settings_is_not_limited(client: TestClient) -> None:
    limited(client, rate_limit=1, concurrency_limit=1)
    replies = [client.get("/v1/reports") for _ in range(3)]
    assert {reply.status_code for reply in replies} == {200}
    assert "ratelimit" not in replies[0].headers


def test_replies_of_every_status_tell_what_is_left(client: TestClient) -> None:
    make_agency(client)
    put_report(client)
    key = key_for(client, "auditor", rate_limit=10)
    path = "/v1/reports/a/2024"
    etag = as_(client, key, "GET", path).headers["etag"]
    replies = [
        as_(client, key, "GET", path, headers={"If-None-Match": etag}),
        as_(client, key, "GET", "/v1/reports/a/2023"),
        as_(client, key, "PUT", path, json={}),
        as_(client, key, "GET", "/v1/reports?x=1"),
        as_(client, key, "HEAD", path),
    ]
    assert [reply.status_code for reply in replies] == [304, 404, 403, 422, 200]
    left = [re.search(r"r=(\d+)", reply.headers["ratelimit"]) for reply in replies]
    assert [found and found[1] for found in left] == ["8", "7", "6", "5", "4"]


def test_what_is_open_to_all_is_not_counted(client: TestClient) -> None:
    limited(client, anonymous_rate_limit=1)
    paths = ("/healthz", "/readyz", "/problems/too-many-requests", "/docs")
    with calling(client, None):
        assert {client.get(path).status_code for path in paths} == {200}
        assert client.get("/v1/forms").status_code == 200


# Who guesses


def test_after_so_many_useless_credentials_an_address_waits(client: TestClient) -> None:
    clock = limited(client, failure_limit=3)
    replies = [client.get("/v1/reports", headers=WRONG) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [401, 401, 401, 429]
    assert replies[3].headers["ratelimit"] == '"credentials";r=0;t=60'
    assert replies[3].headers["retry-after"] == "20"
    clock.now += 20
    assert client.get("/v1/reports", headers=WRONG).status_code == 401


def test_who_guesses_too_often_is_not_looked_for(client: TestClient) -> None:
    limited(client, failure_limit=1)
    key = key_for(client, "reader")
    assert client.get("/v1/reports", headers=WRONG).status_code == 401
    assert as_(client, key, "GET", "/v1/reports").status_code == 429  # never seen here before


def test_a_caller_known_before_is_not_locked_out_by_others_who_guess(client: TestClient) -> None:
    key = key_for(client, "reader")
    assert as_(client, key, "GET", "/v1/reports").status_code == 200
    clock = limited(client, failure_limit=1)
    for _ in range(3):
        client.get("/v1/reports", headers=WRONG)
    assert as_(client, key, "GET", "/v1/reports").status_code == 200
    callers = client.app.state.callers  # type: ignore[attr-defined]
    callers._clock = lambda: 10.0**9  # what is remembered is too old, and looked at anew
    assert callers.remembered(f"Bearer {key}") is None
    assert as_(client, key, "GET", "/v1/reports").status_code == 200
    assert clock.now == 1_000


def test_a_caller_known_before_whose_key_was_revoked_waits_with_the_others(
    client: TestClient,
) -> None:
    key = key_for(client, "reader")
    assert as_(client, key, "GET", "/v1/reports").status_code == 200
    (made,) = client.get("/v1/keys").json()["items"]
    assert client.delete(f"/v1/keys/{made['id']}").is_success
    limited(client, failure_limit=1)
    callers = client.app.state.callers  # type: ignore[attr-defined]
    callers._clock = lambda: 10.0**9
    statuses = [as_(client, key, "GET", "/v1/reports").status_code for _ in range(2)]
    assert statuses == [401, 429]


def test_a_token_taken_before_is_not_locked_out_either(database_url: str) -> None:
    with oidc.serving() as site:
        site.publish(oidc.key_set())
        settings = quiet(
            database_url, oidc_issuer=site.url, oidc_audience=oidc.AUDIENCE, failure_limit=1
        )
        with TestClient(create_app(settings)) as client:
            mine, other = (
                oidc.token(oidc.claims(iss=site.url, sub=name, gongkai_agency="a"))
                for name in ("li", "wang")
            )
            assert as_(client, mine, "GET", "/v1/reports").status_code == 200
            for _ in range(2):
                client.get("/v1/reports", headers=WRONG)
            assert as_(client, mine, "GET", "/v1/reports").status_code == 200
            assert said(as_(client, other, "GET", "/v1/reports")) == (429, "too-many-requests")


# From where


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("testclient", "not:an:address", False),
    ],
)
def test_a_customer_of_ipv6_is_one_whichever_of_its_addresses_it_uses(
    one: str, other: str, *, same: bool
) -> None:
    found = [network_of({"client": (address, 1)}) for address in (one, other)]
    assert (found[0] == found[1]) is same


# How much at once


def test_a_caller_has_so_many_requests_under_way_and_no_more() -> None:
    limits = Limits(quiet("sqlite:///unused.db", concurrency_limit=2))
    mine = Caller("key:1", "one", "reader")
    scopes: list[dict[str, Any]] = [{} for _ in range(3)]
    limits.admit(scopes[0], mine)
    limits.admit(scopes[1], mine)
    with pytest.raises(TooMany) as refused:
        limits.admit(scopes[2], mine)
    assert (refused.value.slug, refused.value.headers["Retry-After"]) == ("too-many-at-once", "1")
    limits.admit({}, Caller("key:2", "another", "reader"))
    limits.admit({"client": ("192.0.2.1", 1)}, ANONYMOUS)
    scopes[0][LEAVE]()
    limits.admit(scopes[2], mine)


def test_of_a_caller_who_has_left_nothing_is_kept() -> None:
    limits = Limits(quiet("sqlite:///unused.db"))
    for number in range(5):
        scope: dict[str, Any] = {}
        limits.admit(scope, Caller(f"key:{number}", "one", "reader"))
        scope[LEAVE]()
    assert limits._under_way == {}


@pytest.fixture
def server(database_url: str) -> Iterator[Any]:
    """A server with small limits, in a process of its own."""
    with served(
        database_url,
        GONGKAI_CONCURRENCY_LIMIT="1",
        GONGKAI_BODY_TIMEOUT="0.3",
        GONGKAI_IMPORT_LIMIT="1024",
    ) as (client, process):
        yield client, process


def test_a_stream_counts_while_it_lasts_and_a_slow_body_is_given_up(server: Any) -> None:
    client, process = server
    made = client.post("/v1/keys", json={"name": "reader", "role": "reader"})
    reader = bearing(made.json()["key"])
    with client.stream("GET", "/v1/changes/stream", headers=reader) as stream:
        assert stream.status_code == 200
        second = client.get("/v1/changes", headers=reader)
        assert said(second) == (429, "too-many-at-once")
        assert second.headers["retry-after"] == "1"
    for method, path, media in (
        ("PUT", "/v1/agencies/a", "application/json"),
        ("POST", "/v1/imports", "application/x-ndjson"),
    ):
        answer = slowly(client, method, path, media)
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert b"/problems/request-timeout" in answer
        assert b"connection: close" in answer.lower()
    assert client.get("/v1/agencies/a").status_code == 404
    assert process.poll() is None


def slowly(client: Any, method: str, path: str, media: str) -> bytes:
    """Send a head and the beginning of a body, and read until the server hangs up."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\nContent-Length: 100\r\n"
        f"Authorization: {HEADERS['Authorization']}\r\n\r\n{{"
    )
    address = (client.base_url.host, client.base_url.port)
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(head.encode())
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


# What every reply has

_GUARD = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


def test_every_kind_of_reply_is_guarded(client: TestClient) -> None:
    make_agency(client)
    etag = put_report(client).headers["etag"]
    path = "/v1/reports/a/2024"
    replies = [
        client.get(path),
        client.head(path),
        client.get(path, headers={"If-None-Match": etag}),
        client.put(path, content=b"{", headers={"Content-Type": "application/json"}),
        client.get("/v1/exports/reports.ndjson"),
        client.get("/v1/unknown"),
        client.request("TRACE", path),
        client.delete(path),
        client.get("/healthz"),
        client.get("/metrics"),
        client.get("/docs"),
        client.get("/problems/forbidden"),
        client.get("/static/swagger-ui/swagger-ui.css"),
        client.get("/v1/reports", headers=WRONG),
    ]
    statuses = [200, 200, 304, 400, 200, 404, 405, 204, 200, 200, 200, 200, 200, 401]
    assert [reply.status_code for reply in replies] == statuses
    for reply in replies:
        assert {name: reply.headers[name] for name in _GUARD} == _GUARD
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert policy.endswith("frame-ancestors 'none'")


def test_a_preflight_is_guarded_and_what_scripts_may_read_is_exposed(database_url: str) -> None:
    origin = {"Origin": "https://portal.example.cn"}
    settings = quiet(database_url, cors_origins=(origin["Origin"],))
    with TestClient(create_app(settings)) as client:
        method = {"Access-Control-Request-Method": "GET"}
        asked = client.options("/v1/reports", headers=origin | method)
        reply = client.get("/v1/reports", headers=origin)
    assert asked.status_code == 200
    assert asked.headers.items() >= _GUARD.items()
    exposed = set(reply.headers["access-control-expose-headers"].split(", "))
    assert {"RateLimit", "RateLimit-Policy", "WWW-Authenticate", "Retry-After"} <= exposed


def test_the_docs_page_runs_its_own_script_and_no_other(client: TestClient) -> None:
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert re.fullmatch(r"script-src 'self' 'sha256-[A-Za-z0-9+/]{43}='", scripts)
    assert docs_policy(page.content.replace(b"SwaggerUIBundle(", b"alert(")) != policy
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith("/static/"), address


KEPT = {
    "/v1/reports/a/2024": ("private, no-cache", "Accept-Encoding, Authorization"),
    "/v1/reports": ("private, no-cache", "Accept-Encoding, Authorization"),
    "/v1/changes": ("private, no-cache", "Accept-Encoding, Authorization"),
    "/v1/exports/reports.ndjson": ("no-store", "Accept-Encoding, Authorization"),
    "/v1/reports/a/1999": ("no-store", "Accept-Language, Authorization"),
    "/v1/rules": ("no-cache", "Accept-Encoding"),
}


def test_what_depends_on_the_caller_is_kept_for_nobody_else(client: TestClient) -> None:
    make_agency(client)
    put_report(client)
    for path, kept in KEPT.items():
        reply = client.get(path)
        assert (reply.headers["cache-control"], reply.headers["vary"]) == kept
        again = client.get(path, headers={"If-None-Match": reply.headers.get("etag", '"none"')})
        assert (again.headers["cache-control"], again.headers["vary"]) == kept


def test_without_anonymous_reading_the_catalogue_depends_on_the_caller_too(
    database_url: str,
) -> None:
    with TestClient(create_app(quiet(database_url, anonymous_read=False))) as client:
        assert client.get("/v1/rules").headers["cache-control"] == "private, no-cache"
        refused = as_(client, None, "GET", "/v1/rules")
    assert said(refused) == (401, "authentication-required")
    assert refused.headers["vary"] == "Accept-Language, Authorization"
