"""
The intake: the sinks that the program's threads put spans and log records into, and the queue between them and the store.

A sink appends to a queue, nothing else. The dashboard's thread converts what is queued, within a share of the processor: what
a program emits beyond that is not shown, but counted, and the program does not get slower.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks
from csg_otel.dashboard.store.convert import log_row, span_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from csg_otel.dashboard.model import LogRow, SpanRow

_MOST_QUEUED: Final = 1000
"""Items that wait at most; a span of the SDK takes about 3 KB."""

_WAKE_AT: Final = 200
"""Spans in the queue at which the dashboard's thread is woken, before its next look."""

_MOST_RUNNING: Final = 1000
"""Running spans that are kept at most: a program that never ends its spans must not fill the memory."""

_UNWATCHED_SHARE: Final = 0.02
"""Share of one core for the conversion while no page is open, and while one is."""

_WATCHED_SHARE: Final = 0.15
_MOST_CREDIT_S: Final = 0.5
"""Processor time that is saved up for bursts: some 15,000 spans."""

_BATCH: Final = 100
"""Items that are converted between two looks at the time."""


class Intake:
    """The queues of ended spans and log records, and the running spans."""

    def __init__(self, service: Callable[[], str], now_s: Callable[[], float] = clocks.monotonic) -> None:
        """Make the queues; *service* returns the name of the service, and *now_s* the monotonic time."""
        self._service = service
        self._now_s = now_s
        self.wake: Callable[[], object] = lambda: None
        """Called on a thread of the program when the queue fills; returns at once."""
        self.reset()

    def reset(self) -> None:
        """Start from scratch, as in a forked child."""
        self._ended: deque[Any] = deque()
        self._records: deque[Any] = deque()
        self._running: dict[int, Any] = {}
        self.dropped = 0
        self._credit_s = _MOST_CREDIT_S
        self._credited_s = self._now_s()

    # -- on the program's threads ------------------------------------------------------------------------------------

    def started(self, span: Any) -> None:
        """Keep *span* as running, instead of the oldest one if there are too many."""
        if len(self._running) >= _MOST_RUNNING:
            with suppress(RuntimeError, StopIteration):  # another thread adds or removes one at this moment
                self._running.pop(next(iter(self._running)), None)
        self._running[span.context.span_id] = span

    def ended(self, span: Any, *, kept: bool) -> None:
        """Queue an ended span if it is *kept*; beyond the limit, only one that has failed."""
        self._running.pop(span.context.span_id, None)  # by its id, because an ended span is another object
        if not kept:
            return
        waiting = len(self._ended)
        if waiting == _WAKE_AT:
            self.wake()
        if waiting < _MOST_QUEUED or (waiting < 2 * _MOST_QUEUED and span.status.status_code.value == 2):
            self._ended.append(span)
        else:
            self.dropped += 1

    def put_record(self, record: Any) -> None:
        """Queue a log record."""
        if len(self._records) < _MOST_QUEUED:
            self._records.append(record)
        else:
            self.dropped += 1

    # -- on the dashboard's thread -----------------------------------------------------------------------------------

    def take(self, *, watched: bool) -> tuple[list[SpanRow], list[LogRow]]:
        """Return what is queued as rows, as far as the share of the processor allows; *watched* makes it larger."""
        now_s = self._now_s()
        share = _WATCHED_SHARE if watched else _UNWATCHED_SHARE
        self._credit_s = min(_MOST_CREDIT_S, self._credit_s + share * (now_s - self._credited_s))
        self._credited_s = now_s
        service = self._service()
        records = self._convert(self._records, log_row, service)
        return self._convert(self._ended, span_row, service), records

    def _convert(self, queue: deque[Any], convert: Callable[[Any, str], Any], service: str) -> list[Any]:
        rows: list[Any] = []
        while queue and self._credit_s > 0:
            began_s = time.thread_time()
            rows += [convert(queue.popleft(), service) for _ in range(min(_BATCH, len(queue)))]
            self.spend(time.thread_time() - began_s)
        return rows

    def spend(self, seconds: float) -> None:
        """Count *seconds* of the processor's time for other work on what was taken."""
        self._credit_s -= seconds

    @property
    def running_ids(self) -> tuple[int, ...]:
        """The ids of the running spans, in the order of their starts."""
        return tuple(self._running)

    def running(self, before_s: float | None = None) -> list[SpanRow]:
        """Return the spans that are running, the oldest first; only those started before the Unix time *before_s*."""
        service = self._service()
        rows: list[SpanRow] = []
        for span in tuple(self._running.values()):
            try:
                if span.end_time is None and (before_s is None or span.start_time <= before_s * 1e9):
                    rows.append(span_row(span, service))
            except RuntimeError:  # the program changes its attributes at this moment
                continue
        return sorted(rows, key=lambda row: row["start"])
