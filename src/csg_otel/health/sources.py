"""What the checks of our own telemetry read; the composition root fills it in, without it they have nothing to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csg_otel.points import Point


@dataclass(frozen=True, slots=True)
class Sources:
    """
    Functions that return what is known now; each is also the name of the check parameter that takes it.

    Attributes:
        points: Every metric point of this process, cumulative.
        destinations: The state of each destination by name (``csg_otel.exporters.delivery.destination.DestinationStatus``).
        loops: The watched event loops (``csg_otel.metrics.runtime.LoopState``).
    """

    points: Callable[[], Sequence[Point]] = tuple
    destinations: Callable[[], Mapping[str, Any]] = dict
    loops: Callable[[], Sequence[Any]] = tuple
