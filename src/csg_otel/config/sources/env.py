"""
Turn environment variables into a layer of settings.

The declarations of the settings list most variables. This module translates OpenTelemetry's variables that set more than
one setting; `otlp_env` those for OTLP. Pure: the environment is an argument. The one rule: a problem names the variable.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from csg_otel.config.convert import duration
from csg_otel.config.tree import Node, Origin, Report, from_dotted, merge
from csg_otel.config.walk import PREFIX, every
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

# Variables with our prefix that are not settings of the file.
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
_HOST: Final = "_SERVICE_HOST"
_SERVICE_LINK: Final = re.compile(r"_SERVICE_(HOST|PORT\w*)|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?")
"""What follows the name of a Service in the variables that Kubernetes sets for it."""
NOT_A_PAIR: Final = "a part is not key=value; write key=value,key=value"
_RESOURCE: Final[Mapping[str, str]] = {
    "service.name": "service.name",
    "service.version": "service.version",
    "deployment.environment": "service.environment",
    "deployment.environment.name": "service.environment",
}


def variable(name: str, value: object, path: str) -> Node:
    """Return *value* of the variable *name* as a node of the setting *path*; the text may still become a number."""
    return Node(value, Origin("environment", name), path, text=True, literal=False)


def layer(environ: Mapping[str, str], report: Report) -> Node | None:
    """Return the settings in *environ*, except those for OTLP; problems go to *report*."""
    nodes = _translated(environ, report)
    for leaf in every():
        for name in reversed(leaf.variables):
            if name in environ:
                nodes[leaf.key] = variable(name, environ[name], leaf.key)
    return tree(nodes)


def tree(nodes: Mapping[str, Node]) -> Node | None:
    """Return *nodes* by dotted key as one tree, or None if there are none."""
    result: Node | None = None
    for path, node in nodes.items():
        result = merge(result, from_dotted({path: node}, {path: node.origin}))
    return result


def unknown(environ: Mapping[str, str], used: set[str]) -> list[str]:
    """Return a warning for each variable with our prefix that is no setting and not *used* in the file; one for a Service."""
    settings = [name for leaf in every() for name in leaf.variables if name.startswith(PREFIX)] + list(OURS)
    strange = sorted(name for name in environ if name.startswith(PREFIX) and name not in settings and name not in used)
    services = [name.removesuffix(_HOST) for name in strange if name.endswith(_HOST)]
    rest = [name for name in strange if not any(_SERVICE_LINK.fullmatch(name.removeprefix(it)) for it in services)]
    return [
        *(f"variables {it}_SERVICE_* and {it}_PORT*: Kubernetes sets them for a Service; ignored" for it in services),
        *(f"variable {name}: unknown setting; it is ignored{suggestion(name, settings)}" for name in rest),
    ]


def pairs(text: str) -> tuple[dict[str, str], list[str]]:
    """Return the pairs of ``key=value,...``, percent-decoded, and the parts that are no pair."""
    values: dict[str, str] = {}
    broken: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = part.partition("=")
        if equals and key.strip():
            values[unquote(key.strip())] = unquote(value.strip())
        else:
            broken.append(part)
    return values, broken


def _translated(environ: Mapping[str, str], report: Report) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    _resource(environ, nodes, report)
    _sampler(environ, nodes, report)
    for name, path in MILLISECONDS.items():
        if name in environ:
            node = variable(name, environ[name], path)
            seconds = duration(f"{environ[name].strip()}ms")
            if seconds is None:
                report.problem(node, f"{environ[name]!r} is not a number of milliseconds")
            else:
                nodes[path] = node.with_value(seconds)
    return nodes


def _resource(environ: Mapping[str, str], nodes: dict[str, Node], report: Report) -> None:
    name = "OTEL_RESOURCE_ATTRIBUTES"
    attributes, broken = pairs(environ.get(name, ""))
    if broken:
        report.warning(variable(name, None, "service.attributes"), f"{NOT_A_PAIR}; it is ignored")
    for key, value in attributes.items():
        if key in _RESOURCE:
            nodes[_RESOURCE[key]] = variable(name, value, _RESOURCE[key])
        else:
            path = f'service.attributes["{key}"]'
            nodes[path] = Node(value, Origin("environment", name), path, literal=False)


def _sampler(environ: Mapping[str, str], nodes: dict[str, Node], report: Report) -> None:
    name, argument = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
    if not (word := environ.get(name, "").strip().lower()):
        return
    node = variable(name, word, "sampling.ratio")
    if word not in SAMPLERS:
        hint = suggestion(word, tuple(SAMPLERS)) or f" (known: {', '.join(SAMPLERS)})"
        report.problem(node, f"{word!r} is not a sampler{hint}")
        return
    ratio, parent_based = SAMPLERS[word]
    if ratio == 0.0:  # no span at all, so failed and slow ones are not kept either
        nodes["sampling.always_keep_errors"] = variable(name, False, "sampling.always_keep_errors")
        nodes["sampling.slower_than"] = variable(name, None, "sampling.slower_than")
    nodes["sampling.parent_based"] = variable(name, parent_based, "sampling.parent_based")
    if ratio is not None:
        nodes["sampling.ratio"] = node.with_value(ratio)
    elif argument in environ:
        nodes["sampling.ratio"] = variable(argument, environ[argument], "sampling.ratio")
    else:
        nodes["sampling.ratio"] = node.with_value(1.0)
