"""
Datadog monitors: one a rule, burn-rate monitors of objectives, the webhook they call, downtimes.

Pure. Each thing carries tags that say whose it is (``managed_by``, ``csg_service``, ``csg_rule``) and a hash of what it says,
so that pushing it again changes nothing. The rules: text of a user names nobody (no ``@``) and fills in nothing (no ``{{``);
no secret is written, only the name of the variable that holds it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import slo
from csg_otel.alerts.datadog import query
from csg_otel.alerts.datadog.notify import channel_handles, downtimes, escalated, webhooks
from csg_otel.alerts.text import digest, json_file, number
from csg_otel.errors import AlertError

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.datadog.query import Value
    from csg_otel.alerts.message import Place
    from csg_otel.alerts.spec import AlertSpec, Objective, Options, Rule

FILE: Final = "datadog-monitors.json"
"""Name of the file that is made."""

OWNED: Final = "managed_by:csg_otel"
"""The tag of everything that this package has made."""

_PRIORITIES: Final = {"emergency": 1, "critical": 2, "warning": 3, "info": 5}
_OPERATORS: Final = {"greater_than": ">", "less_than": "<", "greater_than_or_equal": ">=", "less_than_or_equal": "<="}
_TIMEFRAMES_D: Final = (7, 30, 90)
_LONGEST_BURN_S: Final = 48 * 3600.0
"""Datadog looks back two days at most for a burn rate (docs.datadoghq.com, "Burn rate alerts")."""

_LESS_THAN_A_MILLIONTH: Final = 1e-9


def compile_files(spec: AlertSpec, _catalog: Catalog, _options: Options) -> dict[str, str]:
    """Return the file of *spec*, by its name. Raises AlertError for a rule whose filters leave nothing."""
    problems: list[str] = []
    monitors, left_out = [], []
    for rule in spec.rules:
        found = query.values(rule, spec.service)
        if not found:
            asked = ", ".join(f"{key}={value}" for key, _, value in rule.filters)
            problems.append(f"{rule.path}.filters: {rule.ref.name!r} has no part with {asked}")
        monitors += [_monitor(spec, rule, value) for value in found]
    objectives = []
    for objective in spec.objectives:
        if objective.counted.ref is None or objective.total.ref is None:
            left_out.append(f"objective {objective.name!r}: Datadog can't read PromQL; name metrics instead")
            continue
        objectives.append(_objective(spec, objective))
        monitors += _burns(spec, objective)
    if problems:
        raise AlertError(problems)
    called, variables, not_called = webhooks(spec)
    muted, not_muted = downtimes(spec, owner(spec))
    content = {
        "monitors": monitors,
        "slos": objectives,
        "webhooks": called,
        "webhook_variables": variables,
        "downtimes": muted,
        "left_out": left_out + not_called + not_muted,
    }
    return {FILE: json_file(content)}


def identity(name: str) -> str:
    """Return *name* as the value of a tag; names that Datadog would take for the same stay apart."""
    shown = query.tag(name)[:100]
    return shown if shown == name else f"{shown}-{digest(name)[:8]}"


def owner(spec: AlertSpec) -> tuple[str, str]:
    """Return the tags of everything that a push of *spec* may change or remove."""
    return (OWNED, f"csg_service:{identity(spec.service) if spec.service else 'none'}")


def marked(spec: AlertSpec, what: str, thing: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return *thing* with the tags that make it ours, *what* it is among them, and a hash of all it says."""
    ours = [*owner(spec), what, *tags]
    said = json.dumps({**thing, "tags": ours}, ensure_ascii=False, sort_keys=True)
    return {**thing, "tags": [*ours, f"csg_hash:{digest(said)}"]}


# -- rules --------------------------------------------------------------------------------------------------------------


def _monitor(spec: AlertSpec, rule: Rule, value: Value) -> dict[str, Any]:
    part = " ".join(shown for _, shown in value.labels)
    name = f"{rule.name} {part}".strip()
    compared, limit = _compared(rule, value.query)
    thing = {
        "name": f"[{spec.service}] {name}" if spec.service else name,
        "type": "query alert",
        "query": compared,
        "message": _message(spec, rule),
        "priority": _PRIORITIES[rule.severity],
        "options": {
            "thresholds": {"critical": limit},
            "include_tags": True,
            "require_full_window": False,
            "on_missing_data": "show_and_notify_no_data" if rule.no_data else "resolve",
            **_repeated(spec, rule.severity),
        },
    }
    tags = (f"severity:{rule.severity}", *(query.tag(f"{key}:{shown}") for key, shown in rule.labels))
    return marked(spec, f"csg_rule:{identity(name)}", thing, tags)


def _compared(rule: Rule, value: str) -> tuple[str, float]:
    """
    Return the query with its comparison, and the threshold that has to be repeated in the options.

    A condition that must hold for a time holds if even the least favourable point of that time fulfils it.
    """
    held = query.window(rule.for_s)
    if rule.condition in _OPERATORS:
        least = "min" if rule.condition.startswith("greater") else "max"
        return f"{least}({held}):{value} {_OPERATORS[rule.condition]} {number(rule.threshold)}", rule.threshold
    off = f"abs({value} - {number(rule.threshold)})"
    near = 0.0 if float(rule.threshold).is_integer() else abs(rule.threshold) * _LESS_THAN_A_MILLIONTH
    least, operator = ("max", "<=") if rule.condition == "equals" else ("min", ">")
    return f"{least}({held}):{off} {operator} {number(near)}", near


def _message(spec: AlertSpec, rule: Rule) -> str:
    lines = [rule.message.write(inert, lambda place: _place(rule, place))]
    if rule.no_data:
        lines.append(f"{{{{#is_no_data}}}}There is no data of {inert(rule.ref.name)}.{{{{/is_no_data}}}}")
    if rule.runbook_url:
        lines.append(f"Runbook: {inert(rule.runbook_url)}")
    return "\n\n".join([*lines, *_told(spec, rule.severity)])


def _told(spec: AlertSpec, severity: str) -> list[str]:
    """Return who is told at first, and who when it lasts."""
    first = " ".join(channel_handles(spec, severity))
    later = " ".join(escalated(spec, severity)[1])
    if not later:
        return [first] if first else []
    at_first = f"{{{{^is_renotify}}}}{first}{{{{/is_renotify}}}}" if first else ""
    return [f"{at_first}{{{{#is_renotify}}}}{later}{{{{/is_renotify}}}}"]


def _repeated(spec: AlertSpec, severity: str) -> dict[str, Any]:
    repeat, told = escalated(spec, severity)
    return {**repeat, "renotify_statuses": ["alert"]} if told else {}


def _place(rule: Rule, place: Place) -> str:
    if place.kind == "value":
        return "{{value}}"
    if place.kind == "percent":
        return '{{eval "round(100*value, 2)"}} %'
    if place.kind == "threshold":
        return number(rule.threshold)
    found = rule.ref.attribute(place.name)
    key = found[0] if found else place.name
    if rule.ref.alias:
        key = next((part.tags[key] for part in query.ALIASES[rule.ref.name] if key in part.tags), key)
    return f"{{{{[{query.tag(key)}].name}}}}" if "." in key else f"{{{{{query.tag(key)}.name}}}}"


def inert(text: str) -> str:
    """Return *text* so that it names nobody and fills in nothing: ``@`` becomes its wide twin, braces stand apart."""
    return re.sub(r"\{(?=\{|$)", "{ ", re.sub(r"@", "\N{FULLWIDTH COMMERCIAL AT}", text))


# -- objectives ---------------------------------------------------------------------------------------------------------


def _timeframe(objective: Objective) -> str:
    days = objective.window_s / 86_400
    return f"{min(_TIMEFRAMES_D, key=lambda known: abs(known - days))}d"


def _objective(spec: AlertSpec, objective: Objective) -> dict[str, Any]:
    assert objective.counted.ref is not None and objective.total.ref is not None  # noqa: S101, PT018 - the caller has asked
    counted = query.counted(objective.counted, objective.counted.ref, spec.service)
    total = query.counted(objective.total, objective.total.ref, spec.service)
    thing = {
        "name": objective.name,
        "type": "metric",
        "description": objective.description,
        "query": {"numerator": counted if objective.inverted else f"{total} - {counted}", "denominator": total},
        "thresholds": [{"timeframe": _timeframe(objective), "target": round(100 * objective.objective, 9)}],
    }
    return marked(spec, f"csg_slo:{identity(objective.name)}", thing)


def _burns(spec: AlertSpec, objective: Objective) -> list[dict[str, Any]]:
    """Return the monitors of how fast the budget burns; the objective's id is filled in when it is pushed."""
    found = []
    for severity, burns in slo.BURNS:
        for share, asked_s, _ in burns:
            long_s = min(asked_s, _LONGEST_BURN_S)
            limit = slo.factor(objective, share, long_s)
            name = f"{objective.name} burns its error budget ({number(long_s / 3600)} h)"
            burn = f'burn_rate("${{slo:{identity(objective.name)}}}").over("{_timeframe(objective)}")'
            windows = f'.long_window("{number(long_s / 3600)}h").short_window("{number(long_s / 12 / 60)}m")'
            runbook = [f"Runbook: {inert(objective.runbook_url)}"] if objective.runbook_url else []
            text = [
                f"The error budget of {inert(objective.name)} burns {number(limit)} times faster than it may.",
                *runbook,
            ]
            thing = {
                "name": f"[{spec.service}] {name}" if spec.service else name,
                "type": "slo alert",
                "query": f"{burn}{windows} > {number(limit)}",
                "message": "\n\n".join([*text, *_told(spec, severity)]),
                "priority": _PRIORITIES[severity],
                "options": {
                    "thresholds": {"critical": limit},
                    "include_tags": True,
                    **_repeated(spec, severity),
                },
            }
            tags = (f"severity:{severity}", *(query.tag(f"{key}:{shown}") for key, shown in objective.labels))
            found.append(marked(spec, f"csg_rule:{identity(name)}", thing, tags))
    return found
