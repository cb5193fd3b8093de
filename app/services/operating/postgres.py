"""Backups of PostgreSQL by its own tools, `pg_dump` and `pg_restore`.

They are told where to connect by `--dbname`, and the password by the environment alone: a command
line can be read by everybody on the machine.
"""

import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path

from sqlalchemy.engine import make_url

from app.services.operating.errors import OperatingError
from app.settings import Settings
from app.storage import feed, files, moving
from app.storage.database import read_engine, run, using, write_engine
from app.storage.files import Unfit

ASIDE = "before_restore_"
"""How schemas begin that a restore has set aside."""

_ENDING, _STEP = 3.0, 0.1
"""How many seconds the sessions of a stopped service may take to end, and how often to look."""

_NEEDED = ("TABLE public alembic_version ", "TABLE public agency ", "TABLE public report ")


def conninfo(database_url: str) -> tuple[str, dict[str, str]]:
    """Return where to connect, without the password, and the variables that carry it."""
    url = make_url(database_url)
    named = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    given = {name: str(value) for name, value in named.items() if value is not None}
    for name, value in url.query.items():
        given[name] = value if isinstance(value, str) else ",".join(value)
    password = given.pop("password", None) or url.password
    quoted = (f"{name}={_quoted(value)}" for name, value in given.items())
    return " ".join(quoted), {"PGPASSWORD": str(password)} if password else {}


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def dump(settings: Settings, target: Path, shown: Path) -> str:
    """Write the database to a file, and look it through; return its revision.

    `shown` is the file's name in what the operator is told to run.
    """
    where, secret = conninfo(settings.database_url)
    words = ["pg_dump", "--format=custom", "--no-owner", "--no-privileges"]
    words.append(f"--exclude-schema={ASIDE}*")
    _run([*words, f"--dbname={where}", f"--file={target}"], secret, (str(target), str(shown)))
    return revision_of(target, shown)


def revision_of(archive: Path, shown: Path) -> str:
    """Return the revision of the database in an archive."""
    listed = _run(["pg_restore", "--list", str(archive)], {}, (str(archive), str(shown)))
    if not all(name in listed for name in _NEEDED):
        raise OperatingError(f"{shown}: is no backup of Gongkai")
    words = ["pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(archive)]
    lines = _run(words, {}).splitlines()
    copied = [n for n, line in enumerate(lines) if line.startswith("COPY public.alembic_version")]
    revision = lines[copied[0] + 1] if copied else None
    try:
        return files.require_known(revision)
    except Unfit as error:
        raise OperatingError(f"{shown}: {error}") from None


def load(settings: Settings, source: Path, *, aside: str, force: bool) -> list[str]:
    """Load an archive into the database; what is there is kept in the schema `aside`."""
    where, secret = conninfo(settings.database_url)
    revision = revision_of(source, source)
    is_empty = _require_room(settings, force=force)
    words = ["pg_restore", "--no-owner", "--no-privileges", "--single-transaction"]
    command = [*words, "--exit-on-error", f"--dbname={where}", str(source)]
    with using(write_engine(settings)) as engine:
        if is_empty:
            _run(command, secret)
            run(engine, lambda connection: feed.start_anew(connection, None))
            return [f"restored at revision {revision}", "now run: gongkai migrate"]
        run(engine, lambda connection: moving.set_aside(connection, aside))
        try:
            _run(command, secret)
            lost = run(engine, lambda connection: moving.last_change(connection, aside))
            run(engine, lambda connection: feed.start_anew(connection, lost))
        except BaseException:
            run(engine, lambda connection: moving.put_back(connection, aside))
            raise
    return [
        f"restored at revision {revision}",
        f"what was there is now in the schema {aside}",
        "now run: gongkai migrate",
    ]


def _require_room(settings: Settings, *, force: bool) -> bool:
    """Return whether the database is empty. Raises if others use it, or it may not be replaced."""
    patience = time.monotonic() + _ENDING
    with using(read_engine(settings)) as engine, engine.connect() as connection:
        state = moving.state(connection)
        while state.others and time.monotonic() < patience:
            time.sleep(_STEP)
            state = moving.state(connection)
    if state.others:
        raise OperatingError(f"the database is in use by {state.others}; stop the service first")
    if not (state.is_empty or force):
        raise OperatingError("the database is not empty; --force sets aside what is there")
    return state.is_empty


def _run(words: list[str], variables: dict[str, str], renamed: tuple[str, str] = ("", "")) -> str:
    """Run a tool; return what it writes. Raises with the line to run if it is not there."""
    tool = shutil.which(words[0])
    if tool is None:
        by_hand = shlex.join(word.replace(*renamed) if renamed[0] else word for word in words)
        secret = "PGPASSWORD=… " if variables else ""
        raise OperatingError(f"{words[0]} is not on PATH; where it is, run: {secret}{by_hand}")
    environment = os.environ | variables
    done = subprocess.run(  # noqa: S603 - a tool of PostgreSQL, and no shell
        [tool, *words[1:]], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        told = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[0]
        raise OperatingError(told if told.startswith(words[0]) else f"{words[0]}: {told}")
    return done.stdout
