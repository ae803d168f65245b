"""Regular expressions of the configuration: whether one may take minutes for one text. Pure."""

from csg_otel.config.expressions.backtracking import slow_part

__all__ = ["slow_part"]
