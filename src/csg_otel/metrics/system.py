"""
Readings of the host: CPU, memory, file systems, disks, network, load, processes.

Reads and returns values; between samples it keeps only the names of the readings that fail. The rule: psutil's correction of
overflowed counters is switched off, because it uses a lock that could stay locked for ever in a forked child.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil

from csg_otel import clocks
from csg_otel.host.mounts import Mount, is_read_only, real_mounts
from csg_otel.metrics.readings import Readings
from csg_otel.metrics.sample import Filesystem, Memory, SystemValues, Traffic

CPU_MODES: Final = {
    "user": ("user",),
    "nice": ("nice",),
    "system": ("system",),
    "idle": ("idle",),
    "iowait": ("iowait",),
    "interrupt": ("irq", "softirq", "interrupt", "dpc"),
    "steal": ("steal",),
}
"""The modes of the semantic conventions, each with the psutil fields that add up to it. Guest time is in user and nice."""

MOST_PROCESSES_BY_STATE: Final = 1000
LONGEST_PROCESSES_S: Final = 0.02
"""
Beyond either limit processes are counted without their states. Reading one state takes 20 to 40 microseconds; the limits
keep a sample cheap with many processes, and on a busy machine.
"""

_STATES: Final = {"R": "running", "T": "stopped", "t": "stopped", "Z": "defunct"}
"""The state by its letter in proc(5). Every other letter is a kind of sleep."""


class SystemReader:
    """Reads the host; *mounts* returns the file systems to read, *connections* adds the kernel's count of sockets."""

    def __init__(self, *, connections: bool = False, mounts: Callable[[], Iterable[Mount]] = real_mounts) -> None:
        """Prepare; reads nothing yet."""
        self._readings = Readings()
        self._connections = connections
        self._mounts = mounts

    def read(self, previous: SystemValues | None) -> SystemValues:
        """Return the host's values; utilisations are those since *previous*."""
        take = self._readings.take
        times = take("cpu times", cpu_times, ())
        kernel = take("kernel's memory events", _memory_events, {})
        return SystemValues(
            cpu_times=times,
            cpu_utilization=() if previous is None else utilization(previous.cpu_times, times),
            cpu_frequencies_hz=take("cpu frequency", _frequencies, ()),
            loads=take("load average", os.getloadavg, None),
            memory=take("memory", _memory, None),
            paging=take("paging", _paging, {}),
            faults=_faults(kernel),
            oom_kills=kernel.get("oom_kill"),
            filesystems=tuple(filter(None, map(self._space, self._mounts()))),
            disks=take("disks", _disks, {}),
            networks=take("network", _networks, {}),
            connections=take("connections", _sockets, {}) if self._connections else {},
            processes=take("processes", _processes, {}),
            uptime_s=take("uptime", _uptime, None),
        )

    def _space(self, mount: Mount) -> Filesystem | None:
        return self._readings.take(mount.mountpoint, partial(_space, mount), None)


# -- CPU and memory -----------------------------------------------------------------------------------------------------


def cpu_times() -> tuple[Mapping[str, float], ...]:
    """Return the seconds each logical CPU spent in each mode that this platform counts."""
    return tuple(_modes(times) for times in psutil.cpu_times(percpu=True))


def _modes(times: Any) -> Mapping[str, float]:
    counted = {
        mode: [getattr(times, name) for name in names if hasattr(times, name)] for mode, names in CPU_MODES.items()
    }
    return {mode: sum(values) for mode, values in counted.items() if values}


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


def _frequencies() -> tuple[float, ...]:
    return tuple(frequency.current * 1e6 for frequency in psutil.cpu_freq(percpu=True) or ())


def _memory() -> Memory:
    memory = psutil.virtual_memory()
    states = {"free": memory.free}
    states.update({state: getattr(memory, state) for state in ("cached", "buffers") if hasattr(memory, state)})
    states["used"] = max(0, memory.total - sum(states.values()))
    return Memory(total=memory.total, available=memory.available, states=states)


def _paging() -> Mapping[str, int]:
    swap = psutil.swap_memory()
    return {"used": swap.used, "free": swap.free}


def _memory_events(file: Path = Path("/proc/vmstat")) -> Mapping[str, int]:
    """Return the kernel's counts since boot; empty on another system than Linux."""
    if not file.exists():
        return {}
    pairs = (line.split() for line in file.read_text(encoding="ascii").splitlines())
    return {name: int(count) for name, count in pairs if name in ("pgfault", "pgmajfault", "oom_kill")}


def _faults(kernel: Mapping[str, int]) -> Mapping[str, int]:
    """Return the page faults by type; the kernel counts the major ones among all, too."""
    if not {"pgfault", "pgmajfault"} <= kernel.keys():
        return {}
    major = kernel["pgmajfault"]
    return {"major": major, "minor": max(0, kernel["pgfault"] - major)}


# -- disks and network --------------------------------------------------------------------------------------------------


def _space(mount: Mount) -> Filesystem | None:
    usage = psutil.disk_usage(mount.mountpoint)
    if usage.total == 0:
        return None
    stat = os.statvfs(mount.mountpoint) if hasattr(os, "statvfs") else None
    return Filesystem(
        mount.device,
        mount.mountpoint,
        mount.fstype,
        total=usage.total,
        used=usage.used,
        free=usage.free,
        inodes=None if stat is None else _inodes(stat),
        is_read_only=stat is not None and is_read_only(stat),
    )


def _inodes(stat: os.statvfs_result) -> tuple[int, int] | None:
    """Return the used and the free inodes; None where they are made as needed, as in btrfs."""
    return (stat.f_files - stat.f_ffree, stat.f_ffree) if stat.f_files else None


def _disks() -> Mapping[str, Traffic]:
    counters = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    return {
        name: Traffic(
            volume=(disk.read_bytes, disk.write_bytes),
            operations=(disk.read_count, disk.write_count),
            time_s=(disk.read_time / 1e3, disk.write_time / 1e3),
        )
        for name, disk in counters.items()
        if _is_disk(name)
    }


def _is_disk(name: str) -> bool:
    """Return whether *name* is a whole disk: its partitions would count twice, and loop and ram devices are no disks."""
    if name.startswith(("loop", "ram")):
        return False
    blocks = Path("/sys/block")
    return not blocks.is_dir() or (blocks / name.replace("/", "!")).exists()


def _networks() -> Mapping[str, Traffic]:
    return {
        name: Traffic(
            volume=(counts.bytes_recv, counts.bytes_sent),
            operations=(counts.packets_recv, counts.packets_sent),
            errors=(counts.errin, counts.errout),
            dropped=(counts.dropin, counts.dropout),
        )
        for name, counts in psutil.net_io_counters(pernic=True, nowrap=False).items()
    }


def _sockets(net: Path = Path("/proc/net")) -> Mapping[tuple[str, str], int]:
    """Return the kernel's own totals, because the time to read every socket grows with their number."""
    tables = {}
    for name in ("sockstat", "sockstat6"):
        for line in (net / name).read_text(encoding="ascii").splitlines() if (net / name).exists() else ():
            protocol, _, words = line.partition(":")
            pairs = words.split()
            tables[protocol] = dict(zip(pairs[::2], map(int, pairs[1::2]), strict=False))
    rows = [line.split() for line in (net / "snmp").read_text(encoding="ascii").splitlines() if line.startswith("Tcp:")]
    tcp = dict(zip(*rows[:2], strict=False))
    return {
        ("tcp", "established"): int(tcp["CurrEstab"]),
        ("tcp", "time_wait"): tables["TCP"]["tw"],
        ("udp", ""): tables["UDP"]["inuse"] + tables.get("UDP6", {}).get("inuse", 0),
    }


# -- processes and time -------------------------------------------------------------------------------------------------


def _processes(proc: Path = Path("/proc")) -> Mapping[str, int]:
    pids = psutil.pids()
    if len(pids) > MOST_PROCESSES_BY_STATE or not (proc / "self" / "stat").exists():
        return {"": len(pids)}
    states = Counter({"running": 0, "sleeping": 0, "stopped": 0, "defunct": 0})
    until_s = clocks.monotonic() + LONGEST_PROCESSES_S
    for pid in pids:
        if clocks.monotonic() > until_s:
            return {"": len(pids)}
        try:
            states[_STATES.get(_state(f"{proc}/{pid}/stat"), "sleeping")] += 1
        except OSError:  # the process has ended
            continue
    return states


def _state(path: str) -> str:
    # In a busy program, another thread may run for some milliseconds after each of these calls, so there are only three.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        stat = os.read(descriptor, 512)
    finally:
        os.close(descriptor)
    return chr(stat[stat.rindex(b")") + 2])


def _uptime() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return max(0.0, time.time() - psutil.boot_time())
