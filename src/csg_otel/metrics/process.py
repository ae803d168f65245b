"""
Readings of this process: CPU, memory, threads, descriptors, context switches, disk.

Reads and returns values. The rule: a reader belongs to the process that creates it, so a forked child creates its own.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping

from csg_otel import clocks
from csg_otel.host import process
from csg_otel.host.kernel_files import KernelFiles, number
from csg_otel.metrics.readings import Readings
from csg_otel.metrics.sample import ProcessValues


class ProcessReader:
    """Reads the process that creates it; *files* are the kernel's files, which the owner closes."""

    def __init__(self, files: KernelFiles | None = None) -> None:
        """Read the start time of this process."""
        self._files = KernelFiles() if files is None else files
        self._readings = Readings()
        # Read once, because the wall clock may be set while the process runs.
        self._started_s = self._readings.take("start of the process", self._start, None)

    def _start(self) -> float | None:
        return clocks.monotonic() - process.age_s(self._files.find(process.STATE_FILE))

    def read(self, previous: ProcessValues | None, *, cpus: float, memory_limit: int | None) -> ProcessValues:
        """
        Return this process's values; its CPU utilisation is that since *previous*.

        *cpus* is the number of CPUs it may use, *memory_limit* its memory in bytes; None leaves out the memory's utilisation.
        """
        take, find = self._readings.take, self._files.find
        now_s = clocks.monotonic()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        times = {"user": usage.ru_utime, "system": usage.ru_stime}
        rss, vms = take("process memory", lambda: process.memory(find(process.MEMORY_FILE)), (None, None))
        return ProcessValues(
            cpu_times=times,
            cpu_read_s=now_s,
            cpu_utilization=_utilization(previous.cpu_times, times, (now_s - previous.cpu_read_s) * cpus)
            if previous is not None
            else {},
            rss=rss,
            vms=vms,
            memory_utilization=min(1.0, rss / memory_limit) if rss is not None and memory_limit else None,
            threads=take("process threads", lambda: process.threads(find(process.STATE_FILE)), None),
            file_descriptors=take("process descriptors", process.open_descriptors, None),
            # getrusage() counts all threads; /proc/self/status counts only the first one.
            context_switches={"voluntary": usage.ru_nvcsw, "involuntary": usage.ru_nivcsw},
            faults={"major": usage.ru_majflt, "minor": usage.ru_minflt},
            disk_io=take("process disk", lambda: _disk_io(find(process.IO_FILE)), None),
            uptime_s=None if self._started_s is None else now_s - self._started_s,
        )


def _disk_io(io: bytes | None) -> tuple[int, int]:
    read, written = (number(io or b"", name) for name in (b"read_bytes:", b"write_bytes:"))
    if read is None or written is None:
        import psutil

        counters = psutil.Process().io_counters()
        return counters.read_bytes, counters.write_bytes
    return read, written


def _utilization(before: Mapping[str, float], now: Mapping[str, float], possible_s: float) -> Mapping[str, float]:
    """Return the used share of *possible_s* CPU seconds by mode. The sum is at most 1, although ticks may be counted late."""
    if possible_s <= 0 or not before:
        return {}
    spent = {mode: max(0.0, value - before.get(mode, value)) for mode, value in now.items()}
    possible = max(possible_s, sum(spent.values()))
    return {mode: value / possible for mode, value in spent.items()}
