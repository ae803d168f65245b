"""What one sample costs: no opened file, and as many system calls with many processes as with few."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from csg_otel.metrics import system
from csg_otel.metrics.system import SystemReader
from support.programs import Program

READER = """
    import json, os, subprocess, sys
    from csg_otel.config.sections.system_monitoring import SystemMonitoring
    from csg_otel.metrics.sampler import Sampler

    reader = Sampler(SystemMonitoring())._prepared()
    sample = reader.take(reader.take(None))
"""


def test_a_sample_opens_nothing_and_its_calls_do_not_grow_with_the_processes(tmp_path: Path) -> None:
    """The kernel counts the calls that read; Python reports what is opened or listed."""
    source = (
        READER
        + """
    opened, watching = [], []
    sys.addaudithook(lambda event, details: opened.append([event, str(details[0])])
        if watching and event in ("open", "os.listdir", "os.scandir") else None)

    def reads():
        return int(open("/proc/self/io").read().split("syscr: ")[1].split()[0])

    def calls():
        before = reads()
        watching.append(1)
        reader.take(sample)
        watching.clear()
        return reads() - before

    few = [calls() for _ in range(3)]
    children = [subprocess.Popen(["sleep", "600"]) for _ in range(40)]
    many = [calls() for _ in range(3)]
    for child in children:
        child.kill()
        child.wait()
    print(json.dumps([few, many, opened]))
    """
    )
    with Program(source, tmp_path) as program:
        few, many, opened = json.loads(program.line())

    assert opened == []
    assert len({*few, *many}) == 1, "a constant number"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's files")
def test_a_forked_child_has_no_file_of_its_parent(tmp_path: Path) -> None:
    """The files of the parent's sampler are closed in the child, whose own ones are of the child."""
    source = """
        import json, os, time
        from csg_otel.config.sections.system_monitoring import SystemMonitoring
        from csg_otel.metrics import Sampler

        def files():
            targets = []
            for name in os.listdir("/proc/self/fd"):
                try:
                    targets.append(os.readlink("/proc/self/fd/" + name))
                except FileNotFoundError:
                    pass
            return [target for target in targets if target.startswith(("/proc/", "/sys/")) and not target.endswith("/fd")]

        sampler = Sampler(SystemMonitoring(collection_interval=0.1))
        sampler.start()
        while sampler.latest() is None:
            time.sleep(0.01)
        parent, in_parent = os.getpid(), files()
        read, write = os.pipe()
        if os.fork() == 0:
            while sampler.latest() is None:
                time.sleep(0.01)
            in_child = files()
            sampler.stop(20)
            os.write(write, json.dumps([os.getpid(), in_child, files()]).encode())
            os._exit(0)
        os.wait()
        sampler.stop(20)
        print(json.dumps([parent, in_parent, json.loads(os.read(read, 60_000)), files()]))
    """
    with Program(source, tmp_path) as program:
        parent, in_parent, (child, in_child, child_after), after = json.loads(program.line())

    assert f"/proc/{parent}/stat" in in_parent
    assert f"/proc/{child}/stat" in in_child
    assert [path for path in in_child if path.startswith(f"/proc/{parent}/")] == []
    assert len(in_child) == len(set(in_child)), "each file is open once"
    assert (child_after, after) == ([], [])


def test_the_states_of_processes_are_read_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a minute they stay as they were; after it they are read again."""
    reader = SystemReader()
    first, second = reader.read(None).processes, reader.read(None).processes
    monkeypatch.setattr(system, "RARE_S", 0)

    assert second is first
    assert reader.read(None).processes is not first


def test_a_new_mount_is_seen_at_once(tmp_path: Path) -> None:
    """The kernel reports a change of its table of mounts, in a mount namespace of the test's own."""
    source = f"""
        import ctypes, json, os
        from csg_otel.host.kernel_files import KernelFiles

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x10000000 | 0x00020000) != 0:  # a user and a mount namespace
            print("refused")
            raise SystemExit
        files = KernelFiles()
        looks = [files.is_unchanged("/proc/self/mounts") for _ in range(3)]
        done = libc.mount(b"none", {str(tmp_path).encode()!r}, b"tmpfs", 0, None)
        looks += [files.is_unchanged("/proc/self/mounts") for _ in range(2)]
        print("refused" if done else json.dumps(looks))
    """
    with Program(source, tmp_path) as program:
        line = program.line().strip()
    if line == "refused":
        pytest.skip("this machine allows no namespaces")

    assert json.loads(line) == [False, True, True, False, True]
