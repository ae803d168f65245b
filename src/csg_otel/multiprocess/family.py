"""
Which processes are workers of one program, found out without configuration.

Only reads what the kernel says of this process and its ancestors. The rule: processes that might not belong together never
count as one. Where there is no ``/proc``, only what is forked from an instrumented process belongs to it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MOST_ANCESTORS = 32


@dataclass(frozen=True, slots=True)
class Family:
    """The process that workers have in common, their eldest: its id, and when it started in the kernel's ticks."""

    pid: int
    started: int
    place: str
    """The machine's boot and the namespaces, so that equal ids elsewhere are told apart."""

    @property
    def alone(self) -> bool:
        """Whether this process is the eldest itself, so that there are others only if it forks."""
        return self.pid == os.getpid()

    @property
    def over(self) -> bool:
        """Whether the eldest is gone, and with it the family."""
        found = _Process.read(self.pid)
        return self.place != _place() or found is None or found.started != self.started

    def __str__(self) -> str:
        return f"{self.pid} {self.started} {self.place}"

    @classmethod
    def parse(cls, text: str) -> Family:
        """Return what ``str()`` made *text* of. Raises ValueError."""
        pid, started, place = text.split(" ", 2)
        return cls(int(pid), int(started), place)


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
            words = tail.split()
            program = None
            with suppress(OSError):  # a process of another user, such as the root's that started this one
                program = str(Path(f"/proc/{pid}/exe").readlink())
            return cls(pid, int(words[1]), int(words[2]), int(words[19]), head.partition("(")[2], program)
        except (OSError, ValueError, IndexError):
            return None

    def runs_the_same_as(self, other: _Process) -> bool:
        if self.group != other.group:
            return False
        if self.program is None or other.program is None:
            return self.command == other.command
        return self.program == other.program


def family() -> Family:
    """
    Return the family of this process: the eldest of its unbroken line of ancestors that run the same interpreter.

    All must be of one process group, which a shell, a supervisor and a service manager give to each program they start. So
    the workers of gunicorn, ``uvicorn --workers`` and ``multiprocessing`` have their master in common, and two services have
    not.
    """
    eldest = _Process.read(os.getpid())
    if eldest is None:
        return Family(os.getpid(), 0, _place())
    for _ in range(_MOST_ANCESTORS):
        parent = _Process.read(eldest.parent)
        if parent is None or not eldest.runs_the_same_as(parent):
            break
        eldest = parent
    return Family(eldest.pid, eldest.started, _place())


def _place() -> str:
    found = []
    with suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        found.extend(str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in ("pid", "net"))
    return " ".join(found)
