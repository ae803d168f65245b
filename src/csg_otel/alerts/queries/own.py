"""Mistakes in the expressions of the rules and objectives of a configuration, compiled or written by its user. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from csg_otel.alerts import conditions
from csg_otel.alerts.model import RULE_LABEL
from csg_otel.alerts.queries import mistakes
from csg_otel.alerts.queries.metrics import Metrics

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.lint import Finding
    from csg_otel.alerts.model import AlertSpec, Rule


def expressions(spec: AlertSpec, catalog: Catalog) -> Iterator[Finding]:
    """Yield the findings about all expressions of *spec*. Raises MissingExtraError without the parser."""
    place = mistakes.Place(Metrics(catalog))
    for rule in spec.rules:
        both = (str(conditions.condition(rule)), rule.query("grafana"))
        for promql in dict.fromkeys(filter(None, both)):
            for message in mistakes.of_alert(promql, place, for_s=rule.for_s):
                yield rule.path, message
        yield from _texts(rule)
    for objective in spec.objectives:
        for events in (objective.counted, objective.total):
            rate = str(conditions.event_rate(events, 300))
            for message in mistakes.of_recording(rate, place):
                yield objective.path, message


def _texts(rule: Rule) -> Iterator[Finding]:
    """Yield the places of the texts of *rule* for labels that its PromQL drops; other rules have a definite set of labels."""
    promql = rule.first.promql
    if not promql:
        return
    constant = {*dict(rule.labels), "alertname", "severity", RULE_LABEL}
    for key, message in (("message", rule.message), ("description", rule.description)):
        for name in message.labels if message is not None else ():
            label = name.replace(".", "_")
            if label not in constant and mistakes.lost(promql, [label]):
                yield (
                    f"{rule.path}.{key}",
                    f"{{labels.{name}}} is always empty, because the expression drops {label}; add it to the aggregation",
                )
