"""
OpenTelemetry's global providers: swappable providers installed once per process, or the program's own, which are adopted.

The SDK's providers are plugged in behind the swappable providers, and are replaced there when settings change. The rule: an
adopted provider keeps its settings and processors; this package only adds a processor or a reader.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from csg_otel import environment, forks, scope
from csg_otel.pipeline import _compat, callbacks
from csg_otel.pipeline.fanout import LogFanOut, SpanFanOut, sampler
from csg_otel.pipeline.limits import log_limits, span_limits
from csg_otel.pipeline.views import exemplar_filter
from csg_otel.proxies import SwappableLoggerProvider, SwappableMeterProvider, SwappableTracerProvider

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.metrics.view import View
    from opentelemetry.sdk.resources import Resource

    from csg_otel.config.sections.sampling import Sampling

_SWAPPABLE = (SwappableTracerProvider, SwappableMeterProvider, SwappableLoggerProvider)

_log = logging.getLogger("csg_otel")


class GlobalProviders:
    """The three global providers, and the fan-out of ended spans and log records behind them."""

    def __init__(self) -> None:
        """Install a swappable provider for each signal, unless the program has set a provider; then adopt that one."""
        self.spans = SpanFanOut()
        self.logs = LogFanOut()
        self.tracers = _install_or_adopt(
            scope.provided(trace.get_tracer_provider), SwappableTracerProvider(), trace.set_tracer_provider
        )
        self.meters = _install_or_adopt(
            scope.provided(metrics.get_meter_provider),
            SwappableMeterProvider(callbacks.observable),
            metrics.set_meter_provider,
        )
        self.loggers = _install_or_adopt(
            scope.provided(_logs.get_logger_provider), SwappableLoggerProvider(), _logs.set_logger_provider
        )
        for provider, method, fan_out in (
            (self.tracers, "add_span_processor", self.spans),
            (self.loggers, "add_log_record_processor", self.logs),
        ):
            if not isinstance(provider, _SWAPPABLE) and hasattr(provider, method):
                getattr(provider, method)(fan_out)

    def plug_metrics(self, reader: MetricReader, resource: Resource, views: Sequence[View]) -> Any:
        """
        Connect *reader* to a new meter provider, or to the program's own if that was adopted; return the provider.

        None if the adopted provider accepts no readers.
        """
        if isinstance(self.meters, SwappableMeterProvider):
            provider = MeterProvider(
                resource=resource,
                views=views,
                exemplar_filter=exemplar_filter(environment.snapshot()),
                shutdown_on_exit=False,
            )
            provider.add_metric_reader(reader)
            self.meters.swap(provider)
            return provider
        if hasattr(self.meters, "add_metric_reader"):
            self.meters.add_metric_reader(reader)
            return self.meters
        return None

    def plug_traces_and_logs(self, sampling: Sampling, resource: Resource) -> None:
        """Plug in a new tracer provider with *sampling* and a new logger provider; adopted providers do not change."""
        self.spans.keep_errors, self.spans.keep_slower_s = sampling.always_keep_errors, sampling.slower_than
        variables = environment.snapshot()
        if isinstance(self.tracers, SwappableTracerProvider):
            tracers = TracerProvider(
                resource=resource,
                sampler=sampler(
                    ratio=sampling.ratio,
                    parent_based=sampling.parent_based,
                    keep_unsampled=sampling.always_keep_errors or sampling.slower_than is not None,
                ),
                shutdown_on_exit=False,
                span_limits=span_limits(variables),
            )
            tracers.add_span_processor(self.spans)
            self.tracers.swap(tracers)
        if isinstance(self.loggers, SwappableLoggerProvider):
            loggers = LoggerProvider(resource=resource, shutdown_on_exit=False, log_record_limits=log_limits(variables))
            loggers.add_log_record_processor(self.logs)
            self.loggers.swap(loggers)

    def unplug(self, reader: MetricReader) -> None:
        """Make instruments, tracers and loggers no-ops, and remove *reader* from an adopted meter provider."""
        self.spans.sinks = self.logs.sinks = ()
        for provider in (self.tracers, self.meters, self.loggers):
            if isinstance(provider, _SWAPPABLE):
                provider.swap(None)
            elif hasattr(provider, "remove_metric_reader"):
                provider.remove_metric_reader(reader)

    def reset_locks(self) -> None:
        """Replace the locks of the swappable providers, in a forked child."""
        for provider in (self.tracers, self.meters, self.loggers):
            if isinstance(provider, _SWAPPABLE):
                provider.reset_lock()


def _install_or_adopt(present: Any, swappable: Any, install: Any) -> Any:
    """Install *swappable* unless the program has set a provider already; return the provider in use."""
    if isinstance(present, _compat.API_DEFAULT_PROVIDERS):
        install(swappable)
        return swappable
    _log.info(
        "the program has set a %s already; it stays in use, and csg_otel adds its exporters", type(present).__name__
    )
    return present


_providers: GlobalProviders | None = None
_lock = threading.Lock()


def global_providers() -> GlobalProviders:
    """Return the global providers of this process; the first call installs or adopts them."""
    global _providers  # noqa: PLW0603 - OpenTelemetry's providers are global, and can be set only once
    with _lock:
        if _providers is None:
            _providers = GlobalProviders()
            forks.follow(_reset_after_fork)
        return _providers


def _reset_after_fork() -> None:
    global _lock  # noqa: PLW0603 - a thread of the parent may have held it
    _lock = threading.Lock()
    callbacks.reset_after_fork()
    if _providers is not None:
        _providers.reset_locks()
