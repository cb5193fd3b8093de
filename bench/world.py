"""A seeded world to measure on: agencies in a tree, with a report on each of three years."""

import gc
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache, partial
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine

from app.domain.layout import Table
from app.domain.report import Agency, Filing, Report
from app.forms import the_form_of
from app.services import encoding, importing, maintaining, registering, rendering, staged
from app.services.importing import Plan, Read
from app.settings import Settings
from app.storage import agencies
from app.storage.database import in_session, run, using, write_engine
from app.storage.staging import Staging
from bench.tree import Place, code, whole

__all__ = ["YEARS", "code", "founded", "load", "ndjson", "plant", "register", "report", "reports"]

YEARS = (2022, 2023, 2024)
_BATCH = 6_000
PROSE = "全年主动公开政府信息，回应社会关切，推进政务公开标准化规范化。" * 12

Figures = tuple[int, ...]


def _requests(table: Table, seed: random.Random) -> Figures:
    """Return balanced figures of requests: 30 % of them with 2 to 12 non-zero outcomes."""
    cells = [0] * len(table.cells)
    if seed.random() < 0.3:
        outcomes = [line.key for line in table.lines[2:-2]]
        for line in seed.sample(outcomes, seed.randint(2, 12)):
            amount = seed.randint(1, 40)
            for at in (line, "handled", "received"):
                cells[table.at[at, "natural_person"]] += amount
                cells[table.at[at, "total"]] += amount
    return tuple(cells)


def report(agency: Agency, year: int, requests: Figures, prose: str | None = PROSE) -> Report:
    """Return a complete report that draws few findings, with the same prose in three sections."""
    form = the_form_of(year)
    filings = {table.key: _zeros(table) for table in form.tables}
    filings["requests"] = Filing(form.table["requests"], requests)
    late = int(agency.code[1:]) % 50 == 7
    dates = {"submitted_on": f"{year + 1}-0{4 if late else 1}-20"}
    sections = dict.fromkeys(("overview", "problems", "other_matters"), prose)
    return Report(form, year, agency, filings, **sections, **dates)


@cache
def _zeros(table: Table) -> Filing:
    choices = {choice.key: choice.default for choice in table.choices}
    return Filing(table, (0,) * len(table.cells), choices=choices)


def reports(places: Sequence[Place], prose: str | None = PROSE) -> Iterator[Report]:
    """Yield the reports of all agencies by agency and year; a government's adds up those below."""
    consolidated = _consolidated(places)
    for place in places:
        agency = Agency(place.code, place.name, place.kind, place.level)
        for year in YEARS:
            figures = consolidated.get((place.number, year)) or _own(place.number, year)
            yield report(agency, year, tuple(figures), prose)


def _own(number: int, year: int) -> Figures:
    table = the_form_of(year).table["requests"]
    return _requests(table, random.Random(number * len(YEARS) + year - YEARS[0]))


def _consolidated(places: Sequence[Place]) -> dict[tuple[int, int], list[int]]:
    """Return the figures of those that have others below them, `vertical` ones aside."""
    parents = {place.parent for place in places}
    width = len(_own(0, YEARS[0]))
    sums: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * width)
    for place in reversed(places):
        for year in YEARS:
            key = (place.number, year)
            figures = sums[key] if place.number in parents else _own(*key)
            if place.parent is not None and place.kind != "vertical" and any(figures):
                above = sums[place.parent, year]
                above[:] = map(int.__add__, above, figures)
    return sums


def ndjson(made: Iterable[Report]) -> Iterator[bytes]:
    """Yield reports as lines for an import, each as a PUT takes it."""
    for each in made:
        agency, year = each.key
        body = {
            "agency": agency,
            "year": year,
            "overview": each.overview,
            "problems": each.problems,
            "other_matters": each.other_matters,
            "submitted_on": each.submitted_on,
            "tables": {key: _body(filing) for key, filing in each.filings.items()},
        }
        yield encoding.encoded(body) + b"\n"


def _body(filing: Filing) -> dict[str, Any]:
    return {"filing": "filed", "data": rendering.matrix(filing), **filing.choices}


def founded(url: str) -> Settings:
    """Make the tables in a database; return the settings by which it is reached."""
    settings = Settings(database_url=url, log_level="ERROR")
    maintaining.migrate(settings)
    return settings


def load(settings: Settings, agencies: int) -> None:
    """Register the first agencies of the whole country and store their reports."""
    plant(settings, whole()[:agencies])


def plant(settings: Settings, places: Sequence[Place]) -> int:
    """Register agencies and store their reports by the bulk path; return how many reports."""
    register(settings, places)
    gc.collect()
    gc.freeze()
    made, count = reports(places), 0
    with using(write_engine(settings)) as engine:
        while some := list(islice(made, _BATCH)):
            run(engine, partial(_store, some=some))
            count += len(some)
        _know(engine)
    return count


def _know(engine: Engine) -> None:
    """Let PostgreSQL look at what is there, as it does by itself a minute later."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE")


def register(settings: Settings, places: Sequence[Place]) -> None:
    """Register agencies, those above first."""
    blank = dict.fromkeys(agencies.WRITABLE) | {"uscc_unchecked": False}
    left = iter(places)
    with using(write_engine(settings)) as engine:
        while some := list(islice(left, _BATCH)):
            new = {
                place.code: blank
                | {"name": place.name, "kind": place.kind, "level": place.level}
                | {"parent": None if place.parent is None else code(place.parent)}
                for place in some
            }
            run(engine, in_session(partial(registering.add_agencies, new=new)))


def _store(connection: Connection, some: Sequence[Report]) -> None:
    with closing(Staging()) as staging:
        importing.stage(staging, map(_read, range(len(some)), some), lambda _: None)
        importing.store(connection, staging, Plan(), lambda _: None)
        assert importing.counts(staging)["created"] == len(some)


def _read(line: int, made: Report) -> Read:
    return Read(line + 1, *made.key, staged.whole(made))
