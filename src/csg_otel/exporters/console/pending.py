"""
Spans and log records that wait to be drawn. Spans end before their parents, so a tree waits until its local root has ended.

Has no clock and no stream: the caller passes the time, and draws the bundles that are returned. The rule: every item is
returned exactly once, after a bounded time and in bounded memory, even if a root never ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

_MAX_SHOWN: Final = 4096
"""Most drawn spans whose ids are kept; a child that ends after its parent was drawn is drawn at once."""


class Bundle(NamedTuple):
    """Spans of one trace, and the log records emitted in it, to be drawn together."""

    spans: list[ReadableSpan]
    records: list[ReadableLogRecord]


@dataclass(slots=True)
class _Trace:
    due_s: float
    spans: list[ReadableSpan] = field(default_factory=list)
    records: list[ReadableLogRecord] = field(default_factory=list)


class Pending:
    """The traces that wait for their local root, oldest first."""

    def __init__(self, *, wait_s: float = 2.0, max_items: int = 1000) -> None:
        """Hold a trace back for at most *wait_s* seconds (default 2), and at most *max_items* items (default 1,000)."""
        self._wait_s = wait_s
        self._max_items = max_items
        self._traces: dict[int, _Trace] = {}
        self._shown: dict[tuple[int, int], None] = {}
        self._count = 0

    def put_span(self, span: ReadableSpan, now_s: float) -> list[Bundle]:
        """Add *span*; return the bundles to draw now: the tree below *span* if it has no parent that may still end."""
        trace = self._trace(span.context.trace_id, now_s)
        trace.spans.append(span)
        parent = span.parent
        if parent is None or parent.is_remote or (parent.trace_id, parent.span_id) in self._shown:
            return [self._take_below(span)]
        return self._overflow()

    def put_record(self, record: ReadableLogRecord, now_s: float) -> list[Bundle] | None:
        """Add *record*; return the bundles to draw now, or None if it belongs to no sampled span."""
        log = record.log_record
        if not log.trace_id or not log.span_id or not (log.trace_flags or 0) & 1:
            return None
        if (log.trace_id, log.span_id) in self._shown:
            return [Bundle([], [record])]
        self._trace(log.trace_id, now_s).records.append(record)
        return self._overflow()

    def due(self, now_s: float) -> list[Bundle]:
        """Return the traces that have waited long enough."""
        return [self._take(trace_id) for trace_id, trace in tuple(self._traces.items()) if trace.due_s <= now_s]

    def rest(self) -> list[Bundle]:
        """Return everything that still waits."""
        return [self._take(trace_id) for trace_id in tuple(self._traces)]

    def _trace(self, trace_id: int, now_s: float) -> _Trace:
        self._count += 1
        return self._traces.setdefault(trace_id, _Trace(now_s + self._wait_s))

    def _overflow(self) -> list[Bundle]:
        return [self._take(next(iter(self._traces)))] if self._count > self._max_items else []

    def _take(self, trace_id: int) -> Bundle:
        trace = self._traces.pop(trace_id)
        return self._bundle(trace.spans, trace.records)

    def _take_below(self, top: ReadableSpan) -> Bundle:
        trace_id = top.context.trace_id
        trace = self._traces[trace_id]
        children: dict[int, list[int]] = {}
        for span in trace.spans:
            if span.parent is not None and not span.parent.is_remote:
                children.setdefault(span.parent.span_id, []).append(span.context.span_id)
        inside, waiting = {top.context.span_id}, [top.context.span_id]
        while waiting:
            below = set(children.get(waiting.pop(), ())) - inside
            inside |= below
            waiting.extend(below)
        spans = [span for span in trace.spans if span.context.span_id in inside]
        records = [record for record in trace.records if record.log_record.span_id in inside]
        trace.spans = [span for span in trace.spans if span.context.span_id not in inside]
        trace.records = [record for record in trace.records if record.log_record.span_id not in inside]
        if not trace.spans and not trace.records:
            del self._traces[trace_id]
        return self._bundle(spans, records)

    def _bundle(self, spans: list[ReadableSpan], records: list[ReadableLogRecord]) -> Bundle:
        self._count -= len(spans) + len(records)
        for span in spans:
            self._shown[span.context.trace_id, span.context.span_id] = None
        while len(self._shown) > _MAX_SHOWN:
            del self._shown[next(iter(self._shown))]
        return Bundle(spans, records)
