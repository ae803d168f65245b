"""One sample for all: when it exists, how long it stays, which listeners get it, and what a forked child has."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from csg_otel import faults
from csg_otel.config.sections.system_monitoring import MetricGroups, SystemMonitoring
from csg_otel.host.cgroup import Limits
from csg_otel.metrics.sample import Sample
from csg_otel.metrics.sampler import Sampler, _container_cpu, _Machine
from support import moments
from support.programs import HUNG_S, Program, eventually


def settings(interval_s: float = 60.0, **groups: bool) -> SystemMonitoring:
    return SystemMonitoring(collection_interval=interval_s, metrics=MetricGroups(**groups))


def test_first_sample_shown_is_complete_while_a_loop_keeps_a_cpu_busy() -> None:
    """Nothing is shown before the second reading; what is shown then has the real utilisation."""
    sampler = Sampler(settings())
    busy = threading.Event()
    worker = threading.Thread(target=lambda: [None for _ in iter(busy.is_set, True)])
    worker.start()
    try:
        sampler.start()
        at_start = sampler.latest()
        sample = eventually(sampler.latest)
    finally:
        busy.set()
        worker.join()
        sampler.stop()

    assert at_start is None
    assert isinstance(sample, Sample)
    assert sample.process is not None
    assert sum(sample.process.cpu_utilization.values()) > 0, "however small the share is that a busy machine leaves"
    assert sample.system is not None
    assert max(1 - modes["idle"] for modes in sample.system.cpu_utilization if modes) > 0.3


def test_every_complete_sample_is_told_and_a_listener_that_fails_harms_nobody() -> None:
    """All listeners get the same samples in order, even behind one that raises."""
    sampler = Sampler(settings(0.05))
    received: list[Sample] = []

    def failing(_sample: Sample) -> None:
        raise ValueError("not mine")

    before = faults.counts().get("metrics.on_sample", 0)
    sampler.on_sample(failing)
    sampler.on_sample(received.append)
    sampler.start()
    eventually(lambda: len(received) >= 3)
    sampler.stop()

    assert [sample.monotonic_s for sample in received] == sorted(sample.monotonic_s for sample in received)
    assert faults.counts()["metrics.on_sample"] >= before + 3


def test_stop_ends_the_thread_and_keeps_the_sample() -> None:
    """After stop() nothing samples any more, the last sample is still there, and start() begins again."""
    sampler, others = Sampler(settings(0.05)), set(threading.enumerate())
    sampler.start()
    eventually(sampler.latest)
    sampler.stop(50)
    last = sampler.latest()
    running = [thread.name for thread in set(threading.enumerate()) - others if thread.name == "csg-otel-sampler"]
    sampler.start()
    eventually(lambda: sampler.latest() is not last)
    sampler.stop(50)

    assert last is not None
    assert running == []


def test_sample_now_is_complete_without_a_thread() -> None:
    """One call gives a sample with utilisations, and starts nothing."""
    threads = set(threading.enumerate())
    sample = Sampler(settings()).sample_now()

    assert sample.system is not None
    assert sample.system.cpu_utilization
    assert sample.process is not None
    assert sample.process.cpu_utilization
    assert set(threading.enumerate()) <= threads  # those of other tests may end


def test_sample_now_is_quick_when_there_is_a_recent_sample() -> None:
    """With a sampler running, the newest reading saves the wait and the new sample is of this moment."""
    sampler = Sampler(settings())
    sampler.start()
    eventually(sampler.latest)
    took_s = 60.0
    for _ in range(20):  # a busy machine may need longer for some of them
        time.sleep(0.21)
        began_s = time.monotonic()
        sample = sampler.sample_now()
        took_s = time.monotonic() - began_s
        if took_s < 0.19:
            break
    sampler.stop()

    assert took_s < 0.19
    assert sample.monotonic_s >= began_s


def test_groups_that_are_off_are_not_read() -> None:
    """A sample has no values of a group that is switched off."""
    no_system = Sampler(settings(system_metrics=False)).sample_now()
    no_process = Sampler(settings(application_metrics=False)).sample_now()

    assert (no_system.system, no_process.process) == (None, None)
    assert no_system.process is not None
    assert no_system.process.memory_utilization is not None
    assert no_process.system is not None


FORK = """
    import json, os, sys, time
    from csg_otel.config.sections.system_monitoring import SystemMonitoring
    from csg_otel.metrics import Sampler

    sampler = Sampler(SystemMonitoring(collection_interval=0.1))
    sampler.start()
    while sampler.latest() is None:
        time.sleep(0.01)
    received = []
    sampler.on_sample(received.append)
    ballast = b"x" * 100_000_000
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        ballast = None
        at_once = sampler.latest()
        deadline = time.monotonic() + 20
        while sampler.latest() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        sample = sampler.latest()
        received_pid = received[-1].pid if received else None
        found = [at_once is None, sample.pid, sample.process.uptime_s, sample.process.threads, received_pid]
        os.write(write, json.dumps(found).encode())
        os._exit(0)
    os.close(write)
    print(json.dumps([child, json.loads(os.read(read, 1000)), os.waitpid(child, 0)[1]]))
    sampler.stop()
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_samples_itself(tmp_path: Path) -> None:
    """The child forgets the parent's sample and has its own pid, age and threads, on a thread of its own."""
    with Program(FORK, tmp_path) as program:
        line = program.line()
        code = program.wait()

    assert code == 0, program.stderr if not line else ""
    child, (forgotten, pid, uptime_s, threads, received), status = json.loads(line)
    assert (forgotten, pid, status) == (True, child, 0)
    assert received in {None, child}
    assert uptime_s < HUNG_S
    assert threads == 2


def test_fork_while_the_sampler_reads_never_hangs(tmp_path: Path) -> None:
    """Thirty children forked in the middle of samples all get a sample of their own."""
    program = """
        import os, sys, time
        from csg_otel.config.sections.system_monitoring import SystemMonitoring
        from csg_otel.metrics import Sampler

        sampler = Sampler(SystemMonitoring(collection_interval=0.001))
        sampler.start()
        for _ in range(30):
            child = os.fork()
            if child == 0:
                deadline = time.monotonic() + 20
                while sampler.latest() is None:
                    if time.monotonic() > deadline:
                        os._exit(1)
                    time.sleep(0.001)
                os._exit(0 if sampler.latest().pid == os.getpid() else 2)
            assert os.waitpid(child, 0)[1] == 0
        print("all")
        sampler.stop()
    """
    with Program(program, tmp_path) as running:
        assert running.line() == "all", running.stderr
        assert running.wait() == 0


def test_nothing_is_kept_alive_by_the_fork_hook() -> None:
    """A sampler without references is garbage collected."""
    import gc
    import weakref

    sampler = Sampler(settings())
    watch = weakref.ref(sampler)
    del sampler
    gc.collect()

    assert watch() is None


def test_a_control_group_bounds_what_the_process_may_use() -> None:
    """Utilisation is against the limits of the control group where they are tighter than the machine."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    machine = _Machine()

    assert (machine.memory_limit(Limits(memory_limit=1000)), machine.memory_limit(Limits())) == (1000, physical)
    assert machine.memory_limit(Limits(memory_limit=physical * 2)) == physical
    assert (machine.cpus(Limits(cpu_limit=0.5)), machine.cpus(Limits(cpu_limit=1e6))) == (0.5, os.cpu_count())


def test_cpu_of_a_control_group_is_a_difference() -> None:
    """The CPUs a group used are the growth of its time over the time that went by; unknown for a first sample."""
    before = moments.sample(limits=Limits(cpu_time_s=10.0))

    assert _container_cpu(before, Limits(cpu_time_s=13.0), 2.0) == 1.5
    assert _container_cpu(None, Limits(cpu_time_s=13.0), 2.0) is None
    assert _container_cpu(before, Limits(), 2.0) is None


def test_process_values_are_this_process() -> None:
    """A sample says whose values it has."""
    assert Sampler(settings(system_metrics=False)).sample_now().pid == os.getpid()


@pytest.mark.parametrize("counted", [True, False])
def test_the_settings_decide_whether_sockets_are_counted(counted: bool) -> None:
    """`network_connections` adds the number of sockets to the sample."""
    sample = Sampler(settings(network_connections=counted)).sample_now()

    assert sample.system is not None
    assert bool(sample.system.connections) is counted
