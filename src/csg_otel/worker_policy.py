"""
The policy for each instrument: how a scrape merges its series of several workers.

Counters and histograms are added up over living and finished workers. Gauges and up-down counters are shown for each living
worker, unless the instrument declares another policy. The rule: values that describe the host are never added up.
"""

from __future__ import annotations

from csg_otel import names

_declared: dict[str, names.Workers] = {}


def declare(name: str, workers: names.Workers) -> None:
    """Use the policy *workers* for the instrument *name*."""
    _declared[name.lower()] = workers


def of(name: str, kind: names.Kind) -> names.Workers:
    """Return the policy for the instrument *name*."""
    if name.startswith(names.OF_THE_HOST):
        return "max" if kind == "counter" else "one"
    if kind in ("counter", "histogram"):
        return "sum"
    return _declared.get(name.lower()) or names.ACROSS_WORKERS.get(name, "each")
