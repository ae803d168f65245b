"""The ids of traces and spans. Pure."""

from typing import Final

TRACE_BYTES: Final = 16
SPAN_BYTES: Final = 8


def hexadecimal(raw: bytes, size: int) -> str:
    """Return the id *raw* in hexadecimal; empty if it is not valid: it has *size* bytes, which are not all 0."""
    return raw.hex() if len(raw) == size and any(raw) else ""
