"""The intake of a destination, as the SDK's processors and readers use it."""

from __future__ import annotations

from typing import Any, Protocol


class Sink(Protocol):
    """Accepts telemetry items of one signal."""

    def enqueue(self, item: Any) -> None:
        """Queue *item*; never blocks and never raises."""
