"""
Small files that the kernel writes, such as those of /proc, kept open and read again from the start.

To open such a file costs more than to read it. The rules: a descriptor that the program has closed is not used any more
(:meth:`KernelFiles.verify`); and a file of this process, such as /proc/self/stat, belongs to the process that opened it, so a
forked child closes all and opens its own.
"""

from __future__ import annotations

import os
import select
import threading
from pathlib import Path
from typing import Any, Final

from csg_otel import clocks, descriptors, threads

_CHUNK: Final = 1 << 15
"""Bytes of one system call. The files are 20 bytes to 5 kB on a small machine, and larger with many CPUs or disks."""

_COMPLETE: Final = 2048
"""
Bytes up to which a piece is the whole file: the kernel ends a piece where the next line does not fit into its page of 4,096
bytes, and the lines of the files here are shorter than the rest of the page.
"""

_LONGEST: Final = 48
"""Bytes behind a name that hold its number of up to 20 digits, with the blanks in front of it."""

LOOK_AGAIN_S: Final = 60.0
"""Seconds after which a file that was missing is looked for again: a file of a control group may appear, most never do."""


class KernelFiles:
    """Files of short lines that stay open between readings, until :meth:`close`."""

    def __init__(self) -> None:
        """Start without files."""
        self._lock = threading.RLock()
        self._kept: dict[str, tuple[int, descriptors.Identity | None]] = {}
        self._missing: dict[str, float] = {}
        self._watched: dict[str, Any] = {}
        self._verified_s = clocks.monotonic()

    def verify(self) -> None:
        """
        Forget descriptors that the program has closed; to be called before each group of readings.

        A program that closes what it does not know closes a range of numbers, so the first and the last of the descriptors
        are looked at, and once a minute all. Between, a reading by a number that has become the program's takes nothing from
        its file, because the position of the file does not move.
        """
        with self._lock:
            now_s = clocks.monotonic()
            if now_s - self._verified_s < LOOK_AGAIN_S and self._ends_are_own():
                return
            self._verified_s = now_s
            for path, (descriptor, file) in tuple(self._kept.items()):
                if descriptors.identity(descriptor) != file:
                    self._forget(path)

    def _ends_are_own(self) -> bool:
        kept = self._kept.values()
        return not kept or all(descriptors.identity(number) == file for number, file in (min(kept), max(kept)))

    def _forget(self, path: str) -> tuple[int, descriptors.Identity | None]:
        self._watched.pop(path, None)
        return self._kept.pop(path)

    def find(self, path: str) -> bytes | None:
        """Return the whole content of *path* at this moment; None if it can't be read."""
        with self._lock:
            if path not in self._kept:
                return self._open(path)
            try:
                return _content(self._kept[path][0])
            except OSError:  # what the file describes is gone, as a removed control group; or the program closed it
                descriptors.close(*self._forget(path))
            return self._open(path)

    def _open(self, path: str) -> bytes | None:
        if path in self._missing and clocks.monotonic() < self._missing[path]:
            return None
        descriptor = None
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            content = _content(descriptor)
        except OSError as error:
            if descriptor is not None:
                os.close(descriptor)
            if descriptor is not None or isinstance(error, (FileNotFoundError, PermissionError)):
                self._missing[path] = clocks.monotonic() + LOOK_AGAIN_S
            return None
        self._kept[path] = descriptor, descriptors.identity(descriptor)
        self._missing.pop(path, None)
        return content

    def is_unchanged(self, path: str) -> bool:
        """
        Return whether the kernel has reported no change of *path* since the last call; it reports those of the table of mounts.

        False at the first call, and where nothing is reported.
        """
        with self._lock:
            if path in self._watched:
                return not self._watched[path].poll(0)
            if self.find(path) is not None and not threads.are_greenlets():
                # gevent's own poll() has no errors, and the kernel reports a change as one.
                self._watched[path] = poll = select.poll()
                poll.register(self._kept[path][0], 0)
                poll.poll(0)
            return False

    def close(self) -> None:
        """Close all files; the next reading opens its file again."""
        with self._lock:
            self.abandon()

    def abandon(self) -> None:
        """Close all files in a forked child, where a thread of the parent may hold the lock for ever."""
        while self._kept:
            _, (descriptor, file) = self._kept.popitem()
            descriptors.close(descriptor, file)
        self._missing.clear()
        self._watched.clear()

    def __del__(self) -> None:
        """Close all files; no thread uses them any more."""
        self.abandon()


def content_of(path: str) -> bytes | None:
    """Return the whole content of *path*, opened for this one reading; None if it can't be read."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return None


def number(content: bytes, name: bytes) -> int | None:
    """Return the integer that follows *name*, with its separator, at the start of a line; None if there is none."""
    start = 0 if content.startswith(name) else content.find(b"\n" + name) + 1
    if not content.startswith(name, start):
        return None
    start += len(name)
    words = content[start : start + _LONGEST].split(None, 1)
    return integer(words[0]) if words else None


def integer(text: bytes) -> int | None:
    """Return *text* as an integer; None if it is none."""
    try:
        return int(text)
    except ValueError:
        return None


def _content(descriptor: int) -> bytes:
    content = piece = os.pread(descriptor, _CHUNK, 0)
    while len(piece) > _COMPLETE:
        piece = os.pread(descriptor, _CHUNK, len(content))
        content += piece
    return content
