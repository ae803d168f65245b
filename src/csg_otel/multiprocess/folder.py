"""
The private directory of a worker group: the publications of its workers, the total of the finished ones, and the locks.

Stores bytes without decoding them. A worker writes into two files by turns, so that one of them is always complete. It holds a
lock that the kernel releases when the worker dies. The rules: only files of this user are read; links are not followed; no
worker waits for another; the publication of a finished worker is added to the total exactly once.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from csg_otel import clocks
from csg_otel.descriptors import KeptFile
from csg_otel.multiprocess import slots
from csg_otel.multiprocess.family import Family, Process
from csg_otel.multiprocess.inquiry import Inquiry
from csg_otel.private_folder import NotPrivateError, make_private_folder, open_private, state_home

_MEMBER: Final = re.compile(r"(\d+)-[0-9a-f]{16}")
_MAX_FOLDED: Final = 4096
"""Most names of folded workers that are kept. A reader that has just read a worker's file must see if the total contains it."""

_RETURN_S: Final = 5.0
"""Seconds for a worker whose program has closed all descriptors to lock its files again; it looks twice a second."""

_WRITE: Final = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW

Fold = Callable[[bytes, list[bytes]], bytes]
"""Returns the total with the last publications of finished workers added to it."""


class FolderError(Exception):
    """The directory can't be used; the message gives the reason, for users."""


@dataclass(frozen=True, slots=True)
class Publication:
    """The last publication of one worker."""

    name: str
    pid: int
    living: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class Finished:
    """The total of finished workers, and the names of the workers in it."""

    folded: tuple[str, ...] = ()
    total: bytes = b""


def state_folder(variables: Mapping[str, str]) -> Path:
    """
    Return the directory of all groups: in the user's runtime directory, else in the state directory, else below ``/tmp``.

    The XDG Base Directory Specification defines the first two. All workers of a group must get the same directory.
    """
    runtime = Path(variables.get("XDG_RUNTIME_DIR", ""))
    for folder in (runtime if runtime.is_absolute() else None, state_home(variables)):
        if folder is None:
            continue
        with suppress(OSError, FolderError):
            make_private_folder(folder / "csg-otel")
            return folder / "csg-otel" / "workers"
    return Path(tempfile.gettempdir()) / f"csg-otel-{os.geteuid()}" / "workers"


class Folder:
    """The directory of one worker group, and the membership of this process in it."""

    def __init__(self, root: Path, family: Family, purpose: str) -> None:
        """
        Describe a group; no file is read or written yet.

        Args:
            root: The directory of all groups.
            family: The family of this process.
            purpose: The service and the address; workers of one family with different purposes are in different groups.
        """
        self._root = root
        self._family = family
        self.id = hashlib.sha256(f"{family}\n{purpose}".encode()).hexdigest()[:32]
        self._path = root / self.id
        self.name = ""
        self._slots: list[KeptFile] = []
        self._fifo: KeptFile | None = None
        self._number = 0
        self._serving: KeptFile | None = None
        self._unlocked_s: dict[str, float] = {}

    # -- this worker -----------------------------------------------------------------------------------------------

    @property
    def is_eldest(self) -> bool:
        """Whether this process is the first of its family; all others come later, and end with the family."""
        return self._family.is_own

    @property
    def is_alone(self) -> bool:
        """Whether this process is the eldest, and the group has no other member, neither living nor yet to be folded."""
        return self.is_eldest and all(name == self.name for name in self._names())

    def join(self) -> None:
        """
        Become a member, and remove groups whose processes have all ended. Raises OSError and FolderError.

        The eldest is woken: it publishes nothing while it is alone.
        """
        for folder in (self._root.parent, self._root, self._path):
            make_private_folder(folder)
        eldest = self._path / "eldest"
        if not eldest.exists():
            _replace(eldest, str(self._family).encode())
            self._remove_ended_groups()
        name = f"{os.getpid()}-{secrets.token_hex(8)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        hidden = self._path / f".{name}"
        self._slots = [KeptFile(hidden, flags), KeptFile(self._path / f"{name}.b", flags)]
        os.mkfifo(self._path / f"{name}.bell", 0o600)
        # Open for reading and writing: the call then does not wait for a writer, and a read never returns the end of the file.
        self._fifo = KeptFile(self._path / f"{name}.bell", os.O_RDWR | os.O_NONBLOCK)
        self._slots[0].lock()
        # Make the file visible only now, when it is locked: a file without a lock counts as that of a dead worker.
        hidden.rename(self._path / f"{name}.a")
        self._slots[0].moved(self._path / f"{name}.a")
        self.name = name
        eldest_pid = f"{self._family.pid}-"
        with self._request(other for other in self._names() if other.startswith(eldest_pid) and other != name):
            pass  # only the request is needed, not the publication

    def announce(self, service: str) -> None:
        """Leave the *service* of this process to the members of this group, if there are any, and wake them. Raises OSError."""
        if self._path.is_dir():
            _replace(self._path / "owner", f"{Process.identify(os.getpid())}\n{service}".encode())
            with self.request():
                pass

    def announced(self) -> str:
        """Return the service that a process has announced which still lives; empty without one. Raises OSError."""
        try:
            owner, _, service = _read_private(self._path / "owner").decode().partition("\n")
        except FileNotFoundError:
            return ""
        pid = owner.partition(" ")[0]
        return service if pid.isdigit() and owner == Process.identify(int(pid)) else ""

    @property
    def fifo(self) -> int:
        """The descriptor that becomes readable when another member requests a publication. Raises OSError without one."""
        if self._fifo is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._fifo.descriptor

    def hold(self) -> None:
        """Open and lock again what the program has closed, before this worker counts as dead. Raises OSError if it does."""
        for slot in self._slots:
            _ = slot.descriptor

    def wake(self) -> None:
        """Wake the thread of this process that waits for its FIFO."""
        with suppress(OSError):
            os.write(self.fifo, b".")

    def publish(self, body: bytes, began_ns: int) -> None:
        """Replace the older of the two last publications by *body*. Raises OSError, and FolderError if *body* is too long."""
        if len(body) > slots.MOST_BODY:
            raise FolderError(
                f"the metrics of this worker are {len(body)} bytes, and at most {slots.MOST_BODY} can be published for the "
                "other workers; reduce the number of series"
            )
        self._number += 1
        slots.write([slot.descriptor for slot in self._slots], self._number, began_ns, body)

    def leave(self, *, forget: bool = False) -> None:
        """End the membership. The last publication stays, to be added to the total; with *forget* it is removed."""
        name, self.name = self.name, ""
        if forget and name:
            self._remove(name)
        self._close()

    def reset_after_fork(self) -> None:
        """Close the parent's descriptors in a child; the parent keeps its locks."""
        self.name = ""
        self._number = 0
        self._close()

    def _close(self) -> None:
        for file in (*self._slots, self._fifo, self._serving):
            if file is not None:
                file.close()
        self._slots, self._fifo, self._serving = [], None, None

    def try_serve(self) -> bool:
        """Take the lock of the worker that serves, unless another living member holds it. Raises OSError."""
        if self._serving is not None:
            try:
                return self._serving.descriptor >= 0
            except OSError:  # the program has closed its descriptor, and another member has taken the turn
                self._serving = None
        lock = KeptFile(self._path / "turn", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
        if not lock.lock():
            lock.close()
            return False
        self._serving = lock
        return True

    @property
    def is_serving(self) -> bool:
        """Whether this process holds the lock of the worker that serves."""
        return self._serving is not None

    # -- the other workers -----------------------------------------------------------------------------------------

    def request(self) -> Inquiry:
        """Request a publication of every other living member; does not wait. Raises OSError."""
        return self._request(name for name in self._names() if name != self.name)

    def _request(self, names: Iterable[str]) -> Inquiry:
        fifos = {}
        for name in names:
            with suppress(OSError):  # the member has ended, so no process has its FIFO open for reading
                fifos[name] = os.open(self._path / f"{name}.bell", _WRITE)
        return Inquiry(fifos, self._has_published)

    def _has_published(self, name: str, since_ns: int) -> bool:
        with self._opened(name) as files:
            return slots.began(files) >= since_ns or not _living(files)

    def others(self) -> list[Publication]:
        """Return the last publications of the other members, finished ones included. Raises OSError."""
        return [self._read(name) for name in self._names() if name != self.name]

    def finished(self) -> Finished:
        """Return the total of finished workers. Call it after :meth:`others`, and leave out the workers in ``folded``."""
        try:
            data = _read_private(self._path / "finished")
            head, _, total = data.partition(b"\n")
            return Finished(tuple(json.loads(head)), total)
        except FileNotFoundError:
            return Finished()

    def fold(self, add: Fold) -> int:
        """
        Add the publications of finished workers to the total, remove their files, and return the number of these workers.

        Does nothing while another member folds. Raises OSError and every exception of *add*; then nothing has changed.
        """
        mutex = os.open(self._path / "mutex", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if not _locked(mutex):
                return 0
            before = self.finished()
            dead = [publication for publication in self.others() if self._has_ended(publication)]
            fresh = [publication for publication in dead if publication.name not in before.folded]
            if fresh:
                total = add(before.total, [publication.body for publication in fresh if publication.body])
                folded = (*before.folded, *(publication.name for publication in fresh))[-_MAX_FOLDED:]
                _replace(self._path / "finished", json.dumps(folded).encode() + b"\n" + total)
            for publication in dead:  # last, because the total that contains them must be on disk first
                self._remove(publication.name)
            return len(fresh)
        finally:
            os.close(mutex)

    def _has_ended(self, publication: Publication) -> bool:
        """Return whether a worker has ended: its lock is free, and its process gone or for a while without the lock."""
        if publication.living or not _runs(publication.pid):
            self._unlocked_s.pop(publication.name, None)
            return not publication.living
        now_s = clocks.monotonic()
        return now_s - self._unlocked_s.setdefault(publication.name, now_s) >= _RETURN_S

    def _names(self) -> list[str]:
        try:
            names = [path.stem for path in self._path.iterdir() if path.suffix == ".a"]
        except FileNotFoundError:  # the directory was removed while the program runs
            return []
        return [name for name in names if _MEMBER.fullmatch(name)]

    @contextmanager
    def _opened(self, name: str) -> Iterator[list[int]]:
        """Open both files of a member; the list is empty if the files have been folded and removed meanwhile."""
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
            living = _living(files)  # read first: if the worker is dead, the publication read after this is its last
            return Publication(name, int(name.partition("-")[0]), living, slots.newest(files))

    def _remove(self, name: str) -> None:
        for suffix in ("bell", "b", "a"):  # the file that makes the member visible is removed last
            with suppress(OSError):
                (self._path / f"{name}.{suffix}").unlink()

    def _remove_ended_groups(self) -> None:
        for path in self._root.iterdir():
            with suppress(OSError, ValueError, FolderError):
                if path != self._path and Family.parse(_read_private(path / "eldest").decode()).has_ended:
                    group = Folder(self._root, self._family, "")
                    group._path = path
                    if not any(publication.living for publication in group.others()):
                        shutil.rmtree(path, ignore_errors=True)


def _living(files: list[int]) -> bool:
    """Return whether the owner of a member's files lives; it holds a lock on the first."""
    return bool(files) and not _locked(files[0], fcntl.LOCK_SH)


def _runs(pid: int) -> bool:
    """Return whether another process with this number exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs as another user
        return True
    return pid != os.getpid()


def _locked(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_private(path: Path) -> int:
    """Open a file for reading. Raises OSError, and FolderError if it is a link or no file, or others may read or write it."""
    try:
        return open_private(path)
    except NotPrivateError as error:
        raise FolderError(str(error)) from None


def _read_private(path: Path) -> bytes:
    with os.fdopen(_open_private(path), "rb") as file:
        return file.read(slots.MOST_BODY)


def _replace(path: Path, data: bytes) -> None:
    """Replace the file *path* atomically: readers see the old content or the new content."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    temporary.replace(path)
