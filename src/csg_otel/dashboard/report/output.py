"""
The file of a report: written whole or not at all, and only into the folder that the user named.

The folder is opened once, and the file is made relative to it, so that a link that another user plants leads nowhere.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from csg_otel.errors import CsgOtelError

FORMATS: Final = {".json": "json", ".html": "html", ".htm": "html", ".md": "markdown"}
"""The format of a report by the end of its file's name."""

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OutputError(CsgOtelError):
    """A report can't be written there; the message says why and what to do."""


def format_of(file: Path) -> str:
    """Return the format of a report in *file*, by the end of its name. Raises OutputError for another end."""
    try:
        return FORMATS[file.suffix.lower()]
    except KeyError:
        raise OutputError(f"{file}: give the report a name that ends in {', '.join(FORMATS)}") from None


def write(file: Path, text: str) -> None:
    """
    Write *text* into *file*, in place of a report that is there; a new file is readable for its owner only.

    Raises OutputError if the folder or the file is a link, or is no folder and no regular file, and OSError if it can't be
    written; then the old file is unchanged.
    """
    try:
        folder = os.open(file.parent, _FOLDER_FLAGS)
    except NotADirectoryError:
        kind = "a link; name the folder that it leads to" if file.parent.is_symlink() else "not a folder"
        raise OutputError(f"{file.parent} is {kind}") from None
    try:
        _write(folder, file, text)
    finally:
        os.close(folder)


def _write(folder: int, file: Path, text: str) -> None:
    mode = _mode(folder, file)
    temporary = f".{file.name[:100]}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.replace(temporary, file.name, src_dir_fd=folder, dst_dir_fd=folder)  # a link would be replaced, not followed
    except BaseException:
        os.unlink(temporary, dir_fd=folder)
        raise


def _mode(folder: int, file: Path) -> int:
    """Return the permissions of the old file, or those of a new one. Raises OutputError if it is no regular file."""
    try:
        status = os.stat(file.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return 0o600
    if stat.S_ISREG(status.st_mode):
        return stat.S_IMODE(status.st_mode) & 0o777
    kind = "a link" if stat.S_ISLNK(status.st_mode) else "not a file"
    raise OutputError(f"{file} is {kind}, and a report replaces only a file; name another")
