"""
The alerts that this process has sent itself: their number, the active ones, and the notifications of the last day.

Alerts of rules are not among them: the backend evaluates rules, and this process does not hear of them. The rule: memory is
bounded, and a forked child starts without alerts, because its parent sent them.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from csg_otel import forks

if TYPE_CHECKING:
    from csg_otel.alerts.events import Event

MOST: Final = 10_000
"""Most active alerts, and most sendings of the last day, that are kept; beyond it the oldest are forgotten."""

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Notifications:
    """Alerts and ends of alerts, counted once for each destination: since the start, and in the last day."""

    total: int
    recent: int


class SentAlerts:
    """Counts alerts; every time is in Unix seconds."""

    def __init__(self) -> None:
        """Start without alerts."""
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Start without alerts."""
        self._lock = threading.RLock()
        self._total = 0
        self._latest_s: float | None = None
        self._active: dict[str, tuple[float, str]] = {}
        self._notifications = 0
        self._recent: deque[tuple[float, int]] = deque(maxlen=MOST)

    def add(self, event: Event) -> None:
        """Count *event* as a new alert, which is active until it ends or is resolved."""
        key, until_s = event.id, math.inf if event.until is None else event.until
        with self._lock:
            self._total += 1
            self._latest_s = event.at
            self._active.pop(key, None)
            self._active[key] = until_s, event.severity
            if len(self._active) > MOST:
                del self._active[next(iter(self._active))]

    def resolve(self, event: Event) -> None:
        """End the alert *event*."""
        key = event.id
        with self._lock:
            self._active.pop(key, None)

    def notified(self, destinations: int, now_s: float) -> None:
        """Count an alert, or the end of one, that was passed to *destinations* destinations."""
        with self._lock:
            self._notifications += destinations
            self._recent.append((now_s, destinations))

    def notifications(self, now_s: float) -> Notifications:
        """Return the number of notifications."""
        with self._lock:
            while self._recent and self._recent[0][0] <= now_s - _DAY_S:
                self._recent.popleft()
            return Notifications(self._notifications, sum(number for _, number in self._recent))

    def summary(self, now_s: float) -> dict[str, Any]:
        """
        Return ``total_alerts``, ``active_alerts``, ``critical_alerts``, ``warning_alerts``, ``info_alerts``, ``latest_alert``.

        The three in the middle add up to ``active_alerts``: emergencies count as critical, and severities of the user's own as
        warnings. ``latest_alert`` is the start of the
        newest alert (ISO 8601, UTC); None without one.
        """
        with self._lock:
            self._active = {key: entry for key, entry in self._active.items() if entry[0] > now_s}
            levels = Counter(severity for _, severity in self._active.values())
            total, latest_s = self._total, self._latest_s
        latest = None if latest_s is None else datetime.fromtimestamp(latest_s, timezone.utc)
        return {
            "total_alerts": total,
            "active_alerts": levels.total(),
            "critical_alerts": (critical := levels["critical"] + levels["emergency"]),
            "warning_alerts": levels.total() - critical - levels["info"],
            "info_alerts": levels["info"],
            "latest_alert": None if latest is None else latest.isoformat(timespec="milliseconds"),
        }
