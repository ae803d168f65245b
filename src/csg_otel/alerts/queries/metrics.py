"""
The metrics that a check of queries knows: kinds, values and labels by the names of series.

Pure. Most metrics in a file of other people are unknown here. The rule: an unknown metric is a mistake only if its name begins
like those of this package, or is nearly that of a metric here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from csg_otel import attribute_values, names
from csg_otel.alerts.queries.values import POSITIVE, SHARE, Range, is_counter

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog, Ref

_OWN: Final = "csg_"
_PARTS: Final = ("_bucket", "_sum", "_count")
"""The series of a histogram."""

_NEAR: Final = 0.94
"""Similarity, 0 to 1, from which a name is a misspelt one: one letter in sixteen."""

_GAUGES: Final = ("_ratio", "_percent", "_percentage", "_info", "_timestamp_seconds", "_celsius", "_utilization")
"""Endings of gauges by the conventions of Prometheus."""

_AGGREGATED: Final = ("sum", "avg", "rate", "irate", "increase", "ratio", "mean", "p50", "p90", "p95", "p99")
"""Beginnings of the last part of the name of a recorded series, ``level:metric:operations``, which does not only grow."""


class Metrics:
    """The metrics of a catalog, by the names of their series, and the series that rules record."""

    def __init__(self, catalog: Catalog | None = None, recorded: Iterable[str] = ()) -> None:
        """
        Collect the metrics.

        Args:
            catalog: the metrics of this package and of the program; without one, none is known.
            recorded: names of series that rules record.
        """
        self._refs: dict[str, Ref] = {}
        for name in catalog.names if catalog is not None else ():
            ref = catalog.find(name)  # type: ignore[union-attr] # without a catalog there is no name
            for series in _series(ref):
                self._refs.setdefault(series, ref)
        self._recorded = frozenset(recorded)

    def find(self, name: str) -> Ref | None:
        """Return the metric of the series called *name*; None if it is unknown, or one that rules of the same file record."""
        return None if name in self._recorded else self._refs.get(name)

    def unknown(self, name: str) -> str | None:
        """Return a suggestion, perhaps empty, if no series can be called *name*; None if one may be."""
        if not name or name in self._refs or name in self._recorded or ":" in name:
            return None
        near = difflib.get_close_matches(name, self._refs, n=1, cutoff=0.6 if name.startswith(_OWN) else _NEAR)
        unit = [series for series in sorted(self._refs) if series.startswith(f"{name}_")]
        if not near and not (unit and name.startswith(_OWN)):
            return "" if name.startswith(_OWN) else None
        return f"; did you mean {(unit or near)[0]}?"

    def is_gauge(self, name: str) -> bool:
        """Return whether *name* is that of a gauge: by the catalog, else by the conventions of Prometheus."""
        if (ref := self.find(name)) is not None:
            return ref.kind in ("gauge", "up_down_counter") and not ref.is_untyped and ref.written != "summary"
        return name == names.UP or name.endswith(_GAUGES)

    def is_counter(self, name: str) -> bool:
        """Return whether *name* is that of a counter: by the catalog, else by the conventions of Prometheus."""
        if (ref := self.find(name)) is not None:
            return ref.kind == "counter" or (ref.kind == "histogram" and name.endswith(_PARTS))
        return is_counter(name) and ":" not in name

    def is_aggregated(self, name: str) -> bool:
        """Return whether *name* is that of a recorded sum, mean or rate: it falls where one of its parts restarts or ends."""
        return name.count(":") > 1 and name.rpartition(":")[2].startswith(_AGGREGATED)

    def is_histogram(self, name: str) -> bool:
        """Return whether *name* is that of a histogram without the ending of one of its series."""
        ref = self.find(name)
        return ref is not None and ref.kind == "histogram" and ref.series == name

    def range(self, name: str) -> Range | None:
        """Return the values of the series called *name*; None if nothing is certain."""
        if name == names.UP:
            return SHARE
        ref = self.find(name)
        if ref is None:
            return None
        if ref.alias and ref.unit == "percent":
            return Range(0, 100)
        if ref.kind == "counter" or (ref.kind == "histogram" and name.endswith(("_bucket", "_count"))):
            return POSITIVE
        return SHARE if ref.unit == "1" and "0 to 1" in ref.description else None

    def values(self, name: str, label: str) -> tuple[str, ...]:
        """Return the values that *label* of the series called *name* can have; empty if it may be any."""
        ref = self.find(name)
        if ref is None:
            return ()
        keys = [key for key, own in ref.attributes if own == label]
        return attribute_values.of(ref.name, keys[0]) if keys else ()


def _series(ref: Ref) -> Iterable[str]:
    """Yield the names of the series of *ref*."""
    yield ref.series
    if ref.kind == "histogram":
        yield from (ref.series + part for part in _PARTS)
    elif ref.unit == "1" and not ref.alias and not ref.series.endswith("_ratio"):
        yield f"{ref.series}_ratio"
    if ref.also:
        yield ref.also
