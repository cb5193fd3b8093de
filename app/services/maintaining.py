"""Looking after a database as a whole: migrating and rebuilding."""

from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from app.services import registering, reporting
from app.settings import Settings
from app.storage import audit, reports, revisions
from app.storage import migrate as migrations
from app.storage.database import done, in_session, run, seeing, using, write_engine
from app.storage.layers import PUBLISHED_ONLY

_ATTEMPTS = 10
_DEADLOCK = "40P01"


def migrate(settings: Settings) -> list[str]:
    """Bring the tables to the newest revision. A database that is new gets the reporting years.

    Returns what was done, in lines.
    """
    with using(write_engine(settings, foreign_keys=False)) as engine:
        for left in reversed(range(_ATTEMPTS)):
            try:
                with engine.begin() as connection:
                    before, after = _upgraded(connection)
                break
            except OperationalError as error:
                # A writer waits for a table, and the migration for the writer: nothing is stored.
                if getattr(error.orig, "sqlstate", None) != _DEADLOCK or not left:
                    raise
    told = [f"database at {after}" + ("" if before == after else " (migrated)")]
    rebuilt = rebuild(settings, everything=False)
    return [*told, f"rebuilt {rebuilt} reports"] if rebuilt else told


def _upgraded(connection: Connection) -> tuple[str | None, str | None]:
    before = revisions.current(connection)
    migrations.upgrade(connection)
    if before is None:
        last = migrations.last_year()
        done(connection, in_session(lambda session: registering.open_years(session, last)))
    return before, revisions.current(connection)


def rebuild(settings: Settings, *, everything: bool) -> int:
    """Derive documents and findings anew, all or those of another rule set.

    Returns how many reports were looked at: one that is published, too, is one.
    """
    wanted = "" if everything else reporting.rule_set()
    with using(write_engine(settings)) as engine:
        rebuilt: set[tuple[str, int]] = set()
        for sight in (None, PUBLISHED_ONLY):
            stale = run(engine, seeing(sight, partial(reports.stale, rule_set=wanted)))
            for agency, years in stale:
                anew = partial(reporting.rebuild, agency=agency, of_years=years)
                run(engine, seeing(sight, anew))
                rebuilt |= {(agency, year) for year in years}
        count = len(rebuilt)
        if count:
            run(engine, lambda c: audit.note(c, "documents", "all", "rebuilt", reports=count))
        return count
