"""
The parts of a running telemetry, one class each; they start with a configuration and stop before the next configuration.

A part reads its own settings and does nothing when they switch it off. ``Telemetry`` starts the parts in the order of its list
and stops them in reverse. The rule: a part builds each of its objects once per ``start``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from csg_otel import clocks, environment, instruments, metrics, operations
from csg_otel.exporters.build import console_enabled
from csg_otel.logs import LogInterceptor
from csg_otel.multiprocess.workers import WorkerGroup
from csg_otel.pipeline import groups
from csg_otel.pipeline.points import points
from csg_otel.reporters.dogstatsd import ServiceChecks
from csg_otel.reporters.otel import HealthTelemetry
from csg_otel.reporters.systemd import Notifier
from csg_otel.server import Endpoints, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.config import Config
    from csg_otel.health import HealthRegistry
    from csg_otel.providers import Providers

_STOP_S = 0.2
"""Most seconds that a stop waits for one part's thread: its work is short, and exporting needs the rest of the budget."""

_SERVER_STOP_S = 0.5
"""Upper bound in seconds for closing the endpoints' connections."""


class Part:
    """One part of the telemetry. Every method does nothing unless a part overrides it."""

    def start(self, config: Config) -> None:
        """Start with *config*, if its settings ask for this part."""

    def stop(self, deadline: float) -> None:
        """Stop producing telemetry; return before the monotonic time *deadline*."""

    def close(self) -> None:
        """Release sockets and hooks; called after all telemetry has been exported."""

    def reset_after_fork(self) -> None:
        """Replace the locks and close the sockets of the parent. Objects with threads register with ``forks`` themselves."""


class Instruments(Part):
    """The instruments of the program: the groups of metrics that are on, and the series that start at 0."""

    def start(self, config: Config) -> None:
        groups.apply(config)
        if not config.disabled:
            instruments.start_at_zero()
            operations.start_at_zero()


class Logs(Part):
    """The interceptor of the program's log records; other settings replace the old ones without a gap, so nothing stops."""

    def __init__(self) -> None:
        self._interceptor = LogInterceptor()
        self._ended = False

    def start(self, config: Config) -> None:
        if config.disabled:
            self._interceptor.remove()
        else:
            self._interceptor.start(config.logging, shown=console_enabled(config.exporters))

    def end(self) -> None:
        """Pass nothing to the destinations any more: the process is ending."""
        self._ended = True
        self._interceptor.stop()

    def close(self) -> None:
        # Remove it only here, after the export, so that messages about undelivered items are still shown.
        if self._ended:
            self._interceptor.remove()


class Sampling(Part):
    """The samples of host and process, their history, and the pauses of the garbage collector."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers
        self._runtime = metrics.RuntimeMonitor()
        self._sampler: metrics.Sampler | None = None
        self.history: metrics.History

    def start(self, config: Config) -> None:
        monitoring = config.system_monitoring
        enabled = monitoring.enabled and not config.disabled
        self.history = metrics.History(monitoring.metrics_retention if enabled else 0.0)
        if not enabled:
            return
        self._sampler = metrics.Sampler(monitoring)
        groups = monitoring.metrics
        metrics.register(self._sampler, system=groups.system_metrics, application=groups.application_metrics)
        self._sampler.on_sample(self._keep_history)
        self._sampler.start()
        if groups.application_metrics:
            self._runtime.start()

    def stop(self, deadline: float) -> None:
        self._runtime.stop()
        if self._sampler is not None:
            self._sampler.stop(within(deadline))

    def restart(self) -> None:
        """Stop the sampler and start it again; the history stays."""
        if self._sampler is not None:
            self._sampler.stop(_STOP_S)
            self._sampler.start()

    def latest(self) -> metrics.Sample | None:
        """Return the newest sample; None before the second reading."""
        return self._sampler.latest() if self._sampler is not None else None

    def _keep_history(self, sample: metrics.Sample) -> None:
        self.history.add(sample, points(self._providers.read_metrics(self.history.reads)))


class Health(Part):
    """The scheduler of health checks, and their gauges, spans and events."""

    def __init__(self, registry: HealthRegistry) -> None:
        self._registry = registry
        self._telemetry = HealthTelemetry(registry)

    def start(self, config: Config) -> None:
        if config.disabled:
            return
        # The observer is there before the first check and after the last: without it, what a check requests would be traced.
        self._telemetry.start(trace=config.health_monitoring.trace)
        if config.health_monitoring.enabled:
            self._registry.start()

    def stop(self, deadline: float) -> None:
        self._registry.stop(within(deadline))
        self._telemetry.hold(within(deadline))

    def reset_after_fork(self) -> None:
        self._telemetry.reset_after_fork()

    def close(self) -> None:
        self._telemetry.stop()  # only here, so that the last export has the states of the checks


class DatadogChecks(Part):
    """Datadog's service checks over DogStatsD, one for every health check."""

    def __init__(self, registry: HealthRegistry, providers: Providers) -> None:
        self._registry = registry
        self._providers = providers
        self._checks: ServiceChecks | None = None

    def start(self, config: Config) -> None:
        datadog = config.exporters.datadog
        if config.disabled or not (datadog.enabled and datadog.statsd and config.health_monitoring.enabled):
            return
        resource = self._providers.shown_resource
        unified = {"service": "service.name", "env": "deployment.environment.name", "version": "service.version"}
        tags = {tag: str(resource.get(attribute, "")) for tag, attribute in unified.items()}
        self._checks = ServiceChecks(datadog.statsd_address, self._registry.snapshot, tags)
        self._checks.start()

    def stop(self, deadline: float) -> None:  # noqa: ARG002 - see Part
        if self._checks is not None:
            self._checks.stop()
            self._checks = None


Role = Literal["owner", "early", "behind"]
"""
The part of a process in serving the endpoints: its program has called ``instrument()`` (``owner``), or ``csg-otel run`` has
(``early``). An early process serves only until another process of the program is an owner; from then on it is ``behind``.
"""


class Serving(Part):
    """The HTTP endpoints, and the membership of this process in its worker group."""

    def __init__(
        self, registry: HealthRegistry, providers: Providers, role: Role, give_way: Callable[[str], None]
    ) -> None:
        self.role = role
        self._give_way = give_way
        self._registry = registry
        self._providers = providers
        self._workers: WorkerGroup | None = None
        self._server: Server | None = None
        self._leaving = False
        self.endpoints: Endpoints | None = None
        self.on_turn: Callable[[], object] = lambda: None
        """Called twice a second in a worker, so that it takes over when the serving one dies."""

    def start(self, config: Config) -> None:
        if config.disabled:
            self._leave_workers(forget=True)
            self.endpoints = None
            return
        endpoint = config.system_monitoring.prometheus
        workers = self._join_workers(config)
        self.endpoints = Endpoints(
            config, metrics=workers.read_metrics, health=self._registry.snapshot, stopping=lambda: self._leaving
        )
        if (endpoint.enabled or config.health_monitoring.enabled) and self.role != "behind":
            self._server = Server(
                endpoint.host,
                endpoint.port,
                self.endpoints,
                may_serve=workers.may_serve,
                tries_again=lambda: workers.is_member,
                tls=config.security.tls,
            )
            self._server.start()

    def refuse_readiness(self) -> None:
        """Respond to ``/readyz`` with 503 from now on: the process is ending."""
        self._leaving = True

    def leave(self, *, returns: bool = False) -> None:
        """Publish the last metrics for the other workers and, if it *returns*, for this process; free the port."""
        self._leave_workers(forget=False, returns=returns)

    def close(self) -> None:
        if self._server is not None:
            self._server.stop(_SERVER_STOP_S)
            self._server = None

    def reset_after_fork(self) -> None:
        if self._server is not None:
            self._server.reset_after_fork()

    @property
    def url(self) -> str:
        """The served address as a URL without a path; empty while nothing is served."""
        return self._server.url if self._server is not None else ""

    @property
    def problem(self) -> str:
        """The reason why this process does not serve the endpoints; empty while it serves."""
        if self._server is None:
            return "" if self.role == "behind" else "not serving"
        return self._server.problem

    def may_serve(self) -> bool:
        """Return whether this process may serve a port for all workers."""
        return self._workers is None or self._workers.may_serve()

    @property
    def is_member(self) -> bool:
        """Whether this process is one of several that may be workers, so that it tries to serve again and again."""
        return self._workers is not None and self._workers.is_member

    @property
    def workers(self) -> int:
        """The number of workers that answer as one."""
        return 1 if self._workers is None else self._workers.living

    def read_metrics(self) -> MetricsData | None:
        """Collect and return the metrics of all workers; of this process alone where it has no others."""
        workers = self._workers
        return self._providers.read_metrics() if workers is None else workers.read_metrics()

    def _join_workers(self, config: Config) -> WorkerGroup:
        """Join the worker group of this service and address; keep the membership if both are unchanged."""
        endpoint = config.system_monitoring.prometheus
        # With port 0 each process listens on a port of its own and shows its own metrics only.
        address = f"{endpoint.host}:{endpoint.port}" if endpoint.enabled and endpoint.port else ""
        workers = WorkerGroup(
            "" if self.role == "early" else str(self._providers.resource.attributes["service.name"]),
            address,
            read_own_metrics=self._providers.read_metrics,
            open_port=self._serve_again,
            variables=environment.snapshot(),
            give_way=self._give_way if self.role == "early" else None,
        )
        if self._workers is None or self._workers.identity != workers.identity:
            self._leave_workers(forget=True)
            self._workers = workers
            workers.start()
        return self._workers

    def _serve_again(self) -> None:
        if not self._leaving:
            if (server := self._server) is not None:
                server.start()
            self.on_turn()

    def _leave_workers(self, *, forget: bool, returns: bool = False) -> None:
        if self._workers is None:
            return
        if self._workers.has_others:
            self.close()  # frees the port for the next worker
        self._workers.stop(forget=forget, returns=returns)
        self._workers = None


class Systemd(Part):
    """The notifications to systemd, if systemd requested them when it started this process."""

    def __init__(self, registry: HealthRegistry) -> None:
        self._notifier = Notifier.from_environment(environment.snapshot(), registry.snapshot)
        self._started = False

    def start(self, config: Config) -> None:
        # Also where telemetry or health checks are off: systemd ends a service that does not become ready.
        if self._notifier is None or self._started:
            return
        self._started = True
        self._notifier.start(ready=config.health_monitoring.ready)

    def announce_stop(self) -> None:
        """Send STOPPING=1: the process is ending. A change of settings sends nothing."""
        if self._notifier is not None:
            self._notifier.stop()


def within(deadline: float) -> float:
    """Return the seconds that one part may wait before the monotonic time *deadline*."""
    return max(0.0, min(_STOP_S, deadline - clocks.monotonic()))
