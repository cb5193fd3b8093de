"""Query parameters that list names, each of which must be known."""

from collections.abc import Container, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError


def names(
    known: Container[str], fault: str, *, pattern: str, most: int, example: str, **values: str
) -> Any:
    """Return the type of a parameter that lists names with commas: a list, each name once.

    Every unknown name is a `fault` of its own; `pattern` is that of one name, and `example` of the
    parameter, for the document.
    """

    def split(value: str) -> list[str]:
        given = list(dict.fromkeys(value.split(",")))
        if len(given) > most:
            raise PydanticCustomError("gongkai.too-many", "too-many", {"limit": most})
        return given

    def check(name: str) -> str:
        if name not in known:
            raise PydanticCustomError(f"gongkai.{fault}", fault, {"name": name, **values})
        return name

    schema: Mapping[str, Any] = {
        "type": "string",
        "pattern": f"^{pattern}(,{pattern})*$",
        "examples": [example],
    }
    return Annotated[
        list[Annotated[str, AfterValidator(check)]],
        BeforeValidator(split),
        PlainSerializer(",".join),
        WithJsonSchema(dict(schema)),
    ]
