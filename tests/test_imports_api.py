"""Imports: a file is worth as much as its lines put one by one, and a fault costs what is said."""

import asyncio
import gzip
import json
import re
import time
from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa
from httpx2 import Response

from app.api.downloads import MEDIA_TYPES
from app.documents import template
from app.main import create_app
from app.services import background, encoding, importing, maintaining
from app.services.spooling import Spool
from app.storage import bulk
from tests.api import Json, TestClient, a_report_body, make_agency, put_report, said
from tests.builders import A_BUREAU, FORM_2021, a_report
from tests.conftest import quiet, reading
from tests.consistency import assert_consistent

NDJSON = "application/x-ndjson"


def a_line(code: str = "a", year: int = 2024, /, **members: Any) -> Json:
    """Return a report as a line of a file, in which nothing is found but what these hold."""
    return {"agency": code, "year": year, **a_report_body(year, **members)}


def ndjson(lines: Iterable[Json | str]) -> bytes:
    """Return lines as a file."""
    texts = (each if isinstance(each, str) else json.dumps(each) for each in lines)
    return "".join(f"{text}\n" for text in texts).encode()


def send(client: TestClient, *lines: Json | str, query: str = "", **headers: str) -> Response:
    """Import lines of NDJSON."""
    sent = {"content-type": NDJSON} | {k.replace("_", "-"): v for k, v in headers.items()}
    return client.post(f"/v1/imports{query}", content=ndjson(lines), headers=sent)


def send_csv(client: TestClient, *rows: str, query: str = "", encoding: str = "utf-8") -> Response:
    """Import rows of CSV below their header."""
    text = "\r\n".join(("agency,year,table,line,column,value", *rows))
    headers = {"content-type": "text/csv"}
    return client.post(f"/v1/imports{query}", content=text.encode(encoding), headers=headers)


def outcomes(reply: Response) -> list[tuple[int, str]]:
    """Return the lines of a reply and what became of them."""
    assert reply.status_code == 200, reply.text
    body = reply.json()
    counted = [each["outcome"] for each in body["items"]]
    counts = {name: n for name, n in body["counts"].items() if name != "sent"}
    assert body["counts"]["sent"] == len(counted) == sum(counts.values())
    assert {name: n for name, n in counts.items() if n} == {o: counted.count(o) for o in counted}
    return [(each["line"], each["outcome"]) for each in body["items"]]


def errors(reply: Response) -> list[tuple[int, str | None, str]]:
    """Return line, pointer and code of each fault of a problem."""
    found = [(each["line"], each["pointer"], each["code"]) for each in reply.json()["errors"]]
    assert all(each["message"] for each in reply.json()["errors"])
    return found


def stored(client: TestClient) -> list[tuple[str, int]]:
    """Return the keys of the reports that are stored."""
    items = client.get("/v1/reports?limit=1000").json()["items"]
    return [(each["agency"]["code"], each["year"]) for each in items]


# What is stored


def _documents(database_url: str) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Return every document, without its times, and the revision and stamps of its tables."""
    with reading(database_url) as connection:
        found = connection.execute(sa.text("SELECT * FROM derived_document")).all()
        tables = connection.execute(
            sa.text("SELECT agency, year, revision FROM filing_requests")
        ).all()
        findings = connection.execute(
            sa.text("SELECT agency, year, position, rule, body FROM derived_finding")
        ).all()
    stamps = {(agency, year): revision for agency, year, revision in tables}
    rows = sorted((a, y, p, rule, bytes(body)) for a, y, p, rule, body in findings)
    made = {}
    for row in found:
        text = encoding.unzipped(bytes(row.body)).decode()
        text = re.sub(r'"(created|updated)_at":"[^"]*"', r'"\1_at":""', text)
        key = (row.agency, row.year)
        revision = row.etag.strip('"').partition("-")[0]
        mine = [each for each in rows if each[:2] == key]
        made[key] = (text, revision, stamps.get(key), row.errors, row.warnings, mine)
    return made


LINES = [
    a_line("a", 2024, requests={"received__total": 3}),
    a_line("b", 2022, overview=None, problems='一\n二 \\ "引"'),
    a_line("a", 2023, requests={"received__natural_person": 2, "carried_out__total": 9}),
    a_line("b", 2020, procurement={"filing": "nil"}),
    a_line("a", 2025, fees={"charges__amount": "12.5"}, documents=None),
    a_line("a", 2024, requests={"received__total": 4}),  # once more, and other
    a_line("c", 2021, submitted_on="2022-01-20", published_on="2022-03-01"),
    a_line("a", 2025, fees={"charges__amount": "12.5"}, documents=None),  # once more, the same
    {"agency": "b", "year": 2023},
]


@pytest.mark.parametrize("at_a_time", [1, 2, importing.AGENCIES])
def test_a_file_is_worth_as_much_as_its_lines_put_one_by_one(
    client: TestClient,
    database_url: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    at_a_time: int,
) -> None:
    monkeypatch.setattr(importing, "AGENCIES", at_a_time)
    for code in "abc":
        make_agency(client, code)
    put_report(client, "a", 2022, requests={"carried_out__total": 5})
    put_report(client, "b", 2021)
    put_report(client, "c", 2022)
    other_url = f"sqlite:///{tmp_path / 'other.db'}"
    maintaining.migrate(quiet(other_url))
    with TestClient(create_app(quiet(other_url))) as other:
        for code in "abc":
            make_agency(other, code)
        put_report(other, "a", 2022, requests={"carried_out__total": 5})
        put_report(other, "b", 2021)
        put_report(other, "c", 2022)
        for line in LINES:
            path = f"/v1/reports/{line['agency']}/{line['year']}"
            assert other.put(path, json=line).status_code in {200, 201}
    found = outcomes(send(client, *LINES))
    assert [outcome for _, outcome in found] == [
        *("created" for _ in range(5)), "updated", "created", "unchanged", "created",
    ]  # fmt: skip
    assert _documents(database_url) == _documents(other_url)
    assert_consistent(database_url)
    again = send(client, *(line for n, line in enumerate(LINES) if n != 0))
    assert {outcome for _, outcome in outcomes(again)} == {"unchanged"}


@pytest.mark.parametrize("last", [1, 2, 3])
def test_an_import_of_which_a_part_cannot_be_written_stores_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Parts are written behind what is judged, and the last of them after all was judged."""
    monkeypatch.setattr(importing, "AGENCIES", 1)
    parts: list[bulk.Batch] = []

    def write(connection: sa.Connection, batch: bulk.Batch) -> None:
        parts.append(batch)
        if len(parts) == last:
            raise sa.exc.OperationalError("", {}, Exception("the disk is full"))
        really_write(connection, batch)

    really_write = bulk.write
    monkeypatch.setattr(bulk, "write", write)
    for code in "abc":
        make_agency(client, code)
    before = client.get("/v1/changes").json()["latest"]
    assert send(client, *(a_line(code) for code in "abc")).status_code == 503
    assert len(parts) == last
    assert stored(client) == []
    assert client.get("/v1/changes").json()["latest"] == before


def test_an_outcome_tells_revision_etag_and_findings(client: TestClient) -> None:
    make_agency(client)
    put_report(client, "a", 2024)
    reply = send(client, a_line(requests={"received__total": 5}), a_line("a", 2023))
    first, second = reply.json()["items"]
    read = client.get("/v1/reports/a/2024")
    assert first["etag"] == read.headers["etag"].replace('-gzip"', '"')
    assert (first["revision"], first["counts"]) == (2, read.json()["counts"])
    assert first["counts"]["error"] > 0
    assert (second["outcome"], second["revision"]) == ("created", 1)
    assert second["counts"] == {"error": 0, "warning": 0, "info": 0}


def test_of_a_report_twice_in_a_file_the_later_wins(client: TestClient) -> None:
    make_agency(client)
    reply = send(client, a_line(overview="一"), a_line(overview="二"), a_line(overview="二"))
    assert outcomes(reply) == [(1, "created"), (2, "updated"), (3, "unchanged")]
    assert [each.get("superseded_by") for each in reply.json()["items"]] == [2, 3, None]
    assert reply.json()["items"][2]["revision"] == 2
    assert client.get("/v1/reports/a/2024").json()["overview"] == "二"


def test_what_was_deleted_counts_on(client: TestClient) -> None:
    make_agency(client)
    put_report(client)
    put_report(client, overview="二")
    client.delete("/v1/reports/a/2024")
    assert send(client, a_line()).json()["items"][0]["revision"] == 4  # the deletion is the third


def test_what_was_read_can_be_imported(client: TestClient) -> None:
    make_agency(client)
    put_report(client, requests={"received__total": 5})
    line = client.get("/v1/reports/a/2024").text
    assert outcomes(send(client, line, '{"end": true, "feed_position": 17}')) == [(1, "unchanged")]
    client.delete("/v1/reports/a/2024")
    assert outcomes(send(client, line)) == [(1, "created")]


def test_empty_lines_and_ends_of_lines_do_not_matter(client: TestClient) -> None:
    make_agency(client)
    line = json.dumps(a_line()).encode()
    content = b"\xef\xbb\xbf\r\n" + line + b"\r\n\n  \n" + line
    reply = client.post("/v1/imports", content=content, headers={"content-type": NDJSON})
    assert outcomes(reply) == [(2, "created"), (5, "unchanged")]
    empty = client.post("/v1/imports", content=b"", headers={"content-type": NDJSON})
    assert outcomes(empty) == []


# What is not


FAULTY: list[tuple[str, tuple[str | None, str]]] = [
    ('{"agency": "a", "year": 2024', ("", "malformed-json")),
    ('{"agency": "a", "year": 2024, "year": 2024}', ("/year", "duplicate-member")),
    ('{"agency": "a", "year": 2024, "tables": {"fees": {"remarks": {}, "remarks": {}}}}',
     ("/tables/fees/remarks", "duplicate-member")),
    ('{"agency": "a", "year": 2024, "overview": "\\"", "overview": "x"}',
     ("/overview", "duplicate-member")),
    ("[1]", ("", "not-an-object")),
    ("[" * 100_000, ("", "malformed-json")),
    ('{"agency": "a", "year": 2024, "overview": "\\u0000"}', ("/overview", "bad-text")),
    ('{"agency": "a", "year": 2024, "overview": "\\ud800"}', ("/overview", "bad-text")),
    ('{"agency": "a", "year": NaN}', ("", "malformed-json")),
    ('{"agency": "a", "year": 2024, "nonsense": 1}', ("/nonsense", "unknown-member")),
    ('{"year": 2024}', ("/agency", "required")),
    ('{"agency": "a"}', ("/year", "required")),
    ('{"agency": "a", "year": 2018}', ("/year", "year-without-form")),
    ('{"agency": "a", "year": 9000}', ("/year", "unknown-year")),
    ('{"agency": "z", "year": 2024}', ("/agency", "unknown-agency")),
    ('{"agency": "a", "year": 2024, "form": "2019"}', ("/form", "contradicts-year")),
    ('{"agency": "a", "year": 2023}', ("/year", "year-closed")),
    ('{"agency": "a", "year": 2024, "tables": {"procurement": {}}}',
     ("/tables/procurement", "unknown-member")),
    ('{"agency": "a", "year": 2024, "tables": {"fees": {"data": {"charges": {"amount": 5}}}}}',
     ("/tables/fees/data/charges/amount", "not-a-decimal")),
]  # fmt: skip


def test_every_faulty_line_is_named_and_an_atomic_import_stores_nothing(
    client: TestClient,
) -> None:
    make_agency(client)
    client.put("/v1/reporting-years/2023", json={"status": "closed"})
    lines: list[Json | str] = [a_line("a", 2022), *(line for line, _ in FAULTY), a_line("a", 2021)]
    reply = send(client, *lines)
    assert said(reply) == (422, "invalid-import")
    expected = [(number, *fault) for number, (_, fault) in enumerate(FAULTY, 2)]
    assert errors(reply) == expected
    assert stored(client) == []
    partial = send(client, *lines, query="?mode=partial")
    found = outcomes(partial)
    assert [line for line, outcome in found if outcome == "created"] == [1, len(lines)]
    assert [line for line, outcome in found if outcome == "failed"] == [e[0] for e in expected]
    assert stored(client) == [("a", 2021), ("a", 2022)]


def test_a_line_that_is_no_utf8_or_too_long_fails_alone(client: TestClient) -> None:
    make_agency(client)
    good = json.dumps(a_line()).encode()
    content = b"\n".join((b'{"agency":"\xff"}', b'{"a":"' + b"x" * 2**22 + b'"}', good, good[:50]))
    reply = client.post(
        "/v1/imports?mode=partial", content=content, headers={"content-type": NDJSON}
    )
    assert [o for _, o in outcomes(reply)] == ["failed", "failed", "created", "failed"]
    codes = [[e["code"] for e in item["errors"]] for item in reply.json()["items"]]
    assert codes == [["malformed-json"], ["line-too-long"], [], ["malformed-json"]]


def test_what_only_the_writing_shows_is_named_beside_what_the_reading_does(
    client: TestClient,
) -> None:
    codes = [f"a{n:03}" for n in range(importing.AGENCIES + 2)]
    for code in (codes[0], codes[-1]):
        make_agency(client, code)
        put_report(client, code)
        sent = {"action": "submit"}
        client.post(f"/v1/reports/{code}/2024/transitions", json=sent).raise_for_status()
    lines = [a_line(code, 2024, overview="改") for code in codes]
    locked = [(1, "", "report-locked"), (len(codes), "", "report-locked")]
    unknown = [(n, "/agency", "unknown-agency") for n in range(2, len(codes))]
    assert errors(send(client, *lines)) == sorted(locked + unknown)
    for code in codes[1:-1]:
        make_agency(client, code)
    assert errors(send(client, *lines)) == locked
    malformed = (len(codes) + 1, None, "malformed-json")
    assert [e[::2] for e in errors(send(client, *lines, "x"))] == [
        e[::2] for e in (*locked, malformed)
    ]


def test_of_many_faults_each_line_has_its_first(client: TestClient) -> None:
    make_agency(client)
    faulty = {"agency": "a", "year": 2024, **{f"x{n}": n for n in range(140)}}
    found = errors(send(client, *[faulty] * 30))
    assert len(found) == 1_000
    assert {line for line, _, _ in found} == set(range(1, 31))


def test_a_file_of_faults_is_not_read_to_its_end(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_FAILED", 1_000)
    make_agency(client)
    job = ended(client, send(client, a_line(), *["x"] * 5_000, query="?mode=partial"))
    last = lines_of(client, job)[-1]
    assert [each["code"] for each in last["errors"]] == ["too-many-faults"]
    assert (job["counts"]["created"], job["counts"]["skipped"]) == (0, 1)
    assert last["line"] < 1_600
    assert stored(client) == []


def test_a_table_of_another_report_is_refused(client: TestClient) -> None:
    make_agency(client)
    tables = {"fees": {"agency": "b", "year": 2023, "filing": "nil"}}
    assert errors(send(client, {"agency": "a", "year": 2024, "tables": tables})) == [
        (1, "/tables/fees/agency", "contradicts-path"),
        (1, "/tables/fees/year", "contradicts-path"),
    ]
    own = {"fees": {"agency": {"code": "a"}, "year": 2024, "filing": "nil"}}
    assert outcomes(send(client, {"agency": "a", "year": 2024, "tables": own})) == [(1, "created")]


def test_a_line_with_an_end_is_a_report_all_the_same(client: TestClient) -> None:
    for line in ({"end": "x", "agncy": "a"}, {"end": True, "agncy": "a"}, {"end": False}):
        assert said(send(client, line)) == (422, "invalid-import")
    assert outcomes(send(client, {"end": True, "reports": 0, "feed_position": 3})) == []


def test_the_largest_report_that_is_put_is_exported_and_imported(client: TestClient) -> None:
    make_agency(client)
    prose = dict.fromkeys(("overview", "problems", "other_matters"), "长" * 200_000)
    put_report(client, "a", 2024, **prose)
    remarks = {
        f"{line.key}.{column.key}": "注" * 1_900
        for line in FORM_2021.table["requests"].lines
        for column in FORM_2021.table["requests"].columns[:3]
    }
    patch = {"remarks": remarks, "data": {"received": {"total": 7}}}
    client.patch("/v1/reports/a/2024/requests", json=patch).raise_for_status()
    exported = client.get("/v1/exports/reports.ndjson").text
    assert len(exported.encode()) > 2 * 2**20
    assert outcomes(send(client, *exported.splitlines())) == [(1, "unchanged")]


def test_a_dry_run_says_the_same_and_stores_nothing(client: TestClient) -> None:
    make_agency(client)
    lines = [a_line(requests={"received__total": 5}), a_line("a", 2023)]
    dry = send(client, *lines, query="?dry_run=true")
    assert stored(client) == []
    real = send(client, *lines)
    assert outcomes(dry) == outcomes(real)
    findings = client.get("/v1/reports/a/2024").json()["findings"]
    assert dry.json()["items"][0]["findings"] == findings != []
    assert said(send(client, '{"agency": 1}', query="?dry_run=true"))[0] == 422


def test_messages_are_in_the_language_of_the_client(client: TestClient) -> None:
    for language, word in (("zh", "没有这个机构"), ("en", "no such agency")):
        reply = send(client, '{"agency": "z", "year": 2024}', accept_language=language)
        assert word in reply.json()["errors"][0]["message"]
        query = "?mode=partial"
        reply = send(client, '{"agency": "z", "year": 2024}', query=query, accept_language=language)
        assert word in reply.json()["items"][0]["errors"][0]["message"]


# CSV


def test_csv_replaces_the_tables_that_it_names_and_keeps_the_rest(client: TestClient) -> None:
    make_agency(client)
    put_report(client, overview="话", fees={"charges__amount": "3"})
    client.patch("/v1/reports/a/2024/requests", json={"remarks": {"received": "注"}})
    reply = send_csv(
        client,
        "a,2024,requests,received,natural_person,5",
        "a,2023,fees,,filing,nil",
        "a,2024,licensing,licences,decisions,n/a",
        "a,2024,requests,received,commercial,",
        "a,2024,enforcement,,filing,missing",
    )
    assert outcomes(reply) == [(2, "updated"), (3, "created")]
    report = client.get("/v1/reports/a/2024").json()
    requests = report["tables"]["requests"]
    assert requests["data"]["received"]["natural_person"] == 5
    assert requests["data"]["received"]["commercial"] is None
    assert requests["data"]["granted"]["natural_person"] is None
    assert requests["remarks"] == {"received": "注"}
    assert report["tables"]["licensing"]["data"]["licences"]["decisions"] == "n/a"
    assert report["tables"]["enforcement"]["filing"] == "missing"
    assert report["tables"]["fees"]["data"]["charges"]["amount"] == "3"
    assert report["overview"] == "话"
    assert client.get("/v1/reports/a/2023/fees").json()["filing"] == "nil"


def test_csv_is_read_in_gb18030_as_well_and_keeps_choices(client: TestClient) -> None:
    make_agency(client)
    rows = (
        "a,2020,procurement,centralized,amount,160.5964",
        "a,2020,procurement,,amount_unit,wan_yuan",
    )
    assert outcomes(send_csv(client, *rows)) == [(2, "created")]
    faulty = send_csv(client, "a,2020,procurement,centralized,金额,1", encoding="gb18030")
    assert errors(faulty) == [(2, "/tables/procurement/data/centralized/金额", "unknown-member")]
    changed = send_csv(client, "a,2020,procurement,centralized,items,2", encoding="gb18030")
    assert outcomes(changed) == [(2, "updated")]
    table = client.get("/v1/reports/a/2020/procurement").json()
    assert (table["data"]["centralized"], table["amount_unit"]) == (
        {"items": 2, "amount": None},
        "wan_yuan",
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["a,2024,nonsense,x,y,1"], [(2, "/tables/nonsense", "unknown-member")]),
        (["a,2024,fees,charges,amount,-1"],
         [(2, "/tables/fees/data/charges/amount", "not-a-decimal")]),
        (["a,2024,requests,received,total,5",
          "a,2024,requests,received,total,6",
          "a,2024,requests,granted,total,1.5"],
         [(3, "/tables/requests/data/received/total", "duplicate-member"),
          (4, "/tables/requests/data/granted/total", "not-a-count")]),
        (["a,2024,requests,received,total"], [(2, None, "malformed-csv")]),
        (["a,2024,requests,received,total,\"5"], [(2, None, "malformed-csv")]),
        (["a,2024,requests,received,total,\0"], [(2, None, "bad-text")]),
        (["a,2024,requests,,data,x"], [(2, "/tables/requests/data", "unknown-member")]),
        (["a,2024,requests,,,x"], [(2, "/tables/requests/", "unknown-member")]),
        (["a,24,fees,,filing,nil"], [(2, "/year", "not-a-year")]),
        ([",2024,fees,,filing,nil"], [(2, "/agency", "bad-code")]),
        (["z,2024,fees,,filing,nil"], [(2, "/agency", "unknown-agency")]),
    ],
)  # fmt: skip
def test_faults_of_csv_are_on_the_line_they_come_from(
    client: TestClient, rows: list[str], expected: list[Any]
) -> None:
    make_agency(client)
    reply = send_csv(client, *rows)
    assert said(reply) == (422, "invalid-import")
    assert errors(reply) == expected


UPHELD = "a,2024,disputes,reconsideration,upheld,7"
CORRECTED = "a,2024,disputes,reconsideration,corrected,8"


@pytest.mark.parametrize(
    "torn", [f"{CORRECTED},", CORRECTED[:-2], f"{CORRECTED}\0", CORRECTED[:-1] + '"8']
)
def test_a_report_of_which_a_line_cannot_be_read_stays_as_it_is(
    client: TestClient, torn: str
) -> None:
    make_agency(client)
    make_agency(client, "b")
    assert outcomes(send_csv(client, UPHELD, CORRECTED)) == [(2, "created")]
    rows = (UPHELD, torn, "b,2024,fees,,filing,nil")
    reply = send_csv(client, *rows, query="?mode=partial")
    assert outcomes(reply) == [(2, "failed"), (4, "created")]
    (fault,) = reply.json()["items"][0]["errors"]
    assert fault["line"] == 3
    data = client.get("/v1/reports/a/2024/disputes").json()["data"]
    assert data["reconsideration"]["corrected"] == 8
    assert errors(send_csv(client, *rows)) == [(3, None, fault["code"])]


@pytest.mark.parametrize(
    "torn", ["x", "\0", '"a', "a2024disputes", f"{UPHELD}b,{UPHELD}", f"{UPHELD}\r{UPHELD},"]
)
def test_where_a_line_may_be_of_any_report_none_is_stored(client: TestClient, torn: str) -> None:
    make_agency(client)
    reply = send_csv(client, UPHELD, CORRECTED, torn, query="?mode=partial")
    assert outcomes(reply) == [(2, "failed"), (4, "failed")]
    assert [each["code"] for each in reply.json()["items"][0]["errors"]] == ["maybe-torn"]
    assert stored(client) == []


def test_a_year_of_other_digits_is_none(client: TestClient) -> None:
    make_agency(client)
    wide = CORRECTED.replace("2024", "２０２４")
    reply = send_csv(client, UPHELD, wide, query="?mode=partial")
    assert outcomes(reply) == [(2, "created"), (3, "failed")]


def test_csv_without_its_header_is_refused(client: TestClient) -> None:
    for content in (b"a,2024,fees,,filing,nil", b"agency,year\na,2024"):
        headers = {"content-type": "text/csv"}
        reply = client.post("/v1/imports", content=content, headers=headers)
        assert errors(reply) == [(1, None, "bad-header")]


# XLSX


def test_a_workbook_is_a_whole_report_and_its_faults_name_cells(client: TestClient) -> None:
    make_agency(client, A_BUREAU.code)
    headers = {"content-type": MEDIA_TYPES["xlsx"]}
    good = template.made(FORM_2021, a_report(2024, requests={"received__total": 5}))
    reply = client.post("/v1/imports", content=good, headers=headers)
    assert outcomes(reply) == [(1, "created")]
    read = client.get(f"/v1/reports/{A_BUREAU.code}/2024").json()
    assert read["tables"]["requests"]["data"]["received"]["total"] == 5
    bad = template.made(FORM_2021, a_report(2024, requests={"received__total": -5}))
    reply = client.post("/v1/imports", content=bad, headers=headers)
    assert errors(reply) == [(1, "/tables/requests/data/received/total", "not-a-count")]
    assert reply.json()["errors"][0]["place"].startswith("requests!")
    none = client.post("/v1/imports", content=b"PK\x03\x04", headers=headers)
    assert said(none) == (400, "unreadable-workbook")
    later = client.post("/v1/imports", content=b"PK", headers=headers | {"prefer": "respond-async"})
    (outcome,) = lines_of(client, ended(client, later))
    assert [each["code"] for each in outcome["errors"]] == ["unreadable-workbook"]


# Bodies


def test_other_types_are_refused(client: TestClient) -> None:
    for headers in (
        {"content-type": "application/json"},
        {"content-type": NDJSON, "content-encoding": "br"},
        {},
    ):
        assert said(client.post("/v1/imports", content=b"{}", headers=headers))[0] == 415
    assert said(send(client, query="?mode=both")) == (422, "invalid-parameter")


def test_gzip_is_unpacked_where_it_keeps_no_other_caller_waiting(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, beside = Spool.write, list[bool]()

    def written(spool: Spool, data: bytes) -> None:
        beside.append(asyncio._get_running_loop() is None)
        write(spool, data)

    monkeypatch.setattr(Spool, "write", written)
    for content, coding in ((b"{}", "identity"), (gzip.compress(b"{}"), "gzip")):
        headers = {"content-type": NDJSON, "content-encoding": coding}
        assert client.post("/v1/imports", content=content, headers=headers).status_code == 422
    assert beside == [False, True]


def test_gzip_is_unpacked_and_what_is_none_is_refused(client: TestClient) -> None:
    make_agency(client)
    headers = {"content-type": NDJSON, "content-encoding": "gzip"}
    packed = gzip.compress(ndjson([a_line()]))
    reply = client.post("/v1/imports", content=packed, headers=headers)
    assert outcomes(reply) == [(1, "created")]
    again = client.post("/v1/imports", content=packed + packed, headers=headers)
    assert outcomes(again) == [(1, "unchanged"), (2, "unchanged")]
    for wrong in (packed[:-9], b"plain", packed + b"more", b""):
        reply = client.post("/v1/imports", content=wrong, headers=headers)
        assert said(reply) == (400, "malformed-gzip")


def test_a_file_beyond_the_limit_is_refused_packed_or_not(database_url: str) -> None:
    settings = quiet(database_url, import_limit=1_000_000)
    with TestClient(create_app(settings)) as client:
        bomb = gzip.compress(b" " * 2_000_000)
        for content, more in ((b" " * 2_000_000, {}), (bomb, {"content-encoding": "gzip"})):
            headers = {"content-type": NDJSON, **more}
            reply = client.post("/v1/imports", content=content, headers=headers)
            assert said(reply) == (413, "body-too-large")


# In the background


def ended(client: TestClient, reply: Response) -> Json:
    """Wait until an import has ended."""
    assert reply.status_code == 202, reply.text
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        job = client.get(reply.headers["location"]).json()
        if job["state"] in {"done", "failed"}:
            return dict(job)
        time.sleep(0.02)  # a poll, as a client does
    raise AssertionError(job)


def lines_of(client: TestClient, job: Json, query: str = "") -> list[Json]:
    """Return the outcomes of an import that has ended."""
    reply = client.get(job["links"]["outcomes"] + query, headers={"accept": NDJSON})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith(NDJSON)
    return [json.loads(line) for line in reply.text.splitlines()]


@pytest.mark.parametrize("mode", ["atomic", "partial"])
def test_a_large_file_becomes_a_job_with_the_same_result(database_url: str, mode: str) -> None:
    with TestClient(create_app(quiet(database_url, import_lines_at_once=5))) as client:
        for code in "abc":
            make_agency(client, code)
        reply = send(client, *LINES, query=f"?mode={mode}")
        assert reply.json()["state"] == "queued"
        job = ended(client, reply)
        assert (job["state"], job["mode"], job["progress"]["phase"]) == ("done", mode, "ended")
        assert job["progress"]["bytes"] == job["progress"]["bytes_total"] == len(ndjson(LINES))
        assert (job["progress"]["lines"], job["counts"]["sent"]) == (len(LINES), len(LINES))
        assert [each["line"] for each in lines_of(client, job)] == [*range(1, len(LINES) + 1)]
        assert len(lines_of(client, job, "?outcome=unchanged")) == 1 == job["counts"]["unchanged"]
        listed = client.get("/v1/imports?state=done").json()["items"]
        assert [each["id"] for each in listed] == [job["id"]]
        assert len(stored(client)) == 7
    assert_consistent(database_url)


def test_a_job_that_fails_stores_nothing_and_says_why(client: TestClient) -> None:
    make_agency(client)
    reply = send(client, a_line(), '{"agency": "z", "year": 2024}', prefer="respond-async")
    assert reply.headers["preference-applied"] == "respond-async"
    job = ended(client, reply)
    assert job["state"] == "failed"
    assert {k: v for k, v in job["counts"].items() if v} == {"sent": 2, "failed": 1, "skipped": 1}
    good, bad = lines_of(client, job)
    assert (good["outcome"], bad["outcome"]) == ("skipped", "failed")
    assert bad["errors"][0]["code"] == "unknown-agency"
    assert bad["errors"][0]["message"]
    assert stored(client) == []


def test_preferences_may_stand_on_several_lines(client: TestClient) -> None:
    headers = [("content-type", NDJSON), ("prefer", "wait=10"), ("prefer", "respond-async")]
    reply = client.post("/v1/imports", content=b"", headers=headers)
    assert (reply.status_code, reply.headers["preference-applied"]) == (202, "respond-async")
    ended(client, reply)


def test_there_are_no_outcomes_before_the_end(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "is_claimable", lambda _: False)
    job = send(client, prefer="respond-async").json()
    assert said(client.get(job["links"]["outcomes"])) == (409, "import-not-ended")
    listed = client.get("/v1/imports?state=queued").json()["items"]
    assert [each["id"] for each in listed] == [job["id"]]


def test_a_job_that_does_not_exist_is_not_found(client: TestClient) -> None:
    for path in ("/v1/imports/x", "/v1/imports/x/outcomes"):
        assert said(client.get(path)) == (404, "import-not-found")
