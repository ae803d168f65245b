"""The values of the kernel's files are those that psutil returns, on this machine and at the same moment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from csg_otel.host import cpus, memory, mount_table, process
from csg_otel.host.kernel_files import KernelFiles, content_of
from csg_otel.metrics.process import ProcessReader
from csg_otel.metrics.sample import Traffic
from csg_otel.metrics.system import SystemReader
from csg_otel.metrics.traffic import Disks, networks
from support.programs import Program

TICK_S = 0.011
"""The kernel counts in steps of 10 ms."""


class NoFiles(KernelFiles):
    """The kernel's files of a system that has none, as macOS."""

    def find(self, path: str) -> bytes | None:
        """Find nothing, whatever the *path*."""
        return None


def _counts(traffic: Mapping[str, Traffic]) -> dict[str, list[float]]:
    """Return every total of each device."""
    return {
        name: [*each.volume, *each.operations, *(each.time_s or ()), *(each.errors or ()), *(each.dropped or ())]
        for name, each in traffic.items()
    }


def _are_between(before: Mapping[str, Traffic], now: Mapping[str, Traffic], after: Mapping[str, Traffic]) -> bool:
    first, counted, last = _counts(before), _counts(now), _counts(after)
    return first.keys() == counted.keys() == last.keys() and all(
        low <= value <= high
        for name in counted
        for low, value, high in zip(first[name], counted[name], last[name], strict=True)
    )


def test_cpu_times() -> None:
    """Of each CPU and of all together: between two readings by psutil. The kernel's I/O wait may step back."""
    for read in (cpus.times, lambda stat: (cpus.total_times(stat),)):
        before, now, after = read(None), read(content_of(cpus.FILE)), read(None)

        assert len(before) == len(now) == len(after)
        for first, counted, last in zip(before, now, after, strict=True):
            assert list(first) == list(counted)
            for mode in counted.keys() - {"iowait", "steal"}:
                assert first[mode] - TICK_S <= counted[mode] <= last[mode] + TICK_S, mode
            for mode in ("iowait", "steal"):
                assert counted[mode] == pytest.approx(last[mode], abs=5)


def test_cpu_frequencies() -> None:
    """As many as psutil's, in hertz; each may change at any time."""
    expected = [frequency.current * 1e6 for frequency in psutil.cpu_freq(percpu=True)]

    assert cpus.frequencies_hz() == pytest.approx(expected, rel=0.9)


def test_memory_and_swap() -> None:
    """Sizes are equal, and what changes meanwhile is near."""
    now, expected = memory.memory(content_of(memory.FILE)), memory.memory(None)
    swap, expected_swap = memory.swap(content_of(memory.FILE)), memory.swap(None)

    assert now.total == expected.total
    assert now.available == pytest.approx(expected.available, rel=0.2)
    assert now.free == pytest.approx(expected.free, rel=0.3, abs=200e6)
    assert now.cached == pytest.approx(expected.cached, rel=0.3)
    assert now.buffers == pytest.approx(expected.buffers, rel=0.3)
    assert (swap.total, swap.used + swap.free) == (expected_swap.total, expected_swap.total)
    assert swap.used == pytest.approx(expected_swap.used, rel=0.3, abs=50e6)


@pytest.mark.parametrize("available", ["", "MemAvailable: 0 kB\n", f"MemAvailable: {1 << 60} kB\n"])
def test_memory_that_the_kernel_does_not_count_is_left_to_psutil(available: str) -> None:
    """Without the available memory, or with a count that is none, psutil's estimate is used."""
    table = f"MemTotal: 100 kB\nMemFree: 50 kB\n{available}Buffers: 1 kB\nCached: 1 kB\n".encode()

    assert memory.memory(table).total == psutil.virtual_memory().total


def test_disks_and_networks() -> None:
    """The same devices; each total is between two readings by psutil."""
    disks, files = Disks(), KernelFiles()
    found = _are_between(disks.read(None), disks.read(files.find(Disks.FILE)), disks.read(None))
    connected = _are_between(networks(NoFiles().find), networks(files.find), networks(NoFiles().find))
    files.close()

    assert (found, connected) == (True, True)


@pytest.mark.parametrize("everything", [True, False])
def test_mounts(everything: bool) -> None:
    """Device, path and type of each mount, in the same order."""
    expected = [(each.device, each.mountpoint, each.fstype) for each in psutil.disk_partitions(everything)]

    assert [tuple(each) for each in mount_table.partitions(everything)] == expected


def test_a_path_with_blanks_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel escapes blanks, tabs, newlines, backslashes and, since Linux 5.8, number signs."""
    table = tmp_path / "mounts"
    table.write_bytes(
        b"/dev/a /with\\040blank\\011tab\\012line\\134slash\\043sign ext4 rw 0 0\nnone /b\xc3\xa4 tmpfs rw 0 0\n"
    )
    monkeypatch.setattr(mount_table, "FILE", str(table))

    assert list(mount_table.partitions(True)) == [
        ("/dev/a", "/with blank\ttab\nline\\slash#sign", "ext4"),
        ("", "/b\u00e4", "tmpfs"),
    ]


def test_the_process() -> None:
    """Memory, threads, age, times and descriptors of this process; psutil's own list of descriptors takes one more."""
    own = psutil.Process()
    before, values, after = own.cpu_times(), ProcessReader().read(None, cpus=1, memory_limit=None), own.cpu_times()
    info = own.memory_info()

    assert before.user - TICK_S <= values.cpu_times["user"] <= after.user + TICK_S
    assert before.system - TICK_S <= values.cpu_times["system"] <= after.system + TICK_S
    assert values.rss == pytest.approx(info.rss, rel=0.1)
    assert values.vms == pytest.approx(info.vms, rel=0.1)
    assert process.threads(content_of(process.STATE_FILE)) == own.num_threads()
    assert process.open_descriptors() == own.num_fds() - 1
    assert process.age_s(content_of(process.STATE_FILE)) == pytest.approx(time.time() - own.create_time(), abs=2)


def test_without_the_kernels_files_every_value_is_there() -> None:
    """On another system psutil reads all that the files show, except what only Linux counts."""
    values, linux = SystemReader(files=NoFiles()).read(None), SystemReader().read(None)
    ours = ProcessReader(NoFiles()).read(None, cpus=1, memory_limit=10**12)

    assert [mount.mountpoint for mount in values.filesystems] == [mount.mountpoint for mount in linux.filesystems]
    assert (len(values.cpu_times), values.disks.keys(), values.networks.keys()) == (
        len(linux.cpu_times),
        linux.disks.keys(),
        linux.networks.keys(),
    )
    assert values.loads is not None
    assert values.memory is not None
    assert linux.memory is not None
    assert (values.memory.total, values.memory.states.keys()) == (linux.memory.total, linux.memory.states.keys())
    assert values.paging.keys() == linux.paging.keys()
    assert (values.faults, values.oom_kills) == ({}, None)
    assert None not in (ours.rss, ours.vms, ours.threads, ours.file_descriptors, ours.disk_io, ours.uptime_s)


def test_sampling_does_not_import_psutil(tmp_path: Path) -> None:
    """Its import takes 22 ms and memory that nothing needs on Linux."""
    source = """
        import sys
        from csg_otel.config.sections.system_monitoring import SystemMonitoring
        from csg_otel.metrics import Sampler

        sample = Sampler(SystemMonitoring()).sample_now()
        print(sample.system.memory is not None, "psutil" in sys.modules)
    """
    with Program(source, tmp_path) as program:
        assert program.line().split() == ["True", "False"]
