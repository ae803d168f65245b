"""The page of alerts of a running program, the thresholds of its charts, and acknowledging."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, forks, names
from csg_otel.alerts.escalations import SEVERITIES
from csg_otel.alerts.text import camel
from csg_otel.config.sections.secret import revealed
from csg_otel.dashboard.alerting import rows
from csg_otel.dashboard.alerting.alertmanagers import Alertmanagers
from csg_otel.dashboard.alerting.instruments import in_use
from csg_otel.dashboard.alerting.rules import Rules
from csg_otel.dashboard.source import SourceError
from csg_otel.exporters import prometheus
from csg_otel.instruments import defined
from csg_otel.pipeline.points import points

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.alerts.model import Rule
    from csg_otel.alerts.preview import Preview
    from csg_otel.config import Config
    from csg_otel.dashboard.model import AlertCounts, AlertRow, AlertsPage, Threshold

_LONGEST_S: Final = 30 * 86400.0
_MOST_SIGNS: Final = 1000
_EVERY_S: Final = 5.0
"""Least time between two evaluations: a page that is open asks twice a second."""

_STATES: Final = ("firing", "pending", "unknown", "no data", "ok")


class AlertsView:
    """The alerts of the program with the configuration *config*; every method may be called from any thread."""

    def __init__(self, config: Config) -> None:
        """Prepare; make it when the program starts, because the counters are 0 then."""
        self._config = config
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Start from scratch, as the child does."""
        config = self._config
        self._lock = threading.Lock()
        self._rules = Rules(config, clocks.monotonic())
        self._alertmanagers = Alertmanagers(
            [revealed(url) for url in config.alerting.alertmanagers if config.alerting.enabled]
        )
        self._latest: MetricsData | None = None
        self._due_s = float("-inf")
        self._previews: Sequence[Preview] = ()

    def look(self, metrics: MetricsData | None) -> None:
        """
        Evaluate the rules on *metrics* (cumulative), if they are newer than the last ones; at most every five seconds.

        A rule with ``for`` is pending from the first call at which its condition holds, so call it at least every 15 s.
        """
        with self._lock:
            now_s = clocks.monotonic()
            if not self._config.alerting.enabled or metrics is self._latest or now_s < self._due_s:
                return
            exposition = prometheus.render(metrics).decode("utf-8", "replace")
            self._previews = self._rules.evaluate(
                exposition, lambda: in_use(defined.declared(), points(metrics)), now_s
            )
            self._latest, self._due_s = metrics, now_s + _EVERY_S

    def page(self, metrics: MetricsData | None, now: float) -> AlertsPage:
        """
        Return the rules, those that fire first. Waits two seconds at most, for Alertmanager.

        Args:
            metrics: the program's metrics, see :meth:`look`; None if there are none yet.
            now: Unix seconds.
        """
        self.look(metrics)
        reachable, silences = self._alertmanagers.read()
        evaluated = [*(rows.row(preview, silences) for preview in self._previews), *self._unreadable()]
        evaluated.sort(key=lambda row: (_STATES.index(row["state"]), -_severity(row), row["alert"]))
        return {
            "time": now,
            "rules": evaluated,
            "alertmanagers": list(reachable),
            "can_acknowledge": self.can_acknowledge,
            "problem": "" if self._config.alerting.enabled else "alerting.enabled is false, so no rule is evaluated",
        }

    def _unreadable(self) -> list[AlertRow]:
        problems = self._rules.problems
        return [
            rows.unreadable(rule, problems[alert])
            for rule in self._config.alerting.rules
            if rule.enabled and (alert := camel(rule.name)) in problems
        ]

    @property
    def can_acknowledge(self) -> bool:
        """Whether there is an Alertmanager in which alerts can be silenced."""
        return bool(self._alertmanagers)

    def counts(self) -> AlertCounts:
        """Return the number of rules by state, as the last evaluation found them."""
        states = [preview.state for preview in self._previews]
        return {
            "firing": states.count("firing"),
            "pending": states.count("pending"),
            "rules": len(states) + len(self._rules.problems),
        }

    def firing(self) -> list[str]:
        """Return the severity of each rule that fires, as the last evaluation found it."""
        return [preview.rule.severity for preview in self._previews if preview.state == "firing"]

    def thresholds(self, name: str) -> list[Threshold]:
        """Return the thresholds of the rules about the metric or alias *name*, in the unit of its chart."""
        return [
            {"label": rule.alert, "value": value, "severity": rule.severity}
            for rule in self._rules.rules
            if _has_chart(rule) and (value := _threshold(rule.first.ref.name, rule.limits[0], name)) is not None
        ]

    def acknowledge(
        self, alert: str, labels: Mapping[str, str], duration_s: float, *, comment: str, author: str
    ) -> str:
        """
        Silence *alert* in Alertmanager, and return the id of the silence. Waits four seconds at most. Raises SourceError.

        Args:
            alert: name of the alert.
            labels: labels that the alert must have, such as those of one series; empty for all its series.
            duration_s: seconds for which it is silenced; up to 30 days.
            comment: text for people; empty for a default.
            author: the person who acknowledges; empty for a default.
        """
        if not self._alertmanagers:
            raise SourceError("there is no Alertmanager to silence it in; set alerting.alertmanagers")
        if not alert or not 0 < duration_s <= _LONGEST_S:
            raise SourceError("give an alert, and a duration_s above 0 s and of 30 days (2592000 s) at most")
        rule = next((rule for rule in self._rules.rules if rule.alert == alert), None)
        service = self._config.service.name or ""
        own = dict(rule.labels).get("service", "") if rule else service
        matchers = {"alertname": alert, **({"service": own} if own else {}), **labels}
        return self._alertmanagers.silence(
            matchers,
            duration_s,
            time.time(),
            comment=comment[:_MOST_SIGNS] or "acknowledged in the dashboard",
            author=author[:_MOST_SIGNS] or "csg-otel dashboard",
        )


def _severity(row: AlertRow) -> int:
    return SEVERITIES.index(row["severity"]) if row["severity"] in SEVERITIES else -1


def _has_chart(rule: Rule) -> bool:
    """Return whether the compared value of *rule* is on the chart of its metric."""
    first = rule.first
    return (
        rule.is_plain
        and first.function != "increase"
        and (first.ref.kind != "histogram" or first.function == "quantile")
    )


def _threshold(metric: str, threshold: float, name: str) -> float | None:
    """Return *threshold*, of a rule about *metric*, for the chart of *name*; None if it is another chart."""
    if metric == name:
        return threshold
    alias = names.ALIASES.get(metric)
    if (
        alias is not None
        and alias.unit == "percent"
        and [(one.name, one.unit) for one in alias.sources] == [(name, "1")]
    ):
        return threshold / 100
    return None
