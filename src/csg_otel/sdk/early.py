"""The telemetry that ``csg-otel run`` starts before a program's first line; the program's own ``instrument()`` takes over."""

from __future__ import annotations

from csg_otel import sdk
from csg_otel.config import load_lenient


def instrument_early() -> None:
    """Make the program observable with the settings of the file and the environment; log problems, and never raise for them."""
    sdk.apply(load_lenient(None), "early", handle_signals=True, auto=True)
