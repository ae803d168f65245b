"""
One run of an observed operation, and the definition that all runs share.

Uses the OTel API only. The rule: nothing here raises into the program.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from csg_otel import attribute_values, faults, metric_groups, names, scope
from csg_otel import attributes as clean
from csg_otel.operations import work
from csg_otel.tallies import LevelSeries

if TYPE_CHECKING:
    from csg_otel.operations.arguments import Arguments

_FAULTS: Final = "observe"


class _Instruments:
    """The instruments of all operations, created at the first use, so that importing a decorated module registers nothing."""

    def __init__(self) -> None:
        self.tracer = scope.tracer()
        self._create_duration()
        self.active = LevelSeries(names.OPERATION_ACTIVE)
        scope.create(names.OPERATION_ACTIVE, [metric_groups.switchable(names.OPERATION_ACTIVE, self.active.observe)])

    def _create_duration(self) -> None:
        self._meter, self.duration = scope.meter(), scope.create(names.OPERATION_DURATION)

    def durations(self, attributes: Mapping[str, Any]) -> Any:
        """Return the series of durations with clean *attributes*, which records faster; None if the provider has none."""
        if self._meter is not scope.meter():
            self._create_duration()
        find_series = getattr(self.duration, "series", None)
        return None if find_series is None else find_series(attributes)


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
        on_span: Mapping[str, clean.Value] | None = None,
        count_file: Callable[[bool], None] | None = None,
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
            on_span: Further clean attributes of every span.
            count_file: Counts a run as a file, given whether it failed; None for an operation that is no file.
        """
        self.name = name
        self.kind = kind
        self.is_error = is_error
        self.objective_s = objective_s
        self.declared: dict[str, Any] = {names.OPERATION_NAME: name, **attributes}
        of_function = {names.CODE_FUNCTION_NAME: function_name} if function_name else {}
        self.on_span = clean.Sound(clean.clean({**self.declared, **(on_span or {}), **of_function}))
        self.durations: Any = None
        """The series of the durations of successful runs; None until there is one."""
        self.count_file = count_file
        self._arguments = arguments

    def begin(self, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Operation:
        """Begin a run with these arguments, not yet current; never raises."""
        try:
            captured = self._arguments.pick(args, kwargs or {}) if self._arguments is not None else None
            return Operation(self, captured)
        except RecursionError:  # the program's own: the stack is full before telemetry can begin
            return _Unobserved()
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)
            return _Unobserved()


_innermost: ContextVar[Operation | None] = ContextVar("csg_otel_operation", default=None)
"""The operation that was attached last in this context of ``contextvars``, and is not detached yet."""


class Operation:
    """
    One run of an observed operation, as in ``with csg_otel.observe("name") as operation``.

    ``span`` is its OTel span.
    """

    __slots__ = (
        "_began_ns",
        "_began_s",
        "_below",
        "_count_end",
        "_declared",
        "_definition",
        "_error_type",
        "_is_left",
        "_outer_context",
        "_own_context",
        "_piece",
        "_token",
        "span",
    )

    def __init__(self, definition: OperationDefinition, captured: Mapping[str, Any] | None) -> None:
        instruments = _instruments()
        self._definition = definition
        self._declared = definition.declared
        self._error_type = ""
        self._is_left = False
        self._below: Operation | None = None
        self._token: Token[Operation | None] | None = None
        _detach_left()
        self._outer_context = context.get_current()
        attributes = clean.Sound({**definition.on_span, **captured}) if captured else definition.on_span
        self._began_ns = time.time_ns()
        self._began_s = time.perf_counter()
        # The span is not current yet: the wrappers call attach(), for a generator around each of its steps.
        self.span = instruments.tracer.start_span(
            definition.name, self._outer_context, definition.kind, attributes, start_time=self._began_ns
        )
        self._own_context = trace.set_span_in_context(self.span, self._outer_context)
        self._piece = work.begin(self._outer_context, is_file=definition.count_file is not None)
        if self._piece is not None:
            self._own_context = self._piece.is_within(self._own_context)
        # Last: a run that could not begin, as where the stack is full, must not count as active for ever.
        self._count_end = instruments.active.at(definition.name).begin()

    def set_attribute(self, key: str, value: Any) -> None:
        """Set the attribute *key* of the span to *value*, and of the measurement too if ``observe`` has that attribute."""
        try:
            cleaned = clean.clean({key: value})
            self.span.set_attributes(cleaned)
            if key in self._declared:
                self._declared = {**self._declared, **cleaned}
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None) -> None:
        """Add an event called *name* to the span, at this moment, with *attributes*."""
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
        self._below = _innermost.get()
        self._token = _innermost.set(self)
        context.attach(self._own_context)

    def detach(self) -> None:
        """
        Restore the context from before :meth:`attach`, whatever was attached since and is not detached.

        Does nothing in another ``contextvars`` context, where the span is not current: a block may end in another task.
        """
        # No call here goes deeper than those of attach(), so that a full stack leaves no span current.
        try:
            if self._pop():
                context.attach(self._outer_context)
        except BaseException:  # from a signal handler; an ended span must not stay current
            if self._pop():
                context.attach(self._outer_context)
            raise

    def _pop(self) -> bool:
        """Take this run out of the attached ones; return whether the context from before it must be restored."""
        innermost = _innermost.get()
        try:
            _innermost.reset(self._token)  # type: ignore[arg-type] # None raises TypeError
        except ValueError:  # this is another context of contextvars
            self._is_left = True
            return False
        except (RuntimeError, TypeError):  # a signal handler has interrupted attach() or detach()
            if innermost is self:
                _innermost.set(self._below)
            return True
        above = innermost
        while above is not None and above is not self and above._below is not self:  # noqa: SLF001 - of this class
            above = above._below  # noqa: SLF001
        if above is None or above is self:
            _innermost.set(self._below)
            return True
        # A run that was attached later goes on. At its end, it restores the context from before this one.
        above._below, above._outer_context = self._below, self._outer_context  # noqa: SLF001
        _innermost.set(innermost)
        return False

    def leave(self, error: BaseException | None) -> None:
        """Detach, and end the run."""
        try:
            self.detach()
        finally:
            self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End the run and measure it; the definition decides whether *error* makes it a failed one."""
        took_s = time.perf_counter() - self._began_s
        self._count_end()
        for step in (
            self._judge,
            self._count,
            self._measure,
            self._end_span,
        ):  # each, although one before it has failed
            try:
                step(error, took_s)
            except RecursionError:  # the stack of the program is full
                continue
            except Exception:  # noqa: BLE001 - telemetry never raises into the program
                faults.contain(_FAULTS)

    def _judge(self, error: BaseException | None, took_s: float) -> None:
        if error is not None and self._definition.is_error(error):
            self._fail(error)
        if self._definition.objective_s is not None:
            met = took_s <= self._definition.objective_s and not self._error_type
            judged = attribute_values.OBJECTIVE_MET if met else attribute_values.OBJECTIVE_MISSED
            self._declared = {**self._declared, names.OBJECTIVE: judged}
            self.span.set_attribute(names.OBJECTIVE, judged)

    def _count(self, _error: BaseException | None, took_s: float) -> None:
        failed = bool(self._error_type)
        if self._piece is not None:
            self._piece.end(took_s, failed=failed)
        if self._definition.count_file is not None:
            self._definition.count_file(failed)

    def _measure(self, _error: BaseException | None, took_s: float) -> None:
        if not metric_groups.is_on(names.OPERATION_DURATION.name):
            return
        # In the span's context, so that the histogram's exemplar points to this run.
        definition, is_plain = self._definition, not self._error_type and self._declared is self._definition.declared
        if is_plain and definition.durations is not None:
            definition.durations.put(took_s, self._own_context)
            return
        failed = {names.ERROR_TYPE: self._error_type} if self._error_type else {}
        attributes = {**self._declared, **failed}
        _instruments().duration.record(took_s, attributes, self._own_context)
        if is_plain and self.span.get_span_context().is_valid:  # else there is no provider yet
            definition.durations = _instruments().durations(attributes)

    def _end_span(self, _error: BaseException | None, took_s: float) -> None:
        # Span and measurement have the same duration, from the monotonic clock: the wall clock may be set back meanwhile.
        self.span.end(self._began_ns + int(took_s * 1e9))

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


def _detach_left() -> None:
    """
    Detach runs that another thread or task has ended, as a server closes a stream: they were left current here.

    A copy of their context, in which a task of theirs goes on, keeps them: such a task belongs to its trace.
    """
    while (innermost := _innermost.get()) is not None and innermost._is_left:  # noqa: SLF001 - of this module
        innermost.detach()
        if _innermost.get() is innermost:
            return
        innermost._is_left = False  # noqa: SLF001


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
