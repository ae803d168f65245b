"""
Check settings against each other: thresholds in order, names unique, channels complete.

Pure. Checks that need more than the configuration, such as the existence of a metric, are elsewhere. The one rule: a
section that is switched off may be incomplete.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from csg_otel import net
from csg_otel.config import channel_forms, rule_forms, severities
from csg_otel.config.sections.alerting import SEVERITIES
from csg_otel.config.sections.exporters import Queue
from csg_otel.config.sections.secret import revealed
from csg_otel.config.tree import DEFAULT, Node, Report, join
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from csg_otel.config.root import ConfigRoot

PRODUCTION: Final = ("production", "prod")
"""Environments in which a secret that stands in the file is a problem, and scrubbing that is off is a warning."""
_SLOW: Final = (
    "{!r} may take minutes for one text: {!r} repeats a group that matches the same characters in several ways (it holds a "
    "repetition, or alternatives that overlap); repeat once, as `a+` for `(a+)+`, or begin each round with a character that "
    "the rest of it can't match, as `(,a+)+`"
)
_RESOURCES: Final = ("cpu", "memory", "disk", "load")


def check(config: ConfigRoot, nodes: Mapping[str, Node], report: Report) -> None:
    """Report every contradiction in *config*, located by *nodes*."""
    for check_part in _CHECKS:
        for path, message in check_part(config):
            report.problem(_place(path, nodes), message)
    for path, message in rule_forms.mistakes(config, nodes):
        report.problem(_place(path, nodes), message)
    doubles = channel_forms.doubles(config)
    for path, message in (
        *_performance(config),
        *_schemes(config),
        *_unscrubbed(config),
        *_slow_patterns(config),
        *doubles,
    ):
        report.warning(_place(path, nodes), message)
    if (method := nodes.get("security.api_auth.method")) is not None and str(method.value).lower() == "oauth":
        report.warning(
            method, "OAuth is not spoken here: the tokens in security.api_auth.tokens count; put a proxy in front"
        )
    tokens = nodes.get("security.api_auth.tokens")
    if config.security.api_auth.enabled and tokens is not None and _is_blank(tokens):
        report.problem(tokens, "holds no token, so every client would be refused; add one, or set enabled: false")
    for path, key in _missing(config):
        if join(path, key) not in nodes:  # a key in the file with a wrong value is a problem already
            report.problem(_place(path, nodes), f"is enabled but has no {key!r}; add it, or set enabled: false")


def _place(path: str, nodes: Mapping[str, Node]) -> Node:
    nearest = path
    while nearest and nearest not in nodes:
        nearest = nearest[: max(nearest.rfind("."), nearest.rfind("["), 0)]
    node = nodes.get(nearest)
    if node is None or node.origin == DEFAULT:
        return Node(None, DEFAULT, path)
    return Node(None, node.origin, node.path + path[len(nearest) :] if node.path else path)


def _thresholds(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    section = config.health_monitoring.checks.system_resources
    for name in _RESOURCES:
        warning, critical = (getattr(section, f"{name}_{level}_threshold") for level in ("warning", "critical"))
        if warning > critical:
            path = f"health_monitoring.checks.system_resources.{name}_warning_threshold"
            yield path, f"{warning:g} is above {name}_critical_threshold ({critical:g}); lower it"


def _names(config: ConfigRoot) -> Iterator[tuple[str, str]]:
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
                yield join(join(path, at), "name"), f"the name {item.name!r} is given twice; choose another"
            seen.add(item.name)


def _slos(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    for at, slo in enumerate(config.slos):
        if (slo.good is None) == (slo.bad is None):
            yield join("slos", at), "needs either 'good' or 'bad', one of the two"
        if slo.objective >= 100:
            yield f"{join('slos', at)}.objective", "100 % leaves no error budget; write less, such as 99.9"
        elif slo.objective < 1:
            path, percent = f"{join('slos', at)}.objective", slo.objective * 100
            yield path, f"{slo.objective:g} is less than 1 %, and an objective is in percent; write {percent:g}"


def _missing(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    """Yield each section that is switched on, with a setting it lacks."""
    for path, channel, keys in channel_forms.required(config):
        yield from _lacking(path, channel, keys)
    integrations, vendors = config.integrations, config.integrations.external_monitoring
    yield from _lacking("security.api_auth", config.security.api_auth, ("tokens",))
    yield from _lacking("integrations.prometheus", integrations.prometheus, ("push_gateway",))
    yield from _lacking("integrations.grafana", integrations.grafana, ("dashboard_url",))
    if vendors.enabled:
        yield from _lacking("integrations.external_monitoring.new_relic", vendors.new_relic, ("license_key",))
        yield from _lacking("integrations.external_monitoring.elastic_apm", vendors.elastic_apm, ("server_url",))
    if config.exporters.datadog.mode == "direct":
        yield from _lacking("exporters.datadog", config.exporters.datadog, ("api_key",))


def _lacking(path: str, section: Any, keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if section is not None and section.enabled:
        yield from ((path, key) for key in keys if not getattr(section, key))


def _escalation(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    words = (*SEVERITIES, *config.alerting.severities)
    channels = tuple(channel.name for channel in config.notifications.channels)
    for at, rule in enumerate(config.escalation.rules):
        path = join("escalation.rules", at)
        if rule.condition in {"time_based", "retry_count"} and rule.threshold is None:
            yield path, f"a rule of condition {rule.condition} needs a 'threshold'"
        if isinstance(rule.threshold, (bool, str)):
            yield f"{path}.threshold", "is not a number, such as 15; a time_window may have HH:MM-HH:MM here"
        if rule.condition == "time_window" and (rule.start is None or rule.end is None):
            yield path, "a rule of condition time_window needs 'start' and 'end' (HH:MM)"
        if rule.action != "escalate":
            continue
        # Without receivers, a severity stands for the channels that accept it.
        by_severity = words if rule.condition == "retry_count" or not config.escalation.receivers else ()
        targets = (*config.escalation.receivers, *channels, *by_severity)
        if rule.target is None:
            yield path, "a rule that escalates needs a 'target', the name of a receiver or a channel"
        elif (config.escalation.receivers or channels) and rule.target not in targets:
            hint = suggestion(rule.target, targets)
            places = "escalation.receivers" + (" or notifications.channels" if channels else "")
            yield f"{path}.target", f"{rule.target!r} is not one of {places}{hint}"


def _access(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    auth = config.security.api_auth
    for at, token in enumerate(auth.tokens):
        if problem := _token_problem(token.reveal(), is_basic=auth.method == "basic"):
            yield join("security.api_auth.tokens", at), problem
    tls = config.security.tls
    if (tls.key or tls.client_ca) and not tls.cert:
        yield "security.tls", "needs 'cert', the certificate of the servers, or nothing is encrypted"
    endpoint, board = config.system_monitoring.prometheus, config.dashboard
    if board.enabled and endpoint.enabled and endpoint.port == board.port != 0 and endpoint.host == board.host:
        yield "dashboard.port", f"{board.port} is also system_monitoring.prometheus.port; choose another"
    if not endpoint.path.startswith("/"):
        yield "system_monitoring.prometheus.path", f"{endpoint.path!r} must begin with '/'"


def _token_problem(token: str, *, is_basic: bool) -> str:
    """Return why no client can send *token*, without the token; empty if it can be sent."""
    if is_basic and ":" not in token:
        return "with method basic each must be user:password"
    if any(sign < " " or sign == "\x7f" for sign in token) or (not is_basic and token != token.strip()):
        return "has a control character, or a blank at one of its ends, and no client can send that; remove it"
    return ""


def _is_blank(node: Node) -> bool:
    """Return whether *node* is a list or a text without any element that has a character."""
    if isinstance(node.value, list):
        return all(map(_is_blank, node.value))
    return node.value is None or not str(node.value).replace(",", "").strip()


def _performance(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    """Yield settings of `performance` that are valid but most likely a mistake."""
    section, checks = config.performance, config.health_monitoring.checks
    for at, percentile in enumerate(section.response_time_tracking.percentiles):
        if 0 < percentile < 1:
            path = join("performance.response_time_tracking.percentiles", at)
            yield path, f"{percentile:g} is below 1, and percentiles are in percent; write {percentile * 100:g}"
    runs = config.health_monitoring.enabled and checks.performance.enabled
    if section.enabled and section.benchmarking.enabled and not runs:
        yield "performance.benchmarking.enabled", "no benchmark runs while health_monitoring.checks.performance is off"


def _destinations(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    queue = config.exporters.queue
    if queue.batch_size > queue.max_items and queue.batch_size != Queue().batch_size:
        yield "exporters.queue.batch_size", f"{queue.batch_size} is more than max_items ({queue.max_items}); lower it"
    for at, otlp in enumerate(config.exporters.otlp):
        target = net.grpc_target(revealed(otlp.endpoint or "http://localhost"))
        if not ((otlp.protocol == "grpc" and target.startswith("unix://")) or _is_http_address(target)):
            yield f"{join('exporters.otlp', at)}.endpoint", "must be http://host:port or https://host:port"
        if (otlp.tls.cert is None) != (otlp.tls.key is None):
            yield f"{join('exporters.otlp', at)}.tls", "needs both 'cert' and 'key', or neither"
    gateway = config.integrations.prometheus.push_gateway
    if gateway is not None and not _is_http_address(revealed(gateway)):
        yield "integrations.prometheus.push_gateway", "must be http://host:port or https://host:port"
    buckets = config.performance.response_time_tracking.histogram_buckets
    if list(buckets) != sorted(set(buckets)):
        yield "performance.response_time_tracking.histogram_buckets", "must increase from one bucket to the next"


def _schemes(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    """Yield each setting `insecure` that contradicts the scheme of its endpoint."""
    for at, otlp in enumerate(config.exporters.otlp):
        scheme = revealed(otlp.endpoint or "").partition("://")[0].lower()
        if otlp.tls.insecure is not None and scheme == ("https" if otlp.tls.insecure else "http"):
            path = f"{join('exporters.otlp', at)}.tls.insecure"
            yield path, f"has no effect: the endpoint's scheme decides, and it is {scheme}"


def _is_http_address(text: str) -> bool:
    """Return whether *text* is the address of an HTTP server, with or without a scheme."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the host or the port is malformed
        return False


def _rules(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    """Yield each name of a rule that the scrubber does not have."""
    if not config.scrubbing.disabled_rules:
        return
    from csg_otel.privacy import rules

    names = rules.names()
    for at, name in enumerate(config.scrubbing.disabled_rules):
        if name not in names:
            hint = suggestion(name, names)
            yield join("scrubbing.disabled_rules", at), f"{name!r} is no rule{hint}; `csg-otel scrub rules` lists them"


def _unscrubbed(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    if not config.scrubbing.enabled and (config.service.environment or "").lower() in PRODUCTION:
        yield (
            "scrubbing.enabled",
            "is false in production, so secrets leave as they are; switch single rules off instead",
        )


def _slow_patterns(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    if not config.scrubbing.extra_patterns:
        return
    from csg_otel.config.expressions import slow_part

    for at, pattern in enumerate(config.scrubbing.extra_patterns):
        if (part := slow_part(pattern)) is not None:
            yield join("scrubbing.extra_patterns", at), _SLOW.format(pattern[:80], part[:80])


_CHECKS: tuple[Callable[[ConfigRoot], Iterator[tuple[str, str]]], ...] = (
    _thresholds,
    _names,
    _slos,
    severities.mistakes,
    channel_forms.mistakes,
    _escalation,
    _access,
    _destinations,
    _rules,
)
