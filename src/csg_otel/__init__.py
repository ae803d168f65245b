"""
Make a Python program observable with one call.

>>> import csg_otel
>>> csg_otel.HealthStatus.CRITICAL.code
2

``csg_otel.instrument()`` turns health checks into gauges and spans, samples the host and the process, and sends traces,
metrics and logs to Prometheus, OTLP collectors, Datadog and the console. Every public name is imported on first use, so
``import csg_otel`` does no work and loads no OpenTelemetry SDK. Type checkers read ``__init__.pyi``.
"""

from __future__ import annotations

_NAMES_BY_MODULE = {
    "_version": ("__version__",),
    "check_result": ("CheckResult", "Critical", "Measurement", "Warn"),
    "config": ("Config",),
    "errors": ("ConfigError", "CsgOtelError", "HealthDefinitionError", "InstrumentError", "MissingExtraError"),
    "grpc_health": ("add_grpc_health",),
    "health": ("HealthRegistry", "component", "health_check", "maintenance"),
    "health.monitor": (
        *("ApplicationHealthCheck", "DependencyHealthCheck", "PerformanceHealthCheck", "SystemResourcesHealthCheck"),
        "HealthMonitor",
    ),
    "instruments": (
        *("counter", "gauge", "histogram", "observable_gauge", "up_down_counter"),
        *("cache", "event", "observe_cache"),
    ),
    "metrics.runtime": ("watch_loop",),
    "mounting": ("asgi_app", "wsgi_app"),
    "operations": ("file", "file_processed", "observe"),
    "sdk": ("ShutdownReport", "Telemetry", "instrument"),
    "services": ("Alert", "AlertingService", "SentAlert", "SystemMonitor"),
    "status": ("HealthStatus",),
}
_MODULE_OF = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 - one table; type checkers read the stub


def __getattr__(name: str) -> object:
    """Import the public name *name* from its module, once (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'csg_otel' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"csg_otel.{_MODULE_OF[name]}"), name)
    # The import may have put a submodule of the same name here; the public name replaces it.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names without importing them."""
    return sorted({*globals(), *__all__})
