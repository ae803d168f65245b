"""The resource of a program that sends OTLP: who it is, and its attributes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.semconv.attributes import service_attributes

from csg_otel import names
from csg_otel.dashboard.otlp import values
from csg_otel.dashboard.store.convert import attributes

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Attributes

_UNKNOWN = "unknown_service"
"""OpenTelemetry's name of a service without one."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program: the name of its service, its instance (empty if unknown), and the attributes of its resource."""

    service: str
    instance: str
    attributes: Attributes


def program(resource: Any) -> Program:
    """Return the program that the protobuf message *resource* describes."""
    return of(attributes(values.mapping(resource.attributes)))


def of(kept: Attributes) -> Program:
    """Return the program whose resource has the attributes *kept*."""
    service = str(kept.get(service_attributes.SERVICE_NAME) or _UNKNOWN)
    return Program(service, str(kept.get(names.SERVICE_INSTANCE_ID) or _process(kept)), kept)


def _process(kept: Attributes) -> str:
    """Return host and process id, for SDKs that make no instance id."""
    return ":".join(str(kept[key]) for key in (names.HOST_NAME, names.PROCESS_PID) if kept.get(key))
