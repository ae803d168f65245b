"""
The conversion of failed HTTP requests into :class:`SendError`.

The rule: only a response that refuses the data itself is final. After any other failure the data waits and is sent again,
because the cause may end: a wrong token or path may be corrected.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from csg_otel.exporters.delivery.sender import SendError
from csg_otel.privacy import active, cuts

if TYPE_CHECKING:
    from csg_otel.net import Response

_REFUSALS: Final = frozenset({400, 413, 422})
"""Statuses with which Alertmanager, Datadog's events and the Pushgateway refuse the data of a request."""

MAX_RETRY_AFTER_S: Final = 3600.0
"""Upper bound of the wait that a receiver may request: a wrong header must not stop delivery for days."""

_MAX_READ: Final = 64 * 1024
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
    shown = response.text(_MAX_READ)  # some servers repeat the request, whose path may be a token
    message = status_message(response.status, shown.encode())
    is_final = response.status in _REFUSALS
    wait_s = None if is_final else retry_after_s(response.headers)
    return SendError(f"http_{response.status}", message, retry=not is_final, retry_after_s=wait_s)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """
    Return the seconds to wait by ``Retry-After`` (RFC 9110, 10.2.3) in *headers*, an hour at most; None without a valid value.

    If the header holds a point in time, it is compared with the response's own date, because the two clocks may differ.
    """
    value, date = headers.get("retry-after", ""), headers.get("date", "")
    if not value:
        return None
    if value.isdecimal():
        return min(float(value[:9]), MAX_RETRY_AFTER_S)
    from email.utils import parsedate_to_datetime  # late: few responses have the header

    try:
        until = parsedate_to_datetime(value).timestamp()
        now = parsedate_to_datetime(date).timestamp() if date else time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, until - now), MAX_RETRY_AFTER_S)
