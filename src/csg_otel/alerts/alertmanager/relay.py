"""
The webhooks of the relay: notifications of Alertmanager go to webhooks whose method or headers it does not support.

It stores nothing and retries nothing. It returns the answer of the webhook to Alertmanager. For a failure that may pass it
answers 5xx, so that Alertmanager tries again. Certificates are verified, and no redirect is followed, because it could lead the
headers with their secrets elsewhere. `csg_otel.server.relay` receives the notifications.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from csg_otel import net
from csg_otel.alerts import routing
from csg_otel.alerts.alertmanager import config, receivers
from csg_otel.net import metadata

if TYPE_CHECKING:
    from csg_otel.alerts.model import AlertSpec

_BAD_GATEWAY: Final = 502
_RETRYABLE: Final = frozenset({408, 425, 429})
"""Answers below 500 after which a later try may succeed."""

_log = logging.getLogger("csg_otel")


@dataclass(frozen=True, slots=True)
class Forward:
    """A webhook and how to call it; *timeout_s* is the deadline of the whole request in seconds."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float = 10.0

    def send(self, body: bytes) -> int:
        """Send *body* and return the status of the answer. Raises OSError if there is no answer."""
        defaults = {"Content-Type": "application/json", "User-Agent": "csg-otel-alerts-relay"}
        lower = {name.lower() for name in self.headers}
        headers = {**{name: value for name, value in defaults.items() if name.lower() not in lower}, **self.headers}
        sent_body = None if self.method == "GET" else body
        return net.request(
            self.method,
            self.url,
            body=sent_body,
            headers=headers,
            timeout_s=self.timeout_s,
            check_address=metadata.refuse,  # no webhook is there, and its answer goes back to the sender
        ).status

    def answer(self, path: str, body: bytes) -> tuple[int, str]:
        """Send *body*, which came to *path*; return status and text for Alertmanager, which tries again only after a 5xx."""
        try:
            status = self.send(body)
        except (OSError, ValueError) as error:  # a ValueError is a header that can't be sent
            # A ValueError may quote the header, and with it a secret.
            reason = f"{type(error).__name__}: {error}" if isinstance(error, OSError) else type(error).__name__
            status = _BAD_GATEWAY
        else:
            reason = f"answered {status}"
            if 200 <= status < 300:
                return 200, "forwarded"
            if status < 400 or status in _RETRYABLE:
                status = _BAD_GATEWAY
        _log.warning("alerts relay: %s of the webhook at %s failed: %s", self.method, path, reason)
        return status, reason


def forwards(spec: AlertSpec) -> dict[str, Forward]:
    """Return the webhooks of *spec* by the paths at which the relay accepts their notifications."""
    return {
        routing.relay_path(target.name): Forward(
            target.channel.settings.method,
            receivers.plain(target.channel.settings.url),
            {name: receivers.plain(value) for name, value in target.channel.settings.headers.items()},
            target.channel.settings.timeout,
        )
        for target in config.targets(spec)
        if target.channel.kind == "webhook"
    }
