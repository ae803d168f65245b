"""
The table of mounts: by the kernel's file, elsewhere by psutil.

The rule: on Linux the result is that of psutil, which costs 22 ms to import.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from csg_otel.host.kernel_files import content_of

FILE: Final = "/proc/self/mounts"
_TYPES: Final = "/proc/filesystems"
_BLOCK_DEVICES: Final = "/proc/partitions"
_OF_THE_BOOT: Final = frozenset({"/dev/root", "rootfs"})
"""Names that the kernel has for the device of the root when it mounts it by itself."""

_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")


class Partition(NamedTuple):
    """One mount, with the names of ``psutil.disk_partitions``."""

    device: str
    mountpoint: str
    fstype: str


def partitions(everything: bool) -> Iterable[Any]:
    """Return all mounts if *everything* is true, else those on devices; any error of psutil is raised."""
    table = content_of(FILE)
    types = None if everything else content_of(_TYPES)
    if table is None or (types is None and not everything):
        import psutil

        return psutil.disk_partitions(everything)
    mounts = [Partition(*map(_text, line.split(b" ", 3)[:3])) for line in table.splitlines()]
    mounts = [mount._replace(device=_device(mount.device)) for mount in mounts]
    if types is None:
        return mounts
    on_devices = _types_on_devices(types)
    return [mount for mount in mounts if mount.device and mount.fstype in on_devices]


def _text(field: bytes) -> str:
    return os.fsdecode(_ESCAPED.sub(lambda escaped: bytes([int(escaped[1], 8) & 0xFF]), field))


def _types_on_devices(types: bytes) -> set[str]:
    # ZFS has no device in the sense of the kernel.
    rows = (line.partition(b"\t") for line in types.splitlines())
    return {_text(name) for kind, _, name in rows if not kind or name == b"zfs"}


def _device(name: str) -> str:
    if name in _OF_THE_BOOT:
        return _root_device() or name
    return "" if name == "none" else name


def _root_device() -> str | None:
    """Return the path of the root's device, by its number; None if there is none."""
    number = Path("/").stat().st_dev
    wanted = [str(os.major(number)).encode(), str(os.minor(number)).encode()]
    for line in (content_of(_BLOCK_DEVICES) or b"").splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[:2] == wanted:
            path = f"/dev/{os.fsdecode(fields[3])}"
            return path if os.path.exists(path) else None  # noqa: PTH110 - as text
    return None
