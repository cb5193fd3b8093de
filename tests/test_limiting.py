"""Leaky buckets: what may be taken when, and what is told of it."""

from hypothesis import given
from hypothesis import strategies as st

from app.services.limiting import Rates, share
from tests.builders import Clock


def test_a_quota_may_be_used_at_once_and_no_more() -> None:
    rates = Rates(Clock())
    found = [rates.take("a", 3) for _ in range(4)]
    assert [each.left for each in found] == [2, 1, 0, 0]
    assert [each.full_in for each in found] == [20, 40, 60, 60]
    assert [each.wait for each in found] == [0, 0, 0, 20]


def test_who_waits_as_long_as_told_is_served() -> None:
    clock = Clock()
    rates = Rates(clock)
    for _ in range(7):
        assert not rates.take("a", 7).wait
    clock.now += rates.take("a", 7).wait
    assert rates.take("a", 7).wait == 0
    assert rates.take("a", 7).wait > 0


def test_a_refusal_costs_nothing() -> None:
    clock = Clock()
    rates = Rates(clock)
    rates.take("a", 1)
    waits = []
    for _ in range(3):
        clock.now += 10
        waits.append(round(rates.take("a", 1).wait))
    assert waits == [50, 40, 30]


def test_to_look_takes_nothing() -> None:
    rates = Rates(Clock())
    assert [rates.look("a", 2).left for _ in range(3)] == [1, 1, 1]
    assert len(rates) == 0


def test_buckets_of_others_are_their_own() -> None:
    rates = Rates(Clock())
    rates.take("a", 1)
    assert rates.take("a", 1).wait
    assert not rates.take("b", 1).wait


def test_no_more_names_are_kept_than_there_is_room_for() -> None:
    rates = Rates(Clock(), most=3)
    for name in ("a", "b", "c", "a", "d", "e"):
        rates.take(name, 10)
    assert len(rates) == 3
    assert rates.look("a", 10).left == 7  # used twice; b and c were idle longer
    assert rates.look("b", 10).left == 9


@given(
    quota=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 30, allow_nan=False), max_size=60),
)
def test_in_no_minute_twice_the_quota_is_served(quota: int, pauses: list[float]) -> None:
    clock = Clock()
    rates = Rates(clock)
    served: list[float] = []
    for pause in pauses:
        clock.now += pause
        served += [clock.now for _ in range(3) if not rates.take("a", quota).wait]
    for end in served:
        within = [time for time in served if end - 60 < time <= end]
        assert len(within) <= 2 * quota


def test_workers_share_a_quota_and_none_is_left_without() -> None:
    assert [share(100, workers) for workers in (1, 4, 64)] == [100, 25, 2]
    assert share(0, 4) == 0
