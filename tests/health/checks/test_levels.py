"""Limits as numbers and as ranges: the status, and the words for it."""

from __future__ import annotations

import pytest

from csg_otel.check_result import Measurement, Range
from csg_otel.health.checks.levels import describe, judge, status_of
from csg_otel.status import HealthStatus


@pytest.mark.parametrize(
    ("value", "status", "words"),
    [
        (50.0, HealthStatus.HEALTHY, "free 50 %"),
        (15.0, HealthStatus.WARNING, "free 15 %, outside 20: %"),
        (5.0, HealthStatus.CRITICAL, "free 5 %, outside 10: %"),
    ],
)
def test_a_range_can_ask_for_at_least(value: float, status: HealthStatus, words: str) -> None:
    """A range limits a value from below, as with free space."""
    measured = Measurement("free", value, "%", Range.parse("20:"), Range.parse("10:"))

    assert (status_of(measured), describe(measured)) == (status, words)


@pytest.mark.parametrize(("value", "status"), [(80.0, HealthStatus.HEALTHY), (80.1, HealthStatus.WARNING)])
def test_a_number_is_the_largest_good_value(value: float, status: HealthStatus) -> None:
    """The limit itself is a good value."""
    assert status_of(Measurement("used", value, "%", 80.0, 90.0)) is status


def test_the_worst_measurement_decides() -> None:
    """The worst measurement gives the status and the message."""
    result = judge([Measurement("a", 1, "%", 5), Measurement("b", 9, "%", 5), Measurement("c", 9, "%", 1, Range(0, 2))])

    assert result.status is HealthStatus.CRITICAL
    assert "c 9 %, outside 2 %" in result.message


def test_among_equals_the_one_with_a_limit_is_shown() -> None:
    """A share with a limit is shown before a number of bytes, although the number is larger."""
    assert judge([Measurement("memory", 40, "%", 80), Measurement("memory_used", 7e8, "By")]).message == "memory 40 %"
