"""
Health as OpenTelemetry data: gauges for the states, and a duration, a span and a log event for runs and changes.

The registry does not depend on OpenTelemetry. A gauge reads a snapshot; it never runs a check.
"""

from __future__ import annotations

import functools
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry import context, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, Status, StatusCode

from csg_otel import clocks, names, scope, waits
from csg_otel.check_result import Range
from csg_otel.health import results
from csg_otel.markers import reads_snapshot
from csg_otel.pipeline import _compat
from csg_otel.status import HealthStatus

if TYPE_CHECKING:
    from csg_otel.check_result import Measurement
    from csg_otel.health import Change, CheckView, HealthRegistry, HealthSnapshot
    from csg_otel.health.execution import Execution
    from csg_otel.health.observer import HealthEvent

_log = logging.getLogger("csg_otel")

Trace = Literal["all", "failures", "never"]

_LIMITS = ("warning", "critical", "minimum", "maximum")
_SEVERITIES = {
    HealthStatus.HEALTHY: SeverityNumber.INFO,
    HealthStatus.UNKNOWN: SeverityNumber.WARN,
    HealthStatus.WARNING: SeverityNumber.WARN,
    HealthStatus.CRITICAL: SeverityNumber.ERROR,
}


class HealthTelemetry:
    """The observer of one registry: it turns runs and changes into telemetry between :meth:`start` and :meth:`stop`."""

    def __init__(self, registry: HealthRegistry) -> None:
        self._registry = registry
        self._trace: Trace = "failures"
        self._spans: dict[int, Span] = {}
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._held: list[HealthEvent] | None = None
        """Events since :meth:`hold`; None while events are recorded at once."""
        self._recording = 0
        self._recorded = waits.Changes()

    def start(self, *, trace: Trace) -> None:
        """Export the registry's states and runs; *trace* selects the runs that become spans."""
        self._trace = trace
        instruments = _instruments()
        instruments.registry = self._registry
        self._registry.observe(self)
        with self._lock:
            held, self._held = self._held or [], None
        for event in held:
            self.on_health_event(event)

    def hold(self, timeout_s: float) -> None:
        """
        Record no more events until :meth:`start`, and wait for those being recorded, at most *timeout_s* seconds.

        A run may end at any time, also while the destinations are sending the last items and accept no others.
        """
        with self._lock:
            self._held = []
        self._recorded.wait_for(lambda: not self._recording, timeout_s)

    def reset_after_fork(self) -> None:
        """Forget the events of the parent."""
        self._reset()

    def stop(self) -> None:
        """Stop exporting; the series end with the next collection."""
        self._registry.observe(None)
        _instruments().registry = None

    # -- runs ------------------------------------------------------------------------------------------------------

    def run_check(self, execution: Execution, function: Callable[[], Any]) -> Any:
        """Call *function* inside the run's span; without one, the calls below it are kept out of traces and metrics."""
        if self._trace == "all":
            span = scope.tracer().start_span(names.CHECK_SPAN.format(name=execution.check.name), context.Context())
            self._spans[id(execution)] = span
        else:
            span = NonRecordingSpan(SpanContext(1, 1, is_remote=False))
        before = context.get_current()
        context.attach(trace.set_span_in_context(span, context.Context()))
        if self._trace != "all":
            _compat.suppress_instrumentation()
        try:
            return function()
        finally:
            context.attach(before)

    def on_health_event(self, event: HealthEvent) -> None:
        """Record the run and the changes of *event*, now or at the next start."""
        with self._lock:
            if self._held is not None:
                self._held += (event,)
                return
            self._recording += 1
        try:
            self._record(event)
        finally:
            with self._lock:
                self._recording -= 1
            self._recorded.notify()

    def _record(self, event: HealthEvent) -> None:
        execution = event.execution
        span = None if execution is None else self._record_run(execution, event.changes)
        for change in event.changes:
            is_of_run = execution is not None and change.name == execution.check.name
            error = execution.unexpected_error if execution is not None and is_of_run else None
            _record_change(change, span if is_of_run else None, error)
            if error is not None:
                # In the program's own log, which is never exported; the exception's message may hold an address or more.
                _log.warning("health check %s failed: %s", change.name, results.error_reason(error))

    def _record_run(self, execution: Execution, changes: Sequence[Change]) -> Span | None:
        """Record the measurements of a run that has ended, and return its ended span; None if the run has no span."""
        check, result = execution.check, execution.result
        assert result is not None  # noqa: S101 - the run has ended
        measured = {
            names.CHECK_NAME: check.name,
            names.CHECK_CATEGORY: check.category,
            names.HEALTH_STATE: result.status.value,
        }
        if result.error_type:
            measured[names.ERROR_TYPE] = result.error_type
        instruments = _instruments()
        instruments.duration.record(result.response_time_ms / 1000, measured)
        instruments.executions.add(1, {key: value for key, value in measured.items() if key != names.CHECK_CATEGORY})
        span = self._spans.pop(id(execution), None)
        changed = any(change.name == check.name for change in changes)
        if span is None and self._trace == "failures" and (changed or result.status is HealthStatus.CRITICAL):
            began_ns = time.time_ns() - int((clocks.monotonic() - execution.began) * 1e9)
            name = names.CHECK_SPAN.format(name=check.name)
            span = scope.tracer().start_span(name, context.Context(), start_time=began_ns)
        if span is not None:
            span.set_attributes(measured)
            for measurement in result.measurements:
                span.set_attribute(f"{names.CHECK_MEASUREMENT}.{measurement.name}", measurement.value)
            if result.status is HealthStatus.CRITICAL:
                span.set_status(Status(StatusCode.ERROR, result.message))
            span.end()
        return span


def _record_change(change: Change, span: Span | None, error: BaseException | None) -> None:
    """
    Count a change of state and emit its log event.

    Args:
        change: The change.
        span: The span of the run that caused it; None without one.
        error: The run's unexpected error; None without one. Only its type is in the event, because events leave the program.
    """
    attributes: dict[str, Any] = {
        names.CHECK_NAME: change.name,
        names.HEALTH_FROM: change.before.value,
        names.HEALTH_TO: change.after.value,
    }
    _instruments().transitions.add(1, dict(attributes))
    attributes[names.CHECK_CATEGORY] = change.category
    if change.outage_s is not None:
        attributes.update({names.OUTAGE: round(change.outage_s, 3), names.OUTAGE_FAILURES: change.failures})
    reason = f" ({change.message})" if change.message else ""
    if error is not None:
        attributes[names.ERROR_TYPE] = type(error).__qualname__
        reason = f" ({type(error).__qualname__}: {change.message}, it is in the program's own log)"
    severity = _SEVERITIES[change.after]
    if not change.critical and severity is SeverityNumber.ERROR:
        severity = SeverityNumber.WARN  # the program works without what the check is about, or in spite of it
    scope.logger().emit(
        LogRecord(
            timestamp=int(change.timestamp * 1e9),
            context=context.Context() if span is None else trace.set_span_in_context(span, context.Context()),
            severity_number=severity,
            severity_text=severity.name,
            body=f"{change.name}: {change.before} -> {change.after}{reason}",
            event_name=names.EVENT_STATE_CHANGE,
            attributes=attributes,
        )
    )


# -- states ------------------------------------------------------------------------------------------------------------


class _Instruments:
    """The instruments of health, created once per process; they read the registry that is started now."""

    def __init__(self) -> None:
        self.registry: HealthRegistry | None = None
        self.duration = scope.create(names.HEALTH_CHECK_DURATION)
        self.executions = scope.create(names.HEALTH_CHECK_EXECUTIONS)
        self.transitions = scope.create(names.HEALTH_CHECK_TRANSITIONS)
        for metric, read in _GAUGES.items():
            scope.create(metric, [self._callback(read)])

    def _callback(self, read: _Read) -> Callable[[CallbackOptions], Iterable[Observation]]:
        @reads_snapshot
        def observe_health(_options: CallbackOptions) -> Iterable[Observation]:
            registry = self.registry
            snapshot = registry.snapshot() if registry is not None else None
            return list(read(snapshot)) if snapshot is not None and snapshot.monitored else ()

        return observe_health


@functools.lru_cache(maxsize=1)
def _instruments() -> _Instruments:
    return _Instruments()


def _check_states(snapshot: HealthSnapshot) -> Iterable[Observation]:
    for view in snapshot.checks:
        for state in HealthStatus:
            attributes: dict[str, str | bool] = {
                names.CHECK_NAME: view.name,
                names.CHECK_CATEGORY: view.category,
                names.CHECK_CRITICAL: view.critical,
                names.HEALTH_STATE: state.value,
            }
            yield Observation(int(view.status is state), attributes)


def _check_codes(snapshot: HealthSnapshot) -> Iterable[Observation]:
    for view in snapshot.checks:
        yield Observation(view.status.code, {names.CHECK_NAME: view.name, names.CHECK_CATEGORY: view.category})


def _group_states(snapshot: HealthSnapshot) -> Iterable[Observation]:
    for group, status in snapshot.groups.items():
        for state in HealthStatus:
            yield Observation(int(status is state), {names.HEALTH_GROUP: group, names.HEALTH_STATE: state.value})


def _last_executions(snapshot: HealthSnapshot) -> Iterable[Observation]:
    for view in snapshot.checks:
        if view.result.timestamp:
            yield Observation(view.result.timestamp, {names.CHECK_NAME: view.name})


def _measurements(snapshot: HealthSnapshot) -> Iterable[Observation]:
    for view in snapshot.checks:
        for measured in view.result.measurements:
            yield Observation(measured.value, _measured(view, measured))


def _limits(snapshot: HealthSnapshot) -> Iterable[Observation]:
    for view in snapshot.checks:
        for measured in view.result.measurements:
            for limit in _LIMITS:
                for kind, value in _bounds(limit, getattr(measured, limit)):
                    yield Observation(value, {**_measured(view, measured), names.CHECK_LIMIT: kind})


def _bounds(limit: str, value: float | Range | None) -> Iterable[tuple[str, float]]:
    """Return the values of a limit by kind: one for a number, one for each finite end of a range."""
    if isinstance(value, Range):
        ends = ((f"{limit}_low", value.low), (limit, value.high))
        return [(name, end) for name, end in ends if math.isfinite(end) and (end or name == limit)]
    return [] if value is None else [(limit, value)]


def _measured(view: CheckView, measured: Measurement) -> dict[str, str | float]:
    return {**measured.attributes, names.CHECK_NAME: view.name, names.CHECK_MEASUREMENT: measured.name}


def _bypass(snapshot: HealthSnapshot) -> Iterable[Observation]:
    yield Observation(int(snapshot.bypass))


def _maintenance(snapshot: HealthSnapshot) -> Iterable[Observation]:
    yield Observation(int(bool(snapshot.maintenance)))


_Read = Callable[["HealthSnapshot"], Iterable[Observation]]

_GAUGES: dict[names.Metric, _Read] = {
    names.HEALTH_CHECK_STATUS: _check_states,
    names.HEALTH_CHECK_CODE: _check_codes,
    names.HEALTH_STATUS: _group_states,
    names.HEALTH_CHECK_LAST_EXECUTION: _last_executions,
    names.HEALTH_CHECK_MEASUREMENT: _measurements,
    names.HEALTH_CHECK_MEASUREMENT_LIMIT: _limits,
    names.HEALTH_BYPASS: _bypass,
    names.HEALTH_MAINTENANCE: _maintenance,
}
