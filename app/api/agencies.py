"""Agencies: the tree of who reports."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Body, Query
from pydantic import Field
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.api import bodies, periods, queries, schemas
from app.api.documentation import lists, reads, writes
from app.api.paths import AgencyCode, refuse
from app.api.queries import Listing, ListQuery
from app.api.replies import MERGE_PATCH, PATCHABLE, reply, require, written
from app.api.routing import database, router
from app.api.writing import contradictions, hold, would_change
from app.domain.codes import check_character, is_agency_code
from app.errors import Conflict, Fault, Invalid, NotFound
from app.services import encoding, registering
from app.storage import agencies
from app.storage.models import Agency

routes = router("agencies", "/v1/agencies")


class AgencyBody(schemas.Strict):
    """An agency, as it is written."""

    code: Annotated[schemas.Code, Field(default=None)]  # it may be left out, but is no null
    name: schemas.Name
    short_name: schemas.Name | None = None
    kind: schemas.KindName
    level: schemas.LevelName
    parent: Annotated[
        schemas.Code | None, Field(description="The code of the superior agency.")
    ] = None
    uscc: Annotated[
        schemas.Uscc | None,
        Field(description="统一社会信用代码, GB 32100-2015"),
    ] = None
    uscc_unchecked: Annotated[
        schemas.Flag | None,
        Field(description="Accept a USCC whose check character is wrong because it was issued so."),
    ] = None
    division: Annotated[
        schemas.Division | None,
        Field(description="行政区划代码, GB/T 2260"),
    ] = None
    active_from: schemas.Date | None = None
    active_to: schemas.Date | None = None
    effective_on: Annotated[
        schemas.Date | None,
        Field(
            description="The day from which a change of name, short_name, kind, level or parent "
            "holds: not in the future, and not before the last one. Left out: today, in China. "
            "Null: what is there is corrected, and was never otherwise.",
            json_schema_extra={"writeOnly": True},
        ),
    ] = None
    created_at: schemas.ReadOnly = None
    updated_at: schemas.ReadOnly = None
    links: schemas.ReadOnly = None


_MAY_BE_LEFT_OUT = Field(default_factory=lambda: None)
AgencyPatch: Any = schemas.derived(
    "AgencyPatch",
    __base__=AgencyBody,
    __doc__="Members of an agency to change; null removes one that is not required.",
    name=(schemas.Name, _MAY_BE_LEFT_OUT),
    kind=(schemas.KindName, _MAY_BE_LEFT_OUT),
    level=(schemas.LevelName, _MAY_BE_LEFT_OUT),
)


class NewAgency(AgencyBody):
    """An agency to be created."""

    code: schemas.Code


class AgencyOut(schemas.Shown):
    """An agency."""

    code: str
    name: str
    short_name: str | None
    kind: str
    level: str
    parent: str | None
    uscc: str | None
    uscc_unchecked: bool
    division: str | None
    active_from: str | None
    active_to: str | None
    created_at: schemas.Instant
    updated_at: schemas.Instant
    links: dict[str, str | None]


_EXAMPLES: dict[str, Any] = {
    "government": {
        "summary": "人民政府 / A government",
        "value": {
            "name": "宿迁市人民政府",
            "kind": "government",
            "level": "city",
            "division": "321300",
        },
    },
}
_NEW: dict[str, Any] = {
    "government": {
        "summary": "人民政府 / A government",
        "value": {
            "code": "321324",
            "name": "泗洪县人民政府",
            "kind": "government",
            "level": "county",
            "division": "321324",
        },
    },
    "department": {
        "summary": "工作部门 / A department",
        "value": {
            "code": "321324-fgj",
            "name": "泗洪县发展和改革局",
            "short_name": "泗洪县发改局",
            "kind": "department",
            "level": "county",
            "division": "321324",
            "active_from": "2019-01-01",
        },
    },
}


def _shown(agency: Mapping[str, Any]) -> dict[str, Any]:
    """Return an agency as replies show it, from the columns of its row."""
    code, parent = agency["code"], agency["parent"]
    own = f"/v1/agencies/{code}"
    return {
        "code": code,
        **{name: agency[name] for name in agencies.WRITABLE},
        "uscc_unchecked": bool(agency["uscc_unchecked"]),
        "created_at": agency["created_at"],
        "updated_at": agency["updated_at"],
        "links": {
            "self": own,
            "parent": f"/v1/agencies/{parent}" if parent else None,
            "children": f"/v1/agencies?parent={code}",
            "reports": f"/v1/reports?agency={code}",
            "periods": f"{own}/periods",
        },
    }


def _row(row: Any) -> dict[str, Any]:
    return dict(zip(agencies.COLUMNS, row, strict=True))


def _resource(agency: Agency) -> tuple[str, bytes]:
    body = encoding.encoded(_shown(agency.model_dump()))
    return encoding.etag(agency.revision, body), body


class AgenciesQuery(ListQuery):
    """Filters of agencies."""

    parent: Annotated[str | None, Query(description="Those directly below this agency.")] = None
    under: Annotated[str | None, Query(description="An agency: all at or below it.")] = None
    kind: schemas.KindName | None = None
    level: schemas.LevelName | None = None
    active_in: Annotated[
        queries.Year | None, Query(description="Active on any day of this year.")
    ] = None
    q: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Part of a name, in any case and width; or how the code begins.",
        ),
    ] = None
    sort: queries.sort_of("code", "name", "updated_at") = "code"


_AGENCIES = Listing(
    AgenciesQuery,
    agencies.LISTED,
    {"code": ("code",), "name": ("name", "code"), "updated_at": ("updated_at", "code")},
    lambda row: encoding.encoded(_shown(_row(row))),
    _row,
    agencies.parameters,
)


@routes.get("", **lists(schemas.page_of(AgencyOut, "AgencyPage"), "List agencies / 列出机构"))
async def list_agencies(request: Request, query: Annotated[AgenciesQuery, Query()]) -> Response:
    """Return agencies by their place in the tree, their kind, or a part of their name."""
    return await queries.answer(request, _AGENCIES)


def _found(session: Session, code: str) -> Agency:
    agency = agencies.find(session, code) if is_agency_code(code) else None
    if agency is None:
        raise NotFound("agency-not-found", agency=code)
    return agency


@routes.get("/{agency}", **reads(AgencyOut, "Read an agency / 读取机构"))
async def get_agency(request: Request, agency: AgencyCode) -> Response:
    """Return one agency."""
    etag, body = await database(request).read(lambda session: _resource(_found(session, agency)))
    return reply(request, etag, body=body, headers=PATCHABLE)


_Said = tuple[dict[str, Any], str | None]
"""What is said of an agency, and the day from which it holds."""


def _checked(
    session: Session,
    code: Any,
    body: dict[str, Any],
    model: type[AgencyBody] = AgencyBody,
) -> _Said:
    """Return what a body says of an agency. Raises `Invalid` with every fault."""
    found = bodies.with_others(bodies.faults(model, body), contradictions(body, code=code))
    faulty = {fault.pointer for fault in found}
    said = {name: body.get(name) for name in agencies.WRITABLE} | {
        "uscc_unchecked": body.get("uscc_unchecked") or False
    }
    if not faulty & {"/uscc", "/uscc_unchecked"} and said["uscc"] and not said["uscc_unchecked"]:
        expected = check_character(said["uscc"])
        if said["uscc"][-1] != expected:
            found.append(Fault("/uscc", "bad-check-character", {"expected": expected}))
    if not faulty & {"/active_from", "/active_to"} and _ends_early(said):
        found.append(Fault("/active_to", "ends-before-start"))
    if "/parent" not in faulty and said["parent"] is not None:
        connection = session.connection()
        if said["parent"] == code:
            found.append(Fault("/parent", "circle"))
        elif not agencies.exists(connection, said["parent"]):
            found.append(Fault("/parent", "unknown-agency"))
        elif "/code" not in faulty and agencies.is_at_or_below(connection, said["parent"], code):
            found.append(Fault("/parent", "circle"))
    faulty |= {fault.pointer for fault in found}
    if isinstance(code, str) and not faulty & {"/code", "/parent", "/effective_on"}:
        found += periods.faults(session.connection(), code, body)
    if found:
        raise Invalid(found)
    return said, periods.effective_on(body)


def _ends_early(said: dict[str, Any]) -> bool:
    first, last = said["active_from"], said["active_to"]
    return bool(first and last and last < first)


def _save(
    request: Request, session: Session, code: str, current: Agency | None, checked: _Said
) -> Response:
    """Save what is said of an agency; return it as it stands now."""
    said, start = checked
    if said["uscc"] is not None:
        holder = agencies.holder_of(session, said["uscc"])
        if holder not in {None, code}:
            raise Conflict("uscc-taken", uscc=said["uscc"], holder=holder)
    saved = registering.save_agency(session, code, current, said, effective_on=start)
    return written(request, f"/v1/agencies/{code}", *_resource(saved), 200 if current else 201)


def _writable(agency: Agency | None) -> dict[str, Any]:
    return {name: getattr(agency, name) for name in agencies.WRITABLE} if agency else {}


def _write(
    request: Request, session: Session, code: str, current: Agency | None, body: Callable[[], Any]
) -> Response:
    """Save an agency, by a body that is read once conditions hold."""
    checked = hold(
        request,
        current.revision if current else None,
        lambda: _resource(current)[0] if current else "",
        lambda: _checked(session, code, body()),
        lambda checked: would_change(_writable(current), checked[0]),
    )
    return _save(request, session, code, current, checked)


@routes.put("/{agency}", **writes(AgencyOut, "Write an agency / 登记机构"))
async def put_agency(
    request: Request,
    agency: AgencyCode,
    body: Annotated[AgencyBody, Body(openapi_examples=_EXAMPLES)],
) -> Response:
    """Create an agency (201) or replace it (200).

    A change of name, kind or level shows in its reports and their findings at once. What it was
    before is kept as a period that ends with `effective_on`; roll-ups of years before go by that.
    """
    sent = await bodies.raw(request)
    if not is_agency_code(agency):
        refuse(request, sent, [Fault(None, "bad-code", parameter="agency")])

    def job(session: Session) -> Response:
        current = registering.enter_agency(session, agency)
        return _write(request, session, agency, current, lambda: bodies.parse(sent))

    return await database(request).write(job)


@routes.patch(
    "/{agency}",
    **writes(AgencyOut, "Change an agency / 修改机构", creates=False),
)
async def patch_agency(
    request: Request,
    agency: AgencyCode,
    body: Annotated[
        AgencyPatch,
        Body(
            openapi_examples={
                "move": {
                    "summary": "改隶 / Move it",
                    "value": {"parent": "320000", "effective_on": "2024-03-01"},
                },
                "close": {"summary": "撤销 / Close it", "value": {"active_to": "2024-12-31"}},
            },
            media_type=MERGE_PATCH,
        ),
    ],
) -> Response:
    """Change the members that are sent (RFC 7396)."""
    sent = await bodies.raw(request)

    def job(session: Session) -> Response:
        current = _entered(session, agency)
        return _write(
            request, session, agency, current,
            lambda: bodies.merged(_writable(current), bodies.parse(sent)),
        )  # fmt: skip

    return await database(request).write(job)


def _entered(session: Session, code: str) -> Agency:
    agency = registering.enter_agency(session, code) if is_agency_code(code) else None
    if agency is None:
        raise NotFound("agency-not-found", agency=code)
    return agency


@routes.delete("/{agency}", **writes(None, "Delete an agency / 删除机构"))
async def delete_agency(request: Request, agency: AgencyCode) -> Response:
    """Delete an agency that has neither reports nor agencies below it."""

    def job(session: Session) -> Response:
        current = _entered(session, agency)
        require(request, current.revision, lambda: _resource(current)[0])
        registering.delete_agency(session, current)
        return Response(status_code=204)

    return await database(request).write(job)


@routes.post("", **writes(AgencyOut, "Create an agency / 新建机构", new=True))
async def post_agency(
    request: Request,
    body: Annotated[NewAgency, Body(openapi_examples=_NEW)],
) -> Response:
    """Create an agency; 409 if its code is taken."""
    sent = await bodies.raw(request)

    def job(session: Session) -> Response:
        made = bodies.parse(sent)
        code: Any = made.get("code")
        is_code = isinstance(code, str) and is_agency_code(code)
        current = registering.enter_agency(session, code) if is_code else None
        said = _checked(session, code, made, NewAgency)
        if current is not None:
            raise Conflict("already-exists", key=f"agencies/{code}")
        return _save(request, session, code, None, said)

    return await database(request).write(job)
