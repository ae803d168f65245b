"""
The file systems that hold data of this machine, for disk metrics and disk checks.

Lists them only; their sizes are read elsewhere. The rules: network file systems are left out, because reading their size may
hang; and each device is listed once, under its shortest path.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from csg_otel import clocks
from csg_otel.host import mount_table
from csg_otel.host.kernel_files import LOOK_AGAIN_S, KernelFiles

Partitions = Callable[[bool], Iterable[Any]]
"""The type of :func:`mount_table.partitions` and of psutil's: True returns all mounts, False those on devices."""

_IMAGES: Final = frozenset({"squashfs", "erofs", "cramfs", "iso9660", "udf", "romfs"})
"""Types of images, which are always full by design."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system."""

    device: str
    mountpoint: str
    fstype: str


def real_mounts(partitions: Partitions | None = None) -> list[Mount]:
    """
    Return the real file systems, ordered by path; *partitions* replaces the list of the system.

    The root is listed whatever its type (``overlay`` in containers). Images (squashfs), memory (tmpfs), network file systems
    and single files that are mounted (``/etc/hosts`` in containers) are not. Empty if mounts can't be read.
    """
    try:
        mounts = list(_selected(partitions or mount_table.partitions))
    except Exception:  # noqa: BLE001 - psutil raises any error of the platform
        return []
    devices: dict[str, Mount] = {}
    for mount in sorted(mounts, key=lambda mount: (len(mount.mountpoint), mount.mountpoint)):
        devices.setdefault(mount.device, mount)
    return sorted(devices.values(), key=lambda mount: mount.mountpoint)


def is_read_only(stat: os.statvfs_result) -> bool:
    """
    Return whether the file system with this *stat* is read-only: nothing can fill it, so no limit of space applies to it.

    Its type does not say so, because every type can be mounted read-only, and an error can make any file system so.
    """
    return bool(stat.f_flag & os.ST_RDONLY)


class KeptMounts:
    """The real file systems, listed again when the kernel reports a change of its table of mounts, and once a minute."""

    def __init__(self, files: KernelFiles) -> None:
        """Watch the table by *files*."""
        self._files = files
        self._mounts: list[Mount] = []
        self._list_at_s = 0.0

    def __call__(self) -> list[Mount]:
        """Return the real file systems at this moment, as :func:`real_mounts` does."""
        # The order matters: a change while the table is read is reported at the next call.
        if not self._files.is_unchanged(mount_table.FILE) or clocks.monotonic() >= self._list_at_s:
            self._mounts = real_mounts()
            self._list_at_s = clocks.monotonic() + (LOOK_AGAIN_S if self._mounts else 0.0)
        return self._mounts


def _selected(partitions: Partitions) -> Iterable[Mount]:
    # A later mount on the same path hides the earlier ones.
    roots = [part for part in partitions(True) if part.mountpoint == "/" and part.fstype != "rootfs"][-1:]
    for part in roots:
        yield Mount(part.device, part.mountpoint, part.fstype)
    for part in partitions(False):
        if part.mountpoint != "/" and part.fstype not in _IMAGES and _is_directory(part.mountpoint):
            yield Mount(part.device, part.mountpoint, part.fstype)


def _is_directory(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # below a directory this process may not enter
        return False
