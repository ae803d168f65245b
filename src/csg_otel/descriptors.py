"""
File descriptors that telemetry keeps: each is used only while it is still that of the file it was opened for.

A program that closes all descriptors, as daemons do, soon uses the numbers again. What telemetry then writes to, truncates or
closes by such a number would be a file of the program.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

Identity = tuple[int, int]
"""Device and number of a file, which no other open file has; sockets and pipes have them, too."""

_NEW: Final = os.O_CREAT | getattr(os, "O_EXCL", 0)


def identity(descriptor: int) -> Identity | None:
    """Return which file *descriptor* is open for; None if it is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def close(descriptor: int, file: Identity | None) -> None:
    """Close *descriptor* if it is still that of *file*."""
    if file is not None and identity(descriptor) == file:
        with suppress(OSError):
            os.close(descriptor)


class KeptFile:
    """An open file with a path, which is opened again if the program has closed its descriptor."""

    def __init__(self, path: Path, flags: int, mode: int = 0o600) -> None:
        """Open *path* with the *flags* and the *mode* of ``os.open``, and keep it from other programs. Raises OSError."""
        self._path = os.path.abspath(path)  # noqa: PTH100 - the file is found although the program changes its folder
        self._flags = (flags & ~_NEW) | getattr(os, "O_CLOEXEC", 0)
        self._locks = False
        self._descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), mode)
        self._file = identity(self._descriptor)

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._file is None

    @property
    def descriptor(self) -> int:
        """The descriptor, for use at once. Raises OSError if it is closed, and if the file can't be opened or locked again."""
        if self._file is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if identity(self._descriptor) != self._file:
            again = os.open(self._path, self._flags)
            if identity(again) != self._file or (self._locks and not _is_locked_by(again)):
                os.close(again)
                raise OSError(errno.ESTALE, f"{self._path} belongs to another process")
            self._descriptor = again
        return self._descriptor

    def moved(self, path: Path) -> None:
        """Note that the file has the name *path* now."""
        self._path = os.path.abspath(path)  # noqa: PTH100 - as above

    def lock(self) -> bool:
        """Lock the file, and keep the lock until :meth:`close`; return False if another process holds it. Raises OSError."""
        self._locks = _is_locked_by(self.descriptor)
        return self._locks

    def close(self) -> None:
        """Close the file, unless the program has."""
        file, self._file = self._file, None
        close(self._descriptor, file)


def _is_locked_by(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(file: KeptFile, path: Path) -> bool:
    """Return whether *path* is still the name of *file*, which another program may have removed."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a tenth of the cost of pathlib's
        return identity(file.descriptor) == (status.st_dev, status.st_ino)
    except OSError:
        return False
