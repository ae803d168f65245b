"""
Rules for Prometheus: alerts, their no-data twins, objectives, and the seed's names as recording rules.

Pure. Written for Prometheus 2.42 and newer alike. The rule: what a user has written is text, in labels as in annotations;
only the places of a message become template actions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import promql, slo
from csg_otel.alerts.text import duration, inert, number, yaml_file

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog, Ref
    from csg_otel.alerts.message import Place
    from csg_otel.alerts.spec import AlertSpec, Options, Rule

FILE: Final = "prometheus-rules.yaml"
"""Name of the file that is made."""

_WATCHDOG: Final = {
    "alert": "Watchdog",
    "expr": "vector(1)",
    "labels": {"severity": "info"},
    "annotations": {"summary": "Always fires: where it is missing, alerts do not arrive"},
}


def compile_files(spec: AlertSpec, catalog: Catalog, _options: Options) -> dict[str, str]:
    """Return the rule file of *spec*, by its name."""
    groups = [
        {"name": "csg_otel.names", "rules": recorded(catalog.find)},
        *(
            {"name": f"csg_otel.slo.{one.name}", "rules": slo.recorded(one) + slo.alerts(one)}
            for one in spec.objectives
        ),
        {"name": "csg_otel.alerts", "rules": [made for rule in spec.rules for made in alerts(rule)]},
        {"name": "csg_otel.watchdog", "rules": [_WATCHDOG] if spec.watchdog else []},
    ]
    return {FILE: yaml_file({"groups": [group for group in groups if group["rules"]]})}


def recorded(find: Callable[[str], Ref]) -> list[dict[str, Any]]:
    """Return the recording rules of the seed's names."""
    return [
        {"record": name, "expr": part.expr, **({"labels": dict(part.labels)} if part.labels else {})}
        for name, parts in promql.aliases(find).items()
        for part in parts
    ]


def alerts(rule: Rule) -> list[dict[str, Any]]:
    """Return the alert of *rule*, and its twin that fires when there is no data where the rule wants one."""
    held = {"for": duration(rule.for_s)} if rule.for_s else {}
    labels = {
        **{key: inert(value) for key, value in rule.labels},
        "csg_rule": inert(rule.name),
        "severity": rule.severity,
    }
    more = {"runbook_url": inert(rule.runbook_url)} if rule.runbook_url else {}
    summary = rule.message.write(inert, lambda place: _place(rule, place))
    told = {"summary": summary, "threshold": number(rule.threshold), **more}
    found = [{"alert": rule.alert, "expr": promql.condition(rule), **held, "labels": labels, "annotations": told}]
    if rule.no_data:
        lacking = {"summary": f"{inert(rule.name)}: there is no data of {inert(rule.ref.name)}", **more}
        name = f"{rule.alert}NoData"
        found.append({"alert": name, "expr": promql.missing(rule), **held, "labels": labels, "annotations": lacking})
    return found


def _place(rule: Rule, place: Place) -> str:
    if place.kind == "value":
        return '{{ printf "%.4g" $value }}'
    if place.kind == "percent":
        return "{{ $value | humanizePercentage }}"
    if place.kind == "threshold":
        return number(rule.threshold)
    found = rule.ref.attribute(place.name)
    return f"{{{{ $labels.{found[1] if found else place.name.replace('.', '_')} }}}}"
