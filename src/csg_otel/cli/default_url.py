"""The default address of the running program's endpoints, for the commands that request something from it."""

from __future__ import annotations

from csg_otel import environment

_PORT_VARIABLES = ("CSG_OTEL_SYSTEM_MONITORING_PROMETHEUS_PORT", "PROMETHEUS_PORT", "OTEL_EXPORTER_PROMETHEUS_PORT")
"""The variables of ``system_monitoring.prometheus.port``, by precedence; reading the file would cost a probe too much."""


def default_url() -> str:
    """Return ``http://127.0.0.1:8081``, or the same with the port in the environment."""
    variables = environment.snapshot()
    port = next((variables[name] for name in _PORT_VARIABLES if variables.get(name)), "8081")
    return f"http://127.0.0.1:{port}"
