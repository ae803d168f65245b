"""A program's own alert as an event of Datadog. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from csg_otel.alerts.events import Event

_TYPES: Final = {"info": "info", "warning": "warning", "critical": "error", "emergency": "error"}
_LONGEST_TEXT: Final = 4000
"""Longest text of an event in characters, as the API of Datadog accepts it."""


def body(event: Event) -> bytes:
    """Return the body of a ``POST /api/v1/events``; a resolved alert is a success with the same aggregation key."""
    over = event.resolved_at is not None
    text = "\n".join([event.message, *(f"{key}: {value}" for key, value in event.details)])
    tags = {"severity": event.severity, "service": event.service, "csg_event_id": event.id, "managed_by": "csg_otel"}
    content = {
        "title": f"{event.name} is over" if over else event.name,
        "text": text[:_LONGEST_TEXT],
        "date_happened": int(event.resolved_at if event.resolved_at is not None else event.at),
        "alert_type": "success" if over else _TYPES.get(event.severity, "warning"),
        "aggregation_key": event.id,
        "tags": [f"{key}:{value}" for key, value in tags.items() if value],
    }
    return json.dumps(content, ensure_ascii=False).encode()
