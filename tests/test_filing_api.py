"""From a draft to what is published, and what is said of warnings on the way."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api import ADMIN_KEY, TestClient, etag, faults, make_agency, put_report, put_table, said
from tests.callers import as_, key_for, step
from tests.consistency import assert_consistent

URL = "/v1/reports/a/2024"
STEPS = f"{URL}/transitions"


@dataclass
class People:
    """Keys of who files and who reviews."""

    editor: str
    reviewer: str
    outsider: str
    auditor: str


@pytest.fixture
def people(client: TestClient) -> People:
    make_agency(client, "top", kind="government")
    make_agency(client, "a", parent="top")
    make_agency(client, "b", parent="top")
    return People(
        key_for(client, "editor", "a"),
        key_for(client, "reviewer", "top"),
        key_for(client, "reviewer", "b"),
        key_for(client, "auditor"),
    )


def publish(client: TestClient, people: People) -> None:
    for key, action in (
        (people.editor, "submit"),
        (people.reviewer, "accept"),
        (people.reviewer, "publish"),
    ):
        made = step(client, key, action)
        assert made.status_code == 200, made.text


def test_a_report_goes_from_draft_to_published(client: TestClient, people: People) -> None:
    with_warnings = put_report(client)
    assert with_warnings.json()["state"] == "draft"

    publish(client, people)

    assert client.get(URL).json()["state"] == "published"
    seen = as_(client, None, "GET", URL).json()
    assert (seen["state"], seen["tables"]) == ("published", with_warnings.json()["tables"])
    history = client.get(STEPS).json()["history"]
    assert [(each["action"], each["from"], each["to"]) for each in history] == [
        ("submit", "draft", "submitted"),
        ("accept", "submitted", "accepted"),
        ("publish", "accepted", "published"),
    ]
    assert all(each["actor"].startswith("key:") for each in history)


def test_what_is_not_published_is_not_there_for_others(client: TestClient, people: People) -> None:
    put_report(client)
    for key in (None, people.outsider):
        assert said(as_(client, key, "GET", URL)) == (404, "report-not-found")
        assert as_(client, key, "GET", "/v1/reports").json()["items"] == []
        assert said(as_(client, key, "GET", STEPS)) == (404, "report-not-found")
    for key in (people.editor, people.reviewer, people.auditor):
        assert as_(client, key, "GET", URL).status_code == 200
        assert len(as_(client, key, "GET", "/v1/reports").json()["items"]) == 1


def test_a_step_is_taken_by_who_may(client: TestClient, people: People) -> None:
    put_report(client)
    assert said(step(client, None, "submit")) == (401, "authentication-required")
    assert said(step(client, people.auditor, "submit")) == (403, "forbidden")
    assert said(step(client, people.reviewer, "submit")) == (403, "forbidden")
    assert said(step(client, people.outsider, "accept")) == (403, "forbidden")
    assert step(client, people.editor, "submit").status_code == 200
    assert said(step(client, people.editor, "accept")) == (403, "forbidden")
    assert said(step(client, people.outsider, "accept")) == (403, "forbidden")
    assert said(step(client, people.editor, "record", "旧")) == (403, "forbidden")


def test_nothing_is_written_while_a_report_is_under_review(
    client: TestClient, people: People
) -> None:
    put_report(client)
    step(client, people.editor, "submit")
    patches = {URL: {"overview": "改"}, f"{URL}/requests": {"remarks": {"received": "改"}}}
    for path, patch in patches.items():
        assert said(client.put(path, json={})) == (409, "report-locked")
        assert said(client.patch(path, json=patch)) == (409, "report-locked")
        assert said(client.delete(path)) == (409, "report-locked")
        as_it_is = client.get(path)
        assert client.put(path, json=as_it_is.json()).headers["etag"] == as_it_is.headers["etag"]
    line = json.dumps(client.get(URL).json() | {"overview": "改"})
    headers = {"Content-Type": "application/x-ndjson"}
    sent = client.post("/v1/imports?mode=partial", content=line, headers=headers)
    assert sent.json()["items"][0]["errors"][0]["code"] == "report-locked"
    assert client.get(URL).json()["overview"] == "略"


def test_what_is_returned_is_corrected_and_submitted_again(
    client: TestClient, people: People
) -> None:
    put_report(client)
    step(client, people.editor, "submit")
    assert faults(step(client, people.reviewer, "return")) == [("/comment", "reason-required")]
    assert step(client, people.reviewer, "return", "请核对").json()["state"] == "returned"
    as_(client, people.editor, "PATCH", URL, json={"overview": "已核对"}).raise_for_status()
    publish(client, people)


def test_the_reason_against_a_step_is_what_an_attempt_gets(
    client: TestClient, people: People
) -> None:
    put_report(client)
    publish(client, people)
    for key in (None, people.outsider, people.auditor, people.reviewer):
        (correct,) = as_(client, key, "GET", STEPS).json()["available"]
        _, slug = said(step(client, key, "correct", "口径有误"))
        assert [each["code"] for each in correct["why_not"]] == [slug]


def test_a_step_that_is_refused_names_every_fault(client: TestClient, people: People) -> None:
    put_report(client)
    for action in ("return", "correct", "record"):
        refused = client.post(STEPS, json={"action": action, "why": "x"})
        assert faults(refused) == [("/comment", "reason-required"), ("/why", "unknown-member")]
    refused = client.post(STEPS, json={"action": "return", "comment": []})
    assert faults(refused) == [("/comment", "not-a-text")]


def test_a_report_with_errors_cannot_be_submitted(client: TestClient, people: People) -> None:
    put_report(client, requests={"received__total": 5})
    refused = step(client, people.editor, "submit")
    assert said(refused) == (422, "submission-refused")
    codes = {each["code"] for each in refused.json()["errors"]}
    assert codes == {"finding-stands"}
    assert client.get(URL).json()["state"] == "draft"
    available = as_(client, people.editor, "GET", STEPS).json()["available"]
    submit = next(each for each in available if each["action"] == "submit")
    assert (submit["allowed"], submit["why_not"][0]["code"]) == (False, "submission-refused")


CARRY = "requests.carry:natural_person"


@pytest.fixture
def warned(client: TestClient, people: People) -> People:
    """A report whose carried-in requests are not those that the year before carried out."""
    flow = {"natural_person": 1, "total": 1}
    put_report(client, year=2023)
    cells = {f"{line}__{c}": 1 for line in ("carried_in", "carried_out") for c in flow}
    put_report(client, requests=cells)
    return people


def decide(client: TestClient, key: str, word: str, text: str | None = "说明",
           finding: str = CARRY) -> Any:  # fmt: skip
    body = {"decision": word} | ({"explanation": text} if text else {})
    return as_(client, key, "PUT", f"{URL}/findings/{finding}/decision", json=body)


def explain_all(client: TestClient, key: str) -> None:
    for each in client.get(f"{URL}/findings").json()["items"]:
        if each["severity"] == "warning":
            assert decide(client, key, "explained", finding=each["id"]).status_code in {200, 201}


def test_a_warning_wants_an_explanation(client: TestClient, warned: People) -> None:
    refused = step(client, warned.editor, "submit")
    assert {each["code"] for each in refused.json()["errors"]} == {"finding-unexplained"}
    explain_all(client, warned.editor)
    found = client.get(f"{URL}/findings").json()["items"]
    carry = next(each for each in found if each["id"] == CARRY)
    assert (carry["decision"]["decision"], carry["decision"]["holds"]) == ("explained", True)
    assert step(client, warned.editor, "submit").status_code == 200


def test_an_explanation_lapses_when_the_values_change(client: TestClient, warned: People) -> None:
    explain_all(client, warned.editor)
    put_report(client, year=2023, requests={"carried_in__natural_person": 3, "carried_in__total": 3,
               "carried_out__natural_person": 3, "carried_out__total": 3})  # fmt: skip
    found = client.get(f"{URL}/findings/{CARRY}/decision").json()
    assert found["holds"] is False
    refused = step(client, warned.editor, "submit")
    assert "finding-lapsed" in {each["code"] for each in refused.json()["errors"]}


def test_a_decision_that_is_said_once_more_leaves_no_trace(
    client: TestClient, warned: People
) -> None:
    path = f"{URL}/findings/{CARRY}/decision"
    made = decide(client, warned.editor, "explained")
    entries = client.get("/v1/audit?count=true").json()["total"]
    again = as_(client, warned.editor, "PUT", path, json=client.get(path).json())
    assert (again.status_code, etag(again), again.json()) == (200, etag(made), made.json())
    assert client.get("/v1/audit?count=true").json()["total"] == entries
    assert decide(client, warned.editor, "explained", "另").json()["at"] > made.json()["at"]


def test_no_patch_is_offered_for_a_decision_which_takes_none(
    client: TestClient, warned: People
) -> None:
    path = f"{URL}/findings/{CARRY}/decision"
    made = decide(client, warned.editor, "explained")
    assert made.headers["location"] == made.headers["content-location"] == path
    assert said(client.patch(path, json={})) == (405, "method-not-allowed")
    again = decide(client, warned.editor, "confirmed")
    assert "location" not in again.headers
    assert "accept-patch" not in made.headers.keys() | again.headers.keys()


def test_a_decision_is_changed_under_its_conditions(client: TestClient, warned: People) -> None:
    path = f"{URL}/findings/{CARRY}/decision"
    tag = etag(decide(client, warned.editor, "explained"))
    other = {"decision": "explained", "explanation": "另"}
    changed = client.put(path, json=other, headers={"if-match": tag})
    assert changed.status_code == 200
    confirmed = {"decision": "confirmed", "explanation": "另"}
    stale = client.put(path, json=confirmed, headers={"if-match": tag})
    assert said(stale) == (412, "precondition-failed")
    assert (faults(stale), stale.headers["etag"]) == ([("/decision", "differs")], etag(changed))
    assert client.delete(path, headers={"if-match": tag}).status_code == 412
    assert client.delete(path, headers={"if-match": etag(changed)}).status_code == 204


def test_what_may_be_said_of_a_finding_depends_on_who_says_it(
    client: TestClient, warned: People
) -> None:
    assert said(decide(client, warned.reviewer, "explained")) == (403, "forbidden")
    assert said(decide(client, warned.editor, "waived")) == (403, "forbidden")
    assert said(decide(client, warned.outsider, "waived")) == (403, "forbidden")
    assert decide(client, warned.editor, "confirmed", None).status_code == 201
    assert decide(client, warned.reviewer, "waived").status_code == 200
    assert faults(decide(client, warned.editor, "explained", None)) == [
        ("/explanation", "reason-required")
    ]
    missing = decide(client, warned.editor, "explained", finding="requests.carry:none")
    assert said(missing) == (404, "finding-not-found")
    path = f"{URL}/findings/{CARRY}/decision"
    assert as_(client, warned.reviewer, "DELETE", path).status_code == 204
    assert said(client.get(path)) == (404, "decision-not-found")


def test_an_error_cannot_be_explained_away(client: TestClient, people: People) -> None:
    put_report(client, requests={"received__total": 5})
    refused = decide(client, people.editor, "explained", finding="requests.row-total:received")
    assert faults(refused) == [("/decision", "error-stands")]


def test_what_is_no_word_of_a_decision_is_a_fault_of_the_body(
    client: TestClient, warned: People
) -> None:
    path = f"{URL}/findings/{CARRY}/decision"
    words: list[Any] = [[], {}, ["explained"], 5, None]
    for word in words:
        refused = client.put(path, json={"decision": word, "x": 1})
        assert faults(refused) == [("/decision", "not-one-of"), ("/x", "unknown-member")]


def test_a_correction_stays_unseen_until_it_is_published(
    client: TestClient, people: People
) -> None:
    put_report(client)
    publish(client, people)
    before = as_(client, None, "GET", URL)
    assert faults(step(client, people.editor, "correct")) == [("/comment", "reason-required")]
    assert step(client, people.editor, "correct", "口径有误").json()["state"] == "draft"
    as_(client, people.editor, "PATCH", URL, json={"overview": "更正后"}).raise_for_status()

    assert as_(client, None, "GET", URL).content == before.content
    assert as_(client, people.editor, "GET", URL).json()["overview"] == "更正后"
    assert said(client.delete(URL)) == (409, "report-published")

    publish(client, people)
    after = as_(client, None, "GET", URL).json()
    assert (after["overview"], after["correction"]) == ("更正后", "口径有误")
    seen = as_(client, None, "GET", f"{URL}/revisions").json()["items"]
    assert [(each["reason"], each["actor"]) for each in seen] == [(None, None), ("口径有误", None)]
    old = as_(client, None, "GET", seen[0]["links"]["self"])
    assert old.content == before.content


def test_what_is_published_is_judged_among_what_is_published(
    client: TestClient, warned: People
) -> None:
    """The year before is a draft: nobody may learn from a finding what stands in it."""
    explain_all(client, warned.editor)
    publish(client, warned)
    seen = as_(client, None, "GET", URL).json()
    assert CARRY not in {each["id"] for each in seen["findings"]}
    assert seen["links"]["previous"] is None
    assert CARRY in {each["id"] for each in client.get(URL).json()["findings"]}
    for key, action in (
        (warned.editor, "submit"),
        (warned.reviewer, "accept"),
        (warned.reviewer, "publish"),
    ):
        assert step(client, key, action, year=2023).status_code == 200
    assert CARRY in {each["id"] for each in as_(client, None, "GET", URL).json()["findings"]}


def test_of_two_who_submit_at_once_one_is_first(client: TestClient, people: People) -> None:
    put_report(client)

    def submit(_: int) -> int:
        headers = {"Authorization": f"Bearer {people.editor}"}
        reply = client.post(STEPS, json={"action": "submit"}, headers=headers)
        return int(reply.status_code)

    with ThreadPoolExecutor(4) as threads:
        codes = sorted(threads.map(submit, range(4)))
    assert codes == [200, 409, 409, 409]
    assert len(client.get(STEPS).json()["history"]) == 1


def test_a_step_holds_to_its_conditions(client: TestClient, people: People) -> None:
    tag = etag(put_report(client))
    put_report(client, overview="二")
    headers = {"If-Match": tag}
    reply = client.post(STEPS, json={"action": "submit"}, headers=headers)
    assert said(reply) == (412, "precondition-failed")


def test_a_report_that_was_published_elsewhere_is_recorded_as_it_is(
    client: TestClient, people: People
) -> None:
    put_report(client, requests={"received__total": 5})
    made = step(client, ADMIN_KEY, "record", "2025-01-20 已在门户网站公开")
    assert made.json()["state"] == "published"
    assert as_(client, None, "GET", URL).json()["counts"]["error"] > 0


def test_a_closed_year_takes_no_submission(client: TestClient, people: People) -> None:
    put_report(client)
    client.patch("/v1/reporting-years/2024", json={"status": "closed"}).raise_for_status()
    assert said(step(client, people.editor, "submit")) == (409, "year-closed")


def test_the_public_feed_tells_of_what_is_published_and_nothing_else(
    client: TestClient, people: People
) -> None:
    start = client.get("/v1/changes").json()["latest"]
    put_report(client)
    put_table(client, "documents", normative_documents__issued=0)
    publish(client, people)
    path = f"/v1/changes?after={start}&resource=reports"
    seen = as_(client, None, "GET", path).json()["items"]
    assert [(each["op"], each["layer"]) for each in seen] == [("created", "published")]
    everything = client.get(path).json()["items"]
    assert [each["op"] for each in everything] == ["created", *["updated"] * 3, "created"]


def test_a_rename_and_another_due_date_reach_what_is_published(
    client: TestClient, people: People, database_url: str
) -> None:
    put_report(client, submitted_on="2025-01-20")
    publish(client, people)
    client.patch("/v1/agencies/a", json={"name": "新名"}).raise_for_status()
    due = {"due": {"department": "2025-01-10"}}
    client.patch("/v1/reporting-years/2024", json=due).raise_for_status()
    seen = as_(client, None, "GET", URL).json()
    assert (seen["agency"]["name"], seen["timeliness"]) == ("新名", "late")
    step(client, people.editor, "correct", "口径有误")
    as_(client, people.editor, "PATCH", URL, json={"overview": "更正后"}).raise_for_status()
    assert_consistent(database_url)
