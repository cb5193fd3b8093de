"""Reporting years: which form, whether open, and when reports are due."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Body, Query
from pydantic import Field
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.api import bodies, queries, schemas
from app.api.documentation import lists, reads, writes
from app.api.paths import YearPath, refuse, year_in
from app.api.queries import Listing, ListQuery
from app.api.replies import MERGE_PATCH, PATCHABLE, reply, require, written
from app.api.routing import database, router
from app.api.writing import contradictions, hold, would_change
from app.domain.report import Kind
from app.errors import Conflict, Fault, Invalid, NotFound
from app.forms import form_of
from app.services import encoding, registering
from app.storage import years
from app.storage.models import ReportingYear

routes = router("reporting-years", "/v1/reporting-years")


_Due: Any = schemas.derived(
    "DueDates",
    __base__=schemas.Strict,
    __doc__="The day by which each kind of agency reports; the statutory one where left out.",
    **{kind.value: (schemas.Date | None, None) for kind in Kind},
)


YearStatus = Literal["open", "closed"]


class YearBody(schemas.Strict):
    """A reporting year, as it is written."""

    year: Annotated[schemas.Year, Field(default=None)]  # as an agency's code
    form: str | None = None
    status: YearStatus | None = None
    due: _Due | None = None
    created_at: schemas.ReadOnly = None
    updated_at: schemas.ReadOnly = None
    links: schemas.ReadOnly = None


class NewYear(YearBody):
    """A reporting year to be created."""

    year: schemas.Year


class YearOut(schemas.Shown):
    """A reporting year."""

    year: int
    form: str
    status: YearStatus
    due: dict[str, str]
    created_at: schemas.Instant
    updated_at: schemas.Instant
    links: dict[str, str]


def _shown(year: Mapping[str, Any]) -> dict[str, Any]:
    """Return a year as replies show it, from the columns of its row."""
    number = year["year"]
    form = form_of(number)
    key = form.key if form else None
    return {
        "year": number,
        "form": key,
        "status": year["status"],
        "due": json.loads(year["due"]),
        "created_at": year["created_at"],
        "updated_at": year["updated_at"],
        "links": {
            "self": f"/v1/reporting-years/{number}",
            "form": f"/v1/forms/{key}",
            "reports": f"/v1/reports?year={number}",
        },
    }


def _row(row: Any) -> dict[str, Any]:
    return dict(zip(years.COLUMNS, row, strict=True))


def _resource(year: ReportingYear) -> tuple[str, bytes]:
    body = encoding.encoded(_shown(year.model_dump()))
    return encoding.etag(year.revision, body), body


class YearsQuery(ListQuery):
    """Filters of reporting years."""

    status: YearStatus | None = None
    sort: queries.sort_of("year") = "year"


_YEARS = Listing(
    YearsQuery,
    years.LISTED,
    {"year": ("year",)},
    lambda row: encoding.encoded(_shown(_row(row))),
    _row,
)


@routes.get(
    "", **lists(schemas.page_of(YearOut, "YearPage"), "List reporting years / 列出报告年度")
)
async def list_reporting_years(request: Request, query: Annotated[YearsQuery, Query()]) -> Response:
    """Return the reporting years."""
    return await queries.answer(request, _YEARS)


@routes.get("/{year}", **reads(YearOut, "Read a reporting year / 读取报告年度"))
async def get_reporting_year(request: Request, year: YearPath) -> Response:
    """Return one reporting year."""
    number = year_in(year)

    def job(session: Session) -> tuple[str, bytes]:
        found = years.find(session, number) if number else None
        if found is None:
            raise NotFound("reporting-year-not-found", year=year)
        return _resource(found)

    etag, body = await database(request).read(job)
    return reply(request, etag, body=body, headers=PATCHABLE)


def _checked(year: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return status and due dates. Raises `Invalid` with every fault."""
    form = form_of(year)
    others = contradictions(body, year=year)
    if form is None:
        is_said = "year" in body
        parameter = None if is_said else "year"
        others.append(Fault("/year" if is_said else None, "year-without-form", parameter=parameter))
    elif body.get("form") not in (None, form.key):
        others.append(Fault("/form", "contradicts-year", {"expected": form.key}))
    bodies.checked(YearBody, body, others)
    due = registering.due_of(year, body.get("due"))
    return {"status": body.get("status") or "open", "due": due}


def _writable(year: ReportingYear | None) -> dict[str, Any]:
    return {"status": year.status, "due": json.loads(year.due)} if year else {}


def _write(
    request: Request, session: Session, number: int, current: ReportingYear | None,
    body: Callable[[], Any],
) -> Response:  # fmt: skip
    """Save a year, by a body that is read once conditions hold."""
    said = hold(
        request,
        current.revision if current else None,
        lambda: _resource(current)[0] if current else "",
        lambda: _checked(number, body()),
        partial(would_change, _writable(current)),
    )
    return _save(request, session, number, current, said)


def _save(
    request: Request, session: Session, number: int, current: ReportingYear | None,
    said: dict[str, Any],
) -> Response:  # fmt: skip
    """Save what is said of a year; return it as it stands now."""
    saved = registering.save_year(session, number, current, **said)
    path = f"/v1/reporting-years/{number}"
    return written(request, path, *_resource(saved), 200 if current else 201)


_EXAMPLES: dict[str, Any] = {
    "defaults": {"summary": "按法定期限 / The statutory dates", "value": {}},
    "local": {
        "summary": "地方期限 / Local dates",
        "value": {
            "status": "open",
            "due": {"department": "2025-01-26", "government": "2025-02-20"},
        },
    },
}


@routes.put("/{year}", **writes(YearOut, "Write a reporting year / 登记报告年度"))
async def put_reporting_year(
    request: Request,
    year: YearPath,
    body: Annotated[YearBody, Body(openapi_examples=_EXAMPLES)],
) -> Response:
    """Create a reporting year (201) or replace it (200). `{}` takes the statutory due dates."""
    sent = await bodies.raw(request)
    number = year_in(year)
    if number is None:
        refuse(request, sent, [Fault(None, "not-a-year", parameter="year")])

    def job(session: Session) -> Response:
        assert number is not None
        current = registering.enter_year(session, number)
        return _write(request, session, number, current, lambda: bodies.parse(sent))

    return await database(request).write(job)


def _entered(session: Session, path: str) -> ReportingYear:
    number = year_in(path)
    found = registering.enter_year(session, number) if number else None
    if found is None:
        raise NotFound("reporting-year-not-found", year=path)
    return found


@routes.patch(
    "/{year}",
    **writes(YearOut, "Change a reporting year / 修改报告年度", creates=False),
)
async def patch_reporting_year(
    request: Request,
    year: YearPath,
    body: Annotated[
        YearBody,
        Body(
            openapi_examples={
                "close": {"summary": "关闭 / Close it", "value": {"status": "closed"}},
                "due": {
                    "summary": "恢复一类机构的法定期限 / Back to the statutory date of a kind",
                    "value": {"due": {"department": None}},
                },
            },
            media_type=MERGE_PATCH,
        ),
    ],
) -> Response:
    """Change the members that are sent (RFC 7396): a due date that is null is the statutory one."""
    sent = await bodies.raw(request)

    def job(session: Session) -> Response:
        current = _entered(session, year)
        return _write(
            request, session, current.year, current,
            lambda: bodies.merged(_writable(current), bodies.parse(sent)),
        )  # fmt: skip

    return await database(request).write(job)


@routes.delete("/{year}", **writes(None, "Delete a reporting year / 删除报告年度"))
async def delete_reporting_year(request: Request, year: YearPath) -> Response:
    """Delete a reporting year that has no reports."""

    def job(session: Session) -> Response:
        current = _entered(session, year)
        require(request, current.revision, lambda: _resource(current)[0])
        registering.delete_year(session, current)
        return Response(status_code=204)

    return await database(request).write(job)


@routes.post("", **writes(YearOut, "Create a reporting year / 新建报告年度", new=True))
async def post_reporting_year(
    request: Request,
    body: Annotated[
        NewYear,
        Body(
            openapi_examples={"year": {"summary": "新年度 / A new year", "value": {"year": 2030}}}
        ),
    ],
) -> Response:
    """Create a reporting year; 409 if it is there."""
    sent = await bodies.raw(request)

    def job(session: Session) -> Response:
        made = bodies.parse(sent)
        found = bodies.faults(NewYear, made)
        if any(fault.pointer == "/year" for fault in found):
            raise Invalid(found)
        number = int(made["year"])
        said = _checked(number, made)
        if registering.enter_year(session, number) is not None:
            raise Conflict("already-exists", key=f"reporting-years/{number}")
        return _save(request, session, number, None, said)

    return await database(request).write(job)
