"""
Spans and log records as the store keeps them: small objects without references to the program. Pure.

A kept span takes about 700 bytes, a tenth of the SDK's. Texts that repeat are shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.model.words import LEVELS

if TYPE_CHECKING:
    from csg_otel.dashboard.model import EventRow, ExceptionRow, LinkRow, LogRow, SpanRow

_SPAN_BYTES: Final = 250
"""Bytes of a span without attributes: the object, its id and the times."""

_LOG_BYTES: Final = 360
_EVENT_BYTES: Final = 300
"""Bytes of an event, a link or an exception without its attributes."""

_ATTRIBUTE_BYTES: Final = 40
"""Bytes of an attribute besides its text: the key is shared."""

_MOST_SHARED: Final = 4000
"""Texts that are shared at most; beyond them the table starts again, so a program with endless texts does not fill it."""

_LONGEST_SHARED: Final = 64


@dataclass(slots=True, eq=False)
class KeptSpan:
    """A span; ``attributes`` has keys and values in turn. See ``SpanRow``."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    service: str
    scope: str
    start: float
    end: float | None
    status: str
    status_message: str
    attributes: tuple[Any, ...]
    events: tuple[EventRow, ...]
    links: tuple[LinkRow, ...]

    @property
    def is_error(self) -> bool:
        """Whether the span has failed."""
        return self.status == "error"

    @property
    def duration_s(self) -> float | None:
        """The duration; None while the span is running."""
        return None if self.end is None else max(0.0, self.end - self.start)

    @property
    def size_bytes(self) -> int:
        """An estimate of the memory that the span takes."""
        return (
            _SPAN_BYTES
            + _flat_size(self.attributes)
            + len(self.status_message)
            + sum(_EVENT_BYTES + _size(event["attributes"]) for event in self.events)
            + sum(_EVENT_BYTES + _size(link["attributes"]) for link in self.links)
        )

    def row(self) -> SpanRow:
        """Return the span as a row of the model."""
        return {
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "parent_id": self.parent_id,
            "name": self.name,
            "kind": self.kind,  # type: ignore[typeddict-item] # one of the literals, by the converters
            "service": self.service,
            "scope": self.scope,
            "start": self.start,
            "end": self.end,
            "duration_s": self.duration_s,
            "status": self.status,  # type: ignore[typeddict-item]
            "status_message": self.status_message,
            "attributes": pairs(self.attributes),
            "events": list(self.events),
            "links": list(self.links),
        }


@dataclass(slots=True, eq=False)
class KeptLog:
    """A log record; ``attributes`` has keys and values in turn. See ``LogRow``."""

    id: int
    time: float
    severity: int
    logger: str
    body: str
    service: str
    trace_id: str
    span_id: str
    attributes: tuple[Any, ...]
    exception: ExceptionRow | None

    @property
    def size_bytes(self) -> int:
        """An estimate of the memory that the record takes."""
        failure = 0 if self.exception is None else _EVENT_BYTES + _size(self.exception)
        return _LOG_BYTES + len(self.body) + _flat_size(self.attributes) + failure

    def row(self) -> LogRow:
        """Return the record as a row of the model."""
        return {
            "id": self.id,
            "time": self.time,
            "level": LEVELS[level(self.severity)],
            "severity": self.severity,
            "logger": self.logger,
            "body": self.body,
            "service": self.service,
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "attributes": pairs(self.attributes),
            "exception": self.exception,
        }


def level(severity: int) -> int:
    """Return the index in ``LEVELS`` of the OpenTelemetry number *severity* (1 to 24); 0 gives that of ``info``."""
    return 2 if severity < 1 else min((severity - 1) // 4, 5)


def pairs(flat: tuple[Any, ...]) -> dict[str, Any]:
    """Return the mapping of keys and values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _flat_size(flat: tuple[Any, ...]) -> int:
    return sum(_ATTRIBUTE_BYTES + _size(value) for value in flat[1::2])


def _size(value: Any) -> int:
    """Return an estimate of the bytes of *value* besides its own 40: those of a text, or of what is in it."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(2 * _ATTRIBUTE_BYTES + len(key) + _size(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(_ATTRIBUTE_BYTES + _size(item) for item in value)
    return 0


class Kept:
    """The converter of rows into kept items; it shares texts that repeat."""

    def __init__(self) -> None:
        self._shared: dict[str, str] = {}

    def span(self, row: SpanRow) -> KeptSpan:
        """Return the kept form of *row*."""
        share = self.share
        return KeptSpan(
            share(row["trace_id"]),
            row["span_id"],
            row["parent_id"],
            share(row["name"]),
            share(row["kind"]),
            share(row["service"]),
            share(row["scope"]),
            row["start"],
            row["end"],
            share(row["status"]),
            row["status_message"],
            self._flat(row["attributes"]),
            tuple(row["events"]),
            tuple(row["links"]),
        )

    def log(self, row: LogRow, number: int) -> KeptLog:
        """Return the kept form of *row*, with the id *number*."""
        return KeptLog(
            number,
            row["time"],
            row["severity"],
            self.share(row["logger"]),
            row["body"],
            self.share(row["service"]),
            self.share(row["trace_id"]),
            row["span_id"],
            self._flat(row["attributes"]),
            row["exception"],
        )

    def _flat(self, attributes: dict[str, Any]) -> tuple[Any, ...]:
        flat: list[Any] = []
        for key, value in attributes.items():
            flat += (self.share(key), self.share(value) if isinstance(value, str) else value)
        return tuple(flat)

    def share(self, text: str) -> str:
        """Return an equal text that other items have, too, if *text* is short."""
        if len(text) > _LONGEST_SHARED:
            return text
        if len(self._shared) >= _MOST_SHARED:
            self._shared.clear()
        return self._shared.setdefault(text, text)
