"""
The component of a queue: its exporter and its processor, as OpenTelemetry's semantic conventions describe them.

A destination's name is part of the component's name, not a number: a number would change with the order of the settings, and
could be that of a component of the SDK that the program uses itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry.semconv._incubating.attributes.otel_attributes import OtelComponentTypeValues

from csg_otel import names

_PROCESSORS = {
    "traces": OtelComponentTypeValues.BATCHING_SPAN_PROCESSOR.value,
    "logs": OtelComponentTypeValues.BATCHING_LOG_PROCESSOR.value,
}

Attributes = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Component:
    """
    The exporter of one signal of one destination.

    ``kind`` is its ``otel.component.type``; ``address`` and ``port`` are those of the server. ``units`` returns the number of
    spans, log records or data points in a request, from its bytes and its number of items in the queue.
    """

    destination: str
    signal: str
    kind: str
    address: str
    port: int | None
    units: Callable[[bytes, int], int]

    @property
    def exporter(self) -> Attributes:
        """The attributes of the exporter."""
        attributes = self._named(self.kind)
        if self.address:
            attributes[names.SERVER_ADDRESS] = self.address
        if self.port is not None:
            attributes[names.SERVER_PORT] = self.port
        return attributes

    @property
    def processor(self) -> Attributes:
        """The attributes of the processor. Raises KeyError for metrics, which have none."""
        return self._named(_PROCESSORS[self.signal])

    def _named(self, kind: str) -> Attributes:
        return named(kind, self.destination)


def named(kind: str, name: str) -> Attributes:
    """Return the attributes of a component of the type *kind*."""
    return {names.COMPONENT_TYPE: kind, names.COMPONENT_NAME: f"{kind}/{name}"}
