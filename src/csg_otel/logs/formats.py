"""
Formats of log records in a file or on a terminal: text with the ids of the span behind it, or one JSON object a line.

The rule: no line has a secret. A line is written, and so scrubbed, by the thread that logs it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace

from csg_otel import attributes as clean
from csg_otel import interruptions
from csg_otel.logs.bridge import extra, message, stacktrace
from csg_otel.privacy import active

if TYPE_CHECKING:
    from csg_otel.privacy import Scrubber

_TEXT_FORMAT: Final = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"

_BESIDE_CONSOLE: Final = ("%(asctime)s.%(msecs)03d  %(levelname)7s  %(name)s: %(message)s", "%H:%M:%S")
"""Message and time format of the console destination's own lines, so that both look alike on one screen."""


def screen_formatter(chosen: str, *, beside_console: bool) -> logging.Formatter:
    """Return the formatter *chosen* for the terminal; *beside_console* makes text look like the console destination's."""
    if beside_console and chosen == "text":
        pattern, dates = _BESIDE_CONSOLE
        return TextFormatter(pattern, dates, ids=False)
    return formatter(chosen, ids=False)


def formatter(chosen: str, *, ids: bool) -> logging.Formatter:
    """Return the formatter *chosen* (``text``, ``json`` or a format of Python's); *ids* adds those of the span to ``text``."""
    if chosen == "json":
        return JsonFormatter()
    return TextFormatter(_TEXT_FORMAT if chosen == "text" else chosen, None, ids=ids and chosen == "text")


def _ids() -> dict[str, str]:
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}


def _record(fields: Mapping[str, Any]) -> logging.LogRecord:
    """Return a plain record with *fields*; ``logging.makeLogRecord`` would call the record factory of the program."""
    record = logging.LogRecord.__new__(logging.LogRecord)  # its constructor reads the clock, the thread and the process
    vars(record).update(_BLANK)
    vars(record).update(fields)
    return record


_BLANK: Final = vars(logging.LogRecord("", logging.NOTSET, "", 0, "", (), None))
"""The fields of a record without content, for what a record of the program lacks."""


class TextFormatter(logging.Formatter):
    """Python's formatter with the ids of the span; a record whose arguments or exception can't be shown is still written."""

    def __init__(self, chosen: str, dates: str | None, *, ids: bool) -> None:
        """
        Format records.

        *chosen* is a format of Python's logging, which may also name ``%(trace_id)s`` and ``%(span_id)s``. *dates* is its
        format of times. *ids* puts both ids behind the message.
        """
        super().__init__(chosen, dates, defaults={"trace_id": "", "span_id": ""})
        self._ids = ids

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as text."""
        span_ids = _ids()
        # A copy: other handlers get the record too, and would take added fields for its extra.
        copy = _record(vars(record))
        copy.msg, copy.args = message(record), ()
        if self._ids and span_ids:
            copy.msg += "".join(f" {name}={value}" for name, value in span_ids.items())
        vars(copy).update(span_ids)
        return active.scrubber().text(super().format(copy))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class's name
        """Return the traceback, or plain text where it can't be made."""
        return active.scrubber().stack(stacktrace(_record({"exc_info": ei}))).rstrip("\n")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - the base class's name
        """Return the time of *record*; its plain text where it is no time."""
        try:
            return super().formatTime(record, datefmt)
        except Exception:  # noqa: BLE001 - beyond the calendar, or no number
            interruptions.let_through()
            return clean.text(record.created)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the ids of the span, extras, exception and stack."""

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as JSON; values without a JSON form appear as text."""
        scrubber = active.scrubber()
        line: dict[str, Any] = {
            "timestamp": _iso(record.created),
            "level": _name(scrubber, record.levelname),
            "logger": _name(scrubber, record.name),
            "message": scrubber.text(message(record)),
            **_ids(),
        }
        if attributes := extra(record):
            line["attributes"] = scrubber.mapping(attributes)
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = scrubber.stack(stacktrace(record))
        elif record.exc_text:
            line["exception"] = scrubber.stack(record.exc_text)
        if record.stack_info:
            line["stack"] = scrubber.stack(record.stack_info)
        return json.dumps(line, default=clean.text)


def _name(scrubber: Scrubber, name: Any) -> str:
    """Return the name of a logger or level, which the program may make from data, without secrets."""
    return scrubber.text(name if type(name) is str else clean.text(name))


def _iso(created: Any) -> str:
    try:
        return datetime.fromtimestamp(created, timezone.utc).isoformat()
    except Exception:  # noqa: BLE001 - beyond the calendar, or no number
        interruptions.let_through()
        return clean.text(created)
