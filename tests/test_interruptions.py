"""An exception that a signal handler of the program raises inside telemetry reaches the program; faults of values do not."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import _logs, metrics, trace

import csg_otel
from csg_otel import attributes, faults, scope
from csg_otel.config.sections.health_monitoring import HealthMonitoring
from csg_otel.health import Check, HealthRegistry
from csg_otel.metrics.readings import Readings
from csg_otel.pipeline.safe_spans import make_safe
from csg_otel.status import HealthStatus
from support.capture import Captured
from support.programs import Program

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="the platform has no SIGUSR1")


class TimeLimitError(Exception):
    """What a soft time limit raises."""


class Value:
    """A value of the program; while telemetry reads it, the time limit comes, or it raises by itself."""

    def __init__(self, raises: Callable[[], object]) -> None:
        self._raises = raises

    def _raise(self, *_: object) -> Any:
        self._raises()
        return "text"

    __str__ = __repr__ = __float__ = __iter__ = __getitem__ = __hash__ = __eq__ = _raise


def _on_signal(*_: object) -> None:
    raise TimeLimitError


def _with_frame(_note: str, number: int, frame: object) -> None:
    raise TimeLimitError(number, frame)


@pytest.fixture(params=[_on_signal, partial(_with_frame, "note")], ids=["function", "partial"])
def limit(request: pytest.FixtureRequest) -> Iterator[Value]:
    """A value during whose conversion the time limit comes."""
    before = signal.signal(signal.SIGUSR1, request.param)
    yield Value(lambda: signal.raise_signal(signal.SIGUSR1))
    signal.signal(signal.SIGUSR1, before)


@csg_otel.observe("observed", args=("value",))
def observed(value: object) -> None:
    """Work with a value."""


def _set_on_span(value: object) -> None:
    with trace.get_tracer("test").start_as_current_span("span") as span:
        make_safe(span)
        span.set_attribute("key", value)  # type: ignore[arg-type]


USES: dict[str, Callable[[Any], object]] = {
    "attribute": attributes.value,
    "attributes": attributes.clean,
    "observe": observed,
    "span": _set_on_span,
    "counter": lambda value: metrics.get_meter("test").create_counter("c").add(1, {"key": value}),
    "number": lambda value: csg_otel.gauge("limit.gauge").set(value),
    "event": lambda value: csg_otel.event("limit", {"key": value}),
    "reading": lambda value: Readings().take("test", value.__iter__, None),
    "record": lambda value: _logs.get_logger("test").emit(_logs.LogRecord(attributes=value)),
}


@pytest.fixture(autouse=True)
def _lenient(captured: Captured) -> None:
    """Contain faults as in a program; the capture makes them raise, and ends with this again."""
    faults.strict = False


@pytest.mark.parametrize("use", USES)
def test_a_time_limit_reaches_the_program(use: str, limit: Value) -> None:
    """It may come while telemetry formats a value; whoever set it has to see it."""
    with pytest.raises(TimeLimitError):
        USES[use](limit)
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize("use", USES)
def test_a_fault_of_a_value_does_not(use: str) -> None:
    """A value whose methods raise costs the program nothing."""

    def fail() -> None:
        raise TimeLimitError

    USES[use](Value(fail))


def test_a_time_limit_in_a_check_on_the_programs_thread_reaches_the_program(limit: Value) -> None:
    """``inline`` checks run on the thread that asks for them; the run has failed, and the next one takes place."""
    registry, raises = HealthRegistry(HealthMonitoring()), [True, False]
    registry.register(Check(name="inline", function=lambda: bool(str(limit)) if raises.pop(0) else True, inline=True))

    with pytest.raises(TimeLimitError):
        registry.run_all()
    assert registry.run("inline").status is HealthStatus.HEALTHY


def test_a_time_limit_while_a_provider_is_loaded_reaches_the_program(limit: Value) -> None:
    """It is no error of the provider, so nothing is loaded a second time."""
    loads: list[str] = []

    def load() -> str:
        loads.append("provider")
        return str(limit)

    with pytest.raises(TimeLimitError):
        scope.provided(load)
    assert loads == ["provider"]


PROGRAM = """
import csg_otel, logging, signal, sys, time
from opentelemetry import context, trace
csg_otel.instrument("s", exporters=["prometheus", "otlp+http://127.0.0.1:9"], exporters__spool__enabled=False)
logging.getLogger().addHandler(logging.NullHandler())
done = csg_otel.counter("done", attributes=("kind",))
tracer = trace.get_tracer("program")

class TimeLimit(Exception):
    pass

def on_alarm(*_):
    global fired
    fired += 1
    raise TimeLimit

@csg_otel.observe("work")
def work():
    done.add(1, {"kind": "a"})
    with tracer.start_as_current_span("inner") as span, csg_otel.observe("block"):
        span.set_attribute("key", "value")
        logging.getLogger("work").warning("text")

def until_fired(before):  # a loop in `try` itself: some of its instructions are outside of the block for Python 3.13
    while fired == before:
        work()

fired = reached = stuck = 0
signal.signal(signal.SIGALRM, on_alarm)
while fired < 400:
    before = fired
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.002)
        until_fired(before)
    except TimeLimit:
        reached += 1
    if trace.get_current_span().get_span_context().is_valid:
        stuck += 1
        context.attach(context.Context())
print("of", fired, reached, stuck, flush=True)
"""


def test_time_limits_at_any_instruction_reach_the_program(tmp_path: Path) -> None:
    """Of 400, at random instructions of observed work, nearly all: destructors of the interpreter swallow some."""
    with Program([sys.executable, "-c", PROGRAM], tmp_path) as running:
        fired, reached, stuck = map(int, running.line_with(r"^of (\d+) (\d+) (\d+)").groups())

    assert reached >= 0.97 * fired
    assert stuck <= 0.03 * fired


COLLECTING = """
import csg_otel, gc, signal, sys
csg_otel.instrument("s", exporters=["prometheus"])
dropped = []
sys.unraisablehook = dropped.append

def on_alarm(*_):
    global fired
    fired += 1
    raise TimeoutError

def until_fired(before):
    while fired == before:
        gc.collect()

fired = reached = 0
signal.signal(signal.SIGALRM, on_alarm)
while fired < 100:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.003)
        until_fired(fired)
    except TimeoutError:
        reached += 1
print("of", fired, reached, len(dropped), len(gc.callbacks), flush=True)
"""


def test_time_limits_during_garbage_collections_reach_the_program(tmp_path: Path) -> None:
    """All of them: the collector calls telemetry, and drops what is raised there."""
    with Program([sys.executable, "-c", COLLECTING], tmp_path) as running:
        fired, reached, dropped, callbacks = map(int, running.line_with(r"^of (\d+) (\d+) (\d+) (\d+)").groups())

    assert callbacks
    assert (reached, dropped) == (fired, 0)
