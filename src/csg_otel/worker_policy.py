"""
The way in which the series of one instrument in several workers become one answer to a scrape.

Counters and histograms are added up over living and finished workers. A value that goes up and down belongs to a living
worker, unless its instrument declares how to merge it. The rule: values that describe the host are never added up.
"""

from __future__ import annotations

from csg_otel import names

_declared: dict[str, names.Workers] = {}


def declare(name: str, workers: names.Workers) -> None:
    """Merge the instrument *name* as *workers* says."""
    _declared[name.lower()] = workers


def of(name: str, kind: names.Kind) -> names.Workers:
    """Return how the instrument *name* is merged."""
    if name.startswith(names.OF_THE_HOST):
        return "max" if kind == "counter" else "one"
    if kind in ("counter", "histogram"):
        return "sum"
    return _declared.get(name.lower()) or names.ACROSS_WORKERS.get(name, "each")
