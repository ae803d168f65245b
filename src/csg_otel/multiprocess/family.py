"""
The processes that are workers of one program, recognised without configuration.

Only reads the kernel's records of this process and its ancestors. The rule: processes that might not belong together never
count as one program. Where there is no ``/proc``, a program is an instrumented process and its forked children.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MOST_ANCESTORS = 32


@dataclass(frozen=True, slots=True)
class Family:
    """The common ancestor of the workers, the eldest: its process id, and its start in the kernel's ticks."""

    pid: int
    started: int
    machine: str
    """The machine's boot and the namespaces: the same process id may exist in others."""

    @property
    def is_own(self) -> bool:
        """Whether this process is the eldest, so that it has workers only once it forks."""
        return self.pid == os.getpid()

    @property
    def has_ended(self) -> bool:
        """Whether the eldest has ended, and its family with it."""
        process = _Process.read(self.pid)
        return self.machine != _machine() or process is None or process.started != self.started

    def __str__(self) -> str:
        return f"{self.pid} {self.started} {self.machine}"

    @classmethod
    def parse(cls, text: str) -> Family:
        """Return the family whose ``str()`` is *text*. Raises ValueError."""
        pid, started, machine = text.split(" ", 2)
        return cls(int(pid), int(started), machine)


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    group: int
    started: int
    command: str
    program: str | None

    @classmethod
    def read(cls, pid: int) -> _Process | None:
        try:
            head, _, tail = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")
            fields = tail.split()
            program = None
            with suppress(OSError):  # a process of another user, such as the root's that started this one
                program = str(Path(f"/proc/{pid}/exe").readlink())
            return cls(pid, int(fields[1]), int(fields[2]), int(fields[19]), head.partition("(")[2], program)
        except (OSError, ValueError, IndexError):
            return None

    def runs_the_same_as(self, other: _Process) -> bool:
        """Return whether both are of one process group and run the same interpreter."""
        if self.group != other.group:
            return False
        if self.program is None or other.program is None:
            return self.command == other.command
        return self.program == other.program


def family() -> Family:
    """
    Return the family of this process: the eldest of its unbroken line of ancestors that run the same interpreter.

    All must be of one process group, because a shell, a supervisor and a service manager give each program a group of its
    own. So the workers of gunicorn, ``uvicorn --workers`` and ``multiprocessing`` share their master, and two services share
    nothing.
    """
    eldest = _Process.read(os.getpid())
    if eldest is None:
        return Family(os.getpid(), 0, _machine())
    for _ in range(_MOST_ANCESTORS):
        parent = _Process.read(eldest.parent)
        if parent is None or not eldest.runs_the_same_as(parent):
            break
        eldest = parent
    return Family(eldest.pid, eldest.started, _machine())


def _machine() -> str:
    parts = []
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.extend(str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in ("pid", "net"))
    return " ".join(parts)
