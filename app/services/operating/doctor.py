"""`gongkai doctor`: one look at everything that can be wrong."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from sqlalchemy.exc import SQLAlchemyError

from app.services.operating import checks, surroundings
from app.services.operating.findings import Check, Finding, OfSettings, Patient, wrong
from app.settings import Settings
from app.storage.database import read_engine, using

SURROUNDINGS: tuple[OfSettings, ...] = (
    surroundings.settings,
    surroundings.file,
    surroundings.disk,
)
"""The checks that ask no database."""

BASIC: tuple[Check, ...] = (checks.database, checks.migrations)
"""The checks of any database; without them the others have nothing to look at."""

CHECKS: tuple[Check, ...] = (
    checks.writing,
    checks.rows,
    checks.clock,
    checks.rule_set,
    checks.documents,
    checks.feed,
    checks.audit,
    checks.read_replica,
)
"""The checks of a database with the newest tables, in the order in which they are told."""

_SIGNS = {"ok": "ok", "warn": "warn", "fail": "FAIL"}


def examine(settings: Settings, *, deep: bool) -> list[Finding]:
    """Run every check; what cannot be asked is not told."""
    found = [finding for check in SURROUNDINGS for finding in check(settings)]
    if any(each.check == "file" and each.status == "fail" for each in found):
        return found  # to open a database that is not there would make one
    try:
        with using(read_engine(settings)) as engine, engine.connect() as connection:
            patient = Patient(settings, connection, deep)
            basic = [each for check in BASIC for each in _tried(check, patient)]
            found += basic
            if not any(each.status == "fail" for each in basic):
                found += [each for check in CHECKS for each in _tried(check, patient)]
    except SQLAlchemyError as error:
        found.append(wrong("database", _cause(error), "see to the database, or correct its URL"))
    return found


def _tried(check: Check, patient: Patient) -> Iterator[Finding]:
    """Run a check; one that cannot be carried out is a failure of its own."""
    try:
        yield from check(patient)
    except Exception as error:
        name = check.__name__.replace("_", " ")
        yield wrong(name, f"cannot be checked: {_cause(error)}", "see to the database")


def _cause(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or repr(cause)).splitlines()[0]


def has_failed(found: Iterable[Finding]) -> bool:
    """Tell whether anything is wrong."""
    return any(each.status == "fail" for each in found)


def as_text(found: Iterable[Finding]) -> str:
    """Return a line for each finding."""
    return "\n".join(_line(each) for each in found)


def _line(each: Finding) -> str:
    cure = f" → {each.cure}" if each.cure else ""
    return f"{_SIGNS[each.status]:<5} {each.check:<11} {each.text}{cure}"


def as_json(found: list[Finding]) -> str:
    """Return the findings for programs."""
    value = {"ok": not has_failed(found), "checks": [asdict(each) for each in found]}
    return json.dumps(value, ensure_ascii=False, indent=2)
