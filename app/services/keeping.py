"""Making, changing and revoking API keys."""

import uuid
from dataclasses import dataclass

from sqlalchemy import Connection

from app.services import callers
from app.services.reporting import now
from app.settings import Settings
from app.storage import audit, keys
from app.storage.models import ApiKey


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be. `expires_at` is a time in UTC, `rate_limit` in requests a minute."""

    name: str
    role: str
    agency: str | None = None
    expires_at: str | None = None
    rate_limit: int | None = None


def create(connection: Connection, settings: Settings, asked: NewKey) -> tuple[ApiKey, str]:
    """Store a new key; return it, and the secret that is shown this once."""
    secret, time = callers.new_key(), now()
    made = ApiKey(
        id=str(uuid.uuid4()),
        name=asked.name,
        digest=callers.digest_of(secret, settings),
        role=asked.role,
        agency=asked.agency,
        rate_limit=asked.rate_limit,
        expires_at=asked.expires_at,
        revision=1,
        created_at=time,
        updated_at=time,
    )
    keys.add(connection, made)
    audit.note(
        connection, "keys", made.id, "created", name=made.name, role=made.role, of=made.agency
    )
    return made, secret


def revoke(connection: Connection, key: ApiKey) -> None:
    """Let a key hold no longer; what it has done stays told under its name."""
    if key.revoked_at is None:
        key.revoked_at = key.updated_at = now()
        key.revision += 1
        keys.save(connection, key)
        audit.note(connection, "keys", key.id, "revoked")
