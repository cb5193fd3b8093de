"""What the editions of the form have in common."""

from collections.abc import Iterable

from app.domain.layout import Balance, Column, Division, Label, Line, Section, Table

_APPLICANT = (Label("申请人情况", "Applicants"),)
_LEGAL_PERSONS = (
    *_APPLICANT,
    Label("法人或其他组织", "Legal persons and other organizations"),
)

_APPLICANTS = (
    Column("natural_person", Label("自然人", "Natural persons"), headings=_APPLICANT),
    Column("commercial", Label("商业企业", "Commercial enterprises"), headings=_LEGAL_PERSONS),
    Column("research", Label("科研机构", "Research institutions"), headings=_LEGAL_PERSONS),
    Column(
        "public_interest",
        Label("社会公益组织", "Public interest organizations"),
        headings=_LEGAL_PERSONS,
    ),
    Column(
        "legal_service",
        Label("法律服务机构", "Legal service institutions"),
        headings=_LEGAL_PERSONS,
    ),
    Column("other_organization", Label("其他", "Other organizations"), headings=_LEGAL_PERSONS),
)

HANDLED = Label("三、本年度办理结果", "III. Results of handling in the year")


def outcomes_of(
    zh: str, en: str, lines: Iterable[tuple[str, str, str, str | None]]
) -> tuple[Line, ...]:
    """Return the lines of a group: key, label zh, label en, article."""
    headings = (HANDLED, Label(zh, en))
    return tuple(Line(key, Label(*label), article, headings) for key, *label, article in lines)


_COMMON_OUTCOMES = (
    Line("granted", Label("（一）予以公开", "(1) Disclosed"), "36(一)(二)", (HANDLED,)),
    Line(
        "partly_granted",
        Label(
            "（二）部分公开（区分处理的，只计这一情形，不计其他情形）",
            "(2) Partly disclosed (where severed, counted here only)",
        ),
        "37",
        (HANDLED,),
    ),
    *outcomes_of(
        "（三）不予公开",
        "(3) Not disclosed",
        (
            ("refused_state_secret", "1.属于国家秘密", "1. State secrets", "14"),
            (
                "refused_by_law",
                "2.其他法律行政法规禁止公开",
                "2. Disclosure prohibited by other laws or administrative regulations",
                "14",
            ),
            (
                "refused_security",
                "3.危及“三安全一稳定”",
                "3. Endangers national, public or economic security or social stability",
                "14",
            ),
            (
                "refused_third_party",
                "4.保护第三方合法权益",
                "4. Protection of third parties' lawful rights and interests",
                "15",
            ),
            (
                "refused_internal",
                "5.属于三类内部事务信息",
                "5. One of the three kinds of internal affairs information",
                "16",
            ),
            (
                "refused_process",
                "6.属于四类过程性信息",
                "6. One of the four kinds of deliberative process information",
                "16",
            ),
            (
                "refused_enforcement_file",
                "7.属于行政执法案卷",
                "7. Administrative enforcement case files",
                "16",
            ),
            (
                "refused_query",
                "8.属于行政查询事项",
                "8. Matters of administrative inquiry",
                "36(七)",
            ),
        ),
    ),
    *outcomes_of(
        "（四）无法提供",
        "(4) Cannot be provided",
        (
            (
                "unavailable_not_held",
                "1.本机关不掌握相关政府信息",
                "1. Not held by this agency",
                "36(四)(五)",
            ),
            (
                "unavailable_not_made",
                "2.没有现成信息需要另行制作",
                "2. Not readily available, would have to be made",
                "38",
            ),
            (
                "unavailable_unclear",
                "3.补正后申请内容仍不明确",
                "3. Still unclear after correction",
                "30",
            ),
        ),
    ),
    *outcomes_of(
        "（五）不予处理",
        "(5) Not processed",
        (
            (
                "declined_petition",
                "1.信访举报投诉类申请",
                "1. Petitions, reports and complaints",
                "39",
            ),
            ("declined_repeat", "2.重复申请", "2. Repeated requests", "36(六)"),
            (
                "declined_publication",
                "3.要求提供公开出版物",
                "3. Requests for public publications",
                "39",
            ),
            (
                "declined_excessive",
                "4.无正当理由大量反复申请",
                "4. Excessive and repetitive requests without just cause",
                "35",
            ),
            (
                "declined_reconfirm",
                "5.要求行政机关确认或重新出具已获取信息",
                "5. Requests to confirm or reissue information already obtained",
                None,
            ),
        ),
    ),
)


def _total(columns: tuple[Column, ...], headings: tuple[Label, ...] = ()) -> Column:
    parts = tuple(column.key for column in columns)
    return Column("total", Label("总计", "Total"), headings=headings, parts=parts)


def requests(*other: Line, crosswalk: tuple[Division, ...] = ()) -> Table:
    """Return section 三, with the edition's lines of （六） and how they follow earlier ones."""
    outcomes = (*_COMMON_OUTCOMES, *other)
    return Table(
        key="requests",
        title=Label(
            "收到和处理政府信息公开申请情况",
            "Requests for government information received and handled",
        ),
        source=Label("第三部分", "Section III"),
        lines=(
            Line(
                "received",
                Label("一、本年新收政府信息公开申请数量", "I. Requests newly received in the year"),
            ),
            Line(
                "carried_in",
                Label(
                    "二、上年结转政府信息公开申请数量", "II. Requests carried over from last year"
                ),
            ),
            *outcomes,
            Line(
                "handled",
                Label("（七）总计", "(7) Total"),
                headings=(HANDLED,),
                parts=tuple(line.key for line in outcomes),
            ),
            Line(
                "carried_out",
                Label("四、结转下年度继续办理", "IV. Carried over to the next year"),
                "33",
            ),
        ),
        columns=(*_APPLICANTS, _total(_APPLICANTS, _APPLICANT)),
        balances=(
            Balance(
                "requests.balance",
                ("received", "carried_in"),
                ("handled", "carried_out"),
                Label(
                    "每一列：本年新收与上年结转之和，等于办理结果总计与结转下年度之和。",
                    "In every column, received and carried in together equal handled and carried "
                    "out.",
                ),
                Label(
                    "{at}：新收与上年结转之和为 {left}，办理总计与结转下年度之和为 {right}，"
                    "相差 {difference}。",
                    "{at}: received and carried in are {left}, handled and carried out are "
                    "{right}; difference {difference}.",
                ),
            ),
        ),
        across_forms=True,
        crosswalk=crosswalk,
    )


_RESULTS = (
    Column("upheld", Label("结果维持", "Upheld")),
    Column("corrected", Label("结果纠正", "Corrected")),
    Column("other_result", Label("其他结果", "Other results")),
    Column("pending", Label("尚未审结", "Not yet concluded")),
)
_LITIGATION = (Label("行政诉讼", "Administrative litigation"),)

DISPUTES = Table(
    key="disputes",
    title=Label(
        "因政府信息公开工作被申请行政复议、提起行政诉讼情况",
        "Administrative reconsideration and litigation over government information disclosure",
    ),
    source=Label("第四部分", "Section IV"),
    lines=(
        Line("reconsideration", Label("行政复议", "Administrative reconsideration")),
        Line(
            "litigation_direct",
            Label("未经复议直接起诉", "Brought directly, without reconsideration"),
            headings=_LITIGATION,
        ),
        Line(
            "litigation_after_reconsideration",
            Label("复议后起诉", "Brought after reconsideration"),
            headings=_LITIGATION,
        ),
    ),
    columns=(*_RESULTS, _total(_RESULTS)),
    across_forms=True,
)


LICENCES = Line("licences", Label("行政许可", "Administrative licences"))
PENALTIES = Line("penalties", Label("行政处罚", "Administrative penalties"))
COMPULSION = Line("compulsion", Label("行政强制", "Administrative compulsion"))
CHARGES = Line("charges", Label("行政事业性收费", "Administrative and institutional charges"))
RULES_LINE = Line("rules", Label("规章", "Administrative rules"))


def article_20(key: str, title: Label, item: Label, *layout: tuple[Line | Column, ...]) -> Table:
    """Return a table of section 二: one item of article 20, with its lines and its columns."""
    lines, columns = layout
    return Table(
        key=key,
        title=title,
        source=Label(f"第二十条第（{item.zh}）项", f"Article 20 ({item.en})"),
        lines=tuple(line for line in lines if isinstance(line, Line)),
        columns=tuple(column for column in columns if isinstance(column, Column)),
    )


def sections(*proactive: Table, requests: Table) -> tuple[Section, ...]:
    """Return the sections of a report; `proactive` are the tables of the second."""
    return (
        Section(Label("一、总体情况", "I. Overview"), "overview"),
        Section(
            Label("二、主动公开政府信息情况", "II. Government information disclosed proactively"),
            tables=proactive,
        ),
        Section(Label(f"三、{requests.title.zh}", f"III. {requests.title.en}"), tables=(requests,)),
        Section(
            Label(
                "四、政府信息公开行政复议、行政诉讼情况",
                "IV. Administrative reconsideration and litigation",
            ),
            tables=(DISPUTES,),
        ),
        Section(Label("五、存在的主要问题及改进情况", "V. Problems and improvements"), "problems"),
        Section(Label("六、其他需要报告的事项", "VI. Other matters"), "other_matters"),
    )
