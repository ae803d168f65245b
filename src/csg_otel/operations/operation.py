"""
One run of an observed operation, and the call site that holds everything constant about it.

Uses the OTel API only. The rule: nothing here raises into the program.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from csg_otel import attributes as clean
from csg_otel import faults, metric_groups, names, scope
from csg_otel.tallies import LevelSeries

if TYPE_CHECKING:
    from csg_otel.operations.arguments import Arguments

_FAULTS: Final = "observe"


class _Instruments:
    """What all operations share, made at the first use: importing a decorated module registers nothing."""

    def __init__(self) -> None:
        self.tracer = scope.tracer()
        self.duration = scope.create(names.OPERATION_DURATION)
        self.active = LevelSeries(names.OPERATION_ACTIVE)
        scope.create(names.OPERATION_ACTIVE, [metric_groups.switchable(names.OPERATION_ACTIVE, self.active.observe)])


@functools.lru_cache(maxsize=1)
def _instruments() -> _Instruments:
    return _Instruments()


class Site:
    """Everything constant about one place in the program that is observed; attributes come cleaned."""

    def __init__(
        self,
        name: str,
        attributes: Mapping[str, clean.Value],
        *,
        kind: SpanKind,
        arguments: Arguments | None,
        is_error: Callable[[BaseException], bool],
        objective_s: float | None,
        function_name: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.is_error = is_error
        self.objective_s = objective_s
        self.declared: dict[str, Any] = {names.OPERATION_NAME: name, **attributes}
        self.on_span: dict[str, Any] = dict(self.declared)
        if function_name:
            self.on_span[names.CODE_FUNCTION_NAME] = function_name
        self._arguments = arguments

    def begin(self, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Operation:
        """Begin an operation, not yet current; never raises."""
        try:
            captured = self._arguments.pick(args, kwargs or {}) if self._arguments is not None else None
            return Operation(self, captured)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)
            return _Unobserved()


class Operation:
    """
    One run of an observed operation: what ``with csg_otel.observe("name") as operation`` gives.

    ``span`` is its OTel span.
    """

    __slots__ = ("_before", "_began", "_began_ns", "_declared", "_error_type", "_here", "_leave", "_site", "span")

    def __init__(self, site: Site, captured: Mapping[str, Any] | None) -> None:
        shared = _instruments()
        self._site = site
        self._declared = site.declared
        self._error_type = ""
        self._before = context.get_current()
        attributes = {**site.on_span, **captured} if captured else site.on_span
        self._leave = shared.active.at(site.name).up()
        self._began_ns = time.time_ns()
        self._began = time.perf_counter()
        # Started without being made current: that is the wrappers' to do, around each step of a generator.
        self.span = shared.tracer.start_span(site.name, self._before, site.kind, attributes, start_time=self._began_ns)
        self._here = trace.set_span_in_context(self.span, self._before)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute of the span, and of the measurement too if ``observe`` was given the same key."""
        try:
            cleaned = clean.clean({key: value})
            self.span.set_attributes(cleaned)
            if key in self._declared:
                self._declared = {**self._declared, **cleaned}
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None) -> None:
        """Add an event to the span: something that happened at this moment."""
        try:
            self.span.add_event(name, clean.clean(attributes or {}))
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)

    def set_error(self, error: BaseException | str) -> None:
        """Count the run as failed although it raises nothing; *error* is an exception or a short word from a fixed set."""
        try:
            self._fail(error)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)

    def attach(self) -> None:
        """Make the span current, above whatever is current now."""
        self._before = context.get_current()
        context.attach(self._here)

    def detach(self) -> None:
        """Make current again what was before :meth:`attach`, in the same ``contextvars`` context."""
        # Not by token: the token of a block that ends in another task is invalid, and OTel logs an error for it.
        context.attach(self._before)

    @property
    def key(self) -> int:
        """What identifies the operation while it is current."""
        return id(self._here)

    def end(self, error: BaseException | None = None) -> None:
        """End the run and measure it; the site knows whether *error* makes it a failed one."""
        took_s = time.perf_counter() - self._began
        try:
            self._leave()
            if error is not None and self._site.is_error(error):
                self._fail(error)
            measured = dict(self._declared)
            if self._error_type:
                measured[names.ERROR_TYPE] = self._error_type
            if self._site.objective_s is not None:
                met = took_s <= self._site.objective_s and not self._error_type
                measured[names.OBJECTIVE] = "met" if met else "missed"
                self.span.set_attribute(names.OBJECTIVE, measured[names.OBJECTIVE])
            if metric_groups.is_on(names.OPERATION_DURATION.name):
                # With the span's context, so that the histogram's exemplar points to this very run.
                _instruments().duration.record(took_s, measured, self._here)
            # One duration for both, by the monotonic clock: the wall clock may be set back meanwhile.
            self.span.end(self._began_ns + int(took_s * 1e9))
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)

    def _fail(self, error: BaseException | str) -> None:
        if isinstance(error, str):
            self._error_type, said = error, error
        else:
            self._error_type, said = type(error).__qualname__, ""
            if self.span.is_recording():
                said = str(clean.value(error))
                self.span.record_exception(error)
        self.span.set_attribute(names.ERROR_TYPE, self._error_type)
        self.span.set_status(Status(StatusCode.ERROR, said))


class _Unobserved(Operation):
    """Stands in where beginning failed, so that the program runs the same code."""

    __slots__ = ()

    def __init__(self) -> None:
        self.span = trace.INVALID_SPAN
        self._declared = {}
        self._before = self._here = context.Context()

    def attach(self) -> None:
        """Do nothing."""

    def detach(self) -> None:
        """Do nothing."""

    def end(self, error: BaseException | None = None) -> None:
        """Do nothing."""
