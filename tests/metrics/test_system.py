"""The readings of the host, compared with `/proc` and the system calls behind them."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel import faults
from csg_otel.host.mounts import Mount
from csg_otel.metrics import processes, system
from csg_otel.metrics.sample import SystemValues
from csg_otel.metrics.system import SystemReader, utilization


@pytest.fixture
def values() -> SystemValues:
    return SystemReader(connections=True).read(None)


def _idle_s() -> list[float]:
    """Return the idle seconds of each CPU by /proc/stat."""
    lines = Path("/proc/stat").read_text().splitlines()
    cpus = [line.split() for line in lines if line[:3] == "cpu" and line[3] != " "]
    return [int(cpu[4]) / os.sysconf("SC_CLK_TCK") for cpu in cpus]


def test_cpu_times_are_those_of_the_kernel() -> None:
    """Each CPU's idle time and their number agree with /proc/stat."""
    before, values, after = _idle_s(), SystemReader().read(None), _idle_s()

    assert len(values.cpu_times) == len(before)
    for modes, first, last in zip(values.cpu_times, before, after, strict=True):
        assert first - 1 <= modes["idle"] <= last + 1
        assert set(modes) == {"user", "nice", "system", "idle", "iowait", "interrupt", "steal"}


def test_memory_states_add_up(values: SystemValues) -> None:
    """The states of memory add up to MemTotal of /proc/meminfo, and what is available is near the kernel's figure."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    meminfo = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}

    assert values.memory is not None
    assert sum(values.memory.states.values()) == values.memory.total == meminfo["MemTotal"]
    assert values.memory.available == pytest.approx(meminfo["MemAvailable"], rel=0.2)
    assert sum(values.paging.values()) == meminfo["SwapTotal"]


def test_file_systems_are_what_statvfs_says(values: SystemValues) -> None:
    """The root's size and free space are those of statvfs, and its states add up to its size."""
    root = next(found for found in values.filesystems if found.mountpoint == "/")
    found = os.statvfs("/")

    assert root.total == found.f_blocks * found.f_frsize
    assert root.free == pytest.approx(found.f_bavail * found.f_frsize, rel=0.05)
    assert root.used + root.free + root.reserved == root.total


def test_inodes_are_what_statvfs_says(values: SystemValues) -> None:
    """Used and free ones; a file system without a fixed number has none."""
    for filesystem in values.filesystems:
        counted = os.statvfs(filesystem.mountpoint)
        assert (filesystem.inodes is None) == (counted.f_files == 0)
        if filesystem.inodes is not None:
            assert sum(filesystem.inodes) == counted.f_files


def test_page_faults_and_kills_are_the_kernels(values: SystemValues) -> None:
    """Since boot, each fault under one type; without the kernel's file there are none."""
    now = system.memory_events(Path("/proc/vmstat").read_bytes())

    assert 0 < sum(values.faults.values()) <= now["pgfault"]
    assert values.faults["major"] <= now["pgmajfault"]
    assert values.oom_kills is not None
    assert system._faults({"pgfault": 10, "pgmajfault": 3}) == {"major": 3, "minor": 7}
    assert system.memory_events(None) == {}


def test_unmounted_file_system_is_gone(tmp_path: Path) -> None:
    """What is no longer mounted is not in the next reading."""
    mounts = [Mount("/dev/a", str(tmp_path), "ext4"), Mount("/dev/b", "/", "ext4")]
    reader = SystemReader(mounts=lambda: mounts)
    before = reader.read(None)
    del mounts[0]

    assert [found.device for found in before.filesystems] == ["/dev/a", "/dev/b"]
    assert [found.device for found in reader.read(before).filesystems] == ["/dev/b"]


def test_network_counts_what_is_sent() -> None:
    """A datagram to this machine shows in the loopback's bytes and packets."""
    before = SystemReader().read(None).networks["lo"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.sendto(b"x" * 10_000, one.getsockname())
        one.recv(10_000)
    after = SystemReader().read(None).networks["lo"]

    assert after.volume[0] - before.volume[0] >= 10_000
    assert after.operations[1] > before.operations[1]


def test_sockets_are_counted_only_when_asked_for(values: SystemValues) -> None:
    """Connections are in the reading if they are switched on, and agree with the kernel's table of states."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        found = SystemReader(connections=True).read(None).connections

    assert found[("tcp", "established")] >= 2
    assert set(found) == {("tcp", "established"), ("tcp", "time_wait"), ("udp", "")}
    assert SystemReader().read(None).connections == {}


def test_processes_are_counted_by_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes are counted once; this one runs."""
    monkeypatch.setattr(processes, "LONGEST_PROCESSES_S", 60)
    before, values, after = len(psutil.pids()), SystemReader().read(None), len(psutil.pids())

    assert min(before, after) - 20 <= sum(values.processes.values()) <= max(before, after) + 20
    assert values.processes["running"] >= 1
    assert set(values.processes) == {"running", "sleeping", "stopped", "defunct"}


@pytest.mark.parametrize("bound", ["MOST_PROCESSES_BY_STATE", "LONGEST_PROCESSES_S"])
def test_too_many_processes_are_only_counted(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a bound of number or time, processes are counted without their states."""
    monkeypatch.setattr(processes, bound, 0)

    assert set(SystemReader().read(None).processes) == {""}


def _uptime_s() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


def test_uptime_and_load_are_the_kernels() -> None:
    """Uptime agrees with /proc/uptime; the load averages are three."""
    before, values, after = _uptime_s(), SystemReader().read(None), _uptime_s()

    assert before - 2 <= (values.uptime_s or 0) <= after + 2
    assert values.loads is not None
    assert len(values.loads) == 3


def test_disks_are_whole_disks(values: SystemValues) -> None:
    """No partition, loop or ram device is counted beside its disk."""
    assert set(values.disks) <= {path.name for path in Path("/sys/block").iterdir()}
    assert not [name for name in values.disks if name.startswith(("loop", "ram"))]


def test_one_failing_reading_is_missing_and_reported_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the platform does not offer is missing, the rest is there, and one fault is reported for many samples."""

    def unavailable() -> tuple[float, float, float]:
        raise OSError("no load average here")

    monkeypatch.setattr(system, "_LOADS", str(tmp_path / "none"))
    monkeypatch.setattr(os, "getloadavg", unavailable)
    before = faults.counts().get("reading of load average", 0)
    reader = SystemReader()
    values = [reader.read(None) for _ in range(3)]

    assert [value.loads for value in values] == [None] * 3
    assert all([value.memory is not None for value in values])
    assert faults.counts()["reading of load average"] == before + 1


def test_a_sample_is_cheap() -> None:
    """The fastest of ten readings of everything takes less than 30 ms of the thread's own time."""
    reader = SystemReader(connections=True)
    took_s = []
    for _ in range(10):
        began_s = time.thread_time()
        reader.read(None)
        took_s.append(time.thread_time() - began_s)

    assert min(took_s) < 0.03


modes = st.fixed_dictionaries({mode: st.floats(0, 1e9) for mode in ("user", "idle", "iowait")})


@given(before=modes, now=modes)
def test_shares_are_shares(before: dict[str, float], now: dict[str, float]) -> None:
    """Whatever two readings say, shares are between 0 and 1 and add up to 1, or are missing."""
    (shares,) = utilization((before,), (now,))

    assert all([0 <= share <= 1 for share in shares.values()])
    assert shares == {} or sum(shares.values()) == pytest.approx(1)


def test_another_number_of_cpus_has_no_shares() -> None:
    """When a CPU came or went, no CPU is compared with another one."""
    assert utilization(({"idle": 1.0},), ({"idle": 2.0}, {"idle": 2.0})) == ()
