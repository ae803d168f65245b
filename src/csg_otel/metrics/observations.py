"""
The values and attributes of every instrument of the host and the process, as functions of a sample.

Pure. Both the instruments and the snapshot use these tables. The rule: a value that is missing in the sample results in no
observation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from csg_otel import attribute_values, names

if TYPE_CHECKING:
    from csg_otel.metrics.sample import Filesystem, ProcessValues, Sample, SystemValues, Traffic
    from csg_otel.names import Metric

Value = tuple[float, dict[str, Any]]
"""A value and its attributes."""
Values = Iterable[Value]


def _one(value: float | None) -> Values:
    return () if value is None else ((value, {}),)


def _by(attribute: str, values: Mapping[str, float]) -> Values:
    # An empty key stands for a value without the attribute.
    return ((value, {attribute: key} if key else {}) for key, value in values.items())


def _cpus(times: Iterable[Mapping[str, float]]) -> Iterator[Value]:
    for number, modes in enumerate(times):
        for mode, value in modes.items():
            yield value, {names.CPU_LOGICAL_NUMBER: number, names.CPU_MODE: mode}


def _shares(values: Mapping[str, float], total: float) -> Mapping[str, float]:
    return {key: value / total for key, value in values.items()} if total > 0 else {}


def _place(filesystem: Filesystem) -> dict[str, Any]:
    return {
        names.DEVICE: filesystem.device,
        names.MOUNTPOINT: filesystem.mountpoint,
        names.FILESYSTEM_TYPE: filesystem.fstype,
        names.FILESYSTEM_MODE: names.READ_ONLY if filesystem.is_read_only else names.WRITABLE,
    }


def _filesystem_usage(values: SystemValues) -> Iterator[Value]:
    for filesystem in values.filesystems:
        sizes = (filesystem.used, filesystem.free, filesystem.reserved)
        for state, size in zip(attribute_values.SPACE_STATES, sizes, strict=True):
            yield size, {**_place(filesystem), names.FILESYSTEM_STATE: state}


def _inodes(values: SystemValues) -> Iterator[Value]:
    for filesystem in values.filesystems:
        for state, count in zip(attribute_values.INODE_STATES, filesystem.inodes or (), strict=False):
            yield count, {**_place(filesystem), names.FILESYSTEM_STATE: state}


def _both_ways(
    traffic: Mapping[str, Traffic],
    pick: Callable[[Traffic], tuple[float, float] | None],
    attributes: tuple[str, str],
    directions: tuple[str, str],
) -> Iterator[Value]:
    """
    Yield two values for each device: read and written, or received and sent.

    Args:
        traffic: The totals by device.
        pick: Returns the pair of values from the totals of a device; None if there is none.
        attributes: The keys of the attributes for the device and for the direction.
        directions: The values of the attribute for the direction.
    """
    for name, counts in traffic.items():
        for direction, value in zip(directions, pick(counts) or (), strict=False):
            yield value, {attributes[0]: name, attributes[1]: direction}


def _disks(pick: Callable[[Traffic], tuple[float, float] | None]) -> Callable[[SystemValues], Values]:
    return lambda values: _both_ways(
        values.disks, pick, (names.DEVICE, names.DISK_DIRECTION), attribute_values.DISK_DIRECTIONS
    )


def _networks(
    pick: Callable[[Traffic], tuple[float, float] | None], attribute: str = names.NETWORK_INTERFACE
) -> Callable[[SystemValues], Values]:
    return lambda values: _both_ways(
        values.networks, pick, (attribute, names.NETWORK_DIRECTION), attribute_values.NETWORK_DIRECTIONS
    )


def _connections(values: SystemValues) -> Iterator[Value]:
    for (transport, state), count in values.connections.items():
        attributes = {names.CONNECTION_STATE: state} if state else {}
        yield count, {names.NETWORK_TRANSPORT: transport, **attributes}


def _load(position: int) -> Callable[[SystemValues], Values]:
    return lambda values: _one(values.loads[position] if values.loads else None)


def _container_cpu_time(sample: Sample) -> Iterator[Value]:
    limits = sample.limits
    if limits.cpu_limit is None:
        return
    modes = {"user": limits.cpu_user_s, "system": limits.cpu_system_s}
    readable = {mode: value for mode, value in modes.items() if value is not None}
    if len(readable) == len(modes):
        yield from _by(names.CPU_MODE, readable)
    else:
        yield from _one(limits.cpu_time_s)


SYSTEM: Final[tuple[tuple[Metric, Callable[[SystemValues], Values]], ...]] = (
    (names.SYSTEM_CPU_TIME, lambda s: _cpus(s.cpu_times)),
    (names.SYSTEM_CPU_UTILIZATION, lambda s: _cpus(s.cpu_utilization)),
    (names.SYSTEM_CPU_LOGICAL_COUNT, lambda s: _one(len(s.cpu_times) or None)),
    (
        names.SYSTEM_CPU_FREQUENCY,
        lambda s: ((value, {names.CPU_LOGICAL_NUMBER: number}) for number, value in enumerate(s.cpu_frequencies_hz)),
    ),
    (names.SYSTEM_LOAD_1M, _load(0)),
    (names.SYSTEM_LOAD_5M, _load(1)),
    (names.SYSTEM_LOAD_15M, _load(2)),
    (names.SYSTEM_MEMORY_USAGE, lambda s: _by(names.MEMORY_STATE, s.memory.states) if s.memory else ()),
    (
        names.SYSTEM_MEMORY_UTILIZATION,
        lambda s: _by(names.MEMORY_STATE, _shares(s.memory.states, s.memory.total)) if s.memory else (),
    ),
    (names.SYSTEM_MEMORY_LIMIT, lambda s: _one(s.memory.total if s.memory else None)),
    (names.SYSTEM_MEMORY_AVAILABLE, lambda s: _one(s.memory.available if s.memory else None)),
    (names.SYSTEM_PAGING_USAGE, lambda s: _by(names.PAGING_STATE, s.paging)),
    (
        names.SYSTEM_PAGING_UTILIZATION,
        lambda s: _by(names.PAGING_STATE, _shares(s.paging, sum(s.paging.values()))),
    ),
    (names.SYSTEM_PAGING_FAULTS, lambda s: _by(names.PAGING_FAULT_TYPE, s.faults)),
    (names.SYSTEM_OOM_KILLS, lambda s: _one(s.oom_kills)),
    (names.SYSTEM_FILESYSTEM_USAGE, _filesystem_usage),
    (
        names.SYSTEM_FILESYSTEM_UTILIZATION,
        lambda s: ((f.utilization, _place(f)) for f in s.filesystems if f.utilization is not None),
    ),
    (names.SYSTEM_FILESYSTEM_LIMIT, lambda s: ((f.total, _place(f)) for f in s.filesystems)),
    (names.SYSTEM_FILESYSTEM_INODES, _inodes),
    (names.SYSTEM_DISK_IO, _disks(lambda t: t.volume)),
    (names.SYSTEM_DISK_OPERATIONS, _disks(lambda t: t.operations)),
    (names.SYSTEM_DISK_OPERATION_TIME, _disks(lambda t: t.time_s)),
    (names.SYSTEM_NETWORK_IO, _networks(lambda t: t.volume)),
    (names.SYSTEM_NETWORK_PACKET_COUNT, _networks(lambda t: t.operations, names.DEVICE)),
    (names.SYSTEM_NETWORK_ERRORS, _networks(lambda t: t.errors)),
    (names.SYSTEM_NETWORK_PACKET_DROPPED, _networks(lambda t: t.dropped)),
    (names.SYSTEM_NETWORK_CONNECTION_COUNT, _connections),
    (names.SYSTEM_PROCESS_COUNT, lambda s: _by(names.PROCESS_STATE, s.processes)),
    (names.SYSTEM_UPTIME, lambda s: _one(s.uptime_s)),
)
"""The host's metrics."""

CONTAINER: Final[tuple[tuple[Metric, Callable[[Sample], Values]], ...]] = (
    (
        names.CONTAINER_MEMORY_USAGE,
        lambda s: _one(s.limits.memory_usage if s.limits.memory_limit is not None else None),
    ),
    (names.CONTAINER_MEMORY_LIMIT, lambda s: _one(s.limits.memory_limit)),
    (names.CONTAINER_CPU_TIME, _container_cpu_time),
    (
        names.CONTAINER_CPU_USAGE,
        lambda s: _one(s.container_cpu_usage if s.limits.cpu_limit is not None else None),
    ),
    (names.CONTAINER_CPU_LIMIT, lambda s: _one(s.limits.cpu_limit)),
)
"""The metrics of the control group, where one limits this process."""

APPLICATION: Final[tuple[tuple[Metric, Callable[[ProcessValues], Values]], ...]] = (
    (names.PROCESS_CPU_TIME, lambda p: _by(names.CPU_MODE, p.cpu_times)),
    (names.PROCESS_CPU_UTILIZATION, lambda p: _by(names.CPU_MODE, p.cpu_utilization)),
    (names.PROCESS_MEMORY_USAGE, lambda p: _one(p.rss)),
    (names.PROCESS_MEMORY_VIRTUAL, lambda p: _one(p.vms)),
    (names.PROCESS_MEMORY_UTILIZATION, lambda p: _one(p.memory_utilization)),
    (names.PROCESS_THREAD_COUNT, lambda p: _one(p.threads)),
    (names.PROCESS_FILE_DESCRIPTOR_COUNT, lambda p: _one(p.file_descriptors)),
    (names.PROCESS_CONTEXT_SWITCHES, lambda p: _by(names.CONTEXT_SWITCH_TYPE, p.context_switches)),
    (names.PROCESS_PAGING_FAULTS, lambda p: _by(names.PAGING_FAULT_TYPE, p.faults)),
    (names.PROCESS_UPTIME, lambda p: _one(p.uptime_s)),
    (
        names.PROCESS_DISK_IO,
        lambda p: (
            (value, {names.DISK_DIRECTION: direction})
            for direction, value in zip(attribute_values.DISK_DIRECTIONS, p.disk_io or (), strict=False)
        ),
    ),
)
"""The process's metrics."""


def _of_system(read: Callable[[SystemValues], Values]) -> Callable[[Sample], Values]:
    return lambda sample: () if sample.system is None else read(sample.system)


def _of_process(read: Callable[[ProcessValues], Values]) -> Callable[[Sample], Values]:
    return lambda sample: () if sample.process is None else read(sample.process)


SYSTEM_GROUP: Final[tuple[tuple[Metric, Callable[[Sample], Values]], ...]] = (
    *((metric, _of_system(read)) for metric, read in SYSTEM),
    *CONTAINER,
)
"""The metrics that ``system_metrics`` switches on, as functions of the sample."""

APPLICATION_GROUP: Final[tuple[tuple[Metric, Callable[[Sample], Values]], ...]] = tuple(
    (metric, _of_process(read)) for metric, read in APPLICATION
)
"""The metrics that ``application_metrics`` switches on, as functions of the sample."""
