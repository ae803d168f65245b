"""A program whose endpoints are attacked by clients in another process, and what its probes take meanwhile."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from support.programs import Program, eventually, get

TESTS = Path(__file__).parents[1]

SOURCE = """
import resource, sys, threading, time
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
import csg_otel

telemetry = csg_otel.instrument("victim", exporters=["prometheus"], health_monitoring__enabled=False)
for number in range(5):
    orders = csg_otel.counter(f"orders{number}", attributes=("k", "z"))
    for k in range(SERIES):
        orders.add(1, {"k": f"v{k}", "z": "x" * 30})
failures = []

def open_files():
    while True:
        try:
            open("/dev/null").close()
        except OSError as error:
            failures.append(error)
        time.sleep(0.01)

threading.Thread(target=open_files, daemon=True).start()
print(telemetry.url, flush=True)
sys.stdin.readline()
print(len(failures), flush=True)
"""

IDLE_SERVER = """
import socket
with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
"""

_QUIET_MS = 2.5
"""A quiet probe counts as this many milliseconds at least: one switch between two threads of Python may take 5 ms."""


class Times(NamedTuple):
    """How long probes took in milliseconds, in order: of the program, and of a plain server that does nothing else."""

    probes: list[float]
    idle: list[float]

    def __repr__(self) -> str:
        """Return a few percentiles."""
        shares = (0.5, 0.95, 0.99, 0.9999)
        return " ".join(f"{share}: {_most(self.probes, share):.1f}/{_most(self.idle, share):.1f}" for share in shares)

    def are_quick(self, quiet: Times, share: float) -> bool:
        """
        Return whether this *share* of the probes took less than 100 ms, and less than 20 times what it took when it was quiet.

        Twice what the plain server took meanwhile is the noise of the machine, and not counted.
        """
        probe, idle, quiet_probe = (_most(times, share) for times in (self.probes, self.idle, quiet.probes))
        return probe < min(100, 20 * max(quiet_probe, _QUIET_MS)) + 2 * idle


def _most(times: list[float], share: float) -> float:
    return times[int(share * len(times))]


class Victim:
    """A program with 256 descriptors under attack."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.url = program.line()
        self.port = int(self.url.rsplit(":", 1)[1])
        eventually(self.is_alive)
        for _ in range(2):
            get(f"{self.url}/metrics")
        eventually(self._is_settled)
        self._memory_before = self._memory_mb()
        self._lines_before = len(program.stderr.splitlines())
        self.most_memory_mb = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _memory_mb(self) -> float:
        pages = int(Path(f"/proc/{self._program.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def _is_settled(self) -> bool:
        """Return whether the program waits: on a busy machine its threads still import modules after the first answers."""
        process = psutil.Process(self._program.process.pid)
        used = process.cpu_times().user
        time.sleep(0.5)
        return process.cpu_times().user - used < 0.05

    def _watch(self) -> None:
        with suppress(OSError, IndexError):  # the program has ended
            while True:
                self.most_memory_mb = max(self.most_memory_mb, self._memory_mb())
                time.sleep(0.01)

    def is_alive(self) -> bool:
        """Return whether ``/livez`` answers."""
        return get(f"{self.url}/livez")[0] == 200

    def probe_times(self, seconds: float) -> Times:
        """Return how long ``/livez`` took on new connections; every probe is answered, on a busy machine late."""
        times = Times([], [])
        with Program(IDLE_SERVER, _folder("idle")) as idle:
            urls = (self.url, f"http://127.0.0.1:{idle.line()}")
            end = time.monotonic() + seconds
            while time.monotonic() < end or len(times.idle) < 20:
                for url, taken in zip(urls, times, strict=True):
                    began = time.monotonic()
                    assert get(f"{url}/livez")[0] == 200
                    taken.append(1000 * (time.monotonic() - began))
                    time.sleep(0.01)
        return Times(*map(sorted, times))

    @contextmanager
    def attacked(self, *kinds: str) -> Iterator[None]:
        """Attack for the time of the block; see ``support.hostile_clients``."""
        command = [sys.executable, "-m", "support.hostile_clients", str(self.port), *kinds]
        with Program(command, _folder("attack"), {"PYTHONPATH": str(TESTS)}) as attack:
            attack.line_with("attacking")
            yield

    def assert_unhurt(self) -> None:
        """The program could always open files, has written a few lines, and has grown by less than 30 MB."""
        assert self._program.process.stdin is not None
        self._program.process.stdin.write("\n")
        self._program.process.stdin.flush()
        failures = int(self._program.line())
        lines = self._program.stderr.splitlines()[self._lines_before :]

        assert failures == 0
        assert len(lines) <= 5, lines[:5]
        assert self.most_memory_mb - self._memory_before < 30


def _folder(name: str) -> Path:
    """Return a folder of its own, because programs in one folder share a file for stderr."""
    folder = Path(name)
    folder.mkdir(exist_ok=True)
    return folder
