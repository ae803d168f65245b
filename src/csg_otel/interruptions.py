"""
Exceptions that interrupt the program while telemetry runs, such as a soft time limit or Ctrl-C: they pass.

Telemetry keeps its own faults, and those of values that it formats, away from the program. A time limit is neither, although it
can come at any instruction. The rule: a handler of ``Exception`` on a thread of the program first calls :func:`let_through`.
"""

from __future__ import annotations

import inspect
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def let_through() -> None:
    """
    Raise the exception being handled again if a signal handler of the program has raised it.

    On the main thread ``KeyboardInterrupt`` and ``SystemExit`` are always raised again: the interpreter itself may raise them.
    """
    error = sys.exc_info()[1]
    if not isinstance(error, Exception) and error is not None and threading.current_thread() is threading.main_thread():
        raise  # noqa: PLE0704 - the caller handles it
    trace = error.__traceback__ if error is not None else None
    while trace is not None:
        if _is_signal_handler(trace.tb_frame):
            raise  # noqa: PLE0704 - as above
        trace = trace.tb_next


def _is_signal_handler(frame: FrameType) -> bool:
    """Return whether *frame* got the frame that it interrupted as an argument, as only handlers and trace functions do."""
    code, interrupted = frame.f_code, frame.f_back
    has_more = code.co_flags & inspect.CO_VARARGS
    if interrupted is None or not (code.co_argcount or has_more):
        return False
    last = code.co_argcount + code.co_kwonlyargcount + bool(has_more)
    values = frame.f_locals
    for name in code.co_varnames[:last]:
        value = values.get(name)
        if value is interrupted or (type(value) is tuple and any(item is interrupted for item in value)):
            return True
    return False
