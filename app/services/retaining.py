"""Forgetting what the feed need no longer keep."""

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.services.reporting import now
from app.storage import feed
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


async def keep_forgetting(database: Database, days: int) -> None:
    """Forget at once, and every hour from then on. A database that is away is tried again."""
    while True:
        try:
            done = await forget(database, days)
            if done:
                log.info("feed pruned", changes=done)
        except SQLAlchemyError as error:
            log.warning("feed not pruned", error=str(error))
        await asyncio.sleep(PAUSE)
