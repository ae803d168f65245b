"""One span and one measurement for every kind of callable, with the true duration and the true error."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import threading
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, StatusCode

from csg_otel.errors import InstrumentError
from csg_otel.operations import observe
from support.capture import Captured
from support.programs import Program

DURATION = "csg.operation.duration"
NAME = "csg.operation.name"
TICK_S = 0.05


class Boom(Exception):
    """An error of the program."""


def took_s(captured: Captured, name: str) -> float:
    """Return the measured duration of the one run of *name*, after checking that its span says the same."""
    span = captured.span(name)
    (point,) = [point for point in captured.points(DURATION) if point.attributes[NAME] == name]
    assert point.count == 1
    assert span.start_time is not None
    assert span.end_time is not None
    assert (span.end_time - span.start_time) / 1e9 == pytest.approx(point.sum, abs=1e-6)
    measured: float = point.sum
    return measured


def error_type(captured: Captured, name: str) -> str | None:
    """Return the error type of the one run of *name*, after checking that span and measurement agree."""
    span = captured.span(name)
    (point,) = [point for point in captured.points(DURATION) if point.attributes[NAME] == name]
    found: str | None = point.attributes.get("error.type")
    assert (span.attributes or {}).get("error.type") == found
    assert (span.status.status_code is StatusCode.ERROR) is (found is not None)
    return found


def here() -> int:
    """Return the id of the span that is current."""
    return trace.get_current_span().get_span_context().span_id


# -- functions and coroutines -----------------------------------------------------------------------------------------


def test_a_function_is_measured_and_nested_calls_are_children(captured: Captured) -> None:
    """The duration is that of the call, and what it calls is a child."""

    @observe("inner")
    def inner() -> None:
        time.sleep(TICK_S)

    @observe("outer")
    def outer() -> str:
        inner()
        return "done"

    assert outer() == "done"
    assert took_s(captured, "inner") >= TICK_S
    parent = captured.span("inner").parent
    assert parent is not None
    assert parent.span_id == captured.span("outer").context.span_id
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_coroutine_is_measured_until_it_ends(captured: Captured) -> None:
    """Awaiting counts; concurrent runs don't become each other's children."""

    @observe("work")
    async def work() -> int:
        await asyncio.sleep(TICK_S)
        return here()

    async def main() -> list[int]:
        return list(await asyncio.gather(work(), work()))

    spans = asyncio.run(main())

    assert len(set(spans)) == 2
    (point,) = captured.points(DURATION)
    assert point.count == 2
    assert point.min >= TICK_S * 0.9
    assert all(span.parent is None for span in captured.spans)


def test_an_exception_is_counted_by_its_type_and_goes_on(captured: Captured) -> None:
    """The caller gets the very exception; the span has its stack."""
    error = Boom("no")

    @observe("fails")
    def fails() -> None:
        raise error

    with pytest.raises(Boom) as caught:
        fails()

    assert caught.value is error
    assert error_type(captured, "fails") == "Boom"
    (event,) = captured.span("fails").events
    assert "raise error" in str((event.attributes or {})["exception.stacktrace"])


def test_cancellation_is_seen_with_the_time_until_then(captured: Captured) -> None:
    """A cancelled coroutine took as long as it ran, and says so."""

    @observe("cancelled")
    async def cancelled() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.ensure_future(cancelled())
        await asyncio.sleep(0)  # it begins: on a busy machine, the time until then is long
        await asyncio.sleep(TICK_S)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())

    assert TICK_S * 0.9 <= took_s(captured, "cancelled") < 50
    assert error_type(captured, "cancelled") == "CancelledError"


def test_a_clean_exit_is_no_error(captured: Captured) -> None:
    """``sys.exit()`` ends an operation without failing it; another code fails it."""
    for name, code in (("clean", 0), ("failed", 3)):
        with pytest.raises(SystemExit), observe(name):
            raise SystemExit(code)

    assert error_type(captured, "clean") is None
    assert error_type(captured, "failed") == "SystemExit"


# -- generators -------------------------------------------------------------------------------------------------------


def test_a_generator_is_measured_from_the_first_step_to_the_end(captured: Captured) -> None:
    """Values sent, the value returned and the consumer's time are all there; nothing starts before the first step."""

    @observe("counting")
    def counting() -> Generator[int, str, str]:
        got = yield 1
        got += yield 2
        return got

    generator = counting()
    assert captured.spans == []
    assert next(generator) == 1
    time.sleep(TICK_S)
    assert generator.send("a") == 2
    with pytest.raises(StopIteration) as stop:
        generator.send("b")

    assert stop.value.value == "ab"
    assert took_s(captured, "counting") >= TICK_S
    assert error_type(captured, "counting") is None


def test_nothing_stays_attached_while_a_generator_waits(captured: Captured) -> None:
    """The span is current in the generator's own code and not in its consumer's."""

    @observe("steps")
    def steps() -> Generator[int, None, None]:
        yield here()
        yield here()

    outside = context.get_current()
    inside = []
    for span_id in steps():
        inside.append(span_id)
        assert context.get_current() is outside

    assert inside == [captured.span("steps").context.span_id] * 2


def test_leaving_a_generator_early_is_no_error(captured: Captured) -> None:
    """``break`` ends the operation at once, after the generator's own cleaning up."""
    cleaned = []

    @observe("early")
    def early() -> Generator[int, None, None]:
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(here())

    for _ in early():
        break
    gc.collect()

    assert error_type(captured, "early") is None
    assert cleaned == [captured.span("early").context.span_id]


def test_an_exception_thrown_into_a_generator_is_its_to_handle(captured: Captured) -> None:
    """One it handles is no error; one it lets pass is."""

    @observe("patient")
    def patient() -> Generator[str, None, None]:
        try:
            yield "first"
        except Boom:
            yield "handled"

    generator = patient()
    next(generator)
    assert generator.throw(Boom()) == "handled"
    with pytest.raises(KeyError):
        generator.throw(KeyError("x"))

    assert error_type(captured, "patient") == "KeyError"


def test_an_async_generator_passes_asend_and_athrow(captured: Captured) -> None:
    """Values and exceptions sent in arrive, and the duration spans all steps."""

    @observe("stream")
    async def stream() -> AsyncGenerator[str, str]:
        got = yield "ready"
        await asyncio.sleep(TICK_S)
        try:
            yield got.upper()
        except Boom:
            yield "handled"

    async def main() -> list[str]:
        generator = stream()
        return [
            await anext(generator),
            await generator.asend("x"),
            await generator.athrow(Boom()),
            *[i async for i in generator],
        ]

    assert asyncio.run(main()) == ["ready", "X", "handled"]
    assert took_s(captured, "stream") >= TICK_S * 0.9
    assert error_type(captured, "stream") is None


def test_leaving_an_async_generator_early_closes_it(captured: Captured) -> None:
    """``aclose`` runs the generator's cleaning up, awaits in it included, inside the operation."""
    cleaned = []

    @observe("early")
    async def early() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            cleaned.append(here())

    async def main() -> None:
        generator = early()
        async for _ in generator:
            break
        await generator.aclose()

    asyncio.run(main())

    assert cleaned == [captured.span("early").context.span_id]
    assert error_type(captured, "early") is None


def test_an_async_generator_may_be_driven_by_several_tasks(captured: Captured) -> None:
    """Each step runs in another task; nothing stays attached in any, and nothing is logged about tokens."""

    @observe("handed-over")
    async def handed_over() -> AsyncGenerator[int, None]:
        yield here()
        yield here()

    async def step(generator: AsyncGenerator[int, None]) -> tuple[int, int]:
        return await anext(generator), here()

    async def main() -> list[tuple[int, int]]:
        generator = handed_over()
        found = [await asyncio.ensure_future(step(generator)) for _ in range(2)]
        await asyncio.ensure_future(generator.aclose())
        return found

    span_ids = asyncio.run(main())

    assert span_ids == [(captured.span("handed-over").context.span_id, 0)] * 2


def test_a_cancelled_step_ends_an_async_generator(captured: Captured) -> None:
    """Cancellation inside a step is the operation's end and its error."""

    @observe("hanging")
    async def hanging() -> AsyncGenerator[int, None]:
        await asyncio.sleep(60)
        yield 1

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(hanging()), TICK_S)

    asyncio.run(main())

    assert error_type(captured, "hanging") == "CancelledError"


# -- classes and methods ----------------------------------------------------------------------------------------------


def test_methods_of_every_kind_are_observed_in_either_order(captured: Captured) -> None:
    """``staticmethod`` and ``classmethod`` stay what they are, above or below the decorator."""

    class Service:
        @observe
        def plain(self) -> str:
            return "plain"

        @observe
        @staticmethod
        def above() -> str:
            return "above"

        @staticmethod
        @observe
        def below() -> str:
            return "below"

        @observe
        @classmethod
        def of_class(cls) -> str:
            return cls.__name__

    service = Service()

    assert [service.plain(), service.above(), Service.below(), Service.of_class()] == [
        "plain",
        "above",
        "below",
        "Service",
    ]
    assert {span.name for span in captured.spans} == {
        "Service.plain",
        "Service.above",
        "Service.below",
        "Service.of_class",
    }


def test_a_class_has_its_public_methods_observed(captured: Captured) -> None:
    """Private and inherited methods and properties are left alone; a method observed already is not observed twice."""

    class Base:
        def inherited(self) -> None: ...

    @observe
    class Job(Base):
        def run(self) -> int:
            self._private()
            return self.size

        @observe("special")
        def other(self) -> None: ...

        @property
        def size(self) -> int:
            return 3

        def _private(self) -> None: ...

    job = Job()
    job.inherited()
    job.other()

    assert job.run() == 3
    assert [span.name for span in captured.spans] == ["special", "Job.run"]
    assert isinstance(job, Job)


def test_partials_and_callable_objects_are_observed(captured: Captured) -> None:
    """What has no name of its own goes by what it calls."""

    class Callee:
        async def __call__(self) -> str:
            return "called"

    def add(a: int, b: int) -> int:
        return a + b

    assert observe(functools.partial(add, 1))(2) == 3
    assert asyncio.run(observe(Callee())()) == "called"
    assert [span.name for span in captured.spans] == ["add", "Callee"]


def test_the_kind_and_signature_stay() -> None:
    """Frameworks that look at a function see the same kind, name, document and parameters."""

    async def coroutine(a: int, *, b: str = "x") -> None:
        """Do something."""

    async def async_generator() -> AsyncGenerator[int, None]:
        yield 1

    def generator() -> Generator[int, None, None]:
        yield 1

    observed = observe(coroutine)
    assert inspect.iscoroutinefunction(observed)
    assert inspect.signature(observed) == inspect.signature(coroutine)
    assert (observed.__name__, observed.__doc__) == ("coroutine", "Do something.")
    assert inspect.isasyncgenfunction(observe(async_generator))
    assert inspect.isgeneratorfunction(observe(generator))


# -- options ----------------------------------------------------------------------------------------------------------


def test_a_wrong_call_raises_at_once(captured: Captured) -> None:
    """Servers tell an application from its factory by calling it without arguments; nothing may look like a run."""
    marker = object()

    @observe
    async def application(scope: Any, /, receive: Any, *rest: Any, send: Any = marker, **more: Any) -> Any:
        return scope, receive, rest, send, more

    @observe
    def numbers(first: int, *, last: int = 3) -> Any:
        yield from range(first, last)

    @observe
    async def plain(only: Any, /) -> Any:
        return only

    wrong_calls: Any = (application, numbers, plain, lambda: numbers(1, 2), lambda: application(scope=1))  # type: ignore[call-arg]
    for wrong in wrong_calls:
        with pytest.raises(TypeError):
            wrong()

    assert captured.spans == []
    assert asyncio.run(application(1, 2)) == (1, 2, (), marker, {})
    assert asyncio.run(application(1, 2, 3, send=4, x=5)) == (1, 2, (3,), 4, {"x": 5})
    assert asyncio.run(plain(1)) == 1
    assert list(numbers(1)) == [1, 2]


def test_attributes_go_on_both_and_arguments_on_the_span(captured: Captured) -> None:
    """Declared attributes make series; captured arguments, defaults included, don't."""

    @observe("order", {"channel": "web"}, args=("order_id", "currency"), kind="consumer")
    def order(order_id: int, amount: float, currency: str = "EUR") -> None: ...

    order(17, amount=2.5)

    span = captured.span("order")
    attributes = dict(span.attributes or {})
    assert str(attributes.pop("code.function.name")).endswith("order")
    assert attributes == {NAME: "order", "channel": "web", "order_id": 17, "currency": "EUR"}
    assert span.kind is SpanKind.CONSUMER
    (point,) = captured.points(DURATION)
    assert dict(point.attributes) == {NAME: "order", "channel": "web"}


def test_ignored_and_judged_exceptions(captured: Captured) -> None:
    """``ignore`` names what is no failure; ``count_as_error`` decides about the rest, and may itself fail."""
    for name, options in {
        "ignored": {"ignore": (Boom,)},
        "judged": {"count_as_error": lambda error: "minor" not in str(error)},
    }.items():
        with pytest.raises(Boom), observe(name, **options):  # type: ignore[arg-type]
            raise Boom("minor")

    assert error_type(captured, "ignored") is None
    assert error_type(captured, "judged") is None


def test_an_objective_counts_runs_as_met_or_missed(captured: Captured) -> None:
    """A run that is too slow or fails is missed."""
    timer = observe("timed", objective=60)
    with timer:
        pass
    with observe("timed", objective=TICK_S):
        time.sleep(TICK_S * 1.2)
    with pytest.raises(Boom), timer:
        raise Boom

    assert sorted((p.attributes["csg.operation.objective"], p.count) for p in captured.points(DURATION)) == [
        ("met", 1),
        ("missed", 1),
        ("missed", 1),
    ]


def test_a_mistake_in_a_decoration_raises_at_once() -> None:
    """Unknown arguments, kinds and things that can't be called are refused with a suggestion."""

    def order(order_id: int) -> None: ...

    with pytest.raises(InstrumentError, match=r"'ordr_id'.*did you mean 'order_id'"):
        observe(args=("ordr_id",))(order)
    with pytest.raises(InstrumentError, match=r"'clint'.*did you mean 'client'"):
        observe("x", kind="clint")  # type: ignore[call-overload]
    with pytest.raises(InstrumentError, match=r"unknown option 'objectve' \(did you mean 'objective'\?\)"):
        observe("x", objectve=1)  # type: ignore[call-overload]
    with pytest.raises(InstrumentError, match="not callable"):
        observe(3)  # type: ignore[call-overload]
    with pytest.raises(InstrumentError, match="needs a name"), observe():
        pass


# -- blocks -----------------------------------------------------------------------------------------------------------


def test_a_block_gives_the_operation(captured: Captured) -> None:
    """Attributes set in it go on the span, and on the measurement where they were declared."""
    with observe("process_file", {"file.type": "unknown"}) as operation:
        operation.set_attribute("file.type", "vtt")
        operation.set_attribute("file.segments", 812)
        operation.add_event("parsed", {"cues": 3})
        operation.set_error("bad_header")

    attributes = captured.span("process_file").attributes or {}
    assert (attributes["file.type"], attributes["file.segments"]) == ("vtt", 812)
    assert [event.name for event in captured.span("process_file").events] == ["parsed"]
    (point,) = captured.points(DURATION)
    assert dict(point.attributes) == {NAME: "process_file", "file.type": "vtt", "error.type": "bad_header"}


def test_one_block_object_serves_threads_and_nesting(captured: Captured) -> None:
    """A shared object keeps its runs apart."""
    shared = observe("shared")

    def work() -> None:
        for _ in range(50):
            with shared as outer, shared as inner:
                assert here() == inner.span.get_span_context().span_id
            assert here() == 0, outer

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (point,) = captured.points(DURATION)
    assert point.count == 400
    assert sum(span.parent is None for span in captured.spans) == 200
    assert captured.values("csg.operation.active", NAME)["shared"] == 0


def test_a_block_in_a_generator_may_end_elsewhere(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """An async generator closed by another task ends its block without a word in the log."""

    async def stream() -> AsyncGenerator[int, None]:
        with observe("inside"):
            yield 1

    async def main() -> None:
        generator = stream()
        await asyncio.ensure_future(anext(generator))
        await asyncio.ensure_future(generator.aclose())

    asyncio.run(main())

    assert captured.span("inside").end_time
    assert caplog.records == []


def test_operations_under_way_are_counted(captured: Captured) -> None:
    """``csg.operation.active`` shows what has begun and not ended."""
    with observe("busy"), observe("busy"):
        assert captured.values("csg.operation.active", NAME)["busy"] == 2

    assert captured.values("csg.operation.active", NAME)["busy"] == 0


def test_hostile_values_never_reach_the_program(captured: Captured) -> None:
    """Whatever is set as an attribute, the program goes on and the span is exported."""

    class Rude:
        def __str__(self) -> str:
            raise RuntimeError("no")

    values: list[Any] = [Rude(), float("nan"), 2**70, b"\xff", "\ud800", ["a", 1], None, {"k": 1}, "x" * 5000]
    with observe("hostile", {"given": Rude()}) as operation:
        for number, value in enumerate(values):
            operation.set_attribute(f"value.{number}", value)
            operation.set_attribute(Rude(), value)  # type: ignore[arg-type]

    attributes = captured.span("hostile").attributes or {}
    assert attributes["given"] == "<Rude>"
    assert len(str(attributes["value.8"])) == 1024


def test_before_instrument_nothing_happens_and_nothing_breaks() -> None:
    """Without an SDK the callable runs as it is."""

    @observe
    def double(n: int) -> int:
        return 2 * n

    assert double(21) == 42


def test_what_was_counted_before_instrument_is_not_exported(tmp_path: Path) -> None:
    """As with an instrument of OpenTelemetry: work, files and look-ups count from the call of instrument() on."""
    source = """
    import csg_otel
    orders = csg_otel.cache("orders")

    @csg_otel.observe
    def work():
        orders.hit()
        csg_otel.file_processed("vtt")

    work()
    with csg_otel.instrument("shop", exporters=["prometheus"]) as telemetry:
        work()
        work()
        rows = telemetry.metrics_snapshot()["metrics"]
    for name in ("csg.operation.work.finished", "csg.files.processed", "csg.cache.requests"):
        print(name, sum(row["value"] for row in rows if row["name"] == name))
    """
    with Program(source, tmp_path) as program:
        assert program.wait() == 0
        counted = [program.line().split() for _ in range(3)]

    assert counted == [
        [name, "2"] for name in ("csg.operation.work.finished", "csg.files.processed", "csg.cache.requests")
    ]


@pytest.mark.parametrize(
    "ignore", [Boom, [Boom], (Boom, KeyError), {Boom}, iter([Boom]), (KeyError, (OSError, (Boom,)))]
)
def test_one_or_several_names_and_exceptions(captured: Captured, ignore: Any) -> None:
    """One argument's name and one exception need no sequence around them, and any iterable will do, read once."""

    @observe("order", args="order_id", ignore=ignore)
    def order(order_id: int) -> None:
        raise Boom

    for _ in range(2):
        with pytest.raises(Boom):
            order(3)

    assert [span.status.status_code for span in captured.spans] == [StatusCode.UNSET] * 2
    assert [(span.attributes or {})["order_id"] for span in captured.spans] == [3, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"ignore": "KeyError"},
            r"ignore contains 'KeyError', which is no exception's class: write ignore=\[KeyError\]",
        ),
        ({"ignore": KeyError()}, "ignore=KeyError.* is no list of exceptions"),
        ({"ignore": [int]}, "ignore contains .*int.*, which is no exception's class"),
        ({"ignore": None}, "ignore=None is no list of exceptions"),
        ({"args": None}, r"args=None is no list of names: write \(\) for none"),
        ({"args": "a, b"}, r"args contains 'a, b', which is not one name: write \['a', 'b'\]"),
        ({"args": b"a"}, "args=b'a' is no list of names"),
        ({"attributes": "channel"}, "attributes='channel' is no mapping"),
        ({"attributes": ["channel"]}, r"attributes=\['channel'\] is no mapping"),
    ],
)
def test_options_of_another_form_are_refused(options: dict[str, Any], message: str) -> None:
    """They would lose data without a word, or raise where nobody expects it; the message shows what to write."""
    with pytest.raises(InstrumentError, match=f"^observe: {message}"):
        observe("run", **options)
