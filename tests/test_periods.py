"""The past of an agency: what its periods are after a change, and who was ever above whom."""

from dataclasses import replace

import pytest

from app.domain.periods import SINCE_EVER, Period, Periods, changed, ends, is_ever_above


def a_period(start: str = SINCE_EVER, parent: str | None = None, **members: str) -> Period:
    """Return a period of an agency of which nothing else is known."""
    others = {"name": "局", "short_name": None, "kind": "department", "level": "county"} | members
    return Period(start, parent=parent, **others)  # type: ignore[arg-type]


OLD = a_period(name="规划局")
NEW = a_period("2021-03-01", name="自然资源局")


def test_a_change_opens_a_period_and_ends_the_one_before_the_day_before() -> None:
    periods = changed((OLD,), NEW)
    assert periods == (OLD, NEW)
    assert ends(periods) == ("2021-02-28", None)


def test_a_second_change_on_the_day_of_the_last_replaces_it() -> None:
    better = replace(NEW, name="自然资源和规划局")
    assert changed((OLD, NEW), better) == (OLD, better)


def test_what_is_corrected_since_ever_was_never_otherwise() -> None:
    better = replace(OLD, name="规划委")
    assert changed((OLD,), better) == (better,)


def test_a_period_that_says_what_the_one_before_says_is_withdrawn() -> None:
    assert changed((OLD, NEW), replace(OLD, start=NEW.start)) == (OLD,)
    assert changed((OLD,), replace(OLD, start="2024-01-01")) == (OLD,)


def test_no_change_comes_before_the_last() -> None:
    with pytest.raises(ValueError, match="2021-02-28"):
        changed((OLD, NEW), a_period("2021-02-28"))


MOVED: dict[str, Periods] = {
    "b": (a_period(parent="a"), a_period("2021-01-01", parent="root")),
    "a": (a_period(parent="root"),),
    "root": (a_period(),),
}
"""The agency `b` stood below `a` until the end of 2020."""


@pytest.mark.parametrize(
    ("code", "below", "start", "expected"),
    [
        ("a", "b", SINCE_EVER, True),
        ("a", "b", "2020-12-31", True),
        ("a", "b", "2021-01-01", False),
        ("root", "b", "2021-01-01", True),
        ("b", "b", "2024-01-01", True),
        ("b", "a", SINCE_EVER, False),
        ("c", "b", SINCE_EVER, False),
    ],
)
def test_who_was_above_whom_depends_on_the_day(
    code: str, below: str, start: str, expected: bool
) -> None:
    assert is_ever_above(code, below, start, MOVED) is expected


def test_those_above_at_different_times_are_not_above_each_other() -> None:
    periods = {
        "c": (a_period(parent="b"), a_period("2021-01-01", parent="root")),
        "b": (a_period(parent="root"), a_period("2021-01-01", parent="a")),
        "a": (a_period(parent="root"),),
    }
    assert not is_ever_above("a", "c", SINCE_EVER, periods)
    assert is_ever_above("a", "b", SINCE_EVER, periods)


def test_a_circle_is_walked_once() -> None:
    periods = {"a": (a_period(parent="b"),), "b": (a_period(parent="a"),)}
    assert not is_ever_above("c", "a", SINCE_EVER, periods)
