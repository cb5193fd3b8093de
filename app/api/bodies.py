"""Bodies of requests: read within limits, parsed strictly, checked with every fault named."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import chain
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from app.api.context import ARRIVED, header
from app.api.replies import PATCHABLE
from app.domain.layout import Label
from app.errors import Fault, Invalid, Malformed, Refused

LIMIT = 2 * 2**20
MOST_MEMBERS = 10_000
"""How many members a body has at most; a report of all cells and remarks has some 1,500."""
DISCARDED = 8 * 2**20
"""How much of a body is read in all, so that the client, still sending, gets the reply."""
_JSON = Label("application/json（UTF-8，不压缩）", "application/json (UTF-8, not compressed)")
CLOSED = {"Connection": "close"}
_SLOWEST = 4_096  # bytes a second that gain a client more time
_LONGEST_NUMBER = 40

Json = dict[str, Any]


async def raw(request: Request) -> bytes:
    """Read the body. Raises `Refused`: 415 by its headers, then 413 by its size."""
    media, _, parameters = (header(request, b"content-type") or "").partition(";")
    media = media.strip().lower()
    charset = parameters.lower().partition("charset=")[2].partition(";")[0].strip('" ')
    is_json = media == "application/json" or media.endswith("+json")
    encoding = (header(request, b"content-encoding") or "identity").strip().lower()
    if not is_json or charset not in {"", "utf-8", "utf8"} or encoding != "identity":
        headers = PATCHABLE if request.method == "PATCH" else {}
        raise Refused("unsupported-media-type", headers=headers, expected=_JSON)
    chunks: list[bytes] = []
    size = 0

    def take(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)
        if size <= LIMIT:
            chunks.append(chunk)
        elif size > DISCARDED:
            raise Refused("body-too-large", headers=CLOSED, limit=LIMIT)

    await receive(request, take)
    if size > LIMIT:
        raise Refused("body-too-large", limit=LIMIT)
    return b"".join(chunks)


NO_BODY: Any = None
"""The default of a body that may be left out, for the OpenAPI document."""


async def optional(request: Request) -> bytes:
    """Read the body as `raw` does; an empty object if there is no body at all."""
    given = request.headers
    is_there = "content-type" in given or "transfer-encoding" in given
    if not is_there and given.get("content-length", "0") == "0":
        return b"{}"
    return await raw(request) or b"{}"


Take = Callable[[bytes], Awaitable[None] | None]
"""What is done with a piece of a body, which may be waited for."""


async def receive(request: Request, take: Take) -> None:
    """Hand over the pieces of the body. Raises `Refused` (408) if they come too slowly.

    The client has the time of the setting, and more for what has arrived: so a large body may take
    long, and a byte now and then does not keep a connection open.
    """
    patience = request.app.state.settings.body_timeout
    if not patience or ARRIVED in request.scope:
        return await _receive(request, take, lambda _: None)
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(patience) as timer:
            await _receive(
                request, take, lambda size: timer.reschedule(started + patience + size / _SLOWEST)
            )
    except TimeoutError:
        raise Refused("request-timeout", headers=CLOSED, seconds=patience) from None


async def _receive(request: Request, take: Take, wait: Callable[[int], None]) -> None:
    """Hand over the pieces of the body; `wait` is told how much has come, if more is to come."""
    size, has_more = 0, True
    while has_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece, has_more = message.get("body", b""), message.get("more_body", False)
        taken = take(piece)
        if taken is not None:
            await taken
        size += len(piece)
        if has_more:
            wait(size)


class _Twice(dict[str, Any]):
    """An object in which members stand more than once."""

    names: frozenset[str] = frozenset()


def _object(met: list[_Twice], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; `met` gets it, too, if it has a member twice.

    A name that is no text is none of ours; it is shown as it was written, so that the rest of the
    object is looked at.
    """
    names = [name.encode("utf-8", "backslashreplace").decode() for name, _ in pairs]
    made = dict(zip(names, (value for _, value in pairs), strict=True))
    if len(made) == len(pairs):
        return made
    twice = _Twice(made)
    twice.names = frozenset(name for name, times in Counter(names).items() if times > 1)
    met.append(twice)
    return twice


def _number(text: str) -> int | float:
    """Read a number with a point or an exponent: 5.0 counts as 5."""
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond all bounds
        return float(text)
    if number.is_finite() and abs(number.adjusted()) < _LONGEST_NUMBER and number == int(number):
        return int(number)
    return float(number)


def _whole(text: str) -> int | float:
    return int(text) if len(text) < _LONGEST_NUMBER else float("inf")


def _constant(text: str) -> Any:
    raise ValueError(text)


_CONTAINERS = frozenset({dict, list})


def _members_in(value: Json) -> int:
    """Count the members of all objects; -1 if a number has a point or an exponent."""
    members = 0
    level: list[Any] = [value]  # of nesting: its objects and arrays
    while level:
        objects = [each for each in level if type(each) is dict]
        arrays = (each for each in level if type(each) is list)
        members += sum(map(len, objects))
        found = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(arrays)]
        kinds = set(map(type, found))
        if float in kinds:
            return -1
        is_last = _CONTAINERS.isdisjoint(kinds)
        level = [] if is_last else [each for each in found if type(each) in _CONTAINERS]
    return members


_SPACED = re.compile(rb'"[ \t\r\n]+:')


def is_plain(text: bytes, found: Json, others: int = 0) -> bool:
    r"""Tell whether a JSON text was read as it says: no member was lost, no number is a fraction.

    `found` is what was read of it, where the last of two members of a name has won; `others`
    members are not in it. Where no quote or backslash is quoted, and nothing stands between a name
    and its colon, there are as many `":` as members, and more if a member is lost.
    """
    if b"\\" in text and (b'\\"' in text or b"\\\\" in text):
        return False
    names = text.count(b'":')
    if names != _members_in(found) + others:
        return False
    return text.count(b":") == names or _SPACED.search(text) is None


def _quick(body: bytes) -> Json | None:
    """Read an object with which nothing is the matter; None for what wants a closer look."""
    try:
        found = from_json(body, allow_inf_nan=False)
    except ValueError:
        return None
    return found if type(found) is dict and is_plain(body, found) else None


def _decoded(text: str) -> tuple[Any, bool]:
    """Read JSON; tell whether an object in it has a member twice."""
    met: list[_Twice] = []
    decoder = partial(
        json.JSONDecoder,
        object_pairs_hook=partial(_object, met),
        parse_float=_number,
        parse_constant=_constant,
    )
    try:
        return decoder().decode(text), bool(met)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a number too long to be converted
        return decoder(parse_int=_whole).decode(text), bool(met)


_TOO_DEEP = Label("嵌套过深", "nested too deeply")


def parse(body: bytes) -> Json:
    """Read a JSON object. Raises `Malformed` for what is not JSON, or has a member twice."""
    quick = _quick(body)
    if quick is not None:
        return quick
    try:
        found, has_twice = _decoded(body.decode("utf-8"))
        twice = list(_twice(found, "")) if has_twice else []
    except RecursionError:
        raise Malformed("malformed-json", reason=_TOO_DEEP) from None
    except ValueError as error:
        raise Malformed("malformed-json", reason=_why_malformed(error)) from None
    if twice:
        named = [Fault(pointer, "duplicate-member") for pointer in twice]
        raise Malformed("duplicate-member", faults=named, count=len(named))
    if not isinstance(found, dict):
        raise Invalid([Fault("", "not-an-object")])
    return found


def _why_malformed(error: ValueError) -> Label:
    if isinstance(error, UnicodeDecodeError):
        start = error.start
        return Label(f"自第 {start} 个字节起不是 UTF-8", f"not UTF-8 from byte {start} on")
    if isinstance(error, json.JSONDecodeError):
        line, column = error.lineno, error.colno
        return Label(
            f"第 {line} 行第 {column} 列不合 JSON 语法",
            f"{error.msg} (line {line}, column {column})",
        )
    return Label(f"{error} 不是 JSON 的值", f"{error} is not a value of JSON")


def _twice(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value, _Twice):
            yield from (f"{pointer}/{escaped(name)}" for name in sorted(value.names))
        for name, member in value.items():
            if isinstance(member, dict | list):
                yield from _twice(member, f"{pointer}/{escaped(name)}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _twice(member, f"{pointer}/{index}")


def escaped(name: object) -> str:
    """Return a member's name as it stands in a JSON pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")


_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown-member",
    "model_type": "not-an-object",
    "model_attributes_type": "not-an-object",
    "dict_type": "not-an-object",
    "string_type": "not-a-text",
    "string_unicode": "bad-text",
    "string_too_short": "empty",
    "list_type": "not-a-list",
    "too_short": "empty",
    "bool_type": "not-a-boolean",
    "bool_parsing": "not-a-boolean",
}


_LIMITED = {"string_too_long": "too-long", "too_long": "too-many"}


def _size_of(value: Any) -> int:
    """Count the members of an object and of those in it; what stands in arrays aside."""
    if not isinstance(value, dict):
        return 0
    return len(value) + sum(map(_size_of, value.values()))


def faults(model: type[BaseModel], body: Any) -> list[Fault]:
    """Hold a body to its model; return everything that is wrong with it."""
    count = _size_of(body)
    if count > MOST_MEMBERS:  # what is wrong with each would take a hundred times its size
        return [Fault("", "too-many-members", {"count": count, "limit": MOST_MEMBERS})]
    try:
        model.model_validate(body)
    except ValidationError as error:
        found: dict[Any, Fault] = {}
        for each in error.errors(include_url=False, include_input=False):
            fault = fault_of(each)
            found.setdefault((fault.pointer, fault.code), fault)
        return list(found.values())
    return []


def fault_of(error: Any) -> Fault:
    """Return what an error of pydantic means to a client."""
    place, kind, context = error["loc"], error["type"], error.get("ctx", {})
    is_key = place[-1:] == ("[key]",) and kind != "extra_forbidden"  # of a mapping, by pydantic
    pointer = "".join(f"/{escaped(part)}" for part in (place[:-1] if is_key else place))
    if is_key:
        return Fault(pointer, "bad-remark-key")
    if kind in _LIMITED:
        return Fault(pointer, _LIMITED[kind], {"limit": context["max_length"]})
    if kind in {"literal_error", "enum"}:
        return Fault(pointer, "not-one-of", {"expected": context["expected"].replace(" or ", ", ")})
    if kind in _CODES:
        return Fault(pointer, _CODES[kind])
    if kind.startswith("gongkai."):
        return Fault(pointer, kind.removeprefix("gongkai."), context)
    return Fault(pointer, "invalid", {"reason": error["msg"]})


def checked(model: type[BaseModel], body: Json, more: list[Fault] | None = None) -> None:
    """Raise `Invalid` with every fault of a body, and those found elsewhere."""
    found = with_others(faults(model, body), more or [])
    if found:
        raise Invalid(found)


def with_others(found: list[Fault], others: list[Fault]) -> list[Fault]:
    """Add faults found by other means, but for members that are known to be faulty."""
    faulty = {fault.pointer for fault in found}
    return [*(fault for fault in others if fault.pointer not in faulty), *found]


_DEEPEST = 64


def merged(target: Any, patch: Any, depth: int = 0) -> Any:
    """Apply a merge patch (RFC 7396). Raises `Malformed` for one that is nested too deeply.

    A member removed stays as null: to our models both are one, and a null for a member that does
    not exist is still a fault.
    """
    if not isinstance(patch, dict):
        return patch
    if depth > _DEEPEST:
        raise Malformed("malformed-json", reason=_TOO_DEEP)
    base = target if isinstance(target, dict) else {}
    changes = {name: merged(base.get(name), value, depth + 1) for name, value in patch.items()}
    return {**base, **changes}


def differences(sent: Any, stored: Any, pointer: str = "") -> Iterator[Fault]:
    """Yield where what was sent differs from what is stored, leaf by leaf."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        for name in sorted(sent.keys() | stored.keys()):
            yield from differences(sent.get(name), stored.get(name), f"{pointer}/{escaped(name)}")
    elif sent != stored or isinstance(sent, bool) != isinstance(stored, bool):
        yield Fault(pointer, "differs")
