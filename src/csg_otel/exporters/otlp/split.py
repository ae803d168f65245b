"""
The split of a large OTLP request into pieces that a destination accepts. Pure.

Traces and logs are split by item, metrics by metric, and a metric with very many series by its points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def grouped(items: list[bytes], max_bytes: int, halve: Callable[[bytes], list[bytes]]) -> list[tuple[int, bytes]]:
    """
    Join *items*, requests of one item each, into pieces of at most *max_bytes*; return (number of items, piece) for each.

    *halve* splits an item that is too large. An item that cannot be split is sent as its own piece, and may be refused.
    """
    pieces: list[tuple[int, bytes]] = []
    waiting: list[bytes] = []
    size = 0
    for item in _small_enough(items, max_bytes, halve):
        if waiting and size + len(item) > max_bytes:
            pieces.append((len(waiting), b"".join(waiting)))
            waiting, size = [], 0
        waiting.append(item)
        size += len(item)
    if waiting:
        pieces.append((len(waiting), b"".join(waiting)))
    return pieces


def _small_enough(items: list[bytes], max_bytes: int, halve: Callable[[bytes], list[bytes]]) -> Iterator[bytes]:
    for item in items:
        halves = halve(item) if len(item) > max_bytes else [item]
        if len(halves) == 1:
            yield item
        else:
            yield from _small_enough(halves, max_bytes, halve)


def halve_metric(request: Any) -> list[Any]:
    """Return *request*, which holds one metric, as two requests with half of the points each; unchanged with one point."""
    points = _points(request)
    if len(points) < 2:
        return [request]
    halves = []
    for half in (slice(len(points) // 2), slice(len(points) // 2, None)):
        copy = type(request)()
        copy.CopyFrom(request)
        half_points = list(points[half])
        copied_points = _points(copy)
        del copied_points[:]
        copied_points.extend(half_points)
        halves.append(copy)
    return halves


def _points(request: Any) -> Any:
    metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
    return getattr(metric, metric.WhichOneof("data")).data_points
