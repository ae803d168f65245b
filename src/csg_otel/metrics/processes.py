"""
The number of the host's processes by state.

The kernel has no file with these numbers, so each process is looked at. The rule: a reading is bounded; beyond a bound,
processes are counted without their states.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Final

from csg_otel import clocks

MOST_PROCESSES_BY_STATE: Final = 1000
LONGEST_PROCESSES_S: Final = 0.02
"""
Beyond either limit processes are counted without their states. Reading one state takes 20 to 40 microseconds; the limits
keep a sample cheap with many processes, and on a busy machine.
"""

_STATES: Final = {"R": "running", "T": "stopped", "t": "stopped", "Z": "defunct"}
"""The state by its letter in proc(5). Every other letter is a kind of sleep."""


def processes(proc: str = "/proc") -> Mapping[str, int]:
    """Return the number of processes by state; the state is empty where reading each would take too long."""
    if not os.path.exists(f"{proc}/self/stat"):  # noqa: PTH110 - another system than Linux
        import psutil

        return {"": len(psutil.pids())}
    pids = [name for name in os.listdir(proc) if name.isdigit()]  # noqa: PTH208 - a tenth of the cost of pathlib's
    if len(pids) > MOST_PROCESSES_BY_STATE:
        return {"": len(pids)}
    states = Counter({"running": 0, "sleeping": 0, "stopped": 0, "defunct": 0})
    until_s = clocks.monotonic() + LONGEST_PROCESSES_S
    for pid in pids:
        if clocks.monotonic() > until_s:
            return {"": len(pids)}
        try:
            states[_STATES.get(_state(f"{proc}/{pid}/stat"), "sleeping")] += 1
        except OSError:  # the process has ended
            continue
    return states


def _state(path: str) -> str:
    # In a busy program, another thread may run for some milliseconds after each of these calls, so there are only three.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        stat = os.read(descriptor, 512)
    finally:
        os.close(descriptor)
    return chr(stat[stat.rindex(b")") + 2])
