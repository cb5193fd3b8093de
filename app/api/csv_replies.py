"""Tables as CSV, for spreadsheets: UTF-8 with a byte order mark, and no cell that is a formula."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.replies import negotiate, reply
from app.api.routing import Direct, router
from app.services import encoding

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
_BOM = b"\xef\xbb\xbf"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([guarded(value) for value in row] for row in rows)
    return _BOM + text.getvalue().encode()


def guarded(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula; a number is none."""
    is_risky = isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value)
    return f"'{value}" if is_risky else value


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-").replace(".", "", 1)
    return digits.isascii() and digits.isdigit()


def csv_reply(
    request: Request, name: str, body: bytes, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a table as a file of this name, with its ETag; 304 if the client has it."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    made = reply(
        request, encoding.etag(0, body), body=body, headers={**disposition, **(headers or {})}
    )
    if made.status_code == 200:
        made.headers["content-type"] = MEDIA_TYPE
    return made
