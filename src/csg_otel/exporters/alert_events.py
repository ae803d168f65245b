"""
Senders of the program's own alerts: to Alertmanagers and to Datadog's events, one alert per request.

The persistent queue in front of a sender keeps alerts on disk and retries them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from csg_otel import net
from csg_otel.alerts import events
from csg_otel.alerts.alertmanager import events as alertmanager_events
from csg_otel.alerts.datadog import events as datadog_events
from csg_otel.config.sections.secret import revealed
from csg_otel.exporters.delivery import http_errors
from csg_otel.exporters.delivery.sender import NotPlain
from csg_otel.net import addresses
from csg_otel.pipeline import scrub

if TYPE_CHECKING:
    from csg_otel.alerts.events import Event
    from csg_otel.config import Config
    from csg_otel.exporters.delivery.sender import Partial


class AlertSender:
    """Sends the alerts of one queue, one per request."""

    def __init__(
        self, url: str, make_body: Callable[[Event, float], bytes], headers: Mapping[str, str] | None = None
    ) -> None:
        """
        Prepare for one receiver; nothing is sent yet.

        Args:
            url: URL that alerts are posted to.
            make_body: Returns the body of the request for an alert and the current time (Unix seconds).
            headers: Additional headers, for example one with a key. Default none.
        """
        self._url = url
        self._make_body = make_body
        self._headers = {"Content-Type": "application/json", **(headers or {})}

    def send_batch(self, body: bytes, timeout_s: float) -> Partial | None:
        """Send one alert. Raises SendError."""
        payload = self._make_body(events.decode(body), time.time())
        try:
            response = net.request("POST", self._url, body=payload, headers=self._headers, timeout_s=timeout_s)
        except OSError as error:
            raise http_errors.no_response(error) from error
        if not response.ok:
            raise http_errors.not_accepted(response)
        return None

    def encode(self, items: Sequence[Any]) -> bytes:
        """Return the only alert of a batch as bytes, without secrets: before it is on disk."""
        (event,) = items
        return bytes(scrub.alert(event).encode())

    def encode_plain(self, items: Sequence[Any]) -> bytes:  # noqa: ARG002 - see RequestSender
        """Raise NotPlain: there are never so many alerts."""
        raise NotPlain

    def split(self, body: bytes) -> list[bytes]:
        """Return *body* unchanged: a request has only one alert."""
        return [body]

    def reset_after_fork(self) -> None:
        """Do nothing: each request opens its own connection."""

    def close(self) -> None:
        """Do nothing: each request closes its own connection."""


def senders(config: Config) -> dict[tuple[str, str], AlertSender]:
    """Return the senders of *config* by (name, address) of their receiver; neither text contains a password."""
    result: dict[tuple[str, str], AlertSender] = {}
    if not config.alerting.enabled:
        return result
    horizon_s = events.horizon(config.alerting.aggregation_window)
    for url in config.alerting.alertmanagers:
        address = addresses.shown(revealed(url)).rstrip("/")
        name = f"alertmanager {address.partition('://')[2] or address}"
        same = sum(1 for key in result if key[1] == address)  # they differ in what is not shown
        result[f"{name} ({same + 1})" if same else name, address] = AlertSender(
            addresses.below(revealed(url), "/api/v2/alerts"),
            lambda event, now_s: alertmanager_events.body(event, now_s, horizon_s),
        )
    monitoring = config.integrations.external_monitoring
    datadog = monitoring.datadog
    if monitoring.enabled and datadog.enabled and datadog.api_key is not None:
        url = revealed(datadog.api_url or f"https://api.{config.exporters.datadog.site}")
        events_url, key = addresses.below(url, "/api/v1/events"), datadog.api_key.reveal()
        sender = AlertSender(events_url, lambda event, _now_s: datadog_events.body(event), {"DD-API-KEY": key})
        result["datadog events", addresses.shown(url)] = sender
    return result
