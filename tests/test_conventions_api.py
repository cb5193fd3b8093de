"""What holds for every request and every reply, whatever it is about."""

import gzip
import json
import re
import uuid
from collections.abc import Mapping
from itertools import combinations, product
from typing import Any

import pytest
from httpx2 import Response
from starlette.requests import Request

from app.api import openapi, replies
from app.api.downloads import MEDIA_TYPES
from app.api.texts import PROBLEMS
from app.errors import Stale
from app.main import create_app
from tests.api import (
    ADMIN_KEY,
    TestClient,
    an_agency_body,
    etag,
    faults,
    make_agency,
    put_report,
    put_table,
    revision,
    said,
)
from tests.callers import as_, key_for, step
from tests.conftest import quiet, served

JSON = {"content-type": "application/json"}
LIMIT = 2 * 2**20
LARGEST = 2**53
TAG = re.compile(r'"[1-9]\d*-[0-9a-f]{16}"')
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
CHINESE = re.compile(r"[\u4e00-\u9fff]")

AGENCY, YEAR = "/v1/agencies/a", "/v1/reporting-years/2024"
REPORT = "/v1/reports/a/2024"
TABLE, FINDINGS = f"{REPORT}/requests", f"{REPORT}/findings"
COMPARISON = f"{REPORT}/comparison?with=2024"
SERIES = f"{AGENCY}/series?cells=requests.received.total"
RESOURCES = {"agency": AGENCY, "year": YEAR, "report": REPORT, "table": TABLE}
CHANGES: dict[str, dict[str, Any]] = {
    AGENCY: {"name": "财政局"},
    YEAR: {"status": "closed"},
    REPORT: {"overview": "另一段文字"},
    TABLE: {"remarks": {"received": "已核对"}},
}
"""A merge patch of each resource that changes it."""
each_resource = pytest.mark.parametrize("path", RESOURCES.values(), ids=RESOURCES)


@pytest.fixture
def world(client: TestClient) -> TestClient:
    """A client of a register with one agency and its report on 2024."""
    make_agency(client)
    put_report(client)
    return client


def send(
    client: TestClient, path: str, body: bytes = b"{}", method: str = "PUT", **headers: str
) -> Response:
    """Send a body as it is."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.request(method, path, content=body, headers=JSON | named)


def get(client: TestClient, path: str, **headers: str) -> Response:
    """Read something with these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers=named)


def cell(value: str) -> bytes:
    """Return the body of a table with one cell, written as given."""
    return b'{"data":{"received":{"natural_person":%s}}}' % value.encode()


CELL = "/data/received/natural_person"


# Errors


def errors_of_every_kind(client: TestClient, **headers: str) -> dict[str, Response]:
    """Return a reply for every type of problem that a client can cause."""
    make_agency(client, "root", uscc="11370900004341590P")
    make_agency(client, "child", parent="root")
    make_agency(client, "empty")
    client.put("/v1/reports/child/2024", json={})
    client.put("/v1/reporting-years/2020", json={"status": "closed"})
    client.headers.update(headers)
    return {
        "malformed-json": send(client, AGENCY, b"{"),
        "duplicate-member": send(client, AGENCY, b'{"name":"a","name":"b"}'),
        "cursor-mismatch": client.get("/v1/agencies?cursor=x"),
        "not-found": client.get("/v1/nothing"),
        "agency-not-found": client.get("/v1/agencies/nobody"),
        "reporting-year-not-found": client.get("/v1/reporting-years/2099"),
        "report-not-found": client.get("/v1/reports/empty/2024"),
        "form-not-found": client.get("/v1/forms/1999"),
        "table-not-in-form": client.get(f"{REPORT}/procurement"),
        "table-not-filed": client.get("/v1/reports/child/2024/fees"),
        "method-not-allowed": client.delete("/v1/rules"),
        "not-acceptable": get(client, AGENCY, accept="text/html"),
        "already-exists": client.post("/v1/agencies", json=an_agency_body(code="root")),
        "year-closed": client.put("/v1/reports/a/2020", json={}),
        "succession-not-found": client.get("/v1/successions/none"),
        "webhook-not-found": client.get("/v1/webhooks/nobody"),
        "cursor-gone": client.get("/v1/changes?after=1000000"),
        "in-use": client.delete("/v1/agencies/root"),
        "uscc-taken": client.patch(AGENCY, json={"uscc": "11370900004341590P"}),
        "precondition-failed": client.delete(AGENCY, headers={"if-match": '"9-0"'}),
        "body-too-large": send(client, AGENCY, b" " * (LIMIT + 1)),
        "unsupported-media-type": send(client, AGENCY, content_type="text/plain"),
        "invalid-body": client.put(AGENCY, json={}),
        "credentials-in-query": client.get("/v1/agencies?key=x"),
        "authentication-required": as_(client, None, "PUT", AGENCY),
        "invalid-credentials": as_(client, "x", "GET", AGENCY),
        "forbidden": as_(client, key_for(client, "auditor"), "PUT", AGENCY),
        "audit-entry-not-found": client.get("/v1/audit/999999"),
        "key-not-found": client.get("/v1/keys/nobody"),
        "finding-not-found": client.put(f"{REPORT}/findings/x/decision", json=CONFIRMED),
        "decision-not-found": client.get(f"{REPORT}/findings/x/decision"),
        "revision-not-found": client.get(f"{REPORT}/revisions/99"),
        "submission-refused": _submitted_with_an_error(client),
        "transition-not-possible": step(client, ADMIN_KEY, "accept"),
        "report-locked": _written_after(client, "submit"),
        "report-published": _deleted_after_a_correction(client),
        "invalid-parameter": client.get("/v1/agencies?nonsense=1"),
        "year-without-form": client.put("/v1/reporting-years/2018", json={}),
        "bad-idempotency-key": send(client, "/v1/agencies", method="POST", idempotency_key=""),
        "idempotency-key-reused": _with_a_used_key(client),
        "import-not-found": client.get("/v1/imports/x"),
        "invalid-import": _imported(client, b"{}"),
        "malformed-gzip": _imported(client, b"{}", content_encoding="gzip"),
        "unreadable-workbook": _imported(client, b"{}", content_type=MEDIA_TYPES["xlsx"]),
        "too-many-requests": _asked_twice(client, key_for(client, "reader", rate_limit=1)),
    }


def _asked_twice(client: TestClient, key: str) -> Response:
    for _ in range(2):
        reply: Response = as_(client, key, "GET", AGENCY)
    return reply


def _submitted_with_an_error(client: TestClient) -> Response:
    put_report(client, "a", 2023, requests={"received__total": 5})
    made: Response = step(client, ADMIN_KEY, "submit", year=2023)
    return made


def _written_after(client: TestClient, action: str) -> Response:
    put_report(client, "a", 2022)
    assert step(client, ADMIN_KEY, action, year=2022).status_code == 200
    return client.put("/v1/reports/a/2022", json={})


def _deleted_after_a_correction(client: TestClient) -> Response:
    put_report(client, "a", 2021)
    for action in ("record", "correct"):
        assert step(client, ADMIN_KEY, action, "旧报告", year=2021).status_code == 200
    return client.delete("/v1/reports/a/2021")


CONFIRMED = {"decision": "confirmed"}


def _with_a_used_key(client: TestClient) -> Response:
    for body in (b"{}", b"[]"):
        reply = send(client, "/v1/agencies", body, "POST", idempotency_key="k")
    return reply


def _imported(client: TestClient, content: bytes, **headers: str) -> Response:
    headers = {"content_type": "application/x-ndjson"} | headers
    return send(client, "/v1/imports", content, "POST", **headers)


def test_every_error_is_a_problem_that_says_what_it_is(world: TestClient) -> None:
    for slug, reply in errors_of_every_kind(world).items():
        assert said(reply) == (PROBLEMS[slug].status, slug)
        body = reply.json()
        assert set(body) == {"type", "title", "status", "detail", "instance", "errors"}, slug
        assert body["status"] == reply.status_code
        assert body["instance"] == f"urn:uuid:{reply.headers['x-request-id']}"


def test_every_problem_of_a_client_is_caused_here(world: TestClient) -> None:
    of_the_service = {"conflict", "internal-error", "unavailable"}
    of_a_moment = {
        "idempotency-key-in-use",
        "import-not-ended",
        "request-timeout",
        "too-many-at-once",
    }
    expected = set(PROBLEMS) - of_the_service - of_a_moment
    assert set(errors_of_every_kind(world)) == expected


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_error_is_said_in_one_language(world: TestClient, language: str) -> None:
    for slug, reply in errors_of_every_kind(world, **{"accept-language": language}).items():
        body = reply.json()
        texts = [body["title"], body["detail"], *(e["message"] for e in body["errors"])]
        assert [bool(CHINESE.search(text)) for text in texts] == [language == "zh"] * len(texts), (
            slug,
            texts,
        )
        assert reply.headers["content-language"].startswith(language)
        assert "accept-language" in reply.headers["vary"].lower()


LANGUAGES = {
    "": "zh",
    "*": "zh",
    "fr": "zh",
    "en": "en",
    "en-US,en;q=0.9": "en",
    "EN-gb": "en",
    "en-001": "en",
    "en-US-u-hc-h12;q=0.9, zh;q=0.8": "en",
    "zh-CN,zh;q=0.9,en;q=0.8": "zh",
    "zh-Hant-TW": "zh",
    "en;q=0.5, zh;q=0.8": "zh",
    "zh;q=0.5, en;q=0.8": "en",
    "fr-FR, en;q=0.1": "en",
    "zh;Q=0.5, en;Q=0.8": "en",
    "en;q=0": "zh",
    "es-419, en;q=0.7": "en",
    "nonsense;;;q=x": "zh",
}


def test_the_language_is_chosen_by_accept_language(client: TestClient) -> None:
    def language(**headers: str) -> str:
        detail = get(client, "/v1/agencies/nobody", **headers).json()["detail"]
        return "zh" if CHINESE.search(detail) else "en"

    assert language() == "zh"
    assert {sent: language(accept_language=sent) for sent in LANGUAGES} == LANGUAGES
    lines = [("accept-language", "fr"), ("accept-language", "en")]
    assert client.get("/v1/agencies/nobody", headers=lines).headers["content-language"] == "en"


def test_a_refusal_lists_every_fault_once(world: TestClient) -> None:
    body = {
        "code": "-",
        "name": " ",
        "short_name": 5,
        "kind": "ministry",
        "parent": "nobody",
        "uscc": "11370900004341590A",
        "uscc_unchecked": "no",
        "division": "99",
        "active_from": "2024-02-30",
        "nonsense": 1,
        "a/b~c": 1,
    }
    reply = world.put(AGENCY, json=body)
    assert faults(reply) == sorted(
        [
            ("/a~1b~0c", "unknown-member"),
            ("/active_from", "not-a-date"),
            ("/code", "bad-code"),
            ("/division", "bad-division"),
            ("/kind", "not-one-of"),
            ("/level", "required"),
            ("/name", "empty"),
            ("/nonsense", "unknown-member"),
            ("/parent", "unknown-agency"),
            ("/short_name", "not-a-text"),
            ("/uscc_unchecked", "not-a-boolean"),
        ]
    )


def test_pointers_name_members_and_no_types(world: TestClient) -> None:
    line = {"natural_person": True, "total": "6", "nonsense": 1}
    body = {
        "published_url": "nowhere",
        "tables": {
            "requests": {"filing": "full", "data": {"received": line, "granted": 5, "no": {}}},
            "fees": {"data": {"charges": {"amount": 5}}},
            "procurement": {},
        },
    }
    assert faults(world.put(REPORT, json=body)) == [
        ("/published_url", "not-a-url"),
        ("/tables/fees/data/charges/amount", "not-a-decimal"),
        ("/tables/procurement", "unknown-member"),
        ("/tables/requests/data/granted", "not-an-object"),
        ("/tables/requests/data/no", "unknown-member"),
        ("/tables/requests/data/received/natural_person", "not-a-count"),
        ("/tables/requests/data/received/nonsense", "unknown-member"),
        ("/tables/requests/data/received/total", "not-a-count"),
        ("/tables/requests/filing", "not-one-of"),
    ]


def test_a_refused_body_leaves_no_trace(world: TestClient) -> None:
    before = {path: world.get(path).content for path in RESOURCES.values()}
    for path in RESOURCES.values():
        assert world.put(path, json={**CHANGES[path], "nonsense": 1}).status_code == 422
        assert world.patch(path, json={**CHANGES[path], "nonsense": 1}).status_code == 422
    assert {path: world.get(path).content for path in RESOURCES.values()} == before


def test_a_body_that_is_no_object_is_refused(world: TestClient) -> None:
    for body in (b"[]", b"null", b"5", b'"{}"', b"true"):
        for path in RESOURCES.values():
            reply = send(world, path, body)
            assert said(reply) == (422, "invalid-body")
            assert faults(reply) == [("", "not-an-object")]


# The order of checks

ORDER = {
    "route": (404, "not-found"),
    "method": (405, "method-not-allowed"),
    "media type": (415, "unsupported-media-type"),
    "size": (413, "body-too-large"),
    "path": (404, "agency-not-found"),
    "closed year": (409, "year-closed"),
    "condition": (412, "precondition-failed"),
    "json": (400, "malformed-json"),
    "content": (422, "invalid-body"),
}
_NOT_FOUND = {"/v1/reporting-years/{}": (404, "reporting-year-not-found")}


def with_faults(client: TestClient, method: str, template: str, wrong: tuple[str, ...]) -> Response:
    """Send a request that is wrong in these ways and right in all others."""
    year = 2023 if "closed year" in wrong else 2024
    named = "a" if "{}" in template and "years" not in template else "2024"
    absent = "nobody" if named == "a" else "2099"
    path = template.format(absent if "path" in wrong else named, year)
    headers = {"if-match": '"999-0"'} if "condition" in wrong else {}
    media = "text/plain" if "media type" in wrong else "application/json"
    body = b'{"nonsense":1}' if "content" in wrong else b"{}"
    body = body[:-1] if "json" in wrong else body
    body = body + b" " * LIMIT if "size" in wrong else body
    return client.request(
        "POST" if "method" in wrong else method,
        f"{path}/nothing" if "route" in wrong else path,
        content=body,
        headers={"content-type": media, **headers},
    )


@pytest.mark.parametrize(
    ("method", "template"),
    [
        ("PUT", "/v1/reports/{}/{}"),
        ("PATCH", "/v1/reports/{}/{}"),
        ("PUT", "/v1/reports/{}/{}/requests"),
        ("PATCH", "/v1/reports/{}/{}/requests"),
        ("PUT", "/v1/agencies/{}"),
        ("PATCH", "/v1/agencies/{}"),
        ("PUT", "/v1/reporting-years/{}"),
        ("PATCH", "/v1/reporting-years/{}"),
    ],
    ids=lambda text: text.removeprefix("/v1/"),
)
def test_of_two_faults_the_earlier_check_answers(
    world: TestClient, method: str, template: str
) -> None:
    put_report(world, year=2023)
    world.patch("/v1/reporting-years/2023", json={"status": "closed"})
    is_report = "reports" in template
    checks = [
        check
        for check in ORDER
        if (is_report or check != "closed year")
        and (is_report or method == "PATCH" or check != "path")
    ]
    answers = {**ORDER, "path": _NOT_FOUND.get(template, ORDER["path"])}
    pairs = list(combinations(checks, 2))
    given = {pair: said(with_faults(world, method, template, pair)) for pair in pairs}
    assert given == {pair: answers[pair[0]] for pair in pairs}


ABSENT = {
    "/v1/agencies/nobody": "agency-not-found",
    "/v1/reporting-years/2099": "reporting-year-not-found",
    "/v1/forms/1999": "form-not-found",
    "/v1/reports/nobody/2024": "agency-not-found",
    "/v1/reports/a/2099": "reporting-year-not-found",
    "/v1/reports/a/2022": "report-not-found",
    "/v1/reports/a/2022/requests": "report-not-found",
    "/v1/reports/a/2022/procurement": "table-not-in-form",
    "/v1/reports/nobody/2099/findings": "agency-not-found",
    "/v1/reports/nobody/2099/comparison": "agency-not-found",
    "/v1/reports/a/2099/comparison": "reporting-year-not-found",
    "/v1/reports/a/2022/comparison": "report-not-found",
    "/v1/reports/nobody/2099/revisions": "agency-not-found",
    "/v1/reports/a/2099/revisions": "reporting-year-not-found",
    "/v1/reports/a/2022/revisions": "report-not-found",
    "/v1/agencies/nobody/series": "agency-not-found",
}


def test_what_the_path_names_is_looked_for_before_parameters(world: TestClient) -> None:
    for parameters in ("", "?nonsense=1"):
        given = {path: said(world.get(path + parameters)) for path in ABSENT}
        assert given == {path: (404, slug) for path, slug in ABSENT.items()}


def test_a_resource_takes_no_unknown_parameters(world: TestClient) -> None:
    for path in (AGENCY, YEAR, REPORT, TABLE, FINDINGS, "/v1/rules", "/v1/forms", "/v1/forms/2019"):
        reply = world.get(f"{path}?nonsense=1")
        assert said(reply) == (422, "invalid-parameter")
        (fault,) = reply.json()["errors"]
        assert (fault["pointer"], fault["parameter"]) == (None, "nonsense")


def test_no_write_takes_an_unknown_parameter_and_it_stores_nothing(world: TestClient) -> None:
    """Whatever else is wrong is said first."""
    latest = world.get("/v1/changes").json()["latest"]
    writes: list[tuple[str, str, dict[str, Any] | None]] = [
        ("DELETE", REPORT, None),
        ("DELETE", TABLE, None),
        ("PATCH", AGENCY, {"name": "新"}),
        ("PUT", TABLE, {"data": {"received": {"total": 7}}}),
        ("PUT", "/v1/reports/a/2023", {}),
        ("PUT", "/v1/agencies/new", an_agency_body()),
        ("POST", "/v1/reporting-years", {"year": 2030}),
    ]
    for method, path, body in writes:
        reply = world.request(method, f"{path}?dry_run=true", json=body)
        assert said(reply) == (422, "invalid-parameter"), (method, path)
        (fault,) = reply.json()["errors"]
        assert (fault["code"], fault["parameter"]) == ("unknown-parameter", "dry_run")
    assert world.get("/v1/changes").json()["latest"] == latest
    assert said(world.delete("/v1/reports/a/2019?x=1")) == (404, "report-not-found")
    assert said(world.put(f"{TABLE}?x=1", json={"no": 1})) == (422, "invalid-body")


MISSHAPEN = {
    "/v1/agencies/-a": "agency-not-found",
    f"/v1/agencies/{'a' * 33}": "agency-not-found",
    "/v1/agencies/宿迁": "agency-not-found",
    "/v1/reporting-years/24": "reporting-year-not-found",
    "/v1/reporting-years/0999": "reporting-year-not-found",
    "/v1/reporting-years/9999": "reporting-year-not-found",
    "/v1/reporting-years/２０２４": "reporting-year-not-found",
    "/v1/reporting-years/2024.0": "reporting-year-not-found",
    "/v1/reports/-a/2024": "agency-not-found",
    "/v1/reports/a/last": "reporting-year-not-found",
    "/v1/reports/a/20240/fees": "reporting-year-not-found",
}


def test_a_wrongly_shaped_key_is_not_found_and_cannot_be_made(world: TestClient) -> None:
    for path, slug in MISSHAPEN.items():
        assert said(world.get(path)) == (404, slug)
        assert said(world.patch(path, json={})) == (404, slug)
        assert said(world.delete(path)) == (404, slug)
        assert said(send(world, path)) == (422, "invalid-parameter")
        assert said(send(world, path, b"{")) == (400, "malformed-json")
        assert said(send(world, path, b"{", if_match="*")) == (412, "precondition-failed")


# Bodies

MALFORMED = {
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "bad UTF-8": b'{"name":"\xff"}',
    "an encoded surrogate": b'{"name":"\xed\xa0\x80"}',
    "UTF-16": '{"name":"a"}'.encode("utf-16"),
    "NaN": b'{"name":NaN}',
    "Infinity": b'{"name":Infinity}',
    "-Infinity": b'{"name":-Infinity}',
    "trailing garbage": b"{} x",
    "two values": b"{}{}",
    "a trailing comma": b'{"name":"a",}',
    "a missing colon": b'{"name" "a"}',
    "single quotes": b"{'name':'a'}",
    "a comment": b"{/* */}",
    "a leading zero": b'{"name":01}',
    "a leading plus": b'{"name":+1}',
    "a bare point": b'{"name":1.}',
    "a raw line feed": b'{"name":"\n"}',
    "a raw NUL": b'{"name":"\x00"}',
    "a bad escape": b'{"name":"\\x41"}',
    "a half escape": b'{"name":"\\u12"}',
    "no end": b'{"name":"a"',
    "deep arrays": b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"name":' * 100_000 + b"1" + b"}" * 100_000,
    "endless arrays": b"[" * 1_000_000,
}


WRITES = [
    ("PUT", AGENCY),
    ("PATCH", AGENCY),
    ("POST", "/v1/agencies"),
    ("PUT", YEAR),
    ("PATCH", YEAR),
    ("POST", "/v1/reporting-years"),
    ("PUT", REPORT),
    ("PATCH", REPORT),
    ("POST", "/v1/reports"),
    ("PUT", TABLE),
    ("PATCH", TABLE),
    ("POST", "/v1/validations"),
]


def test_what_is_not_json_is_malformed(world: TestClient) -> None:
    for method, path in WRITES:
        given = {kind: said(send(world, path, body, method)) for kind, body in MALFORMED.items()}
        assert given == dict.fromkeys(MALFORMED, (400, "malformed-json"))


def test_a_deep_body_is_never_a_failure_of_the_service(world: TestClient) -> None:
    for depth in (10, 60, 70, 300, 500, 900, 950, 990, 1000, 2000):
        nested = b'{"a":' * depth + b"1" + b"}" * depth
        twice = b'{"a":' * depth + b'{"b":1,"b":2}' + b"}" * depth
        for path in RESOURCES.values():
            for member in (b"links", b"nonsense"):
                body = b'{"%s":%s}' % (member, nested)
                assert send(world, path, body).status_code < 500
                assert send(world, path, body, "PATCH").status_code < 500
            assert said(send(world, path, twice))[0] == 400


def test_a_member_that_stands_twice_is_named_wherever_it_is(world: TestClient) -> None:
    body = b"""{"name": 1, "name": 1, "a/b": {"x": 1, "x": 2}, "name": 3,
        "list": [{"y": 1}, {"y": 1, "y": {"z": 1, "z": 1}}]}"""
    for method, path in (("PUT", AGENCY), ("PATCH", REPORT), ("POST", "/v1/validations")):
        reply = send(world, path, body, method)
        assert said(reply) == (400, "duplicate-member")
        assert faults(reply) == [
            ("/a~1b/x", "duplicate-member"),
            ("/list/1/y", "duplicate-member"),
            ("/list/1/y/z", "duplicate-member"),
            ("/name", "duplicate-member"),
        ]


def test_members_that_differ_by_an_escape_only_are_the_same(world: TestClient) -> None:
    assert said(send(world, AGENCY, b'{"name":"a","n\\u0061me":"b"}'))[1] == "duplicate-member"


@pytest.mark.parametrize("space", [b" ", b"\t", b"\n", b"\r", b" \r\n\t "])
def test_a_member_that_stands_twice_is_refused_however_it_is_spaced(
    world: TestClient, space: bytes
) -> None:
    """As many colons follow a quote at once as there are members left."""
    for body in (b'{"name"%s:"a","name":"b"}', b'{"name":"a","name"%s:"b"}'):
        assert said(send(world, AGENCY, body % space))[1] == "duplicate-member"


def test_a_body_of_two_mebibytes_is_taken_and_no_byte_more(client: TestClient) -> None:
    body = json.dumps(an_agency_body()).encode()
    assert said(send(client, AGENCY, body.ljust(LIMIT + 1))) == (413, "body-too-large")
    assert send(client, AGENCY, body.ljust(LIMIT)).status_code == 201


def test_a_body_that_is_too_large_gets_its_reply(database_url: str) -> None:
    mebibyte = b" " * 2**20
    with served(database_url) as (client, _):
        for size in (3, 7, 8):
            reply = client.put(AGENCY, content=mebibyte * size, headers=JSON)
            assert said(reply) == (413, "body-too-large")
            in_chunks = client.put(AGENCY, content=iter([mebibyte] * size), headers=JSON)
            assert said(in_chunks) == (413, "body-too-large")
        assert client.put(AGENCY, json=an_agency_body()).status_code == 201


NOT_JSON = [
    "",
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/json; charset=gbk",
    "application/json; charset=utf-16",
    "*/*",
]


def test_other_media_types_are_refused(world: TestClient) -> None:
    for method, path in WRITES:
        for media in NOT_JSON:
            reply = send(world, path, method=method, content_type=media)
            assert said(reply) == (415, "unsupported-media-type")
            named = reply.headers.get("accept-patch")
            assert named == ("application/merge-patch+json" if method == "PATCH" else None)
        assert world.request(method, path, content=b"{}").status_code == 415


def test_a_compressed_body_is_refused(world: TestClient) -> None:
    reply = send(world, AGENCY, gzip.compress(b"{}"), content_encoding="gzip")
    assert said(reply) == (415, "unsupported-media-type")


ALSO_JSON = [
    "application/json",
    "application/json; charset=utf-8",
    'Application/JSON;Charset="UTF-8"',
    "application/json; charset=utf-8; profile=x",
    "application/merge-patch+json",
    "application/vnd.example+json",
    "model/example+json",
]


def test_json_by_any_name_is_taken(world: TestClient) -> None:
    body = json.dumps(an_agency_body()).encode()
    for media in ALSO_JSON:
        assert send(world, AGENCY, body, "PATCH", content_type=media).status_code == 200
        assert send(world, AGENCY, body, content_type=media).status_code == 200


UNKNOWN = {
    AGENCY: ["/nonsense"],
    YEAR: ["/nonsense", "/due/nonsense"],
    REPORT: [
        "/nonsense",
        "/totals",
        "/tables/nonsense",
        "/tables/requests/nonsense",
        "/tables/requests/data/nonsense",
        "/tables/requests/data/received/nonsense",
    ],
    TABLE: ["/nonsense", "/data/nonsense", "/data/received/nonsense"],
}


@each_resource
def test_unknown_members_are_refused(world: TestClient, path: str) -> None:
    for pointer in UNKNOWN[path]:
        body: Any = 1
        for name in reversed(pointer.split("/")[1:]):
            body = {name: body}
        for body_with in (body, {**body}):
            assert (pointer, "unknown-member") in faults(world.put(path, json=body_with))
            assert faults(world.patch(path, json=body_with)) == [(pointer, "unknown-member")]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("PUT", "/v1/agencies/a", '"name":5,"kind":"x"', {"/name", "/kind", "/level"}),
        ("PATCH", "/v1/agencies/a", '"uscc":5', {"/uscc"}),
        ("PATCH", "/v1/agencies/a", '"parent":[1]', {"/parent"}),
        ("PATCH", "/v1/agencies/a", '"effective_on":5', {"/effective_on"}),
        ("POST", "/v1/reporting-years", '"year":"x"', {"/year"}),
        ("PUT", "/v1/reports/a/2024", '"overview":5', {"/overview"}),
    ],
)
def test_a_name_that_is_no_text_is_unknown_and_hides_no_other_fault(
    world: TestClient, method: str, path: str, body: str, expected: set[str]
) -> None:
    for name in ("\\ud800", "x\\udfff"):
        reply = send(world, path, f'{{{body},"{name}":1}}'.encode(), method)
        found = dict(faults(reply))
        assert found.pop(f"/{name}") == "unknown-member"
        assert set(found) == expected
        stale = send(world, path, f'{{{body},"{name}":1}}'.encode(), method, if_match='"9-x"')
        assert stale.status_code in {412, 422}


def test_a_member_with_the_name_of_a_mark_of_ours_is_unknown(world: TestClient) -> None:
    reply = world.put(TABLE, json={"data": {"[key]": 1}, "remarks": {"[key]": "x"}})
    assert sorted(faults(reply)) == [
        ("/data/[key]", "unknown-member"),
        ("/remarks/[key]", "bad-remark-key"),
    ]


def test_an_id_that_cannot_be_one_is_not_found(world: TestClient) -> None:
    for kind in ("imports", "webhooks", "keys", "successions"):
        for id_ in ("%00", "x", "0" * 400):
            assert world.get(f"/v1/{kind}/{id_}").status_code == 404, (kind, id_)
    for path in ("webhooks/%00", "keys/%00"):
        assert world.delete(f"/v1/{path}").status_code == 404
        assert world.patch(f"/v1/{path}", json={}).status_code == 404
    key = {"name": "x", "role": "reader", "agency": "\0"}
    assert [pointer for pointer, _ in faults(world.post("/v1/keys", json=key))] == ["/agency"]


READ_ONLY = {
    AGENCY: ["created_at", "updated_at", "links"],
    YEAR: ["created_at", "updated_at", "links"],
    REPORT: ["timeliness", "findings", "counts", "created_at", "updated_at", "links"],
    TABLE: ["totals", "totals_partial", "findings", "updated_at", "links"],
}


@each_resource
def test_members_that_only_replies_have_are_ignored(world: TestClient, path: str) -> None:
    before = world.get(path)
    body = before.json() | {name: [{"any": "thing"}] for name in READ_ONLY[path]}
    for reply in (world.put(path, json=body), world.patch(path, json=body)):
        assert reply.status_code == 200
        assert reply.content == before.content


@each_resource
def test_what_was_read_can_be_written_back(world: TestClient, path: str) -> None:
    before = world.get(path)
    after = world.put(path, json=before.json())
    assert (after.status_code, etag(after)) == (200, etag(before))
    assert after.content == before.content


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    AGENCY: {"code": "b"},
    YEAR: {"year": 2023, "form": "2019"},
    REPORT: {"agency": "b", "year": 2023, "form": "2019"},
    TABLE: {
        "agency": {"code": "b", "name": "审计局"},
        "year": 2023,
        "form": "2019",
        "table": "fees",
    },
}


@each_resource
def test_a_member_that_contradicts_the_path_is_refused(world: TestClient, path: str) -> None:
    make_agency(world, "b")
    good = world.get(path).json()
    for name, value in CONTRADICTIONS[path].items():
        for reply in (
            world.put(path, json=good | {name: value}),
            world.patch(path, json={name: value}),
        ):
            assert reply.status_code == 422
            assert [pointer for pointer, _ in faults(reply)] == [f"/{name}"]


# Values

COUNTS = {
    "0": 0,
    "5": 5,
    "5.0": 5,
    "5e0": 5,
    "50e-1": 5,
    "0.5E1": 5,
    "-0": 0,
    "-0.0": 0,
    "9007199254740992": LARGEST,
    "9007199254740992.0": LARGEST,
    "null": None,
    '"n/a"': "n/a",
}
NOT_COUNTS = {
    "text": '"5"',
    "empty text": '""',
    "another text": '"N/A"',
    "true": "true",
    "false": "false",
    "a fraction": "1.5",
    "a small fraction": "5.00000000000000000000000000000000000000000000000000001",
    "a negative": "-1",
    "too large": "9007199254740993",
    "too large by half": "9007199254740992.5",
    "a huge exponent": "1e400",
    "a tiny exponent": "1e-400",
    "an exponent beyond all bounds": "1e999999999999999999999",
    "a negative one": "1e-999999999999999999999",
    "64 bits": "18446744073709551616",
    "100 digits": "9" * 100,
    "5000 digits": "9" * 5000,
    "5000 digits, negative": "-" + "9" * 5000,
    "5000 places": "0." + "9" * 5000,
    "a list": "[5]",
    "an object": '{"value":5}',
}


def test_counts_are_whole_numbers(world: TestClient) -> None:
    for text, value in COUNTS.items():
        reply = send(world, TABLE, cell(text))
        assert reply.status_code == 200, text
        assert reply.json()["data"]["received"]["natural_person"] == value
        assert type(reply.json()["data"]["received"]["natural_person"]) is type(value)


def test_what_is_no_count_is_one_fault(world: TestClient) -> None:
    for method in ("PUT", "PATCH"):
        given = {
            kind: faults(send(world, TABLE, cell(text), method))
            for kind, text in NOT_COUNTS.items()
        }
        assert given == {kind: [(CELL, "not-a-count")] for kind in NOT_COUNTS}


def amount(client: TestClient, value: object) -> Response:
    """Write a decimal."""
    return client.put(f"{REPORT}/fees", json={"data": {"charges": {"amount": value}}})


DECIMALS = {
    "0": "0",
    "0.0": "0",
    "0.5": "0.5",
    "0.000001": "0.000001",
    "59237.2449": "59237.2449",
    "1.100000": "1.1",
    "100": "100",
    "999999999999.999999": "999999999999.999999",
    None: None,
    "n/a": "n/a",
}


def test_decimals_are_kept_without_trailing_zeros(world: TestClient) -> None:
    kept = {sent: amount(world, sent).json()["data"]["charges"]["amount"] for sent in DECIMALS}
    assert kept == DECIMALS


def test_what_is_no_decimal_is_one_fault(world: TestClient) -> None:
    wrong: list[object] = [5, 5.5, True, "", " 5", "5 ", "5\n", "5.", ".5", "05", "+5", "-5", "1e3"]
    wrong += ["1.1234567", "1234567890123", "1,000", "５", "٣", "NaN", "Infinity", ["5"], {}]
    given = [faults(amount(world, value)) for value in wrong]
    assert given == [[("/data/charges/amount", "not-a-decimal")]] * len(wrong)


BAD_TEXTS = [*"\0\x01\x08\x0b\x0c\r\x0e\x1f\x7f\x80\x85\x9f", "\ud800", "\udfff", "\udc00\ud800"]


def _text(path: str, text: str) -> dict[str, Any]:
    return {
        AGENCY: an_agency_body(name=text),
        REPORT: {"overview": text},
        TABLE: {"remarks": {"received": text}},
    }[path]


POINTERS = {AGENCY: "/name", REPORT: "/overview", TABLE: "/remarks/received"}
each_text = pytest.mark.parametrize("path", POINTERS, ids=["name", "prose", "remark"])


@each_text
def test_texts_have_no_control_characters_and_no_lone_surrogates(
    world: TestClient, path: str
) -> None:
    for bad in BAD_TEXTS:
        body = json.dumps(_text(path, f"审{bad}计")).encode()
        assert faults(send(world, path, body)) == [(POINTERS[path], "bad-text")], ascii(bad)


@each_text
def test_texts_may_be_of_any_script(world: TestClient, path: str) -> None:
    text = "一\t二\n𠮷😀 \u2028\ue000\ufffd\U0010ffff"
    reply = world.put(path, json=_text(path, text))
    assert reply.status_code == 200
    assert world.get(path).json() == reply.json()
    found: Any = reply.json()
    for name in POINTERS[path].split("/")[1:]:
        found = found[name]
    assert found == text


@pytest.mark.parametrize(
    ("path", "limit"),
    [(AGENCY, 200), (REPORT, 200_000), (TABLE, 2_000)],
    ids=["name", "prose", "remark"],
)
def test_texts_have_a_length_in_characters(world: TestClient, path: str, limit: int) -> None:
    assert world.put(path, json=_text(path, "𠮷" * limit)).status_code == 200
    reply = world.put(path, json=_text(path, "a" * (limit + 1)))
    assert faults(reply) == [(POINTERS[path], "too-long")]


@each_resource
def test_times_are_in_utc_with_microseconds(world: TestClient, path: str) -> None:
    found = world.get(path).json()
    times = [found[name] for name in ("created_at", "updated_at") if name in found]
    assert times
    assert all(INSTANT.fullmatch(time) for time in times)


# Methods

READABLE = [
    *RESOURCES.values(),
    FINDINGS,
    COMPARISON,
    SERIES,
    f"{SERIES}&format=csv",
    "/v1/measures",
    "/v1/statistics",
    "/v1/statistics?by=year,agency&format=csv",
    "/v1/agencies",
    "/v1/reporting-years",
    "/v1/reports",
    "/v1/findings",
    "/v1/forms",
    "/v1/forms/2019",
    "/v1/rules",
    "/v1/agencies/nobody",
    "/v1/nothing",
    "/v1/agencies?nonsense=1",
    "/healthz",
    "/readyz",
    "/docs",
    "/openapi.json",
    "/problems/not-found",
    "/static/swagger-ui/swagger-ui.css",
    "/",
]


def _lasting(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in {"x-request-id", "date"}}


def test_head_is_get_without_its_body(world: TestClient) -> None:
    for path, coding in product(READABLE, ("identity", "gzip")):
        full = get(world, path, accept_encoding=coding)
        head = world.head(path, headers={"accept-encoding": coding})
        assert (head.status_code, head.content) == (full.status_code, b""), path
        assert _lasting(head.headers) == _lasting(full.headers), path


def test_head_knows_conditions(world: TestClient) -> None:
    tag = etag(world.get(REPORT))
    assert world.head(REPORT, headers={"if-none-match": tag}).status_code == 304


def test_a_real_server_sends_no_body_to_head(database_url: str) -> None:
    with served(database_url) as (client, _):
        for _ in range(2):
            head = client.head("/v1/rules", headers={"accept-encoding": "identity"})
            full = client.get("/v1/rules", headers={"accept-encoding": "identity"})
            assert (head.status_code, head.content) == (200, b"")
            assert int(head.headers["content-length"]) == len(full.content)


def test_405_names_every_method_of_the_path(world: TestClient) -> None:
    document = openapi.document(create_app(quiet("sqlite:///unused.db")))
    everything = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}
    for template, operations in document["paths"].items():
        path = template.format(
            agency="a",
            year="2024",
            form="2021",
            slug="not-found",
            id="x",
            finding="x",
            revision=1,
            seq=1,
        )
        known = {verb.upper() for verb in operations} & everything
        known |= {"HEAD"} if "GET" in known else set()
        for method in sorted(everything - known):
            reply = world.request(method, path)
            assert reply.status_code == 405, (method, path)
            assert set(reply.headers["allow"].split(", ")) == known, (method, path)
            if method != "HEAD":
                assert said(reply) == (405, "method-not-allowed")


def test_pages_are_for_reading(client: TestClient) -> None:
    for path in ("/docs", "/openapi.json", "/", "/static/swagger-ui/swagger-ui.css"):
        reply = client.post(path)
        assert said(reply) == (405, "method-not-allowed")
        assert reply.headers["allow"] == "GET, HEAD"


def test_a_slash_at_the_end_is_another_address(world: TestClient) -> None:
    for path in (*RESOURCES.values(), "/v1/agencies", "/v1/reports", "/healthz", "/docs"):
        reply = world.get(f"{path}/", follow_redirects=False)
        assert said(reply) == (404, "not-found")


def test_an_unknown_address_is_a_problem_too(world: TestClient) -> None:
    for path in ("/v1", "/v2/agencies", "/v1/Agencies", "/v1/reports/a", f"{TABLE}/x"):
        for method in ("GET", "PUT", "POST", "PATCH", "DELETE"):
            assert said(world.request(method, path)) == (404, "not-found")
    assert said(world.get("/static/nothing")) == (404, "not-found")


ACCEPTED = {
    "": 200,
    "*/*": 200,
    "application/json": 200,
    "application/*": 200,
    "APPLICATION/JSON; charset=utf-8": 200,
    "text/html, */*;q=0.1": 200,
    "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8": 200,
    "application/json;q=0.001": 200,
    "text/html": 406,
    "application/xml, text/*": 406,
    "application/json;q=0": 406,
    "*/*, application/json;q=0": 406,
    "*/*;q=0": 406,
}


def test_a_client_that_does_not_take_json_is_told(world: TestClient) -> None:
    for path in (*RESOURCES.values(), "/v1/agencies", "/v1/rules"):
        given = {accept: get(world, path, accept=accept).status_code for accept in ACCEPTED}
        assert given == ACCEPTED
    for method, path in WRITES:
        reply = send(world, path, method=method, accept="text/html")
        assert said(reply) == (406, "not-acceptable")


# Cross-origin requests

ORIGIN = "https://editor.example"


def preflight(client: TestClient, method: str, origin: str = ORIGIN, headers: str = "") -> Response:
    """Ask whether a page may send a request."""
    return client.options(
        REPORT,
        headers={
            "origin": origin,
            "access-control-request-method": method,
            **({"access-control-request-headers": headers} if headers else {}),
        },
    )


def test_no_page_may_call_by_default(world: TestClient) -> None:
    assert preflight(world, "PUT").status_code == 405
    for reply in (preflight(world, "PUT"), get(world, REPORT, origin=ORIGIN)):
        assert not [name for name in reply.headers if name.startswith("access-control-")]


def test_pages_of_the_setting_may_call(database_url: str) -> None:
    settings = quiet(database_url, cors_origins=f"{ORIGIN}, https://other.example")
    with TestClient(create_app(settings)) as client:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            allowed = preflight(
                client,
                method,
                headers="authorization,content-type,content-encoding,if-match,if-none-match,"
                "idempotency-key,last-event-id,prefer",
            )
            assert allowed.status_code == 200
            assert allowed.headers["access-control-allow-origin"] == ORIGIN
            assert method in allowed.headers["access-control-allow-methods"]
        assert preflight(client, "PUT", headers="x-nonsense").status_code == 400
        stranger = preflight(client, "PUT", origin="https://stranger.example")
        assert "access-control-allow-origin" not in stranger.headers
        for path in ("/v1/rules", "/v1/nothing"):
            reply = get(client, path, origin=ORIGIN)
            assert reply.headers["access-control-allow-origin"] == ORIGIN
            assert "origin" in reply.headers["vary"].lower()
            exposed = reply.headers["access-control-expose-headers"].lower().split(", ")
            assert set(exposed) == {
                "etag",
                "location",
                "content-location",
                "retry-after",
                "x-request-id",
                "allow",
                "accept-patch",
                "feed-position",
                "content-disposition",
                "idempotent-replayed",
                "preference-applied",
                "www-authenticate",
                "ratelimit",
                "ratelimit-policy",
            }
        hidden = get(client, "/v1/rules", origin="https://stranger.example")
        assert "access-control-allow-origin" not in hidden.headers


# Entity tags and conditions


@each_resource
def test_an_etag_is_a_revision_and_a_digest(world: TestClient, path: str) -> None:
    reply = get(world, path, accept_encoding="identity")
    assert TAG.fullmatch(reply.headers["etag"])
    assert "accept-encoding" in reply.headers["vary"].lower()
    assert reply.headers["accept-patch"] == "application/merge-patch+json"


@each_resource
def test_each_change_is_a_new_revision(world: TestClient, path: str) -> None:
    before = world.get(path)
    after = world.patch(path, json=CHANGES[path])
    assert after.status_code == 200
    assert revision(after) > revision(before)
    assert etag(world.get(path)) == etag(after)
    assert after.headers["content-location"] == path


@each_resource
def test_a_write_that_changes_nothing_leaves_no_trace(world: TestClient, path: str) -> None:
    before = world.get(path)
    for reply in (world.patch(path, json={}), world.put(path, json=before.json())):
        assert (reply.status_code, reply.content) == (200, before.content)
        assert reply.headers["etag"] == before.headers["etag"]


def test_a_client_that_has_it_is_not_sent_it_again(world: TestClient) -> None:
    for path in (*READABLE[:18], "/openapi.json"):
        the_client_has(world, path)


def the_client_has(world: TestClient, path: str) -> None:
    """Read something again on every condition that names it, and on others."""
    for coding in ("identity", "gzip"):
        full = get(world, path, accept_encoding=coding)
        tag = full.headers["etag"]
        plain = etag(full)
        zipped = f'{plain[:-1]}-gzip"'
        known = [tag, f"W/{tag}", plain, zipped, f'"x", {tag}', f'"x",W/{tag} , "y"', "*"]
        for condition in known:
            reply = get(world, path, accept_encoding=coding, if_none_match=condition)
            assert (reply.status_code, reply.content) == (304, b""), condition
            assert reply.headers["etag"] == tag
            assert reply.headers["vary"] == full.headers["vary"]
        for condition in (
            '"x"',
            tag.strip('"'),
            f'"{plain[1:-2]}"',
            f'"{plain.split("-")[0][1:]}"',
        ):
            reply = get(world, path, accept_encoding=coding, if_none_match=condition)
            assert reply.status_code == 200, condition


def test_a_condition_may_stand_on_several_lines(world: TestClient) -> None:
    tag = etag(world.get(REPORT))
    lines = [("if-none-match", '"x"'), ("if-none-match", tag)]
    assert world.get(REPORT, headers=lines).status_code == 304
    lines = [("if-match", '"9-x"'), ("if-match", tag)]
    assert world.patch(REPORT, json={}, headers=lines).status_code == 200


@each_resource
def test_an_if_match_that_names_nothing_does_not_hold(world: TestClient, path: str) -> None:
    for condition in ("", ",", etag(world.get(path)).strip('"')):
        reply = world.patch(path, json=CHANGES[path], headers={"if-match": condition})
        assert said(reply) == (412, "precondition-failed"), condition


def test_a_condition_of_blanks_is_read_in_one_go() -> None:
    """Half a megabyte of them took an hour once: time with the square of their number."""
    request = Request({"type": "http", "headers": [(b"if-match", b"a%sb" % (b" " * 500_000))]})
    with pytest.raises(Stale):
        replies.require(request, 1, lambda: '"1-a"')


def test_a_gzip_coding_has_its_own_etag(world: TestClient) -> None:
    plain = get(world, REPORT, accept_encoding="identity")
    zipped = get(world, REPORT, accept_encoding="gzip")
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["etag"] == f'{plain.headers["etag"][:-1]}-gzip"'
    assert zipped.content == plain.content
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"])


ZIPPED = {
    "": False,
    "identity": False,
    "gzip": True,
    "GZIP": True,
    "x-gzip": True,
    "deflate, gzip;q=0.5, br": True,
    "*": True,
    "br": False,
    "gzip;q=0": False,
    "gzip;q=0, *": False,
    "*;q=0": False,
}


def test_a_reply_is_zipped_for_those_who_take_it(world: TestClient) -> None:
    def is_zipped(path: str, accepted: str) -> bool:
        reply = get(world, path, accept_encoding=accepted)
        return reply.headers.get("content-encoding") == "gzip"

    for path in (REPORT, TABLE, "/v1/rules", "/openapi.json"):
        assert {accepted: is_zipped(path, accepted) for accepted in ZIPPED} == ZIPPED


def conditional(client: TestClient, path: str, method: str, **headers: str) -> Response:
    """Change or delete something on a condition."""
    body = b"" if method == "DELETE" else json.dumps(CHANGES[path]).encode()
    return send(client, path, body, method, **headers)


@each_resource
def test_if_match_holds_for_the_current_revision(world: TestClient, path: str) -> None:
    def tag() -> str:
        return etag(world.get(path))

    for holds in (
        tag(),
        f'{tag()[:-1]}-gzip"',
        f'"9-x", {tag()}',
        "*",
        f'"{tag().split("-")[0][1:]}-0123456789abcdef"',
    ):
        reply = send(world, path, b"{}", "PATCH", if_match=holds)
        assert reply.status_code == 200, holds


@each_resource
def test_if_match_fails_for_any_other(world: TestClient, path: str) -> None:
    tag = etag(world.get(path))
    for fails in (f"W/{tag}", '"999-0"', '"x"', "nonsense", tag.strip('"'), '""'):
        for method in ("PUT", "PATCH", "DELETE"):
            reply = conditional(world, path, method, if_match=fails)
            assert said(reply) == (412, "precondition-failed"), fails
            assert etag(reply) == tag
    assert etag(world.get(path)) == tag


@each_resource
def test_if_none_match_fails_for_what_is_there(world: TestClient, path: str) -> None:
    tag = etag(world.get(path))
    for fails in ("*", tag, f"W/{tag}", f'{tag[:-1]}-gzip"', f'"x", {tag}'):
        for method in ("PUT", "PATCH", "DELETE"):
            reply = conditional(world, path, method, if_none_match=fails)
            assert said(reply) == (412, "precondition-failed"), fails
            assert etag(reply) == tag
    assert send(world, path, b"{}", "PATCH", if_none_match='"x"').status_code == 200


NEW = {
    "/v1/agencies/new": an_agency_body(),
    "/v1/reporting-years/2030": {},
    "/v1/reports/a/2023": {},
    "/v1/reports/a/2022/fees": {},
}


def test_if_none_match_any_creates_only(world: TestClient) -> None:
    create = {"if-none-match": "*"}
    for path, body in NEW.items():
        first = world.put(path, json=body, headers=create)
        assert (first.status_code, first.headers["location"]) == (201, path)
        assert said(world.put(path, json=body, headers=create)) == (412, "precondition-failed")


def test_if_match_on_what_is_not_there_fails(world: TestClient) -> None:
    for path, condition in product(NEW, ("*", '"1-0123456789abcdef"')):
        reply = world.put(path, json=NEW[path], headers={"if-match": condition})
        assert said(reply) == (412, "precondition-failed")
        assert "etag" not in reply.headers
        assert reply.json()["errors"] == []
        assert world.get(path).status_code == 404


def test_a_stale_write_is_told_what_would_change(world: TestClient) -> None:
    stale = {"if-match": '"999-0"'}
    put_table(world, "requests", received__natural_person=5, received__total=5)
    assert faults(
        world.put(AGENCY, json=an_agency_body(name="财政局", division="350205"), headers=stale)
    ) == [("/division", "differs"), ("/name", "differs")]
    assert faults(world.patch(YEAR, json={"due": {"office": "2025-01-26"}}, headers=stale)) == [
        ("/due/office", "differs")
    ]
    table = {"data": {"received": {"natural_person": 6, "total": 5}}}
    assert faults(world.patch(TABLE, json=table, headers=stale)) == [(CELL, "differs")]
    report = {"overview": "略", "problems": "新", "tables": {"requests": table}}
    assert faults(world.patch(REPORT, json=report, headers=stale)) == [
        ("/problems", "differs"),
        (f"/tables/requests{CELL}", "differs"),
    ]
    assert faults(world.patch(TABLE, json={"nonsense": 1}, headers=stale)) == []
    assert faults(world.delete(REPORT, headers=stale)) == []


def test_a_stale_write_is_not_told_of_members_that_are_not_read(client: TestClient) -> None:
    made = [
        client.post("/v1/keys", json={"name": "审计", "role": "auditor"}),
        client.post("/v1/webhooks", json={"url": "http://a.invalid/", "description": "甲"}),
    ]
    for member, reply in zip(("name", "description"), made, strict=True):
        path = reply.headers["location"]
        read = client.get(path).json() | {"updated_at": "2020-01-01T00:00:00.000000Z"}
        stale = client.patch(path, json=read | {member: "乙"}, headers={"if-match": '"9-0"'})
        assert said(stale) == (412, "precondition-failed")
        assert faults(stale) == [(f"/{member}", "differs")]


def test_an_editor_is_not_thrown_out_because_findings_moved(world: TestClient) -> None:
    put_report(world, year=2025)
    read = world.get("/v1/reports/a/2025")
    put_table(world, "requests", received__natural_person=5, carried_out__natural_person=5)
    moved = world.get("/v1/reports/a/2025")
    assert etag(moved) != etag(read)
    assert revision(moved) == revision(read)
    assert get(world, "/v1/reports/a/2025", if_none_match=etag(read)).status_code == 200
    edit = {"overview": "更正"}
    kept = world.patch("/v1/reports/a/2025", json=edit, headers={"if-match": etag(read)})
    assert kept.status_code == 200


def test_what_is_made_again_does_not_repeat_a_revision(world: TestClient) -> None:
    read = {path: world.get(path) for path in (TABLE, REPORT, AGENCY, YEAR)}
    for path in read:
        assert world.delete(path).status_code == 204
    for path in reversed(read):
        again = world.put(path, json=read[path].json())
        assert again.status_code == (201 if path != TABLE else 200)
        assert revision(again) > revision(read[path])


# Writing


@pytest.mark.parametrize("path", NEW, ids=RESOURCES)
def test_put_creates_then_replaces(world: TestClient, path: str) -> None:
    created = world.put(path, json=NEW[path])
    assert (created.status_code, created.headers["location"]) == (201, path)
    replaced = world.put(path, json=NEW[path])
    assert replaced.status_code == 200
    assert "location" not in replaced.headers
    for reply in (created, replaced):
        assert reply.headers["content-location"] == path
        assert etag(reply) == etag(world.get(path))
        assert reply.content == world.get(path).content


@pytest.mark.parametrize(
    ("collection", "body", "path"),
    [
        ("/v1/agencies", an_agency_body(code="new"), "/v1/agencies/new"),
        ("/v1/reporting-years", {"year": 2030}, "/v1/reporting-years/2030"),
        ("/v1/reports", {"agency": "a", "year": 2023}, "/v1/reports/a/2023"),
        ("/v1/reports", {"agency": {"code": "a"}, "year": 2023.0}, "/v1/reports/a/2023"),
    ],
    ids=["agency", "year", "report", "report of an object"],
)
def test_post_creates_and_only_creates(
    world: TestClient, collection: str, body: Any, path: str
) -> None:
    created = world.post(collection, json=body)
    assert (created.status_code, created.headers["location"]) == (201, path)
    assert created.headers["content-location"] == path
    assert etag(created) == etag(world.get(path))
    again = world.post(collection, json=body)
    assert said(again) == (409, "already-exists")
    assert world.get(path).content == created.content


@each_resource
def test_what_was_deleted_is_gone(world: TestClient, path: str) -> None:
    for used in (TABLE, REPORT):
        if not path.startswith("/v1/reports"):
            assert world.delete(used).status_code in {204, 404}
    gone = world.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert world.get(path).status_code == 404
    assert said(world.delete(path))[0] == 404


def test_null_removes_a_member_and_cannot_remove_a_required_one(world: TestClient) -> None:
    world.patch(AGENCY, json={"short_name": "审计", "active_to": "2025-12-31"})
    reply = world.patch(AGENCY, json={"short_name": None})
    assert (reply.json()["short_name"], reply.json()["active_to"]) == (None, "2025-12-31")
    required = [(AGENCY, name) for name in ("code", "name", "kind", "level")]
    for path, name in (*required, (YEAR, "year")):
        refused = world.patch(path, json={name: None})
        assert [pointer for pointer, _ in faults(refused)] == [f"/{name}"]
    assert world.patch(REPORT, json={"overview": None}).json()["overview"] is None
    assert world.patch(TABLE, json={"data": {"received": None}}).status_code == 200
    assert set(world.get(TABLE).json()["data"]["received"].values()) == {None}
    assert world.patch(REPORT, json={"tables": {"fees": None}}).status_code == 200
    assert said(world.get(f"{REPORT}/fees")) == (404, "table-not-filed")


# Ids of requests


def test_a_request_has_an_id_of_its_own(world: TestClient) -> None:
    ids = [world.get(path).headers["x-request-id"] for path in (REPORT, REPORT, "/v1/nothing")]
    assert len({uuid.UUID(each) for each in ids}) == 3


def test_an_id_that_is_no_uuid_is_replaced(world: TestClient) -> None:
    for given in (b"", b"1", b"nonsense", b"x" * 5000, b"\xe9"):
        reply = world.get("/v1/nothing", headers={b"x-request-id": given})
        assert uuid.UUID(reply.headers["x-request-id"])
        assert reply.json()["instance"] == f"urn:uuid:{reply.headers['x-request-id']}"


def test_a_client_may_choose_the_id(world: TestClient) -> None:
    chosen = str(uuid.uuid4())
    for path in (REPORT, "/v1/nothing", "/healthz"):
        assert get(world, path, x_request_id=chosen).headers["x-request-id"] == chosen
    assert get(world, "/v1/nothing", x_request_id=chosen).json()["instance"].endswith(chosen)
