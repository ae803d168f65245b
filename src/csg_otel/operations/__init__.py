"""Observed operations: ``observe`` and ``file``, the single run of an operation, and the pieces of work that runs make up."""

from csg_otel.operations.decorator import Observe, observe
from csg_otel.operations.files import file, file_processed
from csg_otel.operations.operation import Operation
from csg_otel.operations.work import start_at_zero

__all__ = ["Observe", "Operation", "file", "file_processed", "observe", "start_at_zero"]
