"""
Senders of the program's own alerts to the channels, where no Alertmanager and no Datadog account notifies them.

The queue in front of a sender keeps alerts on disk and gathers those of a window. The sender makes one notice of them, of what
the channel was not notified of yet.
"""

from __future__ import annotations

import logging
import time
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from csg_otel import clocks
from csg_otel.alerts import events
from csg_otel.alerts.direct import kinds, notice, transport
from csg_otel.alerts.direct.outgoing import ChannelError
from csg_otel.exporters.alert_sender import EventSender
from csg_otel.exporters.delivery import http_errors
from csg_otel.exporters.delivery.sender import SendError
from csg_otel.net import smtp
from csg_otel.pipeline import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from csg_otel.alerts.direct.outgoing import HttpCall, Mail
    from csg_otel.alerts.events import Event
    from csg_otel.alerts.model import Channel
    from csg_otel.exporters.notified import Notified

_log = logging.getLogger("csg_otel")


class ChannelSender(EventSender):
    """Notifies the people of one channel of alerts, several in one notice."""

    def __init__(self, channel: Channel, receiver: str, notified: Notified) -> None:
        """
        Prepare for *channel*; nothing is sent yet.

        Args:
            channel: The channel.
            receiver: The name that Alertmanager would call it by.
            notified: The record of what the channel was notified of.
        """
        self._channel = channel
        self._receiver = receiver
        self._notified = notified
        self._make = kinds.MAKERS[channel.kind]
        self._refused: tuple[str, ...] = ()

    def send_batch(self, body: bytes, timeout_s: float) -> None:
        """Notify of the alerts in *body*, within *timeout_s* seconds. Raises SendError."""
        deadline, now_s = clocks.monotonic() + timeout_s, time.time()
        sent = [events.decode(line) for line in body.splitlines()]
        due = self._due(sent, now_s)
        if due:
            for outgoing in self._made(due, now_s):
                self._pass_on(outgoing, max(0.05, deadline - clocks.monotonic()))
        self._notified.record(sent, due, now_s)

    def knows(self, event: Event) -> bool:
        """Return whether the channel was notified of *event* already, so that sending it now notifies no person."""
        return not self._due([event], time.time())

    def _due(self, sent: Sequence[Event], now_s: float) -> list[Event]:
        return self._notified.due(sent, now_s, ends=self._channel.settings.send_resolved)

    def _made(self, due: Sequence[Event], now_s: float) -> Sequence[HttpCall | Mail]:
        settings = self._channel.settings
        try:
            return self._make(settings, notice.of_events(due, self._receiver, settings), now_s)
        except ChannelError as error:
            raise SendError("setting", str(error), retry=True) from error

    def _pass_on(self, outgoing: HttpCall | Mail, timeout_s: float) -> None:
        try:
            answer = transport.send(outgoing, timeout_s)
        except smtp.SmtpError as error:
            raise SendError(f"smtp_{error.code}", str(error), retry=not error.refuses_mail) from error
        except OSError as error:
            raise http_errors.no_response(error) from error
        except ValueError as error:  # its text may have the header that can't be sent, and so a secret
            raise SendError("setting", "a header or an address of the channel can't be sent", retry=True) from error
        if answer.response is not None and not answer.response.ok:
            raise http_errors.not_accepted(answer.response)
        if answer.refused and answer.refused != self._refused:
            self._refused = answer.refused
            _log.warning(
                "channel %s: the mail server refuses %s", self._receiver, ", ".join(self._places(answer.refused))
            )

    def _places(self, refused: Sequence[str]) -> Iterator[str]:
        """Yield the settings of the *refused* addresses, because an address itself is personal data and redacted in a log."""
        path = f"{self._channel.path}.recipients"
        for at, recipient in enumerate(self._channel.settings.recipients):
            if parseaddr(recipient)[1].lower() in map(str.lower, refused):
                yield f"{path}[{at}]"

    def encode(self, items: Sequence[Any]) -> bytes:
        """Return alerts as lines, without secrets: before they are on disk."""
        return b"".join(scrub.alert(event).encode() + b"\n" for event in items)

    def split(self, body: bytes) -> list[bytes]:
        """Return the lines of *body*, each an alert."""
        return body.splitlines(keepends=True)
