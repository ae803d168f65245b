"""What `csg_otel.sent_alerts` promises: true numbers of the alerts a process has sent, in bounded memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from csg_otel import sent_alerts
from csg_otel.alerts.events import Event
from csg_otel.sent_alerts import Notifications, SentAlerts

NOW_S = 1_800_000_000.0
EVENT = Event("backup_failed", "warning", "no space", "shop", NOW_S, until=NOW_S + 300)


def test_without_alerts() -> None:
    """Every number is 0, and there is no newest alert."""
    assert SentAlerts().summary(NOW_S) == {
        "total_alerts": 0,
        "active_alerts": 0,
        "critical_alerts": 0,
        "warning_alerts": 0,
        "info_alerts": 0,
        "latest_alert": None,
    }
    assert SentAlerts().notifications(NOW_S) == Notifications(0, 0)


def test_an_alert_is_active_until_its_end() -> None:
    """It counts by its level; an emergency is critical; one that was sent again is still one; none is active after its end."""
    alerts = SentAlerts()
    for event in (EVENT, EVENT, replace(EVENT, severity="critical"), replace(EVENT, severity="emergency", until=None)):
        alerts.add(event)
    alerts.add(replace(EVENT, severity="info", at=NOW_S + 1))
    during, after = alerts.summary(NOW_S + 299), alerts.summary(NOW_S + 300)

    assert during == {
        "total_alerts": 5,
        "active_alerts": 4,
        "critical_alerts": 2,
        "warning_alerts": 1,
        "info_alerts": 1,
        "latest_alert": "2027-01-15T08:00:01.000+00:00",
    }
    assert (after["total_alerts"], after["active_alerts"], after["critical_alerts"]) == (5, 1, 1)


def test_a_resolved_alert_is_not_active() -> None:
    """It is still one of all; resolving it twice, or one that nobody sent, is nothing."""
    alerts = SentAlerts()
    alerts.add(EVENT)
    alerts.resolve(EVENT.resolved(NOW_S + 1))
    alerts.resolve(EVENT)
    summary = alerts.summary(NOW_S + 1)

    assert (summary["total_alerts"], summary["active_alerts"]) == (1, 0)


def test_notifications_of_the_last_day() -> None:
    """Each destination counts; the total keeps the older ones."""
    alerts = SentAlerts()
    alerts.notified(2, NOW_S)
    alerts.notified(0, NOW_S)
    alerts.notified(1, NOW_S + 3600)

    assert alerts.notifications(NOW_S + 3600) == Notifications(3, 3)
    assert alerts.notifications(NOW_S + 86_400) == Notifications(3, 1)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the oldest alerts are no longer among the active ones; the total is right."""
    monkeypatch.setattr(sent_alerts, "MOST", 3)
    alerts = SentAlerts()
    for number in range(5):
        alerts.add(replace(EVENT, name=f"a{number}", severity="critical" if number > 1 else "info"))
        alerts.notified(1, NOW_S)
    summary = alerts.summary(NOW_S)

    assert (summary["total_alerts"], summary["critical_alerts"], summary["info_alerts"]) == (5, 3, 0)
    assert alerts.notifications(NOW_S) == Notifications(5, 3)


def test_a_forked_child_has_sent_nothing() -> None:
    """The alerts of the parent are not the child's."""
    alerts = SentAlerts()
    alerts.add(EVENT)
    alerts.reset_after_fork()

    assert alerts.summary(NOW_S)["total_alerts"] == 0
