"""
The alerts that escalations need from Prometheus: "an alert keeps coming back" and "a program is in maintenance".

Pure. Waiting and muting are done by Alertmanager; see ``routing``. The rule: the expression that counts alerts leaves out the
alerts that escalations have created.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel import names
from csg_otel.alerts import expr, routing
from csg_otel.alerts.conditions import SCRAPED, select
from csg_otel.alerts.escalations import escalated_severities
from csg_otel.alerts.model import ESCALATED_LABEL, ESCALATION_LABEL
from csg_otel.alerts.text import camel, duration, inert, number

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.model import AlertSpec

_COUNTED_WITHIN: Final = "1d"
"""The period in which the returns of an alert are counted."""


def alerts(spec: AlertSpec, catalog: Catalog) -> list[dict[str, Any]]:
    """Return the alerts that the escalations of *spec* need."""
    rules = [_repeated(spec, rule) for rule in spec.escalations if rule.condition == "retry_count"]
    if routing.in_maintenance(spec):
        series = select(catalog.find(names.HEALTH_MAINTENANCE.name))
        rules.append(
            {
                "alert": routing.MAINTENANCE,
                "expr": f"max by ({', '.join(SCRAPED)}) ({series}) > 0",
                "labels": {**dict(spec.service_labels), "severity": "info"},
                "annotations": {"summary": "{{ $labels.job }} at {{ $labels.instance }} is in maintenance"},
            }
        )
    return rules


def _repeated(spec: AlertSpec, rule: Any) -> dict[str, Any]:
    """Return the alert of *rule*; it fires if another alert came back, or was repeated, more often than the threshold."""
    severities = "|".join(escalated_severities(rule, spec.severities))
    service = "".join(f"{label}={expr.quoted(value)}," for label, value in spec.service_labels)
    matchers = f'{service}severity=~{expr.quoted(severities)},{ESCALATION_LABEL}=""'
    firing = f'ALERTS{{alertstate="firing",{matchers}}}'
    starts = f"max without (alertstate) (count_over_time(({firing} unless {firing} offset 1m)[{_COUNTED_WITHIN}:1m]))"
    recent = f"max without (alertstate) (last_over_time({firing}[1h]))"
    lasts_s = rule.threshold * routing.repeat_s(spec)
    lasting = f"time() - ALERTS_FOR_STATE{{{matchers}}} >= {number(lasts_s)}"
    raised = {"severity": rule.target} if routing.to_severity(spec, rule) else {}
    alertname = "{{ $labels.alertname }}"
    return {
        "alert": camel(rule.name),
        "expr": f"({starts} > {number(rule.threshold)} and {recent})"
        f" or ({lasting} and max without (alertstate) ({firing}))",
        "labels": {ESCALATED_LABEL: alertname, ESCALATION_LABEL: inert(rule.name), **raised},
        "annotations": {
            "summary": f"{alertname} came back {number(rule.threshold)} times within a day,"
            f" or has lasted for {duration(lasts_s)}"
        },
    }
