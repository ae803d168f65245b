"""A program's own alert as a request to Alertmanager. Pure: the time is an argument."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from csg_otel.alerts.events import Event

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_]")


def body(event: Event, now_s: float, horizon_s: float) -> bytes:
    """
    Return the body of a ``POST /api/v2/alerts`` at *now_s* (Unix seconds).

    An alert that is not resolved ends *horizon_s* seconds later, or at its own end if that is later.
    """
    labels = {
        "alertname": event.name,
        "severity": event.severity,
        "service": event.service,
        "csg_source": "send_alert",
        "csg_event_id": event.id,
    }
    ends = event.resolved_at
    if ends is None:
        ends = max(event.until or 0.0, now_s + horizon_s)
    alert = {
        "labels": {key: value for key, value in labels.items() if value},
        "annotations": _annotations(event),
        "startsAt": _rfc3339(min(event.at, ends)),
        "endsAt": _rfc3339(ends),
    }
    return json.dumps([alert], ensure_ascii=False).encode()


def _annotations(event: Event) -> dict[str, str]:
    annotations = {"summary": event.message}
    for key, value in event.details:
        name = f"detail_{_NOT_IN_A_NAME.sub('_', key)}"
        while name in annotations:  # two keys may become the same name, if they differ in replaced characters only
            name += "_"
        annotations[name] = value
    return annotations


def _rfc3339(at_s: float) -> str:
    whole = math.floor(at_s)
    return f"{datetime.fromtimestamp(whole, timezone.utc):%Y-%m-%dT%H:%M:%S}.{int((at_s - whole) * 1000):03}Z"
