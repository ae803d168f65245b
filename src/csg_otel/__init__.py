"""
Make a Python program observable with one call.

>>> import csg_otel
>>> csg_otel.HealthStatus.CRITICAL.code
2

``csg_otel.instrument()`` turns health checks into gauges and spans, samples the host and the process, and sends traces,
metrics and logs to Prometheus, OTLP collectors, Datadog and the console. Every public name is imported on first use, so
``import csg_otel`` does no work and loads no OpenTelemetry SDK.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csg_otel._version import VERSION as __version__  # noqa: N811 - the customary name of a version
    from csg_otel.config import Config
    from csg_otel.errors import ConfigError, CsgOtelError, HealthDefinitionError, InstrumentError, MissingExtraError
    from csg_otel.grpc_health import add_grpc_health
    from csg_otel.health import HealthRegistry, component, health_check, maintenance
    from csg_otel.health.monitor import (
        ApplicationHealthCheck,
        DependencyHealthCheck,
        HealthMonitor,
        PerformanceHealthCheck,
        SystemResourcesHealthCheck,
    )
    from csg_otel.instruments import (
        cache,
        counter,
        event,
        file_processed,
        gauge,
        histogram,
        observable_gauge,
        observe_cache,
        up_down_counter,
    )
    from csg_otel.metrics.runtime import watch_loop
    from csg_otel.mounting import asgi_app, wsgi_app
    from csg_otel.operations import observe
    from csg_otel.sdk import ShutdownReport, Telemetry, instrument
    from csg_otel.services import Alert, AlertingService, SentAlert, SystemMonitor
    from csg_otel.status import CheckResult, Critical, HealthStatus, Measurement, Warn

__all__ = [
    "Alert",
    "AlertingService",
    "ApplicationHealthCheck",
    "CheckResult",
    "Config",
    "ConfigError",
    "Critical",
    "CsgOtelError",
    "DependencyHealthCheck",
    "HealthDefinitionError",
    "HealthMonitor",
    "HealthRegistry",
    "HealthStatus",
    "InstrumentError",
    "Measurement",
    "MissingExtraError",
    "PerformanceHealthCheck",
    "SentAlert",
    "ShutdownReport",
    "SystemMonitor",
    "SystemResourcesHealthCheck",
    "Telemetry",
    "Warn",
    "__version__",
    "add_grpc_health",
    "asgi_app",
    "cache",
    "component",
    "counter",
    "event",
    "file_processed",
    "gauge",
    "health_check",
    "histogram",
    "instrument",
    "maintenance",
    "observable_gauge",
    "observe",
    "observe_cache",
    "up_down_counter",
    "watch_loop",
    "wsgi_app",
]

_MODULES = {
    "config": ("Config",),
    "errors": ("ConfigError", "CsgOtelError", "HealthDefinitionError", "InstrumentError", "MissingExtraError"),
    "health": ("HealthRegistry", "component", "health_check", "maintenance"),
    "health.monitor": (
        "ApplicationHealthCheck",
        "DependencyHealthCheck",
        "HealthMonitor",
        "PerformanceHealthCheck",
        "SystemResourcesHealthCheck",
    ),
    "instruments": (
        "cache",
        "counter",
        "event",
        "file_processed",
        "gauge",
        "histogram",
        "observable_gauge",
        "observe_cache",
        "up_down_counter",
    ),
    "metrics.runtime": ("watch_loop",),
    "grpc_health": ("add_grpc_health",),
    "mounting": ("asgi_app", "wsgi_app"),
    "operations": ("observe",),
    "sdk": ("ShutdownReport", "Telemetry", "instrument"),
    "services": ("Alert", "AlertingService", "SentAlert", "SystemMonitor"),
    "status": ("CheckResult", "Critical", "HealthStatus", "Measurement", "Warn"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the public name *name* from its module, once (PEP 562)."""
    if name == "__version__":
        value: Any = import_module("csg_otel._version").VERSION
    elif name in _HOME:
        value = getattr(import_module(f"csg_otel.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'csg_otel' has no attribute {name!r}")
    # A submodule of the same name (csg_otel.observe) was put here by the import; the public name wins.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names without importing them."""
    return sorted({*globals(), *__all__})
