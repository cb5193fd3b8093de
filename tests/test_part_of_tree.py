"""What is asked below an agency shows the same layer of each report, however it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection

from app.domain.calendar import due_dates
from app.errors import NotFound
from app.forms import form_of
from app.services import rolling
from app.services.measuring import MEASURES
from app.storage import agencies, completeness, digests, exports, paging, reports, standings
from app.storage import statistics as measured
from app.storage.layers import Sight, looking
from tests.api import TestClient, make_agency, put_report
from tests.conftest import reading

TREE = {"county": "country", "town": "country", "a": "county", "b": "county", "c": "town"}
YEARS = (2022, 2024)
SIGHTS = [Sight(root, below) for root in ("country", "county", "a", "c") for below in (True, False)]


@pytest.fixture
def world(client: TestClient) -> TestClient:
    """A country whose reports were published, and changed since; `a` moved after the first year."""
    make_agency(client, "country", kind="government", level="state")
    for code, parent in TREE.items():
        kind = "government" if parent == "country" else "department"
        make_agency(client, code, kind=kind, parent=parent)
    for (number, code), year in product(enumerate(["country", *TREE]), YEARS):
        put_report(client, code, year, requests={"granted__total": number})
        if (number + year) % 3:
            for action in ("record", "correct"):
                said = {"action": action, "comment": "again"}
                path = f"/v1/reports/{code}/{year}/transitions"
                client.post(path, json=said).raise_for_status()
            put_report(client, code, year, requests={"granted__total": 100 + number})
    moved = {"parent": "town", "effective_on": "2023-06-01"}
    assert client.patch("/v1/agencies/a", json=moved).is_success
    return client


def _asked(connection: Connection, code: str, year: int) -> Iterator[Any]:
    """Yield all that can be asked of reports at or below an agency."""
    form: Any = form_of(year)
    for basis in ("children", "leaves"):
        try:
            yield rolling.computed(connection, code, year, basis)
        except NotFound as error:
            yield error.slug
    given = standings.parameters(year, due_dates(year)) | {"under": code}
    yield completeness.counts(connection, form, given)
    asked = measured.Asked((MEASURES["granted"][0],), ("agency",), frozenset({"under"}), "all")
    yield measured.reading(asked, {"under": code}, None, limit=99, count=True)(connection)
    yield [sorted(map(tuple, found)) for found in digests.read(connection, code, year)]
    order = (("agency", False), ("year", False))
    for source in (reports.SUMMARIES, reports.FAILURES, exports.DOCUMENTS, exports.DESCRIBED):
        with agencies.looking_below(connection, code):
            yield paging.reading(source, {"under": code}, order, None, limit=99, count=True)(
                connection
            )


@contextmanager
def _as_it_is(*_: Any) -> Iterator[None]:
    yield


def test_reports_of_others_do_not_matter_and_none_of_these_is_left_out(
    world: TestClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[Any]] = []
    for _ in range(2):
        with reading(database_url) as connection:
            cases = product(SIGHTS, ["country", *TREE, "nobody", "no'body"], YEARS)
            for sight, code, year in cases:
                with looking(connection, sight):
                    found.append([sight, code, year, *_asked(connection, code, year)])
        monkeypatch.setattr(agencies, "looking_below", _as_it_is)
    half = len(found) // 2
    assert found[:half] == found[half:]
    assert len({repr(each[3:]) for each in found}) > 40
