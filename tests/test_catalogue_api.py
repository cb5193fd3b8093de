"""The forms and the rules over HTTP."""

from typing import Any

import pytest

from tests.api import TestClient, make_agency, put_report, said

LINES_AND_COLUMNS = {
    "2019": {
        "documents": (2, 3),
        "licensing": (2, 3),
        "enforcement": (2, 3),
        "fees": (1, 2),
        "procurement": (1, 2),
        "requests": (23, 7),
        "disputes": (3, 5),
    },
    "2021": {
        "documents": (2, 3),
        "licensing": (1, 1),
        "enforcement": (2, 1),
        "fees": (1, 1),
        "requests": (25, 7),
        "disputes": (3, 5),
    },
}
BOTH, OLD, NEW = ["2019", "2021"], ["2019"], ["2021"]
RULES = [
    ("requests.balance", "error", BOTH),
    ("requests.handled", "error", BOTH),
    ("requests.row-total", "error", BOTH),
    ("disputes.row-total", "error", BOTH),
    ("items.floor", "error", OLD),
    ("nil.not-empty", "error", BOTH),
    ("requests.carry", "warning", BOTH),
    ("requests.carry-size", "warning", BOTH),
    ("disputes.pending", "warning", BOTH),
    ("documents.stock", "warning", NEW),
    ("documents.stock-floor", "warning", NEW),
    ("documents.published", "warning", OLD),
    ("documents.rule-maker", "warning", BOTH),
    ("items.chain", "warning", OLD),
    ("items.change-is-decisions", "warning", OLD),
    ("procurement.both", "warning", OLD),
    ("fees.unit", "warning", NEW),
    ("cells.blank", "warning", BOTH),
    ("rollup.sum", "warning", BOTH),
    ("year.jump", "info", BOTH),
    ("prose.empty", "info", BOTH),
    ("prose.fees", "info", NEW),
]
OUTCOMES = """granted partly_granted refused_state_secret refused_by_law refused_security
    refused_third_party refused_internal refused_process refused_enforcement_file refused_query
    unavailable_not_held unavailable_not_made unavailable_unclear declined_petition declined_repeat
    declined_publication declined_excessive declined_reconfirm"""
OTHERS = {
    "2019": ["other_handling"],
    "2021": ["other_not_corrected", "other_fee_unpaid", "other_misc"],
}
APPLICANTS = [
    "natural_person",
    "commercial",
    "research",
    "public_interest",
    "legal_service",
    "other_organization",
]


def form(client: TestClient, key: str) -> dict[str, Any]:
    """Return a form."""
    return dict(client.get(f"/v1/forms/{key}").json())


def table(client: TestClient, form_key: str, key: str) -> dict[str, Any]:
    """Return a table of a form."""
    return next(each for each in form(client, form_key)["tables"] if each["key"] == key)


def labels(value: Any) -> list[dict[str, str]]:
    """Return every text in two languages of a reply."""
    if isinstance(value, list):
        return [label for each in value for label in labels(each)]
    if not isinstance(value, dict):
        return []
    if "zh" in value:
        return [value]
    return [label for each in value.values() for label in labels(each)]


PRINTED = [
    ("一、总体情况", "overview", []),
    ("二、主动公开政府信息情况", None, ["documents", "licensing", "enforcement", "fees"]),
    ("三、收到和处理政府信息公开申请情况", None, ["requests"]),
    ("四、政府信息公开行政复议、行政诉讼情况", None, ["disputes"]),
    ("五、存在的主要问题及改进情况", "problems", []),
    ("六、其他需要报告的事项", "other_matters", []),
]


def test_a_form_has_the_sections_that_are_printed(client: TestClient) -> None:
    form = client.get("/v1/forms/2021").json()
    found = [(each["title"]["zh"], each["prose"], each["tables"]) for each in form["sections"]]
    older = client.get("/v1/forms/2019").json()["sections"]

    assert found == PRINTED
    assert older[1]["tables"] == [*PRINTED[1][2], "procurement"]
    assert [each["title"] for each in older] == [each["title"] for each in form["sections"]]


def test_there_are_two_forms(client: TestClient) -> None:
    listed = client.get("/v1/forms").json()
    assert listed["next"] is None
    assert [(each["key"], each["first_year"], each["last_year"]) for each in listed["items"]] == [
        ("2019", 2019, 2020),
        ("2021", 2021, None),
    ]
    assert [each["source"] for each in listed["items"]] == [
        "国办公开办函〔2019〕60号",
        "国办公开办函〔2021〕30号",
    ]
    for each in listed["items"]:
        assert client.get(each["links"]["self"]).json() == each
    assert said(client.get("/v1/forms/2020")) == (404, "form-not-found")


@pytest.mark.parametrize("key", LINES_AND_COLUMNS)
def test_a_form_has_these_tables(client: TestClient, key: str) -> None:
    found = {
        each["key"]: (len(each["lines"]), len(each["columns"]))
        for each in form(client, key)["tables"]
    }
    assert found == LINES_AND_COLUMNS[key]
    assert list(found) == list(LINES_AND_COLUMNS[key])


@pytest.mark.parametrize("key", LINES_AND_COLUMNS)
def test_everything_printed_is_said_in_two_languages(client: TestClient, key: str) -> None:
    found = labels(form(client, key))
    assert len(found) > 60
    for label in found:
        assert set(label) == {"zh", "en"}
        assert any("\u4e00" <= character <= "\u9fff" for character in label["zh"]), label
        assert label["en"].isascii() or "三安全" in label["zh"], label


@pytest.mark.parametrize("key", LINES_AND_COLUMNS)
def test_requests_have_the_lines_of_the_form(client: TestClient, key: str) -> None:
    lines = {line["key"]: line for line in table(client, key, "requests")["lines"]}
    outcomes = [*OUTCOMES.split(), *OTHERS[key]]
    assert list(lines) == ["received", "carried_in", *outcomes, "handled", "carried_out"]
    assert lines["handled"]["total_of"] == outcomes
    assert {name for name, line in lines.items() if line["total_of"]} == {"handled"}
    assert lines["received"]["label"]["zh"] == "一、本年新收政府信息公开申请数量"
    assert "33" in str(lines["carried_out"]["article"])


@pytest.mark.parametrize("key", LINES_AND_COLUMNS)
def test_totals_name_what_they_add_up(client: TestClient, key: str) -> None:
    totals = {
        name: {
            column["key"]: column["total_of"]
            for column in table(client, key, name)["columns"]
            if column["total_of"]
        }
        for name in LINES_AND_COLUMNS[key]
    }
    disputes = ["upheld", "corrected", "other_result", "pending"]
    assert {name: found for name, found in totals.items() if found} == {
        "requests": {"total": APPLICANTS},
        "disputes": {"total": disputes},
    }


def test_columns_say_what_their_cells_are(client: TestClient) -> None:
    def kinds(form_key: str, key: str) -> dict[str, tuple[str, bool]]:
        columns = table(client, form_key, key)["columns"]
        return {each["key"]: (each["value"], each["may_be_negative"]) for each in columns}

    count, change, decimal = ("integer", False), ("integer", True), ("decimal", False)
    items = {"items_last_year": count, "items_change": change}
    assert kinds("2019", "licensing") == {**items, "decisions": count}
    assert kinds("2019", "fees") == items
    assert kinds("2019", "procurement") == {"items": count, "amount": decimal}
    assert kinds("2021", "fees") == {"amount": decimal}
    assert set(kinds("2021", "requests").values()) == {count}


def test_procurement_has_a_unit_beside_its_cells(client: TestClient) -> None:
    members = {
        each["key"]: each["members"]
        for key in LINES_AND_COLUMNS
        for each in form(client, key)["tables"]
        if each["members"]
    }
    assert list(members) == ["procurement"]
    (unit,) = members["procurement"]
    assert unit["key"] == "amount_unit"
    assert unit["values"] == ["yuan", "wan_yuan", "unknown"]
    assert unit["default"] == "unknown"


@pytest.mark.parametrize(("key", "year"), [("2019", 2020), ("2021", 2024)])
def test_reports_have_the_tables_lines_and_columns_of_their_form(
    client: TestClient, key: str, year: int
) -> None:
    make_agency(client)
    report = put_report(client, year=year).json()
    found = form(client, key)["tables"]
    assert list(report["tables"]) == [each["key"] for each in found]
    for each in found:
        data = report["tables"][each["key"]]["data"]
        assert list(data) == [line["key"] for line in each["lines"]]
        for cells in data.values():
            assert list(cells) == [column["key"] for column in each["columns"]]


def test_rules_stand_in_the_order_of_findings(client: TestClient) -> None:
    listed = client.get("/v1/rules").json()
    assert listed["next"] is None
    assert [(each["id"], each["severity"], each["forms"]) for each in listed["items"]] == RULES


def test_a_rule_says_what_it_demands_and_why(client: TestClient) -> None:
    for rule in client.get("/v1/rules").json()["items"]:
        assert set(rule) == {"id", "severity", "table", "forms", "formula", "basis", "text"}
        assert rule["formula"].strip(), rule
        assert rule["basis"].strip(), rule
        assert set(rule["text"]) == {"zh", "en"}
        assert all(text.strip() for text in rule["text"].values())
        assert any("\u4e00" <= character <= "\u9fff" for character in rule["text"]["zh"])


def test_every_rule_can_be_asked_for(client: TestClient) -> None:
    for rule in client.get("/v1/rules").json()["items"]:
        for path in ("/v1/reports", "/v1/findings"):
            assert client.get(path, params={"rule": rule["id"]}).status_code == 200
