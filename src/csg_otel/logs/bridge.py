"""
The bridge from ``logging`` to OTel log records.

Telemetry's own records are not exported; they are recognised by their logger or by their thread. Otherwise an exporter that
logs a failure would create a record, export it, fail again, and so on without end.
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
"""First names of the loggers of telemetry itself and of the libraries it uses."""

_OWN_THREADS: Final = "csg-otel-"
"""Prefix of the names of all threads of telemetry."""

PROGRAM_CODE_THREADS: Final = ("csg-otel-callbacks", "csg-otel-on-change", "csg-otel-sigterm", "csg-otel-check")
"""Prefixes of threads of telemetry that run code of the program; a test compares them with the threads that exist."""

_MAX_LOGGERS: Final = 1000
"""Largest number of OTel loggers that are kept; a program that creates a logger for each request must not fill the memory."""

PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", names.ON_SCREEN}
"""Fields of every record; all others are the program's ``extra``."""

_SEVERITIES: Final = (
    (logging.CRITICAL, SeverityNumber.FATAL, "FATAL"),
    (logging.ERROR, SeverityNumber.ERROR, "ERROR"),
    (logging.WARNING, SeverityNumber.WARN, "WARN"),
    (logging.INFO, SeverityNumber.INFO, "INFO"),
    (logging.DEBUG, SeverityNumber.DEBUG, "DEBUG"),
)


def is_own(record: logging.LogRecord) -> bool:
    """Return whether *record* comes from one of telemetry's own loggers."""
    return clean.text(record.name).split(".", 1)[0] in _OWN


def _is_from_telemetry(record: logging.LogRecord) -> bool:
    thread = clean.text(record.threadName)
    return is_own(record) or (thread.startswith(_OWN_THREADS) and not thread.startswith(PROGRAM_CODE_THREADS))


class LogBridge(logging.Handler):
    """A logging handler that emits every record as an OTel log record."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._emitting = threading.local()
        self._loggers: dict[str, _logs.Logger] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Emit *record*, unless it is telemetry's own or was logged while another one is emitted."""
        if getattr(self._emitting, "now", False):
            return
        self._emitting.now = True
        try:
            if _is_from_telemetry(record):
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
        logger = self._loggers.get(name)
        if logger is None:
            logger = _logs.get_logger(name)
            if len(self._loggers) < _MAX_LOGGERS:
                self._loggers[name] = logger
        return logger


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
    """Return the severity at or below the level of *record*, and its name; a level of the program keeps its own name."""
    level = clean.number(record.levelno) or logging.NOTSET
    for lowest, number, text in _SEVERITIES:
        if level >= lowest:
            return number, text if level == lowest else clean.text(record.levelname)
    return SeverityNumber.TRACE, "TRACE" if level == logging.NOTSET else clean.text(record.levelname)


def message(record: logging.LogRecord) -> str:
    """Return the text of *record*; if its arguments do not fit, the unformatted message followed by the arguments."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a record with a wrong format must not get lost
        text = clean.text(record.msg)
        return f"{text} {clean.value(record.args)!r}" if record.args else text


def _nanoseconds(created: Any) -> int:
    """Return *created*, seconds since the epoch, in nanoseconds; now, if it is no number."""
    seconds = clean.number(created)
    return time.time_ns() if seconds is None else int(seconds * 1e9)


def _attributes(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """Yield the program's ``extra``, the place in the code, the exception and the stack of *record*."""
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
    elif record.exc_text:  # a record from another process carries no exception object
        yield exception_attributes.EXCEPTION_STACKTRACE, record.exc_text


def stacktrace(record: logging.LogRecord) -> str:
    """Return the traceback of *record*, which has an exception; its plain text where the traceback can't be made."""
    try:
        return "".join(traceback.format_exception(*record.exc_info))  # type: ignore[misc] # the caller has checked
    except Exception:  # noqa: BLE001 - the exception's own methods may raise
        return clean.text(record.exc_info)
