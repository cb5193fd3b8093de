"""Roll-ups: what the reports below an agency add up to."""

from functools import partial
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from app.api import parameters, queries, schemas
from app.api.access import caller_of
from app.api.documentation import reads
from app.api.parameters import NoQuery
from app.api.paths import AgencyCode, YearPath, key_in
from app.api.replies import reply
from app.api.rollup_schemas import rollup_out
from app.api.routing import database, router
from app.errors import Invalid
from app.forms import FORMS
from app.services import past, rolling
from app.services.shelf import Shelf

routes = router("rollups", "/v1/agencies")


class RollupQuery(NoQuery):
    """Which reports are added up."""

    basis: Annotated[
        rolling.Basis,
        Query(
            description="`children`: the reports of the direct children; that of a government "
            "stands for its subtree. `leaves`: all reports at or below the agency but those of "
            "governments, which are consolidated."
        ),
    ] = "children"
    as_of: queries.AsOf = None


@routes.get(
    "/{agency}/rollup/{year}",
    **reads(schemas.any_of([rollup_out(f) for f in FORMS]), "Read a roll-up / 读取汇总"),
)
async def get_rollup(
    request: Request, agency: AgencyCode, year: YearPath, query: Annotated[RollupQuery, Query()]
) -> Response:
    """Return the sum of an agency's part of the tree, shaped like a report and judged like one.

    The tree is that of 31 December of the year: agencies that moved, or were renamed, since then
    count where they stood, by the name that they had.

    Expected are the agencies active in the year, `vertical` ones and all below them aside. Numbers
    add, `n/a` adds nothing, a table declared nil is 0; a cell is null where no report has a number.
    `data_partial` names the cells that a report leaves blank, or whose table it lacks. Amounts of
    procurement are in yuan; where a unit is unknown they do not add up: null.

    With `as_of`, the reports are those of that time; the tree is the year's, and due dates are
    those that are known now.

    A government's own report is held against the sum of its children (`rollup.sum`). The sum itself
    is judged by the rules that survive summing, by itself: not across years.
    """
    code, number = key_in(request, agency, year)
    try:
        asked = parameters.read(request, RollupQuery)
    except Invalid:  # what the path names is looked for first
        await database(request).use(partial(rolling.require, agency=code, year=number))
        raise
    if asked.as_of is not None:
        etag, body = await database(request).snapshot(
            partial(past.rollup, agency=code, year=number, basis=asked.basis, as_of=asked.as_of)
        )
        return reply(request, etag, body=body)
    shelf: Shelf = request.app.state.shelf
    kept = await shelf.rollup(code, number, asked.basis, caller_of(request).sight)
    return reply(request, kept.etag, zipped=kept.zipped)
