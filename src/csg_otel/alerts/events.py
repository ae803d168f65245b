"""
A program's own alert as Alertmanager and Datadog take it.

Pure, with time passed in. The rules: an alert's labels are made of what it says, so the same alert is the same everywhere and
another message is another alert; when it began is always said and never changes; until when it is active is worked out when it
is sent, because by then an outage may have passed.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any, Final

_DETAIL_BYTES: Final = 2048
_LEAST_S: Final = 300.0
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_]")
_TYPES: Final = {"info": "info", "warning": "warning", "critical": "error", "emergency": "error"}


@dataclass(frozen=True, slots=True)
class Event:
    """
    An alert of the program: active from *at* (Unix seconds) until *until*, or with None until it is resolved.

    *severity* is in lower case. *resolved_at* is when it was resolved.
    """

    name: str
    severity: str
    message: str
    service: str
    at: float
    details: tuple[tuple[str, str], ...] = ()
    until: float | None = None
    resolved_at: float | None = None

    @property
    def id(self) -> str:
        """Sixteen hex digits of what it says; not of when."""
        said = [self.name, self.severity, self.message, self.service, sorted(self.details)]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    def resolved(self, now_s: float) -> Event:
        """Return the alert as it is over at *now_s*."""
        return replace(self, resolved_at=max(now_s, self.at))

    def encode(self) -> bytes:
        """Return it as bytes, for the spool."""
        return json.dumps(asdict(self)).encode()


def decode(body: bytes) -> Event:
    """Return what :meth:`Event.encode` made bytes of."""
    found = json.loads(body)
    return Event(**{**found, "details": tuple((key, value) for key, value in found["details"])})


def make(
    name: str, severity: str, message: str, *, service: str, at: float, details: Mapping[str, Any], until: float | None
) -> Event:
    """Return an alert with its *details* as texts, each cut at 2 KB; what is no Unicode is replaced."""
    shown = tuple((_text(str(key)), _cut(_text(str(value)))) for key, value in details.items())
    return Event(_text(name), severity.lower(), _text(message), _text(service), at, shown, until)


def horizon(window_s: float) -> float:
    """
    Return how many seconds after each sending an alert stays active without another one.

    Long enough for Alertmanager to tell people twice, with *window_s* as its ``group_interval``; at least five minutes.
    """
    return max(min(30.0, window_s / 10) + 2 * window_s, _LEAST_S)


def for_alertmanager(event: Event, now_s: float, horizon_s: float) -> bytes:
    """Return the body of a ``POST /api/v2/alerts`` at *now_s*."""
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
    annotations = {"summary": event.message}
    for key, value in event.details:
        name = f"detail_{_NO_NAME.sub('_', key)}"
        while name in annotations:
            name += "_"
        annotations[name] = value
    alert = {
        "labels": {key: value for key, value in labels.items() if value},
        "annotations": annotations,
        "startsAt": _rfc3339(min(event.at, ends)),
        "endsAt": _rfc3339(ends),
    }
    return json.dumps([alert], ensure_ascii=False).encode()


def for_datadog(event: Event) -> bytes:
    """Return the body of a ``POST /api/v1/events``; a resolved alert is a success of the same aggregation key."""
    over = event.resolved_at is not None
    text = "\n".join([event.message, *(f"{key}: {value}" for key, value in event.details)])
    tags = {"severity": event.severity, "service": event.service, "csg_event_id": event.id, "managed_by": "csg_otel"}
    body = {
        "title": f"{event.name} is over" if over else event.name,
        "text": text[:4000],
        "date_happened": int(event.resolved_at if event.resolved_at is not None else event.at),
        "alert_type": "success" if over else _TYPES[event.severity],
        "aggregation_key": event.id,
        "tags": [f"{key}:{value}" for key, value in tags.items() if value],
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _rfc3339(at_s: float) -> str:
    whole = math.floor(at_s)
    return f"{datetime.fromtimestamp(whole, timezone.utc):%Y-%m-%dT%H:%M:%S}.{int((at_s - whole) * 1000):03}Z"


def _text(written: str) -> str:
    return written.encode("utf-8", "replace").decode()


def _cut(text: str) -> str:
    data = text.encode()
    return text if len(data) <= _DETAIL_BYTES else data[: _DETAIL_BYTES - 3].decode(errors="ignore") + "…"
