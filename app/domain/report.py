"""A report as a value: what an agency said about a year, blanks and contradictions included."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache, wraps
from typing import TypeVar

from app.domain.layout import Cells, Form, Table

T = TypeVar("T")


class Kind(StrEnum):
    """What an agency is."""

    GOVERNMENT = "government"  # 人民政府, 乡镇人民政府
    OFFICE = "office"  # 政府办公厅/室
    DEPARTMENT = "department"  # 工作部门, 直属机构
    DISPATCHED = "dispatched"  # 派出机关/机构, 街道办事处
    ZONE = "zone"  # 功能区管委会
    AUTHORIZED = "authorized"  # 法律法规授权组织
    VERTICAL = "vertical"  # 垂直管理


class Level(StrEnum):
    """Where an agency stands, after GB/T 12404."""

    STATE = "state"
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"


@dataclass(frozen=True, slots=True)
class Agency:
    """What a report shows of its agency, and is judged by."""

    code: str
    name: str
    kind: str
    level: str


@dataclass(frozen=True, slots=True)
class Filing:
    """A table that was filed, or declared empty (`nil`). A missing table has no filing."""

    table: Table
    cells: Cells
    nil: bool = False
    remarks: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """`nil` or `filed`."""
        return "nil" if self.nil else "filed"


def zeros_once(of: Callable[[Filing], T]) -> Callable[[Filing], T]:
    """Let what is made of a table of zeros, as most are, be made once and kept."""

    @lru_cache(maxsize=256)
    def of_zeros(table: Table, nil: bool, choices: tuple[tuple[str, str], ...]) -> T:
        return of(Filing(table, table.zeros, nil, choices=dict(choices)))

    @wraps(of)
    def kept(filing: Filing) -> T:
        if filing.remarks or filing.cells != filing.table.zeros:
            return of(filing)
        return of_zeros(filing.table, filing.nil, tuple(filing.choices.items()))

    return kept


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a client can write of a report."""

    form: Form
    year: int
    agency: Agency | None
    filings: Mapping[str, Filing]
    agency_name_reported: str | None = None
    overview: str | None = None
    problems: str | None = None
    other_matters: str | None = None
    submitted_on: str | None = None
    published_on: str | None = None
    published_url: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        """The code of its agency, which it must have, and its year."""
        assert self.agency is not None
        return self.agency.code, self.year


PROSE = (
    "agency_name_reported",
    "overview",
    "problems",
    "other_matters",
    "submitted_on",
    "published_on",
    "published_url",
)
"""The members of a report that are neither its key nor its tables."""

LONGEST_PROSE = 200_000
"""How many characters a section of prose has at most."""
