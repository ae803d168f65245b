"""
Requests in parts no larger than a destination takes. Pure; one OTLP request in, several out.

Spans and log records go by the item, metrics by the metric, and one with very many series by its points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def grouped(items: list[bytes], most_bytes: int, halve: Callable[[bytes], list[bytes]]) -> list[tuple[int, bytes]]:
    """
    Return *items*, requests of one item each, joined to parts of at most *most_bytes*, each with its number of items.

    *halve* splits an item that is too large alone; what can't be split is a part by itself, for the destination to judge.
    """
    parts: list[tuple[int, bytes]] = []
    waiting: list[bytes] = []
    size = 0
    for item in _small_enough(items, most_bytes, halve):
        if waiting and size + len(item) > most_bytes:
            parts.append((len(waiting), b"".join(waiting)))
            waiting, size = [], 0
        waiting.append(item)
        size += len(item)
    if waiting:
        parts.append((len(waiting), b"".join(waiting)))
    return parts


def _small_enough(items: list[bytes], most_bytes: int, halve: Callable[[bytes], list[bytes]]) -> Iterator[bytes]:
    for item in items:
        halves = halve(item) if len(item) > most_bytes else [item]
        if len(halves) == 1:
            yield item
        else:
            yield from _small_enough(halves, most_bytes, halve)


def halve_metric(request: Any) -> list[Any]:
    """Return *request*, of one metric, as two with half of its points each; as it is if there is only one."""
    points = _points(request)
    if len(points) < 2:
        return [request]
    halves = []
    for half in (slice(len(points) // 2), slice(len(points) // 2, None)):
        copy = type(request)()
        copy.CopyFrom(request)
        kept = list(points[half])
        found = _points(copy)
        del found[:]
        found.extend(kept)
        halves.append(copy)
    return halves


def _points(request: Any) -> Any:
    metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
    return getattr(metric, metric.WhichOneof("data")).data_points
