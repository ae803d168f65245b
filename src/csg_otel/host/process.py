"""This process as the operating system sees it: by the kernel's files, elsewhere by psutil."""

from __future__ import annotations

import os
import time
from typing import Final

from csg_otel.host.kernel_files import content_of

MEMORY_FILE: Final = "/proc/self/statm"
STATE_FILE: Final = "/proc/self/stat"
IO_FILE: Final = "/proc/self/io"
_DESCRIPTORS: Final = "/proc/self/fd"

_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100

_THREADS: Final = 17
_STARTED: Final = 19
"""Positions behind the name of the process in :data:`STATE_FILE` (proc(5))."""


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes."""
    return memory(content_of(MEMORY_FILE))[0]


def memory(statm: bytes | None) -> tuple[int, int]:
    """Return resident and virtual memory in bytes, by the content *statm* of :data:`MEMORY_FILE`; else as psutil reads it."""
    if statm is None:
        import psutil

        info = psutil.Process().memory_info()
        return info.rss, info.vms
    virtual, resident = statm.split(None, 2)[:2]
    return int(resident) * _PAGE, int(virtual) * _PAGE


def threads(stat: bytes | None) -> int:
    """Return the number of threads, by the content *stat* of :data:`STATE_FILE`; else as psutil counts them."""
    if stat is None:
        import psutil

        return int(psutil.Process().num_threads())
    return int(_field(stat, _THREADS))


def age_s(stat: bytes | None) -> float:
    """Return the seconds since this process started, by the content *stat* of :data:`STATE_FILE`; else by psutil."""
    if stat is None or not hasattr(time, "CLOCK_BOOTTIME"):
        import psutil

        return max(0.0, time.time() - psutil.Process().create_time())
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(_field(stat, _STARTED)) / _TICKS)


def _field(stat: bytes, position: int) -> bytes:
    # The name of the process is in brackets, and may itself have blanks and brackets.
    return stat[stat.rindex(b")") + 1 :].split(None, position + 1)[position]


def open_descriptors() -> int:
    """Return the number of open file descriptors of this process; any error of psutil is raised."""
    try:
        count = os.stat(_DESCRIPTORS).st_size  # noqa: PTH116 - a third of the cost of pathlib's
        # Before Linux 6.2 the folder has no size. To list it takes a descriptor, which is in the list.
        return count or len(os.listdir(_DESCRIPTORS)) - 1  # noqa: PTH208 - as above
    except OSError:
        import psutil

        return int(psutil.Process().num_fds())
