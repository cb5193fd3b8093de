"""What the writing operations of reports and tables share."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request

from app.api import bodies, schemas
from app.api.replies import require
from app.domain.layout import Form
from app.errors import AppError, Fault, Stale

T = TypeVar("T")
_CONTRADICTS = {"form": "contradicts-year"}


def contradictions(body: dict[str, Any], pointer: str = "", **expected: Any) -> list[Fault]:
    """Return the members that say something else than the path."""
    if expected.keys().isdisjoint(body):
        return []
    said = body | {"agency": schemas.agency_code(body.get("agency"))}
    return [
        Fault(f"{pointer}/{name}", _CONTRADICTS.get(name, "contradicts-path"), {"expected": value})
        for name, value in expected.items()
        if said.get(name) is not None and (said[name] != value or isinstance(said[name], bool))
    ]


def report_contradictions(
    form: Form, body: dict[str, Any], pointer: str = "", **expected: Any
) -> list[Fault]:
    """Return where a report and its tables contradict the path, or a missing table has data."""
    expected = expected | {"form": form.key}
    found = contradictions(body, pointer, **expected)
    tables = body.get("tables")
    for key in form.table:
        table = tables.get(key) if isinstance(tables, dict) else None
        if isinstance(table, dict):
            at = f"{pointer}/tables/{key}"
            found += table_contradictions(table, at, **expected, table=key)
    return found


def table_contradictions(body: dict[str, Any], pointer: str = "", **expected: Any) -> list[Fault]:
    """Return where a table contradicts the path, or is said to be missing and has data."""
    found = contradictions(body, pointer, **expected)
    if body.get("filing") == "missing":
        if body.get("data") is not None:
            found.append(Fault(f"{pointer}/data", "missing-with-data"))
        if body.get("remarks"):
            found.append(Fault(f"{pointer}/remarks", "missing-with-data"))
    return found


def hold(
    request: Request, revision: int | None, etag: Callable[[], str],
    made: Callable[[], T], differences: Callable[[T], Iterable[Fault]],
) -> T:  # fmt: skip
    """Hold a write to its conditions, and return what is made of its body.

    A failure tells where that differs from what is there, unless the body is faulty.
    """
    try:
        require(request, revision, etag)
    except Stale as error:
        if revision is not None:
            with suppress(AppError):
                error.faults = tuple(differences(made()))
        raise
    return made()


def would_change(stored: dict[str, Any], made: dict[str, Any]) -> Iterable[Fault]:
    """Return where what clients write would change; other members are not read."""
    return bodies.differences({name: made.get(name) for name in stored}, stored)


def patched(stored: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Apply a merge patch to a report. A table patched to `missing` alone loses its data."""
    made: dict[str, Any] = bodies.merged(stored, patch)
    tables = patch.get("tables")
    for key, table in tables.items() if isinstance(tables, dict) else ():
        made["tables"][key] = patched_table(made["tables"][key], table)
    return made


def patched_table(made: Any, patch: Any) -> Any:
    """Take data and remarks from a table that is patched to `missing` and nothing else."""
    is_deletion = isinstance(patch, dict) and patch.get("filing") == "missing"
    return {**made, **{n: patch.get(n) for n in ("data", "remarks")}} if is_deletion else made
