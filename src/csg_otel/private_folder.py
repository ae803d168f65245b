"""
Folders that only this user can enter, their keys, and the place where the user's state belongs.

For the spool, the files of worker groups and the access to dashboards: another user may have created a link or a folder before.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
)
"""Without waiting: opening a FIFO waits for a writer."""


class NotPrivateError(OSError):
    """A path is a link, is no directory, belongs to another user, or can be read by others."""


def make_private_folder(folder: Path) -> None:
    """
    Create *folder* and its parents; only this user can read and write it. An existing folder loses other users' permissions.

    Raises NotPrivateError if it is a link or belongs to another user, and OSError if it cannot be created.
    """
    _refuse_links_of_others(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        kind = "a link, " if stat.S_ISLNK(status.st_mode) else ""
        raise NotPrivateError(f"{folder} is {kind}not a directory of this user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        descriptor = os.open(folder, _FOLDER_FLAGS)  # not by its path: another user may put a link there at this moment
        try:
            os.fchmod(descriptor, 0o700)
        finally:
            os.close(descriptor)


def _refuse_links_of_others(folder: Path) -> None:
    """Raise NotPrivateError if a link on the way to *folder* belongs to another user than this one and root."""
    for parent in Path(os.path.abspath(folder)).parents:  # noqa: PTH100 - resolve() would follow the links
        try:
            status = parent.lstat()
        except OSError:  # it is made by this user, or the reason shows when it is used
            continue
        if stat.S_ISLNK(status.st_mode) and status.st_uid not in {0, os.geteuid()}:
            raise NotPrivateError(f"{parent} is a link of another user; name the folder that it leads to")


def open_private(path: Path) -> int:
    """
    Return a descriptor to read the file *path*, which only this user can read and write.

    Raises NotPrivateError if it is no regular file, or others own or can read it; OSError if it can't be opened, as a link.
    """
    descriptor = os.open(path, _FILE_FLAGS)
    status = os.fstat(descriptor)
    private = status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077
    if stat.S_ISREG(status.st_mode) and private:
        return descriptor
    os.close(descriptor)
    raise NotPrivateError(f"other users can read or write {path}, or own it, or it is no file; remove it")


def private_folder_at(path: Path) -> Path:
    """
    Return *path* as a private folder of this user, which is created; if others use it, a private folder below it.

    A folder such as ``/tmp`` or a mounted volume keeps its permissions. A link that this user has made is followed.
    Raises as :func:`make_private_folder`.
    """
    if _is_own_link(path):
        path = path.resolve()
    if _is_of_others(path):
        path /= f"csg-otel-{os.geteuid()}"
    make_private_folder(path)
    return path


def private_key(folder: Path, previous: bytes = b"") -> bytes:
    """
    Return the 32 random bytes in the file ``key`` of *folder*, which is private; the first process creates it.

    Raises NotPrivateError if other users can read the file, and OSError if it cannot be created.

    Args:
        folder: The folder.
        previous: The key to create if the file has been removed. Default: a new one.
    """
    path = folder / "key"
    candidate = folder / f".key-{os.getpid()}-{secrets.token_hex(4)}"
    if not path.exists():
        descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(previous or secrets.token_bytes(32))
            os.link(candidate, path)  # atomic, and it fails if another process has created the key first
        except FileExistsError:
            pass
        finally:
            candidate.unlink()
    with os.fdopen(open_private(path), "rb") as file:
        key = file.read(64)
    if len(key) != 32:
        raise NotPrivateError(f"{path} is not a key of 32 bytes; remove it")
    return key


def _is_own_link(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISLNK(status.st_mode) and status.st_uid == os.geteuid()


def _is_of_others(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    is_private = status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077
    return stat.S_ISDIR(status.st_mode) and not is_private


def state_home(variables: Mapping[str, str]) -> Path | None:
    """
    Return the folder for state of this user's programs by the XDG Base Directory Specification; None if the user has no home.

    A relative ``XDG_STATE_HOME`` is ignored. Without ``HOME``, as with cron or systemd, the user database has the home.
    """
    configured = Path(variables.get("XDG_STATE_HOME", ""))
    if configured.is_absolute():
        return configured
    return next((home / ".local" / "state" for home in _homes(variables) if home.is_absolute() and home.is_dir()), None)


def _homes(variables: Mapping[str, str]) -> Iterator[Path]:
    yield Path(variables.get("HOME", ""))
    import pwd

    try:
        yield Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:  # a container may run with a number that is no user
        return
