"""API keys: who may call, with which role, and for which agency."""

from functools import partial
from typing import Annotated, Any

from fastapi import Body, Path, Query
from pydantic import AfterValidator, Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import bodies, idempotency, queries, schemas
from app.api.documentation import lists, reads, writes
from app.api.queries import Listing, ListQuery
from app.api.replies import MERGE_PATCH, PATCHABLE, reply, require, written
from app.api.routing import database, router
from app.api.writing import hold, would_change
from app.domain.codes import is_agency_code
from app.domain.roles import OF_AN_AGENCY, Role
from app.errors import Fault, NotFound
from app.services import encoding, keeping
from app.services.keeping import NewKey
from app.services.reporting import now
from app.storage import agencies, audit, keys
from app.storage.models import ApiKey

routes = router("keys", "/v1/keys")

Id = Annotated[str, Path(description="The key's id, which is no secret.")]
_Time = Annotated[schemas.Instant, AfterValidator(schemas.instant)]
_Limit = schemas.number(1, 1_000_000, description="Requests a minute; null: the default.")


class _KeyAsRead(schemas.Strict):
    """What a body may carry of a key that was read."""

    id: schemas.ReadOnly = None
    created_at: schemas.ReadOnly = None
    updated_at: schemas.ReadOnly = None
    revoked_at: schemas.ReadOnly = None
    last_used_at: schemas.ReadOnly = None
    links: schemas.ReadOnly = None


class KeyBody(_KeyAsRead):
    """What may be changed of a key."""

    name: schemas.Name | None = None
    expires_at: _Time | None = None
    rate_limit: _Limit | None = None
    role: schemas.ReadOnly = None
    agency: schemas.ReadOnly = None


class KeyNew(_KeyAsRead):
    """A new key. Role and agency stay what they are: who does something else has another key."""

    name: Annotated[schemas.Name, Field(description="Who uses it, for people to read.")]
    role: Annotated[
        Role,
        Field(
            description="`reader`: published reports, and all at or below its agency; `editor`: "
            "writes its agency's reports; `reviewer`: returns, accepts and publishes those at or "
            "below its agency; `auditor`: reads all reports and the audit log; `admin`: everything."
        ),
    ]
    agency: Annotated[
        schemas.Code | None, Field(description="Required for an editor and a reviewer.")
    ] = None
    expires_at: _Time | None = None
    rate_limit: _Limit | None = None


class KeyOut(schemas.Shown):
    """A key, without what it consists of."""

    id: str
    name: str
    role: Role
    agency: str | None
    expires_at: schemas.Instant | None
    rate_limit: int | None
    created_at: schemas.Instant
    updated_at: schemas.Instant
    revoked_at: schemas.Instant | None
    last_used_at: Annotated[
        schemas.Instant | None, Field(description="To the minute; older than this for a while.")
    ]
    links: dict[str, str]


class KeyMade(KeyOut):
    """A new key."""

    key: Annotated[
        str | None,
        Field(description="The key itself: shown now, and never again; null in a repeated reply."),
    ]


def _shown(key: ApiKey) -> dict[str, Any]:
    names = (name for name in KeyOut.model_fields if name != "links")
    return {name: getattr(key, name) for name in names} | {"links": {"self": f"/v1/keys/{key.id}"}}


def _resource(key: ApiKey) -> tuple[str, bytes]:
    body = encoding.encoded(_shown(key))
    return encoding.etag(key.revision, body), body


def _row(row: Any) -> ApiKey:
    return ApiKey(**dict(zip(keys.COLUMNS, row, strict=True)))


class KeysQuery(ListQuery):
    """Filters of keys."""

    role: Role | None = None
    agency: str | None = None
    sort: queries.sort_of("created_at", "name") = "created_at"


_KEYS = Listing(
    KeysQuery,
    keys.LISTED,
    {"created_at": ("created_at", "id"), "name": ("name", "id")},
    lambda row: encoding.encoded(_shown(_row(row))),
    lambda row: _row(row).model_dump(),
)


@routes.get("", **lists(schemas.page_of(KeyOut, "KeyPage"), "List API keys / 列出密钥"))
async def list_keys(request: Request, query: Annotated[KeysQuery, Query()]) -> Response:
    """Return the keys, those that were revoked or have expired included."""
    return await queries.answer(request, _KEYS)


_NEW: dict[str, Any] = {
    "editor": {
        "summary": "填报人 / An editor",
        "value": {"name": "人社局填报", "role": "editor", "agency": "350205-rsj"},
    },
    "auditor": {"summary": "审计 / An auditor", "value": {"name": "审计", "role": "auditor"}},
}


@routes.post("", **writes(KeyMade, "Create an API key / 新建密钥", new=True))
async def post_key(
    request: Request, body: Annotated[KeyNew, Body(openapi_examples=_NEW)]
) -> Response:
    """Create a key. The reply alone has it: what is stored tells whether a key is it, no more."""
    sent = bodies.parse(await bodies.raw(request))
    settings = request.app.state.settings

    def job(connection: Connection) -> Response:
        key, secret = keeping.create(connection, settings, asked(connection, sent))
        shown = encoding.encoded(_shown(key) | {"key": secret})
        made = written(request, f"/v1/keys/{key.id}", encoding.etag(1, shown), shown, 201)
        return idempotency.keeping(made, encoding.encoded(_shown(key) | {"key": None}))

    return await database(request).alter(job)


def asked(connection: Connection, sent: dict[str, Any]) -> NewKey:
    """Return the key that a body asks for. Raises `Invalid`."""
    bodies.checked(KeyNew, sent, _contradictions(connection, sent))
    new = KeyNew.model_validate(sent)
    return NewKey(new.name, new.role, new.agency, new.expires_at, new.rate_limit)


def _contradictions(connection: Connection, sent: dict[str, Any]) -> list[Fault]:
    code, role = sent.get("agency"), sent.get("role")
    if code is None:
        is_lacking = isinstance(role, str) and role in OF_AN_AGENCY
        return [Fault("/agency", "agency-required")] if is_lacking else []
    if isinstance(code, str) and is_agency_code(code) and not agencies.exists(connection, code):
        return [Fault("/agency", "unknown-agency")]
    return []


def _required(key: ApiKey | None, identity: str) -> ApiKey:
    if key is None:
        raise NotFound("key-not-found", id=identity)
    return key


@routes.get("/{id}", **reads(KeyOut, "Read an API key / 读取密钥"))
async def get_key(request: Request, id: Id) -> Response:
    """Return what is known of a key, but not the key."""
    key = _required(await database(request).use(lambda c: keys.find(c, id)), id)
    etag, body = _resource(key)
    return reply(request, etag, body=body, headers=PATCHABLE)


def _writable(key: ApiKey | KeyBody) -> dict[str, Any]:
    return {name: getattr(key, name) for name in ("name", "expires_at", "rate_limit")}


_CHANGES: dict[str, Any] = {
    "expiry": {
        "summary": "改有效期 / Another expiry",
        "value": {"expires_at": "2027-12-31T15:59:59Z"},
    }
}


@routes.patch("/{id}", **writes(KeyOut, "Change an API key / 修改密钥", creates=False))
async def patch_key(
    request: Request,
    id: Id,
    body: Annotated[KeyBody, Body(openapi_examples=_CHANGES, media_type=MERGE_PATCH)],
) -> Response:
    """Change a key's name, expiry or limit (RFC 7396). Role and agency stay what they are."""
    sent = await bodies.raw(request)

    def job(connection: Connection) -> Response:
        key = _required(keys.lock(connection, id), id)
        stored = _writable(key)
        made = hold(
            request, key.revision, lambda: _resource(key)[0],
            lambda: bodies.merged(stored, bodies.parse(sent)),
            partial(would_change, stored),
        )  # fmt: skip
        known = {"role": key.role, "agency": key.agency}
        moved = [name for name, value in known.items() if made.get(name, value) != value]
        wrong = [Fault(f"/{name}", "differs") for name in moved]
        if made["name"] is None:
            wrong.append(Fault("/name", "required"))
        bodies.checked(KeyBody, made, wrong)
        values = _writable(KeyBody.model_validate(made))
        if values != stored:
            for name, value in values.items():
                setattr(key, name, value)
            key.revision, key.updated_at = key.revision + 1, now()
            keys.save(connection, key)
            audit.note(connection, "keys", id, "updated")
        etag, shown = _resource(key)
        return written(request, f"/v1/keys/{id}", etag, shown, 200)

    return await database(request).alter(job)


@routes.delete("/{id}", **writes(None, "Revoke an API key / 吊销密钥"))
async def delete_key(request: Request, id: Id) -> Response:
    """Revoke a key: within 5 seconds no worker takes it. It is still listed, with the time."""

    def job(connection: Connection) -> Response:
        key = _required(keys.lock(connection, id), id)
        require(request, key.revision, lambda: _resource(key)[0])
        keeping.revoke(connection, key)
        return Response(status_code=204)

    return await database(request).alter(job)
