"""API keys: made, shown once, changed, revoked; and tokens of a provider."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.main import create_app
from app.services import callers
from app.services.callers import Callers
from app.storage import keys
from tests import oidc
from tests.api import ADMIN_KEY, TestClient, etag, faults, make_agency, put_report, said
from tests.callers import as_, bearing, key_for
from tests.conftest import quiet


@pytest.fixture
def clock(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass for what is remembered of callers."""
    now = [0.0]
    known: Callers = client.app.state.callers  # type: ignore[attr-defined]
    monkeypatch.setattr(known, "_clock", lambda: now[0])

    def later(seconds: float) -> None:
        now[0] += seconds

    return later


def test_a_key_is_shown_once_and_stored_nowhere(client: TestClient, database_url: str) -> None:
    made = client.post("/v1/keys", json={"name": "审计", "role": "auditor"})
    assert made.status_code == 201
    key = made.json()["key"]
    assert key.startswith("gk_")
    assert len(key) > 40
    shown = client.get(made.headers["location"])
    assert "key" not in shown.json()
    assert key not in shown.text + client.get("/v1/keys").text + client.get("/v1/changes").text
    if database_url.startswith("sqlite"):
        assert key.encode() not in Path(database_url.removeprefix("sqlite:///")).read_bytes()


def test_an_editor_and_a_reviewer_are_of_an_agency(client: TestClient) -> None:
    for role in ("editor", "reviewer"):
        lacking = client.post("/v1/keys", json={"name": "x", "role": role})
        assert faults(lacking) == [("/agency", "agency-required")]
    unknown = client.post("/v1/keys", json={"name": "x", "role": "editor", "agency": "nobody"})
    assert faults(unknown) == [("/agency", "unknown-agency")]
    wrong = client.post("/v1/keys", json={"name": "", "role": "king", "rate_limit": 0, "x": 1})
    assert [pointer for pointer, _ in faults(wrong)] == ["/name", "/rate_limit", "/role", "/x"]


def test_a_key_that_was_revoked_holds_no_longer(
    client: TestClient, clock: Callable[[float], None]
) -> None:
    key = key_for(client, "auditor")
    identity = client.get("/v1/keys").json()["items"][0]["id"]
    assert as_(client, key, "GET", "/v1/agencies").status_code == 200
    assert client.delete(f"/v1/keys/{identity}").status_code == 204
    clock(5)
    assert said(as_(client, key, "GET", "/v1/agencies")) == (401, "invalid-credentials")
    assert client.get(f"/v1/keys/{identity}").json()["revoked_at"] is not None


def test_a_key_holds_until_it_expires(client: TestClient, clock: Callable[[float], None]) -> None:
    past, future = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
    assert said(as_(client, key_for(client, "auditor", expires_at=past), "GET", "/v1/forms")) == (
        401,
        "invalid-credentials",
    )
    key = key_for(client, "auditor", expires_at=future)
    assert as_(client, key, "GET", "/v1/forms").status_code == 200
    identity = client.get("/v1/keys?sort=-created_at").json()["items"][0]["id"]
    client.patch(f"/v1/keys/{identity}", json={"expires_at": past}).raise_for_status()
    clock(5)
    assert as_(client, key, "GET", "/v1/forms").status_code == 401


def test_role_and_agency_of_a_key_stay(client: TestClient) -> None:
    key_for(client, "auditor")
    read = client.get("/v1/keys").json()["items"][0]
    path = read["links"]["self"]
    before = client.get(path)
    same = client.patch(path, json=read)
    assert (same.status_code, etag(same)) == (200, etag(before))
    assert faults(client.patch(path, json={"role": "admin"})) == [("/role", "differs")]
    moved = client.patch(path, json={"role": "auditor", "agency": "b"})
    assert faults(moved) == [("/agency", "differs")]
    stale = client.patch(path, json={"name": "另"}, headers={"If-Match": '"9-x"'})
    assert said(stale) == (412, "precondition-failed")
    assert client.patch(path, json={"name": "另"}).json()["name"] == "另"
    assert faults(client.patch(path, json={"name": None})) == [("/name", "required")]


def test_another_key_can_be_made_of_what_was_read_of_one(client: TestClient) -> None:
    key_for(client, "auditor", rate_limit=5)
    read = client.get("/v1/keys").json()["items"][0]
    made = client.post("/v1/keys", json=read)
    assert made.status_code == 201
    assert (made.json()["id"] != read["id"], made.json()["rate_limit"]) == (True, 5)
    chosen = client.post("/v1/keys", json=read | {"key": "gk_x"})
    assert faults(chosen) == [("/key", "unknown-member")]


def test_every_fault_of_a_change_of_a_key_is_named(client: TestClient) -> None:
    key_for(client, "auditor")
    path = client.get("/v1/keys").json()["items"][0]["links"]["self"]
    wrong = {"name": None, "role": "admin", "agency": "a", "rate_limit": 0, "x": 1}
    assert faults(client.patch(path, json=wrong)) == [
        ("/agency", "differs"), ("/name", "required"), ("/rate_limit", "out-of-range"),
        ("/role", "differs"), ("/x", "unknown-member"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2027-01-01T08:00:00+08:00", "2027-01-01T00:00:00.000000Z"),
        ("2027-01-01t00:00:00.1234567z", "2027-01-01T00:00:00.123456Z"),
        ("2027-01-01 00:00:00-00:30", "2027-01-01T00:30:00.000000Z"),
        ("2027-W01-1T00:00:00Z", None),
        ("20270101T000000Z", None),
        ("2027-01-01T00Z", None),
        ("2027-01-01T00:00Z", None),
        ("2027-01-01T00:00:00,5Z", None),
        ("2027-01-01T00:00:00.Z", None),
        ("2027-01-01T00:00:00+0800", None),
        ("2027-01-01T00:00:00+08", None),
        ("2027-01-01T00:00:00+08:00:30", None),
        ("2027-01-01x00:00:00Z", None),
        ("２027-01-01T00:00:00Z", None),
    ],
)
def test_a_time_is_written_as_rfc_3339_has_it(
    client: TestClient, text: str, time: str | None
) -> None:
    made = client.post("/v1/keys", json={"name": "a", "role": "reader", "expires_at": text})
    if time is None:
        assert faults(made) == [("/expires_at", "not-a-time")]
        assert client.get("/v1/audit", params={"from": text}).status_code == 422
    else:
        assert made.json()["expires_at"] == time
        assert client.get("/v1/audit", params={"from": text}).status_code == 200


def test_the_last_use_of_a_key_is_noted(database_url: str) -> None:
    def last_use(client: TestClient) -> str | None:
        found: str | None = client.get("/v1/keys").json()["items"][0]["last_used_at"]
        return found

    app = create_app(quiet(database_url))
    with TestClient(app) as client:
        key = key_for(client, "auditor")
        assert last_use(client) is None
        as_(client, key, "GET", "/v1/forms")
    with TestClient(app) as client:
        assert last_use(client) is not None


def test_who_reads_with_a_key_does_not_wait_for_writers(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, goes_on = key_for(client, "auditor"), threading.Event()
    monkeypatch.setattr(keys, "note_use", lambda *_: goes_on.wait(20))
    try:
        assert as_(client, key, "GET", "/v1/reports").status_code == 200
    finally:
        goes_on.set()


def test_what_is_remembered_of_callers_is_bounded(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "_MOST", 3)
    for number in range(9):
        as_(client, f"gk_{number}", "GET", "/v1/forms")
    assert len(client.app.state.callers._known) == 3  # type: ignore[attr-defined]


def test_without_reading_for_all_nothing_is_shown_to_nobody(database_url: str) -> None:
    with TestClient(create_app(quiet(database_url, anonymous_read=False))) as client:
        for path in ("/v1/forms", "/v1/agencies", "/v1/reports", "/v1/changes"):
            assert said(as_(client, None, "GET", path)) == (401, "authentication-required")
            assert client.get(path).status_code == 200
        for path in ("/healthz", "/openapi.json", "/docs", "/problems/forbidden"):
            assert as_(client, None, "GET", path).status_code == 200


def test_another_pepper_is_another_lock(database_url: str) -> None:
    with TestClient(create_app(quiet(database_url))) as client:
        key = key_for(client, "auditor")
    with TestClient(create_app(quiet(database_url, key_pepper="x"))) as client:
        assert as_(client, key, "GET", "/v1/forms").status_code == 401
        assert as_(client, ADMIN_KEY, "GET", "/v1/forms").status_code == 200


def test_an_import_of_an_editor_is_of_its_agency(client: TestClient) -> None:
    for code in "ab":
        make_agency(client, code)
        put_report(client, code)
    key = key_for(client, "editor", "a")
    lines = "\n".join(
        client.get(f"/v1/reports/{code}/2024").text.replace("略", "改") for code in "ab"
    )
    headers = {"Content-Type": "application/x-ndjson"} | bearing(key)
    done = client.post("/v1/imports?mode=partial", content=lines, headers=headers).json()["items"]
    assert [each["outcome"] for each in done] == ["updated", "failed"]
    assert done[1]["errors"][0]["code"] == "not-your-agency"
    later = headers | {"Prefer": "respond-async"}
    job = client.post("/v1/imports", content=lines, headers=later)
    path = job.json()["links"]["self"]
    assert as_(client, key, "GET", path).status_code == 200
    other = key_for(client, "editor", "b")
    assert said(as_(client, other, "GET", path)) == (404, "import-not-found")


def test_a_key_for_repeats_is_nobody_elses(client: TestClient) -> None:
    make_agency(client)
    make_agency(client, "b")
    first, second = key_for(client, "editor", "a"), key_for(client, "editor", "b")
    named = {"Idempotency-Key": "k"}
    body = {"agency": "a", "year": 2024}
    one = client.post("/v1/reports", json=body, headers=named | bearing(first))
    assert one.status_code == 201
    other = client.post("/v1/reports", json=body, headers=named | bearing(second))
    assert said(other) == (403, "forbidden")


def test_a_token_of_the_provider_is_a_caller(database_url: str) -> None:
    with oidc.serving() as site:
        site.publish(oidc.key_set())
        settings = quiet(database_url, oidc_issuer=site.url, oidc_audience=oidc.AUDIENCE)
        with TestClient(create_app(settings)) as client:
            make_agency(client)
            put_report(client)
            said_of_it = {"iss": site.url, "gongkai_agency": "a"}
            token = oidc.token(oidc.claims(**said_of_it))
            path = "/v1/reports/a/2024"
            written = as_(client, token, "PATCH", path, json={"overview": "改"})
            assert written.status_code == 200
            last = client.get(f"{path}/revisions").json()["items"][-1]
            assert last["actor"] == "oidc:li"
            assert said(as_(client, token, "PUT", "/v1/agencies/b")) == (403, "forbidden")
            expired = oidc.token(oidc.claims(**said_of_it, exp=1_000))
            for bad in (token[:-4] + "AAAA", expired, oidc.token(oidc.claims())):
                assert said(as_(client, bad, "GET", path)) == (401, "invalid-credentials")


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_admin_key_may_look_like_a_token_of_the_provider(database_url: str) -> None:
    named = {"oidc_issuer": "http://127.0.0.1:9", "oidc_audience": oidc.AUDIENCE}
    with TestClient(create_app(quiet(database_url, admin_key="a.b.c", **named))) as client:
        assert as_(client, "a.b.c", "GET", "/v1/keys").status_code == 200


def test_what_is_kept_of_a_reply_has_no_secret(client: TestClient) -> None:
    named = {"Idempotency-Key": "once"}
    body = {"name": "审计", "role": "auditor"}
    first, again = (client.post("/v1/keys", json=body, headers=named) for _ in range(2))
    assert first.json()["key"].startswith("gk_")
    assert (again.status_code, again.json()["key"]) == (201, None)
    assert again.headers["idempotent-replayed"] == "true"
    hook = {"url": "https://example.invalid/hook"}
    one, other = (client.post("/v1/webhooks", json=hook, headers=named | {"Idempotency-Key": "h"})
                  for _ in range(2))  # fmt: skip
    assert one.json()["secret"].startswith("whsec_")
    assert "secret" not in other.json()
