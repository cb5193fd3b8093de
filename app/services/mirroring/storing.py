"""Storing what was copied, through the services that clients' writes go through, too."""

from collections import Counter
from collections.abc import Mapping

from sqlmodel import Session

from app.services import filing, registering, reporting
from app.services.mirroring.batches import Batch, absent, parents_first, there
from app.services.mirroring.remote import Json, UnexpectedError
from app.storage import agencies, mirror


def store(session: Session, batch: Batch) -> Counter[str]:
    """Store a batch that is whole; count what was created, updated and deleted.

    Closed years take it all: what is closed is closed to those who write at its source.
    """
    done: Counter[str] = Counter()
    mirror.lock(session, {year for _, year in batch.reports})
    for year, body in sorted(there(batch.years).items()):
        done += _store_year(session, year, body)
    done += _store_agencies(session, there(batch.agencies))
    for key in sorted(batch.reports):
        done += _store_report(session, *key, batch.reports[key])
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
    done: Counter[str] = Counter()
    _release_usccs(session, bodies)
    for code in parents_first(bodies):
        current = registering.enter_agency(session, code)
        before = current.revision if current else None
        values = {name: bodies[code][name] for name in agencies.WRITABLE}
        done += _done(before, registering.save_agency(session, code, current, values).revision)
    return done


def _release_usccs(session: Session, bodies: Mapping[str, Json]) -> None:
    """Take USCCs from agencies of the batch that hold those which others of it are to get."""
    wanted = {body["uscc"]: code for code, body in bodies.items() if body["uscc"] is not None}
    for uscc, holder in mirror.holders(session, wanted.keys()).items():
        if holder != wanted[uscc] and (current := agencies.lock(session, holder)) is not None:
            kept = {name: getattr(current, name) for name in agencies.WRITABLE}
            registering.save_agency(session, holder, current, kept | {"uscc": None})


def _store_report(session: Session, code: str, year: int, body: Json | None) -> Counter[str]:
    if body is None:
        return _delete_report(session, code, year)
    scene = reporting.enter(session.connection(), code, year)
    if body["form"] != scene.form.key:
        raise UnexpectedError(f"reports/{code}/{year}: form {body['form']}, not {scene.form.key}")
    before = scene.current.revision if scene.current else None
    report = filing.report_from(scene.form, year, scene.agency, body)
    saved = reporting.save(session.connection(), scene, report, copies=True)
    stands = (body.get("state", "draft"), body.get("correction"))
    if stands != (saved.state, saved.correction):
        reporting.stand(session.connection(), scene, *stands)
        before = before and before - 1  # a step is a change, too
    if stands[0] == "published":
        reporting.publish(session.connection(), scene)
    return _done(before, saved.revision)


def _delete_report(session: Session, code: str, year: int) -> Counter[str]:
    if not mirror.reports_of(session, [code]) & {(code, year)}:
        return Counter()
    scene = reporting.enter(session.connection(), code, year)
    reporting.delete(session.connection(), scene)
    return Counter(deleted=1)


def _delete_agencies(session: Session, codes: set[str]) -> Counter[str]:
    """Delete agencies, those below before those above."""
    parents = mirror.parents(session, codes)
    order = list(parents_first({c: {"parent": parents[c]} for c in codes if c in parents}))
    for code in reversed(order):
        current = registering.enter_agency(session, code)
        assert current is not None
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
