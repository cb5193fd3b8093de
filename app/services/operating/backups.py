"""`gongkai backup` and `gongkai restore`: a database into a file, and back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from app.services.operating import postgres
from app.services.operating.errors import OperatingError
from app.settings import Settings
from app.storage import files
from app.storage.files import InUse, Unfit


def backup(settings: Settings, target: Path, *, force: bool) -> list[str]:
    """Write all of the database to a file that is whole or not there; return what was done."""
    if settings.is_sqlite and target.resolve() == database_file(settings).resolve():
        raise OperatingError(f"{target}: is the database itself")
    with in_place_of(target, force=force) as unfinished:
        if settings.is_sqlite:
            revision = _copied(settings, unfinished)
        else:
            revision = postgres.dump(settings, unfinished, target)
    size = target.stat().st_size / 2**20
    return [f"backed up to {target}: {size:.1f} MiB, revision {revision}"]


def restore(settings: Settings, source: Path, *, force: bool) -> list[str]:
    """Put a backup in the place of the database, which is kept aside; return what was done."""
    if not source.is_file():
        raise OperatingError(f"{source}: is not a file")
    if settings.is_sqlite:
        return _put(settings, source)
    return postgres.load(settings, source, aside=f"{postgres.ASIDE}{_time()}", force=force)


def database_file(settings: Settings) -> Path:
    """Return the file of a SQLite database."""
    return Path(str(make_url(settings.database_url).database))


def _time() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"


@contextmanager
def in_place_of(target: Path, *, force: bool) -> Iterator[Path]:
    """Give the name of a file that takes the target's place once it is whole."""
    if target.exists() and not force:
        raise OperatingError(f"{target}: is there already; --force replaces it")
    if target.exists() and not target.is_file():
        raise OperatingError(f"{target}: is not a file")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield unfinished
        files.settle(unfinished)
        if target.exists() and not force:
            raise OperatingError(f"{target}: has appeared meanwhile; --force replaces it")
        unfinished.replace(target)
        files.settle(target)
    except OSError as error:
        raise OperatingError(f"{target}: {error.strerror or error}") from None
    finally:
        for suffix in ("", *files.BESIDE):
            with suppress(OSError):  # it may be what was told of already
                Path(f"{unfinished}{suffix}").unlink()


def _copied(settings: Settings, target: Path) -> str:
    source = database_file(settings)
    if not source.is_file():
        raise OperatingError(f"{source}: there is no database")
    return _fit(source, target, used=True)


def _fit(source: Path, target: Path, *, used: bool) -> str:
    """Copy a database and look the copy through; return its revision."""
    try:
        files.copy(source, target, used=used)
        return files.revision_of(target)
    except Unfit as error:
        raise OperatingError(f"{source}: {error}") from None


def _put(settings: Settings, source: Path) -> list[str]:
    target = database_file(settings)
    if target.exists() and source.samefile(target):
        raise OperatingError(f"{source}: is the database itself")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        for suffix in files.BESIDE:  # of a database that is gone: they would be read into this one
            Path(f"{target}{suffix}").unlink(missing_ok=True)
        with in_place_of(target, force=False) as new:
            revision = _fit(source, new, used=False)
            files.start_feed_anew(new, None)
        return [f"restored {target} at revision {revision}", "now run: gongkai migrate"]
    aside = target.with_name(f"{target.name}.before-restore-{_time()}")
    lost = files.last_change(target)  # not while it is held: to close it would let it go
    try:
        with files.held(target):
            revision = _exchanged(source, target, aside, lost)
    except InUse:
        raise OperatingError(f"{target}: is in use; stop the service first") from None
    return [
        f"restored {target} at revision {revision}",
        f"the database that was there is now {aside}",
        "now run: gongkai migrate",
    ]


def _exchanged(source: Path, target: Path, aside: Path, lost: int | None) -> str:
    """Put a copy in the target's place; whatever fails, the target is what it was."""
    moved = False
    try:
        with in_place_of(target, force=True) as new:
            revision = _fit(source, new, used=False)
            files.start_feed_anew(new, lost)
            files.move(target, aside)
            moved = True
    except BaseException:
        if moved:
            files.move(aside, target)
        raise
    return revision
