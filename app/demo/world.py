"""The world of `gongkai demo`: real reports as published, and made-up ones around them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from random import Random

from sqlalchemy import Connection
from sqlmodel import Session

from app.demo import real_reports
from app.demo.figures import YEARS, Filings, consolidated, course
from app.demo.oddities import CORRECTIONS, NOT_FILED, ODDITIES
from app.demo.places import GOVERNMENTS, PLACES, Place
from app.demo.prose import dates, prose
from app.domain.report import Level, Report
from app.domain.workflow import STEPS
from app.errors import Invalid
from app.forms import the_form_of
from app.services import filing, registering, reporting, workflow
from app.settings import Settings
from app.storage.database import in_session, run, using, write_engine


def load(settings: Settings) -> Iterator[str]:
    """Load it; yield what was done, in lines. What is there already stays as it is."""
    with using(write_engine(settings)) as engine:
        run(engine, in_session(lambda session: registering.open_years(session, YEARS[-1])))
        yield f"agencies: {_told(run(engine, in_session(_register)))}"
        for kind, made in (("real", _published()), ("made-up", _made_up())):
            done = Counter(run(engine, partial(_file, code=c, report=r)) for c, r in made)
            yield f"{kind} reports: {_told(done)}"
    yield "worth a look, beside /v1/findings?severity=error :"
    for odd in ODDITIES:
        yield f"  /v1/reports/{odd.agency}/{odd.year}  {odd.text}"


def _told(done: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in done.items())


def _register(session: Session) -> Counter[str]:
    done: Counter[str] = Counter()
    for place in PLACES:
        if registering.enter_agency(session, place.code) is not None:
            done["were there"] += 1
            continue
        values = asdict(place) | {"kind": place.kind.value, "level": place.level.value}
        del values["code"], values["size"]
        values["uscc_unchecked"] = False
        registering.save_agency(session, place.code, None, values)
        done["registered"] += 1
    return done


def _file(connection: Connection, code: str, report: Report) -> str:
    scene = reporting.enter(connection, code, report.year)
    if scene.current is not None:
        return "were there"
    if scene.year.status == "closed":
        return "left out, the year is closed"
    reporting.save(connection, scene, replace(report, agency=scene.agency))
    return _brought_on(connection, scene, report)


def _brought_on(connection: Connection, scene: reporting.Scene, report: Report) -> str:
    """Take a report as far as one of its year would be; return what it is then."""
    if report.year < YEARS[-1] or not report.published_on:
        workflow.take(connection, scene, STEPS["record"], "示例：登记以前已公开的报告")
        reason = CORRECTIONS.get((scene.agency.code, report.year))
        if reason is None:
            return "published"
        workflow.take(connection, scene, STEPS["correct"], reason)
        return "being corrected"
    with suppress(Invalid):  # it stays a draft, for somebody to correct
        workflow.take(connection, scene, STEPS["submit"], None)
        return "submitted"
    return "drafts"


def _published() -> Iterator[tuple[str, Report]]:
    """Yield the real reports, as published."""
    for real in real_reports():
        form = the_form_of(real["year"])
        yield real["agency"]["code"], filing.report_from(form, real["year"], None, real["report"])


def _made_up() -> Iterator[tuple[str, Report]]:
    """Yield the other reports, each agency's oldest first."""
    figures = {p.code: [*course(p.code, p.size)] for p in PLACES if p.size is not None}
    for code, own in GOVERNMENTS.items():
        below = [figures[p.code] for p in PLACES if p.parent == code and p.code in figures]
        years = zip(course(code, own), *below, strict=True)
        figures[code] = [consolidated(first, rest) for first, *rest in years]
    for place in PLACES:
        for year, filings in zip(YEARS, figures.get(place.code, ()), strict=False):
            if (place.code, year) not in NOT_FILED:
                yield place.code, _report(place, year, filings)


def _report(place: Place, year: int, filings: Filings) -> Report:
    form = the_form_of(year)
    seed = Random(f"gongkai {place.code} {year}")  # noqa: S311 - nothing secret
    words = prose(place.name, year, filings, seed) | dates(place.code, place.kind, year, seed)
    if place.level is Level.TOWNSHIP:
        filings = _nil_if_empty(filings)
    report = Report(form, year, None, filings, **words)
    for odd in ODDITIES:
        if (odd.agency, odd.year) == (place.code, year):
            report = odd.change(report)
    return report


def _nil_if_empty(filings: Filings) -> Filings:
    """Declare nil the tables without a figure other than 0."""
    return {
        key: each if any(each.cells) else replace(each, nil=True, cells=(None,) * len(each.cells))
        for key, each in filings.items()
    }
