"""
OpenTelemetry's global providers: this package's, installed once per process, or the program's own, which are adopted.

Settings and destinations change behind them; instruments, tracers and loggers that the program has keep working.
"""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider

from csg_otel import environment, forks, scope, tallies, waits
from csg_otel.pipeline import _compat, callbacks, flushing, others, self_test
from csg_otel.pipeline.adopted import Adopted, AdoptedMeters, AdoptedTracers, class_name, follow
from csg_otel.pipeline.fanout import LogFanOut, SpanFanOut, sampler
from csg_otel.pipeline.installed import InstalledLoggerProvider, InstalledMeterProvider, InstalledTracerProvider
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.metrics.view import View

    from csg_otel.config.sections.sampling import Sampling
    from csg_otel.pipeline.sink import Sink, Watcher

_log = logging.getLogger("csg_otel")

_DETACH_S = 0.2
"""Seconds to wait for readers to be removed: longer than a collection takes, and a small part of a shutdown's budget."""


class GlobalProviders:
    """The three global providers, and the fan-out of ended spans and log records behind them."""

    def __init__(self) -> None:
        """Install a provider for each signal, unless the program has set a provider; then adopt that one."""
        environ = environment.snapshot()
        self.spans, self.logs = SpanFanOut(), LogFanOut()
        self._logged: set[str] = set()
        self.tracers: InstalledTracerProvider | AdoptedTracers = _install_or_adopt(
            trace.get_tracer_provider,
            trace.set_tracer_provider,
            lambda: InstalledTracerProvider(self.spans, environ),
            lambda present: AdoptedTracers("traces", present, TracerProvider, "add_span_processor"),
        )
        self.meters: InstalledMeterProvider | AdoptedMeters = _install_or_adopt(
            metrics.get_meter_provider,
            metrics.set_meter_provider,
            lambda: _first_meters(environ),
            lambda present: AdoptedMeters("metrics", present, MeterProvider, "add_metric_reader"),
        )
        self.loggers: InstalledLoggerProvider | Adopted = _install_or_adopt(
            _logs.get_logger_provider,
            _logs.set_logger_provider,
            lambda: InstalledLoggerProvider(self.logs, environ),
            lambda present: Adopted("logs", present, LoggerProvider, "add_log_record_processor"),
        )
        for fan_out in (self.spans, self.logs):
            fan_out.on_shutdown = self._follow
        scope.begin_era()

    def _follow(self) -> None:
        providers = (self.tracers, self.meters, self.loggers)
        follow([provider for provider in providers if isinstance(provider, Adopted)])

    @property
    def problems(self) -> dict[str, str]:
        """The reason, by signal, why this package's destinations do not get it; signals without a problem are left out."""
        reasons: dict[str, str] = {}
        for signal, provider, get in (
            ("traces", self.tracers, trace.get_tracer_provider),
            ("metrics", self.meters, metrics.get_meter_provider),
            ("logs", self.loggers, _logs.get_logger_provider),
        ):
            in_use = provider.provider if isinstance(provider, Adopted) else provider
            present = scope.provided(get)
            if present is not in_use and getattr(present, "__wrapped__", None) is not in_use:
                reasons[signal] = self._replaced(signal, present)
            elif isinstance(provider, Adopted) and provider.problem:
                reasons[signal] = provider.problem
        return reasons

    def _replaced(self, signal: str, present: Any) -> str:
        """Return the reason for *signal*, whose global provider another library has replaced by *present*; log it once."""
        reason = f"{signal} do not reach csg_otel: {class_name(present)} has taken the place of the global provider"
        if signal not in self._logged:
            self._logged.add(signal)
            _log.warning("%s; switch that off, or set it up before csg_otel.instrument()", reason)
        return reason

    def exporters_of_others(self, signal: str) -> tuple[others.Target, ...]:
        """Return where the program's own exporters send *signal* through an adopted provider."""
        provider = {"traces": self.tracers, "metrics": self.meters, "logs": self.loggers}[signal]
        return tuple(others.targets(provider.target)) if isinstance(provider, Adopted) else ()

    def shared_resource(self, own: Resource) -> Resource:
        """Return *own* with the attributes of the adopted providers' resource, so that all signals have the same."""
        for provider in (self.tracers, self.meters, self.loggers):
            if isinstance(provider, Adopted) and (resource := provider.resource) is not None:
                return _merged(own, resource)
        return own

    def connect(self, sinks: Mapping[str, tuple[Sink, ...]], flush: Callable[[str, float], bool]) -> None:
        """Pass items to *sinks*, by signal; a flush of a provider calls *flush* with the signal and a monotonic deadline."""
        for signal, fan_out in (("traces", self.spans), ("logs", self.logs)):
            fan_out.sinks = sinks.get(signal, ())
            fan_out.flush = functools.partial(flush, signal)
        if isinstance(self.meters, InstalledMeterProvider):
            self.meters.flush_own = functools.partial(flush, "metrics")

    def watch(self, watcher: Watcher | None) -> None:
        """Let *watcher* follow all spans and log records, in place of an earlier one; None for no watcher."""
        self.spans.watcher = self.logs.watcher = watcher

    def configure(self, sampling: Sampling, resource: Resource, views: Sequence[View], *, fast: bool) -> None:
        """
        Use these settings from now on; adopted providers do not change.

        Args:
            sampling: The settings of the sampler.
            resource: The resource of all signals.
            views: The views of metrics.
            fast: Whether spans hold only what varies, measurements are added up before the SDK gets them, and log records
                pass it by.
        """
        environ = environment.snapshot()
        self.spans.keep_errors, self.spans.keep_slower_s = sampling.always_keep_errors, sampling.slower_than
        if isinstance(self.tracers, AdoptedTracers):
            self.tracers.attach(self.spans)
            self.tracers.quicken(fast=fast and not self_test.problem())
        else:
            chosen = sampler(
                ratio=sampling.ratio,
                parent_based=sampling.parent_based,
                keep_unsampled=sampling.always_keep_errors or sampling.slower_than is not None,
            )
            self.tracers.configure(chosen, resource, environ, fast=fast)
        if isinstance(self.loggers, Adopted):
            self.loggers.attach(self.logs)
        else:
            self.loggers.configure(resource, environ, fast=fast)
        if isinstance(self.meters, InstalledMeterProvider):
            self.meters.configure(resource, views, fast=fast)

    @property
    def others(self) -> list[Any]:
        """The processors and readers that others have added to the installed providers."""
        providers = (self.tracers, self.meters, self.loggers)
        return [other for provider in providers if not isinstance(provider, Adopted) for other in provider.others]

    def unplug(self) -> None:
        """Stop recording for this package: remove its processors; what others have added stays."""
        self.connect({}, lambda _signal, _deadline: True)
        for provider, fan_out in ((self.tracers, self.spans), (self.loggers, self.logs)):
            if isinstance(provider, Adopted):
                provider.detach(fan_out)
            else:
                provider.switch_off()
        if isinstance(self.tracers, AdoptedTracers):
            self.tracers.quicken(fast=False)

    def reset_locks(self) -> None:
        """Replace locks in a forked child, and start this package's sums at 0."""
        self.meters.reset_locks()
        for provider in (self.tracers, self.loggers):
            if not isinstance(provider, Adopted):
                provider.reset_locks()


def _merged(own: Resource, host: Resource) -> Resource:
    """Return *own* with the attributes of *host*; the service's name only if the program has chosen one."""
    merged, name = own.merge(host), str(host.attributes.get(SERVICE_NAME, ""))
    if not name or name.startswith("unknown_service"):
        return Resource({**merged.attributes, SERVICE_NAME: own.attributes[SERVICE_NAME]}, merged.schema_url)
    if name != own.attributes[SERVICE_NAME] and name not in _named:
        _named.add(name)
        _log.warning(
            "the program's own OpenTelemetry provider has service.name %r; csg_otel uses it, too, instead of %r",
            name,
            own.attributes[SERVICE_NAME],
        )
    return merged


_named: set[str] = set()
"""The service names of adopted providers that have been logged."""


def _install_or_adopt(
    get: Callable[[], Any], install: Callable[[Any], None], make: Callable[[], Any], adopt: Callable[[Any], Any]
) -> Any:
    """Install the provider that *make* returns, unless the program has set one already; then return that one, adopted."""
    present = scope.provided(get)
    if type(present) in _compat.API_DEFAULT_PROVIDERS:
        provider = make()
        install(provider)
        present = scope.provided(get)
        if present is provider:
            return provider
    return adopt(present)


def _first_meters(environ: Mapping[str, str]) -> InstalledMeterProvider:
    """Return the provider of a process that had none, so nothing that was counted until now has been exported."""
    tallies.start_business_at_zero()
    return InstalledMeterProvider(environ)


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


def problems() -> dict[str, str]:
    """Return the reason, by signal, why a provider of the program keeps it from this package's destinations."""
    return {} if _providers is None else _providers.problems


def exporters_of_others(signal: str) -> tuple[others.Target, ...]:
    """Return where the program's own exporters send *signal* through an adopted provider."""
    return () if _providers is None else _providers.exporters_of_others(signal)


def unplug() -> None:
    """Stop recording, if the global providers have been installed or adopted at all."""
    if _providers is not None:
        _providers.unplug()


def detach(readers: Sequence[MetricReader]) -> bool:
    """
    Let *readers* of this package collect no more; return whether that is done, after a moment at most.

    It happens on a thread, because a collection that hangs or goes on holds the SDK's lock; many of them hold it for long.
    """
    meters = None if _providers is None else _providers.meters
    if meters is None or not readers:
        return True
    done = waits.Latch()

    def work() -> None:
        for reader in readers:
            meters.detach(reader)
        done.set()

    try:
        OwnThread(target=work, name="csg-otel-detach").start()
    except RuntimeError:  # the interpreter is ending
        return False
    return done.wait(_DETACH_S)


def start_flush_of_others(deadline: float) -> Callable[[], bool]:
    """Flush what others have added to the global providers; return the function that waits until *deadline*."""
    return flushing.start(() if _providers is None else _providers.others, deadline)


def _reset_after_fork() -> None:
    global _lock  # noqa: PLW0603 - a thread of the parent may have held it
    _lock = threading.Lock()
    callbacks.reset_after_fork()
    if _providers is not None:
        _providers.reset_locks()
