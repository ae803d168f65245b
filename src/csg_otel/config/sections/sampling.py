"""The section `sampling`: which traces are kept."""

from dataclasses import dataclass

from csg_otel.config.sections.fields import setting


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Which traces are kept; metrics are always exact."""

    ratio: float = setting(1.0, "Share of traces that are kept (`OTEL_TRACES_SAMPLER_ARG`).", low=0, high=1)
    parent_based: bool = setting(True, "Follow the caller's decision where there is one.")
    always_keep_errors: bool = setting(True, "Keep spans that failed even when their trace isn't sampled.")
    slower_than: float | None = setting(
        None, "Keep spans that took longer even when their trace isn't sampled.", unit="s", above=0
    )
