"""What arrives by OTLP is kept with its program, in the dashboard's own store."""

from __future__ import annotations

import time
from typing import Any

import pytest

from csg_otel import clocks
from csg_otel.dashboard.otlp.arrivals import Arrivals
from csg_otel.dashboard.otlp.resources import Program
from csg_otel.dashboard.store.values import Collection
from csg_otel.points import HistogramPoint, NumberPoint

SHOP = Program("shop", "a", {"service.name": "shop", "service.version": "3", "process.pid": 7, "host.name": "h"})


def counter(value: float) -> Collection:
    return Collection([NumberPoint("orders", "counter", "1", {"channel": "web"}, value)])


def lines(arrivals: Arrivals, name: str, field: str) -> dict[Any, list[tuple[float, float]]]:
    """Return the values of each series of an instrument, the times as ages in seconds."""
    instrument = arrivals.values.instrument(name)
    now_s = clocks.monotonic()
    assert instrument is not None
    return {
        key: [(round(now_s - at_s), value) for at_s, value in series.lines[field].items(now_s - 3600)]
        for key, series in instrument.series.items()
        if field in series.lines
    }


@pytest.fixture
def arrivals(monkeypatch: pytest.MonkeyPatch) -> Arrivals:
    """A store on a machine that has run for a day."""
    monotonic = clocks.monotonic
    monkeypatch.setattr(clocks, "monotonic", lambda: monotonic() + 86400)
    return Arrivals()


def test_exports_of_a_minute_fill_the_steps_between_them(arrivals: Arrivals) -> None:
    """A counter grows evenly, a gauge keeps its value, and a histogram's quantiles are those of its growth."""
    now = time.time()
    gauge = NumberPoint("open", "gauge", "", {}, 4)
    before = HistogramPoint("wait", "s", {}, 10, 10.0, (1.0, 2.0), (10, 0, 0))
    after = HistogramPoint("wait", "s", {}, 70, 100.0, (1.0, 2.0), (10, 60, 0))
    arrivals.put_points(SHOP, Collection([*counter(100).points, gauge, before]), now - 60, 0)
    arrivals.put_points(SHOP, Collection([*counter(160).points, gauge, after]), now, 0)

    (rates,) = lines(arrivals, "orders", "rate").values()
    assert len(rates) >= 6
    assert [value for _, value in rates] == pytest.approx([1.0] * len(rates))
    (values,) = lines(arrivals, "open", "value").values()
    assert len(values) >= 6
    (medians,) = lines(arrivals, "wait", "p50").values()
    assert [value for _, value in medians] == pytest.approx([1.5] * len(medians))


@pytest.mark.parametrize(("ran_s", "expected"), [(10, [5.0]), (3600, [])])
def test_a_program_that_has_just_started_shows_its_first_export(
    arrivals: Arrivals, ran_s: float, expected: list[float]
) -> None:
    """What it did since its start; a command of a few seconds exports once. What was before a long time is no rate of now."""
    now = time.time()
    arrivals.put_points(SHOP, counter(50), now, now - ran_s)

    assert [value for line in lines(arrivals, "orders", "rate").values() for _, value in line] == pytest.approx(
        expected
    )


def test_a_longer_silence_is_a_gap(arrivals: Arrivals) -> None:
    """Nothing is made up for ten minutes without an export."""
    now = time.time()
    arrivals.put_points(SHOP, counter(100), now - 600, 0)
    arrivals.put_points(SHOP, counter(160), now, 0)

    (rates,) = lines(arrivals, "orders", "rate").values()
    assert [value for _, value in rates] == pytest.approx([0.1], rel=0.05)


def test_two_instances_at_once_are_two_series_and_one_that_starts_again_is_the_same(arrivals: Arrivals) -> None:
    """So that a program that is started again and again does not fill the chart with lines."""
    now = time.time()
    other, later = Program("shop", "b", {}), Program("shop", "c", {})
    for age_s, value in ((300, 1), (290, 2)):
        arrivals.put_points(SHOP, counter(value), now - age_s, 0)
        arrivals.put_points(other, counter(value), now - age_s, 0)
    for age_s, value in ((200, 1), (190, 2)):
        arrivals.put_points(later, counter(value), now - age_s, 0)

    first = (("channel", "web"), ("service.name", "shop"))
    second = (("channel", "web"), ("instance", "2"), ("service.name", "shop"))
    assert set(lines(arrivals, "orders", "rate")) == {first, second}


def test_a_clock_that_is_ahead_does_not_stop_the_history(arrivals: Arrivals) -> None:
    """A time in the future counts as now, and one from before the history is left out."""
    year = 365 * 86400
    for at in (time.time() + 500 * year, 0.0, time.time() - year):
        arrivals.put_points(SHOP, counter(1), at, 0)
    arrivals.put_points(SHOP, Collection([NumberPoint("open", "gauge", "", {}, 4)]), time.time(), 0)

    assert [value for line in lines(arrivals, "open", "value").values() for _, value in line] == [4.0]


def test_the_programs_are_bounded_and_named() -> None:
    """One program is shown by its name, several by their number; the newest are kept."""
    arrivals = Arrivals()
    assert arrivals.service()["name"] == "no program yet"

    arrivals.put_spans(SHOP, [])
    service = arrivals.service()
    assert (service["name"], service["version"], service["instance"], service["pid"]) == ("shop", "3", "a", 7)

    for number in range(150):
        arrivals.put_spans(Program(f"p{number}", "", {}), [])
        arrivals.put_points(Program("same", str(number), {}), counter(1), 0, 0)
    assert arrivals.service()["name"] == "100 programs"
    assert "shop" not in arrivals.resources
    assert arrivals.values.series_count <= 40
