"""
Turn environment variables into a layer of settings.

The seed's and our own variables come from the declarations; OpenTelemetry's that mean more than one setting are
translated here, those about OTLP in `otlp_env`. Takes a mapping and never reads the process. The one rule: a problem
names the variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from csg_otel.config.convert import duration
from csg_otel.config.tree import Node, Origin, Report, from_dotted, merge
from csg_otel.config.walk import PREFIX, every
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

# Variables of ours that are no setting of the file.
OURS: Final = ("CSG_OTEL_CONFIG",)
MILLISECONDS: Final[Mapping[str, str]] = {
    "OTEL_BSP_SCHEDULE_DELAY": "exporters.queue.delay",
    "OTEL_METRIC_EXPORT_INTERVAL": "exporters.metric_interval",
}
SAMPLERS: Final[Mapping[str, tuple[float | None, bool]]] = {
    "always_on": (1.0, False),
    "always_off": (0.0, False),
    "traceidratio": (None, False),
    "parentbased_always_on": (1.0, True),
    "parentbased_always_off": (0.0, True),
    "parentbased_traceidratio": (None, True),
}
_FOREIGN_SAMPLERS: Final = ("jaeger_remote", "parentbased_jaeger_remote", "xray")
_RESOURCE: Final[Mapping[str, str]] = {
    "service.name": "service.name",
    "service.version": "service.version",
    "deployment.environment": "service.environment",
    "deployment.environment.name": "service.environment",
}


def variable(name: str, value: object, path: str) -> Node:
    """Return *value*, which the variable *name* gave, as the setting *path*; it may still have to become a number."""
    return Node(value, Origin("environment", name), path, text=True, literal=False)


def layer(environ: Mapping[str, str], report: Report) -> Node | None:
    """Return the settings that *environ* gives, OTLP's aside; raises nothing, *report* gets the problems."""
    found = _translated(environ, report)
    for leaf in every():
        for name in reversed(leaf.variables):
            if name in environ:
                found[leaf.key] = variable(name, environ[name], leaf.key)
    return tree(found)


def tree(found: Mapping[str, Node]) -> Node | None:
    """Return nodes by dotted key as one tree, or None when there are none."""
    result: Node | None = None
    for path, node in found.items():
        result = merge(result, from_dotted({path: node}, {path: node.origin}))
    return result


def unknown(environ: Mapping[str, str], used: set[str]) -> list[str]:
    """Return a warning for each variable that begins as ours do and is neither a setting nor *used* in the file."""
    known = [name for leaf in every() for name in leaf.variables if name.startswith(PREFIX)] + list(OURS)
    given = sorted(name for name in environ if name.startswith(PREFIX) and name not in known and name not in used)
    return [f"variable {name}: is no setting{suggestion(name, known)}" for name in given]


def pairs(text: str) -> tuple[dict[str, str], list[str]]:
    """Return ``key=value,...`` with percent-decoded values as a dict, and the parts that are no pair."""
    found: dict[str, str] = {}
    broken: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = part.partition("=")
        if equals and key.strip():
            found[unquote(key.strip())] = unquote(value.strip())
        else:
            broken.append(part)
    return found, broken


def _translated(environ: Mapping[str, str], report: Report) -> dict[str, Node]:
    found: dict[str, Node] = {}
    _resource(environ, found, report)
    _sampler(environ, found, report)
    for name, path in MILLISECONDS.items():
        if name in environ:
            node = variable(name, environ[name], path)
            seconds = duration(f"{environ[name].strip()}ms")
            if seconds is None:
                report.problem(node, f"{environ[name]!r} is not a number of milliseconds")
            else:
                found[path] = node.with_value(seconds)
    return found


def _resource(environ: Mapping[str, str], found: dict[str, Node], report: Report) -> None:
    name = "OTEL_RESOURCE_ATTRIBUTES"
    attributes, broken = pairs(environ.get(name, ""))
    if broken:
        report.problem(variable(name, None, "service.attributes"), "a part is not key=value")
    for key, value in attributes.items():
        if key in _RESOURCE:
            found[_RESOURCE[key]] = variable(name, value, _RESOURCE[key])
        else:
            path = f'service.attributes["{key}"]'
            found[path] = Node(value, Origin("environment", name), path, literal=False)


def _sampler(environ: Mapping[str, str], found: dict[str, Node], report: Report) -> None:
    name, argument = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
    if not (given := environ.get(name, "").strip().lower()):
        return
    node = variable(name, given, "sampling.ratio")
    if given in _FOREIGN_SAMPLERS:
        report.warning(node, f"{given!r} is not supported and is ignored (known: {', '.join(SAMPLERS)})")
        return
    if given not in SAMPLERS:
        known = suggestion(given, tuple(SAMPLERS)) or f" (known: {', '.join(SAMPLERS)})"
        report.problem(node, f"{given!r} is not a sampler{known}")
        return
    ratio, parent_based = SAMPLERS[given]
    found["sampling.parent_based"] = variable(name, parent_based, "sampling.parent_based")
    if ratio is not None:
        found["sampling.ratio"] = node.with_value(ratio)
    elif argument in environ:
        found["sampling.ratio"] = variable(argument, environ[argument], "sampling.ratio")
    else:
        found["sampling.ratio"] = node.with_value(1.0)
