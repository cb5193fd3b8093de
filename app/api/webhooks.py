"""Webhooks: who is told of changes, what was sent to them, and what came back."""

import base64
import binascii
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Body, Header, Path, Query
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import bodies, idempotency, parameters, queries, schemas
from app.api.bodies import NO_BODY
from app.api.documentation import WRITTEN, does, lists, reads, writes
from app.api.feed_schemas import ChangeOut, ResourceName
from app.api.parameters import NoQuery
from app.api.queries import Listing, ListQuery
from app.api.replies import FEED_POSITION, MERGE_PATCH, PATCHABLE, reply, require, written
from app.api.routing import database, router
from app.api.writing import hold, would_change
from app.errors import AppError, Fault, Gone, NotFound
from app.services import delivering, encoding, targets
from app.services.reporting import now
from app.storage import audit, feed, webhooks
from app.storage.webhooks import Delivery, Webhook

routes = router("webhooks", "/v1/webhooks")
messages = APIRouter()

RESOURCES: tuple[str, ...] = get_args(ResourceName)
_OLD = 86_400.0
"""Seconds that a secret is still signed with after it was replaced."""

Id = Annotated[str, Path(description="The webhook's id.")]


def _target(value: str) -> str:
    host = value.partition("://")[2].partition("/")[0].partition("?")[0]
    if not host or "#" in value or "@" in host:
        raise PydanticCustomError("gongkai.bad-target", "bad-target")
    return value


def _secret(value: str) -> str:
    try:
        size = len(base64.b64decode(value.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not value.startswith("whsec_") or not 24 <= size <= 64:
        raise PydanticCustomError("gongkai.bad-secret", "bad-secret")
    return value


Secret = Annotated[
    str,
    Field(strict=True, json_schema_extra={"pattern": "^whsec_[A-Za-z0-9+/]+=*$"}),
    AfterValidator(_secret),
]


class WebhookBody(schemas.Strict):
    """A webhook, as it is written."""

    url: Annotated[schemas.Url, AfterValidator(_target)] | None = None
    description: schemas.Remark | None = None
    resources: Annotated[
        list[ResourceName] | None,
        Field(min_length=1, max_length=4, description="Of which it is told; all if left out."),
    ] = None
    active: schemas.Flag | None = None
    id: schemas.ReadOnly = None
    position: schemas.ReadOnly = None
    failing_since: schemas.ReadOnly = None
    next_attempt_at: schemas.ReadOnly = None
    created_at: schemas.ReadOnly = None
    updated_at: schemas.ReadOnly = None
    links: schemas.ReadOnly = None


class NewWebhook(WebhookBody):
    """A webhook to be created."""

    url: Annotated[schemas.Url, AfterValidator(_target)]
    secret: Annotated[Secret | None, Field(description="Made by us if left out.")] = None


class Rotation(schemas.Strict):
    """A secret in place of another."""

    secret: Annotated[Secret | None, Field(description="Made by us if left out.")] = None


class Nothing(schemas.Strict):
    """A body that says nothing."""


class Replay(schemas.Strict):
    """From where changes are to be delivered again."""

    seq: schemas.number(1, 2**53, alias="from")


class WebhookOut(schemas.Shown):
    """A webhook."""

    id: str
    url: str
    description: str | None
    resources: list[ResourceName]
    active: bool
    position: Annotated[int, Field(description="The number of the last change delivered.")]
    failing_since: schemas.Instant | None
    next_attempt_at: schemas.Instant | None
    created_at: schemas.Instant
    updated_at: schemas.Instant
    links: dict[str, str]
    secret: Annotated[str, Field(default="", description="Shown when it is new, and never again.")]


class DeliveryOut(schemas.Shown):
    """An attempt to deliver a message."""

    id: str
    seq: Annotated[int, Field(description="The number of the change; 0 for a test.")]
    type: str
    attempt: int
    at: schemas.Instant
    duration_ms: int
    status: int | None
    response: Annotated[str | None, Field(description="How the reply began.")]
    error: str | None
    outcome: Literal["delivered", "failed", "gone"]


class ChangeMessage(BaseModel):
    """What a webhook gets of a change."""

    type: Annotated[
        str,
        Field(
            pattern=r"^(agency|report|reporting-year|succession)\.(created|updated|deleted|rechecked)$",
            examples=["report.updated"],
        ),
    ]
    timestamp: schemas.Instant
    data: ChangeOut


class FeedGap(schemas.Shown):
    """Which changes were forgotten before they were delivered."""

    after: Annotated[int, Field(description="The number of the last change delivered.")]
    oldest: Annotated[int, Field(description="The number of the oldest change that is kept.")]
    latest: int
    links: dict[str, str]


class GapMessage(BaseModel):
    """What a webhook gets in place of changes that were forgotten."""

    type: Literal["feed.gap"]
    timestamp: schemas.Instant
    data: FeedGap


class PingMessage(BaseModel):
    """What a webhook gets as a test."""

    type: Literal["webhook.ping"]
    timestamp: schemas.Instant
    data: Nothing


@messages.post(
    "change",
    tags=["webhooks"],
    summary="A change, a gap or a test / 变更推送",
    operation_id="webhook_change",
    responses={410: {"description": "Send no more: the webhook is deactivated."}},
)
def _change_message(
    body: ChangeMessage | GapMessage | PingMessage,
    webhook_id: Annotated[str, Header(description="The same each time a message is repeated.")],
    webhook_timestamp: Annotated[str, Header(description="When it was sent, in Unix seconds.")],
    webhook_signature: Annotated[
        str, Header(description="`v1,<Base64 of HMAC-SHA-256>`; several with a space between.")
    ],
) -> None:
    """Tell of a change, in order and at least once. Any 2xx takes it; a redirect is a failure.

    `feed.gap` tells that changes were forgotten before they were delivered: load everything again.
    `webhook.ping` is a test.
    """


def _shown(hook: Webhook) -> dict[str, Any]:
    own = f"/v1/webhooks/{hook.id}"
    return {
        **_writable(hook),
        "id": hook.id,
        "position": hook.position,
        "failing_since": hook.failing_since,
        "next_attempt_at": hook.next_attempt_at,
        "created_at": hook.created_at,
        "updated_at": hook.updated_at,
        "links": {"self": own, "deliveries": f"{own}/deliveries"},
    }


def _writable(hook: Webhook) -> dict[str, Any]:
    return {
        "url": hook.url,
        "description": hook.description,
        "resources": list(hook.resources),
        "active": hook.active,
    }


def _resource(hook: Webhook, **more: str) -> tuple[str, bytes]:
    body = encoding.encoded(_shown(hook) | more)
    return encoding.etag(hook.revision, body), body


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {name: value for name, value in asdict(delivery).items() if name != "webhook"}


def _required(hook: Webhook | None, identity: str) -> Webhook:
    if hook is None:
        raise NotFound("webhook-not-found", id=identity)
    return hook


async def _check_target(request: Request, url: Any) -> list[Fault]:
    """Return what is wrong with where a URL points; a name without an address may get one."""
    try:
        private = request.app.state.settings.webhooks_private_targets
        await targets.resolved(url, private=private)
    except targets.PrivateTarget:
        return [Fault("/url", "private-target")]
    except (targets.Unresolved, ValueError, AttributeError, TypeError):
        return []
    return []


class WebhooksQuery(ListQuery):
    """How webhooks are listed."""

    sort: queries.sort_of("created_at") = "created_at"


_WEBHOOKS = Listing(
    WebhooksQuery, webhooks.LISTED, {"created_at": ("created_at", "id")},
    lambda row: encoding.encoded(_shown(webhooks.webhook_of(row))),
    lambda row: asdict(webhooks.webhook_of(row)),
)  # fmt: skip


@routes.get("", **lists(schemas.page_of(WebhookOut, "WebhookPage"), "List webhooks / 列出推送"))
async def list_webhooks(request: Request, query: Annotated[WebhooksQuery, Query()]) -> Response:
    """Return the webhooks, without their secrets."""
    return await queries.answer(request, _WEBHOOKS)


_NEW: dict[str, Any] = {
    "all": {"summary": "全部变更 / All changes", "value": {"url": "https://example.cn/hook"}},
}


@routes.post("", **writes(WebhookOut, "Create a webhook / 新建推送", new=True))
async def post_webhook(
    request: Request, body: Annotated[NewWebhook, Body(openapi_examples=_NEW)]
) -> Response:
    """Create a webhook, which is told of what changes from now on; the reply alone has its secret.

    The secret is stored as it is, as it is needed to sign.
    """
    sent = bodies.parse(await bodies.raw(request))
    bodies.checked(NewWebhook, sent, await _check_target(request, sent.get("url")))
    secret = sent.get("secret") or delivering.new_secret()

    def job(connection: Connection) -> Response:
        time = now()
        hook = Webhook(
            id=str(uuid.uuid4()), secret=secret, position=feed.position(connection),
            created_at=time, updated_at=time, **_members(sent),
        )  # fmt: skip
        webhooks.add(connection, hook)
        audit.note(connection, "webhooks", hook.id, "created", url=hook.url)
        etag, shown = _resource(hook, secret=secret)
        made = written(request, f"/v1/webhooks/{hook.id}", etag, shown, 201)
        return idempotency.keeping(made, _resource(hook)[1])

    return await database(request).alter(job)


def _members(sent: dict[str, Any]) -> dict[str, Any]:
    asked = sent.get("resources") or RESOURCES
    return {
        "url": sent["url"],
        "description": sent.get("description"),
        "resources": tuple(name for name in RESOURCES if name in asked),
        "active": sent.get("active") is not False,
    }


async def _found(request: Request, identity: str) -> Webhook:
    return _required(
        await database(request).use(partial(webhooks.read, identity=identity)), identity
    )


@routes.get("/{id}", **reads(WebhookOut, "Read a webhook / 读取推送"))
async def get_webhook(request: Request, id: Id) -> Response:
    """Return a webhook and how far it is, without its secret."""
    hook = await _found(request, id)
    etag, body = _resource(hook)
    return reply(request, etag, body=body, headers=PATCHABLE)


@routes.patch("/{id}", **writes(WebhookOut, "Change a webhook / 修改推送", creates=False))
async def patch_webhook(
    request: Request,
    id: Id,
    body: Annotated[
        WebhookBody,
        Body(
            openapi_examples={"stop": {"summary": "停用 / Stop it", "value": {"active": False}}},
            media_type=MERGE_PATCH,
        ),
    ],
) -> Response:
    """Change the members that are sent (RFC 7396); one that was failing is tried again at once."""
    sent = await bodies.raw(request)
    await _found(request, id)
    wrong = []
    with suppress(AppError):  # conditions come first
        wrong = await _check_target(request, bodies.parse(sent).get("url"))

    def job(connection: Connection) -> Response:
        hook = _required(webhooks.lock(connection, id), id)
        stored = _writable(hook)
        made = hold(
            request, hook.revision, lambda: _resource(hook)[0],
            lambda: bodies.merged(stored, bodies.parse(sent)),
            partial(would_change, stored),
        )  # fmt: skip
        missing = [Fault("/url", "required")] if made["url"] is None else []
        bodies.checked(WebhookBody, made, wrong + missing)
        members = _members(made)
        if any(getattr(hook, name) != value for name, value in members.items()):
            hook = webhooks.save(connection, _restarted(hook, updated_at=now(), **members))
            audit.note(connection, "webhooks", id, "updated", url=hook.url)
        etag, shown = _resource(hook)
        return written(request, f"/v1/webhooks/{id}", etag, shown, 200)

    return await database(request).alter(job)


def _restarted(hook: Webhook, **values: Any) -> Webhook:
    return replace(hook, attempts=0, failing_since=None, next_attempt_at=None, **values)


@routes.delete("/{id}", **writes(None, "Delete a webhook / 删除推送"))
async def delete_webhook(request: Request, id: Id) -> Response:
    """Delete a webhook and the log of its deliveries."""

    def job(connection: Connection) -> Response:
        hook = _required(webhooks.lock(connection, id), id)
        require(request, hook.revision, lambda: _resource(hook)[0])
        webhooks.delete(connection, id)
        audit.note(connection, "webhooks", id, "deleted", url=hook.url)
        return Response(status_code=204)

    return await database(request).alter(job)


async def _change(
    request: Request, identity: str, change: Callable[[Connection, Webhook], Webhook], **shown: str
) -> Response:
    def job(connection: Connection) -> Response:
        hook = _required(webhooks.lock(connection, identity), identity)
        saved = webhooks.save(connection, change(connection, hook))
        audit.note(connection, "webhooks", identity, "changed")
        etag, body = _resource(saved, **shown)
        headers = {"Content-Location": f"/v1/webhooks/{identity}"}
        made = reply(request, etag, body=body, headers=headers)
        return idempotency.keeping(made, _resource(saved)[1])

    return await database(request).alter(job)


@routes.post(
    "/{id}/rotate-secret",
    **does(WebhookOut, "Replace a secret / 更换密钥", headers=WRITTEN),
)
async def rotate_secret(
    request: Request,
    id: Id,
    body: Annotated[
        Rotation,
        Body(openapi_examples={"ours": {"summary": "由服务生成 / Made by us", "value": {}}}),
    ] = NO_BODY,
) -> Response:
    """Give a webhook a new secret, which the reply alone has. The old one also signs for a day."""
    given = await bodies.optional(request)
    await _found(request, id)
    sent = bodies.parse(given)
    bodies.checked(Rotation, sent)
    secret = sent.get("secret") or delivering.new_secret()
    until = now(_OLD)

    def rotated(_: Connection, hook: Webhook) -> Webhook:
        return replace(
            hook, secret=secret, old_secret=hook.secret, old_until=until, updated_at=now()
        )

    return await _change(request, id, rotated, secret=secret)


@routes.post(
    "/{id}/replay",
    **does(WebhookOut, "Deliver again / 重新推送", 410, headers=WRITTEN),
)
async def replay_webhook(
    request: Request,
    id: Id,
    body: Annotated[
        Replay,
        Body(openapi_examples={"from": {"summary": "自第 1 号 / From 1 on", "value": {"from": 1}}}),
    ],
) -> Response:
    """Deliver the changes from a number on once more, under the ids that they had."""
    given = await bodies.raw(request)
    await _found(request, id)
    sent = bodies.parse(given)
    bodies.checked(Replay, sent)

    def moved(connection: Connection, hook: Webhook) -> Webhook:
        latest, oldest = feed.POSITION.row(connection, {})
        if not oldest <= sent["from"] <= latest + 1:
            headers = {FEED_POSITION: str(latest)}
            place = {"after": sent["from"] - 1, "oldest": oldest, "latest": latest}
            raise Gone("cursor-gone", headers=headers, **place)
        return _restarted(hook, position=sent["from"] - 1)

    made = await _change(request, id, moved)
    request.app.state.dispatcher.wake()
    return made


@routes.post("/{id}/ping", **does(DeliveryOut, "Send a test / 发送测试"))
async def ping_webhook(
    request: Request,
    id: Id,
    body: Annotated[
        Nothing,
        Body(openapi_examples={"now": {"summary": "现在 / Now", "value": {}}}),
    ] = NO_BODY,
) -> Response:
    """Send a signed `webhook.ping` now, and return what came back. Its failure changes nothing."""
    sent = await bodies.optional(request)
    hook = await _found(request, id)
    bodies.checked(Nothing, bodies.parse(sent))
    parameters.read(request, NoQuery)  # what is sent cannot be taken back
    if (earlier := await idempotency.earlier(request)) is not None:
        return earlier
    test = delivering.message(hook.id, 0, "webhook.ping", b"{}")
    test = replace(test, id=f"msg_{uuid.uuid4()}")
    result = await request.app.state.dispatcher.send(hook, test)
    entry = delivering.logged(hook, test, result, 1)

    def job(connection: Connection) -> Response:
        _required(webhooks.lock(connection, id), id)
        webhooks.log(connection, entry)
        return reply(request, body=encoding.encoded(_delivery(entry)))

    return await database(request).alter(job)


class DeliveriesQuery(ListQuery):
    """How deliveries are listed."""

    sort: queries.sort_of("at") = "-at"


_DELIVERIES = Listing(
    DeliveriesQuery, webhooks.DELIVERIES, {"at": ("at", "id")},
    lambda row: encoding.encoded(_delivery(webhooks.delivery_of(row))),
    lambda row: asdict(webhooks.delivery_of(row)),
)  # fmt: skip


@routes.get(
    "/{id}/deliveries",
    **lists(
        schemas.page_of(DeliveryOut, "DeliveryPage"), "List deliveries / 推送记录", of_one=True
    ),
)
async def list_deliveries(
    request: Request,
    id: Id,
    query: Annotated[DeliveriesQuery, Query()],
) -> Response:
    """Return every attempt of the last 30 days, the latest first."""
    await _found(request, id)
    asked = queries.ask(request, _DELIVERIES, webhook=id)
    rows, total = await database(request).use(asked.reading())
    etag, body = queries.page(asked, rows, total)
    return reply(request, etag, body=body)
