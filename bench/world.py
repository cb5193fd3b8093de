"""A seeded world to measure on: agencies with a report on each of three years."""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from sqlmodel import Session

from app.domain.layout import Table
from app.domain.report import Agency, Filing, Report
from app.forms import form_of
from app.services import registering, reporting
from app.settings import Settings
from app.storage.database import in_session, run, write_engine

YEARS = (2022, 2023, 2024)


def code(number: int) -> str:
    """Return the code of an agency."""
    return f"b{number:06}"


def requests_table(table: Table, seed: random.Random) -> Filing:
    """Return a balanced table of requests: 30 % of them with 2 to 12 non-zero lines."""
    cells: list[int] = [0] * len(table.cells)
    if seed.random() < 0.3:
        outcomes = [line.key for line in table.lines[2:-2]]
        for line in seed.sample(outcomes, seed.randint(2, 12)):
            amount = seed.randint(1, 40)
            for at in (line, "handled", "received"):
                cells[table.at[at, "natural_person"]] += amount
                cells[table.at[at, "total"]] += amount
    return Filing(table, tuple(cells))


def report(agency: Agency, year: int, seed: random.Random) -> Report:
    """Return a complete report that draws few findings."""
    form = form_of(year)
    assert form is not None
    filings = {
        table.key: requests_table(table, seed)
        if table.key == "requests"
        else Filing(table, tuple(0 for _ in table.cells))
        for table in form.tables
    }
    prose = "全年主动公开政府信息，回应社会关切，推进政务公开标准化规范化。" * 12
    return Report(form, year, agency, filings, overview=prose, problems=prose, other_matters=prose)


def load(settings: Settings, agencies: int) -> None:
    """Register agencies and store their reports."""
    engine = write_engine(settings)
    for first in range(0, agencies, 200):
        numbers = range(first, min(first + 200, agencies))
        run(engine, in_session(partial(_load, numbers=numbers)))
    engine.dispose()


def _load(session: Session, numbers: range) -> None:
    for number in numbers:
        values = {
            "name": f"测试机构{number}",
            "short_name": None,
            "kind": "department",
            "level": "county",
            "parent": None,
        }
        registering.save_agency(session, code(number), None, values)
        connection = session.connection()
        for year, made in _reports(number):
            scene = reporting.enter(connection, code(number), year)
            reporting.save(connection, scene, replace(made, agency=scene.agency))


def _reports(number: int) -> Iterator[tuple[int, Report]]:
    seed = random.Random(number)
    agency = Agency(code(number), "", "department", "county")
    for year in YEARS:
        yield year, report(agency, year, seed)
