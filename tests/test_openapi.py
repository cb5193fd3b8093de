"""The OpenAPI document: complete, true to the service, and the one that is committed."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from httpx2 import Response
from hypothesis import HealthCheck, assume, given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate
from schemathesis import Case, GenerationMode, checks

from app.api import files, openapi
from app.api.downloads import MEDIA_TYPES
from app.api.rights import RIGHTS
from app.demo import real_reports
from app.demo import world as demo
from app.forms import FORMS, TABLE_KEYS
from app.forms.cells import CELLS
from app.main import create_app
from app.services import targets
from tests.api import ADMIN_KEY, Json, TestClient, an_agency_body, make_agency, put_report
from tests.callers import step
from tests.conftest import BACKENDS, a_new_database, quiet

DOCUMENT = openapi.document(create_app(quiet("sqlite:///unused.db")))
OPERATIONS: dict[str, Json] = {
    operation["operationId"]: {**operation, "method": method.upper(), "path": path}
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
WRITING = {"PUT", "PATCH", "POST"}
STREAMS = {"stream_changes"}
"""Operations whose reply has no end: it is no JSON and has no ETag."""
EXPORTS = {"export_ndjson", "export_csv", "export_xlsx", "export_parquet"}
"""Operations whose reply is a file that is made anew each time: it has no ETag."""
FILES = {"get_template", "export_audit", *EXPORTS}
WITHOUT_ETAG = {"post_validation", "get_import_outcomes", "export_audit", *STREAMS}


def resolved(schema: Json) -> Json:
    """Follow a reference within the document."""
    found: Any = schema
    while "$ref" in found:
        target: Any = DOCUMENT
        for name in found["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        found = target
    return dict(found)


def writable(value: Any) -> Any:
    """Let a document's requests have what only replies show: it is accepted and ignored.

    Credentials are left out: the client has its own.
    """
    if isinstance(value, list):
        return [writable(each) for each in value]
    if not isinstance(value, dict):
        return value
    dropped = {"readOnly", "security", "securitySchemes"}
    return {name: writable(each) for name, each in value.items() if name not in dropped}


def closed(value: Any) -> Any:
    """Refuse, in a schema, the members that it does not name."""
    if isinstance(value, list):
        return [closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: closed(each) for name, each in value.items()}
    if isinstance(value.get("properties"), dict) and value.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


CLOSED = closed({"components": DOCUMENT["components"]})


def wrong(schema: Json, value: Any) -> list[str]:
    """Return how a value differs from a schema, which may name the components."""
    validator = Draft202012Validator({**closed(schema), **CLOSED})
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


def examples(operation: Json) -> Iterator[tuple[str, Any, Json]]:
    """Yield each example of a body: its name, its value and its schema."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        for name, example in media.get("examples", {}).items():
            yield name, example["value"], media["schema"]


# The document itself


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)


def test_the_committed_document_is_this_one() -> None:
    made = openapi.text(create_app(quiet("sqlite:///unused.db")))
    assert openapi.FILE.read_text(encoding="utf-8") == made, "run: make openapi"


def test_every_operation_is_described() -> None:
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for name, operation in OPERATIONS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+){0,3}", name)
        assert " / " in operation["summary"], name
        assert operation["description"].strip(), name
        assert len(operation["tags"]) == 1, name
        assert set(operation["tags"]) <= tags, name
    assert {tag for operation in OPERATIONS.values() for tag in operation["tags"]} == tags


def test_names_of_operations_are_unique() -> None:
    count = sum(len(item) for item in DOCUMENT["paths"].values())
    assert len(OPERATIONS) == count


def test_every_operation_of_the_contract_is_there() -> None:
    resources = {
        "/v1/forms": "GET",
        "/v1/forms/{form}": "GET",
        "/v1/rules": "GET",
        "/v1/agencies": "GET POST",
        "/v1/agencies/{agency}": "GET PUT PATCH DELETE",
        "/v1/agencies/{agency}/rollup/{year}": "GET",
        "/v1/reporting-years": "GET POST",
        "/v1/reporting-years/{year}": "GET PUT PATCH DELETE",
        "/v1/reporting-years/{year}/completeness": "GET",
        "/v1/agencies/{agency}/periods": "GET",
        "/v1/reports": "GET POST",
        "/v1/reports/{agency}/{year}": "GET PUT PATCH DELETE",
        "/v1/reports/{agency}/{year}/findings": "GET",
        "/v1/reports/{agency}/{year}/comparison": "GET",
        "/v1/agencies/{agency}/series": "GET",
        "/v1/measures": "GET",
        "/v1/statistics": "GET",
        "/v1/findings": "GET",
        "/v1/validations": "POST",
        "/v1/forms/{form}/template.xlsx": "GET",
        "/v1/exports/reports.ndjson": "GET",
        "/v1/exports/reports.csv": "GET",
        "/v1/exports/reports.xlsx": "GET",
        "/v1/exports/reports.parquet": "GET",
        "/v1/changes": "GET",
        "/v1/changes/stream": "GET",
        "/v1/imports": "GET POST",
        "/v1/imports/{id}": "GET",
        "/v1/imports/{id}/outcomes": "GET",
        "/v1/digests": "GET",
        "/v1/audit": "GET",
        "/v1/audit/{seq}": "GET",
        "/v1/audit/export.ndjson": "GET",
        "/v1/reports/{agency}/{year}/transitions": "GET POST",
        "/v1/reports/{agency}/{year}/findings/{finding}/decision": "GET PUT DELETE",
        "/v1/reports/{agency}/{year}/revisions": "GET",
        "/v1/reports/{agency}/{year}/revisions/{revision}": "GET",
        "/v1/reports/{agency}/{year}/revisions/{revision}/diff": "GET",
        "/v1/keys": "GET POST",
        "/v1/keys/{id}": "GET PATCH DELETE",
        "/v1/successions": "GET POST",
        "/v1/successions/{id}": "GET DELETE",
        "/v1/webhooks": "GET POST",
        "/v1/webhooks/{id}": "GET PATCH DELETE",
        "/v1/webhooks/{id}/deliveries": "GET",
        "/v1/webhooks/{id}/ping": "POST",
        "/v1/webhooks/{id}/replay": "POST",
        "/v1/webhooks/{id}/rotate-secret": "POST",
    } | {f"/v1/reports/{{agency}}/{{year}}/{key}": "GET PUT PATCH DELETE" for key in TABLE_KEYS}
    found = {
        path: {method.upper() for method in item}
        for path, item in DOCUMENT["paths"].items()
        if path.startswith("/v1")
    }
    assert found == {path: set(methods.split()) for path, methods in resources.items()}


def test_every_body_has_examples_and_is_of_a_known_type() -> None:
    for name, operation in OPERATIONS.items():
        if operation["method"] in WRITING:
            assert list(examples(operation)), name
            if name == "post_import":
                assert list(operation["requestBody"]["content"]) == list(files.FORMATS)
                continue
            media = "merge-patch+json" if operation["method"] == "PATCH" else "json"
            assert list(operation["requestBody"]["content"]) == [f"application/{media}"], name
        else:
            assert "requestBody" not in operation, name


def test_errors_are_the_real_ones() -> None:
    assert "HTTPValidationError" not in str(DOCUMENT)
    assert "ValidationError" not in DOCUMENT["components"]["schemas"]
    for name, operation in OPERATIONS.items():
        if not operation["path"].startswith("/v1"):
            continue
        statuses = set(operation["responses"])
        assert statuses >= {"422", "503"}, name
        assert ("406" in statuses) == (name not in STREAMS), name
        if operation["method"] in WRITING:
            assert statuses >= {"400", "413", "415"}, name
        if operation["method"] in {"PUT", "PATCH", "DELETE"}:
            assert statuses >= {"404", "409", "412"}, name
        for status in statuses - {"200", "201", "202", "204", "304"}:
            content = resolved(operation["responses"][status])["content"]
            assert list(content) == ["application/problem+json"], name
            problem = content["application/problem+json"]
            assert problem["schema"] == {"$ref": "#/components/schemas/ProblemOut"}
            for slug, example in problem["examples"].items():
                assert wrong(problem["schema"], example["value"]) == []
                assert example["value"]["type"] == f"/problems/{slug}"
                assert example["value"]["status"] == int(status)


def test_every_operation_says_which_credentials_it_takes_and_how_it_refuses() -> None:
    known: Json = {"bearer": []}
    for name, operation in OPERATIONS.items():
        right, statuses = RIGHTS[name], set(operation["responses"])
        if right == "open":
            assert operation["security"] == [], name
            continue
        reads = right in {"read", "reference"}
        assert operation["security"] == ([{}, known] if reads else [known]), name
        assert statuses >= {"400", "401", "429"}, name
        may_be_refused = (not reads and right != "check") or name == "get_decision"
        assert ("403" in statuses) == may_be_refused, name
        assert ("408" in statuses) == ("requestBody" in operation), name
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_conditions_are_documented_where_they_hold() -> None:
    for name, operation in OPERATIONS.items():
        headers = {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}
        expected = {"If-Match", "If-None-Match"} if operation["method"] in WRITING else set()
        if operation["method"] == "POST":
            more = {"post_import": {"Prefer"}, "post_transition": {"If-Match"}}
            expected = {"Idempotency-Key"} | more.get(name, set())
        elif operation["method"] == "DELETE":
            expected = {"If-Match", "If-None-Match"}
        elif name in STREAMS:
            expected = {"Last-Event-ID"}
        assert headers == expected, name


def test_what_a_day_of_the_past_means_is_said_wherever_one_is_taken() -> None:
    found = {
        name: parameter.get("description", "")
        for name, operation in OPERATIONS.items()
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "as_of"
    }
    assert found.keys() == {"get_report", "get_rollup", *EXPORTS} - {"export_audit"}
    assert all("the last moment in China" in said for said in found.values())


def test_replies_say_which_headers_they_have() -> None:
    for name, operation in OPERATIONS.items():
        for status in operation["responses"].keys() & {"200", "201", "304"}:
            if name in EXPORTS:
                assert "Feed-Position" in operation["responses"][status]["headers"], name
            elif operation["path"].startswith("/v1") and name not in WITHOUT_ETAG:
                assert "ETag" in operation["responses"][status]["headers"], name
        if "201" in operation["responses"]:
            assert "Location" in operation["responses"]["201"]["headers"], name
        if operation["method"] in {"PUT", "PATCH"} or name in {"rotate_secret", "replay_webhook"}:
            assert "Content-Location" in operation["responses"]["200"]["headers"], name


def test_what_a_service_that_is_not_ready_says_is_documented() -> None:
    declared = OPERATIONS["readyz"]["responses"]["503"]
    assert list(declared["content"]) == ["application/json", "application/problem+json"]
    assert list(declared["headers"]) == ["Retry-After"]


def test_problems_say_which_headers_they_have() -> None:
    found = {
        status: sorted(response.get("headers", ()))
        for status, response in DOCUMENT["components"]["responses"].items()
        if "headers" in response
    }
    assert found == {
        "401": ["WWW-Authenticate"],
        "405": ["Allow"],
        "410": ["Feed-Position"],
        "412": ["ETag"],
        "429": ["RateLimit", "RateLimit-Policy", "Retry-After"],
        "503": ["Retry-After"],
    }


def objects(value: Any) -> Iterator[Json]:
    """Yield every object within a document."""
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            yield from objects(each)
    if isinstance(value, dict):
        yield value


def test_no_text_is_a_const_which_a_generator_of_clients_cannot_read() -> None:
    assert [each for each in objects(DOCUMENT) if isinstance(each.get("const"), str)] == []
    assert {"type": "string", "enum": ["n/a"]} in objects(DOCUMENT)


def test_files_are_of_their_own_type_alone() -> None:
    for name in FILES:
        content = OPERATIONS[name]["responses"]["200"]["content"]
        assert [media for media in content if media not in MEDIA_TYPES.values()] == [], name


def test_requests_and_replies_have_no_generated_twins() -> None:
    for name in DOCUMENT["components"]["schemas"]:
        assert not name.endswith(("-Input", "-Output")), name
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", name), name


def test_every_cell_has_the_label_of_the_form() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for form in FORMS:
        for table in form.tables:
            camel = "".join(part.capitalize() for part in table.key.split("_"))
            for schema in (f"{camel}Data{form.key}", f"{camel}DataOut{form.key}"):
                lines = schemas[schema]["properties"]
                assert [lines[line.key]["title"] for line in table.lines] == [
                    f"{line.label.zh} / {line.label.en}" for line in table.lines
                ]
            for schema in (f"{camel}Line{form.key}", f"{camel}LineOut{form.key}"):
                columns = schemas[schema]["properties"]
                for column in table.columns:
                    assert columns[column.key]["title"] == f"{column.label.zh} / {column.label.en}"
                    assert columns[column.key]["x-unit"] == column.unit.value


# Examples


def test_every_example_has_the_shape_that_its_schema_says() -> None:
    for name, operation in OPERATIONS.items():
        for title, value, schema in examples(operation):
            assert wrong(schema, value) == [], (name, title)


ORDER = (
    "filing", "tables", "reports", "validations", "imports", "successions", "agencies",
    "reporting-years", "webhooks", "keys",
)  # fmt: skip
"""The tags whose operations take a body, so that each finds the demonstration as it needs it."""


@pytest.fixture(autouse=True)
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no name of a webhook's target be resolved: there is no network here."""

    async def unresolved(host: str, port: int) -> list[str]:
        raise targets.Unresolved(host)

    monkeypatch.setattr(targets, "_addresses", unresolved)


def a_webhook(client: TestClient) -> str:
    """Make a webhook; return its id."""
    made = client.post("/v1/webhooks", json={"url": "https://example.invalid/hook"})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def a_key(client: TestClient) -> str:
    """Make an API key; return its id."""
    made = client.post("/v1/keys", json={"name": "k", "role": "auditor"})
    return str(made.json()["id"])


def example_path(operation: Json, **named: str) -> str:
    """Return an operation's address by the examples of its parameters, those that are required."""
    given: dict[str, str] = {}
    query = []
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            name = parameter["name"]
            given[name] = named.get(name) or parameter["schema"]["examples"][0]
        elif parameter.get("required"):
            query.append(f"{parameter['name']}={parameter['schema']['examples'][0]}")
    return str(operation["path"]).format(**given) + "".join(f"?{each}" for each in query)


JUMP = "requests.carry:total"


def a_jump(client: TestClient) -> None:
    """Make a report with one warning that is to be explained."""
    make_agency(client, "jump")
    put_report(client, "jump", 2023)
    cells = {f"{line}__total": 1 for line in ("carried_in", "carried_out")}
    cells |= {f"{line}__natural_person": 1 for line in ("carried_in", "carried_out")}
    put_report(client, "jump", 2024, requests=cells)
    for each in client.get("/v1/reports/jump/2024/findings").json()["items"]:
        path = f"/v1/reports/jump/2024/findings/{each['id']}/decision"
        client.put(path, json={"decision": "confirmed"}).raise_for_status()


@pytest.fixture
def demonstration(client: TestClient, database_url: str) -> TestClient:
    """A client of a fresh `gongkai demo`."""
    list(demo.load(quiet(database_url)))
    return client


def test_every_example_of_an_address_is_there_in_the_demonstration(
    demonstration: TestClient,
) -> None:
    for name, operation in OPERATIONS.items():
        if operation["method"] != "GET" or "{id}" in operation["path"]:
            continue
        if name not in {*STREAMS, "get_decision"}:  # nothing was said yet
            reply = demonstration.get(example_path(operation))
            assert reply.status_code == 200, (name, reply.text)


def test_every_example_is_taken_by_the_demonstration(demonstration: TestClient) -> None:
    """Tables and reports that are named by a year are about that year."""
    client = demonstration
    identities = {"webhooks": a_webhook(client), "keys": a_key(client)}
    methods = ("PATCH", "PUT", "POST")
    for operation in sorted(
        (each for each in OPERATIONS.values() if each["method"] in methods),
        key=lambda each: (ORDER.index(each["tags"][0]), methods.index(each["method"])),
    ):
        identity = identities.get(operation["tags"][0], "")
        for title, value, _ in examples(operation):
            if title == "accept":  # the example before has returned it
                step(client, ADMIN_KEY, "submit", code="321300").raise_for_status()
            year = title if title.isdigit() else ""
            path = example_path(operation, id=identity, year=year)
            media = next(iter(operation["requestBody"]["content"]))
            if isinstance(value, str):
                media = "text/csv" if value.startswith("agency,") else media
                sent = value.encode()
            else:
                sent = json.dumps(value).encode()
            reply = client.request(
                operation["method"], path, content=sent, headers={"content-type": media}
            )
            assert reply.status_code in {200, 201}, (path, title, reply.text)


# Replies


@pytest.fixture
def world(client: TestClient) -> TestClient:
    """A client of a register of real reports, one of them with tables missing, nil and blank."""
    for each in real_reports():
        code, members = each["agency"]["code"], {**each["agency"]}
        del members["code"]
        assert client.put(f"/v1/agencies/{code}", json=members).status_code in {200, 201}
        path = f"/v1/reports/{code}/{each['year']}"
        assert client.put(path, json=each["report"]).status_code == 201
    tables = {"requests": {}, "disputes": {"filing": "nil"}, "procurement": {"filing": "nil"}}
    for year in (2020, 2022):
        kept = {key: body for key, body in tables.items() if year == 2020 or key != "procurement"}
        reply = client.put(f"/v1/reports/321300/{year}", json={"tables": kept})
        assert reply.status_code == 201, reply.text
    a_jump(client)
    return client


LATER = {"content-type": "application/x-ndjson", "prefer": "respond-async"}


def an_import(client: TestClient) -> str:
    """Send an import that runs in the background; return its id."""
    job = client.post("/v1/imports", headers=LATER, content=b'{"agency":"a","year":2024}')
    return str(job.json()["id"])


def a_succession(client: TestClient) -> str:
    """Register a succession of two agencies; return its id."""
    found = client.get("/v1/agencies?limit=2").json()["items"]
    before, after = (each["code"] for each in found)
    said = {"kind": "split", "effective_on": "2019-02-28"}
    body = {"predecessor": before, "successor": after} | said
    location = client.post("/v1/successions", json=body).headers["location"]
    return str(location.rpartition("/")[2])


MADE = {
    "keys": a_key, "webhooks": a_webhook, "successions": a_succession, "imports": an_import
}  # fmt: skip


def addresses(client: TestClient, path: str) -> list[str]:
    """Return every address that a path stands for in the register."""
    if "{id}" in path:
        return [path.format(id=MADE[path.split("/")[2]](client))]
    if "{finding}" in path or "{revision}" in path:
        return [path.format(agency="jump", year=2024, finding=JUMP, revision=1)]
    if "{form}" in path:
        return [path.format(form=form.key) for form in FORMS]
    reports = client.get("/v1/reports?limit=1000").json()["items"]
    made = {
        path.format(agency=r["agency"]["code"], year=r["year"], slug="", seq=1) for r in reports
    }
    return sorted(address + REQUIRED.get(path, "") for address in made)


REQUIRED = {"/v1/agencies/{agency}/series": "?cells=requests.other_misc.total,fees.charges.amount"}
"""The parameters without which a path cannot be read."""


def reply_schema(operation: Json, reply: Response) -> Json:
    """Return the documented schema of a reply."""
    content = resolved(operation["responses"][str(reply.status_code)])["content"]
    media = reply.headers["content-type"].split(";")[0]
    return dict(content[media]["schema"])


def test_every_reading_is_as_documented(world: TestClient) -> None:
    statuses: dict[str, set[int]] = {}
    for name, operation in OPERATIONS.items():
        if operation["method"] != "GET" or not operation["path"].startswith("/v1"):
            continue
        if name in STREAMS:
            continue
        for path in addresses(world, operation["path"]):
            reply = world.get(path)
            statuses.setdefault(name, set()).add(reply.status_code)
            if name == "get_import_outcomes":  # read once the import has ended: test_imports_api
                statuses[name] = {200}
                continue
            schema = reply_schema(operation, reply)
            if name not in FILES:
                assert wrong(schema, reply.json()) == [], path
    missing = {f"get_{key}" for key in TABLE_KEYS if key not in {"requests", "disputes"}}
    others = {name: {200, 404} for name in missing} | {"get_comparison": {200, 422}}
    assert statuses == {name: others.get(name, {200}) for name in statuses}


def test_every_comparison_and_every_series_is_as_documented(world: TestClient) -> None:
    comparison, series = OPERATIONS["get_comparison"], OPERATIONS["get_series"]
    for path in addresses(world, comparison["path"]):
        for other in ("321300/2020", "350128-ptz/2019", "350205-rsj/2020", "321300/2024"):
            reply = world.get(path, params={"with": other})
            assert reply.status_code == 200
            assert wrong(reply_schema(comparison, reply), reply.json()) == [], (path, other)
    names = list(CELLS)
    for some in (names[start : start + 100] for start in range(0, len(names), 100)):
        for path in addresses(world, "/v1/agencies/{agency}/series"):
            query = {"cells": ",".join(some), "from": "2018", "to": "2025"}
            reply = world.get(path.split("?")[0], params=query)
            assert wrong(reply_schema(series, reply), reply.json()) == [], path


def test_statistics_of_every_group_are_as_documented(world: TestClient) -> None:
    operation = OPERATIONS["get_statistics"]
    for by in ("", "by=year", "by=agency,kind&count=true&limit=1", "by=level&cursor=x"):
        for basis in ("leaves", "consolidated", "all"):
            reply = world.get(f"/v1/statistics?basis={basis}&{by}")
            assert reply.status_code == (400 if "cursor" in by else 200)
            assert wrong(reply_schema(operation, reply), reply.json()) == [], by


def test_every_page_is_as_documented(world: TestClient) -> None:
    for name in ("list_reports", "list_findings", "list_agencies", "list_reporting_years"):
        operation = OPERATIONS[name]
        for query in ("?limit=1", "?count=true&limit=1000", "?limit=0", "?cursor=x"):
            reply = world.get(operation["path"] + query)
            assert wrong(reply_schema(operation, reply), reply.json()) == [], (name, query)


def test_findings_of_both_outcomes_are_as_documented(world: TestClient) -> None:
    operation = OPERATIONS["get_findings"]
    for path in addresses(world, operation["path"]):
        reply = world.get(f"{path}?outcomes=all")
        assert wrong(reply_schema(operation, reply), reply.json()) == [], path


def test_every_writing_is_answered_as_documented(world: TestClient) -> None:
    for each in real_reports():
        year, body = each["year"], each["report"]
        path = f"/v1/reports/{each['agency']['code']}/{year}"
        for name, operation in OPERATIONS.items():
            key = name.removeprefix("put_")
            if operation["method"] != "PUT" or not (key == "report" or key in body["tables"]):
                continue
            reply = world.put(path, json=body)
            if key in TABLE_KEYS:
                reply = world.put(f"{path}/{key}", json=body["tables"][key])
            assert wrong(reply_schema(operation, reply), reply.json()) == [], (path, key)


def test_every_validation_is_as_documented(world: TestClient) -> None:
    operation = OPERATIONS["post_validation"]
    for each in real_reports():
        for more in ({}, {"agency": each["agency"]["code"]}, {"previous": None}):
            for query in ("", "?outcomes=all"):
                body = {"year": each["year"], **each["report"], **more}
                reply = world.post(f"/v1/validations{query}", json=body)
                assert reply.status_code == 200, reply.text
                assert wrong(reply_schema(operation, reply), reply.json()) == []


def test_a_table_written_as_missing_is_answered_as_documented(world: TestClient) -> None:
    for method in ("put", "patch", "put"):
        reply = world.request(method, "/v1/reports/321300/2024/fees", json={"filing": "missing"})
        assert str(reply.status_code) in OPERATIONS[f"{method}_fees"]["responses"]


# Requests by chance

_CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


BEYOND_SCHEMAS = {
    "agency-required",
    "reason-required",
    "error-stands",
    "finding-stands",
    "finding-unexplained",
    "finding-lapsed",
    "not-with-as-of",
    "bad-check-character",
    "before-last-change",
    "in-the-future",
    "succeeds-itself",
    "succession-circle",
    "bad-remark-key",  # of the other form, as is an unknown member
    "bad-text",
    "circle",
    "contradicts-path",
    "bad-secret",
    "bad-target",
    "contradicts-year",
    "ends-before-start",
    "missing-with-data",
    "unknown-agency",
    "unknown-cell",
    "unknown-measure",
    "unknown-member",
    "unknown-report",
    "unknown-year",
    "year-without-form",
}
"""What may be wrong with a request that has the shape of its schema."""


def send(client: TestClient, case: Case[Any]) -> Response:
    """Send a generated request."""
    parts = case.as_transport_kwargs(base_url="http://testserver")
    kept = {"method", "url", "headers", "params", "data", "json"}
    made = requests.Request(**{name: parts[name] for name in kept & parts.keys()}).prepare()
    body: Any = made.body
    headers: Any = dict(made.headers)
    return client.request(str(made.method), str(made.url), content=body, headers=headers)


REGISTERED = {
    "agency": (r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", ("a", "b")),
    "year": (r"[1-9][0-9]{3}", ("2020", "2024")),
}


def name_what_is_there(case: Case[Any]) -> None:
    """Let most paths name an agency and a year that are registered, if they are well shaped."""
    named = case.path_parameters
    for name in REGISTERED.keys() & named.keys():
        pattern, values = REGISTERED[name]
        choice = sum(str(named[name]).encode("utf-8", "replace")) % 5
        if choice and re.fullmatch(pattern, str(named[name])):
            named[name] = values[choice % 2]


@pytest.fixture
def clients(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[list[TestClient]]:
    """A client on each kind of database."""
    with ExitStack() as stack:
        urls = [
            stack.enter_context(a_new_database(backend, tmp_path, request)) for backend in BACKENDS
        ]
        yield [stack.enter_context(TestClient(create_app(quiet(url)))) for url in urls]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_whatever_is_sent_is_answered_as_documented_by_both_kinds_of_database(
    clients: list[TestClient], mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(writable(DOCUMENT))
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        for client, code, year in product(clients, "ab", (2020, 2024)):
            client.put(f"/v1/reporting-years/{year}", json={})
            client.put(f"/v1/agencies/{code}", json=an_agency_body())
            put_report(client, code, year)
        raw = OPERATIONS[operation.definition.raw["operationId"]]
        if raw["operationId"] in STREAMS:
            continue
        takes_anything = not any(p["in"] == "query" for p in raw.get("parameters", []))
        if mode is GenerationMode.NEGATIVE and takes_anything and "requestBody" not in raw:
            continue
        answered_as_documented(clients, operation.as_strategy(generation_mode=mode), mode)


def answered_as_documented(clients: list[TestClient], strategy: Any, mode: GenerationMode) -> None:
    """Send a few of an operation's requests to each of the clients."""

    @settings(
        max_examples=4,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def answered(case: Case[Any]) -> None:
        assume([] not in (case.query or {}).values())  # which would not be sent
        name_what_is_there(case)
        if str(case.query.get("wait")) in map(str, range(1, 31)):
            case.query["wait"] = 0  # what is waited for is tested elsewhere
        replies = [send(client, case) for client in clients]
        for reply in replies:
            case.validate_response(reply, checks=_CHECKS)
            if reply.status_code == 422:  # in words of ours, and not of a library's
                assert "invalid" not in {fault["code"] for fault in reply.json()["errors"]}
            if mode is GenerationMode.NEGATIVE:
                assert reply.status_code >= 400 or case.path == "/v1/imports"  # an empty file
            elif reply.status_code == 422 and case.path != "/v1/imports":
                assert {fault["code"] for fault in reply.json()["errors"]} <= BEYOND_SCHEMAS
        assert len({reply.status_code for reply in replies}) == 1

    answered()
