"""
Readings of the host: CPU, memory, file systems, disks, network, load, processes.

Reads and returns values; between samples it keeps open files, the names of the readings that fail, and the readings whose cost
grows with the machine: the states of processes and the frequencies of CPUs are read once a minute. The rule: what Linux shows
in a file is read there, because the file stays open; psutil reads what is missing there, and everything on other systems.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, TypeVar

from csg_otel import clocks
from csg_otel.host import cpus, memory
from csg_otel.host.kernel_files import KernelFiles, number
from csg_otel.host.mounts import KeptMounts, Mount, is_read_only
from csg_otel.metrics.processes import processes
from csg_otel.metrics.readings import Readings
from csg_otel.metrics.sample import Filesystem, Memory, SystemValues
from csg_otel.metrics.traffic import Disks, networks, sockets

RARE_S: Final = 60.0
"""Seconds between readings of what costs 10 to 40 microseconds for each process or CPU."""

_LOADS: Final = "/proc/loadavg"
_MEMORY_EVENTS: Final = "/proc/vmstat"

T = TypeVar("T")


class SystemReader:
    """
    Reads the host.

    Args:
        connections: Also read the kernel's count of sockets. Default False.
        mounts: Returns the file systems to read. Default: the real ones.
        files: The kernel's files; the owner closes them. Default: files of its own.
    """

    def __init__(
        self,
        *,
        connections: bool = False,
        mounts: Callable[[], Iterable[Mount]] | None = None,
        files: KernelFiles | None = None,
    ) -> None:
        """Prepare; reads nothing yet."""
        self._files = KernelFiles() if files is None else files
        self._readings = Readings()
        self._connections = connections
        self._mounts = KeptMounts(self._files) if mounts is None else mounts
        self._disks = Disks()
        self._rare: dict[str, tuple[float, object]] = {}

    def read(self, previous: SystemValues | None) -> SystemValues:
        """Return the host's values; utilisations are those since *previous*."""
        take, find = self._readings.take, self._files.find
        times = take("cpu times", lambda: cpus.times(find(cpus.FILE)), ())
        meminfo = find(memory.FILE)
        events = take("kernel's memory events", lambda: memory_events(find(_MEMORY_EVENTS)), {})
        return SystemValues(
            cpu_times=times,
            cpu_utilization=() if previous is None else utilization(previous.cpu_times, times),
            cpu_frequencies_hz=self._rarely("cpu frequency", cpus.frequencies_hz, ()),
            loads=take("load average", lambda: _loads(find(_LOADS)), None),
            memory=take("memory", lambda: _memory(meminfo), None),
            paging=take("paging", lambda: _paging(meminfo), {}),
            faults=_faults(events),
            oom_kills=events.get("oom_kill"),
            filesystems=tuple(filter(None, map(self._space, self._mounts()))),
            disks=take("disks", lambda: self._disks.read(find(Disks.FILE)), {}),
            networks=take("network", lambda: networks(find), {}),
            connections=take("connections", lambda: sockets(find), {}) if self._connections else {},
            processes=self._rarely("processes", processes, {}),
            uptime_s=take("uptime", _uptime, None),
        )

    def _rarely(self, name: str, read: Callable[[], T], missing: T) -> T:
        """Return the value of *read*, or that of its last call if it was within a minute."""
        read_at_s, value = self._rare.get(name, (0.0, missing))
        if name in self._rare and clocks.monotonic() - read_at_s < RARE_S:
            return value  # type: ignore[return-value] # of this name
        value = self._readings.take(name, read, missing)
        self._rare[name] = clocks.monotonic(), value
        return value

    def _space(self, mount: Mount) -> Filesystem | None:
        return self._readings.take(mount.mountpoint, partial(_space, mount), None)


# -- CPU and memory -----------------------------------------------------------------------------------------------------


def utilization(
    before: tuple[Mapping[str, float], ...], now: tuple[Mapping[str, float], ...]
) -> tuple[Mapping[str, float], ...]:
    """
    Return each CPU's share of time by mode between two readings, 0 to 1.

    Empty if the number of CPUs changed. A CPU whose times did not change has an empty mapping.
    """
    if len(before) != len(now):
        return ()
    return tuple(_shares(first, second) for first, second in zip(before, now, strict=True))


def _shares(before: Mapping[str, float], now: Mapping[str, float]) -> Mapping[str, float]:
    # The kernel's count of I/O wait may decrease (proc(5)).
    spent = {mode: max(0.0, value - before.get(mode, value)) for mode, value in now.items()}
    total = sum(spent.values())
    return {mode: value / total for mode, value in spent.items()} if total > 0 else {}


def _loads(loadavg: bytes | None) -> tuple[float, float, float]:
    if loadavg is None:
        return os.getloadavg()
    one, five, fifteen = map(float, loadavg.split(None, 3)[:3])
    return one, five, fifteen


def _memory(meminfo: bytes | None) -> Memory:
    counted = memory.memory(meminfo)
    cached = {"cached": counted.cached, "buffers": counted.buffers}
    states = {"free": counted.free, **{state: size for state, size in cached.items() if size is not None}}
    states["used"] = max(0, counted.total - sum(states.values()))
    return Memory(total=counted.total, available=counted.available, states=states)


def _paging(meminfo: bytes | None) -> Mapping[str, int]:
    space = memory.swap(meminfo)
    return {"used": space.used, "free": space.free}


def memory_events(vmstat: bytes | None) -> Mapping[str, int]:
    """Return the kernel's counts since boot; empty on another system than Linux."""
    counts = {name: number(vmstat or b"", f"{name} ".encode()) for name in ("pgfault", "pgmajfault", "oom_kill")}
    return {name: count for name, count in counts.items() if count is not None}


def _faults(kernel: Mapping[str, int]) -> Mapping[str, int]:
    """Return the page faults by type; the kernel counts the major ones among all, too."""
    if not {"pgfault", "pgmajfault"} <= kernel.keys():
        return {}
    major = kernel["pgmajfault"]
    return {"major": major, "minor": max(0, kernel["pgfault"] - major)}


# -- file systems and time ------------------------------------------------------------------------------------------------


def _space(mount: Mount) -> Filesystem | None:
    stat = os.statvfs(mount.mountpoint) if hasattr(os, "statvfs") else None
    total, used, free = _sizes(mount.mountpoint, stat)
    if total == 0:
        return None
    return Filesystem(
        mount.device,
        mount.mountpoint,
        mount.fstype,
        total=total,
        used=used,
        free=free,
        inodes=None if stat is None else _inodes(stat),
        is_read_only=stat is not None and is_read_only(stat),
    )


def _sizes(path: str, stat: os.statvfs_result | None) -> tuple[int, int, int]:
    """Return the total, the used and the free bytes; statvfs() alone does not show what APFS uses."""
    if stat is not None and sys.platform == "linux":
        unit = stat.f_frsize
        return stat.f_blocks * unit, (stat.f_blocks - stat.f_bfree) * unit, stat.f_bavail * unit
    import psutil

    usage = psutil.disk_usage(path)
    return usage.total, usage.used, usage.free


def _inodes(stat: os.statvfs_result) -> tuple[int, int] | None:
    """Return the used and the free inodes; None where they are made as needed, as in btrfs."""
    return (stat.f_files - stat.f_ffree, stat.f_ffree) if stat.f_files else None


def _uptime() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    import psutil

    return max(0.0, time.time() - psutil.boot_time())
