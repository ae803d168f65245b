"""
Events of recorded exceptions whose stack is written when they are first read, which is usually the exporting thread.

Private parts of the SDK are used as in ``_compat``.
"""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event
from opentelemetry.semconv.attributes import exception_attributes as keys

from csg_otel import attributes as clean
from csg_otel import faults
from csg_otel.pipeline import stacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import SpanLimits


class ExceptionEvent(Event):
    """An event of an exception; its attributes do not exist before the first look at them."""

    def __init__(
        self, described: dict[str, Any], stack: stacks.Stack, timestamp: int | None, limits: SpanLimits
    ) -> None:
        """Make the event of an exception *described* by clean attributes; the one for *stack* is still empty."""
        # That of the SDK's class would set the attributes.
        self._name = "exception"
        self._timestamp = time_ns() if timestamp is None else timestamp
        self._unread: Any = described, stack, limits

    def __getattr__(self, name: str) -> Any:
        """Return the attributes, under the SDK's own name, at the first look."""
        if name != "_attributes":
            raise AttributeError(name)
        own = self.__dict__
        unread = own["_unread"]
        if unread is None:  # another thread has just set them
            return own["_attributes"]
        described, stack, limits = unread
        length = limits.max_attribute_length
        try:
            described = {**described, keys.EXCEPTION_STACKTRACE: stack.text()[:length]}
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("traces")
            return {key: value for key, value in described.items() if key != keys.EXCEPTION_STACKTRACE}
        bounded = BoundedAttributes(limits.max_event_attributes, described, immutable=True, max_value_len=length)
        bounded = own.setdefault("_attributes", bounded)
        self._unread = None
        return bounded


def of(
    exception: BaseException, attributes: Mapping[str, Any] | None, timestamp: int | None, escaped: bool, limits: Any
) -> ExceptionEvent | None:
    """Return the event of *exception*; None if it is unusual, and its attributes must be made at once."""
    if attributes and (not clean.sound(attributes) or keys.EXCEPTION_STACKTRACE in attributes):
        return None
    message, length = str(exception), limits.max_attribute_length
    if type(message) is not str or (length is not None and len(message) > length):
        return None
    stack = stacks.of(exception, message)
    if stack is None:
        return None
    described = _described(exception, message, "", escaped)
    return ExceptionEvent({**described, **attributes} if attributes else described, stack, timestamp, limits)


def described_at_once(exception: BaseException, escaped: bool) -> dict[str, str]:
    """Return the attributes that the SDK records, with the last frames only."""
    return _described(exception, str(exception), stacks.written(exception), escaped)


def _described(exception: BaseException, message: str, stack: str, escaped: bool) -> dict[str, str]:
    kind = type(exception)
    module, name = kind.__module__, kind.__qualname__
    return {
        keys.EXCEPTION_TYPE: f"{module}.{name}" if module and module != "builtins" else name,
        keys.EXCEPTION_MESSAGE: message,
        keys.EXCEPTION_STACKTRACE: stack,
        keys.EXCEPTION_ESCAPED: str(escaped),
    }
