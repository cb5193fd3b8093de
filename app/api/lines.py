"""Reports as lines of NDJSON in which nothing is wrong, as most are: read without much ado.

Most tables say what those of lines before have said, zeros above all. So a line is taken apart into
the texts of its tables, and what a text says is known by the text.
"""

from functools import lru_cache

import msgspec
from pydantic_core import from_json

from app.api import bodies, schemas
from app.api.whole_tables import whole
from app.api.writing import report_contradictions, table_contradictions
from app.domain.layout import Form, Table
from app.domain.report import Filing
from app.services import filing, staged
from app.services.importing import Read

_LONGEST = 2**14  # bytes: what a longer text says is not kept
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def quick(number: int, line: bytes) -> Read | None:
    """Read a line in which nothing is wrong; None for one that wants a closer look."""
    try:
        texts = _texts(line)
        tables = _texts(texts.pop("tables"))
        body = {name: from_json(text, allow_inf_nan=False) for name, text in texts.items()}
        form = schemas.form_in(body)
        if form is None:
            return None
        filings, members = _tables(form, tables)
        if not bodies.is_plain(line, body, 1 + members):
            return None
        schemas.new_report(form).__pydantic_validator__.validate_python(body)
    except (ValueError, KeyError, RecursionError):
        return None
    if report_contradictions(form, body):
        return None
    said = filing.report_from(form, body["year"], None, body, filings)
    return Read(number, schemas.agency_code(body["agency"]), body["year"], staged.whole(said))


def _texts(text: bytes) -> dict[str, bytes]:
    """Return the members of an object as JSON, the last of those of a name."""
    return {name: bytes(member) for name, member in _MEMBERS.decode(text).items()}


def _tables(form: Form, texts: dict[str, bytes]) -> tuple[dict[str, Filing], int]:
    """Read tables; return those that are filed, and how many members they and their names are."""
    filings: dict[str, Filing] = {}
    members = len(texts)
    for key, text in texts.items():
        read = _table if len(text) <= _LONGEST else _table.__wrapped__
        filed, count = read(form, form.table[key], text)
        members += count
        if filed is not None:
            filings[key] = filed
    return filings, members


@lru_cache(maxsize=256)
def _table(form: Form, table: Table, text: bytes) -> tuple[Filing | None, int]:
    """Read a table in which nothing is wrong; None for one that is missing. Count its members.

    Raises `ValueError` for one that wants a closer look.
    """
    if text == b"null":
        return None, 0
    body = from_json(text, allow_inf_nan=False)
    if type(body) is not dict or not bodies.is_plain(text, body):
        raise ValueError(table.key)
    made = whole(table, body)
    if made is None:
        says_whose = not body.keys().isdisjoint({"agency", "year"})
        if says_whose or table_contradictions(body, form=form.key, table=table.key):
            raise ValueError(table.key)
        schemas.table_in(form, table).__pydantic_validator__.validate_python(body)
        made = filing.filing_from(table, body)
    return made, text.count(b'":')
