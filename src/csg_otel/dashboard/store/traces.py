"""
The kept traces: whole traces within a number of bytes; failed and slow ones are kept longer than the others.

Not thread-safe: ``recent`` calls it under its lock.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from csg_otel.dashboard.store.items import KeptSpan

_MOST_SPANS: Final = 2000
"""Spans of one trace; beyond them its oldest are dropped, but the root: a worker may add to one trace for days."""

_TRACE_BYTES: Final = 390
"""Bytes of a trace besides its spans."""

_SCANNED: Final = 16
"""Spans of a trace up to which one is found by looking at each; beyond them the trace has a set of their ids."""

_SLOW_TIMES: Final = 3.0
"""A trace is slow if it takes this many times the mean of its name, after ``_SLOW_AFTER`` others."""

_SLOW_AFTER: Final = 20
_MOST_NAMES: Final = 1000
_SPECIAL_SHARE: Final = 0.5
"""Share of the bytes that failed and slow traces may take before the oldest of them are dropped, too."""


class KeptTrace:
    """The spans of one trace."""

    __slots__ = ("_ids", "errors", "latest", "number", "size_bytes", "slow", "spans", "start", "trace_id")

    def __init__(self, trace_id: str, number: int) -> None:
        """Make a trace without spans; *number* counts the changes of all traces."""
        self.trace_id = trace_id
        self.number = number
        """The number of the latest change."""
        self.spans: list[KeptSpan] = []
        self._ids: set[str] | None = None
        self.start = float("inf")
        self.latest = 0.0
        self.errors = 0
        self.slow = False
        self.size_bytes = _TRACE_BYTES

    @property
    def is_special(self) -> bool:
        """Whether the trace is kept longer."""
        return self.slow or self.errors > 0

    @property
    def root(self) -> KeptSpan:
        """The span without a parent, or else the first one; a trace is shown by its name."""
        return next((span for span in self.spans if span.parent_id is None), self.spans[0])

    def has(self, span_id: str) -> bool:
        """Return whether the span *span_id* is kept."""
        if self._ids is None:
            if len(self.spans) <= _SCANNED:
                return any(span.span_id == span_id for span in self.spans)
            self._ids = {span.span_id for span in self.spans}
        return span_id in self._ids

    def add(self, span: KeptSpan) -> None:
        """Add *span*, and drop the oldest span but the root if there are too many."""
        self.spans.append(span)
        if self._ids is not None:
            self._ids.add(span.span_id)
        self.start = min(self.start, span.start)
        self.latest = max(self.latest, span.end or span.start)
        self.errors += span.is_error
        self.size_bytes += span.size_bytes
        if len(self.spans) > _MOST_SPANS:
            at = 1 if self.spans[0].parent_id is None else 0
            dropped = self.spans.pop(at)
            self.size_bytes -= dropped.size_bytes
            if self._ids is not None:
                self._ids.discard(dropped.span_id)


class Traces:
    """All kept traces, the one that was changed last at the end."""

    def __init__(self, most_bytes: int) -> None:
        """Keep about *most_bytes* bytes."""
        self._most_bytes = most_bytes
        self._traces: OrderedDict[str, KeptTrace] = OrderedDict()
        self._means: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self.size_bytes = 0
        self._special_bytes = 0
        self.spans = 0
        self.number = 0
        """The number of the latest change of any trace."""
        self.evicted = 0

    def __len__(self) -> int:
        """Return the number of traces."""
        return len(self._traces)

    def __iter__(self) -> Iterator[KeptTrace]:
        """Return the traces, the one that was changed last first."""
        return reversed(self._traces.values())

    def get(self, trace_id: str) -> KeptTrace | None:
        """Return the trace *trace_id*; None if it is not kept."""
        return self._traces.get(trace_id)

    def add(self, span: KeptSpan) -> None:
        """
        Add *span* to its trace, and drop the oldest traces while there are too many bytes.

        A span that is kept is not added again: the same file may be imported twice, and a client may send again.
        """
        trace = self._traces.get(span.trace_id)
        if trace is not None and trace.has(span.span_id):
            return
        self.number += 1
        if trace is None:
            trace = self._traces[span.trace_id] = KeptTrace(span.trace_id, self.number)
            self.size_bytes += trace.size_bytes
        else:
            self._traces.move_to_end(span.trace_id)
        was_special, before_bytes, before_spans = trace.is_special, trace.size_bytes, len(trace.spans)
        trace.number = self.number
        trace.add(span)
        if span.parent_id is None:
            trace.slow = trace.slow or self._is_slow(span)
        self.spans += len(trace.spans) - before_spans
        self.size_bytes += trace.size_bytes - before_bytes
        if trace.is_special:
            self._special_bytes += trace.size_bytes - (before_bytes if was_special else 0)
        while self.size_bytes > self._most_bytes and len(self._traces) > 1:
            self._drop()

    def add_older(self, span: KeptSpan) -> None:
        """Add *span* of an earlier time if there is room; its trace is the next to be dropped."""
        if self.size_bytes + span.size_bytes + _TRACE_BYTES > self._most_bytes:
            return
        is_new = span.trace_id not in self._traces
        self.add(span)
        if is_new:
            self._traces.move_to_end(span.trace_id, last=False)

    def _is_slow(self, root: KeptSpan) -> bool:
        """Return whether *root* took much longer than others of its name, and count it."""
        duration_s = root.duration_s or 0.0
        count, mean_s = self._means.pop(root.name, (0, 0.0))
        slow = count >= _SLOW_AFTER and duration_s > _SLOW_TIMES * mean_s
        weight = min(count + 1, 1000)
        self._means[root.name] = (count + 1, mean_s + (duration_s - mean_s) / weight)
        if len(self._means) > _MOST_NAMES:
            self._means.popitem(last=False)
        return slow

    def _drop(self) -> None:
        """Drop the oldest trace that is not special, or the oldest special one if those take too much."""
        newest = next(reversed(self._traces))
        special_first = self._special_bytes > _SPECIAL_SHARE * self._most_bytes
        chosen = next(
            (key for key, trace in self._traces.items() if trace.is_special == special_first and key != newest),
            None,
        )
        trace = self._traces.pop(chosen or next(iter(self._traces)))
        self.size_bytes -= trace.size_bytes
        self.spans -= len(trace.spans)
        self.evicted += len(trace.spans)
        if trace.is_special:
            self._special_bytes -= trace.size_bytes
