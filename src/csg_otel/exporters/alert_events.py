"""
Sends a program's own alerts: one a request, to an Alertmanager or to Datadog.

Queueing, retrying and keeping on disk are the queue's. The rule: a refusal of the alert itself is final, everything else may be
mended while the alert waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from csg_otel import net
from csg_otel.alerts import events
from csg_otel.alerts.alertmanager import events as alertmanager_events
from csg_otel.alerts.datadog import events as datadog_events
from csg_otel.exporters.delivery.sender import SendError

if TYPE_CHECKING:
    from csg_otel.alerts.events import Event
    from csg_otel.config import Config
    from csg_otel.exporters.delivery.sender import Partial

_FINAL: Final = frozenset({400, 413, 422})


class AlertSender:
    """Sends the alerts of one queue, one per request."""

    def __init__(
        self, url: str, write: Callable[[Event, float], bytes], headers: Mapping[str, str] | None = None
    ) -> None:
        """Post to *url* what *write* makes of an alert and the time, with *headers*."""
        self._url = url
        self._write = write
        self._headers = {"Content-Type": "application/json", **(headers or {})}

    def send_batch(self, body: bytes, timeout_s: float) -> Partial | None:
        """Send one alert. Raises SendError."""
        payload = self._write(events.decode(body), time.time())
        try:
            answer = net.request("POST", self._url, body=payload, headers=self._headers, timeout_s=timeout_s)
        except OSError as error:
            reason = "timeout" if isinstance(error, TimeoutError) else "unreachable"
            raise SendError(reason, f"{type(error).__name__}: {error}", retry=True) from error
        if not answer.ok:
            told = f"HTTP {answer.status}: {answer.body[:200].decode(errors='replace')}"
            raise SendError(f"http_{answer.status}", told, retry=answer.status not in _FINAL)
        return None

    def encode(self, items: Sequence[Any]) -> bytes:
        """Return the one alert of a batch as bytes."""
        (event,) = items
        return bytes(event.encode())

    def split(self, body: bytes) -> list[bytes]:
        """Return it as it is: there is one alert a request."""
        return [body]

    def reset_after_fork(self) -> None:
        """Do nothing: each alert has a connection of its own."""

    def close(self) -> None:
        """Do nothing, for the same reason."""


def senders(config: Config) -> dict[tuple[str, str], AlertSender]:
    """Return where *config* sends alerts, by name and address for people; addresses show no password."""
    found: dict[tuple[str, str], AlertSender] = {}
    if not config.alerting.enabled:
        return found
    horizon_s = events.horizon(config.alerting.aggregation_window)
    for url in config.alerting.alertmanagers:
        parts = urlsplit(url)
        where = parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")
        post = f"{url.rstrip('/')}/api/v2/alerts"
        found[f"alertmanager {where}", f"{parts.scheme}://{where}"] = AlertSender(
            post, lambda event, now_s: alertmanager_events.body(event, now_s, horizon_s)
        )
    vendors = config.integrations.external_monitoring
    account = vendors.datadog
    if vendors.enabled and account.enabled and account.api_key is not None:
        url = account.api_url or f"https://api.{config.exporters.datadog.site}"
        post, key = f"{url.rstrip('/')}/api/v1/events", account.api_key.reveal()
        sender = AlertSender(post, lambda event, _now_s: datadog_events.body(event), {"DD-API-KEY": key})
        found["datadog events", url] = sender
    return found
