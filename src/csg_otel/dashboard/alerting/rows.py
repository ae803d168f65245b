"""The rows of the page of alerts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import conditions, wording
from csg_otel.alerts.message import formatted
from csg_otel.alerts.model import RULE_LABEL, Operand
from csg_otel.alerts.text import camel
from csg_otel.dashboard.view.text import MISSING, value

if TYPE_CHECKING:
    from csg_otel.alerts.message import Place
    from csg_otel.alerts.model import Rule
    from csg_otel.alerts.preview import Preview, SeriesState
    from csg_otel.dashboard.alerting.alertmanagers import ActiveSilence
    from csg_otel.dashboard.model import AlertRow, Silence

_MOST_SERIES: Final = 50
_COUNTS: Final = ("changes", "resets")


def row(preview: Preview, silences: Iterable[ActiveSilence]) -> AlertRow:
    """Return the row of an evaluated rule, with the silence among *silences* that ends last of those that match it."""
    rule = preview.rule
    unit = _unit(rule)
    return {
        "alert": rule.alert,
        "severity": rule.severity,
        "state": "unknown" if preview.unevaluable else preview.state,
        "metric": wording.value(rule.compared.value),
        "condition": wording.condition(rule, lambda limit: value(limit, unit)),
        "threshold": rule.limits[0] if rule.limits else None,
        "unit": unit,
        "for_s": rule.for_s,
        "summary": _unevaluated(preview) or _summary(rule, preview.series[0] if preview.series else None),
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
        "metric": rule.metric or ("a ratio" if rule.ratio else "promql"),
        "condition": f"{conditions.OPERATORS.get(rule.condition, '')} {rule.threshold or ''}".strip(),
        "threshold": rule.threshold if isinstance(rule.threshold, (int, float)) else None,
        "unit": "",
        "for_s": rule.for_,
        "summary": problem,
        "runbook_url": rule.runbook_url or "",
        "series": [],
        "silence": None,
    }


def _unit(rule: Rule) -> str:
    first = rule.first
    if rule.percent:
        return "%"
    if not isinstance(rule.compared.value, Operand) or first.function in _COUNTS or first.aggregate == "count":
        return ""
    if first.function == "rate":
        return f"{first.ref.unit or '1'}/s" if first.ref.kind == "counter" else "1/s"
    if first.function == "age":
        return "s"
    return "" if first.function == "increase" and first.ref.kind == "histogram" else first.ref.unit


def _unevaluated(preview: Preview) -> str:
    """Return why the rule is not evaluated here; empty if it is."""
    return f"not evaluated here: {preview.unevaluable}" if preview.unevaluable else ""


def _summary(rule: Rule, worst: SeriesState | None) -> str:
    """Return the message of *rule* for its worst series."""
    labels = dict(worst.labels) if worst else {}

    def filled(place: Place) -> str:
        if place.kind == "threshold":
            return wording.filled_threshold(rule, place)
        if place.kind == "label":
            return labels.get(conditions.label(rule, place.name), MISSING)
        return MISSING if worst is None else formatted(worst.value, place.form, percent=rule.percent)

    return rule.message.write(str, filled)


def _silence(preview: Preview, silences: Iterable[ActiveSilence]) -> Silence | None:
    rule = preview.rule
    base = {"alertname": rule.alert, "severity": rule.severity, RULE_LABEL: rule.name, **dict(rule.labels)}
    alerts = [{**dict(one.labels), **base} for one in preview.series if one.state != "ok"] or [base]
    matching = [one.row for one in silences if any(one.matches(labels, conditions.SCRAPED) for labels in alerts)]
    return max(matching, key=lambda one: one["ends"], default=None)
