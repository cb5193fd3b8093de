"""Tables as CSV, for spreadsheets: UTF-8 with a byte order mark, and no cell that is a formula."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.context import header
from app.api.downloads import disposition
from app.api.replies import JSON, accepts, negotiate, reply
from app.api.routing import Direct, router
from app.services import csvs

CSV: Final = "text/csv"
MEDIA_TYPE = f"{CSV}; charset=utf-8; header=present"

Format = Annotated[
    Literal["json", "csv"],
    Query(description="`csv`, or `Accept: text/csv`: UTF-8 with a byte order mark, RFC 4180."),
]
VARY = {"Vary": "Accept"}


class Tabular(Direct):
    """A route that also replies with CSV: who asks for it by `format` need not name it twice."""

    def refuse_others(self, request: Request) -> None:
        """Refuse a client that does not take JSON, unless it asks for CSV."""
        if not wants_csv(request):
            negotiate(request)


def wants_csv(request: Request) -> bool:
    """Tell whether CSV is asked for: by name, or because JSON is not taken."""
    named = request.query_params.get("format")
    accept = header(request, b"accept") or ""
    takes_csv_only = bool(accept) and not accepts(accept, JSON) and accepts(accept, CSV)
    return named == "csv" or (named is None and takes_csv_only)


def tabular(tag: str, prefix: str = "") -> APIRouter:
    """Return a router for operations that also reply with CSV."""
    return router(tag, prefix, Tabular)


def with_csv(described: dict[str, Any]) -> dict[str, Any]:
    """Add CSV to the description of an operation's reply."""
    described["responses"][200]["content"] = {
        CSV: {"schema": {"type": "string", "description": "UTF-8 with a byte order mark"}}
    }
    return described


def encoded(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as CSV; None is an empty cell."""
    return csvs.BOM + csvs.lines(chain([header], rows), numbers=True)


def csv_reply(
    request: Request, name: str, body: bytes, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a table as a file of this name, with its ETag; 304 if the client has it."""
    sent = {**VARY, **disposition(f"{name}.csv"), **(headers or {})}
    made = reply(request, body=body, headers=sent)
    if made.status_code == 200:
        made.headers["content-type"] = MEDIA_TYPE
    return made
