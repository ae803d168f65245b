"""
An alert that the program sends itself, and its bytes for the spool.

Pure: the time is an argument. The rules: an alert's id is a hash of its content, so the same alert has the same id in every
process, and another message makes another alert. The start of an alert never changes. Its end is computed when it is sent,
because it may have waited in the spool during an outage. The bodies of the requests are in ``alertmanager.events`` and
``datadog.events``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from csg_otel.privacy import active, cuts

_DETAIL_BYTES: Final = 2048
"""Size limit of a detail in bytes, so that a notification with several of them stays readable."""

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_]")

_SHORTEST_ACTIVE_S: Final = 300.0
"""Shortest time in seconds for which a sent alert stays active: Alertmanager's own ``resolve_timeout``."""


@dataclass(frozen=True, slots=True)
class Event:
    """
    An alert of the program, active from *at* until *until* (Unix seconds); with None as *until*, until it is resolved.

    *severity* is in lower case. *resolved_at* is the time at which it was resolved (Unix seconds); None while it is active.
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
        """Hash of the content in sixteen hex digits; the times are no part of it."""
        content = [self.name, self.severity, self.message, self.service, sorted(self.details)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def resolved(self, now_s: float) -> Event:
        """Return the alert as resolved at *now_s*."""
        return replace(self, resolved_at=max(now_s, self.at))

    def encode(self) -> bytes:
        """Return the alert as bytes for the spool."""
        return json.dumps(asdict(self)).encode()


def decode(body: bytes) -> Event:
    """Return the alert that :meth:`Event.encode` wrote into *body*."""
    fields = json.loads(body)
    return Event(**{**fields, "details": tuple((key, value) for key, value in fields["details"])})


def make(
    name: str, severity: str, message: str, *, service: str, at: float, details: Mapping[str, Any], until: float | None
) -> Event:
    """
    Return an alert; characters that are not valid Unicode are replaced.

    Args:
        name: name of the alert, such as ``backup_failed``.
        severity: one of ``SEVERITIES``, in any case.
        message: text for people.
        service: name of the service that sends it.
        at: start of the alert in Unix seconds.
        details: further facts; each value becomes a text without secrets, cut at 2 KB.
        until: end of the alert in Unix seconds; None for an alert that lasts until it is resolved.
    """
    texts = tuple((_text(str(key)), _detail(str(key), _text(str(value)))) for key, value in details.items())
    return Event(_text(name), severity.lower(), _text(message), _text(service), at, texts, until)


def horizon(window_s: float) -> float:
    """
    Return the seconds for which a sent alert stays active without being sent again.

    This is long enough for two notifications if *window_s* is the group interval in seconds, and at least five minutes.
    """
    return max(min(30.0, window_s / 10) + 2 * window_s, _SHORTEST_ACTIVE_S)


def labels_of(event: Event) -> dict[str, str]:
    """Return the labels of *event* as an alert of Alertmanager."""
    values = {
        "alertname": event.name,
        "severity": event.severity,
        "service": event.service,
        "csg_source": "send_alert",
        "csg_event_id": event.id,
    }
    return {key: value for key, value in values.items() if value}


def annotations_of(event: Event) -> dict[str, str]:
    """Return the annotations of *event*: its message, and each detail under a valid name of its own."""
    texts = {"summary": event.message}
    for key, value in event.details:
        name = f"detail_{_NOT_IN_A_NAME.sub('_', key)}"
        while name in texts:  # two keys may become the same name, if they differ in replaced characters only
            name += "_"
        texts[name] = value
    return texts


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _detail(key: str, text: str) -> str:
    """Return the beginning of a detail; it is scrubbed first, because half a secret does not look like one."""
    return cuts.head(text, _DETAIL_BYTES, lambda part: str(active.scrubber().value(key, part)))
