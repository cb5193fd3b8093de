"""What the feed looks like."""

from typing import Annotated, Literal

from pydantic import Field

from app.api.schemas import Instant, Shown

CellValue = int | str | None
ResourceName = Literal["agencies", "reporting-years", "reports", "successions"]


class CellChange(Shown):
    """A cell whose value is another."""

    pointer: Annotated[str, Field(description="A JSON pointer into the report.")]
    was: Annotated[CellValue, Field(alias="from")]
    to: CellValue


class FindingsMoved(Shown):
    """What became of a report's failures, by their ids."""

    opened: list[str]
    closed: list[str]
    changed: Annotated[list[str], Field(description="Those that stay, with other figures.")]


class ChangeOut(Shown):
    """A committed change of an agency, a reporting year, a report or a succession."""

    seq: Annotated[int, Field(description="Its number: without gaps, in the order of commits.")]
    at: Instant
    resource: ResourceName
    key: Annotated[str, Field(examples=["321300/2024"])]
    op: Annotated[
        Literal["created", "updated", "deleted", "rechecked"],
        Field(description="`rechecked`: a report of which the findings alone have moved."),
    ]
    revision: Annotated[int, Field(description="The resource's; the last one, if it is deleted.")]
    members: Annotated[list[str], Field(description="Members that differ, beside tables.")]
    tables: Annotated[list[str], Field(description="Tables that were written, or are missing now.")]
    cells: Annotated[
        list[CellChange],
        Field(description="Cells whose value differs; none for what is created or deleted."),
    ]
    findings: FindingsMoved
    links: dict[str, str]
    layer: Annotated[
        Literal["published"],
        Field(
            default=None,
            description="There if it is what is published of a report that has changed; else what "
            "is worked on. Each has a history of its own.",
        ),
    ]


class ChangePage(Shown):
    """A page of the feed."""

    items: list[ChangeOut]
    next: Annotated[int, Field(description="What to pass as `after` to go on.")]
    latest: Annotated[int, Field(description="The number of the last change that is committed.")]
