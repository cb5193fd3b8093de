"""Due dates of 条例 art. 49, and what is on time."""

import pytest

from app.domain.calendar import FIRST_FILED, LAST_YEAR, due_dates, timeliness
from app.domain.report import Kind
from app.forms import FIRST_YEAR

DUE = due_dates(2024)


def test_governments_have_until_the_end_of_march_and_all_others_until_the_end_of_january() -> None:
    others = ["office", "department", "dispatched", "zone", "authorized", "vertical"]

    assert due_dates(2024) == {"government": "2025-03-31"} | dict.fromkeys(others, "2025-01-31")


def test_the_first_year_that_can_be_reported_is_that_of_the_first_form() -> None:
    assert FIRST_FILED == FIRST_YEAR


def test_the_next_year_of_the_last_has_four_digits_too() -> None:
    assert len(str(LAST_YEAR + 1)) == 4


def test_every_kind_of_agency_has_a_due_date() -> None:
    assert set(due_dates(2019)) == {kind.value for kind in Kind}


@pytest.mark.parametrize(("year", "due"), [(2019, "2020-01-31"), (9998, "9999-01-31")])
def test_reports_are_due_in_the_next_year(year: int, due: str) -> None:
    assert due_dates(year)["department"] == due


@pytest.mark.parametrize(
    ("kind", "submitted", "published", "expected"),
    [
        ("department", "2025-01-31", "2025-01-31", "on_time"),
        ("department", "2025-01-31", None, "on_time"),
        ("department", None, "2025-01-31", "on_time"),
        ("department", "2025-02-01", None, "late"),
        ("department", None, "2025-02-01", "late"),
        ("department", "2025-01-20", "2025-02-01", "late"),
        ("department", "2025-02-01", "2025-01-20", "late"),
        ("department", "2024-12-31", None, "on_time"),
        ("department", "2026-01-01", None, "late"),
        ("government", "2025-03-01", "2025-03-31", "on_time"),
        ("government", "2025-03-01", "2025-04-01", "late"),
        ("department", None, None, None),
        ("government", None, None, None),
    ],
)
def test_a_report_is_late_when_its_last_known_date_is_after_the_due_date(
    kind: str, submitted: str | None, published: str | None, expected: str | None
) -> None:
    assert timeliness(DUE, kind, submitted, published) == expected


def test_earlier_local_due_dates_count() -> None:
    local = DUE | {"department": "2025-01-26"}

    assert timeliness(local, "department", "2025-01-26", None) == "on_time"
    assert timeliness(local, "department", "2025-01-27", None) == "late"
    assert timeliness(local, "office", "2025-01-27", None) == "on_time"
