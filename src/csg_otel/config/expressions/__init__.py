"""Regular expressions of the configuration: whether one may take minutes for one text, or is not one of RE2. Pure."""

from csg_otel.config.expressions.backtracking import slow_part
from csg_otel.config.expressions.re2 import mistake as re2_mistake

__all__ = ["re2_mistake", "slow_part"]
