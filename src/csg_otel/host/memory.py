"""
The memory and the swap space of the host: by the kernel's file /proc/meminfo, elsewhere by psutil.

The caller passes the content of the file, so that a sampler can keep it open. The rule: where the file is missing or has less
than is needed, psutil decides, as on systems without the file.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from csg_otel.host.kernel_files import number

FILE: Final = "/proc/meminfo"


class Memory(NamedTuple):
    """
    The host's memory in bytes.

    ``available`` is what programs can get without swapping, ``cached`` includes reclaimable kernel objects; None on systems
    that do not count it.
    """

    total: int
    available: int
    free: int
    cached: int | None
    buffers: int | None


class Swap(NamedTuple):
    """The host's swap space in bytes."""

    total: int
    used: int
    free: int


def memory(meminfo: bytes | None) -> Memory:
    """Return the memory, by the content *meminfo* of :data:`FILE`; any error of psutil is raised."""
    values = _values(meminfo, b"MemTotal:", b"MemFree:", b"MemAvailable:", b"Cached:", b"Buffers:")
    # Some kernels count 0 available, and some containers more than there is.
    if values is None or meminfo is None or not 0 < values[2] <= values[0]:
        return _memory_by_psutil()
    total, free, available, cached, buffers = values
    return Memory(total, available, free, cached + (number(meminfo, b"SReclaimable:") or 0) * 1024, buffers)


def swap(meminfo: bytes | None) -> Swap:
    """Return the swap space, by the content *meminfo* of :data:`FILE`; any error of psutil is raised."""
    values = _values(meminfo, b"SwapTotal:", b"SwapFree:")
    if values is None:
        import psutil

        space = psutil.swap_memory()
        return Swap(space.total, space.used, space.free)
    total, free = values
    return Swap(total, total - free, free)


def _values(meminfo: bytes | None, *names: bytes) -> list[int] | None:
    """Return the bytes behind each name; None if one is missing."""
    counts = [None if meminfo is None else number(meminfo, name) for name in names]
    values = [count * 1024 for count in counts if count is not None]
    return values if len(values) == len(names) else None


def _memory_by_psutil() -> Memory:
    import psutil

    counted = psutil.virtual_memory()
    cached, buffers = (getattr(counted, state, None) for state in ("cached", "buffers"))
    return Memory(counted.total, counted.available, counted.free, cached, buffers)
