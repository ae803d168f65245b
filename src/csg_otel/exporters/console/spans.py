"""
Spans and log records as lines: a tree in the order of start times, with logs and events at their time. Pure.

Each span and each record appears once, with or without its parent. ``screen`` decides when to draw.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.trace import StatusCode

from csg_otel import names
from csg_otel.display import cells, duration, wrap
from csg_otel.exporters.console.text import Line, Look, Segment, attributes, gutter
from csg_otel.plain_values import plain

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import Event, ReadableSpan

_MAX_DEPTH: Final = 10
"""Levels that are indented; deeper spans stay at the last indent, so that a recursion does not push names off the screen."""

_MAX_LINES: Final = 12
"""Most lines of a log message; a longer message would push everything else off the screen."""
_MAX_MESSAGE_LINES: Final = 6
"""Most lines of a failure's message; the exported span holds the whole message."""

_FRAME: Final = re.compile(r'File "([^"\n]+)", line (\d+), in ([^\n]+)')
_NOISE: Final = ("csg.", "code.", "exception.", "error.", "thread.", "otel.", "telemetry.")
"""Prefixes of attributes that only ``debug`` shows."""
_IN_THE_MESSAGE: Final = (names.CHECK_NAME, names.HEALTH_FROM, names.HEALTH_TO, names.CHECK_CATEGORY)
"""Attributes of a change of state that the message of the event already contains."""

_LEVELS: Final = ((17, "red"), (13, "yellow"), (9, ""), (0, "dim"))
"""Least severity number and style of errors, warnings, information, and everything below."""


class Failure(NamedTuple):
    """The failure of a span or a log record; any field may be empty."""

    type: str
    message: str
    place: str

    @property
    def kind(self) -> str:
        """The type without its module."""
        return self.type.rsplit(".", 1)[-1] or "error"

    @property
    def text(self) -> str:
        """The type and the first line of the message."""
        first = self.message.strip().split("\n", 1)[0]
        return f"{self.kind}: {first}" if self.type and first else first or self.kind


@dataclass(slots=True)
class _Node:
    at_ns: int
    span: ReadableSpan | None = None
    record: ReadableLogRecord | None = None
    event: Event | None = None
    children: list[_Node] = field(default_factory=list)
    failure: Failure | None = None
    shown_below: bool = False
    """Whether a descendant shows the same failure in full."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The position of a node: the indent of its first line, the indent of its further lines and children, and its depth."""

    own: str
    below: str
    depth: int = 0


def trace_lines(spans: Sequence[ReadableSpan], records: Sequence[ReadableLogRecord], look: Look) -> list[Line]:
    """
    Return the lines of *spans*, children below their parents, with *records* below the spans in which they were emitted.

    A span whose local parent is not among *spans* gets a mark: the parent still runs or was shown before. So does a record.
    """
    lines: list[Line] = []
    for top in _forest(spans, records):
        start = _Place("", "")
        if top.span is None or (top.span.parent is not None and not top.span.parent.is_remote):
            start = _Place(look.glyphs.open, look.glyphs.open)
        waiting = [(top, start)]
        while waiting:
            node, place = waiting.pop()
            lines.extend(_lines(node, place, look))
            waiting.extend(_placed_children(node, place, look))
    return lines


def log_lines(record: ReadableLogRecord, look: Look) -> list[Line]:
    """Return the lines of one log record outside any trace."""
    return list(_record_lines(record, _Place("", ""), look))


def failure_of(span: ReadableSpan) -> Failure | None:
    """Return the failure of *span*; None if its status is not an error."""
    if span.status.status_code is not StatusCode.ERROR:
        return None
    error_type = plain((span.attributes or {}).get("error.type") or "")
    for event in reversed(span.events):
        if event.name == "exception":
            return _exception(event.attributes or {}, error_type)
    return Failure(error_type, span.status.description or "", "")


def _exception(recorded: Any, error_type: str = "") -> Failure:
    """Return the failure that the attributes *recorded* describe; they follow the semantic conventions for exceptions."""
    frames = _FRAME.findall(plain(recorded.get("exception.stacktrace") or ""))
    place = "{}:{} in {}".format(*frames[-1]) if frames else ""
    kind = plain(recorded.get("exception.type") or error_type)
    return Failure(kind, plain(recorded.get("exception.message") or ""), place)


def _forest(spans: Sequence[ReadableSpan], records: Sequence[ReadableLogRecord]) -> list[_Node]:
    """Return the root nodes, sorted by time; each span and record is in one tree, once, even if parents form a circle."""
    nodes = [_Node(span.start_time or 0, span=span, failure=failure_of(span)) for span in spans]
    by_id = {(n.span.context.trace_id, n.span.context.span_id): n for n in reversed(nodes) if n.span and n.span.context}
    tops: list[_Node] = []
    above: dict[int, _Node] = {}
    for node in nodes:
        parent = _parent(node, by_id)
        if parent is None or _reaches(parent, node, above):
            tops.append(node)
        else:
            above[id(node)] = parent
            parent.children.append(node)
    for record in records:
        leaf = _Node(record_ns(record), record=record)
        key = (record.log_record.trace_id or 0, record.log_record.span_id or 0)
        (by_id[key].children if key in by_id else tops).append(leaf)
    for node in nodes:
        node.children.extend(_events(node))
        node.children.sort(key=lambda child: child.at_ns)
        _mark_ancestors(node, above)
    return sorted(tops, key=lambda top: top.at_ns)


def _parent(node: _Node, by_id: dict[tuple[int, int], _Node]) -> _Node | None:
    parent = node.span.parent if node.span is not None else None
    if parent is None or parent.is_remote:
        return None
    return by_id.get((parent.trace_id, parent.span_id))


def _reaches(start: _Node, goal: _Node, above: dict[int, _Node]) -> bool:
    ancestor: _Node | None = start
    while ancestor is not None and ancestor is not goal:
        ancestor = above.get(id(ancestor))
    return ancestor is goal


def _mark_ancestors(node: _Node, above: dict[int, _Node]) -> None:
    """Mark the ancestors with the same failure as *node*, so that the failure is shown in full only where it happened."""
    ancestor = above.get(id(node))
    while node.failure is not None and ancestor is not None and ancestor.failure is not None:
        if ancestor.shown_below or ancestor.failure[:2] != node.failure[:2]:
            break
        ancestor.shown_below = True
        ancestor = above.get(id(ancestor))


def _events(node: _Node) -> Iterator[_Node]:
    for event in node.span.events if node.span is not None else ():
        if not (event.name == "exception" and node.failure is not None):
            yield _Node(event.timestamp, event=event)


def record_ns(record: ReadableLogRecord) -> int:
    """Return the time of *record* in nanoseconds since the epoch."""
    return record.log_record.timestamp or record.log_record.observed_timestamp or 0


def _placed_children(node: _Node, place: _Place, look: Look) -> list[tuple[_Node, _Place]]:
    """Return the children of *node* with their positions, last first."""
    if place.depth >= _MAX_DEPTH:
        return [(child, place) for child in reversed(node.children)]
    glyphs, span_follows, placed = look.glyphs, False, []
    for child in reversed(node.children):
        through = glyphs.through if span_follows else glyphs.blank
        own = through if child.span is None else glyphs.branch if span_follows else glyphs.last
        placed.append((child, _Place(place.below + own, place.below + through, place.depth + 1)))
        span_follows = span_follows or child.span is not None
    return placed


def _lines(node: _Node, place: _Place, look: Look) -> Iterable[Line]:
    if node.span is not None:
        return _span_lines(node.span, node, place, look)
    if node.record is not None:
        return _record_lines(node.record, place, look)
    return _event_lines(node, place, look)


def _span_lines(span: ReadableSpan, node: _Node, place: _Place, look: Look) -> Iterator[Line]:
    took = duration((span.end_time - span.start_time) / 1e9) if span.end_time and span.start_time else "?"
    head = [*gutter(span.start_time, took, "cyan"), Segment(place.own, "dim")]
    name = Segment(span.name or "-", "red" if node.failure else "bold" if place.depth == 0 else "")
    tail = _tail(span.attributes or {}, look, _NOISE)
    if node.failure is None:
        yield [*head, name, *tail]
        return
    taken = cells(place.own) + cells(name.text) + 4
    text, below = (node.failure.kind, []) if node.shown_below else _failure_text(node.failure, taken, look)
    yield [*head, name, Segment(f"  {look.glyphs.bad} {text}".rstrip(), "red"), *tail]
    indent = place.below + (look.glyphs.through if node.children else look.glyphs.blank)
    yield from _message_lines(below, indent, look)
    if node.failure.place and not node.shown_below:
        yield [*gutter(0, ""), Segment(indent + shorten(node.failure.place, look.base), "dim")]


def _failure_text(failure: Failure, taken: int, look: Look) -> tuple[str, list[str]]:
    """
    Return the text of *failure* for a line with *taken* cells in use, and its message's lines if they do not fit there.

    The text is empty if the failure has no type, as for a failed health check: then the lines show all of it.
    """
    message = failure.message.strip()
    fits = look.room is None or taken + cells(failure.text) <= look.room
    if not message or (fits and "\n" not in message):
        return failure.text, []
    return failure.kind if failure.type else "", message.split("\n")


def _message_lines(texts: Sequence[str], indent: str, look: Look) -> Iterator[Line]:
    """Return the lines of a failure's message, for display below the failure."""
    room = None if look.room is None else max(20, look.room - cells(indent))
    lines = [part for text in texts[:_MAX_LINES] for part in wrap(text.rstrip(), room)]
    if len(lines) > _MAX_MESSAGE_LINES or len(texts) > _MAX_LINES:
        lines[_MAX_MESSAGE_LINES:] = [look.glyphs.more]
    for line in lines:
        yield [*gutter(0, ""), Segment(indent, "dim"), Segment(line, "red")]


def _event_lines(node: _Node, place: _Place, look: Look) -> Iterator[Line]:
    event = node.event
    if event is None:
        return
    head = [*gutter(event.timestamp, "event", "dim"), Segment(place.own, "dim")]
    if event.name == "exception":
        failure = _exception(event.attributes or {})
        yield [*head, Segment(failure.text, "yellow"), *_tail(event.attributes or {}, look, _NOISE)]
    else:
        yield [*head, Segment(event.name), *_tail(event.attributes or {}, look, ())]


def _record_lines(record: ReadableLogRecord, place: _Place, look: Look) -> Iterator[Line]:
    log = record.log_record
    severity = log.severity_number.value if log.severity_number is not None else 9
    style = next(style for least, style in _LEVELS if severity >= least)
    level = (log.severity_text or (log.severity_number.name if log.severity_number else "log"))[:7]
    recorded = log.attributes or {}
    message = plain(log.body) if log.body is not None else log.event_name or ""
    room = None if look.room is None else max(20, look.room - len(place.own))
    texts = [part for line in message.rstrip().split("\n")[: _MAX_LINES + 1] for part in wrap(line.rstrip(), room)]
    if len(texts) > _MAX_LINES:
        texts[_MAX_LINES:] = [look.glyphs.more]
    tail = _record_tail(record, look)
    for number, text in enumerate(texts):
        head = gutter(record_ns(record), level, style) if number == 0 else gutter(0, "")
        shown = Segment(text, style if style != "dim" else "")
        yield [
            *head,
            Segment(place.own if number == 0 else place.below, "dim"),
            shown,
            *(tail if number == len(texts) - 1 else ()),
        ]
    if "exception.type" in recorded:
        failure, indent = _exception(recorded), place.below + look.glyphs.blank
        text, below = _failure_text(failure, cells(indent), look)
        yield [*gutter(0, ""), Segment(indent, "dim"), Segment(text, "red")]
        yield from _message_lines(below, indent, look)
        if failure.place:
            yield [*gutter(0, ""), Segment(indent + shorten(failure.place, look.base), "dim")]


def _record_tail(record: ReadableLogRecord, look: Look) -> list[Segment]:
    """Return the end of a record's last line: attributes that its message does not contain, and with ``debug`` its logger."""
    noise = tuple(prefix for prefix in _NOISE if prefix != "csg.")
    recorded = record.log_record.attributes or {}
    if record.log_record.event_name == names.EVENT_STATE_CHANGE and not look.debug:
        recorded = {key: value for key, value in recorded.items() if key not in _IN_THE_MESSAGE}
    tail = _tail({_last(k): v for k, v in recorded.items()}, look, noise)
    scope = record.instrumentation_scope
    return [*tail, Segment(f"  {scope.name}", "dim")] if look.debug and scope is not None else tail


def _last(key: str) -> str:
    return key.rsplit(".", 1)[-1] if key.startswith("csg.") else key


def _tail(recorded: Any, look: Look, noise: tuple[str, ...]) -> list[Segment]:
    kept = [
        (k, v) for k, v in recorded.items() if k != "exception.stacktrace" and (look.debug or not k.startswith(noise))
    ]
    return [Segment("  " + attributes(kept, look), "dim")] if kept else []


def shorten(place: str, base: str) -> str:
    """Return *place*, ``file:line in function``, with the file relative to *base*, or else with its last two components."""
    path, colon, rest = place.rpartition(":")
    file = PurePath(path)
    if base and file.is_relative_to(base):
        file = file.relative_to(base)
    return str(PurePath(*file.parts[-2:] if file.is_absolute() else file.parts)) + colon + rest
