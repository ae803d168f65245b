"""
Settings that a program gives in code: dotted keys, the short names of `ARGUMENTS`, and a list of exporters.

Pure. The one rule: a setting from code wins over every other source, so its origin names the argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel.config.sources import otlp_env
from csg_otel.config.sources.exporter_list import CONFIGURED, exporter_overrides
from csg_otel.config.tree import Node, Origin, Report, from_dotted, merge
from csg_otel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

ARGUMENTS: Final[Mapping[str, str]] = {
    "service_name": "service.name",
    "service_version": "service.version",
    "environment": "service.environment",
    "resource_attributes": "service.attributes",
}
"""Short names for settings; ``exporters`` may also be a list of names and URLs."""
PARAMETERS: Final = ("service_name", "config", "exporters", "environment", "on_error", "handle_signals", "auto")
"""The parameters of ``instrument()``."""
_LISTS: Final = (list, tuple, set, frozenset, str)


def names_exporters(code: Mapping[str, Any]) -> bool:
    """Return whether *code* names its exporters, which replaces the choice made by file and environment."""
    return isinstance(code.get("exporters"), _LISTS)


def layer(code: Mapping[str, Any], report: Report) -> Node | None:
    """Return the settings in *code* as a tree; problems go to *report*."""
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    if names_exporters(code):
        specs = code["exporters"]
        try:
            values.update(exporter_overrides([specs] if isinstance(specs, str) else list(specs)))
        except ConfigError as error:
            report.problems.update(dict.fromkeys(error.problems))
        origins.update(dict.fromkeys(values, Origin("code", "exporters")))
    for key, value in code.items():
        if value is not None and not (key == "exporters" and names_exporters(code)):
            path = ARGUMENTS.get(key, key)
            values[path] = value
            origins[path] = Origin("code", key)
    tree: Node | None = None
    # A list replaces another list as a whole, so all keys with an index are turned into lists in one step.
    single = [[path] for path in values if "[" not in path]
    for group in (*single, [path for path in values if "[" in path]):
        try:
            tree = merge(tree, from_dotted({path: values[path] for path in group}, origins))
        except ConfigError as error:
            report.problems.update(dict.fromkeys(error.problems))
    return tree


def complete(arguments: Node | None, below: Node | None, environ: Mapping[str, str], report: Report) -> Node | None:
    """
    Return *arguments* with its OTLP destinations completed.

    Args:
        arguments: The settings in code, as `layer` returns them.
        below: The settings of file and environment; a bare ``otlp`` in code stands for their destinations.
        environ: The environment; its OTLP headers, timeout and TLS hold for destinations named in code, too.
        report: Receives the problems.
    """
    listed = arguments.at("exporters", "otlp") if arguments is not None else None
    if arguments is None or listed is None or listed.origin.where != "exporters" or not isinstance(listed.value, list):
        return arguments
    shared = otlp_env.common(environ, report)
    lower = below.at("exporters", "otlp") if below is not None else None
    configured = lower.value if lower is not None and isinstance(lower.value, list) else []
    destinations: list[Node] = []
    for item in listed.value:
        bare = isinstance(item.value, dict) and set(item.value) == set(CONFIGURED)
        destinations.extend(configured if bare and configured else [merge(shared, item) or item])
    return merge(arguments, from_dotted({listed.path: listed.with_value(destinations)}, {listed.path: listed.origin}))
