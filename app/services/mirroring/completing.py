"""What a batch is not whole without.

What depends on each other is only found out when it is here: an agency's parent, who holds its
USCC, what has to go before it can.
"""

from collections.abc import Mapping

from sqlmodel import Session

from app.services.mirroring.batches import ENDS, Batch, Keys, absent, there
from app.services.mirroring.remote import Json
from app.storage import bulk, mirror


def missing(session: Session, batch: Batch) -> tuple[Keys, Keys]:
    """Return what has to be fetched for a batch to be whole, and what has to be fetched again.

    The second is what cannot have been so at one time: a report of an agency that is not there, or
    agencies in a circle.
    """
    needed, again = Keys(), Keys()
    _of_agencies(session, batch, needed, again)
    _of_reports(session, batch, needed, again)
    _of_successions(session, batch, needed, again)
    _of_deletions(session, batch, needed)
    return batch.lacks(needed), again


def _of_agencies(session: Session, batch: Batch, needed: Keys, again: Keys) -> None:
    bodies = there(batch.agencies)
    above = {body["parent"] for body in bodies.values() if body["parent"] is not None}
    past = (each["parent"] for body in bodies.values() for each in body.get("periods", ()))
    above.update(code for code in past if code is not None)
    known = mirror.parents(session, above | bodies.keys())
    needed.agencies |= above - known.keys()
    for code, body in bodies.items():
        if batch.agencies.get(body["parent"], body) is None:
            again.agencies |= {code, body["parent"]}
    parents = known | {code: body["parent"] for code, body in bodies.items()}
    for code in bodies:
        circle = set(_circle(parents, code))
        needed.agencies |= circle
        if circle <= batch.agencies.keys():
            again.agencies |= circle
    _of_usccs(session, bodies, needed, again)


def _of_usccs(session: Session, bodies: Mapping[str, Json], needed: Keys, again: Keys) -> None:
    holders: dict[str, str] = {}
    for code, body in bodies.items():
        if body["uscc"] is not None and holders.setdefault(body["uscc"], code) != code:
            again.agencies |= {code, holders[body["uscc"]]}
    needed.agencies |= set(mirror.holders(session, holders.keys()).values())


def _circle(parents: Mapping[str, str | None], start: str) -> list[str]:
    """Return the agencies of the circle that an agency stands in; none if it stands in none."""
    path = [start]
    seen = {start}
    while (above := parents.get(path[-1])) is not None:
        if above == start:
            return path
        if above in seen:
            return []
        path.append(above)
        seen.add(above)
    return []


def _of_reports(session: Session, batch: Batch, needed: Keys, again: Keys) -> None:
    bodies = there(batch.reports)
    codes = {code for code, _ in bodies}
    needed.agencies |= codes - mirror.parents(session, codes).keys()
    years = {year for _, year in bodies}
    needed.years |= years - bulk.registered_years(session.connection())
    gone_codes, gone_years = set(absent(batch.agencies)), set(absent(batch.years))
    again.reports |= {key for key in bodies if key[0] in gone_codes or key[1] in gone_years}
    again.agencies |= codes & gone_codes
    again.years |= years & gone_years


def _of_successions(session: Session, batch: Batch, needed: Keys, again: Keys) -> None:
    bodies = there(batch.successions)
    if not bodies:
        return
    pairs = {id_: tuple(body[end]["code"] for end in ENDS) for id_, body in bodies.items()}
    codes = {code for pair in pairs.values() for code in pair}
    needed.agencies |= codes - mirror.parents(session, codes).keys()
    known = mirror.successions_there(session)
    held = {(tie.predecessor, tie.successor, tie.year): id_ for id_, tie in known.items()}
    same = ((*pairs[id_], int(body["effective_on"][:4])) for id_, body in bodies.items())
    needed.successions |= {held[key] for key in same if key in held}
    gone = set(absent(batch.agencies))
    again.agencies |= codes & gone
    again.successions |= {id_ for id_, pair in pairs.items() if gone.intersection(pair)}


def _of_deletions(session: Session, batch: Batch, needed: Keys) -> None:
    gone = absent(batch.agencies)
    if gone:
        needed.agencies |= mirror.children(session, gone)
        needed.reports |= mirror.reports_of(session, gone)
        needed.successions |= mirror.touching(mirror.successions_there(session), gone)
    if years := absent(batch.years):
        needed.reports |= mirror.reports_on(session, years)
