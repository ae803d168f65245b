"""The way of OTLP requests into a store: the protocol of the store, and the decoding of requests into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from csg_otel.dashboard.otlp import logs, signals, spans
from csg_otel.dashboard.otlp.errors import TooLargeError
from csg_otel.dashboard.otlp.metrics import Decoder
from csg_otel.dashboard.otlp.resources import program
from csg_otel.dashboard.store.convert import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from csg_otel.dashboard.model import LogRow, SpanRow
    from csg_otel.dashboard.otlp.resources import Program
    from csg_otel.dashboard.otlp.signals import Signal
    from csg_otel.dashboard.store.values import Collection

_MOST_ITEMS: Final = 50_000
"""Most items of one request: six times a collector's batch, and two seconds of work."""


class Receiver(Protocol):
    """A store of telemetry; its methods may be called on several threads, and return soon."""

    def put_spans(self, program: Program, rows: list[SpanRow]) -> None:
        """Keep spans of *program*."""

    def put_logs(self, program: Program, rows: list[LogRow]) -> None:
        """Keep log records of *program*; their ids are 0."""

    def put_points(self, program: Program, collection: Collection, time: float, start: float) -> None:
        """
        Keep cumulative points of *program*.

        *time* is the newest of their times in Unix seconds, *start* the oldest of the times at which they were 0; 0 if not
        known.
        """


class Counts(NamedTuple):
    """The numbers of accepted and rejected items of a request, and why these were rejected."""

    accepted: int
    rejected: int
    reason: str


class Intake:
    """The decoder of requests, in front of a store; thread-safe."""

    def __init__(self, receiver: Receiver, metrics: Decoder | None = None) -> None:
        """Put what arrives into *receiver*; *metrics* has the totals of differences. Default: new ones."""
        self._receiver = receiver
        self._metrics = metrics or Decoder()

    def behind(self, wrap: Callable[[Receiver], Receiver]) -> Intake:
        """Return an intake that puts what arrives into the receiver that *wrap* makes of this one's; both share the totals."""
        return Intake(wrap(self._receiver), self._metrics)

    def accept(self, signal: Signal, request: Any) -> Counts:
        """Put all valid items of the protobuf message *request*. Raises TooLargeError for one with too many items."""
        resources = getattr(request, signal.resources)
        if len(resources) > _MOST_ITEMS or _is_too_large(signal, resources):
            raise TooLargeError(f"more than {_MOST_ITEMS} items in one request")
        put, reason = {
            signals.TRACES: (self._put_spans, "a span needs a trace id of 16 bytes, a span id of 8 bytes, and a start"),
            signals.LOGS: (self._put_logs, "a log record needs a time"),
            signals.METRICS: (
                self._put_points,
                "a data point needs a finite value, or counts and bounds that fit together",
            ),
        }[signal]
        accepted = rejected = 0
        for resource in resources:
            good, bad = put(resource)
            accepted, rejected = accepted + good, rejected + bad
        return Counts(accepted, rejected, reason if rejected else "")

    def _put_spans(self, resource_spans: Any) -> tuple[int, int]:
        sender = program(resource_spans.resource)
        rows, rejected = _valid(spans.rows(resource_spans, sender.service))
        if rows:
            self._receiver.put_spans(sender, rows)
        return len(rows), rejected

    def _put_logs(self, resource_logs: Any) -> tuple[int, int]:
        sender = program(resource_logs.resource)
        rows, rejected = _valid(logs.rows(resource_logs, sender.service))
        if rows:
            self._receiver.put_logs(sender, rows)
        return len(rows), rejected

    def _put_points(self, resource_metrics: Any) -> tuple[int, int]:
        sender = program(resource_metrics.resource)
        decoded = self._metrics.decode(resource_metrics, sender)
        if decoded.collection.points:
            times = seconds(decoded.time_ns), seconds(decoded.start_ns)
            self._receiver.put_points(sender, decoded.collection, *times)
        return len(decoded.collection.points), decoded.rejected


def _valid(rows: Iterator[Any]) -> tuple[list[Any], int]:
    """Return the *rows* that are not None, and the number of the others."""
    everything = list(rows)
    valid = [row for row in everything if row is not None]
    return valid, len(everything) - len(valid)


def _is_too_large(signal: Signal, resources: Any) -> bool:
    """Return whether *resources* have more items, or scopes and metrics without any, than are decoded."""
    count = 0
    for resource in resources:
        scopes = getattr(resource, signal.scopes)
        count += 1 + len(scopes)
        if count > _MOST_ITEMS:
            return True
        count += sum(len(getattr(scope, signal.items)) for scope in scopes)
        if signal is signals.METRICS and count <= _MOST_ITEMS:
            count += sum(
                len(getattr(metric, kind).data_points)
                for scope in scopes
                for metric in scope.metrics
                if (kind := metric.WhichOneof("data"))
            )
        if count > _MOST_ITEMS:
            return True
    return False
