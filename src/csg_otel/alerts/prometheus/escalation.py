"""
What escalation needs of Prometheus: the alert that another keeps coming back, and the one that a program is in maintenance.

Pure. How long an alert lasts, and when to be silent, Alertmanager knows itself; see ``routing``. The rule: an alert made here
is never escalated again by the same means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel import names
from csg_otel.alerts import expr, routing
from csg_otel.alerts.prometheus import promql
from csg_otel.alerts.text import camel, duration, inert, number

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.spec import AlertSpec

_SEEN: Final = "1d"
"""Within it an alert's returns are counted."""


def alerts(spec: AlertSpec, catalog: Catalog) -> list[dict[str, Any]]:
    """Return the alerts that the escalations of *spec* need."""
    found = [_repeated(spec, rule) for rule in spec.escalations if rule.condition == "retry_count"]
    if routing.in_maintenance(spec):
        series = catalog.find(names.HEALTH_MAINTENANCE.name).series
        found.append(
            {
                "alert": routing.MAINTENANCE,
                "expr": f"max by ({', '.join(promql.SCRAPED)}) ({series}) > 0",
                "labels": {"severity": "info"},
                "annotations": {"summary": "{{ $labels.job }} at {{ $labels.instance }} is in maintenance"},
            }
        )
    return found


def _repeated(spec: AlertSpec, rule: Any) -> dict[str, Any]:
    """Return the alert of *rule*: people have been told as often as it says, because an alert came back or because it lasts."""
    wanted = "|".join(rule.severity_filter or routing.ESCALATED)
    matchers = f'severity=~{expr.quoted(wanted)},{routing.ESCALATION}=""'
    firing = f'ALERTS{{alertstate="firing",{matchers}}}'
    begun = f"max without (alertstate) (count_over_time(({firing} unless {firing} offset 1m)[{_SEEN}:1m]))"
    recently = f"max without (alertstate) (last_over_time({firing}[1h]))"
    lasts = duration(rule.threshold * routing.repeat_s(spec))
    since = f"time() - ALERTS_FOR_STATE{{{matchers}}} >= {number(rule.threshold * routing.repeat_s(spec))}"
    raised = {"severity": rule.target} if routing.to_severity(spec, rule) else {}
    told = f"{{{{ $labels.alertname }}}} came back {number(rule.threshold)} times within a day, or lasts {lasts}"
    return {
        "alert": camel(rule.name),
        "expr": f"({begun} > {number(rule.threshold)} and {recently})"
        f" or ({since} and max without (alertstate) ({firing}))",
        "labels": {"csg_escalated": "{{ $labels.alertname }}", routing.ESCALATION: inert(rule.name), **raised},
        "annotations": {"summary": told},
    }
