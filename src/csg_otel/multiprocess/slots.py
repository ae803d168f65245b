"""
Two files a worker writes its publications into by turns, so that whenever it dies one of them is whole.

Only reads and writes descriptors. The rule: what is read back is exactly what was written, or nothing.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from typing import Final

_HEADER: Final = struct.Struct(">4sQQI16s")
"""Magic, number, monotonic nanoseconds when it was begun, bytes of the body, digest of all that."""

_MAGIC: Final = b"CSGw"
MOST_BODY: Final = 64 * 1024 * 1024

_Head = tuple[int, int, int, int, bytes]
"""Number, nanoseconds when it was begun, bytes of the body, the slot, digest; orders by number."""


def write(slots: Sequence[int], number: int, began_ns: int, body: bytes) -> None:
    """Write publication *number*, counted from one. Raises OSError."""
    slot = slots[number % 2]
    head = _HEADER.pack(_MAGIC, number, began_ns, len(body), _digest(number, began_ns, body))
    # The head comes last: whoever sees it may read the body.
    for data, start in ((memoryview(body), _HEADER.size), (memoryview(head), 0)):
        done = 0
        while done < len(data):
            done += os.pwrite(slot, data[done:], start + done)


def began(slots: Sequence[int]) -> int:
    """Return when the newest publication was begun, in nanoseconds of the monotonic clock; nought without one."""
    return max((head[1] for head in _heads(slots)), default=0)


def newest(slots: Sequence[int]) -> bytes:
    """Return the newest publication that is whole; empty if there is none."""
    for _ in range(3):  # its owner may write the next one but one while this one is read
        for number, began_ns, length, slot, digest in sorted(_heads(slots), reverse=True):
            body = os.pread(slot, length, _HEADER.size)
            if _digest(number, began_ns, body) == digest:
                return body
    return b""


def _heads(slots: Sequence[int]) -> list[_Head]:
    found = []
    for slot in slots:
        data = os.pread(slot, _HEADER.size, 0)
        if len(data) == _HEADER.size:
            magic, number, began_ns, length, digest = _HEADER.unpack(data)
            if magic == _MAGIC and length <= MOST_BODY:
                found.append((number, began_ns, length, slot, digest))
    return found


def _digest(number: int, began_ns: int, body: bytes) -> bytes:
    made = hashlib.blake2b(f"{number} {began_ns} {len(body)} ".encode(), digest_size=16)
    made.update(body)
    return made.digest()
