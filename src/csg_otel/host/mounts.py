"""
Which file systems hold data of this machine: what disk metrics and disk checks look at.

Only lists; knows nothing of how full they are. The rule: nothing is listed that could hang whoever asks for its size, so no
network file systems; and each device stands once, under its shortest path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Partitions = Callable[[bool], Iterable[Any]]
"""What ``psutil.disk_partitions`` is: True asks for all mounts, False for those on devices."""

_IMAGES: Final = frozenset({"squashfs", "erofs", "cramfs", "iso9660", "udf", "romfs"})
"""Always full, by design."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system."""

    device: str
    mountpoint: str
    fstype: str


def real_mounts(partitions: Partitions | None = None) -> list[Mount]:
    """
    Return the real file systems, ordered by path; *partitions* replaces ``psutil.disk_partitions``.

    The root counts whatever it is (``overlay`` in containers). Images (squashfs), memory (tmpfs), network file systems and
    files that are mounted one by one (``/etc/hosts`` in containers) do not. Empty if mounts can't be read.
    """
    try:
        found = list(_selected(partitions or _psutil_partitions()))
    except Exception:  # noqa: BLE001 - psutil raises what the platform does
        return []
    devices: dict[str, Mount] = {}
    for mount in sorted(found, key=lambda mount: (len(mount.mountpoint), mount.mountpoint)):
        devices.setdefault(mount.device, mount)
    return sorted(devices.values(), key=lambda mount: mount.mountpoint)


def _psutil_partitions() -> Partitions:
    import psutil

    return psutil.disk_partitions


def _selected(partitions: Partitions) -> Iterable[Mount]:
    # What is mounted over another hides it, so the last mount of a path is the one that is seen.
    roots = [part for part in partitions(True) if part.mountpoint == "/" and part.fstype != "rootfs"][-1:]
    for part in roots:
        yield Mount(part.device, part.mountpoint, part.fstype)
    for part in partitions(False):
        if part.mountpoint != "/" and part.fstype not in _IMAGES and _is_directory(part.mountpoint):
            yield Mount(part.device, part.mountpoint, part.fstype)


def _is_directory(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # below a directory we may not enter
        return False
