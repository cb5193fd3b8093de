"""The measures that are published, each with one definition."""

from collections.abc import Iterable, Iterator

from app.domain.layout import Form, Label
from app.domain.measure import Measure, Names, is_defined

HANDLED: Names = ("requests.handled.total",)
DISPUTES: Names = ("disputes.*.total",)


def _requests() -> Iterator[Measure]:
    """Yield how many requests there were, and what became of them."""
    for key, zh, en, lines in (
        ("received", "本年新收申请", "Requests received in the year", "received"),
        ("carried_in", "上年结转申请", "Requests carried over from last year", "carried_in"),
        ("handled", "本年度办理结果总计", "Requests handled in the year", "handled"),
        ("carried_out", "结转下年度申请", "Requests carried over to next year", "carried_out"),
        ("granted", "予以公开", "Requests granted", "granted"),
        ("partly_granted", "部分公开", "Requests partly granted", "partly_granted"),
        ("refused", "不予公开", "Requests refused", "refused_*"),
        ("unavailable", "无法提供", "Information that cannot be provided", "unavailable_*"),
        ("declined", "不予处理", "Requests not processed", "declined_*"),
        ("other", "其他处理", "Requests otherwise handled", "other_*"),
    ):
        yield Measure(key, Label(zh, en), (f"requests.{lines}.total",))


def _share(key: str, zh: str, en: str, *lines: str) -> Measure:
    """Return the share of some outcomes in all."""
    text = Label(f"{zh}：占办理结果总计的比例", f"{en}: share of the requests handled in the year")
    return Measure(key, text, tuple(f"requests.{line}.total" for line in lines), HANDLED)


def _rates(forms: Iterable[Form]) -> Iterator[Measure]:
    """Yield the shares of outcomes, one for each ground of refusal that a form prints."""
    refusals = {
        line.key: line.label
        for form in forms
        for table in form.tables
        if table.key == "requests"
        for line in table.lines
        if line.key.startswith("refused_")
    }
    yield _share("disclosure_rate", "公开率", "Disclosure rate", "granted", "partly_granted")
    yield _share("full_disclosure_rate", "全部公开率", "Full disclosure rate", "granted")
    yield _share("refusal_rate", "不予公开率", "Refusal rate", "refused_*")
    for key, (zh, en) in refusals.items():
        yield _share(f"{key}_rate", f"不予公开率（{zh}）", f"Refusal rate ({en})", key)
    yield _share("unavailable_rate", "无法提供率", "Rate of the unavailable", "unavailable_*")
    yield _share("declined_rate", "不予处理率", "Rate of the not processed", "declined_*")
    yield _share("other_rate", "其他处理率", "Rate of other handling", "other_*")
    yield Measure(
        "carry_over_rate",
        Label(
            "结转率：结转下年度申请占本年新收与上年结转之和的比例",
            "Carry-over rate: requests carried out, of those received and carried in",
        ),
        ("requests.carried_out.total",),
        ("requests.received.total", "requests.carried_in.total"),
    )


_CONCLUDED = ("upheld", "corrected", "other_result")
_DISPUTES = (
    ("reconsideration", "行政复议", "Reconsideration"),
    ("litigation_direct", "未经复议直接起诉", "Litigation without reconsideration"),
    ("litigation_after_reconsideration", "复议后起诉", "Litigation after reconsideration"),
)


def _disputes() -> Iterator[Measure]:
    """Yield how many disputes there were, and how many of those concluded were corrected."""
    yield Measure("disputes", Label("行政复议和行政诉讼", "Disputes of all kinds"), DISPUTES)
    yield Measure("litigation", Label("行政诉讼", "Litigation"), ("disputes.litigation_*.total",))
    for key, zh, en in _DISPUTES:
        yield Measure(key, Label(zh, en), (f"disputes.{key}.total",))
    yield _correction("correction_rate", "行政复议和行政诉讼", "Disputes of all kinds", "*")
    for key, zh, en in _DISPUTES:
        yield _correction(f"{key}_correction_rate", zh, en, key)
    yield Measure(
        "dispute_rate",
        Label(
            "争议率：行政复议和行政诉讼与办理结果总计之比",
            "Dispute rate: disputes of all kinds per request handled in the year",
        ),
        DISPUTES,
        HANDLED,
    )


def _correction(key: str, zh: str, en: str, line: str) -> Measure:
    """Return the share of what was corrected in what was concluded."""
    text = Label(
        f"纠正率（{zh}）：结果纠正占已审结的比例", f"Correction rate ({en}): of those concluded"
    )
    concluded = tuple(f"disputes.{line}.{result}" for result in _CONCLUDED)
    return Measure(key, text, (f"disputes.{line}.corrected",), concluded)


def _acts() -> Iterator[Measure]:
    """Yield what was decided and what was issued: section 二."""
    for key, zh, en, name in (
        ("licensing_decisions", "行政许可处理决定", "Licensing decisions", "licensing.licences"),
        ("penalty_decisions", "行政处罚处理决定", "Penalty decisions", "enforcement.penalties"),
        (
            "compulsion_decisions",
            "行政强制处理决定",
            "Compulsion decisions",
            "enforcement.compulsion",
        ),
    ):
        yield Measure(key, Label(zh, en), (f"{name}.decisions",))
    for line, of_zh, of_en in (
        ("rules", "规章", "Rules"),
        ("normative_documents", "行政规范性文件", "Normative documents"),
    ):
        for column, zh, en in (
            ("issued", "本年制发", "issued"),
            ("in_force", "现行有效", "in force"),
        ):
            text = Label(f"{zh}{of_zh}", f"{of_en} {en}")
            yield Measure(f"{line}_{column}", text, (f"documents.{line}.{column}",))


def measures(forms: Iterable[Form]) -> dict[str, tuple[Measure, list[Form]]]:
    """Return every measure by its key, with the forms that have its cells."""
    known = list(forms)
    everything = (*_requests(), *_rates(known), *_disputes(), *_acts())
    return {each.key: (each, [f for f in known if is_defined(each, f)]) for each in everything}
