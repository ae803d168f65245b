"""
Where records are seen: beside the program's own handlers, whatever it does to them before or afterwards.

Also keeps telemetry's own loggers from flooding: the same complaint is let through once a minute.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Final

from csg_otel import faults, names
from csg_otel.logs.bridge import LogBridge, is_own
from csg_otel.logs.file import LogFile
from csg_otel.logs.formats import formatter, screen_formatter

if TYPE_CHECKING:
    from csg_otel.config.sections.logging import Logging

_QUIET_S: Final = 60.0
_MOST_COMPLAINTS: Final = 256


class _Complaints:
    """What telemetry's libraries have complained about lately: they say it for every value, a thousand times if need be."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], float] = {}

    def lately(self, record: logging.LogRecord) -> bool:
        """Tell whether the like of *record* was let through within the last minute."""
        if record.levelno < logging.WARNING or record.name.startswith("csg_otel"):
            return False
        like, now = (record.name, str(record.msg)[:200]), time.monotonic()
        if now - self._said.get(like, -_QUIET_S) < _QUIET_S:
            return True
        if len(self._said) >= _MOST_COMPLAINTS:
            self._said.clear()
        self._said[like] = now
        return False


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
        self._complaints = _Complaints()
        self._sinks: list[logging.Handler] = [LogBridge(self._level)]
        self._screen = logging.StreamHandler()
        self._screen.setLevel(self._level if "console" in settings.handlers else logging.WARNING)
        self._screen.setFormatter(screen_formatter(settings.format, beside_console=shown))
        if "file" in settings.handlers:
            file = settings.file_config
            written = LogFile(file.filename, file.max_bytes, file.backup_count)
            written.setLevel(self._level)
            written.setFormatter(formatter(settings.format, ids=True))
            self._sinks.append(written)
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
        own = is_own(record)
        if own and self._complaints.lately(record):
            return
        if logger.hasHandlers():
            _Tapped.original(logger, record)
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
