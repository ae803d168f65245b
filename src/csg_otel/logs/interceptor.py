"""
The interceptor of log records: it replaces ``logging.Logger.callHandlers``, so it receives every record, as handlers do.

It also limits the log lines of telemetry's own libraries: the same warning passes once a minute.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, faults, names
from csg_otel.logs.bridge import LogBridge, is_own
from csg_otel.logs.file import LogFile
from csg_otel.logs.formats import formatter, screen_formatter

if TYPE_CHECKING:
    from csg_otel.config.sections.logging import Logging

_QUIET_S: Final = 60.0
"""Seconds for which a repeated warning is dropped: often enough to be noticed, seldom enough to keep a log readable."""

_MAX_WARNINGS: Final = 256
"""Distinct warnings that are remembered; the libraries have far fewer."""

_COMPARED_CHARACTERS: Final = 200
"""Compared characters of a message format: two warnings of one logger are the same if these are equal."""


class _RepeatFilter:
    """The recent warnings of telemetry's libraries. A library logs one for every bad value, which may be thousands."""

    def __init__(self) -> None:
        self._passed_at_s: dict[tuple[str, str], float] = {}

    def is_repeat(self, record: logging.LogRecord) -> bool:
        """Return whether a warning like *record* has passed within the last minute; if not, *record* passes now."""
        if record.levelno < logging.WARNING or record.name.startswith("csg_otel"):
            return False
        key, now_s = (record.name, str(record.msg)[:_COMPARED_CHARACTERS]), clocks.monotonic()
        if now_s - self._passed_at_s.get(key, -_QUIET_S) < _QUIET_S:
            return True
        if len(self._passed_at_s) >= _MAX_WARNINGS:
            self._passed_at_s.clear()
        self._passed_at_s[key] = now_s
        return False


class LogInterceptor:
    """
    Receives every record of the program, whatever the program does to its handlers before or afterwards.

    A handler on the root logger would make ``logging.basicConfig`` a no-op, and ``dictConfig`` would remove it. So the
    interceptor replaces the method by which a logger calls its handlers. Where the program has no handlers, it writes to
    stderr in place of logging's last resort.
    """

    def __init__(self, settings: Logging, *, shown: bool) -> None:
        """Prepare for *settings*; *shown* is true where the console destination shows log records already."""
        self._level = getattr(logging, settings.level.upper())
        self._shown = shown
        self._repeats = _RepeatFilter()
        self._sinks: list[logging.Handler] = [LogBridge(self._level)]
        self._screen = logging.StreamHandler()
        self._screen.setLevel(self._level if "console" in settings.handlers else logging.WARNING)
        self._screen.setFormatter(screen_formatter(settings.format, beside_console=shown))
        if "file" in settings.handlers:
            file = settings.file_config
            file_handler = LogFile(file.filename, file.max_bytes, file.backup_count)
            file_handler.setLevel(self._level)
            file_handler.setFormatter(formatter(settings.format, ids=True))
            self._sinks.append(file_handler)
        self._root_level: int | None = None

    def install(self) -> None:
        """Start to intercept; a root logger that the program has not configured gets the configured level."""
        root = logging.getLogger()
        if not root.handlers and root.level == logging.WARNING:
            self._root_level = root.level
            root.setLevel(self._level)
        _Patch.interceptor = self
        if logging.Logger.callHandlers is not _call_handlers:
            _Patch.original = logging.Logger.callHandlers
            setattr(logging.Logger, "callHandlers", _call_handlers)  # noqa: B010 - see the class docstring

    def stop(self) -> None:
        """Stop the bridge and the file; records of a program without handlers still go to stderr until :meth:`remove`."""
        sinks, self._sinks = self._sinks, []
        for sink in sinks:
            sink.close()
        self._shown = False

    def remove(self) -> None:
        """Stop, and undo :meth:`install` unless a later interceptor has taken over."""
        self.stop()
        if _Patch.interceptor is not self:
            return
        _Patch.interceptor = None
        if self._root_level is not None:
            logging.getLogger().setLevel(self._root_level)

    def handle(self, logger: logging.Logger, record: logging.LogRecord) -> None:
        """Pass *record* to the program's handlers, or to stderr where it has none, then to the bridge and the file."""
        own = is_own(record)
        if own and self._repeats.is_repeat(record):
            return
        if logger.hasHandlers():
            _Patch.original(logger, record)
            if self._shown and _on_screen(logger, record.levelno):
                setattr(record, names.ON_SCREEN, True)
        elif (own or not self._shown) and (record.levelno >= self._screen.level or record.name == names.ACCESS_LOGGER):
            self._screen.handle(record)
        try:
            for sink in self._sinks:
                if record.levelno >= sink.level:
                    sink.handle(record)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("logs")


def _on_screen(logger: logging.Logger | None, level: int) -> bool:
    """Return whether a handler of *logger*, or of a logger above it, writes records of *level* to the terminal."""
    while logger is not None:
        for handler in logger.handlers:
            stream = getattr(handler, "stream", None)
            if stream is not None and stream in (sys.stderr, sys.stdout) and level >= handler.level:
                return True
        logger = logger.parent if logger.propagate else None
    return False


class _Patch:
    """The patch of ``logging``: the interceptor in charge and the method it replaces. As global as ``logging`` itself."""

    interceptor: LogInterceptor | None = None
    original = logging.Logger.callHandlers


def _call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
    interceptor = _Patch.interceptor
    if interceptor is None:
        _Patch.original(logger, record)
    else:
        interceptor.handle(logger, record)
