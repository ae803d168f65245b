"""What checks have been over time."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from csg_otel.config.sections.health_monitoring import HealthMonitoring
from csg_otel.health import Check, default_registry
from csg_otel.health.monitor import HealthMonitor
from csg_otel.health.trends import Outage, Timeline
from csg_otel.status import HealthStatus

HEALTHY, WARNING, CRITICAL, UNKNOWN = (
    HealthStatus.HEALTHY,
    HealthStatus.WARNING,
    HealthStatus.CRITICAL,
    HealthStatus.UNKNOWN,
)


def line(*changes: tuple[float, HealthStatus]) -> Timeline:
    """Return a timeline of *changes*."""
    timeline = Timeline()
    for at_s, status in changes:
        timeline.note(at_s, status)
    return timeline


def test_an_outage_has_a_length_and_costs_availability() -> None:
    """An outage is the time in which a check does not work; in a warning it works."""
    trend = line((0, HEALTHY), (50, WARNING), (60, CRITICAL), (70, HEALTHY)).trend(100, 1000)

    assert trend.outages == (Outage(60, 10, over=True),)
    assert trend.transitions == 3
    assert trend.availability == 0.9
    assert trend.seconds == {HEALTHY: 80, WARNING: 10, CRITICAL: 10, UNKNOWN: 0}


def test_only_the_window_counts() -> None:
    """What was before it is cut off, what lasts is not over."""
    trend = line((0, CRITICAL), (90, HEALTHY), (95, CRITICAL)).trend(100, 20)

    assert trend.outages == (Outage(80, 10, over=True), Outage(95, 5, over=False))
    assert trend.transitions == 2
    assert trend.availability == 0.25


def test_what_is_not_known_counts_for_nothing() -> None:
    """Neither up nor down; and nothing known is no availability."""
    assert line((0, UNKNOWN), (50, HEALTHY)).trend(100, 1000).availability == 1.0
    assert line((0, UNKNOWN)).trend(100, 1000).availability is None
    assert Timeline().trend(100, 1000).availability is None


@given(st.lists(st.tuples(st.floats(0.001, 100), st.sampled_from(list(HealthStatus))), max_size=30), st.floats(1, 500))
def test_the_seconds_add_up(steps: list[tuple[float, HealthStatus]], window_s: float) -> None:
    """Whatever happened, the states fill the window, and outages are within it."""
    timeline, now_s = Timeline(), 0.0
    for step_s, status in steps:
        timeline.note(now_s, status)
        now_s += step_s
    trend = timeline.trend(now_s, window_s)

    assert abs(sum(trend.seconds.values()) - min(now_s, window_s)) < 1e-6
    assert sum(outage.duration_s for outage in trend.outages) <= min(now_s, window_s) + 1e-6
    assert trend.transitions <= len(steps)


def test_a_flapping_check_is_remembered_within_bounds() -> None:
    """A million changes take no more room than a thousand."""
    timeline = Timeline()
    for number in range(100_000):
        timeline.note(float(number), HEALTHY if number % 2 else CRITICAL)

    assert timeline.trend(100_000, 1e9).transitions < 1000


def test_the_seeds_monitor_shows_a_staged_outage() -> None:
    """One transition each way, its length, and the availability."""
    answer = [True]
    registry = default_registry()
    registry.configure(HealthMonitoring(), [Check(name="staged", function=lambda: answer[0], own=True)])
    monitor = HealthMonitor()
    moments = []
    for value in (True, False, True):
        answer[0] = value
        moments.append(time.monotonic())
        monitor.run_all_checks()
        moments.append(time.monotonic())
        time.sleep(0.1)
    trends = monitor.get_health_trends(hours=1)
    # The verdict falls somewhere within its run, which takes its time on a busy machine.
    shortest, longest = moments[4] - moments[3], moments[5] - moments[2]
    known_at_least, known_at_most = moments[5] - moments[1], time.monotonic() - moments[0]

    staged = trends["checks"]["staged"]
    (outage,) = staged["outages"]
    assert (staged["transitions"], staged["current_status"], outage["worst"]) == (2, "HEALTHY", "CRITICAL")
    assert shortest <= outage["duration_s"] <= longest
    known = outage["duration_s"] / (1 - staged["availability"])  # the length is rounded to a millisecond
    rounding = 0.01 + known * 0.0005 / outage["duration_s"]
    assert known_at_least - rounding <= known <= known_at_most + rounding
    assert trends["overall"]["transitions"] == 2
