"""Real PostgreSQL and Redis servers on free loopback ports, ended by their own pids."""

from __future__ import annotations

import itertools
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from support.programs import HUNG_S

PASSWORD = "canary-5ecret-pa55"


_PORTS = range(10_000, 32_000)
"""Ports that the kernel gives to nobody: one that it has given out before would be taken again while a server starts."""

_next_port = itertools.count(random.SystemRandom().randrange(len(_PORTS)))


def free_port() -> int:
    """Return a loopback port that nobody uses now, and that no other process of these tests is likely to get soon."""
    for number in _next_port:
        port = _PORTS[number % len(_PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port
    raise AssertionError("unreachable: the numbers have no end")


def postgres_program(name: str) -> str | None:
    """Return where PostgreSQL's *name* is; Debian keeps servers off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


class Server:
    """A server process: its port, and signals to it."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self._process = process

    @contextmanager
    def hanging(self, pids: Sequence[int] = ()) -> Iterator[None]:
        """Stop the process (or *pids*) with SIGSTOP for the time of the block: connections open, nothing answers."""
        stopped = [*pids] or [self._process.pid, *_children(self._process.pid)]
        try:
            for pid in stopped:
                _signal(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in stopped:
                _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # a backend may just have ended
        os.kill(pid, number)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def _unprivileged() -> dict[str, Any]:
    """Return options that run a program as another user, because PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def postgresql() -> Iterator[Server]:
    """Run a PostgreSQL with user ``app``, password ``PASSWORD`` and database ``postgres``."""
    initdb, postgres = postgres_program("initdb"), postgres_program("postgres")
    assert initdb is not None
    assert postgres is not None
    with tempfile.TemporaryDirectory(prefix="pg-") as directory:
        folder = Path(directory)
        options = _unprivileged()
        if options:
            os.chown(folder, options["user"], options["group"])
        secret = folder / "pw"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data = folder / "data"
        command = [
            initdb,
            "-D",
            str(data),
            "-U",
            "app",
            "-A",
            "scram-sha-256",
            f"--pwfile={secret}",
            "--no-sync",
            "-E",
            "UTF8",
        ]
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            **options,
        )
        port = free_port()
        command = [postgres, "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **options)
        try:
            # It listens before it takes queries: until then the answer is that it is starting up.
            _wait_for(port, process, lambda: "ready to accept connections" in (folder / "log").read_text())
            yield Server(port, process)
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown
            process.wait(HUNG_S)


@contextmanager
def redis(*options: str) -> Iterator[Server]:
    """Run a Redis whose default user's password is ``PASSWORD``, with further *options*."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as directory:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD]
        command += options
        process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL)
        try:
            _wait_for(port, process)
            yield Server(port, process)
        finally:
            process.terminate()
            process.wait(HUNG_S)


def _wait_for(port: int, process: subprocess.Popen[bytes], is_ready: Callable[[], bool] = lambda: True) -> None:
    deadline = time.monotonic() + HUNG_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            if is_ready():
                return
            time.sleep(0.05)
    raise AssertionError(f"the server on port {port} did not start")
