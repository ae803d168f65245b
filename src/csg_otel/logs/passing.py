"""
The record that ``logging`` is passing on, for each thread and task.

A record may meet several hooks on its way, and an OpenTelemetry handler of a neighbour may emit it, too. All of them look here,
so that one record is exported once.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from csg_otel import attributes as clean
from csg_otel.logs.own_records import is_own

if TYPE_CHECKING:
    import logging


class Passing:
    """A record on its way to the program's handlers and to the destinations."""

    __slots__ = ("depth", "exported", "in_sdk", "in_sinks", "on_screen", "own", "record")

    def __init__(self, record: logging.LogRecord, outer: Passing | None) -> None:
        """Begin with *record*, which was logged while *outer* was being passed on; None if there was no other record."""
        self.record = record
        self.own = is_own(record)
        self.on_screen = False
        """Whether a handler of the program writes the record to the terminal."""
        self.exported = False
        """Whether the record is on its way to the destinations."""
        self.in_sinks = False
        """Whether the bridge or the log file handles the record now, which may run code of the program."""
        self.in_sdk: bool = outer is not None and outer.in_sdk
        """Whether the SDK handles the record, or an outer one, now."""
        self.depth: int = 0 if outer is None else outer.depth + outer.in_sinks
        """The number of records in whose sinks this one was logged."""


current: Final[ContextVar[Passing | None]] = ContextVar("csg_otel_passing", default=None)


def timestamp_ns(record: logging.LogRecord) -> int | None:
    """Return the time of *record* in nanoseconds since the epoch; None if it is no number."""
    seconds = clean.number(record.created)
    return None if seconds is None else int(seconds * 1e9)


def source(scope: str, timestamp: Any) -> Passing | None:
    """Return the record that is being passed on if an OTel log record with *scope* and *timestamp* was made from it."""
    passing = current.get()
    if passing is None or passing.record.name != scope or timestamp_ns(passing.record) != timestamp:
        return None
    return passing
