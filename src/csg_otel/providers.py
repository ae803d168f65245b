"""
Config to tracer, meter and logger providers, and from them to every destination.

Installs OTel's global providers once (or adopts those of a host program) and exchanges what is behind them. The rule: one
deadline for everything at flush and shutdown, and the report says what really happened.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from csg_otel import environment, forks, names, scope
from csg_otel.exporters.build import build_destinations
from csg_otel.exporters.delivery.destination import Destination, DestinationStatus, items_by_result
from csg_otel.markers import reads_snapshot
from csg_otel.pipeline import _compat, callbacks
from csg_otel.pipeline.fanout import LogFanOut, SpanFanOut, sampler
from csg_otel.pipeline.limits import log_limits, span_limits
from csg_otel.pipeline.readers import LocalReader
from csg_otel.pipeline.resource import make_resource
from csg_otel.proxies import SwappableLoggerProvider, SwappableMeterProvider, SwappableTracerProvider

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.alerts.events import Event
    from csg_otel.config import Config
    from csg_otel.pipeline.sink import Sink

_log = logging.getLogger("csg_otel")

_COLLECT_SHARE = 0.4
"""The part of a shutdown's budget the last collection may take, so that sending keeps the rest."""


@dataclass(frozen=True, slots=True)
class ShutdownReport:
    """What became of everything emitted: items by outcome, ``dropped`` by reason, and how long the shutdown took."""

    delivered: int = 0
    spooled: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    took_s: float = 0.0


class _Globals:
    """OTel's global providers: ours, set once in the life of the process, or the host program's, adopted."""

    def __init__(self) -> None:
        self.spans = SpanFanOut()
        self.logs = LogFanOut()
        self.tracers = _take(trace.get_tracer_provider(), SwappableTracerProvider(), trace.set_tracer_provider)
        self.meters = _take(
            metrics.get_meter_provider(), SwappableMeterProvider(callbacks.observable), metrics.set_meter_provider
        )
        self.loggers = _take(_logs.get_logger_provider(), SwappableLoggerProvider(), _logs.set_logger_provider)
        for host, add, fan in (
            (self.tracers, "add_span_processor", self.spans),
            (self.loggers, "add_log_record_processor", self.logs),
        ):
            if not isinstance(host, (SwappableTracerProvider, SwappableLoggerProvider)) and hasattr(host, add):
                getattr(host, add)(fan)


def _take(present: Any, ours: Any, install: Any) -> Any:
    """Install *ours* unless the host program has set a provider already; return the one to work with."""
    if isinstance(present, _compat.API_DEFAULT_PROVIDERS):
        install(ours)
        return ours
    _log.info("adopting the %s the program has set already", type(present).__name__)
    return present


_globals: _Globals | None = None
_globals_lock = threading.Lock()


def _global_providers() -> _Globals:
    global _globals  # noqa: PLW0603 - OTel's own globals can be set once, so this is as global as they are
    with _globals_lock:
        if _globals is None:
            _globals = _Globals()
            forks.follow(_after_fork_in_child)
        return _globals


class Providers:
    """One life of the telemetry: from an ``instrument()`` through its reconfigurations to ``shutdown()``."""

    def __init__(self, config: Config) -> None:
        """Plug providers for *config* in; sends nothing before something is emitted."""
        self._global = _global_providers()
        self.local = LocalReader()
        self._destinations: tuple[Destination, ...] = ()
        self._past: Counter[tuple[str, str, str, str]] = Counter()
        self._meters: Any = None
        self._closed = False
        self._spooled = 0
        self._config = config
        self._resource = Resource.get_empty()
        scope.create(names.EXPORTER_ITEMS, [_ItemsCallback(self)])
        scope.create(names.SPOOL_SIZE, [_SpoolCallback(self)])
        self.apply(config)
        _living.add(self)
        forks.follow(self.reset_after_fork)

    # -- configuration ---------------------------------------------------------------------------------------------

    def apply(self, config: Config, drain_s: float = 2.0) -> None:
        """Use *config* from now on; destinations it no longer has are drained, within *drain_s* seconds in all."""
        self._config = config
        if config.disabled:
            self._retire(self._destinations, time.monotonic() + drain_s)
            self._destinations, self._meters = (), None
            self._unplug()
            return
        if self._meters is None:
            self._plug_metrics(config)
        self._resource = resource = make_resource(config)
        old, by_name = self._destinations, {destination.name: destination for destination in self._destinations}
        new = build_destinations(config, self.local)
        for destination in new:
            self._attach_reader(destination, by_name.get(destination.name))
        self._destinations = tuple(new)
        self._plug_traces_and_logs(config, resource)
        if isinstance(self._meters, MeterProvider):
            _compat.reconfigure_metrics(self._meters, resource, make_views(config))
        for destination in new:
            destination.start()
        if old:
            self._retire(old, time.monotonic() + drain_s)

    def _plug_metrics(self, config: Config) -> None:
        provider = self._global.meters
        if isinstance(provider, SwappableMeterProvider):
            self._meters = MeterProvider(
                resource=make_resource(config), views=make_views(config), shutdown_on_exit=False
            )
            self._meters.add_metric_reader(self.local)
            provider.swap(self._meters)
        elif hasattr(provider, "add_metric_reader"):
            self._meters = provider
            provider.add_metric_reader(self.local)

    def _attach_reader(self, destination: Destination, old: Destination | None) -> None:
        reader = destination.reader
        if reader is None or self._meters is None:
            return
        previous = old.reader if old is not None else None
        if previous is not None and previous.temporality == reader.temporality:
            if old is not None and old.ticker is not None:
                # What was measured before the exchange goes out by the old destination, which is drained afterwards.
                old.ticker.stop().wait(1.0)
            _compat.hand_over(self._meters, previous, reader)
        else:
            self._meters.add_metric_reader(reader)

    def _plug_traces_and_logs(self, config: Config, resource: Resource) -> None:
        sampling, spans, logs = config.sampling, self._global.spans, self._global.logs
        spans.keep_errors, spans.keep_slower_s = sampling.always_keep_errors, sampling.slower_than
        spans.sinks = self._sinks("traces")
        logs.sinks = self._sinks("logs")
        if isinstance(self._global.tracers, SwappableTracerProvider):
            tracers = TracerProvider(
                resource=resource,
                sampler=sampler(
                    ratio=sampling.ratio,
                    parent_based=sampling.parent_based,
                    keep_unsampled=sampling.always_keep_errors or sampling.slower_than is not None,
                ),
                shutdown_on_exit=False,
                span_limits=span_limits(environment.snapshot()),
            )
            tracers.add_span_processor(spans)
            self._global.tracers.swap(tracers)
        if isinstance(self._global.loggers, SwappableLoggerProvider):
            limits = log_limits(environment.snapshot())
            loggers = LoggerProvider(resource=resource, shutdown_on_exit=False, log_record_limits=limits)
            loggers.add_log_record_processor(logs)
            self._global.loggers.swap(loggers)

    def _sinks(self, signal: str) -> tuple[Sink, ...]:
        return tuple(d.sinks[signal] for d in self._destinations if signal in d.sinks)

    def put_alert(self, event: Event) -> int:
        """Let *event* be sent to everything that takes alerts; returns how many that are. Never blocks."""
        sinks = self._sinks("alerts")
        for sink in sinks:
            sink.enqueue(event)
        return len(sinks)

    # -- flush and end ---------------------------------------------------------------------------------------------

    def force_flush(self, timeout_s: float) -> bool:
        """Collect and send everything within *timeout_s* seconds; True only if all is acknowledged or spooled."""
        deadline = time.monotonic() + timeout_s
        collected = _wait_all((d.ticker.request() for d in self._destinations if d.ticker), deadline)
        queues = [queue for destination in self._destinations for queue in destination.queues.values()]
        for queue in queues:
            queue.nudge()
        return all([queue.flush(deadline) for queue in queues]) and collected

    def shutdown(self, timeout_s: float) -> ShutdownReport:
        """Send what can be sent within *timeout_s* seconds, count the rest as dropped, and unplug everything."""
        began = time.monotonic()
        if not self._closed:
            self._closed = True
            _living.discard(self)
            self._spooled = self._retire(self._destinations, began + timeout_s)
            self._destinations = ()
            self._unplug()
        delivered = sum(n for (_, _, result, _), n in self._past.items() if result == "delivered")
        dropped: Counter[str] = Counter()
        for (_, _, result, reason), count in self._past.items():
            if result == "dropped" and count:
                dropped[reason] += count
        return ShutdownReport(delivered, self._spooled, dict(dropped), time.monotonic() - began)

    def _retire(self, destinations: Iterable[Destination], deadline: float) -> int:
        """Drain and close *destinations*, all at once, and keep their counts; returns how many items are left on disk."""
        destinations = tuple(destinations)
        queues = [queue for destination in destinations for queue in destination.queues.values()]
        stopped = [d.ticker.stop() for d in destinations if d.ticker is not None]
        for queue in queues:
            queue.nudge()
        now = time.monotonic()
        _wait_all(stopped, now + max(0.0, deadline - now) * _COLLECT_SHARE)
        for queue in queues:
            queue.close(deadline)
        for queue in queues:
            queue.join()
        spooled = sum(destination.status().spooled for destination in destinations)
        for destination in destinations:
            destination.log_undelivered()
            destination.end()
        self._past.update(items_by_result(destinations))
        return spooled

    def _unplug(self) -> None:
        self._global.spans.sinks = self._global.logs.sinks = ()
        for provider in (self._global.tracers, self._global.meters, self._global.loggers):
            if isinstance(provider, (SwappableTracerProvider, SwappableMeterProvider, SwappableLoggerProvider)):
                provider.swap(None)
            elif hasattr(provider, "remove_metric_reader"):
                provider.remove_metric_reader(self.local)

    # -- what others read ------------------------------------------------------------------------------------------

    def status(self) -> dict[str, DestinationStatus]:
        """Return each destination's state and counts."""
        return {destination.name: destination.status() for destination in self._destinations}

    def items(self) -> Counter[tuple[str, str, str, str]]:
        """Return how many items had which outcome since the start, retired destinations included."""
        found = items_by_result(self._destinations)
        found.update(self._past)  # not +, which leaves out what is at nought
        return found

    def spool_sizes(self) -> dict[str, int]:
        """Return the bytes on disk by destination; those without a spool are not in it."""
        return {d.name: d.spool.size for d in self._destinations if d.spool is not None}

    @property
    def resource(self) -> Resource:
        """Who is talking, as every destination is told."""
        return self._resource

    def read_metrics(self) -> MetricsData | None:
        """Return the process's metrics now, cumulative."""
        return self.local.read()

    def reset_after_fork(self) -> None:
        """Begin anew in a child: no inherited lock, item, sum or thread, and an instance id of its own."""
        self._past = Counter()
        if isinstance(self._meters, MeterProvider):
            _compat.reset_after_fork(self._meters)
        for destination in self._destinations:
            destination.reset_after_fork()
        if not self._closed and self._meters is not None:
            self._resource = resource = _compat.resource_after_fork(self._resource)
            if isinstance(self._meters, MeterProvider):
                _compat.reconfigure_metrics(self._meters, resource, make_views(self._config))
            self._plug_traces_and_logs(self._config, resource)


class _Callback:
    """Reads a living telemetry; refers weakly, because instruments outlive the telemetry they were made for."""

    def __init__(self, providers: Providers) -> None:
        self._providers = weakref.ref(providers)

    def __call__(self, _options: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
        providers = self._providers()
        return () if providers is None or providers not in _living else self.observe(providers)

    def observe(self, providers: Providers) -> Iterable[metrics.Observation]:
        """Return the observations of one instrument."""
        raise NotImplementedError


@reads_snapshot
class _SpoolCallback(_Callback):
    """Yields ``csg.spool.size``."""

    def observe(self, providers: Providers) -> Iterable[metrics.Observation]:
        for destination, size in providers.spool_sizes().items():
            yield metrics.Observation(size, {names.DESTINATION: destination})


@reads_snapshot
class _ItemsCallback(_Callback):
    """Yields ``csg.exporter.items``."""

    def observe(self, providers: Providers) -> Iterable[metrics.Observation]:
        for (destination, signal, result, reason), count in providers.items().items():
            attributes = {names.DESTINATION: destination, names.SIGNAL: signal, names.RESULT: result}
            yield metrics.Observation(count, {**attributes, names.REASON: reason} if reason else attributes)


def _wait_all(events: Iterable[threading.Event], deadline: float) -> bool:
    return all([event.wait(max(0.0, deadline - time.monotonic())) for event in tuple(events)])


def make_views(config: Config) -> tuple[View, ...]:
    """Return the views *config* asks for: the buckets of the operations' durations, in seconds."""
    bounds = config.performance.response_time_tracking.histogram_buckets
    aggregation = ExplicitBucketHistogramAggregation(tuple(bounds))
    return (View(instrument_name=names.OPERATION_DURATION.name, aggregation=aggregation),) if bounds else ()


_living: weakref.WeakSet[Providers] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    global _globals_lock  # noqa: PLW0603 - a thread of the parent may have held it
    _globals_lock = threading.Lock()
    callbacks.reset_after_fork()
    if _globals is not None:
        for provider in (_globals.tracers, _globals.meters, _globals.loggers):
            if isinstance(provider, (SwappableTracerProvider, SwappableMeterProvider, SwappableLoggerProvider)):
                provider.reset_lock()
