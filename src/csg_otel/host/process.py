"""This process as the operating system sees it."""

from __future__ import annotations


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes."""
    import psutil

    return int(psutil.Process().memory_info().rss)
