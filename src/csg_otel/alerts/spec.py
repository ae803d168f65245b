"""
The input of all compilers: rules, channels, escalations and objectives, checked and in the order of the file.

Pure. Reads a configuration by the names of its fields, and reports all mistakes together. The rule: a rule with an unknown
metric, or with a function that does not fit the metric's kind, is an error, and the message contains the correction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from csg_otel import names
from csg_otel.alerts import escalations, quantities, windows
from csg_otel.alerts.bundle import WATCHDOG
from csg_otel.alerts.catalog import SERVICE, Catalog, UnknownMetricError, matcher
from csg_otel.alerts.channels import channels, reserved, routes
from csg_otel.alerts.conditions import label
from csg_otel.alerts.escalations import SEVERITIES
from csg_otel.alerts.message import parse
from csg_otel.alerts.model import (
    BELOW,
    ESCALATED_LABEL,
    ESCALATION_LABEL,
    NO_DATA,
    RULE_LABEL,
    AlertSpec,
    Counted,
    Objective,
    Receiver,
    Rule,
)
from csg_otel.alerts.operands import OperandReader
from csg_otel.alerts.queries import tree
from csg_otel.alerts.text import camel
from csg_otel.alerts.units import unit
from csg_otel.errors import AlertError, MissingExtraError, suggestion

if TYPE_CHECKING:
    from csg_otel.alerts.bundle import ShippedRule
    from csg_otel.alerts.model import Term
    from csg_otel.config import Config

_LABEL: Final = re.compile(r"(?!__)[A-Za-z_]\w*", re.ASCII)
_SELECTOR: Final = re.compile(r'([A-Za-z_][\w.:]*)\s*(?:\{((?:\s*[\w.]+\s*=\s*"[^"]*"\s*,?)*)\})?')
_MATCHER: Final = re.compile(r'([\w.]+)\s*=\s*"([^"]*)"')
_RESERVED: Final = ("alertname", "severity", RULE_LABEL, ESCALATION_LABEL, ESCALATED_LABEL)
"""Labels that the compilers set."""

_QUERIES: Final = {"datadog": "datadog_query", "grafana": "grafana"}
"""The key of a rule with a query that the user wrote, by the name of the backend."""

_KEY: Final = "{}: {}".format
Locate = Callable[[str, str], str]
"""Returns a message about a dotted key with its position in the file; see ``Loaded.problem``."""


def load(
    config: Config,
    catalog: Catalog,
    *,
    locate: Locate = _KEY,
    shipped: Iterable[ShippedRule] = (),
    watchdog: str = "",
) -> AlertSpec:
    """
    Return the specification of *config*. Raises AlertError with every problem of its rules.

    Args:
        config: the configuration.
        catalog: the metrics that rules may name.
        locate: adds the position in the file to a problem; by default only the dotted key.
        shipped: rules that come with the package; a rule of the same name in *config* replaces one of them.
        watchdog: runbook of the watchdog; by default there is no watchdog.
    """
    reader = _Reader.of(config, catalog, locate)
    rules, left_out = reader.rules(config, shipped)
    objectives = [reader.objective(f"slos[{at}]", slo) for at, slo in enumerate(config.slos)]
    reader.problems += [locate(*mistake) for mistake in escalations.mistakes(config)]
    if reader.problems:
        raise AlertError(reader.problems)
    words = (*SEVERITIES, *config.alerting.severities)
    return AlertSpec(
        service=config.service.name or "",
        selector=config.alerting.selector,
        rules=rules,
        objectives=tuple(objective for objective in objectives if objective is not None),
        channels=channels(config.notifications, words, "notifications"),
        escalations=tuple(rule for rule in config.escalation.rules if rule.enabled),
        receivers=tuple(
            Receiver(name, channels(section, words, f"escalation.receivers.{name}", escalated=True))
            for name, section in config.escalation.receivers.items()
        ),
        routes=tuple(routes(config.notifications)),
        reserved=reserved(config),
        watchdog_channel=config.notifications.watchdog or "",
        severities=words,
        window_s=config.alerting.aggregation_window,
        watchdog="" if WATCHDOG in {camel(rule.name) for rule in config.alerting.rules} else watchdog,
        left_out=left_out,
    )


def readable(
    config: Config, catalog: Catalog, *, shipped: Iterable[ShippedRule] = ()
) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """
    Return the rules that can be read, and the problems of the others: a running program may define their metrics later.

    Args:
        config: the configuration.
        catalog: the metrics that rules may name.
        shipped: rules that come with the package; a rule of the same name in *config* replaces one of them.
    """
    reader = _Reader.of(config, catalog, _KEY)
    rules, _ = reader.rules(config, shipped)
    return rules, tuple(reader.problems)


class _Reader:
    """Resolves the parts of a configuration, and collects the problems of all of them."""

    def __init__(self, catalog: Catalog, service: str, locate: Locate) -> None:
        self._catalog = catalog
        self._service = service
        self._locate = locate
        reserved = (*_RESERVED, *((SERVICE,) if service else ()))
        self._operands = OperandReader(catalog, self.problem, reserved)
        self.problems: list[str] = []

    @classmethod
    def of(cls, config: Config, catalog: Catalog, locate: Locate) -> _Reader:
        """Return the reader of *config*, whose rules may name the metrics of *catalog*."""
        service = config.service.name or ""
        return cls(catalog.of_service(service, config.alerting.selector), service, locate)

    def rules(self, config: Config, shipped: Iterable[ShippedRule]) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
        """Return the rules of *config* and those *shipped*, and the alerts that are left out without a service."""
        configured: list[tuple[str, Any]] = [
            (f"alerting.rules[{at}]", rule) for at, rule in enumerate(config.alerting.rules)
        ]
        alert_names = {camel(rule.name) for _, rule in configured}
        wanted = [rule for rule in shipped if camel(rule.name) not in alert_names]
        # Without a service, `up` would be that of every target of the Prometheus.
        scraped = matcher(self._service, config.alerting.selector)
        left_out = [] if scraped else [rule for rule in wanted if rule.metric == names.UP]
        added = [(f"shipped.{rule.name}", rule) for rule in wanted if rule not in left_out]
        enabled = [(path, rule) for path, rule in (*configured, *added) if rule.enabled]
        rules = tuple(resolved for path, rule in enabled for resolved in self.rule(path, rule))
        self.clashes(rules)
        return rules, tuple(camel(rule.name) for rule in left_out)

    def problem(self, path: str, message: str) -> None:
        """Report *message* about the dotted key *path*."""
        self.problems.append(self._locate(path, message))

    def rule(self, path: str, rule: Any) -> Iterator[Rule]:
        """Yield the *rule* at the dotted key *path*, once for each of its levels; nothing after reporting what is wrong."""
        compared = self._operands.comparison(path, rule, rule)
        also = [self._operands.comparison(f"{path}.and[{at}]", one, rule) for at, one in enumerate(rule.and_)]
        unless = [self._operands.comparison(f"{path}.unless[{at}]", one, rule) for at, one in enumerate(rule.unless)]
        if compared is None or None in also or None in unless:
            return
        self._check_promql(f"{path}.promql", compared.operands[0].promql)
        resolved = Rule(
            name=rule.name,
            alert=camel(rule.name),
            compared=compared,
            severity=rule.severity,
            message=parse(rule.message or _default_message(rule, compared.value)),
            description=parse(rule.description) if rule.description else None,
            also=tuple(one for one in also if one is not None),
            unless=tuple(one for one in unless if one is not None),
            for_s=rule.for_,
            keep_firing_s=rule.keep_firing_for,
            labels=tuple(sorted(self._labels(path, rule))),
            runbook_url=rule.runbook_url or "",
            dashboard_url=rule.dashboard_url or "",
            no_data=rule.no_data == "alert"
            or (rule.no_data == "auto" and (rule.condition in BELOW or compared.is_nothing)),
            percent=rule.percent or unit(compared.value) in ("%", "percent"),
            active=rule.active,
            queries=tuple((key, text) for key in _QUERIES if (text := getattr(rule, _QUERIES[key]))),
            path=path,
        )
        self._check_labels(resolved, rule.labels)
        self._check_places(resolved)
        self._check_hours(resolved)
        yield from self._levels(resolved, rule) if rule.levels else (resolved,)

    def _levels(self, rule: Rule, section: Any) -> Iterator[Rule]:
        """Yield *rule* once for each of its levels, the highest first, which alone has the alert of missing data."""
        compared = {
            severity: self._operands.with_threshold(
                f"{rule.path}.levels.{severity}", rule.compared, limit, percent=section.percent
            )
            for severity, limit in section.levels.items()
        }
        limits = {severity: one.threshold for severity, one in compared.items() if isinstance(one.threshold, float)}
        highest = sorted(limits, key=lambda severity: limits[severity], reverse=rule.condition not in BELOW)
        above = None
        for severity in highest:
            no_data = rule.no_data and above is None
            yield replace(rule, severity=severity, compared=compared[severity], above=above, no_data=no_data)
            above = severity, compared[severity]
        ranked = [severity for severity in reversed(SEVERITIES) if severity in highest]
        if [severity for severity in highest if severity in ranked] != ranked:
            self.problem(f"{rule.path}.levels", f"{ranked[0]} has not the limit that is reached last; swap the limits")
        if rule.condition in ("equals", "not_equals"):
            self.problem(f"{rule.path}.condition", f"{rule.condition!r} has no levels; write a rule for each severity")

    def _check_promql(self, path: str, promql: str) -> None:
        """Report the text *promql* of a user if it is not PromQL; without the parser, `check` and the backend say it."""
        if promql:
            with suppress(MissingExtraError):
                try:
                    tree.parse(promql)
                except tree.SyntaxMistakeError as error:
                    self.problem(path, f"is not PromQL: {error}; correct it")

    def _check_labels(self, rule: Rule, labels: Iterable[str]) -> None:
        """Report those of the user's *labels* that would replace a label by which the values of *rule* differ."""
        for key in labels:
            if key in (rule.compared.value.labels or ()):
                self.problem(
                    f"{rule.path}.labels.{key}",
                    f"the values of the rule differ by {key}, which this label would replace, so Prometheus would refuse"
                    " them; choose another name, or leave the label out by `without`",
                )

    def _check_places(self, rule: Rule) -> None:
        """Report the places of the texts of *rule* for labels that its alert does not have."""
        labels = rule.compared.value.labels
        if labels is None:
            return
        has = {*labels, *dict(rule.labels), "alertname", "severity", RULE_LABEL}
        for key, message in (("message", rule.message), ("description", rule.description)):
            for name in message.labels if message is not None else ():
                if label(rule, name) not in has:
                    hint = suggestion(name, has) or f" (it has {', '.join(sorted(has))})"
                    self.problem(f"{rule.path}.{key}", f"the alert has no label {name!r}{hint}")

    def _check_hours(self, rule: Rule) -> None:
        """Report times and days of ``active`` that are none."""
        for key, message in windows.mistakes(rule.active) if rule.active is not None else ():
            self.problem(f"{rule.path}.active.{key}", message)

    def _labels(self, path: str, rule: Any) -> Iterator[tuple[str, str]]:
        own = ((SERVICE, self._service),) if self._service else ()
        yield from own
        reserved = (*_RESERVED, *dict(own))
        for key, value in rule.labels.items():
            if not _LABEL.fullmatch(key) or key in reserved:
                why = (
                    "is set by the compiler; choose another name"
                    if key in reserved
                    else "is not a valid label name; use a-z, A-Z, 0-9 and _, and begin with one _ at most"
                )
                self.problem(f"{path}.labels.{key}", why)
            yield key, str(value)

    def clashes(self, rules: Iterable[Rule]) -> None:
        """Report rules whose name has no letter or digit, and rules whose alerts have the same name."""
        seen: dict[str, str] = {}
        for rule in rules:
            if not rule.alert:
                self.problem(f"{rule.path}.name", f"{rule.name!r} has no letter or digit; an alert's name needs one")
                continue
            for alert in (rule.alert, f"{rule.alert}{NO_DATA}") if rule.no_data else (rule.alert,):
                if (other := seen.setdefault(alert, rule.name)) != rule.name:
                    self.problem(
                        f"{rule.path}.name",
                        f"{rule.name!r} and {other!r} both make the alert {alert}; rename one of them",
                    )

    def objective(self, path: str, slo: Any) -> Objective | None:
        """Return the objective at the dotted key *path*, or None after reporting why its events can't be counted."""
        counted = self._counted(f"{path}.{'bad' if slo.bad is not None else 'good'}", slo.bad or slo.good)
        total = self._counted(f"{path}.total", slo.total)
        if counted is None or total is None:
            return None
        return Objective(
            name=slo.name,
            alert=camel(slo.name),
            objective=slo.objective / 100,
            window_s=slo.window,
            counted=counted,
            inverted=slo.bad is None,
            total=total,
            min_events=slo.min_events,
            description=slo.description,
            labels=tuple(sorted(self._labels(path, slo))),
            runbook_url=slo.runbook_url or "",
            service=self._service,
            path=path,
        )

    def _counted(self, path: str, selection: str) -> Counted | None:
        """Return the events of *selection*: ``metric``, ``metric{key="value"}``, or PromQL with ``[window]``."""
        if "[window]" in selection:
            self._check_promql(path, selection.replace("[window]", "[5m]"))
            return Counted(None, promql=selection)
        selector = _SELECTOR.fullmatch(selection)
        if selector is None:
            self.problem(
                path, f'{selection!r} is not valid; write a metric, metric{{label="value"}}, or PromQL with [window]'
            )
            return None
        try:
            ref = self._catalog.find(selector[1].removesuffix("_count"))
        except UnknownMetricError as error:
            self.problem(path, str(error))
            return None
        if ref.kind not in ("counter", "histogram"):
            self.problem(
                path, f"{selector[1]!r} is a gauge; name a counter or a histogram, because an objective counts events"
            )
            return None
        values = dict(_MATCHER.findall(selector[2] or ""))
        return Counted(ref, tuple(self._operands.filters(path, values, ref)))


def _default_message(section: Any, compared: Term) -> str:
    """Return the message of a rule without one: its name, and the value in the form of its unit."""
    limits = (section.threshold, *section.levels.values())
    is_share = any(isinstance(limit, str) and limit.rstrip().endswith("%") for limit in limits)
    form = quantities.form_of(unit(compared))
    if form == "duration" and any(operand.function == "rate" for operand in compared.operands):
        form = ""  # seconds per second are no duration
    form = "percent" if section.percent or is_share or unit(compared) in ("%", "percent") else form
    return f"{section.name}: {{value{':' if form else ''}{form}}}"
