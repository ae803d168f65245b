"""
The bridge from ``logging`` to OTel log records.

The rule: values of the program become plain values here, on the program's thread and without any lock, because their methods
are code of the program.
"""

from __future__ import annotations

import logging
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import _logs
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.semconv.attributes import code_attributes, exception_attributes

from csg_otel import attributes as clean
from csg_otel import interruptions
from csg_otel.logs.own_records import level

if TYPE_CHECKING:
    from csg_otel.logs.passing import Passing

_MAX_LOGGERS: Final = 1000
"""Largest number of OTel loggers that are kept; a program that creates a logger for each request must not fill the memory."""

_SCALARS: Final = frozenset((str, bool, int, float, type(None)))

_METHODS: Final = {"getMessage", "_nr_original_message"}
"""Methods that New Relic puts on a record."""

PLAIN: Final = (
    frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"} | _METHODS
)
"""Fields of every record; all others are the program's ``extra``."""

_OF_LEVEL: Final[dict[float, tuple[SeverityNumber, str]]] = {
    logging.CRITICAL: (SeverityNumber.FATAL, "FATAL"),
    logging.ERROR: (SeverityNumber.ERROR, "ERROR"),
    logging.WARNING: (SeverityNumber.WARN, "WARN"),
    logging.INFO: (SeverityNumber.INFO, "INFO"),
    logging.DEBUG: (SeverityNumber.DEBUG, "DEBUG"),
}
"""The severity of each level of ``logging``, the highest first."""


class LogBridge:
    """Emits records as OTel log records, through the global logger provider."""

    def __init__(self) -> None:
        self._loggers: dict[str, _logs.Logger] = {}

    def emit(self, passing: Passing) -> None:
        """Emit the record that is being passed on."""
        translated = _translated(passing)
        logger = self._logger(passing.name)
        passing.in_sdk = True
        try:
            logger.emit(translated)
        finally:
            passing.in_sdk = False

    def _logger(self, name: str) -> _logs.Logger:
        logger = self._loggers.get(name)
        if logger is None:
            logger = _logs.get_logger(name)
            if len(self._loggers) < _MAX_LOGGERS:
                self._loggers[name] = logger
        return logger


def _translated(passing: Passing) -> LogRecord:
    record = passing.record
    number, text = severity(record)
    now_ns = time.time_ns()
    return LogRecord(
        timestamp=now_ns if passing.timestamp is None else passing.timestamp,
        observed_timestamp=now_ns,
        severity_number=number,
        severity_text=text,
        body=message(record),
        attributes=_attributes(record),
    )


def severity(record: logging.LogRecord) -> tuple[SeverityNumber, str]:
    """Return the severity at or below the level of *record*, and its name; a level of the program keeps its own name."""
    number = level(record)
    usual = _OF_LEVEL.get(number)
    if usual is not None:
        return usual
    for lowest, (severity_number, _) in _OF_LEVEL.items():
        if number >= lowest:
            return severity_number, clean.text(record.levelname)
    return SeverityNumber.TRACE, "TRACE" if number == logging.NOTSET else clean.text(record.levelname)


def message(record: logging.LogRecord) -> str:
    """Return the text of *record*; if its arguments do not fit, the unformatted message followed by the arguments."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a record with a wrong format must not get lost
        interruptions.let_through()
        text = clean.text(record.msg)
        return f"{text} {clean.value(record.args)!r}" if record.args else text


def extra(record: logging.LogRecord) -> dict[str, Any]:
    """Return the program's ``extra`` of *record*: values that can be encoded, and the text of all others."""
    if vars(record).keys() <= PLAIN:  # the usual case
        return {}
    fields = [(key, value) for key, value in vars(record).items() if key not in PLAIN]
    return {name: clean.nested(value) for key, value in fields if (name := clean.text(key))}


def _attributes(record: logging.LogRecord) -> dict[str, Any]:
    """Return the program's ``extra``, the place in the code, the exception and the stack of *record*."""
    attributes = clean.Sound(extra(record))
    attributes[code_attributes.CODE_FILE_PATH] = clean.nested(record.pathname)
    attributes[code_attributes.CODE_FUNCTION_NAME] = clean.nested(record.funcName)
    attributes[code_attributes.CODE_LINE_NUMBER] = clean.number(record.lineno)
    if record.stack_info:
        attributes[code_attributes.CODE_STACKTRACE] = clean.nested(record.stack_info)
    if record.exc_info or record.exc_text:
        return {**attributes, **_of_exception(record)}  # the SDK cuts the text
    # It looks at lists and mappings, too.
    return attributes if _SCALARS.issuperset(map(type, attributes.values())) else dict(attributes)


def _of_exception(record: logging.LogRecord) -> dict[str, Any]:
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        return {
            exception_attributes.EXCEPTION_TYPE: type(error).__qualname__,
            exception_attributes.EXCEPTION_MESSAGE: clean.text(error),
            exception_attributes.EXCEPTION_STACKTRACE: stacktrace(record),
        }
    if record.exc_text:  # a record from another process carries no exception object
        return {exception_attributes.EXCEPTION_STACKTRACE: clean.nested(record.exc_text)}
    return {}


def stacktrace(record: logging.LogRecord) -> str:
    """Return the traceback of *record*, which has an exception; its plain text where the traceback can't be made."""
    try:
        return "".join(traceback.format_exception(*record.exc_info))  # type: ignore[misc] # the caller has checked
    except Exception:  # noqa: BLE001 - the exception's own methods may raise
        interruptions.let_through()
        return clean.text(record.exc_info)
