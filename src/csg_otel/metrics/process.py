"""
Readings of this process: CPU, memory, threads, descriptors, context switches, disk.

Reads and returns values. The rule: a reader belongs to the process that made it; a forked child makes its own.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping

import psutil

from csg_otel.metrics.readings import Attempts
from csg_otel.metrics.sample import ProcessValues


class ProcessReader:
    """Reads the process it is made in."""

    def __init__(self) -> None:
        """Find out when this process was started."""
        self._attempts = Attempts()
        self._process = psutil.Process()
        # Once, because the wall clock may be set while the process runs.
        self._started_s = self._attempts.attempt("start of the process", self._start, None)

    def _start(self) -> float | None:
        return time.monotonic() - max(0.0, time.time() - self._process.create_time())

    def read(self, previous: ProcessValues | None, *, cpus: float, memory_limit: int | None) -> ProcessValues:
        """
        Return this process's values; its CPU utilisation is against *previous*.

        *cpus* and *memory_limit* (bytes) are what it may use; None leaves out the memory's utilisation.
        """
        attempt = self._attempts.attempt
        now_s = time.monotonic()
        times = attempt("process cpu times", self._times, {})
        rss, vms = attempt("process memory", self._memory, (None, None))
        return ProcessValues(
            cpu_times=times,
            cpu_read_s=now_s,
            cpu_utilization=_utilization(previous.cpu_times, times, (now_s - previous.cpu_read_s) * cpus)
            if previous is not None
            else {},
            rss=rss,
            vms=vms,
            memory_utilization=min(1.0, rss / memory_limit) if rss is not None and memory_limit else None,
            threads=attempt("process threads", self._process.num_threads, None),
            file_descriptors=attempt("process descriptors", self._process.num_fds, None),
            context_switches=attempt("context switches", _context_switches, {}),
            disk_io=attempt("process disk", self._disk_io, None),
            uptime_s=None if self._started_s is None else now_s - self._started_s,
        )

    def _times(self) -> Mapping[str, float]:
        found = self._process.cpu_times()
        return {"user": found.user, "system": found.system}

    def _memory(self) -> tuple[int | None, int | None]:
        found = self._process.memory_info()
        return found.rss, found.vms

    def _disk_io(self) -> tuple[int, int] | None:
        found = self._process.io_counters()
        return found.read_bytes, found.write_bytes


def _context_switches() -> Mapping[str, int]:
    # The kernel's summary counts all threads; /proc/self/status, which psutil reads, only the first one.
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"voluntary": usage.ru_nvcsw, "involuntary": usage.ru_nivcsw}


def _utilization(before: Mapping[str, float], now: Mapping[str, float], possible_s: float) -> Mapping[str, float]:
    """Return the share of *possible_s* CPU seconds used by mode; ticks counted late never make it more than all."""
    if possible_s <= 0 or not before:
        return {}
    spent = {mode: max(0.0, value - before.get(mode, value)) for mode, value in now.items()}
    possible = max(possible_s, sum(spent.values()))
    return {mode: value / possible for mode, value in spent.items()}
