"""The address of the running program's endpoints by its configuration, for the commands that request something there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel.errors import CsgOtelError

if TYPE_CHECKING:
    from csg_otel.config import Config

_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""The address by which a program on this machine reaches a server that listens on all addresses."""


def url(config: Config) -> str:
    """Return the URL without a path. Raises CsgOtelError if the program chooses its port itself, or serves nothing."""
    endpoint = config.system_monitoring.prometheus
    if not (endpoint.enabled or config.health_monitoring.enabled):
        raise CsgOtelError(
            "the program serves no endpoints, because system_monitoring.prometheus and health_monitoring are off; "
            "switch one of them on"
        )
    if not endpoint.port:
        raise CsgOtelError(
            "system_monitoring.prometheus.port is 0, so the program takes a free port; give its address with --url"
        )
    host = _LOOPBACK.get(endpoint.host, endpoint.host)
    return f"http://[{host}]:{endpoint.port}" if ":" in host else f"http://{host}:{endpoint.port}"
