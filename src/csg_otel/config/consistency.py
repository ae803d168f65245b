"""
Check settings against each other: thresholds in order, names unique, channels complete.

Pure over the bound configuration. What needs more than the configuration (a metric's existence, a check's type) is checked
by the parts that know. The one rule: a switched-off section may be incomplete.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from csg_otel.config.tree import DEFAULT, Node, Report, join
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from csg_otel.config.model import Config

_RESOURCES: Final = ("cpu", "memory", "disk", "load")


def check(config: Config, nodes: Mapping[str, Node], report: Report) -> None:
    """Report every contradiction in *config*, located by *nodes*."""
    for find in _CHECKS:
        for path, message in find(config):
            report.problem(_place(path, nodes), message)


def _place(path: str, nodes: Mapping[str, Node]) -> Node:
    near = path
    while near and near not in nodes:
        near = near[: max(near.rfind("."), near.rfind("["), 0)]
    found = nodes.get(near)
    if found is None or found.origin == DEFAULT:
        return Node(None, DEFAULT, path)
    return Node(None, found.origin, found.path + path[len(near) :] if found.path else path)


def _thresholds(config: Config) -> Iterator[tuple[str, str]]:
    section = config.health_monitoring.checks.system_resources
    for name in _RESOURCES:
        warning, critical = (getattr(section, f"{name}_{level}_threshold") for level in ("warning", "critical"))
        if warning > critical:
            path = f"health_monitoring.checks.system_resources.{name}_warning_threshold"
            yield path, f"{warning:g} is above {name}_critical_threshold ({critical:g})"


def _names(config: Config) -> Iterator[tuple[str, str]]:
    lists: dict[str, Any] = {
        "alerting.rules": config.alerting.rules,
        "slos": config.slos,
        "escalation.rules": config.escalation.rules,
        "exporters.otlp": config.exporters.otlp,
    }
    for path, items in lists.items():
        counts = Counter(item.name for item in items)
        seen: set[str] = set()
        for at, item in enumerate(items):
            if counts[item.name] > 1 and item.name in seen:
                yield join(join(path, at), "name"), f"the name {item.name!r} is given twice"
            seen.add(item.name)


def _slos(config: Config) -> Iterator[tuple[str, str]]:
    for at, slo in enumerate(config.slos):
        if (slo.good is None) == (slo.bad is None):
            yield join("slos", at), "needs either 'good' or 'bad'"
        if slo.objective >= 100:
            yield f"{join('slos', at)}.objective", "100 % leaves no error budget; say less, such as 99.9"


def _channels(config: Config) -> Iterator[tuple[str, str]]:
    yield from _channel_set("notifications", config.notifications)
    for name, receiver in config.escalation.receivers.items():
        yield from _channel_set(join("escalation.receivers", name), receiver)


def _channel_set(path: str, channels: Any) -> Iterator[tuple[str, str]]:
    wanted = {
        "email": ("smtp_server", "recipients"),
        "slack": ("webhook_url",),
        "webhook": ("url",),
        "pagerduty": ("integration_key",),
    }
    for name, keys in wanted.items():
        channel = getattr(channels, name)
        if channel is not None and channel.enabled:
            missing = [key for key in keys if not getattr(channel, key)]
            for key in missing:
                yield f"{path}.{name}", f"is enabled but has no {key!r}"


def _escalation(config: Config) -> Iterator[tuple[str, str]]:
    severities = ("info", "warning", "critical", "emergency")
    for at, rule in enumerate(config.escalation.rules):
        path = join("escalation.rules", at)
        if rule.condition in {"time_based", "retry_count"} and rule.threshold is None:
            yield path, f"a rule of condition {rule.condition} needs a 'threshold'"
        if rule.condition == "time_window" and (rule.start is None or rule.end is None):
            yield path, "a rule of condition time_window needs 'start' and 'end' (HH:MM)"
        if rule.action != "escalate":
            continue
        known = (*config.escalation.receivers, *(severities if rule.condition == "retry_count" else ()))
        if rule.target is None:
            yield path, "a rule that escalates needs a 'target'"
        elif config.escalation.receivers and rule.target not in known:
            hint = suggestion(rule.target, known)
            yield f"{path}.target", f"{rule.target!r} is not one of escalation.receivers{hint}"


def _access(config: Config) -> Iterator[tuple[str, str]]:
    auth = config.security.api_auth
    if auth.enabled and not auth.tokens:
        yield "security.api_auth", "is enabled but has no 'tokens'"
    if auth.method == "basic":
        for at, token in enumerate(auth.tokens):
            if ":" not in token.reveal():
                yield join("security.api_auth.tokens", at), "for method basic each is user:password"
    endpoint, board = config.system_monitoring.prometheus, config.dashboard
    if board.enabled and endpoint.enabled and endpoint.port == board.port != 0 and endpoint.host == board.host:
        yield "dashboard.port", f"{board.port} is also system_monitoring.prometheus.port"
    for path, value in (("system_monitoring.prometheus.path", endpoint.path),):
        if not value.startswith("/"):
            yield path, f"{value!r} does not begin with '/'"


def _destinations(config: Config) -> Iterator[tuple[str, str]]:
    queue, datadog = config.exporters.queue, config.exporters.datadog
    if queue.batch_size > queue.max_items:
        yield "exporters.queue.batch_size", f"{queue.batch_size} is more than max_items ({queue.max_items})"
    if datadog.enabled and datadog.mode == "direct" and not datadog.api_key:
        yield "exporters.datadog", "mode direct needs an 'api_key' (DD_API_KEY)"
    for at, otlp in enumerate(config.exporters.otlp):
        if (
            otlp.endpoint is not None
            and "://" in otlp.endpoint
            and not otlp.endpoint.startswith(("http://", "https://"))
        ):
            yield f"{join('exporters.otlp', at)}.endpoint", "an endpoint is http://host:port or https://host:port"
        if (otlp.tls.cert is None) != (otlp.tls.key is None):
            yield f"{join('exporters.otlp', at)}.tls", "'cert' and 'key' go together"
    buckets = config.performance.response_time_tracking.histogram_buckets
    if list(buckets) != sorted(set(buckets)):
        yield "performance.response_time_tracking.histogram_buckets", "buckets must increase"


def _integrations(config: Config) -> Iterator[tuple[str, str]]:
    push, outside = config.integrations.prometheus, config.integrations.external_monitoring
    if push.enabled and not push.push_gateway:
        yield "integrations.prometheus", "is enabled but has no 'push_gateway'"
    if config.integrations.grafana.enabled and not config.integrations.grafana.dashboard_url:
        yield "integrations.grafana", "is enabled but has no 'dashboard_url'"
    path = "integrations.external_monitoring"
    if outside.enabled and outside.new_relic.enabled and not outside.new_relic.license_key:
        yield f"{path}.new_relic", "is enabled but has no 'license_key'"
    if outside.enabled and outside.elastic_apm.enabled and not outside.elastic_apm.server_url:
        yield f"{path}.elastic_apm", "is enabled but has no 'server_url'"


_CHECKS: tuple[Callable[[Config], Iterator[tuple[str, str]]], ...] = (
    _thresholds,
    _names,
    _slos,
    _channels,
    _escalation,
    _access,
    _destinations,
    _integrations,
)
