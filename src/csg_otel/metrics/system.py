"""
Readings of the host: CPU, memory, file systems, disks, network, load, processes.

Reads and returns values; keeps nothing between readings but what failed. The rule: psutil's counters are asked for without
its wrap-around bookkeeping, which holds a lock that a fork could leave locked for ever.
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

from csg_otel.host.mounts import Mount, real_mounts
from csg_otel.metrics.readings import Attempts
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
"""Modes of the semantic conventions and psutil's fields that add up to them; guests' time is part of user and nice."""

ASK_EACH_PROCESS_UP_TO: Final = 1000
ASK_EACH_PROCESS_FOR_S: Final = 0.02
"""Beyond these processes are only counted, so that a sample stays cheap however many there are and however busy we are."""

_STATES: Final = {"R": "running", "T": "stopped", "t": "stopped", "Z": "defunct"}
"""By the letter of proc(5); every other letter is a kind of sleep."""


class SystemReader:
    """Reads the host; *mounts* returns the file systems to look at, *connections* adds the kernel's count of sockets."""

    def __init__(self, *, connections: bool = False, mounts: Callable[[], Iterable[Mount]] = real_mounts) -> None:
        """Prepare; reads nothing yet."""
        self._attempts = Attempts()
        self._connections = connections
        self._mounts = mounts

    def read(self, previous: SystemValues | None) -> SystemValues:
        """Return the host's values; utilisations are against *previous*."""
        attempt = self._attempts.attempt
        times = attempt("cpu times", cpu_times, ())
        return SystemValues(
            cpu_times=times,
            cpu_utilization=() if previous is None else utilization(previous.cpu_times, times),
            cpu_frequencies_hz=attempt("cpu frequency", _frequencies, ()),
            loads=attempt("load average", os.getloadavg, None),
            memory=attempt("memory", _memory, None),
            paging=attempt("paging", _paging, {}),
            filesystems=tuple(filter(None, map(self._space, self._mounts()))),
            disks=attempt("disks", _disks, {}),
            networks=attempt("network", _networks, {}),
            connections=attempt("connections", _sockets, {}) if self._connections else {},
            processes=attempt("processes", _processes, {}),
            uptime_s=attempt("uptime", _uptime, None),
        )

    def _space(self, mount: Mount) -> Filesystem | None:
        return self._attempts.attempt(mount.mountpoint, partial(_space, mount), None)


# -- CPU and memory -----------------------------------------------------------------------------------------------------


def cpu_times() -> tuple[Mapping[str, float], ...]:
    """Return the seconds each logical CPU spent in each mode this platform knows."""
    return tuple(_modes(times) for times in psutil.cpu_times(percpu=True))


def _modes(times: Any) -> Mapping[str, float]:
    found = {
        mode: [getattr(times, name) for name in names if hasattr(times, name)] for mode, names in CPU_MODES.items()
    }
    return {mode: sum(values) for mode, values in found.items() if values}


def utilization(
    before: tuple[Mapping[str, float], ...], now: tuple[Mapping[str, float], ...]
) -> tuple[Mapping[str, float], ...]:
    """
    Return each CPU's share of time by mode between two readings, 0 to 1.

    Empty if the number of CPUs changed; a CPU whose clock did not move has an empty mapping.
    """
    if len(before) != len(now):
        return ()
    return tuple(_shares(first, second) for first, second in zip(before, now, strict=True))


def _shares(before: Mapping[str, float], now: Mapping[str, float]) -> Mapping[str, float]:
    # The kernel's count of waiting for I/O may go backwards (proc(5)).
    spent = {mode: max(0.0, value - before.get(mode, value)) for mode, value in now.items()}
    total = sum(spent.values())
    return {mode: value / total for mode, value in spent.items()} if total > 0 else {}


def _frequencies() -> tuple[float, ...]:
    return tuple(frequency.current * 1e6 for frequency in psutil.cpu_freq(percpu=True) or ())


def _memory() -> Memory:
    found = psutil.virtual_memory()
    states = {"free": found.free}
    states.update({state: getattr(found, state) for state in ("cached", "buffers") if hasattr(found, state)})
    states["used"] = max(0, found.total - sum(states.values()))
    return Memory(total=found.total, available=found.available, states=states)


def _paging() -> Mapping[str, int]:
    found = psutil.swap_memory()
    return {"used": found.used, "free": found.free}


# -- disks and network --------------------------------------------------------------------------------------------------


def _space(mount: Mount) -> Filesystem | None:
    found = psutil.disk_usage(mount.mountpoint)
    if found.total == 0:
        return None
    return Filesystem(mount.device, mount.mountpoint, mount.fstype, total=found.total, used=found.used, free=found.free)


def _disks() -> Mapping[str, Traffic]:
    counters = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    return {
        name: Traffic(
            volume=(found.read_bytes, found.write_bytes),
            operations=(found.read_count, found.write_count),
            time_s=(found.read_time / 1e3, found.write_time / 1e3),
        )
        for name, found in counters.items()
        if _is_disk(name)
    }


def _is_disk(name: str) -> bool:
    """Partitions would count twice what their disk counts; loop and ram devices are not disks."""
    if name.startswith(("loop", "ram")):
        return False
    blocks = Path("/sys/block")
    return not blocks.is_dir() or (blocks / name.replace("/", "!")).exists()


def _networks() -> Mapping[str, Traffic]:
    return {
        name: Traffic(
            volume=(found.bytes_recv, found.bytes_sent),
            operations=(found.packets_recv, found.packets_sent),
            errors=(found.errin, found.errout),
            dropped=(found.dropin, found.dropout),
        )
        for name, found in psutil.net_io_counters(pernic=True, nowrap=False).items()
    }


def _sockets(net: Path = Path("/proc/net")) -> Mapping[tuple[str, str], int]:
    """Return what the kernel counts by itself; going through every socket would cost with their number."""
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
    if len(pids) > ASK_EACH_PROCESS_UP_TO or not (proc / "self" / "stat").exists():
        return {"": len(pids)}
    states = Counter({"running": 0, "sleeping": 0, "stopped": 0, "defunct": 0})
    until_s = time.monotonic() + ASK_EACH_PROCESS_FOR_S
    for pid in pids:
        if time.monotonic() > until_s:
            return {"": len(pids)}
        try:
            states[_STATES.get(_state(f"{proc}/{pid}/stat"), "sleeping")] += 1
        except OSError:  # it ended meanwhile
            continue
    return states


def _state(path: str) -> str:
    # Each of these calls lets a busy program's thread go on for some milliseconds, so there are as few as can be.
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
