"""The series of one instrument of the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel import names
from csg_otel.pipeline.accumulating.series import GaugeSeries, HistogramSeries, Series, SumSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from csg_otel.pipeline.accumulating.merger import Merger

_MOST_SERIES: Final = names.CARDINALITY_LIMIT
"""Series that are remembered; the SDK has no more of one instrument, and a series that is forgotten is only made again."""


class Accumulator:
    """
    An instrument of the SDK whose measurements are merged into its aggregations.

    ``is_direct`` is True while they go to the SDK one by one, because one of its aggregations cannot be merged into.
    """

    def __init__(self, merger: Merger, kind: str, instrument: Any, record: Callable[..., None]) -> None:
        """
        Accumulate for *instrument*.

        Args:
            merger: Merges the series before each collection.
            kind: ``counter``, ``up_down_counter``, ``histogram`` or ``gauge``.
            instrument: The SDK's instrument.
            record: Its method that takes a value, attributes and a context.
        """
        self.is_direct = True
        self.is_in_order = False
        """Whether measurements are added one by one, because a stream has another aggregation than is usual for the kind."""
        self.bounds: Sequence[float] = ()
        """The upper bounds of the buckets, of a histogram."""
        self.streams: Sequence[Any] = ()
        """The streams of the instrument in all readers."""
        self.generation = -1
        """The state of the merger in which the streams were looked up."""
        self.parts: Any = None
        """The functions that merge into the streams; None while ``is_direct``."""
        self.has_exemplars = False
        """Whether measurements in sampled spans become exemplars."""
        self.instrument = instrument
        self.record = record
        self.kind = kind
        self.least = -(2**63) if kind in {"up_down_counter", "gauge"} else 0
        """The least number that the instrument allows, and OTLP can carry."""
        self._class: type[Series] = {"histogram": HistogramSeries, "gauge": GaugeSeries}.get(kind, SumSeries)
        self._merger = merger
        self._series: dict[tuple[Any, ...], Series] = {}

    def series(self, attributes: Mapping[str, Any]) -> Series:
        """Return the series of clean *attributes*."""
        # The order counts: the SDK keeps attributes as they are at the first measurement.
        key = (*attributes, *attributes.values(), *map(type, attributes.values()))
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= _MOST_SERIES:
                self._series.clear()
            series = self._series.setdefault(key, self._class(self, dict(attributes)))
        return series

    def register(self, series: Series) -> None:
        """Let the next merge look at *series*."""
        self._merger.register(series)

    def sum_up(self, series: Series) -> None:
        """Sum up what is pending in *series*, unless a merge does so now."""
        self._merger.sum_up(series)
