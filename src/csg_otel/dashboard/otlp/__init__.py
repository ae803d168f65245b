"""OTLP for the dashboard: what any program in any language sends is shown, exported and imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csg_otel.dashboard.otlp.viewer import View, view

__all__ = ["View", "view"]


def __getattr__(name: str) -> Any:
    """Import ``view`` on first use: a program that exports its own spans needs no receivers."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from csg_otel.dashboard.otlp import viewer

    return getattr(viewer, name)
