"""The check of the audit log."""

from collections.abc import Iterator

from app.services import auditing
from app.services.operating.findings import Finding, Patient, well, wrong

LATEST = 10_000
"""How many entries are looked at, if not all."""


def audit(patient: Patient) -> Iterator[Finding]:
    """Tell whether the chain of the audit log is whole: all of it, or its latest entries."""
    made = auditing.verify(patient.connection, latest=None if patient.deep else LATEST)
    if not made.is_whole:
        cure = "gongkai audit verify tells all; compare with an export that was kept elsewhere"
        yield wrong("audit", made.breaks[0].text, cure)
        return
    which = "" if patient.deep or made.count < LATEST else "latest "
    yield well("audit", f"{made.count} {which}entries, up to {made.last}, an unbroken chain")
