"""Counts that the process keeps by itself: exact under threads, bounded in number, and a child's own after a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest
from opentelemetry.metrics import CallbackOptions

from csg_otel.names import CARDINALITY_LIMIT, Metric
from csg_otel.tallies import Level, LevelSeries, Tally, TallySeries

METRIC = Metric("test.tally", "counter", "{thing}", "Things.", ("kind",))


def values(series: TallySeries | LevelSeries) -> dict[object, float]:
    """Return what the series would show by kind."""
    return {(point.attributes or {}).get("kind"): point.value for point in series.observe(CallbackOptions())}


def test_a_tally_is_exact_under_threads_and_reading() -> None:
    """Eight threads count while another reads; nothing is lost and nothing counted twice."""
    tally = Tally()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            assert tally.value >= 0

    reader = threading.Thread(target=read)
    reader.start()
    threads = [threading.Thread(target=lambda: [tally.increment() for _ in range(20_000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    reader.join()
    tally.add(5)

    assert tally.value == 160_005


def _begin(level: Level) -> Callable[[], int]:
    """Count a begun operation of *level*; return the function that counts its end."""
    level.began.increment()
    return level.ended.increment


def test_a_level_shows_what_has_begun_and_not_ended() -> None:
    """It goes up and comes down again."""
    series = LevelSeries(METRIC)
    ends = [_begin(series.at("a")) for _ in range(3)]
    ends.pop()()

    assert values(series) == {"a": 2}


def test_series_are_bounded() -> None:
    """What comes beyond the limit is added up under the overflow attribute."""
    series = TallySeries(METRIC)
    for number in range(CARDINALITY_LIMIT + 10):
        series.at(str(number)).increment()
    points = list(series.observe(CallbackOptions()))

    assert len(points) == CARDINALITY_LIMIT
    assert dict(points[-1].attributes or {}) == {"otel.metric.overflow": True}
    assert points[-1].value == 11


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_counts_from_zero() -> None:
    """What the parent counted is the parent's to export; an operation it began does not end in the child."""
    tallies, levels = TallySeries(METRIC), LevelSeries(METRIC)
    tallies.at("a").increment()
    end = _begin(levels.at("a"))
    pid = os.fork()
    if pid == 0:
        tallies.at("a").increment()
        end()
        os._exit(0 if (values(tallies), values(levels)) == ({"a": 1}, {"a": 0}) else 1)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert (values(tallies), values(levels)) == ({"a": 1}, {"a": 1})
