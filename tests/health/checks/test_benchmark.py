"""The benchmark: one time for each size, of the program's function or of a built-in computation."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from csg_otel import names
from csg_otel.check_result import CheckResult
from csg_otel.health.checks.benchmark import LARGEST_MB, Benchmark, work
from csg_otel.health.checks.processing import Processing
from csg_otel.status import HealthStatus
from support.programs import Program


def sizes(result: CheckResult) -> list[float]:
    """Return the sizes the measurements of *result* are for."""
    return [float(measured.attributes[names.BENCHMARK_SIZE]) for measured in result.measurements]


def test_each_size_is_measured_on_its_own() -> None:
    """The function gets each size, a whole one as an int, and its median after a warm-up is the measurement."""
    seen: list[float] = []

    def task(size: float) -> None:
        seen.append(size)
        time.sleep(0.02 * size)

    result = Benchmark(task, sizes=(0.5, 2.0), repeat=3)()

    assert result.status is HealthStatus.HEALTHY
    assert seen == [0.5] * 4 + [2] * 4
    assert isinstance(seen[-1], int)
    assert sizes(result) == [0.5, 2.0]
    assert [(measured.name, measured.unit) for measured in result.measurements] == [("size_0.5", "s"), ("size_2", "s")]
    assert result.measurements[0].value >= 0.01
    assert result.measurements[1].value >= 0.04


def test_a_slow_size_is_a_warning() -> None:
    """The limit holds for each size, and the message names the one beyond it."""
    result = Benchmark(lambda size: time.sleep(0.02 * size), sizes=(0.1, 2), warning_s=0.03, repeat=1)()

    assert result.status is HealthStatus.WARNING
    assert "size_2" in result.message


def test_a_function_without_parameters_is_called_without_the_size() -> None:
    """So that the function of the processing check serves both; and one that requires a size serves that check."""
    calls: list[object] = []

    Benchmark(lambda: calls.append("none"), sizes=(3,), repeat=1)()
    Processing(calls.append, repeat=1)()
    Processing(lambda size=7: calls.append(size), repeat=1)()

    assert calls == ["none", "none", 1, 1, 7, 7]


def test_what_the_function_raises_fails_the_check() -> None:
    """A mistake in the benchmark is no measurement."""
    with pytest.raises(ZeroDivisionError):
        Benchmark(lambda size: 1 / size, sizes=(1, 0))()


def test_the_built_in_benchmark_grows_with_the_size() -> None:
    """Work is in proportion to the megabytes, a sixteenth at least."""
    assert [work(size) for size in (0, 0.01, 0.5, 1, 2.5)] == [1, 1, 8, 16, 40]
    assert sizes(Benchmark(repeat=1)()) == [1.0]


def test_the_built_in_benchmark_stays_small() -> None:
    """A size that would keep a core busy for long is left out, and the message gives the way out."""
    result = Benchmark(sizes=(0.1, 1000), repeat=1)()

    assert sizes(result) == [0.1]
    assert "sizes above 64 MB need a function of your own, left out: 1000" in result.message
    assert Benchmark(sizes=(LARGEST_MB + 1,))().status is HealthStatus.UNKNOWN
    assert Benchmark(sizes=())().message == "no sizes to measure"


def test_runs_are_not_repeated_for_more_than_two_seconds() -> None:
    """A function that takes long for a size runs twice: once to warm up, and once again."""
    calls: list[float] = []

    def task(size: float) -> None:
        calls.append(size)
        time.sleep(2.1 if len(calls) > 1 else 0)

    Benchmark(task, sizes=(1,), repeat=100)()

    assert len(calls) == 2


def test_a_program_exports_one_series_for_each_size(tmp_path: Path) -> None:
    """The check runs by itself, again after its interval, and its times are metrics with the size as an attribute."""
    source = """
    import json, time
    import csg_otel

    telemetry = csg_otel.instrument(
        "shop", exporters=[], performance__benchmarking__enabled=True, performance__benchmarking__interval=0.3,
        performance__benchmarking__test_sizes=[0.25, 1],
    )

    def points(name):
        found = [point for point in telemetry.metrics_snapshot()["metrics"] if point["name"] == name]
        return [point for point in found if point["attributes"]["csg.health.check.name"] == "benchmark"]

    until = time.monotonic() + 20
    while time.monotonic() < until and sum(p["value"] for p in points("csg.health.check.executions")) < 2:
        time.sleep(0.1)
    times = {p["attributes"]["csg.benchmark.size"]: p["value"] for p in points("csg.health.check.measurement")}
    print(json.dumps([sum(p["value"] for p in points("csg.health.check.executions")), sorted(times.items())]))
    """
    with Program(source, tmp_path) as program:
        assert program.wait(40) == 0, program.stderr
        assert program.process.stdout is not None
        executions, times = json.loads(program.process.stdout.read().splitlines()[-1])

    assert executions >= 2
    assert [size for size, _ in times] == [0.25, 1.0]
    assert all(took_s > 0 for _, took_s in times)
