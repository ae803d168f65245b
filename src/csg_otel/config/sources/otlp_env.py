"""
OpenTelemetry's variables for exporters: the OTLP destinations, and the signals of each exporter.

``OTEL_EXPORTER_OTLP_*`` describe the destination ``otlp``, and their per-signal forms a destination ``otlp-<signal>``;
``OTEL_<SIGNAL>_EXPORTER`` choose exporters. Timeouts are seconds, as in OpenTelemetry's Python, and not milliseconds as in
its specification. The one rule: a destination of the file keeps every setting that no variable sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel import net
from csg_otel.config.sections.exporters import SIGNALS
from csg_otel.config.sources.env import NOT_A_PAIR, pairs, variable
from csg_otel.config.sources.exporter_list import unknown_exporter
from csg_otel.config.tree import Node, Origin, Report, from_plain, merge

if TYPE_CHECKING:
    from collections.abc import Mapping

OTLP: Final = "exporters.otlp"
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ENDPOINT": ("endpoint",),
    "PROTOCOL": ("protocol",),
    "HEADERS": ("headers",),
    "TIMEOUT": ("timeout",),
    "COMPRESSION": ("compression",),
    "INSECURE": ("tls", "insecure"),
    "CERTIFICATE": ("tls", "ca"),
    "CLIENT_KEY": ("tls", "key"),
    "CLIENT_CERTIFICATE": ("tls", "cert"),
}
METRICS: Final[Mapping[str, str]] = {
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "temporality",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "histograms",
}
CHOICES: Final = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")
_JSON, _PROTOBUF = "http/json", "http/protobuf"
EXPORTERS: Final = ("otlp", "console", "prometheus", "none")


def choices(environ: Mapping[str, str], report: Report) -> dict[str, tuple[set[str], str]]:
    """Return for each signal whose variable is set the exporters it names, and the variable."""
    chosen: dict[str, tuple[set[str], str]] = {}
    for signal in SIGNALS:
        name = f"OTEL_{signal.upper()}_EXPORTER"
        words = {word.strip().lower() for word in environ.get(name, "").split(",")} - {""}
        node = variable(name, None, "exporters")
        for word in sorted(words - set(EXPORTERS)):
            report.warning(node, f"{unknown_exporter(word, EXPORTERS)}; it is ignored")
        if usable := words & set(EXPORTERS):
            chosen[signal] = (usable - {"none"}, name)
    return chosen


def common(environ: Mapping[str, str], report: Report) -> Node | None:
    """Return the settings of the destination ``otlp`` in *environ*, or None."""
    node = _fields(environ, "OTEL_EXPORTER_OTLP_", report)
    for name, key in METRICS.items():
        if name in environ:
            child = variable(name, environ[name], f"{OTLP}.{key}")
            node = merge(node, Node({key: child}, child.origin, OTLP))
    return node


def parts(environ: Mapping[str, str], report: Report) -> list[Node]:
    """Return the settings in *environ* for all signals together and for each signal, whether a destination uses them or not."""
    prefixes = [f"OTEL_EXPORTER_OTLP_{signal.upper()}_" for signal in SIGNALS]
    nodes = [common(environ, report), *(_fields(environ, prefix, report) for prefix in prefixes)]
    return [node for node in nodes if node is not None]


def layer(environ: Mapping[str, str], written: Node | None, report: Report) -> Node | None:
    """Return the exporters' settings in *environ*, merged with those of *written*, the file's tree."""
    chosen = choices(environ, report)
    listed = written.at("exporters", "otlp") if written is not None else None
    before = list(listed.value) if listed is not None and isinstance(listed.value, list) else []
    after = _destinations(environ, list(before), chosen, report)
    after = [item for item in (_choose(item, chosen) for item in after) if item is not None]
    tree: Node | None = None
    if after != before:
        origin = next((item.origin for item in reversed(after) if item.origin.kind == "environment"), None)
        origin = origin or Origin(
            "environment", next((name for _, name in chosen.values()), "OTEL_EXPORTER_OTLP_ENDPOINT")
        )
        tree = _under(("exporters", "otlp"), Node(after, origin, OTLP))
    for keys, node in _others(chosen, written).items():
        tree = merge(tree, _under(keys, node))
    return tree


def _destinations(
    environ: Mapping[str, str], items: list[Node], chosen: Mapping[str, tuple[set[str], str]], report: Report
) -> list[Node]:
    """
    Return the OTLP destinations of the file, changed and completed by the variables.

    Args:
        environ: The environment.
        items: The destinations of the file.
        chosen: The exporters of each signal, as `choices` returns them.
        report: Receives the problems.
    """
    shared = common(environ, report)
    at = next((i for i, item in enumerate(items) if _word(item, "name", "otlp" if i == 0 else "") == "otlp"), None)
    chooser = next((name for words, name in chosen.values() if "otlp" in words), None)
    per_signal = {signal: _fields(environ, f"OTEL_EXPORTER_OTLP_{signal.upper()}_", report) for signal in SIGNALS}
    covered = {signal for signal, own in per_signal.items() if own is not None and own.get("endpoint") is not None}
    wanted = {signal for signal in SIGNALS if signal not in chosen or "otlp" in chosen[signal][0]}
    if at is None and ((shared is not None and shared.get("endpoint")) or (chooser and not items and wanted - covered)):
        origin = shared.origin if shared is not None else Origin("environment", str(chooser))
        items.append(from_plain({"name": "otlp"}, origin, OTLP))
        at = len(items) - 1
    if at is not None:
        items[at] = merge(items[at], shared) or items[at]
    for signal, own in per_signal.items():
        if own is None or (at is None and signal not in covered):
            continue
        base = items[at] if at is not None else shared
        items.append(_for_signal(signal, base, own))
        if at is not None:
            items[at] = _with_signals(items[at], [word for word in _signals(items[at]) if word != signal], own.origin)
    return items


def _for_signal(signal: str, base: Node | None, own: Node) -> Node:
    endpoint = own.get("endpoint")
    extra: dict[str, Any] = {"name": f"otlp-{signal}", "signals": [signal]}
    if endpoint is not None:
        extra["append_path"] = False  # specification: a per-signal endpoint is used unchanged
    destination = merge(merge(base, own), from_plain(extra, (endpoint or own).origin, OTLP))
    return destination if destination is not None else own


def _fields(environ: Mapping[str, str], prefix: str, report: Report) -> Node | None:
    node: Node | None = None
    for suffix, keys in FIELDS.items():
        name = f"{prefix}{suffix}"
        if name not in environ:
            continue
        path = ".".join((OTLP, *keys))
        value = variable(name, environ[name].strip(), path)
        if suffix == "HEADERS":
            headers = _headers(value, report)
            if not headers:
                continue
            value = from_plain(headers, value.origin, path)
        elif suffix == "PROTOCOL" and str(value.value).lower() == _JSON:
            report.warning(value, f"{_JSON} is not supported; {_PROTOBUF} is used, which the same endpoints accept")
            value = value.with_value(_PROTOBUF)
        node = merge(node, _under(keys, value))
    return node


def _headers(node: Node, report: Report) -> dict[str, str]:
    """Return the headers in the variable *node* that can be sent; the others go to *report*, without their values."""
    headers, broken = pairs(str(node.value))
    if broken:
        report.warning(node, f"{NOT_A_PAIR}; it is ignored")
    for name, value in tuple(headers.items()):
        try:
            net.check_headers({name: value})
        except ValueError as error:
            report.warning(node, f"{error}; it is ignored")
            del headers[name]
    return headers


def _choose(item: Node, chosen: Mapping[str, tuple[set[str], str]]) -> Node | None:
    """Return a destination without the signals whose variable does not name OTLP; None if no signal remains."""
    dropped = {signal: name for signal, (words, name) in chosen.items() if "otlp" not in words}
    before = _signals(item)
    after = [signal for signal in before if signal not in dropped]
    if after == before:
        return item
    name = next(iter(dropped.values()))
    return _with_signals(item, after, Origin("environment", name)) if after else None


def _others(chosen: Mapping[str, tuple[set[str], str]], written: Node | None) -> dict[tuple[str, ...], Node]:
    """Return the settings of console, Prometheus and Datadog that follow from the choice."""
    settings: dict[tuple[str, ...], Node] = {}
    if not chosen:
        return settings
    console = written.at("exporters", "console") if written is not None else None
    before = _signals(console) if console is not None else list(SIGNALS)
    shown = [s for s in SIGNALS if (("console" in chosen[s][0]) if s in chosen else s in before)]
    named = next((name for words, name in chosen.values() if "console" in words), None)
    first = Origin("environment", named or next(name for _, name in chosen.values()))
    if shown != before:
        settings["exporters", "console", "signals"] = from_plain(shown, first, "exporters.console.signals")
    if named or not shown:
        settings["exporters", "console", "enabled"] = from_plain(bool(named), first, "exporters.console.enabled")
    if "metrics" in chosen:
        words, name = chosen["metrics"]
        keys = ("system_monitoring", "prometheus", "enabled")
        settings[keys] = from_plain("prometheus" in words, Origin("environment", name), ".".join(keys))
    datadog = written.at("exporters", "datadog") if written is not None else None
    if datadog is not None:
        kept = [s for s in _signals(datadog) if s not in chosen or "otlp" in chosen[s][0]]
        if kept != _signals(datadog):
            settings["exporters", "datadog", "signals"] = from_plain(kept, first, "exporters.datadog.signals")
    return settings


def _under(keys: tuple[str, ...], node: Node) -> Node:
    for at in range(len(keys) - 1, -1, -1):
        node = Node({keys[at]: node}, node.origin, ".".join(keys[:at]))
    return node


def _word(item: Node, key: Literal["name"], default: str) -> str:
    child = item.get(key)
    return str(child.value) if child is not None and child.value is not None else default


def _signals(item: Node) -> list[str]:
    child = item.get("signals")
    if child is None or not isinstance(child.value, list):
        return list(SIGNALS)
    return [str(word.value).lower() for word in child.value]


def _with_signals(item: Node, signals: list[str], origin: Origin) -> Node:
    if not isinstance(item.value, dict):
        return item
    return item.with_value({**item.value, "signals": from_plain(signals, origin, f"{OTLP}.signals")})
