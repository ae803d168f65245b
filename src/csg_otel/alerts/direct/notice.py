"""
A notice: the alerts of one notification, as Alertmanager's webhook describes them.

Pure. It is read from the program's own alerts, or from a notification that Alertmanager sends to the relay. Every kind of
channel makes its requests from a notice, so both look the same to people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.alerts import events
from csg_otel.alerts.escalations import SEVERITIES

if TYPE_CHECKING:
    from csg_otel.alerts.events import Event

Status = Literal["firing", "resolved"]

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))")
_FNV_START: Final = 14695981039346656037
_FNV_PRIME: Final = 1099511628211


class NotificationError(ValueError):
    """A body is no notification of Alertmanager; the message has nothing of it."""


@dataclass(frozen=True, slots=True)
class NoticeAlert:
    """One alert of a notice; *starts_s* and *ends_s* are in Unix seconds, and an alert without an end is firing."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_s: float
    ends_s: float | None = None
    source: str = ""
    """Alertmanager's ``generatorURL``."""

    @property
    def status(self) -> Status:
        """Whether the alert is firing or resolved."""
        return "firing" if self.ends_s is None else "resolved"

    @property
    def name(self) -> str:
        """The name of the alert."""
        return self.labels.get("alertname", "")

    @property
    def severity(self) -> str:
        """The severity; empty without one."""
        return self.labels.get("severity", "")

    @property
    def fingerprint(self) -> str:
        """The hash of the labels as Alertmanager computes it (FNV-1a, 64 bits), in sixteen hex digits."""
        value = _FNV_START
        for key, text in sorted(self.labels.items()):
            for byte in key.encode() + b"\xff" + text.encode() + b"\xff":
                value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
        return f"{value:016x}"


@dataclass(frozen=True, slots=True)
class Notice:
    """
    The *alerts* of one notification to the *receiver*; an *escalated* notice says so in its title.

    *title* and *text* are the user's own forms, with places such as ``{severity}``; None for the usual ones.
    """

    receiver: str
    alerts: tuple[NoticeAlert, ...]
    escalated: bool = False
    title: str | None = None
    text: str | None = None

    @property
    def status(self) -> Status:
        """Return ``resolved`` if every alert is resolved."""
        return "firing" if any(alert.status == "firing" for alert in self.alerts) else "resolved"

    @property
    def severity(self) -> str:
        """The highest severity of the alerts that the notice is about: of those that fire, or else of all."""
        present = {alert.severity for alert in self.alerts if alert.status == self.status}
        return next((severity for severity in reversed(SEVERITIES) if severity in present), min(present, default=""))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the alerts, each once, in their order."""
        return tuple({alert.name: None for alert in self.alerts})

    def common_labels(self) -> dict[str, str]:
        """Return the labels that all alerts have with the same value."""
        return _common(alert.labels for alert in self.alerts)

    def common_annotations(self) -> dict[str, str]:
        """Return the annotations that all alerts have with the same value."""
        return _common(alert.annotations for alert in self.alerts)


def of_events(sent: Iterable[Event], receiver: str, settings: Any) -> Notice:
    """Return the notice of the program's own alerts *sent*, to a channel with *settings*."""
    alerts = (
        NoticeAlert(events.labels_of(event), events.annotations_of(event), event.at, event.resolved_at)
        for event in sent
    )
    return Notice(receiver, tuple(alerts), title=settings.title, text=settings.text)


def of_webhook(body: bytes, settings: Any, *, escalated: bool = False) -> Notice:
    """
    Return the notice in *body*, the JSON of Alertmanager's webhook (version 4), to a channel with *settings*.

    Raises NotificationError for anything else.
    """
    try:
        content = json.loads(body)
        alerts = tuple(_alert(alert) for alert in content["alerts"])
        receiver = str(content["receiver"])
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NotificationError(f"the body is no notification of Alertmanager ({type(error).__name__})") from None
    if not alerts:
        raise NotificationError("the notification has no alert")
    return Notice(receiver, alerts, escalated, settings.title, settings.text)


def _alert(content: Mapping[str, Any]) -> NoticeAlert:
    over = content["status"] == "resolved"
    labels, annotations = (
        {str(key): str(value) for key, value in content[part].items()} for part in ("labels", "annotations")
    )
    ends_s = _unix(content["endsAt"]) if over else None
    return NoticeAlert(labels, annotations, _unix(content["startsAt"]), ends_s, str(content.get("generatorURL", "")))


def _unix(text: str) -> float:
    """Return the time *text* (RFC 3339) in Unix seconds. Raises ValueError for another text."""
    if (match := _TIME.fullmatch(text)) is None:
        raise ValueError("a time of the notification is not RFC 3339")
    moment = datetime.strptime(match[1] + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    if match[3]:
        moment -= timedelta(hours=int(match[3] + match[4]), minutes=int(match[3] + match[5]))
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (moment - epoch).total_seconds() + float(match[2] or 0)


def _common(mappings: Iterable[Mapping[str, str]]) -> dict[str, str]:
    first, *others = mappings
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
