"""After an operation no span of it is current and none counts as active, whatever happened inside."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from csg_otel.operations import Operation, observe
from support.capture import Captured

NAME = "csg.operation.name"


def current() -> bool:
    """Return whether a span is current."""
    return trace.get_current_span().get_span_context().is_valid


def leave_baggage() -> None:
    """Attach a context and never detach it, as middlewares do."""
    context.attach(baggage.set_baggage("user", "42"))


def leave_empty() -> None:
    """Attach a context without a span, and never detach it."""
    context.attach(context.Context())


# -- a context that somebody else leaves attached ----------------------------------------------------------------------


def _block(leave: Callable[[], None]) -> None:
    with observe("run"):
        leave()


def _exit_stack(leave: Callable[[], None]) -> None:
    with ExitStack() as stack:
        stack.enter_context(observe("run"))
        leave()


def _function(leave: Callable[[], None]) -> None:
    observe("run")(leave)()


def _generator(leave: Callable[[], None]) -> None:
    @observe("run")
    def steps() -> Generator[int, None, None]:
        leave()
        yield 1
        leave()

    for _ in steps():
        assert not current()


KINDS: list[Callable[[Callable[[], None]], None]] = [_block, _exit_stack, _function, _generator]


@pytest.mark.parametrize("leave", [leave_baggage, leave_empty])
@pytest.mark.parametrize("kind", KINDS)
def test_a_context_left_attached_does_not_keep_an_ended_span(
    captured: Captured, kind: Callable[[Callable[[], None]], None], leave: Callable[[], None]
) -> None:
    """The next operation is a root, as it is with OpenTelemetry's own tracer."""
    kind(leave)

    assert not current()
    with observe("next"):
        pass
    assert captured.span("next").parent is None
    assert captured.span("run").end_time


@pytest.mark.parametrize("leave", [leave_baggage, leave_empty])
def test_a_context_left_attached_in_asynchronous_code(captured: Captured, leave: Callable[[], None]) -> None:
    """The same in coroutines and asynchronous generators, in one task."""

    @observe("coroutine")
    async def coroutine() -> None:
        await asyncio.sleep(0)
        leave()

    @observe("stream")
    async def stream() -> AsyncGenerator[int, None]:
        leave()
        yield 1

    async def main() -> None:
        await coroutine()
        assert not current()
        async for _ in stream():
            assert not current()
        assert not current()

    asyncio.run(main())

    assert {span.name: span.parent for span in captured.spans} == {"coroutine": None, "stream": None}


def test_the_outer_operation_is_current_again(captured: Captured) -> None:
    """Only what was attached inside the block is undone."""
    with observe("outer"):
        with observe("inner"):
            leave_baggage()
        with observe("sibling"):
            pass

    parents = {span.name: span.parent and span.parent.span_id for span in captured.spans}
    outer = captured.span("outer").context.span_id
    assert parents == {"inner": outer, "sibling": outer, "outer": None}


# -- one object for several runs at once -------------------------------------------------------------------------------

SHARED = observe("stream")
Stream = AsyncGenerator[str, None]


async def _with(n: str) -> Stream:
    with SHARED as operation:
        operation.set_attribute("n", n)
        while True:
            yield n


async def _with_exit_stack(n: str) -> Stream:
    async with AsyncExitStack() as stack:
        stack.enter_context(SHARED).set_attribute("n", n)
        while True:
            yield n


async def _with_context_manager(n: str) -> Stream:
    @contextmanager
    def managed() -> Iterator[Any]:
        with SHARED as operation:
            yield operation

    with managed() as operation:
        operation.set_attribute("n", n)
        while True:
            yield n


STREAMS: list[Callable[[str], Stream]] = [_with, _with_exit_stack, _with_context_manager]


def _by_n(spans: list[ReadableSpan]) -> dict[Any, Any]:
    return {(span.attributes or {}).get("n"): span.status.status_code for span in spans if span.name == "stream"}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("own_tasks", [True, False])
def test_a_shared_object_keeps_streams_apart(
    captured: Captured, stream: Callable[[str], Stream], own_tasks: bool
) -> None:
    """An error ends the stream in which it is raised, whether this happens in the task of the stream or in another one."""

    async def step(awaitable: Any) -> Any:
        return await (asyncio.ensure_future(awaitable) if own_tasks else awaitable)

    async def failing(generator: Stream) -> None:
        with pytest.raises(ConnectionResetError):
            await generator.athrow(ConnectionResetError("gone"))

    async def main() -> None:
        streams = {n: stream(n) for n in "abc"}
        for generator in streams.values():
            await step(_next(generator))
        await step(failing(streams["a"]))
        assert _by_n(captured.spans) == {"a": StatusCode.ERROR}
        await step(_next(streams["b"]))
        await step(streams["c"].aclose())
        assert not _by_n(captured.spans).keys() & {"b"}
        await step(streams["b"].aclose())
        assert not current()

    asyncio.run(main())

    assert _by_n(captured.spans) == {"a": StatusCode.ERROR, "b": StatusCode.UNSET, "c": StatusCode.UNSET}
    assert captured.values("csg.operation.active", NAME)["stream"] == 0


async def _next(generator: Stream) -> str:
    return await generator.__anext__()


def test_two_functions_may_begin_and_end_a_run(captured: Captured) -> None:
    """A class that calls ``__enter__`` in one method and ``__exit__`` in another ends the run that is current."""
    shared = observe("manual")

    def begin(n: str) -> None:
        shared.__enter__().set_attribute("n", n)

    def finish(error: BaseException | None) -> None:
        shared.__exit__(type(error) if error else None, error, None)

    begin("outer")
    begin("inner")
    leave_baggage()
    finish(KeyError())
    finish(None)
    finish(None)

    status = {(span.attributes or {})["n"]: span.status.status_code for span in captured.spans}
    assert status == {"inner": StatusCode.ERROR, "outer": StatusCode.UNSET}
    assert not current()


def test_blocks_that_end_in_another_order_leave_no_ended_span(captured: Captured) -> None:
    """Two generators in one task: the first ends first, and the second is current until its own end."""

    def block(name: str) -> Generator[None, None, None]:
        with observe(name):
            leave_baggage()
            yield

    first, second = block("first"), block("second")
    next(first)
    next(second)
    second_span = trace.get_current_span()
    first.close()
    assert trace.get_current_span() is second_span
    second.close()

    assert not current()
    assert [span.name for span in captured.spans] == ["first", "second"]


# -- a run that is ended elsewhere ----------------------------------------------------------------------------------------


def rows(*names: str) -> Generator[None, None, None]:
    """Begin blocks inside each other, and stop inside the last one."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(observe(name))
        leave_baggage()
        yield


def next_parent(captured: Captured, name: str = "next") -> Any:
    with observe(name):
        pass
    return captured.span(name).parent


@pytest.mark.parametrize("names", [("rows",), ("rows", "row")])
def test_a_block_that_another_thread_ends_is_no_parent(captured: Captured, names: tuple[str, ...]) -> None:
    """The next operation is a root, whether one block or several inside each other were left."""
    blocks = rows(*names)
    next(blocks)
    thread = threading.Thread(target=blocks.close)
    thread.start()
    thread.join()

    assert next_parent(captured) is None
    assert not current()


def test_a_block_that_another_thread_ends_leaves_the_outer_one(captured: Captured) -> None:
    """The next operation is a child of the operation around, which is still open."""
    with observe("outer"):
        blocks = rows("rows")
        next(blocks)
        thread = threading.Thread(target=blocks.close)
        thread.start()
        thread.join()
        parent = next_parent(captured)
    assert parent.span_id == captured.span("outer").context.span_id
    assert not current()


def test_a_stream_that_another_task_closes_is_no_parent(captured: Captured) -> None:
    """As a server does that closes the stream of a client who has gone."""

    async def stream() -> AsyncGenerator[int, None]:
        with observe("rows"):
            yield 1

    async def main() -> None:
        generator = stream()
        await generator.__anext__()
        await asyncio.create_task(close(generator))
        assert next_parent(captured) is None

    async def close(generator: Any) -> None:
        await generator.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("ended_elsewhere", [False, True])
def test_a_task_that_outlives_its_operation_stays_in_its_trace(captured: Captured, ended_elsewhere: bool) -> None:
    """Work that a request has begun in the background is a child of the request, although that has ended."""

    async def close(request: ExitStack) -> None:
        request.close()

    async def main() -> None:
        ended = asyncio.Event()

        async def background() -> None:
            await ended.wait()
            with observe("background"):
                pass

        with ExitStack() as request:
            request.enter_context(observe("request"))
            task = asyncio.create_task(background())
            if ended_elsewhere:
                await asyncio.create_task(close(request))
                assert next_parent(captured) is None
        ended.set()
        await task

    asyncio.run(main())

    parent = captured.span("background").parent
    assert parent is not None
    assert parent.span_id == captured.span("request").context.span_id


# -- a full stack ------------------------------------------------------------------------------------------------------


def _deep_function() -> None:
    @observe("deep")
    def deep(n: int) -> int:
        return deep(n + 1)

    deep(0)


def _deep_block() -> None:
    def deep(n: int) -> int:
        with observe("deep"):
            return deep(n + 1)

    deep(0)


def _deep_generator() -> None:
    @observe("deep")
    def deep(n: int) -> Generator[int, None, None]:
        yield from deep(n + 1)

    next(deep(0))


def _deep_coroutine() -> None:
    @observe("deep")
    async def deep(n: int) -> int:
        return await deep(n + 1)

    deep(0).send(None)


@pytest.mark.parametrize("call", [_deep_function, _deep_block, _deep_generator, _deep_coroutine])
def test_a_recursion_without_end_leaves_nothing(captured: Captured, call: Callable[[], None]) -> None:
    """The program catches its own RecursionError: nothing is active or current, at any depth at which the stack is full."""
    limit = sys.getrecursionlimit()
    depth = len(inspect.stack(0))
    for room in range(60, 64):  # a run takes two or three frames, so that the stack is full at each of its calls
        sys.setrecursionlimit(depth + room)
        try:
            with pytest.raises(RecursionError):
                call()
        finally:
            sys.setrecursionlimit(limit)
        assert not current()

    assert captured.values("csg.operation.active", NAME)["deep"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_an_interruption_before_the_span_is_current_passes(
    captured: Captured, kind: Callable[[Callable[[], None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal handler that raises at the first instruction of ``attach()`` leaves nothing current, and the run ends."""

    def interrupted(_self: Operation) -> None:
        raise KeyboardInterrupt

    with observe("outer"):
        with monkeypatch.context() as patch:
            patch.setattr(Operation, "attach", interrupted)
            with pytest.raises(KeyboardInterrupt):
                kind(leave_empty)
        with observe("next"):
            pass

    assert captured.span("next").parent == captured.span("outer").context
    assert captured.span("run").end_time
