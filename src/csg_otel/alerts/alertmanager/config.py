"""
The configuration of Alertmanager: routes, receivers, time intervals and inhibitions.

Pure. The file is valid for Alertmanager 0.25 and newer. Webhooks that need the relay with an old version are called directly
by a newer one. The rule: text from the configuration is escaped, because Alertmanager reads most settings of a receiver as
templates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import routing, windows
from csg_otel.alerts.alertmanager import receivers
from csg_otel.alerts.alertmanager.receivers import SecretFile, Target
from csg_otel.alerts.expr import Matcher
from csg_otel.alerts.model import RULE_LABEL
from csg_otel.alerts.refusals import refuse
from csg_otel.alerts.text import duration, yaml_file
from csg_otel.errors import AlertError

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.model import AlertSpec, Channel, Rule
    from csg_otel.alerts.refusals import Report
    from csg_otel.alerts.routing import Route

FILE: Final = "alertmanager.yaml"
"""Name of the compiled file."""

OLDEST: Final = (0, 25)
"""The oldest supported Alertmanager: Debian 12's."""

GROUPED_BY: Final = ("alertname", "severity")
"""Alerts with equal values of these labels become one notification. A change of this list notifies again of all alerts."""


def compile_files(spec: AlertSpec, _catalog: Catalog, options: Options, _report: Report = refuse) -> dict[str, str]:
    """Return the configuration of *spec* by its file name. Raises AlertError for wrong *options*."""
    problems = []
    if options.alertmanager_version < OLDEST:
        version = ".".join(map(str, options.alertmanager_version))
        problems.append(
            f"Alertmanager {version} is too old: the configuration needs 0.25 or newer; upgrade Alertmanager"
        )
    if not options.secrets_dir.startswith("/"):
        problems.append(f"the directory of secrets is {options.secrets_dir!r}; give an absolute path")
    if problems:
        raise AlertError(problems)
    return {FILE: yaml_file(document(spec, options), spec.service)}


def document(spec: AlertSpec, options: Options) -> dict[str, Any]:
    """Return the configuration of *spec* as plain values."""
    route = {
        "receiver": routing.NO_RECEIVER,
        **({"matchers": [str(own)], "continue": True} if (own := routing.service_matcher(spec)) else {}),
        "group_by": list(GROUPED_BY),
        "group_wait": duration(routing.wait_s(spec)),
        "group_interval": duration(routing.interval_s(spec)),
        "repeat_interval": duration(routing.repeat_s(spec)),
    }
    child_routes = [_route(route) for route in routing.routes(spec)]
    routes = {**route, **({"routes": child_routes} if child_routes else {})}
    time_intervals = [
        {"name": routing.own_name(spec, rule.name), "time_intervals": windows.intervals(rule)}
        for rule in spec.escalations
        if rule.condition == "time_window"
    ]
    time_intervals += [
        {"name": routing.own_name(spec, routing.hours_name(name)), "time_intervals": windows.other_hours(hours)}
        for name, hours in routing.limited_hours(spec).items()
    ]
    inhibitions = [_inhibition(spec, rule) for rule in routing.suppressing(spec, "maintenance_mode")]
    inhibitions += [_level(spec, rule, rule.above[0]) for rule in spec.rules if rule.above is not None]
    return {
        # The routes of a service are below one of its own, so that several services can share an Alertmanager.
        "route": {"receiver": routing.NO_RECEIVER, "routes": [routes]} if own else routes,
        "receivers": [
            {"name": routing.NO_RECEIVER},
            *(receivers.receiver(target, options) for target in targets(spec)),
        ],
        **({"time_intervals": time_intervals} if time_intervals else {}),
        **({"inhibit_rules": inhibitions} if inhibitions else {}),
    }


def targets(spec: AlertSpec) -> tuple[Target, ...]:
    """Return each receiver that may be notified, once: the receivers of the channels, and the targets of escalations."""
    used = {route.receiver for route in routing.routes(spec)}
    by_name: dict[str, Target] = {}
    for channel in spec.channels:
        for ends in (None, True, False):
            name = routing.receiver_name(spec, channel, send_resolved=ends)
            if name in used and name not in by_name:
                by_name[name] = Target(name, channel, _prefix(channel), send_resolved=ends)
    receiver_names = {receiver.name for receiver in spec.receivers}
    for rule in spec.escalations:
        if rule.action != "escalate" or (rule.condition == "retry_count" and routing.to_severity(spec, rule)):
            continue
        for name, channel, _ in routing.targets(spec, rule):
            own = f"{receivers.slug(rule.target)}." if rule.target in receiver_names else _prefix(channel)
            by_name[name] = Target(name, channel, own, escalated=True)
    return tuple(by_name.values())


def _prefix(channel: Channel) -> str:
    """Return the beginning of the names of a channel's secret files; empty for the one of its kind in `notifications`."""
    return "" if channel.name == channel.kind else f"{receivers.slug(channel.name)}."


def secret_files(spec: AlertSpec, options: Options) -> tuple[SecretFile, ...]:
    """Return the files that Alertmanager needs in ``options.secrets_dir``, each once."""
    files = [file for target in targets(spec) for file in receivers.secret_files(target, options)]
    return tuple({file.name: file for file in files}.values())


def _route(route: Route) -> dict[str, Any]:
    labels = ["..."] if route.each else list(route.group_by)
    times = {"group_wait": route.wait_s, "group_interval": route.interval_s, "repeat_interval": route.repeat_s}
    return {
        "receiver": route.receiver,
        "matchers": [str(matcher) for matcher in route.matchers],
        **({"group_by": labels} if labels else {}),
        **{key: duration(seconds) for key, seconds in times.items() if seconds is not None},
        **({"mute_time_intervals": list(route.muted)} if route.muted else {}),
        **({"active_time_intervals": list(route.active)} if route.active else {}),
        **({} if route.last else {"continue": True}),
    }


def _level(spec: AlertSpec, rule: Rule, above: str) -> dict[str, Any]:
    """
    Return the inhibition by which a level of *rule* mutes the level below it, for the same series.

    Both are alerts of one rule, so labels that both lack are equal indeed.
    """
    own = [matcher] if (matcher := routing.service_matcher(spec)) else []
    both = [*own, Matcher(RULE_LABEL, "=", rule.name)]
    return {
        "source_matchers": [str(matcher) for matcher in (*both, Matcher("severity", "=", above))],
        "target_matchers": [str(matcher) for matcher in (*both, Matcher("severity", "=", rule.severity))],
        "equal": ["alertname", *(rule.compared.value.labels or ())],
    }


def _inhibition(spec: AlertSpec, rule: Any) -> dict[str, Any]:
    """
    Return the inhibition by which the maintenance of a program mutes the alerts of the same program.

    Alertmanager takes a label that both alerts lack as equal. So the source must have a job and an instance; otherwise a
    maintenance alert without these labels would mute every alert without them.
    """
    own = [matcher] if (matcher := routing.service_matcher(spec)) else []
    source = [
        *own,
        Matcher("alertname", "=", routing.MAINTENANCE),
        Matcher("job", "!=", ""),
        Matcher("instance", "!=", ""),
    ]
    target = [
        *own,
        Matcher("alertname", "!=", routing.MAINTENANCE),
        *([routing.severity_matcher(rule.severity_filter)] if rule.severity_filter else []),
    ]
    return {
        "source_matchers": [str(matcher) for matcher in source],
        "target_matchers": [str(matcher) for matcher in target],
        "equal": ["job", "instance"],
    }
