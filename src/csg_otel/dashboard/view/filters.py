"""
The filters of the lists of traces and logs. Pure.

A text filter ignores case. A filter is read from the parameters of a query, and a wrong parameter is a ValueError with a
sentence for its user.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from csg_otel.dashboard.model.words import LEVELS
from csg_otel.dashboard.view.parameters import choice, number, texts, whether, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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
            limit=whole(parameters, "limit", 1, MOST_ROWS) or _DEFAULT_ROWS,
        )

    def select(self, traces: Iterable[tuple[float, Sequence[KeptSpan]]]) -> tuple[list[Sequence[KeptSpan]], int]:
        """Return the selected *traces* (start and spans), the newest first, ``limit`` at most; and the number of all."""
        conditions = self._conditions()
        selected = [trace for trace in traces if all([condition(trace[1]) for condition in conditions])]
        selected.sort(key=itemgetter(0), reverse=True)
        page = selected if self.before is None else [trace for trace in selected if trace[0] < self.before]
        return [spans for _, spans in page[: self.limit]], len(selected)

    def _conditions(self) -> list[Callable[[Sequence[KeptSpan]], bool]]:
        """Return the conditions that a trace must meet, the cheap ones first."""
        conditions: list[Callable[[Sequence[KeptSpan]], bool]] = []
        if self.error:
            conditions.append(lambda spans: any(span.status == "error" for span in spans))
        if self.running:
            conditions.append(lambda spans: any(span.end is None for span in spans))
        if self.service:
            conditions.append(lambda spans: any(span.service == self.service for span in spans))
        if self.name:
            named = Words(self.name)
            conditions.append(lambda spans: any(named.is_in(span.name) for span in spans))
        if self.min_s is not None or self.max_s is not None:
            conditions.append(self._has_duration)
        conditions += [partial(_has_attribute, key, value) for key, value in self.attributes]
        if self.text:
            conditions.append(Words(self.text).are_in_trace)
        return conditions

    def _has_duration(self, spans: Sequence[KeptSpan]) -> bool:
        ends = [span.end for span in spans if span.end is not None]
        if not ends:
            return False
        duration_s = max(ends) - min(span.start for span in spans)
        return (self.min_s is None or duration_s >= self.min_s) and (self.max_s is None or duration_s <= self.max_s)


class Words:
    """
    A text in lower case that is searched for; results are kept for texts that repeat, within one search.

    10,000 spans are searched in some milliseconds.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._kept: dict[str, bool] = {}

    def is_in(self, text: str) -> bool:
        """Return whether the words are in *text*, in any case."""
        kept = self._kept.get(text)
        if kept is None:
            kept = self._kept[text] = self._text in text.lower()
        return kept

    def is_in_values(self, values: Iterable[Any]) -> bool:
        """Return whether the words are in one of *values* as text."""
        text = self._text
        # Most values are different, so keeping results gains nothing. A generator takes twice as long.
        for value in values:  # noqa: SIM110
            if text in (value if type(value) is str else as_text(value)).lower():
                return True
        return False

    def are_in_trace(self, spans: Sequence[KeptSpan]) -> bool:
        """Return whether the words are in one of *spans*: in its texts, its attributes or its events; or are its id."""
        is_in, in_values, text = self.is_in, self.is_in_values, self._text
        for span in spans:
            if is_in(span.name) or is_in(span.service) or in_values(span.attributes[1::2]):
                return True
            if text == span.span_id or text == span.trace_id or (span.status_message and is_in(span.status_message)):  # noqa: PLR1714 - a tuple costs more
                return True
            for event in span.events:
                if is_in(event["name"]) or in_values(event["attributes"].values()):
                    return True
        return False


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
            before=whole(parameters, "before"),
            limit=whole(parameters, "limit", 1, MOST_ROWS) or _DEFAULT_ROWS,
        )

    def select(self, newest_first: Iterable[KeptLog]) -> tuple[list[KeptLog], int]:
        """Return the selected records, at most ``limit`` of them, and the number of all selected."""
        page: list[KeptLog] = []
        total = 0
        words = Words(self.text) if self.text else None
        for log in newest_first:
            if self._matches(log) and (words is None or _has_words(log, words)):
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
        )


def _has_words(log: KeptLog, words: Words) -> bool:
    return (
        words.is_in(log.body)
        or words.is_in(log.logger)
        or words.is_in_values(log.attributes[1::2])
        or (log.exception is not None and words.is_in(log.exception["stacktrace"]))
    )


def text_of(parameters: Mapping[str, Any], name: str) -> str:
    """Return the last value of *name*; empty if there is none."""
    return next(iter(texts(parameters, name)[-1:]), "")


def _attributes(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in texts(parameters, "attr"):
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise ValueError(f"attr must be key=value, not {text!r}")
        pairs.append((key, value))
    return tuple(pairs)


def _has_attribute(key: str, value: str, spans: Sequence[KeptSpan]) -> bool:
    for span in spans:
        flat = span.attributes
        for at in range(0, len(flat), 2):
            if flat[at] == key and as_text(flat[at + 1]) == value:
                return True
    return False


def as_text(value: Any) -> str:
    """Return an attribute's *value* as a filter compares it: ``true`` and ``false`` as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)
