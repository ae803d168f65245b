"""
Fast spans of this package in a tracer provider of the program. Private parts of the SDK are used as in ``_compat``.

Only the tracer of this package changes, and only while the program's provider is the SDK's own, with the SDK's own list of
processors. They are called as the SDK calls them: one that raises does so as before, and discarded spans reach them, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision

from csg_otel import names, scope
from csg_otel._version import VERSION
from csg_otel.pipeline._compat_spans import FastSpan
from csg_otel.pipeline._compat_tracers import FastTracer
from csg_otel.pipeline.safe_spans import SafeSpan

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource

    from csg_otel.pipeline._compat_ended import EndedSpan


class _Processors:
    """The processors of the program's provider, as a fast tracer and its spans call those of the installed one."""

    _span_processors: Final = (None, None)
    """More than one: all of them are called in the SDK's way, this package's too."""
    watcher: Final = None
    """This package's own processor calls it."""

    def __init__(self, processors: SynchronousMultiSpanProcessor) -> None:
        self.own = self
        self.start_others: Callable[[Any, Context | None], None] = processors.on_start
        self._on_ending: Callable[[Any], None] = processors._on_ending
        self.on_end: Callable[[Any], None] = processors.on_end

    def pass_on(self, span: Any, ended: EndedSpan, *, sampled: bool) -> None:  # noqa: ARG002 - each of them looks itself
        """Pass a span that ends, and what is left of it then, to every processor."""
        self._on_ending(span)
        self.on_end(ended)


class _Counts:
    """The SDK's own counts of spans; they count the end of a span that is not recorded, too."""

    def __init__(self, counts: Any) -> None:
        self.counts = counts

    def start_span(self, parent: Any, decision: Decision) -> Callable[[], None] | None:
        """Count a span; return the function that counts its end, None if it is not recorded."""
        count_end: Callable[[], None] = self.counts.start_span(parent, decision)
        return None if decision is Decision.DROP else count_end


class _AdoptedSpan(FastSpan):
    """A span of this package in the program's provider."""

    def end(self, end_time: int | None = None) -> None:
        """End the span; a discarded one reaches the processors of the program, too."""
        (SafeSpan if self.discarded else FastSpan).end(self, end_time)


class _AdoptedTracer(FastTracer):
    """The tracer of this package in the program's provider."""

    def _set_resource(self, resource: Resource) -> None:
        """Use *resource*, that of a forked child, from now on; the spans in progress keep theirs."""
        super()._set_resource(resource)
        self.prepare(self._processors, _AdoptedSpan)
        scope.begin_era()


def make_fast(tracer: Any) -> Any:
    """Make *tracer*, of the SDK, a fast one where it does as the usual tracers do; return it."""
    kind: Any = type(tracer)
    if (
        kind is Tracer
        and type(processors := tracer.span_processor) is SynchronousMultiSpanProcessor
        and FastTracer.prepare(tracer, _Processors(processors), _AdoptedSpan)
    ):
        tracer._tracer_metrics = _Counts(tracer._tracer_metrics)
        tracer.__class__ = _AdoptedTracer
    return tracer


def quicken(provider: Any, *, fast: bool) -> None:
    """Let the tracer of this package in *provider*, one of the program, make fast spans; with *fast* False the SDK's own."""
    if type(provider) is TracerProvider:
        tracer: Any = provider.get_tracer(names.SCOPE, VERSION)
        kind: Any = type(tracer)
        if fast:
            make_fast(tracer)
        elif kind is _AdoptedTracer:
            tracer.__class__, tracer._tracer_metrics = Tracer, tracer._tracer_metrics.counts
        scope.begin_era()
