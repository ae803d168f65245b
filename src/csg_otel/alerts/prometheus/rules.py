"""
The rule file of Prometheus: alerts, no-data alerts, objectives, and the recording rules of all aliases.

Pure. Every file is valid for Prometheus 2.42 and newer. The rule: text from the configuration stays literal text in labels and
annotations; only the places of a message become template actions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import conditions, wording
from csg_otel.alerts.bundle import WATCHDOG
from csg_otel.alerts.model import NO_DATA, RULE_LABEL
from csg_otel.alerts.prometheus import escalation, promql, slo
from csg_otel.alerts.refusals import refuse
from csg_otel.alerts.text import duration, inert, yaml_file
from csg_otel.errors import AlertError

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog, Ref
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.message import Message, Place
    from csg_otel.alerts.model import AlertSpec, Rule
    from csg_otel.alerts.refusals import Report

FILE: Final = "prometheus-rules.yaml"
"""Name of the compiled file."""

OLDEST: Final = (2, 42)
"""The oldest supported Prometheus: Debian 12's."""


def compile_files(spec: AlertSpec, catalog: Catalog, options: Options, _report: Report = refuse) -> dict[str, str]:
    """Return the rule file of *spec* by its name. Raises AlertError for a Prometheus that is too old."""
    if options.prometheus_version < OLDEST:
        version = ".".join(map(str, options.prometheus_version))
        raise AlertError([f"Prometheus {version} is too old: the rules need 2.42 or newer; upgrade Prometheus"])
    groups = [
        {"name": "csg_otel.names", "rules": recording_rules(catalog.find)},
        *(
            {"name": f"csg_otel.slo.{objective.name}", "rules": slo.recording_rules(objective) + slo.alerts(objective)}
            for objective in spec.objectives
        ),
        {"name": "csg_otel.alerts", "rules": [alert for rule in spec.rules for alert in alerts(rule)]},
        {"name": "csg_otel.escalation", "rules": escalation.alerts(spec, catalog)},
        {"name": "csg_otel.watchdog", "rules": [_watchdog(spec)] if spec.watchdog else []},
    ]
    return {FILE: yaml_file({"groups": [group for group in groups if group["rules"]]}, spec.service)}


def recording_rules(find: Callable[[str], Ref]) -> list[dict[str, Any]]:
    """Return the recording rules of all aliases (``names.ALIASES``); *find* returns an instrument by its name."""
    return [
        {"record": name, "expr": str(part.expr), **({"labels": dict(part.labels)} if part.labels else {})}
        for name, parts in promql.aliases(find).items()
        for part in parts
    ]


def _watchdog(spec: AlertSpec) -> dict[str, Any]:
    summary = "Always fires: where it is missing, alerts do not arrive"
    annotations = {"summary": summary, "runbook_url": inert(spec.watchdog)}
    labels = {**dict(spec.service_labels), "severity": "info"}
    return {"alert": WATCHDOG, "expr": "vector(1)", "labels": labels, "annotations": annotations}


def alerts(
    rule: Rule, text: Callable[[str], str] = inert, place: Callable[[Rule, Place], str] | None = None
) -> list[dict[str, Any]]:
    """
    Return the alert of *rule*, and its no-data alert if the rule has one.

    *text* escapes literal text, and *place* writes the places of the message. By default both write the template language of
    Prometheus.
    """
    hold_time = {"for": duration(rule.for_s)} if rule.for_s else {}
    lasting = {"keep_firing_for": duration(rule.keep_firing_s)} if rule.keep_firing_s else {}
    labels = {
        **{key: text(value) for key, value in rule.labels},
        RULE_LABEL: text(rule.name),
        "severity": rule.severity,
    }

    def written(message: Message) -> str:
        return message.write(text, lambda part: (place or _action)(rule, part))

    limit = wording.limit(rule)
    urls = {"runbook_url": rule.runbook_url, "dashboard_url": rule.dashboard_url}
    links = {key: text(url) for key, url in urls.items() if url}
    alert = {
        "alert": rule.alert,
        "expr": str(conditions.condition(rule)),
        **hold_time,
        **lasting,
        "labels": labels,
        "annotations": {
            "summary": written(rule.message),
            **({"description": written(rule.description)} if rule.description else {}),
            **({"threshold": text(limit)} if limit else {}),
            **links,
        },
    }
    if not rule.no_data:
        return [alert]
    no_data_alert = {
        "alert": f"{rule.alert}{NO_DATA}",
        "expr": conditions.missing(rule),
        **hold_time,
        "labels": labels,
        "annotations": {"summary": text(f"{rule.name}: there is no data of {rule.witness.ref.name}"), **links},
    }
    return [alert, no_data_alert]


_FORMS: Final = {
    "": '{{ printf "%.4g" $value }}',
    "percent": "{{ $value | humanizePercentage }}",
    "bytes": "{{ $value | humanize1024 }}B",
    "duration": "{{ $value | humanizeDuration }}",
}
"""The template action of the value in each form, except decimals."""


def _action(rule: Rule, place: Place) -> str:
    if place.kind == "threshold":
        return inert(wording.filled_threshold(rule, place))
    if place.kind == "label":
        return f"{{{{ $labels.{conditions.label(rule, place.name)} }}}}"
    if place.form == "percent" and rule.percent:
        return f"{_FORMS['']}%"
    return _FORMS.get(place.form) or f'{{{{ printf "%{place.form}" $value }}}}'
