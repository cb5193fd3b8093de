"""Query parameters: read and checked with every fault named."""

import re
from collections import Counter
from functools import cache
from typing import Any, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request

from app.api import bodies
from app.api.remembering import remembered
from app.api.schemas import BAD_TEXT
from app.errors import Fault, Invalid

Q = TypeVar("Q", bound=BaseModel)
_NUMBER = re.compile("0|-?[1-9][0-9]*")


class NoQuery(BaseModel):
    """A resource that takes no parameters."""

    model_config = ConfigDict(extra="forbid")


def read(request: Request, model: type[Q]) -> Q:
    """Read the query of a request. Raises `Invalid` with every fault."""
    return cast("Q", _read(request.scope["query_string"], model))


@remembered(1_000)
def _read(query: bytes, model: type[BaseModel]) -> BaseModel:
    pairs = QueryParams(query).multi_items()
    given = dict(pairs)
    faults = []
    if len(given) < len(pairs):
        times = Counter(name for name, _ in pairs)
        repeated = sorted(name for name, count in times.items() if count > 1)
        faults += [Fault(None, "repeated-parameter", parameter=name) for name in repeated]
    bad = [name for name, text in given.items() if BAD_TEXT.search(text)]
    faults += [Fault(None, "bad-text", parameter=name) for name in bad]
    try:
        found = model.model_validate(given | _odd(model, given))
    except ValidationError as error:
        wrong = (_fault(each, model) for each in error.errors(include_url=False))
        faults += [each for each in wrong if each.parameter not in bad]
    if faults:
        raise Invalid(faults, "invalid-parameter")
    return found


def _odd(model: type[BaseModel], given: dict[str, str]) -> dict[str, str]:
    """Empty the numbers that are not written as one writes a number: `1_0`, `+5`, `05`."""
    names = _numbers(model) & given.keys()
    return {name: "" for name in names if not _NUMBER.fullmatch(given[name])}


@cache
def _numbers(model: type[BaseModel]) -> frozenset[str]:
    fields = model.model_fields.items()
    return frozenset(each.alias or name for name, each in fields if _is_number(each.annotation))


def _is_number(kind: Any) -> bool:
    return kind is int or any(map(_is_number, get_args(kind)))


def _fault(error: Any, model: type[BaseModel]) -> Fault:
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return Fault(None, "unknown-parameter", parameter=name)
    if error["type"] in {
        "greater_than_equal",
        "less_than_equal",
        "int_parsing",
        "int_parsing_size",
    }:
        return Fault(None, "out-of-range", _bounds(model.model_fields[name]), parameter=name)
    fault = bodies.fault_of(error)
    return Fault(None, fault.code, fault.values, parameter=name)


def _bounds(field: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"least": None, "most": None}
    for each in field.metadata:
        found["least"] = getattr(each, "ge", found["least"])
        found["most"] = getattr(each, "le", found["most"])
    return found
