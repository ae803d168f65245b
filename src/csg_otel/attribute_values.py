"""
The values of the attributes whose values this package defines: closed sets, by metric where the metrics differ.

Pure. The code that measures and the check of alert rules use them. The rule: a set has every value that the attribute ever has
and no other; an empty value stands for a series without the attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from csg_otel import names
from csg_otel.status import HealthStatus

DISK_DIRECTIONS: Final = ("read", "write")
NETWORK_DIRECTIONS: Final = ("receive", "transmit")
SPACE_STATES: Final = ("used", "free", "reserved")
INODE_STATES: Final = ("used", "free")
OUTCOMES: Final = ("ok", "error")
OBJECTIVE_MET: Final = "met"
OBJECTIVE_MISSED: Final = "missed"
DROPPED: Final = "dropped"

_STATES: Final = tuple(status.value for status in HealthStatus)
_OWN_CPU_MODES: Final = ("user", "system")

_OF_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    names.OBJECTIVE: (OBJECTIVE_MET, OBJECTIVE_MISSED, ""),
    names.CACHE_RESULT: ("hit", "miss"),
    names.CHECK_CRITICAL: ("true", "false"),
    names.CHECK_LIMIT: ("warning", "critical", "warning_low", "critical_low", "minimum", "maximum"),
    names.HEALTH_STATE: _STATES,
    names.HEALTH_FROM: _STATES,
    names.HEALTH_TO: _STATES,
    names.HEALTH_GROUP: ("overall", "liveness", "readiness", "startup"),
    names.SIGNAL: ("traces", "logs", "metrics", "alerts"),
    names.CPU_MODE: ("user", "nice", "system", "idle", "iowait", "interrupt", "steal"),
    names.MEMORY_STATE: ("used", "free", "cached", "buffers"),
    names.PAGING_STATE: ("used", "free"),
    names.PAGING_FAULT_TYPE: ("major", "minor"),
    names.FILESYSTEM_STATE: SPACE_STATES,
    names.FILESYSTEM_MODE: (names.WRITABLE, names.READ_ONLY),
    names.DISK_DIRECTION: DISK_DIRECTIONS,
    names.NETWORK_DIRECTION: NETWORK_DIRECTIONS,
    names.NETWORK_TRANSPORT: ("tcp", "udp"),
    names.CONNECTION_STATE: ("established", "time_wait", ""),
    names.PROCESS_STATE: ("running", "sleeping", "stopped", "defunct", ""),
    names.CONTEXT_SWITCH_TYPE: ("voluntary", "involuntary"),
    names.GC_GENERATION: ("0", "1", "2"),
}

_OF_METRICS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    (names.WORK_FINISHED.name, names.OUTCOME): OUTCOMES,
    (names.EXPORTER_ITEMS.name, names.RESULT): ("emitted", "adopted", "delivered", "spooled", DROPPED),
    (names.ALERTS_SENT.name, names.RESULT): ("emitted", "resolved"),
    (names.PROCESS_CPU_TIME.name, names.CPU_MODE): _OWN_CPU_MODES,
    (names.PROCESS_CPU_UTILIZATION.name, names.CPU_MODE): _OWN_CPU_MODES,
    (names.CONTAINER_CPU_TIME.name, names.CPU_MODE): (*_OWN_CPU_MODES, ""),
    (names.SYSTEM_FILESYSTEM_INODES.name, names.FILESYSTEM_STATE): INODE_STATES,
    ("system_cpu_usage_percent", "type"): ("total", "per_cpu"),
    ("system_memory_usage_bytes", "type"): ("used", "available"),
    ("system_disk_usage_bytes", "type"): ("used", "free"),
    ("system_network_bytes_total", "direction"): ("sent", "received"),
    ("system_network_packets_total", "direction"): ("sent", "received"),
    ("system_load_average", "period"): ("1m", "5m", "15m"),
    ("application_memory_usage_bytes", "type"): ("rss", "vms"),
}
"""By metric and attribute, or by alias and label."""


def of(metric: str, attribute: str) -> tuple[str, ...]:
    """
    Return the values that an attribute can have; empty if it may be any.

    Args:
        metric: the OTel name of the metric, or an alias. Metrics of the program may have any values.
        attribute: the key of the attribute, or the label of the alias.
    """
    general = _OF_ATTRIBUTES.get(attribute, ()) if metric in names.METRICS else ()
    return _OF_METRICS.get((metric, attribute), general)
