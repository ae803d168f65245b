"""
The limits of this process's control group on memory and CPU, and the group's usage of them; cgroup v1 and v2.

Reads a few files and raises no exceptions. The rule: a limit may be set at the process's group or at any of its ancestors;
the lowest limit counts. The usage is that of the group with this limit, because the kernel compares these two.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from csg_otel import clocks
from csg_otel.host.kernel_files import LOOK_AGAIN_S, KernelFiles, integer, number

_Limit = TypeVar("_Limit", int, float)

_NO_LIMIT_BY: Final = 1 << 60
"""Version 1 writes "no limit" as the largest multiple of the page size that fits in 63 bits; this is well below it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Limits and usage of this process's control group; None for a limit that is not set and a value that can't be read.

    Memory is in bytes; ``memory_usage`` is the working set (usage without the page cache the kernel drops first).
    ``cpu_limit`` is a number of CPUs; ``cpu_time_s`` is the CPU time of the group since it was made, in seconds;
    ``cpu_user_s`` and ``cpu_system_s`` are its modes.
    """

    memory_limit: int | None = None
    memory_usage: int | None = None
    cpu_limit: float | None = None
    cpu_time_s: float | None = None
    cpu_user_s: float | None = None
    cpu_system_s: float | None = None


def read(root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> Limits:
    """Return the limits and usage, below *root*, of the group that *proc* lists for this process."""
    files = KernelFiles()
    try:
        return Groups(files, root, proc).read()
    finally:
        files.close()


@dataclass(frozen=True, slots=True)
class _Folders:
    """The folders of the groups from the process's own to the root, for memory, CPU limits and, in version 1, CPU times."""

    memory: tuple[str, ...] = ()
    cpu: tuple[str, ...] = ()
    accounted: tuple[str, ...] = ()
    legacy_memory: bool = False
    legacy_cpu: bool = False


class Groups:
    """The control groups of this process; their folders are looked for once, and again where the process has moved."""

    def __init__(self, files: KernelFiles, root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> None:
        """Read by *files* below *root* the groups that *proc* lists for this process."""
        self._files = files
        self._root = root
        self._list = f"{proc}/self/cgroup"
        self._membership: bytes | None = None
        self._folders = _Folders()
        self._look_at_s = 0.0

    def read(self) -> Limits:
        """Return the limits and usage at this moment."""
        membership, now_s = self._files.find(self._list) or b"", clocks.monotonic()
        if membership != self._membership or now_s >= self._look_at_s:
            if membership != self._membership and self._membership is not None:
                self._files.close()  # those of the former group, too
            self._folders = _folders(self._root, _paths(membership.decode(errors="replace")))
            self._membership, self._look_at_s = membership, now_s + LOOK_AGAIN_S
        memory_limit, memory_usage = self._memory(self._folders)
        cpu_limit, times = self._legacy_cpu(self._folders) if self._folders.legacy_cpu else self._cpu(self._folders)
        return Limits(memory_limit, memory_usage, cpu_limit, *times)

    # -- memory --------------------------------------------------------------------------------------------------------

    def _memory(self, folders: _Folders) -> tuple[int | None, int | None]:
        groups = folders.memory
        if not groups:
            return None, None
        if folders.legacy_memory:
            limit_file, usage_file, cache_key = (
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                b"total_inactive_file ",
            )
        else:
            limit_file, usage_file, cache_key = "memory.max", "memory.current", b"inactive_file "
        limits = [(_below_no_limit(self._number(f"{folder}/{limit_file}")), folder) for folder in groups]
        table = b""
        if folders.legacy_memory:
            # Version 1 adds up the ancestors here, also those that a container can't see.
            table = self._files.find(f"{groups[0]}/memory.stat") or b""
            limits.append((_below_no_limit(number(table, b"hierarchical_memory_limit ")), groups[0]))
        limit, group = _tightest(limits)
        group = group or groups[0]
        usage = self._number(f"{group}/{usage_file}")
        if usage is None:
            return limit, None
        if not table or group != groups[0]:
            table = self._files.find(f"{group}/memory.stat") or b""
        return limit, max(0, usage - (number(table, cache_key) or 0))

    # -- CPU -----------------------------------------------------------------------------------------------------------

    def _cpu(self, folders: _Folders) -> tuple[float | None, _Times]:
        limit, group = _tightest([(self._quota(folder), folder) for folder in folders.cpu])
        group = group or next(iter(folders.cpu), None)
        if group is None:
            return limit, _NO_TIMES
        table = self._files.find(f"{group}/cpu.stat") or b""
        total, user, system = (number(table, key) for key in (b"usage_usec ", b"user_usec ", b"system_usec "))
        return limit, (_scaled(total, 1e6), _scaled(user, 1e6), _scaled(system, 1e6))

    def _legacy_cpu(self, folders: _Folders) -> tuple[float | None, _Times]:
        groups, accounted = folders.cpu, folders.accounted
        limit, group = _tightest([(self._legacy_quota(folder), folder) for folder in groups])
        if group is not None:  # the group at the same depth of the other hierarchy, counted from the root
            accounted = accounted[-(len(groups) - groups.index(group)) :]
        if not accounted:
            return limit, _NO_TIMES
        ticks = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
        table = self._files.find(f"{accounted[0]}/cpuacct.stat") or b""
        total = _scaled(self._number(f"{accounted[0]}/cpuacct.usage"), 1e9)
        return limit, (total, _scaled(number(table, b"user "), ticks), _scaled(number(table, b"system "), ticks))

    def _quota(self, folder: str) -> float | None:
        words = (self._files.find(f"{folder}/cpu.max") or b"").split()
        if not words or words[0] == b"max":
            return None
        return _ratio(integer(words[0]), integer(words[1]) if len(words) > 1 else 100_000)

    def _legacy_quota(self, folder: str) -> float | None:
        quota = self._number(f"{folder}/cpu.cfs_quota_us")
        if quota is None or quota <= 0:
            return None
        return _ratio(quota, self._number(f"{folder}/cpu.cfs_period_us"))

    def _number(self, path: str) -> int | None:
        return integer(self._files.find(path) or b"")


_Times = tuple[float | None, float | None, float | None]
_NO_TIMES: Final[_Times] = (None, None, None)


def _below_no_limit(limit: int | None) -> int | None:
    return limit if limit is not None and 0 <= limit < _NO_LIMIT_BY else None


def _ratio(quota: int | None, period: int | None) -> float | None:
    if quota is None or period is None or quota <= 0 or period <= 0:
        return None
    return quota / period


def _scaled(value: int | None, per_second: float) -> float | None:
    return None if value is None else value / per_second


def _tightest(limits: list[tuple[_Limit | None, str]]) -> tuple[_Limit | None, str | None]:
    present = [(limit, group) for limit, group in limits if limit is not None]
    return min(present, key=lambda item: item[0]) if present else (None, None)


# -- the places of the files ------------------------------------------------------------------------------------------------


def _paths(membership: str) -> dict[str, str]:
    """Return the paths of this process's groups by controller; the empty name stands for version 2."""
    groups: dict[str, str] = {}
    for line in membership.splitlines():
        fields = line.split(":", 2)
        if len(fields) == 3:
            groups.update(dict.fromkeys(fields[1].split(","), fields[2]))
    return groups


def _folders(root: Path, paths: dict[str, str]) -> _Folders:
    unified = _lineage(_unified(root), paths.get("", "/"))
    memory, cpu, accounted = unified, unified, unified
    if "memory" in paths:
        memory = _lineage(_hierarchy(root, "memory"), paths["memory"])
    if "cpu" in paths:
        cpu = _lineage(_hierarchy(root, "cpu"), paths["cpu"])
        accounted = _lineage(_hierarchy(root, "cpuacct"), paths.get("cpuacct", paths["cpu"]))
    return _Folders(memory, cpu, accounted, "memory" in paths, "cpu" in paths)


def _hierarchy(root: Path, controller: str) -> Path:
    """Return the mount point of *controller* in version 1; some distributions mount two controllers together."""
    together = ("cpu,cpuacct", "cpuacct,cpu") if controller.startswith("cpu") else ()
    return next((root / name for name in (controller, *together) if (root / name).is_dir()), root / controller)


def _unified(root: Path) -> Path:
    """Return the mount point of version 2; beside version 1 that is the directory ``unified``."""
    beside = root / "unified"
    return beside if (beside / "cgroup.controllers").exists() else root


def _lineage(hierarchy: Path, path: str) -> tuple[str, ...]:
    """
    Return the groups from the process's own, *path*, to the root of *hierarchy*.

    A container often sees its own group as the root, while the path is that of the host. Then the existing ancestors of the
    path are returned, at least the root. A path that leaves the root (``/../other``) names no readable group.
    """
    steps = [step for step in path.split("/") if step]
    if ".." in steps:
        steps = []
    groups = [hierarchy.joinpath(*steps[:depth]) for depth in range(len(steps), -1, -1)]
    return tuple(str(group) for group in groups if group.is_dir())
