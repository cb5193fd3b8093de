"""Webhooks: signed, in order, at least once; what fails delays nobody."""

import base64
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from standardwebhooks import Webhook as Verifier

from app.api import openapi
from app.main import create_app
from app.services import delivering, targets
from app.services.reporting import now
from app.storage import webhooks
from app.storage.webhooks import Webhook
from tests.api import Json, TestClient, etag, faults, make_agency, put_report, said
from tests.conftest import quiet, writing

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
JSON = {"content-type": "application/json"}
PATIENCE = 15
DOCUMENT = json.loads(openapi.FILE.read_text(encoding="utf-8"))
DECLARED = Draft202012Validator(
    {
        **DOCUMENT["webhooks"]["change"]["post"]["requestBody"]["content"]["application/json"][
            "schema"
        ],
        "components": DOCUMENT["components"],
    }
)
"""What a message is by the OpenAPI document."""


class Receiver:
    """A target on this machine; `answers` are given in their order, then 204."""

    def __init__(self) -> None:
        self.got: queue.Queue[tuple[str, dict[str, str], bytes]] = queue.Queue()
        self.answers: queue.Queue[Callable[[], tuple[int, dict[str, str]]]] = queue.Queue()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    status, more = outer.answers.get_nowait()()
                except queue.Empty:
                    status, more = 200, {}
                outer.got.put((self.path, headers, body))
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", "4")
                self.end_headers()
                self.wfile.write(b"\x00ok\xff")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, status: int, **headers: str) -> None:
        """Answer one message so."""
        self.answers.put(lambda: (status, headers))

    def next(self) -> tuple[str, dict[str, str], Json]:
        """Wait for a message; hold its signature to the secret, and it to the document."""
        path, headers, body = self.got.get(timeout=PATIENCE)
        Verifier(SECRET).verify(body, headers)
        DECLARED.validate(json.loads(body))
        return path, headers, dict(json.loads(body))

    def close(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A target that takes whatever is sent."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _is_hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "BACK_OFF", (0.05,))
    monkeypatch.setattr(delivering, "POLL", 0.05)


@pytest.fixture
def open_client(database_url: str) -> Iterator[TestClient]:
    """A client of a service that may call this machine."""
    with TestClient(create_app(quiet(database_url, webhooks_private_targets=True))) as made:
        yield made


def hook(client: TestClient, url: str, **members: Any) -> Json:
    """Create a webhook."""
    made = client.post("/v1/webhooks", json={"url": url, "secret": SECRET, **members})
    assert made.status_code == 201, made.text
    return dict(made.json())


def shown(client: TestClient, made: Json) -> Json:
    return dict(client.get(made["links"]["self"]).json())


def until(find: Callable[[], Any]) -> Any:
    """Look until something is there: nothing tells a client when an attempt was noted."""
    tick = threading.Event()
    for _ in range(PATIENCE * 100):
        found = find()
        if found:
            return found
        tick.wait(0.01)
    raise AssertionError("it did not happen")


def deliveries(client: TestClient, made: Json, many: int) -> list[Json]:
    def find() -> list[Json]:
        items = client.get(made["links"]["deliveries"] + "?sort=at").json()["items"]
        return list(items) if len(items) >= many else []

    return list(until(find))


# Delivery


def test_changes_arrive_in_order_and_signed_from_the_creation_on(
    open_client: TestClient, receiver: Receiver
) -> None:
    make_agency(open_client, "before")
    made = hook(open_client, receiver.url + "/in?x=1")
    make_agency(open_client)
    put_report(open_client)
    first, second = receiver.next(), receiver.next()
    assert (first[0], first[2]["type"], second[2]["type"]) == (
        "/in?x=1", "agency.created", "report.created",
    )  # fmt: skip
    changes = open_client.get("/v1/changes?limit=1000").json()["items"][-2:]
    assert [first[2]["data"], second[2]["data"]] == changes
    assert first[1]["webhook-id"] == f"msg_{made['id']}_{changes[0]['seq']}"
    assert first[1]["host"] == receiver.url.removeprefix("http://")
    log = deliveries(open_client, made, 2)
    assert [(d["seq"], d["attempt"], d["status"], d["outcome"]) for d in log] == [
        (change["seq"], 1, 200, "delivered") for change in changes
    ]
    assert log[0]["response"] == "ok�"
    assert shown(open_client, made)["position"] == changes[1]["seq"]


def test_a_webhook_is_told_of_its_resources_only(
    open_client: TestClient, receiver: Receiver
) -> None:
    made = hook(open_client, receiver.url, resources=["reports"])
    make_agency(open_client)
    put_report(open_client)
    assert receiver.next()[2]["type"] == "report.created"
    make_agency(open_client, "b")
    latest = open_client.get("/v1/changes?limit=1").json()["latest"]
    until(lambda: shown(open_client, made)["position"] == latest)
    assert receiver.got.empty()


def test_a_failure_is_repeated_with_the_same_id_before_what_follows(
    open_client: TestClient, receiver: Receiver
) -> None:
    receiver.answer(500)
    receiver.answer(302, location=receiver.url + "/elsewhere")
    made = hook(open_client, receiver.url)
    make_agency(open_client, "a")
    make_agency(open_client, "b")
    got = [receiver.next() for _ in range(4)]
    assert [each[2]["data"]["key"] for each in got] == ["a", "a", "a", "b"]
    assert len({each[1]["webhook-id"] for each in got[:3]}) == 1
    assert {each[0] for each in got} == {"/"}
    log = deliveries(open_client, made, 4)
    assert [(d["attempt"], d["status"], d["outcome"]) for d in log] == [
        (1, 500, "failed"), (2, 302, "failed"), (3, 200, "delivered"), (1, 200, "delivered"),
    ]  # fmt: skip
    assert shown(open_client, made)["failing_since"] is None


def test_a_target_that_hangs_delays_nobody_and_is_logged(
    open_client: TestClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "TOTAL", 1.0)
    monkeypatch.setattr(delivering, "BACK_OFF", (600.0,))
    slow, release = Receiver(), threading.Event()

    def hang() -> tuple[int, dict[str, str]]:
        release.wait(PATIENCE)
        return 200, {}

    slow.answers.put(hang)
    stuck = hook(open_client, slow.url)
    hook(open_client, receiver.url)
    make_agency(open_client)
    assert receiver.next()[2]["type"] == "agency.created"
    (entry,) = deliveries(open_client, stuck, 1)
    assert (entry["status"], entry["error"], entry["outcome"]) == (None, "timeout", "failed")
    found = shown(open_client, stuck)
    assert found["next_attempt_at"] > found["failing_since"]
    release.set()
    slow.close()


def test_gone_deactivates_and_a_patch_activates_again(
    open_client: TestClient, receiver: Receiver
) -> None:
    receiver.answer(410)
    made = hook(open_client, receiver.url)
    make_agency(open_client)
    first = receiver.next()
    until(lambda: not shown(open_client, made)["active"])
    open_client.patch(made["links"]["self"], json={"active": True})
    assert receiver.next()[1]["webhook-id"] == first[1]["webhook-id"]


def test_what_was_taken_is_delivered_however_slowly_the_reply_goes_on(
    open_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "READING", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def take() -> None:
            connection, _ = listening.accept()
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nslow")
            ended.wait(PATIENCE)
            connection.close()

        ended = threading.Event()
        threading.Thread(target=take, daemon=True).start()
        made = hook(open_client, f"http://127.0.0.1:{listening.getsockname()[1]}")
        make_agency(open_client)
        (entry,) = deliveries(open_client, made, 1)
        ended.set()
    assert (entry["status"], entry["outcome"], entry["response"]) == (200, "delivered", "slow")


def test_those_that_failed_come_after_all_others_and_leave_them_room(database_url: str) -> None:
    with writing(database_url) as connection:
        connection.execute(sa.text("UPDATE clock SET seq = 9"))
        for number, failures in enumerate((3, 0, 1, 0)):
            made = Webhook(
                id=f"0000000{number}-0000-4000-8000-000000000000", url="http://x", description=None,
                resources=("agencies",), active=True, secret=SECRET, position=1, attempts=failures,
                created_at="1", updated_at="1",
            )  # fmt: skip
            webhooks.add(connection, made)
        due = webhooks.due(connection, now())
        assert [(identity[7], failed) for identity, failed in due] == [
            ("1", False), ("3", False), ("0", True), ("2", True),
        ]  # fmt: skip
        connection.rollback()


def test_a_ping_with_a_key_is_sent_once(open_client: TestClient, receiver: Receiver) -> None:
    path = hook(open_client, receiver.url)["links"]["self"] + "/ping"
    replies = [open_client.post(path, json={}, headers={"Idempotency-Key": "k"}) for _ in range(3)]
    assert [each.headers.get("idempotent-replayed") for each in replies] == [None, "true", "true"]
    assert len({each.text for each in replies}) == 1
    receiver.next()
    assert receiver.got.empty()


def test_a_webhook_that_fails_for_days_is_given_up(database_url: str, receiver: Receiver) -> None:
    settings = quiet(database_url, webhooks_private_targets=True, webhook_give_up_days=1e-9)
    with TestClient(create_app(settings)) as client:
        made = hook(client, receiver.url)
        for _ in range(3):
            receiver.answer(500)
        make_agency(client)
        until(lambda: not shown(client, made)["active"])


def test_two_services_deliver_each_message_once(database_url: str, receiver: Receiver) -> None:
    settings = quiet(database_url, webhooks_private_targets=True)
    with TestClient(create_app(settings)) as one, TestClient(create_app(settings)) as other:
        made = hook(one, receiver.url)
        for number in range(20):
            make_agency(other if number % 2 else one, f"a{number}")
        keys = [receiver.next()[2]["data"]["key"] for _ in range(20)]
        assert keys == [f"a{number}" for number in range(20)]
        until(lambda: len(deliveries(one, made, 20)) == 20)
    assert receiver.got.empty()


def test_who_dies_before_the_bookkeeping_repeats_under_the_same_id(
    database_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "LEASE", 0.3)
    settings = quiet(database_url, webhooks_private_targets=True)
    note, sent = delivering._note, threading.Event()

    def die(*_: Any, **__: Any) -> bool:
        sent.set()
        raise RuntimeError("killed")

    monkeypatch.setattr(delivering, "_note", die)
    with TestClient(create_app(settings)) as client:
        hook(client, receiver.url)
        make_agency(client)
        first = receiver.next()
        assert sent.wait(PATIENCE)
    while not receiver.got.empty():
        receiver.next()
    monkeypatch.setattr(delivering, "_note", note)
    with TestClient(create_app(settings)):
        assert receiver.next()[1]["webhook-id"] == first[1]["webhook-id"]


def test_a_webhook_may_be_deleted_while_it_is_called(
    open_client: TestClient, receiver: Receiver
) -> None:
    entered, release = threading.Event(), threading.Event()

    def wait() -> tuple[int, dict[str, str]]:
        entered.set()
        release.wait(PATIENCE)
        return 200, {}

    receiver.answers.put(wait)
    made = hook(open_client, receiver.url)
    make_agency(open_client)
    assert entered.wait(PATIENCE)
    assert open_client.delete(made["links"]["self"]).status_code == 204
    release.set()
    receiver.next()
    assert said(open_client.get(made["links"]["deliveries"])) == (404, "webhook-not-found")
    other = hook(open_client, receiver.url)
    make_agency(open_client, "b")
    assert receiver.next()[1]["webhook-id"].startswith(f"msg_{other['id']}")


# Replay, ping, rotation


def test_replay_delivers_again_under_the_same_ids(
    open_client: TestClient, receiver: Receiver
) -> None:
    made = hook(open_client, receiver.url)
    make_agency(open_client)
    first = receiver.next()
    seq = first[2]["data"]["seq"]
    until(lambda: shown(open_client, made)["position"] == seq)
    path = made["links"]["self"] + "/replay"
    assert open_client.post(path, json={"from": seq}).json()["position"] == seq - 1
    assert receiver.next()[1]["webhook-id"] == first[1]["webhook-id"]
    gone = open_client.post(path, json={"from": 10**6})
    assert said(gone) == (410, "cursor-gone")
    assert gone.headers["feed-position"] == str(open_client.get("/v1/changes").json()["latest"])
    assert faults(open_client.post(path, json={"from": 0, "x": 1})) == [
        ("/from", "out-of-range"), ("/x", "unknown-member"),
    ]  # fmt: skip


def test_ping_tells_what_came_back(open_client: TestClient, receiver: Receiver) -> None:
    receiver.answer(503)
    made = hook(open_client, receiver.url)
    came = open_client.post(made["links"]["self"] + "/ping", json={}).json()
    assert (came["type"], came["status"], came["outcome"]) == ("webhook.ping", 503, "failed")
    assert receiver.next()[2]["type"] == "webhook.ping"
    assert shown(open_client, made)["active"]


def test_a_ping_that_is_refused_is_not_sent(open_client: TestClient, receiver: Receiver) -> None:
    path = hook(open_client, receiver.url)["links"]["self"]
    refused = open_client.post(f"{path}/ping?x=1")
    assert said(refused) == (422, "invalid-parameter")
    assert open_client.post(f"{path}/ping").json()["outcome"] == "delivered"
    assert receiver.next()[2]["type"] == "webhook.ping"
    assert len(open_client.get(f"{path}/deliveries").json()["items"]) == 1
    assert receiver.got.empty()


def test_both_secrets_sign_after_a_rotation_and_none_is_shown_again(
    open_client: TestClient, receiver: Receiver
) -> None:
    made = hook(open_client, receiver.url)
    assert made["secret"] == SECRET
    turned = open_client.post(made["links"]["self"] + "/rotate-secret", json={}).json()
    open_client.post(made["links"]["self"] + "/ping", json={})
    _, headers, body = receiver.got.get(timeout=PATIENCE)
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (SECRET, turned["secret"]):
        Verifier(secret).verify(body, headers)
    for path in (made["links"]["self"], "/v1/webhooks"):
        assert "whsec_" not in open_client.get(path).text


def test_forgotten_changes_are_told_as_a_gap(open_client: TestClient, receiver: Receiver) -> None:
    made = hook(open_client, receiver.url, active=False)
    for code in "abc":
        make_agency(open_client, code)
    from app.storage import feed  # noqa: PLC0415

    latest = open_client.get("/v1/changes?limit=1").json()["latest"]
    database = open_client.app.state.database  # type: ignore[attr-defined]
    assert open_client.portal is not None
    open_client.portal.call(database.alter, lambda c: feed.prune(c, "9", latest - 1))
    open_client.patch(made["links"]["self"], json={"active": True})
    gap, last = receiver.next()[2], receiver.next()[2]
    assert (gap["type"], gap["data"]["oldest"]) == ("feed.gap", latest)
    assert last["data"]["key"] == "c"


# What is refused

PRIVATE = [
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://10.1.2.3", "http://[::1]/",
    "http://192.168.0.1", "http://169.254.169.254/latest", "http://100.64.0.1", "http://0.0.0.0",
    "http://[::ffff:127.0.0.1]/", "http://[fd00::1]/", "http://[fe80::1]/", "http://224.0.0.1",
    "http://[64:ff9b::7f00:1]/", "http://[fec0::1]/", "http://localhost:8000/", "http://172.16.0.1",
]  # fmt: skip


def test_a_webhook_is_looked_for_before_a_body_is_read_as_json(client: TestClient) -> None:
    path = hook(client, "http://a.invalid/")["links"]["self"]
    for action in ("rotate-secret", "replay", "ping"):
        absent = client.post(f"/v1/webhooks/nobody/{action}", content=b"{", headers=JSON)
        assert said(absent) == (404, "webhook-not-found")
        malformed = client.post(f"{path}/{action}", content=b"{", headers=JSON)
        assert said(malformed) == (400, "malformed-json")


def test_a_body_that_may_be_left_out_may_be_empty_whatever_its_type(client: TestClient) -> None:
    path = hook(client, "http://a.invalid/")["links"]["self"]
    for given in ({}, JSON):
        made = client.post(f"{path}/rotate-secret", content=b"", headers=given)
        assert (made.status_code, made.json()["secret"][:6]) == (200, "whsec_")
    assert client.post(f"{path}/replay", content=b"", headers=JSON).status_code == 400


def test_whatever_changes_a_webhook_says_where_it_stands(client: TestClient) -> None:
    made = hook(client, "http://a.invalid/")
    path = made["links"]["self"]
    for action, body in (("rotate-secret", {}), ("replay", {"from": 1})):
        changed = client.post(f"{path}/{action}", json=body)
        assert (changed.status_code, changed.headers["content-location"]) == (200, path)
        assert changed.json()["id"] == made["id"]


def test_private_targets_are_refused(client: TestClient) -> None:
    for url in PRIVATE:
        reply = client.post("/v1/webhooks", json={"url": url})
        assert (url, reply.status_code) == (url, 422)
        assert faults(reply) == [("/url", "private-target")], url


def test_a_public_or_unknown_name_is_taken_and_what_it_comes_to_later_is_checked(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    """The name is public when the webhook is made, and private when it is called."""
    answers = iter([["203.0.114.9"]])

    async def addresses(host: str, port: int) -> list[str]:
        assert host == "rebound.example"
        return next(answers, ["127.0.0.1"])

    monkeypatch.setattr(targets, "_addresses", addresses)
    port = receiver.url.rpartition(":")[2]
    made = hook(client, f"http://rebound.example:{port}/")
    make_agency(client)
    entry = deliveries(client, made, 1)[0]
    assert (entry["error"], entry["status"]) == ("private-target", None)
    assert receiver.got.empty()


def test_a_name_is_resolved_once_and_called_by_its_name(
    open_client: TestClient, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    async def addresses(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(targets, "_addresses", addresses)
    port = receiver.url.rpartition(":")[2]
    hook(open_client, f"http://nowhere.invalid:{port}/")
    make_agency(open_client)
    assert receiver.next()[1]["host"] == f"nowhere.invalid:{port}"


def test_every_fault_of_a_webhook_is_named(client: TestClient) -> None:
    wrong = {"url": "http://u:p@example.invalid/", "secret": "whsec_YQ==", "active": 1, "x": 1}
    assert faults(client.post("/v1/webhooks", json=wrong | {"resources": ["rules"]})) == [
        ("/active", "not-a-boolean"),
        ("/resources/0", "not-one-of"),
        ("/secret", "bad-secret"),
        ("/url", "bad-target"),
        ("/x", "unknown-member"),
    ]
    for url, code in (("ftp://a.invalid", "not-a-url"), ("http://a.invalid/#b", "bad-target")):
        assert faults(client.post("/v1/webhooks", json={"url": url})) == [("/url", code)]
    for url in (" http://a.invalid", "http://a.invalid/ b", "http://a\t.invalid", "http://a/\n"):
        assert faults(client.post("/v1/webhooks", json={"url": url})) == [("/url", "not-a-url")]
    assert faults(client.post("/v1/webhooks", json={})) == [("/url", "required")]
    assert said(client.get("/v1/webhooks/nobody")) == (404, "webhook-not-found")


def test_a_webhook_is_changed_under_its_conditions(client: TestClient) -> None:
    made = hook(client, "http://a.invalid/")
    path = made["links"]["self"]
    tag = etag(client.get(path))
    changed = client.patch(path, json={"description": "甲"}, headers={"if-match": tag})
    assert (changed.status_code, changed.json()["description"]) == (200, "甲")
    stale = client.patch(path, json={"active": False}, headers={"if-match": tag})
    assert said(stale) == (412, "precondition-failed")
    assert faults(stale) == [("/active", "differs")]
    assert faults(client.patch(path, json={"url": "http://10.0.0.1"})) == [
        ("/url", "private-target")
    ]
    assert client.patch(path, json=client.get(path).json()).headers["etag"] == etag(changed)
