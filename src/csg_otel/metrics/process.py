"""
Readings of this process: CPU, memory, threads, descriptors, context switches, disk.

Reads and returns values. The rule: a reader belongs to the process that creates it, so a forked child creates its own.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping

import psutil

from csg_otel import clocks
from csg_otel.metrics.readings import Readings
from csg_otel.metrics.sample import ProcessValues


class ProcessReader:
    """Reads the process that creates it."""

    def __init__(self) -> None:
        """Read the start time of this process."""
        self._readings = Readings()
        self._process = psutil.Process()
        # Read once, because the wall clock may be set while the process runs.
        self._started_s = self._readings.take("start of the process", self._start, None)

    def _start(self) -> float | None:
        return clocks.monotonic() - max(0.0, time.time() - self._process.create_time())

    def read(self, previous: ProcessValues | None, *, cpus: float, memory_limit: int | None) -> ProcessValues:
        """
        Return this process's values; its CPU utilisation is that since *previous*.

        *cpus* is the number of CPUs it may use, *memory_limit* its memory in bytes; None leaves out the memory's utilisation.
        """
        take = self._readings.take
        now_s = clocks.monotonic()
        times = take("process cpu times", self._times, {})
        rss, vms = take("process memory", self._memory, (None, None))
        return ProcessValues(
            cpu_times=times,
            cpu_read_s=now_s,
            cpu_utilization=_utilization(previous.cpu_times, times, (now_s - previous.cpu_read_s) * cpus)
            if previous is not None
            else {},
            rss=rss,
            vms=vms,
            memory_utilization=min(1.0, rss / memory_limit) if rss is not None and memory_limit else None,
            threads=take("process threads", self._process.num_threads, None),
            file_descriptors=take("process descriptors", self._process.num_fds, None),
            context_switches=take("context switches", _context_switches, {}),
            faults=take("page faults", _faults, {}),
            disk_io=take("process disk", self._disk_io, None),
            uptime_s=None if self._started_s is None else now_s - self._started_s,
        )

    def _times(self) -> Mapping[str, float]:
        times = self._process.cpu_times()
        return {"user": times.user, "system": times.system}

    def _memory(self) -> tuple[int | None, int | None]:
        memory = self._process.memory_info()
        return memory.rss, memory.vms

    def _disk_io(self) -> tuple[int, int] | None:
        counters = self._process.io_counters()
        return counters.read_bytes, counters.write_bytes


def _context_switches() -> Mapping[str, int]:
    # getrusage() counts all threads; /proc/self/status, which psutil reads, counts only the first one.
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"voluntary": usage.ru_nvcsw, "involuntary": usage.ru_nivcsw}


def _faults() -> Mapping[str, int]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"major": usage.ru_majflt, "minor": usage.ru_minflt}


def _utilization(before: Mapping[str, float], now: Mapping[str, float], possible_s: float) -> Mapping[str, float]:
    """Return the used share of *possible_s* CPU seconds by mode. The sum is at most 1, although ticks may be counted late."""
    if possible_s <= 0 or not before:
        return {}
    spent = {mode: max(0.0, value - before.get(mode, value)) for mode, value in now.items()}
    possible = max(possible_s, sum(spent.values()))
    return {mode: value / possible for mode, value in spent.items()}
