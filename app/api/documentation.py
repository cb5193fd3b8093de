"""What the OpenAPI document says of an operation beside its signature."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.problems import spoken, told
from app.api.replies import FEED_POSITION
from app.api.texts import PROBLEMS, Problem
from app.errors import Fault

ETAG = {"ETag": {"schema": {"type": "string"}, "description": '`"<revision>-<digest>"`, strong'}}
_LOCATION = {
    "Location": {"schema": {"type": "string"}, "description": "The address of what is new"}
}
WRITTEN = ETAG | {
    "Content-Location": {
        "schema": {"type": "string"},
        "description": "Where what was written stands, as this reply shows it",
    }
}

_BY_STATUS: dict[int, list[str]] = {}
for _problem in PROBLEMS.values():
    _BY_STATUS.setdefault(_problem.status, []).append(_problem.slug)


def parameter(name: str, text: str, **schema: str) -> dict[str, Any]:
    """Describe a header of a request."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": text,
        "schema": {"type": "string", **schema},
    }


IF_MATCH = parameter("If-Match", "Write only if this is the current revision (an ETag), or `*`.")
_CONDITIONS = [IF_MATCH, parameter("If-None-Match", "`*`: create only.")]
IDEMPOTENT = parameter(
    "Idempotency-Key",
    "A name of this request, 1 to 255 visible ASCII characters, best a new UUID. A "
    "repeat with the same key is not carried out again: it gets the first reply, with "
    "`Idempotent-Replayed: true`. With another body: 422. While the first is under way: 409.",
    pattern="^[!-~]{1,255}$",
)
"""The parameter that every POST takes."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refer to the descriptions of error responses."""
    return {
        status: {
            "$ref": f"#/components/responses/{status}",
            "description": _titles(status),
        }
        for status in statuses
    }


def _header(text: str, example: str) -> dict[str, Any]:
    return {"description": text, "schema": {"type": "string"}, "example": example}


RETRY_AFTER = {"Retry-After": _header("After how many seconds to ask again.", "30")}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {
        "WWW-Authenticate": _header(
            "How to say who you are.", 'Bearer realm="gongkai", error="invalid_token"'
        )
    },
    405: {"Allow": _header("The methods that the address has.", "GET, HEAD, PUT")},
    410: {FEED_POSITION: _header("Where the feed stands now.", "4711")},
    412: {"ETag": _header("What is there, if anything.", '"3-0123456789abcdef"')},
    429: {
        **RETRY_AFTER,
        "RateLimit-Policy": _header("The quota, and its seconds.", '"default";q=100;w=60'),
        "RateLimit": _header(
            "What is left of it, and in how many seconds all of it is.", '"default";r=0;t=60'
        ),
    },
    503: RETRY_AFTER,
}
"""The headers that problems have besides."""


def problem_responses() -> dict[str, Any]:
    """Return the descriptions that `problems` refers to."""
    return {
        str(status): {
            "description": _titles(status),
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/ProblemOut"},
                    "examples": {slug: _example(slug) for slug in slugs},
                }
            },
        }
        for status, slugs in sorted(_BY_STATUS.items())
    }


def _titles(status: int) -> str:
    return " · ".join(f"{t.zh} / {t.en}" for t in (PROBLEMS[s].title for s in _BY_STATUS[status]))


def _example(slug: str) -> dict[str, Any]:
    found = PROBLEMS[slug]
    return {"summary": found.title.en, "value": example(found, "zh")}


_VALUES: dict[str, Any] = {
    "action": "publish",
    "after": 12,
    "agency": "350205-rsj",
    "children": 2,
    "count": 1,
    "expected": "application/json",
    "failed": 1,
    "form": "2021",
    "holder": "350205-rsj",
    "id": "5c9d63f6-2d23-4f29-9a3b-0b6f2a3a7a61",
    "key": "agencies/350205-rsj",
    "keys": 0,
    "latest": 4_711,
    "limit": 2_097_152,
    "media_type": "application/json",
    "method": "POST",
    "oldest": 1_024,
    "path": "/v1/report",
    "reason": "Expecting ',' delimiter (line 3, column 5)",
    "reports": 6,
    "revision": 3,
    "right": "write",
    "seconds": 30,
    "sent": 100,
    "seq": 4_711,
    "state": "published",
    "successions": 0,
    "table": "procurement",
    "uscc": "11350205MB1A33333K",
    "year": 2024,
}
"""What examples say in place of the names in a detail."""
_SPECIAL: dict[str, dict[str, Any]] = {
    "request-timeout": {"seconds": 60},
    "too-many-at-once": {"limit": 1_000},
    "too-many-requests": {"limit": 100},
}
_FAULTS = {
    "duplicate-member": Fault("/data/received/total", "duplicate-member"),
    "invalid-body": Fault("/data/received/total", "not-a-count"),
    "invalid-parameter": Fault(None, "unknown-parameter", parameter="dry_run"),
    "precondition-failed": Fault("/data/received/total", "differs"),
}
"""What is found fault with in examples."""


def example(kind: Problem, lang: str) -> dict[str, Any]:
    """Return what a problem looks like."""
    fault = _FAULTS.get(kind.slug)
    return {
        "type": f"/problems/{kind.slug}",
        "title": spoken(kind.title, lang),
        "status": kind.status,
        "detail": spoken(kind.detail, lang).format_map(_VALUES | _SPECIAL.get(kind.slug, {})),
        "instance": "urn:uuid:00000000-0000-4000-8000-000000000000",
        "errors": [] if fault is None else [told(fault, lang)],
    }


def reads(model: Any, summary: str, *more: int, of_one: bool = True) -> dict[str, Any]:
    """Describe the reading `of_one` resource, which may not be there, and `more` problems."""
    absent = [404] if of_one else []
    return {
        "summary": summary,
        "response_model": None,
        "responses": {
            200: {"model": model, "description": "OK", "headers": ETAG},
            304: {"description": "Not modified", "headers": ETAG},
            **problems(*absent, 406, 422, 503, *more),
        },
    }


def lists(model: Any, summary: str, *, of_one: bool = False) -> dict[str, Any]:
    """Describe the reading of a list, it may be `of_one` resource."""
    return reads(model, summary, 400, of_one=of_one)


def does(
    model: Any, summary: str, *more: int,
    headers: Mapping[str, Any] = ETAG, conditions: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:  # fmt: skip
    """Describe a POST that does something with what is there, and `more` problems."""
    return {
        "summary": summary,
        "response_model": None,
        "responses": {
            200: {"model": model, "description": "Done", "headers": headers},
            **problems(400, 404, 406, 409, 413, 415, 422, 503, *more),
        },
        "openapi_extra": {"parameters": [IDEMPOTENT, *conditions]},
    }


def writes(
    model: Any, summary: str, *, creates: bool = True, new: bool = False, deletes: bool = False
) -> dict[str, Any]:
    """Describe the writing of a resource; `model` is None for a deletion and no more."""
    done: dict[int | str, dict[str, Any]] = {}
    if model is None:
        done[204] = {"description": "Deleted"}
    else:
        if not new:
            text = "Replaced or unchanged"
            done[200] = {"model": model, "description": text, "headers": WRITTEN}
        if creates:
            done[201] = {"model": model, "description": "Created", "headers": WRITTEN | _LOCATION}
    if deletes:
        done[204] = {"description": "Written as `missing`: deleted"}
    errors = [404, 406, 409, 412, 422, 503] if not new else [406, 409, 422, 503]
    if model is not None:
        errors += [400, 413, 415]
    return {
        "summary": summary,
        "response_model": None,
        "status_code": 204 if model is None else 201 if new else 200,
        "responses": done | problems(*sorted(errors)),
        "openapi_extra": {"parameters": [IDEMPOTENT] if new else _CONDITIONS},
    }
