"""
The definition that all runs of an observed operation share, and what its runs need of the providers in use.

Uses the OTel API, and what our own providers have besides to be quicker. The rule: nothing raises into the program.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from csg_otel import _compat_context, faults, forks, metric_groups, names, scope
from csg_otel import attributes as clean
from csg_otel.operations.operation import UNOBSERVED, Operation
from csg_otel.tallies import LevelSeries

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind

    from csg_otel.operations.arguments import Arguments


_new: Final = object.__new__

_MOST_ERROR_TYPES: Final = 100
"""Types of errors of one operation whose series are kept."""


@functools.lru_cache(maxsize=1)
def _active() -> LevelSeries:
    """Return the numbers of active operations; created at the first run, so that importing a module registers nothing."""
    active = LevelSeries(names.OPERATION_ACTIVE)
    scope.create(names.OPERATION_ACTIVE, [metric_groups.switchable(names.OPERATION_ACTIVE, active.observe)])
    return active


@functools.lru_cache(maxsize=1)
def _clients(_era: object) -> tuple[trace.Tracer, Any]:
    """Return the tracer, and the histogram of durations, of all operations in an era of ``scope``."""
    return scope.tracer(), scope.create(names.OPERATION_DURATION)


def _start(
    tracer: trace.Tracer,
    definition: OperationDefinition,
    outer: Context,
    attributes: clean.Sound,
    at_ns: int,
) -> Any:
    return tracer.start_span(definition.name, outer, definition.kind, attributes, start_time=at_ns)


class Fittings:
    """What the runs of one definition need of the providers in use, looked up once in each era of ``scope``."""

    __slots__ = ("_find_series", "active", "durations", "era", "record_duration", "start_span")

    def __init__(self, definition: OperationDefinition) -> None:
        """Look up what *definition* needs."""
        self.era = scope.era[0]
        tracer, duration = _clients(self.era)
        make_site = getattr(tracer, "span_site", None)
        start = functools.partial(_start, tracer, definition)
        self.start_span: Callable[..., Any] = start if make_site is None else make_site(definition.on_span, start)
        """Starts a span in a context, with its attributes, at a time in nanoseconds since the epoch."""
        self.active = _active().at(definition.name)
        self.record_duration: Callable[..., None] = duration.record
        self.durations: dict[str, Any] = {}
        """The series of the durations of plain runs by their ``error.type``, empty for successful ones."""
        self._find_series = getattr(duration, "series", None)

    def find_durations(self, error_type: str, attributes: Mapping[str, Any]) -> None:
        """Keep the series of *error_type*, with clean *attributes*: it records faster. There is none without accumulators."""
        if self._find_series is not None and len(self.durations) < _MOST_ERROR_TYPES:
            self.durations[error_type] = self._find_series(attributes)


_FAULTS: Final = "observe"


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
        on_span = clean.clean({**self.declared, **(on_span or {}), **of_function})
        self.on_span = clean.Shared(on_span, name, kind)
        self.count_file = count_file
        self._arguments = arguments
        self._fittings: Fittings | None = None
        self._has_loaded = False

    def __getstate__(self) -> dict[str, Any]:
        """Pickle and copy the definition without what it has looked up, which has locks."""
        return {**self.__dict__, "_fittings": None}

    def begin(self, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Operation:
        """
        Begin a run with these arguments, not yet current; never raises.

        It is ``UNOBSERVED`` while no provider is set, as before ``instrument()``.
        """
        try:
            if not forks.mark[0]:
                forks.enter_child()
            fittings = self._fittings
            if fittings is None or fittings.era is not scope.era[0]:
                if not _compat_context.is_any_provider_set() and (self._has_loaded or not self._loads_provider()):
                    return UNOBSERVED
                fittings = self._fittings = Fittings(self)
            attributes: clean.Sound = self.on_span
            if self._arguments is not None and (captured := self._arguments.pick(args, kwargs or {})):
                attributes = clean.Sound({**attributes, **captured})
            operation = _new(Operation)  # half of the time of a call of the class
            operation._begin(self, fittings, attributes)  # noqa: SLF001 - of this package
            return operation
        except RecursionError:  # the program's own: the stack is full before telemetry can begin
            return UNOBSERVED
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain(_FAULTS)
            return UNOBSERVED

    def _loads_provider(self) -> bool:
        """Load the providers that variables of the environment name, once; return whether there is one now."""
        self._has_loaded = True
        scope.load_providers()
        return _compat_context.is_any_provider_set()
