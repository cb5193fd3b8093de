"""What the made-up reports say in words, and when they were submitted."""

from datetime import date, timedelta
from random import Random
from typing import Final

from app.demo.figures import Filings
from app.domain.calendar import due_dates
from app.domain.report import Kind

_MADE_UP: Final = "（演示数据：数字由程序生成，并非该机构实际公布。）"
_OVERVIEW: Final = (
    "{year}年，{name}认真贯彻落实《中华人民共和国政府信息公开条例》，围绕中心工作和群众关切推进"
    "政务公开。全年收到政府信息公开申请{received}件，依法按时办理并答复。"
)
_PROBLEMS: Final = (
    "一是部分栏目更新不够及时，二是政策解读形式较为单一。下一步将完善审核流程，丰富解读形式。",
    "依申请公开答复的规范性有待提高。下一步将加强业务培训，定期通报办理质量。",
    "主动公开的广度和深度还不够，与群众期待有差距。下一步将梳理公开事项目录，逐项明确责任和时限。",
    "基层政务公开力量薄弱，人员变动较为频繁。下一步将配齐专兼职人员，组织集中轮训。",
)
_OTHER_MATTERS: Final = (
    "本年度未收取信息处理费。",
    "本年度未发出收费通知，未收取信息处理费，没有其他需要报告的事项。",
)
_LATE: Final = 0.12


def prose(name: str, year: int, filings: Filings, seed: Random) -> dict[str, str]:
    """Return the three sections in words."""
    requests = filings["requests"]
    received = requests.cells[requests.table.at["received", "total"]]
    return {
        "overview": _OVERVIEW.format(name=name, year=year, received=received) + _MADE_UP,
        "problems": seed.choice(_PROBLEMS),
        "other_matters": seed.choice(_OTHER_MATTERS),
    }


def dates(code: str, kind: Kind, year: int, seed: Random) -> dict[str, str]:
    """Return when and where a report was submitted and published: mostly in time."""
    due = date.fromisoformat(due_dates(year)[kind])
    published = due + timedelta(
        days=seed.randint(1, 40) if seed.random() < _LATE else -seed.randint(0, 20)
    )
    return {
        "submitted_on": (published - timedelta(days=seed.randint(0, 5))).isoformat(),
        "published_on": published.isoformat(),
        "published_url": f"https://example.org/{code}/{year}.html",
    }
