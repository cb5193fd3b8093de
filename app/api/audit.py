"""The audit log: who changed what, when and from where; a chain that shows what was altered."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field, create_model
from starlette.requests import Request
from starlette.responses import Response

from app.api import parameters, queries, schemas
from app.api.documentation import lists, reads
from app.api.downloads import (
    MEDIA_TYPES,
    Chunks,
    Stream,
    disposition,
    downloads,
    exported,
    zipped,
    zips_for,
)
from app.api.parameters import NoQuery
from app.api.paths import number_in
from app.api.queries import Listing, ListQuery
from app.api.replies import reply
from app.api.routing import database, router
from app.errors import NotFound
from app.services import auditing
from app.storage import audit_log
from app.storage.audit import LONGEST_ACTOR, Row
from app.storage.database import Readable

routes = router("audit", "/v1/audit")
files = downloads("audit", "/v1/audit")


class AuditChange(schemas.Shown):
    """One thing that was changed. Values are not in the log: they are in the revisions."""

    cells: Annotated[list[str], Field(description="JSON pointers of cells whose value differs.")]
    details: Annotated[
        dict[str, Any] | None, Field(description="Of what the feed does not tell: more about it.")
    ]
    key: Annotated[str, Field(examples=["321300/2024"])]
    layer: Annotated[
        str | None, Field(description="Of a report: `working`, or `published` if it is shown now.")
    ]
    members: list[str]
    op: Annotated[str, Field(examples=["updated"])]
    resource: Annotated[str, Field(examples=["reports"])]
    revision: int | None
    seq: Annotated[int | None, Field(description="Its number in `/v1/changes`.")]
    tables: list[str]


class AuditEntryOut(schemas.Shown):
    """What somebody did with one request or command to one agency and year."""

    digest: Annotated[
        str,
        Field(
            description="The SHA-256, in hexadecimal, of this entry without `digest`, as canonical "
            "JSON by RFC 8785.",
        ),
    ]
    actor: Annotated[
        str, Field(examples=["key:0b1f1a0e-5a0c-4c8e-9a44-1f0d5c1f1f1f"], description="Their id.")
    ]
    address: Annotated[str | None, Field(description="Where from.", examples=["10.8.3.21"])]
    agency: Annotated[str | None, Field(examples=["321300"])]
    at: schemas.Instant
    changes: Annotated[list[AuditChange], Field(description="At most 200.")]
    name: str
    operation: Annotated[
        str,
        Field(
            description="Method and path, or the command.",
            examples=["PUT /v1/reports/321300/2024/requests"],
        ),
    ]
    previous: Annotated[str, Field(description="The digest of the entry before; the first's: ''.")]
    request_id: str | None
    role: str
    seq: Annotated[int, Field(description="Its number, without gaps.")]
    year: Annotated[int | None, Field(examples=[2024])]


_FILTERS: dict[str, Any] = {
    "actor": (
        Annotated[str | None, Field(max_length=300, description="The id of who did it.")],
        None,
    ),
    "agency": (str | None, None),
    "year": (queries.Year | None, None),
    "from": (
        Annotated[
            queries.Instant | None, Field(description="What was done at this time or later.")
        ],
        None,
    ),
    "to": (
        Annotated[queries.Instant | None, Field(description="What was done before this time.")],
        None,
    ),
}


def _query(name: str, base: type[BaseModel], doc: str, **more: Any) -> Any:
    """Return a model of filters; `from` is no name that a class could write."""
    return create_model(name, __base__=base, __doc__=doc, __module__=__name__, **_FILTERS, **more)


AuditQuery = _query(
    "AuditQuery", ListQuery, "Filters of the audit log.", sort=(queries.sort_of("seq"), "seq")
)
AuditExportQuery = _query("AuditExportQuery", NoQuery, "Filters of an export of the audit log.")


def _parameters(filters: Any) -> dict[str, Any]:
    """Return what the storage calls these filters."""
    names = {"from": "since", "to": "until"}
    found = {names.get(name, name): value for name, value in filters.items()}
    if "actor" in found:
        found["actor"] = found["actor"][:LONGEST_ACTOR]
    return found


_AUDIT = Listing(
    AuditQuery,
    audit_log.LISTED,
    {"seq": ("seq",)},
    auditing.shown,
    lambda row: {"seq": row[0]},
    _parameters,
)


@routes.get(
    "",
    **lists(schemas.page_of(AuditEntryOut, "AuditPage"), "List the audit log / 查询审计日志"),
)
async def list_audit(request: Request, query: Annotated[AuditQuery, Query()]) -> Response:
    """Return who changed what, when and from where, the newest last.

    Who changed a report since 1 March: `?agency=321300&year=2024&from=2026-03-01T00:00:00Z`. Each
    entry has the digest of the one before in it, so that none can be altered or taken out unseen:
    `gongkai audit verify` checks the chain.
    """
    return await queries.answer(request, _AUDIT)


@files.get(
    "/export.ndjson",
    **exported(
        "ndjson",
        "Export the audit log / 导出审计日志",
        "An entry a line, as `GET` shows it. The last line says that the export is whole: "
        '`{"end": true, "entries": 3, "head": "9f86d0…"}`.',
    ),
)
async def export_audit(request: Request, query: Annotated[AuditExportQuery, Query()]) -> Response:
    """Stream entries in their order, one a line. Keep the `head` elsewhere, with its date.

    `gongkai audit verify --expect HEAD` proves later that what was exported is still there.
    """
    filters = parameters.read(request, AuditExportQuery).model_dump(exclude_unset=True)
    headers = {"Cache-Control": "no-store", **disposition("audit.ndjson")}
    db, asked = database(request), _parameters(filters)
    chunks = _lines(db, asked, await _after(db, 0, asked))
    if zips_for(request, headers):
        chunks = zipped(chunks)
    return Stream(chunks, headers, MEDIA_TYPES["ndjson"])


async def _lines(db: Readable, filters: dict[str, Any], rows: list[Row]) -> Chunks:
    """Yield the entries from the first rows on, which were read before anything is sent."""
    count, head = 0, ""
    while rows:
        yield _joined(rows)
        count, head = count + len(rows), rows[-1][-1]
        rows = await _after(db, rows[-1][0], filters)
    yield auditing.end(count, head) + b"\n"


async def _after(db: Readable, seq: int, filters: dict[str, Any]) -> list[Row]:
    return await db.apart(lambda connection: audit_log.after(connection, seq, filters))


def _joined(rows: Iterable[Row]) -> bytes:
    return b"".join(auditing.shown(row) + b"\n" for row in rows)


@routes.get("/{seq}", **reads(AuditEntryOut, "Read an audit entry / 读取审计日志条目"))
async def get_audit_entry(
    request: Request, seq: Annotated[str, Path(description="Its number.", examples=["1"])]
) -> Response:
    """Return an entry."""
    number = number_in(seq, 1, 2**53)
    row = None
    if number is not None:
        row = await database(request).point(audit_log.BY_SEQ, {"seq": number})
    if row is None:
        raise NotFound("audit-entry-not-found", seq=seq)
    return reply(request, body=auditing.shown(row))
