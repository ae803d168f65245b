"""Time windows of the week: across midnight, across the end of the week, and invalid ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.alerts import windows
from csg_otel.config.sections.alerting import ActiveHours
from csg_otel.config.sections.escalation import EscalationRule

MONDAY = datetime(2026, 11, 23)  # noqa: DTZ001 - a wall clock


def rule(start: str, end: str, *days: str) -> EscalationRule:
    """Return a window."""
    return EscalationRule(name="w", condition="time_window", action="suppress", start=start, end=end, days=days)


def holds(intervals: list[dict[str, Any]], now: datetime) -> bool:
    """Return whether *now* is in one of *intervals*, as Alertmanager decides: a start is inside, an end is not."""
    time, day = f"{now:%H:%M}", windows.DAYS[now.weekday()]
    return any(
        day in one.get("weekdays", windows.DAYS) and part["start_time"] <= time < part["end_time"]
        for one in intervals
        for part in one["times"]
    )


@given(
    start=st.integers(0, 24 * 60 - 1),
    minutes=st.integers(1, 24 * 60),
    days=st.sets(st.sampled_from(windows.DAYS), min_size=1),
    at=st.integers(0, 7 * 24 * 60 - 1),
)
def test_a_window_covers_its_length_from_each_start(start: int, minutes: int, days: set[str], at: int) -> None:
    """A minute of the week is inside if the window began on one of its days less than its length ago."""
    end = (start + minutes) % 1440
    window = rule(f"{start // 60:02}:{start % 60:02}", f"{end // 60:02}:{end % 60:02}", *sorted(days))
    now = MONDAY + timedelta(minutes=at)
    begun = [now.replace(hour=0, minute=0) + timedelta(days=-back, minutes=start) for back in (0, 1)]
    expected = any(
        windows.DAYS[one.weekday()] in days and one <= now < one + timedelta(minutes=minutes) for one in begun
    )

    assert not windows.mistakes(window)
    assert holds(windows.intervals(window), now) == expected


def test_no_days_means_all_days() -> None:
    """A window without days is active every day, also across midnight."""
    assert windows.intervals(rule("22:00", "06:00")) == [
        {"times": [{"start_time": "22:00", "end_time": "24:00"}], "location": "UTC"},
        {"times": [{"start_time": "00:00", "end_time": "06:00"}], "location": "UTC"},
    ]


@pytest.mark.parametrize(
    ("window", "what"),
    [
        (rule("7:00", "08:00"), ("start", "'7:00' is not a time of day")),
        (rule("07:00", "25:00"), ("end", "'25:00' is not a time of day")),
        (rule("07:00", "08:00", "mondey"), ("days", "did you mean 'monday'?")),
        (rule("07:00", "08:00", "m"), ("days", "such as monday, or mon")),
    ],
)
def test_an_invalid_time_is_reported(window: EscalationRule, what: tuple[str, str]) -> None:
    """The message names the setting and shows a valid value."""
    ((key, message),) = windows.mistakes(window)

    assert key == what[0]
    assert what[1] in message


@pytest.mark.parametrize(
    ("settings", "gaps"),
    [
        ({"days": [], "start": "00:00", "end": "24:00"}, []),
        (
            {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "18:00"},
            [(["00:00", "08:00"], ["18:00", "24:00"], 5), (["00:00", "24:00"], 2)],
        ),
        ({"days": [], "start": "22:00", "end": "06:00"}, [(["06:00", "22:00"], 7)]),
        (
            {"days": ["saturday"], "start": "22:00", "end": "06:00"},
            [(["00:00", "24:00"], 5), (["00:00", "22:00"], 1), (["06:00", "24:00"], 1)],
        ),
    ],
)
def test_the_other_hours_of_the_week(settings: dict[str, Any], gaps: list[Any]) -> None:
    """They are what a window leaves of each day, also where it crosses midnight."""
    hours = ActiveHours(**settings, timezone="Europe/Berlin")

    written = [
        (*([one["start_time"], one["end_time"]] for one in part["times"]), len(part.get("weekdays", windows.DAYS)))
        for part in windows.other_hours(hours)
    ]

    assert sorted(written, key=str) == sorted(gaps, key=str)
    assert {part["location"] for part in windows.other_hours(hours)} <= {"Europe/Berlin"}
