"""
Results that are computed from the attributes of a series, once for as long as every collection has the series.

The SDK has the same mapping of attributes in every collection of a series, so a series is recognised by the identity of its
mapping, which tells ``True``, ``1`` and ``1.0`` apart and never compares values of the program. Results and mappings stand in
two lists for each instrument: an object for each series would make the garbage collector's runs longer, which stop the program.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import is_
from typing import Any, Generic, TypeVar

_Result = TypeVar("_Result")

Attributes = Mapping[str, Any] | None
Kept = dict[Hashable, tuple[Sequence[Attributes], Sequence[_Result]]]
"""The attributes and results of the series of each instrument, in the order of the series."""


class SeriesResults(Generic[_Result]):
    """The results of one collection. Series that the collection before had, too, have its results; others are dropped."""

    def __init__(self, earlier: Kept[_Result]) -> None:
        """Start with *earlier*, the attribute ``kept`` of the collection before; it is not changed."""
        self._earlier = earlier
        self.kept: Kept[_Result] = {}
        """The results of this collection so far."""

    def of(
        self, instrument: Hashable, points: Sequence[Any], compute: Callable[[Attributes], _Result]
    ) -> Sequence[_Result]:
        """
        Return the results of *points*, in their order.

        Args:
            instrument: Identifies the instrument, and all that the results depend on besides the attributes.
            points: Points of series, with ``attributes``.
            compute: Returns the result of attributes.
        """
        attributes = [point.attributes for point in points]
        before, results = self._earlier.get(instrument, ((), ()))
        if len(attributes) != len(before) or not all(map(is_, attributes, before)):
            # The mappings in *before* are alive, so no other mapping has the identity of one of them.
            present = dict(zip(map(id, before), results, strict=True))
            results = [
                present[identity] if (identity := id(mapping)) in present else compute(mapping)
                for mapping in attributes
            ]
        self.kept[instrument] = attributes, results
        return results


def are_same(new: Sequence[Any], old: Sequence[Any]) -> bool:
    """Return whether two sequences of one length hold the same objects."""
    return all(map(is_, new, old))
