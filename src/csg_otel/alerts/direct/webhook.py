"""
Notices to a webhook: the JSON that Alertmanager posts (version 4), so that a receiver needs no second reader. Pure.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts.direct.outgoing import HttpCall, plain
from csg_otel.alerts.text import rfc3339

if TYPE_CHECKING:
    from csg_otel.alerts.direct.notice import Notice, NoticeAlert

_GROUPED_BY: Final = ("alertname", "severity")
"""The labels by which the compiled configuration of Alertmanager groups alerts."""

_NO_TIME: Final = "0001-01-01T00:00:00Z"
"""The end of an alert that is firing, as Go writes the time that was not set."""


def webhook(settings: Any, notice: Notice, _now_s: float) -> list[HttpCall]:
    """Return the request with the configured method and headers."""
    return [call(settings, body(notice))]


def call(settings: Any, content: bytes, agent: str = "") -> HttpCall:
    """Return the request with *content*; *agent* is the default of the header ``User-Agent``, if it is not empty."""
    headers = {name: plain(value) for name, value in settings.headers.items()}
    lower = {name.lower() for name in headers}
    defaults = {"Content-Type": "application/json", **({"User-Agent": agent} if agent else {})}
    missing = {name: value for name, value in defaults.items() if name.lower() not in lower}
    sent = None if settings.method == "GET" else content
    return HttpCall(plain(settings.url), sent, {**missing, **headers}, settings.method, settings.timeout)


def body(notice: Notice) -> bytes:
    """Return *notice* as JSON."""
    common = notice.common_labels()
    group = {label: common[label] for label in _GROUPED_BY if label in common}
    key = ", ".join(f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in group.items())
    content = {
        "receiver": notice.receiver,
        "status": notice.status,
        "alerts": [_alert(alert) for alert in notice.alerts],
        "groupLabels": group,
        "commonLabels": common,
        "commonAnnotations": notice.common_annotations(),
        "externalURL": "",
        "version": "4",
        "groupKey": f"{{}}:{{{key}}}",
        "truncatedAlerts": 0,
    }
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def _alert(alert: NoticeAlert) -> dict[str, Any]:
    return {
        "status": alert.status,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": rfc3339(alert.starts_s),
        "endsAt": _NO_TIME if alert.ends_s is None else rfc3339(alert.ends_s),
        "generatorURL": alert.source,
        "fingerprint": alert.fingerprint,
    }
