"""
The journal: what each process of the program has kept, in files beside the spool.

Each process appends to a file of its own. The process that serves the page reads the files of the others: of workers that run,
and of the run before. So several workers answer as one, and a restart loses nothing that is shown. The rules: files are read
only while a page is open, only this user can read them, together they take 50 MB at most, and half a line is ignored.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from csg_otel import faults
from csg_otel.private_folder import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from csg_otel.dashboard.model import LogRow, SpanRow

_MOST_BYTES: Final = 50 * 1024 * 1024
"""Bytes of all files."""

_FILE_BYTES: Final = 4 * 1024 * 1024
"""Bytes after which a process begins another file; the oldest files are removed as wholes."""

_READ_BYTES: Final = 12 * 1024 * 1024
"""Bytes that are read at first: more would not fit into the memory of the store."""

_SUFFIX: Final = ".jsonl"


@dataclass(slots=True)
class Rows:
    """Rows of the files: ended spans, log records, and the running spans of each process by the name of its file."""

    spans: list[SpanRow] = field(default_factory=list)
    logs: list[LogRow] = field(default_factory=list)
    running: dict[str, list[SpanRow]] = field(default_factory=dict)


class Journal:
    """The file of this process, and those of the others in one folder."""

    def __init__(self, folder: Path) -> None:
        """Keep the files in *folder*, which is made with the first line."""
        self._folder = folder
        self.reset()

    def reset(self) -> None:
        """Start a file of its own, as in a forked child; the parent's is not touched."""
        self._path: Path | None = None
        self._own: set[str] = set()
        self._written = 0
        self._offsets: dict[str, int] = {}
        self._running: dict[str, list[SpanRow]] = {}
        self._last_running: list[str] = []
        self._failed = False

    # -- writing ---------------------------------------------------------------------------------------------------

    def write(self, spans: Sequence[SpanRow], logs: Sequence[LogRow], running: Sequence[SpanRow]) -> None:
        """Append *spans* and *logs*, and *running* if they are others than before; a failure is reported once."""
        ids = [span["span_id"] for span in running]
        if not (spans or logs or ids != self._last_running):
            return
        self._last_running = ids
        line = json.dumps({"s": spans, "l": logs, "r": running}, separators=(",", ":"), allow_nan=False) + "\n"
        try:
            self._append(line.encode())
            self._failed = False
        except OSError as error:
            if not self._failed:
                faults.report("dashboard", f"traces and logs are not kept over a restart: {error}")
            self._failed = True

    def _append(self, line: bytes) -> None:
        if self._path is None or self._written + len(line) > _FILE_BYTES:
            make_private_folder(self._folder)
            self._path = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
            self._written = 0
            self._own.add(self._path.name)
            self._remove_oldest()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
        self._written += len(line)

    def _remove_oldest(self) -> None:
        """Remove the oldest files, so that there is room for one more."""
        files = self._files()
        size_bytes = sum(size for _, _, size in files)
        for path, _, size in files:
            if size_bytes <= _MOST_BYTES - _FILE_BYTES:
                return
            with suppress(OSError):
                path.unlink()
            size_bytes -= size

    # -- reading ---------------------------------------------------------------------------------------------------

    def _files(self) -> list[tuple[Path, float, int]]:
        """Return path, time of the last change and size of each file, the oldest first."""
        files = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(OSError):
                status = path.lstat()
                if status.st_uid == os.geteuid() and not path.is_symlink():
                    files.append((path, status.st_mtime, status.st_size))
        return sorted(files, key=lambda file: file[1])

    def read(self) -> Rows:
        """Return what other processes have appended since the last call; at first what the files have, the newest."""
        rows, files = Rows(), self._files()
        left = _READ_BYTES
        first = not self._offsets
        for path, _, size in reversed(files):
            if path.name in self._own:
                continue
            if first and size > left:
                self._offsets[path.name] = size
                continue
            left -= size if first else 0
            self._read_file(path, rows)
        present = {path.name for path, _, _ in files}
        for name in [name for name in self._running if name not in present or not _is_alive(name)]:
            del self._running[name]
        rows.running = dict(self._running)
        return rows

    def _read_file(self, path: Path, rows: Rows) -> None:
        offset = self._offsets.setdefault(path.name, 0)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                file.seek(offset)
                body = file.read(_FILE_BYTES * 2)
        except OSError:
            return
        whole = body[: body.rfind(b"\n") + 1]
        self._offsets[path.name] = offset + len(whole)
        for line in whole.splitlines():
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                item: dict[str, Any] = json.loads(line)
                rows.spans += item["s"]
                rows.logs += item["l"]
                self._running[path.name] = item["r"]


def _is_alive(name: str) -> bool:
    """Return whether the process that writes the file *name* runs."""
    try:
        os.kill(int(name.partition("-")[0]), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True
