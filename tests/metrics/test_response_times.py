"""Percentiles of durations: by operation and overall, in seconds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from csg_otel import names
from csg_otel.config import load
from csg_otel.metrics import snapshot
from csg_otel.metrics.response_times import response_times
from csg_otel.points import HistogramPoint, Point
from support.programs import Program, get


def durations(operation: str, counts: tuple[int, ...], **attributes: Any) -> HistogramPoint:
    """Return the durations of *operation* in buckets up to 0.1 s, up to 1 s, and above."""
    shown = {names.OPERATION_NAME: operation, **attributes}
    return HistogramPoint(names.OPERATION_DURATION.name, "s", shown, sum(counts), 0.0, (0.1, 1.0), counts)


POINTS: list[Point] = [
    durations("quick", (80, 0, 0)),
    durations("quick", (20, 0, 0), **{names.ERROR_TYPE: "OSError"}),
    durations("slow", (0, 90, 10)),
]


def test_percentiles_are_those_of_all_series_of_an_operation() -> None:
    """Failed runs count as well, and a percentile is interpolated within its bucket."""
    found = response_times(POINTS, (50, 99.9))

    assert found["operations"]["quick"] == {
        "count": 100,
        "p50": pytest.approx(0.05),
        "p99.9": pytest.approx(0.0999),
    }
    assert found["operations"]["slow"]["p50"] == pytest.approx(0.1 + 0.9 * 50 / 90)
    assert (found["overall"]["count"], found["overall"]["p50"]) == (200, pytest.approx(0.1))


def test_a_percentile_above_the_last_bound_is_that_bound() -> None:
    """The true value is that or more, which says more than nothing."""
    assert response_times(POINTS, (95,))["operations"]["slow"]["p95"] == 1.0


def test_without_runs_there_is_no_percentile() -> None:
    """The shape stays the same, so that a dashboard needs no special case."""
    assert response_times(()) == {"overall": {"count": 0, "p50": None, "p95": None, "p99": None}, "operations": {}}


def test_the_snapshot_has_them() -> None:
    """Beside the groups."""
    assert snapshot(None, POINTS, percentiles=(90,))["response_times"]["operations"]["quick"]["count"] == 100


def test_the_settings_choose_the_percentiles(tmp_path: Path) -> None:
    """A running program shows those, of the operations it observed; of none while tracking is off."""
    source = """
    import json
    import csg_otel

    def start(**settings):
        return csg_otel.instrument("shop", exporters=[], health_monitoring__enabled=False, **settings)

    start(performance__response_time_tracking__percentiles=[10, 99.5])
    for _ in range(20):  # one of them may take seconds on a busy machine
        with csg_otel.observe("step"):
            pass
    on = csg_otel.SystemMonitor().get_metrics_snapshot()["response_times"]
    start(performance__response_time_tracking__enabled=False)
    off = csg_otel.SystemMonitor().get_metrics_snapshot()["response_times"]
    print(json.dumps([on, off]))
    """
    with Program(source, tmp_path) as program:
        assert program.wait() == 0, program.stderr
        assert program.process.stdout is not None
        on, off = json.loads(program.process.stdout.read().splitlines()[-1])

    assert on["operations"].keys() == {"step"}
    assert on["overall"].keys() == {"count", "p10", "p99.5"}
    assert 0 < on["overall"]["p10"] < 1
    assert on["overall"]["p99.5"] > on["overall"]["p10"]
    assert off["operations"] == {}


def test_a_share_in_place_of_a_percentile_is_a_warning() -> None:
    """The 0.95th percentile is possible, and almost never what was wanted."""
    loaded = load({"performance": {"response_time_tracking": {"percentiles": [50, 0.95]}}})

    assert [warning for warning in loaded.warnings if "percentiles[1]" in warning and "write 95" in warning]


def test_the_settings_choose_the_buckets(tmp_path: Path) -> None:
    """`histogram_buckets` are the bounds of the exported histogram of durations."""
    source = """
    import csg_otel
    telemetry = csg_otel.instrument(
        "shop", exporters=["prometheus"], performance__response_time_tracking__histogram_buckets=[0.25, 2.5]
    )
    with csg_otel.observe("step"):
        pass
    print(telemetry.url, flush=True)
    input()
    """
    with Program(source, tmp_path) as program:
        text = get(f"{program.line()}/metrics")[1]

    lines = [line for line in text.splitlines() if line.startswith("csg_operation_duration_seconds_bucket{")]
    assert {re.search(r'le="([^"]+)"', line)[1] for line in lines} == {"0.25", "2.5", "+Inf"}  # type: ignore[index]
