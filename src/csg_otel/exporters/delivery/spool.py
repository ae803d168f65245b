"""
The spool: undelivered requests on disk; bounded, crash-safe, authenticated, and adopted by the next process.

Each process has one folder per destination, with files (segments) of frames for each signal. A frame is written whole, and
marked after its delivery; a file is removed when all its frames are marked. The process holds a lock on its folder. The kernel
releases the lock when the process ends, so any process may adopt a folder whose lock is free. The rules: only frames with an
authentication code made with this installation's key are sent; nothing is pickled; links are not followed; a frame is read
exactly as it was written, or not at all.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from csg_otel.descriptors import KeptFile
from csg_otel.private_folder import make_private_folder, private_folder_at

_HEADER: Final = struct.Struct(">4sBIQI16s")
"""Magic, state, bytes of the body, Unix milliseconds, items, authentication code."""

_MAGIC: Final = b"CSGf"
_PENDING: Final = 0
_DONE: Final = b"\x01"
_STATE_AT: Final = 4
_SEGMENT_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of one file. A full spool removes its oldest file, so this is the loss each time."""
_MIN_SEGMENTS: Final = 8
"""Least number of files of a full spool, so that removing one loses at most an eighth of a small spool."""
_MAX_BODY: Final = 64 * 1024 * 1024
"""Most bytes of a frame's body: larger than any request, and small enough for the memory if a damaged file gives the length."""
_SEGMENT_NAME: Final = re.compile(r"(traces|metrics|logs|alerts)-(\d{8})")


class SpoolError(Exception):
    """The spool cannot be used; the message is for log lines."""


@dataclass(slots=True, eq=False)
class Segment:
    """A file of frames; ``items`` and ``frames`` count the undelivered ones."""

    path: Path
    signal: str
    file: KeptFile
    size: int = 0
    frames: int = 0
    items: int = 0
    sealed: bool = False
    gone: bool = False


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


class SegmentOwner(Protocol):
    """Counts the items of removed segments."""

    def segment_dropped(self, segment: Segment) -> None:
        """Count the items of *segment*, which was removed to make room; called with the spool's lock held."""


class Spool:
    """The spool of one destination in this process, and those of dead processes it has adopted."""

    def __init__(self, root: Path, destination: str, owner: SegmentOwner, *, max_bytes: int) -> None:
        """
        Prepare the spool; touches no file yet.

        Args:
            root: Folder of all spools of this user; if others use it, they are in a private folder below it.
            destination: Name of the destination, a line break, and its address; the folder's name depends on both.
            owner: Counts the segments that are removed to make room.
            max_bytes: Most bytes on disk; beyond them the oldest segments are removed.
        """
        self._root = root
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", destination.split("\n", 1)[0])[:40]
        self._folder_name = f"{name}-{hashlib.sha256(destination.encode()).hexdigest()[:12]}"
        self._max_bytes = max_bytes
        self._segment_bytes = min(_SEGMENT_BYTES, max(4096, max_bytes // _MIN_SEGMENTS))
        self._owner = owner
        self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._key = b""
        self._own: Path | None = None
        self._locks: dict[Path, KeptFile] = {}
        self._segments: list[Segment] = []  # oldest first
        self._active: dict[str, Segment] = {}
        self._number = 0

    # -- writing and reading ---------------------------------------------------------------------------------------

    def append(self, signal: str, count: int, body: bytes) -> Ref:
        """Write *body* with *count* items of *signal*. Raises OSError and SpoolError; then nothing is written."""
        return self.append_all(signal, [(count, body)])[0]

    def append_all(self, signal: str, bodies: Sequence[tuple[int, bytes]]) -> list[Ref]:
        """Write as many of *bodies*, each with its number of items, as one file holds, at least one; raises as append()."""
        with self._lock:
            self._open()
            frames: list[bytes] = []
            size = 0
            at_ms = int(time.time() * 1000)
            for count, body in bodies:
                if len(body) > _MAX_BODY:
                    raise SpoolError(f"a request of {len(body)} bytes is too large (limit: {_MAX_BODY})")
                size += _HEADER.size + len(body)
                if frames and size > self._segment_bytes:
                    break
                code = self._code(signal, at_ms, count, body)
                frames.append(_HEADER.pack(_MAGIC, _PENDING, len(body), at_ms, count, code) + body)
            segment = self._segment_for(signal, sum(map(len, frames)))
            offset = segment.size
            try:
                _write_all(
                    segment.file, b"".join(frames), offset
                )  # at once: each call may wait for the interpreter's lock
            except OSError:
                with suppress(OSError):
                    os.ftruncate(segment.file.descriptor, offset)
                raise
            refs = []
            for frame, (count, body) in zip(frames, bodies, strict=False):
                refs.append(Ref(segment, offset, len(body), count, at_ms / 1000))
                offset += len(frame)
                segment.items += count
            segment.size = offset
            segment.frames += len(frames)
            self._make_room(segment)
            return refs

    def read(self, ref: Ref) -> bytes | None:
        """Return the body of *ref*; None if it is gone or damaged."""
        with self._lock:
            try:
                data = os.pread(ref.segment.file.descriptor, _HEADER.size + ref.length, ref.offset)
            except OSError:
                return None
        if len(data) != _HEADER.size + ref.length:
            return None
        magic, _, length, at_ms, count, code = _HEADER.unpack_from(data)
        body = data[_HEADER.size :]
        expected = self._code(ref.segment.signal, at_ms, count, body)
        genuine = magic == _MAGIC and length == ref.length and hmac.compare_digest(code, expected)
        return body if genuine else None

    def done(self, ref: Ref) -> None:
        """Mark *ref* as delivered or dropped; remove its file if no other frame of the file waits."""
        with self._lock:
            segment = ref.segment
            if segment.file.is_closed:  # closed: another process may own it
                return
            with suppress(OSError):  # a frame without the mark is only delivered a second time, after a crash
                os.pwrite(segment.file.descriptor, _DONE, ref.offset + _STATE_AT)
            segment.frames -= 1
            segment.items -= ref.count
            if segment.frames:
                return
            if segment.sealed:
                self._remove(segment)
            else:
                with suppress(OSError):
                    os.ftruncate(segment.file.descriptor, 0)
                    segment.size = 0

    # -- contents --------------------------------------------------------------------------------------------------

    def items(self, signal: str) -> int:
        """Return the number of undelivered items of *signal* on disk."""
        with self._lock:
            return sum(segment.items for segment in self._segments if segment.signal == signal)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        with self._lock:
            return sum(segment.size for segment in self._segments)

    def adopt(self) -> dict[str, list[Ref]]:
        """
        Adopt the frames of dead processes for this destination; return them by signal, oldest first.

        Frames that are removed at once to make room are included; their segments are ``gone``. Raises like append().
        """
        refs: dict[str, list[Ref]] = {}
        with self._lock:
            self._open()
            adopted: list[Segment] = []
            for folder in sorted(self._folder.iterdir(), key=_modified):
                if folder in self._locks or folder.name.startswith(".") or folder.is_symlink() or not folder.is_dir():
                    continue
                with suppress(OSError):  # another process may be adopting it, or have emptied it
                    adopted.extend(self._take_over(folder, refs))
            self._segments[:0] = adopted
            self._make_room(None)
        return refs

    def _take_over(self, folder: Path, refs_by_signal: dict[str, list[Ref]]) -> list[Segment]:
        """Return the segments of *folder*, and add their frames to *refs_by_signal*; none if its process lives."""
        lock = KeptFile(folder / "lock", os.O_RDWR | os.O_NOFOLLOW)
        if not lock.lock():  # held by a living process
            lock.close()
            return []
        self._locks[folder] = lock
        taken: list[Segment] = []
        for path in sorted(folder.iterdir()):
            name = _SEGMENT_NAME.fullmatch(path.name)
            segment = _inherited(path, name[1]) if name is not None else None
            if segment is None:
                continue
            refs = _frames(segment)
            if refs:
                segment.frames, segment.items = len(refs), sum(ref.count for ref in refs)
                refs_by_signal.setdefault(segment.signal, []).extend(refs)
                taken.append(segment)
            else:
                segment.file.close()
                path.unlink(missing_ok=True)
        if not taken:
            self._remove_if_empty(folder)
        return taken

    # -- life ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close all files and locks; the next process delivers the frames that still wait."""
        with self._lock:
            self._closed = True
            for segment in self._segments:
                segment.file.close()
                if not segment.frames:
                    segment.path.unlink(missing_ok=True)
            for folder in tuple(self._locks):
                self._remove_if_empty(folder, ours=True)
            for lock in self._locks.values():
                lock.close()
            self._reset()

    def reset_after_fork(self) -> None:
        """Close the parent's files in a forked child without changing them."""
        for segment in self._segments:
            segment.file.close()
        for lock in self._locks.values():
            lock.close()
        self._reset()

    def _open(self) -> None:
        """Create the root, the key, the folder of this process and its lock, unless they exist."""
        if self._closed:
            raise SpoolError("the spool is closed")
        if self._own is not None and self._holds_locks():
            return
        root = private_folder_at(self._root)
        self._folder = root / self._folder_name
        make_private_folder(self._folder)
        self._key = _key(root)
        own = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        hidden = self._folder / f".{own.name}"  # hidden from other processes until it is locked
        hidden.mkdir(mode=0o700)
        lock = KeptFile(hidden / "lock", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        lock.lock()
        hidden.rename(own)
        lock.moved(own / "lock")
        self._locks[own] = lock
        self._own = own

    def _holds_locks(self) -> bool:
        """Return whether the folder of this process is still its own: the program may have closed its lock's descriptor."""
        try:
            for lock in self._locks.values():
                _ = lock.descriptor
        except OSError:  # another process has adopted it
            self._active.clear()
            return False
        return True

    def _segment_for(self, signal: str, size: int) -> Segment:
        active = self._active.get(signal)
        if active is not None and not active.gone and (not active.size or active.size + size <= self._segment_bytes):
            return active
        if active is not None:
            active.sealed = True
        assert self._own is not None  # noqa: S101 - _open() has made it
        self._number += 1
        path = self._own / f"{signal}-{self._number:08}"
        file = KeptFile(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        segment = self._active[signal] = Segment(path, signal, file)
        self._segments.append(segment)
        return segment

    def _make_room(self, newest: Segment | None) -> None:
        """Remove the oldest segments until the size is within the limit; never *newest*, which was just written to."""
        while self.size > self._max_bytes and (oldest := next((s for s in self._segments if s is not newest), None)):
            self._remove(oldest)
            if oldest.items:
                self._owner.segment_dropped(oldest)

    def _remove(self, segment: Segment) -> None:
        segment.gone = True
        with suppress(ValueError):
            self._segments.remove(segment)
        segment.file.close()
        with suppress(OSError):
            segment.path.unlink(missing_ok=True)
        if segment.path.parent != self._own:
            self._remove_if_empty(segment.path.parent)

    def _remove_if_empty(self, folder: Path, *, ours: bool = False) -> None:
        if any(segment.path.parent == folder and (segment.frames or not ours) for segment in self._segments):
            return
        with suppress(OSError):
            if all(path.name == "lock" for path in folder.iterdir()):
                (folder / "lock").unlink(missing_ok=True)
                folder.rmdir()
                if not ours and (lock := self._locks.pop(folder, None)) is not None:
                    lock.close()

    def _code(self, signal: str, at_ms: int, count: int, body: bytes) -> bytes:
        """Return the authentication code of a frame, which covers everything but its state."""
        head = f"{signal} {at_ms} {count} {len(body)} ".encode()
        code = hashlib.blake2b(head, key=self._key, digest_size=16)
        code.update(body)
        return code.digest()


def _inherited(path: Path, signal: str) -> Segment | None:
    try:
        file = KeptFile(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return None
    return Segment(path, signal, file, os.fstat(file.descriptor).st_size, sealed=True)


def _frames(segment: Segment) -> list[Ref]:
    """Return the undelivered frames of a dead process's file, up to the first damaged frame."""
    refs: list[Ref] = []
    offset = 0
    while offset + _HEADER.size <= segment.size:
        magic, state, length, at_ms, count, _ = _HEADER.unpack(os.pread(segment.file.descriptor, _HEADER.size, offset))
        whole = magic == _MAGIC and length <= _MAX_BODY and offset + _HEADER.size + length <= segment.size
        if not whole or count > max(1, length):  # no item is less than a byte
            break
        if state == _PENDING:
            refs.append(Ref(segment, offset, length, count, at_ms / 1000))
        offset += _HEADER.size + length
    return refs


def _write_all(file: KeptFile, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file.descriptor, view, offset)
        view, offset = view[written:], offset + written


def _key(root: Path) -> bytes:
    """Return the installation's key; the first process creates it. Raises SpoolError if other users can read it."""
    path = root / "key"
    candidate = root / f".key-{os.getpid()}-{secrets.token_hex(4)}"
    if not path.exists():
        descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(candidate, path)  # atomic, and it fails if another process has created the key first
        except FileExistsError:
            pass
        finally:
            candidate.unlink()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        key = file.read(64)
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077 or len(key) != 32:
        raise SpoolError(f"{path} is not a key of 32 bytes that only this user can read")
    return key


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
