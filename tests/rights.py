"""The matrix of rights as it is: every operation, asked for by every caller.

`python -m tests.rights > docs/RIGHTS.md` writes the table that `test_rights.py` holds the service
to. Whoever changes it reviews what has changed.
"""

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.api import openapi
from app.main import create_app
from app.services import maintaining
from tests.api import Json, TestClient, a_report_body, an_agency_body, make_agency, put_report
from tests.callers import as_, key_for, step
from tests.conftest import quiet

FILE = Path(__file__).parents[1] / "docs" / "RIGHTS.md"
CALLERS = {
    "anonymous": (None, None),
    "reader": ("reader", None),
    "editor": ("editor", "a"),
    "other editor": ("editor", "b"),
    "reviewer": ("reviewer", "top"),
    "other reviewer": ("reviewer", "b"),
    "auditor": ("auditor", None),
    "admin": ("admin", None),
}
"""The roles of those who ask, and the agencies that they are for. What is asked for is a's."""

FINDING = "requests.carry:natural_person"
_FLOW = {f"{l}__{c}": 1 for l in ("carried_in", "carried_out") for c in ("natural_person", "total")}
_TARGET = "http://127.0.0.1:9/hook"  # nobody listens there
_DRAFTS = {"procurement": 2020}
_SHOWN = {"procurement": 2019}
DRAFT, SHOWN, SUBMITTED, ACCEPTED, CLEAN = 2024, 2023, 2022, 2021, 2020


@dataclass(frozen=True)
class Row:
    """One line of the table: a request, and what it is about."""

    operation: str
    method: str
    path: str
    about: str = ""
    request: str = ""
    """The path as it is asked for, with its query."""
    body: Any = None
    is_file: bool = False


# The world in which all is asked


def make_world(client: TestClient) -> tuple[dict[str, str], dict[str, str | None]]:
    """Make what paths name. Return the ids that they have, by path, and the callers' keys."""
    make_agency(client, "top", kind="government")
    for code in ("a", "b", "spare", "old", "older"):
        make_agency(client, code, parent="top")
    names: dict[str, str | None] = {
        name: key_for(client, role, agency) if role else None
        for name, (role, agency) in CALLERS.items()
    }
    for year in (2019, CLEAN, ACCEPTED, SUBMITTED, SHOWN):
        put_report(client, year=year)
    put_report(client, year=DRAFT, requests=_FLOW)
    for year, actions in (
        (2019, ("submit", "accept", "publish")),
        (SHOWN, ("submit", "accept", "publish")),
        (ACCEPTED, ("submit", "accept")),
        (SUBMITTED, ("submit",)),
    ):
        for action in actions:
            assert step(client, names["admin"], action, year=year).status_code == 200
    said = {"decision": "explained", "explanation": "说明"}
    path = f"/v1/reports/a/{DRAFT}/findings/{FINDING}/decision"
    assert as_(client, names["editor"], "PUT", path, json=said).status_code == 201
    return _identities(client, names["editor"]), names


def _identities(client: TestClient, editor: str | None) -> dict[str, str]:
    line = {"Content-Type": "application/x-ndjson", "Prefer": "respond-async"}
    started = as_(client, editor, "POST", "/v1/imports?dry_run=true", content=b"{}", headers=line)
    spare = client.post("/v1/keys", json={"name": "spare", "role": "reader"})
    hook = client.post("/v1/webhooks", json={"url": _TARGET})
    succession = _BODIES["post_succession"] | {"predecessor": "older"}
    followed = client.post("/v1/successions", json=succession)
    made = {"imports": started, "keys": spare, "webhooks": hook, "successions": followed}
    assert all(reply.is_success for reply in made.values()), [r.text for r in made.values()]
    identities = {name: str(reply.json()["id"]) for name, reply in made.items()}
    while client.get(f"/v1/imports/{identities['imports']}").json()["state"] in {
        "queued",
        "running",
    }:
        pass  # its own writing would be in the way of what follows
    return identities


# What is asked


_BODIES: dict[str, Json] = {
    "put_agency": an_agency_body(parent="top"),
    "patch_agency": {"name": "审计局二"},
    "post_agency": an_agency_body(code="new", parent="top"),
    "put_report": a_report_body(CLEAN, overview="改"),
    "patch_report": {"overview": "改"},
    "post_report": a_report_body(2025, agency="a", year=2025),
    "put_decision": {"decision": "confirmed"},
    "put_reporting_year": {},
    "patch_reporting_year": {"status": "closed"},
    "post_reporting_year": {"year": 2026},
    "post_key": {"name": "new", "role": "reader"},
    "patch_key": {"name": "newer"},
    "post_webhook": {"url": _TARGET},
    "post_validation": {"year": 2024, "tables": {}},
    "replay_webhook": {"from": 1},
    "post_succession": {
        "kind": "merge",
        "predecessor": "old",
        "successor": "b",
        "effective_on": "2024-07-01",
    },
}
"""Where an empty body will not do."""
_QUERIES = {"get_series": "cells=requests.received.total", "get_comparison": "with=2019"}
_STEPS = {
    "submit": CLEAN,
    "return": SUBMITTED,
    "accept": SUBMITTED,
    "publish": ACCEPTED,
    "correct": SHOWN,
    "record": CLEAN,
}
_PATHS = {
    "{form}": "2021",
    "{slug}": "forbidden",
    "{finding}": FINDING,
    "{revision}": "1",
    "{seq}": "1",
}


def rows(identities: dict[str, str]) -> list[Row]:
    """Return every operation of the document, each with what it is about."""
    document = openapi.document(create_app(quiet("sqlite:///unused.db")))
    found: list[Row] = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            found += _rows(operation["operationId"], method.upper(), path, identities)
    return found


def _rows(name: str, method: str, path: str, identities: dict[str, str]) -> Iterator[Row]:
    base, body = _filled(path, identities), _BODIES.get(name, {})
    if name == "post_transition":
        for action, year in _STEPS.items():
            asked = base.replace("{year}", str(year))
            yield Row(name, method, path, action, asked, {"action": action, "comment": "依据"})
    elif name == "put_decision":
        asked = base.replace("{year}", str(DRAFT))
        for word in ("confirmed", "waived"):
            said = {"decision": word, "explanation": "说明"}
            yield Row(name, method, path, word, asked, said)
    elif name == "post_import":
        line = a_report_body(2025, agency="a", year=2025)
        yield Row(name, method, path, "", base, line, is_file=True)
    elif method == "GET" and "{agency}/{year}" in path and "decision" not in path:
        table = path.rsplit("/", 1)[-1]
        for about, year in (
            ("draft", _DRAFTS.get(table, DRAFT)),
            ("published", _SHOWN.get(table, SHOWN)),
        ):
            yield Row(name, method, path, about, base.replace("{year}", str(year)))
    else:
        yield Row(name, method, path, "", base.replace("{year}", str(_year(name, path))), body)


def _year(name: str, path: str) -> int:
    if name == "delete_reporting_year":
        return 2025
    if name in {"get_decision", "delete_decision"}:
        return DRAFT
    return CLEAN if path.startswith("/v1/reports/") else DRAFT


def _filled(path: str, identities: dict[str, str]) -> str:
    for name, value in _PATHS.items():
        path = path.replace(name, value)
    return path.replace("{id}", identities.get(path.split("/")[2], "")) if "{id}" in path else path


def _asked(row: Row) -> str:
    agency = "spare" if row.operation == "delete_agency" else "a"
    path = row.request.replace("{agency}", agency)
    query = _QUERIES.get(row.operation)
    return f"{path}?{query}" if query else path


def answer(client: TestClient, row: Row, key: str | None) -> Any:
    """Send a row's request as a caller."""
    path, method = _asked(row), row.method
    if row.operation == "stream_changes":
        method = "HEAD"  # which ends
    if method in {"GET", "HEAD", "DELETE"}:
        return as_(client, key, method, path)
    if row.is_file:
        headers = {"Content-Type": "application/x-ndjson"}
        return as_(client, key, method, path, content=json.dumps(row.body), headers=headers)
    return as_(client, key, method, path, json=row.body)


# The table


@contextmanager
def restored(path: Path) -> Iterator[Any]:
    """Keep a copy of a database; give what brings it back."""
    with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect("")) as copy:
        live.backup(copy)
        yield lambda: copy.backup(live)


def matrix(database: Path) -> list[tuple[Row, list[str]]]:
    """Ask everything in everybody's name; each time of the same world."""
    settings = quiet(f"sqlite:///{database}", webhooks_private_targets=True, failure_limit=0)
    found = []
    with TestClient(create_app(settings)) as client:
        identities, names = make_world(client)
        with restored(database) as restore:
            for row in rows(identities):
                cells = []
                for key in names.values():
                    reply = answer(client, row, key)
                    cells.append("✓" if reply.status_code < 400 else str(reply.status_code))
                    if row.method != "GET" and reply.status_code < 400:
                        restore()
                found.append((row, cells))
    return found


_HEAD = """# Rights

Who may do what, as the service answers: every operation of the OpenAPI document, asked for in the
name of every caller. ✓: it is done; a number: the status with which it is refused. 401: say who you
are; 403: your role does not allow it, or not for this agency; 404: it is not yours to know whether
it is there; 422: the body names what is not yours.

`python -m tests.rights > docs/RIGHTS.md` writes this table; `tests/test_rights.py` holds the
service to it. An operation that `app/api/rights.py` does not name is refused to everybody.

What is asked for belongs to the agency `a`, below `top`. The callers: anonymous; a reader; the
editor of `a`, that of its sister `b`; a reviewer of `top`, that of `b`; an auditor; an
administrator. A *draft* is a report that was never published.

"""


def text(found: list[tuple[Row, list[str]]]) -> str:
    """Return the table as Markdown."""
    columns = ["operation", "request", "of", *CALLERS]
    lines = [columns, ["---"] * 3 + [":-:"] * len(CALLERS)]
    lines += [
        [f"`{row.operation}`", f"`{row.method} {row.path}`", row.about, *cells]
        for row, cells in found
    ]
    return _HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "rights.db"
        maintaining.migrate(quiet(f"sqlite:///{database}"))
        sys.stdout.write(text(matrix(database)))


if __name__ == "__main__":
    main()
