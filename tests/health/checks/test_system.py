"""CPU, memory, disk and load: proven against the machine, both ways."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from csg_otel.check_result import CheckResult, Critical
from csg_otel.health.checks import cpu
from csg_otel.health.checks.cpu import Cpu
from csg_otel.health.checks.disk import Disk
from csg_otel.health.checks.filesystem import Filesystem
from csg_otel.health.checks.load import Load
from csg_otel.health.checks.memory import Memory
from csg_otel.health.checks.memory_growth import MemoryGrowth
from csg_otel.health.checks.open_files import OpenFiles
from csg_otel.health.checks.pressure import Pressure
from csg_otel.health.checks.process_memory import ProcessMemory
from csg_otel.health.checks.swap import Swap
from csg_otel.host.cgroup import Limits
from csg_otel.status import HealthStatus
from support.programs import Program

HEALTHY, WARNING, CRITICAL = HealthStatus.HEALTHY, HealthStatus.WARNING, HealthStatus.CRITICAL


UNLIMITED = Limits()


def test_a_busy_cpu_is_seen_in_the_first_run() -> None:
    """Two busy processes exceed every limit below their share; the first value is not 0."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        time.sleep(0.1)
        result = Cpu(warning_threshold=10, critical_threshold=99.9, limits=lambda: UNLIMITED)()
    finally:
        for process in spinning:
            process.kill()
            process.wait()

    assert result.status in (WARNING, CRITICAL)
    assert result.measurements[0].value > 10
    assert "more than" in result.message


def test_an_idle_cpu_is_healthy() -> None:
    """Nothing is above 100 %."""
    assert Cpu(warning_threshold=100, critical_threshold=100, limits=lambda: UNLIMITED)().status is HEALTHY


def test_a_cpu_that_nothing_uses_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel counts as idle alone is 0 %, however the seconds are rounded; a step back of stolen time is none, too."""

    class Times(NamedTuple):
        user: float
        system: float
        idle: float
        iowait: float
        steal: float

    for number in range(200):
        readings = iter(
            Times(72439.07, 9356.55, 35382.74 + number + idle, 557.27, 460.02 + steal)
            for idle, steal in ((0, 0), (0.4, 0), (0.8, -0.01))
        )
        monkeypatch.setattr(Path, "read_bytes", _refuse)
        monkeypatch.setattr(psutil, "cpu_times", lambda readings=readings: next(readings))
        monkeypatch.setattr(cpu, "_SAMPLE_S", 0)
        check = Cpu(limits=lambda: UNLIMITED)
        for _ in range(2):
            result = check()
            assert (result.status, result.measurements[0].value) == (HEALTHY, 0), result.message


def test_a_cpu_quota_counts() -> None:
    """Half a CPU used of a quota of half a CPU is all there is; of four CPUs it is an eighth."""

    def half_a_cpu(quota: float) -> Limits:
        return Limits(cpu_limit=quota, cpu_time_s=time.monotonic() / 2)

    assert Cpu(limits=lambda: half_a_cpu(0.5))().measurements[0].value == pytest.approx(100, abs=1)
    assert Cpu(limits=lambda: half_a_cpu(4))().measurements[0].value == pytest.approx(12.5, abs=1)


@pytest.mark.parametrize(("used", "status"), [(50, HEALTHY), (85, WARNING), (97, CRITICAL)])
def test_memory_inside_a_limit(used: int, status: HealthStatus) -> None:
    """A container's limit counts, not the host's gigabytes."""
    result = Memory(limits=lambda: Limits(memory_limit=100_000, memory_usage=used * 1000))()

    assert result.status is status
    assert result.measurements[0].value == used


def test_memory_of_the_host() -> None:
    """Without a limit of the control group the host's memory counts."""
    result = Memory(warning_threshold=100, critical_threshold=100, limits=lambda: UNLIMITED)()

    assert result.status is HEALTHY
    assert result.measurements[0].value == pytest.approx(psutil.virtual_memory().percent, abs=5)
    assert Memory(warning_threshold=0, critical_threshold=0, limits=lambda: UNLIMITED)().status is CRITICAL


def test_disk_use_is_that_of_df(tmp_path: Path) -> None:
    """Space and inodes of the configured mount are compared with the limits."""
    easy = Disk(warning_threshold=100, critical_threshold=100, mounts=[str(tmp_path)])()
    strict = Disk(warning_threshold=0, critical_threshold=100, mounts=[str(tmp_path)])()

    assert easy.status is HEALTHY
    assert strict.status is WARNING
    assert easy.measurements[0].value == pytest.approx(psutil.disk_usage(str(tmp_path)).percent, abs=0.2)


def test_every_real_file_system_is_looked_at() -> None:
    """Without `mounts` at least the root file system is measured."""
    assert any(measured.name == "/" for measured in Disk()().measurements)


def test_a_read_only_file_system_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that is full is no problem: nobody can make room on it. A writable file system beside it counts."""
    full = os.statvfs_result((4096, 4096, 1000, 0, 0, 1000, 500, 500, 0, 255))
    read_only = os.statvfs_result((*full[:8], os.ST_RDONLY, 255))
    usage = {"/image": read_only, "/data": full}
    monkeypatch.setattr(os, "statvfs", usage.__getitem__)

    both, image = Disk(mounts=["/image", "/data"])(), Disk(mounts=["/image"])()
    assert (both.status, [each.name for each in both.measurements]) == (CRITICAL, ["/data", "/data inodes"])
    assert (image.status, image.message) == (HEALTHY, "every file system is read-only")


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied", "/proc/stat")


@pytest.mark.parametrize(
    ("check", "refused"),
    [
        (Cpu(limits=lambda: UNLIMITED), "psutil.cpu_times"),
        (Memory(limits=lambda: UNLIMITED), "psutil.virtual_memory"),
        (Memory(limits=_refuse), ""),  # type: ignore[arg-type]
        (Disk(mounts=["/"]), "os.statvfs"),
        (Load(), "os.getloadavg"),
        (Swap(), "psutil.swap_memory"),
        (OpenFiles(), "psutil.Process.num_fds"),
        (ProcessMemory(limit_mb=1), "psutil.Process.memory_info"),
        (MemoryGrowth(), "psutil.Process.memory_info"),
    ],
)
def test_what_can_not_be_measured_is_unknown(
    check: Callable[[], CheckResult], refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hardened systems hide /proc: that says nothing about the program, so no check fails for it."""
    if refused:
        monkeypatch.setattr(refused, _refuse)
        monkeypatch.setattr(Path, "read_bytes", _refuse)
        monkeypatch.setattr(os, "listdir", _refuse)
        monkeypatch.setattr("csg_otel.host.process._DESCRIPTORS", "/none")
    result = check()

    assert (result.status, result.message) == (
        HealthStatus.UNKNOWN,
        "can't be measured: /proc/stat: Permission denied",
    )


def test_a_limit_without_a_usage_is_unknown() -> None:
    """The usage of the host is compared with no limit of a control group, and one quota with no other."""
    assert Memory(limits=lambda: Limits(memory_limit=1))().status is HealthStatus.UNKNOWN
    assert Cpu(limits=lambda: Limits(cpu_limit=1))().status is HealthStatus.UNKNOWN
    quotas = iter([1.0, 2.0, 2.0])
    check = Cpu(limits=lambda: Limits(cpu_limit=next(quotas), cpu_time_s=0.0))
    assert check().status is HealthStatus.UNKNOWN
    assert check().status is HEALTHY


def test_a_mount_that_is_gone_is_critical() -> None:
    """It is named."""
    with pytest.raises(Critical, match="/no/such/mount"):
        Disk(mounts=["/no/such/mount"])()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of one megabyte and ten inodes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=10", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_file_system_and_one_without_inodes(small: Path) -> None:
    """A real tmpfs filled to the brim, and one whose ten inodes are taken."""
    check = Disk(mounts=[str(small)])
    before = check()
    (small / "big").write_bytes(b"x" * 1_000_000)
    space = check()
    (small / "big").unlink()
    for number in range(9):
        (small / str(number)).touch()
    inodes = check()

    assert (before.status, space.status, inodes.status) == (HEALTHY, CRITICAL, CRITICAL)
    assert "inodes" not in space.message
    assert "inodes" in inodes.message


def test_a_file_system_that_takes_no_more_can_not_be_written(small: Path) -> None:
    """A directory that is full, without inodes or read-only fails, for root too, and no file stays in it."""
    check = Filesystem(str(small))
    assert check().status is HEALTHY

    (small / "big").write_bytes(b"x" * 1024 * 1024)
    with pytest.raises(Critical, match="ENOSPC"):
        check()
    (small / "big").unlink()
    for number in range(9):
        (small / str(number)).touch()
    with pytest.raises(Critical, match="ENOSPC"):
        check()
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    with pytest.raises(Critical, match="EROFS"):
        check()
    assert len(list(small.iterdir())) == 9


def test_load_is_held_against_the_cpus() -> None:
    """Five-minute load per CPU this process may run on."""
    expected = os.getloadavg()[1] / len(os.sched_getaffinity(0))

    assert Load(warning_threshold=1e9, critical_threshold=1e9)().measurements[0].value == pytest.approx(
        expected, abs=0.5
    )
    assert Load(warning_threshold=1e9, critical_threshold=1e9)().status is HEALTHY
    assert Load(warning_threshold=-1, critical_threshold=-1)().status is CRITICAL


@pytest.mark.skipif(os.geteuid() != 0, reason="a control group needs root")
def test_memory_inside_a_real_control_group(tmp_path: Path) -> None:
    """A process that uses three quarters of its group's limit is judged by that limit, not by the host's memory."""
    folder = Path("/sys/fs/cgroup/memory/csg-otel-test")
    limit, joined = folder / "memory.limit_in_bytes", folder / "cgroup.procs"
    try:
        folder.mkdir()
        limit.write_text(str(200 * 1024 * 1024))
    except OSError as error:
        pytest.skip(f"control groups can't be made here: {error.strerror}")
    source = """
        import os, sys
        open(sys.argv[1], "w").write(str(os.getpid()))
        from csg_otel.health.checks.memory import Memory
        print(Memory()().status, flush=True)
        taken = bytearray(140 * 1024 * 1024)
        taken[::4096] = b"x" * len(taken[::4096])
        print(Memory(warning_threshold=60)().status, flush=True)
    """
    try:
        with Program([sys.executable, "-c", textwrap.dedent(source), str(joined)], tmp_path) as program:
            assert (program.line(), program.line()) == ("HEALTHY", "WARNING"), program.stderr
            program.wait()
    finally:
        folder.rmdir()


def test_swap_open_files_and_pressure_of_this_machine() -> None:
    """Read for real, and held against limits both ways."""
    assert Swap(100, 100)().status is HEALTHY
    if psutil.swap_memory().used:
        assert Swap(0, 0)().status is CRITICAL
    with ExitStack() as files:
        for _ in range(20):
            files.enter_context(Path(os.devnull).open())
        result = OpenFiles(100, 100)()
        assert result.status is HEALTHY
        assert result.measurements[1].value >= 20
        assert OpenFiles(0, 0)().status is CRITICAL


def test_pressure_is_read_as_the_kernel_writes_it(tmp_path: Path) -> None:
    """From /proc or a control group; unknown where there is none."""
    (tmp_path / "cpu").write_text("some avg10=1.00 avg60=2.50 avg300=3.00 total=9\n")
    (tmp_path / "memory.pressure").write_text("some avg10=1.00 avg60=55.00 avg300=3.00 total=9\nfull avg10=0 avg60=0\n")

    result = Pressure(folder=str(tmp_path))()

    assert (result.status, [one.value for one in result.measurements]) == (WARNING, [2.5, 55.0])
    assert Pressure(folder="/no/such")().status is HealthStatus.UNKNOWN
    with pytest.raises(ValueError, match="resources are"):
        Pressure(resources=("gpu",))
