"""Files on their way in: pieces, lines, staging, the command line, and imports that are killed."""

import gzip
import json
import marshal
import os
import random
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection

from app import cli
from app.api import files, lines
from app.main import create_app
from app.services import background, importing, registering, spooling, staged
from app.services.spooling import LONGEST_LINE, PIECE, NotPacked, Spool, TooLarge, unpacked
from app.storage import agencies, bulk, imports, reports
from app.storage.database import in_session, run, write_engine
from app.storage.staging import Item, Outcome, Staging
from tests.api import TestClient, a_report_body, make_agency, put_report
from tests.builders import A_BUREAU, a_report
from tests.conftest import ROOT, command, environment, execute, quiet, served, writing
from tests.consistency import assert_consistent
from tests.test_imports_api import a_line, ndjson

BUREAU = {"name": "审计局", "kind": "department", "level": "county"}


# Pieces and lines


def spooled(content: bytes, step: int, **options: Any) -> bytes:
    """Return what a spool gives back of what was written to it in small steps."""
    with Spool(2**24, **options) as spool:
        for start in range(0, len(content), step):
            spool.write(content[start : start + step])
        spool.end()
        return b"".join(map(unpacked, spool.pieces()))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, 2 * PIECE + 1])
def test_a_spool_gives_back_what_it_was_given(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    assert spooled(content, 70_000) == content
    assert spooled(gzip.compress(content), 977, gzipped=True) == content


def test_a_spool_takes_members_of_gzip_but_none_without_end() -> None:
    empty, member = gzip.compress(b""), gzip.compress(b"x" * 2_000)
    with Spool(2**24, gzipped=True) as spool:
        spool.write(member * 500 + empty)
        spool.end()
        assert spool.size == 1_000_000
    with Spool(2**24, gzipped=True) as spool, pytest.raises(NotPacked):
        spool.write(empty * 1_000)
    with Spool(1_000, gzipped=True) as spool, pytest.raises(TooLarge):
        spool.write(empty * 80)


def test_a_spool_notices_what_is_too_large_before_it_is_unpacked_whole() -> None:
    bomb = gzip.compress(b" " * (64 * PIECE))
    with Spool(PIECE, gzipped=True) as spool, pytest.raises(TooLarge):
        spool.write(bomb)
    assert spool.size <= 2 * PIECE


def test_what_is_cut_off_or_goes_on_is_no_gzip() -> None:
    whole = gzip.compress(b"x" * 1_000)
    for wrong in (whole[:-1], whole + b"x", b"plain text"):
        with pytest.raises(NotPacked):
            spooled(wrong, 100, gzipped=True)


@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_lines_are_those_of_the_whole_wherever_it_is_cut(step: int) -> None:
    content = b"one\n\ntwo\r\nthree"
    pieces = [content[n : n + step] for n in range(0, len(content), step)]
    expected = [(1, b"one"), (2, b""), (3, b"two\r"), (4, b"three")]
    assert list(spooling.lines(pieces)) == expected


def test_a_line_that_is_too_long_is_skipped_without_being_kept() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a\n"
        for _ in range(5):
            yield b"x" * (LONGEST_LINE // 2)
        yield b"x\nb\n" + b"y" * LONGEST_LINE
        yield b"y"

    found = list(spooling.lines(pieces()))
    assert found == [(1, b"a"), (2, None), (3, b"b"), (4, None)]


# Staging


def test_what_is_staged_comes_out_by_agency_year_and_line() -> None:
    staging = Staging()
    keys = [("b", 2024, 1), ("a", 2025, 2), ("a", 2024, 4), ("a", 2024, 3), ("c", 2020, 5)]
    staging.add(Item(*key, b"x" * 10) for key in keys)
    assert list(staging.keys()) == sorted(keys)
    assert staging.agencies("", 1_000, 2) == ["a", "b"]
    assert staging.agencies("", 25, 9) == ["a"]
    assert staging.agencies("b", 1_000, 9) == ["c"]
    assert [item.line for item in staging.items("a", "b")] == [3, 4, 2, 1]
    staging.settle([Outcome(3, "failed", b'{"line":3}')])
    assert importing.counts(staging) == {
        "sent": 5, "created": 0, "updated": 0, "unchanged": 0, "failed": 1, "skipped": 4,
    }  # fmt: skip
    staging.close()


def test_a_report_is_the_same_after_it_was_staged() -> None:
    report = a_report(2020, procurement={"centralized__amount": 5_500_000}, overview="一\n二")
    body = staged.whole(report)
    assert staged.report(body, report.form, 2020, A_BUREAU, None) == report


def test_a_faulty_row_is_told_before_the_rest_of_the_file_is_read() -> None:
    """So that a file of nothing else is not kept in memory."""
    read = [0, 0]
    times = iter(range(2))

    def pieces() -> Iterator[bytes]:
        time_ = next(times)  # a file is read twice: to tell its encoding, and for what it says
        yield b"agency,year,table,line,column,value\n"
        for each in (b"x\n", b"\0\n", b'a"\n', b"1,2\n") * 50_000:
            read[time_] += 1
            yield each

    staging = Staging()
    found = files.read("csv", pieces, staging)
    codes = [next(found).faults[0].code for _ in range(4)]
    assert codes == ["malformed-csv", "bad-text", "malformed-csv", "malformed-csv"]
    assert read[1] < read[0] / 100
    staging.close()


# The command line


def run_import(database_url: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in this process: to start another takes longer than all that it does."""
    out, complaints = StringIO(), StringIO()
    with (
        pytest.MonkeyPatch.context() as patched,
        redirect_stdout(out),
        redirect_stderr(complaints),
    ):
        patched.setenv("GONGKAI_DATABASE_URL", database_url)
        patched.setattr("sys.argv", ["gongkai", "import", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    code = ended.value.code
    if isinstance(code, str):
        print(code, file=complaints)  # as Python does
    status = code if isinstance(code, int) else int(code is not None)
    return subprocess.CompletedProcess(words, status, out.getvalue(), complaints.getvalue())


def run_import_apart(database_url: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command("import", *words),
        env=environment(database_url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_imports_a_file_and_says_what_became_of_it(
    database_url: str, tmp_path: Path
) -> None:
    with TestClient(create_app(quiet(database_url))) as client:
        make_agency(client)
        put_report(client, "a", 2023)
    good, bad = tmp_path / "good.ndjson.gz", tmp_path / "bad.jsonl"
    good.write_bytes(gzip.compress(ndjson([a_line(), a_line("a", 2023)])))
    bad.write_bytes(ndjson([a_line("a", 2022), '{"agency": "z", "year": 2024}']))
    dry = run_import(database_url, str(good), "--dry-run")
    assert (dry.returncode, dry.stdout) == (
        0,
        "2 sent, 1 created, 1 unchanged; nothing was stored\n",
    )
    made = run_import(database_url, str(good))
    assert (made.returncode, made.stdout) == (0, "2 sent, 1 created, 1 unchanged\n")
    failed = run_import_apart(database_url, str(bad))
    assert (failed.returncode, failed.stdout.splitlines()) == (
        1,
        [
            "line 2: /agency There is no such agency.",
            "2 sent, 1 failed, 1 skipped; nothing was stored",
        ],
    )
    partial = run_import(database_url, str(bad), "--mode", "partial")
    assert (partial.returncode, partial.stdout.splitlines()[-1]) == (
        1,
        "2 sent, 1 created, 1 failed",
    )
    for words in (["x.txt"], [str(good), "--mode", "both"], [str(tmp_path / "none.csv")]):
        wrong = run_import(database_url, *words)
        assert wrong.returncode == 1
        assert wrong.stderr.startswith("gongkai: ")
        assert wrong.stderr.count("\n") == 1
    assert_consistent(database_url)


# Killed


def _state_once(client: httpx2.Client, path: str, is_met: Callable[[Any], bool]) -> Any:
    """Return an import as it is once a condition is met."""
    deadline = time.monotonic() + 60
    while not is_met(job := client.get(path).raise_for_status().json()):
        assert time.monotonic() < deadline, job
        time.sleep(0.02)  # a poll, as a client does
    return job


# What makes an import wait for ever where it would store the reports of an agency.
_STUCK = {
    "sqlite": [
        (
            "CREATE TRIGGER stuck BEFORE INSERT ON report WHEN NEW.agency = '{agency}' BEGIN"
            " SELECT count(*) FROM (WITH RECURSIVE more(n) AS"
            " (SELECT 1 UNION ALL SELECT n + 1 FROM more) SELECT n FROM more); END"
        ),
    ],
    "postgresql": [
        (
            "CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(3600); RETURN NEW; END $$"
        ),
        (
            "CREATE TRIGGER stuck BEFORE INSERT ON report FOR EACH ROW"
            " WHEN (NEW.agency = '{agency}') EXECUTE FUNCTION stuck()"
        ),
    ],
}
# What lets the next one pass, once the server is gone.
_FREED = {
    "sqlite": ["DROP TRIGGER stuck"],
    "postgresql": [
        (
            "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ),
        "DROP FUNCTION stuck CASCADE",
    ],
}


def _register(database_url: str, codes: list[str]) -> None:
    said = dict.fromkeys(agencies.WRITABLE) | BUREAU | {"uscc_unchecked": False}
    engine = write_engine(quiet(database_url))
    new = dict.fromkeys(codes, said)
    run(engine, in_session(lambda session: registering.add_agencies(session, new)))
    engine.dispose()


@pytest.mark.parametrize("mode", ["atomic", "partial"])
def test_an_import_is_taken_up_again_after_the_server_was_killed(
    database_url: str, backend: str, mode: str
) -> None:
    """It is killed while it writes: the reports of the last agency are not stored by then."""
    codes = [f"a{n:03}" for n in range(importing.AGENCIES + 1)]
    lines = [a_line(code, year) for year in (2023, 2024) for code in codes]
    headers = {"content-type": "application/x-ndjson", "prefer": "respond-async"}
    _register(database_url, codes)
    execute(database_url, *[each.format(agency=codes[-1]) for each in _STUCK[backend]])
    with served(database_url) as (client, process):
        reply = client.post(f"/v1/imports?mode={mode}", content=ndjson(lines), headers=headers)
        assert reply.status_code == 202
        path = reply.headers["location"]
        job = _state_once(client, path, lambda job: job["progress"]["written"] > 0)
        assert (job["state"], job["progress"]["phase"]) == ("running", "writing")
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=20)
    execute(database_url, *_FREED[backend])
    with served(database_url) as (client, _):
        job = _state_once(client, path, lambda job: job["state"] not in {"queued", "running"})
        assert (job["state"], job["counts"]["sent"]) == ("done", len(lines))
        assert job["counts"]["created"] == len(lines)
        found = client.get(job["links"]["outcomes"]).text.splitlines()
        assert [json.loads(line)["line"] for line in found] == [*range(1, len(lines) + 1)]
    assert_consistent(database_url)


def test_an_import_reads_no_reports_but_those_of_its_agencies(
    database_url: str, backend: str
) -> None:
    """So what it costs does not grow with what is stored."""
    codes = [f"a{n}" for n in range(20)]
    with TestClient(create_app(quiet(database_url))) as client:
        for code in (*codes, "z"):
            make_agency(client, code)
        assert client.post(
            "/v1/imports",
            content=ndjson(a_line(code, year) for code in codes for year in (2022, 2023)),
            headers={"content-type": "application/x-ndjson"},
        ).is_success
    staging = Staging()
    body = staged.whole(a_report(2024))
    staging.add([Item("z", 2024, 1, body)])
    with writing(database_url) as connection:
        importing.store(connection, staging, importing.Plan(), lambda _: None)
        if backend == "sqlite":
            sql, names, _ = reports._LOAD_SOME[backend]._compiled(backend)
            driver: Any = connection.connection.driver_connection
            plan = driver.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * len(names)).fetchall()
            assert not [row for row in plan if row[3].startswith("SCAN report")]
        else:
            read = (
                "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
                " WHERE relname = 'report'"
            )
            assert connection.exec_driver_sql(read).scalar_one() < len(codes)
    staging.close()


def test_an_import_that_is_done_again_tells_of_each_report_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a group of writers on SQLite, of which one has failed."""
    monkeypatch.setattr(importing, "AGENCIES", 1)
    really_write, written = bulk.write, list[bulk.Batch]()

    def write(connection: Connection, batch: bulk.Batch) -> None:
        written.append(batch)
        if len(written) == 2:
            raise RuntimeError
        really_write(connection, batch)

    monkeypatch.setattr(bulk, "write", write)
    engine, kept = write_engine(quiet(database_url)), Staging()
    kept.add(Item(code, 2024, n, staged.whole(a_report(2024))) for n, code in enumerate("ab"))
    with TestClient(create_app(quiet(database_url))) as client:
        for code in "ab":
            make_agency(client, code)

        def store(connection: Connection) -> None:
            importing.store(connection, kept, importing.Plan(), lambda _: None)

        with pytest.raises(RuntimeError):
            run(engine, store)
        run(engine, store)
        told = client.get("/v1/changes?resource=reports").json()["items"]
    assert [each["key"] for each in told] == ["a/2024", "b/2024"]
    kept.close()
    engine.dispose()


def test_a_part_of_an_import_that_is_done_again_tells_of_each_report_once(
    database_url: str,
) -> None:
    engine, kept = write_engine(quiet(database_url)), Staging()
    kept.add(Item(code, 2024, n, staged.whole(a_report(2024))) for n, code in enumerate("ab"))
    with TestClient(create_app(quiet(database_url))) as client:
        for code in "ab":
            make_agency(client, code)

        def store(connection: Connection, *, fails: bool = False) -> None:
            facts = importing.lock_years(connection, kept, importing.Plan())
            importing.store_some(connection, kept, ["a", "b"], facts)
            if fails:
                raise RuntimeError
            importing.tell(connection, kept)

        with pytest.raises(RuntimeError):
            run(engine, lambda connection: store(connection, fails=True))
        run(engine, store)
        told = client.get("/v1/changes?resource=reports").json()["items"]
    assert [each["key"] for each in told] == ["a/2024", "b/2024"]
    kept.close()
    engine.dispose()


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_first_import_reads_each_of_its_reports_a_few_times(database_url: str) -> None:
    """Whose keys PostgreSQL checks by plans that it makes while the tables are empty."""
    codes = [f"a{n:03}" for n in range(400)]
    _register(database_url, codes)
    staging = Staging()
    body = staged.whole(a_report(2024))
    staging.add([Item(code, 2024, 1, body) for code in codes])
    with writing(database_url) as connection:
        importing.store(connection, staging, importing.Plan(), lambda _: None)
        read = "SELECT relname, seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
        found: dict[str, int | None] = dict(connection.exec_driver_sql(read).all())
    assert {name for name, count in found.items() if count and count > 12 * len(codes)} == set()
    staging.close()


def test_a_job_is_taken_over_only_from_an_owner_that_is_gone() -> None:
    host, pid, _ = background._ME.rsplit("/", 2)
    later, past = "2999-01-01T00:00:00.000000Z", "2020-01-01T00:00:00.000000Z"
    parent = os.getppid()
    for owner, lease, expected in (
        (None, None, True),
        (background._ME, later, True),  # it runs one at a time, so it cannot be running this
        (f"{host}/{pid}/before", later, True),  # the same number, in an earlier life
        (f"{host}/{parent}/x", later, False),
        (f"{host}/{parent}/x", past, True),
        (f"elsewhere/{parent}/x", later, False),
        (f"elsewhere/{parent}/x", past, True),
    ):
        job: Any = type("Job", (), {"owner": owner, "lease_until": lease})
        assert background.is_claimable(job) is expected, owner


def a_job() -> imports.Job:
    return imports.Job(
        id=str(uuid.uuid4()), state="queued", mode="partial", dry_run=False, format="ndjson",
        bytes_total=0, phase="waiting", bytes=0, lines=0, written=0, marker=None, counts=None,
        actor=None, only=None, owner=None, lease_until=None, created_at="1", updated_at="1",
        finished_at=None,
    )  # fmt: skip


def test_a_job_is_taken_over_as_it_is_then_and_not_from_one_that_shows_signs_of_life(
    database_url: str,
) -> None:
    job = a_job()
    with writing(database_url) as connection:
        imports.add(connection, job, [])
        claimed = imports.claim(connection, job, "first", "2", "3")
        assert claimed is not None
        assert imports.mark(connection, job.id, "first", marker="m", lease_until="4")
        assert imports.claim(connection, claimed, "second", "5", "6") is None
        seen = imports.read(connection, job.id)
        assert seen is not None
        taken = imports.claim(connection, seen, "second", "5", "6")
        assert taken is not None
        assert (taken.marker, taken.owner, taken.lease_until) == ("m", "second", "6")
        assert not imports.mark(connection, job.id, "first", marker="n", lease_until="9")


def test_a_job_that_its_workers_do_not_survive_is_given_up_and_others_are_run(
    database_url: str,
) -> None:
    job, another = a_job(), a_job()
    with writing(database_url) as connection:
        for each in (job, another):
            imports.add(connection, each, [])
        for identity, is_further in ((job.id, False), (another.id, True)):
            for n in range(background.MOST_LOST + 1):
                seen = imports.read(connection, identity)
                assert seen is not None
                claimed = imports.claim(connection, seen, f"elsewhere/1/{n}", "1", f"1{n}")
                assert claimed is not None
                assert claimed.lost == (1 if is_further and n else n)
                if is_further:
                    owner = claimed.owner or ""
                    imports.mark(connection, identity, owner, marker="m", lease_until=f"1{n}")
    with TestClient(create_app(quiet(database_url))) as client:
        for identity, expected in ((job.id, "failed"), (another.id, "done")):
            path = f"/v1/imports/{identity}"
            shown = _state_once(client, path, lambda job: job["state"] not in {"queued", "running"})
            assert shown["state"] == expected
            assert (shown["counts"] is None) == (expected == "failed")
            assert client.get(shown["links"]["outcomes"]).text == ""


ODD: tuple[Any, ...] = (
    -1,
    0,
    7,
    2**53,
    2**53 + 1,
    True,
    5.0,
    1.5,
    "5",
    "n/a",
    None,
    {},
    [],
    "x" * 9,
)
"""What a cell may hold, be it a count or not."""


@pytest.mark.parametrize("year", [2020, 2024])
@pytest.mark.parametrize("seed", range(60))
def test_a_line_that_is_read_quickly_says_what_it_says_when_read_with_care(
    year: int, seed: int
) -> None:
    chance = random.Random(seed)
    body = a_report_body(year) | {"agency": "a", "year": year}
    places = list[tuple[dict[str, Any], str]]()
    for _ in range(chance.randint(0, 2)):
        key = chance.choice(list(body["tables"]))
        table = body["tables"][key]
        line = chance.choice(list(table["data"]))
        column = chance.choice(list(table["data"][line]))
        named = ("filing", "remarks", "amount_unit", "form", "totals")
        within = [(table["data"], line), (table["data"][line], column)]
        strange = [(table["data"][line], "stranger"), (body["tables"], key), (body, "form")]
        places.append(chance.choice([*within, *strange, *((table, name) for name in named)]))
    for place, name in places:
        value = chance.choice(ODD)
        if value is None and chance.random() < 0.5:
            place.pop(name, None)
        else:
            place[name] = value
    sent = json.dumps(body).encode()

    quick, careful, again = lines.quick(1, sent), files._careful(1, sent), lines.quick(1, sent)

    assert quick == again
    if quick is not None:
        assert careful is not None
        assert (quick.agency, quick.year, quick.faults) == (careful.agency, careful.year, ())
        assert marshal.loads(quick.body) == marshal.loads(careful.body)


@pytest.mark.parametrize("more", [{}, {"form": "2021", "totals": {}}, {"remarks": {}}])
def test_a_report_in_which_nothing_is_wrong_is_read_quickly(more: dict[str, Any]) -> None:
    body = a_report_body(2024) | {"agency": "a", "year": 2024}
    for table in body["tables"].values():
        table.update(more)
    assert lines.quick(1, json.dumps(body).encode()) is not None


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (b'"agency": "a"', b'"agency": "b", "agency": "a"'),
        (b'"tables": {', b'"tables": null, "tables": {'),
        (b'"requests": {', b'"requests": {}, "requests": {'),
        (b'"received": {', b'"received": {}, "received": {'),
        (b'"filing": "filed"', b'"filing": "nil", "filing": "filed"'),
        (b'"agency": "a"', b'"overview": "\\" \\":", "agency": "a"'),
        (b'"agency": "a"', b'"overview": "\xff", "agency": "a"'),
        (b'"agency": "a"', b'"agency" : "b", "agency": "a"'),
        (b'"agency": "a"', b'"overview" :"\xff", "overview": "", "agency": "a"'),
        (b'"requests": {', b'"requests"\t: {}, "requests": {'),
        (b"{", b"[{"),
        (b'"tables": {', b'"tables": [{'),
        (b'"tables": {', b'"tables": {"strange": {}, '),
    ],
)
def test_a_line_in_which_something_may_be_wrong_is_read_with_care(
    said: bytes, instead: bytes
) -> None:
    sent = json.dumps(a_report_body(2024) | {"agency": "a", "year": 2024}).encode()
    assert lines.quick(1, sent) is not None
    assert said in sent
    assert lines.quick(1, sent.replace(said, instead, 1)) is None
