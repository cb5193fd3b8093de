"""Ways to change a report: cells that are wrong, blank or not there, and other members."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from app.domain.layout import Value
from app.domain.report import Filing, Report

Change = Callable[[Report], Report]


def _in_table(key: str, change: Callable[[Filing], Filing]) -> Change:
    return lambda report: replace(
        report, filings={**report.filings, key: change(report.filings[key])}
    )


def _cells(change: Callable[[str, Value], Value]) -> Callable[[Filing], Filing]:
    return lambda filing: replace(
        filing,
        cells=tuple(change(c.name, filing.cells[c.index]) for c in filing.table.cells),
    )


def put(table: str, **values: Value) -> Change:
    """Set cells, named `line__column`."""
    return _in_table(table, _cells(values.get))


def shift(table: str, **by: int) -> Change:
    """Add to cells, named `line__column`."""
    return _in_table(
        table,
        _cells(lambda name, value: value + by.get(name, 0) if isinstance(value, int) else value),
    )


def times(table: str, factor: int) -> Change:
    """Multiply every cell."""
    return _in_table(
        table, _cells(lambda _, value: value * factor if isinstance(value, int) else value)
    )


def blank(table: str, *columns: str) -> Change:
    """Leave columns blank."""
    return _in_table(
        table, _cells(lambda name, value: None if name.partition("__")[2] in columns else value)
    )


def nil(table: str) -> Change:
    """Declare a table empty, whatever stands in it."""
    return _in_table(table, lambda filing: replace(filing, nil=True))


def remark(table: str, remarks: Mapping[str, str]) -> Change:
    """Write remarks beside cells."""
    return _in_table(table, lambda filing: replace(filing, remarks=remarks))


def missing(table: str) -> Change:
    """Leave a table out."""
    return lambda report: replace(
        report, filings={key: f for key, f in report.filings.items() if key != table}
    )


def say(**members: str | None) -> Change:
    """Set members of the report beside its tables."""
    return lambda report: replace(report, **members)  # type: ignore[arg-type]


def both(first: Change, second: Change) -> Change:
    """Make two changes."""
    return lambda report: second(first(report))
