"""The rights: the committed table is what is done, and what it does not name is refused."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.api.rights import RIGHTS
from app.api.routing import router
from app.api.webhooks import RESOURCES
from app.main import create_app
from app.services.delivering import _SINGULAR
from tests import rights
from tests.api import TestClient, make_agency, said
from tests.callers import as_, key_for
from tests.conftest import quiet
from tests.test_openapi import OPERATIONS

HIDDEN = {"index", "docs", "openapi_json"}
"""Operations that the document leaves out."""


@pytest.fixture
def backend() -> str:
    """Rights know no database: SQLite will do."""
    return "sqlite"


def test_the_committed_table_is_what_every_caller_gets(database_url: str) -> None:
    found = rights.matrix(Path(database_url.removeprefix("sqlite:///")))
    committed = rights.FILE.read_text(encoding="utf-8").splitlines()
    made = rights.text(found).splitlines()
    changed = sorted(set(made) ^ set(committed))
    assert made == committed, "run: python -m tests.rights > docs/RIGHTS.md; changed: " + "\n".join(
        changed
    )
    for row, cells in found:
        assert cells[-1] == "✓", f"the request for {row.operation} {row.about} is no good"
    assert {row.operation for row, _ in found} == OPERATIONS.keys()


def test_the_matrix_names_every_operation_and_no_other() -> None:
    assert RIGHTS.keys() == OPERATIONS.keys() | HIDDEN


def test_what_the_matrix_does_not_name_is_refused_to_everybody(database_url: str) -> None:
    app = create_app(quiet(database_url))
    routes = router("system")

    @routes.get("/v1/unheard-of", response_class=PlainTextResponse)
    async def unheard_of(request: Request) -> Response:
        raise AssertionError("it was let in")

    app.router.routes.extend(routes.routes)
    with TestClient(app) as client:
        make_agency(client, "b")
        for role, agency in rights.CALLERS.values():
            key = key_for(client, role, agency and "b") if role else None
            reply: Any = as_(client, key, "GET", "/v1/unheard-of")
            expected = (403, "forbidden") if role else (401, "authentication-required")
            assert said(reply) == expected
        assert said(client.get("/v1/unheard-of")) == (403, "forbidden")


def test_no_change_is_without_a_name_for_those_who_are_told_of_it() -> None:
    assert set(RESOURCES) == _SINGULAR.keys()


def test_every_test_that_the_threat_model_names_is_there() -> None:
    root = Path(__file__).parents[1]
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (root / "SECURITY.md").read_text("utf-8"))
    assert len(named) > 40
    for file, test in named:
        source = (root / "tests" / file).read_text("utf-8")
        assert re.search(rf"^def {test}\(", source, re.M), (file, test)
