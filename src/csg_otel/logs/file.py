"""
The log file: rotated by size, shared by processes, and followed by ``logrotate``.

A line is formatted first, because that runs code of the program, and then written by one call to the end of the file. So lines
need no lock: not between threads, nor between processes. Only a rotation needs one, and it never waits long for it. The rule:
a line that can't be written at once is one fault of telemetry, and the program goes on.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import stat
import time
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, descriptors, faults

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODE: Final = 0o640
"""Permissions of a new file: the owner writes, the group reads."""

_FLAGS: Final = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO that no process reads, or whose reader is slow, must not block the program
)

_LOCK_S: Final = 0.25
"""Most seconds that a line waits for the lock of a rotation; another process holds it for about a millisecond."""

_POLL_S: Final = 0.002
"""Seconds between two attempts to get the lock of a rotation."""

_POSTPONED_S: Final = 1.0
"""Seconds after a failed rotation in which lines are written without another attempt."""


class _OpenFile:
    """An open file, closed when the last thread that writes to it has dropped it: its number may be used again then."""

    def __init__(self, path: str, mode: int) -> None:
        self.descriptor = os.open(path, _FLAGS, mode)
        self._file = descriptors.identity(self.descriptor)

    def __del__(self) -> None:
        if (file := getattr(self, "_file", None)) is not None:
            descriptors.close(self.descriptor, file)


class LogFile:
    """A log file that is rotated by size."""

    def __init__(self, filename: str, max_bytes: int, backups: int, formatter: logging.Formatter) -> None:
        """
        Prepare to append to a file; it is opened with the first line.

        Args:
            filename: The path; its folder is made.
            max_bytes: The size at which the file is renamed to ``filename.1``, and so on; 0 for never.
            backups: The number of renamed files that are kept; with 0, the file is never renamed.
            formatter: Makes the lines.
        """
        self._path = os.path.abspath(filename)  # noqa: PTH100 - as text: the file is found although the program changes its folder
        self._max_bytes = max_bytes if backups > 0 else 0
        self._backups = backups
        self._formatter = formatter
        self._file: _OpenFile | None = None
        self._torn = False
        self._rotate_after_s = float("-inf")

    def write(self, record: logging.LogRecord) -> None:
        """Write *record* to the file that is at the path now."""
        try:
            line = f"{self._formatter.format(record)}\n".encode("utf-8", "replace")
            file = self._current()
            if self._is_full(file, len(line)):
                self._rotate(file)
                file = self._current()
            self._append(file, line)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("log file")
        else:
            faults.recovered("log file")

    def close(self) -> None:
        """Close the file as soon as no other thread writes to it."""
        self._file = None

    def _current(self) -> _OpenFile:
        """Return the file at the path: the open one, or, if ``logrotate`` has moved that away, a new one."""
        file = self._file
        if file is None or not self._is_at_path(file):
            self._file = file = self._opened(_MODE)
        return file

    def _opened(self, mode: int) -> _OpenFile:
        try:
            return _OpenFile(self._path, mode)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)  # noqa: PTH103, PTH120 - a path as text, as above
            return _OpenFile(self._path, mode)

    def _is_at_path(self, file: _OpenFile) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(file.descriptor))  # noqa: PTH116 - as above
        except OSError:
            return False

    def _append(self, file: _OpenFile, line: bytes) -> None:
        rest = b"\n" + line if self._torn else line
        try:
            while rest:
                rest = rest[os.write(file.descriptor, rest) :]
        finally:
            self._torn = 0 < len(rest) < len(line)

    def _is_full(self, file: _OpenFile, added: int) -> bool:
        if not self._max_bytes or clocks.monotonic() < self._rotate_after_s:
            return False
        status = os.fstat(file.descriptor)
        return stat.S_ISREG(status.st_mode) and status.st_size > 0 and status.st_size + added > self._max_bytes

    def _rotate(self, file: _OpenFile) -> None:
        """Rename the files, unless another process has done so; postpone that if it is not possible now."""
        try:
            with _locked(f"{self._path}.lock"):
                if self._is_at_path(file):
                    self._rename(os.fstat(file.descriptor).st_mode & 0o777)
        except OSError as error:
            self._rotate_after_s = clocks.monotonic() + _POSTPONED_S
            faults.report("log file rotation", f"{self._path} grows beyond its size: {error}")
        else:
            faults.recovered("log file rotation")

    def _rename(self, mode: int) -> None:
        names = [self._path, *(f"{self._path}.{number}" for number in range(1, self._backups + 1))]
        for old, new in reversed(list(itertools.pairwise(names))):
            with contextlib.suppress(FileNotFoundError):
                os.replace(old, new)  # noqa: PTH105 - as above
        self._file = self._opened(mode)
        with contextlib.suppress(PermissionError):  # another user's process was quicker to make the file
            os.chmod(self._path, mode)  # noqa: PTH101 - as above


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Keep other processes and threads out, where the platform has file locks; raise TimeoutError if one stays inside."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    # The log itself may be a link, but a link here is an attack.
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | _FLAGS & ~(os.O_WRONLY | os.O_APPEND)
    descriptor = os.open(path, flags, _MODE)
    deadline = clocks.monotonic() + _LOCK_S
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clocks.monotonic() >= deadline:
                    raise TimeoutError(f"another process holds a lock on {path}") from None
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)
