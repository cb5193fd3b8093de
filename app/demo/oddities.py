"""What is wrong or unusual in the made-up reports, each put there on purpose."""

from dataclasses import dataclass
from typing import Final

from app.demo.changes import Change, blank, both, missing, nil, put, remark, say, shift, times
from app.domain.layout import NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class Oddity:
    """A change of one report, and what there is to see."""

    agency: str
    year: int
    text: str
    change: Change


_ORGANIZATIONS: Final = (
    "commercial",
    "research",
    "public_interest",
    "legal_service",
    "other_organization",
)

ODDITIES: Final = (
    # Errors
    Oddity(
        "321300-jyj",
        2022,
        "one wrong cell, and the suspect is named",
        shift("requests", granted__natural_person=9),
    ),
    Oddity(
        "321322-zjj",
        2021,
        "a wrong total, and the suspect is named",
        shift("requests", received__total=-10),
    ),
    Oddity(
        "321323-wjw",
        2023,
        "two wrong cells: errors, and rightly no suspect",
        shift("requests", granted__natural_person=2, refused_query__commercial=1),
    ),
    Oddity(
        "321300-gaj",
        2023,
        "a line of disputes that does not add up",
        shift("disputes", reconsideration__total=1),
    ),
    Oddity("321323-nyj", 2020, "a table declared nil that has figures", nil("licensing")),
    Oddity(
        "321322-czj",
        2020,
        "fewer items than none",
        put("fees", charges__items_change=-9),
    ),
    # Warnings
    Oddity(
        "321300-rsj",
        2022,
        "more carried in than last year's report carried out",
        shift(
            "requests",
            carried_in__natural_person=1,
            carried_in__total=1,
            received__natural_person=-1,
            received__total=-1,
        ),
    ),
    Oddity("321322-yj", 2023, "cells left blank", blank("requests", *_ORGANIZATIONS)),
    Oddity(
        "321300-fgb",
        2019,
        "procurement with items and without an amount",
        put("procurement", centralized__amount=0),
    ),
    Oddity(
        "321300-gaj",
        2020,
        "procurement without an amount, published so, and now being corrected",
        put("procurement", centralized__amount=0),
    ),
    Oddity(
        "321323-wjw",
        2019,
        "decisions entered as a change of items, and the former name",
        both(
            put("enforcement", penalties__items_change=190, penalties__decisions=190),
            say(agency_name_reported="泗阳县卫生和计划生育委员会"),
        ),
    ),
    Oddity(
        "321322",
        2022,
        "a stock of documents that does not follow from last year's",
        shift("documents", normative_documents__in_force=5),
    ),
    Oddity(
        "321322-zjj",
        2024,
        "a county's department that reports a rule",
        put("documents", rules__issued=1, rules__in_force=1),
    ),
    Oddity("321300-rsj", 2024, "fees in yuan instead of 10,000 yuan", times("fees", 10_000)),
    # Infos
    Oddity("321300-gaj", 2024, "a jump of licences", times("licensing", 8)),
    Oddity("321323-wj", 2022, "a section that says nothing", say(problems="无。")),
    Oddity(
        "321322-fgb",
        2022,
        "an unpaid fee that the other matters do not explain",
        both(
            shift(
                "requests",
                granted__natural_person=-1,
                granted__total=-1,
                other_fee_unpaid__natural_person=1,
                other_fee_unpaid__total=1,
            ),
            say(other_matters="没有其他需要报告的事项。"),
        ),
    ),
    # Nothing wrong
    Oddity(
        "321300-fgw",
        2023,
        "cells that are not applicable, and a remark",
        both(
            put("enforcement", compulsion__decisions=NOT_APPLICABLE),
            remark("documents", {"normative_documents.repealed": "含集中清理的历年积存文件。"}),
        ),
    ),
    Oddity("321323-fgb", 2022, "a table that was not filed", missing("fees")),
    Oddity("321300-swj", 2024, "no dates yet", say(submitted_on=None, published_on=None)),
)

NOT_FILED: Final = frozenset(
    {
        ("321300-gjj", 2019),
        ("321322-xh", 2020),
        ("321322-sc", 2023),
        ("321323-nyj", 2022),
        ("321323-lk", 2024),
        *(("321322-lsj", year) for year in range(2020, 2025)),
    }
)
"""Reports that are missing."""

CORRECTIONS: Final = {
    ("321300-gaj", 2020): "示例：采购金额漏填，予以更正。",
    ("321300", 2024): "示例：合计与分项不符，予以更正。",
    ("321300-swj", 2024): "示例：合计与分项不符，予以更正。",
}
"""Published reports whose correction is under way, and the reason of it.

Everybody reads what was published, and who has a key may write: the documentation's examples are of
them.
"""
