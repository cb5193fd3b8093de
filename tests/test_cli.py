"""The command line: from any directory, again and again, and with one line where it cannot."""

import errno
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
import sqlalchemy as sa

from app import cli
from app.main import create_app
from app.services import auditing
from tests.api import ADMIN_KEY, TestClient, a_report_body, an_agency_body, client_of
from tests.conftest import ROOT, environment, execute, free_port, quiet, reading
from tests.consistency import assert_consistent

GONGKAI = Path(sys.executable).with_name("gongkai")

Run = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def gongkai(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Run a command in this process; return its exit code and the lines that it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GONGKAI_LOG_LEVEL", "ERROR")

    def run(*words: str, **variables: str) -> tuple[int, list[str], list[str]]:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["gongkai", *words])
            for name, value in variables.items():
                patched.setenv(f"GONGKAI_{name.upper()}", value)
            with pytest.raises(SystemExit) as ended:
                cli.main()
        written = capsys.readouterr()
        code: Any = ended.value.code
        errors = written.err.splitlines()
        if isinstance(code, str):  # the interpreter writes it and exits with 1
            code, errors = 1, [*errors, *code.splitlines()]
        assert isinstance(code, int | None)
        return code or 0, written.out.splitlines(), errors

    return run


# From any directory


def test_every_command_works_from_any_directory(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        done = subprocess.run(
            [GONGKAI, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert run("migrate").startswith("database at ")
    assert (tmp_path / "data" / "gongkai.db").is_file()
    assert run("rebuild") == "rebuilt 0 reports\n"
    assert "/v1/reports/{agency}/{year}" in json.loads(run("openapi"))["paths"]

    port = free_port()
    server = subprocess.Popen(
        [GONGKAI, "serve", "--port", str(port)],
        cwd=tmp_path,
        env=os.environ | {"GONGKAI_ADMIN_KEY": ADMIN_KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert server.stderr is not None
        assert server.stdout.readline() == f"API   http://127.0.0.1:{port}/v1\n"
        assert server.stdout.readline() == f"Docs  http://127.0.0.1:{port}/docs\n"
        assert json.loads(server.stderr.readline())["event"] == "started"
        with client_of(f"http://127.0.0.1:{port}") as client:
            for path in ("/readyz", "/docs", "/static/swagger-ui/swagger-ui.css", "/v1/forms"):
                assert _answered(client, path).status_code == 200
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _answered(client: httpx2.Client, path: str) -> httpx2.Response:
    """Get a page; the port opens shortly after the service says that it started."""
    while True:
        try:
            return client.get(path)
        except httpx2.ConnectError:
            continue


# Migrating


def rows(database_url: str) -> list[Any]:
    with reading(database_url) as connection:
        query = "SELECT year, status, revision, created_at FROM reporting_year ORDER BY year"
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_a_new_database_has_the_years_from_2019_to_last_year(gongkai: Run, empty_url: str) -> None:
    assert gongkai("migrate", database_url=empty_url)[0] == 0
    last = datetime.now(ZoneInfo("Asia/Shanghai")).year - 1
    found = rows(empty_url)
    assert [row[0] for row in found] == list(range(2019, last + 1))
    assert {row[1] for row in found} == {"open"}


def test_migrating_twice_changes_nothing(gongkai: Run, empty_url: str) -> None:
    code, (first,), errors = gongkai("migrate", database_url=empty_url)
    assert (code, errors, first.endswith(" (migrated)")) == (0, [], True)
    execute(empty_url, "DELETE FROM reporting_year WHERE year = 2019")
    before = rows(empty_url)
    assert gongkai("migrate", database_url=empty_url) == (0, [first[: -len(" (migrated)")]], [])
    assert rows(empty_url) == before


def test_a_database_that_is_not_migrated_is_not_ready(empty_url: str) -> None:
    with TestClient(create_app(quiet(empty_url))) as client:
        reply = client.get("/readyz")
        assert (reply.status_code, reply.json()["status"]) == (503, "not migrated")
        assert client.get("/healthz").status_code == 200
        for path in ("/v1/reports", "/v1/reports/a/2024", "/v1/agencies/a"):
            assert client.get(path).status_code == 503


def test_the_demonstration_can_be_loaded_twice(gongkai: Run, database_url: str) -> None:
    def everything() -> list[Any]:
        with TestClient(create_app(quiet(database_url))) as client:
            paths = ("/v1/agencies?limit=1000", "/v1/reports?limit=1000")
            return [client.get(path).json()["items"] for path in paths]

    assert gongkai("demo", database_url=database_url)[0] == 0
    loaded = everything()
    assert all(loaded)
    assert gongkai("demo", database_url=database_url)[0] == 0
    assert everything() == loaded
    assert_consistent(database_url)


# What is derived


@pytest.fixture
def filed(database_url: str) -> Iterator[Callable[..., list[Any]]]:
    """Two reports with findings; what is given returns all that the API says of them."""
    with TestClient(create_app(quiet(database_url))) as client:
        client.put("/v1/agencies/a", json=an_agency_body())
        for year in (2023, 2024):
            body = a_report_body(year, requests={"received__total": 7})
            assert client.put(f"/v1/reports/a/{year}", json=body).status_code == 201

        def told(**headers: str) -> list[Any]:
            paths = (
                "/v1/reports/a/2023",
                "/v1/reports/a/2024",
                "/v1/reports",
                "/v1/reports?severity=error&sort=-errors",
                "/v1/findings",
                "/v1/findings?rule=requests.row-total",
            )
            replies = [client.get(path, headers=headers) for path in paths]
            return [
                (reply.status_code, reply.headers.get("ETag"), reply.json()) for reply in replies
            ]

        assert told()[1][2]["counts"]["error"] > 0
        yield told


WHERE = "WHERE agency = 'a' AND year = 2024"
OTHER = "(SELECT {} FROM derived_document WHERE agency = 'a' AND year = 2023)"
ANOTHER = (
    "(agency, year, position, rule, severity, body)"
    " SELECT agency, year, 999999 - position, rule, severity, body FROM derived_finding"
)


@pytest.mark.parametrize(
    "damage",
    [
        [f"UPDATE derived_document SET body = {OTHER.format('body')} {WHERE}"],
        [f"UPDATE derived_document SET summary = {OTHER.format('summary')} {WHERE}"],
        [f"UPDATE derived_document SET etag = '\"9-0123456789abcdef\"' {WHERE}"],
        [f"UPDATE derived_document SET errors = 0, warnings = 0, infos = 0 {WHERE}"],
        [f"DELETE FROM derived_document {WHERE}"],
        [f"DELETE FROM derived_finding {WHERE}"],
        [f"UPDATE derived_finding SET rule = 'year.jump' {WHERE}"],
        [f"INSERT INTO derived_finding {ANOTHER} {WHERE} AND rule = 'requests.row-total'"],
        ["DELETE FROM derived_document", "DELETE FROM derived_finding"],
    ],
    ids=[
        "another body",
        "another summary",
        "a wrong etag",
        "no counts",
        "no document",
        "no findings",
        "a wrong finding",
        "one finding too many",
        "nothing at all",
    ],
)
def test_a_rebuild_repairs_what_is_derived(
    gongkai: Run, database_url: str, filed: Callable[..., list[Any]], damage: list[str]
) -> None:
    before = filed()
    execute(database_url, *damage)
    assert filed(**{"Cache-Control": "no-cache"}) != before  # the feed knows of no change
    assert gongkai("rebuild", database_url=database_url) == (0, ["rebuilt 2 reports"], [])
    assert filed() == before
    assert_consistent(database_url)


def test_migrating_rebuilds_what_other_rules_have_judged_and_nothing_else(
    gongkai: Run, database_url: str, filed: Callable[[], list[Any]]
) -> None:
    before = filed()
    execute(
        database_url,
        f"UPDATE derived_document SET rule_set = 'older', errors = 0 {WHERE}",
        f"DELETE FROM derived_finding {WHERE}",
    )
    code, lines, _ = gongkai("migrate", database_url=database_url)
    assert (code, lines[1:]) == (0, ["rebuilt 1 reports"])
    assert filed() == before
    assert len(gongkai("migrate", database_url=database_url)[1]) == 1
    assert_consistent(database_url)


# What is wrong


@pytest.mark.parametrize("command", ["serve", "migrate", "rebuild", "demo", "openapi"])
def test_a_wrong_setting_stops_every_command_with_one_line(gongkai: Run, command: str) -> None:
    code, lines, errors = gongkai(command, workers="many")
    assert (code, lines, len(errors)) == (1, [], 1)
    assert errors[0].startswith("gongkai: GONGKAI_WORKERS: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "mysql://db/gongkai"),
        ("database_url", "gongkai.db"),
        ("host", "a..b"),
        ("port", "70000"),
        ("root_path", "gongkai"),
        ("cors_origins", "a.cn"),
        ("log_level", "loud"),
        ("access_log", "perhaps"),
    ],
)
def test_each_wrong_setting_is_named(gongkai: Run, name: str, value: str) -> None:
    code, lines, errors = gongkai("serve", **{name: value})
    assert (code, lines, len(errors)) == (1, [], 1)
    assert errors[0].startswith(f"gongkai: GONGKAI_{name.upper()}: ")


def test_every_wrong_setting_is_named_in_one_line(gongkai: Run) -> None:
    code, _, (line,) = gongkai("serve", port="http", workers="0")
    assert (code, line.count("GONGKAI_")) == (1, 2)
    assert "; GONGKAI_WORKERS: Input should be greater than or equal to 1" in line


@pytest.mark.parametrize(
    "words", [("--port", "70000"), ("--workers", "0")], ids=["a port", "workers"]
)
def test_a_wrong_option_is_refused_like_a_setting(gongkai: Run, words: tuple[str, ...]) -> None:
    code, lines, errors = gongkai("serve", *words)
    assert (code, lines, len(errors)) == (1, [], 1)
    assert errors[0].startswith(f"gongkai: GONGKAI_{words[0].removeprefix('--').upper()}: ")


def test_a_dotenv_file_that_cannot_be_read_is_named(gongkai: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"GONGKAI_HOST=\xff\n")
    assert gongkai("migrate") == (1, [], ["gongkai: .env: is not UTF-8"])


@pytest.fixture
def unusable(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that cannot be used."""
    (tmp_path / "text.db").write_text("This is not a database, and it is long enough to tell so.")
    urls = {
        "no server": f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/gongkai",
        "no database": "sqlite:///text.db",
        "a folder": f"sqlite:///{tmp_path}",
        "no folder": "sqlite:///text.db/gongkai.db",
    }
    return urls[request.param]


@pytest.mark.parametrize("command", ["migrate", "rebuild", "demo"])
@pytest.mark.parametrize(
    "unusable", ["no server", "no database", "a folder", "no folder"], indirect=True
)
def test_a_database_that_cannot_be_used_stops_a_command_with_one_line(
    gongkai: Run, unusable: str, command: str
) -> None:
    code, lines, errors = gongkai(command, database_url=unusable)
    assert (code, lines, len(errors)) == (1, [], 1)
    assert errors[0].startswith("gongkai: the database cannot be used: ")


@pytest.mark.parametrize("unusable", ["no database", "a folder", "no folder"], indirect=True)
def test_a_file_that_is_no_database_stops_the_server(gongkai: Run, unusable: str) -> None:
    code, lines, errors = gongkai("serve", database_url=unusable)
    assert (code, lines, len(errors)) == (1, [], 1)
    assert errors[0].startswith("gongkai: the database cannot be used: ")


def test_a_database_of_a_newer_version_is_left_alone(gongkai: Run, database_url: str) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    code, lines, errors = gongkai("migrate", database_url=database_url)
    assert (code, lines, len(errors)) == (1, [], 1)
    assert "ffffffffffff" in errors[0]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_stops_the_server(tmp_path: Path, workers: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [GONGKAI, "serve", "--port", str(port), "--workers", workers],
            cwd=tmp_path,
            env=environment(
                f"sqlite:///{tmp_path / 'gongkai.db'}",
                GONGKAI_LOG_LEVEL="ERROR",
                PYTHONWARNINGS="ignore",  # the supervisor of workers leaves its socket open
            ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode != 0
    assert "ddress already in use" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_file_is_made_or_replaced_for_an_audit_log_that_cannot_be_read(
    gongkai: Run, empty_url: str, tmp_path: Path
) -> None:
    kept, new = tmp_path / "kept", tmp_path / "new"
    kept.write_text("precious")
    for file in (kept, new):
        words = ("audit", "export", "--force", str(file))
        code, _, errors = gongkai(*words, database_url=empty_url)
        assert (code, len(errors)) == (1, 1)
    assert (kept.read_text(), new.exists()) == ("precious", False)


def test_an_export_of_the_audit_log_that_fails_half_way_leaves_what_was_there(
    gongkai: Run, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    kept.write_text("precious")

    def lines(_: object) -> Iterator[bytes]:
        yield b"{}"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(auditing, "lines", lines)
    words = ("audit", "export", "--force", str(kept))
    code, _, errors = gongkai(*words, database_url=database_url)
    assert (code, errors) == (1, [f"gongkai: {kept}: No space left on device"])
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir() if "kept" in p.name] == [
        ("kept", "precious")
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("record", "x", "--year", "99999999999999999999"),
        ("mirror", "http://127.0.0.1:1", "--interval", "-1"),
        ("mirror", "http://127.0.0.1:1", "--interval", "nan"),
    ],
    ids=["a year", "before", "no number"],
)
def test_an_option_beyond_its_limits_is_refused(gongkai: Run, words: tuple[str, ...]) -> None:
    code, lines, errors = gongkai(*words)
    assert (code, lines) == (2, [])
    assert any(f"Invalid value for '{words[2]}'" in line for line in errors)


def test_an_unknown_command_is_refused(gongkai: Run) -> None:
    code, lines, errors = gongkai("serv")
    assert (code, lines) == (2, [])
    assert any("serv" in line for line in errors)


def test_keys_are_made_listed_and_revoked_by_command(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GONGKAI_DATABASE_URL", database_url)
    with TestClient(create_app(quiet(database_url))) as client:
        client.put("/v1/agencies/a", json=an_agency_body()).raise_for_status()
    cli.create_key("填报", role="editor", agency="a", days=3)
    key = capsys.readouterr().out.strip()
    with TestClient(create_app(quiet(database_url))) as client:
        headers = {"Authorization": f"Bearer {key}"}
        assert client.put("/v1/reports/a/2024", json={}, headers=headers).status_code == 201
    cli.list_keys()
    listed = capsys.readouterr().out
    identity = listed.split()[0]
    assert key not in listed
    cli.revoke_key(identity)
    with TestClient(create_app(quiet(database_url))) as client:
        assert client.get("/v1/forms", headers=headers).status_code == 401
    faulty: list[tuple[str, Any]] = [
        ("role", {"role": "king"}),
        ("agency", {"role": "editor"}),
        ("agency", {"role": "editor", "agency": "nobody"}),
        ("name", {"role": "admin", "name": "x" * 201}),
        ("name", {"role": "admin", "name": "\udcff"}),
        ("rate_limit", {"role": "admin", "rate_limit": 99_999_999_999}),
    ]
    for member, wrong in faulty:
        with pytest.raises(SystemExit, match=f"^gongkai: {member}: "):
            cli.create_key(**{"name": "x", **wrong})
    with pytest.raises(SystemExit, match="no key"):
        cli.revoke_key("nobody")


def test_what_an_encoding_cannot_show_is_escaped_and_json_is_always_utf_8(
    database_url: str, tmp_path: Path
) -> None:
    def run(*words: str) -> bytes:
        done = subprocess.run(
            [GONGKAI, *words],
            cwd=tmp_path,
            env=environment(database_url, PYTHONIOENCODING="ascii", PYTHONWARNINGS="ignore"),
            capture_output=True,
            check=False,
        )
        assert b"Traceback" not in done.stderr
        return done.stdout

    run("key", "create", "局", "--role", "admin")
    assert rb"\u5c40" in run("key", "list")
    assert rb" \u2192 " in run("doctor")
    assert json.loads(run("doctor", "--json"))["ok"] is True
    assert run("openapi") == (ROOT / "openapi" / "openapi.json").read_bytes()


def test_a_name_that_is_no_text_is_escaped_in_json(tmp_path: Path) -> None:
    done = subprocess.run(
        [GONGKAI, "doctor", "--json"],
        cwd=tmp_path,
        env=environment(f"sqlite:///{tmp_path}/\udcff.db", PYTHONWARNINGS="ignore"),
        capture_output=True,
        check=False,
    )
    assert b"\\udcff.db" in done.stdout
    assert json.loads(done.stdout)["ok"] is False


def test_the_first_start_makes_a_key_and_shows_it_once(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = quiet(database_url, admin_key=None)
    cli._first_key(settings)
    key = re.search(r"gk_\S+", capsys.readouterr().out)
    assert key
    cli._first_key(settings)
    cli._first_key(quiet(database_url))
    assert capsys.readouterr().out == ""
    with TestClient(create_app(settings)) as client:
        headers = {"Authorization": f"Bearer {key[0]}"}
        assert client.get("/v1/keys", headers=headers).status_code == 200


def test_what_was_published_before_is_recorded_by_command(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GONGKAI_DATABASE_URL", database_url)
    with TestClient(create_app(quiet(database_url))) as client:
        client.put("/v1/agencies/a", json=an_agency_body()).raise_for_status()
        dated = a_report_body(2023, published_on="2024-01-20")
        client.put("/v1/reports/a/2023", json=dated).raise_for_status()
        client.put("/v1/reports/a/2024", json=a_report_body(2024)).raise_for_status()
    for wrong, options in (("", {}), ("长" * 2_001, {}), ("已公开", {"under": "nobody"})):
        with pytest.raises(SystemExit, match=r"gongkai: (comment|--under): "):
            cli.record(wrong, **options)  # type: ignore[arg-type]
    cli.record("已在网站公开", under="a")
    assert capsys.readouterr().out == "recorded 1 reports\n"
    with TestClient(create_app(quiet(database_url))) as client:
        states = [each["state"] for each in client.get("/v1/reports").json()["items"]]
        assert states == ["published", "draft"]
    cli.rebuild()
    assert capsys.readouterr().out == "rebuilt 2 reports\n"
