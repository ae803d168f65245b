"""
The family of a process: the workers of one program, recognised without configuration.

Only reads the kernel's records of this process and its ancestors. The rule: in doubt, processes count as different programs.
Where there is no ``/proc``, a program is an instrumented process and its forked children.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MAX_ANCESTORS = 32
"""Most ancestors that are read; a bound against a circle in the kernel's records, far beyond real depths."""


@dataclass(frozen=True, slots=True)
class Family:
    """The common ancestor of the workers, the eldest: its process id, and its start in the kernel's ticks."""

    pid: int
    started: int
    machine: str
    """The ids of the machine's boot and of the namespaces: the same process id may exist in another boot or namespace."""

    @property
    def is_own(self) -> bool:
        """Whether this process is the eldest; then it has other workers only after a fork."""
        return self.pid == os.getpid()

    @property
    def has_ended(self) -> bool:
        """Whether the eldest has ended, and its family with it."""
        process = Process.read(self.pid)
        return self.machine != _machine() or process is None or process.started != self.started

    def __str__(self) -> str:
        return f"{self.pid} {self.started} {self.machine}"

    @classmethod
    def parse(cls, text: str) -> Family:
        """Return the family whose ``str()`` is *text*. Raises ValueError."""
        pid, started, machine = text.split(" ", 2)
        return cls(int(pid), int(started), machine)


@dataclass(frozen=True, slots=True)
class Process:
    """The kernel's record of a process."""

    pid: int
    parent: int
    group: int
    started: int
    command: str
    program: str | None

    @classmethod
    def identify(cls, pid: int) -> str:
        """Return a text that no other process of this boot has: the process id and the start; without a start, it has ended."""
        process = cls.read(pid)
        return f"{pid} {process.started if process is not None else ''}"

    @classmethod
    def read(cls, pid: int) -> Process | None:
        """Return the record of the process *pid*; None if there is none."""
        try:
            head, _, tail = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")
            fields = tail.split()
            program = None
            with suppress(OSError):  # unreadable for a process of another user, such as a parent that runs as root
                program = str(Path(f"/proc/{pid}/exe").readlink())
            return cls(pid, int(fields[1]), int(fields[2]), int(fields[19]), head.partition("(")[2], program)
        except (OSError, ValueError, IndexError):
            return None

    def runs_the_same_as(self, other: Process) -> bool:
        """Return whether both processes are in one process group and run the same interpreter."""
        if self.group != other.group:
            return False
        if self.program is None or other.program is None:
            return self.command == other.command
        return self.program == other.program


def family() -> Family:
    """
    Return the family of this process. Its eldest is the oldest in the unbroken line of ancestors with the same interpreter.

    All of them must be in one process group, because shells, supervisors and service managers give each program a group of its
    own. So all workers of gunicorn, ``uvicorn --workers`` and ``multiprocessing`` get the same eldest, their master, and two
    services get different ones.
    """
    eldest = Process.read(os.getpid())
    if eldest is None:
        return Family(os.getpid(), 0, _machine())
    for _ in range(_MAX_ANCESTORS):
        parent = Process.read(eldest.parent)
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
