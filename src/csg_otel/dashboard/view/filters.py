"""
The filters of the lists of traces and logs. Pure.

A text filter ignores case. A filter is read from the parameters of a query, and a wrong parameter is a ValueError with a
sentence for its user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.model.words import LEVELS
from csg_otel.dashboard.view.parameters import choice, number, texts, whether

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from csg_otel.dashboard.store.items import KeptLog, KeptSpan

MOST_ROWS: Final = 1000
_DEFAULT_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """A filter of traces; ``min_s`` and ``max_s`` bound the duration of the trace or, without one, of any span."""

    text: str = ""
    name: str = ""
    service: str = ""
    min_s: float | None = None
    max_s: float | None = None
    error: bool = False
    running: bool = False
    attributes: tuple[tuple[str, str], ...] = ()
    before: float | None = None
    limit: int = _DEFAULT_ROWS

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> TraceFilter:
        """Return the filter of *parameters*. Raises ValueError."""
        shortest, longest = number(parameters, "min_ms"), number(parameters, "max_ms")
        return cls(
            text=text_of(parameters, "text").lower(),
            name=text_of(parameters, "name").lower(),
            service=text_of(parameters, "service"),
            min_s=None if shortest is None else shortest / 1e3,
            max_s=None if longest is None else longest / 1e3,
            error=whether(parameters, "error"),
            running=whether(parameters, "running"),
            attributes=_attributes(parameters),
            before=number(parameters, "before"),
            limit=_limit(parameters),
        )

    def select(self, traces: Sequence[tuple[KeptSpan, ...]]) -> tuple[list[tuple[KeptSpan, ...]], int]:
        """Return the selected *traces* from the newest start on, at most ``limit`` of them, and the number of all selected."""
        started = [(min(span.start for span in spans), spans) for spans in traces]
        selected = [(start, spans) for start, spans in started if self._matches(spans)]
        selected.sort(key=lambda item: -item[0])
        page = [spans for start, spans in selected if self.before is None or start < self.before]
        return page[: self.limit], len(selected)

    def _matches(self, spans: tuple[KeptSpan, ...]) -> bool:
        return (
            (not self.error or any(span.status == "error" for span in spans))
            and (not self.running or any(span.end is None for span in spans))
            and (not self.service or any(span.service == self.service for span in spans))
            and (not self.name or any(self.name in span.name.lower() for span in spans))
            and self._has_duration(spans)
            and all(_has_attribute(spans, key, value) for key, value in self.attributes)
            and (not self.text or any(_has_text(span, self.text) for span in spans))
        )

    def _has_duration(self, spans: tuple[KeptSpan, ...]) -> bool:
        if self.min_s is None and self.max_s is None:
            return True
        ends = [span.end for span in spans if span.end is not None]
        if not ends:
            return False
        duration_s = max(ends) - min(span.start for span in spans)
        return (self.min_s is None or duration_s >= self.min_s) and (self.max_s is None or duration_s <= self.max_s)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """A filter of log records; ``level`` is the lowest index in ``LEVELS``, ``logger`` a logger with those below it."""

    level: int = 0
    logger: str = ""
    text: str = ""
    trace: str = ""
    span: str = ""
    before: float | None = None
    limit: int = _DEFAULT_ROWS

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> LogFilter:
        """Return the filter of *parameters*. Raises ValueError."""
        lowest = choice(parameters, "level", LEVELS)
        return cls(
            level=LEVELS.index(lowest) if lowest else 0,
            logger=text_of(parameters, "logger"),
            text=text_of(parameters, "text").lower(),
            trace=text_of(parameters, "trace").lower(),
            span=text_of(parameters, "span").lower(),
            before=number(parameters, "before"),
            limit=_limit(parameters),
        )

    def select(self, newest_first: Iterable[KeptLog]) -> tuple[list[KeptLog], int]:
        """Return the selected records, at most ``limit`` of them, and the number of all selected."""
        page: list[KeptLog] = []
        total = 0
        for log in newest_first:
            if self._matches(log):
                total += 1
                if len(page) < self.limit and (self.before is None or log.id < self.before):
                    page.append(log)
        return page, total

    def _matches(self, log: KeptLog) -> bool:
        severity = max(log.severity, 1) if log.severity else 9
        return (
            (severity - 1) // 4 >= self.level
            and (not self.logger or log.logger == self.logger or log.logger.startswith(f"{self.logger}."))
            and (not self.trace or log.trace_id == self.trace)
            and (not self.span or log.span_id == self.span)
            and (
                not self.text
                or self.text in log.body.lower()
                or self.text in log.logger.lower()
                or _values_have(log.attributes, self.text)
                or (log.exception is not None and self.text in log.exception["stacktrace"].lower())
            )
        )


def text_of(parameters: Mapping[str, Any], name: str) -> str:
    """Return the last value of *name*; empty if there is none."""
    return next(iter(texts(parameters, name)[-1:]), "")


def _limit(parameters: Mapping[str, Any]) -> int:
    limit = number(parameters, "limit")
    if limit is None:
        return _DEFAULT_ROWS
    if not 1 <= limit <= MOST_ROWS:
        raise ValueError(f"limit must be 1 to {MOST_ROWS}")
    return int(limit)


def _attributes(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in texts(parameters, "attr"):
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise ValueError(f"attr must be key=value, not {text!r}")
        pairs.append((key, value))
    return tuple(pairs)


def _has_attribute(spans: tuple[KeptSpan, ...], key: str, value: str) -> bool:
    return any(
        own == key and as_text(span.attributes[at * 2 + 1]) == value
        for span in spans
        for at, own in enumerate(span.attributes[::2])
    )


def as_text(value: Any) -> str:
    """Return an attribute's *value* as a filter compares it: ``true`` and ``false`` as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _has_text(span: KeptSpan, text: str) -> bool:
    return (
        text in span.name.lower()
        or _values_have(span.attributes, text)
        or text in span.status_message.lower()
        or text in span.service.lower()
        or text in (span.trace_id, span.span_id)
        or any(text in event["name"].lower() or _values_have(event["attributes"], text) for event in span.events)
    )


def _values_have(attributes: Any, text: str) -> bool:
    values = attributes.values() if isinstance(attributes, dict) else attributes[1::2]
    return any(text in (value if isinstance(value, str) else as_text(value)).lower() for value in values)
