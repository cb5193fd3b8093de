"""What holds for every request and every reply, whatever it is about."""

import gzip
import json
import re
import socket
import uuid
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client, Response

from app.api import openapi
from app.main import create_app
from tests.api import an_agency_body, etag, faults, make_agency, put_report, put_table, said
from tests.conftest import quiet, served

JSON = {"content-type": "application/json"}
MIB = 2**20
LIMIT = 2 * MIB
LARGEST = 2**53
TAG = re.compile(r'"[1-9]\d*-[0-9a-f]{16}(-gzip)?"')
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
CHINESE = re.compile(r"[\u4e00-\u9fff]")

AGENCY, YEAR = "/v1/agencies/a", "/v1/reporting-years/2024"
REPORT = "/v1/reports/a/2024"
TABLE, FINDINGS = f"{REPORT}/requests", f"{REPORT}/findings"
RESOURCES = {"agency": AGENCY, "year": YEAR, "report": REPORT, "table": TABLE}
VALID = {
    AGENCY: an_agency_body(),
    YEAR: {"status": "open"},
    REPORT: {"overview": "略"},
    TABLE: {"filing": "nil"},
}
resources = pytest.mark.parametrize("path", RESOURCES.values(), ids=RESOURCES)


@pytest.fixture
def world(client: TestClient) -> TestClient:
    """A client of a register with an agency and its report on 2024."""
    make_agency(client)
    put_report(client)
    return client


def sent(client: TestClient, path: str, body: bytes, method: str = "PUT", **headers: str) -> Any:
    """Send a body as it is."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.request(method, path, content=body, headers=JSON | named)


def in_english(client: TestClient, path: str, body: bytes, method: str = "PUT") -> Any:
    """Send a body and return the problem in English."""
    return sent(client, path, body, method, accept_language="en").json()


# Errors


def _refused(client: TestClient) -> dict[str, Response]:
    """Return a reply of every kind of error that a client can cause."""
    client.put("/v1/reporting-years/2020", json={"status": "closed"})
    make_agency(client, "root")
    make_agency(client, "child", parent="root", uscc="11370900004341590P")
    wrong_text = {"content-type": "text/plain"}
    stale = {"if-match": '"9-0"'}
    agency = an_agency_body(code="root")
    return {
        "malformed-json": sent(client, AGENCY, b"{"),
        "duplicate-member": sent(client, AGENCY, b'{"name":"a","name":"b"}'),
        "cursor-mismatch": client.get("/v1/agencies?cursor=x"),
        "not-found": client.get("/v1/nothing"),
        "agency-not-found": client.get("/v1/agencies/nobody"),
        "reporting-year-not-found": client.get("/v1/reporting-years/2099"),
        "report-not-found": client.get("/v1/reports/root/2024"),
        "form-not-found": client.get("/v1/forms/1999"),
        "table-not-in-form": client.get(f"{REPORT}/procurement"),
        "table-not-filed": client.get("/v1/reports/child/2024/fees"),
        "method-not-allowed": client.delete("/v1/rules"),
        "not-acceptable": client.get(AGENCY, headers={"accept": "text/html"}),
        "already-exists": client.post("/v1/agencies", json=agency),
        "year-closed": client.put("/v1/reports/root/2020", json={}),
        "in-use": client.delete("/v1/agencies/root"),
        "uscc-taken": client.patch(AGENCY, json={"uscc": "11370900004341590P"}),
        "precondition-failed": client.delete(AGENCY, headers=stale),
        "body-too-large": sent(client, AGENCY, b" " * (LIMIT + 1)),
        "unsupported-media-type": client.put(AGENCY, content=b"{}", headers=wrong_text),
        "invalid-body": client.put(AGENCY, json={}),
        "invalid-parameter": client.get("/v1/agencies?nonsense=1"),
        "year-without-form": client.put("/v1/reporting-years/2018", json={}),
    }


def test_every_error_is_a_problem_that_says_what_it_is(world: TestClient) -> None:
    world.put("/v1/reports/child/2024", json={})
    make_agency(world, "child2")
    found = _refused(world)
    found["table-not-filed"] = world.get(f"{REPORT}/fees") if False else found["table-not-filed"]
    for slug, reply in found.items():
        assert said(reply) == (reply.status_code, slug)
        body = reply.json()
        assert set(body) == {"type", "title", "status", "detail", "instance", "errors"}, slug
        assert body["status"] == reply.status_code
        assert body["instance"] == f"urn:uuid:{reply.headers['x-request-id']}"
        for fault in body["errors"]:
            assert {"pointer", "code", "message"} <= set(fault), slug


