"""
Pieces of work: the outermost operations and the files of the program, which the business metrics count.

An operation inside a piece of work is a step of it, and is not counted. Files are counted wherever they are processed, except
inside another file. So an operation around files is counted by its files; it counts itself only if it fails although none of
them did. Only the program's own blocks matter: a trace context from another service makes nothing a step, and neither does a
block that has ended, or one of the parent process. Threads and jobs of thread pools belong to the piece that starts them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Final

from opentelemetry import context
from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import attribute_values, forks, markers, metric_groups, names, scope
from csg_otel.operations import started_threads
from csg_otel.tallies import TallySeries

KEY: Final = context.create_key("csg-work")
"""The key of the open piece of work in a context: what begins there is a step of it."""

_new: Final = object.__new__


class _Totals:
    """The totals of all pieces of work."""

    def __init__(self) -> None:
        self._series = TallySeries(names.WORK_FINISHED), TallySeries(names.WORK_TIME)
        finished, time = self._series
        self.finished = tuple(map(finished.at, attribute_values.OUTCOMES))
        """The counts of pieces that succeeded, and that failed."""
        self.nanoseconds = time.at()
        for metric, callback in ((names.WORK_FINISHED, finished.observe), (names.WORK_TIME, self._observe_time)):
            scope.create(metric, [metric_groups.switchable(metric, callback)])

    @markers.reads_snapshot
    def _observe_time(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(self.nanoseconds.value / 1e9)]


@functools.lru_cache(maxsize=1)
def _totals() -> _Totals:
    return _Totals()


def start_at_zero() -> None:
    """Start the totals at 0, so that rates work from the first scrape, and follow pieces into the threads they start."""
    _totals()
    started_threads.follow(_current)


class Piece:
    """One piece of work in progress; it has few instance attributes, because there is one for each request."""

    around: Piece | None = None
    """The operation whose files the piece is one of."""
    is_file = False
    has_files = False
    file_failed = False
    process: object
    """``forks.process[0]`` of the process in which the piece is in progress; None after its end."""

    def end(self, took_s: float, *, failed: bool) -> None:
        """End the piece, after *took_s* seconds, and count it; not in a child that was forked meanwhile."""
        if self.process is not forks.process[0]:
            return
        self.process = None
        if failed and self.around is not None:
            self.around.file_failed = True
        if self.has_files and (self.file_failed or not failed):
            return
        if not metric_groups.any_off or metric_groups.is_on(names.WORK_FINISHED.name):
            totals = _totals()
            totals.finished[failed].increment()
            totals.nanoseconds.add(int(took_s * 1e9))


def begin(outer: context.Context, *, is_file: bool) -> Piece | None:
    """Return the piece of work that begins in the context *outer*; None if it is a step of one."""
    process = forks.process[0]
    around: Any = outer.get(KEY)
    if around is None or around.process is not process:
        around = _starter() if started_threads.has_passed[0] else None
    if around is not None and (around.is_file or not is_file):
        return None
    piece = _new(Piece)
    piece.process = process
    if is_file:
        piece.is_file = True
        if around is not None:
            piece.around, around.has_files = around, True
    return piece


def _starter() -> Piece | None:
    """Return the open piece that has started this thread or its job; None if none has."""
    piece: Piece | None = started_threads.starter()
    return piece if piece is not None and piece.process is forks.process[0] else None


def _current() -> Piece | None:
    """Return the open piece of the current context, or else the one that has started this thread or its job."""
    forks.notice()
    piece: Any = context.get_current().get(KEY)
    return piece if piece is not None and piece.process is forks.process[0] else _starter()
