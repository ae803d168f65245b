"""
``observe``: the decorator and context manager that turns a piece of the program into an operation.

Each decorated callable has one definition, made when it is decorated. A ``with`` block makes its own at its first run.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, FunctionType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, overload

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from csg_otel import attributes as clean
from csg_otel import faults, interruptions, name_lists
from csg_otel.errors import InstrumentError, suggestion
from csg_otel.operations.arguments import Arguments
from csg_otel.operations.definition import OperationDefinition
from csg_otel.operations.inside import observed_inside, refuse_if_hidden
from csg_otel.operations.wrap import is_wrapped, wrap

if TYPE_CHECKING:
    from csg_otel.operations.operation import Operation

F = TypeVar(
    "F",
    bound="Callable[..., Any] | staticmethod[..., Any] | classmethod[Any, ..., Any] | property | functools.cached_property[Any]"
    " | functools.partialmethod[Any]",
)

Kind = Literal["internal", "server", "client", "producer", "consumer"]

_KINDS = {kind.name.lower(): kind for kind in SpanKind}


class Observe:
    """The decorator and context manager that :func:`observe` returns when it is called without a callable; reusable."""

    def __init__(
        self,
        name: str | None,
        attributes: Mapping[str, Any] | None,
        *,
        args: str | Sequence[str] = (),
        ignore: type[BaseException] | Sequence[type[BaseException]] = (),
        count_as_error: Callable[[BaseException], bool] | None = None,
        kind: Kind = "internal",
        objective: float | None = None,
        on_span: Mapping[str, Any] | None = None,
        count_file: Callable[[bool], None] | None = None,
    ) -> None:
        """
        Check and keep the options; :func:`observe` documents the first ones.

        *on_span* are attributes of the span alone. *count_file* makes each run a file; it is called at the end with whether the
        run failed.
        """
        if kind not in _KINDS:
            raise InstrumentError(
                f"observe: {kind!r} is not a kind of span{suggestion(kind, _KINDS)}; valid are {', '.join(_KINDS)}"
            )
        self._name = name
        if attributes is not None and not isinstance(attributes, Mapping):
            raise InstrumentError(f'observe: attributes={attributes!r} is no mapping: write {{"name": "value"}}')
        self._attributes = clean.clean(attributes or {})
        self._args = name_lists.names(args, "observe: args", InstrumentError)
        self._ignore = _exceptions(ignore)
        self._count_as_error = count_as_error
        self._kind = _KINDS[kind]
        self._objective = objective
        self._on_span = clean.clean(on_span or {})
        self._count_file = count_file
        self._block_definition: OperationDefinition | None = None
        self._open: dict[FrameType, list[Operation]] = {}

    def copy(self) -> Observe:
        """Return an object with the same options and no runs; its blocks share one definition with those of this object."""
        if self._block_definition is None and self._name is not None:
            self._block_definition = self._definition(self._name)
        return _Copy(self, self._block_definition)

    # -- as a decorator --------------------------------------------------------------------------------------------

    def __call__(self, target: F) -> F:
        """Return *target* with observation added, of the same kind and signature."""
        observed: F = self._decorate(target, self._name)
        return observed

    def _decorate(self, target: Any, name: str | None) -> Any:
        if inspect.isclass(target):
            return self._decorate_class(target, name or target.__name__)
        return self._decorate_callable(target, name)

    def _decorate_callable(self, target: Any, name: str | None) -> Any:
        """Return *target* observed; a class that is called inside another object is a function like others."""
        inside = observed_inside(target, lambda function: self._decorate_callable(function, name))
        if inside is not None:
            return inside
        if not callable(target):
            raise InstrumentError(f"observe: {target!r} is not callable; it must be a function, a method or a class")
        if not inspect.isclass(target):
            refuse_if_hidden(target)
        qualified_name, module = _names(target)
        arguments = Arguments(target, self._args) if self._args else None
        return wrap(target, self._definition(name or qualified_name, arguments, f"{module}.{qualified_name}"))

    def _decorate_class(self, target: type, name: str) -> type:
        for attribute, member in tuple(vars(target).items()):
            function = getattr(member, "__func__", member)
            public = not attribute.startswith("_") and isinstance(function, FunctionType)
            if public and not is_wrapped(function):
                setattr(target, attribute, self._decorate(member, f"{name}.{attribute}"))
        return target

    def _definition(
        self, name: str, arguments: Arguments | None = None, function_name: str = ""
    ) -> OperationDefinition:
        return OperationDefinition(
            name,
            self._attributes,
            kind=self._kind,
            arguments=arguments,
            is_error=self._is_error,
            objective_s=self._objective,
            function_name=function_name,
            on_span=self._on_span,
            count_file=self._count_file,
        )

    def _is_error(self, error: BaseException) -> bool:
        """Return whether *error* makes the run a failed one; leaving a generator early and a clean exit do not."""
        if isinstance(error, GeneratorExit) or (isinstance(error, SystemExit) and not error.code):
            return False
        if isinstance(error, self._ignore):
            return False
        if self._count_as_error is None:
            return True
        try:
            return bool(self._count_as_error(error))
        except Exception:  # noqa: BLE001 - a fault of this function must not hide the error it judges
            faults.contain("observe")
            return True

    # -- as a context manager --------------------------------------------------------------------------------------

    def __enter__(self) -> Operation:
        """Begin an operation and make its span current."""
        if self._block_definition is None:
            if self._name is None:
                raise InstrumentError('observe: a block needs a name: with csg_otel.observe("name"):')
            self._block_definition = self._definition(self._name)
        operation, block = self._block_definition.begin(), _block()
        try:
            if (runs := self._open.get(block)) is None:
                self._open[block] = [operation]
            else:
                runs.append(operation)
            operation.attach()
            return operation
        except BaseException as error:  # from a signal handler; then __exit__ is not called
            self._remove(block, operation)
            operation.leave(error)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the operation; an exception goes on."""
        block = _block()
        runs = self._open.get(block)
        if runs is not None and len(runs) == 1:  # the usual case
            try:
                runs[0].leave(error)
            finally:
                self._open.pop(block, None)
            return
        if runs:
            operation = runs[-1]
        elif self._open:
            block, operation = self._begun_elsewhere()
        else:
            return
        self._remove(block, operation)
        operation.leave(error)

    def _begun_elsewhere(self) -> tuple[FrameType, Operation]:
        """Return the run to end where ``__enter__`` was called by another function: the current one, or else the last one."""
        span = trace.get_current_span()
        runs = [(block, run) for block, runs in tuple(self._open.items()) for run in runs]
        return next(((block, run) for block, run in reversed(runs) if run.span is span), runs[-1])

    def _remove(self, block: FrameType, operation: Operation) -> None:
        runs = self._open.get(block, [])
        if operation in runs:
            runs.remove(operation)
        if not runs:
            self._open.pop(block, None)


class _Copy(Observe):
    """A copy, one for each run of a ``with`` statement: it has few attributes, and gets the others from the original."""

    def __init__(self, original: Observe, block_definition: OperationDefinition | None) -> None:
        self._original = original
        self._block_definition = block_definition
        self._open = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_original":
            raise AttributeError(name)
        return getattr(self._original, name)


def _block() -> FrameType:
    """
    Return the frame of the ``with`` statement that calls ``__enter__`` or ``__exit__``.

    It identifies the run: threads, tasks and generators that share an object of :class:`Observe` have frames of their own.
    """
    frame = sys._getframe(2)  # noqa: SLF001 - the documented way
    while frame.f_back is not None and frame.f_globals.get("__name__") == "contextlib":  # an ExitStack
        frame = frame.f_back
    return frame


def _exceptions(ignore: Any) -> tuple[type[BaseException], ...]:
    """Return the classes in *ignore*, one or an iterable of them, as ``isinstance`` takes them: tuples may contain tuples."""
    items = (ignore,) if isinstance(ignore, (type, str)) else name_lists.items_of(ignore)
    if items is None:
        raise InstrumentError(f"observe: ignore={ignore!r} is no list of exceptions: write ignore=[KeyError]")
    classes: list[type[BaseException]] = []
    for item in items:
        if isinstance(item, tuple):
            classes.extend(_exceptions(item))
        elif isinstance(item, type) and issubclass(item, BaseException):
            classes.append(item)
        else:
            raise InstrumentError(
                f"observe: ignore contains {item!r}, which is no exception's class: write ignore=[KeyError]"
            )
    return tuple(classes)


_templates: dict[tuple[Any, ...], Observe] = {}
"""Objects without options, by name and attributes: a ``with`` statement in a loop makes the same one at each run."""

_MOST_TEMPLATES: Final = 1024
"""Most objects that are kept; names and attributes of operations are few, because each is a series."""


def _without_options(name: str | None, attributes: Any) -> Observe:
    """Return a new object with this name and these attributes."""
    try:
        values = attributes.values() if attributes else ()
        key = (name, *(attributes or ()), *values, *map(type, values))  # True, 1 and 1.0 are equal
        template = _templates.get(key)
    except Exception:  # noqa: BLE001 - attributes of any kind, which are checked below
        interruptions.let_through()
        return Observe(name, attributes)
    if template is None:
        template = Observe(name, attributes)
        if attributes is None or clean.sound(attributes):
            if len(_templates) >= _MOST_TEMPLATES:
                _templates.clear()
            _templates[key] = template
    return template.copy()


_OPTIONS = tuple(Observe.__init__.__kwdefaults__ or ())


def _names(target: Any) -> tuple[str, str]:
    """Return the qualified name and the module of the function *target*; of its class for a callable object."""
    function = target if hasattr(target, "__qualname__") else type(target)
    module = getattr(function, "__module__", None) or "builtins"  # methods of built-in types have none
    return function.__qualname__.rsplit("<locals>.", 1)[-1], module


@overload
def observe(target: F, /) -> F: ...
@overload
def observe(
    name: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    *,
    args: str | Sequence[str] = (),
    ignore: type[BaseException] | Sequence[type[BaseException]] = (),
    count_as_error: Callable[[BaseException], bool] | None = None,
    kind: Kind = "internal",
    objective: float | None = None,
) -> Observe: ...
def observe(name: Any = None, attributes: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """
    Observe a function, a class or a block: every run makes one span and one measurement of its duration in seconds.

    ``@csg_otel.observe``, ``@csg_otel.observe("name")`` or ``with csg_otel.observe("name") as operation:``. Works on
    functions, coroutine functions, generators and async generators (from the first step to the end, the consumer's time
    included), classes (their own public methods), and ``staticmethod``, ``classmethod``, ``property`` and ``abstractmethod`` in
    either order. Objects that hold a function keep all they have, because the function inside is observed: partials, functions
    with ``lru_cache`` (runs of the function, not look-ups that hit), Celery tasks, click commands, functions with a
    decorator of ``wrapt``. Another object with public attributes is refused.

    Args:
        name: The operation's name; by default the function's qualified name. Keep it constant: each name is a series.
        attributes: Attributes of the span and of the measurement. Each distinct value is a series, so put no ids here.
        args: Names of arguments whose values the span gets as attributes, for example ``args=("order_id",)``.
        ignore: Exceptions that do not make a run a failed one.
        count_as_error: Function that returns whether an exception, if not ignored, makes the run a failed one.
        kind: The span's kind: ``internal``, ``server``, ``client``, ``producer`` or ``consumer``.
        objective: Seconds a run should take. Each run then has ``csg.operation.objective``: ``met``, or ``missed`` if it took
            longer or failed.

    A failed run has ``error.type``, the class name of the exception, as in the semantic conventions for recording errors.
    Cancellation (``CancelledError``) makes a run a failed one; leaving a generator early and ``SystemExit(0)`` do not.

    Raises:
        InstrumentError: If an option is unknown or not of its form, the decorated object is not callable or has attributes
            that a wrapper would hide, or the function has no argument of a name in *args*.
    """
    for option in options:
        if option not in _OPTIONS:
            hint = suggestion(option, _OPTIONS)
            raise InstrumentError(f"observe: unknown option {option!r}{hint}; known are {', '.join(_OPTIONS)}")
    if not options and (name is None or type(name) is str):
        return _without_options(name, attributes)
    if name is None or isinstance(name, str):
        return Observe(name, attributes, **options)
    return Observe(None, attributes, **options)(name)
