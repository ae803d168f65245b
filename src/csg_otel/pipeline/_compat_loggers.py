"""
Loggers that pass records on as they are. Private parts of the SDK are used as in ``_compat``.

The SDK checks all attributes of a record again, and wraps them in a dictionary with a lock. The bridge's records are checked
already (``attributes.Sound``). All others, and records beside the processors of others, go the SDK's own way.
"""

from __future__ import annotations

from typing import Any

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import Logger, ReadableLogRecord

from csg_otel.attributes import Sound
from csg_otel.names import LONGEST_VALUE
from csg_otel.pipeline.processors import NO_CONTEXT, LogProcessors


class _FastLogger(Logger):
    """A logger of the installed provider."""

    def prepare(self) -> bool:
        """Take the limit and the processors that the logger has; return False if its records must be the SDK's."""
        limits, processors = self._log_record_limits, self._multi_log_record_processor
        longest = limits.max_log_record_attribute_length
        if not isinstance(processors, LogProcessors) or (longest is not None and longest < LONGEST_VALUE):
            return False
        self._processors, self._most_attributes = processors, limits.max_log_record_attributes or 0
        return True

    def emit(self, record: Any = None, **kwargs: Any) -> None:
        """Queue *record*, which only the caller and its destinations have."""
        if (
            type(record) is not LogRecord
            or type(record.attributes) is not Sound
            or len(record.attributes) > self._most_attributes
            or record.exception is not None
            or len(self._processors._log_record_processors) != 1
        ):
            super().emit(record, **kwargs)
        elif self._logger_config.is_enabled:
            self._logger_metrics.emit_log()
            record.context = NO_CONTEXT  # the program's can hold large objects
            own = self._processors.own
            own.pass_on(ReadableLogRecord(record, self._resource, self._instrumentation_scope, self._log_record_limits))


def make_fast(logger: Any) -> Any:
    """Make *logger*, of the SDK, a fast one where it does as the usual loggers do; return it."""
    # Last, because a signal handler may raise before, and the SDK keeps the logger.
    if type(logger) is Logger and _FastLogger.prepare(logger):  # type: ignore[arg-type] # it becomes one
        logger.__class__ = _FastLogger
    return logger
