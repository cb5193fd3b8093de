"""Webhooks and their deliveries in the database. The feed is the outbox."""

import json
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.codes import is_id
from app.storage import models
from app.storage.paging import Source
from app.storage.statements import Prepared, as_new, to_new

_HOOK = models.Webhook.__table__
_DELIVERY = models.WebhookDelivery.__table__
_CLOCK = models.Clock.__table__


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Who is told of changes. Secrets stand as they are: they are needed to sign."""

    id: str
    url: str
    description: str | None
    resources: tuple[str, ...]
    active: bool
    secret: str
    old_secret: str | None = None
    old_until: str | None = None
    revision: int = 1
    position: int
    attempts: int = 0
    failing_since: str | None = None
    next_attempt_at: str | None = None
    owner: str | None = None
    lease_until: str | None = None
    created_at: str
    updated_at: str

    def __repr__(self) -> str:
        return f"Webhook({self.id!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to deliver a message."""

    id: str
    webhook: str
    seq: int
    type: str
    attempt: int
    at: str
    duration_ms: int
    status: int | None
    response: str | None
    error: str | None
    outcome: str


_NAMES = tuple(_HOOK.c.keys())
_LOG_NAMES = tuple(_DELIVERY.c.keys())


def _is(name: str) -> Any:
    return _HOOK.c[name] == sa.bindparam(f"is_{name}")


_NOW = sa.bindparam("now", type_=_HOOK.c.lease_until.type)
_FREE = sa.or_(_HOOK.c.lease_until.is_(None), _HOOK.c.lease_until < _NOW)
_PROGRESS = ("position", "attempts", "failing_since", "next_attempt_at", "active", "lease_until")
_SETTINGS = (
    "url", "description", "resources", "active", "secret", "old_secret", "old_until", "revision",
    "position", "attempts", "failing_since", "next_attempt_at", "updated_at",
)  # fmt: skip

_INSERT = Prepared(sa.insert(_HOOK))
_READ = Prepared(sa.select(_HOOK).where(_is("id")))
_LOCK = Prepared(sa.select(_HOOK).where(_is("id")).with_for_update())
_SAVE = Prepared(sa.update(_HOOK).where(_is("id")).values(**to_new(*_SETTINGS)))
_DELETE = Prepared(sa.delete(_HOOK).where(_is("id")))
_DUE = Prepared(
    sa.select(_HOOK.c.id, _HOOK.c.attempts > 0)
    .where(
        _HOOK.c.active,
        _HOOK.c.position < sa.select(_CLOCK.c.seq).scalar_subquery(),
        sa.or_(_HOOK.c.next_attempt_at.is_(None), _HOOK.c.next_attempt_at <= _NOW),
        _FREE,
    )
    .order_by(_HOOK.c.attempts > 0, _HOOK.c.next_attempt_at, _HOOK.c.id)
)
_CLAIM = Prepared(sa.update(_HOOK).where(_is("id"), _FREE).values(**to_new("owner", "lease_until")))
_RELEASE = Prepared(
    sa.update(_HOOK).where(_is("id"), _is("owner")).values(owner=sa.null(), lease_until=sa.null())
)
_ADVANCE = Prepared(
    sa.update(_HOOK)
    .where(_is("id"), _is("owner"), _is("position"), _is("revision"))
    .values(**to_new(*_PROGRESS))
)
_LOG = Prepared(sa.insert(_DELIVERY))
_FORGET = Prepared(sa.delete(_DELIVERY).where(_DELIVERY.c.at < sa.bindparam("before")))


def webhook_of(row: Any) -> Webhook:
    """Return a webhook from its row."""
    values = dict(zip(_NAMES, row, strict=True))
    values["resources"] = tuple(json.loads(values["resources"]))
    values["active"] = bool(values["active"])
    return Webhook(**values)


def delivery_of(row: Any) -> Delivery:
    """Return a delivery from its row."""
    return Delivery(**dict(zip(_LOG_NAMES, row, strict=True)))


def _columns(hook: Webhook) -> dict[str, Any]:
    values = {name: getattr(hook, name) for name in _NAMES}
    return values | {"resources": json.dumps(hook.resources)}


def add(connection: Connection, hook: Webhook) -> None:
    """Keep a new webhook."""
    _INSERT.run(connection, _columns(hook))


def read(connection: Connection, identity: str) -> Webhook | None:
    """Return a webhook; None if there is none of that id."""
    row = _READ.row(connection, {"is_id": identity}) if is_id(identity) else None
    return webhook_of(row) if row else None


def lock(connection: Connection, identity: str) -> Webhook | None:
    """Return a webhook that this transaction will change."""
    row = _LOCK.row(connection, {"is_id": identity}) if is_id(identity) else None
    return webhook_of(row) if row else None


def save(connection: Connection, hook: Webhook) -> Webhook:
    """Save a webhook under a new revision; who delivers for it starts again."""
    saved = replace(hook, revision=hook.revision + 1)
    _SAVE.run(connection, {"is_id": hook.id, **as_new(_columns(saved))})
    return saved


def delete(connection: Connection, identity: str) -> None:
    """Forget a webhook and its deliveries."""
    _DELETE.run(connection, {"is_id": identity})


def due(connection: Connection, now: str) -> list[tuple[str, bool]]:
    """Return the ids of the webhooks that have something to be told, and nobody is at it.

    With each stands whether it failed last; those that did come after all others.
    """
    return [(row[0], bool(row[1])) for row in _DUE.rows(connection, {"now": now})]


def claim(connection: Connection, identity: str, owner: str, *, now: str, until: str) -> bool:
    """Take a webhook for oneself; tell whether it was free."""
    values = as_new({"owner": owner, "lease_until": until})
    return bool(_CLAIM.run(connection, {"is_id": identity, "now": now, **values}).rowcount)


def release(connection: Connection, identity: str, owner: str) -> None:
    """Let others deliver for a webhook."""
    _RELEASE.run(connection, {"is_id": identity, "is_owner": owner})


def advance(connection: Connection, before: Webhook, owner: str, after: Webhook) -> bool:
    """Note how far a webhook is; tell whether it still was as it had been before."""
    moved = {f"is_{name}": getattr(before, name) for name in ("id", "position", "revision")}
    values = as_new({name: getattr(after, name) for name in _PROGRESS})
    return bool(_ADVANCE.run(connection, {**moved, "is_owner": owner, **values}).rowcount)


def log(connection: Connection, delivery: Delivery) -> None:
    """Keep what came of an attempt."""
    _LOG.run(connection, {name: getattr(delivery, name) for name in _LOG_NAMES})


def forget(connection: Connection, before: str) -> None:
    """Forget the deliveries of before a time."""
    _FORGET.run(connection, {"before": before})


LISTED = Source(lambda _: sa.select(_HOOK), {"created_at": _HOOK.c.created_at, "id": _HOOK.c.id})
DELIVERIES = Source(
    lambda _: sa.select(_DELIVERY).where(_DELIVERY.c.webhook == sa.bindparam("webhook")),
    {"at": _DELIVERY.c.at, "id": _DELIVERY.c.id},
)
