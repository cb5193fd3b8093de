"""Run the migrations on the connection that the caller gives, or on the configured database."""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from app.settings import Settings
from app.storage import models, published
from app.storage.database import using, write_engine

published.add_tables()  # the others are there


BY_HAND = {
    f"{prefix}{name}"
    for prefix in ("", models.PUBLISHED)
    for name in ("latest_of_year", "latest", "worst_of_year")
}
"""Indexes that descend, which Alembic cannot compare on SQLite."""


def _is_compared(_: object, name: str | None, kind: str, *__: object) -> bool:
    return not (kind == "index" and name in BY_HAND)


def _run(connection: Connection) -> None:
    context.configure(
        connection,
        target_metadata=SQLModel.metadata,
        autogenerate_plugins=["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
        include_object=_is_compared,
        render_as_batch=connection.dialect.name == "sqlite",  # SQLite cannot ALTER a constraint
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with using(write_engine(Settings(), foreign_keys=False)) as engine, engine.connect() as own:
        _run(own)
