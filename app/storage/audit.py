"""The audit log: who changed what, when and from where, each entry bound to the one before it.

An entry is canonical JSON that has in it the digest of the entry before; its own digest is the
SHA-256 of that text. So an entry cannot be altered, taken out, put in or moved without the digests
of all that follow, and the `clock` has the last one. Entries are written as the feed is, and with
it: as the last thing before the commit, while the clock is locked.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json, to_json
from sqlalchemy import Connection

from app.storage import models
from app.storage.acting import Act, sign
from app.storage.statements import Prepared

MOST = 200
"""How many changes an entry has at most."""

LONGEST_ACTOR = 200
"""How much of an actor's id the column has to be searched by; the body has all of it."""

_PENDING = "noted"
_ENTRY = models.AuditEntry.__table__
INSERT = Prepared(sa.insert(_ENTRY))
"""Insert a row, whose values are in the order of the table's columns."""

Row = tuple[int, str, str, str | None, int | None, bytes, str]
"""An entry as it is stored: seq, at, actor, agency, year, body, digest."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was changed, as JSON, and the agency and the year that it touches."""

    agency: str | None
    year: int | None
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """Where the chain ends: the number and the digest of its last entry."""

    seq: int
    digest: str


_NOTHING: dict[str, Any] = {
    "cells": [],
    "details": None,
    "key": "",
    "layer": None,
    "members": [],
    "op": "",
    "resource": "",
    "revision": None,
    "seq": None,
    "tables": [],
}
"""A change as JSON; the order of its members is that of all."""


def note(
    connection: Connection, resource: str, key: str, op: str,
    *, agency: str | None = None, year: int | None = None, **details: Any,
) -> None:  # fmt: skip
    """Note what a unit of work has changed that is not told in the feed.

    `details` are texts, whole numbers, None, and lists of them; never a secret.
    """
    more = {name: details[name] for name in sorted(details)} or None
    said = {**_NOTHING, "details": more, "key": key, "op": op, "resource": resource}
    sign(connection)
    connection.info.setdefault(_PENDING, []).append(Deed(agency, year, said))


def taken(connection: Connection) -> list[Deed]:
    """Return what was noted, and forget it."""
    found: list[Deed] = connection.info.pop(_PENDING, [])
    return found


def told(seq: int, change: Any) -> Deed:
    """Return a change of the feed as it stands in the log, with its number."""
    item = from_json(change.body)
    said = {
        **_NOTHING,
        "cells": [cell["pointer"] for cell in item["cells"]],
        "key": change.key,
        "layer": change.layer,
        "members": item["members"],
        "op": change.op,
        "resource": change.resource,
        "revision": change.revision,
        "seq": seq,
        "tables": item["tables"],
    }
    return Deed(change.agency, change.year, said)


def chained(act: Act, last: Link, deeds: Iterable[Deed]) -> list[Row]:
    """Return the entries of what somebody did: one for each agency and year that it touches.

    So each is found by its agency and year. One of more than `MOST` changes goes on in another.
    """
    seq, digest, template = last.seq, last.digest, _template(act)
    rows: list[Row] = []
    for (agency, year), changes in _grouped(deeds):
        seq += 1
        own = {"agency": agency, "changes": changes, "previous": digest, "seq": seq, "year": year}
        body = to_json({**template, **own})
        digest = digest_of(body)
        actor = act.actor[:LONGEST_ACTOR]
        rows.append((seq, template["at"], actor, agency, year, body, digest))
    return rows


def _grouped(
    deeds: Iterable[Deed],
) -> Iterator[tuple[tuple[str | None, int | None], list[Mapping[str, Any]]]]:
    groups: dict[tuple[str | None, int | None], list[Mapping[str, Any]]] = {}
    for deed in deeds:
        groups.setdefault((deed.agency, deed.year), []).append(deed.said)
    for key, changes in groups.items():
        for start in range(0, len(changes), MOST):
            yield key, changes[start : start + MOST]


def _template(act: Act) -> dict[str, Any]:
    """Return an entry as RFC 8785 has it: members sorted, whole numbers and texts."""
    return {
        "actor": act.actor,
        "address": act.address,
        "agency": None,
        "at": _now(),
        "changes": (),
        "name": act.name,
        "operation": act.operation,
        "previous": "",
        "request_id": act.request_id,
        "role": act.role,
        "seq": 0,
        "year": None,
    }


def digest_of(body: bytes) -> str:
    """Return the digest of an entry."""
    return hashlib.sha256(body).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
