"""Observed operations: the decorator and context manager ``observe``, and the single run of an operation."""

from csg_otel.operations.decorator import Observe, observe
from csg_otel.operations.operation import Operation

__all__ = ["Observe", "Operation", "observe"]
