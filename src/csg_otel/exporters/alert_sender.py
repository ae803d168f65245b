"""What the senders of the program's own alerts have in common: they never keep a connection, and encode on one thread only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from csg_otel.exporters.delivery.sender import NotPlain

if TYPE_CHECKING:
    from collections.abc import Sequence


class EventSender(ABC):
    """Sends the alerts of one queue; a request of a subclass has one alert, or several."""

    @abstractmethod
    def send_batch(self, body: bytes, timeout_s: float) -> None:
        """Send the alerts in *body* within *timeout_s* seconds. Raises SendError."""

    @abstractmethod
    def encode(self, items: Sequence[Any]) -> bytes:
        """Return the alerts *items* as bytes, without secrets: before they are on disk."""

    @abstractmethod
    def split(self, body: bytes) -> list[bytes]:
        """Return *body* as bodies of one alert each."""

    def encode_plain(self, items: Sequence[Any]) -> bytes:  # noqa: ARG002 - see RequestSender
        """Raise NotPlain: there are never so many alerts."""
        raise NotPlain

    def reset_after_fork(self) -> None:  # noqa: B027 - not abstract: no subclass has another one
        """Do nothing: each request opens its own connection."""

    def close(self) -> None:  # noqa: B027 - as above
        """Do nothing: each request closes its own connection."""
