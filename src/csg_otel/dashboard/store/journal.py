"""
The journal: what each process of the program has kept, in files beside the spool.

Each process appends to a file of its own. The process that serves the page reads the files of the others: of workers that run,
and of the run before. So several workers answer as one, and a restart loses nothing that is shown. The rules: files are read
only while a page is open, only this user can read them, together they take 50 MB at most, and half a line is ignored, as is
each row that is none of this version.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from csg_otel import faults
from csg_otel.dashboard.model import LogRow, SpanRow
from csg_otel.dashboard.model.fitting import fits
from csg_otel.descriptors import KeptFile, is_at
from csg_otel.private_folder import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_BYTES: Final = 50 * 1024 * 1024
"""Bytes of all files."""

_FILE_BYTES: Final = 4 * 1024 * 1024
"""Bytes after which a process begins another file; the oldest files are removed as wholes."""

_LINE_BYTES: Final = 1024 * 1024
"""Bytes of the rows of one line; a burst is split into lines."""

_READ_BYTES: Final = 12 * 1024 * 1024
"""Bytes that are read at first: more would not fit into the memory of the store."""

_SUFFIX: Final = ".jsonl"

_VERSION: Final = 1
"""Version of the lines; it changes when a row of the same form means something else."""

_END: Final = f'{{"v":{_VERSION},"r":[]}}\n'.encode()
"""The last line of a file: nothing runs here any more."""

_json: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(slots=True)
class Rows:
    """Rows of the files: ended spans, log records, and by the name of its file what runs in each process that lives."""

    spans: list[SpanRow] = field(default_factory=list)
    logs: list[LogRow] = field(default_factory=list)
    running: dict[str, list[SpanRow]] = field(default_factory=dict)


class Journal:
    """The file of this process, and those of the others in one folder."""

    def __init__(self, folder: Path) -> None:
        """Keep the files in *folder*, which is made with the first line."""
        self._folder = folder
        self._file: KeptFile | None = None
        self.reset()

    def reset(self) -> None:
        """Start a file of its own, as in a forked child; the parent's is not touched."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._path = self._folder
        self._own: set[str] = set()
        self._written = 0
        self._has_half_line = False
        self._seen: dict[str, tuple[int, int]] = {}
        self._running: dict[str, list[SpanRow]] = {}
        self._last_running: list[str] | None = []
        self._failed = False

    def close(self) -> None:
        """Close the file of this process: its running spans are shown no longer."""
        if self._file is not None:
            with suppress(OSError):
                self._append_block(_END)  # a child that the program has just forked has the lock, too, for a moment
            self._file.close()
            self._file, self._last_running = None, []

    # -- writing ---------------------------------------------------------------------------------------------------

    def write(self, spans: Sequence[SpanRow], logs: Sequence[LogRow], running: Sequence[SpanRow]) -> None:
        """Append *spans* and *logs*, and *running* if they are others than before; a failure is reported once."""
        ids = [span["span_id"] for span in running]
        if not (spans or logs or ids != self._last_running):
            return
        lines = [*self._lines("s", spans), *self._lines("l", logs)]
        if ids != self._last_running:
            lines += [next(self._lines("r", running), self._line("r", []))]
        try:
            if self._append(lines) and running:  # they count in the file that is locked
                self._append([next(self._lines("r", running), self._line("r", []))])
            self._last_running, self._failed = ids, False
        except OSError as error:
            self._last_running = None
            if not self._failed:
                faults.report("dashboard", f"traces and logs are not kept over a restart: {error}")
            self._failed = True

    def _lines(self, kind: str, rows: Sequence[SpanRow] | Sequence[LogRow]) -> Iterator[bytes]:
        """Return the lines of *rows*, which are split into lines of the longest length; a row that is longer is left out."""
        texts: list[str] = []
        length = 0
        for text in filter(lambda text: len(text) <= _LINE_BYTES, map(_json, rows)):
            if length + len(text) > _LINE_BYTES:
                yield self._line(kind, texts)
                texts, length = [], 0
            texts.append(text)
            length += len(text)
        if texts:
            yield self._line(kind, texts)

    def _line(self, kind: str, texts: list[str]) -> bytes:
        """Return the line of the rows *texts*, with the version of the lines."""
        return f'{{"v":{_VERSION},"{kind}":[{",".join(texts)}]}}\n'.encode()

    def _append(self, lines: list[bytes]) -> bool:
        """Append *lines* in one write, so that a reader sees them together; return whether another file was begun for them."""
        block, has_begun = b"", False
        for line in lines:
            if self._needs_file(len(block) + len(line)):
                self._append_block(block)
                block, has_begun = b"", True
                self._begin_file()
            block += line
        self._append_block(block)
        return has_begun

    def _needs_file(self, more_bytes: int) -> bool:
        """Return whether the file is full with *more_bytes*, or was removed, perhaps with the folder."""
        return (
            self._file is None
            or self._written + more_bytes + len(_END) > _FILE_BYTES
            or not is_at(self._file, self._path)
        )

    def _begin_file(self) -> None:
        """Begin a file and lock it, as long as the process lives: what runs in a file without a lock runs no longer."""
        self.close()
        make_private_folder(self._folder)
        path = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
        hidden = path.with_suffix(".new")  # until it is locked
        file = KeptFile(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW)
        try:
            with suppress(OSError):  # a file system without locks
                file.lock()
            hidden.rename(path)
        except OSError:
            file.close()
            raise
        file.moved(path)
        self._file, self._path = file, path
        self._written = 0
        self._has_half_line = False
        self._own.add(path.name)
        self._remove_oldest()

    def _append_block(self, block: bytes) -> None:
        if not block or self._file is None:
            return
        if self._has_half_line:
            block = b"\n" + block
        written = os.write(self._file.descriptor, block)
        self._written += written
        self._has_half_line = written < len(block)
        if self._has_half_line:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

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
                is_own = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid == os.geteuid()
                if is_own and status.st_size <= _MOST_BYTES:
                    files.append((path, status.st_mtime, status.st_size))
        return sorted(files, key=lambda file: file[1])

    def read(self) -> Rows:
        """Return what other processes have appended since the last call; at first what the files have, the newest."""
        rows, files = Rows(), self._files()
        if not self._seen:
            self._skip_oldest(files)
        for path, _, size in files:
            if path.name not in self._own:
                self._read_file(path, size, rows)
        present = {path.name for path, _, _ in files}
        self._own &= present
        for name in self._seen.keys() - present:
            del self._seen[name]
        for name in self._running.keys() - present:
            del self._running[name]
        rows.running = {
            name: spans for name, spans in self._running.items() if spans and _is_locked(self._folder / name)
        }
        return rows

    def _skip_oldest(self, files: list[tuple[Path, float, int]]) -> None:
        """Note those of *files* as read that are too much at first."""
        left = _READ_BYTES
        for path, _, size in reversed(files):
            if path.name in self._own:
                continue
            if size > left:
                self._seen[path.name] = size, size
            else:
                left -= size

    def _read_file(self, path: Path, size: int, rows: Rows) -> None:
        """Read the lines that the file *path* of *size* bytes has more than at the last call."""
        offset, seen = self._seen.get(path.name, (0, 0))
        if size == seen:
            return
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                file.seek(offset)
                body = file.read(_FILE_BYTES * 2)
        except OSError:
            return
        end = body.rfind(b"\n") + 1
        if not end and len(body) >= _FILE_BYTES * 2:
            end = len(body)  # no line of ours; its rest will be none, too
        self._seen[path.name] = offset + end, offset + len(body)
        for line in body[:end].splitlines():
            self._read_line(path.name, line, rows)

    def _read_line(self, name: str, line: bytes, rows: Rows) -> None:
        """Add the rows of *line* in the file *name*, without those of another version and those that this one can't show."""
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(item, dict) or item.get("v") != _VERSION:
            return
        rows.spans += _fitting(item.get("s"), SpanRow)
        rows.logs += _fitting(item.get("l"), LogRow)
        if "r" in item:
            self._running[name] = _fitting(item["r"], SpanRow)


def _is_locked(path: Path) -> bool:
    """Return whether the process that writes *path* lives. Process ids do not say so: they repeat in another container."""
    try:
        file = KeptFile(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return not file.lock()
    except OSError:
        return False
    finally:
        file.close()


def _fitting(rows: Any, kind: Any) -> list[Any]:
    """Return those of *rows* that are of *kind*."""
    return [row for row in rows if fits(row, kind)] if isinstance(rows, list) else []
