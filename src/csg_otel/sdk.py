"""
The composition root: ``instrument()`` builds everything from one configuration and returns the handle to it.

Everything else in the package is wired here and nowhere else. The rule: all problems of a configuration are reported before
anything has started, and a second call reconfigures what the first one built.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from csg_otel import environment as environ
from csg_otel import faults, forks, health, instruments, metrics, scope
from csg_otel.config import Config, Loaded, load, load_lenient
from csg_otel.exit_hooks import Ending
from csg_otel.exporters.build import console_enabled
from csg_otel.exporters.delivery.destination import DestinationStatus
from csg_otel.health import builtin
from csg_otel.logs import LogTap
from csg_otel.multiprocess.workers import Workers
from csg_otel.pipeline.points import points
from csg_otel.providers import Providers, ShutdownReport
from csg_otel.reporters.dogstatsd import ServiceChecks
from csg_otel.reporters.otel import HealthTelemetry
from csg_otel.reporters.systemd import Notifier
from csg_otel.server import Endpoints, Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from csg_otel.alerts.events import Event
    from csg_otel.health import HealthRegistry

__all__ = ["ShutdownReport", "Telemetry", "current", "instrument"]

_log = logging.getLogger("csg_otel")

_SERVER_STOP_S = 0.5


class Telemetry:
    """
    The handle to a program's telemetry; returned by :func:`instrument`, also a context manager that shuts it down.

    ``config`` is the effective configuration and ``origins`` says where each value came from.
    """

    def __init__(self, loaded: Loaded, *, handle_signals: bool) -> None:
        """Build and start everything the configuration asks for; use :func:`instrument`."""
        config = loaded.config
        self.config = config
        self.origins = loaded.origins
        self._lock = threading.RLock()
        self._stopping = False
        self._report: ShutdownReport | None = None
        self._server: Server | None = None
        self._workers: Workers | None = None
        self._registry = health.default_registry()
        self._define_checks(loaded)  # first, because it may refuse, and nothing has started yet
        self._providers = Providers(config)
        faults.publish(scope.create)
        instruments.start_at_zero()
        self._health = HealthTelemetry(self._registry)
        self._sampler = metrics.Sampler(config.system_monitoring)
        self._runtime = metrics.RuntimeMonitor()
        self._history = metrics.History(config.system_monitoring.metrics_retention)
        self._logs = LogTap(config.logging, shown=console_enabled(config.exporters))
        self._service_checks: ServiceChecks | None = None
        self._ending = Ending(self._finish, self.force_flush)
        self._systemd = Notifier.where_asked(environ.snapshot(), self._registry.snapshot)
        self._start(config)
        if self._systemd is not None and config.health_monitoring.enabled and not config.disabled:
            self._systemd.start()
        self._ending.arm(signals=handle_signals)
        forks.follow(self.reset_after_fork)
        forks.follow(_reset_lock)

    # -- life ------------------------------------------------------------------------------------------------------

    def _define_checks(self, loaded: Loaded) -> None:
        settings = loaded.config.health_monitoring
        sources = health.Sources(
            points=lambda: points(self._providers.read_metrics()), destinations=self.status, loops=metrics.loops
        )
        wanted = settings.enabled and not loaded.config.disabled
        checks = builtin.build(settings, loaded.problems, sources) if wanted else ()
        self._registry.configure(settings, checks)

    def _start(self, config: Config) -> None:
        if config.disabled:
            self._leave_workers(forget=True)
            return
        self._logs = LogTap(config.logging, shown=console_enabled(config.exporters))
        self._logs.install()
        self._start_sampling(config)
        if config.health_monitoring.enabled:
            self._registry.start()
        self._health.start(trace=config.health_monitoring.trace)
        self._tell_datadog(config)
        self._serve(config)

    def _tell_datadog(self, config: Config) -> None:
        datadog = config.exporters.datadog
        if datadog.enabled and datadog.statsd and config.health_monitoring.enabled:
            whose = self._providers.resource.attributes
            unified = {"service": "service.name", "env": "deployment.environment.name", "version": "service.version"}
            tags = {tag: str(whose.get(attribute, "")) for tag, attribute in unified.items()}
            self._service_checks = ServiceChecks(datadog.statsd_address, self._registry.snapshot, tags)
            self._service_checks.start()

    def _start_sampling(self, config: Config) -> None:
        monitoring = config.system_monitoring
        if not monitoring.enabled:
            return
        self._sampler = metrics.Sampler(monitoring)
        self._history = metrics.History(monitoring.metrics_retention)
        metrics.register(
            self._sampler,
            system=monitoring.metrics.system_metrics,
            application=monitoring.metrics.application_metrics,
        )
        self._sampler.on_sample(self._keep_history)
        self._sampler.start()
        if monitoring.metrics.application_metrics:
            self._runtime.start()

    def _serve(self, config: Config) -> None:
        endpoint = config.system_monitoring.prometheus
        workers = self._meet_workers(config)
        self.endpoints = Endpoints(
            config,
            metrics=workers.read_metrics,
            health=self._registry.snapshot,
            stopping=lambda: self._stopping,
        )
        if endpoint.enabled or config.health_monitoring.enabled:
            self._server = Server(endpoint.host, endpoint.port, self.endpoints, may_serve=workers.may_serve)
            self._server.start()

    def _meet_workers(self, config: Config) -> Workers:
        """Be one of the workers that serve the same; stay with them where that has not changed."""
        endpoint = config.system_monitoring.prometheus
        # Any free port is each process's own, and so is what it shows.
        address = f"{endpoint.host}:{endpoint.port}" if endpoint.enabled and endpoint.port else ""
        made = Workers(
            str(self._providers.resource.attributes["service.name"]),
            address,
            read=self._providers.read_metrics,
            serve=self._serve_again,
            variables=environ.snapshot(),
        )
        if self._workers is None or self._workers.what != made.what:
            self._leave_workers(forget=True)
            self._workers = made
            made.start()
        return self._workers

    def _serve_again(self) -> None:
        if (server := self._server) is not None and not self._stopping:
            server.start()

    def _stop_parts(self, deadline: float) -> None:
        """Stop what makes telemetry, so that what sends it can finish."""
        self._logs.stop()
        if self._service_checks is not None:
            self._service_checks.stop()
            self._service_checks = None
        self._health.stop()
        self._registry.stop(max(0.0, min(0.2, deadline - time.monotonic())))
        self._runtime.stop()
        self._sampler.stop(max(0.0, min(0.2, deadline - time.monotonic())))

    def _stop_server(self) -> None:
        if self._server is not None:
            self._server.stop(_SERVER_STOP_S)
            self._server = None

    def _leave_workers(self, *, forget: bool = False) -> None:
        """Hand the port over to another worker, if there are any, and leave them this one's last word."""
        if self._workers is not None:
            if self._workers.together:
                self._stop_server()
            self._workers.stop(forget=forget)
            self._workers = None

    def reconfigure(self, loaded: Loaded) -> None:
        """Exchange everything that has changed; what was emitted before is drained to where it was meant to go."""
        config = loaded.config
        with self._lock:
            if config == self.config:
                return
            self._define_checks(loaded)
            self._stop_parts(time.monotonic() + 1.0)
            self._stop_server()
            self._providers.apply(config)
            self._logs.remove()
            self.config, self.origins = config, loaded.origins
            self._start(config)

    def shutdown(self, timeout_s: float | None = None) -> ShutdownReport:
        """
        End all telemetry within *timeout_s* seconds (default ``exporters.shutdown_timeout``) and say what became of it.

        Idempotent; later calls return the first report. Instruments stay usable and become no-ops.
        """
        with self._lock:
            if self._report is None:
                self._stopping = True
                if self._systemd is not None:
                    self._systemd.stop()
                budget = self.config.exporters.shutdown_timeout if timeout_s is None else timeout_s
                deadline = time.monotonic() + budget
                self._stop_parts(deadline)
                self._leave_workers()
                self._report = self._providers.shutdown(max(0.0, deadline - time.monotonic()))
                self._stop_server()
                self._logs.remove()  # last, so that what could not be delivered is said like the rest
                self._ending.disarm()
                _forget(self)
            return self._report

    def _finish(self) -> None:
        self.shutdown()

    def __enter__(self) -> Telemetry:
        """Return the handle."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut down within the configured budget."""
        self.shutdown()

    # -- what a program asks ---------------------------------------------------------------------------------------

    def force_flush(self, timeout_s: float = 5.0) -> bool:
        """Send everything emitted so far, within *timeout_s* seconds; True only if all is acknowledged or spooled."""
        return self._providers.force_flush(timeout_s)

    def status(self) -> dict[str, DestinationStatus]:
        """Return each destination's state and books, ``prometheus`` included (``last_error`` says why it is down)."""
        found = self._providers.status()
        if self.config.system_monitoring.prometheus.enabled:
            problem = self._server.problem if self._server is not None else "not serving"
            found["prometheus"] = DestinationStatus("down" if problem else "ok", last_error=problem)
        return found

    def put_alert(self, event: Event) -> int:
        """Let an alert of the program be sent; returns to how many places it goes. ``AlertingService`` makes them."""
        return self._providers.put_alert(event)

    @property
    def url(self) -> str:
        """Where ``/metrics`` and the probes are served, without a path; empty if they are not."""
        return self._server.url if self._server is not None else ""

    @property
    def health(self) -> HealthRegistry:
        """The registry of health checks."""
        return self._registry

    @property
    def history(self) -> metrics.History:
        """The bounded history behind trends."""
        return self._history

    def metrics_snapshot(self) -> dict[str, Any]:
        """Return all metrics now: under the seed's names by group, and every point as it is exported."""
        return metrics.snapshot(self._sampler.latest(), points(self._providers.read_metrics()), self._history)

    def reset_after_fork(self) -> None:
        """Begin anew in a child: no inherited lock, socket or signal under way."""
        self._lock = threading.RLock()
        self._ending.reset_after_fork()
        if self._server is not None:
            self._server.reset_after_fork()

    def _keep_history(self, sample: metrics.Sample) -> None:
        self._history.add(sample, points(self._providers.read_metrics()))


_current: Telemetry | None = None
_lock = threading.RLock()


def current() -> Telemetry | None:
    """Return the telemetry now running, if any."""
    return _current


def instrument(
    service_name: str | None = None,
    *,
    config: str | os.PathLike[str] | Mapping[str, Any] | Config | None = None,
    exporters: Sequence[str] | str | None = None,
    environment: str | None = None,
    on_error: Literal["raise", "warn"] = "raise",
    handle_signals: bool = True,
    auto: bool = False,
    **settings: Any,
) -> Telemetry:
    """
    Make this program observable and return the handle.

    Args:
        service_name: The service's name; by default the environment's, the file's, or the script's name.
        config: A path, a mapping, a :class:`Config`, or None to look for ``CSG_OTEL_CONFIG`` and
            ``monitoring_config.yaml``.
        exporters: The destinations, for example ``["console", "prometheus", "otlp://localhost:4317", "datadog"]``;
            those not named are off.
        environment: The deployment environment; also picks ``environments.<name>`` in the file.
        on_error: ``"warn"`` logs the problems of a configuration and goes on with the settings that are right.
        handle_signals: Flush at SIGTERM before the program's own handler, or the default, goes on.
        auto: Load the installed ``opentelemetry-instrumentation-*`` packages.
        **settings: Any other setting by its dotted key with ``__`` for the dots, in seconds and bytes:
            ``system_monitoring__prometheus__port=0``.

    Raises:
        ConfigError: With every problem found, before anything has started.
        HealthDefinitionError: If health checks contradict each other.

    A second call with equal settings returns the same handle; with other settings it drains and exchanges what changed.
    """
    global _current  # noqa: PLW0603 - see instrument()
    named = {"service_name": service_name, "environment": environment, "exporters": exporters}
    code = {key.replace("__", "."): value for key, value in settings.items()}
    code.update((key, value) for key, value in named.items() if value is not None)
    source = Path(config) if isinstance(config, (str, os.PathLike)) else config
    loaded = (load if on_error == "raise" else load_lenient)(source, code=code)
    for warning in (*loaded.warnings, *loaded.problems):
        _log.warning("%s", warning)
    with _lock:
        if _current is not None:
            _current.reconfigure(loaded)
        else:
            _current = Telemetry(loaded, handle_signals=handle_signals)
        if auto:
            _load_instrumentations()
        return _current


def _forget(telemetry: Telemetry) -> None:
    global _current  # noqa: PLW0603 - see instrument()
    with _lock:
        if _current is telemetry:
            _current = None


def _reset_lock() -> None:
    global _lock  # noqa: PLW0603 - a thread of the parent may have held it
    _lock = threading.RLock()


def _load_instrumentations() -> None:
    """Activate every installed instrumentation package, as ``opentelemetry-instrument`` does; one that fails is logged."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="opentelemetry_instrumentor"):
        try:
            entry.load()().instrument()
        except Exception:  # noqa: BLE001 - another's defect must not keep the program from starting
            _log.warning("instrumentation %s can't be loaded", entry.name, exc_info=True)
