"""The published editions of the form, one module each: `y<first year>.py` with a `FORM`.

To add an edition, add its module; nothing outside this package changes but the database, by a
migration that Alembic generates.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from app.domain.layout import Cell, Form, Label, Table

FORMS: tuple[Form, ...] = tuple(
    sorted(
        (
            import_module(f"{__name__}.{module.name}").FORM
            for module in iter_modules(__path__)
            if module.name.startswith("y")
        ),
        key=lambda form: form.first_year,
    )
)
FORM_BY_KEY = {form.key: form for form in FORMS}
FIRST_YEAR = FORMS[0].first_year


@cache
def form_of(year: int) -> Form | None:
    """Return the form that reports on `year` follow; None before the first edition."""
    return max(
        (form for form in FORMS if form.first_year <= year),
        key=lambda form: form.first_year,
        default=None,
    )


def the_form_of(year: int) -> Form:
    """Return the form of a year that has one, as every reporting year has."""
    form = form_of(year)
    assert form is not None
    return form


def last_year(form: Form) -> int | None:
    """Return the last year that follows a form; None for the latest edition."""
    later = [each.first_year for each in FORMS if each.first_year > form.first_year]
    return min(later) - 1 if later else None


def editions(table: str) -> tuple[Table, ...]:
    """Return a table as each form that has it prints it, oldest first."""
    return tuple(form.table[table] for form in FORMS if table in form.table)


@cache
def cells_of(table: str) -> dict[str, Cell]:
    """Return the cells of a table in any edition, by name."""
    return {cell.name: cell for each in editions(table) for cell in each.cells}


@cache
def choices_of(table: str) -> dict[str, Label]:
    """Return the members that a table has beside its cells in any edition, with their labels."""
    return {choice.key: choice.label for each in editions(table) for choice in each.choices}


TABLE_KEYS: tuple[str, ...] = tuple(
    dict.fromkeys(table.key for form in FORMS for table in form.tables)
)
"""The keys of every table of any form, in form order."""
