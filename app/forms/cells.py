"""Every cell of any edition by its name, as `requests.received.total`."""

from app.domain.crosswalk import lines_of
from app.domain.layout import Cell, Form
from app.forms import FORMS, editions

CELLS: dict[str, Cell] = {
    f"{table.key}.{cell.line.key}.{cell.column.key}": cell
    for form in FORMS
    for table in form.tables
    for cell in table.cells
}
"""The cells as the latest edition that has them prints them."""


def cells_in(form: Form, name: str) -> tuple[int, ...]:
    """Return the places in a form's table of the cells that come to a named one; () if none do.

    One that a form has lines for instead, by the crosswalk, is what those come to.
    """
    key, line, column = name.split(".")
    table = form.table.get(key)
    if table is None:
        return ()
    lines = lines_of(table, line, editions(key))
    places = tuple(table.at[each, column] for each in lines if (each, column) in table.at)
    return places if len(places) == len(lines) else ()
