"""The trial edition of the form, used for the reports on 2019 and 2020."""

from app.domain.layout import Choice, Column, Form, Label, Line, Table, Unit
from app.forms.shared import (
    CHARGES,
    COMPULSION,
    HANDLED,
    LICENCES,
    PENALTIES,
    RULES_LINE,
    article_20,
    requests,
    sections,
)

_ITEMS = (
    Column("items_last_year", Label("上一年项目数量", "Items in the previous year")),
    Column("items_change", Label("本年增/减", "Increase or decrease in the year"), Unit.CHANGE),
)
_DECISIONS = (
    *_ITEMS,
    Column("decisions", Label("处理决定数量", "Decisions"), across_forms=True),
)

DOCUMENTS = article_20(
    "documents",
    Label("规章和规范性文件", "Rules and normative documents"),
    Label("一", "1"),
    (RULES_LINE, Line("normative_documents", Label("规范性文件", "Normative documents"))),
    (
        Column("made", Label("本年新制作数量", "Newly made in the year")),
        Column("published", Label("本年新公开数量", "Newly published in the year")),
        Column("public_total", Label("对外公开总数量", "Total open to the public")),
    ),
)
LICENSING = article_20(
    "licensing",
    Label("行政许可和其他对外管理服务事项", "Licences and other management services"),
    Label("五", "5"),
    (
        LICENCES,
        Line(
            "other_services",
            Label("其他对外管理服务事项", "Other external management and service matters"),
        ),
    ),
    _DECISIONS,
)
ENFORCEMENT = article_20(
    "enforcement",
    Label("行政处罚和行政强制", "Penalties and compulsion"),
    Label("六", "6"),
    (PENALTIES, COMPULSION),
    _DECISIONS,
)
FEES = article_20(
    "fees", Label("行政事业性收费", "Administrative charges"), Label("八", "8"), (CHARGES,), _ITEMS
)
PROCUREMENT = Table(
    key="procurement",
    title=Label("政府集中采购", "Centralized government procurement"),
    source=Label("第二十条第（九）项", "Article 20 (9)"),
    lines=(Line("centralized", Label("政府集中采购", "Centralized government procurement")),),
    columns=(
        Column("items", Label("采购项目数量", "Procurement items")),
        Column("amount", Label("采购总金额", "Total amount"), Unit.MONEY),
    ),
    choices=(
        Choice(
            "amount_unit",
            Label("采购总金额的单位（表上未印）", "Unit of the amount (the form prints none)"),
            ("yuan", "wan_yuan", "unknown"),
            "unknown",
        ),
    ),
)
REQUESTS = requests(
    Line("other_handling", Label("（六）其他处理", "(6) Other handling"), headings=(HANDLED,))
)

FORM = Form(
    key="2019",
    first_year=2019,
    source="国办公开办函〔2019〕60号",
    title=Label(
        "政府信息公开工作年度报告格式（试行）",
        "Format of the annual report on government information disclosure (trial)",
    ),
    sections=sections(DOCUMENTS, LICENSING, ENFORCEMENT, FEES, PROCUREMENT, requests=REQUESTS),
)
