"""
The OTLP exporters of the program's own providers, so that nothing is sent to a collector twice.

`opentelemetry-instrument` and this package read the same ``OTEL_EXPORTER_OTLP_*`` variables. OpenTelemetry's SDK has no
interface for it, so its objects are searched. The rule: an exporter of an unknown form is not found, and nothing raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EXPORTERS: Final = "opentelemetry.exporter.otlp."
_SDK: Final = "opentelemetry.sdk."
_MAX_DEPTH: Final = 6
"""Levels from a provider to its exporters: its multi-processor, a tuple, a processor, its batch, and one in reserve."""


@dataclass(frozen=True)
class Target:
    """Where an exporter sends."""

    endpoint: str
    """The URL; of a gRPC exporter host and port."""
    headers: Mapping[str, str]
    """Headers of each request, names in small letters."""


def targets(provider: Any, depth: int = _MAX_DEPTH) -> Iterator[Target]:
    """Yield the targets of the OTLP exporters below *provider*, a provider of the SDK or a part of one."""
    module = type(provider).__module__
    if module.startswith(_EXPORTERS):
        if target := _compat.otlp_target(provider):
            yield Target(*target)
    elif depth:
        is_group = isinstance(provider, (tuple, list, set, frozenset))
        parts = provider if is_group else getattr(provider, "__dict__", {}).values() if module.startswith(_SDK) else ()
        for part in tuple(parts):
            yield from targets(part, depth - 1)
