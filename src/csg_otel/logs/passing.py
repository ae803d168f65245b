"""
The record that ``logging`` is passing on, for each thread and task, and the latest records that the bridge exports.

A record may meet several hooks on its way, and an OpenTelemetry handler of a neighbour may emit it, too: at once, or later on
another thread, behind a ``QueueListener``. All of them look here, so that one record is exported once.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from csg_otel import attributes as clean
from csg_otel.logs.own_records import is_own

if TYPE_CHECKING:
    import logging


_MAX_LATEST: Final = 1000
"""Records after which a record is forgotten, at the earliest: more than a handler behind a queue is late."""


class Passing:
    """A record on its way to the program's handlers and to the destinations."""

    __slots__ = (
        "depth",
        "exported",
        "in_sdk",
        "in_sinks",
        "name",
        "on_screen",
        "own",
        "record",
        "timestamp",
        "to_bridge",
        "to_file",
    )

    def __init__(self, record: logging.LogRecord, outer: Passing | None) -> None:
        """Begin with *record*, which was logged while *outer* was being passed on; None if there was no other record."""
        self.record = record
        self.name = clean.text(record.name)
        seconds = clean.number(record.created)
        self.timestamp = None if seconds is None else int(seconds * 1e9)
        """The time of the record in nanoseconds since the epoch, as OpenTelemetry's handlers compute it."""
        self.own = is_own(record)
        self.on_screen = False
        """Whether a handler of the program writes the record to the terminal."""
        self.to_bridge = False
        """Whether the bridge will emit the record."""
        self.to_file = False
        """Whether the record goes to the log file, if there is one."""
        self.exported = False
        """Whether the record has been emitted, by the bridge or by a handler of OpenTelemetry's."""
        self.in_sinks = False
        """Whether the bridge or the log file handles the record now, which may run code of the program."""
        self.in_sdk: bool = outer is not None and outer.in_sdk
        """Whether the SDK handles the record, or an outer one, now."""
        self.depth: int = 0 if outer is None else outer.depth + outer.in_sinks
        """The number of records in whose sinks this one was logged."""


current: Final[ContextVar[Passing | None]] = ContextVar("csg_otel_passing", default=None)


class _Latest:
    """The keys of the latest records that the bridge exports; old ones are dropped in bulk, without a lock."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, int]] = set()
        self._older: set[tuple[str, int]] = set()

    def add(self, passing: Passing) -> None:
        """Remember *passing*."""
        if len(self._keys) >= _MAX_LATEST:
            self._older, self._keys = self._keys, set()
        if passing.timestamp is not None:
            self._keys.add((passing.name, passing.timestamp))

    def has(self, scope: str, timestamp: Any) -> bool:
        """Return whether the OTel log record with *scope* and *timestamp* was made from a record that the bridge exports."""
        return type(timestamp) is int and ((scope, timestamp) in self._keys or (scope, timestamp) in self._older)


latest: Final = _Latest()


def source(scope: str, timestamp: Any) -> Passing | None:
    """Return the record that is being passed on if the OTel log record with *scope* and *timestamp* was made from it."""
    passing = current.get()
    if passing is None or passing.name != scope or passing.timestamp != timestamp:
        return None
    return passing
