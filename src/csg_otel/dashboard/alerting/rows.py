"""The rows of the page of alerts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import conditions
from csg_otel.alerts.model import RULE_LABEL
from csg_otel.alerts.prometheus.rules import label
from csg_otel.alerts.text import camel
from csg_otel.dashboard.view.text import MISSING, value

if TYPE_CHECKING:
    from csg_otel.alerts.message import Place
    from csg_otel.alerts.model import Rule
    from csg_otel.alerts.preview import Preview, SeriesState
    from csg_otel.dashboard.alerting.alertmanagers import ActiveSilence
    from csg_otel.dashboard.model import AlertRow, Silence

_MOST_SERIES: Final = 50


def row(preview: Preview, silences: Iterable[ActiveSilence]) -> AlertRow:
    """Return the row of an evaluated rule, with the silence among *silences* that ends last of those that match it."""
    rule = preview.rule
    unit = _unit(rule)
    return {
        "alert": rule.alert,
        "severity": rule.severity,
        "state": preview.state,
        "metric": _metric(rule),
        "condition": f"{conditions.OPERATORS[rule.condition]} {value(rule.threshold, unit)}",
        "threshold": rule.threshold,
        "unit": unit,
        "for_s": rule.for_s,
        "summary": _summary(rule, preview.series[0] if preview.series else None),
        "runbook_url": rule.runbook_url,
        "series": [
            {
                "labels": {name: text for name, text in one.labels if name not in conditions.SCRAPED},
                "value": one.value,
                "state": one.state,
                "remaining_s": one.remaining_s,
            }
            for one in preview.series[:_MOST_SERIES]
        ],
        "silence": _silence(preview, silences),
    }


def unreadable(rule: Any, problem: str) -> AlertRow:
    """Return the row of *rule*, a rule of the configuration that *problem* keeps from being evaluated."""
    return {
        "alert": camel(rule.name),
        "severity": rule.severity,
        "state": "unknown",
        "metric": rule.metric,
        "condition": f"{conditions.OPERATORS[rule.condition]} {rule.threshold:g}",
        "threshold": rule.threshold,
        "unit": "",
        "for_s": rule.for_,
        "summary": problem,
        "runbook_url": rule.runbook_url or "",
        "series": [],
        "silence": None,
    }


def _metric(rule: Rule) -> str:
    """Return the compared value as a rule of the configuration names it: ``p95(csg.operation.duration)``."""
    if rule.function == "value":
        return rule.ref.name
    function = f"p{rule.quantile * 100:g}" if rule.function == "quantile" else rule.function
    return f"{function}({rule.ref.name})"


def _unit(rule: Rule) -> str:
    unit = "%" if rule.ref.unit == "percent" else rule.ref.unit
    if rule.function == "rate":
        return f"{unit or '1'}/s" if rule.ref.kind == "counter" else "1/s"
    return "" if rule.function == "increase" and rule.ref.kind == "histogram" else unit


def _summary(rule: Rule, worst: SeriesState | None) -> str:
    """Return the message of *rule* for its worst series."""
    labels = dict(worst.labels) if worst else {}

    def filled(place: Place) -> str:
        if place.kind == "threshold":
            return f"{rule.threshold:g}"
        if place.kind == "label":
            return labels.get(label(rule, place), MISSING)
        if worst is None:
            return MISSING
        return f"{worst.value * 100:.4g}%" if place.kind == "percent" else f"{worst.value:.4g}"

    return rule.message.write(str, filled)


def _silence(preview: Preview, silences: Iterable[ActiveSilence]) -> Silence | None:
    rule = preview.rule
    base = {"alertname": rule.alert, "severity": rule.severity, RULE_LABEL: rule.name, **dict(rule.labels)}
    alerts = [{**dict(one.labels), **base} for one in preview.series if one.state != "ok"] or [base]
    matching = [one.row for one in silences if any(one.matches(labels, conditions.SCRAPED) for labels in alerts)]
    return max(matching, key=lambda one: one["ends"], default=None)
