"""Health as telemetry: gauges that read states, and a duration, a span and an event for runs and changes."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from csg_otel import scope
from csg_otel.check_result import CheckResult, Critical, Measurement
from csg_otel.config.sections.health_monitoring import HealthMonitoring
from csg_otel.health import Check, HealthRegistry
from csg_otel.reporters.otel import HealthTelemetry, Trace
from csg_otel.status import HealthStatus
from support.capture import Captured

NAME = "csg.health.check.name"


class Watched:
    """A registry with telemetry and one check that returns or raises ``answer``."""

    def __init__(self) -> None:
        self.answer: Any = True
        self.registry = HealthRegistry(HealthMonitoring(timeout=20))
        self.registry.register(Check(name="disk", function=self._check, category="system"))
        self.telemetry = HealthTelemetry(self.registry)

    def _check(self) -> Any:
        with scope.tracer().start_as_current_span("inside"):
            pass
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def run(self, *answers: Any) -> None:
        """Run the check once for each of *answers*."""
        for self.answer in answers:
            self.registry.run("disk")


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Return a registry whose telemetry ends with the test."""
    watched = Watched()
    yield watched
    watched.telemetry.stop()
    watched.registry.stop(1.0)


def start(watched: Watched, trace: Trace = "failures") -> None:
    """Start the telemetry."""
    watched.telemetry.start(trace=trace)


def states(captured: Captured, metric: str, **wanted: str) -> dict[str, int]:
    """Return the value of each possible state of the series *wanted*."""
    keys = {"check": NAME, "group": "csg.health.group"}
    return {
        point.attributes["csg.health.state"]: point.value
        for point in captured.points(metric)
        if all(point.attributes[keys[key]] == value for key, value in wanted.items())
    }


def test_each_state_has_a_series_and_one_of_them_is_1(captured: Captured, watched: Watched) -> None:
    """The OTel status-metric pattern, for checks and for groups."""
    start(watched)
    watched.run(Critical("full"))

    expected = {"healthy": 0, "warning": 0, "critical": 1, "unknown": 0}
    assert states(captured, "csg.health.check.status", check="disk") == expected
    assert states(captured, "csg.health.status", group="overall") == expected
    assert states(captured, "csg.health.status", group="liveness")["unknown"] == 1
    assert captured.values("csg.health.check.code", NAME) == {"disk": 2}


def test_runs_are_counted_and_measured(captured: Captured, watched: Watched) -> None:
    """By name, state and type of error."""
    start(watched)
    watched.run(True, True, ValueError("secret"))

    counts = {
        (point.attributes["csg.health.state"], point.attributes.get("error.type")): point.value
        for point in captured.points("csg.health.check.executions")
    }
    assert counts == {("healthy", None): 2, ("critical", "ValueError"): 1}
    assert sum(point.count for point in captured.points("csg.health.check.duration")) == 3
    assert captured.values("csg.health.check.last_execution", NAME)["disk"] == pytest.approx(time.time(), abs=60)


def test_measurements_and_their_limits_are_gauges(captured: Captured, watched: Watched) -> None:
    """A panel can draw each value with its limits."""
    start(watched)
    watched.run(CheckResult(HealthStatus.WARNING, "", {}, (Measurement("usage", 91.2, "%", warning=80, critical=95),)))

    assert captured.values("csg.health.check.measurement", NAME) == {"disk": 91.2}
    assert captured.values("csg.health.check.measurement.limit", "csg.health.check.limit") == {
        "warning": 80,
        "critical": 95,
    }


def test_by_default_spans_are_for_failures_and_changes(captured: Captured, watched: Watched) -> None:
    """Healthy runs leave no span, nor does what they call; a failed one is an error, a warning is not."""
    start(watched)
    watched.run(True, True)
    assert captured.spans == []
    watched.run(HealthStatus.WARNING, Critical("full"), True)

    assert [(span.name, span.status.status_code) for span in captured.spans] == [
        ("health_check disk", StatusCode.UNSET),
        ("health_check disk", StatusCode.ERROR),
        ("health_check disk", StatusCode.UNSET),
    ]
    assert all(span.parent is None for span in captured.spans)


def test_all_runs_can_be_traced_with_what_they_call(captured: Captured, watched: Watched) -> None:
    """The run's span is the parent of the spans inside."""
    start(watched, "all")
    watched.run(True)

    inside, run = captured.spans
    assert (inside.name, run.name) == ("inside", "health_check disk")
    assert inside.parent is not None
    assert inside.parent.span_id == run.context.span_id


def test_no_run_is_traced_where_that_is_asked_for(captured: Captured, watched: Watched) -> None:
    """Not even a failed one."""
    start(watched, "never")
    watched.run(Critical("full"))

    assert captured.spans == []


def test_a_change_of_state_is_an_event_and_the_recovery_has_its_length(captured: Captured, watched: Watched) -> None:
    """One event each way, belonging to the run that brought it, and never a withheld reason."""
    start(watched)
    began = time.monotonic()
    watched.run(True, ValueError("postgresql://user:secret@host"))
    time.sleep(0.05)
    watched.run(True)
    took_s = time.monotonic() - began

    down, up = captured.logs
    assert down.event_name == "csg.health.check.state_change"
    assert down.body == "disk: HEALTHY -> CRITICAL (ValueError: reason withheld, it is in the program's own log)"
    assert (down.attributes["error.type"], "error.type" in up.attributes) == ("ValueError", False)
    assert down.span_id == captured.spans[0].context.span_id
    assert 0.05 <= up.attributes["csg.health.outage.duration"] <= took_s
    assert up.attributes["csg.health.outage.failures"] == 1
    assert "secret" not in repr([record.body for record in captured.logs]) + repr(captured.spans[0].to_json())
    assert len(captured.points("csg.health.check.transitions")) == 2


def test_the_log_has_the_line_of_an_unexpected_error_only(
    captured: Captured, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected exception is logged with its reason; ``Warn`` and ``Critical`` have public messages instead."""
    start(watched)
    watched.run(True, Critical("full"))
    assert "disk" not in caplog.text

    watched.run(True, ValueError("postgresql://user:secret@host\nis down"))
    reason = r"ValueError: postgresql://\*\*\*@host is down at .*test_otel\.py:\d+ in _check"
    assert re.search(f"health check disk failed: {reason}", caplog.text)
    assert "secret" not in caplog.text


@pytest.mark.parametrize(("critical", "severity"), [(True, "ERROR"), (False, "WARN")])
def test_a_check_that_is_not_critical_is_no_error(
    critical: bool, severity: str, captured: Captured, watched: Watched
) -> None:
    """A busy CPU is a warning in the program's log, however busy."""
    watched.registry.unregister("disk")
    watched.registry.register(Check(name="disk", function=watched._check, critical=critical))
    start(watched)
    watched.run(True, Critical("full"))

    assert [record.severity_text for record in captured.logs] == [severity]


def test_a_collection_never_waits_for_a_check(captured: Captured, watched: Watched) -> None:
    """Gauges read the last results while a check hangs."""
    release = threading.Event()
    start(watched)
    watched.registry.register(Check(name="hung", function=lambda: release.wait(60), timeout_s=0.05))
    watched.registry.run("hung")
    began = time.perf_counter()
    values = states(captured, "csg.health.check.status", check="hung")
    took_s = time.perf_counter() - began
    release.set()

    assert values["critical"] == 1
    assert took_s < 20  # a busy machine's; the check would hang for a minute


def test_what_is_gone_leaves_no_series(captured: Captured, watched: Watched) -> None:
    """A check that was removed, and all of them when telemetry stops."""
    start(watched)
    watched.run(True)
    watched.registry.unregister("disk")
    assert captured.points("csg.health.check.code") == []
    watched.telemetry.stop()

    assert captured.points("csg.health.status") == []


def test_bypass_and_maintenance_are_gauges(captured: Captured, watched: Watched) -> None:
    """Two gauges show why the status of a group is not that of its checks."""
    start(watched)
    with watched.registry.maintenance("backup"):
        assert captured.points("csg.health.maintenance")[0].value == 1

    assert [captured.points(name)[0].value for name in ("csg.health.maintenance", "csg.health.bypass")] == [0, 0]


def test_a_run_that_ends_during_a_shutdown_is_not_recorded_before_the_next_start(
    captured: Captured, watched: Watched
) -> None:
    """While the destinations send the last items they accept no others; new settings record it afterwards."""
    start(watched)
    watched.telemetry.hold(5)
    watched.run(Critical("full"))
    assert captured.spans == []
    assert captured.logs == []
    assert captured.points("csg.health.check.executions") == []

    start(watched)
    assert [span.name for span in captured.spans] == ["health_check disk"]
    assert captured.values("csg.health.check.executions", NAME) == {"disk": 1}


def test_a_shutdown_waits_for_the_run_that_is_being_recorded(
    captured: Captured, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its span comes when the destinations accept no more."""
    recording, go_on = threading.Event(), threading.Event()
    record = watched.telemetry._record

    def slow(event: Any) -> None:
        recording.set()
        assert go_on.wait(30)
        record(event)

    monkeypatch.setattr(watched.telemetry, "_record", slow)
    start(watched)
    run = threading.Thread(target=watched.run, args=(Critical("full"),))
    run.start()
    assert recording.wait(30)
    watched.telemetry.hold(0.05)  # in vain: it takes longer
    assert captured.spans == []
    threading.Timer(0.2, go_on.set).start()
    watched.telemetry.hold(30)
    assert [span.name for span in captured.spans] == ["health_check disk"]
    run.join(30)
