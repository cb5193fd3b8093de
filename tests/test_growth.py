"""What is asked about a few costs the same however many others there are."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from app.domain.calendar import due_dates
from app.domain.report import Agency
from app.forms import form_of
from app.services import rolling
from app.services.measuring import MEASURES
from app.settings import Settings
from app.storage import (
    agencies,
    audit_log,
    completeness,
    digests,
    feed,
    layers,
    leaves,
    models,
    paging,
    reports,
    standings,
    statistics,
)
from app.storage.database import read_engine, run, write_engine
from app.storage.paging import Source
from tests.api import TestClient, make_agency, put_report
from tests.conftest import execute, quiet

MANY = 2_000
_OTHERS = """
INSERT INTO agency (code, name, kind, level, parent, uscc_unchecked, search, revision, created_at,
  updated_at)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {many})
SELECT 'o' || i, '局', 'department', 'county',
  CASE WHEN i < 50 THEN 'country' ELSE 'o' || (i / 50) END, FALSE, '局', 1, '', '' FROM n;
INSERT INTO agency_period (agency, valid_from, name, kind, level, parent)
SELECT code, '', name, kind, level, parent FROM agency WHERE code BETWEEN 'o' AND 'p';
INSERT INTO report (agency, year, revision, created_at, updated_at)
SELECT code, 2022, 1, '', '' FROM agency WHERE code BETWEEN 'o' AND 'p';
INSERT INTO derived_document (agency, year, etag, updated_at, errors, warnings, infos, rule_set,
  summary, body)
SELECT r.agency, r.year, etag, '', errors, warnings, infos, rule_set, summary, body
FROM report AS r, derived_document AS d WHERE r.agency BETWEEN 'o' AND 'p' AND d.agency = 'z';
INSERT INTO published_report (agency, year, revision, created_at, updated_at, state)
SELECT agency, year, 1, '', '', 'published' FROM report WHERE agency BETWEEN 'o' AND 'p';
INSERT INTO published_filing_requests (agency, year, nil, revision, updated_at)
SELECT agency, year, TRUE, 1, '' FROM published_report
"""


def _plant(client: TestClient) -> None:
    """Register a country with a county, of which an agency moved away after 2022."""
    make_agency(client, "country", kind="government", level="state")
    make_agency(client, "county", kind="government", parent="country")
    for code in ("y", "z"):
        make_agency(client, code, parent="county")
        put_report(client, code, 2022, requests={"granted__total": 7})
    moved = {"parent": "country", "effective_on": "2023-06-01"}
    assert client.patch("/v1/agencies/y", json=moved).is_success


def _joined_by_others(url: str) -> None:
    engine = write_engine(quiet(url))
    for statement in _OTHERS.format(many=MANY).split(";"):
        run(engine, lambda c: c.exec_driver_sql(statement))  # noqa: B023
    if engine.dialect.name == "postgresql":
        run(engine, lambda c: c.exec_driver_sql("ANALYZE"))  # as it does by itself
    engine.dispose()


def _cost(
    url: str, use: Callable[[Connection], Any], made: Callable[[Settings], Engine] = read_engine
) -> tuple[int, Any]:
    """Return what a use of a connection makes the database do, and its result."""
    engine, steps = made(quiet(url)), [0]

    def count() -> None:
        steps[0] += 1

    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if connection.dialect.name == "sqlite":
            driver.set_progress_handler(count, 10)
            result = use(connection)
            driver.set_progress_handler(None, 0)
        else:
            driver.execute("BEGIN")
            driver.execute("SET LOCAL enable_seqscan = off")  # which is best while there is little
            result = use(connection)
            read = "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"
            steps[0] = int(driver.execute(read).fetchone()[0])
            driver.commit()
    engine.dispose()
    return steps[0], result


def _counts(year: int, connection: Connection) -> Any:
    form: Any = form_of(year)
    given = standings.parameters(year, due_dates(year)) | {"under": "county"}
    return completeness.counts(connection, form, given)


def _leaves(year: int, connection: Connection) -> Any:
    form: Any = form_of(year)
    return leaves.leaves(connection, "county", year, form)


def _listed(source: Source, connection: Connection) -> Any:
    order = (("agency", False), ("year", False))
    read = paging.reading(source, {"under": "county"}, order, None, limit=50, count=False)
    return len(read(connection)[0])


def _own(read: Callable[[Connection], Any], connection: Connection) -> Any:
    """Read as who sees their own work, and of others what is published."""
    with layers.looking(connection, layers.Sight("z")):
        return read(connection)


def _rolled_up(year: int, basis: rolling.Basis, connection: Connection) -> Any:
    return rolling.computed(connection, "county", year, basis)


def _measured(connection: Connection) -> Any:
    measures = (MEASURES["granted"][0],)
    asked = statistics.Asked(measures, ("year",), frozenset({"under"}), "all")
    return statistics.reading(asked, {"under": "county"}, None, limit=9)(connection)


def _digested(connection: Connection) -> Any:
    return [sorted(map(tuple, found)) for found in digests.read(connection, "county", None)]


def _reviewed(read: Callable[[Connection], Any], connection: Connection) -> Any:
    """Read as who sees the work of the county, and of others what is published."""
    with layers.looking(connection, layers.Sight("county", below=True)):
        return read(connection)


_Z = Agency("z", "局", "department", "county")
_ASKED: dict[str, Callable[[Connection], Any]] = {
    "a roll-up": partial(_leaves, 2024),
    "a roll-up of the past": partial(_leaves, 2022),
    "who has filed": partial(_counts, 2024),
    "who had filed": partial(_counts, 2022),
    "reports below": partial(_listed, reports.SUMMARIES),
    "a table of one's own": partial(_own, lambda c: reports.read_table(c, "requests", "z", 2022)),
    "one's own reports": partial(_own, lambda c: len(reports.load(c, _Z, 2021, 2023))),
    "a reviewer's roll-up": partial(_reviewed, partial(_rolled_up, 2024, "children")),
    "a reviewer's roll-up of the past": partial(_reviewed, partial(_rolled_up, 2022, "children")),
    "a reviewer's roll-up of leaves": partial(_reviewed, partial(_rolled_up, 2024, "leaves")),
    "a reviewer's past leaves": partial(_reviewed, partial(_rolled_up, 2022, "leaves")),
    "whom a reviewer waits for": partial(_reviewed, partial(_counts, 2024)),
    "whom a reviewer waited for": partial(_reviewed, partial(_counts, 2022)),
    "a reviewer's statistics": partial(_reviewed, _measured),
    "a reviewer's digests": partial(_reviewed, _digested),
    "who is above": lambda c: agencies.is_at_or_below(c, "z", "country"),
}


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("asked", _ASKED.values(), ids=_ASKED)
def test_what_others_there_are_costs_nothing(
    client: TestClient, database_url: str, asked: Callable[[Connection], Any]
) -> None:
    _require_same_cost(client, database_url, asked)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_list_of_a_small_tree_is_not_looked_for_among_all(
    client: TestClient, database_url: str
) -> None:
    _require_same_cost(client, database_url, _ASKED["reports below"])


def _require_same_cost(client: TestClient, url: str, asked: Callable[[Connection], Any]) -> None:
    _plant(client)
    before, result = _cost(url, asked)
    _joined_by_others(url)
    after, again = _cost(url, asked)
    assert again == result
    assert after < 2 * before + MANY / 10


_OVERDUE = """
INSERT INTO {table} (seq, {names}) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
WHERE i < {many}) SELECT seq + i, {names} FROM n, {table} WHERE seq = (SELECT max(seq) FROM {table})
"""
_LAST = "UPDATE clock SET {number} = (SELECT max(seq) FROM {table})"


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("model", "number", "prune"),
    [(models.Change, "seq", feed.prune), (models.AuditEntry, "audited", audit_log.prune)],
    ids=["feed", "audit log"],
)
def test_to_forget_some_looks_at_no_others_that_are_overdue(
    agency: TestClient, database_url: str, model: Any, number: str, prune: Callable[..., int]
) -> None:
    table = model.__table__
    names = ", ".join(column.name for column in table.c if column.name != "seq")
    costs = []
    for many in (100, MANY):
        overdue = _OVERDUE.format(table=table.name, names=names, many=many)
        execute(database_url, overdue, _LAST.format(table=table.name, number=number))
        cost, done = _cost(database_url, lambda c: prune(c, "2999", 20), write_engine)
        costs.append(cost)
        assert done == 20
    assert costs[1] < 2 * costs[0]
