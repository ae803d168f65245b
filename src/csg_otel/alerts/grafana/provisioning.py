"""
Grafana's provisioning file for alerting: rules, contact points, notification policies, mute timings, templates.

Pure. The format is that of Grafana's file provisioning (``apiVersion: 1``). The compiled rules query a Prometheus data source;
for aliases (``names.ALIASES``) they need the recording rules of ``prometheus``. Three things always hold: every uid is computed
from the name of its resource, so a file that is read again changes nothing; a secret is written as ``$NAME``, which Grafana
replaces from its own environment; and text from the configuration never runs as a template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from csg_otel import names
from csg_otel.alerts import conditions, slo, wording
from csg_otel.alerts.escalations import escalated_severities
from csg_otel.alerts.grafana import notify
from csg_otel.alerts.model import INTERVALS, RULE_LABEL, SERVICE_LABEL
from csg_otel.alerts.refusals import refuse
from csg_otel.alerts.text import digest, duration, inert, number, yaml_file

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.message import Message, Place
    from csg_otel.alerts.model import AlertSpec, Objective, Rule
    from csg_otel.alerts.refusals import Report

FILE: Final = "grafana-alerting.yaml"
"""Name of the compiled file."""

DATASOURCE: Final = "prometheus"
"""The uid of the data source that the rules query."""

_EVERY_S: Final = 60
"""Interval of evaluations in seconds; Grafana's own default."""

_LOOK_BACK_S: Final = 600
"""Shortest range of a query in seconds; Grafana's own default."""
_VERBATIM: Final = ("annotations", "model")
"""The keys of a rule in which Grafana leaves a lone ``$`` as it is: templates and queries have variables of their own."""

_VARIABLE: Final = re.compile(r"\$(?=\{|$)")
"""A ``$`` with a brace after it, perhaps that of the place that follows in a message."""

_EVALUATORS: Final = {"greater_than": "gt", "less_than": "lt"}
_MATH: Final = {"greater_than_or_equal": ">=", "less_than_or_equal": "<="}


def compile_files(spec: AlertSpec, catalog: Catalog, options: Options, report: Report = refuse) -> dict[str, str]:
    """Return the provisioning file of *spec* by its name; *report* receives the rules whose titles others have."""
    content = provisioned(spec, catalog, options, report)
    # Grafana does not replace variables of its environment in policies and mute timings.
    replaced = {key: _escaped(content[key]) for key in ("groups", "contactPoints", "templates")}
    return {FILE: yaml_file({"apiVersion": 1, **content, **replaced})}


def provisioned(spec: AlertSpec, catalog: Catalog, options: Options, report: Report = refuse) -> dict[str, Any]:
    """Return the content of the file before the escaping; *report* receives the rules that are left out."""
    groups = {"alerts": [one for rule in _named(spec, report) for one in _rules(spec, rule, catalog)]}
    groups.update((f"slo {objective.name}", _burns(spec, objective)) for objective in spec.objectives)
    return {
        "groups": [
            {"orgId": 1, "name": name, "folder": folder(spec), "interval": duration(_EVERY_S), "rules": rules}
            for name, rules in groups.items()
            if rules
        ],
        "contactPoints": notify.contact_points(spec, options),
        "policies": [{"orgId": 1, "receiver": notify.DEFAULT, "routes": notify.routes(spec)}],
        "muteTimes": notify.mute_timings(spec),
        "templates": [notify.TEMPLATE],
    }


def folder(spec: AlertSpec) -> str:
    """Return the title of the folder of the rules and the dashboard of *spec*; it contains nothing else."""
    return f"csg_otel {spec.service}".strip()


def folder_of(spec: AlertSpec) -> dict[str, str]:
    """Return uid and title of that folder."""
    return {"uid": f"csg-{digest(folder(spec))}", "title": folder(spec)}


def _escaped(content: Any, key: str = "") -> Any:
    """Return *content*, the value of *key*, with each ``$`` doubled where Grafana replaces variables; secrets keep theirs."""
    if key in _VERBATIM:
        return content
    if isinstance(content, dict):
        return {name: _escaped(value, name) for name, value in content.items()}
    if isinstance(content, list):
        return [_escaped(value) for value in content]
    if isinstance(content, notify.SecretPlace):
        return f"${content}"
    return content.replace("$", "$$") if isinstance(content, str) else content


def uid(spec: AlertSpec, *words: str) -> str:
    """Return a uid made from *words*: at most 40 letters, digits, ``-`` and ``_``."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", "-".join(words)).strip("-")
    return f"{readable[:23]}-{digest(chr(0).join((spec.service, *words)))}"


# -- rules --------------------------------------------------------------------------------------------------------------


def _titles(rule: Rule) -> tuple[str, ...]:
    """Return the titles of the rules that Grafana gets for *rule*: its own, and perhaps that of missing data."""
    own = f"{rule.name} {rule.severity}" if rule.above is not None else rule.name
    return (own, f"{rule.name} no data") if rule.no_data else (own,)


def _named(spec: AlertSpec, report: Report) -> Iterator[Rule]:
    """Yield the rules, and report those with a title that another one has: Grafana refuses two in one folder."""
    named: dict[str, str] = {}
    for rule in spec.rules:
        titles = _titles(rule)
        if twin := next((title for title in titles if title in named), ""):
            report(rule.path, f"{rule.name!r} and {named[twin]!r} both make the rule {twin!r}; rename one of them")
            continue
        named.update((title, rule.name) for title in titles)
        yield rule


def _rules(spec: AlertSpec, rule: Rule, catalog: Catalog) -> list[dict[str, Any]]:
    """
    Return the rule of Grafana, and a second one about missing data.

    Grafana's own state for it, ``noDataState``, is about all series together: one of two instances would be missed.
    """
    level = (rule.severity,) if rule.above is not None else ()
    one = _rule(spec, rule, catalog, level)
    if not rule.no_data:
        return [one]
    missing = {
        **one,
        "uid": uid(spec, "no data", rule.name, *level),
        "title": _titles(rule)[-1],
        "data": [_query(conditions.missing(rule), rule.witness.window_s), _expression(**_threshold("gt", 0.0))],
        "noDataState": "OK",
        "annotations": {**one["annotations"], "summary": _annotation(f"There is no data of {rule.witness.ref.name}")},
    }
    return [one, missing]


def _rule(spec: AlertSpec, rule: Rule, catalog: Catalog, level: tuple[str, ...]) -> dict[str, Any]:
    """
    Return the rule of Grafana.

    Args:
        spec: the specification.
        rule: the rule.
        catalog: the metrics.
        level: the severity, if the rule is one of several levels and not the highest.
    """

    def written(message: Message) -> str:
        return message.write(_annotation, lambda place: _place(rule, place))

    urls = {"runbook_url": rule.runbook_url, "dashboard_url": rule.dashboard_url}
    limit = wording.limit(rule)
    labels = {**{key: inert(value) for key, value in rule.labels}, RULE_LABEL: inert(rule.name)}
    longest_s = max(operand.window_s for operand in rule.operands)
    return {
        "uid": uid(spec, "rule", rule.name, *level),
        "title": _titles(rule)[0],
        "condition": "B",
        "data": [_query(_muted(spec, rule, catalog), longest_s), _expression(**_compared(rule))],
        "for": duration(rule.for_s),
        **({"keepFiringFor": duration(rule.keep_firing_s)} if rule.keep_firing_s else {}),
        "noDataState": "OK",
        "execErrState": "Error",
        "labels": {**labels, SERVICE_LABEL: notify.service(spec), "severity": rule.severity},
        "annotations": {
            "summary": written(rule.message),
            **({"description": written(rule.description)} if rule.description is not None else {}),
            **({"threshold": _annotation(limit)} if limit else {}),
            **{key: _annotation(url) for key, url in urls.items() if url},
        },
        "isPaused": False,
    }


def _is_whole(rule: Rule) -> bool:
    """Return whether the query of *rule* is its whole condition: whether no number is compared with a value."""
    return bool(rule.query("grafana")) or not rule.limits or rule.compared.compares_each


def _annotation(literal: str) -> str:
    """Return *literal* as text of an annotation; recent versions of Grafana replace ``${NAME}`` there, older ones nothing."""
    return _VARIABLE.sub('{{ "$" }}', inert(literal))


def _muted(spec: AlertSpec, rule: Rule, catalog: Catalog) -> str:
    """Return the expression of the compared value, without programs in maintenance if an escalation rule mutes them."""
    compared = _valued(rule)
    muting = any(
        escalation.condition == "maintenance_mode"
        and rule.severity in escalated_severities(escalation, spec.severities)
        for escalation in spec.escalations
    )
    if not muting or rule.no_data:  # a muted series would count as missing data
        return compared
    series = conditions.select(catalog.find(names.HEALTH_MAINTENANCE.name))
    return f"({compared}) unless on (job, instance) (max by (job, instance) ({series}) == 1)"


def _valued(rule: Rule) -> str:
    """Return the expression of the compared value where the further conditions of *rule* hold, or of its whole condition."""
    if written := rule.query("grafana"):
        return written
    whole = _is_whole(rule)
    value = conditions.condition(rule) if whole else conditions.restricted(rule, conditions.value(rule.compared.value))
    if rule.above is None:
        return str(value)
    # Grafana has no inhibition. The level above is left out once it has held for its own time, else none would fire meanwhile.
    above = str(conditions.compared(rule.above[1]))
    held = f"count_over_time(({above})[{duration(rule.for_s)}:1m]) >= {number(max(1, rule.for_s // 60))}"
    return f"({value}) unless ({held if rule.for_s >= 60 else above})"


def _query(expr: str, window_s: float) -> dict[str, Any]:
    return {
        "refId": "A",
        "relativeTimeRange": {"from": int(max(_LOOK_BACK_S, window_s)), "to": 0},
        "datasourceUid": DATASOURCE,
        "model": {"refId": "A", "expr": expr, "instant": True, "range": False, "editorMode": "code"},
    }


def _expression(**model: Any) -> dict[str, Any]:
    return {
        "refId": "B",
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": "__expr__",
        "model": {"refId": "B", "datasource": {"type": "__expr__", "uid": "__expr__"}, **model},
    }


def _threshold(evaluator: str, limit: float) -> dict[str, Any]:
    return {
        "type": "threshold",
        "expression": "A",
        "conditions": [{"type": "query", "evaluator": {"type": evaluator, "params": [limit]}}],
    }


def _compared(rule: Rule) -> dict[str, Any]:
    """Return the comparison: a threshold if every version of Grafana supports the condition, else a formula."""
    if _is_whole(rule):
        return {"type": "math", "expression": "is_number($A)"}
    condition, limit = rule.condition, rule.limits[0]
    if condition in _EVALUATORS:
        return _threshold(_EVALUATORS[condition], limit)
    if condition in _MATH:
        return {"type": "math", "expression": f"$A {_MATH[condition]} {number(limit)}"}
    if condition in INTERVALS:
        signs = ("<", "||", ">") if condition == "outside" else (">=", "&&", "<=")
        formula = f"($A {signs[0]} {number(limit)}) {signs[1]} ($A {signs[2]} {number(rule.limits[1])})"
        return {"type": "math", "expression": formula}
    operator = "<=" if condition == "equals" else ">"
    return {
        "type": "math",
        "expression": f"abs($A - {number(limit)}) {operator} {conditions.margin(rule.compared):.12f}",
    }


_FORMS: Final = {
    "": 'printf "%.4g" .Value',
    "percent": "humanizePercentage .Value",
    "bytes": "humanize1024 .Value",
    "duration": "humanizeDuration .Value",
}
"""The template function of the value in each form, except decimals."""


def _place(rule: Rule, place: Place) -> str:
    if place.kind == "threshold":
        return _annotation(wording.filled_threshold(rule, place))
    if place.kind == "label":
        return f"{{{{ $labels.{conditions.label(rule, place.name)} }}}}"
    unit = {"bytes": "B", "percent": "%"}.get(place.form, "")
    printed = _FORMS.get(place.form) or f'printf "%{place.form}" .Value'
    if place.form == "percent":
        printed, unit = (_FORMS[""], "%") if rule.percent else (printed, "")
    return f"{{{{ with $values.A }}}}{{{{ {printed} }}}}{{{{ end }}}}{unit}"


def _burns(spec: AlertSpec, objective: Objective) -> list[dict[str, Any]]:
    """Return the burn-rate rules of *objective*; their expression has a series only while the budget burns too fast."""
    return [
        {
            "uid": uid(spec, "slo", objective.name, alert.severity),
            "title": f"{alert.name} {alert.severity}",
            "condition": "B",
            "data": [_query(alert.expr, _LOOK_BACK_S), _expression(**_threshold("gt", 0.0))],
            "for": "0s",
            "noDataState": "OK",
            "execErrState": "Error",
            "labels": {
                **{key: inert(value) for key, value in alert.labels},
                SERVICE_LABEL: notify.service(spec),
            },
            "annotations": {key: _annotation(value) for key, value in alert.annotations},
            "isPaused": False,
        }
        for alert in slo.burn_alerts(objective)
    ]
