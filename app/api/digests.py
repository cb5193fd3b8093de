"""Digests, by which two instances find out whether they have the same reports."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.api import parameters, queries, schemas
from app.api.documentation import reads
from app.api.parameters import NoQuery
from app.api.replies import reply
from app.api.routing import database, router
from app.services import digest_tree, encoding
from app.services.digest_tree import FOREST, Tree
from app.storage import digests

routes = router("digests", "/v1/digests")

_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class DigestsQuery(NoQuery):
    """Which part of the tree, and which year."""

    year: Annotated[queries.Year | None, Query(description="Reports on this year alone.")] = None
    under: Annotated[
        str | None, Query(description="An agency: it and all below. Left out: all agencies.")
    ] = None


class DigestOfAgency(schemas.Shown):
    """The digest of the reports at and below an agency."""

    agency: schemas.AgencyRef
    digest: _Digest
    reports: int


class DigestsOut(schemas.Shown):
    """A node of the tree of digests."""

    year: int | None
    under: str | None
    digest: Annotated[
        _Digest | None, Field(description="Of all reports at and below; null if there are none.")
    ]
    reports: Annotated[int, Field(description="How many these are.")]
    own: Annotated[
        dict[str, _Digest | None],
        Field(
            description="By year: the agency's own reports. Null is a digest not known yet, while "
            "`gongkai migrate` is at work.",
            examples=[{"2024": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}],
        ),
    ]
    children: Annotated[
        list[DigestOfAgency],
        Field(description="Agencies directly below that have reports at or below them, by code."),
    ]


def _shown(asked: DigestsQuery, found: Tree, root: str) -> dict[str, Any]:
    own = found.own.get(root, {})
    return {
        "year": asked.year,
        "under": asked.under,
        "digest": found.digest.get(root),
        "reports": found.reports.get(root, 0),
        "own": {str(year): own[year] for year in sorted(own)},
        "children": [
            {
                "agency": {"code": code, "name": found.names[code]},
                "digest": found.digest[code],
                "reports": found.reports[code],
            }
            for code in found.counted(root)
        ],
    }


@routes.get("", **reads(DigestsOut, "Compare what is stored / 核对两套数据是否一致", of_one=False))
async def get_digests(request: Request, query: Annotated[DigestsQuery, Query()]) -> Response:
    """Return digests of reports, combined up the tree of agencies.

    Two instances have the same reports if and only if their top `digest` is the same. Where it is
    not, ask both for `under` one of the `children` that differ, and so on down; `own` tells which
    reports differ.

    **The digest of a report** is the SHA-256, in hexadecimal, of the RFC 8785 (JCS) form of what
    clients write: `{agency, year, agency_name_reported, overview, problems, other_matters,
    submitted_on, published_on, published_url, tables}`. To make it from the reply of
    `GET /v1/reports/{agency}/{year}`: take these members as they are, but of `agency` the `code`
    alone; leave out tables whose `filing` is `missing`; take `totals` and `totals_partial` out of
    the others. So `{"agency": "321300", "year": 2024, …, "tables": {"requests": {"filing", "data",
    "remarks"}, …}}`: no findings, totals, times or revisions, and instances with other rules agree.

    **The digest of an agency** is that of `{"children": {code: digest, …}, "reports": {"2024":
    digest, …}}`: the digests of the agencies directly below it that have reports at or below them,
    and of its own reports (on `year` alone, if that is given). The top, without `under`, has the
    agencies without a parent as its children and no reports. Names and other members of agencies do
    not count, and neither do agencies without reports: with none, `digest` is null. An unknown
    agency has none either.
    """
    asked = parameters.read(request, DigestsQuery)
    root = FOREST if asked.under is None else asked.under

    def job(connection: Connection) -> bytes:
        agencies, reports = digests.read(connection, asked.under, asked.year)
        return encoding.encoded(_shown(asked, digest_tree.tree(agencies, reports, root), root))

    return reply(request, body=await database(request).use(job))
