"""
The resource of this process: its service, its environment, and this distribution.

Importing this module does not import the SDK; only :func:`make_resource` does. So the service's name alone is quick to get.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csg_otel import attributes as clean
from csg_otel import environment, names
from csg_otel._version import VERSION
from csg_otel.host.identity import identity

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from csg_otel.config import Config


def service_name(config: Config) -> str:
    """Return the service's name as it is in the resource: the configured name, or else the name of the program."""
    return clean.text(config.service.name or _program_name())


def make_resource(config: Config) -> Resource:
    """
    Return the resource of all telemetry: host, process and container, the configured service, the SDK, and this distribution.

    What the configuration or ``OTEL_RESOURCE_ATTRIBUTES`` says of the host or the process wins.
    """
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
    detected = Resource(clean.clean(identity(environment.snapshot())))
    # Scrubbed by each destination and where it is shown, not here: the rules take as long as the rest of a start.
    return sanitize.resource(detected.merge(Resource.create(clean.clean(attributes))))


def of_this_process(resource: Resource) -> Resource:
    """Return *resource* of the parent with the process id of this forked child; without an id there it stays as it is."""
    from opentelemetry.sdk.resources import Resource

    if names.PROCESS_PID not in resource.attributes:
        return resource
    return Resource({**resource.attributes, names.PROCESS_PID: os.getpid()}, resource.schema_url)


def _program_name() -> str:
    """Return the name of the script or package; without one, the name that the semantic convention for resources defines."""
    script = sys.argv[0] if sys.argv else ""
    stem = os.path.splitext(os.path.basename(script))[0]  # noqa: PTH119, PTH122
    if stem not in ("__main__", "-m", ""):
        return stem
    package = getattr(sys.modules.get("__main__"), "__package__", "") or ""
    return package.split(".")[0] or (_package_of(script) if script else "") or "unknown_service:python"


def _package_of(script: str) -> str:
    """Return the package whose ``__main__.py`` is *script*; a spawned worker of multiprocessing has no other trace of it."""
    folder = Path(script).absolute().parent
    while (folder.parent / "__init__.py").exists():
        folder = folder.parent
    return folder.name
