"""
The providers that this package installs as OpenTelemetry's global ones: the SDK's own classes, with proxies as their clients.

They are installed once and live as long as the process. Settings and destinations change behind them, while processors and
readers that libraries add stay. The rule: after the end of this package's telemetry they still serve those libraries, and
none of their methods raises.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, trace
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import DEFAULT_ON

from csg_otel import clocks
from csg_otel import scope as own_scope
from csg_otel.pipeline import _compat, callbacks, flushing, self_test
from csg_otel.pipeline.accumulating.merger import Merger
from csg_otel.pipeline.limits import log_limits, span_limits
from csg_otel.pipeline.processors import LogProcessors, SpanProcessors
from csg_otel.pipeline.sdk_counts import log_counts, span_counts
from csg_otel.pipeline.views import exemplar_filter
from csg_otel.proxies import Clients, SafeLogger, SafeMeter, SafeTracer, scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry import metrics
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.metrics.view import View
    from opentelemetry.sdk.trace.sampling import Sampler

    from csg_otel.pipeline.fanout import LogFanOut, SpanFanOut


class _WithProcessors:
    """The common part of the tracer and the logger provider: clients that are bound, processors, and the end."""

    def _prepare(
        self, processors: SpanProcessors | LogProcessors, get_real: Callable[..., Any], get_no_op: Callable[..., Any]
    ) -> None:
        """Bind clients to *get_no_op*, and to *get_real* while anything is exported."""
        self._processors = processors
        self._get_real, self._get_no_op = get_real, get_no_op
        self._clients = Clients(get_no_op)
        self._exports = False

    def _export(self, exports: bool) -> None:
        self._exports = exports
        self._bind()

    def _bind(self) -> None:
        self._clients.bind(self._get_real if self._exports or self.others else self._get_no_op)
        own_scope.begin_era()

    @property
    def others(self) -> tuple[Any, ...]:
        """The processors of the program and of libraries."""
        return self._processors.others

    def switch_off(self) -> None:
        """Record items from now on only if another's processor is there."""
        self._export(False)

    def force_flush(self, timeout_millis: int = flushing.DEFAULT_MS) -> bool:
        """Send all items within *timeout_millis*; True only if all destinations and processors succeed."""
        return flushing.flush(self._processors.own.flush, self.others, timeout_millis)

    def shutdown(self) -> None:
        """Send all items, and shut down the processors of others; this package's telemetry goes on until its own end."""
        self._processors.own.shutdown()
        self._processors.shutdown()
        self._bind()

    def reset_locks(self) -> None:
        """Replace the locks in a forked child, where the threads that held them no longer exist."""
        _compat.reset_provider_locks(self)
        self._clients.reset_lock()
        self._processors.reset_lock()

    def _handle_fork(self) -> None:
        """Do nothing: ``global_providers`` resets the locks, and settings are applied again with the child's resource."""


class InstalledTracerProvider(_WithProcessors, TracerProvider):
    """The SDK's tracer provider, whose sampler, resource and limits change while its tracers are in use."""

    def __init__(self, fan_out: SpanFanOut, environ: Mapping[str, str]) -> None:
        """Pass ended spans to *fan_out*; no span is recorded yet."""
        processors = SpanProcessors(fan_out)
        self._fast = False
        self._prepare(processors, self._counted_tracer, trace.NoOpTracerProvider().get_tracer)
        super().__init__(
            sampler=DEFAULT_ON,
            resource=Resource.get_empty(),
            active_span_processor=processors,
            span_limits=span_limits(environ),
        )

    def configure(self, sampler: Sampler, resource: Resource, environ: Mapping[str, str], *, fast: bool = True) -> None:
        """
        Record spans from now on, with these settings.

        Args:
            sampler: The sampler of all tracers.
            resource: The resource of all spans.
            environ: The environment, with the limits of a span.
            fast: Whether tracers make spans that hold only what varies.
        """
        self._fast = fast and not self_test.problem()
        _compat.reconfigure_traces(self, sampler, resource, span_limits(environ))
        self._export(True)

    def switch_off(self) -> None:
        """Record for the processors of others alone, which have not asked for a sampler."""
        _compat.change_sampler(self, DEFAULT_ON)
        super().switch_off()

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> trace.Tracer:
        """Return a tracer that keeps working whatever changes, and never raises."""
        identity = scope(instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        tracer: trace.Tracer = self._clients.add(SafeTracer(identity))
        return tracer

    def _counted_tracer(self, *identity: Any) -> trace.Tracer:
        tracer: trace.Tracer = _compat.count_spans(super().get_tracer(*identity), span_counts())
        if self._fast:
            from csg_otel.pipeline import _compat_tracers  # see ``self_test``

            _compat_tracers.make_fast(tracer)
        return tracer

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Call *span_processor* for every span, until this provider is shut down."""
        super().add_span_processor(span_processor)
        self._bind()


class InstalledLoggerProvider(_WithProcessors, LoggerProvider):
    """The SDK's logger provider, whose resource and limits change while its loggers are in use."""

    def __init__(self, fan_out: LogFanOut, environ: Mapping[str, str]) -> None:
        """Pass records to *fan_out*; no record is emitted yet."""
        processors = LogProcessors(fan_out)
        self._fast = False
        self._prepare(processors, self._real_logger, _logs.NoOpLoggerProvider().get_logger)
        super().__init__(
            resource=Resource.get_empty(),
            multi_log_record_processor=processors,
            log_record_limits=log_limits(environ),
        )
        _compat.count_records(self, log_counts())

    def configure(self, resource: Resource, environ: Mapping[str, str], *, fast: bool = True) -> None:
        """
        Emit records from now on, with these settings.

        Args:
            resource: The resource of all records.
            environ: The environment, with the limits of a record.
            fast: Whether records that are checked already are passed on as they are.
        """
        self._fast = fast and not self_test.problem()
        _compat.reconfigure_logs(self, resource, log_limits(environ))
        self._export(True)

    def get_logger(
        self, name: str, version: str | None = None, schema_url: str | None = None, attributes: Any = None
    ) -> _logs.Logger:
        """Return a logger that keeps working whatever changes, and never raises."""
        logger: _logs.Logger = self._clients.add(SafeLogger(scope(name, version, schema_url, attributes)))
        return logger

    def _real_logger(self, *identity: Any) -> _logs.Logger:
        logger = super().get_logger(*identity)
        if self._fast:
            from csg_otel.pipeline import _compat_loggers  # see ``self_test``

            _compat_loggers.make_fast(logger)
        return logger

    def add_log_record_processor(self, log_record_processor: LogRecordProcessor) -> None:
        """Call *log_record_processor* for every record, until this provider is shut down."""
        super().add_log_record_processor(log_record_processor)
        self._bind()


class InstalledMeterProvider(MeterProvider):
    """The SDK's meter provider, whose resource, views and readers change while its instruments are in use."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Prepare a provider without readers: nothing is kept or collected yet."""
        self.flush_own: flushing.FlushOwn = flushing.nothing_to_flush
        self._lock_of_meters = threading.RLock()
        self._proxies: dict[tuple[Any, ...], SafeMeter] = {}
        self._own: list[MetricReader] = []
        self.others: tuple[MetricReader, ...] = ()
        """The readers of the program and of libraries."""
        super().__init__(resource=Resource.get_empty(), exemplar_filter=exemplar_filter(environ))
        self._merger = Merger(self)

    def configure(self, resource: Resource, views: Sequence[View], *, fast: bool = True) -> None:
        """
        Use these settings from now on; instruments already collected keep their buckets.

        Args:
            resource: The resource of all metrics.
            views: The views of instruments that nothing was recorded in yet.
            fast: Whether measurements are merged before each collection, and do not go to the SDK one by one, and our readers
                collect quickly.
        """
        with self._merger.changing():
            _compat.reconfigure_metrics(self, resource, views)
            self._merger.switch(on=fast and not self_test.problem())
            for reader in self._own:
                self._merger.quicken(reader)

    def attach(self, reader: MetricReader) -> None:
        """Let *reader*, one of this package, collect from now on; its sums start at 0."""
        if reader not in self._own:
            with self._merger.changing():
                super().add_metric_reader(reader)
                self._merger.quicken(reader)
            self._own.append(reader)

    def replace(self, old: MetricReader, new: MetricReader) -> None:
        """Let *new* continue the sums of *old*, which collects no more."""
        with self._merger.changing():
            _compat.hand_over(self, old, new)
        self._own[self._own.index(old)] = new

    def detach(self, reader: MetricReader) -> None:
        """Let *reader* collect no more."""
        if reader in self._own:
            self._own.remove(reader)
            with self._merger.changing():
                _compat.forget_reader(self, reader)

    def get_meter(
        self, name: str, version: str | None = None, schema_url: str | None = None, attributes: Any = None
    ) -> metrics.Meter:
        """Return the only meter of this scope; it never raises."""
        identity = scope(name, version, schema_url, attributes)
        key = (*identity[:3], tuple(sorted((identity[3] or {}).items(), key=lambda item: item[0])))
        with self._lock_of_meters:
            if key not in self._proxies:
                real = super().get_meter(*identity)
                self._proxies[key] = SafeMeter(
                    identity, real, partial(callbacks.observable, identity), self._merger.accumulator
                )
            return self._proxies[key]

    def add_metric_reader(self, metric_reader: MetricReader) -> None:
        """Let *metric_reader* of the program or a library collect, until this provider is shut down."""
        with self._merger.changing():
            super().add_metric_reader(metric_reader)
        if metric_reader not in self.others:
            self.others += (metric_reader,)

    def remove_metric_reader(self, metric_reader: MetricReader) -> None:
        """Shut *metric_reader* down, and let it collect no more."""
        with self._merger.changing():
            super().remove_metric_reader(metric_reader)
        self.others = tuple(reader for reader in self.others if reader is not metric_reader)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Collect and send within *timeout_millis*; True only if all destinations and readers succeed."""
        return flushing.flush(self.flush_own, self.others, timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Send all metrics, and shut down the readers of others; this package's telemetry goes on until its own end."""
        self.flush_own(clocks.monotonic() + flushing.SHUTDOWN_S)
        others, self.others = self.others, ()
        for reader in others:
            flushing.contained(reader, "shutdown", timeout_millis=timeout_millis)
            with self._merger.changing():
                _compat.forget_reader(self, reader)

    def reset_locks(self) -> None:
        """Replace the locks in a forked child, and start this package's sums at 0."""
        self._lock_of_meters = threading.RLock()
        _compat.reset_after_fork(self, self._own)
        self._merger.reset_after_fork()
        for meter in self._proxies.values():
            meter.reset_lock()

    def _handle_fork(self) -> None:
        """Do nothing: ``global_providers`` resets the locks, and settings are applied again with the child's resource."""
