"""
The class-based interface to health: ``HealthMonitor`` and one check per category, on top of the registry.

While ``instrument()`` is active, ``HealthMonitor`` reads the process's registry. Without it, the settings' checks are built
here and run on demand.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar

from csg_otel import clocks
from csg_otel.categories import SECTIONS
from csg_otel.check_result import CheckResult
from csg_otel.config import Config, given, load
from csg_otel.health import builtin, default_registry
from csg_otel.health.definition import OVERALL
from csg_otel.health.registry import HealthRegistry
from csg_otel.status import HealthStatus, worst

if TYPE_CHECKING:
    from csg_otel.health.definition import Check
    from csg_otel.health.trends import Trend


class HealthMonitor:
    """Runs the settings' and the program's checks, and summarises their results."""

    def __init__(self, config: Config | None = None) -> None:
        """Use *config*; by default, file and environment. Raises ConfigError and HealthDefinitionError."""
        self._registry: HealthRegistry = default_registry()
        if config is not None or not self._registry.configured:
            config = given(config) or load().config
            self._registry.configure(config.health_monitoring, _own_checks(config))

    def run_all_checks(self) -> dict[str, CheckResult]:
        """
        Run every check now and return the results by name. It takes as long as the slowest check, at most its deadline.

        Besides the checks there are ``system_resources``, ``application``, ``dependencies`` and ``performance``, each the worst
        of its category; a category without a check, and the name of a check, are left out.
        """
        return _with_sections(self._registry.run_all())

    def get_overall_status(self) -> HealthStatus:
        """Return the worst status of all checks; runs them if none has run yet."""
        self._run_if_new()
        return self._registry.snapshot().overall

    def get_health_summary(self) -> dict[str, Any]:
        """
        Return the state of all checks as plain data; runs them if none has run yet.

        The keys are ``overall_status``, ``timestamp`` (ISO 8601, UTC), ``checks`` by name with ``name``, ``status``,
        ``message``, ``details``, ``category``, ``response_time_ms`` and ``timestamp``, and ``summary`` with counts by status
        and the average response time. ``checks`` has the four of :meth:`run_all_checks`, too; ``summary`` does not count them.
        """
        self._run_if_new()
        snapshot = self._registry.snapshot()
        results = {view.name: view.result for view in snapshot.checks}
        statuses = [view.status for view in snapshot.checks]
        times = [view.result.response_time_ms for view in snapshot.checks if view.result.timestamp]
        counts = {f"{status.value}_checks": statuses.count(status) for status in HealthStatus}
        return {
            "overall_status": snapshot.overall.name,
            "timestamp": _iso(datetime.now(timezone.utc).timestamp()),
            "checks": {name: _plain(name, result) for name, result in _with_sections(results).items()},
            "summary": {
                "total_checks": len(statuses),
                **counts,
                "average_response_time_ms": sum(times) / len(times) if times else 0.0,
            },
        }

    def get_health_trends(self, hours: float = 24) -> dict[str, Any]:
        """
        Return the history of the checks in the last *hours* hours, as far back as this process ran them.

        The keys are ``hours``, ``from`` and ``to`` (ISO 8601, UTC), ``overall``, and ``checks`` by name. Each has
        ``current_status``, ``availability`` (0 to 1: the share of HEALTHY and WARNING in the time with a known state; None
        without any), ``transitions``, ``seconds`` by state, and ``outages`` with ``from``, ``to`` (None while it lasts),
        ``duration_s`` and ``worst``.
        """
        now_s, now_unix = clocks.monotonic(), time.time()

        def plain(trend: Trend, status: HealthStatus) -> dict[str, Any]:
            return {
                "current_status": status.name,
                "availability": trend.availability,
                "transitions": trend.transitions,
                "seconds": {state.name: round(seconds, 3) for state, seconds in trend.seconds.items()},
                "outages": [
                    {
                        "from": _iso(now_unix - now_s + outage.began_s),
                        "to": _iso(now_unix - now_s + outage.began_s + outage.duration_s) if outage.over else None,
                        "duration_s": round(outage.duration_s, 3),
                        "worst": HealthStatus.CRITICAL.name,
                    }
                    for outage in trend.outages
                ],
            }

        trends = self._registry.trends(hours * 3600)
        snapshot = self._registry.snapshot()
        checks = {view.name: plain(trends[view.name], view.status) for view in snapshot.checks}
        return {
            "hours": hours,
            "from": _iso(now_unix - hours * 3600),
            "to": _iso(now_unix),
            "overall": plain(trends[OVERALL], snapshot.overall),
            "checks": checks,
        }

    def _run_if_new(self) -> None:
        if all(view.age_s is None for view in self._registry.snapshot().checks):
            self._registry.run_all()


def _with_sections(results: dict[str, CheckResult]) -> dict[str, CheckResult]:
    """Return *results* and, by the names of the file's sections, the worst of each category."""
    sections = {
        section: _worst_of(category, members)
        for section, category in SECTIONS.items()
        if (members := {name: result for name, result in results.items() if result.category == category})
    }
    return {**sections, **results}


def _worst_of(category: str, results: dict[str, CheckResult]) -> CheckResult:
    """Return the worst status of *results*, those of *category*; ``details`` has the status and message of each check."""
    status = worst(result.status for result in results.values())
    causes = [
        f"{name}: {result.message or result.status}" for name, result in results.items() if result.status is status
    ]
    message = f"{category} {'healthy' if status is HealthStatus.HEALTHY else status.name}"
    if status is not HealthStatus.HEALTHY:
        message = f"{message}: {'; '.join(causes) or 'no check of this category is enabled'}"
    return CheckResult(
        status,
        message,
        {name: {"status": result.status.name, "message": result.message} for name, result in results.items()},
        tuple(measurement for result in results.values() for measurement in result.measurements),
        response_time_ms=max((result.response_time_ms for result in results.values()), default=0.0),
        timestamp=max((result.timestamp for result in results.values()), default=0.0),
        category=category,
    )


def _plain(name: str, result: CheckResult) -> dict[str, Any]:
    return {
        "name": name,
        "status": result.status.name,
        "category": result.category,
        "message": result.message,
        "details": dict(result.details),
        "response_time_ms": result.response_time_ms,
        "timestamp": _iso(result.timestamp) if result.timestamp else None,
    }


def _iso(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, timezone.utc).isoformat(timespec="milliseconds")


def _own_checks(config: Config) -> list[Check]:
    return builtin.build(config.health_monitoring, performance=config.performance)


class _CategoryCheck:
    """The worst of all checks of one category, with the settings' thresholds."""

    category: ClassVar[str]

    def __init__(self, config: Config | None = None) -> None:
        """Use *config*; by default, file and environment. Raises ConfigError and HealthDefinitionError."""
        config = config or load().config
        checks = [check for check in _own_checks(config) if check.category == self.category]
        self._registry = HealthRegistry()
        self._registry.configure(config.health_monitoring, checks)

    def check(self) -> CheckResult:
        """Run the category's checks and return the worst status; ``details`` has the status and message of each check."""
        results = self._registry.run_all()
        self._registry.stop(0.0)
        return _worst_of(self.category, results)


class SystemResourcesHealthCheck(_CategoryCheck):
    """CPU, memory, disk and load."""

    category = "system"


class ApplicationHealthCheck(_CategoryCheck):
    """The program's modules, configuration and functions."""

    category = "application"


class DependencyHealthCheck(_CategoryCheck):
    """Services, file systems and the Python environment."""

    category = "dependency"


class PerformanceHealthCheck(_CategoryCheck):
    """The program's speed and the growth of its memory."""

    category = "performance"
