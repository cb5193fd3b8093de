"""What was said at a time: reports as they were, and roll-ups of them.

A roll-up of the past is computed like one of the present: what it is computed from is put into a
database in memory, as it was.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from app.domain.calendar import LOCAL
from app.domain.report import Agency, Report
from app.forms import the_form_of
from app.services import encoding, filing, reporting, rolling
from app.services.rolling import Basis
from app.storage import bulk, history, scratch
from app.storage.bulk import Batch
from app.storage.reports import Stamp, Stored

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SOME = 500
"""How many agencies' reports are put back at a time."""


def moment(text: str) -> str | None:
    """Return a time as it is stored; that of a day is its last, in China. None if it is neither.

    What no calendar of ours reaches counts as its end.
    """
    try:
        if _DAY.fullmatch(text):
            end = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), LOCAL)
            return reporting.shown_time(end.astimezone(UTC) - timedelta(microseconds=1))
        return reporting.time_of(text)
    except OverflowError:
        return "0001" if text < "5" else "9999-12-31T23:59:59.999999Z"
    except ValueError:
        return None


def written(zipped: bytes) -> dict[str, Any]:
    """Return what clients wrote of a document."""
    return filing.writable(_report(encoding.decoded(zipped)))


def _report(body: dict[str, Any]) -> Report:
    """Return the report that a document shows. What its agency is, a document does not say."""
    agency = Agency(body["agency"]["code"], body["agency"]["name"], "", "")
    return filing.report_from(the_form_of(body["year"]), body["year"], agency, body)


def differences(before: Any, after: Any, pointer: str = "") -> list[dict[str, Any]]:
    """Return where two values differ, leaf by leaf."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = dict.fromkeys((*before, *after))
        return [
            each
            for name in names
            for each in differences(before.get(name), after.get(name), f"{pointer}/{name}")
        ]
    if isinstance(after, dict):
        return differences({}, after, pointer)
    if isinstance(before, dict) and after is None:
        return differences(before, {}, pointer)
    return [] if before == after else [{"pointer": pointer, "from": before, "to": after}]


def rollup(
    connection: Connection, agency: str, year: int, basis: Basis, as_of: str
) -> tuple[str, bytes]:
    """Return the ETag and the JSON of a roll-up of reports as they were. Raises `NotFound`.

    Who is counted is what the year's tree says, whatever is known of that since.
    """
    rolling.require(connection, agency, year)
    members = rolling.members(connection, agency, year, basis)
    with scratch.opened(connection, members) as then:
        left = iter(members)
        while some := list(islice(left, _SOME)):
            batch = Batch()
            for revision, zipped in history.documents(connection, some, year, as_of):
                stored = _restored(encoding.decoded(bytes(zipped)), revision)
                batch.put(None, stored, stored.report.filings)
            bulk.insert(then, batch)
        return rolling.computed(then, agency, year, basis)


def _restored(body: dict[str, Any], revision: int) -> Stored:
    """Return a report as a document shows it."""
    report, time = _report(body), body["updated_at"]
    stamps = dict.fromkeys(report.filings, Stamp(revision, time))
    return Stored(report, revision, body["created_at"], time, stamps, False, False)
