"""
Pieces of work: the outermost operations and the files of the program, which the business metrics count.

An operation inside a piece of work is a step of it, and is not counted. Files are counted wherever they are processed, except
inside another file. So an operation around files is counted by its files; it counts itself only if it fails although none of
them did. Only the program's own blocks matter: a trace context from another service makes nothing a step, and neither does a
block that has ended, or one of the parent process. Threads and jobs of thread pools belong to the piece that starts them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from typing import Any, Final

from opentelemetry import context
from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import attribute_values, markers, metric_groups, names, scope
from csg_otel.operations import started_threads
from csg_otel.tallies import TallySeries

_KEY: Final = context.create_key("csg-work")


class _Totals:
    """The totals of all pieces of work."""

    def __init__(self) -> None:
        self._series = TallySeries(names.WORK_FINISHED), TallySeries(names.WORK_TIME)
        finished, time = self._series
        self._finished = dict(zip((False, True), map(finished.at, attribute_values.OUTCOMES), strict=True))
        self._nanoseconds = time.at()
        for metric, callback in ((names.WORK_FINISHED, finished.observe), (names.WORK_TIME, self._observe_time)):
            scope.create(metric, [metric_groups.switchable(metric, callback)])

    def count(self, took_s: float, *, failed: bool) -> None:
        if metric_groups.is_on(names.WORK_FINISHED.name):
            self._finished[failed].increment()
            self._nanoseconds.add(int(took_s * 1e9))

    @markers.reads_snapshot
    def _observe_time(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(self._nanoseconds.value / 1e9)]


@functools.lru_cache(maxsize=1)
def _totals() -> _Totals:
    return _Totals()


def start_at_zero() -> None:
    """Start the totals at 0, so that rates work from the first scrape, and follow pieces into the threads they start."""
    _totals()
    started_threads.follow(_current)


class Piece:
    """One piece of work in progress."""

    __slots__ = ("_around", "_is_file", "_pid", "file_failed", "has_files")

    def __init__(self, around: Piece | None, *, is_file: bool) -> None:
        """Begin a piece; *around* is the operation whose files it is one of, if any."""
        self._around = around
        self._is_file = is_file
        self.has_files = self.file_failed = False
        self._pid = os.getpid()
        if around is not None:
            around.has_files = True

    def is_within(self, outer: context.Context) -> context.Context:
        """Return *outer* with this piece in it: what begins there is a step of the piece."""
        return context.set_value(_KEY, self, outer)

    def is_open(self) -> bool:
        """Return whether the piece is in progress in this process."""
        return self._pid == os.getpid()

    def takes(self, *, is_file: bool) -> bool:
        """Return whether work that begins inside the piece is a step of it: all but a file in an operation."""
        return self._is_file or not is_file

    def end(self, took_s: float, *, failed: bool) -> None:
        """End the piece, after *took_s* seconds, and count it; not in a child that was forked meanwhile."""
        if not self.is_open():
            return
        self._pid = 0
        if self._around is not None and failed:
            self._around.file_failed = True
        if not self.has_files or (failed and not self.file_failed):
            _totals().count(took_s, failed=failed)


def begin(outer: context.Context, *, is_file: bool) -> Piece | None:
    """Return the piece of work that begins in the context *outer*; None if it is a step of one."""
    around = _around(outer)
    if around is None:
        return Piece(None, is_file=is_file)
    return None if around.takes(is_file=is_file) else Piece(around, is_file=is_file)


def _around(outer: context.Context) -> Piece | None:
    """Return the open piece of the context *outer*, or else the one that has started this thread or its job."""
    piece: Any = outer.get(_KEY)
    if piece is None or not piece.is_open():
        piece = started_threads.starter()
    return piece if piece is not None and piece.is_open() else None


def _current() -> Piece | None:
    return _around(context.get_current())
