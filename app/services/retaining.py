"""Forgetting what the feed and the audit log need no longer keep."""

import asyncio
from dataclasses import replace

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.services.reporting import now
from app.storage import audit_log, feed
from app.storage.acting import SYSTEM, by
from app.storage.database import Database

PAUSE = 3600.0
"""Seconds between two looks."""

log = structlog.get_logger("gongkai")


async def forget(database: Database, days: int) -> int:
    """Forget the changes that are older than this many days; return how many they were.

    It is done in parts, between which writers get their turn. Workers that do it at the same time
    do no harm.
    """
    before = now(-days * 86_400)
    done = 0
    while await database.exact(lambda connection: feed.is_overdue(connection, before)):
        done += await database.alter(lambda connection: feed.prune(connection, before))
    return done


async def forget_audit(database: Database, days: int) -> int:
    """Forget the audit entries that are older than this many days; return how many they were.

    Each time an entry is written that tells of it, so it is done once a day at most.
    """
    act = replace(SYSTEM, operation="forget what GONGKAI_AUDIT_RETENTION_DAYS does not keep")
    before, overdue = now(-days * 86_400), now(-(days + 1) * 86_400)
    if not await database.exact(lambda connection: audit_log.is_overdue(connection, overdue)):
        return 0
    done = 0
    while await database.exact(lambda connection: audit_log.is_overdue(connection, before)):
        done += await database.alter(by(act, lambda c: audit_log.prune(c, before)))
    return done


async def keep_forgetting(database: Database, days: int, audit_days: int = 0) -> None:
    """Forget at once, and every hour from then on. A database that is away is tried again.

    Of the audit log everything is kept if `audit_days` is 0.
    """
    while True:
        try:
            done = await forget(database, days)
            if done:
                log.info("feed pruned", changes=done)
            forgotten = await forget_audit(database, audit_days) if audit_days else 0
            if forgotten:
                log.info("audit log pruned", entries=forgotten)
        except SQLAlchemyError as error:
            log.warning("feed not pruned", error=str(error))
        await asyncio.sleep(PAUSE)
