"""
The handle that ``instrument()`` returns: starts the parts of the telemetry, reconfigures them, and ends them in one budget.

The parts start in the order of ``_parts`` and stop in reverse. The rule: first all parts stop producing telemetry, then
everything is exported, and only then sockets and hooks are released.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from csg_otel import clocks, faults, forks, health, metrics, preforking, scope
from csg_otel.exit_hooks import ExitHooks
from csg_otel.exporters.build import console_enabled
from csg_otel.exporters.console.sender import opening
from csg_otel.exporters.delivery.destination import DestinationStatus, State
from csg_otel.greenlets import GreenletWatch
from csg_otel.health import builtin
from csg_otel.multiprocess.family import family
from csg_otel.pipeline import redactions
from csg_otel.pipeline.global_providers import global_providers, problems
from csg_otel.pipeline.points import points
from csg_otel.pipeline.scrubbers import make_scrubber
from csg_otel.providers import Providers
from csg_otel.sdk import summary
from csg_otel.sdk.dashboard import Dashboard
from csg_otel.sdk.parts import DatadogChecks, Health, Instruments, Logs, Part, Role, Sampling, Serving, Systemd
from csg_otel.sdk.summary import StartLine
from csg_otel.worker_exits import WorkerExits

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from csg_otel.alerts.events import Event
    from csg_otel.config import Loaded
    from csg_otel.dashboard.api import Api
    from csg_otel.exporters.delivery.accounting import ShutdownReport
    from csg_otel.health import HealthRegistry
    from csg_otel.server import Endpoints

_RECONFIGURE_S = 1.0
"""Upper bound in seconds for stopping the parts when settings change."""

_FIRST_RESULTS_S = 1.0
"""Most seconds that a shutdown waits for checks that never had a result; a program that lived longer than them has all."""

_FIRST_RESULTS_SHARE = 0.2
"""The same as a share of the shutdown's time."""


class Telemetry:
    """
    The handle to a program's telemetry; returned by :func:`instrument`, also a context manager that shuts it down.

    ``config`` is the effective configuration and ``origins`` the source of each value. Its ``repr`` is the first line of
    the console: what is served where, and sent where.
    """

    def __init__(
        self, loaded: Loaded, role: Role, *, handle_signals: bool, on_shutdown: Callable[[Telemetry], None]
    ) -> None:
        """Build and start everything that *loaded* configures; programs call :func:`instrument` instead."""
        self._lock = threading.RLock()
        loaded = self._loaded = self._applied_here(loaded)
        self.config, self.origins = loaded.config, loaded.origins
        self._report: ShutdownReport | None = None
        self._on_shutdown = on_shutdown
        self._registry = health.default_registry()
        self._configure(loaded)  # first, because it may raise, and nothing has started yet
        self._providers = Providers(self.config, worker=not family().is_own)
        faults.publish(scope.create)
        redactions.publish(scope.create)
        self._sampling = Sampling(self._providers)
        self._serving = Serving(self._registry, self._providers, role, self._give_way)
        self._systemd = Systemd(self._registry)
        self._logs = Logs()
        self._dashboard = Dashboard(self, self._providers, self._serving, self._sampling)
        self._parts: tuple[Part, ...] = (
            Instruments(),
            self._logs,
            self._sampling,
            Health(self._registry),
            DatadogChecks(self._registry, self._providers),
            self._serving,
            self._dashboard,
            self._systemd,
        )
        self._start_line = StartLine()
        opening.hold()
        self._start_parts()
        self._exit_hooks = ExitHooks(self.shutdown, self.force_flush, lambda: self.config.exporters.shutdown_timeout)
        self._exit_hooks.arm(signals=handle_signals)
        self._worker_exits = WorkerExits(self.shutdown)
        self._worker_exits.register()
        self._paused: Loaded | None = None
        self._greenlets = GreenletWatch(self._end_threads, self._start_threads)
        self._greenlets.register()
        forks.precede(self._exit_hooks.hold_signal)
        forks.follow(self.reset_after_fork)
        forks.conclude(self._exit_hooks.release_signal)

    # -- life ------------------------------------------------------------------------------------------------------

    def _configure(self, loaded: Loaded) -> None:
        """Use the health checks and the scrubber of *loaded*."""
        settings = loaded.config.health_monitoring
        sources = health.Sources(
            points=lambda: points(self._providers.read_metrics()), destinations=self.status, loops=metrics.loops
        )
        enabled = settings.enabled and not loaded.config.disabled
        checks = builtin.build(settings, loaded.problems, sources, loaded.config.performance) if enabled else ()
        self._registry.configure(settings, checks)
        scrubber = make_scrubber(loaded.config)
        if not loaded.config.disabled:
            scrubber.prepare()
        redactions.install(scrubber)

    def _applied_here(self, loaded: Loaded) -> Loaded:
        """Return *loaded*, with everything switched off if only the workers of this process may start it."""
        if (
            preforking.start_now_or_in_workers(lambda: self.reconfigure(loaded, self._serving.role))
            or loaded.config.disabled
        ):
            return loaded
        global_providers()  # what the program gets from them notices in a worker that it must start
        return _switched_off(loaded)

    def _start_parts(self) -> None:
        for part in self._parts:
            part.start(self.config)

    def _stop_parts(self, deadline: float) -> None:
        for part in reversed(self._parts):
            part.stop(deadline)

    def _close_parts(self) -> None:
        for part in reversed(self._parts):
            part.close()

    def reconfigure(self, loaded: Loaded, role: Role) -> bool:
        """
        Apply *loaded* if it differs; return False if this telemetry has ended and the caller must create another one.

        Items emitted before are drained to the destinations of the old settings. *role* is this process's part in serving.
        """
        with self._lock:
            if self._report is not None:
                return False
            loaded = self._applied_here(loaded)
            if loaded.config == self.config and role == self._serving.role:
                return True
            self._serving.role = role
            self._configure(loaded)
            self._stop_parts(clocks.monotonic() + _RECONFIGURE_S)
            self._providers.apply(loaded.config)
            self._close_parts()
            self._loaded, self.config, self.origins = loaded, loaded.config, loaded.origins
            self._start_parts()
            return True

    def _end_threads(self) -> None:
        """End all threads and deliver what is queued, because threads become greenlets; :meth:`_start_threads` follows."""
        with self._lock:
            if self._report is None:
                self._paused = self._loaded
                self._serving.leave(returns=True)
                self.reconfigure(_switched_off(self._loaded), self._serving.role)
                self._exit_hooks.stop_watch()
                _wait_for_own_threads()

    def _start_threads(self) -> None:
        with self._lock:
            paused, self._paused = self._paused, None
            if paused is not None:
                forks.start_from_scratch()  # with locks that greenlets can wait for
                self.reconfigure(paused, self._serving.role)

    def _give_way(self, service: str) -> None:
        """Leave the endpoints to the processes in which the program itself calls ``instrument()``, under its name *service*."""
        with self._lock:
            if self._serving.role == "early":
                config = replace(self.config, service=replace(self.config.service, name=service))
                self.reconfigure(replace(self._loaded, config=config), "behind")

    def shutdown(self, timeout_s: float | None = None) -> ShutdownReport:
        """
        End all telemetry within *timeout_s* seconds (default ``exporters.shutdown_timeout``) and return the item counts.

        Idempotent; later calls return the first report. Instruments stay usable and become no-ops.
        """
        forks.notice()
        opening.release()  # instrument() may have been interrupted before
        with self._lock:
            if self._report is None:
                budget_s = self.config.exporters.shutdown_timeout if timeout_s is None else timeout_s
                deadline = clocks.monotonic() + budget_s
                self._serving.refuse_readiness()
                self._systemd.announce_stop()
                self._registry.settle(min(_FIRST_RESULTS_S, _FIRST_RESULTS_SHARE * budget_s))
                self._stop_parts(deadline)
                self._logs.end()
                self._serving.leave()  # after the last measurement, while the providers can still be read
                self._report = self._providers.shutdown(max(0.0, deadline - clocks.monotonic()))
                self._close_parts()
                self._exit_hooks.disarm()
                self._greenlets.remove()
            report = self._report
        # Without the lock: instrument() holds its own lock while it waits for this one.
        self._on_shutdown(self)
        return report

    def __enter__(self) -> Telemetry:
        """Return the handle."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut down within the configured budget."""
        self.shutdown()

    def announce(self) -> None:
        """
        Let the console begin; where it is on, with a link to the dashboard and what is served where and sent where.

        Each is shown only if it differs from the last time.
        """
        is_shown = not self.config.disabled and console_enabled(self.config.exporters)
        if is_shown:
            self._start_line.show(self._dashboard.url, self._dashboard.login_url)
        opening.release()
        if is_shown:
            self._start_line.log(self._summary())

    def __repr__(self) -> str:
        if self._report is not None or self.config.disabled:
            return f"<csg_otel.Telemetry: {'shut down' if self._report is not None else 'disabled'}>"
        return f"<csg_otel.Telemetry: {self._summary()}>"

    def _summary(self) -> str:
        endpoints = self._serving.endpoints
        paths = endpoints.paths if endpoints is not None else ()
        return summary.line(self._service(), self.url, paths, self._dashboard.url, self.status())

    def _service(self) -> str:
        return str(self._providers.resource.attributes["service.name"])

    # -- for the program -------------------------------------------------------------------------------------------

    def force_flush(self, timeout_s: float = 5.0) -> bool:
        """Send everything emitted so far, within *timeout_s* seconds; True only if all is acknowledged or spooled."""
        forks.notice()
        self._registry.settle()
        return self._providers.force_flush(timeout_s)

    def status(self) -> dict[str, DestinationStatus]:
        """Return each destination's state and item counts, ``prometheus`` included; ``last_error`` has the reason."""
        statuses = self._providers.status()
        if self.config.system_monitoring.prometheus.enabled:
            problem, missing = self._serving.problem, problems().get("metrics", "")
            state: State = "down" if problem else "degraded" if missing else "ok"
            statuses[summary.SERVED] = DestinationStatus(state, last_error=problem or missing)
        return statuses

    def put_alert(self, event: Event) -> tuple[int, int]:
        """Queue an alert of the program; return the number of its receivers, and of the destinations of logs."""
        return self._providers.put_alert(event)

    @property
    def url(self) -> str:
        """The address of ``/metrics`` and the probes, without a path; empty while they are not served."""
        return self._serving.url

    @property
    def endpoints(self) -> Endpoints | None:
        """The endpoints of ``/metrics`` and the probes, for mounting in another server; None while telemetry is disabled."""
        return self._serving.endpoints

    @property
    def health(self) -> HealthRegistry:
        """The registry of health checks."""
        return self._registry

    @property
    def dashboard(self) -> Api | None:
        """The documents of the dashboard; None while ``dashboard.enabled`` is off."""
        return self._dashboard.api

    @property
    def dashboard_url(self) -> str:
        """A new link to the page of the dashboard, which works once; empty while this process does not serve it."""
        return self._dashboard.login_url()

    @property
    def history(self) -> metrics.History:
        """The bounded history of metrics, from which trends are computed."""
        return self._sampling.history

    def restart(self) -> None:
        """Stop the health checks and the sampler, and start them again; everything else goes on."""
        with self._lock:
            if self._report is None and not self.config.disabled:
                self._registry.stop(_RECONFIGURE_S)
                self._sampling.restart()
                if self.config.health_monitoring.enabled:
                    self._registry.start()

    def metrics_snapshot(self) -> dict[str, Any]:
        """
        Return all metrics now: grouped under their aliases (``names.ALIASES``), and every point as it is exported.

        ``response_times`` has the percentiles of ``performance.response_time_tracking`` in seconds, ``overall`` and by the
        name of each of the ``operations``; see ``metrics.snapshot``.
        """
        percentiles = self.config.performance.response_time_tracking.percentiles
        collected = points(self._providers.read_metrics())
        return metrics.snapshot(self._sampling.latest(), collected, self.history, percentiles, self._service())

    def reset_after_fork(self) -> None:
        """Replace the parent's locks, sockets and pending signal in a forked child."""
        self._lock = threading.RLock()
        self._exit_hooks.reset_after_fork()
        self._worker_exits.register()
        self._greenlets.register()
        for part in self._parts:
            part.reset_after_fork()


def _wait_for_own_threads() -> None:
    """Wait a second at most for what still runs on threads of this package, such as checks of health."""
    deadline = clocks.monotonic() + _RECONFIGURE_S
    for thread in threading.enumerate():
        if thread.name.startswith("csg-otel") and thread is not threading.current_thread():
            thread.join(max(0.0, deadline - clocks.monotonic()))


def _switched_off(loaded: Loaded) -> Loaded:
    return replace(loaded, config=replace(loaded.config, disabled=True))
