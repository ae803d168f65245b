"""A program's own alert as a request to Alertmanager. Pure: the time is an argument."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from csg_otel.alerts import events
from csg_otel.alerts.text import rfc3339

if TYPE_CHECKING:
    from csg_otel.alerts.events import Event


def body(event: Event, now_s: float, horizon_s: float) -> bytes:
    """
    Return the body of a ``POST /api/v2/alerts`` at *now_s* (Unix seconds).

    An alert that is not resolved ends *horizon_s* seconds later, or at its own end if that is later.
    """
    ends = event.resolved_at
    if ends is None:
        ends = max(event.until or 0.0, now_s + horizon_s)
    alert = {
        "labels": events.labels_of(event),
        "annotations": events.annotations_of(event),
        "startsAt": rfc3339(min(event.at, ends)),
        "endsAt": rfc3339(ends),
    }
    return json.dumps([alert], ensure_ascii=False).encode()
