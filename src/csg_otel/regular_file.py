"""
Files that a setting or an option names: only a regular file is read, and only if it is no larger than expected.

A FIFO that no process writes to, or a device without an end, would hang the program that reads it.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

MAX_SECRET_BYTES: Final = 64 * 1024
"""More than any password, token or private key has."""

MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
"""More than the rules or the routes of a large installation have."""

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a FIFO waits for a writer
)

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def opened(path: str | Path) -> IO[bytes]:
    """Return the regular file *path*, open for reading. Raises OSError, whose ``strerror`` has the reason in words."""
    descriptor = os.open(path, _FLAGS)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    kind = next((kind for has_mode, kind in _KINDS if has_mode(mode)), "something else")
    raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))


def read(path: str | Path, max_bytes: int) -> bytes:
    """Return the content of the regular file *path*. Raises OSError as `opened` does, also if it has over *max_bytes*."""
    with opened(path) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        size = f"{max_bytes >> 20} MiB" if max_bytes >> 20 else f"{max_bytes >> 10} KiB"
        raise OSError(errno.EFBIG, f"it is larger than {size}", str(path))
    return content
