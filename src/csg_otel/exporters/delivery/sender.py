"""
The contract between a queue and the sender behind it.

A queue calls its sender on worker threads only. A sender returns when the destination has accepted a batch, and raises
:class:`SendError` when it has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from csg_otel.lines import one_line
from csg_otel.privacy import active, cuts

Batch_contra = TypeVar("Batch_contra", contravariant=True)

_MAX_MESSAGE: Final = 500
"""Most characters of an error's message, which may come from the destination."""


class SendError(Exception):
    """A batch was not accepted. ``reason`` is a short word for the metric, the message is for log lines."""

    def __init__(self, reason: str, message: str, *, retry: bool, retry_after_s: float | None = None) -> None:
        """
        Describe a failed attempt.

        Args:
            reason: A short word, the value of ``csg.reason``.
            message: The details, for a log line and ``status()``; of a server's text only printable characters are kept.
            retry: Whether the same batch may be accepted later.
            retry_after_s: Seconds to wait, as the destination requests; None (default) uses the queue's back-off.
        """
        # Scrubbed before it is cut: half a secret does not look like one.
        super().__init__(one_line(cuts.head(message, _MAX_MESSAGE, active.scrubber().text)))
        self.reason = reason
        self.retry = retry
        self.retry_after_s = retry_after_s
        self.began = 0.0
        """Start of the attempt on the monotonic clock; set by the queue."""


class NotPlain(Exception):  # noqa: N818 - no error: another thread encodes the items
    """Encoding an item would call code of the program."""


@dataclass(frozen=True, slots=True)
class Partial:
    """The answer to a batch that was accepted in part: how many items the destination rejected, and why."""

    rejected: int = 0
    message: str = ""


class Sender(Protocol[Batch_contra]):
    """Sends batches to one destination."""

    def send_batch(self, batch: Batch_contra, timeout_s: float) -> Partial | None:
        """Send *batch* within *timeout_s* seconds; return the rejected items, if any. Raises SendError."""

    def reset_after_fork(self) -> None:
        """Drop the parent's connection in a forked child, without a byte on it."""

    def close(self) -> None:
        """Release the connection; called once, after the last batch."""


class ItemSender(Sender[Sequence[Any]], Protocol):
    """Sends items without encoding them: the sender of a memory queue."""

    def on_idle(self) -> None:
        """Do periodic work; called whenever the queue's delay passes without an item."""


class RequestSender(Sender[bytes], Protocol):
    """Encodes items and sends encoded requests: the sender of a persistent queue."""

    def encode(self, items: Sequence[Any]) -> bytes:
        """Return *items* as one request. May raise anything for an item that cannot be encoded."""

    def encode_plain(self, items: Sequence[Any]) -> bytes:
        """
        Return *items* as one request, on any thread.

        Raises NotPlain, before any code of the program is called, if encoding one of them would call it.
        """

    def split(self, body: bytes) -> list[bytes]:
        """Return *body* as requests of one item each; as one request if its items cannot be separated."""
