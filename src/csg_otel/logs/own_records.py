"""
Records of telemetry itself: its own lines, and what libraries log on its threads.

They are never exported: otherwise an exporter that logs a failure would create a record, export it, fail again, and so on
without end. The rule: a record made on a thread of the program is the program's, unless an OpenTelemetry exporter made it.
"""

from __future__ import annotations

import logging
import threading
import weakref
from functools import lru_cache
from typing import Final

from csg_otel import attributes as clean
from csg_otel import clocks

_OWN: Final = "csg_otel"
"""First name of this package's loggers."""

_EXPORTERS: Final = ("opentelemetry.sdk", "opentelemetry.exporter")
"""First names of the loggers of the SDK and its exporters, which may also run for a neighbour, on threads of any name."""

_OWN_THREADS: Final = "csg-otel-"
"""Prefix of the names of all threads of telemetry."""

_EXPORTING_THREADS: Final = "OtelBatchLog"
"""Prefix of the name of the SDK's thread that exports log records for a neighbour."""

PROGRAM_CODE_THREADS: Final = ("csg-otel-callbacks", "csg-otel-on-change", "csg-otel-sigterm", "csg-otel-check")
"""Prefixes of threads of telemetry that run code of the program; a test compares them with the threads that exist."""

_MAX_NAMES: Final = 2048
"""Names of loggers and threads whose answer is remembered, because every record asks."""

_QUIET_S: Final = 60.0
"""Seconds for which a repeated warning is dropped: often enough to be noticed, seldom enough to keep a log readable."""

_MAX_WARNINGS: Final = 256
"""Distinct warnings that are remembered; the libraries have far fewer."""

_COMPARED_CHARACTERS: Final = 200
"""Compared characters of a message format: two warnings of one logger are the same if these are equal."""


_PACKAGE, _EXPORTER, _OPENTELEMETRY, _THREAD = 1, 2, 4, 8
"""The flags of :func:`origin`: a logger of this package, of an exporter, of OpenTelemetry; a thread of telemetry."""


def origin(record: logging.LogRecord) -> int:
    """Return where *record* comes from, as a sum of flags; 0 for the program's records. Quick: every record asks."""
    name, thread = record.name, record.threadName
    if type(name) is not str:
        name = clean.text(name)
    if type(thread) is not str or not thread:
        # A program may switch the field off (logging.logThreads); a record of another process carries that process's thread.
        thread = clean.text(thread or threading.current_thread().name)
    return _of_logger(name) | _of_thread(thread)


def is_own(record: logging.LogRecord) -> bool:
    """Return whether *record* is telemetry's own, so that it must not be exported."""
    return bool(origin(record) & (_PACKAGE | _EXPORTER | _THREAD))


def level(record: logging.LogRecord) -> float:
    """Return the level of *record* as a number; 0 where a program has put something else there."""
    raw = record.levelno
    return raw if type(raw) is int else clean.number(raw) or logging.NOTSET


@lru_cache(_MAX_NAMES)
def _of_logger(name: str) -> int:
    flags = ((_OWN, _PACKAGE), ("opentelemetry", _OPENTELEMETRY), *((parent, _EXPORTER) for parent in _EXPORTERS))
    return sum({flag for parent, flag in flags if name == parent or name.startswith(f"{parent}.")})


@lru_cache(_MAX_NAMES)
def _of_thread(name: str) -> int:
    is_own = name.startswith((_OWN_THREADS, _EXPORTING_THREADS)) and not name.startswith(PROGRAM_CODE_THREADS)
    return _THREAD if is_own else 0


class NoiseFilter:
    """
    The filter of what telemetry's libraries log: the program's log is for the program.

    On telemetry's threads it drops what is less than a warning. There, and for OpenTelemetry's loggers on all threads, it
    passes the same warning once a minute: a library logs one for every bad value, which may be thousands.
    """

    def __init__(self) -> None:
        self._passed: dict[tuple[str, str], tuple[float, weakref.ref[logging.LogRecord]]] = {}

    def drops(self, record: logging.LogRecord) -> bool:
        """Return whether *record* is noise; if not, a warning like it is noise for the next minute."""
        flags = origin(record)
        if not flags or flags & _PACKAGE:
            return False
        severity = level(record)
        if flags & _THREAD and severity < logging.WARNING:
            return True
        return severity >= logging.WARNING and self._is_repeat(record)

    def _is_repeat(self, record: logging.LogRecord) -> bool:
        key, now_s = (clean.text(record.name), clean.text(record.msg, _COMPARED_CHARACTERS)), clocks.monotonic()
        passed_s, passed = self._passed.get(key, (-_QUIET_S, None))
        if passed is not None and passed() is record:  # it meets a second hook
            return False
        if now_s - passed_s < _QUIET_S:
            return True
        if len(self._passed) >= _MAX_WARNINGS:
            self._passed.clear()
        self._passed[key] = (now_s, weakref.ref(record))
        return False
