"""Requests and bodies for tests of the API: what a test is not about is filled in."""

from typing import Any, TypeAlias
from urllib.parse import unquote

import anyio
import fastapi.testclient
import httpx2
from fastapi import FastAPI
from httpx2 import Response

from app.domain.layout import Table
from app.forms import the_form_of

Json: TypeAlias = dict[str, Any]

ADMIN_KEY = "the-key-of-the-first-administrator"
HEADERS: dict[str, str] = {"Authorization": f"Bearer {ADMIN_KEY}"}
"""What every client of the tests sends, unless a request says otherwise."""


class TestClient(fastapi.testclient.TestClient):
    """A client of an application in this process, which runs while the client is open."""

    def __init__(self, app: FastAPI, *, root_path: str = "") -> None:
        super().__init__(app, root_path=root_path, headers=dict(HEADERS))
        self._in_one_step = _InOneStep(self, root_path)

    def _transport_for_url(self, url: httpx2.URL) -> httpx2.BaseTransport:
        """Return what hands over a request: of streams, which may never end, the library's own."""
        if self.portal is None or url.path.endswith("/stream"):
            return super()._transport_for_url(url)
        return self._in_one_step


class _InOneStep(httpx2.BaseTransport):
    """Hands requests to an application and takes their replies whole.

    The library's own way takes a dozen steps of the application's loop for each, and four times as
    long: a sixth of the time of the tests.
    """

    def __init__(self, client: TestClient, root_path: str) -> None:
        self._client, self._root_path = client, root_path

    def handle_request(self, request: httpx2.Request) -> Response:
        portal, said, sent = self._client.portal, [request.read()], list[Json]()
        assert portal is not None

        async def receive() -> Json:
            if not said:
                await anyio.sleep_forever()  # until the application has done
            return {"type": "http.request", "body": said.pop()}

        async def send(message: Any) -> None:
            sent.append(message)

        portal.call(self._client.app, self._scope(request), receive, send)
        start, *pieces = sent
        kinds = ["http.response.start", *["http.response.body"] * len(pieces)]
        assert [message["type"] for message in sent] == kinds
        assert [piece.get("more_body", False) for piece in pieces].index(False) == len(pieces) - 1
        body = httpx2.ByteStream(b"".join(piece.get("body", b"") for piece in pieces))
        return Response(start["status"], headers=start["headers"], stream=body, request=request)

    def _scope(self, request: httpx2.Request) -> Json:
        url = request.url
        return {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": self._root_path + unquote(url.path),
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "root_path": self._root_path,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ("testclient", 50000),
            "server": (url.host, url.port or 80),
            "state": self._client.app_state.copy(),
        }


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
