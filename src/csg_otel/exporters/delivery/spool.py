"""
The spool: undelivered requests on disk; bounded, crash-safe, authenticated, and adopted by the next process.

Each process has one folder per destination, with files (segments) of frames for each signal. A frame is written whole, and
marked after its delivery; a file is removed when all its frames are marked. The process holds a lock on its folder. The kernel
releases the lock when the process ends, so any process may adopt what is in a folder whose lock is free: it moves the files to
its own folder, and joins the small ones, so that a thousand short-lived processes leave a few files. The rules: only frames
with an authentication code made with this installation's key for this destination are sent; nothing is pickled; links are not
followed; a frame is read exactly as it was written, or not at all.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from csg_otel import clocks
from csg_otel.descriptors import KeptFile, is_at
from csg_otel.exporters.delivery.segment import MOST_BYTES, Key, Ref, Segment, SpoolError, frame_size
from csg_otel.private_folder import make_private_folder, private_folder_at, private_key

_MIN_SEGMENTS: Final = 8
"""Least number of files of a full spool, so that removing one loses at most an eighth of a small spool."""
_VERIFY_EVERY_S: Final = 1.0
"""Seconds between two looks for files that another program has removed while this one writes."""
_ORPHANED_S: Final = 90.0
"""Age in seconds from which a folder whose lock was removed has no owner: a living one leaves it within 30 s, as it adopts."""
_SMALL: Final = 4
"""The files of dead processes below this part of the most bytes of a file are small: their frames are joined in one."""

SEGMENT_NAME: Final = re.compile(r"(traces|metrics|logs|alerts)-(\d{8})")
ABOUT: Final = "about"
"""Name of the file beside the folders of the processes that says whose spool it is: see ``left_behind``."""


class SegmentOwner(Protocol):
    """Counts the items of removed segments."""

    def segment_dropped(self, segment: Segment) -> None:
        """Count the items of *segment*, which was removed to make room; called with the spool's lock held."""


class Spool:
    """The spool of one destination in this process, and those of dead processes it has adopted."""

    def __init__(self, root: Path, destination: str, owner: SegmentOwner, *, max_bytes: int, about: str = "") -> None:
        """
        Prepare the spool; touches no file yet.

        Args:
            root: Folder of all spools of this user; if others use it, they are in a private folder below it.
            destination: Name of the destination, a line break, and its address; the folder's name depends on both.
            owner: Counts the segments that are removed to make room.
            max_bytes: Most bytes on disk; beyond them the oldest segments are removed.
            about: What the file ``about`` in the folder of the destination has. Default: there is no such file.
        """
        self._root = root
        self._about = about
        self._destination = destination
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", destination.split("\n", 1)[0])[:40]
        self.folder_name = f"{name}-{hashlib.sha256(destination.encode()).hexdigest()[:12]}"
        self._max_bytes = max_bytes
        self._segment_bytes = min(MOST_BYTES, max(4096, max_bytes // _MIN_SEGMENTS))
        self._owner = owner
        self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._key = Key(b"", b"")
        self._own: Path | None = None
        self._own_lock: KeptFile | None = None
        self._segments: list[Segment] = []  # oldest first, so the adopted ones come first
        self._active: dict[tuple[str, bool], Segment] = {}
        self._number = 0
        self._verified_at = clocks.monotonic()

    # -- writing and reading ---------------------------------------------------------------------------------------

    def append(self, signal: str, count: int, body: bytes) -> Ref:
        """Write *body* with *count* items of *signal*. Raises OSError and SpoolError; then nothing is written."""
        return self.append_all(signal, [(count, body)])[0]

    def append_all(self, signal: str, bodies: Sequence[tuple[int, bytes]]) -> list[Ref]:
        """Write as many of *bodies*, each with its number of items, as one file holds, at least one; raises as append()."""
        with self._lock:
            self._open()
            if clocks.monotonic() - self._verified_at > _VERIFY_EVERY_S:
                self._restore()
            fitting, size = 0, 0
            for _, body in bodies:
                if size + (frame := frame_size(body)) > self._segment_bytes and fitting:
                    break
                fitting, size = fitting + 1, size + frame
            segment = self._writable(signal, size)
            refs = segment.write(bodies[:fitting], self._key)
            self._make_room(segment)
            return refs

    def _writable(self, signal: str, size: int) -> Segment:
        try:
            return self._segment_for(signal, size)
        except FileNotFoundError:  # another program has removed the folder since the last look
            self._restore()
            return self._segment_for(signal, size)

    def read(self, ref: Ref) -> bytes | None:
        """Return the body of *ref*; None if it is gone or damaged."""
        with self._lock:
            return ref.segment.read(ref, self._key)

    def done(self, ref: Ref) -> None:
        """Mark *ref* as delivered or dropped; remove its file if no other frame of the file waits."""
        with self._lock:
            segment = ref.segment
            if segment.file.is_closed:  # closed: another process may own it
                return
            segment.mark_done(ref)
            if segment.sealed and not segment.frames:
                self._remove(segment)

    def verify(self) -> None:
        """Write again what another program has removed from the disk; segments for which that fails are ``lost``."""
        with self._lock:
            if self._segments and not self._closed:
                with suppress(OSError, SpoolError):
                    self._open()
                    self._restore()
                    return
                for segment in self._segments:
                    segment.lost = not segment.is_in_place()

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

    def adopt(self, deadline: float = math.inf) -> dict[str, list[Ref]]:
        """
        Adopt the frames of dead processes for this destination; return them by signal, oldest first.

        Ends at monotonic *deadline*; what it has not reached then is adopted the next time. Frames that are removed at once to
        make room are included; their segments are ``gone``. Raises like append().
        """
        refs: dict[str, list[Ref]] = {}
        with self._lock:
            self._open()
            self._restore()  # what another process would adopt, because the lock was removed
            folders = sorted(self._folder.iterdir(), key=_modified)
        for folder in folders:
            if clocks.monotonic() >= deadline:
                break
            with self._lock:  # for a moment each, because the threads that write to the spool wait for it
                if folder == self._own or folder.name.startswith(".") or folder.is_symlink() or not folder.is_dir():
                    continue
                self._open()
                with suppress(OSError):  # another process may be adopting it, or have emptied it
                    self._take_over(folder, refs)
                self._make_room(None)
        with self._lock:
            for signal, adopted in tuple(self._active):
                if adopted:
                    self._active.pop((signal, True)).sealed = True
        return refs

    def _take_over(self, folder: Path, refs_by_signal: dict[str, list[Ref]]) -> None:
        """Move the frames of *folder* to this process's folder and add them to *refs_by_signal*, unless its process lives."""
        lock = lock_of_the_dead(folder)
        if lock is None:
            return
        try:
            for path in sorted(folder.iterdir()):
                name = SEGMENT_NAME.fullmatch(path.name)
                segment = Segment.inherit(path, name[1]) if name is not None else None
                if segment is not None:
                    refs_by_signal.setdefault(segment.signal, []).extend(self._taken(segment))
        finally:
            _remove_if_empty(folder)
            lock.close()

    def _taken(self, segment: Segment) -> Sequence[Ref]:
        """Return the undelivered frames of a dead process's *segment* where they are now: in this process's folder."""
        refs = segment.undelivered()
        if not refs or segment.size < self._segment_bytes // _SMALL:
            with suppress(OSError):  # on a full disk, the file itself is moved
                joined = (
                    self._segment_for(segment.signal, segment.size, adopted=True).join(segment, refs) if refs else []
                )
                segment.remove()
                return joined
        segment.rename(self._new_path(segment.signal))
        segment.frames, segment.items = len(refs), sum(ref.count for ref in refs)
        self._insert(segment)
        return refs

    def _insert(self, segment: Segment) -> None:
        """Add *segment*: behind the other adopted ones, or else as the newest."""
        adopted = sum(present.adopted for present in self._segments)
        self._segments.insert(adopted if segment.adopted else len(self._segments), segment)

    # -- life ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close all files and locks; the next process delivers the frames that still wait."""
        with self._lock:
            self._closed = True
            for segment in self._segments:
                segment.file.close()
                if not segment.frames:
                    segment.path.unlink(missing_ok=True)
            if self._own is not None and not any(segment.frames for segment in self._segments):
                _remove_if_empty(self._own)
            self._close_lock()
            self._reset()

    def reset_after_fork(self) -> None:
        """Close the parent's files in a forked child without changing them."""
        for segment in self._segments:
            segment.file.close()
        self._close_lock()
        self._reset()

    def _close_lock(self) -> None:
        if self._own_lock is not None:
            self._own_lock.close()

    def _open(self) -> None:
        """Create the root, the key, the folder of this process and its lock, unless they exist."""
        if self._closed:
            raise SpoolError("the spool is closed")
        if self._own is not None and self._holds_lock():
            return
        self._make_folders()
        own = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        hidden = self._folder / f".{own.name}"  # hidden from other processes until it is locked
        hidden.mkdir(mode=0o700)
        lock = KeptFile(hidden / "lock", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        lock.lock()
        hidden.rename(own)
        lock.moved(own / "lock")
        self._own, self._own_lock = own, lock

    def _make_folders(self) -> None:
        root = private_folder_at(self._root)
        self._folder = root / self.folder_name
        make_private_folder(self._folder)
        if self._about and not (self._folder / ABOUT).exists():
            (self._folder / ABOUT).write_text(self._about, "utf-8")
        if not self._key.installation:
            self._key = Key.of(private_key(root), self._destination)

    def _holds_lock(self) -> bool:
        """Return whether the folder of this process is still its own: the program may have closed its lock's descriptor."""
        try:
            _ = self._own_lock and self._own_lock.descriptor
        except OSError:  # another process has adopted it
            self._active.clear()
            return False
        return True

    def _restore(self) -> None:
        """Write again the segments that are in place no longer, or whose folder or key was removed. Raises as append()."""
        self._make_folders()
        key = Key.of(private_key(self._folder.parent, self._key.installation), self._destination)
        own, lock = self._own, self._own_lock
        if own is not None and lock is not None and not is_at(lock, own / "lock"):
            lock.close()
            self._own = None
            self._active.clear()
            self._open()
        for segment in self._segments:
            if key != self._key or segment.path.parent != self._own or not segment.is_in_place():
                segment.lost = True
                segment.move(self._new_path(segment.signal), self._key, key)
                segment.sealed = True
        self._key = key
        self._verified_at = clocks.monotonic()

    def _segment_for(self, signal: str, size: int, *, adopted: bool = False) -> Segment:
        active = self._active.get((signal, adopted))
        if active is not None and not (active.gone or active.sealed):
            if not active.size or active.size + size <= self._segment_bytes:
                return active
            active.sealed = True
        segment = self._active[signal, adopted] = Segment.create(self._new_path(signal), signal, adopted=adopted)
        self._insert(segment)
        return segment

    def _new_path(self, signal: str) -> Path:
        assert self._own is not None  # noqa: S101 - _open() has made it
        self._number += 1
        return self._own / f"{signal}-{self._number:08}"

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
        segment.remove()


def _remove_if_empty(folder: Path) -> None:
    """Remove *folder* if only its lock is in it; call it with the lock held."""
    with suppress(OSError):
        if all(path.name == "lock" for path in folder.iterdir()):
            (folder / "lock").unlink(missing_ok=True)
            folder.rmdir()


def lock_of_the_dead(folder: Path) -> KeptFile | None:
    """Return the lock of *folder*, held by this process; None if the folder's process lives. Raises OSError."""
    path, flags = folder / "lock", os.O_RDWR | os.O_NOFOLLOW
    is_orphaned = time.time() - _modified(folder) > _ORPHANED_S
    lock = KeptFile(path, flags | (os.O_CREAT if is_orphaned else 0))
    if lock.lock() and is_at(lock, path):
        return lock
    lock.close()  # a living process holds it, or another one has adopted the folder at this moment
    return None


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
