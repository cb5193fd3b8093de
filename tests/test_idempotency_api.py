"""Idempotency-Key: what is sent twice is done once, whatever is posted."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from httpx2 import Response

from app.main import create_app
from app.services import registering
from tests.api import Json, TestClient, a_report_body, an_agency_body, make_agency, said
from tests.conftest import quiet

POSTS: dict[str, Json] = {
    "/v1/agencies": {"code": "n", **an_agency_body()},
    "/v1/reporting-years": {"year": 2031},
    "/v1/reports": {"agency": "a", "year": 2024, **a_report_body(2024)},
    "/v1/validations": {"agency": "a", "year": 2024, **a_report_body(2024)},
}


def post(client: TestClient, path: str, body: Any, key: str = "k", **headers: str) -> Response:
    """Post with a key."""
    sent = {"idempotency-key": key, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return client.post(path, json=body, headers=sent)


def assert_replayed(first: Response, again: Response) -> None:
    """The reply is the first one's, to the byte."""
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("etag", "location", "content-location", "content-type"):
        assert again.headers.get(name) == first.headers.get(name), name


@pytest.mark.parametrize("path", POSTS)
def test_a_repeat_is_answered_as_the_first_time(client: TestClient, path: str) -> None:
    make_agency(client)
    first = post(client, path, POSTS[path])
    assert first.status_code in {200, 201}
    assert_replayed(first, post(client, path, POSTS[path]))
    other = post(client, path, POSTS[path] | {"nonsense": 1})
    assert said(other) == (422, "idempotency-key-reused")
    assert said(post(client, f"{path}?x=1", POSTS[path])) == (422, "idempotency-key-reused")


@pytest.mark.parametrize("prefer", ["", "respond-async"])
def test_an_import_that_is_sent_twice_is_carried_out_once(client: TestClient, prefer: str) -> None:
    make_agency(client)
    headers = {"content-type": "text/csv", "idempotency-key": "k", "prefer": prefer}
    content = b"agency,year,table,line,column,value\na,2024,fees,,filing,nil"
    first, again = (client.post("/v1/imports", content=content, headers=headers) for _ in "ab")
    assert first.status_code == (202 if prefer else 200)
    assert_replayed(first, again)
    assert len(client.get("/v1/imports").json()["items"]) == (1 if prefer else 0)


def test_a_refusal_is_repeated_even_if_it_would_be_taken_now(client: TestClient) -> None:
    path = "/v1/reports"
    first = post(client, path, POSTS[path])
    assert first.status_code == 422
    make_agency(client)
    assert_replayed(first, post(client, path, POSTS[path]))
    assert post(client, path, POSTS[path], key="l").status_code == 201


def test_without_a_key_and_beside_post_nothing_is_kept(client: TestClient) -> None:
    make_agency(client)
    assert client.post("/v1/reports", json=POSTS["/v1/reports"]).status_code == 201
    assert client.post("/v1/reports", json=POSTS["/v1/reports"]).status_code == 409
    for _ in range(2):
        headers = {"idempotency-key": "k"}
        reply = client.put("/v1/agencies/a", json=an_agency_body(), headers=headers)
        assert reply.status_code == 200
        assert "idempotent-replayed" not in reply.headers


def test_a_client_without_gzip_gets_what_was_sent_with_it(client: TestClient) -> None:
    make_agency(client)
    path = "/v1/reports"
    first = post(client, path, POSTS[path], accept_encoding="gzip")
    again = post(client, path, POSTS[path], accept_encoding="identity")
    assert first.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in again.headers
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"].replace('-gzip"', '"')


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\u00e9"])
def test_a_key_that_is_none_is_refused(client: TestClient, key: str) -> None:
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    reply = client.post("/v1/agencies", json=POSTS["/v1/agencies"], headers=headers)
    assert said(reply) == (400, "bad-idempotency-key")
    assert client.get("/v1/agencies").json()["items"] == []


def test_a_key_is_forgotten_after_its_time(database_url: str) -> None:
    with TestClient(create_app(quiet(database_url, idempotency_hours=1e-9))) as client:
        assert post(client, "/v1/agencies", POSTS["/v1/agencies"]).status_code == 201
        assert said(post(client, "/v1/agencies", POSTS["/v1/agencies"]))[0] == 409


@pytest.mark.parametrize("backend", ["postgresql"])
def test_who_keeps_a_reply_does_not_wait_for_those_who_forget_old_ones(database_url: str) -> None:
    with (
        TestClient(create_app(quiet(database_url))) as client,
        psycopg.connect(database_url.replace("+psycopg", "")) as other,
    ):
        assert post(client, "/v1/agencies", POSTS["/v1/agencies"]).status_code == 201
        other.execute("UPDATE idempotency SET created_at = '2020-01-01T00:00:00.000000Z'")
        other.commit()
        other.execute("DELETE FROM idempotency")
        body = POSTS["/v1/reporting-years"]
        assert post(client, "/v1/reporting-years", body, key="l").status_code == 201


def test_while_the_first_is_under_way_the_second_is_told_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    save = registering.save_agency

    def slow(*args: Any, **named: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return save(*args, **named)

    monkeypatch.setattr(registering, "save_agency", slow)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(post, client, "/v1/agencies", POSTS["/v1/agencies"])
        assert begun.wait(20)
        second = post(client, "/v1/agencies", POSTS["/v1/agencies"])
        go_on.set()
    assert said(second) == (409, "idempotency-key-in-use")
    assert int(second.headers["retry-after"]) > 0
    assert first.result().status_code == 201
    assert_replayed(first.result(), post(client, "/v1/agencies", POSTS["/v1/agencies"]))


def test_a_failure_of_ours_is_not_kept(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    with TestClient(create_app(quiet(database_url, log_level="ERROR"))) as client:
        with monkeypatch.context() as patched:
            patched.setattr(registering, "save_agency", broken)
            assert post(client, "/v1/agencies", POSTS["/v1/agencies"]).status_code == 500
        assert post(client, "/v1/agencies", POSTS["/v1/agencies"]).status_code == 201
