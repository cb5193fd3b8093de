"""One agency's cells over the years."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.compare import unit_of
from app.domain.layout import NOT_APPLICABLE, Form, Unit, Value
from app.domain.report import Report
from app.domain.totals import effective, together
from app.forms import FORMS, the_form_of
from app.forms.cells import CELLS, cells_in
from app.services.rendering import Json


@dataclass(frozen=True, slots=True)
class Figure:
    """A cell in a year. `state` says what it is, or why there is none; `unit` that of an amount.

    `places` are the cells of the year's form that it stands for: several where an edition prints a
    line as several.
    """

    value: int | None
    state: str
    places: tuple[int, ...] = ()
    unit: str | None = None


def figure(form: Form, report: Report | None, name: str) -> Figure:
    """Return what a report says in a cell, whatever edition the cell is of."""
    key, _, column = name.split(".")
    places = cells_in(form, name)
    filing = report.filings.get(key) if report else None
    if not places:
        return Figure(None, "not_in_form")
    if filing is None:
        return Figure(None, "missing" if report else "no_report", places)
    cells, computed = effective(filing)
    value = together([cells[place] for place in places])
    unit = unit_of(filing, column) if CELLS[name].column.unit is Unit.MONEY else None
    return Figure(
        value if isinstance(value, int) else None,
        _state(value, nil=filing.nil, computed=not computed.isdisjoint(places)),
        places,
        unit,
    )


def _state(value: Value, *, nil: bool, computed: bool) -> str:
    if value is None:
        return "blank"
    if value == NOT_APPLICABLE:
        return "not_applicable"
    return "nil" if nil else "computed" if computed else "reported"


def years_of(
    reports: Mapping[int, Report], years: Iterable[int], names: Sequence[str]
) -> Iterator[tuple[int, Form, list[Figure]]]:
    """Yield each year with its form and its figures, in the order of the names."""
    for year in years:
        form = the_form_of(year)
        yield year, form, [figure(form, reports.get(year), name) for name in names]


def cell(name: str) -> Json:
    """Return a cell of a series: what it is called and counted in."""
    found = CELLS[name]
    return {
        "cell": name,
        "label": found.label._asdict(),
        "unit": found.column.unit.value,
        "forms": [form.key for form in FORMS if cells_in(form, name)],
    }


def label(name: str) -> str:
    """Return a cell's line and column as printed."""
    return CELLS[name].label.zh


def value_of(name: str, figure: Figure) -> int | str | None:
    """Return a figure's value as JSON has it."""
    return CELLS[name].column.unit.shown(figure.value)


def shown(name: str, form: Form, figure: Figure) -> Json:
    """Return a figure as replies show it."""
    made: Json = {"value": value_of(name, figure), "state": figure.state}
    if len(figure.places) > 1:
        table = form.table[name.partition(".")[0]]
        made["cells"] = [table.pointers[place] for place in figure.places]
    if CELLS[name].column.unit is Unit.MONEY:
        made["unit"] = figure.unit
    return made
