"""The statistical tables of a report: four operations for each."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import Body
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import bodies, examples, schemas
from app.api.bodies import Json
from app.api.documentation import reads, writes
from app.api.paths import AgencyCode, YearPath, exemplified, key_in, not_in_form, why_absent
from app.api.replies import MERGE_PATCH, PATCHABLE, reply, require, written
from app.api.routing import database, router
from app.api.whole_tables import whole
from app.api.writing import hold, patched_table, table_contradictions
from app.domain.layout import Table
from app.domain.report import Filing
from app.errors import AppError, Fault, NotFound
from app.forms import FORMS, TABLE_KEYS, form_of
from app.services import encoding, filing, rendering, reporting
from app.services.reporting import Scene
from app.storage import reports

routes = router("tables", "/v1/reports")


def _table_at(scene: Scene, key: str) -> Table:
    if key not in scene.form.table:
        raise not_in_form(scene.year.year, key)
    return scene.form.table[key]


def _table_resource(scene: Scene, key: str) -> tuple[str, bytes]:
    current = scene.stored[scene.year.year]
    document = reporting.rendered(scene).document
    return _as_resource(document, key, current.tables[key])


def _as_resource(document: rendering.Document, key: str, stamp: reports.Stamp) -> tuple[str, bytes]:
    body = rendering.table_resource(document, key, stamp.updated_at)
    return encoding.etag(stamp.revision, body), body


def _table_reply(request: Request, scene: Scene, key: str, status: int) -> Response:
    """Return the table as it stands now; nothing if it was written as missing."""
    if scene.current is None or key not in scene.current.tables:
        return Response(status_code=204)
    etag, body = _table_resource(scene, key)
    path = f"{rendering.report_path(scene.agency.code, scene.year.year)}/{key}"
    return written(request, path, etag, body, status)


def _held(scene: Scene, key: str) -> tuple[int | None, Callable[[], str]]:
    stamp = scene.current.tables.get(key) if scene.current else None
    return stamp.revision if stamp else None, lambda: _table_resource(scene, key)[0]


def _differences(scene: Scene, key: str, made: Filing | None) -> Iterator[Fault]:
    assert scene.current is not None
    stored = filing.writable_table(scene.current.report.filings[key])
    return bodies.differences(filing.writable_table(made) if made else {}, stored)


def _write(
    request: Request, connection: Connection, scene: Scene, key: str, body: Callable[[], Json]
) -> Response:
    """Save a table, by a body that is read once conditions hold."""
    held = _held(scene, key)
    made = hold(
        request,
        *held,
        lambda: _checked_table(scene, key, body()),
        partial(_differences, scene, key),
    )
    _save_table(connection, scene, key, made)
    return _table_reply(request, scene, key, 201 if held[0] is None else 200)


def _checked_table(scene: Scene, key: str, body: Json) -> Filing | None:
    form, table = scene.form, scene.form.table[key]
    made = whole(table, body)
    if made is not None:
        return made
    more = table_contradictions(
        body, agency=scene.agency.code, year=scene.year.year, form=form.key, table=key
    )
    bodies.checked(schemas.table_in(form, table), body, more)
    return filing.filing_from(table, body)


def _patched(scene: Scene, key: str, sent: bytes) -> Json:
    assert scene.current is not None
    stored = filing.writable_table(scene.current.report.filings[key])
    patch = bodies.parse(sent)
    made: Json = patched_table(bodies.merged(stored, patch), patch)
    return made


def _save_table(connection: Connection, scene: Scene, key: str, made: Filing | None) -> None:
    current = scene.current
    report = (
        current.report
        if current
        else filing.report_from(scene.form, scene.year.year, scene.agency, {})
    )
    filings = {k: v for k, v in report.filings.items() if k != key}
    if made is not None:
        filings[key] = made
    elif current is None:
        return
    reporting.save(connection, scene, replace(report, filings=filings))


def _filed(connection: Connection, agency: str, year: int, key: str) -> Scene:
    """Enter the scene of a table that is filed. Raises `NotFound`."""
    scene = reporting.enter(connection, agency, year)
    _table_at(scene, key)
    if scene.current is None:
        raise NotFound("report-not-found", agency=agency, year=year)
    if key not in scene.current.tables:
        raise NotFound("table-not-filed", agency=agency, year=year, table=key)
    reporting.require_open(scene)
    return scene


async def _get(request: Request, key: str, agency: str, year: str) -> Response:
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> tuple[bytes, reports.Stamp]:
        form, row = form_of(number), reports.read_table(connection, key, code, number)
        if row is None or form is None or key not in form.table:
            raise _why_no_table(connection, key, code, number)
        if row[1] is None:
            raise NotFound("table-not-filed", agency=code, year=number, table=key)
        return row[0], row[1]

    zipped, stamp = await database(request).use(job)
    document = rendering.stored_document(encoding.decoded(zipped), key)
    etag, made = _as_resource(document, key, stamp)
    return reply(request, etag, body=made, headers=PATCHABLE)


def _why_no_table(connection: Connection, key: str, agency: str, year: int) -> AppError:
    """Return the first of what a table's path names that is not there."""
    absent = why_absent(connection, agency, year)
    form = form_of(year)
    if form is not None and key not in form.table and absent.slug == "report-not-found":
        return not_in_form(year, key)
    return absent


async def _put(request: Request, key: str, agency: str, year: str) -> Response:
    sent = await bodies.raw(request)
    code, number = key_in(request, agency, year, sent)

    def job(connection: Connection) -> Response:
        scene = reporting.enter(connection, code, number)
        _table_at(scene, key)
        reporting.require_open(scene)
        return _write(request, connection, scene, key, lambda: bodies.parse(sent))

    return await database(request).alter(job, (code, number))


async def _patch(request: Request, key: str, agency: str, year: str) -> Response:
    sent = await bodies.raw(request)
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> Response:
        scene = _filed(connection, code, number, key)
        body = partial(_patched, scene, key, sent)
        return _write(request, connection, scene, key, body)

    return await database(request).alter(job, (code, number))


async def _delete(request: Request, key: str, agency: str, year: str) -> Response:
    code, number = key_in(request, agency, year)

    def job(connection: Connection) -> Response:
        scene = _filed(connection, code, number, key)
        require(request, *_held(scene, key))
        _save_table(connection, scene, key, None)
        return Response(status_code=204)

    return await database(request).alter(job, (code, number))


def _add_table(key: str) -> None:
    """Add the operations of a statistical table, each with the table's own types."""
    title = next(form.table[key].title for form in FORMS if key in form.table)
    replies, body_type = schemas.table_replies(key), schemas.table_bodies(key)
    puts, patches = examples.tables(key), examples.table_patches(key)
    agency_code, year_path = AgencyCode, YearPath
    if key not in FORMS[-1].table:
        agency_code, year_path = exemplified(*examples.OF_FIRST_FORM)

    async def get_table(request: Request, agency: agency_code, year: year_path) -> Response:
        return await _get(request, key, agency, year)

    async def put_table(
        request: Request,
        agency: agency_code,
        year: year_path,
        body: Annotated[body_type, Body(openapi_examples=puts)],
    ) -> Response:
        return await _put(request, key, agency, year)

    async def patch_table(
        request: Request,
        agency: agency_code,
        year: year_path,
        body: Annotated[body_type, Body(openapi_examples=patches, media_type=MERGE_PATCH)],
    ) -> Response:
        return await _patch(request, key, agency, year)

    async def delete_table(request: Request, agency: agency_code, year: year_path) -> Response:
        return await _delete(request, key, agency, year)

    zh, en = title
    for verb, endpoint, options in (
        ("get", get_table, reads(replies, f"Read {en} / 读取{zh}")),
        ("put", put_table, writes(replies, f"Write {en} / 填报{zh}", deletes=True)),
        (
            "patch",
            patch_table,
            writes(replies, f"Change {en} / 修改{zh}", creates=False, deletes=True),
        ),
        ("delete", delete_table, writes(None, f"Delete {en} / 删除{zh}")),
    ):
        add = getattr(routes, verb)
        add(
            f"/{{agency}}/{{year}}/{key}",
            name=f"{verb}_{key}",
            description=_TEXTS[verb],
            **options,
        )(endpoint)


_TEXTS = {
    "get": "Return the table as reported, its computed totals, and the failures that touch it.",
    "put": "Create the table (201), with its report if there is none, or replace it (200).\n\n"
    "Cells that are left out are blank. Figures that do not add up are stored, and the reply says "
    "so.",
    "patch": "Change single cells (RFC 7396): null makes a cell blank.",
    "delete": "Delete the table: it is missing from the report from then on.",
}

for _key in TABLE_KEYS:
    _add_table(_key)
