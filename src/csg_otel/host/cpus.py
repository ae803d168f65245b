"""
The times and frequencies of the host's CPUs: by the kernel's files, elsewhere by psutil.

The caller passes the content of /proc/stat, so that a sampler can keep it open. The rule: where a file is missing or has
another form, psutil decides, as on systems without the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from glob import glob
from typing import Final

from csg_otel.host.kernel_files import content_of

FILE: Final = "/proc/stat"
INFO_FILE: Final = "/proc/cpuinfo"
_POLICIES: Final = (
    "/sys/devices/system/cpu/cpufreq/policy[0-9]*",
    "/sys/devices/system/cpu/cpu[0-9]*/cpufreq",
)
"""The folders with frequencies; a policy may apply to several CPUs."""

_MODES: Final = {
    "user": ("user",),
    "nice": ("nice",),
    "system": ("system",),
    "idle": ("idle",),
    "iowait": ("iowait",),
    "interrupt": ("irq", "softirq", "interrupt", "dpc"),
    "steal": ("steal",),
}
"""The modes of the semantic conventions, each with psutil's fields that add up to it. Guest time is in user and nice."""

_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100

Times = Mapping[str, float]
"""Seconds since boot by mode."""


def times(stat: bytes | None) -> tuple[Times, ...]:
    """Return the times of each logical CPU, by the content *stat* of :data:`FILE`; any error of psutil is raised."""
    lines = [] if stat is None else stat.partition(b"\nintr")[0].split(b"\ncpu")[1:]
    if not lines:
        import psutil

        return tuple(_by_mode(each._asdict()) for each in psutil.cpu_times(percpu=True))
    return tuple(map(_times, lines))


def total_times(stat: bytes | None) -> Times:
    """Return the times of all CPUs together, by the content *stat* of :data:`FILE`; any error of psutil is raised."""
    if stat is None:
        import psutil

        return _by_mode(psutil.cpu_times()._asdict())
    return _times(stat.partition(b"\n")[0])


def _times(line: bytes) -> Times:
    _, user, nice, system, idle, iowait, irq, softirq, steal, *_ = line.split(None, 9)
    return {
        "user": int(user) / _TICKS,
        "nice": int(nice) / _TICKS,
        "system": int(system) / _TICKS,
        "idle": int(idle) / _TICKS,
        "iowait": int(iowait) / _TICKS,
        "interrupt": (int(irq) + int(softirq)) / _TICKS,
        "steal": int(steal) / _TICKS,
    }


def _by_mode(fields: Mapping[str, float]) -> Times:
    counted = {mode: [fields[name] for name in names if name in fields] for mode, names in _MODES.items()}
    return {mode: sum(values) for mode, values in counted.items() if values}


def frequencies_hz() -> tuple[float, ...]:
    """
    Return the current frequency of each logical CPU, or of each group of CPUs that can only change it together.

    0 for a CPU that is offline, empty if the system counts none. Raises OSError for a frequency that can't be read, and any
    error of psutil.
    """
    info = content_of(INFO_FILE)
    if info is None:
        import psutil

        return tuple(frequency.current * 1e6 for frequency in psutil.cpu_freq(percpu=True) or ())
    lines = info.lower().split(b"\ncpu mhz")[1:]
    by_cpu = tuple(float(line.partition(b"\n")[0].partition(b":")[2]) * 1e6 for line in lines)
    policies = next(filter(None, map(glob, _POLICIES)), [])
    # The files of the policies are read only where they count other CPUs than the summary: one more file for each CPU.
    return by_cpu if len(policies) in {0, len(by_cpu)} else tuple(map(_current_hz, sorted(policies, key=_position)))


def _position(policy: str) -> int:
    return int("".join(filter(str.isdigit, policy)))


def _current_hz(policy: str) -> float:
    for name in ("scaling_cur_freq", "cpuinfo_cur_freq"):
        content = content_of(f"{policy}/{name}")
        if content is not None:
            return float(content) * 1e3
    if content_of(f"/sys/devices/system/cpu/cpu{_position(policy)}/online") == b"0\n":
        return 0.0
    raise OSError(f"{policy} has no current frequency")
