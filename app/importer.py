"""`gongkai import`: a file into the configured database, by the code that the API imports with."""

import gc
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import Connection

from app.api import files, imports
from app.errors import AppError
from app.services import importing
from app.services.importing import Plan
from app.services.spooling import PIECE, NotPacked, Spool, TooLarge, unpacked
from app.settings import Settings
from app.storage.database import run, using, write_engine
from app.storage.staging import Staging

SUFFIXES = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".xlsx": "xlsx"}
Tick = Callable[[int], None]


def format_of(path: Path) -> str | None:
    """Return the format that a file's name tells, packed or not; None if it tells none."""
    name = path.with_suffix("") if path.suffix == ".gz" else path
    return SUFFIXES.get(name.suffix.lower())


def load(settings: Settings, path: Path, kind: str, plan: Plan, say: Callable[[str], None]) -> bool:
    """Import a file, say what became of it, and return whether all of it was good."""
    gc.freeze()  # what is loaded by now stays: no need to look at it again and again
    console = Console(stderr=True)
    spool = Spool(settings.import_limit, gzipped=path.suffix == ".gz")
    with spool, _progress(console) as bars, closing(Staging()) as staging:
        _fill(spool, path)
        _stage(staging, kind, spool, bars)
        written = bars.add_task("writing", total=importing.counts(staging)["sent"])
        _store(settings, staging, plan, lambda lines: bars.advance(written, lines))
        return _report(staging, plan, say)


def _fill(spool: Spool, path: Path) -> None:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                spool.write(piece)
        spool.end()
    except TooLarge:
        raise SystemExit(f"gongkai: {path}: is larger than GONGKAI_IMPORT_LIMIT") from None
    except NotPacked:
        raise SystemExit(f"gongkai: {path}: is not gzip, or ends early") from None
    except OSError as error:
        raise SystemExit(f"gongkai: {path}: {error.strerror}") from None


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    is_shown = console.is_terminal and sys.stdout.isatty()
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=not is_shown)


def _stage(staging: Staging, kind: str, spool: Spool, bars: Progress) -> None:
    task = bars.add_task("reading", total=spool.size)

    def pieces() -> Iterator[bytes]:
        bars.reset(task)
        for piece in map(unpacked, spool.pieces()):
            yield piece
            bars.advance(task, len(piece))

    try:
        importing.stage(staging, files.read(kind, pieces, staging), lambda _: None)
    except AppError as error:
        importing.stage(staging, [importing.unreadable(error)], lambda _: None)


def _store(settings: Settings, staging: Staging, plan: Plan, tick: Tick) -> None:
    with using(write_engine(settings)) as engine:
        if plan.mode == "atomic" or plan.dry_run:
            run(engine, partial(importing.store, staging=staging, plan=plan, tick=tick))
            return
        after = ""
        while codes := importing.next_agencies(staging, after):
            tick(run(engine, partial(_some, staging=staging, plan=plan, codes=codes)))
            after = codes[-1]


def _some(connection: Connection, staging: Staging, plan: Plan, codes: list[str]) -> int:
    facts = importing.lock_years(connection, staging, plan)
    lines = importing.store_some(connection, staging, codes, facts)
    importing.tell(connection, staging)
    return lines


def _report(staging: Staging, plan: Plan, say: Callable[[str], None]) -> bool:
    counts = importing.counts(staging)
    for failure in staging.failures(imports.MOST_ERRORS):
        said = json.loads(imports.shown(failure.body, "en"))
        for error in said["errors"]:
            say(_line(said["line"], error))
    shown = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    is_stored = not plan.dry_run and not (plan.mode == "atomic" and counts["failed"])
    say((shown or "0 sent") + ("" if is_stored else "; nothing was stored"))
    return not counts["failed"]


def _line(line: int, error: dict[str, Any]) -> str:
    where = error.get("place") or error["pointer"] or ""
    return f"line {error.get('line', line)}: {where}{' ' if where else ''}{error['message']}"
