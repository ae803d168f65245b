"""
The interceptor of log records: hooks in ``logging.Logger``, so it receives every record, whatever handlers the program has.

A handler on the root logger would make ``logging.basicConfig`` a no-op, ``dictConfig`` would remove it, and loggers that do
not propagate (uvicorn's) would not reach it. The rule: the program's handlers and the wrappers of other libraries get every
record exactly once, as without csg_otel; only then it goes to the bridge and to the log file.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final

from csg_otel import faults
from csg_otel.logs import own_lines
from csg_otel.logs.bridge import LogBridge
from csg_otel.logs.file import LogFile
from csg_otel.logs.formats import formatter
from csg_otel.logs.hooks import Hooks
from csg_otel.logs.own_records import NoiseFilter, is_own, level, origin
from csg_otel.logs.passing import Passing, current, latest
from csg_otel.logs.screen import Screen

if TYPE_CHECKING:
    from csg_otel.config.sections.logging import Logging
    from csg_otel.logs.hooks import Method

_MAX_DEPTH: Final = 3
"""Most records within each other: values that log while they become text, values of those records, and so on."""


class _OwnLevel(int):
    """A level that this package has set; an equal one that the program sets later is another object."""


class LogInterceptor:
    """
    Passes every record of the program to the destinations and to the log file.

    Where the program has no handlers, records go to stderr in place of logging's last resort.
    """

    def __init__(self) -> None:
        """Prepare; :meth:`start` begins to intercept."""
        self._hooks = Hooks(handle=self._handle, callHandlers=self._call_handlers)
        self._noise = NoiseFilter()
        self._screen = Screen()
        self._bridge: LogBridge | None = None
        self._file: LogFile | None = None
        self._lowest: float = logging.NOTSET
        self._shown = False
        self._root_level: _OwnLevel | None = None

    def start(self, settings: Logging, *, shown: bool) -> None:
        """
        Intercept with *settings*; a root logger that the program has not configured gets the configured level.

        *shown* is true where the console destination shows log records already. May be called again with other settings: no
        record is missed in between.
        """
        lowest = getattr(logging, settings.level.upper())
        old_file, file = self._file, settings.file_config
        self._screen.apply(settings, lowest, shown=shown)
        self._lowest, self._shown = lowest, shown
        self._bridge = self._bridge or LogBridge()
        self._file = None
        if "file" in settings.handlers:
            lines = formatter(settings.format, ids=True)
            self._file = LogFile(file.filename, file.max_bytes, file.backup_count, lines)
        if old_file is not None:
            old_file.close()
        self._set_root_level(lowest)
        self._screen.install()
        self._hooks.install()

    def stop(self) -> None:
        """Stop the bridge and the file; records of a program without handlers still go to stderr until :meth:`remove`."""
        self._bridge = self._file = None
        self._shown = False
        self._screen.end_destination()

    def remove(self) -> None:
        """Stop, and undo what :meth:`start` has changed, unless the program has changed it again."""
        self.stop()
        self._hooks.remove()
        self._screen.remove()
        own_level, self._root_level = self._root_level, None
        if own_level is not None and logging.getLogger().level is own_level:
            logging.getLogger().setLevel(logging.WARNING)

    def _set_root_level(self, lowest: int) -> None:
        root = logging.getLogger()
        changed_before = self._root_level is not None and root.level is self._root_level
        if changed_before or (not root.handlers and root.level == logging.WARNING):
            self._root_level = _OwnLevel(lowest)
            root.setLevel(self._root_level)

    # -- in place of the methods of logging.Logger ---------------------------------------------------------------------

    def _handle(self, logger: logging.Logger, record: logging.LogRecord, handle: Method) -> Any:
        try:
            self._hooks.keep(
                type(logger)
            )  # both methods keep both hooks: who drops one of them does not drop the other
            if origin(record):
                if self._noise.drops(record):
                    return None
                if is_own(record):
                    own_lines.scrub(record)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("logs")
        return handle(logger, record)

    def _call_handlers(self, logger: logging.Logger, record: logging.LogRecord, call_handlers: Method) -> Any:
        outer = current.get()
        if outer is not None and outer.record is record:  # it meets a second hook, or a second logger
            return call_handlers(logger, record)
        try:
            self._hooks.keep(type(logger))
            passing = self._begin(logger, record, outer)
        except Exception:  # noqa: BLE001 - as above
            faults.contain("logs")
            return call_handlers(logger, record)
        try:
            # Inside of `try`, and undone without a token: a signal handler of the program may raise between any two calls.
            current.set(passing)
            return call_handlers(logger, record)
        finally:
            try:
                self._put_into_sinks(passing)
            finally:
                current.set(outer)

    def _begin(self, logger: logging.Logger, record: logging.LogRecord, outer: Passing | None) -> Passing:
        """Decide whether *record* goes to the destinations, before a handler of the program gets it."""
        passing = Passing(record, outer)
        severity = level(record)
        passing.to_file = severity >= self._lowest and passing.depth < _MAX_DEPTH
        passing.on_screen = self._shown and _is_on_screen(logger, severity)
        if passing.to_file and self._bridge is not None and not passing.own and not passing.in_sdk:
            passing.to_bridge = True
            latest.add(passing)
        return passing

    def _put_into_sinks(self, passing: Passing) -> None:
        """Pass the record to the bridge, unless an OpenTelemetry handler of a neighbour has emitted it, and to the file."""
        bridge, file = self._bridge, self._file
        passing.in_sinks = True
        try:
            if passing.to_bridge and bridge is not None and not passing.exported:
                bridge.emit(passing)
            if passing.to_file and file is not None:
                file.write(passing.record)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("logs")


def _is_on_screen(logger: logging.Logger | None, lowest: float) -> bool:
    """Return whether a handler of *logger*, or of a logger above it, writes records of the level *lowest* to the terminal."""
    while logger is not None:
        for handler in logger.handlers:
            stream = getattr(handler, "stream", None)
            if stream is not None and (stream is sys.stderr or stream is sys.stdout) and lowest >= handler.level:
                return True
        logger = logger.parent if logger.propagate else None
    return False
