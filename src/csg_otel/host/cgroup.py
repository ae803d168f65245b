"""
The limits of this process's control group on memory and CPU, and the group's usage of them; cgroup v1 and v2.

Reads a few files and nothing else: no caching, no exceptions. The rule: a limit may be set at the process's group or at any
of its ancestors; the lowest limit counts. The usage is that of the group with this limit, because the kernel compares these
two.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

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
    membership = _membership(proc / "self" / "cgroup")
    memory_limit, memory_usage = _memory(root, membership)
    cpu_limit, times = _cpu(root, membership)
    return Limits(memory_limit, memory_usage, cpu_limit, *times)


# -- memory -------------------------------------------------------------------------------------------------------------


def _memory(root: Path, membership: dict[str, str]) -> tuple[int | None, int | None]:
    legacy = "memory" in membership
    if legacy:
        groups = _lineage(_hierarchy(root, "memory"), membership["memory"])
        limit_file, usage_file, cache_key = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    else:
        groups = _lineage(_unified(root), membership.get("", "/"))
        limit_file, usage_file, cache_key = "memory.max", "memory.current", "inactive_file"
    limits = [(_limit_by(directory / limit_file), directory) for directory in groups]
    if legacy and groups:
        # Version 1 adds up the ancestors here, also those that a container can't see.
        limits.append((_below_no_limit(_table(groups[0] / "memory.stat").get("hierarchical_memory_limit")), groups[0]))
    limit, group = _tightest(limits)
    group = group or (groups[0] if groups else None)
    usage = None if group is None else _number(group / usage_file)
    if group is None or usage is None:
        return limit, None
    return limit, max(0, usage - _table(group / "memory.stat").get(cache_key, 0))


def _limit_by(path: Path) -> int | None:
    return _below_no_limit(_number(path))


def _below_no_limit(limit: int | None) -> int | None:
    return limit if limit is not None and 0 <= limit < _NO_LIMIT_BY else None


# -- CPU ----------------------------------------------------------------------------------------------------------------

_Times = tuple[float | None, float | None, float | None]


def _cpu(root: Path, membership: dict[str, str]) -> tuple[float | None, _Times]:
    if "cpu" not in membership:
        groups = _lineage(_unified(root), membership.get("", "/"))
        limit, group = _tightest([(_quota(directory), directory) for directory in groups])
        group = group or (groups[0] if groups else None)
        return limit, (None, None, None) if group is None else _times(group)
    groups = _lineage(_hierarchy(root, "cpu"), membership["cpu"])
    limit, group = _tightest([(_legacy_quota(directory), directory) for directory in groups])
    accounted = _lineage(_hierarchy(root, "cpuacct"), membership.get("cpuacct", membership["cpu"]))
    if group is not None:  # the group at the same depth of the other hierarchy, counted from the root
        accounted = accounted[-(len(groups) - groups.index(group)) :]
    return limit, (None, None, None) if not accounted else _legacy_times(accounted[0])


def _quota(group: Path) -> float | None:
    words = _text(group / "cpu.max").split()
    if not words or words[0] == "max":
        return None
    return _ratio(_integer(words[0]), _integer(words[1]) if len(words) > 1 else 100_000)


def _legacy_quota(group: Path) -> float | None:
    return _ratio(_number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us"))


def _ratio(quota: int | None, period: int | None) -> float | None:
    if quota is None or period is None or quota <= 0 or period <= 0:
        return None
    return quota / period


def _times(group: Path) -> _Times:
    table = _table(group / "cpu.stat")
    total, user, system = (table.get(key) for key in ("usage_usec", "user_usec", "system_usec"))
    return _scaled(total, 1e6), _scaled(user, 1e6), _scaled(system, 1e6)


def _legacy_times(group: Path) -> _Times:
    ticks = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
    table = _table(group / "cpuacct.stat")
    total = _scaled(_number(group / "cpuacct.usage"), 1e9)
    return total, _scaled(table.get("user"), ticks), _scaled(table.get("system"), ticks)


def _scaled(value: int | None, per_second: float) -> float | None:
    return None if value is None else value / per_second


# -- the places of the files ------------------------------------------------------------------------------------------------


def _membership(path: Path) -> dict[str, str]:
    """Return the paths of this process's groups by controller; the empty name stands for version 2."""
    groups: dict[str, str] = {}
    for line in _text(path).splitlines():
        fields = line.split(":", 2)
        if len(fields) == 3:
            groups.update(dict.fromkeys(fields[1].split(","), fields[2]))
    return groups


def _hierarchy(root: Path, controller: str) -> Path:
    """Return the mount point of *controller* in version 1; some distributions mount two controllers together."""
    together = ("cpu,cpuacct", "cpuacct,cpu") if controller.startswith("cpu") else ()
    return next((root / name for name in (controller, *together) if (root / name).is_dir()), root / controller)


def _unified(root: Path) -> Path:
    """Return the mount point of version 2; beside version 1 that is the directory ``unified``."""
    beside = root / "unified"
    return beside if (beside / "cgroup.controllers").exists() else root


def _lineage(hierarchy: Path, path: str) -> list[Path]:
    """
    Return the groups from the process's own, *path*, to the root of *hierarchy*.

    A container often sees its own group as the root, while the path is that of the host. Then the existing ancestors of the
    path are returned, at least the root. A path that leaves the root (``/../other``) names no readable group.
    """
    steps = [step for step in path.split("/") if step]
    if ".." in steps:
        steps = []
    groups = [hierarchy.joinpath(*steps[:depth]) for depth in range(len(steps), -1, -1)]
    return [group for group in groups if group.is_dir()]


def _tightest(limits: list[tuple[_Limit | None, Path]]) -> tuple[_Limit | None, Path | None]:
    present = [(limit, group) for limit, group in limits if limit is not None]
    return min(present, key=lambda item: item[0]) if present else (None, None)


# -- reading ------------------------------------------------------------------------------------------------------------


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    return _integer(_text(path).strip())


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _table(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in _text(path).splitlines())
    return {pair[0]: value for pair in pairs if len(pair) == 2 and (value := _integer(pair[1])) is not None}
