"""Grafana's names of the units that metrics have. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref

_UNITS: Final = {
    "s": ("s", "percentunit"),
    "ms": ("ms", "short"),
    "us": ("µs", "short"),
    "ns": ("ns", "short"),
    "min": ("m", "short"),
    "h": ("h", "short"),
    "d": ("d", "short"),
    "By": ("bytes", "binBps"),
    "KiBy": ("kbytes", "KiBs"),
    "MiBy": ("mbytes", "MiBs"),
    "bit": ("bits", "bps"),
    "Hz": ("hertz", "short"),
    "%": ("percent", "short"),
    "percent": ("percent", "short"),
    "1": ("percentunit", "cps"),
    "Cel": ("celsius", "short"),
    "W": ("watt", "short"),
    "J": ("joule", "watt"),
    "V": ("volt", "short"),
    "A": ("amp", "short"),
}
"""By UCUM unit: Grafana's unit of a value, and of its rate per second. A second per second is a share of time."""

_SUFFIXES: Final = {"_seconds": "s", "_bytes": "By", "_milliseconds": "ms", "_percent": "percent", "_hertz": "Hz"}
"""The unit of a metric that is only known from a ``/metrics`` page, by the end of its name."""


def of(ref: Ref, *, rate: bool = False) -> str:
    """Return the unit of the values of *ref*, or of their rate per second; a number of things is "short" or "cps"."""
    unit = ref.unit or next(
        (unit for suffix, unit in _SUFFIXES.items() if ref.series.removesuffix("_total").endswith(suffix)), ""
    )
    value, per_second = _UNITS.get(unit, ("short", "cps"))
    # The calls of a histogram are counted, whatever it measures.
    return ("ops" if ref.kind == "histogram" else per_second) if rate else value
