"""A store for the receivers of the dashboard: it keeps all that arrives, in the order of arrival."""

from __future__ import annotations

from typing import Any

from csg_otel.dashboard.otlp.receiver import Intake
from csg_otel.dashboard.otlp.resources import Program
from csg_otel.dashboard.otlp.signals import JSON, PROTOBUF, Signal, decode
from csg_otel.points import Point


class MemoryStore:
    """Everything that arrived."""

    def __init__(self) -> None:
        self.programs: dict[str, Program] = {}
        self.spans: list[Any] = []
        self.logs: list[Any] = []
        self.points: list[Point] = []
        self.descriptions: dict[str, str] = {}
        self.exemplars: dict[str, Any] = {}
        self.times: list[float] = []
        self.starts: list[float] = []

    def put_spans(self, program: Program, rows: list[Any]) -> None:
        self.programs[program.service] = program
        self.spans += rows

    def put_logs(self, program: Program, rows: list[Any]) -> None:
        self.programs[program.service] = program
        self.logs += rows

    def put_points(self, program: Program, collection: Any, time: float, start: float) -> None:
        self.programs[program.service] = program
        self.points += collection.points
        self.descriptions.update(collection.descriptions)
        self.exemplars.update(collection.exemplars)
        self.times.append(time)
        self.starts.append(start)


def received(signal: Signal, request: Any) -> MemoryStore:
    """Return a store with the items of *request*: a protobuf message, or the bytes of OTLP's JSON."""
    store = MemoryStore()
    is_json = isinstance(request, bytes)
    body = request if is_json else request.SerializeToString()
    Intake(store).accept(signal, decode(signal, body, JSON if is_json else PROTOBUF))
    return store
