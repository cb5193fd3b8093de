"""Many reports in one file: at once, or in the background beyond a size."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.api import bodies, files, parameters, queries, schemas
from app.api.access import caller_of
from app.api.context import header
from app.api.documentation import ETAG, IDEMPOTENT, RETRY_AFTER, lists, parameter, problems, reads
from app.api.downloads import MEDIA_TYPES
from app.api.parameters import NoQuery
from app.api.problems import language_of, response_to, told
from app.api.queries import Listing, ListQuery
from app.api.replies import reply
from app.api.routing import database, router
from app.domain.layout import Label
from app.errors import AppError, Conflict, Fault, Invalid, Malformed, NotFound, Refused
from app.services import background, encoding, importing
from app.services.importing import Plan
from app.services.reporting import now
from app.services.spooling import NotPacked, Spool, TooLarge, unpacked
from app.settings import Settings
from app.storage import audit, imports
from app.storage.imports import ENDED, Job
from app.storage.staging import Staging

routes = router("imports", "/v1/imports")

MOST_ERRORS = 1_000
"""How many faults the reply to an import that was refused names."""
_RESPOND_ASYNC = re.compile(r"(^|,)\s*respond-async\s*(;|,|$)", re.IGNORECASE)

Mode = Literal["atomic", "partial"]
State = Literal["queued", "running", "done", "failed"]


class ImportQuery(NoQuery):
    """How an import is meant."""

    mode: Annotated[
        Mode,
        Query(description="`atomic`: all or nothing. `partial`: what has no fault is stored."),
    ] = "atomic"
    dry_run: Annotated[
        bool, Query(description="Do everything, findings included, and then undo it.")
    ] = False


# Descriptions


class ImportCounts(schemas.Shown):
    """How many reports came to what; the others add up to `sent`."""

    sent: int
    created: int
    updated: int
    unchanged: int
    failed: int
    skipped: Annotated[
        int, Field(description="Had no fault, but was not stored because others had.")
    ]


class ImportOutcome(schemas.Shown):
    """What became of one report of a file."""

    line: Annotated[int, Field(description="Of CSV, the first of the report's lines.")]
    agency: str | None
    year: int | None
    outcome: Literal[importing.OUTCOMES]
    revision: Annotated[int, Field(default=0)]
    etag: Annotated[str | None, Field(default=None)]
    counts: Annotated[
        schemas.Counts | None,
        Field(default=None, description="How many failures of rules, after the import."),
    ]
    superseded_by: Annotated[
        int, Field(default=0, description="The later line of the same report, where there is one.")
    ]
    errors: list[schemas.ProblemFault]
    findings: Annotated[
        list[schemas.FindingOut], Field(default=[], description="In a dry run: every failure.")
    ]


class ImportReply(schemas.Shown):
    """What came of an import."""

    mode: Mode
    dry_run: bool
    counts: ImportCounts
    items: list[ImportOutcome]


class ImportProgress(schemas.Shown):
    """How far an import is."""

    phase: Literal["waiting", "reading", "writing", "ended"]
    bytes: Annotated[int, Field(description="Of the file, read so far.")]
    bytes_total: int
    lines: Annotated[int, Field(description="Reports read so far.")]
    written: Annotated[int, Field(description="Reports written so far.")]


class ImportOut(schemas.Shown):
    """An import in the background."""

    id: str
    state: State
    mode: Mode
    dry_run: bool
    format: str
    progress: ImportProgress
    counts: Annotated[
        ImportCounts | None,
        Field(
            description="Once it has ended. null of one that failed: it could not be run to its "
            "end, so send the file again, or a smaller one."
        ),
    ]
    created_at: schemas.Instant
    updated_at: schemas.Instant
    finished_at: schemas.Instant | None
    links: dict[str, str]


_NDJSON = MEDIA_TYPES["ndjson"]
_EXAMPLES = {
    "ndjson": (
        '{"agency":"321300","year":2024,"overview":"略","tables":{"licensing":{"filing":"nil"}}}',
        '{"agency":"321322-fgj","year":2024,"tables":{"fees":{"filing":"nil"}}}',
    ),
    "csv": (
        "agency,year,table,line,column,value",
        "321300,2024,requests,received,natural_person,5",
        "321300,2024,fees,,filing,nil",
    ),
}


def _content(kind: str) -> dict[str, Any]:
    if kind not in _EXAMPLES:
        return {"schema": {"type": "string", "format": "binary"}}
    example = {"summary": "两份报告 / Two reports", "value": "\n".join(_EXAMPLES[kind])}
    return {"schema": {"type": "string"}, "examples": {"two": example}}


_BODY: dict[str, Any] = {
    "required": True,
    "description": "NDJSON: one report a line, as PUT of a report takes it, with its `agency` and "
    "`year`. CSV: one cell a line; a report's tables that are named are replaced, all else stays; "
    "a line with no `line` sets `filing` or another member of a table. XLSX: the workbook of "
    "`/v1/forms/{form}/template.xlsx`, filled in, which is a whole report. May be sent with "
    "`Content-Encoding: gzip`.",
    "content": {media: _content(kind) for media, kind in files.FORMATS.items()},
}
_PREFER = parameter("Prefer", "`respond-async`: answer with a job, whatever the size.")


# Sending


@routes.post(
    "",
    summary="Import reports / 批量导入报告",
    response_model=None,
    responses={
        200: {"model": ImportReply, "description": "Imported", "headers": ETAG},
        202: {
            "model": ImportOut,
            "description": "Accepted: a job to poll",
            "headers": {
                **ETAG,
                **RETRY_AFTER,
                "Location": {"schema": {"type": "string"}},
                "Preference-Applied": {
                    "schema": {"type": "string"},
                    "description": "`respond-async`, if that was asked for.",
                },
            },
        },
        **problems(400, 406, 409, 413, 415, 422, 503),
    },
    openapi_extra={"requestBody": _BODY, "parameters": [IDEMPOTENT, _PREFER]},
)
async def post_import(request: Request, query: Annotated[ImportQuery, Query()]) -> Response:
    """Write the reports of a file as PUTs in their order would, and say what became of each.

    Of an atomic import with a fault nothing is stored, and the reply names every faulty line.
    Beyond a size the import goes on in the background: 202, with the address of its state.
    """
    kind = _kind(request)
    settings: Settings = request.app.state.settings
    spool = Spool(settings.import_limit, gzipped=_is_gzipped(request))
    try:
        await _receive(request, spool)
        asked = parameters.read(request, ImportQuery)
        is_large = spool.size > settings.import_at_once or (
            spool.lines > settings.import_lines_at_once
        )
        if is_large or _prefers_async(request):
            return await _later(request, asked, kind, spool)
        return await _at_once(request, asked, kind, spool)
    finally:
        spool.close()


def _prefers_async(request: Request) -> bool:
    return _RESPOND_ASYNC.search(header(request, b"prefer") or "") is not None


def _kind(request: Request) -> str:
    media = (header(request, b"content-type") or "").partition(";")[0].strip().lower()
    coding = (header(request, b"content-encoding") or "identity").strip().lower()
    if media not in files.FORMATS or coding not in {"identity", "gzip", "x-gzip"}:
        raise Refused("unsupported-media-type", expected=", ".join(files.FORMATS))
    return files.FORMATS[media]


def _is_gzipped(request: Request) -> bool:
    return "gzip" in (header(request, b"content-encoding") or "").lower()


async def _receive(request: Request, spool: Spool) -> None:
    """Take the body in. Beyond the limit the rest is discarded, so that the reply arrives."""
    refused: Exception | None = None
    discarded = 0

    def take(chunk: bytes) -> None:
        nonlocal refused, discarded
        if refused is None:
            try:
                spool.write(chunk)
            except (TooLarge, NotPacked) as error:
                refused = error
        else:
            discarded += len(chunk)
            if discarded > bodies.DISCARDED:
                raise _refusal(request, refused, bodies.CLOSED)

    async def take_packed(chunk: bytes) -> None:
        await asyncio.to_thread(take, chunk)  # it may be a thousand times as long

    await bodies.receive(request, take_packed if _is_gzipped(request) else take)
    try:
        spool.end()
    except NotPacked as error:
        refused = refused or error
    if refused is not None:
        raise _refusal(request, refused, {})


def _refusal(request: Request, error: Exception, headers: Mapping[str, str]) -> AppError:
    if isinstance(error, NotPacked):
        return Malformed("malformed-gzip", headers=headers)
    limit = request.app.state.settings.import_limit
    return Refused("body-too-large", headers=headers, limit=limit)


async def _at_once(request: Request, asked: ImportQuery, kind: str, spool: Spool) -> Response:
    staging = Staging()
    try:
        only = caller_of(request).writes_only
        await asyncio.to_thread(_stage, staging, kind, spool, only)
        return await database(request).alter(partial(_stored, request, asked, staging))
    finally:
        staging.close()


def _stage(staging: Staging, kind: str, spool: Spool, only: str | None) -> None:
    read = files.read(kind, lambda: map(unpacked, spool.pieces()), staging)
    importing.stage(staging, importing.owned(read, only), lambda _: None)


def _stored(
    request: Request, asked: ImportQuery, staging: Staging, connection: Connection
) -> Response:
    plan = Plan(asked.mode, asked.dry_run)
    importing.store(connection, staging, plan, lambda _: None)
    counts = importing.counts(staging)
    lang = language_of(request)
    if asked.mode == "atomic" and counts["failed"]:
        return response_to(request, _refused(staging, counts))
    head = {"mode": asked.mode, "dry_run": asked.dry_run, "counts": counts}
    items = b",".join(shown(each, lang) for each in importing.outcomes(staging))
    body = encoding.encoded(head)[:-1] + b',"items":[' + items + b"]}"
    return reply(request, body=body)


def _refused(staging: Staging, counts: Mapping[str, int]) -> Invalid:
    """Return what is wrong: of each line the first fault at least, so far as there is room."""
    left = MOST_ERRORS - min(counts["failed"], MOST_ERRORS)
    faults: list[Fault] = []
    for failure in staging.failures(MOST_ERRORS):
        first, *others = _faults(json.loads(failure.body)["errors"])
        faults += [first, *others[:left]]
        left -= len(others[:left])
    error = Invalid(faults)
    error.slug = "invalid-import"
    error.values = {"sent": counts["sent"], "failed": counts["failed"]}
    return error


def _faults(errors: list[Any]) -> Iterator[Fault]:
    for error in errors:
        values = {
            name: Label(*value) if isinstance(value, list) and len(value) == 2 else value
            for name, value in error["values"].items()
        }
        where = {"line": error["line"], "place": error["place"]}
        yield Fault(error["pointer"], error["code"], values, **where)


def shown(outcome: bytes, lang: str) -> bytes:
    """Return what became of a line, its faults in words."""
    if b'"errors":[]' in outcome:
        return outcome
    said = json.loads(outcome)
    said["errors"] = [told(fault, lang) for fault in _faults(said["errors"])]
    return encoding.encoded(said)


async def _later(request: Request, asked: ImportQuery, kind: str, spool: Spool) -> Response:
    time, caller = now(), caller_of(request)
    job = Job(
        id=str(uuid.uuid4()), state="queued", mode=asked.mode, dry_run=asked.dry_run, format=kind,
        bytes_total=spool.size, phase="waiting", bytes=0, lines=0, written=0, marker=None,
        counts=None, actor=caller.id, only=caller.writes_only, owner=None, lease_until=None,
        created_at=time, updated_at=time, finished_at=None,
    )  # fmt: skip
    before = background.expiry(request.app.state.settings)

    def keep(connection: Connection) -> Response:
        imports.purge(connection, before)
        imports.add(connection, job, spool.pieces())
        if not job.dry_run:
            audit.note(connection, "imports", job.id, "created", mode=job.mode, bytes=spool.size)
        body = encoding.encoded(_shown(job))
        headers = {"Location": f"/v1/imports/{job.id}", "Retry-After": "1"}
        if _prefers_async(request):
            headers["Preference-Applied"] = "respond-async"
        return reply(request, body=body, status=202, headers=headers)

    made = await database(request).alter(keep)
    request.app.state.importer.wake()
    return made


# Looking


def _shown(job: Job) -> dict[str, Any]:
    own = f"/v1/imports/{job.id}"
    return {
        "id": job.id,
        "state": job.state,
        "mode": job.mode,
        "dry_run": job.dry_run,
        "format": job.format,
        "progress": {
            "phase": job.phase,
            "bytes": job.bytes,
            "bytes_total": job.bytes_total,
            "lines": job.lines,
            "written": job.written,
        },
        "counts": job.counts,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "finished_at": job.finished_at,
        "links": {"self": own, "outcomes": f"{own}/outcomes"},
    }


class ImportsQuery(ListQuery):
    """Filters of imports."""

    state: State | None = None
    sort: queries.sort_of("created_at") = "created_at"


_IMPORTS = Listing(
    ImportsQuery,
    imports.LISTED,
    {"created_at": ("created_at", "id")},
    lambda row: encoding.encoded(_shown(imports.job_of(row))),
    lambda row: asdict(imports.job_of(row)),
)


@routes.get(
    "",
    **lists(schemas.page_of(ImportOut, "ImportPage"), "List imports / 列出后台导入"),
)
async def list_imports(request: Request, query: Annotated[ImportsQuery, Query()]) -> Response:
    """Return the imports in the background, those that ended some days ago left out."""
    return await queries.answer(request, _IMPORTS)


async def _found(request: Request, identity: str) -> Job:
    job = await database(request).use(partial(imports.read, identity=identity))
    caller = caller_of(request)
    if job is None or not (caller.role == "admin" or job.actor == caller.id):
        raise NotFound("import-not-found", id=identity)
    return job


@routes.get("/{id}", **reads(ImportOut, "Read an import / 读取后台导入"))
async def get_import(request: Request, id: str) -> Response:
    """Return how far an import in the background is, and what came of it."""
    job = await _found(request, id)
    body = encoding.encoded(_shown(request.app.state.importer.beside.seen(job)))
    return reply(request, body=body)


class OutcomesQuery(NoQuery):
    """Which outcomes."""

    outcome: Literal[importing.OUTCOMES] | None = None


class Ndjson(StreamingResponse):
    """JSON texts, one a line."""

    media_type = _NDJSON


@routes.get(
    "/{id}/outcomes",
    summary="Outcomes of an import / 读取后台导入的逐行结果",
    response_model=None,
    response_class=Ndjson,
    responses={
        200: {"content": {_NDJSON: {"schema": {"type": "string"}}}, "description": "OK"},
        **problems(404, 406, 409, 422, 503),
    },
)
async def get_import_outcomes(
    request: Request,
    id: str,
    query: Annotated[OutcomesQuery, Query()],
) -> Response:
    """Stream what became of each report of an import that has ended, in the order of the file."""
    job = await _found(request, id)
    asked = parameters.read(request, OutcomesQuery)
    if job.state not in ENDED:
        raise Conflict("import-not-ended", id=id, headers={"Retry-After": "1"})
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Language"}
    return Ndjson(_outcomes(request, id, asked.outcome), headers=headers)


async def _outcomes(request: Request, identity: str, wanted: str | None) -> AsyncIterator[bytes]:
    lang, position = language_of(request), 0
    while True:
        read = partial(imports.piece, identity=identity, kind="outcome", position=position)
        piece = await database(request).use(read)
        if piece is None:
            return
        found = [shown(each, lang) for each in unpacked(piece).splitlines() if _is(each, wanted)]
        yield b"".join(each + b"\n" for each in found)
        position += 1


def _is(outcome: bytes, wanted: str | None) -> bool:
    return wanted is None or json.loads(outcome)["outcome"] == wanted
