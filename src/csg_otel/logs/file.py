"""
The log file: rotated by size, shared by processes, and followed by ``logrotate``.

Two processes that rotate one file at the same moment would overwrite a backup, and the standard handler keeps writing to a file
that was moved away. This handler compares its open file with the path before every line, and rotates under a lock. The rule: a
failure here is one fault of telemetry.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from csg_otel import faults

_MODE = 0o640
"""Permissions of a new file: the owner writes, the group reads."""


class LogFile(RotatingFileHandler):
    """A log file that is rotated by size."""

    def __init__(self, filename: str, max_bytes: int, backups: int) -> None:
        """Append to *filename*; beyond *max_bytes* rename it to ``filename.1`` and so on, and keep *backups* old files."""
        super().__init__(
            filename, maxBytes=max_bytes, backupCount=backups, encoding="utf-8", errors="replace", delay=True
        )

    def _open(self) -> Any:
        """Open the file, and make its directory if that is missing; an existing file keeps its permissions."""
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return open(self.baseFilename, self.mode, encoding=self.encoding, errors=self.errors, opener=_opener)

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record* to the file that is at the path now."""
        try:
            if self.stream is not None and not self._is_current():
                self._close_stream()
            super().emit(record)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - the base class's name
        """Report the failure once; the base class would print a traceback for every line."""
        faults.contain("log file")

    def doRollover(self) -> None:  # noqa: N802 - the base class's name
        """Rotate, unless another process has done so meanwhile."""
        with _locked(f"{self.baseFilename}.lock"):
            if self._is_current() and os.path.getsize(self.baseFilename) > 0:  # noqa: PTH202 - a path as text, as the base class has it
                mode = os.stat(self.baseFilename).st_mode & 0o777  # noqa: PTH116 - as above
                super().doRollover()
                if self.stream is None:
                    self.stream = self._open()
                    os.chmod(self.baseFilename, mode)  # noqa: PTH101 - as above
            else:
                self._close_stream()
                self.stream = self._open()

    def _is_current(self) -> bool:
        """Return whether the open file is still the one at the path."""
        try:
            stream: Any = self.stream
            at_path, opened = os.stat(self.baseFilename), os.fstat(stream.fileno())  # noqa: PTH116 - as above
        except (OSError, ValueError, AttributeError):
            return False
        return os.path.samestat(at_path, opened)

    def _close_stream(self) -> None:
        stream: Any = self.stream
        self.stream = None  # emit() of the base class opens it again
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, _MODE)


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Keep other processes out, where the platform has file locks; the kernel frees the lock of a process that ends."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
