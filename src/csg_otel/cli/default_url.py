"""The default address of the running program's endpoints, for the commands that request something from it."""

from __future__ import annotations

from csg_otel import environment

_PORT_VARIABLES = ("CSG_OTEL_SYSTEM_MONITORING_PROMETHEUS_PORT", "PROMETHEUS_PORT", "OTEL_EXPORTER_PROMETHEUS_PORT")
"""The variables of ``system_monitoring.prometheus.port``, by precedence; reading the file would cost a probe too much."""

_LAST_PORT = 65_535


def default_url() -> str:
    """Return ``http://127.0.0.1:8081``, or the same with the port in the environment."""
    variables = environment.snapshot()
    ports = (variables.get(name, "").strip() for name in _PORT_VARIABLES)
    return f"http://127.0.0.1:{next(filter(_is_port, ports), '8081')}"


def _is_port(text: str) -> bool:
    """Return whether *text* is the number of a port; Kubernetes may set ``PROMETHEUS_PORT=tcp://10.0.0.1:9090``."""
    return text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _LAST_PORT
