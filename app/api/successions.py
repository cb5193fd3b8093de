"""Successions: which agency followed which."""

import uuid
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import Body, Path, Query
from pydantic import Field
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.api import bodies, queries, schemas
from app.api.documentation import lists, reads, writes
from app.api.queries import Listing, ListQuery
from app.api.replies import reply, require
from app.api.routing import database, router
from app.domain.successions import Succession, closes_circle
from app.errors import Conflict, Fault, Invalid, NotFound
from app.services import encoding, kinship, registering
from app.services.reporting import now
from app.storage import agencies, successions
from app.storage.successions import Tie

routes = router("successions", "/v1/successions")

Kind = Literal[tuple(each.value for each in Succession)]
Id = Annotated[str, Path(description="The succession's id.")]
_EffectiveOn = Annotated[
    schemas.Date, Field(description="The day on which it took effect; its year counts.")
]
_EXAMPLES: dict[str, Any] = {
    "merge": {
        "summary": "合并 / A merger",
        "value": {
            "predecessor": "321322-lsj",
            "successor": "321322-fgj",
            "kind": "merge",
            "effective_on": "2020-01-01",
        },
    }
}


class SuccessionBody(schemas.Strict):
    """A succession to be created."""

    id: schemas.ReadOnly = None
    predecessor: schemas.AgencyIn
    successor: schemas.AgencyIn
    kind: Annotated[
        Kind,
        Field(
            description="`merge`: the successor took the predecessor in; `split`: it took over a "
            "part of it; `rename`: it is the predecessor, under a new code."
        ),
    ]
    effective_on: _EffectiveOn
    created_at: schemas.ReadOnly = None
    links: schemas.ReadOnly = None


class SuccessionOut(schemas.Shown):
    """That an agency followed another."""

    id: str
    predecessor: schemas.AgencyRef
    successor: schemas.AgencyRef
    kind: Kind
    effective_on: _EffectiveOn
    created_at: schemas.Instant
    links: dict[str, str]


def _shown(row: Any) -> bytes:
    tie, was, now_is = successions.tie(row), row[-2], row[-1]
    return encoding.encoded(
        {
            "id": tie.id,
            "predecessor": {"code": tie.predecessor, "name": was},
            "successor": {"code": tie.successor, "name": now_is},
            "kind": tie.kind,
            "effective_on": tie.effective_on,
            "created_at": tie.created_at,
            "links": {
                "self": f"/v1/successions/{tie.id}",
                "predecessor": f"/v1/agencies/{tie.predecessor}",
                "successor": f"/v1/agencies/{tie.successor}",
            },
        }
    )


class SuccessionsQuery(ListQuery):
    """Filters of successions."""

    agency: Annotated[str | None, Query(description="Who followed, or was followed.")] = None
    year: Annotated[queries.Year | None, Query(description="The year of effect.")] = None
    sort: queries.sort_of("effective_on") = "effective_on"


_SUCCESSIONS = Listing(
    SuccessionsQuery,
    successions.LISTED,
    {"effective_on": ("effective_on", "id")},
    _shown,
    lambda row: asdict(successions.tie(row)),
)


@routes.get(
    "",
    **lists(schemas.page_of(SuccessionOut, "SuccessionPage"), "List successions / 列出机构沿革"),
)
async def list_successions(
    request: Request, query: Annotated[SuccessionsQuery, Query()]
) -> Response:
    """Return who followed whom, by the day of effect."""
    return await queries.answer(request, _SUCCESSIONS)


def _found(session: Session, id_: str) -> Any:
    row = successions.find(session.connection(), id_)
    if row is None:
        raise NotFound("succession-not-found", id=id_)
    return row


def _etag(row: Any) -> str:
    return encoding.etag(1, _shown(row))


@routes.get("/{id}", **reads(SuccessionOut, "Read a succession / 读取机构沿革"))
async def get_succession(request: Request, id: Id) -> Response:
    """Return one succession."""
    row = await database(request).read(lambda session: _found(session, id))
    return reply(request, _etag(row), body=_shown(row))


@routes.delete("/{id}", **writes(None, "Delete a succession / 删除机构沿革"))
async def delete_succession(request: Request, id: Id) -> Response:
    """Delete a succession; the successor's report on the year is judged anew."""

    def job(session: Session) -> Response:
        agencies.lock_register(session)
        row = _found(session, id)
        require(request, 1, lambda: _etag(row))
        registering.change_successions(session, (successions.tie(row),), ())
        return Response(status_code=204)

    return await database(request).write(job)


@routes.post("", **writes(SuccessionOut, "Create a succession / 登记机构沿革", new=True))
async def post_succession(
    request: Request, body: Annotated[SuccessionBody, Body(openapi_examples=_EXAMPLES)]
) -> Response:
    """Say that an agency followed another; 409 if that is said already of the year.

    The successor's report on the year of effect is judged anew: what was carried into the year, the
    disputes pending and the documents in force are held against the sum of the agency's own report
    on the year before and those of the agencies that it took in (`merge`, `rename`), also by way of
    others in the same year. A new agency has no report of its own there; its predecessors' stand
    for it. It is new if it has no earlier report at all and, but for a `rename`, was not active
    before by its `active_from`. Nothing can be said in the year in which an agency, or one that it
    followed, was split: by a `split`, or because several followed it.
    """
    sent = await bodies.raw(request)

    def job(session: Session) -> Response:
        agencies.lock_register(session)
        new = _checked(session, bodies.parse(sent))
        registering.change_successions(session, (), (new,))
        row = _found(session, new.id)
        path = f"/v1/successions/{new.id}"
        headers = {"Content-Location": path, "Location": path}
        return reply(request, _etag(row), body=_shown(row), status=201, headers=headers)

    return await database(request).write(job)


def _checked(session: Session, body: dict[str, Any]) -> Tie:
    """Return what a body says. Raises `Invalid` with every fault, or `Conflict`."""
    connection, found = session.connection(), []
    codes = {name: schemas.agency_code(body.get(name)) for name in ("predecessor", "successor")}
    for name, code in codes.items():
        if code is not None and not agencies.exists(connection, code):
            found.append(Fault(f"/{name}", "unknown-agency"))
    before, after = codes.values()
    if before is not None and before == after:
        found.append(Fault("/successor", "succeeds-itself"))
    bodies.checked(SuccessionBody, body, found)
    assert before is not None
    assert after is not None
    day: str = body["effective_on"]
    year = int(day[:4])
    known = kinship.steps(successions.everything(connection)).get(year, ())
    if any(step[:2] == (before, after) for step in known):
        raise Conflict("already-exists", key=f"successions {before} → {after} ({year})")
    if closes_circle(before, after, known):
        raise Invalid([Fault("/successor", "succession-circle")])
    return Tie(str(uuid.uuid4()), before, after, body["kind"], day, year, now())
