"""The telemetry of this process as input for checks; ``sdk`` supplies it. Without it, these checks have no data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csg_otel.points import Point


@dataclass(frozen=True, slots=True)
class Sources:
    """
    Functions that return the present telemetry. A check takes one by a parameter of the same name.

    Attributes:
        points: Every metric point of this process, cumulative.
        destinations: The status of each destination by name (``csg_otel.exporters.delivery.destination.DestinationStatus``).
        loops: The watched event loops (``csg_otel.metrics.runtime.LoopState``).
    """

    points: Callable[[], Sequence[Point]] = tuple
    destinations: Callable[[], Mapping[str, Any]] = dict
    loops: Callable[[], Sequence[Any]] = tuple
