"""
Ended spans, as the processors of others get them, from fast spans. Private parts of the SDK are used as in ``_compat``.

The SDK gives such processors a copy, for which it makes lists, locks and a mapping that most of them never read.
"""

from __future__ import annotations

import copy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import ReadableSpan

if TYPE_CHECKING:
    from csg_otel.pipeline._compat_spans import FastSpan

_FIELDS: Final = (
    *("_name", "_context", "_kind", "_instrumentation_info", "_instrumentation_scope", "_parent", "_start_time"),
    *("_end_time", "_attributes", "_events", "_links", "_resource", "_status"),
)
_OF_FAST_SPANS: Final = frozenset(("csg_otel_contents", "csg_otel_varying"))
_READ: Final = _OF_FAST_SPANS.union(_FIELDS)


class EndedSpan(ReadableSpan):
    """
    What the SDK makes of a span that has ended: its fields are read from the span when they are needed.

    A processor may set a private field, as some do to redact attributes. It is set here, and then the span's own quick ways to
    its contents would miss it, so there are none.
    """

    def __init__(self, span: FastSpan) -> None:
        """Show *span*, which has ended."""
        self._of_span = span

    def __getattr__(self, name: str) -> Any:
        """Return a field of the span."""
        if name not in _READ or (name in _OF_FAST_SPANS and len(self.__dict__) > 1):
            raise AttributeError(name)
        return getattr(self._of_span, name)

    @property
    def attributes(self) -> Any:
        """The attributes, read only; those that spans share stay shared."""
        own = self.__dict__
        return MappingProxyType(own["_attributes"] or {} if "_attributes" in own else self._of_span.csg_otel_values())

    def __deepcopy__(self, memo: dict[int, Any]) -> ReadableSpan:
        """Return a copy that has all fields itself, without the lock of the span."""
        plain: Any = object.__new__(ReadableSpan)
        plain.__dict__.update((name, getattr(self, name)) for name in _FIELDS)
        copied: ReadableSpan = copy.deepcopy(plain, memo)
        return copied
