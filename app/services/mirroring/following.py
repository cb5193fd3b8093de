"""Loading a copy, following its source, and comparing both.

The position is stored in the transaction that stores what came before it. So whoever is killed goes
on from there, and does again at most what does no harm. Each function yields what it did, in lines.
"""

import time
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator

from app.services import digest_tree
from app.services.digest_tree import FOREST, Tree
from app.services.mirroring import comparing, copying, remote
from app.services.mirroring.batches import Batch, Fetched, Keys, parents_first, parts
from app.services.mirroring.copying import SIZE, Mirror, fetched, repair, store
from app.services.mirroring.remote import AwayError, GoneError, Json, MirrorError
from app.storage import agencies, bulk, digests, mirror
from app.storage.mirror import UNLOADED

PAGE = 200
"""How many changes are taken from the feed, and stored together, at once."""

WAIT = 30
"""Seconds for which the source holds a poll if there is no change."""

_ROUNDS = 3
_PAUSE = 10.0  # seconds before a source that is away is asked again


class DifferError(MirrorError):
    """The copy and its source still differ after all."""


def once(made: Mirror, *, verify: bool = False) -> Iterator[str]:
    """Bring the copy up to date, compare, and repair what differs.

    Raises `DifferError` if that does not help although nobody writes to the source.
    """
    yield from _caught_up(made)
    if verify:
        yield from _resynced(made)
        yield from _placed(made)
    for _ in range(_ROUNDS):
        differing = _differing(made)
        if not differing:
            yield from _agreed(made)
            return
        yield _told(differing)
        yield f"repaired: {_counted(repair(made, differing))}"
        yield from _caught_up(made)
    if differing := _differing(made):
        if _latest(made) == copying.position(made):
            raise DifferError(_told(differing))
        yield f"{_told(differing)}, to which the source is being written"
    else:
        yield from _agreed(made)


def follow(made: Mirror, interval: float, *, verify: bool = False) -> Iterator[str]:
    """Keep the copy up to date for ever; compare every `interval` seconds, never if that is 0."""
    due = time.monotonic()
    while True:
        try:
            if verify or (interval and time.monotonic() >= due):
                yield from once(made, verify=verify)
                verify, due = False, time.monotonic() + interval
            yield from _caught_up(made, WAIT)
        except AwayError as error:
            yield f"the source is away: {error}"
            time.sleep(_PAUSE)
        except DifferError as error:
            yield str(error)
            due = time.monotonic() + interval


# Loading


def _loaded(made: Mirror) -> Iterator[str]:
    """Load everything. What changes meanwhile comes again with the feed."""
    latest = _latest(made)
    wanted = yield from _registered(made)
    count = 0
    for part in parts(remote.exported(made.source, made.under), SIZE):
        found: Fetched[mirror.Key] = {(each["agency"]["code"], each["year"]): each for each in part}
        store(made, Batch(reports=copying.with_published(made, found)))
        count += len(part)
    yield f"loaded {count} reports"
    yield from _finished(made, wanted, latest)


def _resynced(made: Mirror) -> Iterator[str]:
    """Load agencies and years, but of the reports those alone that differ.

    The position stays: a digest does not tell how far a filing is, the feed does.
    """
    wanted = yield from _registered(made)
    yield from _finished(made, wanted, copying.position(made))


def _placed(made: Mirror) -> Iterator[str]:
    """Repair the reports whose filing is elsewhere than at the source.

    And those that are being corrected, of which nothing that was published is shown.
    """
    ours, shown, keys = made.read(mirror.states), made.read(mirror.published), Keys()
    for each in remote.listed(made.source, "/v1/reports", under=made.under):
        key, state = (each["agency"]["code"], each["year"]), each.get("state", "draft")
        is_hidden = each.get("correction") is not None and key not in shown
        if ours.get(key, state) != state or is_hidden:
            keys.reports.add(key)
    if keys.reports:
        yield f"reports stand elsewhere than at the source: {_named(keys)}"
        yield f"repaired: {_counted(repair(made, keys))}"


def _registered(made: Mirror) -> Generator[str, None, Keys]:
    """Store the years, and the agencies from the top down; return which these are."""
    years = {each["year"]: each for each in remote.listed(made.source, "/v1/reporting-years")}
    bodies = {each["code"]: each for each in _agencies(made)}
    yield f"loading {len(years)} years, {len(bodies)} agencies"
    store(made, Batch(years=dict(years)))
    for part in parts(parents_first(bodies), SIZE):
        some: Fetched[str] = {code: bodies[code] for code in part}
        store(made, Batch(agencies=copying.with_periods(made, some)))
    ties = {each["id"]: each for each in remote.listed(made.source, "/v1/successions")}
    store(made, Batch(successions=copying.copied_successions(made, dict(ties))))
    return Keys(set(years), set(bodies), successions=set(ties))


_OF_AGENCIES = ("code", *agencies.WRITABLE, "created_at", "updated_at")


def _agencies(made: Mirror) -> Iterator[Json]:
    """Yield the agencies that are copied."""
    for each in remote.listed(made.source, "/v1/agencies", under=made.under):
        yield {name: each[name] for name in _OF_AGENCIES}
    code = made.under
    while code is not None and (body := remote.find(made.source, f"/v1/agencies/{code}")):
        yield body
        code = body["parent"]


def _finished(made: Mirror, wanted: Keys, latest: int) -> Iterator[str]:
    """Repair what differs, delete what is not copied, and say that the copy is loaded."""
    if differing := _differing(made):
        yield _told(differing)
        yield f"repaired: {_counted(repair(made, differing))}"
    extra = _extra(made, wanted)
    done = store(made, extra, latest, fixed=_outside(made, extra.agencies))
    if done["deleted"]:
        what = "agencies, years and successions that the source does not have"
        yield f"deleted {done['deleted']} {what}"


def _extra(made: Mirror, wanted: Keys) -> Batch:
    """Fetch what is here beside reports and was not there; it may have come meanwhile."""
    codes = made.read(mirror.codes) - wanted.agencies
    years = made.read(lambda session: bulk.registered_years(session.connection())) - wanted.years
    ties = made.read(mirror.successions_there).keys() - wanted.successions
    return fetched(made, Keys(years, codes, successions=ties))


def _outside(made: Mirror, codes: Collection[str]) -> Batch:
    """Return agencies that are outside of the part that is copied, with what is theirs, as gone."""
    if made.under is None:
        return Batch()
    reports = made.read(lambda session: mirror.reports_of(session, codes))
    ties = mirror.touching(made.read(mirror.successions_there), codes)
    return Batch({}, dict.fromkeys(codes), dict.fromkeys(reports), dict.fromkeys(ties))


# Following


def _caught_up(made: Mirror, wait: int = 0) -> Iterator[str]:
    """Apply the changes that there are by now; with `wait`, those that one poll brings."""
    if copying.position(made) == UNLOADED:
        yield from _loaded(made)
    latest = None
    while latest is None or copying.position(made) < latest:
        after = copying.position(made)
        try:
            page = _page(made, after, wait)
        except GoneError:
            yield f"changes after {after} are no longer kept: loading again"
            yield from _loaded(made)
            return
        yield from _applied(made, page, after)
        latest = page["latest"] if latest is None else latest
        if wait:
            return


def _page(made: Mirror, after: int, wait: int) -> Json:
    page = remote.changes(made.source, after=after, limit=PAGE, wait=wait)
    if page["latest"] < after:  # another database, or this one put back to an older state
        raise GoneError
    return page


def _latest(made: Mirror) -> int:
    return int(remote.changes(made.source, limit=1)["latest"])


def _applied(made: Mirror, page: Json, after: int) -> Iterator[str]:
    """Apply a page; one that shows nothing, as the caller may not see it, moves on all the same."""
    changes = [each for each in page["items"] if each["op"] != "rechecked"]
    if made.under is not None and any(map(_moves_agencies, changes)):
        yield from _resynced(made)
    if page["next"] > after:
        done = store(made, fetched(made, _keys(made, changes)), page["next"])
        if page["items"]:
            yield f"applied {len(changes)} changes up to {page['next']}: {_counted(done)}"


def _moves_agencies(change: Json) -> bool:
    """Tell whether a change may bring agencies into a part of the tree, or take them out of it."""
    moves = change["op"] != "updated" or "parent" in change["members"]
    return change["resource"] == "agencies" and moves


def _keys(made: Mirror, changes: Iterable[Json]) -> Keys:
    """Return what was changed, so far as it is copied."""
    keys = Keys()
    for resource, key in {(each["resource"], each["key"]) for each in changes}:
        if resource == "reporting-years":
            keys.years.add(int(key))
        elif resource == "agencies":
            keys.agencies.add(key)
        elif resource == "reports":
            code, _, year = key.rpartition("/")
            keys.reports.add((code, int(year)))
        elif resource == "successions":
            keys.successions.add(key)
    if made.under is not None:
        under = made.under
        inside = made.read(lambda session: mirror.inside(session, under))
        keys.agencies &= made.read(mirror.codes)
        keys.reports = {key for key in keys.reports if key[0] in inside}
    return keys


# Comparing


def _differing(made: Mirror) -> Keys:
    return comparing.differences(made.source, _tree(made), made.under)


def _tree(made: Mirror) -> Tree:
    root = FOREST if made.under is None else made.under
    found = made.read(lambda session: digests.read(session.connection(), made.under, None))
    return digest_tree.tree(*found, root)


def _agreed(made: Mirror) -> Iterator[str]:
    found = _tree(made)
    root = FOREST if made.under is None else made.under
    yield f"digests agree: {found.reports.get(root, 0)} reports, {found.digest.get(root)}"


def _told(keys: Keys) -> str:
    return f"digests differ at {_named(keys)}"


def _named(keys: Keys) -> str:
    some = [f"{code}/{year}" for code, year in sorted(keys.reports)[:5]] or sorted(keys.agencies)
    more = len(keys.reports) - 5
    return ", ".join(some) + (f" and {more} more" if more > 0 else "")


def _counted(done: Counter[str]) -> str:
    return ", ".join(f"{done[what]} {what}" for what in ("created", "updated", "deleted"))
