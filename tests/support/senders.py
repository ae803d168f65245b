"""Senders under a test's control, for a queue or a destination without a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from csg_otel.exporters.delivery.segment import Segment
from csg_otel.exporters.delivery.sender import Partial, SendError


class FunctionSender:
    """Sends items by calling a function."""

    def __init__(self, send: Callable[[Sequence[Any], float], Partial | None]) -> None:
        """Call *send* with each batch and its timeout in seconds."""
        self._send = send
        self.closed = 0
        self.resets = 0
        self.idle = 0

    def send_batch(self, batch: Sequence[Any], timeout_s: float) -> Partial | None:
        """Call the function."""
        return self._send(batch, timeout_s)

    def on_idle(self) -> None:
        """Count the call."""
        self.idle += 1

    def reset_after_fork(self) -> None:
        """Count the call."""
        self.resets += 1

    def close(self) -> None:
        """Count the call."""
        self.closed += 1


class Observer:
    """Keeps the reason of each attempt's error; None for a success."""

    def __init__(self) -> None:
        self.results: list[str | None] = []

    def attempt_ended(self, _signal: str, error: SendError | None) -> None:
        """Keep the result."""
        self.results.append(error.reason if error is not None else None)


class Losses:
    """Keeps what a spool removes to make room, and what a backlog drops."""

    def __init__(self) -> None:
        self.segments: list[tuple[Segment, int]] = []
        self.dropped: Counter[str] = Counter()

    def segment_dropped(self, segment: Segment) -> None:
        """Keep the segment with its number of undelivered items."""
        self.segments.append((segment, segment.items))

    def count_dropped(self, reason: str, items: int) -> None:
        """Count the items by reason."""
        self.dropped[reason] += items
