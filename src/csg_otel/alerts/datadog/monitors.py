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

from csg_otel.alerts import routing, slo, wording
from csg_otel.alerts.datadog import query, terms
from csg_otel.alerts.datadog.notify import channel_handles, downtimes, escalated, left_out, webhooks
from csg_otel.alerts.datadog.query import InexpressibleError
from csg_otel.alerts.refusals import refuse
from csg_otel.alerts.text import digest, json_file, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.message import Place
    from csg_otel.alerts.model import AlertSpec, Objective, Rule
    from csg_otel.alerts.refusals import Report

FILE: Final = "datadog-monitors.json"
"""Name of the compiled file."""

OWNED: Final = "managed_by:csg_otel"
"""The tag of every resource that this package creates."""

_PRIORITIES: Final = {"emergency": 1, "critical": 2, "warning": 3, "info": 5}
_OTHER_PRIORITY: Final = 3
"""The priority of a severity that is a word of the user."""

_LIMIT: Final = re.compile(r"[<>]=?\s*(-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*$")
"""The comparison at the end of a monitor's query."""

_TIMEFRAMES_D: Final = (7, 30, 90)
_LONGEST_BURN_S: Final = 48 * 3600.0
"""Datadog looks back two days at most for a burn rate (docs.datadoghq.com, "Burn rate alerts")."""


def compile_files(spec: AlertSpec, _catalog: Catalog, _options: Options, report: Report = refuse) -> dict[str, str]:
    """Return the file of *spec* by its name; *report* receives the rules that Datadog can't evaluate."""
    monitors: list[dict[str, Any]] = []
    skipped: list[str] = []
    named: dict[str, str] = {}
    for rule in spec.rules:
        try:
            own = {monitor["name"]: monitor for monitor in _of_rule(spec, rule)}
            if twin := next((name for name in own if name in named), ""):
                report(
                    rule.path, f"{rule.name!r} and {named[twin]!r} both make the monitor {twin!r}; rename one of them"
                )
                continue
            named.update(dict.fromkeys(own, rule.name))
            monitors += own.values()
            skipped += terms.left_out(rule)
        except InexpressibleError as error:
            report(rule.path, f"{error}; add datadog_query, or choose others by --target")
    objectives = []
    for objective in spec.objectives:
        if objective.counted.ref is None or objective.total.ref is None:
            skipped.append(f"objective {objective.name!r}: Datadog does not evaluate PromQL; name metrics instead")
            continue
        if objective.min_events:
            skipped.append(
                f"min_events of objective {objective.name!r}: a burn-rate monitor of Datadog can't count events"
            )
        objectives.append(_objective(spec, objective))
        monitors += _burns(spec, objective)
    hooks, variables, hooks_left_out = webhooks(spec)
    labels = {"alertname", "severity", *dict(spec.service_labels)}
    labels |= {key for rule in spec.rules for key, _ in rule.labels}
    labels |= {key for objective in spec.objectives for key, _ in objective.labels}
    notifying_left_out = left_out(spec, frozenset(labels))
    hours = {_hours_tag(name): active for name, active in routing.limited_hours(spec).items()}
    muted, downtimes_left_out = downtimes(spec, owner(spec), hours)
    content = {
        "monitors": monitors,
        "slos": objectives,
        "webhooks": hooks,
        "webhook_variables": variables,
        "downtimes": muted,
        "left_out": list(dict.fromkeys(skipped)) + notifying_left_out + hooks_left_out + downtimes_left_out,
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


def _of_rule(spec: AlertSpec, rule: Rule) -> list[dict[str, Any]]:
    """Return the monitors of *rule*. Raises InexpressibleError."""
    if written := rule.query("datadog"):
        limit = _LIMIT.search(written)
        if limit is None:
            raise InexpressibleError("its datadog_query does not end with a comparison, such as > 5")
        return [_monitor(spec, rule, rule.name, written, float(limit[1]))]
    compared = terms.values(rule, spec.service)
    if not compared:
        filters = " and ".join(map(str, rule.first.filters))
        raise InexpressibleError(f"{rule.first.ref.name!r} has no series with {filters}")
    monitors = []
    for value in compared:
        words = [text for _, text in value.labels]
        for side, one in terms.compared(rule, value.query, spec.service):
            # Datadog has no `for`: the extreme point of that time that meets the condition last stands for all of its points.
            extreme = "min" if one.operator.startswith(">") else "max"
            text = f"{extreme}({query.window(rule.for_s)}):{one.query} {one.operator} {terms.decimal(one.limit)}"
            name = " ".join(filter(None, (rule.name, *words, side)))
            monitors.append(_monitor(spec, rule, name, text, one.limit))
    return monitors


def _monitor(spec: AlertSpec, rule: Rule, name: str, text: str, limit: float) -> dict[str, Any]:
    """
    Return a monitor of *rule*.

    Args:
        spec: the specification.
        rule: the rule.
        name: name of the monitor, without the service.
        text: its query with the comparison.
        limit: the number that is compared, which the options must repeat.
    """
    level = f" {rule.severity}" if rule.above is not None else ""
    restricted = rule.also or rule.unless or rule.above  # without a value where these do not hold
    monitor = {
        "name": f"[{spec.service}] {name}{level}" if spec.service else f"{name}{level}",
        "type": "query alert",
        "query": text,
        "message": _message(spec, rule),
        "priority": _PRIORITIES.get(rule.severity, _OTHER_PRIORITY),
        "options": {
            "thresholds": {"critical": limit},
            "include_tags": True,
            "require_full_window": False,
            "on_missing_data": "show_and_notify_no_data" if rule.no_data and not restricted else "resolve",
            **_repeated(spec, rule.severity),
        },
    }
    tags = (f"severity:{rule.severity}", *(query.tag(f"{key}:{value}") for key, value in rule.labels))
    tags += (_hours_tag(rule.name),) if rule.active is not None else ()
    return tagged(spec, f"csg_rule:{identity(name + level)}", monitor, tags)


def _hours_tag(rule: str) -> str:
    """Return the tag of the monitors of a *rule* that notifies people in hours of its own only."""
    return f"csg_hours:{identity(rule)}"


def _message(spec: AlertSpec, rule: Rule) -> str:
    texts = [message for message in (rule.message, rule.description) if message is not None]
    lines = [message.write(inert, lambda place: _place(rule, place)) for message in texts]
    if rule.no_data:
        lines.append(f"{{{{#is_no_data}}}}There is no data of {inert(rule.witness.ref.name)}.{{{{/is_no_data}}}}")
    urls = {"Runbook": rule.runbook_url, "Dashboard": rule.dashboard_url}
    lines += [f"{word}: {inert(url)}" for word, url in urls.items() if url]
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


_FORMS: Final = {
    "": "{{value}}",
    "percent": '{{eval "round(100*value, 2)"}} %',
    "bytes": '{{eval "humanize_bytes(value)"}}',
    "duration": '{{eval "round(value, 4)"}} s',
}
"""The template of the value in each form, except decimals."""


def _place(rule: Rule, place: Place) -> str:
    if place.kind == "threshold":
        return inert(wording.filled_threshold(rule, place))
    if place.kind == "value":
        if place.form == "percent" and rule.percent:
            return "{{value}} %"
        return _FORMS.get(place.form) or f'{{{{eval "round(value, {place.form[1:-1]})"}}}}'
    ref = rule.first.ref
    attribute = ref.attribute(place.name)
    key = attribute[0] if attribute else {"job": "service", "instance": "host"}.get(place.name, place.name)
    if ref.alias:
        if key in (constants := query.constants(ref.name)):
            return constants[key]
        key = next((part.tags[key] for part in query.ALIASES[ref.name] if key in part.tags), key)
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
