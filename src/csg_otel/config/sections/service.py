"""The section `service`: the identity of the program in its telemetry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from csg_otel.config.sections.fields import setting


@dataclass(frozen=True, kw_only=True)
class Service:
    """Who the telemetry is about."""

    name: str | None = setting(
        None, "The service's name; by default the program's file name.", env=("OTEL_SERVICE_NAME",)
    )
    version: str | None = setting(None, "The service's version.")
    environment: str | None = setting(
        None,
        "Where it runs (`development`, `staging`, ...); also picks `environments.<name>`.",
        env=("CSG_OTEL_ENVIRONMENT",),
    )
    attributes: Mapping[str, Any] = setting(
        dict,
        "Further resource attributes; `OTEL_RESOURCE_ATTRIBUTES` (`key=value,...`, percent-encoded) goes over them.",
    )
