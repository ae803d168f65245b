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


def is_own(record: logging.LogRecord) -> bool:
    """Return whether *record* is telemetry's own, so that it must not be exported."""
    return _is_below(_text(record.name), (_OWN, *_EXPORTERS)) or _is_on_own_thread(record)


def level(record: logging.LogRecord) -> float:
    """Return the level of *record* as a number; 0 where a program has put something else there."""
    raw = record.levelno
    return raw if type(raw) is int else clean.number(raw) or logging.NOTSET


def _text(raw: object) -> str:
    return raw if type(raw) is str else clean.text(raw)


@lru_cache(_MAX_NAMES)
def _is_below(name: str, parents: tuple[str, ...]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def _is_on_own_thread(record: logging.LogRecord) -> bool:
    # A program may switch the field off (logging.logThreads); a record of another process carries that process's thread.
    return _is_own_thread(_text(record.threadName or threading.current_thread().name))


@lru_cache(_MAX_NAMES)
def _is_own_thread(name: str) -> bool:
    if name.startswith(_OWN_THREADS):
        return not name.startswith(PROGRAM_CODE_THREADS)
    return name.startswith(_EXPORTING_THREADS)


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
        name, on_own_thread = _text(record.name), _is_on_own_thread(record)
        if not on_own_thread and not _is_below(name, ("opentelemetry",)):
            return False
        if _is_below(name, (_OWN,)):
            return False
        severity = level(record)
        if on_own_thread and severity < logging.WARNING:
            return True
        return severity >= logging.WARNING and self._is_repeat(record, name)

    def _is_repeat(self, record: logging.LogRecord, name: str) -> bool:
        key, now_s = (name, clean.text(record.msg, _COMPARED_CHARACTERS)), clocks.monotonic()
        passed_s, passed = self._passed.get(key, (-_QUIET_S, None))
        if passed is not None and passed() is record:  # it meets a second hook
            return False
        if now_s - passed_s < _QUIET_S:
            return True
        if len(self._passed) >= _MAX_WARNINGS:
            self._passed.clear()
        self._passed[key] = (now_s, weakref.ref(record))
        return False
