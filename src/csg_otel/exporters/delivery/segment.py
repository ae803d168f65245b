"""
The files of the spool, called segments: frames one after the other, each with an authentication code.

A frame is a header and the body of a request. It is written whole, and marked in its header when it is delivered or dropped.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from csg_otel.descriptors import KeptFile, is_at

_HEADER: Final = struct.Struct(">4sBIQI16s")
"""Magic, state, bytes of the body, Unix milliseconds, items, authentication code."""

_MAGIC: Final = b"CSGg"
_EARLIER_MAGIC: Final = b"CSGf"
"""Begins the frames of version 0.1, whose code does not cover the destination."""
_PENDING: Final = 0
_DONE: Final = b"\x01"
_STATE_AT: Final = 4
_MAX_BODY: Final = 64 * 1024 * 1024
"""Most bytes of a frame's body: larger than any request, and small enough for the memory if a damaged file gives the length."""


MOST_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of a file with more than one frame. A full spool removes its oldest file, so this is the loss each time."""


class SpoolError(Exception):
    """The spool cannot be used; the message is for log lines."""


@dataclass(frozen=True, slots=True)
class Key:
    """The key of the frames of one destination: a frame that was moved to the folder of another one is none there."""

    installation: bytes = field(repr=False)
    frames: bytes = field(repr=False)

    @classmethod
    def of(cls, installation: bytes, destination: str) -> Key:
        """Return the key of *destination* that is derived from the 32 bytes of the *installation*."""
        return cls(installation, hashlib.blake2b(destination.encode(), key=installation).digest())


@dataclass(frozen=True, slots=True)
class Ref:
    """
    The position of a frame in the spool.

    ``length`` is the number of bytes of its body, ``count`` its number of items, ``at`` the time of writing in Unix seconds.
    """

    segment: Segment
    offset: int
    length: int
    count: int
    at: float


@dataclass(slots=True, eq=False)
class Segment:
    """
    A file of frames; ``items`` and ``frames`` count the undelivered ones.

    ``sealed``: nothing more is written. ``gone``: the spool has removed it. ``lost``: another has removed it from its folder.
    ``adopted``: its frames are those of dead processes.
    """

    path: Path
    signal: str
    file: KeptFile
    size: int = 0
    frames: int = 0
    items: int = 0
    sealed: bool = False
    gone: bool = False
    lost: bool = False
    adopted: bool = False

    @classmethod
    def create(cls, path: Path, signal: str, *, adopted: bool = False) -> Segment:
        """Return a new file. Raises OSError, also if it exists."""
        file = KeptFile(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        return cls(path, signal, file, adopted=adopted)

    @classmethod
    def inherit(cls, path: Path, signal: str) -> Segment | None:
        """Return the file of a dead process; None if it cannot be opened, or if this package has not made it so."""
        try:
            file = KeptFile(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        status = os.fstat(file.descriptor)
        is_own = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid == os.geteuid()
        if not is_own or status.st_size > MOST_BYTES + _HEADER.size + _MAX_BODY:
            file.close()  # marking its frames would write to a file that belongs elsewhere
            return None
        return cls(path, signal, file, status.st_size, sealed=True, adopted=True)

    def write(self, bodies: Sequence[tuple[int, bytes]], key: Key) -> list[Ref]:
        """Append *bodies*, each with its number of items. Raises OSError; then nothing is written."""
        at_ms = int(time.time() * 1000)
        refs, frames, offset = [], [], self.size
        for count, body in bodies:
            refs.append(Ref(self, offset, len(body), count, at_ms / 1000))
            frames.append(_header(self.signal, at_ms, count, body, key) + body)
            offset += len(frames[-1])
        self._append(b"".join(frames), refs)
        return refs

    def join(self, other: Segment, refs: Sequence[Ref]) -> list[Ref]:
        """Append the frames *refs* of *other*, and return them as frames of this file. Raises as write()."""
        joined, frames, offset = [], [], self.size
        for ref in refs:
            joined.append(Ref(self, offset, ref.length, ref.count, ref.at))
            frames.append(os.pread(other.file.descriptor, _HEADER.size + ref.length, ref.offset))
            offset += _HEADER.size + ref.length
        self._append(b"".join(frames), joined)
        return joined

    def _append(self, data: bytes, refs: Sequence[Ref]) -> None:
        try:
            _write_all(self.file, data, self.size)  # at once: each call may wait for the interpreter's lock
        except OSError:
            with suppress(OSError):
                os.ftruncate(self.file.descriptor, self.size)
            raise
        self.size += len(data)
        self.frames += len(refs)
        self.items += sum(ref.count for ref in refs)

    def read(self, ref: Ref, key: Key) -> bytes | None:
        """Return the body of *ref*; None if it is gone or damaged."""
        try:
            data = os.pread(self.file.descriptor, _HEADER.size + ref.length, ref.offset)
        except OSError:
            return None
        if len(data) != _HEADER.size + ref.length:
            return None
        magic, _, length, at_ms, count, code = _HEADER.unpack_from(data)
        body = data[_HEADER.size :]
        used = key.installation if magic == _EARLIER_MAGIC else key.frames
        expected = _code(self.signal, at_ms, count, body, used)
        is_whole = magic in {_MAGIC, _EARLIER_MAGIC} and length == ref.length
        return body if is_whole and hmac.compare_digest(code, expected) else None

    def mark_done(self, ref: Ref) -> None:
        """Mark *ref* as delivered or dropped; an empty file that is written to begins again."""
        with suppress(OSError):  # a frame without the mark is only delivered a second time, after a crash
            os.pwrite(self.file.descriptor, _DONE, ref.offset + _STATE_AT)
        self.frames -= 1
        self.items -= ref.count
        if not self.frames and not self.sealed:
            with suppress(OSError):
                os.ftruncate(self.file.descriptor, 0)
                self.size = 0

    def undelivered(self) -> list[Ref]:
        """Return the undelivered frames of a dead process's file, up to the first damaged frame."""
        return [ref for ref, state in self._scan() if state == _PENDING]

    def is_in_place(self) -> bool:
        """Return whether the file is still in its folder, under its name."""
        return is_at(self.file, self.path)

    def move(self, path: Path, old_key: Key, new_key: Key) -> None:
        """Write the undelivered frames to a new file *path*, at the same offsets. Raises OSError; then nothing has changed."""
        target = KeptFile(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        try:
            for ref, state in self._scan():
                body = self.read(ref, old_key) if state == _PENDING else None
                if body is None:
                    header = os.pread(self.file.descriptor, _HEADER.size, ref.offset)
                    frame = header[:_STATE_AT] + _DONE + header[_STATE_AT + 1 :]
                else:
                    frame = _header(self.signal, round(ref.at * 1000), ref.count, body, new_key) + body
                _write_all(target, frame, ref.offset)
            os.ftruncate(target.descriptor, self.size)
        except OSError:
            target.close()
            path.unlink(missing_ok=True)
            raise
        self.remove()
        self.path, self.file, self.lost = path, target, False

    def rename(self, path: Path) -> None:
        """Give the file the name *path*. Raises OSError."""
        self.path.rename(path)
        self.path = path
        self.file.moved(path)

    def remove(self) -> None:
        """Close and delete the file."""
        self.file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _scan(self) -> Iterator[tuple[Ref, int]]:
        offset = 0
        while offset + _HEADER.size <= self.size and offset < MOST_BYTES:
            data = os.pread(self.file.descriptor, _HEADER.size, offset)
            if len(data) < _HEADER.size:
                break
            magic, state, length, at_ms, count, _ = _HEADER.unpack(data)
            has_room = length <= _MAX_BODY and offset + _HEADER.size + length <= self.size
            has_count = count <= max(1, length)  # no item is less than a byte
            if magic not in {_MAGIC, _EARLIER_MAGIC} or not has_room or not has_count:
                break
            yield Ref(self, offset, length, count, at_ms / 1000), state
            offset += _HEADER.size + length


def frame_size(body: bytes) -> int:
    """Return the bytes of a frame with *body*. Raises SpoolError if it is too large."""
    if len(body) > _MAX_BODY:
        raise SpoolError(f"a request of {len(body)} bytes is too large (limit: {_MAX_BODY})")
    return _HEADER.size + len(body)


def _header(signal: str, at_ms: int, count: int, body: bytes, key: Key) -> bytes:
    return _HEADER.pack(_MAGIC, _PENDING, len(body), at_ms, count, _code(signal, at_ms, count, body, key.frames))


def _code(signal: str, at_ms: int, count: int, body: bytes, key: bytes) -> bytes:
    """Return the authentication code of a frame, which covers everything but its state."""
    head = f"{signal} {at_ms} {count} {len(body)} ".encode()
    code = hashlib.blake2b(head, key=key, digest_size=16)
    code.update(body)
    return code.digest()


def _write_all(file: KeptFile, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file.descriptor, view, offset)
        view, offset = view[written:], offset + written
