"""
The bridge from ``logging`` to OTel log records.

Telemetry's own records never pass it, by their logger or by the thread they were made on: an exporter that logs a failure, or
whose HTTP library does, must not create more to export.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import _logs
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.semconv.attributes import code_attributes, exception_attributes

from csg_otel import attributes as clean
from csg_otel import faults, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OWN: Final = ("opentelemetry", "csg_otel", "grpc", "uvicorn")
"""Loggers of telemetry itself and of what serves it."""

_OWN_THREADS: Final = "csg-otel-"
_LENT_THREADS: Final = ("csg-otel-callbacks", "csg-otel-on-change", "csg-otel-sigterm", "csg-otel-check")
"""Threads of ours that run code of the program."""

_MOST_LOGGERS: Final = 1000

PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", names.ON_SCREEN}
"""What every record has; the rest is what the program passed as ``extra``."""

_SEVERITIES: Final = (
    (logging.CRITICAL, SeverityNumber.FATAL, "FATAL"),
    (logging.ERROR, SeverityNumber.ERROR, "ERROR"),
    (logging.WARNING, SeverityNumber.WARN, "WARN"),
    (logging.INFO, SeverityNumber.INFO, "INFO"),
    (logging.DEBUG, SeverityNumber.DEBUG, "DEBUG"),
)


def is_own(record: logging.LogRecord) -> bool:
    """Tell whether *record* is one of telemetry's own loggers."""
    return clean.text(record.name).split(".", 1)[0] in _OWN


def _made_by_telemetry(record: logging.LogRecord) -> bool:
    thread = clean.text(record.threadName)
    return is_own(record) or (thread.startswith(_OWN_THREADS) and not thread.startswith(_LENT_THREADS))


class LogBridge(logging.Handler):
    """A logging handler that emits every record it is given as an OTel log record."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._emitting = threading.local()
        self._loggers: dict[str, _logs.Logger] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Emit *record*; a record made while emitting one, and telemetry's own, are left out."""
        if getattr(self._emitting, "now", False):
            return
        self._emitting.now = True
        try:
            if _made_by_telemetry(record):
                return
            translated = _translated(record)
            if getattr(record, names.ON_SCREEN, False):
                setattr(translated, names.ON_SCREEN, True)
            self._logger(clean.text(record.name)).emit(translated)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("logs")
        finally:
            self._emitting.now = False

    def _logger(self, name: str) -> _logs.Logger:
        found = self._loggers.get(name)
        if found is None:
            found = _logs.get_logger(name)
            if len(self._loggers) < _MOST_LOGGERS:
                self._loggers[name] = found
        return found


def _translated(record: logging.LogRecord) -> LogRecord:
    number, text = severity(record)
    return LogRecord(
        timestamp=_nanoseconds(record.created),
        observed_timestamp=time.time_ns(),
        severity_number=number,
        severity_text=text,
        body=message(record),
        attributes=dict(_attributes(record)),
    )


def severity(record: logging.LogRecord) -> tuple[SeverityNumber, str]:
    """Return the severity of *record* and its name: the one below its level; a level of the program keeps its own name."""
    level = clean.number(record.levelno) or logging.NOTSET
    for known, number, text in _SEVERITIES:
        if level >= known:
            return number, text if level == known else clean.text(record.levelname)
    return SeverityNumber.TRACE, "TRACE" if level == logging.NOTSET else clean.text(record.levelname)


def message(record: logging.LogRecord) -> str:
    """Return what *record* says; where its arguments don't fit, the unformatted message with them behind it."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - the record is worth more than its format
        shown = clean.text(record.msg)
        return f"{shown} {clean.value(record.args)!r}" if record.args else shown


def _nanoseconds(created: Any) -> int:
    """Return seconds since the epoch in nanoseconds; now, if they are none."""
    seconds = clean.number(created)
    return time.time_ns() if seconds is None else int(seconds * 1e9)


def _attributes(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """Yield what the program passed as ``extra``, where the record was made, and its exception and stack."""
    extra: Mapping[str, Any] = vars(record)
    yield from ((key, value) for key, value in extra.items() if key not in PLAIN)
    yield code_attributes.CODE_FILE_PATH, record.pathname
    yield code_attributes.CODE_FUNCTION_NAME, record.funcName
    yield code_attributes.CODE_LINE_NUMBER, record.lineno
    if record.stack_info:
        yield code_attributes.CODE_STACKTRACE, record.stack_info
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        yield exception_attributes.EXCEPTION_TYPE, type(error).__qualname__
        yield exception_attributes.EXCEPTION_MESSAGE, clean.text(error)
        yield exception_attributes.EXCEPTION_STACKTRACE, stacktrace(record)
    elif record.exc_text:  # it came from another process, where the exception itself stayed
        yield exception_attributes.EXCEPTION_STACKTRACE, record.exc_text


def stacktrace(record: logging.LogRecord) -> str:
    """Return the traceback of *record*, which has one; only its class where it can't be shown."""
    try:
        return "".join(traceback.format_exception(*record.exc_info))  # type: ignore[misc] # the caller has looked
    except Exception:  # noqa: BLE001 - an exception that does not know how to show itself
        return clean.text(record.exc_info)
