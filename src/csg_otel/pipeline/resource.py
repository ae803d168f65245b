"""
The resource of this process: its service, its environment, and this distribution.

Importing this module does not import the SDK; only :func:`make_resource` does. So the service's name alone is quick to get.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from csg_otel import attributes as clean
from csg_otel import names
from csg_otel._version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from csg_otel.config import Config


def service_name(config: Config) -> str:
    """Return the service's name as it is in the resource: the configured name, or else the name of the program."""
    return clean.text(config.service.name or _program_name())


def make_resource(config: Config) -> Resource:
    """Return the resource of all telemetry: the configured service, the SDK, and this distribution."""
    from opentelemetry.sdk.resources import Resource

    from csg_otel.pipeline import sanitize

    service = config.service
    attributes: dict[str, Any] = dict(service.attributes)
    attributes["service.name"] = service_name(config)
    if service.version:
        attributes["service.version"] = service.version
    if service.environment:
        attributes["deployment.environment.name"] = service.environment
    attributes["telemetry.distro.name"] = names.SCOPE
    attributes["telemetry.distro.version"] = VERSION
    return sanitize.resource(Resource.create(clean.clean(attributes)))


def _program_name() -> str:
    """Return the name of the script or package; without one, the name that the semantic convention for resources defines."""
    main = sys.modules.get("__main__")
    package = getattr(main, "__package__", "") or ""
    stem = os.path.splitext(os.path.basename(sys.argv[0] if sys.argv else ""))[0]  # noqa: PTH119, PTH122
    name = package.split(".")[0] if stem in ("__main__", "-m", "") else stem
    return name or "unknown_service:python"
