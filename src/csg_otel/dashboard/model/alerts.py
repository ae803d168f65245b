"""Alert rules, and the changes of a window. Pure."""

from typing import Literal, TypedDict

from csg_otel.dashboard.model.overview import Change


class AlertSeries(TypedDict):
    """One series of a rule: its value, and how long it still has to hold until the alert fires."""

    labels: dict[str, str]
    value: float
    state: Literal["ok", "pending", "firing"]
    remaining_s: float | None


class Silence(TypedDict):
    """A silence of Alertmanager that matches a rule."""

    id: str
    ends: float
    comment: str
    created_by: str


class AlertRow(TypedDict):
    """One rule, evaluated on this process's metrics."""

    alert: str
    severity: str
    state: Literal["ok", "pending", "firing", "no data", "unknown"]
    metric: str
    condition: str
    threshold: float | None
    unit: str
    for_s: float
    summary: str
    runbook_url: str
    series: list[AlertSeries]
    silence: Silence | None


class AlertmanagerRow(TypedDict):
    """One Alertmanager of the configuration, and whether it answered."""

    address: str
    reachable: bool
    error: str


class AlertsPage(TypedDict):
    """``/api/v1/alerts``: the rules, those that fire first."""

    time: float
    rules: list[AlertRow]
    alertmanagers: list[AlertmanagerRow]
    can_acknowledge: bool
    problem: str


class ChangedPage(TypedDict):
    """``/api/v1/changed``: the series that moved most in ``window``, compared with ``baseline``; both are (from, to)."""

    time: float
    window: list[float]
    baseline: list[float]
    changes: list[Change]
