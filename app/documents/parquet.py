"""Many reports as Parquet. Its library takes memory: who serves loads it when it is asked for."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import IO, Any

import arro3.core as arrow
from arro3.io import write_parquet

from app.documents.flat import (
    HEAD,
    SEVERITIES,
    SUMMARY,
    Json,
    Pages,
    head_of,
    summary_of,
    values_of,
)
from app.domain.layout import NOT_APPLICABLE
from app.forms import TABLE_KEYS, cells_of, choices_of

_ROW_GROUP = 10_000  # rows that are kept together, and in memory while they are written

_TEXT, _LONG = arrow.DataType.utf8(), arrow.DataType.int64()
_DECIMAL = arrow.DataType.decimal128(18, 6)
_TEXTS = arrow.DataType.list(arrow.Field("item", _TEXT, nullable=False))


@cache
def _schema() -> Any:
    texts = {name: _TEXT for name, _ in (*HEAD, *SUMMARY)}
    kinds = texts | dict.fromkeys(("year", *SEVERITIES), _LONG)
    fields = [arrow.Field(name, kind) for name, kind in kinds.items()]
    for key in TABLE_KEYS:
        fields += [arrow.Field(f"{key}__{name}", _TEXT) for name in choices_of(key)]
        fields += [
            arrow.Field(f"{key}__{name}", _DECIMAL if cell.column.unit.is_decimal else _LONG)
            for name, cell in cells_of(key).items()
        ]
    return arrow.Schema([*fields, arrow.Field("not_applicable", _TEXTS)])


def write(file: IO[bytes], pages: Pages) -> None:
    """Write reports as Parquet: a wide row for each, with every cell of any edition.

    A cell is a column `table__line__column`: int64, or decimal(18, 6). Null is a blank, a cell that
    the report's form lacks, a missing table (see its `__filing`), or not applicable: those cells
    are named in the list `not_applicable`.
    """
    batches = (_batch(page) for page in pages if page)
    stream = arrow.RecordBatchReader.from_batches(_schema(), batches)
    write_parquet(stream, file, compression="zstd(3)", max_row_group_size=_ROW_GROUP)


def _batch(reports: Sequence[Json]) -> Any:
    rows = [[*head_of(report), *summary_of(report), *_flat(report)] for report in reports]
    columns = [list(column) for column in zip(*rows, strict=True)]
    marked = _marked()
    lists = [[name for name, at in marked if row[at] == NOT_APPLICABLE] for row in rows]
    arrays = [
        _array(field.type, column)
        for field, column in zip(_schema(), columns, strict=False)
    ]  # fmt: skip
    return arrow.RecordBatch.from_arrays([*arrays, _list_array(lists)], schema=_schema())


@cache
def _marked() -> tuple[tuple[str, int], ...]:
    """Return the columns that are cells, with their places."""
    numbers = enumerate(_schema())
    return tuple(
        (field.name, at)
        for at, field in numbers
        if "__" in field.name and field.type in {_LONG, _DECIMAL}
    )


def _flat(report: Json) -> Iterator[Any]:
    for key in TABLE_KEYS:
        table = report["tables"].get(key)
        if table is None or table["data"] is None:
            yield from [None] * (len(choices_of(key)) + len(cells_of(key)))
        else:
            yield from (table.get(name) for name in choices_of(key))
            yield from values_of(key, table)


def _array(kind: Any, values: list[Any]) -> Any:
    if kind == _TEXT:
        return arrow.Array(values, type=_TEXT)
    known = [None if value == NOT_APPLICABLE else value for value in values]
    if kind == _DECIMAL:
        return arrow.Array(known, type=_TEXT).cast(_DECIMAL)
    return arrow.Array(known, type=kind)


def _list_array(lists: list[list[str]]) -> Any:
    ends = [0]
    for each in lists:
        ends.append(ends[-1] + len(each))
    offsets = arrow.Array(ends, type=arrow.DataType.int32())
    return arrow.list_array(offsets, arrow.Array(list(chain(*lists)), type=_TEXT), type=_TEXTS)
