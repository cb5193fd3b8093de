"""The edition of the form used for the reports on 2021 and later."""

from app.domain.layout import Column, Division, Form, Label, Line, Unit
from app.forms.shared import (
    CHARGES,
    COMPULSION,
    LICENCES,
    PENALTIES,
    RULES_LINE,
    article_20,
    outcomes_of,
    requests,
    sections,
)

_DECISIONS = (
    Column("decisions", Label("本年处理决定数量", "Decisions in the year"), across_forms=True),
)

DOCUMENTS = article_20(
    "documents",
    Label("规章和行政规范性文件", "Rules and administrative normative documents"),
    Label("一", "1"),
    (
        RULES_LINE,
        Line(
            "normative_documents",
            Label("行政规范性文件", "Administrative normative documents"),
        ),
    ),
    (
        Column("issued", Label("本年制发件数", "Issued in the year")),
        Column("repealed", Label("本年废止件数", "Repealed in the year")),
        Column("in_force", Label("现行有效件数", "Currently in force")),
    ),
)
LICENSING = article_20(
    "licensing", Label("行政许可", "Licences"), Label("五", "5"), (LICENCES,), _DECISIONS
)
ENFORCEMENT = article_20(
    "enforcement",
    Label("行政处罚和行政强制", "Penalties and compulsion"),
    Label("六", "6"),
    (PENALTIES, COMPULSION),
    _DECISIONS,
)
FEES = article_20(
    "fees",
    Label("行政事业性收费", "Administrative charges"),
    Label("八", "8"),
    (CHARGES,),
    (
        Column(
            "amount",
            Label("本年收费金额（单位：万元）", "Charged in the year (10,000 yuan)"),
            Unit.WAN_YUAN,
        ),
    ),
)
REQUESTS = requests(
    *outcomes_of(
        "（六）其他处理",
        "(6) Other handling",
        (
            (
                "other_not_corrected",
                "1.申请人无正当理由逾期不补正、行政机关不再处理其政府信息公开申请",
                "1. Not corrected in time without just cause, no longer processed",
                "30",
            ),
            (
                "other_fee_unpaid",
                "2.申请人逾期未按收费通知要求缴纳费用、行政机关不再处理其政府信息公开申请",
                "2. Information processing fee not paid in time, no longer processed",
                "42",
            ),
            ("other_misc", "3.其他", "3. Other", None),
        ),
    ),
    crosswalk=(
        Division("other_handling", ("other_not_corrected", "other_fee_unpaid", "other_misc")),
    ),
)

FORM = Form(
    key="2021",
    first_year=2021,
    source="国办公开办函〔2021〕30号",
    title=Label(
        "政府信息公开工作年度报告格式",
        "Format of the annual report on government information disclosure",
    ),
    sections=sections(DOCUMENTS, LICENSING, ENFORCEMENT, FEES, requests=REQUESTS),
)
