"""
Warnings about rules and escalations that are valid and yet probably a mistake.

Pure. Each finding is the dotted key of a setting and a message with a correction. Findings about secret files and about an
Alertmanager's own configuration are in ``alertmanager.lint``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import conditions, routing, windows
from csg_otel.alerts.escalations import escalated_severities
from csg_otel.alerts.model import BELOW, GROWING, Formula, Operand
from csg_otel.alerts.slo import BURNS
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from csg_otel.alerts.model import AlertSpec, Rule

Finding = tuple[str, str]
"""Dotted key of a setting, and a message."""

_SCRAPE_S: Final = 15.0
"""Scrape interval in seconds: that of the example configuration that comes with Prometheus."""

_ABOVE: Final = ("greater_than", "greater_than_or_equal")
_TARGETS: Final = ("job", "instance", "service_name", "service_namespace", "service_instance_id")
"""Labels that a scrape adds to all series."""


def rules(spec: AlertSpec) -> Iterator[Finding]:
    """Yield the findings about the rules of *spec*; of those that come with the package, only which are left out."""
    for alert in spec.left_out:
        cure = "set it to the job in Prometheus' scrape configuration, or set alerting.selector"
        yield (
            "service.name",
            f"is not set, so {alert} is left out, and no alert fires when the program has died; {cure}",
        )
    for rule in spec.rules:
        if not rule.path.startswith("shipped."):
            yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[Finding]:
    below, window_s = rule.condition in BELOW, rule.first.window_s
    counts = rule.first.function in (*GROWING, "quantile")
    if rule.severity in ("critical", "emergency") and not rule.runbook_url:
        yield (
            f"{rule.path}.runbook_url",
            f"a {rule.severity} alert should have a runbook; add the URL of a page with instructions",
        )
    if below and counts and rule.for_s < window_s:
        window = f"{window_s:g} s"
        yield (
            f"{rule.path}.for",
            f"shorter than the window, so the rule fires after each restart of the program; set it to {window} or more",
        )
    if counts and window_s < 4 * _SCRAPE_S:
        yield (
            f"{rule.path}.window",
            f"too short for a program that is scraped every {_SCRAPE_S:g} s; set it to {4 * _SCRAPE_S:g} s or more",
        )
    if rule.no_data and window_s >= conditions.REMEMBERED_S and rule.witness.function != "promql":
        yield (
            f"{rule.path}.window",
            "of a day or more, so missing data of one instance fires no alert; set it below 1d, or no_data: ignore",
        )
    yield from _share(rule)
    yield from _labels(rule)
    if counts and rule.is_plain and rule.limits[0] <= 0 and below:
        yield f"{rule.path}.threshold", "a count is never below 0, so the rule never fires; set it above 0"


def _share(rule: Rule) -> Iterator[Finding]:
    """Yield a finding if *rule* fires above a share of a metric in itself that is more than 1."""
    value = rule.compared.value
    if not isinstance(value, Formula) or value.operator != "/" or rule.condition not in _ABOVE or not rule.limits:
        return
    part, whole = value.left, value.right
    if not (isinstance(part, Operand) and isinstance(whole, Operand)) or part.ref.kind == "gauge":
        return
    same = (part.ref.series, part.function, part.window_s) == (whole.ref.series, whole.function, whole.window_s)
    if same and set(part.filters) >= set(whole.filters) and rule.limits[0] > 1:
        limit = f"{rule.limits[0]:g}"
        yield (
            f"{rule.path}.threshold",
            f"a share is never above 1, so the rule never fires; write {limit}%, if {limit} % are meant",
        )


def _labels(rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each label of *rule* that a metric does not have on the page on which it was found."""
    seen = set(_TARGETS)
    for operand in rule.operands:
        labels = [label for _, label in operand.ref.attributes]
        if not (operand.ref.open and labels):
            continue
        named = [("filters", filtered.label) for filtered in operand.filters] + [("by", label) for label in operand.by]
        for key, label in named:
            if label not in labels and label not in seen:
                seen.add(label)
                hint = suggestion(label, labels) or f" (it has {', '.join(labels)})"
                yield (
                    f"{rule.path}.{key}",
                    f"{operand.ref.name!r} has no label {label!r} on its page{hint}; correct it, unless Prometheus adds it",
                )


def unheard(spec: AlertSpec) -> tuple[list[Finding], list[Finding]]:
    """
    Return the problems and warnings about alerts whose severity no channel accepts.

    A rule of the configuration, or an objective, is a problem; rules that come with the package are a warning. Without any
    channel there is only a warning, because alerts may be routed elsewhere.
    """
    if not (spec.channels or spec.receivers):
        return [], [
            ("notifications", "no channel is on: no person is notified, unless your own Alertmanager routes the alerts")
        ]
    alerts: list[tuple[str, str, str, Mapping[str, str]]]
    alerts = [
        (f"{rule.path}.severity", rule.severity, rule.name, {**dict(rule.labels), "alertname": rule.alert})
        for rule in spec.rules
    ]
    alerts += [(slo.path, severity, slo.name, dict(slo.labels)) for slo in spec.objectives for severity, _ in BURNS]
    alerts += [
        (f"escalation {rule.name}", str(rule.target), rule.name, {})
        for rule in spec.escalations
        if rule.condition == "retry_count" and routing.to_severity(spec, rule)
    ]
    cure = "add a route to one, or a route without match" if spec.reserved else "add it to a severity_filter"
    findings = [
        (path, f"no channel accepts {severity}, so no person is notified of {name!r}; {cure}")
        for path, severity, name, labels in alerts
        if not _is_heard(spec, {**labels, "severity": severity})
    ]
    ours = [finding for finding in findings if finding[0].startswith("shipped.")]
    return [finding for finding in findings if finding not in ours], ours


def _is_heard(spec: AlertSpec, labels: Mapping[str, str]) -> bool:
    """Return whether an alert with *labels* is sent to any channel, at once or later."""
    taken = routing.matching(spec, {**dict(spec.service_labels), **labels})
    return any(route.receiver != routing.NO_RECEIVER for route in taken)


def routes(spec: AlertSpec) -> Iterator[Finding]:
    """Yield a finding for each route after one that takes every alert."""
    all_taken = ""
    for route in spec.routes:
        if all_taken:
            yield route.path, f"is never reached: {all_taken} takes every alert; move it up"
        accepted = {word for name in route.to if (channel := spec.channel(name)) for word in channel.severities}
        if not (route.matchers or route.goes_on or all_taken or set(spec.severities) - accepted):
            all_taken = route.path


def escalations(spec: AlertSpec, rules: Sequence[Any], zone_exists: Callable[[str], bool]) -> Iterator[Finding]:
    """
    Yield the findings about escalations that notify no receiver, mute everything, or name a time zone that does not exist.

    *rules* are the section ``escalation.rules``; *zone_exists* returns whether this machine has a time zone of that name.
    """
    for at, rule in enumerate(rules):
        if rule.enabled:
            path = f"escalation.rules[{at}]"
            if rule.condition == "time_window" and not zone_exists(rule.timezone):
                yield (
                    f"{path}.timezone",
                    f"there is no time zone {rule.timezone!r} on this machine; use a name such as Europe/Berlin, or UTC",
                )
            yield from (
                _muting(path, rule, spec.severities) if rule.action == "suppress" else _notifying(path, rule, spec)
            )


def _muting(path: str, rule: Any, words: tuple[str, ...]) -> Iterator[Finding]:
    if rule.condition != "time_window":
        return
    muted = escalated_severities(rule, words)
    urgent = [severity for severity in ("critical", "emergency") if severity in muted]
    if windows.always(rule) and set(muted) == set(words):
        yield path, "mutes everything at all times; set start and end, days, or a severity_filter"
    elif urgent:
        cure = "if these must reach people, set severity_filter to [info, warning]"
        yield path, f"mutes {' and '.join(urgent)} alerts, too: {windows.hours(rule)}; {cure}"


def _notifying(path: str, rule: Any, spec: AlertSpec) -> Iterator[Finding]:
    if rule.condition == "retry_count" and routing.to_severity(spec, rule):
        return
    accepted = {severity for _, _, severities in routing.targets(spec, rule) for severity in severities}
    escalated = escalated_severities(rule, spec.severities)
    if not accepted.intersection(escalated):
        yield (
            f"{path}.target",
            f"no channel of {rule.target!r} accepts {', '.join(escalated)}; add a channel that does",
        )
