"""Imports that run in the background: what was sent, how far they are, what came of them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.codes import is_id
from app.storage.models import ImportChunk, ImportJob
from app.storage.paging import Source, equals
from app.storage.statements import Prepared, as_new, to_new

_JOB = ImportJob.__table__
_CHUNK = ImportChunk.__table__
ENDED = ("done", "failed")


@dataclass(frozen=True, slots=True)
class Job:
    """An import. `counts` are there once it has ended."""

    id: str
    state: str
    mode: str
    dry_run: bool
    format: str
    bytes_total: int
    phase: str
    bytes: int
    lines: int
    written: int
    marker: str | None
    counts: Mapping[str, int] | None
    actor: str | None
    only: str | None
    owner: str | None
    lease_until: str | None
    created_at: str
    updated_at: str
    finished_at: str | None
    lost: int = 0


_GOES_ON = sa.or_(_JOB.c.state == "queued", _JOB.c.state == "running")
_THIS = _JOB.c.id == sa.bindparam("id")
_READ = Prepared(sa.select(_JOB).where(_THIS))
_WAITING = Prepared(sa.select(_JOB).where(_GOES_ON).order_by(_JOB.c.created_at))
_INSERT = Prepared(sa.insert(_JOB))
_CLAIM = Prepared(
    sa.update(_JOB)
    .where(
        _THIS,
        _GOES_ON,
        sa.func.coalesce(_JOB.c.owner, "") == sa.bindparam("old_owner"),
        sa.func.coalesce(_JOB.c.lease_until, "") == sa.bindparam("old_lease"),
    )
    .values(
        state="running",
        **to_new("owner", "lease_until", "updated_at"),
        lost=sa.case((_JOB.c.owner.is_(None), _JOB.c.lost), else_=_JOB.c.lost + 1),
    )
)
_OWNED = sa.and_(_THIS, _JOB.c.owner == sa.bindparam("mine"))
_PROGRESS = Prepared(
    sa.update(_JOB)
    .where(_OWNED)
    .values(to_new("phase", "bytes", "lines", "written", "lease_until", "updated_at"))
)
_MARK = Prepared(sa.update(_JOB).where(_OWNED).values(lost=0, **to_new("marker", "lease_until")))
_RELEASE = Prepared(
    sa.update(_JOB).where(_OWNED).values(state="queued", owner=sa.null(), lease_until=sa.null())
)
_END = Prepared(
    sa.update(_JOB)
    .where(_OWNED)
    .values(
        **to_new("state", "phase", "counts", "lines", "bytes", "written", "updated_at"),
        finished_at=sa.bindparam("new_updated_at"),
        owner=sa.null(),
        lease_until=sa.null(),
    )
)
_PURGE = Prepared(sa.delete(_JOB).where(_JOB.c.finished_at < sa.bindparam("before")))
_ADD = Prepared(sa.insert(_CHUNK))
_CHUNK_READ = Prepared(
    sa.select(_CHUNK.c.body).where(
        _CHUNK.c.job == sa.bindparam("id"),
        _CHUNK.c.kind == sa.bindparam("kind"),
        _CHUNK.c.position == sa.bindparam("position"),
    )
)
_DROP = Prepared(
    sa.delete(_CHUNK).where(_CHUNK.c.job == sa.bindparam("id"), _CHUNK.c.kind != "outcome")
)


def job_of(row: Any) -> Job:
    """Return what a row of the table says."""
    values = dict(zip(_JOB.c.keys(), row, strict=True))
    counts = values.pop("counts")
    values["dry_run"] = bool(values["dry_run"])
    return Job(**values, counts=json.loads(counts) if counts else None)


def read(connection: Connection, identity: str) -> Job | None:
    """Return an import; None if it is not there."""
    row = _READ.row(connection, {"id": identity}) if is_id(identity) else None
    return job_of(row) if row else None


def waiting(connection: Connection) -> list[Job]:
    """Return the imports that have not ended, first come first."""
    return [job_of(row) for row in _WAITING.rows(connection, {})]


def add(connection: Connection, job: Job, pieces: Iterable[bytes]) -> None:
    """Keep an import and its file, until a worker runs it."""
    values = {name: getattr(job, name) for name in _JOB.c.keys()}  # noqa: SIM118 - columns
    _INSERT.run(connection, values | {"counts": None})
    add_pieces(connection, job.id, "upload", pieces)


def add_pieces(
    connection: Connection, identity: str, kind: str, pieces: Iterable[bytes], first: int = 0
) -> None:
    """Keep pieces of a file, in their order."""
    for position, piece in enumerate(pieces, first):
        parameters = {"job": identity, "kind": kind, "position": position, "body": piece}
        _ADD.run(connection, parameters)


def piece(connection: Connection, identity: str, kind: str, position: int) -> bytes | None:
    """Return a piece of a file; None beyond the last."""
    parameters = {"id": identity, "kind": kind, "position": position}
    row = _CHUNK_READ.row(connection, parameters)
    return bytes(row[0]) if row else None


def claim(connection: Connection, job: Job, owner: str, time: str, lease_until: str) -> Job | None:
    """Take an import over, if its owner gave no sign since it was read; return it as it is now."""
    old = {"id": job.id, "old_owner": job.owner or "", "old_lease": job.lease_until or ""}
    values = as_new({"owner": owner, "lease_until": lease_until, "updated_at": time})
    return read(connection, job.id) if _CLAIM.run(connection, old | values).rowcount else None


def progress(connection: Connection, identity: str, owner: str, **values: Any) -> bool:
    """Note how far an import is; tell whether it is still the owner's."""
    parameters = {"id": identity, "mine": owner, **as_new(values)}
    return bool(_PROGRESS.run(connection, parameters).rowcount)


def mark(connection: Connection, identity: str, owner: str, **values: Any) -> bool:
    """Note the `marker`, the last agency of which all is stored, and the end of the lease.

    Tells whether the import is still the owner's.
    """
    parameters = {"id": identity, "mine": owner, **as_new(values)}
    return bool(_MARK.run(connection, parameters).rowcount)


def release(connection: Connection, identity: str, owner: str) -> None:
    """Give an import back, to be run by another."""
    _RELEASE.run(connection, {"id": identity, "mine": owner})


def end(
    connection: Connection, identity: str, owner: str, outcomes: Iterator[bytes], **values: Any
) -> bool:
    """Note what came of an import, and drop its file; tell whether it was still the owner's."""
    values["counts"] = json.dumps(values["counts"])
    if not _END.run(connection, {"id": identity, "mine": owner, **as_new(values)}).rowcount:
        return False
    _DROP.run(connection, {"id": identity})
    add_pieces(connection, identity, "outcome", outcomes)
    return True


def purge(connection: Connection, before: str) -> None:
    """Forget the imports that ended before a time."""
    _PURGE.run(connection, {"before": before})


def _listed(names: frozenset[str]) -> Any:
    """Select imports by the filters of `/v1/imports`."""
    return sa.select(_JOB).where(*equals(names, {"state": _JOB.c.state}))


LISTED = Source(_listed, {"created_at": _JOB.c.created_at, "id": _JOB.c.id})
