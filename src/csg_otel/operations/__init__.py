"""Observed operations: the decorator and context manager ``observe``, and what one run is made of."""

from csg_otel.operations.decorator import Observe, observe
from csg_otel.operations.operation import Operation

__all__ = ["Observe", "Operation", "observe"]
