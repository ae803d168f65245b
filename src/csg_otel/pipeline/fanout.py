"""
The fan-out of spans and log records from the SDK's providers to every destination's queue.

It runs on the program's threads, so it only appends to queues, and its errors never reach the program.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, AlwaysRecordSampler, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import StatusCode, get_current_span

from csg_otel import clocks, faults, forks, names
from csg_otel.logs import passing as passing_on
from csg_otel.pipeline.flushing import DEFAULT_MS, SHUTDOWN_S, FlushOwn, deadline_after, nothing_to_flush
from csg_otel.pipeline.processors import NO_CONTEXT
from csg_otel.pipeline.safe_spans import is_discarded, make_safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from csg_otel.pipeline.sink import Sink, Watcher


class _FanOut:
    """
    A processor that queues items in every sink; ``sinks`` is replaced as a whole when destinations change.

    ``watcher`` follows everything besides, for the dashboard; None without one.

    ``flush`` sends the queued items until a monotonic time, and ``on_shutdown`` is called when the provider has ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sinks: tuple[Sink, ...] = ()
        self.watcher: Watcher | None = None
        self.flush: FlushOwn = nothing_to_flush
        self.on_shutdown: Callable[[], None] = lambda: None

    def force_flush(self, timeout_millis: int = DEFAULT_MS) -> bool:
        """Send all queued items within *timeout_millis*; True only if all are acknowledged or on disk."""
        return self.flush(deadline_after(timeout_millis))

    def shutdown(self) -> None:
        """Send all queued items: the provider ends. The queues go on until this package's own end."""
        self.flush(clocks.monotonic() + SHUTDOWN_S)
        self.on_shutdown()


class SpanFanOut(_FanOut, SpanProcessor):
    """Queues each ended span in every sink."""

    def __init__(self) -> None:
        super().__init__()
        self.keep_errors = False
        self.keep_slower_s: float | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Make *span* safe, so that no value the program sets on it raises; discard it if its parent is discarded."""
        discarded = is_discarded(get_current_span(parent_context))
        make_safe(span, discarded=discarded)
        if self.watcher is not None and not discarded:
            self.watcher.started(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue *span* as :meth:`pass_on` does, unless it is discarded: an adopted provider passes it on."""
        if not is_discarded(span):
            context = span.get_span_context()
            self.pass_on(span, sampled=context is not None and context.trace_flags.sampled)

    def pass_on(self, span: ReadableSpan, *, sampled: bool) -> None:
        """Queue the ended *span* if it is *sampled*, or if it is kept because it failed or was slow."""
        if not forks.mark[0]:
            forks.enter_child()
        try:
            kept = sampled or self._worth_keeping(span)
            if self.watcher is not None:
                self.watcher.ended(span, kept=kept)
            if kept:
                for sink in self.sinks:
                    sink.enqueue(span)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("traces")

    def _worth_keeping(self, span: ReadableSpan) -> bool:
        if self.keep_errors and span.status.status_code is StatusCode.ERROR:
            return True
        if self.keep_slower_s is None or span.end_time is None or span.start_time is None:
            return False
        return (span.end_time - span.start_time) / 1e9 >= self.keep_slower_s


class LogFanOut(_FanOut, LogRecordProcessor):
    """Queues each log record in every sink."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queue a copy of *log_record* without its context, because a context can hold large objects of the program."""
        if not forks.mark[0]:
            forks.enter_child()
        try:
            record = _copied(log_record.log_record)
            record.context = NO_CONTEXT
            owner = log_record.resource or Resource.get_empty()
            self.pass_on(ReadableLogRecord(record, owner, log_record.instrumentation_scope, log_record.limits))
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("logs")

    def pass_on(self, record: ReadableLogRecord) -> None:
        """Queue *record*, which nothing changes any more, unless it was queued already."""
        try:
            scope = record.instrumentation_scope
            if _is_repetition(record.log_record, scope.name if scope is not None else ""):
                return
            if self.watcher is not None:
                self.watcher.put_record(record)
            for sink in self.sinks:
                sink.enqueue(record)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("logs")


_new: Final = object.__new__


def _copied(record: LogRecord) -> LogRecord:
    if type(record) is not LogRecord:
        return copy.copy(record)
    copied: LogRecord = _new(LogRecord)  # a third of the time of copy.copy
    copied.__dict__.update(record.__dict__)
    return copied


def _is_repetition(record: LogRecord, scope: str) -> bool:
    """
    Return whether an OpenTelemetry handler of the program made *record* from one that is telemetry's own, or exported already.

    A record that such a handler emits before the bridge does is exported as the handler has made it, and not again.
    """
    passing = passing_on.source(scope, record.timestamp)
    if passing is None:
        return passing_on.latest.has(scope, record.timestamp)
    if passing.own or passing.exported:
        return True
    passing.exported = True
    setattr(record, names.ON_SCREEN, passing.on_screen)
    return False


def sampler(*, ratio: float, parent_based: bool, keep_unsampled: bool) -> Sampler:
    """
    Return a sampler that keeps *ratio* (0 to 1) of the traces.

    With *keep_unsampled* the other traces are recorded, too, so that the fan-out can keep their failed and slow spans.
    """
    root: Sampler = TraceIdRatioBased(ratio) if ratio > 0 else ALWAYS_OFF
    chosen: Sampler = ParentBased(root) if parent_based else root
    return AlwaysRecordSampler(chosen) if keep_unsampled else chosen
