"""What `csg_otel.host.mounts` promises, on given partitions and on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from csg_otel.host.mounts import Mount, real_mounts


class Part(NamedTuple):
    """What psutil returns."""

    device: str
    mountpoint: str
    fstype: str


def listing(physical: list[Part], others: list[Part]) -> object:
    """Return a `psutil.disk_partitions` that finds *physical* on devices and *others* besides."""

    def partitions(everything: bool) -> Iterable[Part]:
        return [*others, *physical] if everything else physical

    return partitions


def found(physical: list[Part], others: list[Part] | None = None) -> list[Mount]:
    return real_mounts(listing(physical, others or []))  # type: ignore[arg-type]


def test_container(tmp_path: Path) -> None:
    """In a container the overlay root and volumes count; single files, memory and images do not."""
    hosts = tmp_path / "hosts"
    hosts.touch()
    physical = [Part("/dev/a", str(hosts), "ext4"), Part("/dev/b", str(tmp_path), "xfs")]
    physical.append(Part("/dev/loop0", str(tmp_path), "squashfs"))
    others = [Part("overlay", "/", "overlay"), Part("tmpfs", "/run", "tmpfs"), Part("srv:/x", "/mnt", "nfs4")]

    assert [Mount("overlay", "/", "overlay"), Mount("/dev/b", str(tmp_path), "xfs")] == found(physical, others)


def test_each_device_once(tmp_path: Path) -> None:
    """A device mounted several times is listed once, under its shortest path."""
    inner = tmp_path / "deeper"
    inner.mkdir()
    mounts = found([Part("/dev/a", str(inner), "btrfs"), Part("/dev/a", str(tmp_path), "btrfs")])

    assert [Mount("/dev/a", str(tmp_path), "btrfs")] == mounts


def test_root_is_what_is_seen() -> None:
    """Of several mounts on the root the last one, which hides the others, is listed; rootfs never is."""
    mounts = found([], [Part("rootfs", "/", "rootfs"), Part("a", "/", "ext4"), Part("b", "/", "overlay")])

    assert [Mount("b", "/", "overlay")] == mounts


def test_missing_directory_is_not_listed(tmp_path: Path) -> None:
    """A mount point this process can't see is left out."""
    assert found([Part("/dev/a", str(tmp_path / "gone"), "ext4")]) == []


def test_failure_is_an_empty_list() -> None:
    """A platform that can't list mounts has none."""

    def failing(everything: bool) -> Iterable[Part]:
        raise PermissionError("no /proc")

    assert real_mounts(failing) == []


def test_this_machine() -> None:
    """On the machine the tests run on the root is listed, and every size can be asked for."""
    mounts = real_mounts()

    assert "/" in {mount.mountpoint for mount in mounts}
    assert all([os.statvfs(mount.mountpoint).f_blocks >= 0 for mount in mounts])
