"""What roll-ups look like: a report's members, and what is said of a sum."""

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from app.api.schemas import AgencyRef, MissingTable, Shown, derived, filed_out, report_members
from app.domain.layout import Form
from app.services.rolling import Basis


class CountedChild(AgencyRef):
    """A child whose report is in the sum."""

    stands_for: Annotated[
        Literal["itself", "subtree"],
        Field(description="A government's report is consolidated: it stands for its subtree."),
    ]
    report: Annotated[str, Field(description="The path of the report that is counted.")]


class NotSimplyFiled(Shown):
    """Agencies by code and name, in the order of their codes."""

    nil: list[AgencyRef]
    late: list[AgencyRef]
    missing: list[AgencyRef]


class Coverage(Shown):
    """Whose reports are in the sum. `expected` is the sum of the other four numbers."""

    expected: Annotated[int, Field(description="Agencies active in the year.")]
    filed: Annotated[int, Field(description="In time, as far as dates are known, and not nil.")]
    nil: Annotated[int, Field(description="Every table declared nil, and not late.")]
    late: Annotated[int, Field(description="After the due date of the agency's kind.")]
    missing: int
    agencies: Annotated[
        NotSimplyFiled,
        Field(description="With `basis=leaves` 1,000 at most; `links.completeness` has all."),
    ]
    counted: Annotated[
        list[CountedChild] | None, Field(description="The children counted; null for leaves.")
    ]


class RollupLinks(Shown):
    """Where to go from a roll-up."""

    self: str
    agency: str
    report: Annotated[str, Field(description="Where the agency's own report is, or would be.")]
    completeness: str


@cache
def rollup_out(form: Form) -> type[BaseModel]:
    """Return a roll-up."""
    summed = {
        table.key: derived(
            f"{table.key.capitalize()}Summed{form.key}",
            __base__=Shown,
            **filed_out(form, table),
            data_partial=(
                list[str],
                Field(
                    description="Pointers of cells that a report leaves blank, or whose table it "
                    "lacks, or whose unit is unknown."
                ),
            ),
        )
        for table in form.tables
    }
    tables: Any = derived(
        f"Tables{form.key}Summed",
        __base__=Shown,
        **{key: (model | MissingTable, ...) for key, model in summed.items()},
    )
    members = report_members(form, AgencyRef) | {
        "tables": (tables, ...),
        "basis": (Basis, ...),
        "coverage": (Coverage, ...),
        "links": (RollupLinks, ...),
    }
    made: type[BaseModel] = derived(f"Rollup{form.key}", __base__=Shown, **members)
    return made
