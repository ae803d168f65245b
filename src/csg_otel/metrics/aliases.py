"""
The values of all aliases (short metric names, ``names.ALIASES``), for the snapshots and the history of this process.

Pure. The rule: each alias is computed as ``names.ALIASES`` describes. A value that does not exist, such as a mean of 0 calls,
is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from csg_otel import names
from csg_otel.points import NumberPoint, Point

if TYPE_CHECKING:
    from csg_otel.metrics.sample import Filesystem, ProcessValues, Sample, SystemValues

RATE_WINDOW_S: Final = 300.0
"""The window of rates "over 5 m", in seconds."""

WORK: Final = f"{names.WORK_FINISHED.name}.all"
WORK_FAILED: Final = f"{names.WORK_FINISHED.name}.error"
WORK_SECONDS: Final = names.WORK_TIME.name
CACHE_HITS: Final = f"{names.CACHE_REQUESTS.name}.hit"
CACHE_REQUESTS: Final = f"{names.CACHE_REQUESTS.name}.all"

READ: Final = frozenset(
    metric.name
    for metric in (
        names.WORK_FINISHED,
        names.WORK_TIME,
        names.CACHE_REQUESTS,
        names.FILES_PROCESSED,
        names.HEALTH_CHECK_STATUS,
    )
)
"""The names of all metrics whose points :func:`values` and :func:`totals` read."""

Labelled = list[tuple[dict[str, str], float]]
"""Values by their labels."""


class Past(Protocol):
    """The earlier values of totals."""

    def before(self, name: str, age_s: float) -> float | None:
        """Return the value of *name* *age_s* seconds ago; None if the history does not reach back that far."""


# -- host and process ---------------------------------------------------------------------------------------------------


def is_loopback(interface: str) -> bool:
    """Return whether a network interface only leads back to this machine."""
    return interface in {"lo", "lo0"} or interface.startswith("Loopback")


def _plain(value: float | None, factor: float = 1) -> Labelled:
    return [] if value is None else [({}, value * factor)]


def _typed(label: str, values: Mapping[str, float | None]) -> Labelled:
    return [({label: key}, value) for key, value in values.items() if value is not None]


def _cpu(values: SystemValues) -> Labelled:
    busy = {str(cpu): 100 * (1 - modes["idle"]) for cpu, modes in enumerate(values.cpu_utilization) if "idle" in modes}
    if not busy:
        return []
    cores = [({"type": "per_cpu", "cpu": cpu}, percent) for cpu, percent in busy.items()]
    return [({"type": "total"}, sum(busy.values()) / len(busy)), *cores]


def _writable(values: SystemValues) -> list[Filesystem]:
    return [filesystem for filesystem in values.filesystems if not filesystem.is_read_only]


def _disk_bytes(values: SystemValues) -> Labelled:
    return [
        ({"type": state, "mount": filesystem.mountpoint}, size)
        for filesystem in _writable(values)
        for state, size in (("used", filesystem.used), ("free", filesystem.free))
    ]


def _network(values: SystemValues, *, packets: bool) -> Labelled:
    counts = [
        traffic.operations if packets else traffic.volume
        for name, traffic in values.networks.items()
        if not is_loopback(name)
    ]
    if not values.networks:
        return []
    received, sent = (sum(count[way] for count in counts) for way in (0, 1))
    return _typed("direction", {"sent": sent, "received": received})


def _of_system(values: SystemValues) -> dict[str, Labelled]:
    memory = values.memory
    return {
        "system_cpu_usage_percent": _cpu(values),
        "system_memory_usage_bytes": _typed(
            "type", {"used": memory.total - memory.available, "available": memory.available} if memory else {}
        ),
        "system_memory_usage_percent": _plain(100 * (1 - memory.available / memory.total) if memory else None),
        "system_disk_usage_bytes": _disk_bytes(values),
        "system_disk_usage_percent": [
            ({"mount": filesystem.mountpoint}, 100 * filesystem.utilization)
            for filesystem in _writable(values)
            if filesystem.utilization is not None
        ],
        "system_network_bytes_total": _network(values, packets=False),
        "system_network_packets_total": _network(values, packets=True),
        "system_load_average": _typed("period", dict(zip(("1m", "5m", "15m"), values.loads or (), strict=False))),
        "system_processes_total": _plain(sum(values.processes.values()) if values.processes else None),
    }


def _of_process(values: ProcessValues) -> dict[str, Labelled]:
    cpu = values.cpu_utilization
    return {
        "application_cpu_usage_percent": _plain(sum(cpu.values()) if cpu else None, 100),
        "application_memory_usage_bytes": _typed("type", {"rss": values.rss, "vms": values.vms}),
        "application_memory_usage_percent": _plain(values.memory_utilization, 100),
        "application_threads_total": _plain(values.threads),
        "application_file_descriptors_total": _plain(values.file_descriptors),
        "application_uptime_seconds": _plain(values.uptime_s),
    }


# -- business -----------------------------------------------------------------------------------------------------------


def totals(points: Iterable[Point]) -> dict[str, float]:
    """Return the totals since the start from which rates over 5 m are computed; an instrument without points has none."""
    sums: defaultdict[str, float] = defaultdict(float)
    for point in points:
        if not isinstance(point, NumberPoint):
            continue
        if point.name == names.WORK_FINISHED.name:
            sums[WORK] += point.value
            sums[WORK_FAILED] += point.value if point.attributes.get(names.OUTCOME) == "error" else 0
        elif point.name == names.WORK_TIME.name:
            sums[WORK_SECONDS] += point.value
        elif point.name == names.CACHE_REQUESTS.name:
            sums[CACHE_REQUESTS] += point.value
            sums[CACHE_HITS] += point.value if point.attributes.get(names.CACHE_RESULT) == "hit" else 0
    return dict(sums)


def _recent(sums: Mapping[str, float], past: Past | None) -> Callable[[str], float]:
    """Return a function from a total's name to its growth: within the window, or since the start if *past* is shorter."""

    def grown(name: str) -> float:
        now = sums.get(name, 0.0)
        before = past.before(name, RATE_WINDOW_S) if past is not None else None
        return now - before if before is not None and before <= now else now

    return grown


def _ratio(part: float, whole: float, factor: float = 1) -> Labelled:
    return [({}, factor * part / whole)] if whole > 0 else []


def _files(points: Iterable[Point]) -> Labelled:
    counts: defaultdict[str, float] = defaultdict(float)
    for point in points:
        if isinstance(point, NumberPoint) and point.name == names.FILES_PROCESSED.name:
            counts[str(point.attributes.get(names.FILE_TYPE, ""))] += point.value
    return _typed("type", counts)


def _checks(points: Iterable[Point]) -> Labelled:
    passing: dict[str, float] = {}
    for point in points:
        if isinstance(point, NumberPoint) and point.name == names.HEALTH_CHECK_STATUS.name and point.value == 1:
            state = point.attributes.get(names.HEALTH_STATE)
            passing[str(point.attributes.get(names.CHECK_NAME, ""))] = float(state in {"healthy", "warning"})
    return _typed("check", passing)


def _of_program(points: Sequence[Point], past: Past | None) -> dict[str, Labelled]:
    sums = totals(points)
    grown = _recent(sums, past)
    return {
        "files_processed_total": _files(points),
        "processing_duration_seconds": _ratio(grown(WORK_SECONDS), grown(WORK)),
        "processing_errors_total": _plain(sums.get(WORK_FAILED)),
        "error_rate_percent": _ratio(grown(WORK_FAILED), grown(WORK), 100),
        "cache_hit_rate_percent": _ratio(grown(CACHE_HITS), grown(CACHE_REQUESTS), 100),
        "health_check_status": _checks(points),
    }


def values(sample: Sample | None, points: Sequence[Point], history: Past | None = None) -> dict[str, Labelled]:
    """
    Return every alias with its values by the labels that distinguish them; an alias without data has an empty list.

    Rates over 5 m are computed from *history*; if that does not reach back 5 m, over the time since the start.
    """
    available = {
        **(_of_system(sample.system) if sample is not None and sample.system is not None else {}),
        **(_of_process(sample.process) if sample is not None and sample.process is not None else {}),
        **_of_program(points, history),
    }
    return {name: available.get(name, []) for name in names.ALIASES}
