"""What a dashboard reads: the protocol of its store, whether the own process fills it or others do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.dashboard.model import Attributes
    from csg_otel.dashboard.store.recent import Recent
    from csg_otel.dashboard.store.values import Values
    from csg_otel.points import Point


class LatestPoints(NamedTuple):
    """The newest points of one program, with the attributes of its resource; ``time`` is in Unix seconds."""

    resource: Attributes
    points: list[Point]
    time: float


class Store(Protocol):
    """A store of traces, logs and values."""

    @property
    def recent(self) -> Recent:
        """The traces and log records."""

    @property
    def values(self) -> Values:
        """The history of metrics."""

    @property
    def latest(self) -> MetricsData | None:
        """The newest collection of the own process; None where others fill the store."""

    @property
    def dropped(self) -> int:
        """The number of items that were not kept."""

    @property
    def resources(self) -> dict[str, Attributes]:
        """The attributes of the newest resource of each service."""

    def watch(self) -> None:
        """Note that someone watches."""

    def look(self) -> None:
        """Move what waits into the store."""

    def latest_points(self) -> list[LatestPoints]:
        """Return the newest points of each program."""
