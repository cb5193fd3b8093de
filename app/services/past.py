"""What was said at a time: reports as they were, and roll-ups of them.

A roll-up of the past is computed like one of the present: what it is computed from is put into a
database in memory, as it was.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from app.domain.calendar import LOCAL
from app.domain.report import Agency
from app.forms import form_of
from app.services import encoding, filing, reporting, rolling
from app.services.rolling import Basis
from app.storage import history, paging, reports, scratch
from app.storage.reports import Stored

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ORDER = (("agency", False), ("year", False))
_ALL = 2**31 - 1


def moment(text: str) -> str | None:
    """Return a time as it is stored; that of a day is its last, in China. None if it is neither.

    What no calendar of ours reaches counts as its end.
    """
    try:
        if _DAY.fullmatch(text):
            end = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), LOCAL)
            return reporting.shown_time(end.astimezone(UTC) - timedelta(microseconds=1))
        found = datetime.fromisoformat(text.replace(" ", "+"))
        if found.tzinfo is not None:
            return reporting.shown_time(found.astimezone(UTC))
    except OverflowError:
        return "0001" if text < "5" else "9999-12-31T23:59:59.999999Z"
    except ValueError:
        pass
    return None


def written(zipped: bytes, year: int) -> dict[str, Any]:
    """Return what clients wrote of a document."""
    body = encoding.decoded(zipped)
    form = form_of(year)
    assert form is not None
    agency = Agency(body["agency"]["code"], body["agency"]["name"], "", "")
    return filing.writable(filing.report_from(form, year, agency, body))


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
    """Return the ETag and the JSON of a roll-up of reports as they were. Raises `NotFound`."""
    rolling.require(connection, agency, year)
    with scratch.opened(connection) as then:
        asked = {"as_of": as_of, "year": year, "under": agency}
        rows, _ = paging.reading(history.PAST, asked, _ORDER, None, limit=_ALL, count=False)(
            connection
        )
        for row in rows:
            _restore(then, encoding.decoded(bytes(row[2])))
        return rolling.computed(then, agency, year, basis)


def _restore(connection: Connection, body: dict[str, Any]) -> None:
    """Write a report as a document shows it."""
    code, year = body["agency"]["code"], body["year"]
    form, agency = form_of(year), reports.agency(connection, code)
    if form is None or agency is None:
        return
    report = filing.report_from(form, year, agency, body)
    stamps = {key: reports.Stamp(1, body["updated_at"]) for key in report.filings}
    stored = Stored(report, 1, body["created_at"], body["updated_at"], stamps, False, False)
    reports.save_report(connection, stored, None)
    for key in report.filings:
        reports.save_filing(connection, report, key, stamps[key], new=True)
