"""Bodies of requests: read within limits, parsed strictly, checked with every fault named."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from app.api.replies import MERGE_PATCH
from app.errors import Fault, Invalid, Malformed, Refused

LIMIT = 2 * 2**20
DISCARDED = 8 * 2**20
"""How much of a body is read in all, so that the client, still sending, gets the reply."""
_LONGEST_NUMBER = 40

Json = dict[str, Any]


async def raw(request: Request) -> bytes:
    """Read the body. Raises `Refused`: 415 by its headers, then 413 by its size."""
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    media = media.strip().lower()
    charset = parameters.strip().lower().partition("charset=")[2].strip('" ')
    is_json = media == "application/json" or (
        media.startswith("application/") and media.endswith("+json")
    )
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if not is_json or charset not in {"", "utf-8", "utf8"} or encoding != "identity":
        error = Refused(415, "unsupported-media-type")
        if request.method == "PATCH":
            error.headers["Accept-Patch"] = MERGE_PATCH
        raise error
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= LIMIT:
            chunks.append(chunk)
        elif size > DISCARDED:
            raise _too_large(close=True)
    if size > LIMIT:
        raise _too_large(close=False)
    return b"".join(chunks)


def _too_large(*, close: bool) -> Refused:
    error = Refused(413, "body-too-large", limit=LIMIT)
    if close:
        error.headers["Connection"] = "close"
    return error


class _Twice(dict[str, Any]):
    """An object in which members stand more than once."""

    names: frozenset[str] = frozenset()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    twice = _Twice(made)
    twice.names = frozenset(name for name, _ in pairs if name in seen or seen.add(name))
    return twice


def _number(text: str) -> int | float:
    """Read a number with a point or an exponent: 5.0 counts as 5."""
    number = Decimal(text)
    if number.is_finite() and abs(number.adjusted()) < _LONGEST_NUMBER and number == int(number):
        return int(number)
    return float(number)


def _whole(text: str) -> int | float:
    return int(text) if len(text) < _LONGEST_NUMBER else float("inf")


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_constant=_constant
)
_CAREFUL = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_whole, parse_constant=_constant
)


def parse(body: bytes) -> Json:
    """Read a JSON object. Raises `Malformed` for what is not JSON, or has a member twice."""
    try:
        text = body.decode("utf-8")
        try:
            found = _DECODER.decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # a number too long to be converted
            found = _CAREFUL.decode(text)
    except UnicodeDecodeError as error:
        raise Malformed("malformed-json", reason=f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} (line {error.lineno}, column {error.colno})"
        raise Malformed("malformed-json", reason=where) from None
    except RecursionError:
        raise Malformed("malformed-json", reason="nested too deeply") from None
    except ValueError as error:
        raise Malformed("malformed-json", reason=str(error)) from None
    twice = [Fault(pointer, "duplicate-member") for pointer in _twice(found, "")]
    if twice:
        raise Malformed("duplicate-member", faults=twice, count=len(twice))
    if not isinstance(found, dict):
        raise Invalid([Fault("", "not-an-object")])
    return found


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
    "bool_type": "not-a-boolean",
}


def faults(model: type[BaseModel], body: Any) -> list[Fault]:
    """Hold a body to its model; return everything that is wrong with it."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        found = {}
        for each in error.errors(include_url=False, include_input=False):
            fault = fault_of(each)
            found.setdefault((fault.pointer, fault.code), fault)
        return list(found.values())
    return []


def fault_of(error: Any) -> Fault:
    """Return what an error of pydantic means to a client."""
    pointer = "".join(f"/{escaped(part)}" for part in error["loc"] if part != "[key]")
    kind, context = error["type"], error.get("ctx", {})
    if "[key]" in error["loc"]:
        return Fault(pointer, "bad-remark-key")
    if kind == "string_too_long":
        return Fault(pointer, "too-long", {"limit": context["max_length"]})
    if kind in {"literal_error", "enum"}:
        return Fault(pointer, "not-one-of", {"expected": context["expected"]})
    if kind in _CODES:
        return Fault(pointer, _CODES[kind])
    if kind.startswith("gongkai."):
        return Fault(pointer, kind.removeprefix("gongkai."), context)
    return Fault(pointer, "invalid", {"reason": error["msg"]})


def checked(model: type[BaseModel], body: Json, more: list[Fault] | None = None) -> None:
    """Raise `Invalid` with every fault of a body, and those found elsewhere."""
    found = [*(more or ()), *faults(model, body)]
    if found:
        raise Invalid(found)


def merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch (RFC 7396). A member removed stays as null: to our models both are one,
    and a null for a member that does not exist is still a fault.
    """
    if not isinstance(patch, dict):
        return patch
    base = target if isinstance(target, dict) else {}
    return {**base, **{name: merged(base.get(name), value) for name, value in patch.items()}}


def differences(sent: Any, stored: Any, pointer: str = "") -> Iterator[Fault]:
    """Yield where what was sent differs from what is stored, leaf by leaf."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        for name in sorted(sent.keys() | stored.keys()):
            yield from differences(sent.get(name), stored.get(name), f"{pointer}/{escaped(name)}")
    elif sent != stored or isinstance(sent, bool) != isinstance(stored, bool):
        yield Fault(pointer, "differs")
