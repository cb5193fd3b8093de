"""A copy of another instance is in step with it, whatever happens in between."""

import json
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from sqlmodel import Session

from app import cli
from app.domain.codes import check_character
from app.errors import Conflict
from app.main import create_app
from app.services import maintaining, reporting
from app.services.mirroring import copying, following, remote, storing
from app.services.mirroring.batches import Batch
from app.services.mirroring.remote import AwayError, Remote, UnexpectedError
from app.storage import bulk, mirror
from app.storage.agencies import WRITABLE
from app.storage.database import write_engine
from tests.api import (
    ADMIN_KEY,
    Json,
    TestClient,
    an_agency_body,
    make_agency,
    put_report,
    put_table,
)
from tests.callers import as_, key_for, step
from tests.conftest import command, environment, execute, free_port, quiet, served
from tests.consistency import assert_consistent

SOURCE = "http://source.test"
USCCS = tuple(text + check_character(text) for text in ("11320000014000005", "11320000014000015"))


@pytest.fixture
def copy_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of the database that is to be a copy: of the same kind as its source's."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'copy.db'}"
    return str(request.getfixturevalue("empty_url"))


@pytest.fixture
def source(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """An instance that mirrors reach at `SOURCE`: a government, two bureaus, three reports."""

    @contextmanager
    def opened(_: str, __: str | None = None) -> Iterator[Remote]:
        with ThreadPoolExecutor(4) as threads:
            yield Remote(client, threads)

    monkeypatch.setattr(remote, "opened", opened)
    make_agency(client, "g", kind="government", name="某市人民政府")
    make_agency(client, "g-1", parent="g", uscc=USCCS[0], short_name="市审计局")
    make_agency(client, "a-2", parent="g-1")  # stands before those above it in lists
    put_report(client, "g-1", 2023, requests={"received__natural_person": 5})
    put_report(client, "g-1", 2024, licensing=None)
    put_report(client, "a-2", 2020, procurement={"centralized__amount": "7.5"})
    return client


def mirrored(copy_url: str, *, under: str | None = None, **options: bool) -> list[str]:
    """Bring a copy up to date; return what was said."""
    settings = quiet(copy_url)
    maintaining.migrate(settings)
    with copying.opened(settings, SOURCE, under) as made:
        copying.claim(made, replace=options.pop("replace", False))
        return list(following.once(made, **options))


def everything(client: httpx2.Client | TestClient) -> Json:
    """Return what a copy has in common with its source."""
    agencies = client.get("/v1/agencies?limit=1000").json()["items"]
    years = client.get("/v1/reporting-years?limit=1000").json()["items"]
    return {
        "agencies": [{name: a[name] for name in ("code", *WRITABLE)} for a in agencies],
        "years": [(year["year"], year["status"], year["due"]) for year in years],
        "periods": [client.get(f"/v1/agencies/{a['code']}/periods").json() for a in agencies],
        "successions": [
            (each["id"], each["predecessor"], each["successor"], each["kind"])
            for each in client.get("/v1/successions?limit=1000").json()["items"]
        ],
        "digest": client.get("/v1/digests").json()["digest"],
    }


@contextmanager
def copy_of(copy_url: str) -> Iterator[TestClient]:
    """Serve a copy."""
    with TestClient(create_app(quiet(copy_url))) as client:
        yield client


def assert_in_step(source: httpx2.Client | TestClient, copy_url: str) -> None:
    """Fail where the copy differs from its source, or from what it derives."""
    with copy_of(copy_url) as copy:
        assert everything(copy) == everything(source)
    assert_consistent(copy_url)


# Loading and following


def test_a_copy_is_loaded_and_then_there_is_nothing_to_do(
    source: TestClient, copy_url: str
) -> None:
    digest = source.get("/v1/digests").json()["digest"]
    said = mirrored(copy_url)
    assert said[1:] == ["loaded 3 reports", f"digests agree: 3 reports, {digest}"]
    assert said[0].endswith("years, 3 agencies")
    assert_in_step(source, copy_url)
    with copy_of(copy_url) as copy:
        before = latest(copy)
        assert mirrored(copy_url) == [f"digests agree: 3 reports, {digest}"]
        assert mirrored(copy_url, verify=True)[-1] == f"digests agree: 3 reports, {digest}"
        assert latest(copy) == before


def test_every_kind_of_change_is_followed(source: TestClient, copy_url: str) -> None:
    mirrored(copy_url)
    make_agency(source, "b", parent="g", kind="office")
    put_report(source, "b", 2024)
    put_table(source, "requests", "g-1", 2023, received__natural_person=6)  # moves findings of 2024
    source.patch("/v1/agencies/g-1", json={"name": "新名", "level": "city"}).raise_for_status()
    source.patch("/v1/agencies/a-2", json={"parent": "b"}).raise_for_status()
    source.delete("/v1/reports/g-1/2024").raise_for_status()
    source.delete("/v1/reporting-years/2019").raise_for_status()
    source.put("/v1/reporting-years/2027", json={"due": {"office": "2028-01-05"}})
    source.patch("/v1/reporting-years/2023", json={"status": "closed"}).raise_for_status()

    said = mirrored(copy_url)

    assert len(said) == 2
    assert said[0].startswith("applied ")
    assert said[1].startswith("digests agree: 3 reports")
    assert_in_step(source, copy_url)


def test_a_closed_year_is_copied_and_its_corrections_too(source: TestClient, copy_url: str) -> None:
    source.patch("/v1/reporting-years/2023", json={"status": "closed"}).raise_for_status()
    mirrored(copy_url)
    assert_in_step(source, copy_url)
    source.patch("/v1/reporting-years/2023", json={"status": "open"}).raise_for_status()
    put_report(source, "g-1", 2023, requests={"received__natural_person": 8})
    source.delete("/v1/reports/a-2/2020").raise_for_status()
    source.patch("/v1/reporting-years/2023", json={"status": "closed"}).raise_for_status()
    mirrored(copy_url)
    assert_in_step(source, copy_url)


def test_what_is_gone_from_the_source_goes(source: TestClient, copy_url: str) -> None:
    mirrored(copy_url)
    for path in ("reports/a-2/2020", "agencies/a-2", "reports/g-1/2023", "reports/g-1/2024"):
        source.delete(f"/v1/{path}").raise_for_status()
    source.delete("/v1/agencies/g-1").raise_for_status()
    for year in (2020, 2023):
        source.delete(f"/v1/reporting-years/{year}").raise_for_status()
    mirrored(copy_url)
    assert_in_step(source, copy_url)


def _shuffle(source: TestClient, dice: random.Random) -> None:
    """Do something to the tree, to a USCC, a report or a succession; it may be refused."""
    code, other = (f"n{dice.randrange(7)}" for _ in range(2))
    uscc = dice.choice([None, *USCCS])
    match dice.randrange(9):
        case 0 | 1:
            body = an_agency_body(parent=dice.choice([None, other]), uscc=uscc)
            source.put(f"/v1/agencies/{code}", json=body)
        case 2:
            day = dice.choice([None, "2023-05-01", "2024-05-01", "2025-05-01"])
            source.patch(f"/v1/agencies/{code}", json={"parent": other, "effective_on": day})
        case 3:
            source.patch(f"/v1/agencies/{code}", json={"uscc": uscc})
        case 4:
            source.delete(f"/v1/reports/{code}/{2023 + dice.randrange(2)}")
            source.delete(f"/v1/agencies/{code}")
        case 5:
            body = {"predecessor": code, "successor": other, "kind": "merge"}
            source.post("/v1/successions", json=body | {"effective_on": "2024-05-01"})
        case 6:
            for each in source.get("/v1/successions?limit=1").json()["items"]:
                source.delete(each["links"]["self"]).raise_for_status()
        case _:
            figures = {"data": {"licences": {"decisions": dice.randrange(100)}}}
            source.put(f"/v1/reports/{code}/{2023 + dice.randrange(2)}/licensing", json=figures)


@pytest.mark.parametrize("seed", range(3))
def test_a_copy_far_behind_passes_through_states_that_never_were(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Each step of it takes one old change and the present state: parents, USCCs and agencies that
    the copy knows nothing of yet, or has in the way."""
    source.delete("/v1/reports/g-1/2023")
    source.patch("/v1/agencies/g-1", json={"uscc": None}).raise_for_status()
    dice = random.Random(seed)
    for _ in range(30):
        _shuffle(source, dice)
    mirrored(copy_url)
    for _ in range(60):
        _shuffle(source, dice)
    monkeypatch.setattr(following, "PAGE", 1)
    said = mirrored(copy_url)
    assert said[-1].startswith("digests agree")
    assert not [line for line in said if "differ" in line]
    assert_in_step(source, copy_url)


def test_a_copy_of_a_part_has_what_is_below_and_what_is_above_it(
    source: TestClient, copy_url: str
) -> None:
    make_agency(source, "b", parent="g")
    make_agency(source, "c", parent="b")
    put_report(source, "c", 2024)
    put_report(source, "g", 2024)
    mirrored(copy_url, under="g-1")

    def there(copy: TestClient) -> tuple[list[str], list[str]]:
        agencies = copy.get("/v1/agencies").json()["items"]
        reports = copy.get("/v1/reports").json()["items"]
        return (
            [each["code"] for each in agencies],
            [f"{each['agency']['code']}/{each['year']}" for each in reports],
        )

    with copy_of(copy_url) as copy:
        assert there(copy) == (["a-2", "g", "g-1"], ["a-2/2020", "g-1/2023", "g-1/2024"])
        put_report(source, "g", 2024, requests={"received__natural_person": 5})
        put_report(source, "a-2", 2021)
        source.patch("/v1/agencies/g", json={"name": "另名"}).raise_for_status()
        mirrored(copy_url, under="g-1")
        assert there(copy)[1] == ["a-2/2020", "a-2/2021", "g-1/2023", "g-1/2024"]
        source.patch("/v1/agencies/b", json={"parent": "g-1"}).raise_for_status()
        source.patch("/v1/agencies/a-2", json={"parent": "g"}).raise_for_status()
        mirrored(copy_url, under="g-1")
        assert there(copy) == (["b", "c", "g", "g-1"], ["c/2024", "g-1/2023", "g-1/2024"])
        assert copy.get("/v1/agencies/g").json()["name"] == "另名"
        assert everything(copy)["agencies"] == [
            each for each in everything(source)["agencies"] if each["code"] != "a-2"
        ]
        query = "/v1/digests?under=g-1"
        assert copy.get(query).json()["digest"] == source.get(query).json()["digest"]
    assert_consistent(copy_url)


def test_a_key_of_the_copy_keeps_no_agency_that_the_source_has_deleted(
    source: TestClient, copy_url: str
) -> None:
    make_agency(source, "b")
    mirrored(copy_url)
    with copy_of(copy_url) as copy:
        key = copy.post("/v1/keys", json={"name": "x", "role": "editor", "agency": "b"}).json()
        source.delete("/v1/agencies/b").raise_for_status()
        mirrored(copy_url)
        shown = copy.get(key["links"]["self"]).json()
        assert (shown["agency"], shown["revoked_at"] is not None) == (None, True)
    assert_in_step(source, copy_url)


def test_what_has_left_a_part_goes_though_somebody_was_in_the_way(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored(copy_url, under="g-1")
    source.patch("/v1/agencies/a-2", json={"parent": "g"}).raise_for_status()
    store, met = storing.store, list[Batch]()

    def hindered(session: Session, batch: Batch) -> Any:
        if batch.agencies.get("a-2", batch) is None and not met:
            met.append(batch)
            raise Conflict(
                "in-use", key="agencies/a-2", reports=1, children=0, successions=0, keys=0
            )
        return store(session, batch)

    monkeypatch.setattr(storing, "store", hindered)
    mirrored(copy_url, under="g-1")
    assert met
    with copy_of(copy_url) as copy:
        codes = [each["code"] for each in copy.get("/v1/agencies").json()["items"]]
        assert codes == ["g", "g-1"]


def test_a_source_that_is_away_is_asked_again_and_compared_from_time_to_time(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored(copy_url)
    put_report(source, "g-1", 2022)
    find, replies = remote.find, iter([False])

    def flaky(there: Remote, path: str, **query: Any) -> Json | None:
        if next(replies, True):
            return find(there, path, **query)
        raise AwayError("no answer")

    monkeypatch.setattr(remote, "find", flaky)
    monkeypatch.setattr(following, "_PAUSE", 0)
    monkeypatch.setattr(following, "WAIT", 0)
    with copying.opened(quiet(copy_url), SOURCE, None) as made:
        said = list(islice(following.follow(made, 1e-9), 4))
    applied = f"applied 1 changes up to {latest(source)}: 1 created, 0 updated, 0 deleted"
    assert said[:2] == ["the source is away: no answer", applied]
    assert [line.partition(":")[0] for line in said[2:]] == ["digests agree", "digests agree"]
    assert_in_step(source, copy_url)


def latest(client: TestClient) -> int:
    """Return the number of the last change of an instance."""
    return int(client.get("/v1/changes?limit=1").json()["latest"])


# Where reports stand


def taking_steps(client: TestClient) -> Callable[..., None]:
    """Return what takes steps in the filing of a report."""
    keys = {"submit": key_for(client, "editor", "g-1")}
    keys["correct"] = keys["submit"]
    reviewer = key_for(client, "reviewer", "g")

    def take(code: str, year: int, *actions: str) -> None:
        for action in actions:
            comment = "口径有误" if action == "correct" else None
            key = keys.get(action, reviewer)
            step(client, key, action, comment, code=code, year=year).raise_for_status()

    return take


def publish_in_the_copy_alone(source: TestClient, copy_url: str) -> None:
    """Copy a draft, and publish it in the copy: everybody sees it there."""
    put_report(source, "g-1", 2023)
    mirrored(copy_url)
    with copy_of(copy_url) as copy:
        taking_steps(copy)("g-1", 2023, "submit", "accept", "publish")
        assert len(shown(copy, None)) == 1


def shown(client: TestClient, key: str | None) -> list[Json]:
    """Return all reports as one with this key sees them, but for times and ETags."""
    found = as_(client, key, "GET", "/v1/reports").json()["items"]
    whole = [as_(client, key, "GET", item["links"]["self"]).json() for item in found]
    return [
        {name: value for name, value in each.items() if name not in {"created_at", "updated_at"}}
        for each in whole
    ]


def assert_shown_alike(source: TestClient, copy_url: str) -> None:
    """Fail where the administrator, or everybody, sees other reports in a copy."""
    with copy_of(copy_url) as copy:
        for key in (ADMIN_KEY, None):
            assert shown(copy, key) == shown(source, key)
    assert_in_step(source, copy_url)


def test_reports_stand_where_they_stand_at_the_source(source: TestClient, copy_url: str) -> None:
    """Those that are published are shown to everybody, until a correction of them is, too."""
    take = taking_steps(source)
    for year in (2023, 2024):
        put_report(source, "g-1", year)
    take("g-1", 2023, "submit", "accept", "publish")
    take("g-1", 2024, "submit")
    mirrored(copy_url)
    assert_shown_alike(source, copy_url)

    take("g-1", 2024, "accept", "publish")
    take("g-1", 2023, "correct")
    source.patch("/v1/reports/g-1/2023", json={"overview": "更正后"}).raise_for_status()
    said = mirrored(copy_url)
    assert said[0].endswith(": 0 created, 2 updated, 0 deleted")
    assert_shown_alike(source, copy_url)

    take("g-1", 2023, "submit", "accept", "publish")
    put_report(source, "g-1", 2022)
    take("g-1", 2022, "submit", "accept", "publish")
    mirrored(copy_url)
    assert_shown_alike(source, copy_url)
    with copy_of(copy_url) as copy:
        revisions = copy.get("/v1/reports/g-1/2023/revisions").json()["items"]
        assert [each["reason"] for each in revisions] == [None, "口径有误"]


def test_a_copy_of_what_is_published_goes_past_what_it_does_not_see(
    source: TestClient, copy_url: str
) -> None:
    admin = source.headers.pop("Authorization")
    mirrored(copy_url)
    with pytest.MonkeyPatch.context() as with_key:
        with_key.setitem(source.headers, "Authorization", admin)
        put_report(source, "g-1", 2022)
    asked = list[str]()
    source.event_hooks["request"].append(lambda request: asked.append(request.url.path))
    mirrored(copy_url)
    assert asked.count("/v1/changes") == 1
    with copying.opened(quiet(copy_url), SOURCE, None) as made:
        latest = source.get("/v1/changes").json()["latest"]
        assert copying.position(made) == latest


def test_while_a_correction_is_made_the_copy_shows_what_was_published_last(
    source: TestClient, copy_url: str, tmp_path: Path
) -> None:
    take = taking_steps(source)
    put_report(source, "g-1", 2023, overview="一")
    take("g-1", 2023, "submit", "accept", "publish")
    mirrored(copy_url)
    path = "/v1/reports/g-1/2023"
    take("g-1", 2023, "correct")
    source.patch(path, json={"overview": "二"}).raise_for_status()
    take("g-1", 2023, "submit", "accept", "publish", "correct")
    source.patch(path, json={"overview": "三"}).raise_for_status()
    fresh = f"sqlite:///{tmp_path / 'fresh.db'}"
    for url in (copy_url, fresh, copy_url):
        mirrored(url)
        assert_shown_alike(source, url)
    with copy_of(copy_url) as copy:  # as one that was made before this was copied
        execute(copy_url, "DELETE FROM published_report WHERE year = 2023")
        assert as_(copy, None, "GET", path).status_code == 404
    mirrored(copy_url, verify=True)
    assert_shown_alike(source, copy_url)
    take("g-1", 2023, "submit", "accept", "publish")
    for url in (copy_url, fresh):
        mirrored(url)
        assert_shown_alike(source, url)


def test_a_part_follows_what_was_published_while_agencies_moved(
    source: TestClient, copy_url: str
) -> None:
    put_report(source, "g-1", 2023)
    mirrored(copy_url, under="g-1")
    taking_steps(source)("g-1", 2023, "submit", "accept", "publish")
    make_agency(source, "elsewhere")
    mirrored(copy_url, under="g-1")
    with copy_of(copy_url) as copy:
        assert as_(copy, None, "GET", "/v1/reports/g-1/2023").status_code == 200


def test_what_was_published_in_the_copy_alone_is_found_where_all_is_compared(
    source: TestClient, copy_url: str
) -> None:
    publish_in_the_copy_alone(source, copy_url)
    said = mirrored(copy_url, verify=True)
    assert "reports stand elsewhere than at the source: g-1/2023" in said
    assert_shown_alike(source, copy_url)


def test_a_report_is_deleted_however_it_stands_in_the_copy(
    source: TestClient, copy_url: str
) -> None:
    """As one that was returned meanwhile, or was published in a part that it has left."""
    take = taking_steps(source)
    for year in (2022, 2023):
        put_report(source, "g-1", year)
        take("g-1", year, "submit")
    take("g-1", 2023, "accept", "publish")
    mirrored(copy_url)
    reviewer = key_for(source, "reviewer", "g")
    step(source, reviewer, "return", "请核对", code="g-1", year=2022).raise_for_status()
    source.delete("/v1/reports/g-1/2022").raise_for_status()
    mirrored(copy_url)
    assert_shown_alike(source, copy_url)
    with copy_of(copy_url) as copy:
        put_report(copy, "a-2", 2023)
        editor, over = key_for(copy, "editor", "a-2"), key_for(copy, "reviewer", "g")
        for key, action in (editor, "submit"), (over, "accept"), (over, "publish"):
            step(copy, key, action, code="a-2", year=2023).raise_for_status()
    assert mirrored(copy_url)[1] == "repaired: 0 created, 0 updated, 1 deleted"
    assert_shown_alike(source, copy_url)


def test_what_was_published_in_the_copy_alone_is_shown_no_longer(
    source: TestClient, copy_url: str
) -> None:
    publish_in_the_copy_alone(source, copy_url)
    source.patch("/v1/reports/g-1/2023", json={"overview": "新"}).raise_for_status()
    mirrored(copy_url)
    assert_shown_alike(source, copy_url)


def test_a_part_takes_back_a_past_that_was_made_in_the_copy(
    source: TestClient, copy_url: str
) -> None:
    mirrored(copy_url, under="g-1")
    with copy_of(copy_url) as copy:
        make_agency(copy, "mine")
        for parent, day in ("mine", "2024-05-01"), ("g-1", "2025-05-01"):
            body = {"parent": parent, "effective_on": day}
            copy.patch("/v1/agencies/a-2", json=body).raise_for_status()
    mirrored(copy_url, under="g-1", verify=True)
    with copy_of(copy_url) as copy:
        assert copy.get("/v1/agencies/mine").status_code == 404
        assert len(copy.get("/v1/agencies/a-2/periods").json()["items"]) == 1
    assert_consistent(copy_url)


def test_the_feed_of_a_copy_names_the_members_that_were_changed(
    source: TestClient, copy_url: str
) -> None:
    mirrored(copy_url)
    with copy_of(copy_url) as copy:
        before = latest(copy)
    body = {"parent": "g", "effective_on": "2024-05-01"}
    source.patch("/v1/agencies/a-2", json=body).raise_for_status()
    put_report(source, "g-1", 2023)
    taking_steps(source)("g-1", 2023, "submit")
    mirrored(copy_url)
    with copy_of(copy_url) as copy:
        changed = copy.get(f"/v1/changes?after={before}").json()["items"]
        said = {(each["key"], *each["members"]) for each in changed if each["op"] == "updated"}
        assert said == {("a-2", "parent"), ("g-1/2023", "state")}


class Others:
    """Somebody who writes to a copy while a mirror has the locks that a batch begins with."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url, self.met = url, list[BaseException]()
        self.locked, self.done, self.ended = (threading.Event() for _ in range(3))
        lock, store = mirror.lock, storing.store

        def locking(*given: Any, **named: Any) -> None:
            lock(*given, **named)
            self.locked.set()
            self.done.wait(0.3)

        def storing_it(session: Session, batch: Batch) -> Any:
            try:
                return store(session, batch)
            except BaseException as error:
                self.met.append(error)
                raise

        monkeypatch.setattr(mirror, "lock", locking)
        monkeypatch.setattr(storing, "store", storing_it)

    def write(self, job: Callable[[sa.Connection], Any]) -> None:
        """Do something with the copy as soon as the mirror has its locks."""
        assert self.locked.wait(30)
        engine = write_engine(quiet(self.url))
        try:
            with engine.begin() as connection:
                job(connection)
        finally:
            self.done.set()
            engine.dispose()

    def let_it_wait(self, connection: sa.Connection) -> None:
        """Let the mirror go on until it waits for a lock, or has ended."""
        self.done.set()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while connection.dialect.name == "postgresql" and not self.ended.wait(0.02):
            if connection.execute(sa.text(waiting)).scalar_one():
                return

    def beside(self, job: Callable[[sa.Connection], Any]) -> None:
        """Bring the copy up to date while somebody does something; neither is in the way."""
        with ThreadPoolExecutor(1) as threads:
            other = threads.submit(self.write, job)
            try:
                mirrored(self.url)
            finally:
                self.ended.set()
            other.result(timeout=30)
        assert self.met == []


def test_a_mirror_and_an_import_lock_agencies_in_one_order(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in "yz":
        make_agency(source, code)
        put_report(source, code, 2022)
    mirrored(copy_url)
    source.delete("/v1/reports/z/2022").raise_for_status()
    put_report(source, "y", 2022, overview="新")

    others = Others(copy_url, monkeypatch)

    def job(connection: sa.Connection) -> None:
        bulk.lock(connection, "y")
        others.let_it_wait(connection)
        bulk.lock(connection, "z")

    others.beside(job)
    assert_in_step(source, copy_url)


def test_a_mirror_locks_years_before_agencies_with_successions(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tie = {"predecessor": "a-2", "successor": "g-1", "effective_on": "2023-05-01", "kind": "merge"}
    source.post("/v1/successions", json=tie).raise_for_status()
    mirrored(copy_url)
    source.patch("/v1/reporting-years/2022", json={"status": "closed"}).raise_for_status()
    Others(copy_url, monkeypatch).beside(lambda c: reporting.enter(c, "g-1", 2022))
    assert_in_step(source, copy_url)


def test_a_report_that_comes_back_has_a_revision_of_its_own_in_the_copy_too(
    source: TestClient, copy_url: str
) -> None:
    mirrored(copy_url)
    source.delete("/v1/reports/a-2/2020").raise_for_status()
    mirrored(copy_url)
    put_report(source, "a-2", 2020)
    mirrored(copy_url)
    with copy_of(copy_url) as copy:
        assert copy.get("/v1/reports/a-2/2020").headers["etag"].startswith('"3-')
    assert_in_step(source, copy_url)


def carried_by(client: TestClient) -> set[str]:
    """Return whose figures the findings of a report name beside its own."""
    found = client.get("/v1/reports/g-1/2024").json()["findings"]
    return {each["agency"]["code"] for finding in found for each in finding["other_cells"]}


def test_successions_are_copied_and_reports_judged_by_them(
    source: TestClient, copy_url: str
) -> None:
    merged = {"kind": "merge", "predecessor": "a-2", "successor": "g-1"}
    merged["effective_on"] = "2024-05-01"
    path = source.post("/v1/successions", json=merged).headers["location"]
    put_report(source, "g-1", 2024)
    for carried, expected in (7, {"a-2", "g-1"}), (0, set()):
        columns = ("natural_person", "total")
        flow = {f"{line}__{c}": carried for line in ("received", "carried_out") for c in columns}
        put_report(source, "a-2", 2023, requests=flow)
        put_report(source, "g-1", 2023)
        mirrored(copy_url)
        with copy_of(copy_url) as copy:
            assert carried_by(copy) == carried_by(source) == expected
            assert copy.get(path).is_success
        assert_in_step(source, copy_url)
    source.delete(path).raise_for_status()
    put_report(source, "a-2", 2023, requests=flow)
    mirrored(copy_url)
    with copy_of(copy_url) as copy:
        assert copy.get("/v1/successions").json()["items"] == []
        assert carried_by(copy) == carried_by(source) == set()
    assert_in_step(source, copy_url)


def test_successions_change_together_with_what_they_are_of(
    source: TestClient, copy_url: str
) -> None:
    """Agencies come with one and go with one, and one takes another's place."""

    def follow(before: str, after: str, year: int) -> str:
        body = {"predecessor": before, "successor": after, "effective_on": f"{year}-05-01"}
        made = source.post("/v1/successions", json=body | {"kind": "rename"})
        made.raise_for_status()
        return str(made.headers["location"])

    def there(client: TestClient) -> list[tuple[str, str, str]]:
        found = client.get("/v1/successions").json()["items"]
        return [(s["id"], s["successor"]["code"], s["effective_on"]) for s in found]

    make_agency(source, "old")
    first, second = follow("old", "g-1", 2022), follow("a-2", "g-1", 2023)
    mirrored(copy_url)
    for path in first, second, "/v1/agencies/old":
        source.delete(path).raise_for_status()
    make_agency(source, "new")
    follow("a-2", "g-1", 2024)
    follow("a-2", "new", 2024)
    assert mirrored(copy_url)[0].endswith(": 3 created, 0 updated, 3 deleted")
    with copy_of(copy_url) as copy:
        assert there(copy) == there(source)
        copy.delete(copy.get("/v1/successions").json()["items"][0]["links"]["self"])
        own = {"predecessor": "g", "successor": "new", "effective_on": "2024-05-01"}
        copy.post("/v1/successions", json=own | {"kind": "merge"}).raise_for_status()
    mirrored(copy_url, verify=True)
    with copy_of(copy_url) as copy:
        assert there(copy) == there(source)
    assert_in_step(source, copy_url)


def test_what_agencies_were_before_is_copied(source: TestClient, copy_url: str) -> None:
    """So the roll-up of a year has the children of that year."""

    def rolled(client: TestClient, code: str) -> list[tuple[Any, Any]]:
        found = [client.get(f"/v1/agencies/{code}/rollup/{year}") for year in (2023, 2024)]
        return [(each.json()["coverage"], each.json()["tables"]) for each in found]

    def move(**body: Any) -> None:
        source.patch("/v1/agencies/a-2", json=body).raise_for_status()

    put_report(source, "a-2", 2023)
    put_report(source, "a-2", 2024)
    make_agency(source, "h", kind="government")
    mirrored(copy_url)
    move(parent="g", effective_on="2024-05-01", name="二局")
    mirrored(copy_url)
    assert_in_step(source, copy_url)
    move(parent="h", effective_on="2024-06-01")
    move(parent="g", effective_on="2025-06-01")
    source.patch("/v1/agencies/h", json={"name": "县"}).raise_for_status()
    mirrored(copy_url)
    assert_in_step(source, copy_url)
    with copy_of(copy_url) as copy:
        for code in ("g", "g-1", "h"):
            assert rolled(copy, code) == rolled(source, code)
    for year in (2020, 2023, 2024):
        source.delete(f"/v1/reports/a-2/{year}").raise_for_status()
    for code in ("a-2", "h"):
        source.delete(f"/v1/agencies/{code}").raise_for_status()
    mirrored(copy_url)
    assert_in_step(source, copy_url)


def test_a_copy_of_a_part_has_the_successions_within_it(source: TestClient, copy_url: str) -> None:
    make_agency(source, "b", parent="g")
    for before, after in ("a-2", "g-1"), ("b", "g-1"):
        body = {"predecessor": before, "successor": after, "effective_on": "2024-05-01"}
        source.post("/v1/successions", json=body | {"kind": "merge"}).raise_for_status()
    for parent, expected in ("g-1", ["a-2"]), ("g", []):
        source.patch("/v1/agencies/a-2", json={"parent": parent}).raise_for_status()
        mirrored(copy_url, under="g-1")
        with copy_of(copy_url) as copy:
            found = copy.get("/v1/successions").json()["items"]
            assert [each["predecessor"]["code"] for each in found] == expected


# What differs


def test_what_was_changed_in_the_copy_is_found_and_repaired(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_agency(source, "b", parent="g")
    for year in (2021, 2022):
        put_report(source, "b", year)
    mirrored(copy_url)
    with copy_of(copy_url) as copy:
        put_table(copy, "requests", "g-1", 2023, received__natural_person=9)
        put_report(copy, "g-1", 2022)
        copy.delete("/v1/reports/a-2/2020").raise_for_status()
        copy.patch("/v1/agencies/b", json={"parent": "a-2"}).raise_for_status()
        asked = []
        get: Any = source.get

        def remembered(path: str, **options: Any) -> Any:
            asked.append(path)
            return get(path, **options)

        with monkeypatch.context() as patched:
            patched.setattr(source, "get", remembered)
            said = mirrored(copy_url)
    assert said[0] == "digests differ at a-2/2020, b/2021, b/2022, g-1/2022, g-1/2023"
    assert said[1] == "repaired: 1 created, 2 updated, 1 deleted"
    assert said[2].startswith("digests agree: 5 reports")
    assert "/v1/reports/g-1/2024" not in asked  # which does not differ
    assert_in_step(source, copy_url)


def test_agencies_and_years_that_were_changed_in_the_copy_are_repaired_if_asked(
    source: TestClient, copy_url: str
) -> None:
    mirrored(copy_url)
    with copy_of(copy_url) as copy:
        copy.patch("/v1/agencies/g-1", json={"short_name": None}).raise_for_status()
        make_agency(copy, "mine", parent="a-2")
        put_report(copy, "mine", 2024)
        copy.patch("/v1/reporting-years/2024", json={"status": "closed"}).raise_for_status()
        copy.put("/v1/reporting-years/2030", json={}).raise_for_status()
    said = mirrored(copy_url, verify=True)
    assert said[1:4] == [
        "digests differ at mine/2024",
        "repaired: 0 created, 0 updated, 2 deleted",
        "deleted 1 agencies, years and successions that the source does not have",
    ]
    assert_in_step(source, copy_url)


def test_a_copy_too_far_behind_is_loaded_again(
    source: TestClient, copy_url: str, database_url: str
) -> None:
    mirrored(copy_url)
    source.delete("/v1/reports/a-2/2020").raise_for_status()
    put_report(source, "g-1", 2022)
    pruned = ("DELETE FROM change", "UPDATE clock SET oldest = seq + 1")
    execute(database_url, *pruned)
    said = mirrored(copy_url)
    assert "no longer kept: loading again" in said[0]
    assert said[-1].startswith("digests agree: 3 reports")
    assert_in_step(source, copy_url)


def test_a_source_that_was_put_back_to_an_older_state_is_loaded_again(
    source: TestClient, copy_url: str, database_url: str
) -> None:
    mirrored(copy_url)
    execute(database_url, "DELETE FROM change", "UPDATE clock SET seq = 3, oldest = 4")
    put_report(source, "g-1", 2022)
    assert "loading again" in mirrored(copy_url)[0]
    assert_in_step(source, copy_url)


# What must not happen


def test_data_that_is_no_copy_is_not_given_up_unasked(source: TestClient, copy_url: str) -> None:
    maintaining.migrate(quiet(copy_url))
    with copy_of(copy_url) as copy:
        make_agency(copy, "mine")
        put_report(copy, "mine", 2024)
        with pytest.raises(UnexpectedError, match="data of its own"):
            mirrored(copy_url)
        assert copy.get("/v1/reports/mine/2024").status_code == 200
    mirrored(copy_url, replace=True)
    assert_in_step(source, copy_url)


def test_a_copy_is_of_one_source(source: TestClient, copy_url: str) -> None:
    mirrored(copy_url)
    with pytest.raises(UnexpectedError, match="a copy of http"):
        mirrored(copy_url, under="g-1")
    with (
        copying.opened(quiet(copy_url), "http://other.test", None) as made,
        pytest.raises(UnexpectedError, match="a copy of http"),
    ):
        copying.claim(made, replace=False)


def test_a_copy_becomes_one_of_something_else_if_asked(source: TestClient, copy_url: str) -> None:
    mirrored(copy_url)
    mirrored(copy_url, under="g-1", replace=True)
    with copy_of(copy_url) as copy:
        codes = {each["code"] for each in copy.get("/v1/agencies").json()["items"]}
        assert codes == {"g", "g-1", "a-2"}
    mirrored(copy_url, under="g-1")
    mirrored(copy_url, replace=True)
    assert_in_step(source, copy_url)


def test_a_copy_of_another_source_has_what_that_has_and_no_more(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored(copy_url)
    for code in ("g-1", "a-2"):
        for year in (2020, 2023, 2024):
            source.delete(f"/v1/reports/{code}/{year}")
    source.delete("/v1/agencies/a-2").raise_for_status()
    monkeypatch.setattr(f"{__name__}.SOURCE", "http://other.test")
    for _ in range(2):
        mirrored(copy_url, replace=True)
        assert_in_step(source, copy_url)
    monkeypatch.setattr(f"{__name__}.SOURCE", "http://source.test")
    with pytest.raises(UnexpectedError, match=r"a copy of http://other\.test"):
        mirrored(copy_url)


def test_nothing_becomes_a_copy_of_what_does_not_answer(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> Json:
        raise AwayError("ConnectError")

    with monkeypatch.context() as away:
        away.setattr(remote, "find", refused)
        with pytest.raises(AwayError):
            mirrored(copy_url)
    monkeypatch.setattr(f"{__name__}.SOURCE", "http://right.test")
    mirrored(copy_url)
    assert_in_step(source, copy_url)


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://a.cn", "http://", "http://a.cn/?x=1", "http://\udcff"]
)
def test_what_is_no_address_is_not_mirrored(url: str) -> None:
    with pytest.raises(UnexpectedError, match="no address"), remote.opened(url):
        pass


def test_an_agency_that_is_not_there_is_not_copied(source: TestClient, copy_url: str) -> None:
    with pytest.raises(UnexpectedError, match="no agency nobody"):
        mirrored(copy_url, under="nobody")
    mirrored(copy_url)
    assert_in_step(source, copy_url)


def test_digests_that_are_made_in_another_way_are_not_said_to_agree(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored(copy_url)
    read = remote.read

    def other(there: Remote, path: str, **query: Any) -> Json:
        found = read(there, path, **query)
        return found | ({"digest": "0" * 64} if path == "/v1/digests" else {})

    monkeypatch.setattr(remote, "read", other)
    with pytest.raises(UnexpectedError, match="in another way"):
        mirrored(copy_url)


class _Stranger(BaseHTTPRequestHandler):
    """Another service, which knows nothing of ours."""

    status, content = 404, b"{}"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (404, b"{}", UnexpectedError),
        (302, b"", UnexpectedError),
        (200, b"<html>", UnexpectedError),
        (200, b"[]", UnexpectedError),
        (503, b"{}", AwayError),
    ],
)
def test_another_service_at_the_address_is_not_taken_for_an_empty_source(
    status: int, content: bytes, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PAUSES", (0,))
    handler = type("Stranger", (_Stranger,), {"status": status, "content": content})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            with (
                remote.opened(f"http://127.0.0.1:{server.server_port}/x") as found,
                pytest.raises(error),
            ):
                remote.find(found, "/v1/reports/a/2024")
        finally:
            server.shutdown()


def test_an_export_that_breaks_off_is_not_taken_for_all(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PAUSES", (0,))
    whole = source.get("/v1/exports/reports.ndjson").content
    lines = whole.splitlines(keepends=True)
    assert json.loads(lines[-1])["reports"] == 3
    for broken in (b"".join(lines[:-1]), b"".join(lines[1:]), whole[:-5], b""):
        answer = httpx2.Client(
            base_url=SOURCE,
            transport=httpx2.MockTransport(lambda _, b=broken: httpx2.Response(200, content=b)),
        )
        with ThreadPoolExecutor(1) as threads, answer, pytest.raises(AwayError):
            list(remote.exported(Remote(answer, threads), None))


def test_what_a_change_depends_on_is_fetched_if_the_copy_has_lost_it(
    source: TestClient, copy_url: str
) -> None:
    mirrored(copy_url)
    with copy_of(copy_url) as copy:
        copy.delete("/v1/reports/a-2/2020").raise_for_status()
        copy.delete("/v1/agencies/a-2").raise_for_status()
        copy.delete("/v1/reporting-years/2022").raise_for_status()
    put_report(source, "a-2", 2022)
    mirrored(copy_url)
    assert_in_step(source, copy_url)


def test_a_batch_that_cannot_be_stored_does_not_move_the_position(
    source: TestClient, copy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored(copy_url)
    before = position(copy_url)
    put_report(source, "g-1", 2022)
    put_report(source, "g-1", 2025)

    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(mirror, "save", fail)
        with pytest.raises(RuntimeError):
            mirrored(copy_url)
    assert position(copy_url) == before
    with copy_of(copy_url) as copy:
        assert copy.get("/v1/reports/g-1/2022").status_code == 404
    mirrored(copy_url)
    assert position(copy_url) == latest(source) > before
    assert_in_step(source, copy_url)


def position(copy_url: str) -> int:
    """Return how far a copy is."""
    with copying.opened(quiet(copy_url), SOURCE, None) as made:
        return copying.position(made)


# By the command line, from a real server


def writes(client: httpx2.Client, stop: threading.Event, seed: int) -> int:
    """Write a hundred times a second until told to stop; return how many times it was."""
    dice = random.Random(seed)
    done = 0
    while not stop.wait(0.01):
        code, year = f"w{seed}-{dice.randrange(20)}", 2022 + dice.randrange(3)
        path = f"/v1/reports/{code}/{year}"
        match dice.randrange(8):
            case 0:
                client.delete(path)
            case 1:
                body = an_agency_body(parent=f"w{seed}-0" if code != f"w{seed}-0" else None)
                client.put(f"/v1/agencies/{code}", json=body | {"name": f"局{dice.random()}"})
            case _:
                figures = {"data": {"licences": {"decisions": dice.randrange(10**6)}}}
                client.put(f"{path}/licensing", json=figures)
        done += 1
    return done


def killed_after(event: str, address: str, copy_url: str) -> None:
    """Start a mirror, and kill it once it has said that it did something."""
    process = subprocess.Popen(
        command("mirror", address, "--interval", "0"),
        env=environment(copy_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    too_long = threading.Timer(60, process.kill)
    too_long.start()
    met = any(line.startswith(event) for line in process.stdout)
    too_long.cancel()
    process.kill()
    _, complaint = process.communicate(timeout=30)
    assert met, complaint


def test_a_copy_that_is_killed_again_and_again_while_others_write_is_in_step_in_the_end(
    database_url: str, copy_url: str
) -> None:
    stop = threading.Event()
    with served(database_url) as (client, _), ThreadPoolExecutor(1) as threads:
        address = str(client.base_url).rstrip("/")
        for n in range(20):
            client.put(f"/v1/agencies/w1-{n}", json=an_agency_body()).raise_for_status()
        writer = threads.submit(writes, client, stop, 1)
        try:
            for event in ("loading", "loaded", "applied"):
                killed_after(event, address, copy_url)
        finally:
            stop.set()
        assert writer.result(timeout=30) > 20
        ended = subprocess.run(
            command("mirror", address, "--once"),
            env=environment(copy_url),
            capture_output=True,
            check=True,
            text=True,
        )
        last = ended.stdout.splitlines()[-1]
        assert last.startswith("digests agree: "), ended.stdout
        assert not last.startswith("digests agree: 0 "), ended.stdout
        assert "differ" not in ended.stdout
        assert_in_step(client, copy_url)


def test_a_source_that_is_away_is_one_clear_line(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(remote, "PAUSES", (0,))
    monkeypatch.setenv("GONGKAI_DATABASE_URL", sqlite_url)
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(SystemExit) as ended:
        cli.mirror(address, once=True)
    assert str(ended.value).startswith(f"gongkai: {address}: ConnectError")
    assert capsys.readouterr().out.startswith("database at ")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a database that is not there yet."""
    return f"sqlite:///{tmp_path / 'copy.db'}"
