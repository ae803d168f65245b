"""Hand-made samples with round numbers."""

from __future__ import annotations

import os
from typing import Any

from csg_otel.host.cgroup import Limits
from csg_otel.metrics.sample import Filesystem, Memory, ProcessValues, Sample, SystemValues, Traffic

EPOCH_S = 1_700_000_000.0
"""Wall clock at monotonic nought of hand-made samples."""


def system(**changes: Any) -> SystemValues:
    """Two CPUs, one of them half busy, 1,000 bytes of memory, one file system, one disk, two interfaces."""
    values: dict[str, Any] = {
        "cpu_times": ({"user": 10.0, "idle": 90.0}, {"user": 20.0, "idle": 80.0}),
        "cpu_utilization": ({"user": 0.5, "idle": 0.5}, {"user": 0.0, "idle": 1.0}),
        "cpu_frequencies_hz": (2e9, 2e9),
        "loads": (1.0, 2.0, 3.0),
        "memory": Memory(1000, 400, {"used": 500, "free": 300, "cached": 150, "buffers": 50}),
        "paging": {"used": 10, "free": 30},
        "faults": {"major": 3, "minor": 97},
        "oom_kills": 2,
        "filesystems": (Filesystem("/dev/a", "/", "ext4", total=100, used=60, free=20, inodes=(30, 70)),),
        "disks": {"a": Traffic((1, 2), (3, 4), (0.5, 0.25))},
        "networks": {
            "lo": Traffic((9, 9), (9, 9), None, (0, 0), (0, 0)),
            "eth0": Traffic((100, 200), (10, 20), None, (1, 2), (3, 4)),
        },
        "processes": {"running": 2, "sleeping": 5, "stopped": 0, "defunct": 1},
        "uptime_s": 1000.0,
    }
    return SystemValues(**{**values, **changes})


def process(**changes: Any) -> ProcessValues:
    """A process that uses a quarter of what it may use."""
    values: dict[str, Any] = {
        "cpu_times": {"user": 3.0, "system": 1.0},
        "cpu_utilization": {"user": 0.2, "system": 0.05},
        "rss": 250,
        "vms": 900,
        "memory_utilization": 0.25,
        "threads": 4,
        "file_descriptors": 7,
        "faults": {"major": 1, "minor": 9},
        "context_switches": {"voluntary": 5, "involuntary": 6},
        "disk_io": (11, 12),
        "uptime_s": 60.0,
    }
    return ProcessValues(**{**values, **changes})


def sample(at_s: float = 0.0, **changes: Any) -> Sample:
    """One moment, *at_s* seconds on the monotonic clock."""
    values: dict[str, Any] = {"system": system(), "process": process(), "limits": Limits()}
    return Sample(timestamp=EPOCH_S + at_s, monotonic_s=at_s, pid=os.getpid(), **{**values, **changes})
