"""What an observed object has besides being called stays; where it can't, the decoration is refused with a sentence."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import functools
import inspect
import types
import typing
from collections.abc import Callable, Generator
from typing import Any

import pytest
import wrapt

from csg_otel.errors import InstrumentError
from csg_otel.instruments import observe_cache
from csg_otel.operations import observe
from support.capture import Captured


def _names(captured: Captured) -> list[str]:
    return [span.name for span in captured.spans]


def add(a: int, b: int = 2) -> int:
    """Return the sum."""
    return a + b


@pytest.mark.parametrize("decorate", [functools.lru_cache, functools.lru_cache(maxsize=1, typed=True), functools.cache])
def test_a_cached_function_keeps_its_cache(captured: Captured, decorate: Callable[..., Any]) -> None:
    """Its size, its counts and the function below it are there; a look-up that hits is no run of the function."""
    cached = decorate(add)
    cached.owner = "team"
    observed = observe("add")(cached)

    assert [observed(1), observed(1), observed(1)] == [3, 3, 3]
    assert observed.cache_info()[:2] == (2, 1)
    assert observed.cache_parameters() == cached.cache_parameters()
    assert observed.owner == "team"
    assert inspect.unwrap(observed) is add
    observe_cache("sums", observed)
    observed.cache_clear()
    assert observed.cache_info().currsize == 0
    assert _names(captured) == ["add"]


def test_a_cached_method_is_bound(captured: Captured) -> None:
    """It stays a descriptor, in a class as well as in an observed class."""

    class Sums:
        @observe
        @functools.lru_cache  # noqa: B019 - as users write it
        def of(self, n: int) -> int:
            return n + 1

        @functools.lru_cache  # noqa: B019
        @observe
        def below(self, n: int) -> int:
            return n + 2

    sums = Sums()
    assert [sums.of(1), sums.of(1), sums.below(1), sums.below(1)] == [2, 2, 3, 3]
    assert Sums.of.cache_info().hits == 1
    assert _names(captured) == ["Sums.of", "Sums.below"]


def test_partials_and_bound_methods_stay_what_they_are(captured: Captured) -> None:
    """``func``, ``args``, ``keywords``, ``__self__`` are there, and captured arguments have their names."""

    class Job:
        def run(self, order: int, fast: bool = False) -> tuple[int, bool]:
            return order, fast

    partial = functools.partial(add, 1)
    partial.note = "x"  # type: ignore[attr-defined]
    observed: Any = observe("partial", args=("b",))(partial)
    assert (type(observed), observed.args, observed.note, observed(b=4)) == (functools.partial, (1,), "x", 5)
    assert dict(captured.span("partial").attributes or {})["b"] == 4

    job = Job()
    bound: Any = observe("bound", args=("order",))(job.run)
    assert bound.__self__ is job
    assert (bound(7), bound(order=8, fast=True)) == ((7, False), (8, True))
    assert (captured.spans[1].attributes or {})["order"] == 7
    assert asyncio.run(observe("later")(functools.partial(_later, 1))()) == 1


async def _later(n: int) -> int:
    return n


def test_attributes_of_functions_stay(captured: Captured) -> None:
    """``singledispatch`` registers, a view has its methods, ``contextmanager`` is still a decorator."""

    @observe
    @functools.singledispatch
    def show(value: object) -> str:
        return "object"

    @show.register
    def _(value: int) -> str:
        return "int"

    def view() -> str:
        return "ok"

    view.methods = ["POST"]  # type: ignore[attr-defined]

    @observe
    @contextlib.contextmanager
    def managed() -> Generator[int, None, None]:
        yield 5

    assert (show(1), show("x"), show.dispatch(int) is show.registry[int]) == ("int", "object", True)
    assert observe(view).methods == ["POST"]  # type: ignore[attr-defined]
    with managed() as value:
        assert value == 5
    assert len(captured.spans) == 3


def test_descriptors_in_either_order(captured: Captured) -> None:
    """Properties, abstract methods, overloads and partial methods work above and below the decorator."""

    class Base(abc.ABC):
        @observe
        @abc.abstractmethod
        def above(self) -> int: ...

        @abc.abstractmethod
        @observe
        def below(self) -> int: ...

        @observe  # type: ignore[prop-decorator]
        @property
        @abc.abstractmethod
        def size(self) -> int: ...

    assert Base.__abstractmethods__ == {"above", "below", "size"}

    class Job:
        def __init__(self) -> None:
            self.n = 1

        @observe  # type: ignore[prop-decorator]
        @property
        def size(self) -> int:
            """The size."""
            return self.n

        @size.setter
        def size(self, n: int) -> None:
            self.n = n

        @property
        @observe
        def below(self) -> int:
            return self.n

        @observe  # type: ignore[prop-decorator]
        @functools.cached_property
        def loaded(self) -> int:
            return self.n

        @typing.overload
        def kind(self, n: int) -> int: ...
        @typing.overload
        def kind(self, n: str) -> str: ...
        @observe
        def kind(self, n: Any) -> Any:
            return n

        scaled = observe("scaled")(functools.partialmethod(kind, 3))

        @observe
        @classmethod
        @functools.lru_cache
        def made(cls) -> str:
            return cls.__name__

    job = Job()
    job.size = 4
    assert (job.size, job.below, job.loaded, job.loaded, job.kind("x"), Job.made(), job.made()) == (
        *(4, 4, 4, 4, "x", "Job", "Job"),
    )
    assert job.scaled() == 3
    assert type(Job.__dict__["size"]).__name__ == "property"
    assert Job.__dict__["size"].__doc__ == "The size."
    assert _names(captured) == ["Job.size", "Job.below", "Job.loaded", "Job.kind", "Job.made", "Job.kind", "scaled"]


def test_methods_of_built_in_types_are_called(captured: Captured) -> None:
    """They have no module, and some no signature."""
    assert observe(str.upper)("a") == "A"
    assert observe("get")(dict.get)({1: 2}, 1) == 2
    assert observe("join")("-".join)(["a", "b"]) == "a-b"
    assert observe("fromkeys")(dict.__dict__["fromkeys"].__get__(None, dict))("a") == {"a": None}
    assert observe("add")(int.__add__)(1, 2) == 3
    assert observe("bound")((1).__add__)(2) == 3
    with pytest.raises(InstrumentError, match="does not show its parameters"):
        observe(args=("x",))(dict.update)

    assert _names(captured) == ["str.upper", "get", "join", "fromkeys", "add", "bound"]
    assert (captured.span("str.upper").attributes or {})["code.function.name"] == "builtins.str.upper"


def test_a_generator_that_is_a_coroutine_can_be_awaited(captured: Captured) -> None:
    """``types.coroutine`` marks it, and the mark stays; the duration is that of the whole run."""

    @observe("old")
    @types.coroutine
    def old(n: int) -> Generator[Any, Any, int]:
        yield from asyncio.sleep(0.02).__await__()
        return n

    async def main() -> int:
        return await old(3)

    assert asyncio.run(main()) == 3
    assert inspect.isgeneratorfunction(old)
    (point,) = captured.points("csg.operation.duration")
    assert point.sum >= 0.02
    with pytest.raises(TypeError):
        old()  # type: ignore[call-arg]


def test_a_callable_object_without_anything_else_is_wrapped(captured: Captured) -> None:
    """An ASGI application written as a class can be told from a factory: a call without arguments raises at once."""

    class App:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> str:
            return f"{scope}"

    app: Callable[..., Any] = observe("app")(App())

    assert inspect.iscoroutinefunction(app)
    with pytest.raises(TypeError):
        app()
    assert asyncio.run(app(1, 2, 3)) == "1"
    assert _names(captured) == ["app"]


def test_an_object_with_more_is_refused() -> None:
    """The sentence names what would be lost, and what to do instead."""

    class Model:
        def __init__(self) -> None:
            self.weights = [1]

        def __call__(self) -> None: ...

        def predict(self) -> None: ...

    class Dispatching:
        @functools.singledispatchmethod
        def show(self, value: object) -> None: ...

    with pytest.raises(InstrumentError, match=r"Model has predict, weights besides being called.*__call__, or below"):
        observe(Model())
    with pytest.raises(InstrumentError, match="decorate each of them"):
        observe(Dispatching.__dict__["show"])
    with pytest.raises(InstrumentError, match="without a getter"):
        observe(property())


# -- functions that wrapt has decorated --------------------------------------------------------------------------------


def instance_and_result(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    """Return the instance that wrapt finds, and the result."""
    return instance, wrapped(*args, **kwargs)


def seen(function: Any) -> Any:
    """Decorate with wrapt."""
    return wrapt.decorator(instance_and_result)(function)


def test_wrapt_finds_the_same_instance_in_an_observed_function(captured: Captured) -> None:
    """In every kind of method, below any other decorator, a run is one span, and the decorated object stays what it is."""

    class Shop:
        @observe("of class")
        @seen
        @classmethod
        def of_class(cls, n: int) -> int:
            return n

        @observe("static")
        @seen
        @staticmethod
        def static(n: int) -> int:
            return n

        @observe("method")
        @seen
        def method(self, n: int) -> int:
            return n

        @classmethod
        @observe("below")
        @seen
        def below(cls, n: int) -> int:
            return n

        @observe("twice")
        @seen
        @seen
        def twice(self, n: int) -> int:
            return n

    class Plain:
        @classmethod
        @seen
        def below(cls, n: int) -> int:
            return n

    function = observe("function")(seen(add))
    shop = Shop()

    assert Shop.of_class(1) == shop.of_class(1) == (Shop, 1)
    assert Shop.static(2) == shop.static(2) == (None, 2)
    assert shop.method(3) == (shop, 3)
    instance = Shop if Plain.below(4) == (Plain, 4) else None  # from Python 3.13 on, classmethod binds no descriptor
    assert Shop.below(4) == shop.below(4) == (instance, 4)
    assert shop.twice(5) == (shop, (shop, 5))
    assert function(1) == (None, 3)
    assert isinstance(function, wrapt.FunctionWrapper)
    assert inspect.signature(function) == inspect.signature(add)
    assert _names(captured) == [*["of class"] * 2, *["static"] * 2, "method", *["below"] * 2, "twice", "function"]


def test_an_observed_class_has_methods_that_wrapt_has_decorated(captured: Captured) -> None:
    """They are observed as the others are, under their own names."""

    @observe
    class Shop:
        @seen
        @classmethod
        def of_class(cls) -> None: ...

        @seen
        async def method(self) -> int:
            return 1

    assert Shop.of_class() == (Shop, None)
    shop = Shop()
    instance, result = shop.method()
    assert instance is shop
    assert asyncio.run(result) == 1
    assert _names(captured) == ["Shop.of_class", "Shop.method"]


def test_what_wrapt_wraps_must_be_callable() -> None:
    """A proxy of something else is refused, as that would be."""
    with pytest.raises(InstrumentError, match="not callable"):
        observe(wrapt.ObjectProxy(5))  # type: ignore[call-overload]
