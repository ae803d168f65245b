"""
One sample of the host and the process per interval, taken on one thread and shared by all readers.

The rule: the first sample is not published, because a utilisation is computed from two samples.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, faults, forks, waits
from csg_otel.host import cgroup
from csg_otel.host.kernel_files import LOOK_AGAIN_S, KernelFiles
from csg_otel.metrics import runtime
from csg_otel.metrics.sample import Sample
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from csg_otel.config.sections.system_monitoring import SystemMonitoring
    from csg_otel.host.mounts import Mount

SETTLE_S: Final = 0.2
"""Seconds between the first two samples: 20 of the kernel's 10 ms ticks, so utilisations are exact to 5 %."""


class _Reader:
    """Takes samples of the host and of this process; its files stay open until :meth:`close`."""

    def __init__(self, settings: SystemMonitoring, mounts: Callable[[], Iterable[Mount]] | None) -> None:
        # Imported when sampling begins, and not with this package: some systems have no module `resource`.
        from csg_otel.metrics.process import ProcessReader
        from csg_otel.metrics.system import SystemReader

        groups = settings.metrics
        self._files = KernelFiles()
        self._groups = cgroup.Groups(self._files)
        self._machine = _Machine()
        self._system = SystemReader(connections=groups.network_connections, mounts=mounts, files=self._files)
        self._process = ProcessReader(self._files)
        self._with_system = groups.system_metrics
        self._with_process = groups.application_metrics

    def take(self, previous: Sample | None) -> Sample:
        """Return a sample of this moment; utilisations are those since *previous*."""
        timestamp, monotonic_s = time.time(), clocks.monotonic()
        elapsed_s = 0.0 if previous is None else monotonic_s - previous.monotonic_s
        self._files.verify()
        limits = self._groups.read()
        process = None
        if self._with_process:
            process = self._process.read(
                None if previous is None else previous.process,
                cpus=self._machine.cpus(limits),
                memory_limit=self._machine.memory_limit(limits),
            )
        system = self._system.read(None if previous is None else previous.system) if self._with_system else None
        return Sample(
            timestamp=timestamp,
            monotonic_s=monotonic_s,
            pid=os.getpid(),
            system=system,
            process=process,
            limits=limits,
            container_cpu_usage=_container_cpu(previous, limits, elapsed_s),
        )

    def close(self) -> None:
        """Close the kernel's files; another sample opens them again."""
        self._files.close()

    def abandon(self) -> None:
        """Close the kernel's files in a forked child: they are the parent's."""
        self._files.abandon()


class Sampler:
    """
    Takes samples at the interval of *settings*, on a daemon thread; after a fork the child samples itself.

    *mounts* returns the file systems to read; by default the real ones. The kernel's files stay open while it runs.
    """

    def __init__(self, settings: SystemMonitoring, *, mounts: Callable[[], Iterable[Mount]] | None = None) -> None:
        """Prepare; reads nothing and starts nothing yet."""
        self._settings = settings
        self._mounts = mounts
        self._listeners: list[Callable[[Sample], None]] = []
        self._started = False
        self._reader: _Reader | None = None
        self._reset()
        forks.follow(self.reset_after_fork)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._ended = waits.Latch()
        self._thread: threading.Thread | None = None
        if self._reader is not None:
            self._reader.abandon()
        self._reader = None
        self._newest: Sample | None = None
        self._latest: Sample | None = None

    @property
    def interval_s(self) -> float:
        """Seconds between samples."""
        return self._settings.collection_interval

    def start(self) -> None:
        """Start sampling; idempotent. A platform that can't be sampled is reported as a fault."""
        with self._lock:
            if self._thread is not None:
                return
            try:
                reader = self._prepared()
            except Exception:  # noqa: BLE001 - a platform that can't be measured can still run the program
                faults.contain("metrics.sampler")
                return
            self._started = True
            self._ended = waits.Latch()
            self._thread = OwnThread(target=self._run, args=(reader, self._ended), name="csg-otel-sampler")
            self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """End sampling within *timeout* seconds; the latest sample stays readable. Idempotent."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._started = False
            self._ended.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        self._close_unless_running()

    def latest(self) -> Sample | None:
        """Return the newest complete sample; None before there is one. Never reads and never waits."""
        return self._latest

    def sample_now(self) -> Sample:
        """
        Return a complete sample of this moment; waits 0.2 s if there is no recent sample to compute utilisations from.

        Works without :meth:`start`.
        """
        try:
            return self._complete(self._prepared())
        finally:
            self._close_unless_running()

    def _complete(self, reader: _Reader) -> Sample:
        previous = self._newest
        age_s = clocks.monotonic() - previous.monotonic_s if previous is not None else 0.0
        if previous is None or age_s > 2 * self.interval_s + SETTLE_S:
            previous = reader.take(None)
            age_s = 0.0
        if age_s < SETTLE_S:
            time.sleep(SETTLE_S - age_s)
        return reader.take(previous)

    def _close_unless_running(self) -> None:
        with self._lock:
            if self._thread is None and self._reader is not None:
                self._reader.close()

    def on_sample(self, callback: Callable[[Sample], None]) -> None:
        """Call *callback* with every complete sample, on the sampling thread; exceptions it raises are contained."""
        self._listeners.append(callback)

    def reset_after_fork(self) -> None:
        """Drop the parent's values, and start sampling in this process if the parent was sampling."""
        started = self._started
        self._reset()
        if started:
            forks.afterwards(self.start)

    # -- the thread ------------------------------------------------------------------------------------------------

    def _prepared(self) -> _Reader:
        with self._lock:
            if self._reader is None:
                self._reader = _Reader(self._settings, self._mounts)
            return self._reader

    def _run(self, reader: _Reader, ended: waits.Latch) -> None:
        interval_s = self.interval_s
        self._step(reader, None)
        due_s = clocks.monotonic() + min(interval_s, SETTLE_S)
        while not ended.wait(due_s - clocks.monotonic()):
            self._step(reader, self._newest)
            late_s = max(0.0, clocks.monotonic() - due_s)
            due_s += interval_s * (1 + late_s // interval_s)  # missed samples are skipped
        self._close_unless_running()  # stop() has not waited, if this thread hung

    def _step(self, reader: _Reader, previous: Sample | None) -> None:
        try:
            sample = reader.take(previous)
            self._newest = sample
            if previous is not None:
                self._latest = sample
            runtime.flush()
        except Exception:  # noqa: BLE001 - the next sample may succeed
            faults.contain("metrics.sampler")
            return
        if previous is not None:
            self._notify(sample)

    def _notify(self, sample: Sample) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(sample)
            except Exception:  # noqa: BLE001 - the other listeners still get the sample
                faults.contain("metrics.on_sample")


# -- the CPUs and the memory this process may use ------------------------------------------------------------------------------


class _Machine:
    """The number of CPUs and the size of the memory, asked for once a minute: the system opens a file for each."""

    def __init__(self) -> None:
        self._counted_at_s: float | None = None
        self._cpus = 1.0
        self._memory = 0

    def _count(self) -> None:
        now_s = clocks.monotonic()
        if self._counted_at_s is None or now_s - self._counted_at_s >= LOOK_AGAIN_S:
            self._counted_at_s = now_s
            self._cpus = float(os.cpu_count() or 1)
            self._memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    def cpus(self, limits: cgroup.Limits) -> float:
        """Return the CPUs that this process may use, also a part of one."""
        self._count()
        return self._cpus if limits.cpu_limit is None else min(self._cpus, limits.cpu_limit)

    def memory_limit(self, limits: cgroup.Limits) -> int:
        """Return the bytes of memory that this process may use."""
        self._count()
        return self._memory if limits.memory_limit is None else min(self._memory, limits.memory_limit)


def _container_cpu(previous: Sample | None, limits: cgroup.Limits, elapsed_s: float) -> float | None:
    before = previous.limits.cpu_time_s if previous is not None else None
    if before is None or limits.cpu_time_s is None or elapsed_s <= 0:
        return None
    return max(0.0, limits.cpu_time_s - before) / elapsed_s
