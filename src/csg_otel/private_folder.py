"""
Folders for one user alone.

For the spool and for the files that workers share: both lie where another user may have placed a link or a folder first.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


class NotPrivateError(OSError):
    """A path is a link, no directory, or another user's."""


def make_private_folder(folder: Path) -> None:
    """
    Make *folder* with its parents, readable and writable for this user alone; one that exists loses other users' rights.

    Raises NotPrivateError if it is a link or another user's, and OSError if it cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise NotPrivateError(f"{folder} is not a directory of this user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)
