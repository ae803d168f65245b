"""
Where the time of a recorded call goes, by its parts: ``PYTHONPATH=tests python -m bench.parts``.

Each part runs by itself, many times, on objects like those of a call; an empty loop is subtracted. The sum is less than the
call, because a loop that does one thing finds everything in the processor's caches. Then the bytecodes that each function runs:
no other program disturbs these.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

from opentelemetry.context import Context

import csg_otel
from bench.__main__ import sink
from csg_otel._compat_context import SPAN_KEY, attach, current
from csg_otel.operations import work
from csg_otel.operations.definition import OperationDefinition

_ROUNDS, _RUNS = 25, 400


def _microseconds(make: Callable[[], Any], use: Callable[[Any], Any]) -> float:
    """Return the least time of *use* for a result of *make*, in microseconds."""
    least = float("inf")
    for _ in range(_ROUNDS):
        items = [make() for _ in range(_RUNS)]
        time.sleep(0.02)  # the exporters empty their queues
        begun = time.thread_time()
        for item in items:
            use(item)
        least = min(least, time.thread_time() - begun)
    return least / _RUNS * 1e6


_Part = tuple[str, Callable[[], Any], Callable[[Any], Any]]
"""A name, a function that makes an object, and one that runs the part on it."""


def _nothing() -> None:
    """Make no object."""


def _parts(call: Callable[[], None], definition: OperationDefinition) -> list[_Part]:
    fittings: Any = definition._fittings
    attributes = definition.on_span
    outer, series = current(), fittings.durations[""]
    ended = definition.begin()
    ended.end()
    processors: Any = ended.span._span_processor._span_processors[0]

    def begin() -> Any:
        return definition.begin()

    def start() -> Any:
        return fittings.start_span(outer, attributes, 5)

    def there_and_back(run: Any) -> None:
        run.attach()
        run.detach()

    return [
        ("the whole call", _nothing, lambda _: call()),
        ("beginning: all of it", _nothing, lambda _: definition.begin()),
        (
            "  span: ids, context of the span, counts, fields",
            _nothing,
            lambda _: fittings.start_span(outer, attributes, 5),
        ),
        ("  piece of work of the business metrics", _nothing, lambda _: work.begin(outer, is_file=False)),
        ("  context with the span and the piece", _nothing, lambda _: Context({**outer, SPAN_KEY: 1, work.KEY: 2})),
        ("  count of active runs", _nothing, lambda _: fittings.active.began.increment()),
        ("making it current, and back", begin, there_and_back),
        ("  the variable of the context, set twice", _nothing, lambda _: (attach(outer), attach(outer))),
        ("end: all of it", begin, lambda run: run.end()),
        (
            "  measurement of the duration, with its exemplar",
            _nothing,
            lambda _: series.keep(0.1, ended.span._context, outer),
        ),
        (
            "  piece of work, counted",
            lambda: work.begin(outer, is_file=False),
            lambda piece: piece.end(0.1, failed=False),
        ),
        ("  end of the span", start, lambda span: span.end(7)),
        ("    hand-over to the queues", _nothing, lambda _: processors.pass_on(ended.span, sampled=1)),
    ]


def _bytecodes(call: Callable[[], None]) -> Counter[str]:
    """Return the bytecodes that one *call* runs, by function."""
    counts: Counter[str] = Counter()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        frame.f_trace_opcodes = True
        if event == "opcode":
            counts[f"{frame.f_globals['__name__']}: {frame.f_code.co_name}"] += 1
        return trace

    sys.settrace(trace)
    call()
    sys.settrace(None)
    return counts


def main() -> None:
    """Print each part with its microseconds, and each function with its bytecodes."""
    with sink() as url:
        destination = {"name": "sink", "endpoint": url, "protocol": "http/protobuf"}
        config = {
            "exporters": {"console": {"enabled": "false"}, "otlp": [destination]},
            "system_monitoring": {"enabled": False, "prometheus": {"enabled": False}},
            "health_monitoring": {"enabled": False},
        }
        with csg_otel.instrument(config=config):
            observed = csg_otel.observe("work", {"a": "x", "b": 1, "c": True})

            @observed
            def call() -> None:
                """Do nothing."""

            call()
            call()
            definition = next(
                cell.cell_contents
                for cell in call.__closure__ or ()
                if isinstance(cell.cell_contents, OperationDefinition)
            )
            empty = _microseconds(lambda: None, lambda _: None)
            for name, make, use in _parts(call, definition):
                print(f"{name:<52} {max(0.0, _microseconds(make, use) - empty):6.2f} us")
            counts = _bytecodes(call)
            print(f"\n{sum(counts.values())} bytecodes in {len(counts)} functions")
            for name, count in counts.most_common():
                print(f"{name:<60} {count:4}")


if __name__ == "__main__":
    main()
