"""
The console: a tree of spans with logs inline and a table of changed metrics for a terminal, or JSON lines for other programs.

This module decides when to draw, and writes to the stream; the other modules of this folder build the lines. Only one thread
calls it. The rule: a closed or broken stream ends all output and never raises.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, TextIO

from csg_otel import clocks
from csg_otel.display import READABLE
from csg_otel.exporters.console import json_lines
from csg_otel.exporters.console import metrics as console_metrics
from csg_otel.exporters.console.pending import Bundle, Pending
from csg_otel.exporters.console.series import Change, Series, changes, flatten
from csg_otel.exporters.console.spans import log_lines, trace_lines
from csg_otel.exporters.console.text import ASCII, Line, Look, glyphs_for, paint

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

_MIN_WIDTH: Final = 50
"""Least columns of a line, even if the terminal reports fewer: narrower lines cannot be read."""

_HOST_EVERY_S: Final = 60.0
"""Seconds between two lines about the host while no metric of the program changes."""


class Console:
    """
    Writes spans, log records and metrics to a text stream, in the order of the calls.

    A trace is held back until its local root ends, but not longer than about two seconds; call :meth:`tick` a few times a
    second.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        style: Literal["pretty", "json"] = "pretty",
        level: Literal["info", "debug"] = "info",
        color: bool = False,
        clock: Callable[[], float] = clocks.monotonic,
    ) -> None:
        """
        Prepare for one stream; nothing is written yet.

        Args:
            stream: The text stream, usually stderr.
            style: ``pretty`` (default) for people, ``json`` for other programs.
            level: ``debug`` shows all attributes and all changed series. Default ``info``.
            color: Whether lines are coloured. Default False.
            clock: Returns monotonic seconds. Default ``clocks.monotonic``; tests pass a clock of their own.
        """
        encoding = getattr(stream, "encoding", None)
        glyphs = glyphs_for(encoding)
        self._stream = stream
        self._json = style == "json"
        self._clock = clock
        self._broken = False
        self._look = Look(glyphs, None, color, _usable_encoding(encoding), level == "debug", _working_directory())
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._pending = Pending()
        self._series: Series = {}
        self._health: dict[str, str] = {}
        self._host = ""
        self._host_s = float("-inf")

    def spans(self, spans: Sequence[ReadableSpan]) -> None:
        """Show *spans*, in the order in which they ended."""
        self.reset_after_fork()
        if self._json:
            self._write(map(json_lines.span_json, spans))
        else:
            self._draw([bundle for span in spans for bundle in self._pending.put_span(span, self._clock())])

    def logs(self, records: Sequence[ReadableLogRecord]) -> None:
        """Show log records; records of a trace that is held back wait with it."""
        self.reset_after_fork()
        if self._json:
            self._write(map(json_lines.record_json, records))
            return
        look = self._current_look()
        for record in records:
            bundles = self._pending.put_record(record, self._clock())
            if bundles is None:
                self._paint(log_lines(record, look))
            else:
                self._draw(bundles)

    def metrics(self, data: MetricsData) -> None:
        """Show the changes of a cumulative collection since the previous collection."""
        self.reset_after_fork()
        before, self._series = self._series, flatten(data)
        changed = changes(before, self._series)
        if self._json:
            self._write(map(json_lines.change_json, changed))
        elif self._series:
            self._paint(self._report(changed))

    def tick(self) -> None:
        """Show the traces that have waited long enough; call it about every 0.2 seconds."""
        self.reset_after_fork()
        self._draw(self._pending.due(self._clock()))

    def close(self) -> None:
        """Show everything that still waits. The stream stays open, because it belongs to the caller."""
        self.reset_after_fork()
        self._draw(self._pending.rest())

    def reset_after_fork(self) -> None:
        """Drop the items that the parent process held back, if this is a forked child: the parent shows them."""
        if os.getpid() != self._pid:
            self._reset()

    def _report(self, changed: Sequence[Change]) -> list[Line]:
        look, at_ns = self._current_look(), max(point.at_ns for point in self._series.values())
        lines = console_metrics.metric_lines(changed, look)
        states = console_metrics.health_states(self._series)
        if states and states != self._health:
            lines.append(console_metrics.health_line(states, at_ns, look))
        self._health = states
        if look.debug:
            return lines
        host = console_metrics.host_lines(self._series, at_ns, look)
        text = "".join(segment.text for line in host for segment in line[2:])
        if text != self._host and (lines or self._clock() - self._host_s >= _HOST_EVERY_S):
            self._host, self._host_s = text, self._clock()
            lines.extend(host)
        return lines

    def _current_look(self) -> Look:
        return replace(self._look, width=_width(self._stream))

    def _draw(self, bundles: Sequence[Bundle]) -> None:
        if bundles:
            look = self._current_look()
            self._paint([line for bundle in bundles for line in trace_lines(bundle.spans, bundle.records, look)])

    def _paint(self, lines: Iterable[Line]) -> None:
        look = self._current_look()
        self._write(paint(line, look) for line in lines)

    def _write(self, rows: Iterable[str]) -> None:
        """Write all rows in one call, so that output of the program appears between rows and not inside a row."""
        text = "".join(f"{row}\n" for row in rows)
        if self._broken or not text:
            return
        try:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:  # the stream cannot encode every character of its encoding
                self._look = replace(self._look, encoding="ascii", glyphs=ASCII)
                self._stream.write(text.encode("ascii", READABLE).decode("ascii"))
            self._stream.flush()
        except (OSError, ValueError):
            self._broken = True


def _usable_encoding(encoding: str | None) -> str:
    """Return *encoding* if Python has a codec for it, else ASCII; UTF-8 for a stream without an encoding."""
    try:
        "".encode(encoding or "utf-8")
    except LookupError:
        return "ascii"
    return encoding or "utf-8"


def _working_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - as text: it is compared, not opened
    except OSError:
        return ""


def _width(stream: TextIO) -> int | None:
    """Return the number of columns of *stream*; None if it is not a terminal."""
    try:
        if not stream.isatty():
            return None
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        columns = 0
    return max(_MIN_WIDTH, columns or shutil.get_terminal_size().columns)
