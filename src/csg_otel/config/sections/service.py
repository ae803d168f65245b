"""The section `service`: the identity of the program in its telemetry."""

from collections.abc import Mapping
from typing import Any

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class Service(Printed):
    """The identity of the program in its telemetry."""

    name: str | None = setting(
        None, "The service's name; by default the program's file name.", env=("OTEL_SERVICE_NAME",)
    )
    version: str | None = setting(None, "The service's version.")
    environment: str | None = setting(
        None,
        "The place it runs in (`development`, `staging`, ...); it also picks `environments.<name>`.",
        env=("CSG_OTEL_ENVIRONMENT",),
    )
    attributes: Mapping[str, Any] = setting(
        dict,
        "More resource attributes; `OTEL_RESOURCE_ATTRIBUTES` (`key=value,...`, percent-encoded) overrides them.",
    )
