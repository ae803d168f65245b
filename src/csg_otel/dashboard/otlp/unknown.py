"""A receiver of a file that passes on what is not kept yet, so that a dashboard's own export can be imported again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.otlp.resources import of

if TYPE_CHECKING:
    from csg_otel.dashboard.model import LogRow, SpanRow
    from csg_otel.dashboard.otlp.receiver import Receiver
    from csg_otel.dashboard.otlp.resources import Program
    from csg_otel.dashboard.store.kept import Store
    from csg_otel.dashboard.store.values import Collection


_NEWER_S: Final = 1.0
"""Seconds by which points must be newer than those that are kept: the clocks of two threads are compared."""


class Unknown:
    """
    Passes on the items that a store had not when this was made.

    Two equal items of one file are both kept: a program may write the same line twice in a nanosecond.
    """

    def __init__(self, receiver: Receiver, store: Store) -> None:
        """Pass on to *receiver* what *store* has not."""
        _, logs = store.recent.everything()
        self._receiver = receiver
        self._logs = {(log.time, log.body, log.logger, log.trace_id, log.span_id) for log in logs}
        self._times = {
            (program.service, program.instance): latest.time + _NEWER_S
            for latest in store.latest_points()
            if (program := of(latest.resource)).instance
        }

    def put_spans(self, program: Program, rows: list[SpanRow]) -> None:
        """Keep spans; the store keeps each only once."""
        self._receiver.put_spans(program, rows)

    def put_logs(self, program: Program, rows: list[LogRow]) -> None:
        """Keep the log records that are new."""
        if new := [row for row in rows if _key(row) not in self._logs]:
            self._receiver.put_logs(program, new)

    def put_points(self, program: Program, collection: Collection, time: float, start: float) -> None:
        """Keep points, unless the same process has sent newer ones: the history has been there."""
        if time > self._times.get((program.service, program.instance), float("-inf")):
            self._receiver.put_points(program, collection, time, start)


def _key(row: LogRow) -> tuple[float, str, str, str, str]:
    return row["time"], row["body"], row["logger"], row["trace_id"], row["span_id"]
