"""
The conversion of failed HTTP requests into :class:`SendError`.

The rule: only a response that refuses the data itself is final. After any other failure the data waits and is sent again,
because the cause may end: a wrong token or path may be corrected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel.exporters.delivery.sender import SendError
from csg_otel.privacy import active, cuts

if TYPE_CHECKING:
    from csg_otel.net import Response

_REFUSALS: Final = frozenset({400, 413, 422})
"""Statuses with which Alertmanager, Datadog's events and the Pushgateway refuse the data of a request."""

_MAX_SHOWN: Final = 200
"""Bytes of a response's body that a message shows: the server's reason is at the beginning."""


def no_response(error: OSError) -> SendError:
    """Return the error for a request without a response."""
    reason = "timeout" if isinstance(error, TimeoutError) else "unreachable"
    return SendError(reason, f"{type(error).__name__}: {error}", retry=True)


def status_message(status: int, body: bytes) -> str:
    """Return the message of an error: the status and the beginning of the body, without secrets."""
    reason = cuts.head(body.decode(errors="replace"), _MAX_SHOWN, active.scrubber().text)
    return f"HTTP {status}: {reason}"


def not_accepted(response: Response) -> SendError:
    """Return the error for a response whose status is not a success."""
    message = status_message(response.status, response.body)
    return SendError(f"http_{response.status}", message, retry=response.status not in _REFUSALS)
