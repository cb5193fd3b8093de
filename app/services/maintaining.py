"""Looking after a database as a whole: migrating and rebuilding."""

from sqlalchemy import Engine
from sqlmodel import Session

from app.services import registering, reporting
from app.settings import Settings
from app.storage import migrate as migrations
from app.storage import reports
from app.storage.database import join, run, write_engine


def migrate(settings: Settings) -> list[str]:
    """Bring the tables to the newest revision. A database that is new gets the reporting years.

    Returns what was done, in lines.
    """
    engine = write_engine(settings)
    try:
        with engine.begin() as connection:
            before = migrations.current(connection)
            migrations.upgrade(connection)
            after = migrations.current(connection)
            if before is None:
                last = migrations.last_year()
                join(connection, lambda session: registering.open_years(session, last))
        done = [f"database at {after}" + ("" if before == after else " (migrated)")]
        rebuilt = _rebuild(engine, everything=False)
        return [*done, f"rebuilt {rebuilt} reports"] if rebuilt else done
    finally:
        engine.dispose()


def rebuild(settings: Settings, *, everything: bool) -> int:
    """Derive documents and findings anew, all or those of another rule set.

    Returns how many reports were looked at.
    """
    engine = write_engine(settings)
    try:
        return _rebuild(engine, everything=everything)
    finally:
        engine.dispose()


def _rebuild(engine: Engine, *, everything: bool) -> int:
    wanted = "" if everything else reporting.rule_set()

    def outdated(session: Session) -> list[tuple[str, list[int]]]:
        return reports.stale(session, wanted)

    return sum(
        run(engine, lambda session, a=agency, y=years: reporting.rebuild(session, a, y))  # type: ignore[misc]
        for agency, years in run(engine, outdated)
    )
