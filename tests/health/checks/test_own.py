"""Checks of what runs inside the process: pools, loops, operations, pauses, destinations; from the real parts."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import csg_otel
from csg_otel import names
from csg_otel.check_result import Critical, Warn
from csg_otel.exporters.delivery.destination import DestinationStatus
from csg_otel.health.checks.event_loop import EventLoop
from csg_otel.health.checks.exporters import Exporters
from csg_otel.health.checks.gc_pauses import GcPauses
from csg_otel.health.checks.operation import Operation
from csg_otel.health.checks.thread_pool import ThreadPool
from csg_otel.metrics import loops
from csg_otel.pipeline.points import points
from csg_otel.points import HistogramPoint
from csg_otel.status import HealthStatus
from support.capture import Captured

HEALTHY, WARNING, CRITICAL = HealthStatus.HEALTHY, HealthStatus.WARNING, HealthStatus.CRITICAL


# -- thread pool --------------------------------------------------------------------------------------------------------


def test_a_pool_with_a_free_thread_is_healthy() -> None:
    """And the check leaves nothing in its queue."""
    with ThreadPoolExecutor(2) as pool:
        assert ThreadPool(pool)().status is HEALTHY


def test_a_saturated_pool_is_told_by_how_long_work_waits() -> None:
    """One task of ours in its queue at most; warning, then critical, then well again."""
    release = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(release.wait)
        check = ThreadPool(pool, warning_s=0.05, critical_s=0.2)
        assert check().status is WARNING
        time.sleep(0.2)
        assert check().status is CRITICAL
        assert pool._work_queue.qsize() == 1
        release.set()
        check()  # collects the task that waited
        assert check().status is HEALTHY
    with pytest.raises(Critical, match="shut down"):
        check()


# -- event loop ---------------------------------------------------------------------------------------------------------


def test_a_blocked_loop_is_seen_while_it_is_blocked() -> None:
    """A block is visible while it lasts, by the overdue timer."""
    check = EventLoop(warning_s=0.1, critical_s=0.3, loops=loops)
    assert check().message == "no event loop is watched"
    seen: list[HealthStatus] = []

    async def main() -> None:
        watch = csg_otel.watch_loop(name="orders", interval_s=0.02)
        await asyncio.sleep(0.1)
        seen.append(check().status)
        watcher = threading.Timer(0.5, lambda: seen.append(check().status))
        watcher.start()
        time.sleep(0.7)  # blocks the loop
        watcher.join()
        await asyncio.sleep(0.1)
        seen.append(check().status)
        watch.stop()

    asyncio.run(main())

    assert seen == [HEALTHY, CRITICAL, HEALTHY]


# -- operations ---------------------------------------------------------------------------------------------------------


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _operation(captured: Captured, **limits: Any) -> tuple[Operation, _Clock]:
    clock = _Clock()
    check = Operation("book", points=lambda: points(captured._reader.get_metrics_data()), clock=clock, **limits)
    return check, clock


def _call(took_s: float, error: str = "", times: int = 1) -> None:
    """Record calls as ``observe`` does, with durations that are known."""
    from csg_otel import scope

    attributes = {names.OPERATION_NAME: "book", **({names.ERROR_TYPE: error} if error else {})}
    for _ in range(times):
        scope.create(names.OPERATION_DURATION).record(took_s, attributes)


def test_a_quantile_of_real_calls_is_held_against_its_limits(captured: Captured) -> None:
    """p95 over a window, from a number of calls on; what was before the window does not count."""
    check, clock = _operation(captured, warning_s=0.5, critical_s=2.0, window_s=300, minimum_calls=20)

    _call(3.0, times=19)
    assert check().message == "19 calls, too few to judge (minimum_calls is 20)"
    _call(3.0)
    assert check().status is CRITICAL

    clock.now = 200
    _call(0.01, times=100)
    assert check().status is CRITICAL, "a sixth of the calls in the window were slow"

    clock.now = 400
    _call(0.01, times=100)
    result = check()
    assert result.status is HEALTHY
    assert result.measurements[0].name == "p95"
    assert result.measurements[0].value < 0.5


def test_the_share_of_errors_is_held_against_its_limits(captured: Captured) -> None:
    """Per cent of all calls in the window."""
    check, _ = _operation(captured, warning_error_percent=1, critical_error_percent=10)

    _call(0.01, times=98)
    _call(0.01, "TimeoutError", times=2)
    assert check().status is WARNING
    _call(0.01, "TimeoutError", times=50)
    assert check().status is CRITICAL


def test_observed_functions_are_what_it_reads(captured: Captured) -> None:
    """End to end: the decorator's own measurement."""

    @csg_otel.observe("book")
    def book() -> None:
        time.sleep(0.002)

    check, _ = _operation(captured, warning_s=1e-6, minimum_calls=5)
    for _ in range(5):
        book()

    assert check().status is WARNING


@pytest.mark.parametrize("given", [{}, {"quantile": 95, "warning_s": 1}])
def test_an_objective_without_limits_is_refused(given: dict[str, Any]) -> None:
    """And so is a quantile in per cent."""
    with pytest.raises(ValueError, match=r"needs a limit: warning_s|between 0 and 1"):
        Operation("book", **given)


# -- pauses and destinations --------------------------------------------------------------------------------------------


def test_time_in_collections_is_a_share_of_the_time() -> None:
    """Of the time since the run before; the first run has nothing to say."""
    clock, total = _Clock(), [0.0]

    def paused() -> list[HistogramPoint]:
        return [HistogramPoint(names.GC_PAUSE.name, "s", {}, 1, total[0], (), (1,))]

    check = GcPauses(warning_threshold=5, critical_threshold=25, points=paused, clock=clock)
    assert check().status is HEALTHY
    clock.now, total[0] = 10.0, 1.0
    result = check()
    assert (result.status, result.measurements[0].value) == (WARNING, 10.0)
    clock.now, total[0] = 20.0, 6.0
    assert check().status is CRITICAL


def test_destinations_that_fail_or_drop_are_a_warning() -> None:
    """Lost telemetry is no outage of the program, unless `critical_s` is set."""
    states = {"collector": DestinationStatus()}
    check, strict = Exporters(destinations=lambda: states), Exporters(60, 120, destinations=lambda: states)
    assert check().message == "1 destination delivers"

    states["collector"] = DestinationStatus("down", failing_s=200)
    with pytest.raises(Warn, match="collector has delivered nothing for 200 s"):
        check()
    with pytest.raises(Critical):
        strict()

    states["collector"] = DestinationStatus("degraded", dropped={"queue_full": 3})
    with pytest.raises(Warn, match="dropped 3 items"):
        check()
    assert check().status is HEALTHY, "reported once"
