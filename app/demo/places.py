"""The agencies of the demonstration: a city with two of its counties, and other real reporters."""

from dataclasses import dataclass
from typing import Final, TypedDict, Unpack

from app.domain.codes import check_character
from app.domain.report import Kind, Level


@dataclass(frozen=True, slots=True)
class Size:
    """What an agency does in an ordinary year; `fees` are in 10,000 yuan."""

    requests: float = 0
    documents: int = 0
    licences: int = 0
    penalties: int = 0
    fees: float = 0


@dataclass(frozen=True, slots=True)
class Place:
    """An agency. Without a size, nothing is made up for it."""

    code: str
    name: str
    kind: Kind
    level: Level
    parent: str | None = None
    size: Size | None = None
    division: str | None = None
    short_name: str | None = None
    uscc: str | None = None
    active_from: str | None = None
    active_to: str | None = None


class _More(TypedDict, total=False):
    short_name: str
    uscc: str
    active_from: str
    active_to: str


_GOVERNMENT, _OFFICE, _DEPARTMENT = Kind.GOVERNMENT, Kind.OFFICE, Kind.DEPARTMENT
_PROVINCE, _CITY, _COUNTY, _TOWNSHIP = Level.PROVINCE, Level.CITY, Level.COUNTY, Level.TOWNSHIP


def _uscc(start: str) -> str:
    """Complete a code that is marked as made up by `DEM` in its middle."""
    return start + check_character(start)


def _government(
    code: str, name: str, level: Level, parent: str | None, **more: Unpack[_More]
) -> Place:
    return Place(code, name, _GOVERNMENT, level, parent, division=code, **more)


def _part(code: str, name: str, kind: Kind, size: Size | None, **more: Unpack[_More]) -> Place:
    """Return an agency of a government, whose code its own begins with, at the same level."""
    parent = code.partition("-")[0]
    level = _CITY if parent.endswith("00") else _COUNTY
    return Place(code, name, kind, level, parent, size, division=parent, **more)


def _town(code: str, name: str, division: str, size: Size, kind: Kind = _GOVERNMENT) -> Place:
    return Place(code, name, kind, _TOWNSHIP, division[:6], size, division)


_TOWN = Size(requests=6, documents=3, penalties=40)

PLACES: Final = (
    _government("310000", "上海市人民政府", _PROVINCE, None),
    Place("310000-fgb", "上海市人民政府办公厅", _OFFICE, _PROVINCE, "310000", division="310000"),
    _government("320000", "江苏省人民政府", _PROVINCE, None),
    _government("320800", "淮安市人民政府", _CITY, "320000"),
    _government("320813", "淮安市洪泽区人民政府", _COUNTY, "320800"),
    _government("321300", "宿迁市人民政府", _CITY, "320000", uscc=_uscc("11321300DEM000001")),
    _part("321300-fgb", "宿迁市人民政府办公室", _OFFICE, Size(150, 60), short_name="宿迁市政府办"),
    _part(
        "321300-fgw",
        "宿迁市发展和改革委员会",
        _DEPARTMENT,
        Size(45, 24, 900, 8),
        short_name="宿迁市发改委",
        active_from="2019-01-01",
    ),
    _part("321300-jyj", "宿迁市教育局", _DEPARTMENT, Size(60, 30, 160, 4, 850)),
    _part(
        "321300-rsj",
        "宿迁市人力资源和社会保障局",
        _DEPARTMENT,
        Size(90, 36, 2_400, 60, 420),
        short_name="宿迁市人社局",
    ),
    _part("321300-gaj", "宿迁市公安局", _DEPARTMENT, Size(130, 20, 52_000, 88_000, 5_200)),
    _part("321300-gjj", "宿迁市住房公积金管理中心", Kind.AUTHORIZED, Size(12, 6)),
    _part("321300-swj", "国家税务总局宿迁市税务局", Kind.VERTICAL, Size(35, 8, 600, 900)),
    _part("321300-jkq", "宿迁经济技术开发区管理委员会", Kind.ZONE, Size(40, 10, 1_500, 120, 60)),
    _government(
        "321322",
        "沭阳县人民政府",
        _COUNTY,
        "321300",
        short_name="沭阳县政府",
        uscc=_uscc("11321322DEM000002"),
    ),
    _part("321322-fgb", "沭阳县人民政府办公室", _OFFICE, Size(110, 40), short_name="沭阳县政府办"),
    _part(
        "321322-fgj",
        "沭阳县发展和改革局",
        _DEPARTMENT,
        None,
        short_name="沭阳县发改局",
        uscc=_uscc("11321322DEM000003"),
        active_from="2019-01-01",
    ),
    _part("321322-lsj", "沭阳县粮食局", _DEPARTMENT, Size(4, 5), active_to="2019-12-31"),
    _part("321322-czj", "沭阳县财政局", _DEPARTMENT, Size(30, 18, 40, 2, 310)),
    _part("321322-zjj", "沭阳县住房和城乡建设局", _DEPARTMENT, Size(120, 16, 3_100, 260, 740)),
    _town("321322-sc", "沭阳县沭城街道办事处", "321322001", Size(25, 4), Kind.DISPATCHED),
    _town("321322-yj", "沭阳县颜集镇人民政府", "321322115", _TOWN),
    _town("321322-xh", "沭阳县新河镇人民政府", "321322121", _TOWN),
    _government("321323", "泗阳县人民政府", _COUNTY, "321300", short_name="泗阳县政府"),
    _part("321323-fgb", "泗阳县人民政府办公室", _OFFICE, Size(85, 32)),
    _part(
        "321323-wjw",
        "泗阳县卫生健康委员会",
        _DEPARTMENT,
        Size(28, 14, 1_100, 190, 95),
        active_from="2019-01-01",
    ),
    _part("321323-nyj", "泗阳县农业农村局", _DEPARTMENT, Size(22, 12, 480, 150, 12)),
    _town("321323-zx", "泗阳县众兴街道办事处", "321323001", Size(14, 3), Kind.DISPATCHED),
    _town("321323-wj", "泗阳县王集镇人民政府", "321323102", _TOWN),
    _town("321323-lk", "泗阳县李口镇人民政府", "321323105", _TOWN),
    _government("350000", "福建省人民政府", _PROVINCE, None),
    Place("350128-ptz", "平潭综合实验区管理委员会", Kind.ZONE, _CITY, "350000", division="350128"),
    _government("350200", "厦门市人民政府", _CITY, "350000"),
    _government("350205", "厦门市海沧区人民政府", _COUNTY, "350200"),
    _part("350205-rsj", "厦门市海沧区人力资源和社会保障局", _DEPARTMENT, None),
)
"""Every agency after its parent."""

GOVERNMENTS: Final = {
    "321322": Size(400, 260, 180_000, 210_000, 9_000),
    "321323": Size(260, 190, 130_000, 150_000, 6_500),
}
"""The counties that report on all below them, and what those do that are not in `PLACES`."""
