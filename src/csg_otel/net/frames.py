"""
HTTP/2 frames (RFC 9113), as a client of one request at a time needs them.

Pure. The rule: a malformed frame raises :class:`ProtocolError`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from csg_otel.net.response import ProtocolError

DATA, HEADERS, _PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
_PADDED: Final = 0x8
_PRIORITIZED: Final = 0x20

HEAD_BYTES: Final = 9
MAX_FRAME_BYTES: Final = 16_384
"""Most bytes of a frame that is accepted, and that is sent unless the other side allows more: the specification's default."""
DEFAULT_WINDOW: Final = 65_535
"""Bytes that may be sent on a stream, and on a connection, before the other side allows more: the specification's default."""
_LARGEST_WINDOW: Final = 2**31 - 1
_LARGEST_FRAME: Final = 2**24 - 1

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a frame."""

    length: int
    kind: int
    flags: int
    stream: int


def head(data: bytes) -> Head:
    """Return the head in *data*, nine bytes. Raises ProtocolError for a frame that is too long."""
    length = int.from_bytes(data[:3], "big")
    if length > MAX_FRAME_BYTES:
        raise ProtocolError("the server does not respond with HTTP/2, or with frames that are too long")
    return Head(length, data[3], data[4], int.from_bytes(data[5:9], "big") & 0x7FFFFFFF)


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    """Return a frame."""
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def content(frame_head: Head, payload: bytes) -> bytes:
    """Return the content of DATA or HEADERS: *payload* without padding and priority. Raises ProtocolError."""
    begin = end = 0
    if frame_head.flags & _PADDED and payload:
        begin, end = 1, payload[0]
    if frame_head.kind == HEADERS and frame_head.flags & _PRIORITIZED:
        begin += 5
    if begin + end > len(payload):
        raise ProtocolError("a frame of the response has more padding than bytes")
    return payload[begin : len(payload) - end]


def number(payload: bytes) -> int:
    """Return the number in the first four bytes of *payload*. Raises ProtocolError if there are fewer."""
    if len(payload) < 4:
        raise ProtocolError("a frame of the response is too short")
    return int.from_bytes(payload[:4], "big")


def increment(window: int, payload: bytes) -> int:
    """Return *window* after a WINDOW_UPDATE with *payload*. Raises ProtocolError."""
    added = number(payload) & _LARGEST_WINDOW
    if not added or window + added > _LARGEST_WINDOW:
        raise ProtocolError("the server wants an impossible window")
    return window + added


@dataclass(slots=True)
class Settings:
    """The settings of the other side."""

    window: int = DEFAULT_WINDOW
    """Bytes that may be sent on a new stream."""
    frame_bytes: int = MAX_FRAME_BYTES
    """Most bytes of a frame that may be sent."""
    _names: dict[int, str] = field(default_factory=lambda: {4: "window", 5: "frame_bytes"}, repr=False)

    def update(self, payload: bytes) -> None:
        """Apply the payload of SETTINGS. Raises ProtocolError."""
        if len(payload) % 6:
            raise ProtocolError("the settings of the server are malformed")
        for key, value in struct.iter_unpack(">HI", payload):
            if key == 4 and value <= _LARGEST_WINDOW:
                self.window = value
            elif key == 5 and MAX_FRAME_BYTES <= value <= _LARGEST_FRAME:
                self.frame_bytes = value
            elif key in (4, 5):
                raise ProtocolError("a setting of the server is out of range")
