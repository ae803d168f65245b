"""The rows of the dashboard about the resources of the host, the container, the process and its runtime. Pure."""

from __future__ import annotations

from typing import Any

from csg_otel import names
from csg_otel.alerts import conditions
from csg_otel.alerts.expr import Aggregate, Binary, Expr, Select
from csg_otel.dashboard.grafana.charts import Charts
from csg_otel.dashboard.grafana.panels import Panel, Row
from csg_otel.dashboard.grafana.queries import SELECTED, Queries, Query, percent


def system(queries: Queries) -> Row:
    """Return the resources of the host, and those of the container."""
    charts = Charts(queries)
    full: dict[str, Any] = {"unit": "percent", "highest": 100}
    swap = Aggregate("max", ("instance",), queries.series(names.SYSTEM_PAGING_USAGE, (names.PAGING_STATE, "=", "used")))
    panels = (
        charts.alias("system_cpu_usage_percent", "CPU", "Busy share of all CPUs.", **full),
        charts.alias("system_load_average", "Load", "Programs that run or wait for a CPU or a disk.", "short"),
        charts.alias("system_memory_usage_percent", "Memory", "Memory that programs can't get any more.", **full),
        charts.alias("system_memory_usage_bytes", "Memory size", "Memory in use and available.", "bytes"),
        charts.alias("system_disk_usage_percent", "Disks", "Used share of each file system.", **full),
        charts.alias("system_disk_usage_bytes", "Disk space", "Used and free space of each file system.", "bytes"),
        charts.rate(
            names.SYSTEM_DISK_IO,
            (names.DEVICE, names.DISK_DIRECTION),
            "Disk traffic",
            "Bytes read and written per second.",
            "binBps",
        ),
        charts.alias("system_network_bytes_total", "Network", "Bytes per second, without loopback.", "binBps"),
        charts.alias("system_network_packets_total", "Packets", "Packets per second, without loopback.", "pps"),
        *(
            charts.rate(metric, (names.NETWORK_INTERFACE, names.NETWORK_DIRECTION), title, about, "cps")
            for metric, title, about in (
                (names.SYSTEM_NETWORK_ERRORS, "Network errors", "Errors per second of each interface."),
                (names.SYSTEM_NETWORK_PACKET_DROPPED, "Dropped packets", "Packets per second that were dropped."),
            )
        ),
        charts.of("Swap", "Swap space in use.", {"{{instance}}": swap}, "bytes"),
        charts.alias("system_processes_total", "Processes", "Processes of the host.", "short"),
        _container(queries),
    )
    return Row("System", panels, collapsed=True)


def _container(queries: Queries) -> Panel:
    def share(used: names.Metric, limit: names.Metric) -> Expr:
        most = Binary(Aggregate("max", conditions.SCRAPED, queries.series(limit)), ">", 0)
        return percent(Binary(Aggregate("max", conditions.SCRAPED, queries.series(used)), "/", most))

    shares = {
        "{{instance}} memory": share(names.CONTAINER_MEMORY_USAGE, names.CONTAINER_MEMORY_LIMIT),
        "{{instance}} CPU": share(names.CONTAINER_CPU_USAGE, names.CONTAINER_CPU_LIMIT),
    }
    about = "Memory and CPU in percent of the limits of the container; empty without limits."
    return Charts(queries).of("Container", about, shares, "percent")


def process(queries: Queries) -> Row:
    """Return the resources of the process and its runtime."""
    charts = Charts(queries)
    programs = Query(str(Select((names.TARGET_INFO,), SELECTED)), instant=True, format="table")
    panels = (
        charts.alias("application_cpu_usage_percent", "CPU of the process", "Share of all CPUs.", "percent"),
        charts.alias("application_memory_usage_bytes", "Memory of the process", "Physical and virtual.", "bytes"),
        charts.alias("application_memory_usage_percent", "Memory share", "Share of the memory it may use.", "percent"),
        charts.alias("application_threads_total", "Threads", "Threads of the process.", "short"),
        charts.alias("application_file_descriptors_total", "Open files", "Open file descriptors.", "short"),
        charts.alias("application_uptime_seconds", "Uptime", "Time since each process started.", "dtdurations"),
        charts.quantile(
            names.GC_PAUSE,
            (names.GC_GENERATION,),
            0.99,
            "Garbage collection pauses",
            "99 of 100 collections stop the program at most as long as this.",
        ),
        charts.rate(
            names.GC_COLLECTIONS, (names.GC_GENERATION,), "Garbage collections", "Collections per second.", "cps"
        ),
        charts.quantile(
            names.EVENT_LOOP_LAG,
            (names.LOOP_NAME,),
            0.99,
            "Event-loop lag",
            "99 of 100 timers of a watched loop run at most as late as this; empty without a loop.",
        ),
        charts.rate(
            names.PROCESS_CONTEXT_SWITCHES,
            (names.CONTEXT_SWITCH_TYPE,),
            "Context switches",
            "Voluntary ones wait for something; involuntary ones lost the CPU to another program.",
            "cps",
        ),
        charts.rate(
            names.PROCESS_DISK_IO,
            (names.DISK_DIRECTION,),
            "Disk traffic of the process",
            "Bytes read and written per second.",
            "binBps",
        ),
        Panel("Programs", "The resource of each program: versions, host, process.", (programs,), "none", "table"),
    )
    return Row("Process and runtime", panels, collapsed=True)
