"""
The recent traces and log records of this process, of its other workers, and of the run before, within a bounded memory.

Thread-safe. Its lock is held for additions and for searches, which take milliseconds; it holds plain values only, so no code of
the program runs under it.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.store.items import Kept
from csg_otel.dashboard.store.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from csg_otel.dashboard.model import LogRow, SpanRow
    from csg_otel.dashboard.store.items import KeptLog, KeptSpan
    from csg_otel.dashboard.view.filters import LogFilter, TraceFilter

DEFAULT_BYTES: Final = 10 * 1024 * 1024
_LOG_SHARE: Final = 0.25
"""Share of the bytes for log records."""


class Recent:
    """The kept traces and log records."""

    def __init__(self, most_bytes: int = DEFAULT_BYTES) -> None:
        """Keep about *most_bytes* bytes, a quarter of them for log records."""
        self._most_log_bytes = int(most_bytes * _LOG_SHARE)
        self._most_trace_bytes = most_bytes - self._most_log_bytes
        self.reset()

    def reset(self) -> None:
        """Start from scratch, as in a forked child."""
        self._lock = threading.RLock()
        self._kept = Kept()
        self._traces = Traces(self._most_trace_bytes)
        self._logs: deque[KeptLog] = deque()
        self._log_bytes = 0
        self._last_log = 0
        self._running_of: dict[str, tuple[KeptSpan, ...]] = {}

    # -- adding ----------------------------------------------------------------------------------------------------

    def add(self, spans: Iterable[SpanRow], logs: Iterable[LogRow]) -> None:
        """Keep *spans* and *logs*; the ids of the records are given here."""
        with self._lock:
            for span in spans:
                self._traces.add(self._kept.span(span))
            for log in logs:
                self._last_log += 1
                kept = self._kept.log(log, self._last_log)
                self._logs.append(kept)
                self._log_bytes += kept.size_bytes
            while self._log_bytes > self._most_log_bytes and len(self._logs) > 1:
                self._log_bytes -= self._logs.popleft().size_bytes

    def add_older(self, spans: Iterable[SpanRow], logs: Iterable[LogRow]) -> None:
        """Keep items from before this process, the newest, as far as there is room; they are the first to be dropped."""
        with self._lock:
            for span in sorted(spans, key=lambda row: -row["start"]):
                self._traces.add_older(self._kept.span(span))
            oldest = self._logs[0].id if self._logs else 1
            for log in sorted(logs, key=lambda row: -row["time"]):
                oldest -= 1
                kept = self._kept.log(log, oldest)
                if self._log_bytes + kept.size_bytes > self._most_log_bytes:
                    break
                self._logs.appendleft(kept)
                self._log_bytes += kept.size_bytes

    def set_running(self, spans: Iterable[SpanRow], worker: str = "") -> None:
        """Replace the running spans of *worker*; empty for this process."""
        with self._lock:
            kept = tuple(self._kept.span(span) for span in spans)
            before = self._running_of.get(worker, ())
            if [span.span_id for span in before] != [span.span_id for span in kept]:
                self._traces.number += 1
            self._running_of[worker] = kept

    def keep_running(self, workers: Iterable[str]) -> None:
        """Forget the running spans of other workers than *workers* and this process."""
        with self._lock:
            for worker in self._running_of.keys() - {"", *workers}:
                self._running_of.pop(worker)
                self._traces.number += 1

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def mark(self) -> tuple[int, int]:
        """The numbers of the latest change of a trace and of the latest log record."""
        return self._traces.number, self._last_log

    def running(self) -> list[KeptSpan]:
        """Return the running spans of all workers."""
        with self._lock:
            return [span for spans in self._running_of.values() for span in spans]

    def search(self, wanted: TraceFilter) -> tuple[list[Sequence[KeptSpan]], int, int]:
        """
        Return the traces that *wanted* selects, each as its spans, the newest first; then their number and that of all.

        The number of those that are returned is limited by *wanted*, the second number is not.
        """
        with self._lock:
            running = self._running_by_trace()
            traces: list[tuple[float, Sequence[KeptSpan]]] = []
            for trace in self._traces:
                more = running.pop(trace.trace_id, None) if running else None
                traces.append((trace.start, trace.spans if more is None else (*trace.spans, *more)))
            traces += [(min(span.start for span in spans), spans) for spans in running.values()]
            selected, total = wanted.select(traces)
            return selected, total, len(traces)

    def _running_by_trace(self) -> dict[str, list[KeptSpan]]:
        running: dict[str, list[KeptSpan]] = {}
        for span in self.running():
            running.setdefault(span.trace_id, []).append(span)
        return running

    def changed_since(self, number: int, most: int) -> list[tuple[KeptSpan, ...]]:
        """
        Return the traces that changed after *number* as their spans, at most *most* of them, the newest first.

        Traces with running spans are always returned, because those have no number.
        """
        with self._lock:
            running = self._running_by_trace()
            changed: list[tuple[KeptSpan, ...]] = []
            for trace in self._traces:
                if trace.number <= number or len(changed) >= most:
                    break
                changed.append((*trace.spans, *running.pop(trace.trace_id, ())))
            for trace_id, spans in running.items():
                kept = self._traces.get(trace_id)
                changed.append((*(kept.spans if kept is not None else ()), *spans))
            return changed[:most]

    def failed_since(self, start: float) -> list[Sequence[KeptSpan]]:
        """Return the traces with a failed span that changed at *start* (Unix seconds) or later, as their spans."""
        with self._lock:
            return [tuple(trace.spans) for trace in self._traces if trace.errors and trace.latest >= start]

    def trace(self, trace_id: str) -> list[KeptSpan]:
        """Return the spans of *trace_id*, running ones included; empty if there are none."""
        with self._lock:
            kept = self._traces.get(trace_id)
            return [
                *(kept.spans if kept is not None else ()),
                *(span for span in self.running() if span.trace_id == trace_id),
            ]

    def logs(self, wanted: LogFilter) -> tuple[list[KeptLog], int, int]:
        """Return the log records that *wanted* selects, the newest first; then their number and that of all."""
        with self._lock:
            selected, total = wanted.select(reversed(self._logs))
            return selected, total, len(self._logs)

    def logs_since(self, number: int, most: int) -> list[KeptLog]:
        """Return the records after *number*, at most the newest *most*, the oldest first."""
        with self._lock:
            newest: list[KeptLog] = []
            for log in reversed(self._logs):
                if log.id <= number or len(newest) >= most:
                    break
                newest.append(log)
            return newest[::-1]

    def log_counts(self) -> dict[str, int]:
        """Return the number of kept records by trace."""
        with self._lock:
            counts: dict[str, int] = {}
            for log in self._logs:
                if log.trace_id:
                    counts[log.trace_id] = counts.get(log.trace_id, 0) + 1
            return counts

    def everything(self) -> tuple[list[KeptSpan], list[KeptLog]]:
        """Return all ended spans and all log records, the oldest trace first."""
        with self._lock:
            return [span for trace in reversed(list(self._traces)) for span in trace.spans], list(self._logs)

    def counts(self) -> dict[str, Any]:
        """Return the numbers of ``traces``, ``spans``, ``errors`` (failed traces), ``running`` spans, ``logs``."""
        with self._lock:
            return {
                "traces": len(self._traces),
                "spans": self._traces.spans,
                "errors": sum(trace.errors > 0 for trace in self._traces),
                "running": len(self.running()),
                "logs": len(self._logs),
            }
