"""The rows of the dashboard about alerts and objectives. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import slo
from csg_otel.alerts.catalog import SERVICE
from csg_otel.alerts.expr import Aggregate, Binary, Matcher, Select, quoted
from csg_otel.alerts.text import duration, number
from csg_otel.dashboard.grafana import thresholds
from csg_otel.dashboard.grafana.panels import Panel, Row
from csg_otel.dashboard.grafana.queries import SELECTED, Queries, Query, percent

if TYPE_CHECKING:
    from csg_otel.alerts.model import AlertSpec, Objective, Rule

ALERTS: Final = Select(("ALERTS",), SELECTED)
"""Prometheus' own series of pending and firing alerts."""


def alerts(spec: AlertSpec, queries: Queries, rules: Iterable[Rule]) -> Row:
    """
    Return the alerts that fire, their course, and the numbers of rules that no other panel shows.

    Args:
        spec: the specification, which names the service.
        queries: the builder of queries.
        rules: the rules that no other panel shows.
    """
    firing, pending = (Select(ALERTS.names, (*SELECTED, _state(state))) for state in ("firing", "pending"))
    course = Aggregate("max", ("alertname", "instance"), Binary(Binary(2, "*", firing), "or", pending))
    panels = (
        Panel(
            "Alerts",
            "Alerts that fire or are pending, from Prometheus and from Grafana.",
            kind="alertlist",
            unit="none",
            options=_list(spec.service),
        ),
        Panel(
            "Course of the alerts",
            "When each alert of a program was pending (orange) or firing (red).",
            (Query(str(course), "{{alertname}} {{instance}}"),),
            "none",
            "state-timeline",
            width=16,
            named=(("Inactive", "green"), ("Pending", "orange"), ("Firing", "red")),
        ),
        *(thresholds.panel_of(rule, queries) for rule in rules),
    )
    return Row("Alerts", panels)


def _state(state: str) -> Matcher:
    return Matcher("alertstate", "=", state)


def _list(service: str) -> dict[str, Any]:
    return {
        "viewMode": "list",
        "groupMode": "default",
        "groupBy": [],
        "maxItems": 50,
        "sortOrder": 3,  # by importance
        "dashboardAlerts": False,
        "alertName": "",
        "alertInstanceLabelFilter": f"{{{SERVICE}={quoted(service)}}}" if service else "",
        "stateFilter": {"firing": True, "pending": True, "noData": True, "error": True, "normal": False},
    }


def objectives(spec: AlertSpec) -> Row:
    """Return the error budgets of the objectives. The series are recorded by the compiled rules, one per job."""
    return Row("Objectives", tuple(panel for objective in spec.objectives for panel in _budget(objective)))


def _budget(objective: Objective) -> tuple[Panel, ...]:
    target = f"{number(round(100 * objective.objective, 6))} % within {duration(objective.window_s)}"
    about = f"{objective.description or objective.name} Objective: {target}."
    links = tuple(("Runbook", url) for url in [objective.runbook_url] if url.startswith(("http://", "https://")))
    left = percent(Binary(1, "-", _burnt(objective, objective.window_s)))
    remaining = Query(str(left), "{{job}}")
    steps = ((None, "red"), (0.0, "orange"), (25.0, "green"))
    burning = [(share, long_s, severity) for severity, burns in slo.BURNS for share, long_s, _ in burns]
    limits = sorted(
        (slo.factor(objective, share, long_s), thresholds.COLORS[severity]) for share, long_s, severity in burning
    )
    return (
        Panel(
            f"{objective.name}: budget left",
            f"{about} Share of the error budget that is left.",
            (remaining,),
            "percent",
            "stat",
            width=6,
            steps=steps,
            links=links,
        ),
        Panel(
            f"{objective.name}: budget over time",
            f"{about} Below 0 the objective is missed.",
            (remaining,),
            "percent",
            width=9,
            lowest=None,
            highest=100,
            steps=steps,
        ),
        Panel(
            f"{objective.name}: burn rate",
            f"{about} 1 burns the whole budget within the window; the lines are where the alerts of the windows fire.",
            tuple(Query(str(_burnt(objective, long_s)), f"{{{{job}}}} {duration(long_s)}") for _, long_s, _ in burning),
            "short",
            width=9,
            steps=((None, "green"), *limits),
        ),
    )


def _burnt(objective: Objective, window_s: float) -> Binary:
    """Return how much of the error budget burns at the error ratio of *window_s* seconds: 1 for all of it."""
    job = next(matcher for matcher in SELECTED if matcher.label == "job")  # an objective is of all instances
    own = (Matcher(label, "=", value) for label, value in objective.series_labels)
    ratio = Select((slo.series(window_s),), (job, *own))
    return Binary(ratio, "/", round(1 - objective.objective, 9))
