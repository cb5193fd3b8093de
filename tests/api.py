"""Requests and bodies for tests of the API: what a test is not about is filled in."""

from typing import Any, TypeAlias

import fastapi.testclient
import httpx2
from fastapi import FastAPI
from httpx2 import Response

from app.domain.layout import Table
from tests.builders import the_form_of

Json: TypeAlias = dict[str, Any]

ADMIN_KEY = "the-key-of-the-first-administrator"
HEADERS: dict[str, str] = {"Authorization": f"Bearer {ADMIN_KEY}"}
"""What every client of the tests sends, unless a request says otherwise."""


class TestClient(fastapi.testclient.TestClient):
    """A client of an application in this process, which runs while the client is open."""

    def __init__(self, app: FastAPI, *, root_path: str = "") -> None:
        super().__init__(app, root_path=root_path, headers=dict(HEADERS))


def client_of(base_url: httpx2.URL | str, *, timeout: float = 30) -> httpx2.Client:
    """Return a client of a server in another process."""
    return httpx2.Client(base_url=base_url, timeout=timeout, headers=HEADERS, verify=False)


def an_agency_body(**members: Any) -> Json:
    """Return the body of an agency that may not make rules, as nearly all of them."""
    return {"name": "审计局", "kind": "department", "level": "county", **members}


def make_agency(client: TestClient, code: str = "a", **members: Any) -> Json:
    """Register an agency and return it."""
    made = client.put(f"/v1/agencies/{code}", json=an_agency_body(**members))
    assert made.status_code == 201, made.text
    return dict(made.json())


def a_matrix(table: Table, fill: Any = 0, **cells: Any) -> Json:
    """Return all cells of a table; `received__natural_person=5` sets one, `fill` all others."""
    data: Json = {
        line.key: {
            column.key: str(fill) if column.unit.is_decimal and isinstance(fill, int) else fill
            for column in table.columns
        }
        for line in table.lines
    }
    for name, value in cells.items():
        line, column = name.split("__")
        assert column in data[line]
        data[line][column] = value
    return data


def a_table_body(year: int, table: str, fill: Any = 0, **cells: Any) -> Json:
    """Return the body of a table of a year's form, filed with zeros but for these cells."""
    return {"filing": "filed", "data": a_matrix(the_form_of(year).table[table], fill, **cells)}


def a_report_body(year: int, /, **members: Any) -> Json:
    """Return the body of a report in which nothing is found.

    Members are those of a report and the tables of the year's form; a table is given as its body,
    as the cells that are not zero, or as None: left out.
    """
    form = the_form_of(year)
    body: Json = {
        "overview": "略",
        "problems": "主动公开的内容还不够全面。",
        "other_matters": "本年度未收取信息处理费。",
        "tables": {key: a_table_body(year, key) for key in form.table},
    }
    for name, given in members.items():
        if name not in form.table:
            body[name] = given
        elif given is None:
            del body["tables"][name]
        elif "data" in given or "filing" in given:
            body["tables"][name] = given
        else:
            body["tables"][name] = a_table_body(year, name, **given)
    return body


def put_report(client: TestClient, code: str = "a", year: int = 2024, **members: Any) -> Response:
    """Write a report in which nothing is found but what these members hold."""
    reply = client.put(f"/v1/reports/{code}/{year}", json=a_report_body(year, **members))
    assert reply.status_code in {200, 201}, reply.text
    return reply


def put_table(
    client: TestClient, table: str, code: str = "a", year: int = 2024, **cells: Any
) -> Response:
    """Write a table of zeros but for these cells."""
    path = f"/v1/reports/{code}/{year}/{table}"
    reply = client.put(path, json=a_table_body(year, table, **cells))
    assert reply.status_code in {200, 201}, reply.text
    return reply


def said(reply: Response) -> tuple[int, str]:
    """Return the status and the slug of a problem."""
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    return reply.status_code, reply.json()["type"].removeprefix("/problems/")


def faults(reply: Response) -> list[tuple[str | None, str]]:
    """Return where and what is wrong with a request, sorted by where."""
    found = [(each["pointer"], each["code"]) for each in reply.json()["errors"]]
    return sorted(found, key=lambda fault: fault[0] or "")


def etag(reply: Response) -> str:
    """Return the ETag of a representation, whichever its coding."""
    return reply.headers["etag"].replace('-gzip"', '"')


def revision(reply: Response) -> int:
    """Return the revision that an ETag names."""
    return int(etag(reply).strip('"').partition("-")[0])
