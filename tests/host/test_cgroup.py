"""What `csg_otel.host.cgroup` promises, on hand-made trees of both versions and on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.host import cgroup

MIB = 1 << 20


def tree(base: Path, membership: str, files: Mapping[str, object]) -> tuple[Path, Path]:
    """Write a `/sys/fs/cgroup` with *files* and a `/proc` whose `self/cgroup` is *membership*."""
    root, proc = base / "cgroup", base / "proc"
    root.mkdir(parents=True, exist_ok=True)
    (proc / "self").mkdir(parents=True, exist_ok=True)
    (proc / "self" / "cgroup").write_text(membership)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    return root, proc


def test_version_2_as_a_container_sees_it(tmp_path: Path) -> None:
    """Limits, working set and CPU time of a container with its own namespace are read from the root."""
    files = {
        "memory.max": 100 * MIB,
        "memory.current": 60 * MIB,
        "memory.stat": f"anon 1\ninactive_file {20 * MIB}",
        "cpu.max": "150000 100000",
        "cpu.stat": "usage_usec 3500000\nuser_usec 3000000\nsystem_usec 500000",
    }
    found = cgroup.read(*tree(tmp_path, "0::/\n", files))

    assert found == cgroup.Limits(100 * MIB, 40 * MIB, 1.5, 3.5, 3.0, 0.5)


def test_version_2_without_limits(tmp_path: Path) -> None:
    """The word "max" is no limit; what is used is still known."""
    files = {"a/memory.max": "max", "a/memory.current": 5, "a/cpu.max": "max 100000"}
    found = cgroup.read(*tree(tmp_path, "0::/a\n", files))

    assert (found.memory_limit, found.memory_usage, found.cpu_limit) == (None, 5, None)


def test_tightest_limit_on_the_way_to_the_root_counts(tmp_path: Path) -> None:
    """The smallest limit of all levels applies, and usage is that of the level that sets it."""
    files = {
        "pod/memory.max": 100,
        "pod/memory.current": 90,
        "pod/box/memory.max": 200,
        "pod/box/memory.current": 10,
        "pod/cpu.max": "50000 100000",
        "pod/box/cpu.max": "200000 100000",
        "pod/cpu.stat": "usage_usec 1000000",
    }
    found = cgroup.read(*tree(tmp_path, "0::/pod/box\n", files))

    assert cgroup.Limits(100, 90, 0.5, 1.0) == found


def test_version_1_with_its_huge_number(tmp_path: Path) -> None:
    """Version 1's "no limit" number and -1 are no limits; levels above are looked at."""
    files = {
        "memory/pod/memory.limit_in_bytes": 64 * MIB,
        "memory/pod/memory.usage_in_bytes": 32 * MIB,
        "memory/pod/memory.stat": f"inactive_file 1\ntotal_inactive_file {2 * MIB}",
        "memory/pod/box/memory.limit_in_bytes": 9223372036854771712,
        "cpu,cpuacct/pod/cpu.cfs_quota_us": 25000,
        "cpu,cpuacct/pod/cpu.cfs_period_us": 100000,
        "cpu,cpuacct/pod/box/cpu.cfs_quota_us": -1,
        "cpu,cpuacct/pod/box/cpu.cfs_period_us": 100000,
        "cpu,cpuacct/pod/cpuacct.usage": 7_000_000_000,
        "cpu,cpuacct/pod/cpuacct.stat": "user 100\nsystem 50",
    }
    membership = "5:memory:/pod/box\n4:cpu,cpuacct:/pod/box\n1:name=systemd:/\n0::/\n"
    found = cgroup.read(*tree(tmp_path, membership, files))

    assert (
        found.memory_limit,
        found.memory_usage,
        found.cpu_limit,
        found.cpu_time_s,
    ) == (64 * MIB, 30 * MIB, 0.25, 7.0)
    assert found.cpu_user_s is not None


def test_host_path_inside_a_container_falls_back_to_the_root(tmp_path: Path) -> None:
    """Where the path is the host's but the files are the container's own, the root is our group."""
    files = {"memory/memory.limit_in_bytes": 100, "memory/memory.usage_in_bytes": 7}
    found = cgroup.read(*tree(tmp_path, "4:memory:/docker/0123abc\n0::/\n", files))

    assert (found.memory_limit, found.memory_usage) == (100, 7)


def test_version_1_adds_up_ancestors_that_a_container_does_not_see(tmp_path: Path) -> None:
    """The hierarchical limit of `memory.stat` counts, compared with the usage of the process's own group."""
    files = {
        "memory/memory.limit_in_bytes": 9223372036854771712,
        "memory/memory.usage_in_bytes": 50 * MIB,
        "memory/memory.stat": f"hierarchical_memory_limit {64 * MIB}\ntotal_inactive_file {2 * MIB}",
    }
    found = cgroup.read(*tree(tmp_path / "inside", "4:memory:/docker/0123abc\n0::/\n", files))
    files["memory/memory.stat"] = "hierarchical_memory_limit 9223372036854771712"
    unlimited = cgroup.read(*tree(tmp_path / "free", "4:memory:/docker/0123abc\n0::/\n", files))

    assert (found.memory_limit, found.memory_usage) == (64 * MIB, 48 * MIB)
    assert unlimited.memory_limit is None


def test_path_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    """A membership above the root of the namespace reads nothing outside of it."""
    root, proc = tree(tmp_path, "0::/../outside\n", {"memory.current": 3})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "memory.max").write_text("1")

    assert cgroup.read(root, proc) == cgroup.Limits(memory_usage=3)


def test_hybrid_takes_each_controller_where_it_is(tmp_path: Path) -> None:
    """With memory on version 1 and CPU on version 2 beside it, each is read from its own hierarchy."""
    files = {
        "memory/a/memory.limit_in_bytes": 100,
        "unified/cgroup.controllers": "cpu",
        "unified/a/cpu.max": "100000 50000",
    }
    found = cgroup.read(*tree(tmp_path, "4:memory:/a\n0::/a\n", files))

    assert (found.memory_limit, found.cpu_limit) == (100, 2.0)


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    """A machine without control groups has no limits."""
    assert cgroup.read(tmp_path / "none", tmp_path / "nothing") == cgroup.Limits()


@given(content=st.one_of(st.text(alphabet="0123456789 max-\n", max_size=30), st.binary(max_size=30)))
def test_no_content_raises(content: str | bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever stands in the files, reading them never raises and never gives a senseless limit."""
    root, proc = tree(tmp_path_factory.mktemp("tree"), "0::/\n", {})
    for name in ("memory.max", "memory.current", "memory.stat", "cpu.max", "cpu.stat"):
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = cgroup.read(root, proc)

    assert found.cpu_limit is None or found.cpu_limit > 0
    assert found.memory_limit is None or found.memory_limit >= 0


def test_this_machine() -> None:
    """On the machine the tests run on, reading works and what it finds is plausible."""
    found = cgroup.read()

    assert found.memory_usage is None or found.memory_usage >= 0
    assert found.cpu_limit is None or found.cpu_limit > 0
