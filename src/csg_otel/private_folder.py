"""
Folders that only this user can enter.

For the spool and for the files of worker groups: in both places another user may have created a link or a folder before.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


class NotPrivateError(OSError):
    """A path is a link, is no directory, or belongs to another user."""


def make_private_folder(folder: Path) -> None:
    """
    Create *folder* and its parents; only this user can read and write it. An existing folder loses other users' permissions.

    Raises NotPrivateError if it is a link or belongs to another user, and OSError if it cannot be created.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise NotPrivateError(f"{folder} is not a directory of this user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)
