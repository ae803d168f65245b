"""
One run of an observed operation, and the definition that all runs share.

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
    """The instruments of all operations, created at the first use, so that importing a decorated module registers nothing."""

    def __init__(self) -> None:
        self.tracer = scope.tracer()
        self.duration = scope.create(names.OPERATION_DURATION)
        self.active = LevelSeries(names.OPERATION_ACTIVE)
        scope.create(names.OPERATION_ACTIVE, [metric_groups.switchable(names.OPERATION_ACTIVE, self.active.observe)])


@functools.lru_cache(maxsize=1)
def _instruments() -> _Instruments:
    return _Instruments()


class OperationDefinition:
    """The constant part of an observed operation: its name, its attributes, and the rules for its runs."""

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
        """
        Define an operation.

        Args:
            name: Its name; it names a series.
            attributes: Clean attributes of every span and measurement.
            kind: The kind of its spans.
            arguments: The captured arguments of the function; None captures none.
            is_error: Returns whether an exception makes a run a failed one.
            objective_s: Seconds a run should take; None for no objective.
            function_name: Qualified name of the function, for the span; empty for a block.
        """
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
        """Begin a run with these arguments, not yet current; never raises."""
        try:
            captured = self._arguments.pick(args, kwargs or {}) if self._arguments is not None else None
            return Operation(self, captured)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)
            return _Unobserved()


class Operation:
    """
    One run of an observed operation, as in ``with csg_otel.observe("name") as operation``.

    ``span`` is its OTel span.
    """

    __slots__ = (
        "_began_ns",
        "_began_s",
        "_count_end",
        "_declared",
        "_definition",
        "_error_type",
        "_outer_context",
        "_own_context",
        "span",
    )

    def __init__(self, definition: OperationDefinition, captured: Mapping[str, Any] | None) -> None:
        instruments = _instruments()
        self._definition = definition
        self._declared = definition.declared
        self._error_type = ""
        self._outer_context = context.get_current()
        attributes = {**definition.on_span, **captured} if captured else definition.on_span
        self._count_end = instruments.active.at(definition.name).begin()
        self._began_ns = time.time_ns()
        self._began_s = time.perf_counter()
        # The span is not current yet: the wrappers call attach(), for a generator around each of its steps.
        self.span = instruments.tracer.start_span(
            definition.name, self._outer_context, definition.kind, attributes, start_time=self._began_ns
        )
        self._own_context = trace.set_span_in_context(self.span, self._outer_context)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute of the span, and of the measurement too if ``observe`` has an attribute of this key."""
        try:
            cleaned = clean.clean({key: value})
            self.span.set_attributes(cleaned)
            if key in self._declared:
                self._declared = {**self._declared, **cleaned}
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None) -> None:
        """Add an event to the span, at this moment."""
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
        """Make the span current, on top of the current context."""
        self._outer_context = context.get_current()
        context.attach(self._own_context)

    def detach(self) -> None:
        """Restore the context from before :meth:`attach`, in the same ``contextvars`` context."""
        # Without a token: where a block ends in another task its token is invalid, and OTel logs an error.
        try:
            context.attach(self._outer_context)
        except BaseException:  # from a signal handler; an ended span must not stay current
            context.attach(self._outer_context)
            raise

    def leave(self, error: BaseException | None) -> None:
        """Detach, and end the run."""
        try:
            self.detach()
        finally:
            self.end(error)

    @property
    def key(self) -> int:
        """The identity of this run's context while it is current."""
        return id(self._own_context)

    def end(self, error: BaseException | None = None) -> None:
        """End the run and measure it; the definition decides whether *error* makes it a failed one."""
        took_s = time.perf_counter() - self._began_s
        try:
            self._count_end()
            if error is not None and self._definition.is_error(error):
                self._fail(error)
            measured = dict(self._declared)
            if self._error_type:
                measured[names.ERROR_TYPE] = self._error_type
            if self._definition.objective_s is not None:
                met = took_s <= self._definition.objective_s and not self._error_type
                measured[names.OBJECTIVE] = "met" if met else "missed"
                self.span.set_attribute(names.OBJECTIVE, measured[names.OBJECTIVE])
            if metric_groups.is_on(names.OPERATION_DURATION.name):
                # In the span's context, so that the histogram's exemplar points to this run.
                _instruments().duration.record(took_s, measured, self._own_context)
            # Span and measurement have the same duration, from the monotonic clock: the wall clock may be set back meanwhile.
            self.span.end(self._began_ns + int(took_s * 1e9))
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)

    def _fail(self, error: BaseException | str) -> None:
        if isinstance(error, str):
            self._error_type, description = error, error
        else:
            self._error_type, description = type(error).__qualname__, ""
            if self.span.is_recording():
                description = str(clean.value(error))
                self.span.record_exception(error)
        self.span.set_attribute(names.ERROR_TYPE, self._error_type)
        self.span.set_status(Status(StatusCode.ERROR, description))


class _Unobserved(Operation):
    """A run that is not observed because it could not begin; the program runs the same code."""

    __slots__ = ()

    def __init__(self) -> None:
        self.span = trace.INVALID_SPAN
        self._declared = {}
        self._outer_context = self._own_context = context.Context()

    def attach(self) -> None:
        """Do nothing."""

    def detach(self) -> None:
        """Do nothing."""

    def end(self, error: BaseException | None = None) -> None:
        """Do nothing."""
