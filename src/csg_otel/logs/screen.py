"""
The lines of a program without handlers: this handler takes the place of ``logging.lastResort``, which writes to stderr.

The rule: a record is formatted before anything is written, without a lock, because formatting runs code of the program.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

from csg_otel import faults, names
from csg_otel.logs.formats import screen_formatter
from csg_otel.logs.own_records import is_own, level

if TYPE_CHECKING:
    from csg_otel.config.sections.logging import Logging


_SHOWN_AT_INFO: Final = (names.ACCESS_LOGGER, names.START_LOGGER)
"""Loggers of csg_otel whose lines are shown although they are no warnings."""


class Screen(logging.Handler):
    """Writes records to stderr while no handler of the program takes them."""

    def __init__(self) -> None:
        """Prepare to write warnings; :meth:`apply` sets the format and the level."""
        super().__init__()  # without a level: the access log passes at INFO
        self._lowest: float = logging.WARNING
        self._shown = False
        self._replaced: logging.Handler | None = None

    def apply(self, settings: Logging, lowest: float, *, shown: bool) -> None:
        """
        Use *settings*.

        Args:
            settings: The settings of the log.
            lowest: The level at which the setting ``handlers: [console]`` shows records.
            shown: Whether the console destination shows the records that are exported.
        """
        self._lowest = lowest if "console" in settings.handlers else logging.WARNING
        self._shown = shown
        self.setFormatter(screen_formatter(settings.format, beside_console=shown))

    def install(self) -> None:
        """Take the place of the last resort, unless the program has put its own handler, or None, there."""
        if type(logging.lastResort).__module__ == "logging":
            self._replaced, logging.lastResort = logging.lastResort, self

    def end_destination(self) -> None:
        """Show all records again: the console destination ends."""
        self._shown = False

    def remove(self) -> None:
        """Put the last resort back, unless the program has changed it."""
        if logging.lastResort is self:
            logging.lastResort = self._replaced

    def handle(self, record: logging.LogRecord) -> bool:
        """Write *record*; return whether it was written."""
        if self._shown and not is_own(record):
            return False
        if level(record) < self._lowest and record.name not in _SHOWN_AT_INFO:
            return False
        try:
            text = f"{self.format(record)}\n"
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("logs")
            return False
        return _write(text)


def _write(text: str) -> bool:
    """Write *text* to stderr by one call, so that lines of other threads appear before or after it."""
    stream = sys.stderr
    if stream is None:  # a program without a terminal, on some platforms
        return False
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):  # it is closed
        return False
    return True
