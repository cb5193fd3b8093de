"""The published editions of the form, one module each: `y<first year>.py` with a `FORM`.

To add an edition, add its module; nothing outside this package changes but the database, by a
migration that Alembic generates.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from app.domain.layout import Form, Table

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


def editions(table: str) -> tuple[Table, ...]:
    """Return a table as each form that has it prints it, oldest first."""
    return tuple(form.table[table] for form in FORMS if table in form.table)


TABLE_KEYS: tuple[str, ...] = tuple(
    dict.fromkeys(table.key for form in FORMS for table in form.tables)
)
"""The keys of every table of any form, in form order."""
