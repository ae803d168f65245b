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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final

from csg_otel import attributes, interruptions
from csg_otel.errors import suggestion
from csg_otel.privacy import active, cuts

_NAME_BYTES: Final = 1024
"""Size limit of a name, and of a detail's key, in bytes."""

_MESSAGE_BYTES: Final = 8192
"""Size limit of a message in bytes: room for a stack trace."""

_DETAIL_BYTES: Final = 2048
"""Size limit of a detail in bytes, so that a notification with several of them stays readable."""

_MOST_DETAILS: Final = attributes.MOST_ITEMS

_MOST_CHARACTERS: Final = 131_072
"""Characters of details that are scrubbed: a fraction of a second on the thread that sends. Later details are left out."""

_LEFT_OUT: Final = "details_left_out"
"""Key of the detail that says how many details were left out."""

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_]")

_SHORTEST_ACTIVE_S: Final = 300.0
"""Shortest time in seconds for which a sent alert stays active: Alertmanager's own ``resolve_timeout``."""


@dataclass(frozen=True, slots=True)
class Event:
    """
    An alert of the program, active from *at* until *until* (Unix seconds); with None as *until*, until it is resolved.

    *severity* is spelt as in the configuration. *resolved_at* is the time at which it was resolved (Unix seconds); None while
    it is active.
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
    name: Any, severity: str, message: Any, *, service: str, at: float, details: Any, until: float | None
) -> Event:
    """
    Return an alert; values of any type become texts, and characters that are not valid Unicode are replaced.

    Args:
        name: name of the alert, such as ``backup_failed``; cut at 1 KB.
        severity: what :func:`severity_in` has returned.
        message: text for people, without secrets, cut at 8 KB.
        service: name of the service that sends it.
        at: start of the alert in Unix seconds.
        details: a mapping of further facts; each value becomes a text without secrets, cut at 2 KB. After 128 details, or
            128 KB of them, the rest is left out, and the detail ``details_left_out`` has its number.
        until: end of the alert in Unix seconds; None for an alert that lasts until it is resolved.
    """
    texts = _head(name, _NAME_BYTES), _head(message, _MESSAGE_BYTES)
    return Event(texts[0], severity, texts[1], attributes.text(service), at, tuple(_details(details)), until)


def severity_in(level: Any, words: Sequence[str]) -> str:
    """Return the severity among *words* that *level* is, in any case. Raises ValueError, whose text names the valid ones."""
    level = attributes.text(level).strip()
    for word in words:
        if word.lower() == level.lower():
            return word
    hint = suggestion(level.lower(), words)
    raise ValueError(
        f"{level!r} is no severity{hint}; valid are {', '.join(words)} (alerting.severities has words of your own)"
    )


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


def _details(details: Any) -> Iterator[tuple[str, str]]:
    """Yield key and text of the first *details*, and how many were left out."""
    room, left_out = _MOST_CHARACTERS, 0
    for at, (key, value) in enumerate(_items(details)):
        if at >= _MOST_DETAILS or room <= 0:
            left_out += 1
            continue
        name = _head(key, _NAME_BYTES)
        text = attributes.text(value, cuts.window(_DETAIL_BYTES) + 1)
        room -= len(name) + len(text)
        yield name, cuts.head(text, _DETAIL_BYTES, partial(_scrubbed, name))
    if left_out:
        yield _LEFT_OUT, str(left_out)


def _scrubbed(key: str, text: str) -> str:
    return str(active.scrubber().value(key, text))


def _items(details: Any) -> list[tuple[Any, Any]]:
    """Return keys and values of *details*; what is no mapping is the value of one detail."""
    if details is None:
        return []
    try:
        return list(details.items()) if isinstance(details, Mapping) else [("details", details)]
    except Exception:  # noqa: BLE001 - the methods of the program's own mapping may raise anything
        interruptions.let_through()
        return [("details", f"<{type(details).__name__}>")]


def _head(value: Any, limit: int) -> str:
    """Return the first *limit* bytes of *value* as text; scrubbed before, because half a secret does not look like one."""
    return cuts.head(attributes.text(value, cuts.window(limit) + 1), limit, active.scrubber().text)
