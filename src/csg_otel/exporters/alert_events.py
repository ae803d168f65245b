"""
Receivers of the program's own alerts: Alertmanagers and Datadog's events, one alert per request; without them, the channels.

The persistent queue in front of a sender keeps alerts on disk and retries them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from csg_otel import net
from csg_otel.alerts import escalations, events, routing
from csg_otel.alerts.alertmanager import events as alertmanager_events
from csg_otel.alerts.channels import channels, reserved, routes
from csg_otel.alerts.datadog import events as datadog_events
from csg_otel.alerts.direct import kinds
from csg_otel.alerts.direct.outgoing import MAIL_TIMEOUT_S, TIMEOUT_S
from csg_otel.alerts.model import AlertSpec
from csg_otel.config.sections.secret import revealed
from csg_otel.exporters.alert_channels import ChannelSender
from csg_otel.exporters.alert_sender import EventSender
from csg_otel.exporters.delivery import http_errors
from csg_otel.exporters.notified import Notified
from csg_otel.net import addresses
from csg_otel.pipeline import scrub
from csg_otel.pipeline.resource import service_name

if TYPE_CHECKING:
    from pathlib import Path

    from csg_otel.alerts.events import Event
    from csg_otel.alerts.model import Channel
    from csg_otel.config import Config


_MOST_INCIDENTS: Final = 100
"""Most alerts of one notice that is a request for each of them: so many fit in the time of one attempt."""


_OF_ANY_VALUE: Final = ("alertname", "csg_event_id")
"""The labels of the program's alerts whose values the program chooses, besides the severity."""


class AlertSender(EventSender):
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

    def send_batch(self, body: bytes, timeout_s: float) -> None:
        """Send one alert. Raises SendError."""
        payload = self._make_body(events.decode(body), time.time())
        try:
            response = net.request("POST", self._url, body=payload, headers=self._headers, timeout_s=timeout_s)
        except OSError as error:
            raise http_errors.no_response(error) from error
        if not response.ok:
            raise http_errors.not_accepted(response)

    def encode(self, items: Sequence[Any]) -> bytes:
        """Return the only alert of a batch as bytes, without secrets: before it is on disk."""
        (event,) = items
        return bytes(scrub.alert(event).encode())

    def split(self, body: bytes) -> list[bytes]:
        """Return *body* unchanged: a request has only one alert."""
        return [body]


@dataclass(frozen=True)
class AlertReceiver:
    """A receiver of the program's own alerts; neither its *name* nor its *address* contains a password."""

    name: str
    address: str
    sender: EventSender
    accepts: Callable[[Event], bool] = field(default=lambda _event: True)
    is_reachable: bool = True
    """Whether it accepts some alert that the program can send; a route by a team, or an escalation, leads none there."""
    channel: str = ""
    """The name of the channel that the sender notifies; empty for an Alertmanager and for Datadog."""
    timeout_s: float = 10.0
    """Seconds for one attempt."""
    most: int = sys.maxsize
    """Most alerts of one notice of a channel."""
    identity: str = ""
    """What the next process must share to deliver what this one leaves on disk; empty for name and address."""


def receivers(config: Config, folder: Path | None) -> tuple[AlertReceiver, ...]:
    """
    Return the receivers of *config*: Alertmanagers and Datadog; without any, the channels, which then are notified directly.

    *folder* is the folder of the spools, beside which it is recorded what channels were notified of; None for no record.
    """
    if not config.alerting.enabled:
        return ()
    return (*_alertmanagers(config), *_datadog(config)) or channel_receivers(config, folder)


def channel_receivers(config: Config, folder: Path | None) -> tuple[AlertReceiver, ...]:
    """Return the receiver of each enabled channel of *config*; see :func:`receivers`."""
    spec = direct_spec(config)
    return tuple(_channel(config, spec, channel, folder) for channel in spec.channels)


def direct_spec(config: Config) -> AlertSpec:
    """Return the channels of *config*, and the routes that decide which of them gets an alert of the program."""
    words = escalations.words(config)
    enabled = channels(config.notifications, words, "notifications")
    return AlertSpec(
        channels=enabled,
        routes=tuple(routes(config.notifications)),
        reserved=reserved(config),
        severities=words,
        window_s=config.alerting.aggregation_window,
    )


def _channel(config: Config, spec: AlertSpec, channel: Channel, folder: Path | None) -> AlertReceiver:
    name, address = f"channel {channel.name}", kinds.address(channel.kind, channel.settings)
    receiver = f"{service_name(config)}.{channel.name}"
    notified = Notified(folder, f"{name}\n{address}", routing.repeat_s(spec))

    names = {routing.receiver_name(spec, channel, send_resolved=ends) for ends in (None, True, False)}

    def accepts(event: Event) -> bool:
        return any(route.receiver in names for route in routing.matching(spec, events.labels_of(event)))

    sender = ChannelSender(channel, receiver, notified)
    timeout_s = MAIL_TIMEOUT_S if channel.kind == "email" else getattr(channel.settings, "timeout", TIMEOUT_S)
    most = _MOST_INCIDENTS if channel.kind in kinds.OF_INCIDENTS else sys.maxsize
    # A channel of a service with a name stays the same when its address is corrected; two programs without may be strangers.
    named = config.service.name
    identity = f"{name}\nof {named} in {config.service.environment or 'any environment'}" if named else ""
    return AlertReceiver(
        name, address, sender, accepts, _is_reachable(config, spec, names), channel.name, timeout_s, most, identity
    )


def _is_reachable(config: Config, spec: AlertSpec, names: Collection[str]) -> bool:
    """Return whether an alert of the program, of any name and severity, takes a route to one of the receivers *names*."""
    labels = events.labels_of(events.Event("", "", "", service_name(config), 0.0))
    for route in routing.routes(spec):
        fixed = [matcher for matcher in route.matchers if matcher.label not in _OF_ANY_VALUE]
        if route.receiver in names and any(
            all(matcher.matches({**labels, "severity": word}) for matcher in fixed) for word in spec.severities
        ):
            return True
    return False


def _alertmanagers(config: Config) -> tuple[AlertReceiver, ...]:
    horizon_s = events.horizon(config.alerting.aggregation_window)
    result: list[AlertReceiver] = []
    for url in config.alerting.alertmanagers:
        address = addresses.shown(revealed(url)).rstrip("/")
        name = f"alertmanager {address.partition('://')[2] or address}"
        same = sum(1 for receiver in result if receiver.address == address)  # they differ in what is not shown
        sender = AlertSender(
            addresses.below(revealed(url), "/api/v2/alerts"),
            lambda event, now_s: alertmanager_events.body(event, now_s, horizon_s),
        )
        result.append(AlertReceiver(f"{name} ({same + 1})" if same else name, address, sender))
    return tuple(result)


def _datadog(config: Config) -> tuple[AlertReceiver, ...]:
    monitoring = config.integrations.external_monitoring
    datadog = monitoring.datadog
    if not (monitoring.enabled and datadog.enabled and datadog.api_key is not None):
        return ()
    url = revealed(datadog.api_url or f"https://api.{config.exporters.datadog.site}")
    events_url, key = addresses.below(url, "/api/v1/events"), datadog.api_key.reveal()
    sender = AlertSender(events_url, lambda event, _now_s: datadog_events.body(event), {"DD-API-KEY": key})
    return (AlertReceiver("datadog events", addresses.shown(url), sender),)
