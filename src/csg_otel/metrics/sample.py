"""
The values of the host and the process at one moment, immutable, so that all readers of a sample get the same values.

Only values: no readings, no clock. The rule: a value that could not be read is missing (None or an empty mapping), never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from csg_otel.host.cgroup import Limits


@dataclass(frozen=True, slots=True)
class Filesystem:
    """Space of one real file system in bytes; ``free`` is the space users may fill, ``reserved`` the superuser's share."""

    device: str
    mountpoint: str
    fstype: str
    total: int
    used: int
    free: int
    inodes: tuple[int, int] | None = None
    """Used and free inodes; None for a file system without a fixed number of them."""
    is_read_only: bool = False

    @property
    def reserved(self) -> int:
        """The bytes that are neither used nor free to users."""
        return max(0, self.total - self.used - self.free)

    @property
    def utilization(self) -> float | None:
        """Used over used and free, 0 to 1, as ``df`` shows it; None for a file system without blocks."""
        return self.used / (self.used + self.free) if self.used + self.free > 0 else None


@dataclass(frozen=True, slots=True)
class Traffic:
    """Totals since boot as (read or received, written or sent)."""

    volume: tuple[int, int]
    """Bytes."""
    operations: tuple[int, int]
    """Operations of a disk, packets of a network interface."""
    time_s: tuple[float, float] | None = None
    """Seconds a disk's operations took."""
    errors: tuple[int, int] | None = None
    dropped: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of the host's memory; the states add up to the total."""

    total: int
    available: int
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SystemValues:
    """The host's values; ``cpu_times`` (seconds) and ``cpu_utilization`` (0 to 1) have one mapping by mode for each CPU."""

    cpu_times: tuple[Mapping[str, float], ...] = ()
    cpu_utilization: tuple[Mapping[str, float], ...] = ()
    cpu_frequencies_hz: tuple[float, ...] = ()
    loads: tuple[float, float, float] | None = None
    memory: Memory | None = None
    paging: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    """Page faults since boot by type: major and minor."""
    oom_kills: int | None = None
    filesystems: tuple[Filesystem, ...] = ()
    disks: Mapping[str, Traffic] = field(default_factory=dict)
    networks: Mapping[str, Traffic] = field(default_factory=dict)
    connections: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Sockets by transport and state; the state is empty where the kernel's summary has none."""
    processes: Mapping[str, int] = field(default_factory=dict)
    """Processes by state; the state is empty where reading each process would take too long."""
    uptime_s: float | None = None


@dataclass(frozen=True, slots=True)
class ProcessValues:
    """This process's values; CPU times are seconds by mode, memory is bytes, utilisations are 0 to 1."""

    cpu_times: Mapping[str, float] = field(default_factory=dict)
    cpu_read_s: float = 0.0
    """Monotonic time at which the CPU times were read."""
    cpu_utilization: Mapping[str, float] = field(default_factory=dict)
    rss: int | None = None
    vms: int | None = None
    memory_utilization: float | None = None
    threads: int | None = None
    file_descriptors: int | None = None
    context_switches: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    disk_io: tuple[int, int] | None = None
    uptime_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """
    All values of one moment; a group that is switched off is None.

    ``timestamp`` is Unix seconds, ``monotonic_s`` the monotonic clock at the same moment, ``pid`` the process that took
    the sample. ``limits`` are the control group's; ``container_cpu_usage`` is the CPUs it used since the sample before.
    """

    timestamp: float
    monotonic_s: float
    pid: int
    system: SystemValues | None = None
    process: ProcessValues | None = None
    limits: Limits = field(default_factory=Limits)
    container_cpu_usage: float | None = None
