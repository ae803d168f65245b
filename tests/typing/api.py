"""What type checkers must see of the public API; checked by `make check`, imported by nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterable
from typing import Any

from typing_extensions import assert_type

import csg_otel


@csg_otel.observe
def plain(a: int, *, b: str = "") -> list[int]:
    """Return something."""
    return [a, len(b)]


@csg_otel.observe("name", {"channel": "web"}, args=("a",), ignore=(KeyError,), kind="client", objective=0.5)
async def coroutine(a: int) -> bytes:
    """Return something later."""
    return bytes(a)


@csg_otel.observe
def generator() -> Generator[int, str, float]:
    """Yield something."""
    yield 1
    return 1.0


@csg_otel.observe
async def async_generator() -> AsyncGenerator[int, None]:
    """Yield something later."""
    yield 1


@csg_otel.observe
class Service:
    """A class with methods of every kind."""

    def run(self, times: int) -> str:
        """Return something."""
        return "x" * times

    @csg_otel.observe
    @staticmethod
    def fixed() -> int:
        """Return something."""
        return 1

    @classmethod
    @csg_otel.observe
    def made(cls) -> Service:
        """Return something."""
        return cls()


@csg_otel.health_check("database", category="dependency", groups=("readiness",), interval_s=30, timeout_s=5)
def database() -> bool:
    """Check something."""
    return True


@csg_otel.health_check
def bare() -> bool:
    """Check something."""
    return True


def typed(callback: Callable[[int], Coroutine[Any, Any, bytes]] = coroutine) -> None:
    """Hold every signature."""
    assert_type(plain(1, b="x"), list[int])
    assert_type(callback, Callable[[int], Coroutine[Any, Any, bytes]])
    assert_type(generator(), Generator[int, str, float])
    assert_type(async_generator(), AsyncGenerator[int, None])
    assert_type(Service().run(2), str)
    assert_type(Service.fixed(), int)
    assert_type(Service.made(), Service)
    assert_type(database(), bool)
    assert_type(bare(), bool)
    assert_type(csg_otel.asgi_app(), Callable[[Any, Any, Any], Awaitable[None]])
    assert_type(csg_otel.wsgi_app(), Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]])
    csg_otel.counter("orders", attributes="channel").bind({"channel": "web"}).add(1)
    with csg_otel.observe("block") as operation:
        operation.set_attribute("key", 1)
    with csg_otel.instrument(exporters=["console"]) as telemetry:
        assert_type(telemetry.force_flush(timeout_s=1.0), bool)


def refused() -> None:
    """Hold what a type checker must complain about; an unused ignore is an error of its own."""
    plain("x")  # type: ignore[arg-type]
    csg_otel.observe("name", kind="clint")  # type: ignore[call-overload]
    csg_otel.counter("orders", attributes=(1,))  # type: ignore[arg-type]


def misspelt() -> None:
    """Be refused: mypy complains about an unused `ignore` if unknown names pass as Any."""
    csg_otel.instument()  # type: ignore[attr-defined]
