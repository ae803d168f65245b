"""
Every name of a metric, attribute, span and event, with units, bucket bounds and aliases; no other module defines one.

The OpenTelemetry semantic conventions define the names and attributes of the host and the process. They are written out here,
because their modules take as long to import as OpenTelemetry's API; a test compares them. This package's own names begin with
``csg.``. Its gauges never have the unit ``1``, because Python and Go translate that unit differently for Prometheus.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "up_down_counter", "histogram", "gauge"]

Workers = Literal["each", "sum", "min", "max", "one"]
"""
How a scrape merges the values of a gauge or an up-down counter in several worker processes.

``each`` shows every value, with the ``process.pid`` of its worker; ``sum`` adds the values up; ``min`` and ``max`` show the smallest
or largest; ``one`` shows the value of any one worker, for values that are equal in all of them.
"""

SCOPE: Final = "csg_otel"
"""Instrumentation scope of all telemetry made through this package's API."""

ERROR_TYPE: Final = "error.type"


class Metric(NamedTuple):
    """One instrument: its OTel name, kind, UCUM unit, description and the attributes its points may carry."""

    name: str
    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()


UP: Final = "up"
"""Prometheus' own series of each target: 1 after a successful scrape, 0 after a failed one."""

TARGET_INFO: Final = "target_info"
"""Series with the resource of each program, always 1: on our own pages, and made by Prometheus from OTLP."""

# -- attributes ---------------------------------------------------------------------------------------------------------

ACCESS_LOGGER: Final = "csg_otel.access"
"""Logger of the endpoints' access log. Its lines are shown at INFO, other lines of csg_otel only from WARNING."""

START_LOGGER: Final = "csg_otel.start"
"""Logger of the line about a telemetry that has started; shown at INFO, as those of the access log."""

ON_SCREEN: Final = "csg_on_screen"
"""Mark on a log record (no attribute): a handler of the program has already written the record to the terminal."""

OPERATION_NAME: Final = "csg.operation.name"
OBJECTIVE: Final = "csg.operation.objective"
CODE_FUNCTION_NAME: Final = "code.function.name"
FILE_TYPE: Final = "csg.file.type"
FILE_SIZE: Final = "file.size"
OUTCOME: Final = "csg.outcome"
CACHE_NAME: Final = "csg.cache.name"
CACHE_RESULT: Final = "csg.cache.result"
LOOP_NAME: Final = "csg.runtime.loop.name"
CHECK_NAME: Final = "csg.health.check.name"
CHECK_CATEGORY: Final = "csg.health.check.category"
CHECK_CRITICAL: Final = "csg.health.check.critical"
CHECK_MEASUREMENT: Final = "csg.health.check.measurement.name"
BENCHMARK_SIZE: Final = "csg.benchmark.size"
CHECK_LIMIT: Final = "csg.health.check.limit"
HEALTH_STATE: Final = "csg.health.state"
HEALTH_GROUP: Final = "csg.health.group"
HEALTH_FROM: Final = "csg.health.from"
HEALTH_TO: Final = "csg.health.to"
OUTAGE: Final = "csg.health.outage.duration"
OUTAGE_FAILURES: Final = "csg.health.outage.failures"
DESTINATION: Final = "csg.destination"
SIGNAL: Final = "signal"
RESULT: Final = "csg.result"
REASON: Final = "csg.reason"
INSTRUMENT: Final = "csg.instrument"
COMPONENT_TYPE: Final = "otel.component.type"
COMPONENT_NAME: Final = "otel.component.name"
PARENT_ORIGIN: Final = "otel.span.parent.origin"
SAMPLING_RESULT: Final = "otel.span.sampling_result"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"

CPU_LOGICAL_NUMBER: Final = "cpu.logical_number"
CPU_MODE: Final = "cpu.mode"
MEMORY_STATE: Final = "system.memory.state"
PAGING_FAULT_TYPE: Final = "system.paging.fault.type"
PAGING_STATE: Final = "system.paging.state"
DEVICE: Final = "system.device"
MOUNTPOINT: Final = "system.filesystem.mountpoint"
FILESYSTEM_TYPE: Final = "system.filesystem.type"
FILESYSTEM_STATE: Final = "system.filesystem.state"
FILESYSTEM_MODE: Final = "system.filesystem.mode"
READ_ONLY: Final = "ro"
WRITABLE: Final = "rw"
"""The two values of :data:`FILESYSTEM_MODE`."""
DISK_DIRECTION: Final = "disk.io.direction"
NETWORK_INTERFACE: Final = "network.interface.name"
NETWORK_DIRECTION: Final = "network.io.direction"
NETWORK_TRANSPORT: Final = "network.transport"
CONNECTION_STATE: Final = "network.connection.state"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
PROCESS_PID: Final = "process.pid"
PROCESS_EXECUTABLE: Final = "process.executable.name"
PROCESS_RUNTIME: Final = "process.runtime.name"
PROCESS_RUNTIME_VERSION: Final = "process.runtime.version"
HOST_NAME: Final = "host.name"
HOST_ARCH: Final = "host.arch"
OS_TYPE: Final = "os.type"
OS_NAME: Final = "os.name"
OS_VERSION: Final = "os.version"
CONTAINER_ID: Final = "container.id"
K8S_POD_NAME: Final = "k8s.pod.name"
K8S_POD_UID: Final = "k8s.pod.uid"
K8S_NAMESPACE: Final = "k8s.namespace.name"
K8S_NODE_NAME: Final = "k8s.node.name"
K8S_CONTAINER_NAME: Final = "k8s.container.name"
PROCESS_STATE: Final = "process.state"
CONTEXT_SWITCH_TYPE: Final = "process.context_switch.type"
GC_GENERATION: Final = "cpython.gc.generation"

# -- spans and events ---------------------------------------------------------------------------------------------------

CHECK_SPAN: Final = "health_check {name}"
EVENT_STATE_CHANGE: Final = "csg.health.check.state_change"
EVENT_ALERT: Final = "csg.alert"
ALERT_NAME: Final = "csg.alert.name"
ALERT_SEVERITY: Final = "csg.alert.severity"
ALERT_ID: Final = "csg.alert.id"
ALERT_RESOLVED: Final = "csg.alert.resolved"
ALERT_DETAILS: Final = "csg.alert.details"
"""Prefix of the attributes for an alert's details; a dot and the detail's key follow."""


# -- buckets ------------------------------------------------------------------------------------------------------------

DURATION_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds in seconds, as the HTTP semantic conventions advise for durations."""

SIZE_BUCKETS_BY: Final = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
"""Upper bounds in bytes, one per power of ten from a kilobyte to a gigabyte."""

PAUSE_BUCKETS_S: Final = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
"""Upper bounds in seconds for garbage collection pauses and event-loop lag: from 0.1 ms to 5 s."""

MAX_ATTRIBUTE_LENGTH: Final = 1024
"""Most characters of a metric's attribute value; the rest is cut off."""

LONGEST_VALUE: Final = 16_384
"""Most characters of an attribute's value in spans and log records, of a log body, and of an item in one of them."""

CARDINALITY_LIMIT: Final = 2000
"""Most series per instrument; the measurements of all other series are added up in one series marked by :data:`OVERFLOW`."""

OVERFLOW: Final = "otel.metric.overflow"
"""The attribute, with the value true, of the series for all measurements beyond the limit; the SDK uses the same attribute."""

# The formatter is off, because the instruments form a table with one line each.
# fmt: off

# -- system -------------------------------------------------------------------------------------------------------------

SYSTEM_CPU_TIME = Metric("system.cpu.time", "counter", "s", "Seconds that each logical CPU has spent in each mode since boot.", (CPU_LOGICAL_NUMBER, CPU_MODE))
SYSTEM_CPU_UTILIZATION = Metric("system.cpu.utilization", "gauge", "1", "Share of time that each logical CPU spent in each mode since the previous sample, 0 to 1.", (CPU_LOGICAL_NUMBER, CPU_MODE))
SYSTEM_CPU_LOGICAL_COUNT = Metric("system.cpu.logical.count", "up_down_counter", "{cpu}", "Number of logical CPUs of the host.")
SYSTEM_CPU_FREQUENCY = Metric("system.cpu.frequency", "gauge", "Hz", "Frequency of each logical CPU, read once a minute.", (CPU_LOGICAL_NUMBER,))
SYSTEM_LOAD_1M = Metric("system.cpu.load_average.1m", "gauge", "{thread}", "Load average over one minute.")
SYSTEM_LOAD_5M = Metric("system.cpu.load_average.5m", "gauge", "{thread}", "Load average over five minutes.")
SYSTEM_LOAD_15M = Metric("system.cpu.load_average.15m", "gauge", "{thread}", "Load average over fifteen minutes.")
SYSTEM_MEMORY_USAGE = Metric("system.memory.usage", "up_down_counter", "By", "Memory of the host by state; the states add up to the total.", (MEMORY_STATE,))
SYSTEM_MEMORY_UTILIZATION = Metric("system.memory.utilization", "gauge", "1", "Share of the host's memory by state, 0 to 1.", (MEMORY_STATE,))
SYSTEM_MEMORY_LIMIT = Metric("system.memory.limit", "up_down_counter", "By", "Total memory of the host.")
SYSTEM_MEMORY_AVAILABLE = Metric("system.memory.linux.available", "up_down_counter", "By", "Memory that is available to new programs without swapping, as estimated by the kernel.")
SYSTEM_PAGING_USAGE = Metric("system.paging.usage", "up_down_counter", "By", "Swap space by state.", (PAGING_STATE,))
SYSTEM_PAGING_UTILIZATION = Metric("system.paging.utilization", "gauge", "1", "Share of the swap space by state, 0 to 1.", (PAGING_STATE,))
SYSTEM_PAGING_FAULTS = Metric("system.paging.faults", "counter", "{fault}", "Page faults of the host since boot; major ones had to read from a disk.", (PAGING_FAULT_TYPE,))
SYSTEM_OOM_KILLS = Metric("system.memory.oom_kills", "counter", "{process}", "Processes that the kernel has killed since boot because memory ran out, in containers, too.")
_FILESYSTEM = (DEVICE, MOUNTPOINT, FILESYSTEM_TYPE, FILESYSTEM_MODE)
SYSTEM_FILESYSTEM_USAGE = Metric("system.filesystem.usage", "up_down_counter", "By", "Space of each local file system by state; reserved is the part only the superuser may fill.", (*_FILESYSTEM, FILESYSTEM_STATE))
SYSTEM_FILESYSTEM_UTILIZATION = Metric("system.filesystem.utilization", "gauge", "1", "Used share of each local file system: used / (used + free), 0 to 1.", _FILESYSTEM)
SYSTEM_FILESYSTEM_LIMIT = Metric("system.filesystem.limit", "up_down_counter", "By", "Total space of each local file system.", _FILESYSTEM)
SYSTEM_FILESYSTEM_INODES = Metric("system.filesystem.inodes.usage", "up_down_counter", "{inode}", "Inodes of each local file system by state; without free ones no file can be made. No series where a file system has no fixed number.", (*_FILESYSTEM, FILESYSTEM_STATE))
SYSTEM_DISK_IO = Metric("system.disk.io", "counter", "By", "Bytes read from and written to each disk since boot.", (DEVICE, DISK_DIRECTION))
SYSTEM_DISK_OPERATIONS = Metric("system.disk.operations", "counter", "{operation}", "Read and write operations that each disk has completed since boot.", (DEVICE, DISK_DIRECTION))
SYSTEM_DISK_OPERATION_TIME = Metric("system.disk.operation_time", "counter", "s", "Seconds that the operations of each disk took, added up since boot.", (DEVICE, DISK_DIRECTION))
_NETWORK = (NETWORK_INTERFACE, NETWORK_DIRECTION)
SYSTEM_NETWORK_IO = Metric("system.network.io", "counter", "By", "Bytes received and sent by each network interface since boot.", _NETWORK)
SYSTEM_NETWORK_PACKET_COUNT = Metric("system.network.packet.count", "counter", "{packet}", "Packets received and sent by each network interface since boot.", (DEVICE, NETWORK_DIRECTION))
SYSTEM_NETWORK_ERRORS = Metric("system.network.errors", "counter", "{error}", "Errors counted by each network interface since boot.", _NETWORK)
SYSTEM_NETWORK_PACKET_DROPPED = Metric("system.network.packet.dropped", "counter", "{packet}", "Packets dropped by each network interface since boot.", _NETWORK)
SYSTEM_NETWORK_CONNECTION_COUNT = Metric("system.network.connection.count", "up_down_counter", "{connection}", "Sockets by transport, from the kernel's totals. Off by default: see system_monitoring.metrics.network_connections.", (NETWORK_TRANSPORT, CONNECTION_STATE))
SYSTEM_PROCESS_COUNT = Metric("system.process.count", "up_down_counter", "{process}", "Processes of the host by state, counted once a minute.", (PROCESS_STATE,))
SYSTEM_UPTIME = Metric("system.uptime", "gauge", "s", "Seconds since the host booted.")
CONTAINER_MEMORY_USAGE = Metric("container.memory.usage", "up_down_counter", "By", "Memory in use by the cgroup of this process, without page cache that can be reclaimed; no series without a memory limit.")
CONTAINER_MEMORY_LIMIT = Metric("container.memory.limit", "up_down_counter", "By", "Memory limit of the cgroup of this process; no series without a limit.")
CONTAINER_CPU_TIME = Metric("container.cpu.time", "counter", "s", "CPU seconds used by the cgroup of this process, by mode; no series without a CPU limit.", (CPU_MODE,))
CONTAINER_CPU_USAGE = Metric("container.cpu.usage", "gauge", "{cpu}", "CPUs used by the cgroup of this process since the previous sample; no series without a CPU limit.")
CONTAINER_CPU_LIMIT = Metric("container.cpu.limit", "gauge", "{cpu}", "CPU limit of the cgroup of this process, as a number of CPUs; no series without a limit.")

# -- application --------------------------------------------------------------------------------------------------------

PROCESS_CPU_TIME = Metric("process.cpu.time", "counter", "s", "CPU seconds used by this process, by mode.", (CPU_MODE,))
PROCESS_CPU_UTILIZATION = Metric("process.cpu.utilization", "gauge", "1", "CPU time of this process since the previous sample, divided by elapsed time and number of CPUs, 0 to 1.", (CPU_MODE,))
PROCESS_MEMORY_USAGE = Metric("process.memory.usage", "up_down_counter", "By", "Physical memory in use by this process (RSS).")
PROCESS_MEMORY_VIRTUAL = Metric("process.memory.virtual", "up_down_counter", "By", "Virtual memory of this process (VMS).")
PROCESS_MEMORY_UTILIZATION = Metric("process.memory.utilization", "gauge", "1", "Physical memory of this process divided by the memory it may use (the limit of its cgroup, or the memory of the host), 0 to 1.")
PROCESS_THREAD_COUNT = Metric("process.thread.count", "up_down_counter", "{thread}", "Threads of this process.")
PROCESS_FILE_DESCRIPTOR_COUNT = Metric("process.unix.file_descriptor.count", "up_down_counter", "{file_descriptor}", "Open file descriptors of this process.")
PROCESS_CONTEXT_SWITCHES = Metric("process.context_switches", "counter", "{context_switch}", "Context switches of this process.", (CONTEXT_SWITCH_TYPE,))
PROCESS_UPTIME = Metric("process.uptime", "gauge", "s", "Seconds since this process started.")
PROCESS_DISK_IO = Metric("process.disk.io", "counter", "By", "Bytes that this process has read from and written to disks.", (DISK_DIRECTION,))
PROCESS_PAGING_FAULTS = Metric("process.paging.faults", "counter", "{fault}", "Page faults of this process; major ones had to read from a disk.", (PAGING_FAULT_TYPE,))
GC_COLLECTIONS = Metric("cpython.gc.collections", "counter", "{collection}", "Garbage collections since the process started.", (GC_GENERATION,))
GC_COLLECTED_OBJECTS = Metric("cpython.gc.collected_objects", "counter", "{object}", "Objects freed by the garbage collector.", (GC_GENERATION,))
GC_UNCOLLECTABLE_OBJECTS = Metric("cpython.gc.uncollectable_objects", "counter", "{object}", "Unreachable objects that the garbage collector could not free.", (GC_GENERATION,))
GC_PAUSE = Metric("csg.runtime.gc.pause", "histogram", "s", "Time for which each garbage collection stopped the program.", (GC_GENERATION,))
EVENT_LOOP_LAG = Metric("csg.runtime.event_loop.lag", "histogram", "s", "Delay of a timer in a watched event loop: time between the moment it was due and the moment it ran.", (LOOP_NAME,))

# -- business -----------------------------------------------------------------------------------------------------------

OPERATION_DURATION = Metric("csg.operation.duration", "histogram", "s", "Duration of observed operations; error.type is set on those that failed.", (OPERATION_NAME, ERROR_TYPE, OBJECTIVE))
OPERATION_ACTIVE = Metric("csg.operation.active", "up_down_counter", "{operation}", "Observed operations that are running now.", (OPERATION_NAME,))
WORK_FINISHED = Metric("csg.operation.work.finished", "counter", "{item}", "Pieces of work that have ended, by outcome (ok, error). A piece of work is an outermost operation or a file; operations inside one are not counted.", (OUTCOME,))
WORK_TIME = Metric("csg.operation.work.time", "counter", "s", "Seconds that the pieces of work in csg.operation.work.finished took, added up.")
FILES_PROCESSED = Metric("csg.files.processed", "counter", "{file}", "Files processed, by type and outcome (ok, error).", (FILE_TYPE, OUTCOME))
FILES_SIZE = Metric("csg.files.size", "histogram", "By", "Size of the files processed.", (FILE_TYPE, OUTCOME))
CACHE_REQUESTS = Metric("csg.cache.requests", "counter", "{request}", "Cache look-ups, by result (hit, miss).", (CACHE_NAME, CACHE_RESULT))

# -- health -------------------------------------------------------------------------------------------------------------

HEALTH_CHECK_STATUS = Metric("csg.health.check.status", "gauge", "", "One series per possible state of each check: 1 for the current state, 0 for the others.", (CHECK_NAME, CHECK_CATEGORY, CHECK_CRITICAL, HEALTH_STATE))
HEALTH_CHECK_CODE = Metric("csg.health.check.code", "gauge", "", "State of each check as a number: 0 healthy, 1 warning, 2 critical, 3 unknown.", (CHECK_NAME, CHECK_CATEGORY))
HEALTH_STATUS = Metric("csg.health.status", "gauge", "", "One series per possible state of each group of checks: 1 for the current state, 0 for the others.", (HEALTH_GROUP, HEALTH_STATE))
HEALTH_CHECK_DURATION = Metric("csg.health.check.duration", "histogram", "s", "Duration of each run of a check.", (CHECK_NAME, CHECK_CATEGORY, HEALTH_STATE, ERROR_TYPE))
HEALTH_CHECK_EXECUTIONS = Metric("csg.health.check.executions", "counter", "{execution}", "Runs of each check.", (CHECK_NAME, HEALTH_STATE, ERROR_TYPE))
HEALTH_CHECK_TRANSITIONS = Metric("csg.health.check.transitions", "counter", "{transition}", "Changes of a check's effective state.", (CHECK_NAME, HEALTH_FROM, HEALTH_TO))
HEALTH_CHECK_LAST_EXECUTION = Metric("csg.health.check.last_execution", "gauge", "s", "Unix time at which each check last finished.", (CHECK_NAME,))
HEALTH_CHECK_MEASUREMENT = Metric("csg.health.check.measurement", "gauge", "", "Values measured by checks. The unit depends on the measurement, for example s for durations and % for shares.", (CHECK_NAME, CHECK_MEASUREMENT, BENCHMARK_SIZE))
HEALTH_CHECK_MEASUREMENT_LIMIT = Metric("csg.health.check.measurement.limit", "gauge", "", "Limits of the values in csg.health.check.measurement, in the same unit.", (CHECK_NAME, CHECK_MEASUREMENT, BENCHMARK_SIZE, CHECK_LIMIT))
HEALTH_BYPASS = Metric("csg.health.bypass", "gauge", "", "1 while no health check runs because of DISABLE_HEALTH_CHECKS or health_monitoring.bypass, else 0.")
HEALTH_MAINTENANCE = Metric("csg.health.maintenance", "gauge", "", "1 while the program is in maintenance, else 0.")

# -- own telemetry ------------------------------------------------------------------------------------------------------

EXPORTER_ITEMS = Metric("csg.exporter.items", "counter", "{item}", "Spans, log records and metric batches, by result: emitted, or adopted from a dead process; then delivered, or dropped with a reason. Items that are neither delivered nor dropped are still waiting; spooled is the number of items that have waited on disk so far.", (DESTINATION, SIGNAL, RESULT, REASON))
SPOOL_SIZE = Metric("csg.spool.size", "gauge", "By", "Bytes of spooled telemetry on disk that wait for a destination.", (DESTINATION,))
ALERTS_SENT = Metric("csg.alerts.sent", "counter", "{alert}", "Alerts of the program's own AlertingService, by result (emitted, resolved).", (RESULT,))
SCRUBBING_REDACTIONS = Metric("csg.scrubbing.redactions", "counter", "{redaction}", "Secrets and personal data that were replaced before telemetry left the process, by rule of the scrubber.", ("csg.rule",))
TELEMETRY_FAULTS = Metric("csg.telemetry.faults", "counter", "{fault}", "Errors inside telemetry that did not reach the program, by component; the log has the details.", ("csg.component",))
ATTRIBUTES_DROPPED = Metric("csg.attributes.dropped", "counter", "{attribute}", "Attributes dropped because their instrument does not declare them; declare them, or remove them from the call.", (INSTRUMENT,))
SDK_SPAN_STARTED = Metric("otel.sdk.span.started", "counter", "{span}", "Spans that were started, also those that are not sampled.", (PARENT_ORIGIN, SAMPLING_RESULT))
SDK_SPAN_LIVE = Metric("otel.sdk.span.live", "up_down_counter", "{span}", "Recorded spans that have started and not ended.", (SAMPLING_RESULT,))
SDK_LOG_CREATED = Metric("otel.sdk.log.created", "counter", "{log_record}", "Log records that were emitted.")
_COMPONENT = (COMPONENT_TYPE, COMPONENT_NAME)
SDK_SPAN_PROCESSED = Metric("otel.sdk.processor.span.processed", "counter", "{span}", "Spans that were passed to the exporter of a destination; with error.type, those dropped before.", (*_COMPONENT, ERROR_TYPE))
SDK_LOG_PROCESSED = Metric("otel.sdk.processor.log.processed", "counter", "{log_record}", "Log records that were passed to the exporter of a destination; with error.type, those dropped before.", (*_COMPONENT, ERROR_TYPE))
SDK_SPAN_QUEUE_SIZE = Metric("otel.sdk.processor.span.queue.size", "up_down_counter", "{span}", "Spans that wait for a destination, in memory and on disk; more than the capacity if the spool holds some.", _COMPONENT)
SDK_LOG_QUEUE_SIZE = Metric("otel.sdk.processor.log.queue.size", "up_down_counter", "{log_record}", "Log records that wait for a destination, in memory and on disk; more than the capacity if the spool holds some.", _COMPONENT)
SDK_SPAN_QUEUE_CAPACITY = Metric("otel.sdk.processor.span.queue.capacity", "up_down_counter", "{span}", "Most spans in the memory queue of a destination.", _COMPONENT)
SDK_LOG_QUEUE_CAPACITY = Metric("otel.sdk.processor.log.queue.capacity", "up_down_counter", "{log_record}", "Most log records in the memory queue of a destination.", _COMPONENT)
_EXPORTER = (*_COMPONENT, SERVER_ADDRESS, SERVER_PORT)
SDK_SPAN_EXPORTED = Metric("otel.sdk.exporter.span.exported", "counter", "{span}", "Spans that a destination has accepted; with error.type, those it has refused for good.", (*_EXPORTER, ERROR_TYPE))
SDK_LOG_EXPORTED = Metric("otel.sdk.exporter.log.exported", "counter", "{log_record}", "Log records that a destination has accepted; with error.type, those it has refused for good.", (*_EXPORTER, ERROR_TYPE))
SDK_POINT_EXPORTED = Metric("otel.sdk.exporter.metric_data_point.exported", "counter", "{data_point}", "Data points that a destination has accepted; with error.type, those it has refused for good.", (*_EXPORTER, ERROR_TYPE))
SDK_SPAN_IN_FLIGHT = Metric("otel.sdk.exporter.span.inflight", "up_down_counter", "{span}", "Spans in the request that is being sent to a destination, during its retries, too.", _EXPORTER)
SDK_LOG_IN_FLIGHT = Metric("otel.sdk.exporter.log.inflight", "up_down_counter", "{log_record}", "Log records in the request that is being sent to a destination, during its retries, too.", _EXPORTER)
SDK_POINT_IN_FLIGHT = Metric("otel.sdk.exporter.metric_data_point.inflight", "up_down_counter", "{data_point}", "Data points in the request that is being sent to a destination, during its retries, too.", _EXPORTER)
SDK_EXPORT_DURATION = Metric("otel.sdk.exporter.operation.duration", "histogram", "s", "Time from the first attempt to send a request until it was accepted, or refused for good.", (*_EXPORTER, ERROR_TYPE))
SDK_COLLECTION_DURATION = Metric("otel.sdk.metric_reader.collection.duration", "histogram", "s", "Duration of each collection of metrics.", _COMPONENT)

# fmt: on

METRICS: Final[dict[str, Metric]] = {
    metric.name: metric for metric in tuple(globals().values()) if isinstance(metric, Metric)
}
"""Every instrument of this package by its OTel name."""

BUSINESS: Final = frozenset(
    metric.name
    for metric in (
        *(OPERATION_DURATION, OPERATION_ACTIVE, WORK_FINISHED, WORK_TIME),
        *(FILES_PROCESSED, FILES_SIZE, CACHE_REQUESTS),
    )
)
"""The names that `system_monitoring.metrics.business_metrics` switches."""

OF_THE_SDK: Final = frozenset(name for name in METRICS if name.startswith("otel.sdk."))
"""The names that `system_monitoring.metrics.sdk_metrics` switches."""

OF_THE_HOST: Final = ("system.", "container.")
"""Prefixes of the metrics whose values are the same in every process of a machine or a container."""

ACROSS_WORKERS: Final[dict[str, Workers]] = {
    OPERATION_ACTIVE.name: "sum",
    SPOOL_SIZE.name: "sum",
    HEALTH_BYPASS.name: "max",
    HEALTH_MAINTENANCE.name: "max",
    HEALTH_CHECK_MEASUREMENT_LIMIT.name: "one",
    **{name: "sum" for name in OF_THE_SDK if METRICS[name].kind == "up_down_counter"},
}
"""Policies of this package's own gauges and up-down counters, if a scrape does not show them for each worker."""


# -- aliases -------------------------------------------------------------------------------------------------------------


class Alias(NamedTuple):
    """
    An alias: a short metric name such as ``system_cpu_usage_percent``, computed from the instruments.

    The aliases are the names in "Health Checks and System Monitoring", the guide that this package was built to; dashboards
    and rules of its readers use them.

    ``unit`` is the unit of its value; ``labels`` are the labels by which its series differ; ``sources`` are the instruments from
    which it is computed; ``meaning`` describes the computation in the documentation; ``kind`` is its kind in a rule: a counter if
    the value only grows. ``fixed`` are the labels that all its series have with one value, where :data:`PROGRAM` stands for the
    name of the service. ``metrics`` computes the value in this process, ``alerts`` the PromQL.
    """

    name: str
    unit: str
    labels: tuple[str, ...]
    sources: tuple[Metric, ...]
    meaning: str
    kind: Kind = "gauge"
    fixed: tuple[tuple[str, str], ...] = ()

    def fixed_labels(self, service: str) -> dict[str, str]:
        """Return the labels that all series of the program *service* have, with their values."""
        return {label: service if value == PROGRAM else value for label, value in self.fixed}


PROGRAM: Final = "<service.name>"
"""The value of a fixed label that is the name of the service."""

_PROCESS: Final = (("process", PROGRAM),)

# fmt: off
_ALIASES: Final = (
    Alias("system_cpu_usage_percent", "percent", ("type", "cpu"), (SYSTEM_CPU_UTILIZATION,), "100 x (1 - mean idle)"),
    Alias("system_memory_usage_bytes", "By", ("type",), (SYSTEM_MEMORY_LIMIT, SYSTEM_MEMORY_AVAILABLE), "used and available"),
    Alias("system_memory_usage_percent", "percent", (), (SYSTEM_MEMORY_LIMIT, SYSTEM_MEMORY_AVAILABLE), "100 x (1 - available / limit)", fixed=(("type", "usage"),)),
    Alias("system_disk_usage_bytes", "By", ("type", "mount"), (SYSTEM_FILESYSTEM_USAGE,), "used and free by mount, without read-only ones"),
    Alias("system_disk_usage_percent", "percent", ("mount",), (SYSTEM_FILESYSTEM_UTILIZATION,), "100 x used / (used + free), without read-only ones"),
    Alias("system_network_bytes_total", "By", ("direction",), (SYSTEM_NETWORK_IO,), "sum over interfaces, loopback excluded", "counter"),
    Alias("system_network_packets_total", "{packet}", ("direction",), (SYSTEM_NETWORK_PACKET_COUNT,), "sum over interfaces, loopback excluded", "counter"),
    Alias("system_load_average", "{thread}", ("period",), (SYSTEM_LOAD_1M, SYSTEM_LOAD_5M, SYSTEM_LOAD_15M), "load average over 1m, 5m, 15m"),
    Alias("system_processes_total", "{process}", (), (SYSTEM_PROCESS_COUNT,), "processes of any status"),
    Alias("application_cpu_usage_percent", "percent", (), (PROCESS_CPU_UTILIZATION,), "100 x sum over modes", fixed=_PROCESS),
    Alias("application_memory_usage_bytes", "By", ("type",), (PROCESS_MEMORY_USAGE, PROCESS_MEMORY_VIRTUAL), "rss and vms", fixed=_PROCESS),
    Alias("application_memory_usage_percent", "percent", (), (PROCESS_MEMORY_UTILIZATION,), "100 x utilization", fixed=_PROCESS),
    Alias("application_threads_total", "{thread}", (), (PROCESS_THREAD_COUNT,), "threads", fixed=_PROCESS),
    Alias("application_file_descriptors_total", "{file_descriptor}", (), (PROCESS_FILE_DESCRIPTOR_COUNT,), "descriptors", fixed=_PROCESS),
    Alias("application_uptime_seconds", "s", (), (PROCESS_UPTIME,), "uptime", fixed=_PROCESS),
    Alias("files_processed_total", "{file}", ("type",), (FILES_PROCESSED,), "files of any outcome, by type", "counter"),
    Alias("processing_duration_seconds", "s", (), (WORK_FINISHED, WORK_TIME), "mean duration of the pieces of work (outermost operations and files) over 5 m", fixed=(("type", "average"),)),
    Alias("processing_errors_total", "{item}", (), (WORK_FINISHED,), "pieces of work that failed", "counter", fixed=(("type", "all"),)),
    Alias("error_rate_percent", "percent", (), (WORK_FINISHED,), "100 x failed / all pieces of work over 5 m"),
    Alias("cache_hit_rate_percent", "percent", (), (CACHE_REQUESTS,), "100 x hits / requests over 5 m"),
    Alias("health_check_status", "", ("check",), (HEALTH_CHECK_STATUS,), "1 passing (healthy or warning), 0 failing"),
)

# fmt: on

ALIASES: Final[dict[str, Alias]] = {alias.name: alias for alias in _ALIASES}
"""All aliases by name."""
