"""Errors as RFC 9457 problems, in the language that the client prefers."""

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.context import header, request_id, root_of
from app.api.remembering import remembered
from app.api.texts import FAULTS, PROBLEMS
from app.domain.layout import Label
from app.errors import AppError, Fault
from app.services import encoding

MEDIA_TYPE = "application/problem+json"
_RANGE = re.compile(r"\s*([A-Za-z0-9*-]+)\s*(?:;\s*[qQ]=([01](?:\.\d{0,3})?)\s*)?$")


def language_of(request: Request) -> str:
    """Return `zh` or `en`, as the client prefers."""
    return _language(header(request, b"accept-language") or "")


@remembered(512)
def _language(accept: str) -> str:
    """Return `zh` or `en` by an Accept-Language header; zh where it does not say."""
    best, best_quality = "zh", 0.0
    for part in accept.split(","):
        found = _RANGE.match(part)
        if found is None:
            continue
        tag, quality = found[1].lower(), float(found[2] or 1)
        name = "zh" if tag == "*" else tag.split("-")[0]
        if name in {"zh", "en"} and quality > best_quality:
            best, best_quality = name, quality
    return best


def _said(text: Label, lang: str, values: Mapping[str, Any]) -> str:
    safe = {
        name: _printable(spoken(value, lang) if isinstance(value, Label) else value)
        for name, value in values.items()
    }
    return spoken(text, lang).format(**safe)


def spoken(text: Label, lang: str) -> str:
    """Return a text in `zh` or `en`."""
    return text.en if lang == "en" else text.zh


def _printable(value: object) -> str:
    """Return a client's text as it can stand in a reply."""
    return str(value).encode("utf-8", "replace").decode()[:200]


def problem(
    request: Request,
    slug: str,
    *,
    values: Mapping[str, Any] | None = None,
    faults: tuple[Fault, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem as a response."""
    lang = language_of(request)
    kind = PROBLEMS[slug]
    body = {
        "type": f"{root_of(request.scope)}/problems/{slug}",
        "title": _said(kind.title, lang, {}),
        "status": kind.status,
        "detail": _said(kind.detail, lang, values or {}),
        "instance": f"urn:uuid:{request_id(request.scope)}",
        "errors": [told(fault, lang) for fault in faults],
    }
    sent = {
        "Content-Language": "en" if lang == "en" else "zh-CN",
        "Vary": "Accept-Language",
        "Cache-Control": "no-store",
        **(headers or {}),
    }
    return Response(encoding.encoded(body), kind.status, sent, media_type=MEDIA_TYPE)


def worded(error: AppError, lang: str) -> str:
    """Return what an error says, in `zh` or `en`."""
    return _said(PROBLEMS[error.slug].detail, lang, error.values)


def told(fault: Fault, lang: str) -> dict[str, Any]:
    """Return a fault as replies show it, in `zh` or `en`."""
    pointer = None if fault.pointer is None else fault.pointer.encode("utf-8", "replace").decode()
    said: dict[str, Any] = {
        "pointer": pointer,
        "code": fault.code,
        "message": _said(FAULTS[fault.code], lang, fault.values),
    }
    if fault.parameter is not None:
        said["parameter"] = _printable(fault.parameter)
    if fault.line is not None:
        said["line"] = fault.line
    if fault.place is not None:
        said["place"] = fault.place
    return said


def response_to(request: Request, error: AppError) -> Response:
    """Return the response to an error that the client caused."""
    return problem(
        request, error.slug, values=error.values, faults=error.faults, headers=error.headers
    )
