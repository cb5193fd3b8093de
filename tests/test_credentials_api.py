"""Bad credentials, tricks with addresses and headers, and what is nobody else's to see."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from httpx2 import Response
from structlog.testing import capture_logs

from app.errors import Unauthorized
from app.main import create_app
from app.services import callers
from app.services.callers import REMEMBERED, Callers, digest_of
from app.storage import keys
from app.storage.models import ApiKey
from tests import rights
from tests.api import (
    ADMIN_KEY,
    TestClient,
    a_report_body,
    an_agency_body,
    make_agency,
    put_report,
    said,
)
from tests.builders import Clock
from tests.callers import as_, calling, key_for, step
from tests.conftest import quiet
from tests.rights import Row

URL = "/v1/reports/a/2024"
LONG_AGO = "2020-01-01T00:00:00.000000Z"
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"])
"""What a test is about does not depend on the database."""
NONE_ALGORITHM = "eyJhbGciOiJub25lIn0.eyJnb25na2FpX3JvbGUiOiJhZG1pbiJ9."


@pytest.fixture
def loud(database_url: str) -> Iterator[TestClient]:
    """A client of an application that logs refusals, and lets anybody guess."""
    settings = quiet(database_url, log_level="WARNING", failure_limit=0)
    with TestClient(create_app(settings)) as client:
        make_agency(client)
        put_report(client)
        yield client


def a_key(client: TestClient, secret: str, **members: Any) -> str:
    """Store a key as it is, and return it."""
    state = client.app.state  # type: ignore[attr-defined]
    digest = digest_of(secret, members.pop("settings", state.settings))
    key = ApiKey(
        id=f"id-of-{secret}", name=secret, digest=digest, role="admin", revision=1,
        created_at=LONG_AGO, updated_at=LONG_AGO, **members,
    )  # fmt: skip
    assert client.portal is not None
    client.portal.call(state.database.alter, lambda c: keys.add(c, key))
    return secret


def useless(client: TestClient) -> dict[str, list[bytes]]:
    """Return Authorization headers that are nobody's, by what is wrong with them."""
    valid = a_key(client, "gk_valid")
    assert as_(client, valid, "GET", "/v1/keys").status_code == 200
    other = quiet("sqlite:///unused.db", key_pepper="another")
    return {
        "unknown": [b"Bearer gk_of-nobody"],
        "one letter off": [b"Bearer gk_valiD"],
        "cut short": [b"Bearer gk_vali"],
        "expired": [bearer(a_key(client, "gk_expired", expires_at=LONG_AGO))],
        "revoked": [bearer(a_key(client, "gk_revoked", revoked_at=LONG_AGO))],
        "of another pepper": [bearer(a_key(client, "gk_foreign", settings=other))],
        "its digest": [bearer(digest_of(valid, other))],
        "no scheme": [valid.encode()],
        "another scheme": [b"Basic " + valid.encode()],
        "no key": [b"Bearer"],
        "blank key": [b"Bearer   "],
        "empty": [b""],
        "two": [bearer(valid), bearer(valid)],
        "two in one": [bearer(valid) + b", " + bearer(valid)],
        "not ASCII": ["Bearer 密钥".encode()],
        "a zero": [b"Bearer gk_valid\0"],
        "quotes": [b"Bearer ' OR '1'='1"],
        "far too long": [b"Bearer " + b"x" * 100_000],
        "a token, and no provider": [b"Bearer " + NONE_ALGORITHM.encode()],
    }


def bearer(key: str) -> bytes:
    """Return the header of who shows a key."""
    return b"Bearer " + key.encode()


def show(client: TestClient, given: list[bytes], path: str = URL) -> Response:
    """Ask with these Authorization headers."""
    with calling(client, None):
        return client.get(path, headers=[(b"authorization", each) for each in given])


def same(reply: Response) -> tuple[int, str, Mapping[str, str]]:
    """Return all of a reply that is not of its own time: status, body, headers."""
    body = re.sub(r"urn:uuid:[0-9a-f-]{36}", "", reply.text)
    headers = {name: value for name, value in reply.headers.items() if name != "x-request-id"}
    return reply.status_code, body, headers


def test_useless_credentials_are_all_answered_alike_and_logged(loud: TestClient) -> None:
    given = useless(loud)
    with capture_logs() as log:
        replies = {what: show(loud, headers) for what, headers in given.items()}
    expected = same(replies["unknown"])
    assert said(replies["unknown"]) == (401, "invalid-credentials")
    challenge = 'Bearer realm="gongkai", error="invalid_token"'
    assert replies["unknown"].headers["www-authenticate"] == challenge
    for what, reply in replies.items():
        assert same(reply) == expected, what
    refusals = [entry for entry in log if entry["event"] == "refused"]
    assert len(refusals) == len(given)
    assert {(each["problem"], each["path"]) for each in refusals} == {("invalid-credentials", URL)}
    assert "gk_" not in str(log)


@ON_SQLITE
def test_useless_credentials_are_refused_even_where_none_are_needed(loud: TestClient) -> None:
    for path in ("/v1/forms", "/v1/reports", "/v1/agencies/a"):
        assert show(loud, [], path).status_code == 200
        assert said(show(loud, [b"Bearer gk_of-nobody"], path)) == (401, "invalid-credentials")


@ON_SQLITE
def test_no_credentials_are_asked_for(loud: TestClient) -> None:
    with capture_logs() as log:
        reply = show(loud, [], "/v1/keys")
    assert said(reply) == (401, "authentication-required")
    assert reply.headers["www-authenticate"] == 'Bearer realm="gongkai"'
    assert [(each["event"], each["caller"]) for each in log] == [("refused", "anonymous")]


@ON_SQLITE
def test_who_lacks_a_right_is_told_which_and_logged_by_name(loud: TestClient) -> None:
    key = key_for(loud, "editor", "a")
    with capture_logs() as log:
        reply = as_(loud, key, "DELETE", "/v1/agencies/a")
    assert said(reply) == (403, "forbidden")
    assert "`administer`" in reply.json()["detail"]
    (entry,) = log
    assert (entry["event"], entry["problem"]) == ("refused", "forbidden")
    assert entry["caller"].startswith("key:")
    assert entry["address"] == "testclient"


@ON_SQLITE
def test_a_key_in_an_address_is_refused_and_not_logged(loud: TestClient) -> None:
    names = ("access_token", "api_key", "apikey", "KEY", "token", "Authorization")
    with capture_logs() as log:
        replies = [loud.get(f"/v1/reports?limit=1&{name}={ADMIN_KEY}") for name in names]
    assert {said(reply) for reply in replies} == {(400, "credentials-in-query")}
    assert [each["problem"] for each in log] == ["credentials-in-query"] * len(names)
    assert ADMIN_KEY not in str(log)
    assert ADMIN_KEY not in "".join(reply.text for reply in replies)


# How long a key holds


@pytest.fixture
def workers(client: TestClient) -> tuple[Clock, Callable[[str], list[bool]]]:
    """Two workers on one database; what asks each of them whether a key holds."""
    state, clock = client.app.state, Clock()  # type: ignore[attr-defined]
    two = [Callers(state.database, state.settings, clock) for _ in range(2)]

    async def asked(header: str) -> list[bool]:
        found = []
        for each in two:
            try:
                found.append((await each.identify(header)).role == "reader")
            except Unauthorized:
                found.append(False)
        return found

    assert client.portal is not None
    call = client.portal.call
    return clock, lambda key: call(asked, f"Bearer {key}")


def test_a_revocation_holds_in_every_worker_within_five_seconds(
    client: TestClient, workers: tuple[Clock, Callable[[str], list[bool]]]
) -> None:
    clock, hold = workers
    key = key_for(client, "reader")
    assert hold(key) == [True, True]
    (made,) = client.get("/v1/keys").json()["items"]
    assert client.delete(f"/v1/keys/{made['id']}").is_success
    clock.now += 5
    assert hold(key) == [False, False]
    assert REMEMBERED < 5


def test_a_key_that_expires_is_refused_within_five_seconds(
    client: TestClient,
    workers: tuple[Clock, Callable[[str], list[bool]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, hold = workers
    key = key_for(client, "reader", expires_at="2100-01-01T00:00:00Z")
    assert hold(key) == [True, True]
    monkeypatch.setattr(callers, "now", lambda: "2100-01-01T00:00:00.000000Z")
    clock.now += 5
    assert hold(key) == [False, False]


@ON_SQLITE
def test_what_is_remembered_of_useless_keys_is_bounded(client: TestClient) -> None:
    state = client.app.state  # type: ignore[attr-defined]
    known = state.callers
    for number in range(callers._MOST + 10):
        known._remember(f"Bearer {number}", None)
    assert len(known._known) == callers._MOST


@ON_SQLITE
def test_a_key_behind_many_spaces_is_refused_and_not_remembered(client: TestClient) -> None:
    known = client.app.state.callers._known  # type: ignore[attr-defined]
    for key in ("gk_of-nobody", ADMIN_KEY):
        header = {"Authorization": f"Bearer{' ' * 60_000}{key}"}
        reply = client.get("/v1/agencies", headers=header)
        assert said(reply) == (401, "invalid-credentials")
    assert max(map(len, known), default=0) < 60_000


# Addresses and headers


TRICKS = (
    "/v1/reports/a%2F..%2Fb/2024",
    "/v1/reports/a/2024%2F..%2F2023",
    "/v1/reports/../keys",
    "/v1/reports/..%2Fkeys",
    "/v1/forms/..%2F..%2Fv1%2Fkeys",
    "//v1/keys",
    "/v1//keys",
    "/V1/keys",
    "/v1/keys/",
    "/v1/keys;a=b",
    "/v1/keys%00",
    "/v1/keys%20",
    "/v1/./keys",
    "/v1/reports/a%00/2024",
    "/v1/reports/%C0%AE%C0%AE/2024",
    "/v1/reports/a/2024%0d%0aX-Evil:%20yes",
    "/static/..%2Fmain.py",
    "/static/%2e%2e/%2e%2e/pyproject.toml",
    "/static//etc/passwd",
    "/problems/..%2F..%2Fv1%2Fkeys",
)


@ON_SQLITE
def test_a_trick_with_a_path_leads_nowhere(loud: TestClient) -> None:
    editor = key_for(loud, "editor", "a")
    for path, key, method in product(TRICKS, (None, editor), ("GET", "DELETE")):
        reply = as_(loud, key, method, path)
        assert reply.status_code in {401, 403, 404, 405}, (method, path, reply.text)
        assert "gk_" not in reply.text
        assert_clean(reply)


def assert_clean(reply: Response) -> None:
    """Check that nothing that a client sent became a header."""
    assert "x-evil" not in reply.headers
    for value in reply.headers.values():
        assert not re.search(r"[\r\n\0]", value)


EVIL = "a\r\nX-Evil: yes"


@ON_SQLITE
def test_nothing_that_is_echoed_becomes_a_header(loud: TestClient) -> None:
    agency = an_agency_body(code=EVIL)
    replies = [
        loud.get(URL, headers={"X-Request-ID": EVIL}),
        loud.get(URL, headers={"Accept-Language": EVIL, "Accept": EVIL}),
        loud.get(URL, headers={"If-None-Match": f'"{EVIL}"'}),
        loud.get("/v1/unknown", headers={"Accept-Language": f"en-{EVIL}"}),
        loud.get("/v1/changes/stream", headers={"Last-Event-ID": EVIL}),
        loud.post("/v1/agencies", json=agency),
        loud.post("/v1/agencies", json=an_agency_body(code="b"), headers={"Idempotency-Key": EVIL}),
        loud.put("/v1/agencies/a%0d%0aX-Evil:%20yes", json=an_agency_body()),
        loud.put("/v1/reports/a%0d%0aX-Evil:%20yes/2024", json={}),
        loud.post("/v1/reports", json=a_report_body(2023, agency=EVIL, year=2023)),
        loud.post("/v1/webhooks", json={"url": f"https://example.cn/{EVIL}"}),
        loud.get("/v1/reporting-years/2024%0d%0aX-Evil:%20yes/completeness?format=csv"),
        loud.get("/v1/forms/2021%0d%0aX-Evil:%20yes/template.xlsx"),
    ]
    statuses = [200, 406, 200, 404, 422, 422, 400, 422, 422, 422, 422, 404, 404]
    assert [reply.status_code for reply in replies] == statuses
    for reply in replies:
        assert_clean(reply)
    assert re.fullmatch(r"[0-9a-f-]{36}", replies[0].headers["x-request-id"])


# What is nobody else's to see

_OF_ITS_TIME = {"metrics", "healthz", "readyz"}
_POSITION = re.compile(rb'"(?:next|latest|feed_position)":\d+')
_MORE = (
    "/v1/reports?year=2024&count=true",
    "/v1/reports?severity=error&count=true",
    "/v1/reports?agency=a&sort=-updated_at",
    "/v1/findings?count=true&severity=error",
    "/v1/agencies/top/rollup/2023",
    "/v1/agencies/top/rollup/2024",
    "/v1/agencies/a/rollup/2025",
    "/v1/reporting-years/2023/completeness",
    "/v1/reporting-years/2024/completeness",
    "/v1/reporting-years/2025/completeness?format=csv",
    "/v1/agencies/top/series?cells=requests.received.total",
    "/v1/reports/a/2023/comparison",
    "/v1/reports/a/2023/revisions?count=true",
    "/v1/reports/a/2025",
    "/v1/digests?under=top",
    "/v1/exports/reports.ndjson?under=top",
)


def seen(client: TestClient, key: str | None, rows: list[Row]) -> dict[str, tuple[Any, ...]]:
    """Return what a caller is shown of everything, by address."""
    found = {}
    for row in rows:
        if row.method == "GET" and row.operation not in _OF_ITS_TIME:
            found[f"{row.operation} {row.about}"] = _shown(rights.answer(client, row, key))
    for path in _MORE:
        found[path] = _shown(as_(client, key, "GET", path))
    return found


def _shown(reply: Response) -> tuple[Any, ...]:
    if reply.status_code >= 400:
        return (reply.status_code, reply.json()["type"], reply.json()["detail"])
    if reply.headers["content-type"].endswith("spreadsheetml.sheet"):
        return (reply.status_code, _sheets(reply.content))
    body, positions = _POSITION.subn(b"", reply.content)
    etag = None if positions else reply.headers.get("etag")
    return (reply.status_code, body, etag)


def _sheets(content: bytes) -> dict[str, int]:
    """Return the digests of a workbook's parts, without the one that has the time in it."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return {part.filename: part.CRC for part in book.infolist() if "core" not in part.filename}


OUTSIDERS = ("anonymous", "other editor", "other reviewer")


def work_on(client: TestClient, names: Mapping[str, str | None]) -> None:
    """Do all that an agency and its superior do before they publish."""
    editor, reviewer = names["editor"], names["reviewer"]
    wrong = {"received__natural_person": 7, "received__total": 9}
    assert step(client, editor, "correct", "更正", year=2023).status_code == 200
    for year in (2023, 2024, 2025):
        body = a_report_body(year, requests=wrong, overview="草稿")
        assert as_(client, editor, "PUT", f"/v1/reports/a/{year}", json=body).is_success
    assert as_(client, editor, "DELETE", "/v1/reports/a/2020").status_code == 204
    assert step(client, reviewer, "return", "请核对", year=2022).status_code == 200
    line = {"Content-Type": "application/x-ndjson"}
    sent = b'{"agency":"a","year":2022,"overview":"x","tables":{"fees":{"filing":"nil"}}}'
    assert as_(client, editor, "POST", "/v1/imports", content=sent, headers=line).is_success


def test_what_is_worked_on_changes_nothing_for_those_who_may_not_see_it(
    database_url: str,
) -> None:
    with TestClient(create_app(quiet(database_url, webhooks_private_targets=True))) as client:
        compare(client)


def compare(client: TestClient) -> None:
    """Look at everything, work on reports, and look again."""
    ids, names = rights.make_world(client)
    rows = rights.rows(ids)
    before = {name: seen(client, names[name], rows) for name in (*OUTSIDERS, "editor")}
    work_on(client, names)
    for name in OUTSIDERS:
        after = seen(client, names[name], rows)
        moved = [what for what in after if after[what] != before[name][what]]
        assert moved == [], name
    after = seen(client, names["editor"], rows)
    moved = [what for what in after if after[what] != before["editor"][what]]
    assert len(moved) > 30  # the test would notice


def test_a_report_that_is_not_published_is_as_one_that_is_not_there(client: TestClient) -> None:
    make_agency(client, "a")
    make_agency(client, "b")
    put_report(client, "a", 2024)
    tails = ("", "/requests", "/findings", "/transitions", "/revisions", "/revisions/1")
    for key in (None, key_for(client, "editor", "b"), key_for(client, "reviewer", "b")):
        for tail in tails:
            there, absent = (
                same(as_(client, key, "GET", f"/v1/reports/a/{year}{tail}"))
                for year in (2024, 2023)
            )
            assert there[0] == 404
            assert there[1].replace("2024", "2023") == absent[1]
            assert {**there[2], "content-length": ""} == {**absent[2], "content-length": ""}


def test_an_editor_whose_key_is_for_another_agency_writes_nothing(client: TestClient) -> None:
    make_agency(client, "a")
    make_agency(client, "b")
    before = put_report(client, "a", 2024)
    key = key_for(client, "editor", "b")
    for method, path in (
        ("PUT", URL),
        ("PATCH", f"{URL}/requests"),
        ("DELETE", URL),
        ("POST", "/v1/reports"),
    ):
        body = {} if method == "DELETE" else {"json": a_report_body(2024, agency="a", year=2024)}
        assert said(as_(client, key, method, path, **body)) == (403, "forbidden")
    assert client.get(URL).content == before.content


def test_a_reviewer_loses_the_agency_that_moves_away_and_another_gains_it(
    client: TestClient,
) -> None:
    for code in ("one", "two"):
        make_agency(client, code, kind="government")
    make_agency(client, "a", parent="one")
    put_report(client, "a", 2024)
    editor, before, after = (
        key_for(client, role, agency)
        for role, agency in (("editor", "a"), ("reviewer", "one"), ("reviewer", "two"))
    )
    assert step(client, editor, "submit").status_code == 200
    assert [as_(client, key, "GET", URL).status_code for key in (before, after)] == [200, 404]

    assert client.patch("/v1/agencies/a", json={"parent": "two"}).status_code == 200

    assert [as_(client, key, "GET", URL).status_code for key in (before, after)] == [404, 200]
    assert said(step(client, before, "accept")) == (403, "forbidden")
    assert step(client, after, "accept").status_code == 200
    assert as_(client, editor, "GET", URL).status_code == 200
