"""
The span and log processors of the installed providers: this package's own, and those that the program and libraries add.

The rules: a processor that raises harms neither the program nor the processors after it, and a processor that has been shut
down is not called again.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk._logs import (
    LogRecordProcessor,
    ReadWriteLogRecord,
    SynchronousMultiLogRecordProcessor,
)
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, SynchronousMultiSpanProcessor

from csg_otel.pipeline.flushing import contained
from csg_otel.pipeline.safe_spans import is_discarded

NO_CONTEXT: Final = Context()
"""The context of a record in a queue, in place of the program's, which can hold large objects."""


class _Processors:
    """An own processor, and then the processors of others in the order in which they were added."""

    _attribute: str
    """The attribute with all processors, which libraries read; it has the SDK's name."""

    def __init__(self, own: Any) -> None:
        super().__init__()
        self._lock = threading.Lock()
        setattr(self, self._attribute, (own,))

    @property
    def own(self) -> Any:
        """The fan-out to this package's destinations."""
        return getattr(self, self._attribute)[0]

    @property
    def others(self) -> tuple[Any, ...]:
        """The processors of the program and of libraries."""
        processors: tuple[Any, ...] = getattr(self, self._attribute)
        return processors[1:]

    def add(self, processor: Any) -> None:
        """Call *processor* from now on; a processor that is there already is not called twice."""
        with self._lock:
            processors = getattr(self, self._attribute)
            if not any(present is processor for present in processors):
                setattr(self, self._attribute, (*processors, processor))

    def shutdown(self) -> None:
        """Remove the processors of others, and shut them down."""
        with self._lock:
            own, *others = getattr(self, self._attribute)
            setattr(self, self._attribute, (own,))
        for processor in others:
            contained(processor, "shutdown")

    def reset_lock(self) -> None:
        """Replace the lock in a forked child, where the thread that held it no longer exists."""
        self._lock = threading.Lock()


class SpanProcessors(_Processors, SynchronousMultiSpanProcessor):
    """The span processors of the installed tracer provider."""

    _attribute = "_span_processors"

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Call *span_processor* from now on."""
        self.add(span_processor)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Pass a started span to every processor, but a discarded one (see ``safe_spans``) only to our own."""
        self._span_processors[0].on_start(span, parent_context=parent_context)
        if len(self._span_processors) > 1:
            self.start_others(span, parent_context)

    def start_others(self, span: Span, parent_context: Context | None) -> None:
        """Pass a started span to the processors of others, unless it is discarded."""
        if not is_discarded(span):
            for processor in self.others:
                contained(processor, "on_start", span, parent_context=parent_context)

    def _on_ending(self, span: Span) -> None:
        if len(self._span_processors) > 1 and not is_discarded(span):
            self._end_others("_on_ending", span)

    def on_end(self, span: ReadableSpan) -> None:
        """Pass an ended span to every processor, but a discarded one only to our own."""
        self._span_processors[0].on_end(span)
        if len(self._span_processors) > 1 and not is_discarded(span):
            self._end_others("on_end", span)

    def pass_on(self, span: Span, ended: ReadableSpan, *, sampled: bool) -> None:
        """Pass a span that ends, and what is left of it then, to every processor; it is not discarded."""
        own: Any = self._span_processors[0]
        self._end_others("_on_ending", span)
        own.pass_on(ended, sampled=sampled)
        self._end_others("on_end", ended)

    def _end_others(self, method: str, span: Any) -> None:
        for processor in self.others:
            contained(processor, method, span)


class LogProcessors(_Processors, SynchronousMultiLogRecordProcessor):
    """The log processors of the installed logger provider."""

    _attribute = "_log_record_processors"

    def add_log_record_processor(self, log_record_processor: LogRecordProcessor) -> None:
        """Call *log_record_processor* from now on."""
        self.add(log_record_processor)

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Pass a record to every processor."""
        own, *others = self._log_record_processors
        own.on_emit(log_record)
        for processor in others:
            contained(processor, "on_emit", log_record)
