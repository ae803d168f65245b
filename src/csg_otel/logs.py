"""
The bridge from the standard ``logging`` module to OTel log records, correlated with the current span.

Telemetry's own loggers never pass it: an exporter that logs a failure must not create more to export. OTel API only.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.semconv.attributes import code_attributes, exception_attributes

from csg_otel import faults, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from csg_otel.config.model import Logging

_OWN = ("opentelemetry", "csg_otel", "grpc", "uvicorn")
"""Loggers of telemetry itself and of what serves it."""

_TEXT_FORMAT = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"

_BESIDE_CONSOLE = ("%(asctime)s.%(msecs)03d  %(levelname)7s  %(name)s: %(message)s", "%H:%M:%S")
"""As the lines of the console destination, between which telemetry's own appear."""

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", names.ON_SCREEN}

_SEVERITIES = (
    (logging.CRITICAL, SeverityNumber.FATAL, "FATAL"),
    (logging.ERROR, SeverityNumber.ERROR, "ERROR"),
    (logging.WARNING, SeverityNumber.WARN, "WARN"),
    (logging.INFO, SeverityNumber.INFO, "INFO"),
    (logging.DEBUG, SeverityNumber.DEBUG, "DEBUG"),
    (logging.NOTSET, SeverityNumber.TRACE, "TRACE"),
)


class LogBridge(logging.Handler):
    """A logging handler that emits every record it is given as an OTel log record."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._emitting = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Emit *record*; a record made while emitting one, and telemetry's own, are left out."""
        if record.name.split(".", 1)[0] in _OWN or getattr(self._emitting, "now", False):
            return
        self._emitting.now = True
        try:
            translated = _translated(record)
            if getattr(record, names.ON_SCREEN, False):
                setattr(translated, names.ON_SCREEN, True)
            _logs.get_logger(record.name).emit(translated)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("logs")
        finally:
            self._emitting.now = False


def _translated(record: logging.LogRecord) -> LogRecord:
    number, text = next((n, t) for level, n, t in _SEVERITIES if record.levelno >= level)
    return LogRecord(
        timestamp=int(record.created * 1e9),
        observed_timestamp=time.time_ns(),
        severity_number=number,
        severity_text=text,
        body=record.getMessage(),
        attributes=dict(_attributes(record)),
    )


def _attributes(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """Yield where the record was made, its exception, and what the program passed as ``extra``."""
    extra: Mapping[str, Any] = vars(record)
    yield from ((key, value) for key, value in extra.items() if key not in _PLAIN)
    yield code_attributes.CODE_FILE_PATH, record.pathname
    yield code_attributes.CODE_FUNCTION_NAME, record.funcName
    yield code_attributes.CODE_LINE_NUMBER, record.lineno
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        yield exception_attributes.EXCEPTION_TYPE, type(error).__qualname__
        yield exception_attributes.EXCEPTION_MESSAGE, str(error)
        yield exception_attributes.EXCEPTION_STACKTRACE, "".join(traceback.format_exception(*record.exc_info))


class _JsonFormatter(logging.Formatter):
    """One JSON object a line, with the ids of the span it was logged in."""

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as JSON; what JSON can't say is said by its ``repr``."""
        context = trace.get_current_span().get_span_context()
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if context.is_valid:
            line["trace_id"] = trace.format_trace_id(context.trace_id)
            line["span_id"] = trace.format_span_id(context.span_id)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=repr)


def _formatter(chosen: str) -> logging.Formatter:
    if chosen == "json":
        return _JsonFormatter()
    return logging.Formatter(_TEXT_FORMAT if chosen == "text" else chosen)


class LogTap:
    """
    Sees every record the program logs, whatever it does to its handlers before or afterwards.

    A handler on the root logger would make ``logging.basicConfig`` a no-op and be lost by ``dictConfig``, so the tap sits
    where a logger calls its handlers. Where the program has none, it also takes the place of logging's last resort.
    """

    def __init__(self, settings: Logging, *, shown: bool) -> None:
        """Prepare for *settings*; *shown* says that the console destination shows log records already."""
        self._level = getattr(logging, settings.level.upper())
        self._shown = shown
        formatter = _formatter(settings.format)
        self._sinks: list[logging.Handler] = [LogBridge(self._level)]
        self._screen = logging.StreamHandler()
        self._screen.setLevel(self._level if "console" in settings.handlers else logging.WARNING)
        plain = shown and settings.format == "text"
        self._screen.setFormatter(logging.Formatter(*_BESIDE_CONSOLE) if plain else formatter)
        if "file" in settings.handlers:
            file = settings.file_config
            rotating = RotatingFileHandler(
                file.filename, maxBytes=file.max_bytes, backupCount=file.backup_count, encoding="utf-8", delay=True
            )
            rotating.setLevel(self._level)
            rotating.setFormatter(formatter)
            self._sinks.append(rotating)
        self._root_level: int | None = None

    def install(self) -> None:
        """Take over; a root logger nobody has configured gets the configured level."""
        root = logging.getLogger()
        if not root.handlers and root.level == logging.WARNING:
            self._root_level = root.level
            root.setLevel(self._level)
        _Tapped.tap = self
        if logging.Logger.callHandlers is not _call_handlers:
            _Tapped.original = logging.Logger.callHandlers
            setattr(logging.Logger, "callHandlers", _call_handlers)  # noqa: B010 - see the class docstring

    def stop(self) -> None:
        """Bridge and file nothing more; what has no handler of its own is shown until :meth:`remove`, as before."""
        sinks, self._sinks = self._sinks, []
        for sink in sinks:
            sink.close()
        self._shown = False

    def remove(self) -> None:
        """Stop, and give back what :meth:`install` took, unless a later tap has taken over."""
        self.stop()
        if _Tapped.tap is not self:
            return
        _Tapped.tap = None
        if self._root_level is not None:
            logging.getLogger().setLevel(self._root_level)

    def see(self, logger: logging.Logger, record: logging.LogRecord) -> None:
        """Pass *record* on: to the program's handlers or in their place, then to the bridge and the file."""
        own = record.name.split(".", 1)[0] in _OWN
        if logger.hasHandlers():
            _Tapped.original(logger, record)
            if self._shown and _on_screen(logger, record.levelno):
                setattr(record, names.ON_SCREEN, True)
        elif (own or not self._shown) and record.levelno >= self._screen.level:
            self._screen.handle(record)
        for sink in self._sinks:
            if record.levelno >= sink.level:
                sink.handle(record)


def _on_screen(logger: logging.Logger | None, level: int) -> bool:
    """Tell whether a handler of *logger* or above writes records of *level* to the terminal."""
    while logger is not None:
        for handler in logger.handlers:
            stream = getattr(handler, "stream", None)
            if stream is not None and stream in (sys.stderr, sys.stdout) and level >= handler.level:
                return True
        logger = logger.parent if logger.propagate else None
    return False


class _Tapped:
    """What of ``logging`` is replaced, and by which tap; as global as ``logging`` itself."""

    tap: LogTap | None = None
    original = logging.Logger.callHandlers


def _call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
    tap = _Tapped.tap
    if tap is None:
        _Tapped.original(logger, record)
    else:
        tap.see(logger, record)
