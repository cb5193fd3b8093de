"""Telling webhooks of changes: signed, in order, at least once, with patience for those that fail.

The feed is the outbox: a webhook has a position in it. Whoever delivers holds a lease on the
webhook, and moves its position on only if nobody else has touched it meanwhile; so a message is
repeated, under the same id, if the service dies before that. While a target is waited for, no
database connection is held.
"""

import asyncio
import base64
import hashlib
import hmac
import random
import re
import secrets
import ssl
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial

import httpx2
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.services import encoding, targets
from app.services.reporting import now
from app.settings import Settings
from app.storage import feed, webhooks
from app.storage.database import Database
from app.storage.webhooks import Delivery, Webhook

log = structlog.get_logger("gongkai")

BACK_OFF = (5.0, 30.0, 120.0, 600.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0)
"""Seconds after each failure of a message; the last is for all that follow."""
POLL = 1.0
"""Seconds between two looks for something to deliver."""
LEASE = 30.0
"""After how many seconds without a sign of life another may deliver for a webhook."""
TOTAL, CONNECT = 15.0, 5.0
"""Seconds that an attempt, and the opening of its connection, may take."""
MOST = 256
"""How many webhooks are delivered for at once; half of them at most are such that failed last."""
EXCERPT, READING = 1_000, 1.0
"""How much of a reply is read and kept, in bytes, and for how many seconds it is read."""
LOG_DAYS = 30
"""How long deliveries are kept."""
_TURN = 100  # messages for one webhook before the others are looked at
_WINDOW = 200  # changes that are looked at for one of a webhook's resources
_SINGULAR = {
    "reports": "report",
    "agencies": "agency",
    "reporting-years": "reporting-year",
    "successions": "succession",
}
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: its id is the same each time it is repeated."""

    id: str
    seq: int
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt."""

    duration_ms: int
    status: int | None = None
    response: str | None = None
    error: str | None = None

    @property
    def outcome(self) -> str:
        """`delivered`, `gone` (the target wants no more) or `failed`."""
        if self.status == 410:
            return "gone"
        return "delivered" if self.status and 200 <= self.status < 300 else "failed"


def new_secret() -> str:
    """Return a new secret of 32 bytes, as Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def message(hook: str, seq: int, kind: str, data: bytes) -> Message:
    """Return a message about JSON data."""
    head = b'{"type":"%s","timestamp":"%s","data":' % (kind.encode(), now().encode())
    return Message(f"msg_{hook}_{seq}", seq, kind, head + data + b"}")


def signature(secret: str, identity: str, timestamp: int, body: bytes) -> str:
    """Sign a message as Standard Webhooks do."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b"%s.%d.%s" % (identity.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(hook: Webhook, sent: Message) -> dict[str, str]:
    """Return the headers of a message, signed with the secret, and the old one while it holds."""
    stamp = int(time.time())
    keys = [hook.secret]
    if hook.old_secret and hook.old_until and hook.old_until > now():
        keys.append(hook.old_secret)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Gongkai-Webhooks",
        "webhook-id": sent.id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": " ".join(signature(s, sent.id, stamp, sent.body) for s in keys),
    }


def back_off(attempts: int) -> float:
    """Return how long to wait after so many failures, in seconds: up to a fifth more or less."""
    pause = BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
    return min(pause * random.uniform(0.8, 1.2), BACK_OFF[-1])  # noqa: S311 - no secret


def client() -> httpx2.AsyncClient:
    """Return a client that follows nobody and keeps no connection: one may not serve two names."""
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(TOTAL, connect=CONNECT),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=False,
        verify=_trusted(),
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Return whom this system trusts; to read that takes as long as all else at the start."""
    return httpx2.create_ssl_context(trust_env=False)


async def post(
    sender: httpx2.AsyncClient, hook: Webhook, sent: Message, *, private: bool
) -> Result:
    """Send a message to the address that was checked, and tell what came of it."""
    start = time.monotonic()
    status, text, error = None, None, None
    try:
        async with asyncio.timeout(TOTAL):
            address = await targets.resolved(hook.url, private=private)
            status, text = await _exchange(sender, hook, sent, address)
    except targets.PrivateTarget:
        error = "private-target"
    except targets.Unresolved:
        error = "unresolved"
    except (TimeoutError, httpx2.TimeoutException):
        error = "timeout"
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as failure:
        error = f"{type(failure).__name__}: {failure}"[:500]
    return Result(int((time.monotonic() - start) * 1000), status, text, error)


async def _exchange(
    sender: httpx2.AsyncClient, hook: Webhook, sent: Message, address: str
) -> tuple[int, str]:
    url = httpx2.URL(hook.url)
    named = {"Host": url.netloc.decode("ascii"), **headers(hook, sent)}
    async with sender.stream(
        "POST", url.copy_with(host=address), content=sent.body, headers=named,
        extensions={"sni_hostname": url.raw_host.decode("ascii")},
    ) as reply:  # fmt: skip
        read = b""
        with suppress(TimeoutError, httpx2.HTTPError):  # the status is there, and tells enough
            async with asyncio.timeout(READING):
                async for chunk in reply.aiter_raw():
                    read += chunk
                    if len(read) >= EXCERPT:
                        break
        return reply.status_code, _UNSHOWN.sub("", read[:EXCERPT].decode("utf-8", "replace"))


def logged(hook: Webhook, sent: Message, result: Result, attempt: int) -> Delivery:
    """Return the entry of an attempt in the log."""
    return Delivery(
        id=str(uuid.uuid4()), webhook=hook.id, seq=sent.seq, type=sent.type, attempt=attempt,
        at=now(), duration_ms=result.duration_ms, status=result.status, response=result.response,
        error=result.error, outcome=result.outcome,
    )  # fmt: skip


def after(hook: Webhook, sent: Message, result: Result, give_up_days: float) -> Webhook:
    """Return a webhook as it is after an attempt."""
    if result.outcome == "delivered":
        return replace(
            hook, position=sent.seq, attempts=0, failing_since=None, next_attempt_at=None,
            lease_until=now(LEASE),
        )  # fmt: skip
    since = hook.failing_since or now()
    is_given_up = result.outcome == "gone" or since < now(-give_up_days * 86_400)
    attempts = hook.attempts + 1
    return replace(
        hook, active=not is_given_up, attempts=attempts, failing_since=since,
        next_attempt_at=None if is_given_up else now(back_off(attempts)),
        lease_until=now(LEASE),
    )  # fmt: skip


def following(connection: Connection, identity: str) -> tuple[Webhook, Message | int | None] | None:
    """Return a webhook, and its next message, or the number up to which there is none for it."""
    hook = webhooks.read(connection, identity)
    if hook is None:
        return None
    limit = 1 if set(hook.resources) >= _SINGULAR.keys() else _WINDOW
    page = feed.since(connection, hook.position, limit)
    if page.is_gone:
        return hook, _gap(hook, page) if hook.position < page.latest else None
    for seq, body in page.rows:
        found = encoding.read(body)
        if found["resource"] in hook.resources:
            kind = f"{_SINGULAR[found['resource']]}.{found['op']}"
            return hook, message(hook.id, seq, kind, b'{"seq":%d,%s' % (seq, body[1:]))
    return hook, page.end if page.end > hook.position else None


def _gap(hook: Webhook, page: feed.Page) -> Message:
    """Tell that changes were forgotten before they were delivered."""
    data = {
        "after": hook.position,
        "oldest": page.oldest,
        "latest": page.latest,
        "links": {"reload": "/v1/exports/reports.ndjson", "changes": "/v1/changes"},
    }
    return message(hook.id, page.oldest - 1, "feed.gap", encoding.encoded(data))


class Dispatcher:
    """Delivers, in one worker, for the webhooks that it gets hold of."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._sender = client()
        self._wanted = asyncio.Event()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._forgotten = float("-inf")
        self._task = asyncio.create_task(self._serve(), name="webhooks")

    def wake(self) -> None:
        """Look for something to deliver now."""
        self._wanted.set()

    async def stop(self) -> None:
        """End at once; what was under way is repeated by whoever comes next."""
        running = [self._task, *self._under_way.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._sender.aclose()

    async def send(self, hook: Webhook, sent: Message) -> Result:
        """Try once to deliver a message."""
        return await post(self._sender, hook, sent, private=self._settings.webhooks_private_targets)

    async def _serve(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self._forget()
                self._start(await self._database.exact(partial(webhooks.due, now=now())))
            except SQLAlchemyError as error:
                log.warning("webhooks not looked at", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), POLL)

    async def _forget(self) -> None:
        if time.monotonic() - self._forgotten > 3_600:
            self._forgotten = time.monotonic()
            before = now(-LOG_DAYS * 86_400)
            await self._database.alter(partial(webhooks.forget, before=before))

    def _start(self, due: list[tuple[str, bool]]) -> None:
        for identity, has_failed in due:
            room = MOST // 2 if has_failed else MOST
            if identity not in self._under_way and len(self._under_way) < room:
                task = asyncio.create_task(self._deliver(identity))
                self._under_way[identity] = task
                task.add_done_callback(partial(self._ended, identity))

    def _ended(self, identity: str, task: "asyncio.Task[None]") -> None:
        del self._under_way[identity]
        if not task.cancelled() and task.exception() is not None:
            log.error("webhook failed", webhook=identity, exc_info=task.exception())

    async def _deliver(self, identity: str) -> None:
        owner = str(uuid.uuid4())
        claim = partial(webhooks.claim, identity=identity, owner=owner, now=now(), until=now(LEASE))
        try:
            if not await self._database.alter(claim):
                return
            try:
                for _ in range(_TURN):
                    if not await self._step(identity, owner):
                        break
            finally:
                release = partial(webhooks.release, identity=identity, owner=owner)
                await self._database.alter(release)
        except SQLAlchemyError as error:  # its lease ends, and it is tried once more
            log.warning("webhook interrupted", webhook=identity, error=str(error))

    async def _step(self, identity: str, owner: str) -> bool:
        """Deliver one message; tell whether to go on."""
        found = await self._database.exact(partial(following, identity=identity))
        if found is None or found[1] is None or not found[0].active:
            return False
        hook, sent = found
        if isinstance(sent, int):
            moved = replace(hook, position=sent, lease_until=now(LEASE))
            return await self._database.alter(lambda c: webhooks.advance(c, hook, owner, moved))
        assert sent is not None
        result = await self.send(hook, sent)
        moved = after(hook, sent, result, self._settings.webhook_give_up_days)
        entry = logged(hook, sent, result, hook.attempts + 1)
        is_kept = await self._database.alter(
            partial(_note, before=hook, owner=owner, moved=moved, entry=entry)
        )
        return is_kept and result.outcome == "delivered"


def _note(
    connection: Connection, before: Webhook, owner: str, *, moved: Webhook, entry: Delivery
) -> bool:
    """Keep what came of an attempt, unless the webhook was changed or deleted meanwhile."""
    is_kept = webhooks.advance(connection, before, owner, moved)
    if is_kept or webhooks.lock(connection, before.id) is not None:
        webhooks.log(connection, entry)
    return is_kept
