"""
"What changed": the series, spans and log messages whose values moved most in a window, against the time before. Pure.

The rule: a row is shown only if its values moved further than they ever did in the baseline, and far enough to matter in its
unit. A cause comes before its symptoms: the part before the sum that contains it, a span before the span that waits for it,
the program before its host.
"""

from csg_otel.dashboard.changed.ranking import rank
from csg_otel.dashboard.changed.series import SeriesValues

__all__ = ["SeriesValues", "rank"]
