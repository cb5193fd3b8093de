"""Reports between reading and writing, as bytes: what a line says, without its agency and year."""

import marshal
from dataclasses import replace

from app.domain.layout import Form
from app.domain.report import PROSE, Agency, Filing, Report


def whole(report: Report) -> bytes:
    """Return a report that replaces all of what is stored, as a PUT does."""
    prose = tuple(getattr(report, name) for name in PROSE)
    return marshal.dumps((prose, {key: _flat(filing) for key, filing in report.filings.items()}))


def tables(filings: dict[str, Filing | None]) -> bytes:
    """Return tables that replace those that are stored and leave all else as it is.

    None for a table that is missing from now on. Remarks stay; choices that are named replace.
    """
    flat = {key: filing and _flat(filing) for key, filing in filings.items()}
    return marshal.dumps((None, flat))


def _flat(filing: Filing) -> tuple[object, ...]:
    return filing.cells, filing.nil, dict(filing.remarks), dict(filing.choices)


def report(body: bytes, form: Form, year: int, agency: Agency, old: Report | None) -> Report:
    """Return the report that is there once this is written."""
    prose, flat = marshal.loads(body)  # noqa: S302 - written by this process, in a file of its own
    if prose is not None:
        filings = {key: Filing(form.table[key], *filing) for key, filing in flat.items()}
        return Report(form, year, agency, filings, *prose)
    base = old or Report(form, year, agency, {})
    kept = dict(base.filings)
    for key, filing in flat.items():
        before = kept.pop(key, None)
        if filing is not None:
            kept[key] = _over(before, Filing(form.table[key], *filing))
    return replace(base, filings={key: kept[key] for key in form.table if key in kept})


def _over(before: Filing | None, new: Filing) -> Filing:
    """Return a table in place of another, whose remarks and choices stay."""
    defaults = {choice.key: choice.default for choice in new.table.choices}
    if before is None:
        return replace(new, choices={**defaults, **new.choices})
    choices = {**defaults, **before.choices, **new.choices}
    return replace(new, remarks=before.remarks, choices=choices)
