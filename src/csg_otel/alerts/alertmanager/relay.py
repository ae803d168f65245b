"""
The channels of the relay: notifications of Alertmanager go to those that it can't notify as they are configured.

It stores nothing and retries nothing. It returns the answer of the channel to Alertmanager. For a failure that may pass it
answers 5xx, so that Alertmanager tries again. Requests and mails are those of `csg_otel.alerts.direct`, as the program itself
sends them. `csg_otel.server.relay` receives the notifications.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks
from csg_otel.alerts import routing
from csg_otel.alerts.alertmanager import config
from csg_otel.alerts.direct import kinds, notice, transport, webhook
from csg_otel.alerts.direct.outgoing import MAIL_TIMEOUT_S, TIMEOUT_S, ChannelError
from csg_otel.net.smtp import SmtpError

if TYPE_CHECKING:
    from csg_otel.alerts.direct.outgoing import HttpCall, Mail
    from csg_otel.alerts.model import AlertSpec

NATIVE: Final = ("email", "slack", "pagerduty")
"""The kinds that every supported Alertmanager notifies itself."""

_AGENT: Final = "csg-otel-alerts-relay"
_BAD_REQUEST: Final = 400
_BAD_GATEWAY: Final = 502
_RETRYABLE: Final = frozenset({408, 425, 429})
"""Answers below 500 after which a later try may succeed."""
_SHORTEST_S: Final = 0.05

_log = logging.getLogger("csg_otel")


@dataclass(frozen=True, slots=True)
class Forward:
    """A channel of *kind* with its *settings*; *timeout_s* is the deadline of one notification in seconds."""

    kind: str
    settings: Any = field(repr=False)
    timeout_s: float = TIMEOUT_S
    escalated: bool = False

    def send(self, body: bytes) -> int:
        """
        Send the notification *body* and return the status of the first answer that is no success, or else of the last.

        Raises OSError if there is no answer, and ValueError if the notification or a setting can't be sent.
        """
        deadline, status = clocks.monotonic() + self.timeout_s, 200
        for outgoing in self._outgoing(body):
            answer = transport.send(outgoing, max(_SHORTEST_S, deadline - clocks.monotonic()))
            status = answer.response.status if answer.response is not None else 200
            if not 200 <= status < 300:
                break
        return status

    def _outgoing(self, body: bytes) -> Sequence[HttpCall | Mail]:
        if self.kind == "webhook":  # it gets what Alertmanager has sent, byte by byte
            return [webhook.call(self.settings, body, _AGENT)]
        received = notice.of_webhook(body, self.settings, escalated=self.escalated)
        return kinds.MAKERS[self.kind](self.settings, received, time.time())

    def answer(self, path: str, body: bytes) -> tuple[int, str]:
        """Send *body*, which came to *path*; return status and text for Alertmanager, which tries again only after a 5xx."""
        try:
            status = self.send(body)
        except SmtpError as error:
            status, reason = _BAD_REQUEST if error.refuses_mail else _BAD_GATEWAY, str(error)
        except OSError as error:
            status, reason = _BAD_GATEWAY, f"{type(error).__name__}: {error}"
        except notice.NotificationError as error:
            status, reason = _BAD_REQUEST, str(error)
        except (
            ValueError
        ) as error:  # a header or an address that can't be sent; the message may quote it, and so a secret
            status, reason = _BAD_GATEWAY, str(error) if isinstance(error, ChannelError) else type(error).__name__
        else:
            reason = f"answered {status}"
            if 200 <= status < 300:
                return 200, "forwarded"
            if status < 400 or status in _RETRYABLE:
                status = _BAD_GATEWAY
        _log.warning("alerts relay: the %s at %s failed: %s", self.kind, path, reason)
        return status, reason


def forwards(spec: AlertSpec) -> dict[str, Forward]:
    """Return the channels of *spec* that may need the relay, by the paths at which it accepts their notifications."""
    return {
        routing.relay_path(target.name): Forward(
            target.channel.kind,
            target.channel.settings,
            MAIL_TIMEOUT_S
            if target.channel.kind == "email"
            else getattr(target.channel.settings, "timeout", TIMEOUT_S),
            target.escalated,
        )
        for target in config.targets(spec)
        if target.channel.kind not in NATIVE
    }
