"""A copy and its source: what is fetched from the one, and stored in the other."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session

from app.errors import AppError
from app.services import reporting
from app.services.mirroring import completing, remote, storing
from app.services.mirroring.batches import ENDS, Batch, Fetched, Keys, parts, there
from app.services.mirroring.remote import AwayError, Json, Remote, UnexpectedError
from app.settings import Settings
from app.storage import mirror
from app.storage.database import in_session, read_engine, run, using, write_engine
from app.storage.mirror import UNLOADED, Key, State

T = TypeVar("T")

SIZE = 200
"""How many resources are stored in one transaction when many are loaded."""

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Mirror:
    """A copy: of which instance, of what part of it, and the engines by which it is reached.

    `under` is an agency: it, all below it and those above it are copied, with the reports at or
    below it. None for all.
    """

    url: str
    source: Remote
    under: str | None
    writes: Any
    reads: Any

    def read(self, job: Callable[[Session], T]) -> T:
        """Read from the copy."""
        return run(self.reads, in_session(job))


@contextmanager
def opened(settings: Settings, url: str, under: str | None) -> Iterator[Mirror]:
    """Open the database of the copy, and connect to the source."""
    key = settings.mirror_key
    with (
        using(write_engine(settings)) as writes,
        using(read_engine(settings)) as reads,
        remote.opened(url, key.get_secret_value() if key else None) as source,
    ):
        yield Mirror(url.rstrip("/"), source, under, writes, reads)


def claim(made: Mirror, *, replace: bool) -> None:
    """Make the database a copy of the source, if it is none yet, or shall be one of another.

    Raises `UnexpectedError` if it is a copy of something else or has data of its own, which would
    be lost and shall not be replaced, and if the source is none or has no such agency.
    """
    state = made.read(mirror.state)
    if state is not None and (state.source, state.under) == (made.url, made.under or ""):
        return
    if not replace and state is not None:
        of = state.source + (f" under {state.under}" if state.under else ", all of it")
        raise UnexpectedError(f"the database is a copy of {of}; --replace makes it one of this")
    if not replace and made.read(mirror.codes):
        raise UnexpectedError("the database has data of its own; --replace gives it up")
    remote.changes(made.source, limit=1)
    if made.under and remote.find(made.source, f"/v1/agencies/{made.under}") is None:
        raise UnexpectedError(f"there is no agency {made.under}")
    store(made, Batch(), UNLOADED)


def position(made: Mirror) -> int:
    """Return the number of the last change of the source that is in the copy."""
    state = made.read(mirror.state)
    return UNLOADED if state is None else state.position


def fetched(made: Mirror, keys: Keys) -> Batch:
    """Fetch the present state of resources."""
    years, codes, reports = sorted(keys.years), sorted(keys.agencies), sorted(keys.reports)
    ties = sorted(keys.successions)
    paths = [
        *(f"/v1/reporting-years/{year}" for year in years),
        *(f"/v1/agencies/{code}" for code in codes),
        *(f"/v1/reports/{code}/{year}" for code, year in reports),
        *(f"/v1/successions/{id_}" for id_ in ties),
    ]
    found = iter(remote.find_all(made.source, paths))
    return Batch(
        {year: next(found) for year in years},
        with_periods(made, {code: next(found) for code in codes}),
        with_published(made, {key: next(found) for key in reports}),
        copied_successions(made, {id_: next(found) for id_ in ties}),
    )


def with_periods(made: Mirror, found: Fetched[str]) -> Fetched[str]:
    """Return agencies with what they were before, as `periods`; none if they were never changed.

    In a part of the tree the past has no place: those who stood above may be outside.
    """
    if made.under is not None:
        return {code: body and body | {"periods": []} for code, body in found.items()}
    changed = [code for code, b in there(found).items() if b["updated_at"] != b["created_at"]]
    pages = remote.find_all(made.source, (f"/v1/agencies/{code}/periods" for code in changed))
    past = {code: page["items"] for code, page in zip(changed, pages, strict=True) if page}
    return {code: body and body | {"periods": past.get(code, [])} for code, body in found.items()}


def with_published(made: Mirror, found: Fetched[Key]) -> Fetched[Key]:
    """Return reports, those that are being corrected with what was published, as `published`."""
    bodies = dict(found)
    for key, body in there(found).items():
        if body.get("correction") is not None and body["state"] != "published":
            bodies[key] = body | {"published": _published(made, *key)}
    return bodies


def _published(made: Mirror, code: str, year: int) -> Json | None:
    """Return what was published, as everybody sees it, or else by the history of the filing."""
    path = f"/v1/reports/{code}/{year}"
    if (body := remote.shown(made.source, path)) is not None:
        return body
    told = remote.find(made.source, f"{path}/transitions")
    reason = shown = None
    for step in told["history"] if told else ():
        if step["action"] == "correct":
            reason = step["comment"]
        if step["to"] == "published":
            shown = (step["revision"], reason)
    if shown is None:
        return None
    body = remote.find(made.source, f"{path}/revisions/{shown[0]}")
    return body and body | {"state": "published", "correction": shown[1]}


def copied_successions(made: Mirror, found: Fetched[str]) -> Fetched[str]:
    """Return successions of which both agencies are copied; of others, that they are not there."""
    if made.under is None or not found:
        return found
    codes = made.read(mirror.codes)
    return {
        id_: body if body and {body[end]["code"] for end in ENDS} <= codes else None
        for id_, body in found.items()
    }


def store(
    made: Mirror, batch: Batch, reached: int | None = None, *, fixed: Batch | None = None
) -> Counter[str]:
    """Complete a batch and store it, and with it the position that is reached by it, if any.

    Whoever writes to the copy meanwhile may be in the way: then all of it is fetched again, but for
    what is `fixed`, whatever the source says of it.
    """
    fixed = fixed or Batch()
    batch.take(fixed)

    def job(session: Session) -> Counter[str]:
        done = storing.store(session, batch)
        if reached is not None:
            state = State(made.url, made.under or "", reached)
            mirror.save(session, state, reporting.now())
        return done

    for _ in range(_ATTEMPTS - 1):
        _complete(made, batch)
        try:
            return run(made.writes, in_session(job))
        except (AppError, IntegrityError, OperationalError):
            batch.take(fetched(made, fixed.lacks(batch.keys)))
    _complete(made, batch)
    return run(made.writes, in_session(job))


def _complete(made: Mirror, batch: Batch) -> None:
    """Fetch what a batch is not whole without."""
    repeated = 0
    while True:
        needed, again = made.read(lambda session: completing.missing(session, batch))
        if not needed and not again:
            return
        repeated += bool(again)
        if repeated > _ATTEMPTS:
            raise AwayError("the source changes faster than it can be read")
        batch.take(fetched(made, needed))
        batch.take(fetched(made, again))


def repair(made: Mirror, keys: Keys) -> Counter[str]:
    """Fetch and store what differs, part by part."""
    done = store(made, fetched(made, Keys(keys.years, keys.agencies)))
    for part in parts(sorted(keys.reports), SIZE):
        done += store(made, fetched(made, Keys(reports=set(part))))
    return done
