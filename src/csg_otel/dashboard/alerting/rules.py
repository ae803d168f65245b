"""The rules of a configuration, evaluated on the metrics of the running program again and again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from csg_otel.alerts import bundle, catalog, conditions, evaluate, spec
from csg_otel.alerts.evaluate import Evaluator
from csg_otel.alerts.preview import Preview, preview
from csg_otel.alerts.prometheus import promql
from csg_otel.alerts.text import camel
from csg_otel.dashboard.alerting.scrapes import Scrapes
from csg_otel.exporters.prometheus import catalog as prometheus_catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from csg_otel import names
    from csg_otel.alerts.evaluate import Labels
    from csg_otel.alerts.model import Rule
    from csg_otel.config import Config

_READ_AGAIN_S: Final = 30.0
"""Time after which the rules are read again: series of the program may have further attributes."""

_RETRY_S: Final = 5.0
"""The same while a rule names a metric that has no values yet."""


_UNKNOWN: Final = " yet; the program has not measured it"


class Rules:
    """The rules of *config* that can be read, and the time for which their conditions have held."""

    def __init__(self, config: Config, started_s: float) -> None:
        """Prepare for a program that was started at *started_s* (monotonic seconds)."""
        self._config = config
        self._scrapes = Scrapes(started_s)
        self._since: dict[tuple[str, str, Labels], float] = {}
        self._recorded: evaluate.Recorded = {}
        self._wanted: frozenset[str] = frozenset()
        self._read_again_s = -1.0
        self.rules: tuple[Rule, ...] = ()
        self.problems: Mapping[str, str] = {}
        """The problem of each rule that can't be read, by the name of its alert."""

    def evaluate(self, exposition: str, metrics: Callable[[], Iterable[names.Metric]], now_s: float) -> list[Preview]:
        """
        Return the state of each rule; a condition counts as holding since the first of the calls for which it held.

        Args:
            exposition: text of the program's ``/metrics``.
            metrics: returns the metrics that rules may name.
            now_s: monotonic seconds.
        """
        if now_s >= self._read_again_s:
            self._read(metrics())
            self._read_again_s = now_s + (_RETRY_S if self.problems else _READ_AGAIN_S)
        scraped = catalog.matcher(self._config.service.name or "", self._config.alerting.selector)
        added = {scraped.label: scraped.value} if scraped else {}
        now = self._scrapes.add(evaluate.parse(exposition, now_s, added, self._wanted, time.time()))
        evaluators: dict[float, Evaluator] = {}
        since: dict[tuple[str, str, Labels], float] = {}
        previews = []
        for rule in self.rules:
            before = self._scrapes.before(now_s, max(operand.window_s for operand in rule.operands))
            if before.at_s not in evaluators:
                evaluators[before.at_s] = Evaluator(before, now, self._recorded, whole_window=False)

            def held_s(labels: Labels, rule: Rule = rule) -> float:
                key = rule.alert, rule.severity, labels  # a rule with levels has one alert of each severity
                since[key] = self._since.get(key, now_s)
                return now_s - since[key]

            previews.append(preview(rule, evaluators[before.at_s], held_s))
        self._since = since
        return previews

    def _read(self, named: Iterable[names.Metric]) -> None:
        metrics = prometheus_catalog.of_program(self._config, named, "", further=_UNKNOWN)
        self.rules, problems = spec.readable(self._config, metrics, shipped=bundle.SHIPPED)
        self._recorded = promql.recorded(metrics.find)
        wanted: set[str] = set()
        for rule in self.rules:
            counted = conditions.count_series(rule.witness.ref, rule.witness.filters)
            for expr in (conditions.condition(rule), counted):
                wanted |= evaluate.selected(expr, self._recorded)
        self._wanted = frozenset(wanted)
        self.problems = {
            camel(rule.name): problem
            for place, rule in enumerate(self._config.alerting.rules)
            for problem in problems
            if problem.startswith(f"alerting.rules[{place}].")
        }
