"""Checks of what the service runs in: settings, files, disks. No database is asked."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from app.services.operating.backups import database_file
from app.services.operating.findings import Finding, doubtful, well, wrong
from app.settings import Settings

_PREFIX = "gongkai_"
_MIB = 2**20
_TOO_LITTLE, _LITTLE = 64 * _MIB, 1_024 * _MIB


def settings(chosen: Settings) -> Iterator[Finding]:
    """Look for settings that work, but are rarely meant where it matters."""
    doubts = list(_doubts(chosen))
    yield from doubts or [well("settings", "as they are meant to be")]


def _doubts(chosen: Settings) -> Iterator[Finding]:
    def doubt(name: str, text: str, cure: str) -> Finding:
        return doubtful("settings", f"GONGKAI_{name}: {text}", cure)

    if chosen.is_sqlite and chosen.sqlite_synchronous != "FULL":
        text = "a power cut may lose writes that were acknowledged"
        yield doubt("SQLITE_SYNCHRONOUS", text, "set it to FULL")
    if chosen.webhooks_private_targets:
        text = "webhooks may call addresses of private networks"
        yield doubt("WEBHOOKS_PRIVATE_TARGETS", text, "set it to false unless that is meant")
    if "*" in chosen.cors_origins:
        text = "pages of every origin may call the API"
        yield doubt("CORS_ORIGINS", text, "name the origins")
    if chosen.feed_retention_days < 30:
        text = f"who is away for {chosen.feed_retention_days} days has to load everything again"
        yield doubt("FEED_RETENTION_DAYS", text, "keep the feed for 30 days at least")
    known = list(type(chosen).model_fields)
    for name in sorted(_given(type(chosen)) - {*known}):
        near = get_close_matches(name, known, 1)
        cure = f"GONGKAI_{near[0].upper()} is meant?" if near else "see README for their names"
        yield doubt(name.upper(), "is no setting, and without effect", cure)


def _given(kind: type[Settings]) -> set[str]:
    """Return the names that are set in the environment and in `.env`, without their prefix."""
    names = [*EnvSettingsSource(kind).env_vars, *DotEnvSettingsSource(kind).env_vars]
    return {name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX)}


def file(chosen: Settings) -> Iterator[Finding]:
    """Tell whether the file of SQLite is there and may be written."""
    if not chosen.is_sqlite:
        return
    path = database_file(chosen)
    if not path.is_file():
        yield wrong("file", f"{path} is not there", "gongkai migrate, or gongkai restore FILE")
    elif not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        cure = "give the service's user the file and its folder"
        yield wrong("file", f"{path} or its folder cannot be written", cure)
    else:
        yield well("file", f"{path}, {path.stat().st_size / _MIB:.1f} MiB")


def disk(chosen: Settings) -> Iterator[Finding]:
    """Tell how much room there is for the database and for files that are made on the way."""
    folders = {Path(tempfile.gettempdir()): 0}
    if chosen.is_sqlite and database_file(chosen).is_file():
        path = database_file(chosen)
        folders[path.parent.resolve()] = path.stat().st_size
    for folder, size in folders.items():
        free = shutil.disk_usage(folder).free
        text = f"{free / _MIB:,.0f} MiB free at {folder}"
        if free < _TOO_LITTLE:
            yield wrong("disk", text, "make room: writes will soon be refused")
        elif free < max(_LITTLE, size):
            yield doubtful("disk", text, "make room for a backup and for growth")
        else:
            yield well("disk", text)
