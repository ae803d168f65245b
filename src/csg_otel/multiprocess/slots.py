"""
The slots of a worker: two files that it writes by turns, so that one of them is complete whenever the worker dies.

Only reads and writes descriptors. The rule: reading returns exactly the bytes that were written, or nothing.
"""

from __future__ import annotations

import hashlib
import os
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER: Final = struct.Struct(">4sQQI16s")
"""Magic, number, begin in monotonic nanoseconds, bytes of the body, digest of all that."""

_MAGIC: Final = b"CSGw"
MOST_BODY: Final = 64 * 1024 * 1024
"""Most bytes of one publication: about 300,000 series, far more than a scrape can transfer."""

_Head = tuple[int, int, int, int, bytes]
"""Number, begin in nanoseconds, bytes of the body, slot, digest; the newest is the greatest."""


def write(slots: Sequence[int], number: int, began_ns: int, body: bytes) -> None:
    """
    Write a publication into the slot whose turn it is. Raises OSError.

    Args:
        slots: The descriptors of both files.
        number: The publication's number, counted from 1.
        began_ns: The start of its collection, in nanoseconds of the monotonic clock.
        body: Its content.
    """
    slot = slots[number % 2]
    head = _HEADER.pack(_MAGIC, number, began_ns, len(body), _digest(number, began_ns, body))
    # The head is written last, so that the body is complete when a reader finds the head.
    for data, start in ((memoryview(body), _HEADER.size), (memoryview(head), 0)):
        written = 0
        while written < len(data):
            written += os.pwrite(slot, data[written:], start + written)


def began(slots: Sequence[int]) -> int:
    """Return the start of the newest publication's collection, in nanoseconds of the monotonic clock; 0 without one."""
    return max((head[1] for head in _heads(slots)), default=0)


def newest(slots: Sequence[int]) -> bytes:
    """Return the newest complete publication; empty if there is none."""
    for _ in range(3):  # the owner may overwrite a slot while it is read, but not three times in a row
        for number, began_ns, length, slot, digest in sorted(_heads(slots), reverse=True):
            body = os.pread(slot, length, _HEADER.size)
            if _digest(number, began_ns, body) == digest:
                return body
    return b""


def _heads(slots: Sequence[int]) -> list[_Head]:
    heads = []
    for slot in slots:
        data = os.pread(slot, _HEADER.size, 0)
        if len(data) == _HEADER.size:
            magic, number, began_ns, length, digest = _HEADER.unpack(data)
            if magic == _MAGIC and length <= MOST_BODY:
                heads.append((number, began_ns, length, slot, digest))
    return heads


def _digest(number: int, began_ns: int, body: bytes) -> bytes:
    digest = hashlib.blake2b(f"{number} {began_ns} {len(body)} ".encode(), digest_size=16)
    digest.update(body)
    return digest.digest()
