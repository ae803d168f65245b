"""
Rules for Prometheus: alerts, their no-data twins, objectives, and the seed's names as recording rules.

Pure. Written for Prometheus 2.42 and newer alike. The rule: what a user has written is text, in labels as in annotations;
only the places of a message become template actions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import slo
from csg_otel.alerts.bundle import WATCHDOG
from csg_otel.alerts.prometheus import escalation, promql
from csg_otel.alerts.text import duration, inert, number, yaml_file
from csg_otel.errors import AlertError

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog, Ref
    from csg_otel.alerts.message import Place
    from csg_otel.alerts.spec import AlertSpec, Options, Rule

FILE: Final = "prometheus-rules.yaml"
"""Name of the file that is made."""

OLDEST: Final = (2, 42)
"""The oldest Prometheus written for."""


def compile_files(spec: AlertSpec, catalog: Catalog, options: Options) -> dict[str, str]:
    """Return the rule file of *spec*, by its name. Raises AlertError for a Prometheus that is too old."""
    if options.prometheus_version < OLDEST:
        raise AlertError([f"Prometheus {'.'.join(map(str, options.prometheus_version))} is too old (2.42 or newer)"])
    groups = [
        {"name": "csg_otel.names", "rules": recorded(catalog.find)},
        *(
            {"name": f"csg_otel.slo.{one.name}", "rules": slo.recorded(one) + slo.alerts(one)}
            for one in spec.objectives
        ),
        {"name": "csg_otel.alerts", "rules": [made for rule in spec.rules for made in alerts(rule)]},
        {"name": "csg_otel.escalation", "rules": escalation.alerts(spec, catalog)},
        {"name": "csg_otel.watchdog", "rules": [_watchdog(spec.watchdog)] if spec.watchdog else []},
    ]
    return {FILE: yaml_file({"groups": [group for group in groups if group["rules"]]})}


def recorded(find: Callable[[str], Ref]) -> list[dict[str, Any]]:
    """Return the recording rules of the seed's names."""
    return [
        {"record": name, "expr": str(part.expr), **({"labels": dict(part.labels)} if part.labels else {})}
        for name, parts in promql.aliases(find).items()
        for part in parts
    ]


def _watchdog(runbook_url: str) -> dict[str, Any]:
    told = {"summary": "Always fires: where it is missing, alerts do not arrive", "runbook_url": inert(runbook_url)}
    return {"alert": WATCHDOG, "expr": "vector(1)", "labels": {"severity": "info"}, "annotations": told}


def alerts(
    rule: Rule, text: Callable[[str], str] = inert, place: Callable[[Rule, Place], str] | None = None
) -> list[dict[str, Any]]:
    """
    Return the alert of *rule*, and its twin that fires when there is no data where the rule wants one.

    *text* writes what is literal and *place* what is filled in; by default as templates of Prometheus.
    """
    held = {"for": duration(rule.for_s)} if rule.for_s else {}
    labels = {
        **{key: text(value) for key, value in rule.labels},
        "csg_rule": text(rule.name),
        "severity": rule.severity,
    }
    more = {"runbook_url": text(rule.runbook_url)} if rule.runbook_url else {}
    summary = rule.message.write(text, lambda found: (place or _action)(rule, found))
    told = {"summary": summary, "threshold": number(rule.threshold), **more}
    found = [{"alert": rule.alert, "expr": str(promql.condition(rule)), **held, "labels": labels, "annotations": told}]
    if rule.no_data:
        lacking = {"summary": text(f"{rule.name}: there is no data of {rule.ref.name}"), **more}
        twin = {"alert": f"{rule.alert}NoData", "expr": str(promql.missing(rule))}
        found.append({**twin, **held, "labels": labels, "annotations": lacking})
    return found


def _action(rule: Rule, place: Place) -> str:
    if place.kind == "value":
        return '{{ printf "%.4g" $value }}'
    if place.kind == "percent":
        return "{{ $value | humanizePercentage }}"
    if place.kind == "threshold":
        return number(rule.threshold)
    return f"{{{{ $labels.{label(rule, place)} }}}}"


def label(rule: Rule, place: Place) -> str:
    """Return the label a *place* of *rule*'s message stands for."""
    found = rule.ref.attribute(place.name)
    return found[1] if found else place.name.replace(".", "_")
