"""
The store of what arrives by OTLP: the dashboard's own store, and who sent it.

Thread-safe. The rules: the numbers of programs and series are bounded; a program that starts again goes on in the series that
it had; no time that a program sends is later than now.
"""

from __future__ import annotations

import threading
import time as clock
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.semconv.attributes import service_attributes

from csg_otel import clocks, names
from csg_otel.dashboard.otlp import steps
from csg_otel.dashboard.otlp.traffic import Traffic
from csg_otel.dashboard.store.kept import LatestPoints
from csg_otel.dashboard.store.recent import Recent
from csg_otel.dashboard.store.values import Collection, Values
from csg_otel.metrics.history import COARSE_SPAN_S, FINE_STEP_S

if TYPE_CHECKING:
    from collections.abc import Hashable

    from csg_otel.dashboard.model import Attributes, LogRow, Service, ServiceRow, SpanRow
    from csg_otel.dashboard.otlp.resources import Program
    from csg_otel.points import Point

_MOST_PROGRAMS: Final = 100
_MOST_POINTS: Final = 2000
"""Points of the newest export of one program that are kept: as many as the history has series."""

_SILENT_S: Final = 30.0
"""Seconds after which an instance that sent metrics once counts as ended."""


@dataclass(slots=True)
class _Instance:
    """One instance of a program that sends metrics. ``number`` tells the instances that run at the same time apart."""

    number: int
    last_s: float
    interval_s: float = _SILENT_S / 2.5
    points: dict[Hashable, Point] = field(default_factory=dict)


class Arrivals:
    """The store behind the receivers; what ``Api`` reads."""

    latest = None
    """Alert rules are evaluated on the metrics of the own process only."""

    dropped = 0
    """Nothing is dropped here: a request that is too large is refused."""

    def __init__(self, recent: Recent | None = None, values: Values | None = None) -> None:
        """Put what arrives into *recent* and *values*; by default, into new ones."""
        self.recent = recent or Recent()
        self.values = values or Values()
        self._lock = threading.RLock()  # only plain values are handled under it
        self._programs: dict[str, Program] = {}
        self._traffic: dict[str, Traffic] = {}
        self._instances: dict[tuple[str, str], _Instance] = {}

    # -- as the API's store ------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Nothing changes when someone watches."""

    def look(self) -> None:
        """Nothing waits."""

    @property
    def resources(self) -> dict[str, Attributes]:
        """The attributes of the newest resource of each service."""
        with self._lock:
            return {service: program.attributes for service, program in self._programs.items()}

    # -- as a receiver -----------------------------------------------------------------------------------------------

    def put_spans(self, program: Program, rows: list[SpanRow]) -> None:
        """Keep spans."""
        self._keep_program(program, len(rows), sum(row["status"] == "error" for row in rows))
        self.recent.add(rows, ())

    def put_logs(self, program: Program, rows: list[LogRow]) -> None:
        """Keep log records."""
        self._keep_program(program)
        self.recent.add((), rows)

    def put_points(self, program: Program, collection: Collection, time: float, start: float) -> None:
        """Keep points of the Unix time *time*, 0 for now, which were 0 at *start*; see ``Receiver``."""
        self._keep_program(program)
        now_s = clocks.monotonic()
        at_s = min(now_s, now_s + time - clock.time()) if time else now_s
        if at_s < now_s - COARSE_SPAN_S:
            return  # the history does not reach back that far
        with self._lock:
            instance = self._instance(program, at_s)
            points = [replace(point, attributes=_labels(point, program, instance)) for point in collection.points]
            newest = {steps.key(point): point for point in points[:_MOST_POINTS]}
            since_s: float | None = instance.last_s
            if not instance.points:
                # A program that has just started has done all this since then. One that ran before shows it from now on.
                age_s = time - start if start else steps.LONGEST_S
                since_s = at_s - age_s if 0 < age_s < steps.LONGEST_S else None
            for step_s, between in steps.between(instance.points, newest, instance.last_s, at_s, FINE_STEP_S):
                self.values.add_from(Collection(between), step_s, since_s)
                since_s = step_s
            self.values.add_from(replace(collection, points=points), at_s, since_s)
            if at_s > instance.last_s:
                instance.last_s, instance.interval_s = at_s, at_s - instance.last_s
            instance.points = newest if len(instance.points) >= _MOST_POINTS else {**instance.points, **newest}

    def _instance(self, program: Program, at_s: float) -> _Instance:
        """Return the instance of *program*; a new one takes the number of one that has ended."""
        key = program.service, program.instance
        instance = self._instances.get(key)
        if instance is not None:
            return instance
        same = {each.number: owner for owner, each in self._instances.items() if owner[0] == program.service}
        ended = [number for number, owner in sorted(same.items()) if _has_ended(self._instances[owner], at_s)]
        if ended:
            instance = self._instances.pop(same[ended[0]])
            instance.points.clear()
        else:
            number = next(number for number in range(1, len(same) + 2) if number not in same)
            instance = _Instance(number, at_s)
        while len(self._instances) >= _MOST_PROGRAMS:
            del self._instances[min(self._instances, key=lambda owner: self._instances[owner].last_s)]
        self._instances[key] = instance
        return instance

    def _keep_program(self, program: Program, spans: int = 0, errors: int = 0) -> None:
        now_s = clocks.monotonic()
        with self._lock:
            self._programs.pop(program.service, None)
            while len(self._programs) >= _MOST_PROGRAMS:
                dropped = next(iter(self._programs))
                del self._programs[dropped], self._traffic[dropped]
            self._programs[program.service] = program
            self._traffic.setdefault(program.service, Traffic(now_s)).add(now_s, spans, errors)

    def latest_points(self) -> list[LatestPoints]:
        """Return the newest points of each program."""
        offset_s = clock.time() - clocks.monotonic()
        with self._lock:
            resources = self.resources
            return [
                LatestPoints(resources[service], list(instance.points.values()), instance.last_s + offset_s)
                for (service, _), instance in self._instances.items()
                if service in resources
            ]

    # -- who sent ----------------------------------------------------------------------------------------------------

    def services(self) -> list[ServiceRow]:
        """Return the programs that send."""
        now_s, now = clocks.monotonic(), clock.time()
        with self._lock:
            return [_row(program, self._traffic[service], now_s, now) for service, program in self._programs.items()]

    def service(self) -> Service:
        """Return the program that sends; of several, their number."""
        with self._lock:
            programs = list(self._programs.values())
        if len(programs) != 1:
            return _service(f"{len(programs)} programs" if programs else "no program yet", "", {})
        return _service(programs[0].service, programs[0].instance, programs[0].attributes)


def _has_ended(instance: _Instance, at_s: float) -> bool:
    return at_s - instance.last_s > 2.5 * instance.interval_s


def _labels(point: Point, program: Program, instance: _Instance) -> dict[str, Any]:
    """Return the attributes of *point* with the service, and with the number of an instance beside another one."""
    labels = {**point.attributes, service_attributes.SERVICE_NAME: program.service}
    return {**labels, "instance": str(instance.number)} if instance.number > 1 else labels


def _row(program: Program, traffic: Traffic, now_s: float, now: float) -> ServiceRow:
    spans, errors = traffic.counts(now_s)
    return {
        "name": program.service,
        "language": _service("", "", program.attributes)["language"],
        "spans": spans,
        "errors": errors,
        "rate": traffic.rate(now_s),
        "last": now - (now_s - traffic.last_s),
    }


def _service(name: str, instance: str, resource: Attributes) -> Service:
    def text(*keys: str) -> str:
        return next((str(resource[key]) for key in keys if resource.get(key)), "")

    pid = resource.get(names.PROCESS_PID)
    return {
        "name": name,
        "version": text(service_attributes.SERVICE_VERSION),
        "environment": text("deployment.environment.name", "deployment.environment"),
        "instance": instance,
        "pid": pid if isinstance(pid, int) else None,
        "host": text(names.HOST_NAME),
        "language": text("telemetry.sdk.language"),
        "sdk": " ".join(filter(None, (text("telemetry.sdk.name"), text("telemetry.sdk.version")))),
    }
