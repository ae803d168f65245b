"""The section `sampling`: which traces are kept."""

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class Sampling:
    """The traces that are kept; metrics do not depend on it."""

    ratio: float = setting(1.0, "Share of traces that are kept (`OTEL_TRACES_SAMPLER_ARG`).", low=0, high=1)
    parent_based: bool = setting(True, "Use the caller's decision where the trace began in another program.")
    always_keep_errors: bool = setting(True, "Keep failed spans even where their trace is not kept.")
    slower_than: float | None = setting(
        None, "Keep spans that took longer than this even where their trace is not kept.", unit="s", above=0
    )
