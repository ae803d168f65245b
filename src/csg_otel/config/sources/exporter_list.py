"""
The exporters that a program lists in code, as settings.

``exporters=["console", "otlp://localhost:4317"]`` switches these on and all others off. Independent of file and
environment. The one rule: an unknown name is an error that lists the known names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from csg_otel.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KNOWN: Final = ("console", "datadog", "otlp", "prometheus")
_SCHEMES: Final = {
    "otlp": ("http", "grpc"),
    "otlps": ("https", "grpc"),
    "otlp+grpc": ("http", "grpc"),
    "otlp+http": ("http", "http/protobuf"),
    "otlp+https": ("https", "http/protobuf"),
}
_PORTS: Final = {"grpc": 4317, "http/protobuf": 4318}
CONFIGURED: Final = {"name": "otlp"}
"""The form of a bare ``otlp``: the destinations of file and environment, or the local collector if there are none."""


def unknown_exporter(name: str, names: Sequence[str]) -> str:
    """Return the message for the exporter *name*, which is not one of *names*."""
    listed = f"known: {', '.join(sorted(names))}"
    hint = suggestion(name, names)
    return f"unknown exporter {name!r} " + (f"{hint[1:-1]} {listed})" if hint else f"({listed})")


def exporter_overrides(specs: Iterable[str]) -> dict[str, Any]:
    """
    Return the settings, by dotted key, for the exporters *specs*; all other exporters are switched off.

    Each is ``console``, ``prometheus``, ``datadog``, ``otlp`` or a URL: ``otlp://host:4317`` (gRPC), ``otlps://`` (gRPC
    with TLS), ``otlp+http://host:4318``, ``otlp+https://``. Raises `ConfigError` with every unknown one.
    """
    destinations: list[dict[str, Any]] = []
    names: set[str] = set()
    problems: list[str] = []
    for spec in [specs] if isinstance(specs, str) else specs:
        word = str(spec).strip()
        if word.lower() in KNOWN:
            names.add(word.lower())
            if word.lower() == "otlp":
                destinations.append(dict(CONFIGURED))
        elif "://" in word:
            destination, problem = _destination(word, len(destinations))
            destinations.append(destination)
            problems.extend([problem] if problem else [])
        else:
            problems.append(unknown_exporter(word, KNOWN))
    if problems:
        raise ConfigError([f"argument exporters: {problem}" for problem in problems])
    overrides: dict[str, Any] = {
        "exporters.console.enabled": "console" in names,
        "exporters.otlp": destinations,
        "exporters.datadog.enabled": "datadog" in names,
        "system_monitoring.prometheus.enabled": "prometheus" in names,
    }
    if "otlp" not in names:
        overrides["integrations.external_monitoring.new_relic.enabled"] = False
        overrides["integrations.external_monitoring.elastic_apm.enabled"] = False
    return overrides


def _destination(spec: str, before: int) -> tuple[dict[str, Any], str]:
    scheme, _, rest = spec.partition("://")
    name = "otlp" if before == 0 else f"otlp-{before + 1}"
    if scheme.lower() not in _SCHEMES:
        return {}, unknown_exporter(scheme, (*KNOWN, *_SCHEMES))
    transport, protocol = _SCHEMES[scheme.lower()]
    try:
        parts = urlsplit(f"{transport}://{rest}")
        port = parts.port or _PORTS[protocol]
    except ValueError:  # its text may have a part of a password
        return {}, "the exporter's address is not host:port"
    if not parts.hostname or parts.username is not None or parts.query:
        return {}, "an exporter's address must be scheme://host:port; write headers and credentials in exporters.otlp"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return {"name": name, "endpoint": f"{transport}://{host}:{port}{parts.path.rstrip('/')}", "protocol": protocol}, ""
