"""Storing what was copied: agencies and years as clients write them, reports as imports do."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import Connection
from sqlmodel import Session

from app.domain.periods import DATED, SINCE_EVER, Period
from app.errors import NotFound
from app.forms import the_form_of
from app.services import filing, keeping, registering, reporting, writing
from app.services.mirroring.batches import ENDS, Batch, Fetched, absent, parents_first, there
from app.services.mirroring.remote import Json, UnexpectedError
from app.services.writing import Work, Writing
from app.storage import agencies, feed, keys, mirror, periods, years
from app.storage.layers import PUBLISHED_ONLY, looking
from app.storage.mirror import Key
from app.storage.reports import Stored
from app.storage.statements import look_for_keys
from app.storage.successions import Tie


def store(session: Session, batch: Batch) -> Counter[str]:
    """Store a batch that is whole; count what was created, updated and deleted.

    Closed years take it all: what is closed is closed to those who write at its source.
    """
    done: Counter[str] = Counter()
    mirror.lock(
        session,
        changing=set(batch.years),
        on={year for _, year in batch.reports},
        of={code for code, _ in batch.reports} | batch.agencies.keys(),
        ties=bool(batch.successions),
    )
    for year, body in sorted(there(batch.years).items()):
        done += _store_year(session, year, body)
    done += _store_agencies(session, there(batch.agencies))
    done += _store_successions(session, batch.successions)
    done += _delete_reports(session, absent(batch.reports))
    done += _store_reports(session, there(batch.reports))
    done += _delete_agencies(session, set(absent(batch.agencies)))
    for year in absent(batch.years):
        done += _delete_year(session, year)
    return done


def _store_year(session: Session, year: int, body: Json) -> Counter[str]:
    current = registering.enter_year(session, year)
    before = current.revision if current else None
    due = registering.due_of(year, body["due"])
    saved = registering.save_year(session, year, current, body["status"], due)
    return _done(before, saved.revision)


def _store_agencies(session: Session, bodies: Mapping[str, Json]) -> Counter[str]:
    if not bodies:
        return Counter()
    _release_usccs(session, bodies)
    values = {
        code: {name: bodies[code][name] for name in agencies.WRITABLE}
        for code in parents_first(bodies)
    }
    known = agencies.some(session, values)
    new = {code: each for code, each in values.items() if code not in known}
    registering.add_agencies(session, new)
    updated = set()
    for code, each in values.items():
        if code in known and any(getattr(known[code], name) != each[name] for name in each):
            current = registering.enter_agency(session, code)
            registering.save_agency(session, code, current, each)
            updated.add(code)
    updated |= _dated(session, bodies) - new.keys()
    return Counter(created=len(new), updated=len(updated))


def _dated(session: Session, bodies: Mapping[str, Json]) -> set[str]:
    """Let agencies have been what they were at the source; return of which that was changed."""
    dated = {
        code: tuple(_period(each) for each in body["periods"]) for code, body in bodies.items()
    }
    known = periods.of_some(session.connection(), dated)
    return {
        code
        for code, past in dated.items()
        if past != known[code]
        and (past or len(known[code]) > 1)
        and registering.date_agency(session, code, known[code], past)
    }


def _period(body: Json) -> Period:
    return Period(body["from"] or SINCE_EVER, **{name: body[name] for name in DATED})


def _release_usccs(session: Session, bodies: Mapping[str, Json]) -> None:
    """Take USCCs from agencies of the batch that hold those which others of it are to get."""
    wanted = {body["uscc"]: code for code, body in bodies.items() if body["uscc"] is not None}
    for uscc, holder in mirror.holders(session, wanted.keys()).items():
        if holder != wanted[uscc] and (current := agencies.lock(session, holder)) is not None:
            kept = {name: getattr(current, name) for name in agencies.WRITABLE}
            registering.save_agency(session, holder, current, kept | {"uscc": None})


def _store_successions(session: Session, found: Fetched[str]) -> Counter[str]:
    """Delete successions that are gone, then add those that are new: none ever changes."""
    if not found:
        return Counter()
    known = mirror.successions_there(session)
    gone = [known[id_] for id_ in absent(found) if id_ in known]
    new = [_tie(body) for id_, body in there(found).items() if id_ not in known]
    registering.change_successions(session, gone, new)
    return Counter(created=len(new), deleted=len(gone))


def _tie(body: Json) -> Tie:
    before, after = (body[end]["code"] for end in ENDS)
    day = body["effective_on"]
    return Tie(body["id"], before, after, body["kind"], day, int(day[:4]), reporting.now())


def _store_reports(session: Session, bodies: Mapping[Key, Json]) -> Counter[str]:
    """Store reports, and show everybody those that are published at the source.

    Of a report that is being corrected what was published comes first: it stays until the
    correction is published, too.
    """
    if not bodies:
        return Counter()
    connection = session.connection()
    look_for_keys(connection)
    _store_reports(session, _unlike_what_is_shown(connection, bodies))
    done, current = _written(connection, bodies, _copied)
    published = {key: each for key, each in current.items() if each.state == "published"}
    never = {key for key in current.keys() - published.keys() if current[key].correction is None}
    with looking(connection, PUBLISHED_ONLY):
        _delete_seen(session, never)
        _written(connection, published, _published)
    return done


def _unlike_what_is_shown(connection: Connection, bodies: Mapping[Key, Json]) -> dict[Key, Json]:
    """Return what was published of reports that are being corrected, where it is not shown."""
    shown = {key: body["published"] for key, body in bodies.items() if body.get("published")}
    if not shown:
        return {}
    with looking(connection, PUBLISHED_ONLY):
        some = writing.read(connection, sorted({code for code, _ in shown}), shown)
        return {
            (code, year): body
            for (code, year), body in shown.items()
            if code in some.agencies and not _is_shown(some.work(code, Work), year, body)
        }


def _is_shown(work: Work, year: int, body: Json) -> bool:
    form, old = the_form_of(year), work.now.get(year)
    return old is not None and old.report == filing.report_from(form, year, work.agency, body)


S = TypeVar("S")
Following = Callable[[Writing, Work, int, S], Stored]
"""Returns what an agency's report on a year is from now on, by what was copied of it."""


def _written(
    connection: Connection, wanted: Mapping[Key, S], following: Following[S]
) -> tuple[Counter[str], dict[Key, Stored]]:
    """Write reports; count what was created and updated, and return how they stand."""
    if not wanted:
        return Counter(), {}
    on = [year for _, year in wanted]
    facts = years.facts(years.sharing(connection, min(on) - 1, max(on) + 1))
    some = writing.read(connection, sorted({code for code, _ in wanted}), wanted)
    for code, year in wanted:
        if code not in some.agencies:
            raise NotFound("agency-not-found", agency=code)
        if year not in facts:
            raise NotFound("reporting-year-not-found", year=year)
    made = Writing(some, facts, reporting.now())
    done: Counter[str] = Counter()
    stored: dict[Key, Stored] = {}

    def works() -> Iterator[Work]:
        for code, of_agency in groupby(sorted(wanted), itemgetter(0)):
            work = some.work(code, Work)
            for key in of_agency:
                year = key[1]
                work.now[year] = following(made, work, year, wanted[key])
            yield work

    for work, changed in made.finished(connection, works()):
        feed.collect(connection, changed)
        done += Counter(change.op for change in changed)
        stored |= {(work.agency.code, year): each for year, each in work.now.items()}
    feed.collect(connection, made.write(connection))
    return done, {key: stored[key] for key in wanted}


def _copied(made: Writing, work: Work, year: int, body: Json) -> Stored:
    """Return a report as it is at the source."""
    form, code = the_form_of(year), work.agency.code
    if body["form"] != form.key:
        raise UnexpectedError(f"reports/{code}/{year}: form {body['form']}, not {form.key}")
    report, old = filing.report_from(form, year, work.agency, body), work.now.get(year)
    stands = (body.get("state", "draft"), body.get("correction"))
    if old is not None and (old.report, old.state, old.correction) == (report, *stands):
        return old
    first = made.some.first_revision(code, year)
    revision = first if old is None else old.revision + (old.report != report)
    new = reporting.succeeding(old, report, revision, made.time, beside=work.now)
    return replace(new, state=stands[0], correction=stands[1])


def _published(made: Writing, work: Work, year: int, current: Stored) -> Stored:
    """Return a published report as it is from now on, by how it is worked on."""
    old = work.now.get(year)
    if old is not None and old.revision == current.revision:
        return old
    return reporting.publication(old, current, made.time, beside=work.now)


def _delete_reports(session: Session, keys: Collection[Key]) -> Counter[str]:
    """Delete reports, however they stand: first what everybody sees, which goes with the other."""
    with looking(session.connection(), PUBLISHED_ONLY):
        _delete_seen(session, keys)
    return Counter(deleted=_delete_seen(session, keys))


def _delete_seen(session: Session, keys: Collection[Key]) -> int:
    """Delete what the connection sees of these reports; return how many."""
    connection = session.connection()
    found = mirror.reports_of(session, {code for code, _ in keys}).intersection(keys)
    for code, year in sorted(found):
        reporting.delete(connection, reporting.enter(connection, code, year), copies=True)
    return len(found)


def _delete_agencies(session: Session, codes: set[str]) -> Counter[str]:
    """Delete agencies, those below before those above.

    What they were before holds nobody up, and keys that the copy has for them are revoked.
    """
    connection = session.connection()
    periods.forget(connection, codes)
    parents = mirror.parents(session, codes)
    order = list(parents_first({c: {"parent": parents[c]} for c in codes if c in parents}))
    for code in reversed(order):
        current = registering.enter_agency(session, code)
        assert current is not None
        for key in keys.held(connection, code):
            keeping.revoke(connection, key)
        registering.delete_agency(session, current)
    return Counter(deleted=len(order))


def _delete_year(session: Session, year: int) -> Counter[str]:
    current = registering.enter_year(session, year)
    if current is None:
        return Counter()
    registering.delete_year(session, current)
    return Counter(deleted=1)


def _done(before: int | None, after: int) -> Counter[str]:
    if before is None:
        return Counter(created=1)
    return Counter(updated=1) if after != before else Counter()
