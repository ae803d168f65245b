"""
Spans that accept any value: where the SDK's span would raise into the program, the values are cleaned and set again.

A span can also be discarded, so that requests to our endpoints leave none. The fan-out changes the class of each span when it
starts. The rule: a call with valid values costs only one more function call.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.semconv.attributes import exception_attributes
from opentelemetry.trace import Status, StatusCode

from csg_otel import attributes as clean
from csg_otel import faults, interruptions
from csg_otel.pipeline import _compat_events as events
from csg_otel.pipeline._compat import SdkSpan

_MOST: Final = 4096
"""Most attributes that are cleaned in one call; the SDK keeps as many as its limit allows, and counts the others as dropped."""


def make_safe(span: Any, *, discarded: bool = False) -> None:
    """Change the class of *span* to :class:`SafeSpan` if it is a span of the SDK; *discarded* spans are not exported."""
    if type(span) is SdkSpan:
        span.__class__ = SafeSpan
        if discarded:
            span.discarded = True  # type: ignore[attr-defined] # the line above


def discard_current_span() -> None:
    """
    Export neither the current span nor those below it that start from now on.

    It belongs to an endpoint of telemetry inside the program's server, whose instrumentation has started the span. A span of
    another provider is exported.
    """
    span = trace.get_current_span()
    if isinstance(span, SafeSpan):
        span.discarded = True


def is_discarded(span: object) -> bool:
    """Return whether *span* is not to be exported; processors get a copy of a span that ends."""
    if isinstance(span, SafeSpan):
        return span.discarded
    return isinstance(span, ReadableSpan) and span.context is not None and span.context == _discarding.context


class _Discarding(threading.local):
    """The context of the discarded span that ends on this thread; None if there is none."""

    context: trace.SpanContext | None = None


_discarding = _Discarding()


class SafeSpan(SdkSpan):
    """The SDK's span, which never raises into the program."""

    discarded = False

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute; a value that OpenTelemetry does not allow is set as text."""
        try:
            super().set_attribute(key, value)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            interruptions.let_through()
            self._retry(super().set_attributes, clean.clean({clean.text(key): value}))

    def set_attributes(self, attributes: Any) -> None:
        """Set several attributes."""
        try:
            super().set_attributes(attributes)
        except Exception:  # noqa: BLE001 - as above
            interruptions.let_through()
            self._retry(super().set_attributes, clean.clean(attributes, _MOST))

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        """Add an event."""
        try:
            super().add_event(name, attributes, timestamp)
        except Exception:  # noqa: BLE001 - as above
            interruptions.let_through()
            self._retry(super().add_event, clean.text(name), clean.clean(attributes or {}, _MOST), timestamp)

    def add_link(self, context: Any, attributes: Any = None) -> None:
        """Add a link to another span."""
        try:
            super().add_link(context, attributes)
        except Exception:  # noqa: BLE001 - as above
            interruptions.let_through()
            self._retry(super().add_link, context, clean.clean(attributes or {}, _MOST))

    def record_exception(
        self, exception: BaseException, attributes: Any = None, timestamp: int | None = None, escaped: bool = False
    ) -> None:
        """
        Add an exception as an event; of a deep stack the last frames.

        The text of the stack is written when the event is first read. If formatting it fails, the event has a shortened
        description and no stack.
        """
        try:
            event = events.of(exception, attributes, timestamp, escaped, self._limits)
            if event is not None:
                self._add_event(event)
            else:
                described = events.described_at_once(exception, escaped)
                self.add_event("exception", {**described, **(attributes or {})}, timestamp)
        except Exception:  # noqa: BLE001 - as above
            interruptions.let_through()
            attributes_of_event = {
                exception_attributes.EXCEPTION_TYPE: type(exception).__qualname__,
                exception_attributes.EXCEPTION_MESSAGE: clean.text(exception),
                **clean.clean(attributes or {}, _MOST),
            }
            self._retry(super().add_event, "exception", attributes_of_event, timestamp)

    def set_status(self, status: Any, description: str | None = None) -> None:
        """Set the status; an invalid value changes nothing."""
        try:
            super().set_status(status, description)
        except Exception:  # noqa: BLE001 - as above
            interruptions.let_through()
            self._retry(super().set_status, status, clean.text(description))

    def update_name(self, name: str) -> None:
        """Set another name."""
        try:
            super().update_name(name)
        except Exception:  # noqa: BLE001 - as above
            faults.contain("traces")

    def end(self, end_time: int | None = None) -> None:
        """End the span; an exception of the program's span processors is contained."""
        if self.discarded:
            _discarding.context = self.context
        try:
            super().end(end_time)
        except Exception:  # noqa: BLE001 - as above
            faults.contain("traces")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_of_error: TracebackType | None
    ) -> None:
        """End the span as the SDK does, even if formatting *error* fails."""
        try:
            super().__exit__(kind, error, trace_of_error)
        except Exception:  # noqa: BLE001 - the program's own exception is raised, never one of telemetry
            interruptions.let_through()
            self.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {clean.text(error)}"))
            self.end()

    @staticmethod
    def _retry(method: Any, *args: Any) -> None:
        try:
            method(*args)
        except Exception:  # noqa: BLE001 - as above; this value is lost
            faults.contain("traces")
