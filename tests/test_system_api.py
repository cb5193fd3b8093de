"""What keeps the service running and explained."""

import asyncio
import html
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
from fastapi import FastAPI

from app.api import dispatch, openapi
from app.api.texts import PROBLEMS
from app.main import create_app
from app.storage import revisions
from tests.api import HEADERS, TestClient, an_agency_body, make_agency, put_report, said
from tests.conftest import quiet, served


def get(client: TestClient, path: str, language: str) -> str:
    """Return a page in a language."""
    page = client.get(path, headers={"accept-language": language})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    return page.text


# Health


def test_a_process_that_runs_is_alive(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "ok"


def test_a_migrated_database_is_ready(client: TestClient) -> None:
    ready = client.get("/readyz")
    assert ready.status_code == 200
    newest = revisions.head()
    assert ready.json() == {"status": "ok", "revision": newest, "expected": newest}


def test_a_database_without_tables_is_not_ready(empty_url: str) -> None:
    with TestClient(create_app(quiet(empty_url))) as client:
        assert client.get("/healthz").status_code == 200
        not_ready = client.get("/readyz")
        assert not_ready.status_code == 503
        assert not_ready.json()["revision"] is None


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_database_that_is_away_is_not_ready(database_url: str) -> None:
    away = re.sub(r"/\w+\?", "/nothing?", database_url)
    assert away != database_url
    with TestClient(create_app(quiet(away))) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/readyz", "/v1/agencies", "/v1/reports/a/2024"):
            reply = client.get(path)
            assert said(reply) == (503, "unavailable")
            assert int(reply.headers["retry-after"]) > 0


def test_health_is_not_stored_by_caches(client: TestClient) -> None:
    for path in ("/healthz", "/readyz"):
        assert client.get(path).headers["cache-control"] == "no-store"


# Metrics


def counted(text: str, **labels: str) -> float:
    """Return the count of requests with these labels."""
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    lines = [line for line in text.splitlines() if line.startswith("gongkai_http_requests_total{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(w in line for w in wanted))


def test_requests_are_counted_by_route_and_not_by_path(client: TestClient) -> None:
    def count() -> float:
        return counted(
            client.get("/metrics").text,
            method="GET",
            route="/v1/agencies/{agency}",
            status="404",
        )

    before = count()
    for code in ("some-agency", "another-agency"):
        client.get(f"/v1/agencies/{code}")
    assert count() == before + 2
    reply = client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    assert "some-agency" not in reply.text
    assert "gongkai_http_request_seconds_bucket" in reply.text


def test_odd_methods_and_paths_add_no_labels(client: TestClient) -> None:
    client.request("BREW", "/v1/rules")
    client.get("/an/unknown/path")
    text = client.get("/metrics").text
    assert counted(text, method="OTHER") >= 1
    assert counted(text, route="unmatched", status="404") >= 1
    assert "BREW" not in text
    assert "/an/unknown/path" not in text


def test_a_client_that_leaves_is_no_failure(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    messages: list[Any] = [
        {"type": "http.request", "body": b'{"name"', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/v1/agencies/a",
        "raw_path": b"/v1/agencies/a",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"content-type", b"application/json"),
            (b"authorization", HEADERS["Authorization"].encode()),
        ],
    }
    before = counted(client.get("/metrics").text, method="PUT", status="499")
    asyncio.run(client.app(scope, receive, send))  # type: ignore[arg-type]
    assert sent == []
    assert counted(client.get("/metrics").text, method="PUT", status="499") == before + 1
    assert "unhandled" not in capsys.readouterr().err


def test_workers_are_counted_together(database_url: str) -> None:
    with served(database_url, workers=2) as (client, _):
        for _ in range(20):
            with_its_own_connection = {"connection": "close"}
            assert client.get("/v1/rules", headers=with_its_own_connection).status_code == 200
        deadline = time.monotonic() + 20  # a request is counted once its reply is sent
        while (found := _rules_read(client)) < 20:
            assert time.monotonic() < deadline
        assert found == 20


def _rules_read(client: httpx2.Client) -> float:
    return counted(client.get("/metrics").text, route="/v1/rules", status="200")


# The docs page


def test_the_docs_page_needs_no_other_host(client: TestClient) -> None:
    page = get(client, "/docs", "zh")
    assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", page.lower())
    needed = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(needed) >= 3
    for path in [*needed, "/openapi.json"]:
        assert client.get(urljoin("/docs", path)).status_code == 200, path
    assert "/openapi.json" in page
    style = next(path for path in needed if path.endswith(".css"))
    imported = re.findall(r"@import|url\((?!['\"]?data:)[^)]*\)", client.get(style).text)
    assert imported == []


def test_the_docs_page_does_not_ask_others_to_validate(client: TestClient) -> None:
    assert re.search(r'"validatorUrl":\s*null', get(client, "/docs", "en"))


def test_the_document_is_served(client: TestClient) -> None:
    assert client.get("/openapi.json").json() == openapi.document(client.app)  # type: ignore[arg-type]


def test_the_document_is_made_once_and_where_it_keeps_no_other_caller_waiting(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made_beside = openapi.document, list[bool]()

    def document(app: FastAPI) -> Any:
        made_beside.append(asyncio._get_running_loop() is None)
        return make(app)

    monkeypatch.setattr(openapi, "document", document)
    with ThreadPoolExecutor(2) as pool:
        replies = [*pool.map(client.get, ["/openapi.json"] * 2), client.get("/openapi.json")]
    assert made_beside == [True]
    assert len({reply.headers["ETag"] for reply in replies}) == 1


def test_a_root_path_stands_before_every_address_of_the_docs(database_url: str) -> None:
    settings = quiet(database_url, root_path="/gongkai")
    with TestClient(create_app(settings), root_path="/gongkai") as client:
        page = client.get("/docs").text
        assert all(
            path.startswith("/gongkai/") for path in re.findall(r'(?:src|href)="([^"]+)"', page)
        )
        assert "/gongkai/openapi.json" in page


def test_behind_a_root_path_all_is_as_it_is_without(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []
    monkeypatch.setattr(dispatch, "note_refusal", lambda *_: refused.append("refused"))
    settings = quiet(database_url, root_path="/gongkai")
    with TestClient(create_app(settings), root_path="/gongkai") as client:
        made = client.put("/v1/agencies/zz", json=an_agency_body())
        for name in ("location", "content-location"):
            assert made.headers[name] == "/gongkai/v1/agencies/zz"
        entry = client.get("/v1/audit?limit=1&sort=-seq").json()["items"][0]
        assert entry["operation"] == "PUT /v1/agencies/zz"
        problem = client.get("/v1/agencies/nobody").json()
        assert problem["type"] == "/gongkai/problems/agency-not-found"
        put_report(client, "zz", 2023)
        put_report(client, "zz", 2024)
        page = client.get("/v1/statistics?by=year&format=csv&limit=1")
        assert page.headers["link"].startswith("</gongkai/v1/statistics?cursor=")
        allowed = client.post("/v1/agencies/zz").headers["allow"]
        assert allowed == "DELETE, GET, HEAD, PATCH, PUT"
        assert client.get("/v1/forms", headers={"Authorization": "Bearer x"}).status_code == 401
    assert refused == ["refused"]


def test_the_first_page_says_where_things_are(client: TestClient) -> None:
    for link in client.get("/").json()["links"].values():
        assert client.get(link).status_code == 200


# Problems


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_type_of_problem_has_a_page(client: TestClient, language: str) -> None:
    for slug, kind in PROBLEMS.items():
        page = get(client, f"/problems/{slug}", language)
        assert f"{kind.status} {slug}" in page
        assert "{{" not in page, slug
        for label in (kind.title, kind.cause, kind.cure):
            text, other = (label.zh, label.en) if language == "zh" else (label.en, label.zh)
            readable = html.unescape(page)
            assert text in readable, slug
            assert other not in readable, slug
        heads = ("原因", "示例", "处理办法") if language == "zh" else ("Cause", "Example", "Cure")
        assert all(f"<h2>{head}</h2>" in page for head in heads)
        assert f'"type": "/problems/{slug}"' in page.replace("&quot;", '"')
        assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in page


def test_the_type_of_a_problem_leads_to_its_page(client: TestClient) -> None:
    make_agency(client)
    put_report(client)
    for reply in (
        client.get("/v1/nothing"),
        client.delete("/v1/rules"),
        client.delete("/v1/agencies/a"),
        client.put("/v1/reports/a/2024", json={"nonsense": 1}),
    ):
        assert client.get(reply.json()["type"]).status_code == 200


def test_an_unknown_type_of_problem_is_not_found(client: TestClient) -> None:
    assert said(client.get("/problems/nonsense")) == (404, "not-found")
    assert said(client.get("/problems/")) == (404, "not-found")
