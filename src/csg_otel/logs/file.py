"""
The log file: rotated by size, shared by processes, and followed by ``logrotate``.

Two processes that rotate one file at the same moment would overwrite a backup, and the standard handler writes on into a file
that was moved away. This one looks where its path leads before every line, and rotates under a lock. The rule: what
fails here is one fault of telemetry.
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
"""Of a new file: logs are for the owner to write and for the group to read."""


class LogFile(RotatingFileHandler):
    """Appends to *filename*; beyond *max_bytes* it becomes ``filename.1``, and so on up to *backups* old ones."""

    def __init__(self, filename: str, max_bytes: int, backups: int) -> None:
        super().__init__(
            filename, maxBytes=max_bytes, backupCount=backups, encoding="utf-8", errors="replace", delay=True
        )

    def _open(self) -> Any:
        """Open the file, with its directory if that is missing; a file that exists keeps its permissions."""
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return open(self.baseFilename, self.mode, encoding=self.encoding, errors=self.errors, opener=_opener)

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*, where the path leads now."""
        try:
            if self.stream is not None and not self._leads_here():
                self._close_stream()
            super().emit(record)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - the base class's name
        """Report what went wrong, once; the program's terminal is not for our tracebacks."""
        faults.contain("log file")

    def doRollover(self) -> None:  # noqa: N802 - the base class's name
        """Rotate, unless another process has done so meanwhile."""
        with _locked(f"{self.baseFilename}.lock"):
            if self._leads_here() and os.path.getsize(self.baseFilename) > 0:  # noqa: PTH202 - a path as text, as the base class has it
                mode = os.stat(self.baseFilename).st_mode & 0o777  # noqa: PTH116 - as above
                super().doRollover()
                if self.stream is None:
                    self.stream = self._open()
                    os.chmod(self.baseFilename, mode)  # noqa: PTH101 - as above
            else:
                self._close_stream()
                self.stream = self._open()

    def _leads_here(self) -> bool:
        """Tell whether the path is still that of the open file."""
        try:
            stream: Any = self.stream
            there, here = os.stat(self.baseFilename), os.fstat(stream.fileno())  # noqa: PTH116 - as above
        except (OSError, ValueError, AttributeError):
            return False
        return os.path.samestat(there, here)

    def _close_stream(self) -> None:
        stream: Any = self.stream
        self.stream = None  # as the base class does it: emit() opens it again
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, _MODE)


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Keep other processes out, where the platform has file locks; the lock is gone with whoever held it."""
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
