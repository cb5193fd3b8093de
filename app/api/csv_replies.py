"""Tables as CSV, for spreadsheets: UTF-8 with a byte order mark, and no cell that is a formula."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.downloads import disposition
from app.api.replies import negotiate, reply
from app.api.routing import Direct, router
from app.services import csvs

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"

Format = Annotated[
    Literal["json", "csv"], Query(description="`csv`: UTF-8 with a byte order mark, RFC 4180.")
]


class Tabular(Direct):
    """A route that also replies with CSV: who asks for it by `format` need not name it twice."""

    def refuse_others(self, request: Request) -> None:
        """Refuse a client that does not take JSON, unless it asks for CSV."""
        if request.query_params.get("format") != "csv":
            negotiate(request)


def tabular(tag: str, prefix: str = "") -> APIRouter:
    """Return a router for operations that also reply with CSV."""
    return router(tag, prefix, Tabular)


def with_csv(described: dict[str, Any]) -> dict[str, Any]:
    """Add CSV to the description of an operation's reply."""
    described["responses"][200]["content"] = {
        "text/csv": {"schema": {"type": "string", "description": "UTF-8 with a byte order mark"}}
    }
    return described


def encoded(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as CSV; None is an empty cell."""
    return csvs.BOM + csvs.lines(chain([header], rows), numbers=True)


def csv_reply(
    request: Request, name: str, body: bytes, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a table as a file of this name, with its ETag; 304 if the client has it."""
    sent = {**disposition(f"{name}.csv"), **(headers or {})}
    made = reply(request, body=body, headers=sent)
    if made.status_code == 200:
        made.headers["content-type"] = MEDIA_TYPE
    return made
