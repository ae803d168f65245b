"""
One run of an observed operation.

Uses the OTel API only. The rule: nothing here raises into the program.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Status, StatusCode

from csg_otel import attribute_values, faults, forks, metric_groups, names
from csg_otel import attributes as clean
from csg_otel._compat_context import SPAN_KEY, attach, current
from csg_otel.operations import work

if TYPE_CHECKING:
    from csg_otel.operations.definition import Fittings, OperationDefinition

_FAULTS: Final = "observe"

_STEPS: Final = 5
"""The steps at the end of a run."""
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
        "_fittings",
        "_is_left",
        "_outer_context",
        "_own_context",
        "_piece",
        "_token",
        "span",
    )

    def _begin(self, definition: OperationDefinition, fittings: Fittings, attributes: clean.Sound) -> None:
        """Begin the run of *definition* now, with its span's *attributes*, not yet current; called instead of ``__init__``."""
        innermost = _innermost.get()
        if innermost is not None and innermost._is_left:  # noqa: SLF001 - of this class
            _detach_left()
        self._outer_context = outer = current()
        self._below: Operation | None = None
        self._definition, self._fittings = definition, fittings
        self._declared = definition.declared
        self._error_type = ""
        self._is_left: bool = False
        self._token: Token[Operation | None] | None = None
        self._began_ns = began_ns = time_ns()
        self._began_s = perf_counter()
        # The span is not current yet: the wrappers call attach(), for a generator around each of its steps.
        self.span = span = fittings.start_span(outer, attributes, began_ns)
        self._piece = piece = work.begin(outer, is_file=definition.count_file is not None)
        own = {**outer, SPAN_KEY: span} if piece is None else {**outer, SPAN_KEY: span, work.KEY: piece}
        self._own_context = Context(own)
        # Last: a run that could not begin, as where the stack is full, must not count as active for ever.
        fittings.active.began.increment()
        self._count_end = fittings.active.ended.increment

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
        self._outer_context = current()
        self._below = _innermost.get()
        self._token = _innermost.set(self)
        attach(self._own_context)

    def detach(self) -> None:
        """
        Restore the context from before :meth:`attach`, whatever was attached since and is not detached.

        Does nothing in another ``contextvars`` context, where the span is not current: a block may end in another task.
        """
        # No call here goes deeper than those of attach(), so that a full stack leaves no span current.
        try:
            if _innermost.get() is self:  # the usual case
                _innermost.reset(self._token)  # type: ignore[arg-type] # None raises TypeError
                _innermost.set(self._below)
                attach(self._outer_context)
                return
        except (ValueError, RuntimeError, TypeError):  # see _pop()
            pass
        except BaseException:
            if self._pop():
                attach(self._outer_context)
            raise
        try:
            if self._pop():
                attach(self._outer_context)
        except BaseException:  # from a signal handler; an ended span must not stay current
            if self._pop():
                attach(self._outer_context)
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
        except BaseException:  # of a signal handler, perhaps before the first step
            self.detach()
            raise
        finally:
            self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End the run and measure it; the definition decides whether *error* makes it a failed one."""
        took_s = perf_counter() - self._began_s
        if not forks.mark[0]:
            forks.enter_child()
        self._count_end()
        definition, step = self._definition, 0
        while step < _STEPS:  # each step is done, although one before it has failed
            try:
                if step < 1:
                    step = 1
                    if error is not None or definition.objective_s is not None:
                        self._judge(error, took_s)
                if step < 2:
                    step = 2
                    if self._piece is not None:
                        self._piece.end(took_s, failed=bool(self._error_type))
                if step < 3:
                    step = 3
                    if definition.count_file is not None:
                        definition.count_file(bool(self._error_type))
                if step < 4:
                    step = 4
                    self._measure(took_s)
                step = _STEPS
                # The same duration, from the monotonic clock: the wall clock may be set back meanwhile.
                self.span.end(self._began_ns + int(took_s * 1e9))
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

    def _measure(self, took_s: float) -> None:
        if metric_groups.any_off and not metric_groups.is_on(names.OPERATION_DURATION.name):
            return
        # In the span's context, so that the histogram's exemplar points to this run.
        fittings, is_plain = self._fittings, self._declared is self._definition.declared
        series = fittings.durations.get(self._error_type) if is_plain else None
        if series is not None:
            series.keep(took_s, self.span.get_span_context(), self._own_context)
            return
        failed = {names.ERROR_TYPE: self._error_type} if self._error_type else {}
        attributes = {**self._declared, **failed}
        fittings.record_duration(took_s, attributes, self._own_context)
        if is_plain:
            fittings.find_durations(self._error_type, attributes)

    def _fail(self, error: BaseException | str) -> None:
        if isinstance(error, str):
            self._error_type, description = error, error
        else:
            self._error_type, description = type(error).__qualname__, ""
            if self.span.is_recording():
                description = clean.text(error)
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
    """A run that is not observed, because it could not begin or no provider is set; the program runs the same code."""

    __slots__ = ()

    def __init__(self) -> None:
        self.span = trace.INVALID_SPAN
        self._declared = {}
        self._outer_context = self._own_context = Context()

    def set_error(self, error: BaseException | str) -> None:
        """Do nothing."""

    def attach(self) -> None:
        """Do nothing."""

    def detach(self) -> None:
        """Do nothing."""

    def leave(self, error: BaseException | None) -> None:
        """Do nothing."""

    def end(self, error: BaseException | None = None) -> None:
        """Do nothing."""


UNOBSERVED: Final = _Unobserved()
"""The one run that is not observed; it has no state."""
