"""Exports: what is stored comes out, whole and in order, in each format, at no lasting cost."""

import asyncio
import csv
import gzip
import io
import json
import random
import socket
import sqlite3
import tracemalloc
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from arro3.io import read_parquet
from hypothesis import given, settings
from hypothesis import strategies as st

from app.api import exports as exports_api
from app.documents import flat, parquet, workbook
from app.services import encoding
from app.services.splicing import Splice
from app.storage import exports
from app.storage.database import Database
from tests.api import HEADERS, Json, TestClient, faults, make_agency, put_report, said
from tests.conftest import quiet, served

SUFFIXES = ("ndjson", "csv", "xlsx", "parquet")
every_file = pytest.mark.parametrize("suffix", SUFFIXES)
either_coding = pytest.mark.parametrize("coding", ["gzip", "identity"])


def export(client: TestClient, suffix: str, coding: str = "gzip", **filters: Any) -> bytes:
    reply = client.get(
        f"/v1/exports/reports.{suffix}", params=filters, headers={"accept-encoding": coding}
    )
    assert reply.status_code == 200, reply.text
    return bytes(reply.content)


def lines(client: TestClient, coding: str = "gzip", **filters: Any) -> list[Json]:
    return [json.loads(line) for line in export(client, "ndjson", coding, **filters).splitlines()]


def keys(client: TestClient, **filters: Any) -> list[tuple[str, int]]:
    return [(line["agency"]["code"], line["year"]) for line in lines(client, **filters)[:-1]]


@pytest.fixture
def world(client: TestClient) -> TestClient:
    make_agency(client, "root", kind="government", name="县人民政府")
    make_agency(client, "a", parent="root")
    make_agency(client, "B")
    put_report(client, "a", 2024, fees={"charges__amount": "59237.2449"}, disputes=None)
    put_report(client, "a", 2020, requests={"received__natural_person": "n/a"})
    put_report(client, "root", 2024, fees={"filing": "nil"}, requests={"received__total": 5})
    put_report(client, "B", 2023, documents={"rules__issued": None})
    return client


@either_coding
def test_ndjson_is_every_report_as_it_is_read_and_a_last_line(
    world: TestClient, coding: str
) -> None:
    *found, end = lines(world, coding)
    order = [("B", 2023), ("a", 2020), ("a", 2024), ("root", 2024)]
    assert [(each["agency"]["code"], each["year"]) for each in found] == order
    for each in found:
        assert each == world.get(each["links"]["self"]).json()
    position = world.get("/v1/exports/reports.ndjson").headers["feed-position"]
    assert end == {"end": True, "reports": 4, "feed_position": int(position)}


def test_the_position_is_where_the_feed_goes_on(world: TestClient) -> None:
    position = lines(world)[-1]["feed_position"]
    put_report(world, "B", 2024)
    changes = world.get(f"/v1/changes?after={position}").json()["items"]
    assert [each["resource"] for each in changes if each["op"] == "created"] == ["reports"]
    assert world.get(f"/v1/changes?after={lines(world)[-1]['feed_position']}").json()["items"] == []


def test_the_position_is_taken_before_the_first_report_is_read(
    world: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what is written between the two is in the feed, and may be in the export, too."""
    pages = exports.pages
    before = lines(world)[-1]["feed_position"]

    async def late(*given: Any, **options: Any) -> Any:
        await asyncio.to_thread(put_report, world, "B", 2024)
        async for page in pages(*given, **options):
            yield page

    monkeypatch.setattr(exports, "pages", late)
    *found, end = lines(world)
    assert end["feed_position"] == before
    assert ("B", 2024) in [(each["agency"]["code"], each["year"]) for each in found]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"agency": "a"}, [("a", 2020), ("a", 2024)]),
        ({"under": "root"}, [("a", 2020), ("a", 2024), ("root", 2024)]),
        ({"year": 2023}, [("B", 2023)]),
        ({"year_from": 2021, "year_to": 2023}, [("B", 2023)]),
        ({"severity": "error"}, [("root", 2024)]),
        ({"rule": "requests.row-total"}, [("root", 2024)]),
        ({"updated_after": "2000-01-01T00:00:00Z", "agency": "B"}, [("B", 2023)]),
        ({"agency": "nobody"}, []),
    ],
)
def test_filters_are_those_of_the_list(
    world: TestClient, filters: Json, found: list[tuple[str, int]]
) -> None:
    assert keys(world, **filters) == found
    assert lines(world, **filters)[-1]["reports"] == len(found)


def test_pages_neither_repeat_nor_miss_a_report(
    world: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = keys(world)
    for rows, size in ((1, 10**6), (2, 10**6), (3, 10**6), (4, 10**6), (5, 10**6), (4, 1)):
        monkeypatch.setattr(exports, "PACKED_ROWS", rows)
        monkeypatch.setattr(exports, "_BYTES", size)
        monkeypatch.setattr(exports, "_FETCHED", 1)
        assert keys(world) == everything, (rows, size)


@every_file
@pytest.mark.parametrize(
    ("query", "code"),
    [("limit=5", "unknown-parameter"), ("sort=year", "unknown-parameter"),
     ("year=x", "not-a-year"), ("severity=bad", "not-one-of")],
)  # fmt: skip
def test_what_is_no_filter_is_refused(
    world: TestClient, suffix: str, query: str, code: str
) -> None:
    reply = world.get(f"/v1/exports/reports.{suffix}?{query}")
    assert said(reply) == (422, "invalid-parameter")
    assert faults(reply)[0][1] == code


@every_file
def test_a_head_has_the_headers_of_a_get_and_makes_nothing(
    world: TestClient, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/exports/reports.{suffix}"
    got = world.get(path)
    monkeypatch.setattr(exports, "pages", None)
    head = world.head(path)
    assert (head.status_code, head.content) == (200, b"")
    apart = {"x-request-id", "content-length", "transfer-encoding"}
    assert {k: v for k, v in head.headers.items() if k not in apart} == {
        k: v for k, v in got.headers.items() if k not in apart
    }
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["content-disposition"] == f'attachment; filename="reports.{suffix}"'


@every_file
def test_a_file_is_of_its_own_type_and_no_other(world: TestClient, suffix: str) -> None:
    path = f"/v1/exports/reports.{suffix}"
    media_type = world.get(path).headers["content-type"].partition(";")[0]
    for accept in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        assert world.get(path, headers={"accept": accept}).status_code == 200
    for accept in ("application/json", f"{media_type};q=0"):
        assert said(world.get(path, headers={"accept": accept})) == (406, "not-acceptable")


@either_coding
def test_csv_has_every_cell_and_is_what_imports_take(world: TestClient, coding: str) -> None:
    text = export(world, "csv", coding)
    assert text.startswith(b"\xef\xbb\xbfagency,year,table,line,column,value\r\n")
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))[1:]
    read = {tuple(row[:5]): row[5] for row in rows}
    assert len(read) == len(rows)
    assert read["a", "2020", "requests", "received", "natural_person"] == "n/a"
    assert read["a", "2024", "fees", "charges", "amount"] == "59237.2449"
    assert read["root", "2024", "fees", "", "filing"] == "nil"
    assert read["a", "2020", "procurement", "", "amount_unit"] == "unknown"
    assert read["B", "2023", "documents", "rules", "issued"] == ""
    assert not any(key[:3] == ("a", "2024", "disputes") for key in read)
    assert rows == [list(row) for report in lines(world)[:-1] for row in cells_of(report)]


def cells_of(report: Json) -> Iterator[tuple[str, ...]]:
    """Return the rows of a report that the importer would make it of again."""
    head = (report["agency"]["code"], str(report["year"]))
    for key, table in report["tables"].items():
        if table["filing"] == "missing":
            continue
        for name in ("filing", "amount_unit"):
            if name in table:
                yield (*head, key, "", name, table[name])
        for line, cells in table["data"].items():
            for column, value in cells.items():
                yield (*head, key, line, column, "" if value is None else str(value))


def test_sheets_have_a_row_for_each_report_that_filed_the_table(world: TestClient) -> None:
    book = python_calamine.load_workbook(io.BytesIO(export(world, "xlsx")))
    assert book.sheet_names[0] == "reports"
    labels, names, *rows = book.get_sheet_by_name("fees").to_python()
    assert labels[:3] == ["机构代码", "机构名称", "机构类别"]
    found = {(row[0], row[4]): dict(zip(names, row, strict=True)) for row in rows}
    assert list(found) == [("B", 2023), ("a", 2020), ("a", 2024), ("root", 2024)]
    assert found["a", 2024]["charges__amount"] == 59237.2449
    assert found["a", 2024]["charges__items_change"] == ""
    assert found["root", 2024]["filing"] == "nil"
    assert (found["root", 2024]["kind"], found["root", 2024]["level"]) == ("government", "county")
    _, names, *rows = book.get_sheet_by_name("requests").to_python()
    assert rows[1][names.index("received__natural_person")] == "n/a"
    assert [row[0] for row in book.get_sheet_by_name("disputes").to_python()[2:]] == [
        "B",
        "a",
        "root",
    ]
    _, names, *rows = book.get_sheet_by_name("reports").to_python()
    by_name = dict(zip(names, rows[2], strict=True))
    assert (by_name["agency"], by_name["disputes__filing"]) == ("a", "missing")
    assert by_name["procurement__filing"] == ""


def test_more_reports_than_a_sheet_has_rows_are_refused(
    world: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flat, "MOST_ROWS", 3)
    reply = world.get("/v1/exports/reports.xlsx")
    assert said(reply) == (422, "invalid-parameter")
    assert faults(reply) == [(None, "too-many-reports")]
    export(world, "xlsx", year=2024)


def values(table: Any, name: str) -> list[Any]:
    """Return a column as Python has it."""
    return [value.as_py() for value in table.column(name)]


def test_parquet_has_a_wide_row_for_each_report(world: TestClient) -> None:
    table = read_parquet(io.BytesIO(export(world, "parquet"))).read_all()
    rows = {name: values(table, name) for name in table.schema.names}
    assert rows["agency"] == ["B", "a", "a", "root"]
    assert rows["year"] == [2023, 2020, 2024, 2024]
    assert rows["kind"][3] == "government"
    assert rows["fees__charges__amount"] == [0, None, Decimal("59237.2449"), None]
    assert rows["documents__rules__issued"] == [None, None, 0, 0]
    assert rows["requests__received__total"] == [0, 0, 0, 5]
    assert rows["requests__received__natural_person"] == [0, None, 0, 0]
    assert rows["not_applicable"] == [[], ["requests__received__natural_person"], [], []]
    assert rows["disputes__filing"] == ["filed", "filed", "missing", "filed"]
    assert rows["procurement__amount_unit"] == [None, "unknown", None, None]
    assert rows["error"][3] == 2


def test_an_agency_may_be_called_not_applicable(client: TestClient) -> None:
    make_agency(client, "a", name="n/a")
    put_report(client)
    table = read_parquet(io.BytesIO(export(client, "parquet"))).read_all()
    assert values(table, "agency_name") == ["n/a"]
    assert values(table, "not_applicable") == [[]]


@every_file
def test_an_export_of_nothing_is_a_file_of_its_kind(client: TestClient, suffix: str) -> None:
    made = export(client, suffix)
    if suffix == "ndjson":
        assert json.loads(made)["reports"] == 0
    if suffix == "csv":
        assert made == flat.csv_head()
    if suffix == "xlsx":
        assert len(python_calamine.load_workbook(io.BytesIO(made)).sheet_names) == 8
    if suffix == "parquet":
        assert read_parquet(io.BytesIO(made)).read_all().num_rows == 0


def test_the_template_is_filled_in_and_read_back(client: TestClient) -> None:
    for form in ("2019", "2021"):
        reply = client.get(f"/v1/forms/{form}/template.xlsx")
        assert reply.headers["content-disposition"] == f'attachment; filename="gongkai-{form}.xlsx"'
        (item,) = workbook.read(io.BytesIO(reply.content))
        assert item.body["form"] == form
        again = {"if-none-match": reply.headers["etag"]}
        assert client.get(f"/v1/forms/{form}/template.xlsx", headers=again).status_code == 304
    assert said(client.get("/v1/forms/1999/template.xlsx")) == (404, "form-not-found")
    assert said(client.get("/v1/forms/2021/template.xlsx?a=1")) == (422, "invalid-parameter")


# Joining gzipped bodies


SIZES = st.lists(st.one_of(st.integers(0, 50), st.integers(70_000, 140_000)), max_size=5)


def a_body(size: int) -> bytes:
    """Return a body of which half can be made smaller."""
    return random.Random(size).randbytes(size // 2) + b"n" * (size - size // 2)


@settings(max_examples=25, deadline=None)
@given(st.lists(SIZES, max_size=3))
def test_joined_bodies_are_one_gzip_member_of_lines(sizes: list[list[int]]) -> None:
    """One member: many clients stop after the first without a word."""
    pages = [[a_body(size) for size in page] for page in sizes]
    splice = Splice()
    made = b"".join(splice.lines(map(encoding.zipped, page)) for page in pages) + splice.end(b"{}")
    reader = zlib.decompressobj(31)
    text = reader.decompress(made)
    assert reader.eof
    assert reader.unused_data == b""
    assert text == b"".join(body + b"\n" for page in pages for body in page) + b"{}\n"


def test_bodies_that_were_zipped_in_another_way_are_joined_too() -> None:
    """As those of an older version, until `gongkai rebuild`."""
    splice = Splice()
    made = splice.lines([gzip.compress(b"old"), zlib.compress(b"older", 1, 31)]) + splice.end(b"")
    assert gzip.decompress(made) == b"old\nolder\n\n"


def test_a_body_that_was_zipped_is_read_by_any_reader() -> None:
    body = b'{"a": "\xe6\x94\xbf"}' * 1000
    zipped = encoding.zipped(body)
    assert gzip.decompress(zipped) == encoding.unzipped(zipped) == body


# Many reports


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of 1,501 reports, most of them copies."""
    path = tmp_path_factory.mktemp("many") / "many.db"
    url = f"sqlite:///{path}"
    _fill(url, path)
    return url


def _fill(url: str, path: Path) -> None:
    from app.main import create_app  # noqa: PLC0415
    from app.services import maintaining  # noqa: PLC0415

    maintaining.migrate(quiet(url))
    with TestClient(create_app(quiet(url))) as client:
        make_agency(client)
        put_report(client)
    with sqlite3.connect(path) as connection:
        for table, key in (
            ("agency", "code"),
            ("report", "agency"),
            ("derived_document", "agency"),
        ):
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            chosen = ", ".join("printf('x%05d', value)" if n == key else n for n in names)
            connection.execute(
                f"WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n "
                f"WHERE value < 1500) INSERT INTO {table} SELECT {chosen} FROM {table}, n"
            )
    connection.close()


@pytest.mark.parametrize("suffix", ["ndjson", "parquet"])
def test_memory_does_not_grow_with_the_export(many: str, suffix: str, tmp_path: Path) -> None:
    """The reports are 9 MB of JSON, and ten times that when they are read."""
    asyncio.run(_drained(many, suffix))  # what is made once a process is no growth
    tracemalloc.start()
    try:
        size = asyncio.run(_drained(many, suffix))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > {"ndjson": 9_000_000, "parquet": 50_000}[suffix]
    assert peak < {"ndjson": 9_000_000, "parquet": 15_000_000}[suffix]


async def _drained(url: str, suffix: str) -> int:
    db = Database(quiet(url))
    try:
        if suffix == "parquet":
            rows = exports.pages(db, {}, list, exports.DESCRIBED)
            with io.BytesIO() as file:
                await exports_api._built(_Patient(), rows, file, parquet.write)  # type: ignore[arg-type]
                return file.tell()
        made = exports_api._lines(db, {}, 1) if suffix == "ndjson" else exports_api._csv(db, {})
        return sum([len(chunk) async for chunk in made])
    finally:
        db.close()


class _Patient:
    """A request whose client stays."""

    async def is_disconnected(self) -> bool:
        return False


def test_clients_that_do_not_read_or_hang_up_keep_nobody_waiting(many: str) -> None:
    """The service has one reader; three clients stop reading, three hang up in the middle."""
    with served(many, GONGKAI_POOL_SIZE="1", GONGKAI_GRACEFUL_TIMEOUT="1") as (client, _):
        port = client.base_url.port
        stuck = [_asking(port, "ndjson") for _ in range(3)]
        for suffix in ("ndjson", "csv", "xlsx"):
            _asking(port, suffix).close()
        found = client.get("/v1/exports/reports.ndjson").text.splitlines()
        assert json.loads(found[-1])["reports"] == len(found) - 1 == 1501
        assert client.get("/v1/reports/a/2024").status_code == 200
        for connection in stuck:
            rest = b"".join(iter(lambda c=connection: c.recv(1 << 20), b""))  # type: ignore[misc]
            assert b'"end":true,"reports":1501' in rest
            connection.close()


def _asking(port: int | None, suffix: str) -> socket.socket:
    """Ask for an export and read no more of it than its beginning."""
    assert port is not None
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    shown = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    request = (
        f"GET /v1/exports/reports.{suffix} HTTP/1.1\r\nHost: a\r\n{shown}Connection: close\r\n\r\n"
    )
    connection.sendall(request.encode())
    if suffix != "xlsx":
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
    return connection
