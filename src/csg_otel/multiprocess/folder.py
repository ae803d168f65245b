"""
The private directory of one group of workers: what each has published, what finished ones have left, and whose turn it is.

Knows bytes, not metrics. A worker writes into two files by turns, so that one of them is always whole, and holds a lock the
kernel takes from it when it dies. The rules: only files of this user are read, links are not followed, nobody waits for
another process, and what a finished worker has left is folded into the total exactly once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from csg_otel.multiprocess import slots
from csg_otel.multiprocess.family import Family
from csg_otel.multiprocess.inquiry import Inquiry
from csg_otel.private_folder import make_private_folder

_MEMBER: Final = re.compile(r"(\d+)-[0-9a-f]{16}")
_MOST_FOLDED: Final = 4096
"""Names of folded workers that are remembered, for readers that have read their files just before."""

_WRITE: Final = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW

Fold = Callable[[bytes, list[bytes]], bytes]
"""Adds the last publications of finished workers to the total."""


class FolderError(Exception):
    """The directory can't be used; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What one worker has published last."""

    name: str
    pid: int
    living: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class Finished:
    """The total of the workers that are no more, and which of them it holds."""

    folded: tuple[str, ...] = ()
    total: bytes = b""


def state_folder(variables: Mapping[str, str]) -> Path:
    """
    Return where groups are kept: the user's runtime directory, or else the state directory, or else one below ``/tmp``.

    The first two are those of the XDG Base Directory Specification. All workers of a group must find the same.
    """
    runtime = variables.get("XDG_RUNTIME_DIR", "")
    state = variables.get("XDG_STATE_HOME") or (f"{variables['HOME']}/.local/state" if "HOME" in variables else "")
    for folder in filter(None, (runtime, state)):
        with suppress(OSError, FolderError):
            make_private_folder(Path(folder) / "csg-otel")
            return Path(folder) / "csg-otel" / "workers"
    return Path(tempfile.gettempdir()) / f"csg-otel-{os.geteuid()}" / "workers"


class Folder:
    """One group's directory, and this process's place in it."""

    def __init__(self, root: Path, family: Family, what: str) -> None:
        """Mean the group of *family* that does *what* (service, address); touches no file yet."""
        self._root = root
        self._family = family
        self.id = hashlib.sha256(f"{family}\n{what}".encode()).hexdigest()[:32]
        self._path = root / self.id
        self.name = ""
        self._slots: list[int] = []
        self._bell = -1
        self._number = 0
        self._turn = -1

    # -- this process ----------------------------------------------------------------------------------------------

    def join(self) -> None:
        """Become a member; what dead groups have left is removed. Raises OSError and FolderError."""
        for folder in (self._root.parent, self._root, self._path):
            make_private_folder(folder)
        eldest = self._path / "eldest"
        if not eldest.exists():
            _replace(eldest, str(self._family).encode())
            self._remove_dead_groups()
        name = f"{os.getpid()}-{secrets.token_hex(8)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        hidden = self._path / f".{name}"
        self._slots = [os.open(hidden, flags, 0o600), os.open(self._path / f"{name}.b", flags, 0o600)]
        os.mkfifo(self._path / f"{name}.bell", 0o600)
        # For reading and writing, so that it can be opened at once and never shows an end.
        self._bell = os.open(self._path / f"{name}.bell", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.flock(self._slots[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
        hidden.rename(self._path / f"{name}.a")  # seen only once it is locked, so that nobody takes it for a dead one's
        self.name = name

    @property
    def bell(self) -> int:
        """The descriptor that becomes readable when another member wants a publication."""
        return self._bell

    def ring(self) -> None:
        """Wake whoever waits for this process's own bell."""
        with suppress(OSError):
            os.write(self._bell, b".")

    def publish(self, body: bytes, began_ns: int) -> None:
        """Write *body* where the last publication but one stands. Raises OSError, and FolderError if it is too long."""
        if len(body) > slots.MOST_BODY:
            raise FolderError(f"{len(body)} bytes of metrics are more than workers can tell each other")
        self._number += 1
        slots.write(self._slots, self._number, began_ns, body)

    def leave(self, *, forget: bool = False) -> None:
        """End the membership; with *forget*, as if it had never been. What was published last stays for the total."""
        name, self.name = self.name, ""
        if forget and name:
            self._remove(name)
        self._close()

    def reset_after_fork(self) -> None:
        """Close the parent's descriptors in a child; the parent's locks stay its own."""
        self.name = ""
        self._number = 0
        self._close()

    def _close(self) -> None:
        for descriptor in (*self._slots, self._bell, self._turn):
            if descriptor >= 0:
                with suppress(OSError):
                    os.close(descriptor)
        self._slots, self._bell, self._turn = [], -1, -1

    def take_turn(self) -> bool:
        """Be the one that serves, if no other living member is. Raises OSError."""
        if self._turn < 0:
            turn = os.open(self._path / "turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            if not _locked(turn):
                os.close(turn)
                return False
            self._turn = turn
        return True

    @property
    def has_turn(self) -> bool:
        """Whether this process is the one that serves."""
        return self._turn >= 0

    # -- the others ------------------------------------------------------------------------------------------------

    def ask(self) -> Inquiry:
        """Ask every other living member to publish now; does not wait. Raises OSError."""
        bells = {}
        for name in self._names():
            if name != self.name:
                with suppress(OSError):  # nobody listens any more
                    bells[name] = os.open(self._path / f"{name}.bell", _WRITE)
        return Inquiry(bells, self._has_published)

    def _has_published(self, name: str, since_ns: int) -> bool:
        with self._opened(name) as files:
            return slots.began(files) >= since_ns or not _living(files)

    def others(self) -> list[Publication]:
        """Return what the other members have published last, finished ones included. Raises OSError."""
        return [self._read(name) for name in self._names() if name != self.name]

    def finished(self) -> Finished:
        """Return the total of finished workers; read after :meth:`others`, and leave out of those what it holds."""
        try:
            data = _read_private(self._path / "finished")
            head, _, total = data.partition(b"\n")
            return Finished(tuple(json.loads(head)), total)
        except FileNotFoundError:
            return Finished()

    def fold(self, add: Fold) -> int:
        """
        Add what finished workers have left to the total, and remove their files; returns how many there were.

        Does nothing while another member does it. Raises OSError and whatever *add* raises; then nothing has changed.
        """
        mutex = os.open(self._path / "mutex", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if not _locked(mutex):
                return 0
            before = self.finished()
            dead = [one for one in self.others() if not one.living]
            fresh = [one for one in dead if one.name not in before.folded]
            if fresh:
                total = add(before.total, [one.body for one in fresh if one.body])
                folded = (*before.folded, *(one.name for one in fresh))[-_MOST_FOLDED:]
                _replace(self._path / "finished", json.dumps(folded).encode() + b"\n" + total)
            for one in dead:  # only now, because a total that holds them is written whole
                self._remove(one.name)
            return len(fresh)
        finally:
            os.close(mutex)

    def _names(self) -> list[str]:
        names = (path.stem for path in self._path.iterdir() if path.suffix == ".a")
        return [name for name in names if _MEMBER.fullmatch(name)]

    @contextmanager
    def _opened(self, name: str) -> Iterator[list[int]]:
        """Open both files of a member; neither if they have been folded and removed meanwhile."""
        files: list[int] = []
        try:
            with suppress(FileNotFoundError):
                files.append(_open_private(self._path / f"{name}.a"))
                files.append(_open_private(self._path / f"{name}.b"))
            yield files
        finally:
            for file in files:
                os.close(file)

    def _read(self, name: str) -> Publication:
        with self._opened(name) as files:
            living = _living(files)  # before reading, so that what a dead one has left is its last word
            return Publication(name, int(name.partition("-")[0]), living, slots.newest(files))

    def _remove(self, name: str) -> None:
        for suffix in ("bell", "b", "a"):  # the one that makes it seen comes last
            with suppress(OSError):
                (self._path / f"{name}.{suffix}").unlink()

    def _remove_dead_groups(self) -> None:
        for path in self._root.iterdir():
            with suppress(OSError, ValueError, FolderError):
                if path != self._path and Family.parse(_read_private(path / "eldest").decode()).over:
                    group = Folder(self._root, self._family, "")
                    group._path = path
                    if not any(one.living for one in group.others()):
                        shutil.rmtree(path, ignore_errors=True)


def _living(files: list[int]) -> bool:
    """Tell whether the owner of a member's files lives; its lock is on the first."""
    return bool(files) and not _locked(files[0], fcntl.LOCK_SH)


def _locked(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_private(path: Path) -> int:
    """Open a file for reading. Raises OSError, and FolderError if it is not this user's alone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        os.close(descriptor)
        raise FolderError(f"{path} is not this user's alone")
    return descriptor


def _read_private(path: Path) -> bytes:
    with os.fdopen(_open_private(path), "rb") as file:
        return file.read(slots.MOST_BODY)


def _replace(path: Path, data: bytes) -> None:
    """Write the file whole or not at all."""
    made = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    made.replace(path)
