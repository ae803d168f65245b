"""
Rules, channels, escalations and objectives as the compilers take them: resolved, checked, frozen, in the order of the file.

Pure. Reads a configuration by the names of its fields and finds every mistake in one go; what a backend makes of it is the
compilers'. The rule: a rule that names an unknown metric, or asks of one what it can't answer, is an error with a cure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.alerts import windows
from csg_otel.alerts.catalog import Catalog, Ref, UnknownMetricError
from csg_otel.alerts.message import Message, parse
from csg_otel.alerts.text import camel
from csg_otel.errors import AlertError, suggestion

if TYPE_CHECKING:
    from csg_otel.config import Config

Function = Literal["value", "rate", "increase", "quantile", "avg", "min", "max"]
Severity = Literal["info", "warning", "critical", "emergency"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical", "emergency")

RULE_LABEL: Final = "csg_rule"
"""Label of an alert: the name of its rule."""

ESCALATION_LABEL: Final = "csg_escalation"
"""Label of an alert that a ``retry_count`` escalation made: the name of the escalation rule."""

ESCALATED_LABEL: Final = "csg_escalated"
"""Label of the same alert: the name of the alert that came back."""

SERVICE_LABEL: Final = "csg_service"
"""Label or tag of everything that a push may change: the service that it belongs to."""

_ASKED: Final = re.compile(r"(rate|increase|avg|min|max|p\d{1,2}(?:\.\d+)?)\(\s*([^()\s]+)\s*\)")
_BELOW: Final = ("less_than", "less_than_or_equal")
_LABEL: Final = re.compile(r"[A-Za-z_]\w*")
_SELECTED: Final = re.compile(r'([A-Za-z_][\w.:]*)\s*(?:\{((?:\s*[\w.]+\s*=\s*"[^"]*"\s*,?)*)\})?')
_MATCHER: Final = re.compile(r'([\w.]+)\s*=\s*"([^"]*)"')
_RESERVED: Final = ("alertname", "severity", RULE_LABEL, ESCALATION_LABEL, ESCALATED_LABEL)
"""Labels that the compilers set."""

_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "rate": ("counter", "histogram"),
    "increase": ("counter", "histogram"),
    "quantile": ("histogram",),
    "avg": ("gauge", "up_down_counter"),
    "min": ("gauge", "up_down_counter"),
    "max": ("gauge", "up_down_counter"),
}
_CURES: Final[Mapping[str, str]] = {
    "counter": "name it alone for its rate, or increase(...)",
    "histogram": "name it alone for its quantile, p99(...), or rate(...) for calls a second",
    "gauge": "name it alone for its value, or avg(...), min(...), max(...) over the window",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One rule: *function* of the metric *ref* over *window_s* seconds, compared with *threshold*, for *for_s* seconds.

    *alert* is its name as an alert. *filters* are (attribute, label, value). *no_data* says whether missing data fires too.
    """

    name: str
    alert: str
    ref: Ref
    function: Function
    window_s: float
    quantile: float
    filters: tuple[tuple[str, str, str], ...]
    condition: str
    threshold: float
    severity: Severity
    message: Message
    for_s: float = 0.0
    labels: tuple[tuple[str, str], ...] = ()
    runbook_url: str = ""
    no_data: bool = False
    path: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Counted:
    """What an objective counts: the metric *ref* with *filters* as those of a rule, or *promql* with ``[window]`` in it."""

    ref: Ref | None
    filters: tuple[tuple[str, str, str], ...] = ()
    promql: str = ""


@dataclass(frozen=True, slots=True)
class Objective:
    """
    A service level objective: *objective* (0 to 1) of the events over *window_s* seconds are good.

    *counted* counts the bad events, or with *inverted* the good ones.
    """

    name: str
    alert: str
    objective: float
    window_s: float
    counted: Counted
    inverted: bool
    total: Counted
    description: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    runbook_url: str = ""
    path: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to tell people: *kind* is email, slack, webhook or pagerduty, *settings* the section of the configuration."""

    kind: Literal["email", "slack", "webhook", "pagerduty"]
    settings: Any
    severities: tuple[Severity, ...]
    """Which severities it takes, in order; all of them where nothing is said."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom an escalation tells."""

    name: str
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class AlertSpec:
    """Everything that is compiled."""

    service: str = ""
    rules: tuple[Rule, ...] = ()
    objectives: tuple[Objective, ...] = ()
    channels: tuple[Channel, ...] = ()
    escalations: tuple[Any, ...] = ()
    """The section ``escalation.rules``, those that are enabled."""
    receivers: tuple[Receiver, ...] = ()
    window_s: float = 300.0
    """Alerts within it become one notification."""
    watchdog: str = ""
    """The page of an alert that always fires, so that its absence tells that alerting is broken; empty for none."""


@dataclass(frozen=True, slots=True)
class Options:
    """
    What the compilers must know of the backends.

    Versions are (major, minor). *secrets_dir* is the absolute directory in which Alertmanager finds each secret in a file of
    its own, named after its setting; *relay_url* is where ``csg-otel alerts relay`` listens.
    """

    prometheus_version: tuple[int, int] = (2, 42)
    alertmanager_version: tuple[int, int] = (0, 25)
    secrets_dir: str = "/etc/alertmanager/secrets"
    relay_url: str = "http://127.0.0.1:9095"


@dataclass(frozen=True, slots=True)
class Written:
    """A rule as it is written, by the fields of the configuration's; for rules that come with the package."""

    name: str
    metric: str
    threshold: float
    message: str
    condition: str = "greater_than"
    severity: Severity = "warning"
    for_: float = 0.0
    window: float = 300.0
    quantile: float = 0.95
    filters: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook_url: str | None = None
    no_data: str = "ignore"
    enabled: bool = True


Locate = Callable[[str, str], str]
"""Returns a message about a dotted key as a located problem; see ``Loaded.problem``."""


def load(
    config: Config,
    catalog: Catalog,
    *,
    locate: Locate = lambda path, message: f"{path}: {message}",
    shipped: Iterable[Written] = (),
    watchdog: str = "",
) -> AlertSpec:
    """
    Return what *config* says of alerting, the *shipped* rules whose names it does not use itself, and the *watchdog*.

    Raises AlertError with every problem found, each located by *locate*.
    """
    problems: list[str] = []

    def problem(path: str, message: str) -> None:
        problems.append(locate(path, message))

    written: list[tuple[str, Any]] = [(f"alerting.rules[{at}]", rule) for at, rule in enumerate(config.alerting.rules)]
    taken = {camel(rule.name) for _, rule in written}
    own = [(f"shipped.{rule.name}", rule) for rule in shipped if camel(rule.name) not in taken]
    made = [_rule(path, rule, catalog, problem) for path, rule in (*written, *own) if rule.enabled]
    rules = tuple(rule for rule in made if rule is not None)
    _clashes(rules, problem)
    objectives = [_objective(f"slos[{at}]", slo, catalog, problem) for at, slo in enumerate(config.slos)]
    _escalations(config, problem)
    if problems:
        raise AlertError(problems)
    return AlertSpec(
        service=config.service.name or "",
        rules=rules,
        objectives=tuple(objective for objective in objectives if objective is not None),
        channels=channels(config.notifications),
        escalations=tuple(rule for rule in config.escalation.rules if rule.enabled),
        receivers=tuple(
            Receiver(name, channels(told, escalated=True)) for name, told in config.escalation.receivers.items()
        ),
        window_s=config.alerting.aggregation_window,
        watchdog="" if "Watchdog" in taken else watchdog,
    )


def escalated_severities(rule: Any) -> tuple[Severity, ...]:
    """Return which severities an escalation *rule* is about: critical ones where it escalates, all where it suppresses."""
    asked: tuple[Severity, ...] = rule.severity_filter
    return asked or (("critical",) if rule.action == "escalate" else SEVERITIES)


def channels(section: Any, *, escalated: bool = False) -> tuple[Channel, ...]:
    """Return the channels of a *section* that are switched on; one that an escalation names is."""
    found = []
    kinds: tuple[Literal["email", "slack", "webhook", "pagerduty"], ...] = ("email", "slack", "webhook", "pagerduty")
    for kind in kinds:
        settings = getattr(section, kind)
        if settings is not None and (settings.enabled or escalated):
            wanted = settings.severity_filter or SEVERITIES
            found.append(Channel(kind, settings, tuple(one for one in SEVERITIES if one in wanted)))
    return tuple(found)


def _rule(path: str, rule: Any, catalog: Catalog, problem: Callable[[str, str], None]) -> Rule | None:
    asked = _ASKED.fullmatch(rule.metric)
    function, name = (asked[1], asked[2]) if asked else ("", rule.metric)
    try:
        ref = catalog.find(name)
    except UnknownMetricError as error:
        problem(f"{path}.metric", str(error))
        return None
    quantile = rule.quantile
    if function.startswith("p"):
        function, quantile = "quantile", float(function[1:]) / 100
    chosen = function or {"counter": "rate", "histogram": "quantile"}.get(ref.kind, "value")
    if ref.kind not in _KINDS.get(chosen, (ref.kind,)):
        kind = "gauge" if ref.kind == "up_down_counter" else ref.kind
        told = "a quantile" if chosen == "quantile" else f"the {chosen}"
        problem(f"{path}.metric", f"{name!r} is a {kind}, and {told} of one means nothing ({_CURES[kind]})")
        return None
    return Rule(
        name=rule.name,
        alert=camel(rule.name),
        ref=ref,
        function=chosen,  # type: ignore[arg-type] # one of the words above
        window_s=rule.window,
        quantile=quantile,
        filters=tuple(_filters(path, rule, ref, catalog, problem)),
        condition=rule.condition,
        threshold=rule.threshold,
        severity=rule.severity,
        message=parse(rule.message or f"{rule.name}: {{value}}"),
        for_s=rule.for_,
        labels=tuple(sorted(_labels(path, rule, problem))),
        runbook_url=rule.runbook_url or "",
        no_data=rule.no_data == "alert" or (rule.no_data == "auto" and rule.condition in _BELOW),
        path=path,
    )


def _filters(
    path: str, rule: Any, ref: Ref, catalog: Catalog, problem: Callable[[str, str], None]
) -> Iterator[tuple[str, str, str]]:
    """Yield the filters of a rule, or those that hold unless it says otherwise."""
    yield from _resolved(f"{path}.filters", rule.filters, ref, catalog, problem)
    if not rule.filters:  # a rule that asks for one CPU does not mean the total
        yield from ((key, key, value) for key, value in ref.defaults)


def _resolved(
    path: str, asked: Mapping[str, str], ref: Ref, catalog: Catalog, problem: Callable[[str, str], None]
) -> Iterator[tuple[str, str, str]]:
    """Yield (attribute, label, value) for each of the filters *asked* for."""
    for key, value in asked.items():
        found = ref.attribute(key) or ((key, catalog.label(key)) if ref.open else None)
        if found is None:
            known = [one for one, _ in ref.attributes]
            hint = suggestion(key, known) or f" (known: {', '.join(known)})" if known else " (it has none)"
            problem(f"{path}.{key}", f"{ref.name!r} has no attribute {key!r}{hint}")
        else:
            yield (*found, str(value))


def _labels(path: str, rule: Any, problem: Callable[[str, str], None]) -> Iterator[tuple[str, str]]:
    for key, value in rule.labels.items():
        if not _LABEL.fullmatch(key) or key in _RESERVED:
            why = "is set by the rule itself" if key in _RESERVED else "is no name for a label (letters, digits and _)"
            problem(f"{path}.labels.{key}", why)
        yield key, str(value)


def _clashes(rules: Iterable[Rule], problem: Callable[[str, str], None]) -> None:
    seen: dict[str, str] = {}
    for rule in rules:
        if not rule.alert:
            problem(f"{rule.path}.name", f"{rule.name!r} has no letter or digit to make an alert's name of")
        elif rule.alert in seen:
            problem(f"{rule.path}.name", f"{rule.name!r} and {seen[rule.alert]!r} are both the alert {rule.alert}")
        seen.setdefault(rule.alert, rule.name)


def _escalations(config: Config, problem: Callable[[str, str], None]) -> None:
    """Report escalations that can't be compiled; a target may be a severity where there are no receivers."""
    known = (*config.escalation.receivers, *SEVERITIES)
    for at, rule in enumerate(config.escalation.rules):
        path = f"escalation.rules[{at}]"
        if not rule.enabled:
            continue
        if rule.condition == "time_window":
            for key, message in windows.mistakes(rule):
                problem(f"{path}.{key}", message)
        if rule.action == "suppress":
            if rule.condition in ("time_based", "retry_count"):
                problem(
                    f"{path}.action", f"{rule.condition} can only escalate; time_window and maintenance_mode suppress"
                )
        elif rule.target not in known:
            hint = suggestion(str(rule.target), known) or " (add it to escalation.receivers)"
            problem(f"{path}.target", f"there is no receiver {rule.target!r}{hint}")


def _objective(path: str, slo: Any, catalog: Catalog, problem: Callable[[str, str], None]) -> Objective | None:
    counted = _counted(f"{path}.{'bad' if slo.bad is not None else 'good'}", slo.bad or slo.good, catalog, problem)
    total = _counted(f"{path}.total", slo.total, catalog, problem)
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
        description=slo.description,
        labels=tuple(sorted(_labels(path, slo, problem))),
        runbook_url=slo.runbook_url or "",
        path=path,
    )


def _counted(path: str, written: str, catalog: Catalog, problem: Callable[[str, str], None]) -> Counted | None:
    """Return what ``metric``, ``metric{key="value"}`` or PromQL with ``[window]`` counts."""
    if "[window]" in written:
        return Counted(None, promql=written)
    named = _SELECTED.fullmatch(written)
    if named is None:
        problem(path, f'{written!r} is neither a metric, metric{{label="value"}}, nor PromQL with [window]')
        return None
    try:
        ref = catalog.find(named[1].removesuffix("_count"))
    except UnknownMetricError as error:
        problem(path, str(error))
        return None
    if ref.kind not in ("counter", "histogram"):
        problem(path, f"{named[1]!r} is a gauge; an objective counts events (a counter, or a histogram's calls)")
        return None
    asked = dict(_MATCHER.findall(named[2] or ""))
    return Counted(ref, tuple(_resolved(path, asked, ref, catalog, problem)))
