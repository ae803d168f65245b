"""The intake of a destination, and a watcher of the present, as the SDK's processors and readers use it."""

from __future__ import annotations

from typing import Any, Protocol


class Sink(Protocol):
    """Accepts telemetry items of one signal."""

    def enqueue(self, item: Any) -> None:
        """Queue *item*; never blocks and never raises."""


class Watcher(Protocol):
    """Follows spans from their start, and log records; never blocks and never raises."""

    def started(self, span: Any) -> None:
        """Follow *span*, which has started."""

    def ended(self, span: Any, *, kept: bool) -> None:
        """Follow *span* no more; *kept* is False if no destination gets it."""

    def put_record(self, record: Any) -> None:
        """Take a log record."""
