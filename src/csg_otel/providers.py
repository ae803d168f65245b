"""
The providers and destinations of the telemetry: built from the settings, flushed, and shut down.

The rule: a flush and a shutdown each have one deadline for all destinations, and the report of a shutdown has the exact counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource

from csg_otel import clocks, forks
from csg_otel.exporters.alert_sink import offer
from csg_otel.exporters.build import build_destinations
from csg_otel.exporters.delivery.accounting import Accounting, ShutdownReport
from csg_otel.exporters.delivery.destination import intakes, sinks_of
from csg_otel.exporters.delivery.drain import connect_reader, disconnect_readers, drain, flush
from csg_otel.pipeline import _compat, scrub
from csg_otel.pipeline.global_providers import detach, global_providers, start_flush_of_others, unplug
from csg_otel.pipeline.readers import LocalReader
from csg_otel.pipeline.resource import make_resource, of_this_process
from csg_otel.pipeline.views import make_views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.alerts.events import Event
    from csg_otel.config import Config
    from csg_otel.exporters.delivery.destination import Destination, DestinationStatus

_DRAIN_S = 2.0
"""Seconds for draining destinations that new settings replace: the program waits, and undelivered items stay on disk."""


class Providers:
    """The providers and destinations of a telemetry, from ``instrument()`` to ``shutdown()``."""

    def __init__(self, config: Config, *, worker: bool = False) -> None:
        """
        Plug in providers for *config*; nothing is sent before the program emits something.

        *worker* is True in a process that is one of several workers of a program.
        """
        self._worker = worker
        self._local = LocalReader()
        self._accounting = Accounting()
        self._report: ShutdownReport | None = None
        self.resource = Resource.get_empty()
        self.apply(config)
        forks.follow(self.reset_after_fork)

    def apply(self, config: Config) -> None:
        """Use *config* from now on; drain the destinations of the previous settings."""
        self._config = config
        if config.disabled:
            self._drain(self._accounting.replace(()), clocks.monotonic() + _DRAIN_S)
            unplug()
            detach([self._local])
            return
        self.resource = global_providers().shared_resource(make_resource(config))
        new = tuple(build_destinations(config, self._local, worker=self._worker))
        by_name = {destination.name: destination for destination in self._accounting.destinations}
        for destination in new:
            connect_reader(destination, by_name.get(destination.name))
        old = self._accounting.replace(new)
        self._intakes = {signal: intakes(sinks_of(new, signal)) for signal in ("traces", "logs")}
        self._configure()
        global_providers().meters.attach(self._local)
        for destination in new:
            destination.start()
        self._drain(old, clocks.monotonic() + _DRAIN_S)

    def _configure(self) -> None:
        """Pass the destinations, the resource, the views and the sampling in use to the global providers."""
        installed, fast = global_providers(), self._config.performance.fast_path
        installed.connect(self._intakes, self._flush)
        installed.configure(self._config.sampling, self.resource, make_views(self._config), fast=fast)
        self._has_detected_id = _compat.has_detected_instance_id(self.resource)

    @property
    def shown_resource(self) -> Mapping[str, Any]:
        """The attributes of the resource without secrets, for pages, reports and tags."""
        return scrub.resource(self.resource).attributes

    def put_alert(self, event: Event) -> tuple[int, int]:
        """Queue *event* for its receivers; return the number of those, and of the destinations of logs."""
        sinks, with_logs = (sinks_of(self._accounting.destinations, signal) for signal in ("alerts", "logs"))
        return sum(offer(sink, event) for sink in sinks), len(with_logs)

    def force_flush(self, timeout_s: float) -> bool:
        """Collect and send everything within *timeout_s* seconds; True only if all is acknowledged or spooled."""
        return flush(self._accounting.destinations, clocks.monotonic() + timeout_s)

    def _flush(self, signal: str, deadline: float) -> bool:
        return flush(self._accounting.destinations, deadline, signal)

    def shutdown(self, timeout_s: float) -> ShutdownReport:
        """Send items for at most *timeout_s* seconds, spool or drop the rest, and unplug the providers; return the counts."""
        if self._report is None:
            began = clocks.monotonic()
            finish_flush = start_flush_of_others(began + timeout_s)
            self._drain(self._accounting.replace(()), began + timeout_s)
            unplug()
            detach([self._local])
            finish_flush()
            self._report = self._accounting.close(clocks.monotonic() - began)
        return self._report

    def _drain(self, destinations: tuple[Destination, ...], deadline: float) -> None:
        drain(destinations, deadline)
        disconnect_readers(destinations)
        self._accounting.retire()

    def status(self) -> dict[str, DestinationStatus]:
        """Return each destination's state and counts."""
        return {destination.name: destination.status() for destination in self._accounting.destinations}

    def read_metrics(self, only: frozenset[str] | None = None) -> MetricsData | None:
        """Collect and return the metrics of this process, cumulative, or *only* those of some names; None without any."""
        return self._local.read(only)

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child: with new locks and threads, empty queues and sums, and its own instance id."""
        self._accounting.reset_after_fork()
        for destination in self._accounting.destinations:
            destination.reset_after_fork()
        if self._report is None and not self._config.disabled:
            self.resource = of_this_process(self.resource)
            if self._has_detected_id:
                self.resource = _compat.with_own_instance_id(self.resource)
            self._configure()
