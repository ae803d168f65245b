"""Requests as bytes: encoding items so that a bad one costs only itself, and joining small requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from csg_otel import faults
from csg_otel.exporters.delivery.sender import SendError


def encoded(
    items: Sequence[Any], encode: Callable[[Sequence[Any]], bytes]
) -> tuple[list[tuple[int, bytes]], list[SendError]]:
    """Return *items* as requests, each with its number of items, and one error for each item that cannot be encoded."""
    try:
        return [(len(items), encode(items))], []
    except BaseException as error:  # noqa: BLE001 - a program may put anything into an attribute
        if len(items) == 1:
            return [], [SendError("encoding", faults.description(error), retry=False)]
    middle = len(items) // 2
    (first, first_errors), (second, second_errors) = encoded(items[:middle], encode), encoded(items[middle:], encode)
    return first + second, first_errors + second_errors


def joined(requests: Sequence[tuple[int, bytes]], max_items: int, max_bytes: int) -> list[tuple[int, bytes]]:
    """Return *requests*, each with its number of items, as fewer requests: joined up to *max_items* and *max_bytes*."""
    groups: list[tuple[int, bytes]] = []
    bodies: list[bytes] = []
    items = size = 0
    for count, body in requests:
        if bodies and (items + count > max_items or size + len(body) > max_bytes):
            groups.append((items, b"".join(bodies)))
            bodies, items, size = [], 0, 0
        bodies.append(body)
        items, size = items + count, size + len(body)
    if bodies:
        groups.append((items, b"".join(bodies)))
    return groups
