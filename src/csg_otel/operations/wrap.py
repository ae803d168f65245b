"""
Wrappers that run an operation around each kind of callable, and keep its kind.

A function stays a function, a coroutine function a coroutine function, a generator a generator with ``send``, ``throw``
and ``close``. The rule: the span is current while the callable's own code runs, never across a ``yield``.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any

from csg_otel.operations.operation import UNOBSERVED
from csg_otel.operations.parameters import COROUTINE, GENERATOR, with_parameters

if TYPE_CHECKING:
    from csg_otel.operations.definition import OperationDefinition
    from csg_otel.operations.operation import Operation

_MARK = "__csg_otel_observed__"


def wrap(function: Callable[..., Any], definition: OperationDefinition) -> Callable[..., Any]:
    """Return a wrapper of the same kind that observes *function*."""
    called = function if inspect.isroutine(function) or inspect.isclass(function) else function.__call__  # type: ignore[operator]
    if inspect.isasyncgenfunction(called):
        wrapper = _async_generator(function, definition)
    elif inspect.isgeneratorfunction(called):
        wrapper = _generator(function, definition)
        if called.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE:
            wrapper = types.coroutine(wrapper)
    elif inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(function):
        wrapper = _coroutine(function, definition)
    else:
        wrapper = _function(function, definition)
    setattr(wrapper, _MARK, True)
    return wrapper


def is_wrapped(function: object) -> bool:
    """Return whether *function* is observed already."""
    return hasattr(function, _MARK)


def _function(function: Callable[..., Any], definition: OperationDefinition) -> Callable[..., Any]:
    @functools.wraps(function)
    def observed(*args: Any, **kwargs: Any) -> Any:
        operation = definition.begin(args, kwargs)
        if operation is UNOBSERVED:
            return function(*args, **kwargs)
        error: BaseException | None = None
        try:
            operation.attach()
            return function(*args, **kwargs)
        except BaseException as raised:
            error = raised
            raise
        finally:
            operation.leave(error)
            error = None  # it refers to this frame

    return observed


def _coroutine(function: Callable[..., Any], definition: OperationDefinition) -> Callable[..., Any]:
    async def observed(*args: Any, **kwargs: Any) -> Any:
        operation = definition.begin(args, kwargs)
        error: BaseException | None = None
        try:
            operation.attach()
            return await function(*args, **kwargs)
        except BaseException as raised:
            error = raised
            raise
        finally:
            operation.leave(error)
            error = None  # it refers to this frame

    return functools.wraps(function)(with_parameters(function, observed, COROUTINE))


def _generator(function: Callable[..., Any], definition: OperationDefinition) -> Callable[..., Any]:
    def observed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        operation = definition.begin(args, kwargs)
        try:
            result = yield from _Steps(function(*args, **kwargs), operation)
        except BaseException as error:
            operation.end(error)
            raise
        operation.end()
        return result

    return functools.wraps(function)(with_parameters(function, observed, GENERATOR))


class _Steps(Generator[Any, Any, Any]):
    """A generator that makes the operation current during each step of another one."""

    def __init__(self, generator: Generator[Any, Any, Any], operation: Operation) -> None:
        self._generator = generator
        self._operation = operation

    def send(self, value: Any) -> Any:
        self._operation.attach()
        try:
            return self._generator.send(value)
        finally:
            self._operation.detach()

    def throw(self, *error: Any) -> Any:
        self._operation.attach()
        try:
            return self._generator.throw(*error)
        finally:
            self._operation.detach()

    def close(self) -> None:
        self._operation.attach()
        try:
            self._generator.close()
        finally:
            self._operation.detach()


def _async_generator(function: Callable[..., Any], definition: OperationDefinition) -> Callable[..., Any]:
    @functools.wraps(function)
    async def observed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        operation = definition.begin(args, kwargs)
        sent: Any = None
        thrown: BaseException | None = None
        try:
            generator = function(*args, **kwargs)
            while True:
                operation.attach()
                try:
                    item = await (generator.asend(sent) if thrown is None else generator.athrow(thrown))
                except StopAsyncIteration:
                    break
                finally:
                    operation.detach()
                sent = thrown = None
                try:
                    sent = yield item
                except GeneratorExit:
                    await _close(generator, operation)
                    raise
                except BaseException as error:  # noqa: BLE001 - the generator decides, as without the wrapper
                    thrown = error
        except BaseException as error:
            operation.end(error)
            raise
        operation.end()

    return observed


async def _close(generator: AsyncGenerator[Any, Any], operation: Operation) -> None:
    operation.attach()
    try:
        await generator.aclose()
    finally:
        operation.detach()
