"""
Datadog's monitors: one per rule, burn-rate monitors of objectives, the webhooks that they call, and downtimes.

Pure. Each resource carries tags that name its owner (``managed_by``, ``csg_service``, ``csg_rule``) and a hash of its content,
so that a second push changes nothing. The rules: text from the configuration mentions no person (no ``@``) and contains no
template (no ``{{``); the file contains no secret, only the name of the variable that holds it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import conditions, slo
from csg_otel.alerts.datadog import query
from csg_otel.alerts.datadog.notify import channel_handles, downtimes, escalated, left_out, webhooks
from csg_otel.alerts.text import digest, json_file, number
from csg_otel.errors import AlertError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.datadog.query import Value
    from csg_otel.alerts.message import Place
    from csg_otel.alerts.model import AlertSpec, Objective, Rule

FILE: Final = "datadog-monitors.json"
"""Name of the compiled file."""

OWNED: Final = "managed_by:csg_otel"
"""The tag of every resource that this package creates."""

_PRIORITIES: Final = {"emergency": 1, "critical": 2, "warning": 3, "info": 5}
_OTHER_PRIORITY: Final = 3
"""The priority of a severity that is a word of the user."""

_OPERATORS: Final = {"greater_than": ">", "less_than": "<", "greater_than_or_equal": ">=", "less_than_or_equal": "<="}
_TIMEFRAMES_D: Final = (7, 30, 90)
_LONGEST_BURN_S: Final = 48 * 3600.0
"""Datadog looks back two days at most for a burn rate (docs.datadoghq.com, "Burn rate alerts")."""


def compile_files(spec: AlertSpec, _catalog: Catalog, _options: Options) -> dict[str, str]:
    """Return the file of *spec* by its name. Raises AlertError for a rule whose filters match nothing."""
    problems: list[str] = []
    monitors, skipped = [], []
    for rule in spec.rules:
        values = query.values(rule, spec.service)
        if not values:
            filters = ", ".join(f"{key}={value}" for key, _, value in rule.filters)
            problems.append(f"{rule.path}.filters: {rule.ref.name!r} has no series with {filters}; change the filters")
        monitors += [_monitor(spec, rule, value) for value in values]
    objectives = []
    for objective in spec.objectives:
        if objective.counted.ref is None or objective.total.ref is None:
            skipped.append(f"objective {objective.name!r}: Datadog does not evaluate PromQL; name metrics instead")
            continue
        objectives.append(_objective(spec, objective))
        monitors += _burns(spec, objective)
    if problems:
        raise AlertError(problems)
    hooks, variables, hooks_left_out = webhooks(spec)
    labels = {"alertname", "severity", *dict(spec.service_labels)}
    labels |= {key for rule in spec.rules for key, _ in rule.labels}
    labels |= {key for objective in spec.objectives for key, _ in objective.labels}
    notifying_left_out = left_out(spec, frozenset(labels))
    muted, downtimes_left_out = downtimes(spec, owner(spec))
    content = {
        "monitors": monitors,
        "slos": objectives,
        "webhooks": hooks,
        "webhook_variables": variables,
        "downtimes": muted,
        "left_out": skipped + notifying_left_out + hooks_left_out + downtimes_left_out,
    }
    return {FILE: json_file(content)}


def identity(name: str) -> str:
    """Return *name* as the value of a tag; two names that become equal as tags get a hash, so that they stay different."""
    value = query.tag(name)[:100]
    return value if value == name else f"{value}-{digest(name)[:8]}"


def owner(spec: AlertSpec) -> tuple[str, str]:
    """Return the tags of the resources that a push of *spec* may change or remove."""
    return (OWNED, f"csg_service:{identity(spec.service) if spec.service else 'none'}")


def tagged(spec: AlertSpec, key: str, resource: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """
    Return *resource* with the tags by which a push recognizes it.

    Args:
        spec: the specification, whose service owns the resource.
        key: the tag that identifies the resource among those of the service.
        resource: the body of the resource, without tags.
        tags: further tags; by default none.
    """
    all_tags = [*owner(spec), key, *tags]
    content = json.dumps({**resource, "tags": all_tags}, ensure_ascii=False, sort_keys=True)
    return {**resource, "tags": [*all_tags, f"csg_hash:{digest(content)}"]}


# -- rules --------------------------------------------------------------------------------------------------------------


def _monitor(spec: AlertSpec, rule: Rule, value: Value) -> dict[str, Any]:
    part = " ".join(text for _, text in value.labels)
    name = f"{rule.name} {part}".strip()
    compared, limit = _compared(rule, value.query)
    monitor = {
        "name": f"[{spec.service}] {name}" if spec.service else name,
        "type": "query alert",
        "query": compared,
        "message": _message(spec, rule),
        "priority": _PRIORITIES.get(rule.severity, _OTHER_PRIORITY),
        "options": {
            "thresholds": {"critical": limit},
            "include_tags": True,
            "require_full_window": False,
            "on_missing_data": "show_and_notify_no_data" if rule.no_data else "resolve",
            **_repeated(spec, rule.severity),
        },
    }
    tags = (f"severity:{rule.severity}", *(query.tag(f"{key}:{text}") for key, text in rule.labels))
    return tagged(spec, f"csg_rule:{identity(name)}", monitor, tags)


def _compared(rule: Rule, value: str) -> tuple[str, float]:
    """
    Return the query with its comparison, and the threshold, which the options must repeat.

    Datadog has no ``for``. Instead the comparison uses the extreme point of that time: the lowest for "greater", the highest
    for "less". If it meets the condition, so do all other points.
    """
    lasting = query.window(rule.for_s)
    if rule.condition in _OPERATORS:
        extreme = "min" if rule.condition.startswith("greater") else "max"
        return f"{extreme}({lasting}):{value} {_OPERATORS[rule.condition]} {number(rule.threshold)}", rule.threshold
    distance = f"abs({value} - {number(rule.threshold)})"
    margin = 0.0 if float(rule.threshold).is_integer() else abs(rule.threshold) * conditions.TOLERANCE
    extreme, operator = ("max", "<=") if rule.condition == "equals" else ("min", ">")
    return f"{extreme}({lasting}):{distance} {operator} {number(margin)}", margin


def _message(spec: AlertSpec, rule: Rule) -> str:
    lines = [rule.message.write(inert, lambda place: _place(rule, place))]
    if rule.no_data:
        lines.append(f"{{{{#is_no_data}}}}There is no data of {inert(rule.ref.name)}.{{{{/is_no_data}}}}")
    if rule.runbook_url:
        lines.append(f"Runbook: {inert(rule.runbook_url)}")
    return "\n\n".join([*lines, *_mentions(spec, _labels(rule, rule.severity))])


def _labels(source: Rule | Objective, severity: str) -> dict[str, str]:
    """Return the labels that an alert of *source* has, as far as they do not depend on its series."""
    return {**dict(source.labels), "alertname": source.alert, "severity": severity}


def _mentions(spec: AlertSpec, labels: Mapping[str, str]) -> list[str]:
    """Return the line with the handles of the first notification and of repeated ones; an empty list without handles."""
    first = " ".join(channel_handles(spec, labels))
    later = " ".join(escalated(spec, labels["severity"])[1])
    if not later:
        return [first] if first else []
    at_first = f"{{{{^is_renotify}}}}{first}{{{{/is_renotify}}}}" if first else ""
    return [f"{at_first}{{{{#is_renotify}}}}{later}{{{{/is_renotify}}}}"]


def _repeated(spec: AlertSpec, severity: str) -> dict[str, Any]:
    options, handles = escalated(spec, severity)
    return {**options, "renotify_statuses": ["alert"]} if handles else {}


def _place(rule: Rule, place: Place) -> str:
    if place.kind == "value":
        return "{{value}}"
    if place.kind == "percent":
        return '{{eval "round(100*value, 2)"}} %'
    if place.kind == "threshold":
        return number(rule.threshold)
    attribute = rule.ref.attribute(place.name)
    key = attribute[0] if attribute else place.name
    if rule.ref.alias:
        if key in (constants := query.constants(rule.ref.name)):
            return constants[key]
        key = next((part.tags[key] for part in query.ALIASES[rule.ref.name] if key in part.tags), key)
    return f"{{{{[{query.tag(key)}].name}}}}" if "." in key else f"{{{{{query.tag(key)}.name}}}}"


def inert(text: str) -> str:
    """Return *text* without mentions and templates: ``@`` becomes a full-width character, double braces are separated."""
    return re.sub(r"\{(?=\{|$)", "{ ", re.sub(r"@", "\N{FULLWIDTH COMMERCIAL AT}", text))


# -- objectives ---------------------------------------------------------------------------------------------------------


def _timeframe(objective: Objective) -> str:
    days = objective.window_s / 86_400
    return f"{min(_TIMEFRAMES_D, key=lambda timeframe: abs(timeframe - days))}d"


def _objective(spec: AlertSpec, objective: Objective) -> dict[str, Any]:
    assert objective.counted.ref is not None and objective.total.ref is not None  # noqa: S101, PT018 - the caller checks both
    counted = query.counted(objective.counted, objective.counted.ref, spec.service)
    total = query.counted(objective.total, objective.total.ref, spec.service)
    resource = {
        "name": objective.name,
        "type": "metric",
        "description": objective.description,
        "query": {"numerator": counted if objective.inverted else f"{total} - {counted}", "denominator": total},
        "thresholds": [{"timeframe": _timeframe(objective), "target": round(100 * objective.objective, 9)}],
    }
    return tagged(spec, f"csg_slo:{identity(objective.name)}", resource)


def _burns(spec: AlertSpec, objective: Objective) -> list[dict[str, Any]]:
    """Return the burn-rate monitors of *objective*; ``${slo:...}`` stands for the objective's id, which a push fills in."""
    monitors = []
    for severity, burns in slo.BURNS:
        for share, window_s, _ in burns:
            long_s = min(window_s, _LONGEST_BURN_S)
            limit = slo.factor(objective, share, long_s)
            name = f"{objective.name} burns its error budget ({number(long_s / 3600)} h)"
            burn = f'burn_rate("${{slo:{identity(objective.name)}}}").over("{_timeframe(objective)}")'
            windows = f'.long_window("{number(long_s / 3600)}h").short_window("{number(long_s / 12 / 60)}m")'
            runbook = [f"Runbook: {inert(objective.runbook_url)}"] if objective.runbook_url else []
            text = [
                f"The error budget of {inert(objective.name)} burns {number(limit)} times faster than it may.",
                *runbook,
            ]
            monitor = {
                "name": f"[{spec.service}] {name}" if spec.service else name,
                "type": "slo alert",
                "query": f"{burn}{windows} > {number(limit)}",
                "message": "\n\n".join([*text, *_mentions(spec, _labels(objective, severity))]),
                "priority": _PRIORITIES.get(severity, _OTHER_PRIORITY),
                "options": {
                    "thresholds": {"critical": limit},
                    "include_tags": True,
                    **_repeated(spec, severity),
                },
            }
            tags = (f"severity:{severity}", *(query.tag(f"{key}:{text}") for key, text in objective.labels))
            monitors.append(tagged(spec, f"csg_rule:{identity(name)}", monitor, tags))
    return monitors
