"""One line about a running telemetry, for its start and for ``repr(telemetry)``: what is served where, and sent where."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from csg_otel import names

if TYPE_CHECKING:
    from csg_otel.exporters.delivery.destination import DestinationStatus

SERVED: Final = "prometheus"
"""The name in ``status()`` of what is served and not sent."""

_log = logging.getLogger(names.START_LOGGER)


def line(service: str, url: str, paths: Sequence[str], page: str, statuses: Mapping[str, DestinationStatus]) -> str:
    """
    Return the line.

    Args:
        service: The name of the service.
        url: The address of the endpoints; empty while this process does not serve them.
        paths: The paths that are served there.
        page: The address of the dashboard; empty while this process does not serve it.
        statuses: The state of each destination by name.
    """
    sent = [f"{name} ({status.address})" for name, status in statuses.items() if name != SERVED]
    reason = statuses[SERVED].last_error if SERVED in statuses else ""
    served = f"{url} serves {' '.join(paths)}" if url else f"serves nothing{f' ({reason})' if reason else ''}"
    shown = f"; dashboard at {page}" if page else ""
    text = f"service {service}: {served}{shown}; sends to {', '.join(sent) or 'no destination'}"
    return " ".join(text.split())


class StartLine:
    """Logs the line where it differs from the last one."""

    def __init__(self) -> None:
        self._last = ""
        self._shown = ""

    def log(self, text: str) -> None:
        """Log *text* at INFO."""
        if text != self._last:
            self._last = text
            _log.info("%s", text)

    def show(self, address: str, login_url: Callable[[], str]) -> None:
        """Write a link to the dashboard at *address* to the terminal; not to the log, because it lets its reader in."""
        if address and address != self._shown and sys.stderr is not None:
            self._shown = address
            print(f"dashboard (this link works once): {login_url()}", file=sys.stderr, flush=True)  # noqa: T201
