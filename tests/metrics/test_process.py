"""The readings of this process, compared with `/proc`, psutil and what the test does."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import psutil
import pytest

from csg_otel.metrics.process import ProcessReader
from csg_otel.metrics.sample import ProcessValues
from support.programs import Program


def read() -> ProcessValues:
    return ProcessReader().read(None, cpus=1, memory_limit=10**9)


def test_memory_is_that_of_the_kernel() -> None:
    """RSS and virtual memory agree with /proc/self/status, utilisation is against the limit given."""
    values = read()
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}

    assert values.rss == pytest.approx(int(kilobytes["VmRSS"]) * 1024, rel=0.05)
    assert values.vms == pytest.approx(int(kilobytes["VmSize"]) * 1024, rel=0.05)
    assert values.memory_utilization == pytest.approx((values.rss or 0) / 10**9)


def test_threads_and_descriptors_follow_the_program(tmp_path: Path) -> None:
    """One more thread and one more open file are one more each, in a program in which nothing else starts or ends."""
    source = """
import threading, time
from csg_otel.metrics.process import ProcessReader

def read():
    values = ProcessReader().read(None, cpus=1, memory_limit=None)
    return values.threads, values.file_descriptors

ended = threading.Event()
before = read()
print(*before)
with open("/dev/null"):
    thread = threading.Thread(target=ended.wait)
    thread.start()
    print(*read())
    ended.set()
    thread.join()
# A joined thread has ended for Python; the kernel may still need a moment.
deadline_s = time.monotonic() + 30
while read() != before and time.monotonic() < deadline_s:
    time.sleep(0.01)
print(*read())
"""
    with Program(source, tmp_path) as program:
        before, during, after = ([int(word) for word in program.line().split()] for _ in range(3))

    assert during == [count + 1 for count in before]
    assert after == before


def test_utilisation_is_against_elapsed_time_and_cpus() -> None:
    """A loop that keeps one CPU busy is near 1 of one CPU and half of that of two."""
    reader = ProcessReader()
    first_s = time.monotonic()
    before, began_s, used_s = reader.read(None, cpus=1, memory_limit=None), time.monotonic(), time.process_time()
    while time.process_time() - used_s < 0.3:
        pass
    elapsed_s = time.monotonic() - began_s
    one = reader.read(before, cpus=1, memory_limit=None)
    longest_s, most_s = time.monotonic() - first_s, time.process_time() - used_s
    two = reader.read(before, cpus=2, memory_limit=None)

    assert 0.3 / longest_s - 0.2 <= sum(one.cpu_utilization.values()) <= min(1.0, most_s / elapsed_s) + 0.2
    assert sum(two.cpu_utilization.values()) < 0.75
    assert before.cpu_utilization == {}


def test_context_switches_count_all_threads() -> None:
    """Waiting in another thread than the first counts, too."""
    before = read().context_switches["voluntary"]

    def wait_often() -> None:
        for _ in range(20):
            time.sleep(0.001)

    thread = threading.Thread(target=wait_often)
    thread.start()
    thread.join()

    assert read().context_switches["voluntary"] >= before + 20


def test_page_faults_follow_the_program() -> None:
    """New memory that is touched costs at least one minor fault."""
    before = read().faults["minor"]
    touched = bytearray(os.urandom(1)) * (64 << 20)
    assert len(touched) == 64 << 20

    assert read().faults["minor"] > before


def test_disk_and_uptime_are_psutils() -> None:
    """Bytes on disk and the time since the start agree with psutil."""
    process = psutil.Process()
    before, before_s = process.io_counters(), time.time() - process.create_time()
    values = read()
    after, after_s = process.io_counters(), time.time() - process.create_time()

    assert values.disk_io is not None
    assert before.read_bytes <= values.disk_io[0] <= after.read_bytes
    assert before.write_bytes <= values.disk_io[1] <= after.write_bytes
    assert before_s - 1 <= (values.uptime_s or 0) <= after_s + 1
    assert process.pid == os.getpid()
